"""Decides what the bytes of a streamed body mean: items, the last item, a failure, or an end that came too early."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson

from ollama_sdk.errors import APIConnectionError, DecodeError, IncompleteReplyError, OllamaError, ReplyFailedError

from ._framing import Framer

__all__ = ["SENTINEL", "Reader", "failure_message"]

_EXCERPT = 200
_DEEPEST = 20
SENTINEL = {"data": "[DONE]"}


class Reader:
    """A state machine without I/O: bytes in, decoded items out, an error only after every whole item before it.

    Args:
        framer: Cuts the bytes into items.
        last: The fields and values of the item that ends the stream well, or ``{"data": "[DONE]"}``.
        failed: The fields and values of an item that reports failure, beside any item that has an ``error``.
        place: The endpoint, for messages.
        clean: Takes out of a text what no message may hold.

    Attributes:
        ready: Items, as decoded JSON, that the caller has not taken yet.
        finished: Whether the last item has arrived.
        error: What to raise once ``ready`` is empty.
        items: How many items have arrived whole.
        first: The first of them; ``None`` before it.
        counted: The latest that may count the tokens: the last, or one with ``usage``.
    """

    __slots__ = (
        "_clean",
        "_failed",
        "_framer",
        "_last",
        "_place",
        "_sentinel",
        "counted",
        "error",
        "finished",
        "first",
        "items",
        "ready",
    )

    def __init__(
        self,
        framer: Framer,
        *,
        last: Mapping[str, Any],
        failed: Mapping[str, Any] | None = None,
        place: str = "",
        clean: Callable[[str], str] = str,
    ) -> None:
        self._framer = framer
        self._sentinel = b"[DONE]" if last == SENTINEL else None
        self._last = () if self._sentinel else tuple(last.items())
        self._failed = tuple((failed or {}).items())
        self._place = place
        self._clean = clean
        self.ready: deque[dict[str, Any]] = deque()
        self.finished: bool = False
        self.error: OllamaError | None = None
        self.items: int = 0
        self.first: dict[str, Any] | None = None
        self.counted: dict[str, Any] = {}

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        try:
            for payload in self._framer.feed(data):
                self._take(payload)
            if self._framer.refused:
                self._framer.feed(b"")
        except OllamaError as exc:
            self.error = self._placed(exc)

    def end(self, cause: Exception | None = None) -> None:
        """The body has ended: cleanly, or by ``cause``."""
        try:
            if cause is None:
                self._take_rest()
        except OllamaError as exc:
            self.error = self._placed(exc)
        if self.finished or self.error is not None:
            return
        how = "the connection was lost" if cause else "the body ended"
        advice = "the model or the server may have stopped: look at the server's log, then try again"
        if isinstance(cause, APIConnectionError):  # as the wire says it where nothing but this happened
            how, advice = "the client was closed", "close it when its streams have ended"
        self.error = IncompleteReplyError(
            f"{self._place}: {how} before the last item, after {self.items} whole items; {advice}", items=self.items
        )
        self.error.__cause__ = cause

    def misfit(self, cause: Exception) -> DecodeError:
        """The error of items that are JSON objects, but do not add up to a reply."""
        return DecodeError(f"{self._place}: the items of the stream do not add up to a reply: {cause!r}")

    def _placed(self, error: OllamaError) -> OllamaError:
        """The error, named after its call if the framer, which knows none, raised it."""
        if not isinstance(error, DecodeError) or str(error).startswith(self._place):
            return error
        return DecodeError(f"{self._place}: {error}", excerpt=error.excerpt)

    def _take_rest(self) -> None:
        """An item that lacks only its line end is whole; anything less is an end that came too early."""
        for payload in self._framer.finish():
            try:
                orjson.loads(payload)
            except orjson.JSONDecodeError:
                if payload != self._sentinel:
                    return
            self._take(payload)

    def _take(self, payload: bytes) -> None:  # noqa: C901 - runs for every token, without a call for each question
        if payload == self._sentinel:
            self.finished = True
            return
        item: Any = None
        problem = "not a JSON object"
        try:
            item = orjson.loads(payload)
        except orjson.JSONDecodeError as exc:
            problem = str(exc)  # not as the cause, which holds the whole text, secrets and all
        if item.__class__ is not dict:
            raise self._malformed(payload, problem)
        if "error" in item and item["error"] is not None and (message := failure_message(item["error"])):
            raise self._failure(message)
        if self._failed and all(item.get(name) == value for name, value in self._failed):
            raise self._failure(failure_message(item) or "no reason was given")
        if not self.items:
            self.first = item
        self.items += 1
        self.ready.append(item)  # before it counts as the last: another thread may look
        if "usage" in item:
            self.counted = item
        for name, value in self._last:
            if item.get(name) != value:
                break
        else:
            if self._sentinel is None:
                self.counted = self.counted or item
                self.finished = True

    def _malformed(self, payload: bytes, problem: str) -> DecodeError:
        excerpt = self._clean(payload.decode(errors="replace"))[:_EXCERPT]
        return DecodeError(
            f"{self._place}: item {self.items + 1} of the stream is malformed ({problem}): {excerpt!r}", excerpt=excerpt
        )

    def _failure(self, message: str) -> ReplyFailedError:
        message = self._clean(message)
        return ReplyFailedError(
            f"{self._place}: the server failed after {self.items} items: {message}", message=message
        )


def failure_message(error: Any, depth: int = 0) -> str:
    """The innermost text of an error: a string, an object with a ``message`` or ``error``, or JSON of one inside a string.

    What is nested deeper than any server would is no text.
    """
    if depth > _DEEPEST:
        return ""
    if isinstance(error, str):
        if not error.lstrip().startswith("{"):
            return error
        try:
            return failure_message(orjson.loads(error), depth + 1) or error
        except orjson.JSONDecodeError:
            return error
    if isinstance(error, Mapping):
        fields = cast("Mapping[str, Any]", error)
        for name in ("error", "message", "response"):
            if fields.get(name) and (text := failure_message(fields[name], depth + 1)):
                return text
    return ""
