"""The settings of a client for its requests: from its arguments, the environment and ``with_options()``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeGuard

import httpx

from ollama_sdk._bodies import MAX_BODY_BYTES
from ollama_sdk._secrets import check_headers, check_key
from ollama_sdk._servers import own_headers, url_of
from ollama_sdk._timeout import Inherit, Timeout, as_timeout
from ollama_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from ollama_sdk._secrets import SecretText
    from ollama_sdk.reliability import Endpoint

__all__ = ["Settings", "is_mapping", "named", "settings_of"]

_DEFAULT_OF_HTTPX = 5.0  # seconds, of each part
_OWN = "ollama_sdk._transport."  # the modules of this package's transports


def named(value: Any, argument: str) -> Mapping[str, Any]:
    """Return ``value`` if it is a mapping with string keys, and an empty one for ``None``.

    Args:
        value: The caller's argument.
        argument: The name of the argument, for the error.

    Raises:
        ConfigurationError: It is of another type. The message does not show it, because it may hold a secret.
    """
    if value is None:
        return {}
    if not is_mapping(value) or not all(isinstance(name, str) for name in value):
        raise ConfigurationError(f"{argument}= takes a mapping whose keys are strings, such as a dict")
    return value


def is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    """Whether a value is a mapping."""
    return isinstance(value, Mapping)


def _checked_bytes(name: str, value: Any) -> int:
    if not isinstance(value, int) or value < 1:
        raise ConfigurationError(f"{name}={value!r}: give a number of bytes above 0")
    return value


def _headers_of(headers: tuple[tuple[str, str], ...], host: bytes) -> httpx.Headers:
    made = httpx.Headers(headers)
    return made if "host" in made else httpx.Headers([(b"Host", host), *made.raw])


class Settings:
    """The settings of a client for its requests; they do not change.

    Attributes:
        base_url: The server.
        api_key: Sent as a bearer token.
        headers: Sent with every request to the server at ``base_url``; with failover also to the other servers.
        own_headers: Sent to the server at ``base_url`` only; names are in lower case.
        chosen: Names, in lower case, of headers that ``with_options()`` has set. They replace an endpoint's own.
        timeout: The limits of a call.
        max_item_bytes: The largest item of a stream, in bytes.
        max_body_bytes: The largest reply in one piece, in bytes, decoded.
        own_transport: Whether requests go through the transport of this package.
        is_async: Whether the client is async, for advice.
        origin: ``base_url`` as text, without a slash at its end.
        headers_of: Makes the headers of a request to a host; requests with the same ones share them in memory.
    """

    def __init__(
        self,
        *,
        base_url: httpx.URL,
        api_key: str | None,
        headers: Mapping[str, str],
        own_headers: Mapping[str, str],
        timeout: Timeout,
        max_item_bytes: int,
        max_body_bytes: int = MAX_BODY_BYTES,
        chosen: frozenset[str] = frozenset(),
        own_transport: bool = True,
        is_async: bool = False,
    ) -> None:
        self.base_url = base_url
        self.api_key = api_key
        self.headers = headers
        self.own_headers = own_headers
        self.timeout = timeout
        self.max_item_bytes = _checked_bytes("max_item_bytes", max_item_bytes)
        self.max_body_bytes = _checked_bytes("max_body_bytes", max_body_bytes)
        self.chosen = chosen
        self.own_transport = own_transport
        self.is_async = is_async
        self.origin = str(base_url).rstrip("/")
        # An open stream keeps its request, and its own headers would take almost a kilobyte. They may hold a key, so they end with
        # these settings.
        self.headers_of: Callable[[tuple[tuple[str, str], ...], bytes], httpx.Headers] = lru_cache(16)(_headers_of)

    def __repr__(self) -> str:
        return f"Settings(base_url={str(self.base_url)!r})"

    def choosing(self, names: Iterable[str]) -> Settings:
        """Return these settings with more names in ``chosen``."""
        chosen = self.chosen.union(map(str.lower, names))
        own_headers = {name: value for name, value in self.own_headers.items() if name not in chosen}
        return self.replaced(chosen=chosen, own_headers=own_headers)

    def changed(
        self, api_key: str | SecretText | None, headers: Mapping[str, str] | None, *, limits: Mapping[str, Any]
    ) -> Settings:
        """Return these settings with the changes of ``with_options()``.

        Args:
            api_key: Sent in place of any other key; ``""`` sends none, ``None`` keeps the present one.
            headers: Headers to add or replace.
            limits: Fields of the settings to replace.

        Raises:
            ConfigurationError: The key or a header cannot be sent.
        """
        added: Mapping[str, str] = named(headers, "headers")
        check_headers(added)
        kept: Mapping[str, str] = self.headers
        key = check_key(api_key)
        if key is not None:
            kept = {name: value for name, value in kept.items() if name.lower() != "authorization"}
        return self.choosing(added if key is None else {*added, "authorization"}).replaced(
            headers={**kept, **added},
            api_key=key if key is not None else None if _has_authorization(added) else self.api_key,
            **limits,
        )

    def replaced(self, **changes: Any) -> Settings:
        """Return these settings with other values of some fields."""
        kept = {name: value for name, value in vars(self).items() if name not in {"origin", "headers_of"}}
        return Settings(**(kept | changes))


def settings_of(
    hosts: Sequence[str | Endpoint],
    api_key: str | SecretText | None,
    headers: Mapping[str, str] | None,
    limits: Mapping[str, Any],
    *,
    transport: object,
    http_client: object,
    is_async: bool,
) -> Settings:
    """Return the settings of a new client.

    Args:
        hosts: The servers, at least one.
        api_key: As the client takes it.
        headers: As the client takes them.
        limits: ``timeout`` as the client takes it, and further fields of :class:`Settings`.
        transport: As the client takes it.
        http_client: As the client takes it.
        is_async: Whether the client is async.

    Raises:
        ConfigurationError: An argument or environment variable is invalid.
    """
    given: dict[str, str] = dict(named(headers, "headers"))
    check_headers(given)
    key = check_key(api_key)
    if key is None and not _has_authorization(given):  # which replaces the key of the environment
        key = check_key(os.environ.get("OLLAMA_API_KEY"), "OLLAMA_API_KEY")
    timeout = limits["timeout"]
    fields: dict[str, Any] = {
        **limits,
        "timeout": _limits_of(http_client) if isinstance(timeout, Inherit) else as_timeout(timeout),
    }
    return Settings(
        base_url=url_of(hosts[0]),
        api_key=key,
        headers=given,
        own_headers=own_headers(hosts[0]) if len(hosts) == 1 else {},
        own_transport=http_client is None and (transport is None or type(transport).__module__.startswith(_OWN)),
        is_async=is_async,
        **fields,
    )


def _has_authorization(headers: Mapping[str, Any]) -> bool:
    return any(name.lower() == "authorization" for name in headers)


def _limits_of(http_client: Any) -> Timeout:
    """The limits of a caller's httpx client, unless they are httpx's own default, which no caller has chosen."""
    limits = getattr(http_client, "timeout", None)
    if limits is None or {limits.connect, limits.read, limits.write, limits.pool} == {_DEFAULT_OF_HTTPX}:
        return Timeout()
    return as_timeout(limits)
