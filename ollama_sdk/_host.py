"""Parses a host setting into a base URL, by the rules of Ollama's own command line for ``OLLAMA_HOST``."""

from __future__ import annotations

import ipaddress

import httpx

from ._secrets import redact_url
from .errors import ConfigurationError

__all__ = ["parse_host"]

_DEFAULT_HOST = "127.0.0.1"
_DEFAULT_PORT = "11434"
_SCHEME_PORT = {"http": "80", "https": "443"}
_CLOUD_HOST = "ollama.com"
_HIGHEST_PORT = 65535
# A server listens on every address with these; a client must connect to one address.
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - it is replaced, not bound


def parse_host(value: str, transport: str = "HTTPTransport") -> httpx.URL:
    """Return the base URL of a host setting.

    Args:
        value: Anything that ``OLLAMA_HOST`` may hold: ``""``, ``host``, ``host:port``, ``:port``, an IPv6 address with or
            without brackets, or a URL with an optional path. Blanks and quotes around it are dropped. Without a scheme, a
            port that is not a number up to 65535 counts as absent. The default port is 11434, and with a scheme that
            scheme's own.
        transport: The class that reaches a Unix socket, for the error about one.

    Raises:
        ConfigurationError: The scheme is neither ``http`` nor ``https``; the URL holds credentials, a query or a
            fragment; the host is not a host name; or the port of a URL is not a number up to 65535.

    Source: ``envconfig.Host`` of Ollama, whose table of test cases is one of our tests. Only the last error differs: Ollama's
    command line would call port 80 or 443 instead, where another server may answer.
    """
    text = value.strip().strip("\"'").strip()
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = ("https", f"{text}:443") if text == _CLOUD_HOST else ("http", text)
        default_port = _DEFAULT_PORT
    else:
        scheme = scheme.lower()
        if scheme not in _SCHEME_PORT:
            other = f", or for a Unix socket transport={transport}(uds=...)" if "unix" in scheme else ""
            raise ConfigurationError(
                f"host {redact_url(text)!r}: the scheme is {scheme!r}; use http:// or https://{other}"
            )
        default_port = _SCHEME_PORT[scheme]
    authority, _, path = rest.partition("/")
    if "," in authority.rpartition("@")[2]:
        raise ConfigurationError(
            'host holds a comma; give several hosts as a list, such as ["http://gpu-1:11434", "http://gpu-2:11434"]'
        )
    if "@" in authority:
        raise ConfigurationError(
            f"host {redact_url(text)!r} holds credentials; pass the key as api_key= (or OLLAMA_API_KEY) instead"
        )
    if "?" in rest or "#" in rest:
        raise ConfigurationError(f"host {redact_url(text)!r} holds a query or a fragment; a base URL has neither")
    if found and ("[" in authority) != ("]" in authority):
        raise ConfigurationError(
            f"host {text!r}: the bracket has no partner; write an address as in http://[::1]:11434"
        )
    host, port = _split(authority, default_port)
    if found and (given := _port_of(authority)) and given.lstrip("0") != port.lstrip("0"):
        raise ConfigurationError(f"host {text!r}: the port is {given!r}; give a number up to {_HIGHEST_PORT}")
    host = _UNSPECIFIED.get(host, host)
    try:
        url = httpx.URL(
            f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/{path}".removesuffix("/" * (not path))
        )
        has_name = bool(url.host)  # decodes an international name, which may fail
    except (httpx.InvalidURL, ValueError, UnicodeError) as exc:
        raise ConfigurationError(f"host {text!r} is not a host name, an address or a URL: {exc}") from exc
    if not has_name or any(char.isspace() for char in host):
        raise ConfigurationError(f"host {text!r} is not a host name, an address or a URL")
    return url


def _split(authority: str, default_port: str) -> tuple[str, str]:
    """Return host and port of ``host``, ``host:port``, ``:port``, ``::1``, ``[::1]`` or ``[::1]:port``."""
    bare = authority.strip("[]")
    if _is_address(bare):
        return bare, default_port
    host, colon, port = authority.rpartition(":")
    if not colon:
        return authority or _DEFAULT_HOST, default_port
    valid = port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT
    return host.strip("[]") or _DEFAULT_HOST, port if valid else default_port


def _port_of(authority: str) -> str:
    """Return the text at the place of the port in a URL; ``""`` without one."""
    after_address = authority.rpartition("]")[2]
    return "" if _is_address(authority) else after_address.rpartition(":")[2] if ":" in after_address else ""


def _is_address(text: str) -> bool:
    if "]" in text:
        return False  # ip_address() would take the bracket as part of an IPv6 zone
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
