"""Maps errors of connecting to the errors of httpx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from ollama_sdk.errors import APIConnectionError

from .network import TunnelError, UnreachableError

if TYPE_CHECKING:
    from .route import Route

__all__ = ["closed_meanwhile", "connect_error"]


def closed_meanwhile(request: httpx.Request) -> APIConnectionError:
    """The error of a call whose client was closed meanwhile.

    It is not an error of httpx, because policies would repeat the call, or count the failure against the server.
    """
    place = f"{request.method} {request.url.copy_with(userinfo=b'', query=None)}"
    return APIConnectionError(f"{place}: the client was closed before the call had ended")


def connect_error(exc: Exception, route: Route[Any]) -> Exception:
    """The error of a connection that could not be made."""
    if isinstance(exc, httpx.RequestError):
        return exc
    where = f"{route.name}: " if route.name else ""
    if isinstance(exc, UnreachableError):
        return (httpx.ConnectTimeout if exc.timed_out else httpx.ConnectError)(f"{where}{exc}")
    if isinstance(exc, TunnelError):
        return httpx.ProxyError(f"{where}{exc}")
    if isinstance(exc, OSError):  # of TLS too
        return httpx.ConnectError(f"{where}{exc}")
    return exc
