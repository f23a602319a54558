"""Decides, without I/O, what whoever reads a response as a stream does next: take an item, read, wait, or stop."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Protocol, TypeVar

import httpx
from attrs import define, field, frozen

from ollama_sdk.errors import APITimeoutError, DecodeError, IncompleteReplyError, OllamaError

from ._accumulation import MISFITS, Fold
from ._reader import Reader

__all__ = ["OVER", "READ", "Exchange", "Gate", "Pace", "StreamState"]

StreamState = Literal["open", "paused", "finished", "failed", "cancelled", "closed"]

ItemT = TypeVar("ItemT")
if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultTypeVar  # typing has it from Python 3.13 on

    ReplyT = DefaultTypeVar("ReplyT", default=ItemT)
else:
    ReplyT = TypeVar("ReplyT")


class Gate(Protocol):
    """What callers wait at until the stream has moved; made closed, and opened once, for all of them."""

    def set(self) -> object:
        """Let everybody through, from any thread, also from a signal handler."""
        ...


class Step(Enum):
    """What a caller that wants an item does when none is ready.

    Attributes:
        READ: Get the next bytes and say what came: the wire is this caller's alone until then.
        OVER: Close the response and raise what ended the stream.
    """

    READ = 1
    OVER = 2


READ: Final = Step.READ
OVER: Final = Step.OVER


@frozen
class Wait:
    """What a caller does that can go no further: wait, and ask again.

    Attributes:
        gate: Where: one of those that the exchange was told to make.
        seconds: How long at most; ``None`` without end.
    """

    gate: Any
    seconds: float | None


class Pace(Protocol):
    """The deadlines of a call, as far as a stream moves them along."""

    def item(self) -> None:
        """The caller waits for another item."""
        ...

    def drain(self) -> None:
        """The last item has arrived: only the end of the body is due, and soon."""
        ...

    def hold(self) -> None:
        """The caller waits for nothing at the moment: no item is due."""
        ...

    def release(self) -> None:
        """The caller waits again, for what was due before."""
        ...

    def left(self) -> float:
        """Seconds until the nearest deadline; infinite without one."""
        ...


@define(eq=False, repr=False)
class Exchange(Generic[ItemT, ReplyT]):
    """One response being read as a stream: everything that sync and async streams decide alike.

    A caller that finds no item ready asks :meth:`next` and does what it says, until that is ``None``. One caller at a time
    has the wire, and says what came by :meth:`received` or :meth:`lost`; the others wait at the gate, which opens whenever
    there may be something else to do. Limits other than that of the whole call run while a caller has the wire of a stream
    that is not paused. Any method may be called from any thread.

    Attributes:
        response: The response whose body holds the items.
        reader: What finds them.
        pace: The deadlines to move along.
        convert: Makes an item of its decoded JSON.
        fold: Adds items up for ``collect()``.
        reply: Makes the one-piece reply of the folded JSON.
        explain: The typed error of what httpx raised.
        ended: Called once, with the number of items and the error if there was one.
        new_gate: Makes a gate of the kind that these callers can wait at.
        held: Whether items that are ready are withheld: paused, or cancelled.
        paused: Whether nothing is to be read or taken; not after the stream was stopped.
        stopped: How it was given up before its end.
        over: Whether nothing more is to be read.
        reading: Whether a caller has the wire.
        released: Whether someone has undertaken to close the response.
    """

    response: httpx.Response
    reader: Reader
    pace: Pace
    convert: Callable[[Any], ItemT]
    fold: Fold
    reply: Callable[[dict[str, Any]], ReplyT]
    explain: Callable[[Exception], OllamaError]
    ended: Callable[[int, Exception | None], None]
    new_gate: Callable[[], Gate] = field(init=False)
    held: bool = field(default=False, init=False)
    paused: bool = field(default=False, init=False)
    stopped: Literal["cancelled", "closed"] | None = field(default=None, init=False)
    over: bool = field(default=False, init=False)
    reading: bool = field(default=False, init=False)
    released: bool = field(default=False, init=False)
    _due: bool = field(default=False, init=False)
    _gate: Gate | None = field(default=None, init=False)
    _collecting: bool = field(default=False, init=False)
    # Each decision is one critical section. A signal handler may pause or cancel in the middle of one: hence reentrant.
    _lock: threading.RLock = field(factory=threading.RLock, init=False)

    def __attrs_post_init__(self) -> None:
        self.pace.hold()  # until the caller asks for the first item

    @property
    def state(self) -> StreamState:
        """Where the stream stands; it has not ended before the caller has every item."""
        if self.stopped == "cancelled":
            return "cancelled"
        reader = self.reader
        error, finished = reader.error, reader.finished  # looked at first: items are ready before either is set
        if not reader.ready and (finished or error is not None):
            return "finished" if error is None else "failed"
        return self.stopped or ("paused" if self.paused else "open")

    # What callers want

    def pause(self) -> None:
        """Nothing is to be taken or read until :meth:`resume`."""
        with self._lock:
            if self.stopped is None and not self._ended():
                self.paused = self.held = True
                self.pace.hold()

    def resume(self) -> None:
        """Reading may go on; whoever has waited for an item waits for what was due before."""
        with self._lock:
            if self.paused:
                self._unpause()

    def stop(self, how: Literal["cancelled", "closed"], interrupt: Callable[[], None] | None = None) -> bool:
        """Give the stream up, unless it has ended; returns as :meth:`release` does.

        Items that have arrived are withheld from then on if it was cancelled, not if it was closed.
        """
        with self._lock:
            if self.stopped is None and not self._ended():
                self.stopped, self.over = how, True
                self._unpause()
                self.held = how == "cancelled"
        return self.release(interrupt)

    def release(self, interrupt: Callable[[], None] | None = None) -> bool:
        """Be done with the response; whether it is now the one calling who must close it.

        It is not if that has been done, or if someone is on the wire who can be woken: then ``interrupt`` is called, and
        that caller closes. In between the connection cannot become another call's.
        """
        with self._lock:
            if self.released:
                return False
            if self.reading and interrupt is not None:
                interrupt()
                return False
            self.released = self.over = True
        self.ended(self.reader.items, self.reader.error)
        return True

    # What a caller that wants an item does next; ``None`` stands for taking it, because it is ready

    def next(self) -> Step | Wait | None:
        """The first step, and the one after a wait."""
        self._lock.acquire()  # here and below: half of what ``with`` costs, and this runs for every token
        try:
            if self.paused:
                if self._ended():
                    self._unpause()  # the last item was taken in the very moment of the pause
                elif (left := self.pace.left()) > 0:  # of the whole call; no other limit runs
                    return self._wait(None if left == math.inf else left)
                else:
                    self._fail(httpx.ReadTimeout("paused until the call as a whole had taken too long"))
                    self._unpause()
            if self.reader.ready and not self.held:
                return None
            if self.over:
                return OVER
            if self.reading:
                return self._wait(None)  # which the limits of the one who reads will end
            self.reading = True
            if self._due or not self.reader.items:
                self.pace.release()
            else:
                self.pace.item()
            self._due = True
            if self.paused:  # by a signal handler meanwhile, whose hold has just been undone
                self.pace.hold()
            return READ
        finally:
            self._lock.release()

    def received(self, data: bytes | None) -> Step | Wait | None:
        """The step after bytes came, or ``None`` for the end of the body."""
        reader = self.reader
        if data is None:
            reader.end()
        else:
            reader.feed(data)
        self._lock.acquire()
        try:
            if data is None or reader.error is not None:
                self.over = True
            elif reader.finished:
                self.pace.drain()
            elif self.pace.left() < 0:
                # Our own wire stops at the deadline; another transport may let bytes trickle past it.
                if reader.ready:
                    self.pace.item()  # what was due has come, however late: only the call as a whole may be over
                if self.pace.left() < 0:
                    self._fail(httpx.ReadTimeout("the deadline has passed"))
            if reader.ready and self._gate is None and not (self.held or reader.finished):
                self.reading = self._due = False  # the usual case of what follows, at half its cost
                return None
            if not (reader.ready or self.over or self.paused):
                return READ
            self._off_the_wire()
            return self.next()
        finally:
            self._lock.release()

    def lost(self, exc: BaseException) -> Step | Wait | None:
        """The step after the body broke off. Once the last item has arrived that no longer matters."""
        if not isinstance(exc, Exception):  # a cancelled task, or Ctrl-C: what it had read is gone
            exc = httpx.ReadError(f"reading was interrupted by {type(exc).__name__}")
        with self._lock:
            self._fail(exc)
            self._off_the_wire()
            return self.next()

    # Within the lock

    def _ended(self) -> bool:
        """Whether the caller has had every item that there will be."""
        return not self.reader.ready and (self.reader.finished or self.reader.error is not None)

    def _off_the_wire(self) -> None:
        self.reading = False
        if self.reader.ready:
            self._due = False  # the next item gets the whole time between two
        if self.reader.finished:
            self.pace.hold()  # the caller may take its time before it asks for the end
        if self._gate is not None:
            self._open_gate()

    def _unpause(self) -> None:
        self.paused = self.held = False
        if self.reading:
            self.pace.release()
        self._open_gate()

    def _wait(self, seconds: float | None) -> Wait:
        if self._gate is None:
            self._gate = self.new_gate()
        return Wait(self._gate, seconds)

    def _open_gate(self) -> None:
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.set()

    def _fail(self, exc: Exception) -> None:
        self.over = True
        if self.stopped is not None or self.reader.error is not None:
            return
        error = self.explain(exc)
        if isinstance(error, APITimeoutError) and not self.reader.finished:
            self.reader.error = error
            error.__cause__ = exc
        else:
            self.reader.end(exc)

    # What came of it

    def raise_if_failed(self) -> None:
        """Raise what ended the stream badly; return when it ended well."""
        error = self.reader.error
        if self.stopped == "cancelled" or (error is None and not self.reader.finished):
            items = self.reader.items
            text = f"the stream was {self.stopped} before its last item was taken; {items} items had arrived"
            error = IncompleteReplyError(text, items=items)
        if error is not None:
            raise error

    def refuse(self, error: DecodeError) -> None:
        """An item is not what the document promises: the stream ends there."""
        with self._lock:
            self.reader.ready.clear()
            self.reader.error = error
            self.over = True

    def gather_from_here(self) -> None:
        """Collecting begins. The first item says things about the whole reply, so it counts even if the caller has had it."""
        first, nothing_taken = self.reader.first, len(self.reader.ready) == self.reader.items
        with self._lock, contextlib.suppress(*MISFITS):
            begun, self._collecting = self._collecting, True
            if not begun and first is not None and not nothing_taken:
                self.fold.begin(first)

    def gather(self) -> None:
        """Add up the items that are ready, in their order even if several callers collect."""
        ready = self.reader.ready
        taken: list[dict[str, Any]] = []
        with self._lock:
            with contextlib.suppress(IndexError):  # another caller took the last one
                while ready:
                    taken.append(ready.popleft())
            try:
                for item in taken:
                    self.fold.add(item)
            except MISFITS as exc:
                self.refuse(self.reader.misfit(exc))

    def _folded(self) -> dict[str, Any]:
        try:
            return self.fold.result()
        except MISFITS as exc:
            raise self.reader.misfit(exc) from exc

    def collected(self) -> ReplyT:
        """The one reply of all folded items, or the reader's error with what there is."""
        try:
            self.raise_if_failed()
        except IncompleteReplyError as exc:
            exc.partial = self._partial()
            raise
        return self.reply(self._folded())

    def _partial(self) -> Any:
        data: dict[str, Any] | None = None
        try:
            data = self._folded()
            return self.reply(data) if data else None
        except OllamaError:  # too little arrived to make a reply of: the bare data says more than nothing
            return data
