"""What only connections of asyncio do: they continue a task within the event that it waits for."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import select
import subprocess
import sys
import threading
import weakref

import httpx
import pytest

from ollama_sdk._transport._asyncio import _Waiter
from ollama_sdk._transport.aio import AsyncHTTPTransport
from tests.support.loopback import END, PATIENCE, chunk, chunked, head, whole


@pytest.fixture
def waiting(serve):
    """Run a function in a loop in which a task waits for the second piece of a body.

    The function gets that task, and another function that lets the piece arrive.
    """
    asked = threading.Event()

    def script(connection):
        connection.answer(chunked("a/b", b"one"))
        connection.wait(asked)
        connection.send(chunk(b"two") + END)

    server = serve(script)

    async def main(work):
        async with AsyncHTTPTransport(trust_env=False) as transport:
            response = await transport.handle_async_request(httpx.Request("GET", server.url))
            pieces = aiter(response.stream)
            assert await anext(pieces) == b"one"
            sock = response.extensions["network_stream"].get_extra_info("socket")

            def arrive():
                asked.set()
                assert select.select([sock], [], [], PATIENCE)[0]

            task = asyncio.create_task(anext(pieces))
            await asyncio.sleep(0)
            return await work(task, arrive)

    return lambda work: asyncio.run(main(work), debug=False)


def test_a_task_goes_on_in_the_round_that_reads_its_bytes(waiting):
    async def rounds(task, arrive):
        arrive()
        await asyncio.sleep(0)  # this task is first in the next round, which then reads the bytes
        await asyncio.sleep(0)
        return task.done() and task.result()

    assert waiting(rounds) == b"two"


def test_a_task_that_runs_the_loop_disturbs_no_other(waiting):
    async def nested(task, arrive):
        arrive()
        loop = asyncio.get_running_loop()
        if not hasattr(loop, "_run_once"):
            pytest.skip("a task cannot run this loop")
        loop._run_once()
        return await asyncio.wait_for(task, PATIENCE)

    assert waiting(nested) == b"two"


def test_cancelling_wins_over_bytes_that_come_in_the_same_round(waiting):
    async def cancelled(task, arrive):
        task.cancel("why")
        arrive()
        with pytest.raises(asyncio.CancelledError, match="why"):
            await task
        return task.cancelled()

    assert waiting(cancelled)


def test_a_task_that_exits_raises_nothing_into_the_protocol():
    loop, returned = asyncio.new_event_loop(), []
    waiter = _Waiter(loop)

    async def exits():
        await waiter
        sys.exit(7)

    task = loop.create_task(exits())
    loop.call_soon(lambda: returned.append(waiter.continue_now()))
    with pytest.raises(SystemExit, match="7"):
        loop.run_forever()
    loop.close()
    assert returned == [None]
    assert isinstance(task.exception(), SystemExit)


EXITS = """
import asyncio, sys
from ollama_sdk import AsyncOllama

async def main():
    client = AsyncOllama(sys.argv[1])
    async for item in await client.generate("m", "Hi", stream=True):
        if item.response == "b":
            sys.exit(7)  # nothing is awaited after it
        lets_b_come = asyncio.create_task(client.version())  # it runs while this task waits

if sys.argv[2] == "uvloop":
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_an_exit_while_a_stream_is_read_ends_the_program(serve, loop):
    pytest.importorskip(loop)
    waits = threading.Event()

    def stream(connection):
        connection.answer(chunked("application/x-ndjson", b'{"response":"a","done":false}\n'))
        connection.wait(waits)
        connection.send(chunk(b'{"response":"b","done":false}\n'))
        connection.watch()

    def version(connection):
        connection.request()
        waits.set()
        connection.watch()

    server = serve(stream, version)
    done = subprocess.run([sys.executable, "-c", EXITS, server.url, loop], timeout=PATIENCE, check=False)
    assert done.returncode == 7


def test_a_cancelled_wait_leaves_nothing_to_the_garbage_collector():
    class Local:
        pass

    kept = []

    async def waits(waiter):
        local = Local()
        kept.append(weakref.ref(local))
        await waiter

    async def main():
        task = asyncio.create_task(waits(_Waiter(asyncio.get_running_loop())))
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    gc.disable()
    try:
        asyncio.run(main(), debug=False)
        assert kept[0]() is None
    finally:
        gc.enable()


class _ReadsFirst(asyncio.SelectorEventLoop):
    """Reads from a new connection before it passes it on, as uvloop does."""

    async def create_connection(self, *args, **options):
        made = await super().create_connection(*args, **options)
        assert select.select([options["sock"]], [], [], PATIENCE)[0]
        for _ in range(3):
            await asyncio.sleep(0)
        return made


@pytest.fixture(params=["stays", "closes"])
def speaks_first(serve, request):
    """Get a URL through a server whose bytes are read before the connection is passed on. Returns the reply."""

    def got(early, scheme="http", proxy=None):
        def script(connection):
            connection.send(early)
            if request.param == "stays":
                connection.watch()

        server = serve(script)

        async def main():
            through = proxy and f"{proxy}://{server.host}"
            async with AsyncHTTPTransport(trust_env=False, proxy=through) as transport:
                response = await transport.handle_async_request(httpx.Request("GET", f"{scheme}://{server.host}"))
                return response.status_code, await response.aread()

        with asyncio.Runner(loop_factory=_ReadsFirst, debug=False) as runner:
            return runner.run(main())

    return got


@pytest.mark.plain
def test_an_early_response_is_the_reply(speaks_first):
    assert speaks_first(whole(b"busy", 503)) == (503, b"busy")


@pytest.mark.plain
@pytest.mark.parametrize(
    ("early", "route", "error", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", {"scheme": "https"}, httpx.ConnectError, "WRONG_VERSION_NUMBER"),
        (head(407, content_length=0), {"scheme": "https", "proxy": "http"}, httpx.ProxyError, "407"),
        (b"\x05\xff", {"proxy": "socks5"}, httpx.ProxyError, "login that was not offered"),
    ],
    ids=["TLS", "CONNECT", "SOCKS"],
)
def test_early_bytes_belong_to_the_handshake(speaks_first, early, route, error, reason):
    with pytest.raises(error, match=reason):
        speaks_first(early, **route)
