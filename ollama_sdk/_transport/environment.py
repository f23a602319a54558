"""Reads the proxy for a URL from ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``.

A request through a proxy shows its API key to the proxy. So ``NO_PROXY`` is read as httpx and as curl read it: a request that
either of them would send directly is sent directly. The entries are separated by commas or blanks, and an entry is

- ``*``: every host;
- ``corp``, ``.corp`` or ``*.corp``: that domain and every host in it;
- ``10.0.0.1``, ``fd00::1`` or ``[fd00::1]``: that address, in any notation;
- ``10.0.0.0/8`` or ``fd00::/8``: every address in that range. Names are not looked up for it;
- one of these with ``:PORT`` after it, or with ``http://`` or ``https://`` before it: only that port or scheme.

Names and addresses of this computer are never reached through a proxy.
"""

from __future__ import annotations

import os
import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

__all__ = ["is_loopback", "proxy_setting", "variable"]

_PORTS = {"http": 80, "https": 443}
_IPV4 = 4


def proxy_setting(url: httpx.URL) -> tuple[str, str] | None:
    """The proxy of the environment for ``url``: the name of the variable, and its value; ``None`` without one."""
    if is_loopback(url.host):
        return None
    import urllib.request

    proxies = urllib.request.getproxies()
    name = url.scheme if proxies.get(url.scheme) else "all"
    proxy = proxies.get(name)
    if not proxy or _is_excepted(url, proxies.get("no", "")):
        return None
    if not urllib.request.getproxies_environment() and urllib.request.proxy_bypass(url.host):
        return None  # the settings of Windows and macOS have exceptions of their own
    return variable(f"{name}_proxy"), proxy


def variable(name: str) -> str:
    """The name of the variable as it is set: in lower case, which has precedence, or in upper case."""
    return name if name in os.environ else name.upper()


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this computer: ``localhost``, names below it, and any notation of a loopback address."""
    name = _bare(host)
    address = _address(name)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    return name == "localhost" or name.endswith(".localhost")


def _is_excepted(url: httpx.URL, no_proxy: str) -> bool:
    host = _bare(url.raw_host.decode("ascii"))
    address = _address(host)
    port = url.port or _PORTS.get(url.scheme)
    return any(
        _matches(entry, url.scheme, host, address, port) for entry in re.split(r"[\s,]+", no_proxy.lower()) if entry
    )


def _matches(entry: str, scheme: str, host: str, address: IPv4Address | IPv6Address | None, port: int | None) -> bool:
    """Whether an entry of ``NO_PROXY`` matches a host."""
    of_scheme, found, rest = entry.rpartition("://")
    if found and of_scheme not in {scheme, "all"}:
        return False
    place, of_port = _without_port(rest)
    if of_port is not None and of_port != port:
        return False
    if "/" in place:
        return address is not None and _is_in_range(address, place)
    place = _bare(place)
    of_address = _address(place)
    if of_address is not None or address is not None:
        return place == "*" or of_address == address
    domain = place.removeprefix("*").removeprefix(".")
    return host == domain or host.endswith(f".{domain}") or (not domain and place == "*")


def _without_port(place: str) -> tuple[str, int | None]:
    """A host and the port after it. An IPv6 address contains colons, so it can have a port only in brackets."""
    match = re.fullmatch(r"(\[.*\][^:]*|[^:]*):(\d+)", place)
    return (match[1], int(match[2])) if match else (place, None)


def _is_in_range(address: IPv4Address | IPv6Address, text: str) -> bool:
    try:
        network = ip_network(text.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False
    return address in network or (isinstance(address, IPv4Address) and ip_address(f"::ffff:{address}") in network)


def _bare(host: str) -> str:
    """A host in lower case, without brackets, zone or the dot of a full name, and in ASCII."""
    host = host.lower().strip("[]").partition("%")[0].removesuffix(".")
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The address in ``host``, in any notation that ``connect()`` takes: 127.1, 0x7f.1 and ::ffff:127.0.0.1 are equal."""
    try:
        address = ip_address(host)
    except ValueError:
        if not host[:1].isdigit():
            return None
        try:
            return IPv4Address(socket.inet_aton(host))
        except (OSError, UnicodeError):
            return None
    return getattr(address, "ipv4_mapped", None) or address
