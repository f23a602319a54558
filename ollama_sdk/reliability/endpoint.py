"""One server: its address, and the key and headers that only it receives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

import httpx
from attrs import field, frozen

from ollama_sdk._secrets import Hidden, check_headers, check_key, redact_url
from ollama_sdk.errors import ConfigurationError, shorten_traceback

if TYPE_CHECKING:
    from ollama_sdk._secrets import SecretText

__all__ = ["Endpoint"]

_LAST_PORT = 65535
_GIVE = "give a base URL such as 'http://gpu-1:11434'"


def _is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_named(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return _is_mapping(value) and all(isinstance(name, str) for name in value)


def _check_url(value: Any) -> None:
    shown = repr(redact_url(value) if isinstance(value, str) else value)
    try:
        url = httpx.URL(value)
    except (TypeError, httpx.InvalidURL) as error:
        problem = _GIVE if "@" in str(value) else error  # which may show a part of the credentials
        raise ConfigurationError(f"Endpoint(url={shown}): {problem}") from None
    if url.userinfo:
        raise ConfigurationError(
            f"Endpoint(url=...) on {url.host}: credentials go into api_key or headers, not into the URL"
        )
    is_base = url.scheme in {"http", "https"} and url.host and not url.query and not url.fragment
    if not is_base or not (url.port is None or 0 < url.port <= _LAST_PORT):
        raise ConfigurationError(f"Endpoint(url={shown}): {_GIVE}")


def _checked(url: Any, api_key: Any, headers: Any) -> tuple[str, str | None, Mapping[str, str] | None]:
    """Check the arguments of an endpoint; no error shows a key or a header."""
    url = url.rstrip("/") if isinstance(url, str) else url
    _check_url(url)
    if headers is not None:
        if not _is_named(headers):
            raise ConfigurationError(f"Endpoint(headers=...) for {url}: give a mapping of names to values")
        check_headers(headers, f"Endpoint(headers=...) for {url}: ")
    return url, check_key(api_key, f"Endpoint(api_key=...) for {url}: the key"), headers


@frozen(init=False)
class Endpoint:
    """One server.

    Attributes:
        url: Base URL, such as ``http://gpu-1:11434``. Its path is the prefix of each request's path.
        api_key: Text, or Pydantic's ``SecretStr``. Sent as bearer token, only to this endpoint. It replaces the client's key and
            an ``Authorization`` in ``headers``.
        headers: Sent only to this endpoint. They replace the client's headers of the same names. Headers given to
            ``with_options()``, or to a call as ``extra_headers``, replace both.

    Raises:
        ConfigurationError: The URL is not a base URL, it holds credentials, or a key or header is not printable ASCII.
    """

    url: str
    api_key: str | None = field(repr=False)
    headers: Mapping[str, str] | None = field(repr=False)

    def __init__(
        self, url: str, api_key: str | SecretText | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        secret = Hidden((url, api_key, headers))
        del url, api_key, headers  # a traceback that shows local variables must not show them
        self._set("", None, None)  # so that such a traceback can call repr()
        try:
            self._set(*_checked(*secret.value))
        except ConfigurationError as exc:
            raise shorten_traceback(exc) from exc.__cause__

    def _set(self, url: str, api_key: str | None, headers: Mapping[str, str] | None) -> None:
        for name, value in (("url", url), ("api_key", api_key), ("headers", headers)):
            object.__setattr__(self, name, value)

    def own_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that only this endpoint receives, one of each name."""
        own = {name.lower(): (name.encode(), value.encode()) for name, value in (self.headers or {}).items()}
        if self.api_key is not None:
            own["authorization"] = (b"Authorization", b"Bearer " + self.api_key.encode())
        return list(own.values())
