"""Reads a streamed body: finds its items, the last item, a reported failure, or a premature end."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import orjson

from ollama_sdk._json import loads, loads_again, loads_tolerantly, may_be_rounded
from ollama_sdk._secrets import redact_data
from ollama_sdk.errors import (
    EXCERPT_LENGTH,
    APIConnectionError,
    DecodeError,
    IncompleteReplyError,
    OllamaError,
    ReplyFailedError,
)

from ._alike import Alike
from ._framing import Framer, NotAStreamError
from ._marks import SENTINEL, failure_message

__all__ = ["ReadCall", "Reader", "decoded", "incomplete"]

_BRACKET = ord("[")
# Few short items are kept as their texts until they are accumulated, in a quarter of the memory. As objects, those of a thousand slow
# streams would be many, and the garbage collector would look through them again and again. Long ones take too long to decode twice.
_FEW, _SHORT = 8, 1024  # items of a read, and bytes of one
# A field that no item has.
_UNMARKED: Mapping[str, Any] = {"": object()}
_NO_RULES: Mapping[str, str] = {}
_NO_ITEM: dict[str, Any] = {}
_MANY = 16  # items of a read, from which on it is worthwhile to compare them


class ReadCall(Protocol):
    """The call whose reply is read."""

    @property
    def name(self) -> str:
        """Its name in messages: method and URL."""
        ...

    def redacted(self, text: str, /) -> str:
        """Remove API keys from the text of a message."""
        ...

    def broken_off(self, exc: Exception | None, items: int, /) -> tuple[str, str]:
        """Say how the body ended too early, and what to do.

        Args:
            exc: The error that broke it off; ``None`` for a clean end.
            items: How many complete items have arrived.
        """
        ...

    def not_json_advice(self) -> str:
        """Return a clause with advice about a body that is not a stream."""
        ...

    def item_fields(self) -> Collection[str]:
        """The fields that the document gives an item."""
        ...


class Reader:
    """A state machine without I/O: bytes in, decoded items out, and an error only after every complete item before it.

    One thread at a time feeds it. Meanwhile any thread may take items from ``ready`` and read the other attributes: an item is in
    ``ready`` before ``finished`` or ``error`` is set.

    Args:
        framer: Splits the bytes into items.
        last: The fields and values of the item that ends a complete stream, or :data:`SENTINEL`; ``None`` if a clean end of the
            body between two items ends it.
        failed: The fields and values of an item that reports a failure; so does any item with an ``error``.
        call: The call.
        rules: The rules by which items are merged, as for :class:`MergeAccumulator`; without any, each item is kept for the
            accumulator.

    Attributes:
        ready: Items, as decoded JSON, that no caller has taken yet.
        finished: Whether the last item has arrived.
        error: The error to raise once ``ready`` is empty.
        items: How many complete items have arrived.
        unadded: Items, as decoded JSON or as its text, that are not accumulated yet, or items that add up to the same; see
            :func:`decoded`. The exchange removes those that it accumulates.
        unadded_bytes: About the size of these; the exchange sets it to 0.
        first: The first item; ``None`` before it.
        usage_item: The latest item that may have token counts: the last one, or one with ``usage``; ``{}`` before it.
    """

    __slots__ = (
        "_alike",
        "_call",
        "_failed",
        "_framer",
        "_last",
        "_marked",
        "_rules",
        "_sentinel",
        "error",
        "finished",
        "first",
        "items",
        "ready",
        "unadded",
        "unadded_bytes",
        "usage_item",
    )

    def __init__(
        self,
        framer: Framer,
        *,
        last: Mapping[str, Any] | None,
        failed: Mapping[str, Any] | None,
        call: ReadCall,
        rules: Mapping[str, str] = _NO_RULES,
    ) -> None:
        self._framer = framer
        self._sentinel = b"[DONE]" if last == SENTINEL else None
        self._marked = last is not None
        self._last = tuple((last or _UNMARKED).items())
        self._failed = failed
        self._call = call
        self._rules = rules
        self._alike: Alike | None = None  # made for the first burst: many streams have none
        self.ready: deque[dict[str, Any]] = deque()
        self.finished: bool = False
        self.error: OllamaError | None = None
        self.items: int = 0
        self.unadded: list[dict[str, Any] | bytes] = []
        self.unadded_bytes: int = 0
        self.first: dict[str, Any] | None = None
        self.usage_item: dict[str, Any] = _NO_ITEM

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body; bytes after the last item are ignored."""
        if self.finished:
            return
        payloads = self._framer.feed(data)
        if len(payloads) == 1:
            self._take(payloads[0])
        elif payloads:
            for payload in payloads[self._take_usual(data, payloads) :]:
                self._take(payload)
                if self.finished or self.error is not None:
                    return
        if self._framer.error is not None and not self.finished:
            self._refuse(self._framer.error)

    def _take_usual(self, data: bytes, payloads: Sequence[bytes]) -> int:
        """Take the items of a read that brings several, up to the first one that may need more than to be added.

        It works on all of them at once, without calls of Python functions for each, because it runs for every token.

        Args:
            data: The bytes that were read.
            payloads: The JSON texts of the items that they complete; only the first one may have begun before them.

        Returns:
            How many items were taken.
        """
        items: list[dict[str, Any]] = []
        try:
            items.extend(map(orjson.loads, payloads))
        except orjson.JSONDecodeError:
            added = None  # the items before that text remain
        else:
            added = self._added_up(items) if len(items) >= _MANY else None
        if added is not None:
            whole, text = added
            self._add(items, [whole], len(payloads[-1]) + len(text))
            return len(items)
        if _may_be_rounded(payloads[0]) or _may_be_rounded(data):
            return 0  # they are decoded again, one by one
        del items[self._count_usual(items) :]
        # The first one may have begun before this read.
        size = len(data) + len(payloads[0])
        is_kept_as_text = len(items) < _FEW and size < _SHORT * len(items)
        self._add(items, payloads[: len(items)] if is_kept_as_text else items, size)
        return len(items)

    def _added_up(self, items: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], str] | None:
        """As :meth:`Alike.added_up`. Items that are like a usual one are usual, so only that one is searched for marks."""
        if not self._count_usual(items[-1:]):
            return None
        if self._alike is None:
            self._alike = Alike(self._rules, {*dict(self._last), *(self._failed or ())}, self._call.item_fields())
        return self._alike.added_up(items)

    def _count_usual(self, items: Sequence[dict[str, Any]]) -> int:
        """How many items come before the first one that may end or fail the stream, hold token counts, or is none."""
        failed = self._failed
        name, value = self._last[0]
        for number, item in enumerate(items):
            if item.__class__ is not dict or "error" in item or "usage" in item or item.get(name) == value:
                return number
            if failed and self._failure_in(item):
                return number
        return len(items)

    def _add(self, items: list[dict[str, Any]], unadded: Sequence[dict[str, Any] | bytes], size: int) -> None:
        """Add items that no caller has taken yet.

        Args:
            items: The items.
            unadded: Items that add up to the same.
            size: About the size of these, in bytes.
        """
        if self.first is None and items:
            self._begin(items[0])
        self.items += len(items)
        self.unadded.extend(unadded)
        self.unadded_bytes += size
        self.ready.extend(items)  # before `finished` is set, because another thread may read both

    def _begin(self, first: dict[str, Any]) -> None:
        self.first = first
        self._framer = self._framer.chosen

    def end(self, cause: BaseException | None = None) -> None:
        """Take the end of the body.

        Args:
            cause: The error that broke the body off; ``None`` for a clean end.
        """
        left_over = self.take_unterminated()
        if self.finished or self.error is not None:
            return
        if not self._marked and not left_over and cause is None:
            self.finished = True
            return
        where = f"before the last item, after {self.items} whole item{'s' * (self.items != 1)}"
        self.error = incomplete(self._call, where, self.items, cause)

    def decode_error(self, cause: BaseException) -> DecodeError:
        """The error of items that are JSON objects, but do not make a valid reply."""
        problem = self._call.redacted(repr(cause))
        return DecodeError(f"{self._call.name}: the items of the stream do not add up to a reply: {problem}")

    def take_unterminated(self) -> bool:
        """Take a last item that lacks only its line end, after the end of the body.

        The beginning of a JSON object is never a JSON object itself, so an item that parses is complete.

        Returns:
            Whether an incomplete item is left over.
        """
        if self.finished or self.error is not None:
            return False
        for payload in self._framer.finish():
            try:
                is_whole = payload == self._sentinel or loads(payload).__class__ is dict
            except orjson.JSONDecodeError:
                return True
            if not is_whole:
                return True
            self._take(payload)
        return False

    def _take(self, payload: bytes) -> None:
        """Take the JSON text of one item, which may be the last one, or none."""
        if self._sentinel is not None and payload == self._sentinel:
            self.finished = True
            return
        try:
            # As _may_be_rounded(), without a call: this runs for each item that comes alone.
            is_usual = _BRACKET not in payload or not may_be_rounded(payload)
            item = orjson.loads(payload) if is_usual else loads(payload)
        except orjson.JSONDecodeError as exc:
            item = self._load_refused(payload, exc)
        if item.__class__ is not dict:
            self._refuse_payload(payload, "not a JSON object")
            return
        if ("error" in item or self._failed) and (failure := self._failure_in(item)):
            self.error = failure
            return
        if self.first is None:
            self._begin(item)
        size = len(payload)
        self.items += 1  # as _add(), for one
        self.unadded.append(payload if size < _SHORT else item)
        self.unadded_bytes += size
        self.ready.append(item)
        if "usage" in item:
            self.usage_item = item
        for name, value in self._last:
            if item.get(name) != value:
                return
        self.usage_item = self.usage_item or item
        self.finished = True

    def _load_refused(self, payload: bytes, refusal: orjson.JSONDecodeError) -> Any:
        """Decode text that orjson has refused; sets the error and returns ``None`` if it is not JSON."""
        try:
            return loads_again(payload, refusal)
        except orjson.JSONDecodeError as exc:
            self._refuse_payload(payload, str(exc))  # not as the cause, which holds the whole text with its secrets
            return None

    def _failure_in(self, item: dict[str, Any]) -> ReplyFailedError | None:
        """The error that an item reports, if it reports one."""
        message = failure_message(item.get("error"))
        if not message and self._failed and all(item.get(name) == value for name, value in self._failed.items()):
            message = failure_message(item) or "no reason was given"
        if not message:
            return None
        message = self._call.redacted(message)
        text = f"{self._call.name}: the server failed after {self.items} items: {message}"
        return ReplyFailedError(text, message=message, body=redact_data(item, self._call.redacted))

    def _refuse_payload(self, payload: bytes, problem: str) -> None:
        excerpt = self._call.redacted(payload.decode(errors="replace"))[:EXCERPT_LENGTH]
        problem = f"item {self.items + 1} of the stream is malformed ({problem}): {excerpt!r}"
        self._refuse(DecodeError(problem, excerpt=excerpt))

    def _refuse(self, error: DecodeError) -> None:
        """Set an error, with the name of the call added; a first error is kept."""
        text, excerpt = self._call.redacted(str(error)), self._call.redacted(error.excerpt)
        if isinstance(error, NotAStreamError):
            text += self._call.not_json_advice()
        self.error = self.error or DecodeError(f"{self._call.name}: {text}", excerpt=excerpt)


def decoded(unadded: Sequence[dict[str, Any] | bytes]) -> list[dict[str, Any]]:
    """The decoded JSON of items of :attr:`Reader.unadded`."""
    texts = [item for item in unadded if isinstance(item, bytes)]
    together = b",".join(texts)
    if len(texts) == len(unadded) and not _may_be_rounded(together):
        try:  # all at once: half the cost
            items: list[dict[str, Any]] = orjson.loads(b"[%b]" % together)
        except orjson.JSONDecodeError:
            pass
        else:
            return items
    return [item if isinstance(item, dict) else _decoded(item) for item in unadded]


def _decoded(payload: bytes) -> dict[str, Any]:
    item: dict[str, Any] = loads(payload) if _may_be_rounded(payload) else loads_tolerantly(payload)
    return item


def _may_be_rounded(text: bytes) -> bool:
    """Whether a text may hold an integer of a free-form value that orjson rounds.

    Free-form values occur in lists of tool calls and outputs. Most reads bring only tokens, without any list, and are not searched.
    """
    return _BRACKET in text and may_be_rounded(text)


def incomplete(call: ReadCall, where: str, items: int, cause: BaseException | None) -> IncompleteReplyError:
    """The error of a body that ended too early.

    Args:
        call: The call.
        where: Where it ended, for the message.
        items: How many complete items have arrived.
        cause: The error that broke the body off; ``None`` for a clean end.
    """
    if isinstance(cause, APIConnectionError):  # our transport raises this one only when the client was closed
        how, advice = "the client was closed", "close it when its streams have ended"
    elif cause is not None and not isinstance(cause, Exception):  # a cancelled task, or Ctrl-C
        how = f"reading was interrupted by {type(cause).__name__}"
        advice = "the bytes of that read are lost: repeat the call"
    else:
        how, advice = call.broken_off(cause, items)
    error = IncompleteReplyError(f"{call.name}: {how} {where}; {advice}", items=items)
    if isinstance(cause, Exception):
        error.__cause__ = cause
    return error
