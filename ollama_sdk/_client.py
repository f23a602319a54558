"""The clients' own business: configuration from arguments and environment, policies, views, pickling, closing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

import httpx
from attrs import evolve

from ._call.perform import AsyncRuntime, RawResponse, SyncRuntime
from ._call.request import Settings, named
from ._host import parse_host
from ._stack import AsyncClientTransport, AsyncTransports, ClientTransport, Servers, SyncTransports
from ._timeout import INHERIT, Inherit, Timeout, TimeoutLike, as_timeout
from ._transport.sync import HTTPTransport
from .errors import ConfigurationError
from .streaming._framing import MAX_ITEM_BYTES

if TYPE_CHECKING:
    from .reliability import (
        AsyncHealth,
        Cache,
        CacheControl,
        CircuitBreaker,
        Endpoint,
        Failover,
        Health,
        HealthCheck,
        Observer,
        Policies,
        RateLimit,
        Retry,
    )

    Host = str | Endpoint | Sequence[str | Endpoint]

__all__ = ["AsyncClient", "AsyncNamespace", "RawResponse", "SyncClient", "SyncNamespace"]

_RuntimeT = TypeVar("_RuntimeT", SyncRuntime, AsyncRuntime)


# What sync and async have in common


def _hosts(host: Host | None) -> list[str | Endpoint]:
    """The servers that the ``host`` argument names, at least one."""
    if host is None:
        return [os.environ.get("OLLAMA_HOST", "")]
    if isinstance(host, Sequence) and not isinstance(host, (str, bytes)):
        if not host:
            raise ConfigurationError("host=[] names no server; leave it out for OLLAMA_HOST")
        return [_host(each) for each in host]
    return [_host(host)]


def _host(host: Any) -> str | Endpoint:
    """One server as it was given."""
    if not isinstance(host, str) and not isinstance(getattr(host, "url", None), str):
        raise ConfigurationError(f"host={host!r} is neither text nor an Endpoint")
    return cast("str | Endpoint", host)


def _url_of(host: str | Endpoint) -> httpx.URL:
    return parse_host(host if isinstance(host, str) else host.url)


def _settings(
    hosts: list[str | Endpoint],
    api_key: str | None,
    headers: Mapping[str, str] | None,
    timeout: TimeoutLike | Inherit,
    max_item_bytes: int,
) -> Settings:
    """What the arguments and the environment come to."""
    only = hosts[0] if len(hosts) == 1 else ""
    return Settings(
        base_url=_url_of(hosts[0]),
        api_key=os.environ.get("OLLAMA_API_KEY") if api_key is None else api_key,
        headers=dict(named(headers, "headers")),
        own_headers={} if isinstance(only, str) else _own_headers(only),
        timeout=Timeout() if isinstance(timeout, Inherit) else as_timeout(timeout),
        max_item_bytes=max_item_bytes,
    )


def _endpoints(hosts: list[str | Endpoint]) -> tuple[Endpoint, ...]:
    """The servers as failover knows them."""
    from .reliability import Endpoint  # noqa: PLC0415 - only clients with policies pay for it

    return tuple(
        evolve(host, url=str(_url_of(host))) if isinstance(host, Endpoint) else Endpoint(str(_url_of(host)))
        for host in hosts
    )


def _checked(hosts: list[str | Endpoint], settings: Settings) -> tuple[Endpoint, ...]:
    """The servers as health checks know them: these have no call that would bring the client's key and headers."""
    # As with calls: an endpoint's own replace the client's of the same name, and any header of that name its key.
    clients = {name.lower(): value for name, value in settings.headers.items()}
    if settings.api_key:
        clients.setdefault("authorization", f"Bearer {settings.api_key}")
    return tuple(
        evolve(endpoint, api_key=None, headers=clients | _own_headers(endpoint)) for endpoint in _endpoints(hosts)
    )


def _own_headers(endpoint: Endpoint) -> dict[str, str]:
    """What an endpoint is sent of its own, named in lower case."""
    return {name.decode("ascii").lower(): value.decode("ascii") for name, value in endpoint.own_headers()}


def _without_key(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != "authorization"}


def _check_handles(
    transport: object, transport_class: type[object], http_client: object, client_class: type[object]
) -> None:
    """Refuse what cannot carry requests, such as an async transport for a sync client."""
    if transport is not None and http_client is not None:
        raise ConfigurationError("give transport= or http_client=, not both: an httpx client has its own transport")
    for name, given, kind in (("transport", transport, transport_class), ("http_client", http_client, client_class)):
        if given is not None and not isinstance(given, kind):
            raise ConfigurationError(f"{name}= is of type {type(given).__name__}; give an httpx.{kind.__name__}")


def _rebuild(cls: type[Any], configuration: dict[str, Any], chosen: frozenset[str]) -> Any:
    client = cls(**configuration)
    runtime = client._runtime
    client._runtime = evolve(runtime, settings=runtime.settings.choosing(chosen))
    return client


class _Namespace(Generic[_RuntimeT]):
    """A group of methods, such as ``client.v1.chat``."""

    _runtime: _RuntimeT

    def __init__(self, runtime: _RuntimeT) -> None:
        self._runtime = runtime


class SyncNamespace(_Namespace[SyncRuntime]):
    """A group of sync methods, such as ``client.v1.chat``."""


class AsyncNamespace(_Namespace[AsyncRuntime]):
    """A group of async methods, such as ``client.v1.chat``."""


class _Client(_Namespace[_RuntimeT]):
    """What a client does without I/O."""

    _hosts: list[str | Endpoint]
    _given: dict[str, Any]
    _owner: bool

    @property
    def base_url(self) -> httpx.URL:
        """What the ``host`` argument or ``OLLAMA_HOST`` came to; the first of several."""
        return self._runtime.settings.base_url

    def with_options(
        self,
        *,
        timeout: TimeoutLike | Inherit = INHERIT,
        headers: Mapping[str, str] | None = None,
        api_key: str | None = None,
        max_item_bytes: int | None = None,
    ) -> Self:
        """A view of this client with other settings, on the same connections and policies; closing it leaves them open.

        What is given here goes before everything that was given before: an ``api_key`` is sent in place of any other key, and
        ``headers`` in place of those of the same names, those of an :class:`ollama_sdk.reliability.Endpoint` included. Only
        ``extra_headers`` of a call go before them. Health checks send what the client itself was made with.
        """
        settings = self._runtime.settings
        told: Mapping[str, str] = named(headers, "headers")
        kept = settings.headers if api_key is None else _without_key(settings.headers)
        settings = evolve(
            settings.choosing(told if api_key is None else {*told, "authorization"}),
            headers={**kept, **told},
            timeout=settings.timeout if isinstance(timeout, Inherit) else as_timeout(timeout),
            api_key=settings.api_key if api_key is None else api_key,
            max_item_bytes=settings.max_item_bytes if max_item_bytes is None else max_item_bytes,
        )
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__, _owner=False, _runtime=evolve(self._runtime, settings=settings))
        return view

    def _servers(self, settings: Settings) -> Servers:
        hosts = self._hosts
        return Servers(len(hosts), lambda: _endpoints(hosts), lambda: _checked(hosts, settings))

    @property
    def cache(self) -> CacheControl:
        """The replies that are kept: ``statistics()`` and ``clear()``.

        Raises:
            ConfigurationError: The client was made without ``cache=``.
        """
        cache = self._runtime.transports.stack.cache
        if cache is None:
            raise ConfigurationError("this client keeps no replies: pass cache=Cache(...), also to reconfigure()")
        return cache

    def reconfigure(
        self,
        *,
        retry: Retry | Inherit | None = INHERIT,
        circuit_breaker: CircuitBreaker | Inherit | None = INHERIT,
        rate_limit: RateLimit | Inherit | None = INHERIT,
        failover: Failover | Inherit | None = INHERIT,
        health: HealthCheck | Inherit | None = INHERIT,
        cache: Cache | Inherit | None = INHERIT,
        observer: Observer | Inherit | None = INHERIT,
    ) -> Policies:
        """Change policies at run time, for this client and every view of it; ``None`` turns one off.

        Calls in flight finish under what they started with. State that still makes sense is kept: breaker windows, cache
        content, the limit's tokens. Calls that wait for the limit start at once when it is turned off; turned on again, it
        does not count those that are under way then.

        Returns:
            The former policies.

        Raises:
            ConfigurationError: A change cannot work; nothing has changed.
        """
        asked = {
            "retry": retry,
            "circuit_breaker": circuit_breaker,
            "rate_limit": rate_limit,
            "failover": failover,
            "health": health,
            "cache": cache,
            "observer": observer,
        }
        changes = {name: policy for name, policy in asked.items() if not isinstance(policy, Inherit)}
        return self._runtime.transports.reconfigure(changes)

    def __repr__(self) -> str:
        urls = [str(_url_of(host)) for host in self._hosts]
        return f"{type(self).__name__}({(urls[0] if len(urls) == 1 else urls)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """A client travels to other processes as its configuration; connections stay behind."""
        settings = self._runtime.settings
        configuration = {
            "host": [host if not isinstance(host, str) else str(_url_of(host)) for host in self._hosts],
            "api_key": settings.api_key or "",
            "headers": dict(settings.headers),
            "timeout": settings.timeout,
            "max_item_bytes": settings.max_item_bytes,
        }
        given = {name: value for name, value in self._given.items() if value is not None}
        return _rebuild, (type(self), configuration | given | self._runtime.transports.asked, settings.chosen)


# Sync


class SyncClient(_Client[SyncRuntime], SyncNamespace):
    """What every sync method runs on; :class:`ollama_sdk.Ollama` adds one method per endpoint.

    No request is made before a method is called. May be shared by threads.

    Args:
        host: The server, in any form that ``OLLAMA_HOST`` takes; by default the one that ``OLLAMA_HOST`` names. Several
            servers, or :class:`ollama_sdk.reliability.Endpoint` with keys of their own, go with ``failover``.
        api_key: Sent as a bearer token, to ollama.com too where a method goes there; by default ``OLLAMA_API_KEY``.
            ``""`` sends none.
        headers: Headers for every request to that server; a method with a server of its own, such as ``web_search``,
            gets none of them.
        timeout: Limits in seconds; a bare number is ``Timeout(total=…)``, ``None`` waits for ever.
        transport: Any httpx transport, used instead of one of our own; closed with the client. Timeouts are then as
            exact as that transport reads: on httpx's own, each single read may take what is left when the body begins.
        http_client: A whole ``httpx.Client``, used instead; left open. Its ``auth`` applies where no key is sent.
        max_item_bytes: The largest item of a stream, in bytes.
        retry: Repeat what failed; off by default, as all policies are. See :mod:`ollama_sdk.reliability`.
        circuit_breaker: Stop calling an endpoint that keeps failing.
        rate_limit: Bound the rate of calls and how many run at once.
        failover: Spread calls over several servers.
        health: How ``client.health`` looks at the servers.
        cache: Keep replies and give them again.
        observer: Called with every event of these policies, in the thread where it happens: a plain function, which
            also hears of replies that the garbage collector ends. A lock that it shares with other code must be an
            ``RLock``.

    Raises:
        ConfigurationError: An argument or environment variable cannot work.
    """

    def __init__(
        self,
        host: Host | None = None,
        *,
        api_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        transport: httpx.BaseTransport | None = None,
        http_client: httpx.Client | None = None,
        max_item_bytes: int = MAX_ITEM_BYTES,
        retry: Retry | None = None,
        circuit_breaker: CircuitBreaker | None = None,
        rate_limit: RateLimit | None = None,
        failover: Failover | None = None,
        health: HealthCheck | None = None,
        cache: Cache | None = None,
        observer: Observer | None = None,
    ) -> None:
        _check_handles(transport, httpx.BaseTransport, http_client, httpx.Client)
        self._hosts = _hosts(host)
        settings = _settings(self._hosts, api_key, headers, timeout, max_item_bytes)
        wire = transport or (HTTPTransport() if http_client is None else ClientTransport(http_client))
        policies = {
            "retry": retry,
            "circuit_breaker": circuit_breaker,
            "rate_limit": rate_limit,
            "failover": failover,
            "health": health,
            "cache": cache,
            "observer": observer,
        }
        super().__init__(SyncRuntime(settings, SyncTransports(wire, self._servers(settings), policies)))
        self._given = {"transport": transport, "http_client": http_client}
        self._owner = True

    @property
    def health(self) -> Health:
        """Looks at the servers: ``check()`` now, or a monitor between ``start()`` and ``stop()``."""
        return self._runtime.transports.health

    def close(self) -> None:
        """Stop the health monitor for good, and close the connections; a call made later opens new ones."""
        if self._owner:
            self._runtime.transports.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


# Async


class AsyncClient(_Client[AsyncRuntime], AsyncNamespace):
    """:class:`SyncClient` for async methods; :class:`ollama_sdk.AsyncOllama` adds one method per endpoint.

    No request is made before a method is called. Belongs to the event loop of its first call: make a client in each
    loop, and close it there.
    """

    def __init__(
        self,
        host: Host | None = None,
        *,
        api_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
        max_item_bytes: int = MAX_ITEM_BYTES,
        retry: Retry | None = None,
        circuit_breaker: CircuitBreaker | None = None,
        rate_limit: RateLimit | None = None,
        failover: Failover | None = None,
        health: HealthCheck | None = None,
        cache: Cache | None = None,
        observer: Observer | None = None,
    ) -> None:
        _check_handles(transport, httpx.AsyncBaseTransport, http_client, httpx.AsyncClient)
        self._hosts = _hosts(host)
        settings = _settings(self._hosts, api_key, headers, timeout, max_item_bytes)
        from ._transport.aio import AsyncHTTPTransport  # noqa: PLC0415 - sync clients start without it

        wire = transport or (AsyncHTTPTransport() if http_client is None else AsyncClientTransport(http_client))
        policies = {
            "retry": retry,
            "circuit_breaker": circuit_breaker,
            "rate_limit": rate_limit,
            "failover": failover,
            "health": health,
            "cache": cache,
            "observer": observer,
        }
        super().__init__(AsyncRuntime(settings, AsyncTransports(wire, self._servers(settings), policies)))
        self._given = {"transport": transport, "http_client": http_client}
        self._owner = True

    @property
    def health(self) -> AsyncHealth:
        """Looks at the servers: ``await check()`` now, or a monitor between ``await start()`` and ``await stop()``."""
        return self._runtime.transports.health

    async def close(self) -> None:
        """Stop the health monitor for good, and close the connections; a call made later opens new ones."""
        if self._owner:
            await self._runtime.transports.close()

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
