"""Computes the cache key of a request.

Two requests are the same, and share a reply, when these are equal:

- **Method and URL**, the query in the order in which it was given.
- **Headers**, except :data:`_IGNORED_HEADERS` and those in which an observer propagates its context: they differ from call to call
  and do not change a reply. All headers that identify the caller count: ``Authorization``, cookies, custom headers.
- **The names of headers that the call has chosen** (``with_options()``, ``extra_headers``). They decide whether an endpoint's own
  key replaces the one in the request: two requests with the same key in their headers may be sent with different ones.
- **The body**, as JSON values. White space, and the notation of a character or a float, do not count.

These differences inside a JSON body count, because a server may answer differently:

- **Order of keys**, wherever it can reach the model. Ollama generates the fields of a ``format`` schema in the order of its
  ``properties``, and writes the parameters of tools and the arguments of their calls into the prompt in theirs. Order is ignored
  only where the server reads known fields and nothing else: in the body itself, in ``options`` and in each of ``messages``.
- **Kinds of numbers**: ``1``, ``1.0`` and ``true`` are three values, and ``0.0`` is not ``-0.0``; ``1.0`` and ``1e0`` are one.
- **Unicode**: composed and decomposed forms of a letter are two texts, which a model reads as different tokens.
- **Absence**: a field that is absent, one that is ``null`` and one that holds the server's default are three requests. An argument
  that is ``None`` is not sent, so it is the same as an argument that is not given.

In doubt, two requests are not the same. A body that is not JSON, has a duplicate key or holds a number that a float cannot represent
is compared byte by byte.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

__all__ = ["key_of"]

# These differ from call to call and do not change the reply. Any other header is part of the key.
_IGNORED_HEADERS = frozenset(
    {
        b"baggage",
        b"connection",
        b"content-length",
        b"date",
        b"traceparent",
        b"tracestate",
        b"user-agent",
        b"x-request-id",
    }
)


def key_of(request: httpx.Request) -> bytes:
    """The digest of everything that makes two requests the same.

    Args:
        request: A request whose body is bytes.
    """
    body = request.read()
    with contextlib.suppress(ValueError, RecursionError):  # not JSON, ambiguous, or nested too deep
        value = json.loads(body.decode(), object_pairs_hook=_object)
        body = json.dumps(_in_one_order(value), allow_nan=False).encode()
    propagated = {name.lower().encode() for name in request.extensions.get("propagated", ())}
    ignored = _IGNORED_HEADERS | propagated
    headers = sorted((name.lower(), value) for name, value in request.headers.raw if name.lower() not in ignored)
    chosen = sorted(name for name in request.extensions.get("chosen", ()) if name.encode() not in _IGNORED_HEADERS)
    parts = (request.method, str(request.url), headers, chosen, body)
    return hashlib.sha256(repr(parts).encode()).digest()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object with each of its keys once.

    Raises:
        ValueError: A key is there twice; it depends on the server which of them counts.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _in_one_order(body: Any) -> Any:
    """``body`` with sorted keys, except where their order may change the reply."""
    if body.__class__ is not dict:
        return body
    found = _sorted(body)
    if found.get("options").__class__ is dict:
        found["options"] = _sorted(found["options"])
    messages: Any = found.get("messages")
    if messages.__class__ is list:
        found["messages"] = [_sorted(each) if each.__class__ is dict else each for each in messages]
    return found


def _sorted(fields: dict[str, Any]) -> dict[str, Any]:
    # Go ignores the case of field names and takes the last of equal ones, so names that differ only in case keep their order.
    return dict(sorted(fields.items(), key=lambda field: field[0].casefold()))
