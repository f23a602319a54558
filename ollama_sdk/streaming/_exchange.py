"""State machine of one streamed response: decides, without I/O, the next step of a caller that wants an item.

Theory
------

Several callers may use one stream at once: threads or tasks that take items, and others, signal handlers included, that pause,
resume, cancel or close it. There is one connection. The machine decides, and ``Stream`` and ``AsyncStream`` do the I/O.

*Steps.* A caller that finds no item ready calls :meth:`~StreamExchange.next_step` and performs the returned step, until that is
``None``, which means: take the item that is ready.

- ``READ``: the caller becomes *the reader*. It reads the next bytes of the body and passes them to
  :meth:`~StreamExchange.received`, or passes the error to :meth:`~StreamExchange.read_failed`. Both return its next step.
- :class:`CallerWait`: another caller is the reader, or the stream is paused. The caller waits for an event, then asks again.
- ``END``: nothing more will be read. The caller releases the response, and raises the error or the end of the stream.

*States* that users see (:attr:`~StreamExchange.state`), and what happens to items that have arrived:

=========  ==========================================================  ==================================
state      meaning                                                     items that have arrived
=========  ==========================================================  ==================================
open       callers take items; when none is ready, one of them reads   can be taken
paused     callers that want an item wait; nothing is read             are withheld
finished   the last item has arrived and was taken                     were all taken
failed     an error ended the stream, and the items before it were     were all taken
           taken
cancelled  stopped by ``cancel()``                                     are withheld
closed     stopped by ``close()``, the end of a block, or the last     can be taken, then the stream
           reference; in a forked child every stream of its parent     raises
=========  ==========================================================  ==================================

*Transitions.* Every method may be called from any thread. Finished, failed and cancelled are final. A caller may take an item while
another one pauses the stream; so paused can also change to finished or failed.

============  ================================================================================  ==========
from          event                                                                             to
============  ================================================================================  ==========
open          ``pause``                                                                         paused
paused        ``resume``; or the limit of the whole call passes, which sets the error           open
open, closed  the last item has arrived, and every item is taken                                finished
open          the error is set (a malformed item, a failure that the server reports, a body     failed
              that ends early, a limit that passes), and the items before it are taken
open, closed  an item that is taken does not fit its model                                      failed
open, paused  ``stop("cancelled")``                                                             cancelled
open, paused  ``stop("closed")``, or a fork, in the child                                       closed
============  ================================================================================  ==========

Independently of this, the *connection* is idle, or read by one caller (``reading``), or no longer used (``over``); finally one
caller takes over the closing of the response (``released``):

- idle → reading: ``next_step`` returns ``READ``; only if no item is ready, and the stream is neither paused nor over.
- reading → idle: ``received`` or ``read_failed``. A pause does not end a read: its bytes are kept.
- → over: the end of the body, an error, ``stop`` or ``release``. This is final.
- over → released: the first call of ``stop`` or ``release`` that returns ``True``.

*Limits.* A limit other than that of the whole call runs only while a caller is the reader and the stream is not paused. Time that
callers spend between two items does not count, nor does the time of a pause.

*What is locked.* Each decision is one critical section of ``_lock``. The lock is reentrant, because a signal handler may pause
or cancel inside one, in the same thread; ``next_step`` checks ``paused`` again after it has started a limit. The lock is taken only
by ``with``, which Ctrl-C cannot interrupt so that the lock stays held. Only the reader feeds ``reader``, outside the lock; ``ready``
is a deque, whose ends any thread may use; ``unadded`` is a list to which the reader appends, and from whose beginning items are
accumulated and removed under the lock. ``call.ended`` is called outside the lock.

*What is collected.* Every item, taken or not, is part of the reply of ``collect()`` and of the partial reply of an error. The reader
keeps one item instead of many that are alike. What it keeps is accumulated in blocks of some kilobytes, so that a long stream needs
little more memory than the text of its reply, and accumulation costs little even if no caller collects; ``_alike`` and
``_accumulation`` explain how. It happens just before a read, so that no item that has arrived waits for it.

*What is reported.* The end of a body, and the error of a read, are reported to a body that is watched for its end (see
:class:`ollama_sdk._bodies.EndWatchedBody`), outside the lock: so that an observer costs nothing for a read.

*Why it cannot deadlock.* Inside the lock there is no I/O and no waiting: it only computes, sets events, and shuts a socket down.
Callers wait outside it, for an event that was made inside it. Such an event is set whenever the result of ``next_step`` may have
changed: when the reader stops reading, when a pause ends, when the stream is stopped. A waiting caller therefore depends on a
reader, whose read ends at its limit at the latest, or on a pause, which ends with the limit of the whole call; without such a limit
both may last for ever, as the user asked.

*Why it cannot leak.* A stream ends by ``END``, ``stop`` or its finalizer, and each asks ``release`` which caller closes the response.
Exactly one caller gets ``True``. If there is a reader that can be woken, the reader closes: its socket is shut down under the lock,
while the connection still belongs to this call; the read fails, the reader gets ``END``, and closes.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from enum import Enum
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar

import httpx
from attrs import define, field

from ollama_sdk._bodies import EndWatchedBody
from ollama_sdk._concurrency import forks
from ollama_sdk._concurrency.events import TaskEvent, ThreadEvent, WakeUp
from ollama_sdk._concurrency.loops import EventLoop
from ollama_sdk._timeout import Deadlines
from ollama_sdk.errors import APITimeoutError, DecodeError, IncompleteReplyError, OllamaError

from ._accumulation import DATA_ERRORS, Accumulator
from ._reader import Reader, decoded

if TYPE_CHECKING:
    from ._bytes import BytesReader

__all__ = ["END", "READ", "CallerWait", "StreamExchange", "StreamState"]

StreamState = Literal["open", "paused", "finished", "failed", "cancelled", "closed"]

ItemT = TypeVar("ItemT")
if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultTypeVar  # typing has it from Python 3.13 on

    ReplyT = DefaultTypeVar("ReplyT", default=ItemT)
else:
    ReplyT = TypeVar("ReplyT")

# Bytes of items that are accumulated together: fewer than a full read brings, so that its items are freed before the next read.
_BLOCK = 8 * 2**10


class StreamedCall(Protocol):
    """The call of a stream.

    Attributes:
        undecoded: What ``decode_item`` of the exchange raises for an item that is a matter for :meth:`item_of`.
    """

    undecoded: tuple[type[Exception], ...]

    def item_of(self, data: Any, /) -> Any:
        """Make an item of decoded JSON of any kind.

        Raises:
            DecodeError: The data does not match the document.
        """
        ...

    def reply_of(self, data: dict[str, Any], /) -> Any:
        """Make the one-piece reply of the accumulated JSON."""
        ...

    def new_accumulator(self) -> Accumulator:
        """Make what accumulates the items."""
        ...

    def error_of(self, exc: Exception, /) -> OllamaError:
        """Map an error of httpx to an error of this package."""
        ...

    def ended(self, response: httpx.Response, reader: Any, whole: Callable[[], dict[str, Any] | None], /) -> None:
        """Take note of the end, just before the response is closed.

        Args:
            response: The response.
            reader: Holds the items that arrived, and the error if there was one.
            whole: Returns the accumulated JSON.
        """
        ...


class CallerStep(Enum):
    """The next step of a caller that wants an item when none is ready; the module's docstring explains it."""

    READ = 1
    END = 2


READ: Final = CallerStep.READ
END: Final = CallerStep.END


class CallerWait(NamedTuple):
    """A step: wait, then ask for the next step.

    Attributes:
        event: The event to wait for.
        seconds: The longest wait; ``None`` without a limit.
    """

    event: Any
    seconds: float | None


@define(eq=False, repr=False)
class StreamExchange(Generic[ItemT, ReplyT]):
    """One response that is read as a stream: the decisions that sync and async streams share.

    The module's docstring explains the states and the steps.

    Attributes:
        response: The response whose body holds the items.
        reader: Finds the items in the body.
        deadlines: The running limits of the call.
        decode_item: Makes an item of its decoded JSON; raises one of ``call.undecoded`` if that is a matter for ``call.item_of``.
        call: The call; one object instead of several functions, because a process may hold thousands of streams.
        loop: The event loop of the tasks that may wait for this stream; ``None`` if threads may.
        watched: Whether the body asks for the remaining seconds each time it is asked for bytes.
        held: Whether items that are ready are withheld: paused, or cancelled.
        paused: Whether no caller takes or reads; ``False`` once the stream was stopped.
        stopped: How the stream was stopped before its end.
        over: Whether nothing more is read.
        reading: Whether a caller is the reader.
        released: Whether a caller has taken over the closing of the response.
    """

    response: httpx.Response
    reader: Reader | BytesReader
    deadlines: Deadlines
    decode_item: Callable[[Any], ItemT]
    call: StreamedCall
    loop: EventLoop | None = field(default=None, init=False)
    watched: bool = field(default=False, init=False)
    held: bool = field(default=False, init=False)
    paused: bool = field(default=False, init=False)
    stopped: Literal["cancelled", "closed"] | None = field(default=None, init=False)
    over: bool = field(default=False, init=False)
    reading: bool = field(default=False, init=False)
    released: bool = field(default=False, init=False)
    _reader_thread: int = field(default=0, init=False)
    _item_due: bool = field(default=False, init=False)  # whether a caller waits for an item that has not arrived
    _event: WakeUp | None = field(default=None, init=False)  # the event for which callers wait now
    # Of all items, for collect() and partial replies; made for the first of them, because many streams only wait.
    _accumulator: Accumulator | None = field(default=None, init=False)
    _accumulation_error: BaseException | None = field(default=None, init=False)  # why accumulation has stopped
    _inherited: bool = field(default=False, init=False)  # whether another process opened the stream, before a fork
    _lock: threading.RLock = field(factory=threading.RLock, init=False)

    def __attrs_post_init__(self) -> None:
        self.deadlines.hold()  # until the caller asks for the first item
        forks.register(self)

    def restart_in_child(self) -> None:
        """Close the stream in the child, where arrived items can still be taken; the parent reads on and closes the response."""
        self._lock = threading.RLock()
        self.over = self.released = True
        if self.stopped is None:
            self.stopped, self._inherited = "closed", True
            self.paused = self.held = False

    @property
    def state(self) -> StreamState:
        """The state that users see; a stream has ended only when its callers have taken every item."""
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
        """End a pause; the limit of a running read continues with its remaining time."""
        with self._lock:
            if self.paused:
                self._end_pause()

    def stop(self, how: Literal["cancelled", "closed"], interrupt: Callable[[], None] | None = None) -> bool:
        """Stop the stream, unless it has ended.

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
        """Decide which caller closes the response.

        Args:
            interrupt: Wakes the reader, whose read then fails; ``None`` if it cannot be woken.

        Returns:
            Whether the caller must close the response now. It must not if another caller does, or if the reader was woken,
            which then closes it.
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

    def next_step(self) -> CallerStep | CallerWait | None:
        """The next step of a caller that wants an item, at first and after each wait; ``None`` to take one."""
        with self._lock:
            if self.paused:
                # During a pause only the limit of the whole call runs.
                if not self._has_ended() and (left := self.deadlines.left()) > 0:
                    return self._wait(None if left == math.inf else left)
                self._fail_if_late()  # not late if the last item was taken while the stream was being paused
                self._end_pause()
            reader = self.reader
            if reader.ready and not self.held:
                return None
            if self.over:
                return END
            if self.reading:
                return self._wait(None)  # the limits of the reader end this
            if reader.unadded_bytes > _BLOCK:
                self._accumulate()  # now, and not between the arrival of an item and its return
            self._reader_thread = get_ident()
            self.reading = True
            if self._item_due or not reader.items:
                self.deadlines.release()
            else:
                self.deadlines.item()
            self._item_due = True
            if self.paused:  # by a signal handler, between the lines above, which have restarted the limit
                self.deadlines.hold()
            return READ

    def received(self, data: bytes | None) -> CallerStep | CallerWait | None:
        """The reader's next step after it received bytes, or ``None`` for the end of the body."""
        reader = self.reader
        if data is None:
            self._report_end(None)
            reader.end()
        else:
            reader.feed(data)
        with self._lock:
            if data is None or reader.error is not None:
                self.over = True
            elif reader.finished:
                self.deadlines.drain()
            elif not self.watched and self.deadlines.left() < 0:
                # Bytes may have come after the deadline, or before it and are taken only now, as on asyncio.
                if reader.ready:
                    self.deadlines.item()  # the item has arrived, though late: only the limit of the whole call counts
                if self.deadlines.left() <= 0:
                    reader.take_unterminated()
                self._fail_if_late()
            if reader.ready and self._event is None and not (self.held or reader.finished):
                self.reading = self._item_due = False  # a shortcut for the usual case of the lines below
                return None
            if not (reader.ready or self.over or self.paused):
                return READ
            self._stop_reading()
            return self.next_step()

    def read_failed(self, exc: BaseException) -> CallerStep | CallerWait | None:
        """The reader's next step after a failed read; the failure is ignored once the last item has arrived."""
        if isinstance(exc, Exception):
            self._report_end(exc)
        return self._fail_read(exc)

    def _fail_read(self, exc: BaseException) -> CallerStep | CallerWait | None:
        with self._lock:
            self.reader.take_unterminated()
            self._fail(exc)
            self._stop_reading()
            return self.next_step()

    def interrupted(self, exc: BaseException) -> None:
        """Take note that an exception ends the calling thread's steps, as after Ctrl-C: if it is the reader, its read failed."""
        with self._lock:
            if self.reading and self._reader_thread == get_ident():
                self._fail_read(exc)

    def _report_end(self, error: Exception | None) -> None:
        """Call the body's own methods for its end, or for the error of a read, if it is watched for these."""
        body = self.response.stream
        if isinstance(body, EndWatchedBody):
            body.on_end() if error is None else body.on_error(error)

    # Within the lock

    def _has_ended(self) -> bool:
        """Whether callers have taken the last item."""
        return not self.reader.ready and (self.reader.finished or self.reader.error is not None)

    def _stop_reading(self) -> None:
        self.reading = False
        if self.reader.ready:
            self._item_due = False  # the limit for the next item starts anew
        if self.reader.finished:
            self.deadlines.hold()  # the time until the caller asks for the end does not count
        self._wake_waiting()

    def _end_pause(self) -> None:
        self.paused = self.held = False
        if self.reading:
            self.deadlines.release()
        self._wake_waiting()

    def _wait(self, seconds: float | None) -> CallerWait:
        if self._event is None:
            self._event = ThreadEvent() if self.loop is None else TaskEvent(self.loop)
        return CallerWait(self._event, seconds)

    def _wake_waiting(self) -> None:
        event, self._event = self._event, None
        if event is not None:
            event.set()

    def _fail_if_late(self) -> None:
        """Fail if a deadline has passed. Otherwise only the transport decides that, by raising."""
        if self.deadlines.left() <= 0:
            self._fail(httpx.ReadTimeout("the deadline has passed"))

    def _fail(self, exc: BaseException) -> None:
        """End the stream with an error, unless it has one or was stopped."""
        self.over = True
        if self.stopped is not None or self.reader.error is not None:
            return
        if not isinstance(exc, Exception):  # a cancelled task, or Ctrl-C: bytes that it had read are lost
            self.reader.end(exc)
            return
        error = self.call.error_of(exc)
        if isinstance(error, (APITimeoutError, DecodeError)) and not self.reader.finished:
            error.__cause__ = error.__context__ = None if error is exc else exc
            self.reader.error = error.with_traceback(None)  # its frames hold data of the server
        else:
            self.reader.end(exc)

    # The end

    def raise_if_failed(self) -> None:
        """Raise the error that ended the stream, if there is one.

        Raises:
            OllamaError: The error; an :class:`IncompleteReplyError` has the reply so far as ``.partial``.
        """
        error = self.reader.error
        if self.stopped == "cancelled" or (error is None and not self.reader.finished):
            items = self.reader.items
            how = "left to the parent of this process" if self._inherited else self.stopped
            text = f"the stream was {how} before its last item was taken; {items} item{'s' * (items != 1)} had arrived"
            error = IncompleteReplyError(text, items=items)
        if isinstance(error, IncompleteReplyError):
            error.partial = self._partial_reply()
        if error is not None:
            raise error

    def refuse_item(self, error: DecodeError) -> None:
        """End the stream at an item that does not match the document."""
        with self._lock:
            self.reader.ready.clear()
            self.reader.error = error
            self.over = True

    # Collecting

    def collect_ready(self) -> None:
        """Count the items that are ready as taken: they are part of the reply of ``collect()``."""
        ready = self.reader.ready
        with self._lock:
            ready.clear()
            if isinstance(self._accumulation_error, DATA_ERRORS):
                self.refuse_item(self.reader.decode_error(self._accumulation_error))

    def collected_reply(self) -> ReplyT:
        """The accumulated reply of a stream that ended without an error.

        Raises:
            DecodeError: The items do not make a valid reply.
        """
        try:
            with self._lock:
                reply: ReplyT = self.call.reply_of(self._accumulated())
                return reply
        except OllamaError as exc:
            raise exc.with_traceback(None) from None  # those frames hold data of the server

    def _partial_reply(self) -> ReplyT | dict[str, Any] | None:
        """The reply so far: plain data if it lacks required fields, ``None`` if there is none."""
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
        """The accumulated JSON; ``None`` if the items do not make a valid reply."""
        try:
            with self._lock:
                return self._accumulated()
        except OllamaError:
            return None

    def _accumulate(self) -> None:
        """Accumulate the items that have arrived since the last call."""
        with self._lock:
            self.reader.unadded_bytes = 0
            unadded = self.reader.unadded
            items = unadded[: len(unadded)]
            del unadded[: len(items)]  # the reader may have appended others meanwhile
            if self._accumulation_error is not None:
                return
            try:
                self._all_items().add(decoded(items))
            except DATA_ERRORS as exc:
                self._accumulation_error = exc
            except BaseException as exc:  # Ctrl-C: some items may have been added, and others not
                self._accumulation_error = exc
                self._fail(exc)
                raise

    def _all_items(self) -> Accumulator:
        if self._accumulator is None:
            self._accumulator = self.call.new_accumulator()
        return self._accumulator

    def _accumulated(self) -> dict[str, Any]:
        """The accumulated JSON.

        Raises:
            DecodeError: The items do not match the document.
        """
        self._accumulate()
        error = self._accumulation_error
        if error is None:
            try:
                return self._all_items().result()
            except DATA_ERRORS as exc:
                error = exc
        raise self.reader.decode_error(error)  # without a cause, whose frames hold data of the server
