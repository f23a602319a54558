"""Reads and writes recordings: folders with one JSON file for each exchange between a client and a server.

A file holds the request and the reply, whose body is stored in the chunks in which it arrived, each with its time. Sorted by name,
the files are in the order of the requests. Bodies are stored as JSON or text if possible, so that a recording can be reviewed and
edited, otherwise as base64. This module needs no extra and no server.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import field, frozen

from ollama_sdk.testing._model.json import is_list, is_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ollama_sdk.testing._model.json import Json

__all__ = ["Headers", "RecordedChunk", "RecordedExchange", "RecordingFolder", "read_recordings"]

FORMAT = 1
_LONGEST_SLUG = 60

Headers = tuple[tuple[str, str], ...]
ScalarT = TypeVar("ScalarT", str, int)


@frozen
class RecordedChunk:
    """A part of a reply's body.

    Attributes:
        data: Its bytes.
        at: When it arrived, in seconds after the request was sent; ``None`` if that is not known.
    """

    data: bytes
    at: float | None = None


@frozen(kw_only=True)
class RecordedExchange:
    """A recorded request and the reply to it.

    Attributes:
        name: The name of its file, without ``.json``.
        method: The HTTP method in upper case.
        target: The path and the query as they were sent.
        request_headers: The request's headers in order.
        request_body: The request's body; JSON is in compact form.
        status: The HTTP status of the reply.
        headers: The reply's headers in order.
        chunks: The reply's body as it arrived.
        complete: Whether the reply is complete; if not, the server or the client ended it early.
        recorded_at: The time of the recording, in ISO 8601; ``None`` if it is not known.
        server_version: The server's version; ``None`` if it is not known.
        note: A comment, written by hand.
    """

    name: str = ""
    method: str
    target: str
    request_headers: Headers = ()
    request_body: bytes = b""
    status: int
    headers: Headers = ()
    chunks: Sequence[RecordedChunk] = field(factory=list[RecordedChunk])
    complete: bool = True
    recorded_at: str | None = None
    server_version: str | None = None
    note: str | None = None

    @property
    def path(self) -> str:
        """The path without the query, as it was sent."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query without the question mark, as it was sent."""
        return self.target.partition("?")[2]

    @property
    def body(self) -> bytes:
        """The reply's body as a whole."""
        return b"".join(chunk.data for chunk in self.chunks)

    def header(self, name: str) -> str:
        """Return a header of the reply by its name in lower case; ``""`` without one."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def request_header(self, name: str) -> str:
        """Return a header of the request by its name in lower case; ``""`` without one."""
        return next((value for key, value in self.request_headers if key.lower() == name), "")

    def to_json(self) -> str:
        """Return the content of its file."""
        request: Json = {
            "method": self.method,
            "path": self.target,
            "headers": [list(pair) for pair in self.request_headers],
            "body": _encode_request_body(self.request_body),
        }
        response: Json = {
            "status": self.status,
            "headers": [list(pair) for pair in self.headers],
            "complete": self.complete,
            "chunks": [_encode_chunk(chunk) for chunk in self.chunks],
        }
        about = {"recorded_at": self.recorded_at, "server_version": self.server_version, "note": self.note}
        known = {key: value for key, value in about.items() if value is not None}
        return _layout({"format": FORMAT, **known, "request": request, "response": response}) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str = "") -> RecordedExchange:
        """Read the content of a file.

        Raises:
            ValueError: It does not have the format; the message names the place.
        """
        value = _object(json.loads(text), "the file")
        if value.get("format") != FORMAT:
            raise ValueError(f"format is {value.get('format')!r}; this version reads format {FORMAT}")
        request, response = (_object(value.get(key), key) for key in ("request", "response"))
        chunks = response.get("chunks")
        if not is_list(chunks):
            raise ValueError("response.chunks is missing; give a list of chunks")
        return cls(
            name=name,
            method=_scalar(request.get("method"), str, "request.method"),
            target=_scalar(request.get("path"), str, "request.path"),
            request_headers=_headers(request.get("headers"), "request.headers"),
            request_body=_decode_request_body(request.get("body")),
            status=_scalar(response.get("status"), int, "response.status"),
            headers=_headers(response.get("headers"), "response.headers"),
            chunks=[_decode_chunk(chunk, f"response.chunks[{index}]") for index, chunk in enumerate(chunks)],
            complete=bool(response.get("complete", True)),
            recorded_at=value.get("recorded_at"),
            server_version=value.get("server_version"),
            note=value.get("note"),
        )


def read_recordings(folder: Path | str) -> list[RecordedExchange]:
    """Read every recording of a folder, in the order of the requests.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: A file does not have the format; the message names it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; record one with python -m ollama_sdk.testing record")
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> RecordedExchange:
    try:
        return RecordedExchange.from_json(path.read_text(encoding="utf-8"), path.stem)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


class RecordingFolder:
    """Adds recordings to a folder, which it creates; thread-safe.

    Only complete files appear, because each is first written under another name. No file is overwritten, even if several recorders
    write to the folder.
    """

    def __init__(self, path: Path | str) -> None:
        self.path: Path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        numbers = [int(found[0]) for file in self.path.glob("*.json") if (found := re.match(r"\d+", file.name))]
        self._last = max(numbers, default=0)
        self._lock = threading.Lock()

    def name(self, method: str, path: str) -> str:
        """Return the name of the next recording, for a request to a path."""
        with self._lock:
            self._last += 1
            slug = re.sub(r"[^A-Za-z0-9]+", "-", f"{method.lower()}{path}").strip("-")
            return f"{self._last:04}-{slug[:_LONGEST_SLUG]}"

    def add(self, exchange: RecordedExchange) -> Path:
        """Write a recording; return its file.

        If a file of that name exists, for example from another recorder, the recording gets a later number.
        """
        text = exchange.to_json()
        name = exchange.name
        while not self._write(name, text):
            with self._lock:
                self._last += 1
                name = f"{self._last:04}-{re.sub(r'^[0-9]+-?', '', exchange.name)}".rstrip("-")
        return self.path / f"{name}.json"

    def _write(self, name: str, text: str) -> bool:
        """Write a file unless one of that name exists, or another recorder is writing it; return whether it was written.

        The unfinished file is a lock: only its creator may create the final file. It disappears when the final file appears, so a
        recorder that creates it later finds the final file.
        """
        path = self.path / f"{name}.json"
        unfinished = self.path / f"{name}.unfinished"
        try:
            file = unfinished.open("x", encoding="utf-8", newline="\n")
        except FileExistsError:
            return False
        with file:
            is_free = not path.exists()
            if is_free:
                file.write(text)
        if is_free:
            unfinished.replace(path)
        else:
            unfinished.unlink()
        return is_free


def _layout(value: Any, indent: str = "") -> str:
    """Return JSON text for reviews: an object or array without inner ones, such as a header or a chunk, is on one line."""
    parts: list[Any] = list(value.values()) if is_object(value) else value if is_list(value) else []
    if not any(isinstance(part, dict | list) for part in parts):
        return json.dumps(value, ensure_ascii=False)
    inner = f"{indent} "
    lines = [_layout(part, inner) for part in parts]
    if is_object(value):
        lines = [f"{json.dumps(name, ensure_ascii=False)}: {line}" for name, line in zip(value, lines, strict=True)]
    first, last = "{}" if is_object(value) else "[]"
    return f"{first}\n{inner}" + f",\n{inner}".join(lines) + f"\n{indent}{last}"


def _encode_request_body(body: bytes) -> Json | None:
    if not body:
        return None
    text = _as_text(body)
    if text is None:
        return {"base64": base64.b64encode(body).decode()}
    value = _plain_json(text)
    return {"text": text} if value is None else {"json": value}


def _plain_json(text: str) -> Json | list[Any] | None:
    """Return a JSON object or array; ``None`` if the text is another value, or if storing it as JSON would lose information."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value: Json | list[Any] = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        _layout(value).encode()
    except (ValueError, RecursionError):
        return None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a name occurs twice")
    return value


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _decode_request_body(value: Any) -> bytes:
    if value is None:
        return b""
    body = _object(value, "request.body")
    if "json" in body:
        return json.dumps(body["json"], ensure_ascii=False, separators=(",", ":")).encode()
    return _decode_bytes(body, "request.body")


def _encode_chunk(chunk: RecordedChunk) -> Json:
    time: Json = {} if chunk.at is None else {"at": round(chunk.at, 6)}
    text = _as_text(chunk.data)
    return time | ({"base64": base64.b64encode(chunk.data).decode()} if text is None else {"text": text})


def _decode_chunk(value: Any, where: str) -> RecordedChunk:
    chunk = _object(value, where)
    at = chunk.get("at")
    if at is not None and not isinstance(at, int | float):
        raise ValueError(f"{where}.at is {at!r}; give seconds")
    return RecordedChunk(_decode_bytes(chunk, where), at)


def _decode_bytes(value: Json, where: str) -> bytes:
    if "text" in value:
        return _scalar(value["text"], str, f"{where}.text").encode()
    try:
        return base64.b64decode(_scalar(value.get("base64"), str, f"{where}.base64"), validate=True)
    except binascii.Error as error:
        raise ValueError(f"{where}.base64 is not base64: {error}") from None


def _as_text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _object(value: Any, where: str) -> Json:
    if not is_object(value):
        raise ValueError(f"{where} is {type(value).__name__}; give an object")
    return value


_NAMES: dict[type, str] = {str: "a string", int: "a number"}


def _scalar(value: Any, kind: type[ScalarT], where: str) -> ScalarT:
    if not isinstance(value, kind):
        raise ValueError(f"{where} is {type(value).__name__}; give {_NAMES[kind]}")  # noqa: TRY004 - the file is invalid
    return value


def _headers(value: Any, where: str) -> Headers:
    pairs = value if is_list(value) else []
    if not all(is_list(pair) and [type(part) for part in pair] == [str, str] for pair in pairs) or not is_list(value):
        raise ValueError(f"{where} is not a list of pairs of strings")
    return tuple((name, text) for name, text in pairs)
