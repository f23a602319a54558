"""Every recorded reply decodes to a model that encodes to the same reply."""

from __future__ import annotations

import copy
import json
import pickle
import re
from datetime import datetime
from typing import Any

import pytest

from ollama_sdk import DecodeError, types
from ollama_sdk._call.operation import Operation
from ollama_sdk._codec import Model, codec_of
from ollama_sdk._generated import operations
from tests.document.openapi_document import Exchange, exchanges

OPERATIONS = [value for value in vars(operations).values() if isinstance(value, Operation)]
STREAMED = {"application/x-ndjson", "text/event-stream"}
CODEC = codec_of(types.__name__)


def _operation(exchange: Exchange) -> Operation[Any, Any] | None:
    for operation in OPERATIONS:
        shape = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(operation.path))
        if operation.method.lower() == exchange.method and re.fullmatch(shape, exchange.path):
            return operation
    return None


def _is_error(item: dict[str, Any]) -> bool:
    return "error" in item and "type" not in item and "id" not in item


def _replies():
    """The annotation and JSON of each reply, or item of one, that ended well enough to be a value."""
    for exchange in exchanges():
        operation = _operation(exchange)
        if operation is None or exchange.status != 200 or exchange.content_type not in {*STREAMED, "application/json"}:
            continue
        streamed = exchange.content_type in STREAMED
        kind = operation.streaming.item if streamed and operation.streaming else operation.reply
        for number, item in enumerate(exchange.values()):
            if not _is_error(item):
                yield pytest.param(kind, item, id=f"{exchange.name}-{number}")


REPLIES = list(_replies())


def _models(value: Any):
    """A model and every model in it."""
    if isinstance(value, Model):
        yield value
        for name in value.__attrs_attrs__:
            yield from _models(getattr(value, name.name))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _models(part)
    elif isinstance(value, dict):
        yield from _models(list(value.values()))


def _comparable(value: Any) -> Any:
    """JSON in one form where there are two: null is absence, and a time is an instant in microseconds."""
    if isinstance(value, dict):
        return {name: _comparable(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_comparable(part) for part in value]
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        return datetime.fromisoformat(value)
    return value


def test_there_are_recordings_of_nearly_every_route():
    assert len(REPLIES) > 400
    kinds = {parameter.values[0] for parameter in REPLIES}
    assert kinds >= {
        "ChatResponse", "ChatCompletion", "ChatCompletionChunk", "Completion", "EmbedResponse", "GenerateResponse",
        "MessagesResponse", "MessagesStreamEvent", "ModelList", "ProgressResponse", "ResponseObject", "ResponseStreamEvent",
        "RunningModelList", "ShowResponse", "StatusResponse", "V1EmbeddingList", "V1ModelList", "VersionResponse",
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "data"), REPLIES)
def test_a_recorded_reply_survives_a_round_trip(kind, data):
    reply = CODEC.decode(kind, data)
    sent_back = reply.to_dict()
    assert type(reply).from_dict(sent_back) == reply
    json.dumps(sent_back)
    if kind != "V1EmbeddingList":  # whose vectors are packed as 32-bit floats again
        assert _within(_comparable(data), _comparable(sent_back))


def _within(part: Any, whole: Any) -> bool:
    """Whether ``whole`` says everything that ``part`` says."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(name in whole and _within(part[name], whole[name]) for name in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) == len(whole) and all(map(_within, part, whole))
    return part == whole


def test_recorded_replies_have_no_unknown_fields():
    unknown = {
        (type(model).__name__, name)
        for kind, data in (parameter.values for parameter in REPLIES)
        for model in _models(CODEC.decode(kind, data))
        for name in model.additional_properties
    }
    assert unknown == {
        ("GenerateResponse", "_debug_info"),  # of a debugging request that is not for clients
        ("ChatCompletion", "timings"),  # only rumoured
    }


def test_recorded_replies_copy_and_pickle():
    for kind, data in (parameter.values for parameter in REPLIES):
        reply = CODEC.decode(kind, data)
        assert pickle.loads(pickle.dumps(reply)) == reply
        assert copy.copy(reply) == copy.deepcopy(reply) == reply


def _larger(data, times):
    """Data of the same form with longer texts and lists; what says of which kind an object is stays."""
    if isinstance(data, dict):
        return {name: part if name in {"type", "object"} else _larger(part, times) for name, part in data.items()}
    if isinstance(data, list):
        return [_larger(part, times) for part in data] * times
    return data * times if isinstance(data, str) else data


@pytest.mark.parametrize("times", [1, 5, pytest.param(40, marks=pytest.mark.slow)])
def test_the_repr_of_any_model_of_a_reply_is_short(times):
    for kind, data in (parameter.values for parameter in REPLIES):
        try:
            reply = CODEC.decode(kind, _larger(data, 1 if len(str(data)) > 20_000 else times))
        except DecodeError:  # a tag or a vector that is none any more
            continue
        assert max(len(repr(model)) for model in _models(reply)) <= 300


def test_the_repr_of_a_recorded_reply_is_short():
    for kind, data in (parameter.values for parameter in REPLIES):
        shown = repr(CODEC.decode(kind, data))
        assert "=None" not in shown
        assert "additional_properties={}" not in shown
        assert len(shown) <= 300
