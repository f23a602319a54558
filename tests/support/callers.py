"""Calls a policy's transport, sync or async, over a scripted transport, from one thread or many."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import httpx

from .loopback import PATIENCE


def in_threads(number: int, work: Callable[[int], object]) -> None:
    """Do ``work`` in so many threads at once, which get in each other's way as much as they can."""
    former = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(each,)) for each in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    finally:
        sys.setswitchinterval(former)


class Script(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A wire that gives the outcomes of a list: a status, a response, or an exception; the last one for ever."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if callable(outcome) and not isinstance(outcome, type):
            outcome = outcome(request)
        if isinstance(outcome, BaseException) or (isinstance(outcome, type) and issubclass(outcome, BaseException)):
            raise outcome
        return httpx.Response(outcome) if isinstance(outcome, int) else outcome

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await anyio.lowlevel.checkpoint()
        return self.handle_request(request)


class Caller:
    """Calls through a transport of one colour, always in the same words."""

    def __init__(self, colour: str) -> None:
        self.colour = colour

    def wrap(self, pair: tuple[type, type], inner: Any, *args: Any, **kwargs: Any) -> Any:
        return pair[self.colour != "sync"](inner, *args, **kwargs)

    def call(self, transport: Any, method: str = "GET", url: str = "http://a/x", **kwargs: Any) -> httpx.Response:
        """The response, read whole."""
        if self.colour == "sync":
            request = httpx.Request(method, url, **kwargs)
            response = transport.handle_request(request)
            response.request = request
            response.read()
            response.close()
            return response

        async def acall() -> httpx.Response:
            request = httpx.Request(method, url, **kwargs)
            response = await transport.handle_async_request(request)
            response.request = request
            await response.aread()
            await response.aclose()
            return response

        return anyio.run(acall, backend=self.colour)
