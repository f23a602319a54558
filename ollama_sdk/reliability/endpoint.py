"""One server: its address, and the key and headers that are sent to it alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx
from attrs import field, frozen

from ollama_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = ["Endpoint"]

_LAST_PORT = 65535


def _base_url(_: Endpoint, __: object, value: Any) -> None:
    try:
        url = httpx.URL(value)
    except (TypeError, httpx.InvalidURL) as error:
        raise ConfigurationError(f"Endpoint(url={value!r}): {error}") from error
    if url.userinfo:
        raise ConfigurationError(
            f"Endpoint(url=...) on {url.host}: credentials go into api_key or headers, not into the URL"
        )
    is_base = url.scheme in {"http", "https"} and url.host and not url.query and not url.fragment
    if not is_base or not (url.port is None or 0 < url.port <= _LAST_PORT):
        raise ConfigurationError(f"Endpoint(url={value!r}): give a base URL such as 'http://gpu-1:11434'")


def _secret(endpoint: Endpoint, attribute: Attribute[Any], value: Any) -> None:
    # No message may quote a secret.
    if value is not None and not (isinstance(value, str) and value.isascii() and value.isprintable()):
        raise ConfigurationError(f"Endpoint({attribute.name}=...) for {endpoint.url}: give printable ASCII text")


def _secret_headers(endpoint: Endpoint, attribute: Attribute[Any], value: Any) -> None:
    if value is None:
        return
    headers: Mapping[Any, Any] = value
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            f"Endpoint({attribute.name}=...) for {endpoint.url}: give a mapping of names to values"
        )
    for name, content in headers.items():
        _secret(endpoint, attribute, name or 0)
        _secret(endpoint, attribute, 0 if content is None else content)


def _without_slash(value: Any) -> Any:
    return value.rstrip("/") if isinstance(value, str) else value


@frozen
class Endpoint:
    """One server.

    Attributes:
        url: Base URL, such as ``http://gpu-1:11434``. Its path is put before the path of each request.
        api_key: Sent as bearer token to this endpoint and to no other. It replaces the client's key and an
            ``Authorization`` in ``headers``.
        headers: Sent to this endpoint and to no other. They replace the client's headers of the same names. Headers given
            to ``with_options()``, or to a call as ``extra_headers``, replace both.

    Raises:
        ConfigurationError: The URL is not a base URL, it holds credentials, or a key or header is not printable ASCII.
    """

    url: str = field(converter=_without_slash, validator=_base_url)
    api_key: str | None = field(default=None, repr=False, validator=_secret)
    headers: Mapping[str, str] | None = field(default=None, repr=False, validator=_secret_headers)

    def own_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that are sent to this endpoint alone, one of each name."""
        own = {name.lower(): (name.encode(), value.encode()) for name, value in (self.headers or {}).items()}
        if self.api_key is not None:
            own["authorization"] = (b"Authorization", b"Bearer " + self.api_key.encode())
        return list(own.values())
