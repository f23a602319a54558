"""Python functions as tools: describes them to a model, and runs the calls that a model makes.

This module sends no requests, and only :meth:`Toolbox.call` and :meth:`Toolbox.acall` run functions. You write the loop of a
conversation with tools yourself::

    toolbox = Toolbox([get_weather])
    while True:
        reply = client.chat("llama3.2", messages, tools=toolbox)
        messages.append(reply.message)
        if not reply.message.tool_calls:
            break
        messages += [toolbox.call(call) for call in reply.message.tool_calls]
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, overload

from ._codec import codec_of, dumps
from ._codec.check import with_article
from ._functions import ArgumentMismatchError, Function
from ._generated.models import (
    ChatCompletionRequestMessage,
    ChatCompletionToolCall,
    Message,
    MessagesToolResultBlock,
    MessagesToolUseBlock,
    ResponseFunctionCall,
    ResponseFunctionCallOutput,
    Tool,
    ToolCall,
)
from ._json import is_object, loads
from .errors import ConfigurationError, ToolCallError

__all__ = ["Toolbox", "tool"]

_MODELS = "ollama_sdk._generated.models"


def tool(function: Callable[..., Any]) -> Tool:
    """Describe a function as a tool.

    The name, the annotations of the parameters and the docstring (in Google's, NumPy's or Sphinx's style) become the schema. An
    annotation is ``str``, ``int``, ``float``, ``bool``, a list, tuple, set or dict of such, ``Literal``, an enumeration, a time, a
    dataclass, a ``TypedDict``, a class of attrs or Pydantic, or a union of these; ``Annotated[int, "in metres"]`` describes it.
    The methods' ``tools=`` take the function itself as well.

    Args:
        function: The function or method. It is not called.

    Raises:
        ConfigurationError: It is a lambda or a class, a parameter has no annotation or one without a counterpart in JSON, or it
            takes ``*args``, ``**kwargs`` or positional-only parameters.
    """
    return _tool_of(Function(function))


def _tool_of(described: Function) -> Tool:
    function = {"name": described.name, "description": described.description, "parameters": described.schema}
    return Tool.from_dict({"type": "function", "function": {k: v for k, v in function.items() if v is not None}})


class Toolbox(Sequence[Callable[..., Any]]):
    """Functions by name, which a model can call.

    A toolbox is the sequence of its functions, so ``tools=`` takes it directly.

    Args:
        functions: The functions, each as :func:`tool` takes it.
        errors: How to handle a call of an unknown tool, or with arguments that do not fit: ``raise`` a
            :class:`ollama_sdk.ToolCallError`, or ``answer`` the model with the error. Exceptions of a function are always raised.

    Raises:
        ConfigurationError: A function cannot be described, two have the same name, or it is no list of functions.
    """

    def __init__(
        self, functions: Iterable[Callable[..., Any]], *, errors: Literal["raise", "answer"] = "raise"
    ) -> None:
        if errors not in {"raise", "answer"}:
            raise ConfigurationError(f"errors={errors!r}: give 'raise' or 'answer'")
        if not hasattr(functions, "__iter__"):
            raise ConfigurationError(
                f"functions is of type {type(functions).__name__}; give a list, also of one function: Toolbox([get_weather])"
            )
        self._errors = errors
        self._functions: dict[str, Function] = {}
        for each in functions:
            described = Function(each)
            if described.name in self._functions:
                raise ConfigurationError(f"two tools have the name {described.name!r}; a model could not choose")
            self._functions[described.name] = described

    @overload
    def __getitem__(self, index: int) -> Callable[..., Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[Callable[..., Any]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return [each.call for each in self._functions.values()][index]

    def __len__(self) -> int:
        return len(self._functions)

    def __repr__(self) -> str:
        return f"Toolbox([{', '.join(self._functions)}])"

    @property
    def tools(self) -> list[Tool]:
        """The descriptions, as :func:`tool` makes them."""
        return [_tool_of(each) for each in self._functions.values()]

    @overload
    def call(self, call: ToolCall) -> Message: ...
    @overload
    def call(self, call: ChatCompletionToolCall) -> ChatCompletionRequestMessage: ...
    @overload
    def call(self, call: ResponseFunctionCall) -> ResponseFunctionCallOutput: ...
    @overload
    def call(self, call: MessagesToolUseBlock) -> MessagesToolResultBlock: ...
    def call(self, call: Any) -> Any:
        """Run the function that a model calls, with checked and converted arguments.

        Args:
            call: The call, of ``chat`` or of a ``/v1`` method.

        Returns:
            The part to append to the conversation: a message; for ``v1.responses`` an item, for ``v1.messages`` a block of the
            next user message. A text is sent unchanged, any other result as JSON.

        Raises:
            ToolCallError: The tool is unknown, or its arguments do not fit, unless ``errors="answer"``.
            ConfigurationError: The function is async (see :meth:`acall`), or its result cannot be sent.
        """
        name, data, answer = _parts(call)
        try:
            function, arguments = self._prepared(name, data)
        except ToolCallError as exc:
            return answer(self._refusal(exc), failed=True)
        if inspect.iscoroutinefunction(function.call):
            raise ConfigurationError(f"the tool {name} is async; use await toolbox.acall(...)")
        return answer(_text_of(function.call(**arguments), name), failed=False)

    @overload
    async def acall(self, call: ToolCall) -> Message: ...
    @overload
    async def acall(self, call: ChatCompletionToolCall) -> ChatCompletionRequestMessage: ...
    @overload
    async def acall(self, call: ResponseFunctionCall) -> ResponseFunctionCallOutput: ...
    @overload
    async def acall(self, call: MessagesToolUseBlock) -> MessagesToolResultBlock: ...
    async def acall(self, call: Any) -> Any:
        """As :meth:`call`, also for async functions; a sync one runs in the calling task, so it should not block."""
        name, data, answer = _parts(call)
        try:
            function, arguments = self._prepared(name, data)
        except ToolCallError as exc:
            return answer(self._refusal(exc), failed=True)
        result = function.call(**arguments)
        return answer(_text_of(await result if inspect.isawaitable(result) else result, name), failed=False)

    def _prepared(self, name: str, data: Any) -> tuple[Function, dict[str, Any]]:
        function = self._functions.get(name)
        if function is None:
            known = ", ".join(self._functions) or "none"
            raise ToolCallError(f"there is no tool {name!r}; there are: {known}", name=name)
        try:
            if isinstance(data, str):
                data = _loaded(data)
            return function, function.arguments(data)
        except ArgumentMismatchError as exc:
            raise ToolCallError(f"the arguments of {name} do not fit: {exc}", name=name) from None

    def _refusal(self, error: ToolCallError) -> str:
        if self._errors == "raise":
            raise error from None
        return f"Error: {error}"


def _loaded(text: str) -> Mapping[str, Any]:
    """Parse the arguments of a call that come as JSON text."""
    try:
        data = loads(text.encode() or b"{}")
    except ValueError as exc:
        raise ArgumentMismatchError(f"they are not JSON: {exc}") from None
    if not is_object(data):
        raise ArgumentMismatchError(f"they are {with_article(data)} instead of an object")
    return data


def _parts(call: Any) -> tuple[str, Any, Callable[..., Any]]:
    """The name and the arguments of a call, and a function that makes its answer."""

    def message(text: str, *, failed: bool) -> Message:
        del failed
        return Message(role="tool", content=text, tool_name=call.function.name, tool_call_id=call.id)

    def v1_message(text: str, *, failed: bool) -> ChatCompletionRequestMessage:
        del failed
        return ChatCompletionRequestMessage(role="tool", content=text, tool_call_id=call.id)

    def item(text: str, *, failed: bool) -> ResponseFunctionCallOutput:
        del failed
        return ResponseFunctionCallOutput(type="function_call_output", call_id=call.call_id, output=text)

    def block(text: str, *, failed: bool) -> MessagesToolResultBlock:
        is_error = failed or None
        return MessagesToolResultBlock(type="tool_result", tool_use_id=call.id, content=text, is_error=is_error)

    if isinstance(call, ToolCall):
        return call.function.name, call.function.arguments, message
    if isinstance(call, ChatCompletionToolCall):
        return call.function.name, call.function.arguments, v1_message
    if isinstance(call, ResponseFunctionCall):
        return call.name, call.arguments, item
    if isinstance(call, MessagesToolUseBlock):
        return call.name, call.input, block
    raise ConfigurationError(f"the call is {with_article(call)}; give one of reply.message.tool_calls")


def _text_of(result: Any, name: str) -> str:
    """The result of a function as text for the model."""
    if isinstance(result, str):
        return result
    return dumps(codec_of(_MODELS).encode("dict[str, Any]", result, f"the result of {name}")).decode()
