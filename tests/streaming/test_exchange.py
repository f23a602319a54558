"""StreamExchange keeps its promises for any order of calls: checked against a model, without I/O."""

from __future__ import annotations

import math

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ollama_sdk._timeout import Deadlines, Timeout
from ollama_sdk.errors import APIConnectionError, APITimeoutError, IncompleteReplyError, OllamaError, ReplyFailedError
from ollama_sdk.streaming._accumulation import MergeAccumulator
from ollama_sdk.streaming._exchange import END, READ, StreamExchange
from ollama_sdk.streaming._framing import NDJSONFramer
from ollama_sdk.streaming._reader import Reader
from tests.support.examples import examples

FIRST, BETWEEN, DRAIN = 7.0, 5.0, 0.1


class HandClock:
    """Stands still until it is turned."""

    now = 1000.0

    def monotonic(self):
        return self.now


class Control(RuleBasedStateMachine):
    """Three callers, a server and time, each doing what it likes."""

    @initialize(total=st.sampled_from([None, 12.0]), items=st.sampled_from([0, 1, 2, 3, 4, 4]))
    def begin(self, total, items):
        self.clock = HandClock()
        self.total_at = math.inf if total is None else self.clock.now + total
        self.deadlines = Deadlines(Timeout(first_item=FIRST, between_items=BETWEEN, total=total), self.clock)
        self.deadlines.attempt()
        self.endings = []
        self.exchange = StreamExchange(
            response=httpx.Response(200),
            reader=Reader(NDJSONFramer(), last={"last": True}, failed=None, call=self),
            deadlines=self.deadlines,
            decode_item=dict,
            call=self,
        )
        self.doing = {}  # what each caller does: it waits, or it reads
        self.sent = 0
        self.server_is_done = False
        self.taken = []
        self.raised = {}  # what ended the stream, by caller
        self.failure = None  # the first one
        self.waited = 0.0  # by the reader, for the item that is due, pauses not counted
        self.due = FIRST
        if items:  # otherwise few runs get far
            self.ask({0})
            self.send(items, b"")

    # As the call

    name = ""

    def redacted(self, text):
        return text

    def broken_off(self, exc, items):
        return "the body ended" if exc is None else "the connection was lost", "look there"

    def not_json_advice(self):
        return "; look there"

    def item_fields(self):
        return ()

    def new_accumulator(self):
        return MergeAccumulator({})

    def reply_of(self, data):
        return dict(data)

    def ended(self, _response, reader, _whole):
        self.endings.append((reader.items, reader.error))

    def error_of(self, exc):
        if isinstance(exc, httpx.TimeoutException):
            return APITimeoutError("late", phase=self.deadlines.expired("between_items"))
        return APIConnectionError("lost")

    # Callers

    def follow(self, caller, step):
        """Do as a shell does, up to where it would block."""
        if step is None:
            self.taken.append(self.exchange.reader.ready.popleft()["n"])
            self.doing.pop(caller, None)
            assert self.exchange.stopped != "cancelled"
        elif step is READ:
            assert READ not in self.doing.values()  # one at a time
            if self.exchange.reader.items and self.due != DRAIN and not self.kept_waiting:
                self.waited, self.due = 0.0, BETWEEN
            self.kept_waiting = True
            self.doing[caller] = READ
        elif step is END:
            self.doing.pop(caller, None)
            self.exchange.release()
            try:
                self.exchange.raise_if_failed()
            except OllamaError as exc:
                self.raised[caller] = exc
            else:
                self.raised[caller] = None
        else:
            assert not step.event.wait(0)
            self.doing[caller] = step

    kept_waiting = True  # the first item was not taken yet

    @rule(callers=st.sets(st.integers(0, 2), min_size=1))
    def ask(self, callers):
        for caller in callers - set(self.doing):
            if not self.exchange.reader.ready or self.exchange.held:
                self.follow(caller, self.exchange.next_step())
            else:
                self.follow(caller, None)

    def wake(self):
        """Let every caller go on whose event is set or whose time is up."""
        moved = True
        while moved:
            moved = False
            for caller, step in list(self.doing.items()):
                late = step is not READ and step.seconds is not None and self.clock.now >= self.total_at
                if step is not READ and (step.event.wait(0) or late):
                    del self.doing[caller]
                    self.follow(caller, self.exchange.next_step())
                    moved = True

    # The server

    def arrive(self, event):
        [caller] = [caller for caller, step in self.doing.items() if step is READ]
        del self.doing[caller]
        before = self.exchange.reader.items
        step = event()
        if self.exchange.reader.items > before:
            self.kept_waiting = False
        if self.exchange.reader.finished and self.due != DRAIN:
            self.waited, self.due, self.kept_waiting = 0.0, DRAIN, True
        self.follow(caller, step)
        self.wake()

    @property
    def is_read(self):
        return READ in self.doing.values()

    @precondition(lambda self: self.is_read and not self.server_is_done)
    @rule(count=st.integers(0, 4), end=st.sampled_from([b"", b"", b"", b"", b'{"error":"boom"}\n', b"last"]))
    def send(self, count, end):
        numbers = list(range(self.sent, self.sent + count))
        data = b"".join(b'{"n":%d}\n' % n for n in numbers)
        self.sent += count
        if end == b"last":
            end = b'{"n":%d,"last":true}\n' % self.sent
            self.sent += 1
        self.server_is_done = bool(end)
        self.arrive(lambda: self.exchange.received(data + end))

    @precondition(lambda self: self.is_read and self.sent > 3)
    @rule(how=st.sampled_from(["end", "break", "interrupt"]))
    def hang_up(self, how):
        self.server_is_done = True
        events = {
            "end": lambda: self.exchange.received(None),
            "break": lambda: self.exchange.read_failed(httpx.ReadError("reset")),
            "interrupt": lambda: self.exchange.read_failed(KeyboardInterrupt()),
        }
        self.arrive(events[how])

    # Time

    @rule(seconds=st.sampled_from([0.25, 0.25, 1.0, 2.0, 13.0]))
    def pass_time(self, seconds):
        if self.is_read and not self.exchange.paused:
            # A transport stops at its deadline, not later.
            seconds = min(seconds, max(self.due - self.waited, 0.0), max(self.total_at - self.clock.now, 0.0))
            self.waited += seconds
        self.clock.now += seconds
        if self.is_read:
            late = self.clock.now >= self.total_at or (not self.exchange.paused and self.waited >= self.due)
            assert (self.deadlines.next_check() <= 0) == late
            if late:
                self.arrive(lambda: self.exchange.read_failed(httpx.ReadTimeout("late")))
        self.wake()

    # Control

    @rule(late=st.booleans())
    def pause(self, late):
        looked = not self.exchange.held and self.exchange.reader.ready
        self.exchange.pause()
        assert self.exchange.state != "open"
        if late and looked:  # a caller looked just before, and takes just after
            self.follow("late", None)

    @rule()
    def resume(self):
        self.exchange.resume()
        assert self.exchange.state != "paused"
        self.wake()

    @precondition(lambda self: self.sent > 3)
    @rule(how=st.sampled_from(["cancelled", "closed"]), wakeable=st.booleans())
    def stop(self, how, wakeable):
        woken = []
        before, ended = self.exchange.state, self.exchange._has_ended()
        is_read, released = self.is_read, bool(self.endings)
        mine = self.exchange.stop(how, (lambda: woken.append(True)) if wakeable else None)
        if before in {"open", "paused"}:
            assert self.exchange.state == how
        else:
            assert self.exchange.state == before
        assert bool(woken) == (wakeable and is_read and not released)
        assert mine == (not released and not woken)
        if is_read and not ended and (mine or woken):
            self.arrive(lambda: self.exchange.read_failed(httpx.ReadError("gone")))
        self.wake()

    # What always holds

    @invariant()
    def items_come_once_and_in_order(self):
        assert self.taken == list(range(len(self.taken)))
        undelivered = [item["n"] for item in self.exchange.reader.ready]
        assert self.taken + undelivered == list(range(self.exchange.reader.items))

    @invariant()
    def every_waiting_caller_waits_for_a_reader_or_a_pause(self):
        if not self.exchange.paused and not self.is_read:
            assert not self.doing

    @invariant()
    def limits_run_only_while_a_caller_reads_and_nothing_is_paused(self):
        left = self.deadlines.left()
        total = self.total_at - self.clock.now
        if self.is_read and not self.exchange.paused:
            assert math.isclose(left, min(self.due - self.waited, total), abs_tol=1e-6)
        elif self.exchange.paused:
            assert left == total
        if self.is_read:
            assert self.deadlines.next_check() <= FIRST  # a read asks again: it may have been resumed

    @invariant()
    def the_end_comes_after_every_item_that_may_still_be_taken(self):
        state = self.exchange.state
        if state in {"finished", "failed"} or (self.raised and state != "cancelled"):
            assert not self.exchange.reader.ready
        if not self.raised:
            return
        assert len({type(error) for error in self.raised.values()}) == 1
        error = next(iter(self.raised.values()))
        finished, failure = self.exchange.reader.finished, self.exchange.reader.error
        if state == "cancelled":
            assert isinstance(error, IncompleteReplyError)
        elif failure is not None:
            assert error is failure
            assert isinstance(error, (APITimeoutError, IncompleteReplyError, ReplyFailedError))
        else:
            assert (error is None) == finished

    @invariant()
    def a_failure_is_not_replaced_by_a_later_one(self):
        self.failure = self.failure or self.exchange.reader.error
        assert self.exchange.reader.error is self.failure

    @invariant()
    def the_response_is_released_once(self):
        assert len(self.endings) == (1 if self.exchange.released else 0)


Control.TestCase.settings = examples(300)
TestControl = Control.TestCase


# Sequences that random choice rarely produces


def run(total, *steps):
    """Do these steps, and check every invariant after each."""
    control = Control()
    control.begin(total=total, items=0)
    for name, *arguments in steps:
        getattr(control, name)(*arguments)
        for check in vars(Control).values():
            if hasattr(check, "hypothesis_stateful_invariant"):
                check(control)
    return control


def test_a_part_of_an_item_in_a_pause_gives_no_more_time():
    asked_twice = [("ask", {0}), ("send", 1, b""), ("ask", {0}), ("pass_time", 2.0)]
    control = run(None, *asked_twice, ("pause", False), ("send", 0, b""), ("pass_time", 13.0), ("resume",))
    assert control.is_read
    assert control.deadlines.left() == BETWEEN - 2


def test_a_last_item_taken_during_a_pause_ends_the_stream():
    control = run(None, ("ask", {0}), ("send", 1, b"last"), ("ask", {0}), ("pause", False), ("resume",))
    assert control.exchange.state == "finished"
    control = run(None, ("ask", {0}), ("send", 0, b"last"), ("ask", {0}), ("hang_up", "end"), ("pause", False))
    assert control.raised == {0: None}
    control = run(None, ("ask", {0}), ("send", 1, b"last"), ("pause", True), ("ask", {0}))
    assert control.is_read  # for the end of the body


def test_a_total_limit_ends_a_pause_and_replaces_no_failure():
    begin = [("ask", {0}), ("send", 2, b'{"error":"boom"}\n'), ("pause", False)]
    control = run(12.0, *begin, ("ask", {0, 1}), ("pass_time", 13.0), ("ask", {2}))
    assert control.taken == [0, 1]
    assert [type(error) for error in control.raised.values()] == [ReplyFailedError, ReplyFailedError]
