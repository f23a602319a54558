"""What the emulated models say, and how fast."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import Attribute, define, field, frozen

from ollama_sdk.testing._model.json import compact, is_object, text_of
from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._model.schema import fitting

__all__ = [
    "Condition",
    "Prompt",
    "Reply",
    "Saying",
    "Script",
    "Speed",
    "ToolCall",
    "token_count",
    "tokenized",
]

_TOKEN = re.compile(r"\s*\S{1,8}|\s+$")
_TOKEN_LETTERS = 4
_TEMPLATE_TOKENS = 4


def _not_negative(_: Speed, attribute: Attribute[float], value: float) -> None:
    if not value >= 0:
        raise ValueError(f"{attribute.name}={value!r}; give seconds, 0 or more")


def _above_zero(_: Speed, attribute: Attribute[float | None], value: float | None) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"{attribute.name}={value!r}; give items per second above 0, or None for no limit")


@frozen
class Speed:
    """How fast a model answers; as fast as it can by default.

    Attributes:
        time_to_first_token: Seconds before the first item.
        tokens_per_second: Items per second after it; ``None`` for no limit. :meth:`Fault.stall` falls silent.
        load: Seconds that loading takes, when the model is not in memory.

    Raises:
        ValueError: For negative seconds, or a rate that is not above 0.
    """

    time_to_first_token: float = field(default=0.0, validator=_not_negative)
    tokens_per_second: float | None = field(default=None, validator=_above_zero)
    load: float = field(default=0.0, validator=_not_negative)


@frozen
class ToolCall:
    """A model's wish to have a function called.

    Attributes:
        name: Of the function.
        arguments: By name.
    """

    name: str
    arguments: Mapping[str, Any] = field(factory=dict[str, Any])


@frozen(kw_only=True)
class Reply:
    """One scripted answer.

    Attributes:
        pieces: The text as it is streamed, an item each; may be endless.
        thinking: The thinking before it, an item each.
        tool_calls: Functions to call, after the text.
        calls_on_last_item: Whether tool calls come on the last item rather than each on one of its own; models differ.
        finished: Whether the answer ends as an answer should; when not, it just stops, as Ollama does when it gives up
            on a model that repeats itself.
    """

    pieces: Iterable[str] = ()
    thinking: Iterable[str] = ()
    tool_calls: Sequence[ToolCall] = ()
    calls_on_last_item: bool = False
    finished: bool = True


@frozen(kw_only=True)
class Prompt:
    """What a model was asked, in the same form whatever the route.

    Attributes:
        path: The route.
        model: The name as the request had it.
        messages: As in ``/api/chat``; a plain prompt is one message of the user.
        tools: Offered functions, as in ``/api/chat``.
        format: ``"json"``, a JSON schema, or ``None``.
        think: As in ``/api/chat``; ``None`` leaves it to the model.
        options: Model options with a known name.
        top_logprobs: How many alternatives to report for each token; ``None`` when log-probabilities were not asked for.
    """

    path: str
    model: str
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    format: Any = None
    think: bool | str | None = None
    options: Mapping[str, Any] = field(factory=dict[str, Any])
    top_logprobs: int | None = None

    @property
    def text(self) -> str:
        """The content of the last message."""
        return str(self.messages[-1].get("content") or "") if self.messages else ""

    @property
    def tokens(self) -> int:
        """How long the whole prompt is, at four letters a token."""
        total = sum(_TEMPLATE_TOKENS + token_count(str(message.get("content") or "")) for message in self.messages)
        return total + (token_count(compact(list(self.tools))) if self.tools else 0)


Said = str | Reply | Iterable[str]
Saying = Callable[[Prompt], Said]
Condition = str | re.Pattern[str] | Callable[[Prompt], bool]


def tokenized(text: str) -> list[str]:
    """A text in pieces such as a model would stream."""
    return _TOKEN.findall(text)


def token_count(text: str) -> int:
    """How many tokens a text has: one for every four letters, rounded up word by word."""
    return sum(-(-len(word) // _TOKEN_LETTERS) for word in text.split())


@define
class _Rule:
    saying: Saying
    model: str | None
    when: Condition | None
    left: int | None

    def fits(self, prompt: Prompt) -> bool:
        if self.model is not None and self.model != _key(prompt.model):
            return False
        if self.when is None:
            return True
        if isinstance(self.when, str):
            return self.when in prompt.text
        if isinstance(self.when, re.Pattern):
            return self.when.search(prompt.text) is not None
        return self.when(prompt)


class Script:
    """The rules that choose a reply; safe to use from any thread.

    Rules with a count come first, the oldest first: they are a queue. Then the others, the newest first. When none fits,
    the answer is made from the prompt alone: JSON where a format was asked for, a call of every function that was
    offered (once, not again after a tool's result), or a sentence.
    """

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def add(self, saying: Saying, *, to: str | None, when: Condition | None, times: int | None) -> None:
        """Add a rule; ``times`` is how often it is used at most."""
        with self._lock:
            self._rules.append(_Rule(saying, None if to is None else _key(to), when, times))

    def clear(self) -> None:
        """Forget every rule."""
        with self._lock:
            self._rules.clear()

    def reply(self, prompt: Prompt, *, thinks: bool) -> Reply:
        """The reply to a prompt; ``thinks`` is whether the model thinks first."""
        saying = self._chosen(prompt)
        reply = _as_reply(saying(prompt)) if saying else _default(prompt, thinks=thinks)
        return reply if thinks or not reply.thinking else _without_thinking(reply)

    def _chosen(self, prompt: Prompt) -> Saying | None:
        with self._lock:
            counted = [rule for rule in self._rules if rule.left is not None]
            standing = [rule for rule in reversed(self._rules) if rule.left is None]
            rule = next((rule for rule in counted + standing if rule.fits(prompt)), None)
            if rule is None:
                return None
            if rule.left is not None:
                rule.left -= 1
                if not rule.left:
                    self._rules.remove(rule)
            return rule.saying


def _key(name: str) -> str:
    parsed = ModelName.parse(name)
    return parsed.key if parsed else name


def _as_reply(said: Said) -> Reply:
    if isinstance(said, Reply):
        return said
    return Reply(pieces=tokenized(said) if isinstance(said, str) else said)


def _without_thinking(reply: Reply) -> Reply:
    return Reply(
        pieces=reply.pieces,
        tool_calls=reply.tool_calls,
        calls_on_last_item=reply.calls_on_last_item,
        finished=reply.finished,
    )


def _default(prompt: Prompt, *, thinks: bool) -> Reply:
    thinking = tokenized("The user asked something; I should answer briefly.") if thinks else ()
    after_tool = bool(prompt.messages) and prompt.messages[-1].get("role") == "tool"
    if prompt.format is not None:
        value = {"alpha": 42} if prompt.format == "json" else fitting(prompt.format)
        return Reply(pieces=tokenized(compact(value)), thinking=thinking)
    if prompt.tools and not after_tool:
        return Reply(thinking=thinking, tool_calls=[_call(tool) for tool in prompt.tools])
    return Reply(pieces=tokenized(f"This is {prompt.model}. You said: {prompt.text or 'nothing'}"), thinking=thinking)


def _call(tool: Mapping[str, Any]) -> ToolCall:
    function = tool.get("function")
    function = function if is_object(function) else {}
    arguments = fitting(function.get("parameters") or {"type": "object"})
    return ToolCall(text_of(function.get("name")), arguments if is_object(arguments) else {})
