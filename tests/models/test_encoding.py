"""The quick way of encoding a request and the walk by annotation send the same bytes, or refuse with the same error."""

from __future__ import annotations

import collections
import dataclasses
import enum
import json
import math
import re
import sys
import types
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_sdk import ConfigurationError
from ollama_sdk._codec import codec_of, dumps
from ollama_sdk.types import Message, Options, ToolCall, ToolCallFunction

CODEC = codec_of("ollama_sdk._generated.models")


class Word(enum.StrEnum):
    ONE = "one"


class Count(enum.IntEnum):
    ONE = 1


class Plain(enum.Enum):
    ONE = "one"


class Half(float):
    pass


class Text(str):
    __slots__ = ()


@dataclasses.dataclass
class Point:
    x: int = 1


class Pair(NamedTuple):
    a: int
    b: int


# Values that orjson would send although the walk refuses or changes them, and others that only the walk knows.
ODD = [
    Word.ONE, Count.ONE, Plain.ONE, Half(1.5), Half("nan"), Text("text"), Point(), Pair(1, 2), (1, "a"), {1, 2}, math.nan,
    -math.inf, 2**64, -(2**63) - 1, 10**40, uuid.UUID(int=1), datetime(2026, 1, 2, tzinfo=UTC), Decimal(1), b"bytes",
    bytearray(b"b"), Path("missing.png"), "\ud800", object, 1j, range(3), orjson.Fragment(b"1"), collections.OrderedDict(a=1),
    collections.UserList([1]), types.MappingProxyType({"a": None}), Message(role="user", content="Hi", images=[b"png"]),
    Message(role="assistant", tool_calls=[ToolCall(function=ToolCallFunction(name="f", arguments={"id": 10**40}))]),
    Options(seed=2**65), {1: 2}, {Text("a"): 1}, {"role": "user", "content": None, "unknown": None},
]  # fmt: skip
NAMES = st.sampled_from(
    ["role", "content", "images", "tool_calls", "function", "arguments", "type", "unknown", "", "\udc97"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from(ODD),
    lambda parts: (
        st.lists(parts, max_size=3) | st.tuples(parts) | st.dictionaries(NAMES | st.integers(0, 1), parts, max_size=3)
    ),
    max_leaves=8,
)
KINDS = [
    "list[Message]",
    "Message",
    "Options",
    "dict[str, Any]",
    "list[Base64]",
    "JSONSchema",
    "str | list[str]",
    "Any",
]


def outcome(encode):
    try:
        return encode()
    except ConfigurationError as exc:
        return str(exc)


def quick(fields, extra=types.MappingProxyType({})):
    return outcome(lambda: CODEC.encode_object(fields, extra, "extra_body"))


def walked(fields, extra=types.MappingProxyType({})):
    def encode():
        data = {name: CODEC.encode_argument(kind, value, path) for name, kind, value, path in fields}
        return dumps(data | CODEC.encode("Any", extra, "extra_body"))

    return outcome(encode)


@given(st.lists(st.tuples(st.sampled_from(KINDS), VALUES), max_size=3), st.dictionaries(NAMES, VALUES, max_size=2))
def test_quick_way_and_walk_give_the_same_bytes_or_error(arguments, extra):
    fields = [(f"a{i}", kind, value, f"a{i}") for i, (kind, value) in enumerate(arguments)]
    one, other = quick(fields, extra), walked(fields, extra)
    if isinstance(one, str) and isinstance(other, str):  # of several faults in one value, either may be named
        one, other = (re.match(r"\w*(\.\w+)?", each)[0] for each in (one, other))
    assert one == other


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("kind", KINDS)
def test_each_odd_value_is_sent_or_refused_as_by_the_walk(kind, value):
    if kind == "dict[str, Any]" and isinstance(value, Options):
        # Once read, the fields of a model in a free-form object are free-form, too: an integer of any size is sent.
        assert quick([("a", kind, value, "a")]) == b'{"a":{"seed":36893488147419103232}}'
        return
    for nested in (value, [value], {"a": value}, [{"content": "Hi", "role": value}]):
        fields = [("a", kind, nested, "a")]
        assert quick(fields) == walked(fields)


def test_first_fault_in_the_order_of_arguments_is_named():
    fields = [("a", "Any", ["\ud800", {1: 2}], "a"), ("b", "Any", object(), "b")]
    assert quick(fields).startswith("a[1]: the key 1")


def test_integers_of_any_size_are_sent_exactly_in_tool_arguments():
    call = {"function": {"name": "f", "arguments": {"ids": [10**30, -(10**30)]}}}
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    for sent in (message, Message.from_dict(message)):
        assert json.loads(quick([("messages", "list[Message]", [sent], "messages")])) == {"messages": [message]}
    assert "a.seed cannot be sent as JSON" in quick([("a", "Options", {"seed": 2**65}, "a")])


def test_shared_plain_data_is_never_handed_out():
    message = Message(role="assistant", content="", additional_properties={"list": [1]})
    message.to_dict()["list"].append(2)
    assert message.additional_properties == {"list": [1]}


def test_plain_history_costs_few_calls_a_message():
    calls = 0

    def count(_frame, event, _):
        nonlocal calls
        calls += event == "call"

    def encode(messages):
        nonlocal calls
        calls = 0
        sys.setprofile(count)
        try:
            CODEC.encode_object([("messages", "list[Message]", messages, "messages")], {}, "extra_body")
        finally:
            sys.setprofile(None)
        return calls

    plain, model = [{"role": "user", "content": "Hi"}] * 100, Message(role="user", content="Hi")
    encode([model])  # what is compiled at its first use is compiled now
    assert encode(plain) < 550  # five a message are those of the check against the document
    # Messages that need the walk do not make the others need it.
    assert encode([*plain, model]) < 900  # the walk of all: 1,500
