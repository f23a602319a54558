"""A stream can be held, released and given up while it runs, from wherever the caller is."""

from __future__ import annotations

import select
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from loopback import chunk, chunked

from ollama_sdk import APITimeoutError, IncompleteReplyError, Ollama, Timeout
from ollama_sdk._timeout import Deadlines

ITEM = b'{"model":"m","created_at":"2026-11-21T11:20:08Z","response":"word","done":false}\n'
LAST = b'{"model":"m","created_at":"2026-11-21T11:20:08Z","response":"","done":true,"done_reason":"stop"}\n'
HEAD = chunked()
END = chunk(LAST) + chunk(b"")


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


def test_a_paused_stream_holds_the_server_back_and_loses_nothing(world, serve):
    items = 3000
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
        assert held_back.wait(5)
        stream.resume()
        assert len(list(stream)) == items
        assert stream.state == "finished"


def test_whoever_takes_an_item_of_a_paused_stream_waits_until_it_is_resumed(world, serve):
    with world.client(serve(whole).url) as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.pause()
        waiting = in_background(lambda: next(stream))
        with pytest.raises(TimeoutError):
            waiting.result(0.1)
        stream.resume()
        assert waiting.result(5).response == "word"
        assert len(list(stream)) == 1


def test_a_pause_may_last_longer_than_the_limit_between_items(world, serve):
    patient, go_on = one_item_and_the_end_on_demand()
    client = world.client(serve(patient).url, timeout=Timeout(between_items=0.5))
    with client as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        waiting = in_background(lambda: next(stream))  # in the middle of a read when the pause begins
        with pytest.raises(TimeoutError):
            waiting.result(0.02)
        stream.pause()
        with pytest.raises(TimeoutError):
            waiting.result(0.7)
        go_on.set()
        stream.resume()
        assert waiting.result(5).done


def test_a_pause_in_the_very_moment_of_asking_stops_the_limits_too(serve, monkeypatch):
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
        with pytest.raises(TimeoutError):
            waiting.result(0.3)
        assert stream.state == "paused"
        go_on.set()
        stream.resume()
        assert waiting.result(5).done


def test_the_limit_of_the_whole_call_runs_on_during_a_pause(world, serve):
    client = world.client(serve(two_items_then_silence).url, timeout=0.15)
    with client as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.pause()
        with pytest.raises(APITimeoutError) as caught:
            next(stream)
        assert caught.value.phase == "total"


def test_cancelling_wakes_whoever_is_reading_and_the_server_sees_it(world, serve):
    server = serve(two_items_then_silence)
    with world.client(server.url) as client, client.generate("m", "hi", stream=True) as stream:
        next(stream), next(stream)
        waiting = in_background(lambda: next(stream))
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
        stream.cancel()
        with pytest.raises(IncompleteReplyError, match="cancelled") as caught:
            waiting.result(1)
        assert caught.value.items == 2
        assert server.connections[0].hung_up.wait(1)
        assert stream.state == "cancelled"


def test_cancelling_while_nobody_reads_closes_the_connection(world, serve):
    server = serve(two_items_then_silence)
    with world.client(server.url) as client, client.generate("m", "hi", stream=True) as stream:
        next(stream)
        stream.cancel()
        assert server.connections[0].hung_up.wait(1)
        with pytest.raises(IncompleteReplyError, match="cancelled"):
            next(stream)


def test_cancelling_wakes_whoever_waits_for_a_paused_stream(world, serve):
    with world.client(serve(two_items_then_silence).url) as client, client.generate("m", "hi", stream=True) as stream:
        stream.pause()
        waiting = in_background(lambda: next(stream))
        with pytest.raises(TimeoutError):
            waiting.result(0.05)
        stream.cancel()
        with pytest.raises(IncompleteReplyError, match="cancelled"):
            waiting.result(1)


def test_what_a_cancelled_stream_had_delivered_is_in_the_partial_reply(world, serve):
    with world.client(serve(two_items_then_silence).url) as client, client.generate("m", "hi", stream=True) as stream:
        collecting = in_background(stream.collect)
        with pytest.raises(TimeoutError):
            collecting.result(0.1)
        stream.cancel()
        with pytest.raises(IncompleteReplyError) as caught:
            collecting.result(1)
        assert caught.value.partial.response == "wordword"


def test_cancelling_before_items_that_have_arrived_are_taken_is_cancelling_still(world, serve):
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


def test_the_state_tells_where_a_stream_stands(world, serve):
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
