"""Refuses requests with a foreign ``Host`` or ``Origin``, and answers the CORS preflights of browsers."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from ollama_sdk.testing._server.responses import empty_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["AccessControl"]

_ORIGIN = re.compile(
    r"https?://(localhost|127\.0\.0\.1|0\.0\.0\.0)(:\d+)?|(app|file|tauri|vscode-webview|vscode-file)://.*"
)
_LOCAL_NAMES = ("localhost", "local", "internal")
_STAINLESS = (
    "Arch,Async,Custom-Poll-Interval,Helper-Method,Lang,Os,Package-Version,Poll-Helper,Retry-Count,Runtime,"
    "Runtime-Version,Timeout"
)
_ALLOWED_HEADERS = ",".join(
    ["Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta"]
    + [f"X-Stainless-{name}" for name in _STAINLESS.split(",")]
)


class AccessControl:
    """ASGI middleware; ``allowed`` has the ``Allow`` header of each path for preflights."""

    def __init__(self, app: ASGIApp, allowed: Mapping[str, str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if not _is_local(headers.get("host", "")) or (origin is not None and not _ORIGIN.fullmatch(origin)):
            await empty_response(403)(scope, receive, send)
        elif origin is None:
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await self._preflight(scope, receive, send, origin)
        else:
            await self._app(scope, receive, _with_cors_headers(send, origin))

    async def _preflight(self, scope: Scope, receive: Receive, send: Send, origin: str) -> None:
        headers = {
            "access-control-allow-headers": _ALLOWED_HEADERS,
            "access-control-allow-methods": "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS",
            "access-control-allow-origin": origin,
            "access-control-max-age": "43200",
            "vary": "Access-Control-Request-Headers",
        }
        if scope["path"] in self._allowed:
            headers["allow"] = self._allowed[scope["path"]]
        await empty_response(204, **headers)(scope, receive, send)


def _is_local(host: str) -> bool:
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    name = name.strip("[]").lower()
    if not name or name in {"localhost", socket.gethostname().lower()}:
        return True
    if name.rpartition(".")[2] in _LOCAL_NAMES:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _with_cors_headers(send: Send, origin: str) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["access-control-allow-origin"] = origin
            headers["vary"] = "Origin"
        await send(message)

    return send_with_headers
