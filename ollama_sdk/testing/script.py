"""Scripts the answers of the emulated models, and their speed."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import Attribute, define, evolve, field, frozen

from ollama_sdk.testing._model.json import compact, object_in, text_in
from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._model.schema import example_value
from ollama_sdk.testing._model.schema_check import conversion_error
from ollama_sdk.testing._model.tokens import split_tokens, token_count

if TYPE_CHECKING:
    from ollama_sdk.testing._model.json import Json

__all__ = [
    "Condition",
    "Prompt",
    "ReplyFunction",
    "Script",
    "ScriptedReply",
    "ScriptedToolCall",
    "Speed",
    "example_call",
]

# The tokens that a chat template adds to each message.
_TEMPLATE_TOKENS = 4


def _not_negative(_: Speed, attribute: Attribute[float], value: float) -> None:
    if not value >= 0:
        raise ValueError(f"{attribute.name}={value!r}; give seconds, 0 or more")


def _above_zero(_: Speed, attribute: Attribute[float | None], value: float | None) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"{attribute.name}={value!r}; give items per second above 0, or None for no limit")


@frozen
class Speed:
    """The speed of a model's answers; as fast as possible by default.

    Attributes:
        time_to_first_token: Seconds before the first item.
        tokens_per_second: Items per second after it; ``None`` for no limit. :meth:`Fault.stall` stops sending.
        load: Seconds to load the model if it is not in memory.

    Raises:
        ValueError: Seconds are negative, or the rate is not above 0.
    """

    time_to_first_token: float = field(default=0.0, validator=_not_negative)
    tokens_per_second: float | None = field(default=None, validator=_above_zero)
    load: float = field(default=0.0, validator=_not_negative)


@frozen
class ScriptedToolCall:
    """A tool call in a scripted reply.

    Attributes:
        name: The name of the function.
        arguments: Its arguments by name.
    """

    name: str
    arguments: Mapping[str, Any] = field(factory=dict[str, Any])


@frozen(kw_only=True)
class ScriptedReply:
    """One scripted reply.

    Attributes:
        pieces: The text, one stream item each; may be endless.
        thinking: The thinking before the text, one stream item each.
        tool_calls: The tool calls after the text.
        calls_on_last_item: Whether all tool calls are on the last item, or each on its own item; models differ.
        finished: Whether the reply ends with a last item. If not, it stops without one, as Ollama does for a model that
            repeats itself.
    """

    pieces: Iterable[str] = ()
    thinking: Iterable[str] = ()
    tool_calls: Sequence[ScriptedToolCall] = ()
    calls_on_last_item: bool = False
    finished: bool = True


@frozen(kw_only=True)
class Prompt:
    """The input of a model, in the same form for every route.

    Attributes:
        path: The path of the request.
        model: The model name as the request has it.
        messages: As in ``/api/chat``; a plain prompt is one user message.
        tools: The offered tools, as in ``/api/chat``.
        format: ``"json"``, a JSON schema, or ``None``.
        think: As in ``/api/chat``; ``None`` leaves the choice to the model.
        options: The model options that Ollama knows.
        top_logprobs: How many alternatives each token's log-probability lists; ``None`` without log-probabilities.
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
        """The length of the whole prompt, with four letters per token."""
        total = sum(_TEMPLATE_TOKENS + token_count(str(message.get("content") or "")) for message in self.messages)
        return total + (token_count(compact(list(self.tools))) if self.tools else 0)

    @property
    def stops(self) -> list[str]:
        """The stop sequences."""
        return [text for text in self.options.get("stop") or () if isinstance(text, str) and text]


ReplyFunction = Callable[[Prompt], str | ScriptedReply | Iterable[str]]
Condition = str | re.Pattern[str] | Callable[[Prompt], bool]


@define
class _ReplyRule:
    reply: ScriptedReply | ReplyFunction
    model: str | None
    when: Condition | None
    uses_left: int | None

    def matches(self, prompt: Prompt) -> bool:
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
    """The rules that choose a reply; thread-safe.

    Rules with a limited number of uses come first, oldest first, like a queue; then the others, newest first. If no rule matches,
    the reply depends on the prompt: JSON if it has a format, a call of every offered tool (unless the last message is a tool's
    result), or a sentence.
    """

    def __init__(self) -> None:
        self._rules: list[_ReplyRule] = []
        self._lock = threading.Lock()

    def add(
        self, reply: ScriptedReply | ReplyFunction, *, to: str | None, when: Condition | None, times: int | None
    ) -> None:
        """Add a rule that is used at most ``times`` times; ``None`` for no limit."""
        with self._lock:
            self._rules.append(_ReplyRule(reply, None if to is None else _key(to), when, times))

    def clear(self) -> None:
        """Remove every rule."""
        with self._lock:
            self._rules.clear()

    def reply(self, prompt: Prompt, *, thinks: bool) -> ScriptedReply:
        """Return the reply to a prompt; ``thinks`` is whether the model thinks before the answer."""
        rule = self._next_rule(prompt)
        reply = _default_reply(prompt, thinks=thinks) if rule is None else _make_reply(rule.reply, prompt)
        return reply if thinks or not reply.thinking else evolve(reply, thinking=())

    def _next_rule(self, prompt: Prompt) -> _ReplyRule | None:
        with self._lock:
            limited = [rule for rule in self._rules if rule.uses_left is not None]
            unlimited = [rule for rule in reversed(self._rules) if rule.uses_left is None]
            rule = next((rule for rule in limited + unlimited if rule.matches(prompt)), None)
            if rule is not None and rule.uses_left is not None:
                rule.uses_left -= 1
                if not rule.uses_left:
                    self._rules.remove(rule)
            return rule


def _key(name: str) -> str:
    parsed = ModelName.parse(name)
    return parsed.key if parsed else name


def _make_reply(reply: ScriptedReply | ReplyFunction, prompt: Prompt) -> ScriptedReply:
    made = reply if isinstance(reply, ScriptedReply) else reply(prompt)
    if isinstance(made, ScriptedReply):
        return made
    return ScriptedReply(pieces=split_tokens(made) if isinstance(made, str) else made)


def _default_reply(prompt: Prompt, *, thinks: bool) -> ScriptedReply:
    thinking = split_tokens("The user asked something; I should answer briefly.") if thinks else ()
    after_tool = bool(prompt.messages) and prompt.messages[-1].get("role") == "tool"
    if prompt.format is not None:
        value = {"alpha": 42} if prompt.format == "json" else example_value(prompt.format)
        return ScriptedReply(pieces=split_tokens(compact(value)), thinking=thinking)
    if prompt.tools and not after_tool:
        return ScriptedReply(thinking=thinking, tool_calls=[example_call(tool) for tool in prompt.tools])
    text = f"This is {prompt.model}. You said: {prompt.text or 'nothing'}"
    return ScriptedReply(pieces=split_tokens(text), thinking=thinking)


def example_call(tool: Mapping[str, Any]) -> ScriptedToolCall:
    """Return a call of a tool with arguments that fit its schema."""
    function: Json = object_in(tool.get("function"))
    parameters = object_in(function.get("parameters"))
    arguments: Any = {} if conversion_error(parameters) else example_value({"type": "object", **parameters})
    return ScriptedToolCall(text_in(function.get("name")), object_in(arguments))
