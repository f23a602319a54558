"""A stream can be paused, resumed and cancelled while it runs, from any thread or task."""

from __future__ import annotations

import concurrent.futures
import contextlib
import gc
import itertools
import select
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
import trio

from ollama_sdk import (
    APITimeoutError,
    AsyncOllama,
    IncompleteReplyError,
    Ollama,
    OllamaError,
    ReplyFailedError,
    Timeout,
    _timeout,
)
from ollama_sdk._timeout import Deadlines
from tests.support.loopback import PATIENCE, chunk, chunked

ITEM = b'{"model":"m","created_at":"2026-11-21T11:20:08Z","response":"word","done":false}\n'
LAST = b'{"model":"m","created_at":"2026-11-21T11:20:08Z","response":"","done":true,"done_reason":"stop"}\n'
HEAD = chunked()
END = chunk(LAST) + chunk(b"")


def one_item_then_silence(connection):
    connection.answer(HEAD + chunk(ITEM))
    connection.watch()


def two_items_then_silence(connection):
    connection.answer(HEAD + chunk(ITEM) + chunk(ITEM))
    connection.watch()


def whole(connection):
    connection.answer(HEAD + chunk(ITEM) * 2 + END)
    connection.watch()


def one_item_and_the_end_on_demand():
    go_on = threading.Event()

    def script(connection):
        connection.answer(HEAD + chunk(ITEM))
        connection.wait(go_on)
        connection.send(END)
        connection.watch()

    return script, go_on


def in_background(work):
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    return future


def wait_until(true):
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


def _still_waiting(future, seconds=0.03):
    """A slow machine makes this weaker, and never fails it."""
    with pytest.raises(TimeoutError):
        future.result(seconds)
    assert not future.done()


def test_a_paused_stream_holds_the_server_back_and_loses_nothing(world, serve):
    items = 1500
    padded = chunk(ITEM.replace(b"word", b"w" * 8000))
    held_back = threading.Event()

    def flood(connection):
        connection.answer(HEAD)
        for _ in range(items):
            # TCP has pushed back when nothing more can be written for a while.
            if not held_back.is_set() and not select.select([], [connection._socket], [], 0.2)[1]:
                held_back.set()
            connection.send(padded)
        connection.send(END)
        connection.watch()

    with world.client(serve(flood).url) as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.pause()
        assert stream.state == "paused"
        assert held_back.wait(PATIENCE)
        stream.resume()
        assert len(list(stream)) == items
        assert stream.state == "finished"


def test_reader_of_a_paused_stream_waits_for_resume(world, serve):
    with world.client(serve(whole).url) as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.pause()
        waiting = in_background(lambda: next(stream))
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
        stream.resume()
        assert waiting.result(PATIENCE).response == "word"
        assert len(list(stream)) == 1


def test_a_pause_may_last_longer_than_the_limit_between_items(world, serve, limits_clock):
    patient, go_on = one_item_and_the_end_on_demand()
    client = world.client(serve(patient).url, timeout=Timeout(between_items=0.1))
    with client as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        waiting = in_background(lambda: next(stream))  # in the middle of a read when the pause begins
        _still_waiting(waiting, 0.02)
        stream.pause()
        limits_clock.now += PATIENCE
        _still_waiting(waiting, 0.2)
        go_on.set()
        stream.resume()
        assert waiting.result(PATIENCE).done


def test_pause_while_asking_for_an_item_stops_the_limits(serve, limits_clock, monkeypatch):
    ask = Deadlines.item

    def paused_while_asking(deadlines):
        monkeypatch.undo()
        stream.pause()
        ask(deadlines)

    patient, go_on = one_item_and_the_end_on_demand()
    client = Ollama(serve(patient).url, timeout=Timeout(between_items=0.1))
    with client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        monkeypatch.setattr(Deadlines, "item", paused_while_asking)
        waiting = in_background(lambda: next(stream))
        wait_until(lambda: stream.state == "paused")
        _still_waiting(waiting)
        limits_clock.now += PATIENCE
        _still_waiting(waiting, 0.2)
        go_on.set()
        stream.resume()
        assert waiting.result(PATIENCE).done


def test_the_limit_of_the_whole_call_runs_on_during_a_pause(world, serve, limits_clock):
    client = world.client(serve(one_item_then_silence).url, timeout=PATIENCE)
    with client as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.pause()
        limits_clock.run_to(limits_clock.now + PATIENCE)
        with pytest.raises(APITimeoutError) as caught:
            next(stream)
        assert caught.value.phase == "total"


def test_cancel_wakes_the_reader_and_closes_the_connection(world, serve):
    server = serve(two_items_then_silence)
    with world.client(server.url) as client, client.generate("m", "hi", stream=True) as stream:
        next(stream), next(stream)
        waiting = in_background(lambda: next(stream))
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
        stream.cancel()
        with pytest.raises(IncompleteReplyError, match="cancelled") as caught:
            waiting.result(PATIENCE)
        assert caught.value.items == 2
        assert server.hung_up()
        assert stream.state == "cancelled"


def test_cancelling_between_reads_closes_the_connection(world, serve):
    server = serve(two_items_then_silence)
    with world.client(server.url) as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.cancel()
        assert server.hung_up()
        with pytest.raises(IncompleteReplyError, match="cancelled"):
            next(stream)


def test_cancelling_wakes_the_readers_of_a_paused_stream(world, serve):
    with world.client(serve(two_items_then_silence).url) as client, client.generate("m", "hi", stream=True) as stream:
        stream.pause()
        waiting = in_background(lambda: next(stream))
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
        stream.cancel()
        with pytest.raises(IncompleteReplyError, match="cancelled"):
            waiting.result(PATIENCE)


def test_partial_reply_holds_what_a_cancelled_stream_delivered(world, serve, limits_clock):
    client = world.client(serve(two_items_then_silence).url, timeout=Timeout(between_items=0.02))
    with client as client, client.generate("m", "hi", stream=True) as stream:
        collecting = in_background(stream.collect)
        limits_clock.until_asked()  # it has read both items, and has nothing left to read
        stream.cancel()
        with pytest.raises(IncompleteReplyError) as caught:
            collecting.result(PATIENCE)
        assert caught.value.partial.response == "wordword"


def test_cancel_withholds_items_that_were_not_taken(world, serve):
    server = serve(lambda c: c.answer(HEAD + chunk(ITEM + ITEM + LAST) + chunk(b"")))
    with world.client(server.url) as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.cancel()
        assert stream.state == "cancelled"
        with pytest.raises(IncompleteReplyError, match="cancelled"):
            next(stream)


def test_cancelling_a_stream_that_has_ended_changes_nothing(world, serve):
    with world.client(serve(whole).url) as client, client.generate("m", "hi", stream=True) as stream:
        assert len(list(stream)) == 3
        stream.cancel()
        assert stream.state == "finished"
        assert list(stream) == []


def test_the_state_follows_the_stream(world, serve):
    with world.client(serve(whole).url) as client:
        with client.generate("m", "hi", stream=True) as stream:
            assert stream.state == "open"
            stream.pause()
            assert stream.state == "paused"
            stream.resume()
            assert stream.state == "open"
        assert stream.state == "closed"
    with world.client(serve(lambda c: c.answer(HEAD + chunk(ITEM))).url) as client:
        stream = client.generate("m", "hi", stream=True)
        with pytest.raises(IncompleteReplyError):
            list(stream)
        assert stream.state == "failed"


# What arrived is never lost to a pause


def _word(text):
    return ITEM.replace(b"word", text.encode())


def at_once(*items, end=b""):
    """All items in one read."""

    def script(connection):
        connection.answer(HEAD + chunk(b"".join(items)) + end)
        connection.watch()

    return script


def _rest(stream):
    """The texts that are still delivered, and the error after them."""
    texts = []
    try:
        texts += (item.response for item in stream)  # a list keeps what came before the error
    except OllamaError as exc:
        return texts, exc
    return texts, None


FAILED = b'{"error":"boom"}\n'


def test_paused_items_are_delivered_before_the_error_after_them(world, serve):
    script = at_once(_word("a"), _word("b"), _word("c"), FAILED)
    with world.client(serve(script).url) as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.pause()
        waiting = in_background(lambda: next(stream))
        _still_waiting(waiting)
        assert stream.state == "paused"
        stream.resume()
        assert waiting.result(PATIENCE).response == "b"
        assert stream.state == "open"
        assert next(stream).response == "c"
        assert stream.state == "failed"
        with pytest.raises(ReplyFailedError, match="boom"):
            next(stream)


def test_paused_items_are_delivered_before_the_total_limit(world, serve, limits_clock):
    client = world.client(serve(at_once(_word("a"), _word("b"), _word("c"))).url, timeout=PATIENCE)
    with client as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.pause()
        limits_clock.now += PATIENCE - 0.1
        waiting = in_background(lambda: next(stream))
        _still_waiting(waiting)
        limits_clock.run()
        assert waiting.result(PATIENCE).response == "b"  # the call has taken too long: the pause is over
        assert stream.state == "open"
        texts, error = _rest(stream)
        assert texts == ["c"]
        assert type(error) is APITimeoutError
        assert error.phase == "total"
        assert stream.state == "failed"


def test_total_limit_in_a_pause_keeps_the_servers_error(world, serve, limits_clock):
    client = world.client(serve(at_once(_word("a"), _word("b"), FAILED)).url, timeout=PATIENCE)
    with client as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.pause()
        limits_clock.run_to(limits_clock.now + PATIENCE)
        texts, error = _rest(stream)
        assert texts == ["b"]
        assert type(error) is ReplyFailedError


def test_total_limit_ends_a_pause_of_a_complete_reply_well(world, serve, limits_clock):
    client = world.client(serve(at_once(_word("a"), _word("b"), LAST)).url, timeout=PATIENCE)
    with client as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.pause()
        assert stream.state == "paused"
        limits_clock.now += PATIENCE - 0.4
        limits_clock.run()
        begin = time.process_time()
        assert _rest(stream) == (["b", ""], None)
        assert time.process_time() - begin < 0.1  # it slept
        assert stream.state == "finished"


def test_a_stream_has_not_ended_before_every_item_was_taken(world, serve):
    with world.client(serve(at_once(_word("a"), LAST, end=chunk(b""))).url) as client:
        stream = client.generate("m", "hi", stream=True)
        next(stream)
        assert stream.state == "open"
        stream.pause()
        assert stream.state == "paused"
        stream.resume()
        next(stream)
        assert stream.state == "finished"
        stream.pause()  # there is nothing to pause any more
        assert stream.state == "finished"
        assert list(stream) == []


# A pause stops the limits, and only for its own time


def test_silent_server_is_given_up_after_a_long_pause(world, serve, limits_clock):
    client = world.client(serve(one_item_then_silence).url, timeout=Timeout(between_items=0.1))
    with client as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        waiting = in_background(lambda: next(stream))
        _still_waiting(waiting)
        stream.pause()
        limits_clock.run()
        _still_waiting(waiting, 0.15)
        stream.resume()
        with pytest.raises(APITimeoutError) as caught:
            waiting.result(PATIENCE)
        assert caught.value.phase == "between_items"


def test_repeated_pauses_give_a_silent_server_no_more_time(world, serve):
    client = world.client(serve(one_item_then_silence).url, timeout=Timeout(between_items=0.1))
    with client as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        waiting = in_background(lambda: next(stream))
        for _ in range(1000):
            if waiting.done():
                break
            stream.pause()
            stream.resume()
            concurrent.futures.wait([waiting], 0.03)
        with pytest.raises(APITimeoutError):
            waiting.result(0)


def test_resuming_starts_no_limit_without_a_reader(world, serve, limits_clock):
    patient, go_on = one_item_and_the_end_on_demand()

    def late(connection):
        connection.request()
        connection.send(HEAD)
        connection.wait(go_on)
        connection.send(chunk(ITEM) + END)
        connection.watch()

    for script, before in ((late, 0), (patient, 1)):
        go_on.clear()
        client = world.client(serve(script).url, timeout=Timeout(first_item=PATIENCE, between_items=PATIENCE))
        with client as client, client.generate("m", "hi", stream=True) as stream:
            for _ in range(before):
                next(stream)
            stream.pause()
            stream.resume()
            limits_clock.now += 2 * PATIENCE  # the caller is busy
            threading.Timer(0.03, go_on.set).start()
            assert next(stream)


def test_reader_that_asks_in_a_pause_gets_the_whole_limit(world, serve, limits_clock):
    patient, go_on = one_item_and_the_end_on_demand()
    client = world.client(serve(patient).url, timeout=Timeout(between_items=PATIENCE))
    with client as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.pause()
        waiting = in_background(lambda: next(stream))
        _still_waiting(waiting)
        limits_clock.now += 2 * PATIENCE
        stream.resume()
        _still_waiting(waiting)
        go_on.set()
        assert waiting.result(PATIENCE).done


def test_pause_after_the_last_item_leaves_draining_limited(world, serve, monkeypatch):
    monkeypatch.setattr(_timeout, "_DRAIN", 0.1)
    client = world.client(serve(at_once(_word("a"), LAST)).url, timeout=None)  # the body never ends
    with client as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.pause()
        stream.resume()
        next(stream)
        ending = in_background(lambda: list(stream))
        assert ending.result(PATIENCE) == []


def test_pause_by_another_thread_while_asking_stops_the_limits(serve, limits_clock, monkeypatch):
    ask, pausing = Deadlines.item, []

    class Interleaved:
        """A clock during whose reading another thread pauses, or tries to."""

        def monotonic(self):
            if not pausing:
                pausing.append(threading.Thread(target=stream.pause))
                pausing[0].start()
                pausing[0].join(0.1)
            return limits_clock.monotonic()

    def item(deadlines):
        deadlines._clock = Interleaved()
        ask(deadlines)
        deadlines._clock = limits_clock

    patient, go_on = one_item_and_the_end_on_demand()
    client = Ollama(serve(patient).url, timeout=Timeout(between_items=0.1))
    with client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        monkeypatch.setattr(Deadlines, "item", item)
        waiting = in_background(lambda: next(stream))
        wait_until(lambda: stream.state == "paused")
        _still_waiting(waiting)
        limits_clock.now += PATIENCE
        _still_waiting(waiting, 0.2)
        go_on.set()
        stream.resume()
        assert waiting.result(PATIENCE).done


# Closing wakes the readers that wait


def test_closing_wakes_the_readers_of_a_paused_stream(world, serve):
    server = serve(one_item_then_silence)
    with world.client(server.url) as client:
        stream = client.generate("m", "hi", stream=True)
        next(stream)
        stream.pause()
        waiting = in_background(lambda: next(stream))
        _still_waiting(waiting)
        stream.close()
        with pytest.raises(IncompleteReplyError, match="closed"):
            waiting.result(PATIENCE)
        assert stream.state == "closed"
        assert server.hung_up()


def test_closing_wakes_the_reader(world, serve):
    server = serve(one_item_then_silence)
    with world.client(server.url, timeout=None) as client:
        stream = client.generate("m", "hi", stream=True)
        next(stream)
        waiting = in_background(lambda: next(stream))
        _still_waiting(waiting)
        stream.close()
        with pytest.raises(IncompleteReplyError, match="closed") as caught:
            waiting.result(PATIENCE)
        assert caught.value.items == 1
        assert stream.state == "closed"
        assert server.hung_up()


def test_closing_the_client_wakes_the_readers_of_its_streams(world, serve):
    with world.client(serve(one_item_then_silence).url, timeout=None) as client:
        stream = client.generate("m", "hi", stream=True)
        next(stream)
        waiting = in_background(lambda: next(stream))
        _still_waiting(waiting)
        (client.close if world.kind == "sync" else lambda: client.__exit__(None, None, None))()
        with pytest.raises(IncompleteReplyError):
            waiting.result(PATIENCE)


def test_closed_stream_still_delivers_items_that_arrived(world, serve):
    with world.client(serve(at_once(_word("a"), _word("b"), _word("c"))).url) as client:
        stream = client.generate("m", "hi", stream=True)
        next(stream)
        stream.pause()
        stream.close()
        assert stream.state == "closed"
        texts, error = _rest(stream)
        assert texts == ["b", "c"]
        assert type(error) is IncompleteReplyError
        assert stream.state == "closed"


def test_a_closed_or_cancelled_stream_cannot_be_paused(world, serve):
    server = serve(one_item_then_silence)
    with world.client(server.url) as client:
        for give_up in ("cancel", "close"):
            stream = client.generate("m", "hi", stream=True)
            next(stream)
            getattr(stream, give_up)()
            stream.pause()
            waiting = in_background(lambda: next(stream))  # noqa: B023 - done before the next round
            with pytest.raises(IncompleteReplyError, match=give_up):
                waiting.result(PATIENCE)
            assert stream.state.startswith(give_up)


def test_a_cancelled_stream_says_how_many_items_had_arrived(world, serve):
    with world.client(serve(at_once(_word("a"), _word("b"), LAST, end=chunk(b""))).url) as client:
        stream = client.generate("m", "hi", stream=True)
        next(stream)
        stream.cancel()
        with pytest.raises(IncompleteReplyError, match="before its last item was taken; 3 items had arrived") as caught:
            next(stream)
        assert caught.value.items == 3


def test_a_signal_handler_may_cancel_what_its_own_thread_reads(serve):
    """In this process the handler runs in the main thread, in the middle of whatever that does."""
    previous = signal.signal(signal.SIGALRM, lambda *_: stream.cancel())
    try:
        for paused in (False, True):
            client = Ollama(serve(one_item_then_silence).url)
            with client, client.generate("m", "hi", stream=True) as stream:
                next(stream)
                if paused:
                    stream.pause()
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                with pytest.raises(IncompleteReplyError, match="cancelled"):
                    next(stream)
    finally:
        signal.signal(signal.SIGALRM, previous)


# Races of those who control a stream


def test_pause_during_resume_leaves_the_reader_asleep(serve, monkeypatch):
    patient, go_on = one_item_and_the_end_on_demand()
    ask = Deadlines.release

    def paused_meanwhile(deadlines):
        monkeypatch.undo()
        thread = threading.Thread(target=stream.pause)
        thread.start()
        thread.join(0.1)
        ask(deadlines)

    client = Ollama(serve(patient).url, timeout=PATIENCE)
    with client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        waiting = in_background(lambda: next(stream))
        _still_waiting(waiting)
        stream.pause()
        for name in ("release", "item"):
            monkeypatch.setattr(Deadlines, name, paused_meanwhile)
        stream.resume()
        wait_until(lambda: stream.state == "paused")
        go_on.set()
        begin = time.process_time()
        _still_waiting(waiting, 0.2)
        assert time.process_time() - begin < 0.1  # a reader that waits uses no CPU
        stream.resume()
        assert waiting.result(PATIENCE).done


@contextlib.contextmanager
def _hurried_threads():
    """Threads that take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def test_cancel_then_pause_while_waiting_wakes_the_reader(serve, monkeypatch):
    left = Deadlines.left

    def cancelled_meanwhile(deadlines):
        monkeypatch.undo()
        for control in (stream.cancel, stream.pause):
            thread = threading.Thread(target=control)
            thread.start()
            thread.join(0.1)
        return left(deadlines)

    client = Ollama(serve(one_item_then_silence).url)
    with client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.pause()
        monkeypatch.setattr(Deadlines, "left", cancelled_meanwhile)
        waiting = in_background(lambda: next(stream))
        with pytest.raises(IncompleteReplyError, match="cancelled"):
            waiting.result(PATIENCE)
        assert stream.state == "cancelled"


@pytest.mark.parametrize("end", ["cancelled by a thread", "dropped", "cancelled by its task"])
def test_trio_program_may_end_with_open_streams(serve, end):
    url = serve(one_item_then_silence).url

    async def main():
        stream = await AsyncOllama(url).generate("m", "hi", stream=True)
        await anext(stream)
        if end == "cancelled by a thread":
            threading.Timer(0, stream.cancel).start()
        elif end == "cancelled by its task":
            stream.cancel()

    for _ in range(3):
        trio.run(main)
    gc.collect()


# Several readers of one stream


def numbered(count, per_read=3):
    """Items that say their number, three to a read, and the end."""

    def script(connection):
        connection.answer(HEAD)
        items = [_word(f"w{number}") for number in range(count)]
        for start in range(0, count, per_read):
            connection.send(chunk(b"".join(items[start : start + per_read])))
        connection.send(END)
        connection.watch()

    return script


@pytest.mark.parametrize("per_read", [1, 3])
def test_several_readers_of_one_stream_share_its_items(world, serve, per_read):
    count = 600
    with (
        world.client(serve(numbered(count, per_read)).url) as client,
        client.generate("m", "hi", stream=True) as stream,
        _hurried_threads(),
    ):
        readers = [in_background(lambda: _rest(stream)) for _ in range(3)]
        shares = [reader.result(PATIENCE) for reader in readers]
    assert [error for _, error in shares] == [None] * 3
    numbers = [[int(text[1:]) for text in texts if text] for texts, _ in shares]
    assert sorted(itertools.chain(*numbers)) == list(range(count))
    assert all(share == sorted(share) for share in numbers)


def test_several_who_collect_one_stream_get_the_whole_reply(world, serve):
    with world.client(serve(numbered(60, 1)).url) as client, client.generate("m", "hi", stream=True) as stream:
        collecting = [in_background(stream.collect) for _ in range(3)]
        texts = {future.result(PATIENCE).response for future in collecting}
    assert texts == {"".join(f"w{number}" for number in range(60))}


def test_every_reader_that_waits_in_a_pause_goes_on_after_it(world, serve):
    script = at_once(_word("a"), _word("b"), _word("c"), LAST, end=chunk(b""))
    with world.client(serve(script).url) as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.pause()
        waiting = [in_background(lambda: next(stream)) for _ in range(3)]
        for future in waiting:
            _still_waiting(future, 0.03)
        stream.resume()
        assert sorted(future.result(PATIENCE).response for future in waiting) == ["", "b", "c"]


def test_every_reader_hears_how_the_stream_ended(world, serve):
    server = serve(one_item_then_silence)
    with world.client(server.url, timeout=Timeout(between_items=0.1)) as client:
        stream = client.generate("m", "hi", stream=True)
        readers = [in_background(lambda: _rest(stream)) for _ in range(3)]
        shares = [reader.result(PATIENCE) for reader in readers]
    assert list(itertools.chain(*(texts for texts, _ in shares))) == ["word"]
    assert [type(error) for _, error in shares] == [APITimeoutError] * 3


@pytest.mark.anyio
async def test_cancelled_reader_leaves_no_other_reader_waiting(serve):
    async with AsyncOllama(serve(one_item_then_silence).url, timeout=PATIENCE) as client:
        stream = await client.generate("m", "hi", stream=True)
        await anext(stream)
        errors = []

        async def read(scope):
            with scope:
                try:
                    await anext(stream)
                except IncompleteReplyError as exc:
                    errors.append(exc)

        scopes = [anyio.CancelScope() for _ in range(3)]
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as group:
                for scope in scopes:
                    group.start_soon(read, scope)
                    await anyio.wait_all_tasks_blocked()
                scopes[1].cancel()  # it waits for its turn, so the others go on
                await anyio.wait_all_tasks_blocked()
                assert errors == []
                scopes[0].cancel()  # the one that reads takes the connection with it
        assert len(errors) == 1
        assert "reading was interrupted by" in str(errors[0])
        assert "server's log" not in str(errors[0])
