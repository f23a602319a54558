"""State machine of one streamed response: decides, without I/O, what a caller that wants an item does next.

Theory
------

Several callers may use one stream at once: threads or tasks that take items, and others, signal handlers included, that pause,
resume, cancel or close it. There is one connection. The machine decides, and ``Stream`` and ``AsyncStream`` do the I/O.

*Steps.* A caller that finds no item ready calls :meth:`~StreamExchange.next_step` and does what it returns, until that is
``None``, which means: take the item that is ready.

- ``READ``: the caller is *the reader* from now on. It gets the next bytes of the body and reports them to
  :meth:`~StreamExchange.received`, or reports to :meth:`~StreamExchange.read_failed` that this failed. Both return its next step.
- :class:`Wait`: another caller is the reader, or the stream is paused. The caller waits for an event, then asks again.
- ``END``: nothing more will be read. The caller releases the response, and raises what ended the stream.

*States* that users see (:attr:`~StreamExchange.state`), and what happens to items that have arrived:

=========  ==========================================================  ==================================
state      meaning                                                     items that have arrived
=========  ==========================================================  ==================================
open       callers take items; when none is ready, one of them reads   are handed out
paused     callers that want an item wait; nothing is read             are withheld
finished   the last item has arrived and was taken                     were all taken
failed     an error ended the stream, and the items before it were     were all taken
           taken
cancelled  given up by ``cancel()``                                    are withheld
closed     given up by ``close()``, the end of a block, or the last    are handed out, then the stream
           reference                                                   raises
=========  ==========================================================  ==================================

*Transitions.* Every method may be called from any thread. Finished, failed and cancelled are final. A caller may take an item in
the moment in which another one pauses the stream; so paused, too, can turn into finished or failed.

============  ================================================================================  ==========
from          event                                                                             to
============  ================================================================================  ==========
open          ``pause``                                                                         paused
paused        ``resume``; or the limit of the whole call runs out, which sets the error         open
open, closed  the last item has arrived, and every item is taken                                finished
open          the error is set (a malformed item, a failure that the server reports, a body     failed
              that ends early, a limit that runs out), and the items before it are taken
open, closed  an item that is taken does not fit its model                                      failed
open, paused  ``stop("cancelled")``                                                             cancelled
open, paused  ``stop("closed")``                                                                closed
============  ================================================================================  ==========

Independently of this, the *connection* is idle, or read by one caller (``reading``), or of no more use (``over``); and once,
at the end, one caller undertakes to close the response (``released``):

- idle → reading: ``next_step`` returns ``READ``; only when nothing is ready, and the stream is neither paused nor over.
- reading → idle: ``received`` or ``read_failed``. A pause does not end a read: what it brings is kept.
- → over: the end of the body, an error, ``stop`` or ``release``. There is no way back.
- over → released: the first call of ``stop`` or ``release`` that returns ``True``.

*Limits.* A limit other than that of the whole call runs only while a caller is the reader and the stream is not paused. Time that
callers take between two items does not count, nor does the time of a pause.

*What is locked.* Each decision is one critical section of ``_lock``. The lock is reentrant, because a signal handler may pause
or cancel in the middle of one, in the same thread; ``next_step`` looks at ``paused`` once more after it has started a limit.
It is taken by ``with`` alone, between whose taking and releasing no Ctrl-C can come and leave it held.
Only the reader feeds ``reader``, outside the lock; ``ready`` is a deque, whose ends any thread may use; ``unadded`` is a list that
the reader appends to, and whose beginning is added up and removed under the lock. ``call.ended`` is called outside the lock.

*What is collected.* Every item counts, taken or not, for ``collect()`` and for the partial reply of an error. Items are added up in
blocks of some kilobytes, so that a long stream needs little more memory than the text of its reply, and streams that no one
collects pay little; the accumulator's module explains how.

*Why it cannot deadlock.* Inside the lock there is no I/O and no waiting: it only computes, sets events, and shuts a socket down.
Callers wait outside it, for an event that was made inside it. Such an event is set whenever the answer to ``next_step`` may have
changed: when the reader stops reading, when a pause ends, when the stream is stopped. A waiting caller therefore depends on a
reader, whose read ends at its limit at the latest, or on a pause, which ends with the limit of the whole call; without such a limit
both may last for ever, as the user asked.

*Why it cannot leak.* A stream ends by ``END``, ``stop`` or its finalizer, and each asks ``release`` who closes the response. Exactly
one caller gets ``True``. If there is a reader that can be woken, it is the reader: its socket is shut down under the lock, so the
connection cannot belong to another call yet; the read fails, the reader gets ``END``, and closes.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from enum import Enum
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Protocol, TypeVar

import httpx
from attrs import define, field, frozen

from ollama_sdk._concurrency import forks
from ollama_sdk._timeout import Deadlines
from ollama_sdk.errors import APITimeoutError, DecodeError, IncompleteReplyError, OllamaError

from ._accumulation import DATA_ERRORS, Accumulator
from ._reader import Reader

if TYPE_CHECKING:
    from ._bytes import BytesReader

__all__ = ["END", "READ", "Event", "StreamExchange", "StreamState", "Wait"]

StreamState = Literal["open", "paused", "finished", "failed", "cancelled", "closed"]

ItemT = TypeVar("ItemT")
if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultTypeVar  # typing has it from Python 3.13 on

    ReplyT = DefaultTypeVar("ReplyT", default=ItemT)
else:
    ReplyT = TypeVar("ReplyT")

_BLOCK = (
    24 * 2**10
)  # bytes of a body that are added up together: less than a full read, whose items are gone before the next


class StreamedCall(Protocol):
    """What a stream has to know of the call that it answers."""

    def reply_of(self, data: dict[str, Any], /) -> Any:
        """The one-piece reply of the accumulated JSON."""
        ...

    def error_of(self, exc: Exception, /) -> OllamaError:
        """The typed error of what httpx raised."""
        ...

    def ended(self, response: httpx.Response, reader: Any, whole: Callable[[], dict[str, Any] | None], /) -> None:
        """The response is about to be closed.

        Args:
            response: The response.
            reader: Holds the items that arrived, and the error if there was one.
            whole: Adds the items up.
        """
        ...


class Event(Protocol):
    """What callers wait for until the stream has moved; set once, for all of them."""

    def set(self) -> object:
        """Wake all callers that wait, now or later; from any thread, and from a signal handler."""
        ...


class Step(Enum):
    """What a caller that wants an item does when none is ready; the module's docstring explains it."""

    READ = 1
    END = 2


READ: Final = Step.READ
END: Final = Step.END


@frozen
class Wait:
    """A caller waits, and asks again.

    Attributes:
        event: What for: one of those that the exchange made with ``new_event``.
        seconds: How long at most; ``None`` without limit.
    """

    event: Any
    seconds: float | None


@define(eq=False, repr=False)
class StreamExchange(Generic[ItemT, ReplyT]):
    """One response that is read as a stream: everything that sync and async streams decide alike.

    The module's docstring explains the states and the steps.

    Attributes:
        response: The response whose body holds the items.
        reader: Finds the items in the body.
        deadlines: The running limits of the call.
        decode_item: Makes an item of its decoded JSON; raises :class:`DecodeError`.
        accumulator: Adds all items up, for ``collect()`` and for partial replies.
        call: The call; one object rather than several functions, because a process may hold thousands of streams.
        new_event: Makes an event of the kind that the callers of this stream can wait for.
        held: Whether items that are ready are withheld: paused, or cancelled.
        paused: Whether no caller takes or reads; ``False`` once the stream was stopped.
        stopped: How it was given up before its end.
        over: Whether nothing more is read.
        reading: Whether a caller is the reader.
        released: Whether a caller has undertaken to close the response.
    """

    response: httpx.Response
    reader: Reader | BytesReader
    deadlines: Deadlines
    decode_item: Callable[[Any], ItemT]
    accumulator: Accumulator
    call: StreamedCall
    new_event: Callable[[], Event] = field(init=False)
    held: bool = field(default=False, init=False)
    paused: bool = field(default=False, init=False)
    stopped: Literal["cancelled", "closed"] | None = field(default=None, init=False)
    over: bool = field(default=False, init=False)
    reading: bool = field(default=False, init=False)
    released: bool = field(default=False, init=False)
    _reader_thread: int = field(default=0, init=False)
    _item_due: bool = field(default=False, init=False)  # whether an item was asked for that has not arrived
    _event: Event | None = field(default=None, init=False)  # what callers wait for now
    _unadded_bytes: int = field(default=0, init=False)
    _accumulation_error: BaseException | None = field(default=None, init=False)  # the items do not add up any more
    _lock: threading.RLock = field(factory=threading.RLock, init=False)

    def __attrs_post_init__(self) -> None:
        self.deadlines.hold()  # until the caller asks for the first item
        forks.register(self)

    def restart_in_child(self) -> None:
        """Make a lock that no thread of the parent holds: the child may drop or close the stream."""
        self._lock = threading.RLock()

    @property
    def state(self) -> StreamState:
        """The state that users see; a stream has not ended before its callers have every item."""
        if self.stopped == "cancelled":
            return "cancelled"
        reader = self.reader
        error, finished = reader.error, reader.finished  # read first: items are ready before either is set
        if not reader.ready and (finished or error is not None):
            return "finished" if error is None else "failed"
        return self.stopped or ("paused" if self.paused else "open")

    # Control

    def pause(self) -> None:
        """Withhold items, and read nothing, until :meth:`resume`; does nothing once the stream has ended or was stopped."""
        with self._lock:
            if self.stopped is None and not self._has_ended():
                self.paused = self.held = True
                self.deadlines.hold()

    def resume(self) -> None:
        """End a pause; the limit of a read that is under way goes on with what was left of it."""
        with self._lock:
            if self.paused:
                self._end_pause()

    def stop(self, how: Literal["cancelled", "closed"], interrupt: Callable[[], None] | None = None) -> bool:
        """Give the stream up, unless it has ended.

        Args:
            how: Whether items that have arrived are withheld from now on (``cancelled``) or not.
            interrupt: As for :meth:`release`.

        Returns:
            As :meth:`release`.
        """
        with self._lock:
            if self.stopped is None and not self._has_ended():
                self.stopped, self.over = how, True
                self._end_pause()
                self.held = how == "cancelled"
        return self.release(interrupt)

    def release(self, interrupt: Callable[[], None] | None = None) -> bool:
        """Be done with the response.

        Args:
            interrupt: Wakes the reader, whose read then fails; ``None`` where it cannot be woken.

        Returns:
            Whether the caller must close the response now. It must not if that has been done, or if a reader was woken,
            which then does it.
        """
        with self._lock:
            if self.released:
                return False
            if self.reading and interrupt is not None:
                interrupt()
                return False
            self.released = self.over = True
        self.call.ended(self.response, self.reader, self._collected_data)
        return True

    # Steps

    def next_step(self) -> Step | Wait | None:
        """What a caller does that wants an item: at first, and after each wait; ``None`` to take one."""
        with self._lock:
            if self.paused:
                if (
                    not self._has_ended() and (left := self.deadlines.left()) > 0
                ):  # of the whole call; no other limit runs
                    return self._wait(None if left == math.inf else left)
                self._fail_if_late()  # unless the last item was taken in the moment of the pause
                self._end_pause()
            if self.reader.ready and not self.held:
                return None
            if self.over:
                return END
            if self.reading:
                return self._wait(None)  # the limits of the reader end this
            self._reader_thread = get_ident()
            self.reading = True
            if self._item_due or not self.reader.items:
                self.deadlines.release()
            else:
                self.deadlines.item()
            self._item_due = True
            if self.paused:  # by a signal handler, between the lines above, which have undone its hold
                self.deadlines.hold()
            return READ

    def received(self, data: bytes | None) -> Step | Wait | None:
        """The reader's next step after bytes came, or ``None`` for the end of the body."""
        reader = self.reader
        if data is None:
            reader.end()
        else:
            reader.feed(data)
            self._unadded_bytes += len(data)
            if self._unadded_bytes > _BLOCK:
                self._accumulate()
        with self._lock:
            if data is None or reader.error is not None:
                self.over = True
            elif reader.finished:
                self.deadlines.drain()
            elif self.deadlines.left() < 0:
                # Our own transport stops at the deadline; another one may let bytes trickle past it.
                if reader.ready:
                    self.deadlines.item()  # the item is here, however late: only the limit of the whole call counts
                if self.deadlines.left() <= 0:
                    reader.take_unterminated()
                self._fail_if_late()
            if reader.ready and self._event is None and not (self.held or reader.finished):
                self.reading = self._item_due = False  # the usual case of what follows, at half its cost
                return None
            if not (reader.ready or self.over or self.paused):
                return READ
            self._stop_reading()
            return self.next_step()

    def read_failed(self, exc: BaseException) -> Step | Wait | None:
        """The reader's next step after its read raised; once the last item has arrived, that does not matter."""
        with self._lock:
            self.reader.take_unterminated()
            self._fail(exc)
            self._stop_reading()
            return self.next_step()

    def interrupted(self, exc: BaseException) -> None:
        """Ctrl-C has struck the calling thread somewhere between two steps: if it is the reader, its read has failed."""
        with self._lock:
            if self.reading and self._reader_thread == get_ident():
                self.read_failed(exc)

    # Within the lock

    def _has_ended(self) -> bool:
        """Whether callers have taken every item that there will be."""
        return not self.reader.ready and (self.reader.finished or self.reader.error is not None)

    def _stop_reading(self) -> None:
        self.reading = False
        if self.reader.ready:
            self._item_due = False  # the next item gets the whole time between two
        if self.reader.finished:
            self.deadlines.hold()  # the caller may take its time before it asks for the end
        self._wake_waiting()

    def _end_pause(self) -> None:
        self.paused = self.held = False
        if self.reading:
            self.deadlines.release()
        self._wake_waiting()

    def _wait(self, seconds: float | None) -> Wait:
        if self._event is None:
            self._event = self.new_event()
        return Wait(self._event, seconds)

    def _wake_waiting(self) -> None:
        event, self._event = self._event, None
        if event is not None:
            event.set()

    def _fail_if_late(self) -> None:
        """Fail when a deadline has passed. This is the one place that decides so; elsewhere the transport does, by raising."""
        if self.deadlines.left() <= 0:
            self._fail(httpx.ReadTimeout("the deadline has passed"))

    def _fail(self, exc: BaseException) -> None:
        """End the stream with an error, unless it has one or was stopped."""
        self.over = True
        if self.stopped is not None or self.reader.error is not None:
            return
        if not isinstance(exc, Exception):  # a cancelled task, or Ctrl-C: what it had read is gone
            self.reader.end(exc)
            return
        error = self.call.error_of(exc)
        if isinstance(error, (APITimeoutError, DecodeError)) and not self.reader.finished:
            error.__cause__ = error.__context__ = None if error is exc else exc
            self.reader.error = error.with_traceback(None)  # its frames hold what the server sent
        else:
            self.reader.end(exc)

    # The end

    def raise_if_failed(self) -> None:
        """Raise what ended the stream badly; return when it ended well.

        Raises:
            OllamaError: What ended it; an :class:`IncompleteReplyError` has what all items add up to as ``.partial``.
        """
        error = self.reader.error
        if self.stopped == "cancelled" or (error is None and not self.reader.finished):
            items = self.reader.items
            text = f"the stream was {self.stopped} before its last item was taken; {items} items had arrived"
            error = IncompleteReplyError(text, items=items)
        if isinstance(error, IncompleteReplyError):
            error.partial = self._partial_reply()
        if error is not None:
            raise error

    def refuse_item(self, error: DecodeError) -> None:
        """End the stream at an item that is not what the document promises."""
        with self._lock:
            self.reader.ready.clear()
            self.reader.error = error
            self.over = True

    # Collecting

    def collect_ready(self) -> None:
        """Count the items that are ready as taken: they are part of what ``collect()`` returns."""
        ready = self.reader.ready
        with self._lock:
            ready.clear()
            if isinstance(self._accumulation_error, DATA_ERRORS):
                self.refuse_item(self.reader.decode_error(self._accumulation_error))

    def collected_reply(self) -> ReplyT:
        """The reply that all items add up to, for a stream that ended well.

        Raises:
            DecodeError: They do not add up to a reply.
        """
        try:
            with self._lock:
                reply: ReplyT = self.call.reply_of(self._accumulated())
                return reply
        except OllamaError as exc:
            raise exc.with_traceback(None) from None  # those frames hold what the server sent

    def _partial_reply(self) -> ReplyT | dict[str, Any] | None:
        """The reply so far: bare data where that is too little for a reply, ``None`` where it is nothing."""
        with self._lock:
            try:
                data = self._accumulated()
            except OllamaError:
                return None
            try:
                return self.call.reply_of(data) if data else None
            except OllamaError:
                return data

    def _collected_data(self) -> dict[str, Any] | None:
        """The JSON that all items add up to; ``None`` where they do not."""
        try:
            with self._lock:
                return self._accumulated()
        except OllamaError:
            return None

    def _accumulate(self) -> None:
        """Add up the items that have arrived since the last time."""
        with self._lock:
            self._unadded_bytes = 0
            unadded = self.reader.unadded
            items = unadded[: len(unadded)]
            del unadded[: len(items)]  # the reader may have appended others meanwhile
            if self._accumulation_error is not None:
                return
            try:
                self.accumulator.add(items)
            except DATA_ERRORS as exc:
                self._accumulation_error = exc
            except BaseException as exc:  # Ctrl-C: some items may have been added, and others not
                self._accumulation_error = exc
                raise

    def _accumulated(self) -> dict[str, Any]:
        """What all items add up to.

        Raises:
            DecodeError: They are not what the document promises.
        """
        self._accumulate()
        error = self._accumulation_error
        if error is None:
            try:
                return self.accumulator.result()
            except DATA_ERRORS as exc:
                error = exc
        raise self.reader.decode_error(error)  # not from it: its frames hold what the server sent
