"""Reads and writes recordings: folders with one JSON file for each exchange between a client and a server.

A file holds the request, the reply, and the reply's body in the chunks in which it arrived, each with its time. Sorted by name,
the files are in the order of the requests. Bodies are JSON or text where they can be, so that a recording can be reviewed and
edited, and base64 where they cannot. This module needs no extra and no server.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ollama_sdk.testing._model.json import is_list, is_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ollama_sdk.testing._model.json import Json

__all__ = ["Headers", "RecordedChunk", "RecordedExchange", "RecordingFolder", "read_recordings"]

FORMAT = 1
_LONGEST_SLUG = 60

Headers = tuple[tuple[str, str], ...]


@frozen
class RecordedChunk:
    """A part of a reply's body.

    Attributes:
        data: Its bytes.
        at: When it arrived, in seconds after the request was sent; ``None`` where that is not known.
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
        complete: Whether the reply reached its end; if not, the server or the client ended it before.
        recorded_at: When, in ISO 8601; ``None`` where that is not known.
        server_version: The server's version; ``None`` where it is not known.
        note: A remark of a person.
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
            ValueError: It is not of the format; the message says where.
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
            method=_text(request.get("method"), "request.method"),
            target=_text(request.get("path"), "request.path"),
            request_headers=_headers(request.get("headers"), "request.headers"),
            request_body=_decode_request_body(request.get("body")),
            status=_integer(response.get("status"), "response.status"),
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
        ValueError: A file is not of the format; the message names it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; record one with python -m ollama_sdk.testing record")
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> RecordedExchange:
    try:
        return RecordedExchange.from_json(path.read_text(encoding="utf-8"), path.stem)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


class RecordingFolder:
    """Adds recordings to a folder, which it makes; thread-safe.

    Files appear whole: each is written under another name first. None is overwritten, also when several recorders write to the folder.
    """

    def __init__(self, path: Path | str) -> None:
        self.path: Path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        numbers = [int(found[0]) for file in self.path.glob("*.json") if (found := re.match(r"\d+", file.name))]
        self._last = max(numbers, default=0)
        self._lock = threading.Lock()

    def name(self, method: str, path: str) -> str:
        """Return the name of the next recording, which is one of a request to a path."""
        with self._lock:
            self._last += 1
            slug = re.sub(r"[^A-Za-z0-9]+", "-", f"{method.lower()}{path}").strip("-")
            return f"{self._last:04}-{slug[:_LONGEST_SLUG]}"

    def add(self, exchange: RecordedExchange) -> Path:
        """Write a recording; return its file.

        Where a file has that name already, such as one of another recorder of the same folder, the recording gets a later number.
        """
        text = exchange.to_json()
        name = exchange.name
        while not self._write(name, text):
            with self._lock:
                self._last += 1
                name = f"{self._last:04}-{re.sub(r'^[0-9]+-?', '', exchange.name)}".rstrip("-")
        return self.path / f"{name}.json"

    def _write(self, name: str, text: str) -> bool:
        """Write a file unless there is one of that name, or another recorder is writing it; return whether it is written.

        Who has made the unfinished file is the only one to make the other. It disappears with the other's appearing, so that a
        recorder that makes it later finds the other.
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
    """Return JSON text for reviews: what holds no further object or array is on one line, such as a header or a chunk."""
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
    """Return a JSON object or array; ``None`` if the text is none, or something of it would be lost."""
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
        return _text(value["text"], f"{where}.text").encode()
    try:
        return base64.b64decode(_text(value.get("base64"), f"{where}.base64"), validate=True)
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


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where} is {type(value).__name__}; give a string")  # noqa: TRY004 - the file is wrong, not an argument
    return value


def _integer(value: Any, where: str) -> int:
    if not isinstance(value, int):
        raise ValueError(f"{where} is {type(value).__name__}; give a number")  # noqa: TRY004 - the file is wrong, not an argument
    return value


def _headers(value: Any, where: str) -> Headers:
    pairs = value if is_list(value) else []
    if not all(is_list(pair) and [type(part) for part in pair] == [str, str] for pair in pairs) or not is_list(value):
        raise ValueError(f"{where} is not a list of pairs of strings")
    return tuple((name, text) for name, text in pairs)
