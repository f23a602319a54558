"""Opens a response as a stream of items or bytes; imported only for streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from ollama_sdk._codec import Model, codec_of, document_fields, wire_name
from ollama_sdk._codec.decode import UNDECODED, unchanged
from ollama_sdk._codec.resolve import is_model
from ollama_sdk._secrets import redact
from ollama_sdk.errors import OllamaError, describe_call
from ollama_sdk.streaming._accumulation import (
    Accumulator,
    ItemsAccumulator,
    MergeAccumulator,
    MessagesAccumulator,
    ResponsesAccumulator,
)
from ollama_sdk.streaming._exchange import StreamExchange
from ollama_sdk.streaming._framing import DetectingFramer
from ollama_sdk.streaming._reader import Reader, decoded

from .error_mapping import transport_error
from .response import decode, end_call, outcome_listeners

if TYPE_CHECKING:
    import httpx

    from ollama_sdk.streaming._bytes import BytesReader

    from .operation import Streaming
    from .request import Call

__all__ = ["open_stream"]

ReplyT = TypeVar("ReplyT")
ItemT = TypeVar("ItemT")

_TAIL = 3  # the last items of a stream, which include the one with the finish reason
_ACCUMULATORS: dict[str, Callable[[Streaming], Accumulator]] = {
    "merge": lambda streaming: MergeAccumulator(streaming.merge),
    "messages": lambda _: MessagesAccumulator(),
    "responses": lambda _: ResponsesAccumulator(),
    "items": lambda _: ItemsAccumulator(),
}


def open_stream(
    call: Call[ReplyT, ItemT], response: httpx.Response, streaming: Streaming
) -> StreamExchange[ItemT, ReplyT]:
    """Return the state machine that reads a response as a stream; it has not read any of the body."""
    if streaming.format == "bytes":
        return _open_bytes(call, response, streaming)
    streamed = _StreamedCall(call, streaming.item)
    return StreamExchange(
        response=response,
        reader=Reader(
            DetectingFramer(call.settings.max_item_bytes, response.headers.get("content-type", "")),
            last=streaming.last,
            failed=streaming.failed,
            call=streamed,
            rules=streaming.merge,
        ),
        deadlines=call.deadlines,
        decode_item=codec_of(call.operation.models).usual_decoder(streaming.item),
        call=streamed,
    )


def _open_bytes(call: Call[Any, Any], response: httpx.Response, streaming: Streaming) -> StreamExchange[Any, Any]:
    from ollama_sdk.streaming._bytes import BytesReader  # imported only for byte streams

    streamed = _StreamedCall(call, Any)
    return StreamExchange(
        response=response,
        reader=BytesReader(streamed, may_be_empty=streaming.may_be_empty),
        deadlines=call.deadlines,
        decode_item=unchanged,
        call=streamed,
    )


class _StreamedCall:
    """The call of a stream, for its exchange and its reader.

    One object instead of several functions, because a process may hold thousands of streams.
    """

    __slots__ = ("_call", "_item")

    undecoded: tuple[type[Exception], ...] = UNDECODED

    def __init__(self, call: Call[Any, Any], item: Any) -> None:
        self._call = call
        self._item = item

    @property
    def name(self) -> str:
        return describe_call(self._call.request)

    def item_fields(self) -> set[str]:
        kind = codec_of(self._call.operation.models).resolve(self._item)
        return {wire_name(attribute) for attribute in document_fields(kind)} if is_model(kind) else set()

    def new_accumulator(self) -> Accumulator:
        streaming = self._call.operation.streaming
        if streaming is None or streaming.format == "bytes":
            from ollama_sdk.streaming._bytes import NoAccumulator

            return NoAccumulator()
        return _ACCUMULATORS[streaming.collect](streaming)

    def redacted(self, text: str) -> str:
        return redact(self._call.request, text)

    def broken_off(self, exc: Exception | None, items: int) -> tuple[str, str]:
        from .advice import broken_off  # imported only for errors

        how, advice = broken_off(self._call, self._call.request, exc, items)
        return self.redacted(how), advice

    def not_json_advice(self) -> str:
        from .advice import not_json_advice  # imported only for errors

        return not_json_advice(self._call)

    def item_of(self, data: Any) -> Any:
        return decode(self._call, self._item, data)

    def error_of(self, exc: Exception) -> OllamaError:
        return transport_error(self._call, exc)

    def reply_of(self, data: dict[str, Any]) -> Any:
        return _accumulated(self._call, data)

    def ended(
        self, response: httpx.Response, reader: Reader | BytesReader, whole: Callable[[], dict[str, Any] | None]
    ) -> None:
        # A stream that its caller has abandoned has no outcome.
        counted = reader.usage_item if reader.finished or reader.error is not None else None
        tail: list[dict[str, Any]] = []
        if isinstance(reader, Reader) and outcome_listeners(response):
            tail = decoded(reader.unadded[-_TAIL:])
            # The others were accumulated, or were alike.
            if len(tail) < min(_TAIL, reader.items) and (reply := whole()):
                tail.insert(0, reply)
        end_call(
            self._call,
            response,
            reader.error,
            counted=counted,
            first=reader.first,
            items=reader.items,
            tail=tail,
            whole=whole,
        )


def _accumulated(call: Call[Any, Any], data: dict[str, Any]) -> Any:
    """Make the reply of a stream's accumulated items; fields with a single possible value are filled in."""
    kind = codec_of(call.operation.models).resolve(call.operation.reply)
    if call.operation.streaming is not None and call.operation.streaming.collect == "items":
        return decode(call, call.operation.reply, data.get("items", []))
    if is_model(kind):
        data = data | _constants(kind)
    return decode(call, call.operation.reply, data)


def _constants(model: type[Model]) -> dict[str, Any]:
    codec = codec_of(model.__module__.rpartition(".")[0])
    kinds = {wire_name(a): codec.field_type(a) for a in document_fields(model)}
    return {
        name: get_args(kind)[0]
        for name, kind in kinds.items()
        if get_origin(kind) is Literal and len(get_args(kind)) == 1
    }
