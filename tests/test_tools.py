"""Python functions as tools: what a model learns of them, and what its calls become."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict

import pydantic
import pytest

from ollama_sdk import AsyncOllama, ConfigurationError, Ollama, ToolCallError
from ollama_sdk.tools import Toolbox, tool
from ollama_sdk.types import (
    ChatCompletionToolCall,
    MessagesToolUseBlock,
    ResponseFunctionCall,
    Tool,
    ToolCall,
)
from tests.support.agreeing import Agreeing

pytestmark = pytest.mark.anyio
USER = [{"role": "user", "content": "Hi"}]


class Unit(enum.Enum):
    """A unit."""

    CELSIUS = "c"
    FAHRENHEIT = "f"


@dataclasses.dataclass
class Place:
    """A place on earth."""

    latitude: float
    longitude: float = 0.0


class Span(TypedDict):
    first: Annotated[date, "the first day"]
    days: NotRequired[int]


class Person(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0, description="in years")


def get_weather(city: str, days: int = 1) -> str:
    """The weather of a city.

    Args:
        city: Name of the
            city.
        days: How many days.
    """
    return f"{city}: rain for {days} days"


WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Name of the city."},
            "days": {"type": "integer", "description": "How many days.", "default": 1},
        },
        "required": ["city"],
    },
}


def call_of(name="get_weather", **arguments):
    return ToolCall.from_dict({"id": "call_1", "function": {"name": name, "arguments": arguments}})


def schema_of(annotation, default=dataclasses.MISSING):
    def function(value):
        """One parameter."""

    function.__annotations__ = {"value": annotation}
    function.__defaults__ = None if default is dataclasses.MISSING else (default,)
    return tool(function).to_dict()["function"]["parameters"]["properties"]["value"]


# What is sent


@pytest.fixture(scope="module")
def server():
    with Agreeing() as server:
        yield server


CALLS = {
    "chat": (lambda c: c.chat("llama3.2", USER, tools=[get_weather]), {"type": "function", "function": WEATHER}),
    "v1 chat": (
        lambda c: c.v1.chat.completions.create("llama3.2", USER, tools=Toolbox([get_weather])),
        {"type": "function", "function": WEATHER},
    ),
    "responses": (
        lambda c: c.v1.responses.create("llama3.2", "Hi", tools=(get_weather,)),
        {"type": "function", **WEATHER},
    ),
    "messages": (
        lambda c: c.v1.messages.create("llama3.2", USER, 9, tools=iter([get_weather])),
        {"name": "get_weather", "description": WEATHER["description"], "input_schema": WEATHER["parameters"]},
    ),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_function_is_sent_as_its_description(server, name):
    call, expected = CALLS[name]
    with Ollama(server.url) as client:
        call(client)
    assert server.requests[-1].json["tools"] == [expected]
    async with AsyncOllama(server.url) as client:
        await call(client)
    assert server.requests[-1].json["tools"] == [expected]


def test_functions_stand_beside_dicts_and_models(server):
    with Ollama(server.url) as client:
        client.chat("llama3.2", USER, tools=[get_weather, tool(get_weather), {"type": "function", "function": WEATHER}])
    assert server.requests[-1].json["tools"] == [{"type": "function", "function": WEATHER}] * 3


def test_a_function_is_never_run_by_a_client(server):
    def explode(city: str) -> str:
        raise AssertionError(city)

    with Ollama(server.url) as client:
        client.chat("llama3.2", USER, tools=[explode])
    assert isinstance(tool(explode), Tool)


# Schemas


@pytest.mark.parametrize(
    "docstring",
    [
        "Do it.\n\nArgs:\n    value: How\n        much.",
        "Do it.\n\nParameters\n----------\nvalue : int\n    How much.",
        "Do it.\n\n:param value: How much.",
        "Do it.\nargs:\n    value (integer): How much.\n\nreturns:\n    None",
    ],
)
def test_docstrings_of_each_style_describe_parameters(docstring):
    def function(value: int) -> None: ...

    function.__doc__ = docstring
    described = tool(function).to_dict()["function"]
    assert described["description"] == "Do it."
    assert described["parameters"]["properties"]["value"] == {"type": "integer", "description": "How much."}


def test_docstring_may_say_that_there_are_no_parameters():
    def function() -> None:
        """Do it.

        Args:
            None
        Returns:
            None
        """

    assert tool(function).to_dict()["function"]["description"] == "Do it."


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (str, {"type": "string"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (Any, {}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (Sequence[str], {"type": "array", "items": {"type": "string"}}),
        (set[str], {"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal["a", 1], {"type": ["string", "integer"], "enum": ["a", 1]}),
        (Unit, {"type": "string", "enum": ["c", "f"]}),
        (Optional[int], {"type": ["integer", "null"]}),  # noqa: UP045 - the old spelling is what is tested
        (int | list[int], {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]}),
        (date, {"type": "string", "format": "date"}),
        (Annotated[int, "in metres"], {"type": "integer", "description": "in metres"}),
        (Annotated[int, pydantic.Field(description="in metres")], {"type": "integer", "description": "in metres"}),
        (
            Place,
            {
                "type": "object",
                "properties": {"latitude": {"type": "number"}, "longitude": {"type": "number"}},
                "required": ["latitude"],
                "description": "A place on earth.",
            },
        ),
        (
            Span,
            {
                "type": "object",
                "properties": {
                    "first": {"type": "string", "format": "date", "description": "the first day"},
                    "days": {"type": "integer"},
                },
                "required": ["first"],
            },
        ),
    ],
)
def test_an_annotation_becomes_its_schema(annotation, schema):
    assert schema_of(annotation) == schema


def test_an_argument_that_may_be_left_out_has_no_null():
    assert schema_of(int | None, None) == {"type": "integer"}
    assert schema_of(Annotated[int | None, "how many"], None) == {"type": "integer", "description": "how many"}


def test_a_pydantic_model_brings_its_definitions():
    class Team(pydantic.BaseModel):
        people: list[Person]

    def enrol(team: Team) -> None: ...

    enrol.__annotations__["team"] = Team
    parameters = tool(enrol).to_dict()["function"]["parameters"]
    assert parameters["$defs"]["Person"]["properties"]["age"]["minimum"] == 0
    assert parameters["properties"]["team"]["properties"]["people"]["items"] == {"$ref": "#/$defs/Person"}


def test_methods_are_functions_without_self():
    class House:
        def open(self, door: str) -> str:
            return f"{door} is open"

    assert list(tool(House().open).to_dict()["function"]["parameters"]["properties"]) == ["door"]
    assert Toolbox([House().open]).call(call_of("open", door="the left")).content == "the left is open"


def bare(city): ...
def starred(*cities: str): ...
def keyed(**cities: str): ...
def positional(city: str, /): ...
def strange(city: memoryview): ...
def by_number(cities: dict[int, str]): ...
def unknown(city: Nowhere): ...  # noqa: F821


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (bare, "bare: its parameter 'city' has no annotation; give one, such as city: str"),
        (starred, r"starred takes \*cities"),
        (keyed, r"keyed takes \*\*cities"),
        (positional, "'city' is positional only"),
        (strange, "'city' is annotated memoryview, but JSON has no such type"),
        (by_number, "the keys of a JSON object are strings"),
        (unknown, "its signature cannot be read: name 'Nowhere'"),
        (lambda city: city, "is a lambda, which has no name"),
        (Person, "is a class; give a function"),
    ],
)
def test_a_function_that_cannot_be_described_is_refused(server, function, message):
    with pytest.raises(ConfigurationError, match=message):
        tool(function)
    sent = len(server.requests)
    with Ollama(server.url) as client, pytest.raises(ConfigurationError):
        client.chat("llama3.2", USER, tools=[function])
    assert len(server.requests) == sent


# Calls


def test_a_call_runs_its_function_and_gives_the_message():
    message = Toolbox([get_weather]).call(call_of(city="Oslo"))
    assert message.to_dict() == {
        "role": "tool",
        "content": "Oslo: rain for 1 days",
        "tool_name": "get_weather",
        "tool_call_id": "call_1",
    }


def test_calls_of_compatible_routes_have_their_own_answers():
    toolbox = Toolbox([get_weather])
    arguments = '{"city": "Oslo", "days": 2}'
    chat = ChatCompletionToolCall.from_dict({"id": "c", "function": {"name": "get_weather", "arguments": arguments}})
    assert toolbox.call(chat).to_dict() == {"role": "tool", "content": "Oslo: rain for 2 days", "tool_call_id": "c"}
    item = ResponseFunctionCall(type="function_call", call_id="c", name="get_weather", arguments=arguments)
    assert toolbox.call(item).to_dict() == {
        "type": "function_call_output",
        "call_id": "c",
        "output": "Oslo: rain for 2 days",
    }
    block = MessagesToolUseBlock(type="tool_use", id="c", name="get_weather", input={"city": "Oslo"})
    assert toolbox.call(block).to_dict() == {
        "type": "tool_result",
        "tool_use_id": "c",
        "content": "Oslo: rain for 1 days",
    }


def test_arguments_are_what_the_function_is_annotated_with():
    got = []

    def take(
        unit: Unit,
        place: Place,
        span: Span,
        people: list[Person],
        tags: set[str],
        pair: tuple[int, str],
        rate: float,
        count: int,
        either: int | str,
        by_name: Mapping[str, date],
        each: Iterable[int] = (),
        none: int | None = 3,
    ) -> dict[str, Any]:
        got.append((unit, place, span, people, tags, pair, rate, count, either, by_name, each, none))
        return {"done": True}

    call = call_of(
        "take",
        unit="f",
        place={"latitude": 1},
        span={"first": "2026-01-02"},
        people=[{"name": "Ada", "age": 3}],
        tags=["a"],
        pair=[1, "x"],
        rate=2,
        count=3.0,
        either="4",
        by_name={"a": "2026-01-03"},
        none=None,
    )
    assert Toolbox([take]).call(call).content == '{"done":true}'
    assert got == [
        (
            Unit.FAHRENHEIT,
            Place(1.0),
            {"first": date(2026, 1, 2)},
            [Person(name="Ada", age=3)],
            {"a"},
            (1, "x"),
            2.0,
            3,
            "4",
            {"a": date(2026, 1, 3)},
            (),
            None,
        )
    ]


def limited(kind: Literal["a", "b"], who: Person, at: Place, n: int = 0) -> None: ...


GOOD = {"kind": "a", "who": {"name": "Ada", "age": 1}, "at": {"latitude": 1}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "c"}, "kind is 'c'; give 'a' or 'b'"),
        ({"kind": None}, "kind is None; give 'a' or 'b'"),
        ({"who": {"name": "Ada", "age": -1}}, "who.age: Input should be greater than or equal to 0"),
        ({"at": {}}, "at.latitude is missing"),
        ({"at": {"latitude": "north"}}, "at.latitude is 'north'; give number"),
        ({"at": {"latitude": 1, "height": 2}}, "at has no field 'height'"),
        ({"n": True}, "n is True; give integer"),
        ({"n": 1.5}, "n is 1.5; give integer"),
        ({"m": 1}, "there is no parameter 'm'; there are kind, who, at, n"),
    ],
)
def test_arguments_that_do_not_fit_are_an_error_or_an_answer(change, message):
    call = call_of("limited", **{**GOOD, **change})
    with pytest.raises(ToolCallError, match=f"the arguments of limited do not fit: {message}") as error:
        Toolbox([limited]).call(call)
    assert error.value.name == "limited"
    answer = Toolbox([limited], errors="answer").call(call)
    assert answer.content == f"Error: {error.value}"


def test_an_unknown_tool_is_an_error_or_an_answer():
    with pytest.raises(ToolCallError, match="there is no tool 'get_wether'; there are: get_weather"):
        Toolbox([get_weather]).call(call_of("get_wether"))
    answer = Toolbox([get_weather], errors="answer").call(call_of("get_wether"))
    assert "there are: get_weather" in answer.content
    block = MessagesToolUseBlock(type="tool_use", id="c", name="no", input={})
    assert Toolbox([], errors="answer").call(block).is_error is True


@pytest.mark.parametrize("text", ["{", "[1]", '{"city": '])
def test_arguments_that_are_no_json_object_do_not_fit(text):
    call = ChatCompletionToolCall.from_dict({"id": "c", "function": {"name": "get_weather", "arguments": text}})
    with pytest.raises(ToolCallError, match="do not fit: they are"):
        Toolbox([get_weather]).call(call)


def test_what_a_function_raises_is_raised():
    def fail(city: str) -> str:
        raise KeyError(city)

    with pytest.raises(KeyError, match="Oslo"):
        Toolbox([fail], errors="answer").call(call_of("fail", city="Oslo"))


async def test_async_functions_are_awaited():
    async def find(city: str) -> list[str]:
        return [city]

    toolbox = Toolbox([find, get_weather])
    assert (await toolbox.acall(call_of("find", city="Oslo"))).content == '["Oslo"]'
    assert (await toolbox.acall(call_of(city="Oslo"))).content == "Oslo: rain for 1 days"
    with pytest.raises(ConfigurationError, match=r"find is async; use await toolbox.acall"):
        toolbox.call(call_of("find", city="Oslo"))


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match="two tools have the name 'get_weather'"):
        Toolbox([get_weather, get_weather])
    with pytest.raises(ConfigurationError, match="errors='ignore'"):
        Toolbox([], errors="ignore")


def test_a_function_in_place_of_a_list_is_refused():
    with pytest.raises(
        ConfigurationError, match=r"functions is of type function; give a list, .*Toolbox\(\[get_weather"
    ):
        Toolbox(get_weather)


def test_a_toolbox_lists_its_functions_and_their_descriptions():
    toolbox = Toolbox([get_weather])
    assert list(toolbox) == [get_weather]
    assert (len(toolbox), repr(toolbox)) == (1, "Toolbox([get_weather])")
    assert toolbox.tools == [tool(get_weather)]
