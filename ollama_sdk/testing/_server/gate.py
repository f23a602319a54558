"""Who may talk to the server at all: the ``Host`` and ``Origin`` it accepts, and what it tells browsers."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from ollama_sdk.testing._server.http import empty

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Gate"]

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


class Gate:
    """The application behind the checks; ``allowed`` is what a preflight hears about each path's methods."""

    def __init__(self, app: ASGIApp, allowed: Mapping[str, str]) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if not _is_local(headers.get("host", "")) or (origin is not None and not _ORIGIN.fullmatch(origin)):
            await empty(403)(scope, receive, send)
        elif origin is None:
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await self._preflight(scope, receive, send, origin)
        else:
            await self._app(scope, receive, _marked(send, origin))

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
        await empty(204, **headers)(scope, receive, send)


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


def _marked(send: Send, origin: str) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["access-control-allow-origin"] = origin
            headers["vary"] = "Origin"
        await send(message)

    return marked
