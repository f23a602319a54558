"""A stream closes its connection however the caller leaves it, without a warning, and the client works on."""

from __future__ import annotations

import gc
import threading

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from anyio.lowlevel import checkpoint

from ollama_sdk import (
    APIConnectionError,
    AsyncOllama,
    ConfigurationError,
    IncompleteReplyError,
    Ollama,
    RateLimit,
    Retry,
)
from tests.support.library import library
from tests.support.loopback import END, PATIENCE, chunk, chunked, head, replies, replies_and_closes, whole
from tests.support.streamed import LAST, NDJSON, chat_item, drain

_VERSION = whole(b'{"version":"1"}')


def _endless(connection):
    """A model that goes on and on."""
    connection.answer(chunked(NDJSON, chat_item("one")))
    connection.trickle(chunk(chat_item("more")))


def _silent(connection):
    """A model that says one word, and thinks."""
    connection.answer(chunked(NDJSON, chat_item("one")))
    connection.watch()


@pytest.fixture(params=[_endless, _silent], ids=["talking", "silent"])
def server(request, serve):
    return serve(request.param, replies(_VERSION))


def _close(client):
    stream = client.chat("m", [], stream=True)
    next(stream)
    stream.close()
    stream.close()


def _close_unread(client):
    client.chat("m", [], stream=True).close()


def _leave_the_block(client):
    with client.chat("m", [], stream=True) as stream:
        next(stream)


def _break_out(client):
    for item in client.chat("m", [], stream=True):
        assert item.message.content == "one"
        break


def _raise(client):
    with pytest.raises(ZeroDivisionError), client.chat("m", [], stream=True) as stream:  # noqa: PT012
        next(stream)
        raise ZeroDivisionError


def _drop(client):
    stream = client.chat("m", [], stream=True)
    next(stream)
    del stream


def _drop_in_a_cycle(client):
    cycle = [client.chat("m", [], stream=True)]
    next(cycle[0])
    cycle.append(cycle)


@pytest.mark.parametrize(
    "leave", [_close, _close_unread, _leave_the_block, _break_out, _raise, _drop, _drop_in_a_cycle]
)
def test_leaving_a_stream_closes_its_connection_only(world, server, leave):
    with world.client(server.url) as client:
        leave(client)
        gc.collect()
        assert server.hung_up()
        assert client.version().version == "1"
    gc.collect()


def test_a_closed_stream_says_that_it_was_closed(world, server):
    with world.client(server.url) as client:
        stream = client.chat("m", [], stream=True)
        next(stream)
        stream.close()
        _, error = drain(stream)
        assert type(error) is IncompleteReplyError
        assert "closed" in str(error)


def test_closing_the_client_closes_what_is_open(world, server):
    with world.client(server.url) as client:
        stream = client.chat("m", [], stream=True)
        next(stream)
    assert server.hung_up()
    assert drain(stream)[1] is not None
    stream.close()


def test_stream_of_a_closed_client_blames_the_client(world, server):
    with world.client(server.url) as client:
        stream = client.chat("m", [], stream=True)
        next(stream)
    _, error = drain(stream)
    assert type(error) is IncompleteReplyError
    assert "the client was closed" in str(error)
    assert "server" not in str(error)


@pytest.mark.parametrize("begun", [head(content_length=99), b""], ids=["reading the body", "waiting for the headers"])
def test_call_of_a_closed_client_says_so_and_is_not_retried(world, serve, begun):
    waiting = threading.Event()

    def script(connection):
        connection.answer(begun)
        waiting.set()
        connection.watch()

    server = serve(script)
    with world.client(server.url, retry=Retry()) as client:
        closing = threading.Thread(target=lambda: waiting.wait(PATIENCE) and client.close())
        closing.start()
        with pytest.raises(APIConnectionError, match="the client was closed"):
            client.show("m")
        closing.join()
    assert len(server.connections) == 1


def test_stream_outlives_its_client_then_closes_its_connection(serve):
    forgotten = threading.Event()

    def script(connection):
        connection.answer(chunked(NDJSON, chat_item("one")))
        connection.wait(forgotten)
        connection.send(chunk(LAST) + END)
        connection.watch()

    server = serve(script)
    stream = Ollama(server.url).chat("m", [], stream=True)
    gc.collect()
    forgotten.set()
    assert len(list(stream)) == 2
    del stream
    gc.collect()
    assert server.hung_up()


def test_a_client_works_on_after_it_was_closed(world, serve):
    server = serve(replies(_VERSION))
    with world.client(server.url) as client:
        assert client.version().version == "1"
        client.close()
        assert server.hung_up()
        assert client.version().version == "1"


def test_closing_a_view_leaves_the_connections_open(world, serve):
    server = serve(replies(_VERSION, _VERSION))
    with world.client(server.url) as client:
        client.version()
        client.with_options(timeout=1).close()
        client.version()
    assert len(server.connections) == 1


def test_idle_connection_closed_by_the_server_is_replaced(world, serve):
    closed = threading.Event()

    def script(connection):
        connection.answer(_VERSION)
        connection.close()
        closed.set()

    server = serve(script)
    with world.client(server.url) as client:
        for _ in range(3):
            closed.clear()
            assert client.version().version == "1"
            assert closed.wait(PATIENCE)
    assert len(server.connections) == 3


@pytest.mark.parametrize(
    "more",
    [whole(b'{"version":"not yours"}'), b"\r\n", b"}", head(408, content_length=0, connection="close")],
    ids=["another reply", "a blank line", "a byte too many", "a word of farewell"],
)
def test_surplus_bytes_never_answer_the_next_call(world, serve, more):
    server = serve(replies(_VERSION + more, _VERSION), replies(_VERSION))
    with world.client(server.url) as client:
        assert [client.version().version for _ in range(2)] == ["1", "1"]


def test_large_reply_leaves_its_connection_reusable(world, serve):
    large = b'{"version":"%s"}' % (b"1" * (3 << 20))
    server = serve(replies(whole(large), _VERSION, whole(large, connection="close")), replies(whole(large)))
    with world.client(server.url) as client:
        assert [len(client.version().version) for _ in range(4)] == [3 << 20, 1, 3 << 20, 3 << 20]
    assert len(server.connections) == 2


def test_a_large_reply_that_breaks_off_is_incomplete(world, serve):
    server = serve(replies_and_closes(head(content_length=2 << 20) + b" " * (1 << 20)))
    with world.client(server.url) as client, pytest.raises(IncompleteReplyError):
        client.version()


def test_a_dropped_client_closes_its_connections(serve):
    server = serve(replies(_VERSION))
    client = Ollama(server.url)
    client.version()
    del client
    gc.collect()
    assert server.hung_up()


def test_garbage_collected_stream_does_not_block_a_call(serve):
    """The garbage collector may run in the middle of any call."""
    server = serve(replies(*[chunked(NDJSON, chat_item("one"))]), replies(*[_VERSION] * 400))

    def work():
        with Ollama(server.url) as client:
            threshold = gc.get_threshold()
            gc.disable()
            _drop_in_a_cycle(client)
            gc.set_threshold(1, 1, 1)
            gc.enable()
            try:
                client.version()
            finally:
                gc.set_threshold(*threshold)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(PATIENCE)
    assert not worker.is_alive()
    assert server.hung_up()


# Tasks


async def _hung_up(server):
    return await anyio.to_thread.run_sync(server.hung_up)


@pytest.mark.anyio
async def test_cancelling_a_wait_for_an_item_closes_the_connection(serve):
    server = serve(_silent, replies(_VERSION))
    async with AsyncOllama(server.url, timeout=PATIENCE) as client:
        got_one = anyio.Event()

        async def read():
            async for _ in await client.chat("m", [], stream=True):
                got_one.set()

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await got_one.wait()
            group.cancel_scope.cancel()
        assert await _hung_up(server)
        assert (await client.version()).version == "1"
    gc.collect()


@pytest.mark.anyio
@pytest.mark.parametrize("stream", [True, False])
async def test_cancelling_a_wait_for_headers_closes_the_connection(serve, stream):
    asked = threading.Event()

    def script(connection):
        connection.request()
        asked.set()
        connection.watch()

    server = serve(script, replies(_VERSION))
    async with AsyncOllama(server.url, timeout=PATIENCE) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: client.chat("m", [], stream=stream))
            assert await anyio.to_thread.run_sync(asked.wait, PATIENCE)
            group.cancel_scope.cancel()
        assert await _hung_up(server)
        assert (await client.version()).version == "1"
    gc.collect()


@pytest.mark.anyio
async def test_cancelling_amid_a_body_closes_the_connection(serve):
    answered = threading.Event()

    def script(connection):
        connection.answer(head(200, content_length=100) + b"{")
        answered.set()
        connection.watch()

    server = serve(script, replies(_VERSION))
    async with AsyncOllama(server.url, timeout=PATIENCE) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: client.chat("m", []))
            assert await anyio.to_thread.run_sync(answered.wait, PATIENCE)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        assert await _hung_up(server)
        assert (await client.version()).version == "1"


@pytest.mark.anyio
async def test_stream_cancelled_in_one_wait_is_incomplete(serve):
    server = serve(_silent)
    async with AsyncOllama(server.url, timeout=PATIENCE) as client, await client.chat("m", [], stream=True) as stream:
        await anext(stream)
        with anyio.move_on_after(0.02):
            await anext(stream)
        with pytest.raises(IncompleteReplyError):
            await anext(stream)


@pytest.mark.anyio
async def test_leaving_the_block_in_a_cancelled_task_still_closes(serve):
    server = serve(_silent)
    async with AsyncOllama(server.url, timeout=PATIENCE) as client:
        with anyio.CancelScope() as scope:
            async with await client.chat("m", [], stream=True) as stream:
                await anext(stream)
                scope.cancel()
                await checkpoint()
        assert await _hung_up(server)


@pytest.mark.anyio
@pytest.mark.parametrize("cyclic", [False, True], ids=["by its last reference", "in a cycle"])
async def test_a_dropped_stream_is_closed_by_its_event_loop(serve, cyclic):
    server = serve(_endless, replies(_VERSION))
    async with AsyncOllama(server.url, timeout=PATIENCE) as client:
        held = [await client.chat("m", [], stream=True)]
        await anext(held[0])
        if cyclic:
            held.append(held)
        del held
        gc.collect()
        assert await _hung_up(server)
        assert (await client.version()).version == "1"
    gc.collect()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_stream_that_outlives_its_event_loop_does_no_harm(serve, backend):
    server = serve(_endless)

    async def leak():
        client = AsyncOllama(server.url, timeout=PATIENCE)
        stream = await client.chat("m", [], stream=True)
        await anext(stream)
        await client.close()
        return stream

    stream = anyio.run(leak, backend=backend)
    del stream
    gc.collect()
    assert server.hung_up()


@pytest.mark.anyio
async def test_a_finished_stream_may_be_dropped_without_a_word(serve):
    server = serve(replies(chunked(NDJSON, chat_item(), LAST) + END, _VERSION))
    async with AsyncOllama(server.url, timeout=PATIENCE) as client:
        assert [item.done async for item in await client.chat("m", [], stream=True)] == [False, True]
        gc.collect()
        await client.version()
    assert len(server.connections) == 1


# Event loops


async def _version(client):
    return (await client.version()).version


# What a loop leaves open when it ends, only the garbage collector closes, and it warns of that.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("first", "then"), [("asyncio", "asyncio"), ("asyncio", "trio"), ("trio", "asyncio")])
@pytest.mark.parametrize("policies", [{}, {"retry": Retry(), "rate_limit": RateLimit(concurrent=1)}])
def test_call_in_another_event_loop_is_refused_but_close_works(serve, first, then, policies):
    server = serve(*[replies(_VERSION)] * 3)
    client = AsyncOllama(server.url, timeout=PATIENCE, **policies)
    assert anyio.run(_version, client, backend=first) == "1"
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="belongs to another event loop") as caught:
            anyio.run(_version, client, backend=then)
        assert "ollama serve" not in str(caught.value)
    anyio.run(client.close, backend=then)
    assert anyio.run(_version, client, backend=then) == "1"
    anyio.run(client.close, backend=first)
    gc.collect()


def test_client_in_two_event_loops_belongs_to_the_first(serve):
    server = serve(*[replies(*[_VERSION] * 10)] * 3)
    client = AsyncOllama(server.url, timeout=PATIENCE)
    with start_blocking_portal("asyncio") as one, start_blocking_portal("asyncio") as two:
        assert one.call(_version, client) == "1"
        for _ in range(5):
            with pytest.raises(ConfigurationError, match="belongs to another event loop"):
                two.call(_version, client)
            assert one.call(_version, client) == "1"
        one.call(client.close)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_client_that_was_closed_may_go_to_another_event_loop(serve, backend):
    server = serve(*[replies(_VERSION)] * 3)
    client = AsyncOllama(server.url, timeout=PATIENCE)

    async def call_and_close():
        async with client:
            return await _version(client)

    assert [anyio.run(call_and_close, backend=backend) for _ in range(3)] == ["1", "1", "1"]


def test_transport_failing_in_another_event_loop_is_explained():
    class Bound(library.AsyncBaseTransport):
        failing = False

        async def handle_async_request(self, request):
            if self.failing:
                raise RuntimeError("Event loop is closed")
            return library.Response(200, json={"version": "1"})

    transport = Bound()
    client = AsyncOllama("http://a", transport=transport)
    assert [anyio.run(_version, client) for _ in range(2)] == ["1", "1"]
    transport.failing = True
    with pytest.raises(ConfigurationError, match="belongs to another event loop"):
        anyio.run(_version, client)
