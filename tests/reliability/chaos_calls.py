"""The calls of the chaos: what each asks for, how it reads the reply, and which promises the reply keeps or breaks.

Every word of an answer says which call it is for, which answer it belongs to, and which word of it it is: ``12.7.0 12.7.1 12.7.2``.
So a lost, doubled, mixed-up or foreign word shows.
"""

from __future__ import annotations

import itertools
import random
import re
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from attrs import Factory, define, evolve, frozen

from ollama_sdk import IncompleteReplyError, NoEndpointError, OllamaError, Timeout
from ollama_sdk.reliability import AttemptFailed, AttemptStarted, Event, Refused, RetryScheduled
from ollama_sdk.testing._model.embeddings import embedding

MODEL = "llama3.2"
VECTOR = 8  # dimensions

# Limits far longer than any pause of the machine: a call that runs into one shows a hang. A stalled server can be left only by a
# timeout, so a few calls are hasty, and only they meet one. When a hasty call times out nothing follows from that: a loaded machine
# may have been the cause.
PATIENT = Timeout(connect=120, first_item=120, between_items=120)
HASTY = Timeout(connect=2, first_item=2, between_items=2)
_HASTY_SHARE = 0.05

SERVERS = 3
ATTEMPTS = 3  # of one call, each of which tries every server

_REMEMBERED = 20_000  # calls whose troubles are kept until they end
_FEW = 10  # excused calls, which show nothing

Word = tuple[int, int, int]  # which call, which answer, which word of it
_WORD = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_answers = itertools.count(1)
_calls = itertools.count(1)
_CURRENT: ContextVar[Call | None] = ContextVar("the call that this thread or task makes", default=None)


def words_of(text: str | None) -> list[Word]:
    """The words in a text."""
    return [(int(call), int(answer), int(place)) for call, answer, place in _WORD.findall(text or "")]


def answer_to(prompt: Any) -> list[str]:
    """The model's answer to the prompt ``CALL LENGTH``: as many words."""
    call, length = prompt.text.split()
    answer = next(_answers)
    return [f"{call}.{answer}.{place} " for place in range(int(length))]


def _messages(prompt: str) -> list[Any]:
    return [{"role": "user", "content": prompt}]


def _texts(prompt: str) -> list[str]:
    call, length = prompt.split()
    return [f"{call}.0.{place}" for place in range(int(length))]


def _embedded(prompt: str, vectors: list[list[float]]) -> str:
    """Those texts of the prompt whose vectors these are."""
    pairs = zip(_texts(prompt), vectors, strict=False)
    return " ".join(text for text, vector in pairs if vector == embedding(text, VECTOR))


@frozen
class Kind:
    """One kind of call.

    Attributes:
        ask: Makes the call, of a client, a prompt and further arguments; with an async client it returns an awaitable.
        text: The text of the reply to a prompt.
        item: The text of one item of the stream; ``None`` if the call is not a stream.
    """

    ask: Callable[..., Any]
    text: Callable[[Any, str], str | None]
    item: Callable[[Any], str | None] | None = None


PIECES = {
    "chat": Kind(
        lambda client, prompt, **more: client.chat(MODEL, _messages(prompt), **more),
        text=lambda reply, _: reply.message.content,
    ),
    "generate": Kind(
        lambda client, prompt, **more: client.generate(MODEL, prompt, **more), text=lambda reply, _: reply.response
    ),
    "v1 chat": Kind(
        lambda client, prompt, **more: client.v1.chat.completions.create(MODEL, _messages(prompt), **more),
        text=lambda reply, _: reply.choices[0].message.content,
    ),
    "embed": Kind(
        lambda client, prompt, **more: client.embed(MODEL, _texts(prompt), **more),
        text=lambda reply, prompt: _embedded(prompt, reply.embeddings),
    ),
}
STREAMS = {
    "chat stream": evolve(PIECES["chat"], item=lambda item: item.message.content),
    "generate stream": evolve(PIECES["generate"], item=lambda item: item.response),
    "v1 chat stream": evolve(
        PIECES["v1 chat"], item=lambda item: item.choices[0].delta.content if item.choices else ""
    ),
}

# How a stream is read: item by item; with the reply collected after some items; with a pause; up to some items, after which the
# caller drops the stream; or up to some items, after which another thread cancels it. A task may also be cancelled while it waits.
WAYS = ("reads", "reads", "reads", "collects", "pauses", "pauses", "leaves", "cancels")
SHORTEST, _LONGEST = 6, 20
_ENDLESS = 3000  # words, which no caller stays for: the server stops when the caller has gone
_PAUSE = 0.02
HAND = "a hand of a caller"  # the thread in which a caller resumes or cancels a stream


class Call:
    """One call, from the request to the outcome."""

    def __init__(self, tally: Tally, rng: random.Random, world: str) -> None:
        self.name = rng.choice([*PIECES, *STREAMS])
        self.kind = (PIECES | STREAMS)[self.name]
        self.is_stream = self.kind.item is not None
        # More at first, so that even a few calls show a stall.
        self.is_hasty = rng.random() < (_HASTY_SHARE if tally.counts["compared: stalls"] else 4 * _HASTY_SHARE)
        self.way = rng.choice(WAYS) if self.is_stream and not self.is_hasty else "reads"
        self.number = next(_calls)
        self.length = _ENDLESS if self.way in {"leaves", "cancels"} else rng.randint(SHORTEST, _LONGEST)
        self.prompt = f"{self.number} {self.length}"
        # A call without luck is refused once by each server, so that only a retry helps.
        self.is_lucky = rng.random() > 0.03
        is_cancelled = world != "sync" and self.way == "reads" and rng.random() < 0.1
        self.cancelled_after = rng.uniform(0, 0.1) if is_cancelled else None
        self.acts_after = rng.randint(1, 3)
        self.words: list[Word] = []
        self.ended_at = 0.0
        self.error: Exception | None = None
        self._world = world
        self._tally = tally
        self._attempts = _Attempts(self.is_hasty)
        self._items = 0
        self._paused = False
        self._cancelled = False

    def ask(self, client: Any) -> Any:
        """Make the call."""
        _CURRENT.set(self)
        more: dict[str, Any] = {"stream": True} if self.is_stream else {}
        if self.is_hasty:
            more["timeout"] = HASTY
        headers = {"x-call": f"{self.number} {self.is_lucky:d} {self.is_hasty:d} {self._world}"}
        return self.kind.ask(client, self.prompt, extra_headers=headers, **more)

    def take(self, item: Any) -> bool:
        """Take an item of the stream. Returns whether it is time to collect, pause, leave or cancel."""
        assert self.kind.item is not None
        if self._paused:
            self._breaks("delivered an item while it was paused")
        self.words += words_of(self.kind.item(item))
        self._items += 1
        return self._items == self.acts_after

    def take_whole(self, reply: Any) -> None:
        """Take the reply in one piece, or what a stream adds up to."""
        self._take_words(words_of(self.kind.text(reply, self.prompt)))

    def _take_words(self, words: list[Word]) -> None:
        """Take the words of the reply so far, among which those that were taken one by one come first."""
        if words[: len(self.words)] != self.words:
            self._breaks(f"was put together without what was taken: {words}, and not {self.words}")
        self.words = words

    def act(self, stream: Any) -> None:
        """Pause or cancel the stream, as this caller does."""
        if self.way == "pauses":
            self._paused = True
            stream.pause()
            timer = threading.Timer(_PAUSE, self._resume, (stream,))
            timer.name = HAND
            timer.start()
        elif self.way == "cancels":
            self._cancelled = True
            threading.Thread(target=stream.cancel, name=HAND, daemon=True).start()

    def _resume(self, stream: Any) -> None:
        self._paused = False
        stream.resume()

    def left(self) -> None:
        """The caller left before the end."""
        self._end("left")

    def ended(self) -> None:
        """The reply is complete."""
        self._end("answered")
        if len(self.words) != self.length:
            self._breaks(f"was cut off silently: {len(self.words)} of {self.length} words")

    def failed(self, error: Exception) -> None:
        """The call raised ``error``."""
        if isinstance(error, IncompleteReplyError) and error.partial is not None:
            partial = error.partial
            self._take_words(words_of(str(partial if isinstance(partial, dict) else partial.to_dict())))
        if self._cancelled and isinstance(error, IncompleteReplyError):
            self._end("cancelled")
            return
        self.error = error
        self._end("interrupted")
        if not isinstance(error, OllamaError):
            self._breaks(f"raised an error that is not of the package: {error!r}")
        elif not self.words:
            problem = self._attempts.unexplained(self._tally.troubles_of(self.number), self._tally.is_down)
            if problem:
                self._breaks(f"failed although nothing had arrived, {problem}: {error!r}; {self._attempts.events}")
            else:
                self._tally.count(EXCUSED_HASTY if self._is_hasty_timeout(error) else EXCUSED)

    def note(self, event: Event) -> None:
        """Note an event of this call."""
        self._attempts.events.append(event)

    def _is_hasty_timeout(self, error: Exception) -> bool:
        """Whether the limits of a hasty call ended it."""
        causes = error.exceptions if isinstance(error, NoEndpointError) else (error,)
        return self.is_hasty and any("Timeout" in type(cause).__name__ for cause in causes)

    def _end(self, how: str) -> None:
        self._tally.count(f"{self.name}: {how}")
        self._tally.count(f"caller {self.way}: {how}")
        if {call for call, _, _ in self.words} - {self.number}:
            self._breaks(f"got words of another call than {self.number}: {self.words}")
        if len({answer for _, answer, _ in self.words}) > 1:
            self._breaks(f"was put together from several answers: {self.words}")
        if [place for _, _, place in self.words] != list(range(len(self.words))):
            self._breaks(f"lost, doubled or mixed up words: {self.words}")
        self.ended_at = time.monotonic()
        self._tally.ended.append(self)

    def compare(self, answers: Mapping[int, Answer]) -> None:
        """Compare what was delivered with what the servers wrote."""
        if not self.is_stream or not self.words:
            return
        got, answer = len(self.words), answers.get(self.words[0][1])
        if answer is None or got > answer.written:
            self._breaks(f"delivered {got} words, and the server wrote {answer}")
        elif self.length == _ENDLESS and answer.written == _ENDLESS:
            self._breaks("was written to the end although the caller had gone")
        elif self.error is not None:
            self._compare_interrupted(self.error, got, answer)

    def _compare_interrupted(self, error: Exception, got: int, answer: Answer) -> None:
        causes = [name for name, errors in answer.troubles.items() if isinstance(error, errors)]
        if not causes:
            if self._is_hasty_timeout(error):
                self._tally.count(EXCUSED_HASTY)
                return
            self._breaks(f"failed without a cause: {error!r} after {got} words of {answer}")
        # A stream that is cancelled delivers no more items. What collect() had gathered is in the error of an incomplete reply only.
        elif not self._cancelled and (self.way != "collects" or isinstance(error, IncompleteReplyError)):
            self._tally.count(f"compared: {causes[0]}")
            if got != answer.written and not self._is_hasty_timeout(error):
                self._breaks(f"delivered {got} of the words of {answer}, then {error!r}")

    def _breaks(self, promise: str) -> None:
        self._tally.breaks(f"{self.name} whose caller {self.way}: call {self.number} {promise}")


# Calls that failed although no promise was broken, as Tally counts them.
EXCUSED = "excused: every attempt met a trouble at every server"
EXCUSED_HASTY = "excused: a hasty call timed out"


@define(eq=False)
class _Attempts:
    """What a call tried, and whether the servers' troubles explain why each attempt failed.

    A call may fail while one server lives: when that server is killed and its heir recovers between two attempts, or when its
    circuit is still open. How often that happens depends on the speed of the machine, so the verdict does not ask which server
    lived when. It asks whether the call did all that it may, and whether each failure has a cause on record.

    Attributes:
        is_hasty: Whether the call has short limits.
        events: What its client reported of it.
    """

    is_hasty: bool
    events: list[Event] = Factory(list)

    def unexplained(self, troubles: list[tuple[str, str]], is_down: Callable[[str, float, float], bool]) -> str:
        """What no trouble explains; empty if the call was bound to fail.

        Args:
            troubles: What befell the call, as servers recorded it: the base URL of the server, and the trouble.
            is_down: Whether a server was down at any moment between two.
        """
        causes = Counter(url for url, _ in troubles)
        tried: list[set[str]] = [set()]
        began: dict[str, float] = {}
        for event in list(self.events):
            if isinstance(event, RetryScheduled):
                tried.append(set())
            elif isinstance(event, AttemptStarted):
                began[event.endpoint] = event.at
            elif isinstance(event, AttemptFailed):
                tried[-1].add(event.endpoint)
                if is_down(event.endpoint, began[event.endpoint], event.at):
                    continue
                causes[event.endpoint] -= 1
                if causes[event.endpoint] < 0 and not (self.is_hasty and "Timeout" in event.reason):
                    return f"{event.endpoint} had no trouble"
            elif isinstance(event, Refused) and event.by == "circuit_breaker":
                tried[-1].add(event.endpoint)
        return self._left_undone(tried)

    def _left_undone(self, tried: list[set[str]]) -> str:
        """What the call might have done besides; ``tried`` holds the servers of each attempt."""
        if any(len(servers) < SERVERS for servers in tried):
            return "not every server was tried"
        gave_up = any(isinstance(event, Refused) and event.by == "retry_budget" for event in self.events)
        return "" if gave_up or len(tried) == ATTEMPTS else "not every attempt was made"


@define(eq=False)
class Answer:
    """What a server did about one stream.

    Attributes:
        written: How many words it wrote in whole items.
        troubles: What interrupted it, and the errors that may end the stream then.
        is_over: Whether the server writes no more of it.
    """

    written: int = 0
    troubles: dict[str, tuple[type[Exception], ...]] = Factory(dict)
    is_over: bool = False


@define(eq=False, repr=False)
class Tally:
    """What has happened so far.

    Attributes:
        counts: Calls by kind and outcome, troubles by name, events by class, comparisons by trouble.
        broken: Promises that were broken.
        ended: Calls that are still to be compared with what was written.
        written: What servers wrote for each call, by the number of the answer.
        sockets: The most that were open at once.
        befell: The troubles of the latest calls, by the number of the call.
        down: From when to when each server was down, by its URL.
    """

    counts: Counter[str] = Factory(Counter)
    broken: list[str] = Factory(list)
    ended: deque[Call] = Factory(deque)
    written: defaultdict[int, dict[int, Answer]] = Factory(lambda: defaultdict(dict))
    sockets: int = 0
    befell: dict[int, list[tuple[str, str]]] = Factory(dict)
    down: defaultdict[str, list[list[float]]] = Factory(lambda: defaultdict(list))
    _lock: Any = Factory(threading.Lock)

    def count(self, what: str) -> None:
        """Note that something happened."""
        with self._lock:
            self.counts[what] += 1

    def breaks(self, promise: str) -> None:
        """Note that a promise was broken."""
        with self._lock:
            self.broken.append(promise)

    def observe(self, event: Event) -> None:
        """An observer that sometimes fails."""
        self.count(f"event {type(event).__name__}{' in a call' if event.call else ''}")
        call = _CURRENT.get()
        if call is not None and event.call:
            call.note(event)
        if event.call % 10 == 9:
            raise ValueError("a failing observer breaks no call")

    def befalls(self, call: int, server: str, trouble: str) -> None:
        """Note that ``trouble`` befalls a call at a server, before it does."""
        with self._lock:
            self.befell.setdefault(call, []).append((server, trouble))
            while len(self.befell) > _REMEMBERED:
                del self.befell[next(iter(self.befell))]

    def troubles_of(self, call: int) -> list[tuple[str, str]]:
        """What befell a call: the server, and the trouble."""
        with self._lock:
            return list(self.befell.get(call, ()))

    def is_down(self, server: str, since: float, until: float) -> bool:
        """Whether a server was down meanwhile, even for a moment."""
        return any(began <= until and since <= ended for began, ended in list(self.down[server]))

    def judge_excuses(self) -> None:
        """Excuses are rare: more of them than one call in a hundred show that something else is wrong."""
        calls = self.total("caller ")
        if self.counts[EXCUSED] > max(_FEW, calls / 100):
            self.breaks(f"{self.counts[EXCUSED]} of {calls} calls failed at every server in every attempt")

    def settle(self, patience: float) -> None:
        """Compare what calls delivered with what servers wrote for them.

        Args:
            patience: Seconds after the end of a call that its servers have to stop writing.
        """
        before = time.monotonic() - patience
        while self.ended:
            call = self.ended[0]
            answers = self.written.get(call.number, {})
            if call.ended_at > before and not all(answer.is_over for answer in [*answers.values()]):
                return
            self.ended.popleft()
            call.compare(self.written.pop(call.number, {}))

    def total(self, *words: str) -> int:
        """How often something happened whose name contains every word."""
        with self._lock:
            return sum(count for what, count in self.counts.items() if all(word in what for word in words))

    def missing(self, happenings: Sequence[str]) -> list[str]:
        """Which of these never happened."""
        return [what for what in happenings if not self.counts[what]]

    def line(self) -> str:
        """All of it in one line."""
        how = {how: self.total("caller ", f": {how}") for how in ("answered", "left", "cancelled", "interrupted")}
        return (
            f"{sum(how.values())} calls, {', '.join(f'{count} {name}' for name, count in how.items())}; "
            f"{self.total('compared: ')} compared; {self.total('trouble: ')} troubles, "
            f"{self.total('event RetryScheduled')} retries, {self.total('event FailedOver')} failovers, "
            f"{self.total('event CircuitOpened')} circuits opened, {self.total('event EndpointEjected')} ejections; "
            f"at most {self.sockets} sockets; {self.counts[EXCUSED]} and {self.counts[EXCUSED_HASTY]} hasty excused; "
            f"{len(self.broken)} promises broken"
        )
