"""Sync, asyncio and trio clients behind one blocking interface, so that one test covers all three."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from functools import partial
from typing import Any, Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

import ollama_sdk
from ollama_sdk import RawResponse
from ollama_sdk._client import AsyncNamespace
from ollama_sdk._raw_client import AsyncRawNamespace

from .library import library
from .loopback import PATIENCE, Loopback
from .transports import trusting

KINDS = ("sync", "asyncio", "trio")
_END = object()


class World:
    """Where a client lives: in the calling thread, or on an event loop of its own."""

    def __init__(self, kind: str, portal: BlockingPortal | None) -> None:
        self.kind = kind
        self._portal = portal

    @contextlib.contextmanager
    def client(self, host: str, **options: Any) -> Iterator[Any]:
        """A client whose methods block, whatever kind it is; a test that would hang fails in the end."""
        # A handshake of TLS takes turns with its server's thread, which on a busy machine takes long.
        options = {"timeout": ollama_sdk.Timeout(total=PATIENCE, connect=PATIENCE), **options}
        if self._portal is None:
            with ollama_sdk.Ollama(host, **options) as client:
                yield client
            return
        client = _Blocking(self._portal, self._portal.call(partial(ollama_sdk.AsyncOllama, host, **options)))
        with client:
            yield client

    @contextlib.contextmanager
    def http_client(self, library: Any = library, **options: Any) -> Iterator[Any]:
        """An httpx or httpx2 client of the kind that goes with this world's clients."""
        options = {"trust_env": False, **options}
        if Loopback.default_tls is not None:
            options = {"verify": trusting(), **options}
        if self._portal is None:
            with library.Client(**options) as client:
                yield client
            return
        client = library.AsyncClient(**options)
        try:
            yield client
        finally:
            self._portal.call(client.aclose)


def health(client: Any) -> Any:
    """The health checks of a client, to be called as in the sync world."""
    return _Blocking(client._portal, client._inner.health) if isinstance(client, _Blocking) else client.health


@contextlib.contextmanager
def world(kind: str) -> Iterator[World]:
    """The world of one kind: ``sync``, ``asyncio`` or ``trio``."""
    if kind == "sync":
        yield World(kind, None)
        return
    with start_blocking_portal(kind) as portal:
        yield World(kind, portal)


class _Blocking:
    """An async object whose coroutines are run to their end on the loop where it lives."""

    def __init__(self, portal: BlockingPortal, inner: Any) -> None:
        self._portal = portal
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if inspect.iscoroutinefunction(value):
            return lambda *args, **options: self._wrapped(self._portal.call(partial(value, *args, **options)))
        if inspect.ismethod(value):
            return lambda *args, **options: self._wrapped(value(*args, **options))
        return self._wrapped(value)

    def _wrapped(self, value: Any) -> Any:
        if isinstance(value, RawResponse):
            return RawResponse(value.status_code, value.headers, self._wrapped(value.parsed), value.content)
        kinds = (ollama_sdk.AsyncOllama, AsyncNamespace, AsyncRawNamespace, ollama_sdk.AsyncStream)
        return _Blocking(self._portal, value) if isinstance(value, kinds) else value

    def __iter__(self) -> _Blocking:
        return self

    def __next__(self) -> Any:
        item = self._portal.call(self._step)
        if item is _END:
            raise StopIteration
        return item

    async def _step(self) -> Any:
        return await anext(self._inner, _END)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._portal.call(self._inner.close)

    def __repr__(self) -> str:
        return repr(self._inner)

    def __reduce__(self) -> Any:
        return self._inner.__reduce__()
