"""Serves the control routes, by which a test suite in any language sets up the emulator and reads its recorded requests.

Only clients on this machine are served: the client's address must be a loopback address, and the ``Host`` and ``Origin`` rules of
Ollama apply. Control requests are not recorded, and faults of requests do not apply to them.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.requests import Request

from ollama_sdk.testing._server.access import AccessControl
from ollama_sdk.testing._server.responses import json_response
from ollama_sdk.testing._setup.setup import read_setup
from ollama_sdk.testing._setup.source import ScriptError, Source

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ollama_sdk.testing._fault_rules import Faults
    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.backend import Backend
    from ollama_sdk.testing.requests import RecordedRequest, Requests

__all__ = ["CONTROL_ROUTES", "Control"]

PREFIX = "/_emulator"
CONTROL_ROUTES: Mapping[str, str] = {
    f"GET {PREFIX}": "version, models, and this list",
    f"POST {PREFIX}/script": "add the models, replies and faults of a script (YAML or JSON), and set its speed",
    f"DELETE {PREFIX}/script": "remove every scripted reply",
    f"POST {PREFIX}/faults": 'add faults: "503@/api/chat*2", {"kind": "stall", "after": 3}, or a list of such',
    f"DELETE {PREFIX}/faults": "remove every fault",
    f"GET {PREFIX}/journal": "the requests so far; ?count=N&timeout=SECONDS waits until N have ended, at most that long (5)",
    f"DELETE {PREFIX}/journal": "forget the requests",
    f"POST {PREFIX}/reset": "forget everything, and begin again as at the start",
}
_TIMEOUT = 5.0  # seconds

_Handler = Callable[["Control", Request], Awaitable["Response"]]


class Control:
    """ASGI application in front of another one.

    Args:
        app: Answers every other path.
        backend: The state of the emulator.
        faults: The faults of the emulator.
        requests: The recorded requests of the emulator.
        reset: Resets the emulator to its initial state.
    """

    def __init__(
        self, app: ASGIApp, backend: Backend, faults: Faults, requests: Requests, reset: Callable[[], None]
    ) -> None:
        self._app = app
        self._backend = backend
        self._faults = faults
        self._requests = requests
        self._reset = reset
        self._controlled = AccessControl(self._serve, {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        controls = path == PREFIX or path.startswith(f"{PREFIX}/")
        await (self._controlled if controls else self._app)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if not _is_loopback(request.client.host if request.client else ""):
            return _error(403, f"{PREFIX} serves only clients on this machine")
        path = request.url.path.rstrip("/")
        handlers = _HANDLERS.get(path)
        if handlers is None:
            return _error(404, f"there is no {path}; GET {PREFIX} lists the routes")
        handler = handlers.get(request.method)
        if handler is None:
            return _error(405, f"{path} takes {' and '.join(handlers)}")
        try:
            return await handler(self, request)
        except ScriptError as error:
            return _error(400, str(error))

    async def describe(self, _: Request) -> Response:
        models = [
            {"name": model.name.short, "capabilities": list(model.capabilities)} for model in self._backend.models
        ]
        return json_response({"version": self._backend.version, "models": models, "routes": CONTROL_ROUTES})

    async def add_script(self, request: Request) -> Response:
        return self._apply(await _source(request, "script"))

    async def remove_replies(self, _: Request) -> Response:
        self._backend.script.clear()
        return _done()

    async def add_faults(self, request: Request) -> Response:
        source = await _source(request, "faults")
        lines = {("faults", *place): line for place, line in source.lines.items()}
        return self._apply(Source(source.name, {"faults": source.value}, lines))

    async def remove_faults(self, _: Request) -> Response:
        self._faults.clear()
        return _done()

    async def journal(self, request: Request) -> Response:
        query = parse_qs(request.url.query)
        try:
            count, timeout = int(query.get("count", ["0"])[-1]), float(query.get("timeout", [_TIMEOUT])[-1])
        except ValueError:
            return _error(400, "count and timeout are numbers, as in ?count=2&timeout=1.5")
        await asyncio.to_thread(self._requests.wait_ended, count, timeout)
        return json_response([_journal_entry(request) for request in self._requests])

    async def clear_journal(self, _: Request) -> Response:
        self._requests.clear()
        return _done()

    async def reset(self, _: Request) -> Response:
        self._reset()
        return _done()

    def _apply(self, source: Source) -> Response:
        read_setup(source).apply(self._backend, self._faults)
        return _done()


_HANDLERS: Mapping[str, Mapping[str, _Handler]] = {
    PREFIX: {"GET": Control.describe},
    f"{PREFIX}/script": {"POST": Control.add_script, "DELETE": Control.remove_replies},
    f"{PREFIX}/faults": {"POST": Control.add_faults, "DELETE": Control.remove_faults},
    f"{PREFIX}/journal": {"GET": Control.journal, "DELETE": Control.clear_journal},
    f"{PREFIX}/reset": {"POST": Control.reset},
}


async def _source(request: Request, name: str) -> Source:
    return Source.of_text((await request.body()).decode("utf-8", "replace"), name)


def _journal_entry(request: RecordedRequest) -> Json:
    return {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": dict(request.headers),
        "model": request.model,
        **_body(request),
        "status": request.status,
        "items": request.items,
        "finished": request.finished_at is not None,
        "hung_up": request.hung_up,
    }


def _body(request: RecordedRequest) -> dict[str, Any]:
    """Return the body as JSON if it is that, as text if it is UTF-8, otherwise as base64."""
    try:
        return {"json": request.json}
    except ValueError:
        pass
    try:
        return {"text": request.body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(request.body).decode()}


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _done() -> Response:
    return json_response({"status": "ok"})


def _error(status: int, text: str) -> Response:
    return json_response({"error": text}, status=status)
