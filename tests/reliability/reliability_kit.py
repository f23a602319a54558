"""What the tests of the policies share: a hand-turned clock, a loopback server, and one way to call both colours."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import anyio.lowlevel
import httpx


class HandClock:
    """Stands still until somebody sleeps on it."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        self.sleep(seconds)

    def wait(self, signal: Any, seconds: float) -> None:
        if seconds == math.inf:
            signal.wait(10)  # for somebody else, which takes no time here
        elif not signal.wait(0):
            self.sleep(seconds)

    async def await_(self, signal: Any, seconds: float) -> None:
        if seconds == math.inf:
            await signal.wait(10)
        elif not await signal.wait(0):
            await self.asleep(seconds)


def in_threads(number: int, work: Callable[[int], object]) -> None:
    """Do ``work`` in so many threads at once, which get in each other's way as much as they can."""
    former = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(each,)) for each in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
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


Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def say(status: int = 200, body: Any = None, **headers: str) -> Answer:
    """An answer in one piece."""

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def cut(body: bytes, length: int = 1000) -> Answer:
    """An answer that promises ``length`` bytes, sends ``body`` and hangs up."""

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


def chunks(*parts: bytes, gate: threading.Event | None = None) -> Answer:
    """A chunked answer; ``gate`` holds everything after the first part back."""

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        with contextlib.suppress(OSError):
            for number, part in enumerate(parts):
                if number and gate is not None:
                    gate.wait(10)
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                handler.wfile.flush()
            handler.wfile.write(b"0\r\n\r\n")

    return answer


class LoopbackServer:
    """Answers by path; counts what is under way."""

    def __init__(self, answers: dict[str, Answer | list[Answer]]) -> None:
        self.answers = answers
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.under_way = self.most_under_way = 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle_one_request()
                    return
                self.close_connection = True

            def do_GET(self) -> None:
                outer._answer(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.request_queue_size = 128
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        with self._lock:
            self.requests.append((handler.path, dict(handler.headers), body))
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            answer = self.answers.get(handler.path, say(404))
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
        try:
            answer(handler, body)
        finally:
            with self._lock:
                self.under_way -= 1


@contextlib.contextmanager
def serving(answers: dict[str, Answer | list[Answer]]) -> Iterator[LoopbackServer]:
    """A server on a free loopback port."""
    server = LoopbackServer(answers)
    thread = threading.Thread(target=server._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server._server.shutdown()
        server._server.server_close()
        thread.join()
