"""Removes keys, cookies and passwords from an exchange before it is written or compared.

For request headers there is a list of harmless ones: the values of all others are removed, because gateways have key headers of any
name. Reply headers, fields of bodies and queries are removed if their names mean a secret. A removed value is also removed at every
other place of the exchange, because servers and gateways repeat keys in error texts.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import quote

from attrs import evolve

from ollama_sdk.testing.recording import RecordedChunk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ollama_sdk.testing.recording import Headers, RecordedExchange

__all__ = ["REMOVED", "remove_secrets"]

REMOVED = "[removed]"

_HARMLESS = frozenset({
    "accept", "accept-encoding", "accept-language", "access-control-request-headers", "access-control-request-method",
    "anthropic-beta", "anthropic-version", "cache-control", "connection", "content-encoding", "content-length",
    "content-type", "expect", "host", "openai-beta", "origin", "pragma", "priority", "te", "transfer-encoding", "user-agent",
})  # fmt: skip
_HARMLESS_PREFIXES = ("sec-", "x-stainless-")
_SECRET_HEADER = re.compile(r"auth|cookie|credential|key|password|secret|session|signature|token")
# Values in a response that are about keys, but are not keys.
_HARMLESS_ANSWERS = frozenset({"access-control-allow-headers", "access-control-allow-credentials"})
# A shorter text may occur by chance, so it is removed only from its header.
_SHORTEST_SECRET = 8

# Names of any length that end so: db_password, OPENAI_API_KEY, auth-token. Not every token: log-probabilities have "token",
# tokenizers "eos_token".
_FIELDS = rb"[\w.-]*(?:password|passwd|api[_-]?key|(?:access|refresh|auth|session|bearer|api|id)[_-]?token|secret|private[_-]?key|authorization|cookie)"
_SECRETS_IN_TEXT = (
    re.compile(rb'"(?:' + _FIELDS + rb')"\s*:\s*"((?:[^"\\]|\\.)*)"', re.IGNORECASE | re.DOTALL),
    # JSON inside a JSON string, as in the arguments of a tool call.
    re.compile(rb'\\"(?:' + _FIELDS + rb')\\"\s*:\s*\\"((?:(?!\\").)*)\\"', re.IGNORECASE | re.DOTALL),
    # A query, also where the ampersand is escaped, as in JSON written by Go.
    re.compile(
        rb"(?:[?&]|\\u0026)(?:key|sig|signature|token|password|api_?key|access_?token)=([^&#\"'\s\\<>]+)", re.IGNORECASE
    ),
)

_Span = tuple[int, int]
_Judge = Callable[[str], bool]


def remove_secrets(exchange: RecordedExchange) -> RecordedExchange:
    """Return the exchange with ``[removed]`` in place of every secret."""
    secrets = _secret_values(exchange)
    chunks = _without(_spans(exchange.body, secrets), exchange.chunks)
    removed = evolve(
        exchange,
        target=_text_without(exchange.target, secrets),
        request_headers=_headers_without(exchange.request_headers, secrets, _is_secret_request_header),
        request_body=_bytes_without(exchange.request_body, secrets),
        headers=_headers_without(exchange.headers, secrets, _is_secret_header),
        chunks=chunks,
    )
    if removed.body == exchange.body:
        return removed
    length = str(len(removed.body))
    return evolve(
        removed,
        headers=tuple((name, length if name.lower() == "content-length" else value) for name, value in removed.headers),
    )


def _is_secret_request_header(name: str) -> bool:
    return name not in _HARMLESS and not name.startswith(_HARMLESS_PREFIXES)


def _is_secret_header(name: str) -> bool:
    return name not in _HARMLESS_ANSWERS and _SECRET_HEADER.search(name) is not None


def _secret_values(exchange: RecordedExchange) -> set[str]:
    """Return every secret in a header that is long enough to be searched for elsewhere."""
    harmless = {value for name, value in exchange.request_headers if not _is_secret_request_header(name.lower())}
    found: set[str] = set()
    for name, value in exchange.request_headers:
        if _is_secret_request_header(name.lower()):
            found.update(_parts(name.lower(), value))
    for name, value in exchange.headers:
        if _is_secret_header(name.lower()):
            found.update(_parts(name.lower(), value))
    return {text for text in found if len(text) >= _SHORTEST_SECRET} - harmless


def _parts(name: str, value: str) -> Iterator[str]:
    """Return a header's value and its parts: the token after a scheme, a password, the values of cookies."""
    yield value
    scheme, _, token = value.partition(" ")
    yield token
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(token, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return
        yield from (pair, pair.partition(":")[2])
    if "cookie" in name:
        yield from (pair.partition("=")[2].strip() for pair in value.split(";"))


def _spans(data: bytes, secrets: set[str]) -> list[_Span]:
    """Return the positions of secrets, in order and without overlaps."""
    found: list[_Span] = [match.span(1) for pattern in _SECRETS_IN_TEXT for match in pattern.finditer(data)]
    for secret in secrets:
        for form in {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}:
            found += [match.span() for match in re.finditer(re.escape(form.encode()), data)]
    merged: list[_Span] = []
    for start, end in sorted(span for span in found if span[0] < span[1]):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _without(spans: Sequence[_Span], chunks: Sequence[RecordedChunk]) -> list[RecordedChunk]:
    """Remove spans of a body; the mark goes into the chunk in which a span begins."""
    if not spans:
        return list(chunks)
    body = b"".join(chunk.data for chunk in chunks)
    limits = [0]
    for chunk in chunks:
        limits.append(limits[-1] + len(chunk.data))
    kept: list[RecordedChunk] = []
    for chunk, (start, end) in zip(chunks, pairwise(limits), strict=True):
        parts: list[bytes] = []
        position = start
        for first, last in spans:
            if last <= start or first >= end:
                continue
            parts.append(body[position : max(first, position)])
            if first >= start:
                parts.append(REMOVED.encode())
            position = min(last, end)
        parts.append(body[position:end])
        kept.append(evolve(chunk, data=b"".join(parts)))
    return kept


def _bytes_without(data: bytes, secrets: set[str]) -> bytes:
    return b"".join(chunk.data for chunk in _without(_spans(data, secrets), [RecordedChunk(data)]))


def _text_without(text: str, secrets: set[str]) -> str:
    return _bytes_without(text.encode("utf-8", "surrogateescape"), secrets).decode("utf-8", "surrogateescape")


def _headers_without(headers: Headers, secrets: set[str], is_secret: _Judge) -> Headers:
    return tuple(
        (name, REMOVED if is_secret(name.lower()) else _text_without(value, secrets)) for name, value in headers
    )
