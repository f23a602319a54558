"""Digests a request into the key that its reply is stored under."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

__all__ = ["key_of"]

# These differ from call to call and do not change the reply. Any other header is part of the key.
_IGNORED_HEADERS = frozenset(
    {b"host", b"connection", b"content-length", b"date", b"traceparent", b"tracestate", b"user-agent", b"x-request-id"}
)


def key_of(request: httpx.Request) -> bytes:
    """A digest of method, URL, headers, credentials, and the body in any order of its JSON keys.

    Args:
        request: A request whose body is bytes.
    """
    body = request.read()
    with contextlib.suppress(ValueError, RecursionError):  # not JSON, or nested too deep to be sorted
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    headers = sorted(
        (name.lower(), value) for name, value in request.headers.raw if name.lower() not in _IGNORED_HEADERS
    )
    return hashlib.sha256(repr((request.method, str(request.url), headers, body)).encode()).digest()
