"""Decodes and encodes by annotation, for the models of one package."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ollama_sdk._json import loads_again
from ollama_sdk.errors import DecodeError

from .check import ArgumentChecks
from .decode import MISMATCHES, Compiler, Decoder, RoundedError, copy_of, decode_object, decode_unrounded
from .encode import Encoder
from .resolve import Resolver

if TYPE_CHECKING:
    import types
    from collections.abc import Mapping, Sequence

__all__ = ["Codec", "codec_of"]


@cache
def codec_of(package: str) -> Codec:
    """The codec for the models of ``package``; one instance per package."""
    return Codec(import_module(package))


class Codec:
    """Decodes and encodes values by annotation, and turns failures into errors of this package.

    An annotation is a type or its source text. A codec is thread-safe: its tables only grow, and two threads that compile the
    same annotation at once make equal decoders.

    Args:
        models: The package whose attributes are the models.
    """

    def __init__(self, models: types.ModuleType) -> None:
        resolver = Resolver(models)
        self.resolve = resolver.resolve
        self.field_type = resolver.field_type
        self._compiler = Compiler(resolver, decode_unrounded)
        self._exact_compiler = Compiler(resolver, decode_object)
        self._resolver = resolver
        self._checks = ArgumentChecks(resolver)
        self._encoder = Encoder(resolver, self._checks)

    def decode(self, annotation: Any, data: Any, raw: bytes | None = None) -> Any:
        """Make a value of the annotated type.

        Args:
            annotation: A type, or its source text.
            data: Decoded JSON.
            raw: The bytes that ``data`` was decoded from: for the excerpt in an error, and to read integers that orjson rounded.

        Raises:
            DecodeError: The data does not fit.
        """
        decoder = self._compiler.decoder(annotation)
        if decoder is None:
            return data
        try:
            return decoder(data)
        except RoundedError:
            data = data if raw is None else self._parse_exactly(raw)
        except MISMATCHES:
            raise self._decode_error(annotation, data, raw) from None
        return self._decode_exactly(annotation, data)

    def _parse_exactly(self, raw: bytes) -> Any:
        try:
            return loads_again(raw)
        except ValueError as exc:  # more digits than Python reads
            from .explain import excerpt_of  # imported only for errors

            raise DecodeError(f"the data cannot be read: {exc}", excerpt=excerpt_of(None, raw)) from None

    def _decode_exactly(self, annotation: Any, data: Any) -> Any:
        """Decode data whose integers are exact."""
        decoder = self._exact_compiler.decoder(annotation)
        try:
            return data if decoder is None else decoder(data)
        except MISMATCHES:
            raise self._decode_error(annotation, data, None) from None

    def usual_decoder(self, annotation: Any) -> Decoder:
        """The function by which :meth:`decode` decodes data without faults; what any value fits, it copies.

        For other data, which :meth:`decode` may yet accept, it raises one of :data:`.decode.UNDECODED`.

        Args:
            annotation: A type, or its source text.
        """
        return self._compiler.decoder(annotation) or copy_of

    def _decode_error(self, annotation: Any, data: Any, raw: bytes | None) -> DecodeError:
        """The error with the path of the first value that does not fit, and the reason."""
        from .explain import Explainer, Mismatch, excerpt_of

        explainer = Explainer(self._resolver, self._exact_compiler)
        try:
            mismatch = explainer.explain(self.resolve(annotation), data, "")
        except RecursionError:
            mismatch = Mismatch("", "it is nested too deeply")
        # Metadata never costs a reply, except when it is nested too deeply.
        where, problem = mismatch or Mismatch("", "it is nested too deeply")
        place = f" at {where}" if where else ""
        text = f"the data does not have the documented form{place}: {problem}"
        return DecodeError(text, excerpt=excerpt_of(data, raw), where=where)

    def encode(self, annotation: Any, value: Any, where: str) -> Any:
        """Convert a value to JSON-ready data.

        Args:
            annotation: The type in the document, or its source text. It decides whether bytes and paths become base64 and
                whether a class becomes its JSON schema; other values are encoded by their own type.
            value: Dicts, lists, models and scalars, mixed freely. ``None`` in a model is left out; in a free-form
                object it is sent.
            where: The path to the value, for errors.

        Raises:
            ConfigurationError: Something cannot be sent as JSON, or a file cannot be read; the message gives its path.
        """
        return self._encoder.encode(annotation, value, where)

    def encode_argument(self, annotation: Any, value: Any, where: str) -> Any:
        """Convert an argument as :meth:`encode` does, and check it against the document.

        Raises:
            ConfigurationError: As :meth:`encode`; or the value does not fit the annotation. The message says what to give.
        """
        data = self._encoder.encode(annotation, value, where)
        self._checks.check(annotation, data, value, where)
        return data

    def encode_object(self, fields: Sequence[tuple[str, Any, Any, str]], extra: Mapping[str, Any], where: str) -> bytes:
        """Make the JSON text of an object.

        Args:
            fields: The name of each field, then annotation, value and path as :meth:`encode` takes them.
            extra: Fields to add or to replace; sent unchanged.
            where: The path to ``extra``, for errors.

        Raises:
            ConfigurationError: Something cannot be sent as JSON, or a file cannot be read; the message gives its path.
        """
        return self._encoder.encode_object(fields, extra, where)
