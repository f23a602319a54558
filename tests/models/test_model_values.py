"""Models and JSON: absent fields, unknown fields, times, unions and recursion."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_sdk import ConfigurationError, DecodeError, types
from ollama_sdk._codec import Model, codec_of, document_fields, wire_name
from ollama_sdk._generated import models
from ollama_sdk.types import (
    ChatResponse,
    EmbedResponse,
    GenerateResponse,
    Message,
    MessagesOtherBlock,
    MessagesResponse,
    MessagesTextBlock,
    Options,
    ShowResponse,
    ToolCall,
    ToolCallFunction,
    ToolProperty,
    V1Embedding,
)
from tests.support.agreeing import MESSAGES
from tests.support.examples import examples

CHAT = {
    "model": "llama3.2",
    "created_at": "2026-11-21T11:20:08.23363819Z",
    "message": {"role": "assistant", "content": "Hi"},
    "done": False,
}
CODEC = codec_of(models.__name__)
CLASSES = [
    value
    for value in (getattr(models, name) for name in sorted(models.MODULES))
    if isinstance(value, type) and issubclass(value, Model)
]


def least_data(kind):
    """JSON of a value of some type, with the fields that are required in Python and no others."""
    if isinstance(kind, type) and issubclass(kind, Model):
        required = [field for field in document_fields(kind) if field.default is attrs.NOTHING]
        return {wire_name(field): least_data(CODEC.field_type(field)) for field in required}
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) in {Union, UnionType}:
        return least_data(get_args(kind)[0])
    if get_origin(kind) is Annotated:
        return least_data(get_args(kind)[0])
    return {str: "x", int: 1, float: 1.5, bool: True, list: [], Sequence: [], dict: {}}[get_origin(kind) or kind]


def chat(**changes):
    return ChatResponse.from_dict(CHAT | changes)


# Absence


def test_absent_field_reads_as_none_and_is_not_sent():
    reply = chat()
    assert reply.done_reason is reply.logprobs is reply.eval_count is reply.message.thinking is None
    assert reply.to_dict() == CHAT | {"created_at": "2026-11-21T11:20:08.233638+00:00"}


def test_null_reads_as_absent_where_a_field_is_optional():
    assert chat(done_reason=None, eval_count=None) == chat()


@pytest.mark.parametrize("model", CLASSES, ids=lambda model: model.__name__)
def test_null_is_the_empty_list_in_every_list_field(model):
    for field in document_fields(model):
        if get_origin(CODEC.field_type(field)) is list:
            read = model.from_dict(least_data(model) | {wire_name(field): None})
            assert getattr(read, field.name) == []
            assert model.from_dict(read.to_dict()) == read


def test_null_item_of_a_list_is_not_an_empty_list():
    with pytest.raises(DecodeError) as error:
        EmbedResponse.from_dict({"embeddings": [[0.1], None]})
    assert error.value.where == "embeddings[1]"


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (ChatResponse, {"message": {"content": "Hi"}}),
        (GenerateResponse, {"response": "Hi"}),
        (EmbedResponse, {"embeddings": [[0.1]]}),
        (types.ModelList, {"models": [{"name": "m"}]}),
        (types.RunningModelList, {"models": [{"model": "m"}]}),
        (ShowResponse, {"capabilities": ["completion"]}),
        (types.ChatCompletion, {"choices": [{"message": {"content": "Hi"}}]}),
        (types.ChatCompletionChunk, {"choices": [{"delta": {"content": "Hi"}}]}),
        (types.Completion, {"choices": [{"text": "Hi"}]}),
        (types.V1EmbeddingList, {"data": [{"embedding": [0.1]}]}),
        (types.V1ModelList, {"data": [{"id": "m"}]}),
        (types.ResponseObject, {"output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}]}),
        (MessagesResponse, {"content": [{"type": "text", "text": "Hi"}]}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_reply_needs_only_what_was_asked_for(model, data):
    read = model.from_dict(data)
    assert model.from_dict(read.to_dict()) == read
    for name in data:
        with pytest.raises(DecodeError, match="missing") if name != "capabilities" else contextlib.nullcontext():
            model.from_dict({key: value for key, value in data.items() if key != name})


def test_missing_role_reads_as_that_of_the_model():
    assert ChatResponse.from_dict({"message": {"content": "Hi"}}).message == Message(role="assistant", content="Hi")
    choice = {"message": {"content": "Hi", "role": None}}
    assert types.ChatCompletion.from_dict({"choices": [choice]}).choices[0].message.role == "assistant"


@pytest.mark.parametrize("written", ["", "yesterday", 1767322800, [], {}, "0000-00-00T00:00:00Z", 10**30, True])
def test_unreadable_time_reads_as_none_and_is_kept(written):
    reply = chat(created_at=written)
    assert reply.created_at is None
    assert reply.additional_properties == {"created_at": written}
    assert ChatResponse.from_dict(reply.to_dict()) == reply


@pytest.mark.parametrize("written", ["", "1", 1.5, 1.0, True, [], {}])
def test_unreadable_number_reads_as_none_and_is_kept(written):
    reply = chat(eval_count=written, x_mood="good")
    assert reply.eval_count is None
    assert reply.additional_properties == {"eval_count": written, "x_mood": "good"}
    assert ChatResponse.from_dict(reply.to_dict()) == reply


def test_time_with_a_fraction_does_not_cost_the_reply():
    choice = {"message": {"content": "Hi"}, "finish_reason": "stop"}
    reply = types.ChatCompletion.from_dict(
        {"choices": [choice], "created": 1767322800.5, "usage": {"total_tokens": 3.0}}
    )
    assert (reply.created, reply.additional_properties) == (None, {"created": 1767322800.5})
    assert (reply.usage.total_tokens, reply.usage.additional_properties) == (None, {"total_tokens": 3.0})


def test_required_field_is_required_in_python_too():
    with pytest.raises(TypeError, match="role"):
        Message()
    with pytest.raises(TypeError, match="roll"):
        Message(roll="user")
    with pytest.raises(TypeError):
        Message("user")


# Unknown fields


def test_an_unknown_field_is_kept_and_sent_back():
    new = {"deep": [1, None, {"er": True}]}
    reply = chat(new=new, newer=None, message={"role": "assistant", "content": "Hi", "x_mood": "good"})
    assert reply.additional_properties == {"new": new, "newer": None}
    assert reply.message.additional_properties == {"x_mood": "good"}
    sent = reply.to_dict()
    assert (sent["new"], sent["newer"], sent["message"]["x_mood"]) == (new, None, "good")


def test_a_json_field_may_be_named_like_an_attribute():
    reply = chat(additional_properties=1, metrics="fast")
    assert reply.additional_properties == {"additional_properties": 1, "metrics": "fast"}
    assert reply.to_dict()["additional_properties"] == 1


def test_replies_share_no_mutable_state():
    one, other = chat(), chat()
    one.additional_properties["x"] = 1
    assert other.additional_properties == {}


# Wrong types


def decoded(model, data):
    """The model, or the error in its place."""
    try:
        return model.from_dict(data)
    except DecodeError as exc:
        return exc


ODD = [5, -1.5, "odd", "", True, [], ["odd"], [5], {}, {"odd": 5}, [{}]]


@pytest.mark.parametrize("model", CLASSES, ids=lambda model: model.__name__)
def test_odd_metadata_reads_as_absent_and_odd_content_is_refused(model):
    least = least_data(model)
    absent = model.from_dict(least)
    for field in document_fields(model):
        if field.default is attrs.NOTHING:
            continue
        name = wire_name(field)
        for odd in ODD:
            read = decoded(model, least | {name: odd})
            if isinstance(read, DecodeError):
                assert "content" in field.metadata
                assert read.where.startswith(name)
                continue
            if name in read.additional_properties:
                assert "content" not in field.metadata
                assert read.additional_properties == {name: odd}
                assert getattr(read, field.name) == getattr(absent, field.name)
                assert read[name] == odd
                assert read.keys().count(name) == 1
            else:
                assert read.additional_properties == {}
            assert model.from_dict(read.to_dict()) == read


def test_what_was_asked_for_is_content_where_it_may_be_absent():
    for model, name in (
        (Message, "content"),
        (Message, "thinking"),
        (Message, "tool_calls"),
        (ChatResponse, "logprobs"),
        (GenerateResponse, "thinking"),
        (GenerateResponse, "context"),
        (types.ChatCompletionMessage, "content"),
        (types.ChatCompletionDelta, "reasoning"),
        (types.ChatCompletionChoice, "logprobs"),
        (types.SystemOneAnswer, "noul"),
        (types.ModelSummary, "name"),
    ):
        with pytest.raises(DecodeError) as error:
            model.from_dict(least_data(model) | {name: True})
        assert error.value.where == name


def test_odd_metadata_does_not_hide_what_fits():
    reply = chat(model=5, done_reason=[], eval_count=3, x_mood="good")
    assert (reply.model, reply.done_reason, reply.eval_count) == (None, None, 3)
    assert reply.additional_properties == {"model": 5, "done_reason": [], "x_mood": "good"}
    call = types.ChatCompletionToolCall.from_dict({"id": 5, "function": {"name": "f", "arguments": "{}"}})
    assert (call.id, call["id"], call.to_dict()["id"]) == ("", 5, 5)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"message": "Hi"}, "message"),
        ({"created_at": "yesterday", "done": "yes", "message": 3}, "message"),
        ({"message": []}, "message"),
        ({"message": {"role": 3}}, "message.role"),
        ({"message": {"role": "a", "content": 3}}, "message.content"),
        ({"message": {"role": "a", "tool_calls": {}}}, "message.tool_calls"),
        ({"message": {"role": "a", "tool_calls": [{}]}}, "message.tool_calls[0].function"),
        (
            {"message": {"role": "a", "tool_calls": [{"function": {"name": "f", "arguments": {}}}, {"function": {"name": "f"}}]}},
            "message.tool_calls[1].function.arguments",
        ),
        (
            {"message": {"role": "a", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}},
            "message.tool_calls[0].function.arguments",
        ),
        ({"logprobs": [{"token": "a", "logprob": -1}, {"token": "b", "logprob": "c"}]}, "logprobs[1].logprob"),
        ({"logprobs": [{"token": "a", "logprob": -1, "top_logprobs": [{"token": 1, "logprob": 0}]}]},
         "logprobs[0].top_logprobs[0].token"),
    ],
)  # fmt: skip
def test_value_of_another_type_is_an_error_with_its_place(changes, where):
    with pytest.raises(DecodeError) as error:
        chat(**changes)
    assert error.value.where == where
    assert where in str(error.value)
    assert error.value.excerpt.startswith('{"model":')


def test_missing_field_is_an_error_that_names_it():
    with pytest.raises(DecodeError, match="missing") as error:
        ChatResponse.from_dict({key: value for key, value in CHAT.items() if key != "message"})
    assert error.value.where == "message"


@pytest.mark.parametrize("data", [None, [], "text", 3, True])
def test_data_that_is_no_object_is_no_model(data):
    with pytest.raises(DecodeError) as error:
        ChatResponse.from_dict(data)
    assert error.value.where == ""


def test_integers_are_accepted_as_floats():
    assert Options.from_dict({"temperature": 1}).temperature == 1


def test_endless_nesting_is_an_error_and_not_a_crash():
    data = {"type": 3}
    for _ in range(3000):
        data = {"properties": {"a": data}}
    with pytest.raises(DecodeError):
        ToolProperty.from_dict(data)
    with pytest.raises(ConfigurationError, match="nested"):
        Message(role="user", additional_properties=data).to_dict()
    rather_deep = []
    for _ in range(300):
        rather_deep = [rather_deep]
    with pytest.raises(DecodeError) as error:
        chat(message=rather_deep)
    assert error.value.where == "message"


# Unions


def blocks(*content):
    return MessagesResponse.from_dict(MESSAGES | {"content": list(content)}).content


def test_union_members_are_distinguished_by_their_type():
    assert blocks({"type": "text", "text": "Hi"}) == [MessagesTextBlock(type="text", text="Hi")]


def test_an_unknown_union_member_is_kept_whole():
    (block,) = blocks({"type": "hologram", "depth": 3})
    assert block == MessagesOtherBlock(type="hologram", additional_properties={"depth": 3})
    assert block.to_dict() == {"type": "hologram", "depth": 3}


@pytest.mark.parametrize(
    ("kind", "event", "other"),
    [
        ("MessagesStreamEvent", {"type": "message_pondered", "why": {}}, types.MessagesOtherEvent),
        ("ResponseStreamEvent", {"type": "response.hologram.delta", "delta": "x", "sequence_number": 3}, types.ResponseOtherEvent),
    ],
)  # fmt: skip
def test_an_unknown_event_is_kept_whole(kind, event, other):
    decoded = codec_of(types.__name__).decode(kind, event)
    assert type(decoded) is other
    assert decoded.to_dict() == event


@pytest.mark.parametrize(
    ("block", "where"),
    [
        ({"type": "text"}, "content[0].text"),
        ({"type": []}, "content[0].type"),
        ({"type": {}}, "content[0].type"),
        ({"type": 5}, "content[0].type"),
        ({"type": None}, "content[0].type"),
        ({}, "content[0].type"),
        ("text", "content[0]"),
    ],
)
def test_invalid_union_member_is_an_error_with_its_place(block, where):
    with pytest.raises(DecodeError) as error:
        blocks(block)
    assert error.value.where == where


# Recursion


def test_model_may_contain_itself():
    schema = {
        "type": "object",
        "properties": {
            "a": {"anyOf": [{"type": ["string", "null"]}, {"type": "array", "items": {"type": "string"}}]},
            "b": {"properties": {"c": {"properties": {"d": {"enum": [1, None]}}}}, "x-new": 1},
        },
        "required": ["a"],
    }
    decoded = ToolProperty.from_dict(schema)
    assert decoded.properties["a"].any_of[0].type == ["string", "null"]
    assert decoded.properties["b"].properties["c"].properties["d"].enum == [1, None]
    assert decoded.to_dict() == schema
    other = ToolProperty.from_dict({"properties": {"a": {"anyOf": [{"type": 3}]}}}).properties["a"].any_of[0]
    assert (other.type, other.additional_properties) == (None, {"type": 3})


# Times


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-21T11:20:08Z", datetime(2026, 11, 21, 11, 20, 8, tzinfo=UTC)),
        ("2026-11-21T11:20:08.1Z", datetime(2026, 11, 21, 11, 20, 8, 100000, tzinfo=UTC)),
        ("2026-11-21T11:20:08.123456789Z", datetime(2026, 11, 21, 11, 20, 8, 123456, tzinfo=UTC)),
        ("2026-11-21T11:20:08.23363819Z", datetime(2026, 11, 21, 11, 20, 8, 233638, tzinfo=UTC)),
        ("2026-11-21T13:20:08.5+02:00", datetime(2026, 11, 21, 11, 20, 8, 500000, tzinfo=UTC)),
        ("2026-11-21T05:50:08-05:30", datetime(2026, 11, 21, 11, 20, 8, tzinfo=UTC)),
        ("2318-03-04T05:06:07.123456789+02:00", datetime(2318, 3, 4, 3, 6, 7, 123456, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2026-11-21t11:20:08z", datetime(2026, 11, 21, 11, 20, 8, tzinfo=UTC)),
        ("2026-11-21T24:00:00Z", datetime(2026, 11, 22, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_go_writes_them(text, time):
    reply = chat(created_at=text)
    assert reply.created_at == time
    assert reply.created_at.tzinfo is not None
    assert ChatResponse.from_dict(reply.to_dict()) == reply


@given(
    st.datetimes(timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))),
)
def test_any_time_comes_back_as_the_same_instant(time):
    reply = chat()
    reply.created_at = time
    assert ChatResponse.from_dict(json.loads(json.dumps(reply.to_dict()))).created_at == time


# Vectors


def test_a_vector_in_base64_is_an_array_of_floats():
    data = {"object": "embedding", "index": 0, "embedding": "AACAPwAAAL8="}
    packed = V1Embedding.from_dict(data)
    assert packed.embedding == array("f", [1.0, -0.5])
    assert packed.to_dict() == data
    assert packed == V1Embedding.from_dict(packed.to_dict()) == pickle.loads(pickle.dumps(packed))


@pytest.mark.parametrize("bad", [None, "0.5", [], {}])
def test_what_is_no_number_in_a_vector_is_named(bad):
    with pytest.raises(DecodeError) as error:
        V1Embedding.from_dict({"object": "embedding", "index": 0, "embedding": [0.5, bad]})
    assert error.value.where == "embedding[1]"
    with pytest.raises(DecodeError) as error:
        EmbedResponse.from_dict({"model": "m", "embeddings": [[0.5], [1, 0.5, bad]]})
    assert error.value.where == "embeddings[1][2]"
    with pytest.raises(DecodeError) as error:
        GenerateResponse.from_dict(
            {"model": "m", "created_at": "2026-01-02T03:04:05Z", "response": "", "done": True, "context": [1, bad]}
        )
    assert error.value.where == "context[1]"


@pytest.mark.parametrize("vector", ["!", "AAAA", 3, None])
def test_invalid_vector_is_an_error(vector):
    with pytest.raises(DecodeError) as error:
        V1Embedding.from_dict({"object": "embedding", "index": 0, "embedding": vector})
    assert error.value.where == "embedding"


# As Python values


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_model_is_slotted_and_documented(cls):
    assert attrs.has(cls)
    assert not hasattr(cls.__new__(cls), "__dict__")
    documented = cls.__doc__
    for attribute in attrs.fields(cls):
        assert attribute.name == "additional_properties" or f"{attribute.name}:" in documented


def test_a_misspelt_attribute_is_an_error():
    with pytest.raises(AttributeError):
        chat().mesage = 1


def test_equality_is_by_class_and_content():
    assert chat() == chat()
    assert chat() != chat(done=True)
    assert chat() != chat(new=1)
    assert chat().message != {"role": "assistant", "content": "Hi"}
    generate = GenerateResponse(model="m", created_at=chat().created_at, response="", done=True)
    assert generate != chat(model="m")


def test_models_copy_and_pickle():
    call = ToolCall(function=ToolCallFunction(name="f", arguments={"a": [1]}), additional_properties={"n": 1})
    message = Message(role="assistant", tool_calls=[call])
    for same in (copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert same == message
    deep = copy.deepcopy(message)
    deep.tool_calls[0].function.arguments["a"].append(2)
    assert message.tool_calls[0].function.arguments == {"a": [1]}
    assert attrs.evolve(message, role="user").role == "user"


def test_repr_shows_present_fields():
    assert repr(Message(role="user", content="Hi")) == "Message(role='user', content='Hi')"
    assert repr(Message(role="user", content="Hi", additional_properties={"n": 1})).endswith(
        "additional_properties={'n': 1})"
    )


def test_the_repr_shortens_long_values():
    assert len(repr(EmbedResponse(model="m", embeddings=[[0.123456789] * 4096] * 64))) <= 300
    assert len(repr(Message(role="user", images=["QUJD" * 100_000]))) <= 300
    vocabulary = list(range(100_000))
    info = {f"general.{number}": vocabulary for number in range(200)}
    details = types.ModelDetails.from_dict(
        {"parent_model": "", "format": "", "family": "", "families": [], "parameter_size": "", "quantization_level": ""}
    )
    assert len(repr(ShowResponse(details=details, modelfile="x" * 100_000, model_info=info))) <= 300


def test_a_method_of_pydantic_is_named_as_it_is_here():
    with pytest.raises(AttributeError, match=r"has no attribute 'model_dump'; use to_dict\(\)"):
        Message(role="user").model_dump()
    with pytest.raises(AttributeError, match=r"has no attribute 'model_dump_json'; use to_json\(\)"):
        Message(role="user").model_dump_json()
    assert not hasattr(Message(role="user"), "frobnicate")


def test_model_with_an_image_is_json_with_base64(tmp_path):
    (tmp_path / "p.png").write_bytes(b"abc")
    message = Message(role="user", images=[b"abc", tmp_path / "p.png", "YWJj"])
    assert message.to_dict()["images"] == ["YWJj"] * 3
    with pytest.raises(ConfigurationError, match=r"images\[0\]"):
        Message(role="user", images=[tmp_path / "no.png"]).to_dict()


# Metrics


def test_metrics_are_computed_from_nanoseconds():
    metrics = chat(
        done=True,
        total_duration=5_000_000_000,
        load_duration=1_000_000_000,
        prompt_eval_count=40,
        prompt_eval_cached_count=30,
        prompt_eval_duration=500_000_000,
        eval_count=60,
        eval_duration=3_000_000_000,
    ).metrics
    assert (metrics.total_seconds, metrics.load_seconds) == (5.0, 1.0)
    assert (metrics.prompt_tokens, metrics.cached_prompt_tokens, metrics.prompt_seconds) == (40, 30, 0.5)
    assert metrics.prompt_tokens_per_second == 20.0
    assert (metrics.tokens, metrics.seconds, metrics.tokens_per_second) == (60, 3.0, 20.0)


def test_metrics_are_none_where_the_server_sent_no_counters():
    assert set(attrs.asdict(chat().metrics).values()) == {None}
    assert chat(eval_count=0, eval_duration=0).metrics.tokens_per_second is None
    assert chat(prompt_eval_count=3, prompt_eval_cached_count=0).metrics.prompt_tokens_per_second is None


def test_prompt_rate_is_unknown_without_the_cached_count():
    counters = {"prompt_eval_count": 3800, "prompt_eval_duration": 1_000_000_000}
    assert chat(**counters).metrics.prompt_tokens_per_second is None
    assert chat(**counters, prompt_eval_cached_count=0).metrics.prompt_tokens_per_second == 3800
    assert chat(**counters, prompt_eval_cached_count=3700).metrics.prompt_tokens_per_second == 100


# Any value of any model


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=5,
)  # fmt: skip
TEXT = st.text(max_size=20)
COUNT = st.integers(-(2**63), 2**63 - 1)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)


def values_of(cls, **fields):
    """Models with any of these fields set, and unknown ones."""
    known = {wire_name(attribute) for attribute in attrs.fields(cls)}
    others = st.dictionaries(TEXT.filter(lambda name: name not in known), JSON, max_size=2)
    optional = {a.name for a in attrs.fields(cls) if a.default is None}
    given_or_not = {name: st.none() | part if name in optional else part for name, part in fields.items()}
    return st.builds(cls, **given_or_not, additional_properties=others)


OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
CALL = values_of(
    ToolCall, function=values_of(ToolCallFunction, name=TEXT, arguments=OBJECT, index=COUNT), id=TEXT
)  # fmt: skip
MESSAGE = st.builds(
    Message,
    role=TEXT,
    content=TEXT,
    thinking=st.none() | TEXT,
    images=st.none() | st.lists(TEXT, max_size=2),
    tool_calls=st.none() | st.lists(CALL, max_size=2),
    tool_name=st.none() | TEXT,
)
LOGPROB = values_of(
    types.Logprob,
    token=TEXT,
    logprob=NUMBER,
    bytes=st.lists(st.integers(0, 255), max_size=3),
    top_logprobs=st.lists(values_of(types.TokenLogprob, token=TEXT, logprob=NUMBER), max_size=2),
)
TIME = st.datetimes(timezones=st.just(UTC))
PROPERTY = st.deferred(
    lambda: values_of(
        ToolProperty,
        type=TEXT | st.lists(TEXT, max_size=2),
        description=TEXT,
        enum=st.lists(JSON, max_size=2),
        properties=st.dictionaries(TEXT, PROPERTY, max_size=1),
        any_of=st.lists(PROPERTY, max_size=1),
    )
)
ANY_MODEL = st.one_of(
    MESSAGE,
    PROPERTY,
    LOGPROB,
    values_of(
        ChatResponse,
        model=TEXT,
        created_at=TIME,
        message=MESSAGE,
        done=st.booleans(),
        logprobs=st.lists(LOGPROB, max_size=1),
        eval_count=COUNT,
    ),
    values_of(Options, seed=COUNT, temperature=NUMBER, stop=st.lists(TEXT, max_size=2), use_mmap=st.booleans()),
    values_of(
        MessagesResponse,
        id=TEXT,
        type=TEXT,
        role=TEXT,
        model=TEXT,
        usage=values_of(types.MessagesUsage, input_tokens=COUNT, output_tokens=COUNT),
        content=st.lists(
            values_of(MessagesTextBlock, type=st.just("text"), text=TEXT)
            | values_of(types.MessagesToolUseBlock, type=st.just("tool_use"), id=TEXT, name=TEXT, input=OBJECT)
            | values_of(MessagesOtherBlock, type=TEXT.filter(lambda text: "_" not in text and text not in {"text", "image", "thinking"})),
            max_size=2,
        ),
    ),
    values_of(EmbedResponse, model=TEXT, embeddings=st.lists(st.lists(NUMBER, max_size=3), max_size=2)),
    values_of(ShowResponse, details=st.just(types.ModelDetails(
        parent_model="", format="gguf", family="llama", families=["llama"], parameter_size="1B", quantization_level="Q4_0")),
        model_info=OBJECT, messages=st.lists(MESSAGE, max_size=1), modified_at=TIME),
)  # fmt: skip


@examples(120)
@given(ANY_MODEL)
def test_any_model_survives_a_round_trip_through_json(model):
    data = json.loads(json.dumps(model.to_dict()))
    assert json.loads(model.to_json()) == data
    assert type(model).from_dict(data) == model
    assert type(model).from_dict(data).to_dict() == data


@examples(120)
@given(
    st.sampled_from(CLASSES),
    JSON | st.dictionaries(st.sampled_from(["type", "role", "model", "content", "message", "done"]), JSON),
)
def test_any_json_is_a_model_or_a_decode_error(cls, data):
    with contextlib.suppress(DecodeError):
        model = cls.from_dict(data)
        assert cls.from_dict(model.to_dict()) == model


@given(st.data())
def test_any_value_in_any_place_is_a_model_or_a_placed_error(data):
    reply = copy.deepcopy(
        CHAT | {"message": {"role": "a", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}}
    )
    place = reply
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place)))))
        if isinstance(place[key], (dict, list)) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(JSON)
        break
    where = None
    try:
        ChatResponse.from_dict(reply)
    except DecodeError as error:
        where = error.where
    assert where is None or str(key) in where
