"""Proxies, and the requests for a tunnel, without I/O.

Requests to an ``http`` server go through an HTTP proxy with the whole URL in the request line. Other servers are reached through a
tunnel: by ``CONNECT`` (RFC 9110, section 9.3.6) through an HTTP proxy, by SOCKS 5 (RFC 1928, with the user names and passwords of
RFC 1929) through a SOCKS proxy. The functions that ask for a tunnel are generators, see :data:`.tls.Handshake`.
"""

from __future__ import annotations

import base64
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from ollama_sdk.errors import ConfigurationError

from .network import TunnelError
from .response import parser_class

if TYPE_CHECKING:
    import ssl

    from .tls import Handshake

__all__ = ["Proxy", "connect_tunnel", "socks_tunnel"]

_LONGEST_LOGIN = 255  # of each, RFC 1929
_HIGHEST_PORT = 65535
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class ProxyParts(Protocol):
    """A proxy of httpx or httpx2."""

    @property
    def url(self) -> Any:
        """Where it is."""

    @property
    def headers(self) -> Any:
        """Sent to it."""

    @property
    def raw_auth(self) -> tuple[bytes, bytes] | None:
        """The user name and the password."""

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """The certificates for speaking to it."""


class Proxy:
    """A proxy.

    Args:
        proxy: Its URL, with user name and password if it needs them, or a ``Proxy`` of httpx or httpx2.
        named_by: The variable of the environment that names it, or the argument.

    Attributes:
        scheme: ``http``, ``https``, ``socks5`` or ``socks5h``; the last two are equivalent: the proxy resolves names.
        host: Its host.
        port: Its port.
        user: The user name and password, in bytes; ``None`` without.
        ssl_context: The certificates for the connection to the proxy itself.
        headers: Sent to the proxy with each request, or with ``CONNECT``.
        named_by: The variable of the environment that names it, or the argument.

    Raises:
        ConfigurationError: It cannot be used.
    """

    def __init__(self, proxy: str | httpx.URL | ProxyParts, named_by: str = "proxy=") -> None:
        parts = _parsed(proxy)
        url = parts.url
        self.scheme: str = url.scheme
        if self.scheme not in _PORTS:
            raise _unusable(f"one of scheme {self.scheme!r}")
        if not url.host:
            raise _unusable("one without a host")
        self.host: str = url.host
        self.port: int = url.port or _PORTS[self.scheme]
        if self.port > _HIGHEST_PORT:
            raise ConfigurationError(
                f"the port of the proxy {self.host} is {self.port}; give a number up to {_HIGHEST_PORT}"
            )
        self.named_by = named_by
        self.user = parts.raw_auth
        self.ssl_context: ssl.SSLContext | None = parts.ssl_context
        headers = list(parts.headers.raw)
        if self.user is not None and not self.is_socks:
            token = base64.b64encode(b":".join(self.user))
            headers.append((b"Proxy-Authorization", b"Basic " + token))
        self.headers = tuple(headers)

        if self.is_socks and self.user is not None and max(map(len, self.user)) > _LONGEST_LOGIN:
            raise ConfigurationError(f"a SOCKS proxy takes at most {_LONGEST_LOGIN} bytes of user name and of password")

    def __str__(self) -> str:
        """Its URL, without user name and password."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS."""
        return self.scheme.startswith("socks")


def _parsed(proxy: str | httpx.URL | ProxyParts) -> ProxyParts:
    if isinstance(proxy, httpx.URL) or hasattr(proxy, "raw_host"):  # a URL of httpx2
        proxy = str(proxy)
    if not isinstance(proxy, str):
        if not hasattr(proxy, "raw_auth"):
            raise _unusable(f"of type {type(proxy).__name__}; give one URL for all servers, or a Proxy of httpx")
        return proxy
    scheme, separator, rest = proxy.partition("://")
    try:
        return httpx.Proxy(f"{scheme.lower()}://{rest}" if separator else f"http://{proxy}")
    except (ValueError, httpx.InvalidURL):  # whose text may hold the password
        is_other = separator and scheme.lower() not in _PORTS
        raise _unusable(f"one of scheme {scheme!r}" if is_other else "what was given") from None


def _unusable(said: str) -> ConfigurationError:
    return ConfigurationError(f"a proxy is http://host:port, https://host:port or socks5://host:port, and not {said}")


def connect_tunnel(authority: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> Handshake:
    """Ask an HTTP proxy for a tunnel to ``authority``, a host with its port.

    Raises:
        TunnelError: It refused.
        ConnectionError: It closed the connection.
    """
    lines = [b"CONNECT %b HTTP/1.1" % authority, b"Host: " + authority, *(b"%b: %b" % each for each in headers)]
    send = b"\r\n".join(lines) + b"\r\n\r\n"
    response = parser_class()(True)
    while response.head is None:
        if response.problem:
            raise TunnelError(f"the proxy opened no tunnel: {response.problem}")
        data = yield send
        send = b""
        if data:
            response.feed(data)
        else:
            response.end()
    head = response.head
    if not 200 <= head.status < 300:  # noqa: PLR2004 - the class of successes
        raise TunnelError(f"the proxy opened no tunnel: {head.status} {head.reason.decode(errors='replace')}")


_VERSION = 5
_NO_LOGIN, _LOGIN = 0, 2
_IPV4, _NAME, _IPV6 = 1, 3, 4
_REPLIES = {
    1: "it failed",
    2: "its rules forbid this connection",
    3: "the network cannot be reached",
    4: "the host cannot be reached",
    5: "the connection was refused",
    6: "the connection took too long",
    7: "it does not know the command",
    8: "it does not know this kind of address",
}


def socks_tunnel(host: str, port: int, user: tuple[bytes, bytes] | None) -> Handshake:
    """Ask a SOCKS 5 proxy for a tunnel; the proxy resolves the name.

    Raises:
        TunnelError: It refused.
    """
    buffer = bytearray()

    def exactly(count: int, send: bytes = b"") -> Handshake:
        while len(buffer) < count:
            data = yield send
            send = b""
            if not data:
                raise TunnelError("the SOCKS proxy closed the connection")
            buffer.extend(data)

    methods = bytes([_NO_LOGIN]) if user is None else bytes([_NO_LOGIN, _LOGIN])
    yield from exactly(2, bytes([_VERSION, len(methods)]) + methods)
    version, method = buffer[:2]
    del buffer[:2]
    if version != _VERSION:
        raise TunnelError("the proxy does not speak SOCKS 5")
    if method == _LOGIN and user is not None:
        name, password = user
        yield from exactly(2, b"\x01%c%b%c%b" % (len(name), name, len(password), password))
        if buffer[1] != 0:
            raise TunnelError("the SOCKS proxy refuses the user name or the password")
        del buffer[:2]
    elif method != _NO_LOGIN:
        raise TunnelError("the SOCKS proxy wants a kind of login that was not offered")
    request = bytes([_VERSION, 1, 0]) + _socks_address(host) + port.to_bytes(2, "big")
    yield from exactly(5, request)
    if buffer[1] != 0:
        raise TunnelError(f"the SOCKS proxy opened no tunnel: {_REPLIES.get(buffer[1], 'it failed')}")
    rest = {_IPV4: 4, _IPV6: 16, _NAME: 1 + buffer[4]}.get(buffer[3], 4) + 2
    yield from exactly(4 + rest)


def _socks_address(host: str) -> bytes:
    try:
        address = ip_address(host)
    except ValueError:
        name = host.encode("ascii")
        return bytes([_NAME, len(name)]) + name
    return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed  # noqa: PLR2004
