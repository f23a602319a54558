"""Every limit holds, however the server spends the time, and the error says which one ran out."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import inspect
import io
import pickle
import socket
import threading
import time

import attrs
import httpx
import orjson
import pytest

from ollama_sdk import (
    APITimeoutError,
    AsyncOllama,
    ConfigurationError,
    HTTPTransport,
    NotFoundError,
    Ollama,
    Timeout,
)
from ollama_sdk._timeout import INHERIT, Deadlines, OperationLimits, limits_of_call
from tests.support.library import library
from tests.support.loopback import END, PATIENCE, Connection, chunk, chunked, full_backlog_port, head, replies, whole
from tests.support.streamed import LAST, NDJSON, ROUTES, SSE, chat_item, drain

# Limits that pass while a server is silent, however slow the machine is. Where something must arrive before the limit passes,
# the limit is long and ``limits_clock`` shortens it afterwards.
_BRIEF = 0.08
_FIRST = Timeout(first_item=_BRIEF)
_BETWEEN = Timeout(between_items=_BRIEF)
_TOTAL = Timeout(total=_BRIEF)
_PATIENT = Timeout(total=PATIENCE)


def _silent(connection):
    connection.request()
    connection.watch()


def _after(*said):
    """Say this, and nothing more."""

    def script(connection):
        connection.request()
        for data in said:
            connection.send(data)
        connection.watch()

    return script


def _trickling(said, data):
    """Say this, then go on for ever without getting anywhere."""

    def script(connection):
        connection.answer(said)
        connection.trickle(data)

    return script


_BEFORE_THE_FIRST_ITEM = {
    "silence before the headers": _silent,
    "silence in the headers": _after(b"HTTP/1.1 200 OK\r\nContent-"),
    "silence after the headers": _after(chunked(NDJSON)),
    "a status line that trickles": _trickling(b"HTTP/1.1 200 ", b"O"),
    "headers that trickle": _trickling(b"HTTP/1.1 200 OK\r\nx: ", b"y"),
    "interim responses without end": _trickling(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "a first item that trickles": _trickling(chunked(NDJSON, b'{"model":"'), chunk(b"m")),
    "blank lines": _trickling(chunked(NDJSON), chunk(b"\n")),
}


@pytest.fixture
def timed_out():
    """Run what must time out, in time; returns the phase."""

    def run(work):
        begin = time.monotonic()
        with pytest.raises(APITimeoutError) as caught:
            work()
        assert time.monotonic() - begin < _BRIEF + PATIENCE
        assert isinstance(caught.value, TimeoutError)
        assert "127.0.0.1" in str(caught.value)
        return caught.value.phase

    return run


def _all(stream):
    items, error = drain(stream)
    if error is not None:
        raise error
    return items


@pytest.mark.parametrize("script", _BEFORE_THE_FIRST_ITEM.values(), ids=_BEFORE_THE_FIRST_ITEM)
@pytest.mark.parametrize(("timeout", "phase"), [(_FIRST, "first_item"), (_TOTAL, "total")], ids=["first_item", "total"])
def test_the_first_item_must_come_in_time(world, serve, timed_out, script, timeout, phase):
    server = serve(script, replies(whole(b'{"version":"1"}')))
    with world.client(server.url, timeout=timeout) as client:
        assert timed_out(lambda: _all(client.chat("m", [], stream=True))) == phase
        assert server.hung_up()
        assert client.version(timeout=None).version == "1"


_ONE_PIECE = {
    "silence": _silent,
    "silence in the body": _after(head(200, content_length=100) + b"{"),
    "a body that trickles": _trickling(head(200, content_length=10**6), b" "),
    "a chunked body that trickles": _trickling(head(200, transfer_encoding="chunked"), chunk(b" ")),
}


@pytest.mark.parametrize("script", _ONE_PIECE.values(), ids=_ONE_PIECE)
@pytest.mark.parametrize(("timeout", "phase"), [(_FIRST, "first_item"), (_TOTAL, "total")], ids=["first_item", "total"])
def test_a_reply_in_one_piece_must_be_whole_in_time(world, serve, timed_out, script, timeout, phase):
    server = serve(script)
    with world.client(server.url, timeout=timeout) as client:
        assert timed_out(lambda: client.chat("m", [])) == phase
        assert server.hung_up()


_SAID = head(404, content_length=10**6) + b'{"error":"no model"}'


@pytest.mark.parametrize(
    "then", [Connection.watch, lambda it: it.trickle(b" ")], ids=["silence", "blanks that trickle"]
)
@pytest.mark.parametrize("limit", ["first_item", "total"])
@pytest.mark.parametrize("stream", [False, True], ids=["one piece", "stream"])
def test_slow_error_body_is_raised_in_time_with_its_text(world, serve, limits_clock, then, limit, stream):
    def script(connection):
        connection.answer(whole(b'{"version":"1"}'))
        connection.answer(_SAID)
        limits_clock.until_asked()  # it has read the text, and has nothing left to read
        limits_clock.run()
        then(connection)

    server = serve(script)
    with world.client(server.url) as client:
        client.version()  # connects, which may take longer than the limit below
        with pytest.raises(NotFoundError) as caught:
            client.chat("m", [], stream=stream, timeout=Timeout(**{limit: 0.02}))
    assert caught.value.message == "no model"
    assert server.hung_up()


@pytest.mark.parametrize("limits", [{"total": 1e10}, {"first_item": 1e300, "between_items": 1e300}, {"connect": 1e10}])
def test_a_limit_may_be_longer_than_the_system_can_count(world, serve, limits):
    body = chunked(NDJSON, chat_item("one"), LAST) + END
    server = serve(replies(body, body))
    with world.client(server.url, timeout=Timeout(**limits)) as client:
        assert len(list(client.chat("m", [], stream=True))) == 2
        with client.chat("m", [], stream=True) as stream:
            stream.pause()
            threading.Timer(0.02, stream.resume).start()
            assert len(list(stream)) == 2


_ITEM = chunked(NDJSON, chat_item("one"))
_EVENT = chunked(SSE, b'data: {"type":"ping"}\n\n')
_BETWEEN_ITEMS = {
    "silence": ("chat", _after(_ITEM)),
    "half an item": ("chat", _after(_ITEM, chunk(b'{"mod'))),
    "an item that trickles": ("chat", _trickling(_ITEM, chunk(b"{"))),
    "blank lines": ("chat", _trickling(_ITEM, chunk(b"\n"))),
    "comments": ("v1.messages.create", _trickling(_EVENT, chunk(b": keep-alive\n\n"))),
    "events without data": ("v1.messages.create", _trickling(_EVENT, chunk(b"event: ping\n\n"))),
}


@pytest.mark.parametrize(("method", "script"), _BETWEEN_ITEMS.values(), ids=_BETWEEN_ITEMS)
@pytest.mark.parametrize(
    ("timeout", "phase"), [(_BETWEEN, "between_items"), (_PATIENT, "total")], ids=["between_items", "total"]
)
def test_the_next_item_must_come_in_time(world, serve, timed_out, limits_clock, method, script, timeout, phase):
    server = serve(script)
    with world.client(server.url, timeout=timeout) as client:
        stream = ROUTES[method].call(client, stream=True)
        assert next(stream)
        limits_clock.run_to(limits_clock.now + PATIENCE)
        assert timed_out(lambda: _all(stream)) == phase
        assert server.hung_up()
        assert timed_out(lambda: _all(stream)) == phase


def test_total_holds_however_steadily_items_come(world, serve, timed_out):
    server = serve(_trickling(_ITEM, chunk(chat_item("more"))))
    with world.client(server.url, timeout=Timeout(total=_BRIEF, between_items=None, first_item=None)) as client:
        assert timed_out(lambda: _all(client.chat("m", [], stream=True))) == "total"


def test_collect_obeys_the_limits_too(world, serve, timed_out):
    server = serve(_after(_ITEM))
    with world.client(server.url, timeout=_BETWEEN) as client:
        assert timed_out(client.chat("m", [], stream=True).collect) == "between_items"


def test_a_stream_may_take_longer_than_any_limit_but_total(world, serve, limits_clock):
    asked = threading.Semaphore(0)

    def script(connection):
        connection.answer(chunked(NDJSON))
        for _ in range(4):
            assert asked.acquire(timeout=PATIENCE)
            limits_clock.now += 0.6 * PATIENCE
            connection.send(chunk(chat_item()))
        connection.send(chunk(LAST) + END)

    limits, taken = Timeout(first_item=PATIENCE, between_items=PATIENCE), 0
    with world.client(serve(script).url, timeout=limits) as client, client.chat("m", [], stream=True) as stream:
        asked.release()
        for _ in stream:
            taken += 1
            asked.release()
    assert taken == 5


def test_a_caller_who_takes_its_time_is_not_timed_out(sync_client, serve, limits_clock):
    server = serve(replies(chunked(NDJSON, chat_item() * 3 + LAST) + END))
    limits = Timeout(between_items=PATIENCE)
    with sync_client(server.url, timeout=limits).chat("m", [], stream=True) as stream:
        next(stream)
        limits_clock.now += 2 * PATIENCE
        assert len(_all(stream)) == 3


@pytest.mark.parametrize("stream", [True, False])
def test_waiting_for_a_connection_of_a_full_pool_is_bounded(world, serve, timed_out, stream):
    server = serve(_after(_ITEM))
    limits = library.Limits(max_connections=1)
    with (
        world.http_client(limits=limits) as http_client,
        world.client(server.url, http_client=http_client, timeout=Timeout(connect=_BRIEF)) as client,
        client.chat("m", [], stream=True, timeout=PATIENCE) as busy,
    ):
        next(busy)
        assert timed_out(lambda: client.chat("m", [], stream=stream)) == "pool"
        assert timed_out(lambda: client.chat("m", [], stream=stream, timeout=_TOTAL)) == "total"
        busy.close()


_MANY_BYTES = 32 * 2**20  # more than kernels take before a server reads
_UPLOADS = {
    "chat": lambda client, size, **options: client.chat("m", [{"role": "user", "content": "x" * size}], **options),
    "upload_blob": lambda client, size, **options: client.upload_blob("sha256:" + "0" * 64, bytes(size), **options),
}


@pytest.mark.parametrize(
    ("script", "timeout", "phase"),
    [(Connection.hold, _BETWEEN, "write"), (Connection.hold, _TOTAL, "total"), (Connection.sip, _TOTAL, "total")],
    ids=["unread", "unread, total", "read in sips, total"],
)
@pytest.mark.parametrize("upload", _UPLOADS.values(), ids=_UPLOADS)
def test_sending_a_large_request_is_bounded(world, serve, timed_out, script, timeout, phase, upload):
    def after_a_call(connection):
        connection.answer(whole(b'{"version":"1"}'))
        script(connection)

    server = serve(after_a_call, receive_buffer=4096)
    with world.client(server.url) as client:
        client.version()  # connects, which may take longer than the limit below
        assert timed_out(lambda: upload(client, _MANY_BYTES, timeout=timeout)) == phase


def test_a_stuck_upload_names_its_limit(world, serve):
    server = serve(Connection.hold, receive_buffer=4096)
    with world.client(server.url, timeout=_BETWEEN) as client, pytest.raises(APITimeoutError) as caught:
        _UPLOADS["upload_blob"](client, _MANY_BYTES)
    assert "took nothing more of the request" in str(caught.value)
    assert "between_items=0.08 s" in str(caught.value)


@pytest.mark.parametrize("own", [True, False], ids=["our transport", "http_client"])
@pytest.mark.parametrize("upload", _UPLOADS.values(), ids=_UPLOADS)
def test_a_steady_upload_outlasts_every_limit_but_total(world, serve, limits_clock, upload, own):
    step, limit = 2**20, 1000.0

    def script(connection):
        for _ in range(16):  # between two writes of the client passes less than the limit, in all more
            connection.read_bytes(step)
            limits_clock.now += limit / 10
        connection.read_bytes(_MANY_BYTES - 16 * step)  # and leaves the head, or as much
        connection.send(whole(LAST))
        connection.watch()

    limits = Timeout(first_item=limit, between_items=limit)
    with contextlib.ExitStack() as stack:
        http = {} if own else {"http_client": stack.enter_context(world.http_client())}
        client = stack.enter_context(world.client(serve(script, receive_buffer=4096).url, timeout=limits, **http))
        assert upload(client, _MANY_BYTES)


def test_the_limit_of_a_call_ends_no_later_call(world, serve, limits_clock):
    version = whole(b'{"version":"1"}')

    def script(connection):
        connection.answer(version)
        connection.request()
        limits_clock.now += 1000
        time.sleep(0.2)  # for any timer that the first call has left
        connection.send(version)

    with world.client(serve(script).url) as client:
        assert client.version(timeout=Timeout(first_item=0.05))
        assert client.version(timeout=None)


def test_a_file_that_is_read_slowly_makes_no_server_late(world, serve, limits_clock):
    limit = 1000.0

    class SlowFile(io.BytesIO):
        def read(self, size=-1, /):
            limits_clock.now += limit * 0.9
            return super().read(size)

    with world.client(
        serve(replies(whole(LAST))).url, timeout=Timeout(first_item=limit, between_items=limit)
    ) as client:
        assert client.upload_blob("sha256:" + "0" * 64, SlowFile(bytes(2**20)))


_TRANSFERS = {"pull": {}, "push": {}, "create": {"from_": "n"}}
_HOUR = 3600.0


def _slow_transfer(clock, silence):
    """Read a request, and reply in pieces with a silence between them."""

    def script(connection, pieces):
        connection.request()
        for piece in pieces:
            connection.send(piece)
            clock.now += silence
        connection.watch()

    return script


@pytest.mark.parametrize("method", _TRANSFERS)
def test_a_transfer_in_one_piece_may_take_hours(world, serve, limits_clock, method):
    reply = whole(b'{"status":"success"}')
    pieces = [reply[:20], reply[20:-5], reply[-5:]]
    script = _slow_transfer(limits_clock, 10 * _HOUR)
    with world.client(serve(lambda it: script(it, pieces)).url, timeout=Timeout(first_item=1)) as client:
        assert getattr(client, method)("m", **_TRANSFERS[method]).status == "success"


@pytest.mark.parametrize("method", _TRANSFERS)
def test_a_streamed_transfer_may_verify_in_silence(world, serve, limits_clock, method):
    pieces = [
        chunked(NDJSON),
        chunk(b'{"status":"verifying sha256 digest"}\n'),
        chunk(b'{"status":"success"}\n') + END,
    ]
    script = _slow_transfer(limits_clock, _HOUR / 2)
    limits = Timeout(first_item=60, between_items=60)
    with world.client(serve(lambda it: script(it, pieces)).url, timeout=limits) as client:
        items = list(getattr(client, method)("m", **_TRANSFERS[method], stream=True))
    assert [item.status for item in items] == ["verifying sha256 digest", "success"]


@pytest.mark.parametrize("method", _TRANSFERS)
def test_limits_given_to_a_transfer_itself_hold(world, serve, timed_out, method):
    silent = chunked(NDJSON, b'{"status":"verifying sha256 digest"}\n')
    server = serve(_silent, _silent, _after(silent))
    with world.client(server.url) as client:
        transfer = getattr(client, method)
        more = _TRANSFERS[method]
        assert timed_out(lambda: transfer("m", **more, timeout=_FIRST)) == "first_item"
        assert timed_out(lambda: transfer("m", **more, timeout=_BRIEF)) == "total"
        assert timed_out(lambda: _all(transfer("m", **more, stream=True, timeout=_BETWEEN))) == "between_items"


class _Noting(HTTPTransport):
    """Notes the limits of each request that it sends."""

    def __init__(self):
        super().__init__()
        self.limits = []

    def handle_request(self, request):
        self.limits.append(request.extensions["deadlines"].limits)
        return super().handle_request(request)


@pytest.mark.parametrize("method", _TRANSFERS)
def test_limits_given_with_the_value_of_the_default_hold(serve, method):
    noting, more = _Noting(), _TRANSFERS[method]
    with Ollama(serve(replies(*[whole(b'{"status":"success"}')] * 2)).url, transport=noting) as client:
        getattr(client, method)("m", **more, timeout=Timeout(first_item=600, between_items=120))
        getattr(client, method)("m", **more, timeout=Timeout(total=PATIENCE))
    assert [limits.first_item for limits in noting.limits] == [600, None]
    assert [limits.between_items == 120 for limits in noting.limits] == [True, False]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, attrs.evolve, lambda it: pickle.loads(pickle.dumps(it))])
def test_copied_limits_know_which_were_given(copied):
    own = OperationLimits(None, _HOUR)
    plain = limits_of_call(Timeout(), copied(Timeout(total=9)), own)
    assert (plain.first_item, plain.between_items, plain.total) == (None, _HOUR, 9)
    given = limits_of_call(Timeout(), copied(Timeout(first_item=600, between_items=120)), own)
    assert (given.first_item, given.between_items) == (600, 120)


def test_limits_are_plain_numbers():
    assert orjson.loads(orjson.dumps(attrs.asdict(Timeout(total=3)))) == attrs.asdict(Timeout(total=3))


def test_limits_are_given_by_name():
    for unnamed in ((60,), (None,), (5, 600)):
        with pytest.raises(ConfigurationError, match=r"name each limit, such as Timeout\(total="):
            Timeout(*unnamed)
    assert list(inspect.signature(Timeout).parameters) == ["connect", "first_item", "between_items", "total"]


@pytest.mark.parametrize(
    "call", [{}, {"timeout": 9.0}, {"timeout": Timeout(connect=1)}], ids=["client", "total", "own"]
)
def test_limits_at_their_defaults_do_not_bound_a_transfer(call):
    limits = limits_of_call(Timeout(), call.get("timeout", INHERIT), OperationLimits(None, _HOUR))
    assert (limits.first_item, limits.between_items) == (None, _HOUR)


def test_connecting_is_bounded(world, serve, timed_out, full_backlog):
    with world.client(full_backlog, timeout=Timeout(connect=_BRIEF)) as client:
        assert timed_out(lambda: client.chat("m", [])) == "connect"
        assert timed_out(lambda: client.chat("m", [], stream=True, timeout=_BRIEF)) == "total"
        assert timed_out(lambda: client.chat("m", [], timeout=_FIRST)) == "first_item"
        assert client.is_available() is False


@pytest.fixture
def full_backlog():
    with full_backlog_port() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def resolve(monkeypatch):
    """Let every name have these addresses."""

    def to(*hosts):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in hosts]
        ask = socket.getaddrinfo
        names = {"gpu.example": found}
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *args, **more: names.get(host) or ask(host, *args, **more)
        )

    return to


def test_all_addresses_of_a_name_share_the_limit_of_connecting(resolve):
    resolve(*["127.0.0.1"] * PATIENCE)
    begin = time.monotonic()
    with (
        full_backlog_port() as port,
        Ollama(f"http://gpu.example:{port}", timeout=Timeout(connect=1)) as client,
        pytest.raises(APITimeoutError) as caught,
    ):
        client.version()
    assert caught.value.phase == "connect"
    assert 0.9 < time.monotonic() - begin < PATIENCE  # which it is if each had the whole


def test_next_address_of_a_name_is_tried_after_a_failure(serve, resolve):
    server = serve(replies(whole(b'{"version":"1"}')))
    port = int(server.url.rpartition(":")[2])
    resolve("127.0.0.2", "127.0.0.3", "127.0.0.1")  # silent, refusing, answering
    with (
        full_backlog_port("127.0.0.2", port),
        Ollama(server.url.replace("127.0.0.1", "gpu.example"), timeout=Timeout(connect=3)) as client,
    ):
        assert client.version().version == "1"


def test_number_is_the_total_limit_and_a_call_may_override_it(world, serve, timed_out):
    server = serve(_silent)
    with world.client(server.url, timeout=PATIENCE) as client:
        assert timed_out(lambda: client.chat("m", [], timeout=_BRIEF)) == "total"
        assert timed_out(lambda: client.with_options(timeout=_BRIEF).chat("m", [])) == "total"
        assert timed_out(lambda: client.version(timeout=_FIRST)) == "first_item"


def test_the_message_says_which_limit_and_what_to_do(world, serve):
    server = serve(_silent)
    with world.client(server.url, timeout=_FIRST) as client, pytest.raises(APITimeoutError) as caught:
        client.chat("m", [])
    assert f"POST {server.url}/api/chat" in str(caught.value)
    assert "0.08 s" in str(caught.value)
    assert "first_item=" in str(caught.value)


def test_time_between_calls_of_next_makes_no_server_late(world, serve, limits_clock):
    go_on = threading.Event()

    def script(connection):
        connection.answer(chunked(NDJSON))
        for _ in range(2):
            connection.wait(go_on)
            go_on.clear()
            connection.send(chunk(chat_item()))
        connection.send(chunk(LAST) + END)
        connection.watch()

    limits = Timeout(first_item=PATIENCE, between_items=PATIENCE)
    with world.client(serve(script).url, timeout=limits) as client, client.chat("m", [], stream=True) as stream:
        for _ in range(2):
            limits_clock.now += 2 * PATIENCE  # the caller is busy; the server has not been asked
            go_on.set()
            next(stream)
        assert len(_all(stream)) == 1


@pytest.mark.parametrize("items", [b" \n", chat_item()], ids=["blank lines", "items"])
def test_the_whole_call_is_bounded_on_a_foreign_transport_too(world, serve, timed_out, limits_clock, items):
    def script(connection):
        connection.answer(chunked(NDJSON))
        connection.trickle(chunk(items))

    with (
        world.http_client() as http_client,
        world.client(serve(script).url, http_client=http_client, timeout=_PATIENT) as client,
        client.chat("m", [], stream=True) as stream,
    ):
        limits_clock.run_to(limits_clock.now + PATIENCE)
        assert timed_out(lambda: _all(stream)) == "total"


class _WithoutOurLimits(HTTPTransport):
    """Sends another request in place of each."""

    def handle_request(self, request):
        timeout = {"read": PATIENCE}
        stands_in = httpx.Request(
            request.method, request.url, headers=request.headers, stream=request.stream, extensions={"timeout": timeout}
        )
        return super().handle_request(stands_in)


def test_the_whole_call_is_bounded_on_a_transport_that_drops_our_limits(serve, timed_out, limits_clock):
    def script(connection):
        connection.answer(chunked(NDJSON))
        connection.trickle(chunk(chat_item()))

    client = Ollama(serve(script).url, transport=_WithoutOurLimits(), timeout=_PATIENT)
    with client, client.chat("m", [], stream=True) as stream:
        limits_clock.run_to(limits_clock.now + PATIENCE)
        assert timed_out(lambda: _all(stream)) == "total"


def test_the_whole_call_is_bounded_if_items_come_while_the_task_is_elsewhere(serve, limits_clock):
    asked = threading.Semaphore(0)

    def script(connection):
        connection.answer(chunked(NDJSON, chat_item()))
        for _ in range(2):
            asked.acquire(timeout=PATIENCE)
            connection.send(chunk(chat_item()))
        connection.watch()

    async def read(url):
        async with AsyncOllama(url, timeout=_PATIENT) as client, await client.chat("m", [], stream=True) as stream:
            await anext(stream)
            limits_clock.now += 2 * PATIENCE
            for _ in range(2):
                asked.release()
                while not stream._chunks._response.body:  # noqa: ASYNC110 - the transport announces nothing
                    await asyncio.sleep(0)
                await anext(stream)

    with pytest.raises(APITimeoutError) as caught:
        asyncio.run(read(serve(script).url))
    assert caught.value.phase == "total"


class _InterruptedClock:
    """Calls ``handler`` once, at the next look, as a signal handler may be."""

    handler = staticmethod(lambda: None)

    def monotonic(self):
        handler, self.handler = self.handler, lambda: None
        handler()
        return 0.0


def test_a_signal_handler_may_pause_and_resume_while_a_limit_is_resumed():
    clock = _InterruptedClock()
    deadlines = Deadlines(Timeout(first_item=3), clock)
    deadlines.attempt()
    deadlines.hold()

    def pause_and_resume():
        deadlines.hold()
        deadlines.release()

    clock.handler = pause_and_resume
    deadlines.release()
    assert deadlines.left() == 3
