"""Decides the route to a server: direct, through a proxy or a Unix socket, with TLS or without."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeAlias

import httpx

from ollama_sdk.errors import ConfigurationError

from .network import Address, TunnelError, literal_address, unix_address
from .pool import ConnectionT, IdleStack, Pool
from .request import RequestWriter

if TYPE_CHECKING:
    from .proxies import Proxy, ProxyParts
    from .tls import TLS, Handshake

__all__ = ["PathLike", "ProxyLike", "Route", "Routes"]

ProxyLike: TypeAlias = "str | httpx.URL | ProxyParts"
PathLike: TypeAlias = "str | os.PathLike[str]"

_PORTS = {"http": 80, "https": 443}


class Routes(Generic[ConnectionT]):
    """The routes to all servers of one transport, each made at its first use.

    Args:
        pool: The connections of the transport.
        ssl_context: Certificates and versions for ``https``; ``None`` trusts what httpx trusts: certifi, or what
            SSL_CERT_FILE and SSL_CERT_DIR name.
        proxy: The proxy of all servers; ``None`` reads the environment.
        trust_env: Whether to read a proxy from the environment.
        uds: The path of a Unix socket on which all servers are reached.

    Raises:
        ConfigurationError: An argument cannot work, or ``proxy`` and ``uds`` are both given.
    """

    def __init__(
        self,
        pool: Pool[ConnectionT],
        *,
        ssl_context: ssl.SSLContext | None,
        proxy: ProxyLike | None,
        trust_env: bool,
        uds: PathLike | None,
    ) -> None:
        if uds is not None and proxy is not None:
            raise ConfigurationError("give uds= or proxy=, not both: nothing is between a Unix socket and its server")
        self._pool = pool
        self._ssl_context = None if ssl_context is None else _context(ssl_context)
        self._proxy = None if proxy is None else _proxy(proxy)
        self._trust_env = trust_env and uds is None
        self._uds = None if uds is None else _path(uds)
        self._routes: dict[tuple[bytes, bytes, int | None], Route[ConnectionT]] = {}
        self._latest: tuple[httpx.URL, Route[ConnectionT]] | None = None

    def of(self, url: httpx.URL) -> Route[ConnectionT]:
        """The route to the server of ``url``.

        Raises:
            httpx.UnsupportedProtocol: It is neither ``http`` nor ``https``.
            ConfigurationError: The trusted certificates cannot be read.
        """
        latest = self._latest
        if latest is not None and latest[0] is url:  # all calls of a method share one URL
            return latest[1]
        key = (url.raw_scheme, url.raw_host, url.port)
        route = self._routes.get(key)
        if route is None:
            route = self._routes.setdefault(
                key, self._make(url)
            )  # two threads may make it at once: the first one is used
        self._latest = url, route
        if self._routes.get(key) is not route:  # closed meanwhile, in another thread
            self._latest = None
        return route

    def _make(self, url: httpx.URL) -> Route[ConnectionT]:
        if url.scheme not in _PORTS:
            raise httpx.UnsupportedProtocol(f"the scheme of {str(url)!r} is neither http nor https")
        proxy = self._proxy
        if proxy is None and self._trust_env:
            from .environment import proxy_setting

            setting = proxy_setting(url)
            proxy = None if setting is None else _proxy_of_environment(*setting)
        if url.scheme == "https":
            self.context()  # if that cannot be read, nothing is to be sent
        return Route(self, IdleStack(self._pool), url, proxy, self._uds)

    def context(self) -> ssl.SSLContext:
        """The certificates for ``https``; the trusted ones are read at the first use, which takes longer than a call.

        Raises:
            ConfigurationError: They cannot be read.
        """
        if self._ssl_context is None:
            directory = os.environ.get("SSL_CERT_DIR")
            if (
                directory
                and not os.environ.get("SSL_CERT_FILE")
                and not any(map(os.path.isdir, directory.split(os.pathsep)))
            ):
                raise ConfigurationError(
                    f"SSL_CERT_DIR names {directory!r}, and there is no such directory: correct or unset it"
                )
            from .tls import trusted_certificates

            try:
                self._ssl_context = trusted_certificates()
            except OSError as exc:
                raise ConfigurationError(_certificates_problem(exc)) from exc
        return self._ssl_context

    def close(self) -> None:
        """Close the idle connections, and read the environment again at the next use."""
        self._latest = None
        while self._routes:
            try:
                _, route = self._routes.popitem()
            except KeyError:  # another thread was faster
                return
            route.stack.close()


def _context(given: object) -> ssl.SSLContext:
    if not isinstance(given, ssl.SSLContext):
        raise ConfigurationError(
            f"ssl_context= is of type {type(given).__name__}; give an ssl.SSLContext, such as "
            "ssl.create_default_context(cafile=...); its check_hostname=False and verify_mode=ssl.CERT_NONE check nothing"
        )
    return given


def _path(given: PathLike) -> str:
    path = os.fspath(given) if hasattr(given, "__fspath__") else given
    if not isinstance(path, str) or not path:
        said = "is empty" if path == "" else f"is of type {type(given).__name__}"
        raise ConfigurationError(f"uds= {said}; give the path of a Unix socket, such as '/run/ollama.sock'")
    return path


def _proxy(proxy: ProxyLike, named_by: str = "proxy=") -> Proxy:
    from .proxies import Proxy

    return Proxy(proxy, named_by)


def _proxy_of_environment(variable: str, value: str) -> Proxy:
    try:
        return _proxy(value, variable)
    except ConfigurationError as exc:
        problem = str(exc)
    raise ConfigurationError(f"{variable} names a proxy that cannot be used: {problem}; correct or unset it")


def _certificates_problem(exc: OSError) -> str:
    path = os.environ.get("SSL_CERT_FILE")
    if path and not Path(path).is_file():
        return f"SSL_CERT_FILE names {path!r}, and there is no such file: correct or unset it"
    if path and "NO_CERTIFICATE_OR_CRL_FOUND" in str(exc):
        return f"SSL_CERT_FILE names {path!r}, which holds no certificates: correct or unset it"
    return f"the trusted certificates cannot be read: {exc}; see SSL_CERT_FILE and SSL_CERT_DIR, or give ssl_context="


class Route(Generic[ConnectionT]):
    """The route to one server.

    Attributes:
        stack: Its idle connections.
        host: The host to connect to, which may be a proxy; ``""`` for a Unix socket.
        port: The port of that host.
        addresses: The addresses of that host, if they need no look-up.
        name: What is connected to instead of the server, in messages: a proxy or a Unix socket; ``""`` for neither.
    """

    def __init__(
        self,
        routes: Routes[ConnectionT],
        stack: IdleStack[ConnectionT],
        url: httpx.URL,
        proxy: Proxy | None,
        uds: str | None,
    ) -> None:
        self.stack = stack
        self._routes = routes
        self._proxy = proxy
        self._is_tls = url.scheme == "https"
        self._server = url.raw_host.decode("ascii")
        self._port = url.port or _PORTS[url.scheme]
        self.host, self.port = (proxy.host, proxy.port) if proxy is not None else (self._server, self._port)
        self.addresses: list[Address] = unix_address(uds) if uds is not None else literal_address(self.host, self.port)
        self.name = ""
        self._prefix = b""
        self._proxy_headers: tuple[tuple[bytes, bytes], ...] = ()
        # For the errors of a request: the way that it takes, and the headers that a proxy may repeat, which no error must show.
        self._noted: dict[str, Any] = {}
        if uds is not None:
            self.name = f"the Unix socket {uds}"
            self._noted = {"uds": uds}
        elif proxy is not None:
            self.name = f"the proxy {proxy.host}:{proxy.port}"
            self._noted = {"proxy": proxy, "proxy_headers": httpx.Headers(proxy.headers).multi_items()}
        if proxy is not None and not proxy.is_socks and not self._is_tls:
            self._prefix = b"http://" + self._authority()
            self._proxy_headers = proxy.headers

    def _authority(self) -> bytes:
        host = f"[{self._server}]" if ":" in self._server else self._server
        return f"{host}:{self._port}".encode("ascii")

    def writer(self, request: httpx.Request) -> RequestWriter:
        """Return the writer of ``request`` for this route."""
        if self._noted:
            request.extensions |= self._noted
        elif "proxy" in request.extensions:  # of an attempt at another server
            del request.extensions["proxy"]
        return RequestWriter(request, self._prefix, self._proxy_headers)

    @property
    def needs_handshake(self) -> bool:
        """Whether a connection needs a handshake before its first request."""
        return self._is_tls or (self._proxy is not None and (self._proxy.is_socks or self._proxy.scheme == "https"))

    def handshake(self, connection: ConnectionT) -> Handshake:
        """Run the handshake before the first request on ``connection``.

        Raises:
            TunnelError: The proxy did not open a tunnel.
            OSError: The TLS handshake failed, or the connection was closed.
        """
        from .proxies import connect_tunnel, socks_tunnel
        from .tls import TLS

        proxy = self._proxy
        outer: TLS | None = None
        if proxy is not None and proxy.scheme == "https":
            outer = TLS(proxy.ssl_context or self._routes.context(), proxy.host)
            try:
                yield from outer.handshake()
            except OSError as exc:
                raise TunnelError(f"the TLS handshake with the proxy failed: {exc}") from exc
        if proxy is not None and proxy.is_socks:
            yield from socks_tunnel(self._server, self._port, proxy.user)
        elif proxy is not None and self._is_tls:
            tunnel = connect_tunnel(self._authority(), proxy.headers)
            yield from tunnel if outer is None else _within(outer, tunnel)
        connection.tls = outer
        if self._is_tls:
            connection.tls = TLS(self._routes.context(), self._server.partition("%")[0], outer)
            yield from connection.tls.handshake()


def _within(outer: TLS, inner: Handshake) -> Handshake:
    """Run ``inner`` on a connection that ``outer`` encrypts."""
    try:
        send = next(inner)
        while True:
            received = yield outer.encrypt(send) if send else b""
            plain = outer.decrypt(received)
            while received and not (plain or outer.ended or outer.failure):  # no record was complete
                received = yield b""
                plain = outer.decrypt(received)
            send = inner.send(plain)
    except StopIteration:
        return
