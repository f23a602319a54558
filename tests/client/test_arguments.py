"""Arguments: what callers may give, what is sent, and what is refused before anything is sent."""

from __future__ import annotations

import base64
import collections
import enum
import math
import tempfile
import types
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path

import pydantic
import pytest

from ollama_sdk import AsyncOllama, ConfigurationError, Ollama
from ollama_sdk._generated.operations import OPERATIONS
from ollama_sdk.types import (
    Message,
    Options,
    Tool,
    ToolCall,
    ToolCallFunction,
    ToolFunction,
    ToolParameters,
    ToolProperty,
)
from tests.support.document_values import arguments_of

pytestmark = pytest.mark.anyio
USER = {"role": "user", "content": "Hi"}
PICTURE = b"\x89PNG\x00\xff"
PICTURE_TEXT = base64.b64encode(PICTURE).decode()


class Answer(pydantic.BaseModel):
    """An answer in a form."""

    city: str
    people: int | None = None


class PlainSchema:
    @classmethod
    def model_json_schema(cls):
        return {"type": "object"}


@pytest.fixture
def client(server):
    with Ollama(server.url) as client:
        yield client


@pytest.fixture
def refused(client, server):
    """The message of the refusal of a chat; nothing may have been sent."""

    def call(messages=(USER,), **arguments):
        with pytest.raises(ConfigurationError) as error:
            client.chat("llama3.2", list(messages), **arguments)
        assert not server.requests
        return str(error.value)

    return call


# Names and places


def test_required_arguments_go_by_position_or_by_name(client, server):
    client.chat("llama3.2", [USER])
    by_position = server.last.body
    client.chat(messages=[USER], model="llama3.2")
    assert server.last.body == by_position
    assert server.last.json == {"model": "llama3.2", "messages": [USER], "stream": False}


def test_optional_arguments_go_by_name_only(client, server):
    with pytest.raises(TypeError):
        client.chat("llama3.2", [USER], [])
    assert not server.requests


@pytest.mark.parametrize("wrong", ["temperature", "Model", "stop", "from"])
async def test_a_wrong_argument_name_is_pythons_own_type_error(client, server, wrong):
    with pytest.raises(TypeError, match=wrong):
        client.chat("llama3.2", [USER], **{wrong: 1})
    async with AsyncOllama(server.url) as async_client:
        with pytest.raises(TypeError, match=wrong):
            await async_client.chat("llama3.2", [USER], **{wrong: 1})
    assert not server.requests


def test_a_missing_argument_is_pythons_own_type_error(client, server):
    with pytest.raises(TypeError, match="model"):
        client.chat(messages=[USER])
    with pytest.raises(TypeError, match="destination"):
        client.copy("llama3.2")
    assert not server.requests


def test_reserved_python_names_lose_their_underscore_on_the_wire(client, server):
    client.create("mine", from_="llama3.2")
    assert server.sent == {"model": "mine", "from": "llama3.2"}


def test_none_is_not_sent(client, server):
    client.chat(
        "llama3.2",
        [{**USER, "images": None}, Message(role="user", content="Hi")],
        tools=None,
        format=None,
        options={"seed": None, "num_ctx": 64},
    )
    assert server.sent == {"model": "llama3.2", "messages": [USER, USER], "options": {"num_ctx": 64}}


def test_false_zero_and_empty_are_sent(client, server):
    client.chat("llama3.2", [], think=False, keep_alive=0, options={}, format="")
    assert server.sent == {
        "model": "llama3.2",
        "messages": [],
        "think": False,
        "keep_alive": 0,
        "options": {},
        "format": "",
    }


def test_none_inside_free_form_data_is_sent(client, server):
    schema = {"enum": [None, "a"], "default": None}
    call = {"function": {"name": "f", "arguments": {"a": None, "b": [None]}}}
    client.chat("llama3.2", [{"role": "assistant", "content": "", "tool_calls": [call]}], format=schema)
    assert server.sent["format"] == schema
    assert server.sent["messages"][0]["tool_calls"] == [call]


async def test_sync_and_async_calls_send_the_same_bytes(client, server):
    arguments = {
        "messages": [{**USER, "images": [PICTURE]}, Message(role="assistant", content="Ho")],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "format": Answer,
        "options": Options(seed=1),
        "extra_headers": {"X-A": "1"},
        "extra_query": {"q": [1, 2]},
        "extra_body": {"new": None},
    }
    client.chat("llama3.2", **arguments)
    async with AsyncOllama(server.url) as async_client:
        await async_client.chat("llama3.2", **arguments)
    one, other = server.requests
    assert (one.line, one.headers, one.body) == (other.line, other.headers, other.body)


# Dicts and models


def test_dicts_and_models_mix_at_every_depth(client, server):
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    function = {"name": "weather", "parameters": parameters}
    in_models = Tool(
        function=ToolFunction(
            name="weather",
            parameters=ToolParameters(
                type="object", properties={"city": ToolProperty(type="string")}, required=["city"]
            ),
        )
    )
    mixed = {"function": ToolFunction(name="weather", parameters=parameters)}
    mixed_again = Tool(
        function={"name": "weather", "parameters": {**parameters, "properties": {"city": ToolProperty(type="string")}}}
    )
    client.chat("llama3.2", [USER, Message(**USER)], tools=[{"function": function}, in_models, mixed, mixed_again])
    assert server.sent["messages"] == [USER, USER]
    assert server.sent["tools"] == [{"function": function}] * 4


@pytest.mark.parametrize("options", [{"seed": 1, "stop": ["a"]}, Options(seed=1, stop=["a"])])
def test_options_are_a_dict_or_a_model(client, server, options):
    client.chat("llama3.2", [USER], options=options)
    assert server.sent["options"] == {"seed": 1, "stop": ["a"]}


def test_an_option_that_the_document_does_not_know_is_sent(client, server):
    client.chat("llama3.2", [USER], options={"brand_new": [1, None]})
    assert server.sent["options"] == {"brand_new": [1, None]}


@pytest.mark.parametrize("kind", [list, tuple, collections.deque, collections.UserList])
def test_any_sequence_will_do(client, server, kind):
    client.chat("llama3.2", kind([USER]), options={"stop": kind(["a", "b"])})
    assert server.sent["messages"] == [USER]
    assert server.sent["options"] == {"stop": ["a", "b"]}


@pytest.mark.parametrize("kind", [dict, collections.OrderedDict, collections.UserDict, types.MappingProxyType])
def test_any_mapping_will_do(client, server, kind):
    client.chat("llama3.2", [kind(USER)], options=kind({"seed": 1}))
    assert server.sent["messages"] == [USER]
    assert server.sent["options"] == {"seed": 1}


class Role(enum.StrEnum):
    USER = "user"


class Count(enum.IntEnum):
    TWO = 2


class Half(float):
    """A float of another class, as numpy's are."""


def test_enumerations_and_number_subclasses_are_sent_as_values(client, server):
    client.chat("llama3.2", [{"role": Role.USER}], options={"seed": Count.TWO, "temperature": Half(0.5)})
    assert server.sent["messages"] == [{"role": "user"}]
    assert server.sent["options"] == {"seed": 2, "temperature": 0.5}


def test_a_time_goes_as_iso_8601(client, server):
    client.chat("llama3.2", [{**USER, "at": datetime(2026, 1, 2, tzinfo=UTC)}])
    assert server.sent["messages"][0]["at"] == "2026-01-02T00:00:00+00:00"


def test_a_conversation_goes_on_with_the_reply_itself(client, server):
    messages = [dict(USER)]
    reply = client.chat("llama3.2", messages)
    messages.append(reply.message)
    messages.append({"role": "user", "content": "Why?"})
    client.chat("llama3.2", messages)
    assert server.sent["messages"] == [
        USER,
        {"role": "assistant", "content": "Because."},
        {"role": "user", "content": "Why?"},
    ]


def test_a_tools_result_goes_back_as_dict_or_model(client, server):
    call = ToolCall(function=ToolCallFunction(name="add", arguments={"a": 1}), id="call_1")
    asked = Message(role="assistant", tool_calls=[call])
    result = {"role": "tool", "content": "2", "tool_name": "add", "tool_call_id": "call_1"}
    client.chat("llama3.2", [asked, result, Message(**result)])
    sent = server.sent["messages"]
    assert sent[1] == sent[2] == result
    assert sent[0]["tool_calls"] == [{"function": {"name": "add", "arguments": {"a": 1}}, "id": "call_1"}]


# Images


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(PICTURE)
    return path


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_an_image_in_bytes_is_sent_as_base64(client, server, kind):
    client.chat("llama3.2", [{**USER, "images": [kind(PICTURE)]}, Message(role="user", images=[kind(PICTURE)])])
    assert [m["images"] for m in server.sent["messages"]] == [[PICTURE_TEXT]] * 2
    client.generate("llama3.2", images=[kind(PICTURE)])
    assert server.sent["images"] == [PICTURE_TEXT]


def test_an_image_at_a_path_is_read_and_sent_as_base64(client, server, picture):
    client.chat("llama3.2", [{**USER, "images": (picture,)}, Message(role="user", images=[picture])])
    assert [m["images"] for m in server.sent["messages"]] == [[PICTURE_TEXT]] * 2
    client.generate("llama3.2", "What is it?", images=[picture, PICTURE, PICTURE_TEXT])
    assert server.sent["images"] == [PICTURE_TEXT] * 3


def test_a_str_is_never_opened_as_a_file(client, server, picture):
    for path in [str(picture), "/etc/passwd", "photo.png", "photo"]:
        with pytest.raises(
            ConfigurationError, match=r"images\[0\] (looks like a path|is not base64); give .*pathlib.Path"
        ):
            client.generate("llama3.2", images=[path])
    assert not server.requests
    client.generate("llama3.2", images=["/etc/abc"])  # base64 too
    assert server.sent["images"] == ["/etc/abc"]


def test_an_image_for_messages_is_encoded_too(client, server, picture):
    source = {"type": "base64", "media_type": "image/png", "data": picture}
    block = {"type": "image", "source": source}
    client.v1.messages.create("llama3.2", [{"role": "user", "content": [{"type": "text", "text": "?"}, block]}], 10)
    assert server.sent["messages"][0]["content"][1]["source"]["data"] == PICTURE_TEXT


def test_missing_image_file_is_refused_before_the_request(refused, client, server, tmp_path):
    missing = tmp_path / "no.png"
    message = refused([USER, USER, {**USER, "images": [missing]}])
    assert "messages[2].images[0]" in message
    assert "no.png" in message
    assert "messages[1].images[1]" in refused([USER, Message(role="user", images=[PICTURE, missing])])
    assert "messages[0].images[0]" in refused([{**USER, "images": [tmp_path]}])
    with pytest.raises(ConfigurationError, match=r"images\[0\].*no\.png"):
        client.generate("llama3.2", images=[missing])
    block = {"type": "image", "source": {"type": "base64", "data": missing}}
    with pytest.raises(ConfigurationError, match=r"messages\[0\]\.content\[0\]\.source\.data"):
        client.v1.messages.create("llama3.2", [{"role": "user", "content": [block]}], 10)
    assert not server.requests


# Structured output


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("json", "json"),
        ({"type": "object"}, {"type": "object"}),
        (Answer, Answer.model_json_schema()),
        (PlainSchema, {"type": "object"}),
    ],
)
def test_format_is_json_or_a_schema_or_a_class_that_has_one(client, server, given, sent):
    client.chat("llama3.2", [USER], format=given)
    assert server.sent["format"] == sent
    client.generate("llama3.2", "Hi", format=given)
    assert server.sent["format"] == sent


def test_v1_methods_accept_a_pydantic_class_as_schema(client, server):
    schema = Answer.model_json_schema()
    client.v1.chat.completions.create(
        "llama3.2",
        [USER],
        response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": Answer}},
    )
    assert server.sent["response_format"]["json_schema"]["schema"] == schema
    client.v1.responses.create(
        "llama3.2",
        "Hi",
        text={"format": {"type": "json_schema", "name": "answer", "schema": Answer}},
        tools=[{"type": "function", "name": "f", "parameters": Answer}],
    )
    assert server.sent["text"]["format"]["schema"] == server.sent["tools"][0]["parameters"] == schema
    client.v1.messages.create("llama3.2", [USER], 10, tools=[{"name": "f", "input_schema": Answer}])
    assert server.sent["tools"][0]["input_schema"] == schema


def test_a_class_without_a_schema_and_an_instance_are_refused(refused):
    assert "format" in refused(format=Ollama)
    assert "Answer" in refused(format=Answer(city="Oslo"))
    assert "messages[0].content" in refused([{"role": "user", "content": Answer}])


# What is of another kind

_REFUSED = {
    "text": ("hello", "messages is a str; give a list of messages"),
    "a message": (USER, "messages is a dict; give a list of messages"),
    "a list in it": ([[USER]], "messages[0] is a list; give a dict or a Message"),
    "text in it": ([USER, "x"], "messages[1] is a str; give a dict or a Message"),
    "None in it": ([None], "messages[0] is None; give a dict or a Message"),
    "no role": ([{"content": "x"}], "messages[0] has no 'role'; give a dict or a Message with one"),
    "no text": ([{**USER, "content": 5}], "messages[0].content is an int; give a str"),
    "parts": ([{**USER, "content": [{"type": "text", "text": "x"}]}],
              "messages[0].content is a list; give a str (content parts are for the /v1 methods; here images= takes pictures)"),
    "a model's content": ([Message(role="user", content=["x"])], "messages[0].content is a list; give a str"),
    "a tuple": (({"role": 1},), "messages[0].role is an int; give a str"),
    "images as text": ([{**USER, "images": "x"}], "messages[0].images is a str; give a list of images"),
    "a path as text": ([{**USER, "images": ["photo.png"]}],
                       "messages[0].images[0] looks like a path; give pathlib.Path('photo.png')"),
    "a data URL": ([{**USER, "images": ["data:image/png;base64,AAAA"]}],
                   "messages[0].images[0] is a data URL; give only the base64 text after its comma"),
    "arguments as text": ([{**USER, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}],
                          "messages[0].tool_calls[0].function.arguments is a str; give a dict"),
}  # fmt: skip


@pytest.mark.parametrize(("messages", "said"), _REFUSED.values(), ids=_REFUSED)
async def test_a_value_of_another_kind_is_refused_with_what_to_give(client, server, messages, said):
    with pytest.raises(ConfigurationError) as error:
        client.chat("llama3.2", messages)
    assert str(error.value) == said
    async with AsyncOllama(server.url) as async_client:
        with pytest.raises(ConfigurationError, match="messages"):
            await async_client.chat("llama3.2", messages)
    assert not server.requests


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda client: client.generate("m", ["x"]), "prompt is a list; give a str"),
        (lambda client: client.generate(5, "x"), "model is an int; give a str"),
        (lambda client: client.generate("m", b"x"), "prompt is bytes, which cannot be sent as JSON; give a str"),
        (lambda client: client.generate(None, "x"), "generate: model is None; it is required"),
        (lambda client: client.copy("m", None), "copy: destination is None; it is required"),
        (lambda client: client.embed("m", 5), "input is an int; give a str or a list of str"),
        (lambda client: client.embed("m", [["x"]]), "input[0] is a list; give a str"),
        (lambda client: client.chat("m", [], options=[1]), "options is a list; give a dict or an Options"),
        (lambda client: client.chat("m", [], options={"seed": "x"}), "options.seed is a str; give an int"),
        (lambda client: client.chat("m", [], options={"seed": True}), "options.seed is a bool; give an int"),
        (lambda client: client.chat("m", [], format=5), "format is an int; give 'json' or a JSON schema"),
        (lambda client: client.chat("m", [], tools="x"), "tools is a str; give a list of tools"),
        (lambda client: client.v1.messages.create("m", [USER], "10"), "max_tokens is a str; give an int"),
        (lambda client: client.v1.messages.create("m", "x", 10), "messages is a str; give a list of messages"),
        (lambda client: client.v1.chat.completions.create("m", [{**USER, "content": [{"text": "x"}]}]),
         "messages[0].content[0] has no 'type'; give a dict or a ChatCompletionTextPart"),
        (lambda client: client.v1.audio.transcriptions.create("m", "x.wav"),
         "file is a str; give bytes, a pathlib.Path or a file opened in binary mode"),
        (lambda client: client.chat("m", [], extra_query={"f": {"a": 1}}),
         "extra_query.f holds a dict; give a str, a number, True or False, or a list of these"),
        (lambda client: client.version(extra_query={"f": [[1]]}),
         "extra_query.f holds a nested value; give a str, a number, True or False, or a list of these"),
    ],
)  # fmt: skip
def test_every_method_refuses_by_the_kinds_of_its_arguments(client, server, call, said):
    with pytest.raises(ConfigurationError) as error:
        call(client)
    assert str(error.value) == said
    assert not server.requests


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda client: client.chat("m", [USER, client.chat("m", [])]), "messages[1] is a ChatResponse; give its .message"),
        (lambda client: client.v1.chat.completions.create("m", [client.v1.chat.completions.create("m", [])]),
         "messages[0] is a ChatCompletion; give its .choices[0].message"),
        (lambda client: client.v1.responses.create("m", [client.v1.responses.create("m", "x")]),
         "input[0] is a ResponseObject; give the items of its .output"),
        (lambda client: client.v1.messages.create("m", [client.v1.messages.create("m", [], 1)], 1),
         "messages[0] is a MessagesResponse; give a dict or a MessagesMessage"),
    ],
)  # fmt: skip
def test_a_reply_where_a_message_is_due_is_refused(client, server, call, said):
    with pytest.raises(ConfigurationError) as error:
        call(client)
    assert str(error.value) == said
    assert len(server.requests) == 1


def test_a_stream_where_a_message_is_due_is_not_read(client, server):
    with client.chat("m", [USER], stream=True) as stream:
        with pytest.raises(ConfigurationError, match=r"messages\[0\] is a Stream.* collect\(\)"):
            client.chat("m", [stream])
        assert stream.collect().message.content == "Because."


def test_unknown_fields_and_tags_are_for_the_server_to_judge(client, server):
    parts = [{"type": "text", "text": "x"}, {"type": "hologram", "depth": 3}]
    client.v1.chat.completions.create("m", [{**USER, "content": parts, "new": 1}])
    assert server.sent["messages"] == [{**USER, "content": parts, "new": 1}]
    client.chat("m", [{"role": "oracle", "content": "x"}], think="ultra")
    assert server.sent["think"] == "ultra"


class Array:
    """What NumPy's and torch's arrays and numbers have in common."""

    def __init__(self, value):
        self._value = value

    def tolist(self):
        return self._value


def test_arrays_and_generators_are_sent_as_what_they_hold(client, server, picture, monkeypatch):
    monkeypatch.setitem(server.answers, "/api/embed", {"embeddings": [[0.5], [0.5]]})
    client.embed("m", Array(["a", "b"]))
    assert server.sent["input"] == ["a", "b"]
    client.embed("m", (text for text in "ab"))
    assert server.sent["input"] == ["a", "b"]
    client.embed("m", {"x": "a", "y": "b"}.values(), options={"seed": Array(3), "temperature": Array(0.5)})
    assert server.sent == {"model": "m", "input": ["a", "b"], "options": {"seed": 3, "temperature": 0.5}}
    client.chat("m", map(dict, [USER]), options={"stop": Array(["x"])})
    assert (server.sent["messages"], server.sent["options"]) == ([USER], {"stop": ["x"]})
    client.generate("m", images=(path for path in [picture]))
    assert server.sent["images"] == [PICTURE_TEXT]


def test_an_array_is_refused_by_its_own_name(refused):
    assert refused([{**USER, "images": [Array([1])]}]).startswith("messages[0].images[0] is an Array; give bytes")
    assert refused(options={"seed": Array([1, math.nan])}).startswith("options.seed[1] is nan")
    assert refused(tools=(part for part in [1])) == "tools[0] is an int; give a dict or a Tool"


class Tensor:
    """As torch's: it has ``item()``, and ``tolist()`` of one number is a number. Sparse and meta tensors refuse that."""

    def __init__(self, value):
        self._value = value

    def item(self):
        return self.tolist()

    def tolist(self):
        if isinstance(self._value, Exception):
            raise self._value
        return self._value

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("needs NumPy, which torch itself does not need")

    def __len__(self):
        return len(self._value)  # a TypeError for one number

    def __iter__(self):
        return map(Tensor, self._value)

    def __bool__(self):
        return bool(self.item())


def test_tensors_are_sent_as_their_numbers(client, server, refused):
    options = {"temperature": Tensor(0.5), "seed": Tensor(3), "penalize_newline": Tensor(True)}
    client.chat("m", [USER], options=options, think=Tensor(True), keep_alive=Tensor(3))
    assert server.sent["options"] == {"temperature": 0.5, "seed": 3, "penalize_newline": True}
    assert (server.sent["think"], server.sent["keep_alive"]) == (True, 3)
    arguments = {"n": Tensor(1), "rows": Tensor([[1.0, 0.0]]), "deep": [{"x": Tensor(0.5)}]}
    call = {"function": {"name": "f", "arguments": arguments}}
    client.chat("m", [{"role": "assistant", "content": "", "tool_calls": [call]}])
    sent = server.sent["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert sent == {"n": 1, "rows": [[1.0, 0.0]], "deep": [{"x": 0.5}]}
    client.embed("m", "x", dimensions=Tensor(3))
    assert server.sent["dimensions"] == 3
    server.requests.clear()
    assert refused([{**USER, "content": Tensor(3)}]) == "messages[0].content is a Tensor; give a str"
    assert refused(options={"temperature": Tensor(math.inf)}).startswith("options.temperature is inf")


@pytest.mark.parametrize("error", [RuntimeError("no storage"), NotImplementedError("no data"), TypeError("nested")])
def test_a_tensor_that_gives_no_values_is_named(refused, error):
    said = refused(options={"stop": Tensor(error)})
    assert said == f"options.stop is a Tensor, whose values cannot be read: {error}"


def test_an_opened_binary_file_is_an_image(client, server, picture, refused):
    with picture.open("rb") as file:
        client.generate("m", images=[file])
    assert server.sent["images"] == [PICTURE_TEXT]
    server.requests.clear()
    with picture.open() as file:
        assert "binary mode" in refused([{**USER, "images": [file]}])


def test_a_file_that_was_read_before_is_not_sent_as_nothing(client, server, picture, refused):
    with picture.open("rb") as file:
        file.read()
        assert refused([{**USER, "images": [file]}]).startswith(
            "messages[0].images[0] is a file with nothing left to read: call its seek(0)"
        )
        for send in (
            lambda: client.v1.audio.transcriptions.create("m", file),
            lambda: client.upload_blob(content=file),
        ):
            with pytest.raises(ConfigurationError, match=r"is a file with nothing left to read: call its seek\(0\)"):
                send()
    assert not server.requests


class WebFile:
    """A file of a web framework, which is read with ``await``."""

    async def read(self, size=-1):
        raise AssertionError(size)


def test_a_file_that_does_not_give_bytes_is_refused(client, server, tmp_path, refused):
    with tempfile.NamedTemporaryFile("w+", dir=tmp_path) as text:  # a wrapper, and no TextIOBase
        for file, kind in ((text, "str"), (WebFile(), "coroutine")):
            assert f"whose read() gives a {kind}; give bytes" in refused([{**USER, "images": [file]}])
            with pytest.raises(ConfigurationError, match=f"file is a .*, whose read\\(\\) gives a {kind}"):
                client.v1.audio.transcriptions.create("m", file)
    assert not server.requests


def test_what_is_left_of_a_generator_is_never_sent(client, server, refused, picture):
    """A fault behind what was read from it once would otherwise be lost with the rest."""
    assert refused_of(client.chat, "m", (part for part in [USER, object()])).startswith("messages[1] is an object")
    assert refused_of(client.embed, "m", (part for part in ["a", object()])).startswith("input[1] is an object")
    extra = {"new": (part for part in [1, object()])}
    assert refused_of(client.embed, "m", "a", extra_body=extra).startswith("extra_body.new[1] is an object")
    with picture.open("rb") as file:
        assert refused([{**USER, "images": [file]}], options={"x": object()}).startswith("options.x is an object")

    def broken():
        yield USER
        raise TypeError("the caller's own")

    with pytest.raises(TypeError, match="the caller's own"):
        client.chat("m", broken())
    assert not server.requests


def refused_of(method, *arguments, **options):
    with pytest.raises(ConfigurationError) as error:
        method(*arguments, **options)
    return str(error.value)


def test_views_of_a_dict_are_sent_as_lists(client, server):
    client.embed("m", {"a": "b"}.keys())
    assert server.sent["input"] == ["a"]
    client.embed("m", {"a": "b"}.values())
    assert server.sent["input"] == ["b"]


# What cannot be sent


HOLDS_ITSELF = []
HOLDS_ITSELF.append(HOLDS_ITSELF)
DEEP = []
for _ in range(5000):
    DEEP = [DEEP]
RATHER_DEEP = []
for _ in range(300):
    RATHER_DEEP = [RATHER_DEEP]


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {object()},
        math.nan,
        math.inf,
        -math.inf,
        Half("nan"),
        2**64,
        -(2**63) - 1,
        "\ud800",
        b"bytes",
        Path("x.png"),
        1j,
        range,
        {1: 2},
        {"\ud800": 1},
        RATHER_DEEP,
        enum.Enum("Other", ["ONE"]).ONE,
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_that_is_not_json_is_refused_by_its_path(refused, value):
    assert refused([USER, {**USER, "content": value}]).startswith("messages")
    assert "options.seed" in refused(options={"seed": value})
    assert refused(format={"a": [{"b": value}]}).startswith("format")
    assert refused(tools=[Tool(function=ToolFunction(name="f"), additional_properties={"x": value})]).startswith(
        "tools[0].x"
    )
    assert refused(extra_body={"new": value})


@pytest.mark.parametrize("value", [HOLDS_ITSELF, DEEP], ids=["holds itself", "deep"])
def test_endless_nesting_is_refused_and_its_argument_named(refused, value):
    assert refused(value).startswith("messages ")
    assert refused(options={"stop": value}).startswith("options ")
    assert refused(extra_body={"new": value}).startswith("extra_body ")


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"messages": [USER, {**USER, "content": object()}]}, "messages[1].content"),
        ({"messages": [Message(role="user", content=object())]}, "messages[0].content"),
        ({"messages": [{**USER, "tool_calls": [{"function": {"name": "f", "arguments": {"a": [{1}, {object()}]}}}]}]},
         "messages[0].tool_calls[0].function.arguments.a[1][0]"),
        ({"options": {"stop": ["a", b"b"]}}, "options.stop[1]"),
        ({"options": Options(seed=2**65)}, "options.seed"),
        ({"messages": [{**USER, "content": "\udfff"}]}, "messages[0].content"),
        ({"format": {"a": {"b": {3: 3}}}}, "format.a.b"),
        ({"extra_body": {"a": {"b": [object()]}}}, "extra_body.a.b[0]"),
        ({"extra_query": {"a": object()}}, "extra_query.a"),
    ],
)  # fmt: skip
def test_the_path_leads_to_the_value_itself(refused, arguments, path):
    message = refused(**arguments)
    assert path in message.split(" ")[0].rstrip(":")


def test_the_largest_numbers_are_sent(client, server):
    client.chat("llama3.2", [USER], options={"seed": 2**64 - 1, "num_keep": -(2**63), "temperature": 1e308})
    assert server.sent["options"] == {"seed": 2**64 - 1, "num_keep": -(2**63), "temperature": 1e308}


@pytest.mark.parametrize("name", ["", "\n", "a\x00b", "\ud800"])
def test_a_name_that_cannot_stand_in_a_path_is_refused(client, server, name):
    with pytest.raises(ConfigurationError, match="model"):
        client.v1.models.retrieve(name)
    assert not server.requests


# Extras


def test_extra_body_adds_replaces_and_sends_none(client, server):
    client.chat(
        "llama3.2", [USER], extra_body={"model": "other", "new": {"a": [1]}, "nothing": None, "o": Options(seed=1)}
    )
    assert server.sent == {
        "model": "other", "messages": [USER], "new": {"a": [1]}, "nothing": None, "o": {"seed": 1},
    }  # fmt: skip


def test_extra_headers_add_and_replace(client, server):
    client.chat("llama3.2", [USER], extra_headers={"X-A": "1", "ACCEPT": "x/y", "Authorization": "Basic abc"})
    assert [server.last.headers[name] for name in ("x-a", "accept", "authorization")] == ["1", "x/y", "Basic abc"]


async def test_a_header_is_removed_for_one_call_with_none(server):
    given = {"api_key": "key", "headers": {"X-Team": "red"}}
    removed = {"x-team": None, "Authorization": None}
    with Ollama(server.url, **given) as client:
        client.version(extra_headers=removed)
        assert not {"x-team", "authorization"} & server.last.headers.keys()
        client.version()
        assert (server.last.headers["x-team"], server.last.headers["authorization"]) == ("red", "Bearer key")
        with pytest.raises(ConfigurationError, match="web_search needs an API key"):
            client.web_search("x", extra_headers=removed)
    async with AsyncOllama(server.url, **given) as client:
        await client.version(extra_headers=removed)
    assert not {"x-team", "authorization"} & server.last.headers.keys()


def test_headers_that_describe_the_body_are_always_true(server):
    wrong = {"Content-Type": "text/plain", "Content-Length": "3", "Transfer-Encoding": "chunked"}
    with Ollama(server.url, headers=wrong) as client:
        client.chat("m", [USER], extra_headers=wrong)
        assert server.last.headers["content-type"] == "application/json"
        assert server.last.json["messages"] == [USER]
        client.v1.audio.transcriptions.create("m", b"RIFF")
        assert server.last.headers["content-type"].startswith("multipart/form-data; boundary=")
        client.upload_blob(content=b"abc", extra_headers={"Content-Type": "application/x-gguf"})
    assert (server.last.headers["content-type"], server.last.body) == ("application/x-gguf", b"abc")


def test_extra_query_is_encoded(client, server):
    client.chat("llama3.2", [USER], extra_query={"a": "x y&z=/?", "b": [1, "two"], "c": True, "d": 1.5})
    assert server.last.target == "/api/chat?a=x+y%26z%3D%2F%3F&b=1&b=two&c=true&d=1.5"


def test_extras_work_where_there_is_no_body_too(client, server):
    client.version(extra_headers={"X-A": "1"}, extra_query={"a": 1})
    assert (server.last.target, server.last.headers["x-a"]) == ("/api/version?a=1", "1")


def test_extra_body_for_bytes_is_refused(client, server):
    with pytest.raises(ConfigurationError, match="extra_body"):
        client.upload_blob(content=b"abc", extra_body={"a": 1})
    assert not server.requests


@pytest.mark.parametrize("headers", [{"X-A": "1\r\nX-B: 2"}, {"X-A": "é"}, {"X-A": 3}, {"X A": "1"}])
def test_an_extra_header_that_cannot_travel_is_refused(refused, headers):
    assert next(iter(headers)).lower() in refused(extra_headers=headers)


@pytest.mark.parametrize("extra", ["extra_headers", "extra_query", "extra_body"])
@pytest.mark.parametrize("value", ["hunter2", [("a", "hunter2")], {1: "hunter2"}, {b"a": "hunter2"}])
def test_extra_without_a_name_is_refused_without_its_value(refused, extra, value):
    said = refused(**{extra: value})
    assert said.startswith(f"{extra}=")
    assert "hunter2" not in said


@pytest.mark.parametrize("stream", ["false", "no", "", 0, 1, object], ids=repr)
@pytest.mark.parametrize("view", ["", "with_raw_response."], ids=["plain", "raw"])
@pytest.mark.parametrize("method", ["chat", "generate", "pull", "v1.chat.completions.create", "v1.messages.create"])
@pytest.mark.parametrize("make", [Ollama, AsyncOllama])
async def test_stream_is_true_or_false(server, make, method, view, stream):
    given = arguments_of(OPERATIONS[method])
    with pytest.raises(ConfigurationError, match=r"stream is \w+ [\w ]+; give True or False"):  # noqa: PT012 - of both clients
        called = attrgetter(view + method)(make(server.url))(**given, stream=stream)
        await called
    assert server.requests == []


def test_stream_of_none_is_one_piece(client, server):
    assert client.chat("m", [USER], stream=None).message.content == "Because."
    assert client.with_raw_response.chat("m", [USER], stream=None).parsed.message.content == "Because."


@pytest.mark.parametrize("timeout", [0, -1, math.nan, "3", True])
def test_a_limit_that_cannot_be_one_is_refused(refused, timeout):
    assert "total=" in refused(timeout=timeout)
