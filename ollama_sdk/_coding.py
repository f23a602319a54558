"""Decodes compressed bodies in slices, so that a reader can stop before a decompression bomb fills the memory.

A megabyte of gzip may expand to a gigabyte. Each step therefore makes :data:`SLICE` bytes at most, and only when the reader asks
for it, so that the reader can count bytes and stop. Not all libraries for Brotli and Zstandard can be bounded like that; they get
so few bytes at once that one step makes a few megabytes at most.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from ._bodies import Body
from .errors import DecodeError, decoded_headers, describe_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["SLICE", "CodingError", "DecodedBody", "Decompressor", "decode_body", "decoder_of"]

SLICE = 65536  # the most bytes that one step makes
_LITTLE = 64  # the most bytes that an unbounded library gets at once
_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's window bits, which select the format


class CodingError(Exception):
    """A body is not encoded as its Content-Encoding says."""


class Decompressor(Protocol):
    """Decodes one body."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decode the next bytes, in slices.

        Raises:
            CodingError: The bytes are not in the announced format.
        """
        ...

    def end(self) -> None:
        """Check that the body is complete.

        Raises:
            CodingError: The data ends too early.
        """
        ...


class _Zlib:
    def __init__(self, name: str, bits: int) -> None:
        self._name = name
        self._inner = zlib.decompressobj(bits)
        self._bits = bits
        self._has_begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inner.eof:  # another member of a gzip file, or padding
                if self._bits != _GZIP or data[:1] != b"\x1f":
                    return
                self._inner = zlib.decompressobj(self._bits)
            piece = self._decode(data)
            self._has_begun = True
            while piece:
                yield piece
                rest = self._inner.unconsumed_tail
                piece = self._decode(rest) if rest or len(piece) == SLICE else b""
            data = self._inner.unused_data

    def _decode(self, data: bytes) -> bytes:
        try:
            return self._inner.decompress(data, SLICE)
        except zlib.error as exc:
            if self._bits == _ZLIB and not self._has_begun:  # many servers send raw deflate data as "deflate"
                self._bits, self._has_begun = _RAW, True
                self._inner = zlib.decompressobj(_RAW)
                return self._decode(data)
            raise CodingError(f"the data is not {self._name}: {exc}") from None

    def end(self) -> None:
        if self._has_begun and not self._inner.eof:
            raise CodingError(f"the {self._name} data ends too early")


class _Library:
    """Decodes with any library, whose errors are not known."""

    def __init__(self, name: str, decode: Callable[[bytes], Iterator[bytes]], is_over: Callable[[], bool]) -> None:
        self._name = name
        self._decode = decode
        self._is_over = is_over

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _LITTLE):
            pieces = self._decode(data[start : start + _LITTLE])
            while (piece := self._next(pieces)) is not None:
                yield piece

    def _next(self, pieces: Iterator[bytes]) -> bytes | None:
        try:
            return next(pieces, None)
        except Exception as exc:  # noqa: BLE001 - each library raises its own errors
            raise CodingError(f"the data is not {self._name}: {exc}") from None

    def end(self) -> None:
        if not self._is_over():
            raise CodingError(f"the {self._name} data ends too early")


class _Chain:
    """Undoes several codings, the last one first."""

    def __init__(self, decoders: list[Decompressor]) -> None:
        self._first, *rest = decoders
        self._rest = _Chain(rest) if rest else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        pieces = self._first.feed(data)
        if self._rest is None:
            yield from pieces
            return
        for piece in pieces:
            yield from self._rest.feed(piece)

    def end(self) -> None:
        self._first.end()
        if self._rest is not None:
            self._rest.end()


def _brotli() -> Decompressor:
    try:
        library: Any = import_module("brotli")
    except ImportError:
        library = import_module("brotlicffi")
    inner: Any = library.Decompressor()
    process: Any = inner.process if hasattr(inner, "process") else inner.decompress
    if not hasattr(inner, "can_accept_more_data"):  # an older version, which cannot be bounded
        return _Library("br", lambda data: iter((process(data),)), inner.is_finished)

    def decode(data: bytes) -> Iterator[bytes]:
        yield process(data, output_buffer_limit=SLICE)
        while not (inner.can_accept_more_data() or inner.is_finished()):
            yield process(b"", output_buffer_limit=SLICE)

    return _Library("br", decode, inner.is_finished)


def _zstandard() -> Decompressor:
    library: Any = import_module("zstandard")
    inner: Any = library.ZstdDecompressor().decompressobj()

    def decode(data: bytes) -> Iterator[bytes]:
        yield b"" if inner.eof else inner.decompress(data)

    return _Library("zstd", decode, lambda: inner.eof)


_CODINGS: dict[str, Callable[[], Decompressor]] = {
    "gzip": lambda: _Zlib("gzip", _GZIP),
    "x-gzip": lambda: _Zlib("gzip", _GZIP),
    "deflate": lambda: _Zlib("deflate", _ZLIB),
    "br": _brotli,
    "zstd": _zstandard,
}


def decoder_of(header: str) -> Decompressor | None:
    """Make the decoder for a Content-Encoding header; ``None`` if the body is not encoded.

    Raises:
        CodingError: A coding is unknown, or its library is not installed.
    """
    names = [name.strip().lower() for name in header.split(",")]
    decoders: list[Decompressor] = []
    for name in reversed([name for name in names if name not in {"", "identity"}]):
        try:
            decoders.append(_CODINGS[name]())
        except (KeyError, ImportError):
            raise CodingError(f"the coding {name[:20]!r} was not asked for and cannot be decoded here") from None
    return _Chain(decoders) if decoders else None


def decode_body(response: httpx.Response, request: httpx.Request) -> None:
    """Decode the body of a response as it is read, and remove the headers that describe its encoded form."""
    response.stream = DecodedBody(response.stream, request, response.headers["content-encoding"])
    response.headers = httpx.Headers(decoded_headers(response.headers))


class DecodedBody(Body):
    """A compressed body, decoded in slices as it is read.

    Args:
        inner: The encoded body.
        request: The request, for errors.
        header: The Content-Encoding.
    """

    def __init__(self, inner: Any, request: httpx.Request, header: str) -> None:
        super().__init__(inner)
        self._request = request
        self._header = header
        self._decoder: Decompressor | None = None
        self._chunks: Any = None
        self._pieces: Iterator[bytes] = iter(())

    def _feed(self, chunk: bytes) -> Iterator[bytes]:
        """Decode one chunk.

        Raises:
            DecodeError: It cannot be decoded.
        """
        try:
            if self._decoder is None:
                self._decoder = decoder_of(self._header)
            if self._decoder is None:
                yield chunk
            else:
                yield from self._decoder.feed(chunk)
        except CodingError as exc:
            raise self._error(exc) from None

    def _end(self) -> None:
        try:
            if self._decoder is not None:
                self._decoder.end()
        except CodingError as exc:
            raise self._error(exc) from None

    def _error(self, exc: CodingError) -> DecodeError:
        return DecodeError(f"{describe_call(self._request)}: the body does not match its Content-Encoding: {exc}")

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._inner:
            yield from self._feed(chunk)
        self._end()

    # Not an async generator: trio warns about one that is not closed.
    def __aiter__(self) -> AsyncIterator[bytes]:
        self._chunks = aiter(self._inner)
        return self

    async def __anext__(self) -> bytes:
        while True:
            for piece in self._pieces:
                return piece
            try:
                self._pieces = self._feed(await anext(self._chunks))
            except StopAsyncIteration:
                self._end()
                raise
