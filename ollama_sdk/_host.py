"""Which base URL a host setting means, read exactly as Ollama's own command line reads ``OLLAMA_HOST``."""

from __future__ import annotations

import ipaddress

import httpx

from .errors import ConfigurationError

__all__ = ["parse_host"]

_DEFAULT_HOST = "127.0.0.1"
_DEFAULT_PORT = "11434"
_SCHEME_PORT = {"http": "80", "https": "443"}
_CLOUD_HOST = "ollama.com"
_HIGHEST_PORT = 65535
# A server listens on "every address"; a client has to name one.
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def parse_host(value: str) -> httpx.URL:
    """The base URL that ``value`` connects to.

    Args:
        value: Anything ``OLLAMA_HOST`` may hold: ``""``, ``host``, ``host:port``, ``:port``, an IPv6 address with or without
            brackets, or a URL with an optional path; blanks and quotes around it are dropped. A port that is not a number
            up to 65535 counts as absent. Without a scheme the port defaults to 11434, with one to that scheme's.

    Raises:
        ConfigurationError: The scheme is neither ``http`` nor ``https``, the URL holds credentials, a query or a
            fragment, or the host is not a host name.

    Source: ``envconfig.Host`` of Ollama, whose table of cases is a test.
    """
    text = value.strip().strip("\"'").strip()
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = ("https", f"{text}:443") if text == _CLOUD_HOST else ("http", text)
        default_port = _DEFAULT_PORT
    else:
        scheme = scheme.lower()
        if scheme not in _SCHEME_PORT:
            raise ConfigurationError(f"host {_safe(text)!r}: the scheme is {scheme!r}; use http:// or https://")
        default_port = _SCHEME_PORT[scheme]
    authority, _, path = rest.partition("/")
    if "@" in authority:
        raise ConfigurationError(
            f"host {_safe(text)!r} holds credentials; pass the key as api_key= (or OLLAMA_API_KEY) instead"
        )
    if "?" in rest or "#" in rest:
        raise ConfigurationError(f"host {text!r} holds a query or a fragment; a base URL has neither")
    host, port = _split(authority, default_port)
    host = _UNSPECIFIED.get(host, host)
    try:
        url = httpx.URL(
            f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/{path}".removesuffix("/" * (not path))
        )
        named = bool(url.host)  # an international name is decoded here
    except (httpx.InvalidURL, ValueError, UnicodeError) as exc:
        raise ConfigurationError(f"host {text!r} is not a host name, an address or a URL: {exc}") from exc
    if not named or any(char.isspace() for char in host):
        raise ConfigurationError(f"host {text!r} is not a host name, an address or a URL")
    return url


def _split(authority: str, default_port: str) -> tuple[str, str]:
    """Host and port of ``host``, ``host:port``, ``:port``, ``::1``, ``[::1]`` or ``[::1]:port``."""
    bare = authority.strip("[]")
    if _is_address(bare):
        return bare, default_port
    host, colon, port = authority.rpartition(":")
    if not colon:
        return authority or _DEFAULT_HOST, default_port
    return host.strip("[]") or _DEFAULT_HOST, port if _is_port(port) else default_port


def _is_address(text: str) -> bool:
    if "]" in text:
        return False  # a zone would swallow it
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) <= _HIGHEST_PORT


def _safe(text: str) -> str:
    """The setting with anything that could be a password left out."""
    scheme, found, rest = text.rpartition("://")
    return f"{scheme}{found}***@{rest.rpartition('@')[2]}" if "@" in rest else text
