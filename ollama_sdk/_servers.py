"""Reads the servers of a client from its ``host`` argument or from ``OLLAMA_HOST``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import httpx
from attr import evolve

from ._host import parse_host
from .errors import ConfigurationError

if TYPE_CHECKING:
    from .reliability import Endpoint

    Host = str | Endpoint | Sequence[str | Endpoint]

__all__ = ["endpoints_of", "endpoints_with_headers", "hosts_of", "own_headers", "url_of"]


def hosts_of(host: Host | None, *, is_async: bool) -> list[str | Endpoint]:
    """The servers in a ``host`` argument, or in ``OLLAMA_HOST``; at least one.

    Raises:
        ConfigurationError: It is empty, is neither text nor an endpoint, or is a Unix socket of an async client.
    """
    hosts = _given_hosts(os.environ.get("OLLAMA_HOST", "") if host is None else host)
    for each in hosts if is_async else ():
        text = each if isinstance(each, str) else each.url
        if "unix" in text:  # others are parsed later
            parse_host(text, "AsyncHTTPTransport")
    return hosts


def _given_hosts(host: Host) -> list[str | Endpoint]:
    if isinstance(host, Sequence) and not isinstance(host, (str, bytes)):
        if not host:
            raise ConfigurationError("host=[] holds no server; leave it out for OLLAMA_HOST")
        return [_checked(each) for each in host]
    return [_checked(host)]


def _checked(host: Any) -> str | Endpoint:
    if not isinstance(host, str) and not isinstance(getattr(host, "url", None), str):
        raise ConfigurationError(f"host={host!r} is neither text nor an Endpoint")
    server: str | Endpoint = host
    return server


def url_of(host: str | Endpoint) -> httpx.URL:
    """The base URL of a server."""
    return parse_host(host if isinstance(host, str) else host.url)


def own_headers(host: str | Endpoint) -> dict[str, str]:
    """The headers that only this server receives, including its key, by lower-case name."""
    if isinstance(host, str):
        return {}
    return {name.decode("ascii").lower(): value.decode("ascii") for name, value in host.own_headers()}


def endpoints_of(hosts: Sequence[str | Endpoint]) -> tuple[Endpoint, ...]:
    """The servers as endpoints, with full URLs."""
    from .reliability import Endpoint  # imported only for clients with policies

    return tuple(
        evolve(host, url=str(url_of(host))) if isinstance(host, Endpoint) else Endpoint(str(url_of(host)))
        for host in hosts
    )


def endpoints_with_headers(
    hosts: Sequence[str | Endpoint], headers: Mapping[str, str], api_key: str | None
) -> tuple[Endpoint, ...]:
    """The servers as endpoints with the headers of a client, for health checks, which do not go through the client.

    As in calls, an endpoint's own headers replace those of the client, and any ``authorization`` header replaces the key.
    """
    common = {name.lower(): value for name, value in headers.items()}
    if api_key:
        common.setdefault("authorization", f"Bearer {api_key}")
    return tuple(evolve(e, api_key=None, headers=common | own_headers(e)) for e in endpoints_of(hosts))
