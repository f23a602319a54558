"""The bases of the clients: configuration, views, policies at run time, pickling, closing."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, Unpack

import httpx

from ._bodies import MAX_BODY_BYTES
from ._call.any_route import AsyncAnyRoute, SyncAnyRoute
from ._call.operation import Operation
from ._call.perform import AsyncRuntime, SyncRuntime
from ._call.request import exact_signature
from ._call.settings import Settings, settings_of
from ._secrets import Hidden
from ._servers import endpoints_of, endpoints_with_headers, hosts_of, url_of
from ._stack import AsyncTransports, Servers, SyncTransports, async_wire_of, wire_of
from ._timeout import INHERIT, Inherit, TimeoutLike, as_timeout
from .errors import ConfigurationError, OllamaError, shorten_traceback
from .streaming._marks import MAX_ITEM_BYTES

if TYPE_CHECKING:
    from ._call.request import NoOthers
    from ._httpx2 import AsyncHTTPClientLike, AsyncTransportLike, HTTPClientLike, TransportLike
    from ._secrets import SecretText
    from ._servers import Host
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

__all__ = [
    "AsyncClient",
    "AsyncNamespace",
    "Namespace",
    "SyncClient",
    "SyncNamespace",
]

RuntimeT = TypeVar("RuntimeT")
ClientRuntimeT = TypeVar("ClientRuntimeT", SyncRuntime, AsyncRuntime)
TransportT = TypeVar("TransportT")
HTTPClientT = TypeVar("HTTPClientT")


class Namespace(Generic[RuntimeT]):
    """A group of methods, such as ``client.v1.chat``."""

    _runtime: RuntimeT

    def __init__(self, runtime: RuntimeT) -> None:
        self._runtime = runtime


class SyncNamespace(Namespace[SyncRuntime]):
    """A group of sync methods, such as ``client.v1.chat``."""


class AsyncNamespace(Namespace[AsyncRuntime]):
    """A group of async methods, such as ``client.v1.chat``."""


def _check_policies(policies: Mapping[str, Any]) -> None:
    """Check that each argument is the policy of its name."""
    for name, policy in policies.items():
        if policy is not None and name != "observer":
            from ._habits import refuse_policy  # imported only for clients with policies

            refuse_policy(name, policy)


def _refuse_unknown(method: str, others: Collection[str]) -> None:
    """Refuse arguments that a method does not have."""
    if others:
        from ._call.unexpected import unexpected_keyword  # imported only for the error

        raise unexpected_keyword(method, others, getattr(_Client, method).__kwdefaults__)


class _Client(Generic[ClientRuntimeT, TransportT, HTTPClientT]):
    """The base of the sync and the async client.

    Attributes:
        _operations: The operations that have a method, by name.
        _transport_class: The type of ``transport=``.
        _http_client_class: The type of ``http_client=``.
        _hosts: The servers, as the caller gave them.
        _given: The arguments that pickle unchanged.
        _owner: Whether closing this client closes its connections: a view leaves them open.
    """

    _operations: ClassVar[Mapping[str, Operation[Any, Any]]]
    _transport_class: ClassVar[type[Any]]
    _http_client_class: ClassVar[type[Any]]
    _runtime: ClientRuntimeT
    _hosts: list[str | Endpoint]
    _given: dict[str, Any]
    _owner: bool

    def __init__(
        self,
        host: Host | None = None,
        *,
        api_key: str | SecretText | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        transport: TransportT | None = None,
        http_client: HTTPClientT | None = None,
        max_item_bytes: int = MAX_ITEM_BYTES,
        max_body_bytes: int = MAX_BODY_BYTES,
        retry: Retry | None = None,
        circuit_breaker: CircuitBreaker | None = None,
        rate_limit: RateLimit | None = None,
        failover: Failover | None = None,
        health: HealthCheck | None = None,
        cache: Cache | None = None,
        observer: Observer | None = None,
    ) -> None:
        __tracebackhide__ = True
        secret = Hidden((host, api_key, headers))
        del host, api_key, headers  # a traceback that shows local variables must not show them
        policies = {
            "retry": retry,
            "circuit_breaker": circuit_breaker,
            "rate_limit": rate_limit,
            "failover": failover,
            "health": health,
            "cache": cache,
            "observer": observer,
        }
        limits = {"timeout": timeout, "max_item_bytes": max_item_bytes, "max_body_bytes": max_body_bytes}
        try:
            self._set_up(secret, limits, policies, transport, http_client)
        except OllamaError as exc:
            raise shorten_traceback(exc) from exc.__cause__

    def _set_up(
        self,
        secret: Hidden,
        limits: Mapping[str, Any],
        policies: Mapping[str, Any],
        transport: TransportT | None,
        http_client: HTTPClientT | None,
    ) -> None:
        """Check the arguments and store what calls need.

        Args:
            secret: ``host``, ``api_key`` and ``headers``.
            limits: ``timeout`` and further fields of :class:`Settings`.
            policies: The policies by their names.
            transport: As the client takes it.
            http_client: As the client takes it.

        Raises:
            ConfigurationError: An argument or environment variable cannot work.
        """
        host, api_key, headers = secret.value
        self._check_transport(transport, http_client)
        if host is None and str(getattr(http_client, "base_url", "")):
            raise ConfigurationError("http_client= has a base_url, which is not used; give that URL as host=")
        hosts = hosts_of(host)
        settings = settings_of(
            hosts,
            api_key,
            headers,
            limits,
            transport=transport,
            http_client=http_client,
            is_async=self._http_client_class is httpx.AsyncClient,
        )
        servers = Servers(
            len(hosts),
            lambda: endpoints_of(hosts),
            lambda: endpoints_with_headers(hosts, settings.headers, settings.api_key),
        )
        self._check_cache(policies["cache"])
        _check_policies(policies)
        self._hosts = hosts
        self._runtime = self._connect(settings, servers, policies, transport, http_client)
        self._given = {"transport": transport, "http_client": http_client}
        self._owner = True

    def _check_transport(self, transport: object, http_client: object) -> None:
        """Refuse a transport or httpx client of the wrong type, such as an async one for a sync client."""
        if transport is not None and http_client is not None:
            raise ConfigurationError("give transport= or http_client=, not both: an httpx client has its own transport")
        for name, given, kind in (
            ("transport", transport, self._transport_class),
            ("http_client", http_client, self._http_client_class),
        ):
            if given is None or isinstance(given, kind):
                continue
            from ._httpx2 import is_of_httpx2

            if not is_of_httpx2(given, kind.__name__):
                what = f"the class {given.__name__}" if isinstance(given, type) else f"of type {type(given).__name__}"
                own = f"an {'Async' * (self._http_client_class is httpx.AsyncClient)}HTTPTransport(...), or "
                raise ConfigurationError(
                    f"{name}= is {what}; give {own * (name == 'transport')}"
                    f"an object of httpx.{kind.__name__} or httpx2.{kind.__name__}"
                )

    def _check_cache(self, cache: Cache | Inherit | None) -> None:
        """Refuse a cache of unknown operations, which would never keep a reply."""
        for name in sorted(getattr(cache, "operations", set[str]()) - self._operations.keys()):
            import difflib  # imported only for the error

            alike = difflib.get_close_matches(name, self._operations) or sorted(self._operations)
            raise ConfigurationError(
                f"Cache(operations=...): there is no operation {name!r}; give {' or '.join(alike)}"
            )

    def _connect(
        self,
        settings: Settings,
        servers: Servers,
        policies: Mapping[str, Any],
        transport: TransportT | None,
        http_client: HTTPClientT | None,
    ) -> ClientRuntimeT:
        """The runtime of a new client."""
        raise NotImplementedError

    @property
    def base_url(self) -> httpx.URL:
        """The URL of the ``host`` argument or of ``OLLAMA_HOST``; the first of several."""
        return self._runtime.settings.base_url

    @exact_signature
    def with_options(
        self,
        *,
        timeout: TimeoutLike | Inherit = INHERIT,
        headers: Mapping[str, str] | None = None,
        api_key: str | SecretText | None = None,
        max_item_bytes: int | None = None,
        max_body_bytes: int | None = None,
        **others: Unpack[NoOthers],
    ) -> Self:
        """A view of this client with other settings, on the same connections and policies; closing it leaves them open.

        These settings have precedence over all earlier ones: the ``api_key`` replaces any other key, and ``headers`` replace those
        of the same names, including those of an :class:`ollama_sdk.reliability.Endpoint`. Only ``extra_headers`` of a call have
        precedence over them. Health checks use the settings of the client itself.

        Args:
            timeout: Limits in seconds; a bare number is ``Timeout(total=…)``, ``None`` waits for ever.
            headers: Headers to add or replace.
            api_key: The key to send; ``""`` sends none.
            max_item_bytes: The largest item of a stream, in bytes.
            max_body_bytes: The largest reply in one piece, in bytes.

        Raises:
            ConfigurationError: An argument cannot work.
        """
        secret, unknown = Hidden((api_key, headers)), [*others]
        del api_key, headers, others  # a traceback that shows local variables must not show them
        _refuse_unknown("with_options", unknown)
        limits: dict[str, Any] = {"max_item_bytes": max_item_bytes, "max_body_bytes": max_body_bytes}
        changes = {name: value for name, value in limits.items() if value is not None}
        try:
            if not isinstance(timeout, Inherit):
                changes["timeout"] = as_timeout(timeout)
            settings = self._runtime.settings.changed(*secret.value, limits=changes)
        except OllamaError as exc:
            raise shorten_traceback(exc) from exc.__cause__
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__, _owner=False, _runtime=self._runtime.with_settings(settings))
        return view

    @property
    def cache(self) -> CacheControl:
        """The cache of replies: ``statistics()`` and ``clear()``.

        Raises:
            ConfigurationError: The client was made without ``cache=``.
        """
        cache = self._runtime.transports.stack.cache
        if cache is None:
            raise ConfigurationError("this client keeps no replies: pass cache=Cache(...), also to reconfigure()")
        return cache

    @exact_signature
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
        **others: Unpack[NoOthers],
    ) -> Policies:
        """Change policies at run time, for this client and every view of it; ``None`` turns one off.

        Calls in flight finish under the policies they started with. State that still applies is kept: breaker windows, cached
        replies, the tokens of the rate limit. Calls that wait for the rate limit start at once when it is turned off; turned on
        again, it does not count the calls in flight.

        Args:
            retry: As for the client, like the others; a policy that is left out does not change.
            circuit_breaker: When to stop calling an endpoint.
            rate_limit: How many calls may start, and run at once.
            failover: How calls are spread over the servers.
            health: How the servers are checked.
            cache: Which replies are kept, and how long.
            observer: Called with every event.

        Returns:
            The previous policies.

        Raises:
            ConfigurationError: A change cannot work; nothing has changed.
        """
        unknown = [*others]
        del others  # a traceback that shows local variables must not show a key
        _refuse_unknown("reconfigure", unknown)
        given = {
            "retry": retry,
            "circuit_breaker": circuit_breaker,
            "rate_limit": rate_limit,
            "failover": failover,
            "health": health,
            "cache": cache,
            "observer": observer,
        }
        changes = {name: policy for name, policy in given.items() if not isinstance(policy, Inherit)}
        self._check_cache(cache)
        _check_policies(changes)
        return self._runtime.transports.reconfigure(changes)

    if not TYPE_CHECKING:  # for a type checker, any attribute and argument would exist

        @functools.wraps(__init__)
        def __new__(cls, *_: Any, **options: Any) -> Self:
            """Refuse arguments of other clients, with their names in this one."""
            unknown = [name for name in options if name not in _Client.__init__.__kwdefaults__ and name != "host"]
            del _, options  # a traceback that shows local variables must not show a key
            if unknown:
                from ._habits import explain_keyword

                known = sorted(_Client.__init__.__kwdefaults__)
                is_async = cls._http_client_class is httpx.AsyncClient
                raise TypeError(explain_keyword(cls.__name__, unknown[0], known, is_async=is_async))
            return super().__new__(cls)

        def __getattr__(self, name: str) -> Any:
            """Raise an error that names the counterpart of another client's method."""
            from ._habits import explain_attribute

            raise AttributeError(explain_attribute(type(self).__name__, name), name=name, obj=self)

    def __repr__(self) -> str:
        urls = [str(url_of(host)) for host in vars(self).get("_hosts", ())]  # none inside the constructor
        return f"{type(self).__name__}({(urls[0] if len(urls) == 1 else urls)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """A client pickles as its configuration; connections are not pickled."""
        settings = self._runtime.settings
        configuration = {
            "host": [host if not isinstance(host, str) else str(url_of(host)) for host in self._hosts],
            "api_key": settings.api_key or "",
            "headers": dict(settings.headers),
            "timeout": settings.timeout,
            "max_item_bytes": settings.max_item_bytes,
            "max_body_bytes": settings.max_body_bytes,
        }
        given = {name: value for name, value in self._given.items() if value is not None}
        return _rebuild, (type(self), configuration | given | self._runtime.transports.asked, settings.chosen)


def _rebuild(cls: type[Any], configuration: dict[str, Any], chosen: frozenset[str]) -> Any:
    """Make a client from its pickle; ``chosen`` are the headers that :meth:`_Client.with_options` set."""
    client = cls(**configuration)
    client._runtime = client._runtime.with_settings(client._runtime.settings.choosing(chosen))
    return client


class SyncClient(_Client[SyncRuntime, "TransportLike", "HTTPClientLike"], SyncNamespace, SyncAnyRoute):
    """The base of :class:`ollama_sdk.Ollama`, which adds one method per endpoint.

    No request is made before a method is called. May be shared by threads.

    Args:
        host: The server, in any form that ``OLLAMA_HOST`` takes; by default ``OLLAMA_HOST``. Several servers,
            each a text or an :class:`ollama_sdk.reliability.Endpoint` with its own key, need ``failover``.
        api_key: Sent as a bearer token, also to ollama.com by methods that call it; by default
            ``OLLAMA_API_KEY``. ``""`` sends none. Text, or Pydantic's ``SecretStr``.
        headers: Headers for every request to that server. A method that calls another server, such as
            ``web_search``, sends none of them, except an ``Authorization`` in place of ``api_key``.
        timeout: Limits in seconds; a bare number is ``Timeout(total=…)``, ``None`` waits for ever; a ``Timeout``
            of httpx or httpx2 is converted part by part. By default the limits of ``http_client``, if they are
            not its library's default.
        transport: Any transport of httpx or httpx2, used instead of the SDK's own; closed with the client.
            Timeouts are then as exact as that transport: with httpx's own, each single read may take the time that
            remains at the start of the body.
        http_client: A whole ``httpx.Client``, or one of httpx2, used instead; left open. Its ``auth`` applies
            if no key is sent.
        max_item_bytes: The largest item of a stream, in bytes after decompression; 64 MiB by default.
        max_body_bytes: The largest reply in one piece, in bytes after decompression; 256 MiB by default. A
            longer reply or item is a :class:`DecodeError`. Of an error body, 1 MiB at most is read.
        retry: Repeat failed calls; off by default, as all policies are. See :mod:`ollama_sdk.reliability`.
        circuit_breaker: Stop calling an endpoint that keeps failing.
        rate_limit: Limit the rate of calls and how many run at once.
        failover: Spread calls over several servers.
        health: How ``client.health`` checks the servers.
        cache: Keep replies and return them again.
        observer: A plain function, called with every event of these policies, in the thread of the event; also
            by the garbage collector for replies that it frees. A lock that it shares with other code must be an
            ``RLock``.

    Raises:
        ConfigurationError: An argument or environment variable cannot work.
    """

    _transport_class = httpx.BaseTransport
    _http_client_class = httpx.Client

    def _connect(
        self,
        settings: Settings,
        servers: Servers,
        policies: Mapping[str, Any],
        transport: TransportLike | None,
        http_client: HTTPClientLike | None,
    ) -> SyncRuntime:
        __tracebackhide__ = True
        wire = wire_of(transport, http_client)
        try:
            return SyncRuntime(settings, SyncTransports(wire, servers, policies))
        except OllamaError as exc:
            raise shorten_traceback(exc) from exc.__cause__

    @property
    def health(self) -> Health:
        """Checks the servers: ``check()`` now, or a monitor between ``start()`` and ``stop()``."""
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


class AsyncClient(_Client[AsyncRuntime, "AsyncTransportLike", "AsyncHTTPClientLike"], AsyncNamespace, AsyncAnyRoute):
    """The base of :class:`ollama_sdk.AsyncOllama`, which adds one method per endpoint.

    No request is made before a method is called. Belongs to the event loop of its first call: make a client in each
    loop, and close it there.
    """

    _transport_class = httpx.AsyncBaseTransport
    _http_client_class = httpx.AsyncClient

    def _connect(
        self,
        settings: Settings,
        servers: Servers,
        policies: Mapping[str, Any],
        transport: AsyncTransportLike | None,
        http_client: AsyncHTTPClientLike | None,
    ) -> AsyncRuntime:
        wire = async_wire_of(transport, http_client)
        try:
            return AsyncRuntime(settings, AsyncTransports(wire, servers, policies))
        except OllamaError as exc:
            raise shorten_traceback(exc) from exc.__cause__

    @property
    def health(self) -> AsyncHealth:
        """Checks the servers: ``await check()`` now, or a monitor between ``await start()`` and ``await stop()``."""
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
