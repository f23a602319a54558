"""Accumulation: the one reply that the items of a stream add up to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_sdk.streaming._accumulation import (
    DATA_ERRORS,
    MergeAccumulator,
    MessagesAccumulator,
    ResponsesAccumulator,
)
from tests.support.examples import examples

CHUNKS = {
    "choices": "by-index",
    "choices[].delta": "into:message",
    "choices[].delta.content": "concat",
    "choices[].delta.tool_calls": "by-call",
    "choices[].delta.tool_calls[].function.arguments": "concat",
    "logprobs": "concat",
}


def add(accumulator, *items):
    accumulator.add(items)
    return accumulator.result()


# Merging


@pytest.mark.parametrize(
    ("items", "reply"),
    [
        ([], {}),
        ([{"a": 1}, {"a": 2}], {"a": 2}),
        ([{"a": 1}, {"a": None}], {"a": 1}),
        ([{"a": "x"}, {"a": ""}], {"a": "x"}),
        ([{"a": None}, {"a": ""}], {"a": ""}),
        ([{"a": 1}, {"a": 0}, {"a": ""}], {"a": 0}),
        ([{"a": None}], {"a": None}),
        ([{"a": None}, {"a": 1}], {"a": 1}),
        ([{"a": [1]}, {"a": [2]}], {"a": [2]}),
        ([{"a": {"b": 1, "c": 1}}, {"a": {"b": 2}}], {"a": {"b": 2, "c": 1}}),
        ([{"a": 1}, {"a": {"b": 2}}], {"a": {"b": 2}}),
        ([{"a": {"b": 2}}, {"a": 1}], {"a": 1}),
        ([{"content": "x"}, {"content": "y"}], {"content": "y"}),
    ],
)
def test_fields_merge_and_the_last_value_wins(items, reply):
    assert add(MergeAccumulator({}), *items) == reply


@pytest.mark.parametrize(
    ("items", "reply"),
    [
        ([{"choices": [{"delta": {"content": "a"}}]}, {"choices": [{"delta": {"content": "b"}}]}],
         [{"message": {"content": "ab"}}]),
        ([{"choices": [{"index": 1, "n": 1}, {"index": 0, "n": 0}]}, {"choices": [{"index": 1, "m": 2}]}],
         [{"index": 0, "n": 0}, {"index": 1, "n": 1, "m": 2}]),
        ([{"choices": [{"n": 0}, {"n": 1}]}, {"choices": [{}, {"m": 2}]}], [{"n": 0}, {"n": 1, "m": 2}]),
        ([{"choices": []}], []),
        ([{"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{"}}]}}]},
          {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "}"}},
                                                 {"index": 1, "function": {"arguments": "[]"}}]}}]}],
         [{"message": {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}},
                                      {"index": 1, "function": {"arguments": "[]"}}]}}]),
    ],
)  # fmt: skip
def test_choices_and_tool_calls_merge_by_index(items, reply):
    assert add(MergeAccumulator(CHUNKS), *items) == {"choices": reply}


def test_lists_of_log_probabilities_are_joined():
    first, second = {"logprobs": [1]}, {"logprobs": [2, 3]}
    assert add(MergeAccumulator(CHUNKS), first, {"logprobs": None}, second) == {"logprobs": [1, 2, 3]}
    assert (first, second) == ({"logprobs": [1]}, {"logprobs": [2, 3]})


def call(name=None, arguments=None, **fields):
    """A chunk with a part of one tool call."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {"choices": [{"delta": {"tool_calls": [{**fields, "function": function}]}}]}


@pytest.mark.parametrize(
    ("chunks", "calls"),
    [
        ([call("f", "{}", index=0, id="a"), call("f", "{}", index=0, id="b")], [("a", "f", "{}"), ("b", "f", "{}")]),
        ([call("f", "{}", id="a"), call("g", "{}", id="b")], [("a", "f", "{}"), ("b", "g", "{}")]),
        ([call("f", '{"n":1}'), call("f", '{"n":2}')], [(None, "f", '{"n":1}'), (None, "f", '{"n":2}')]),
        ([call("f", "", index=0), call("g", "{}", index=0)], [(None, "f", ""), (None, "g", "{}")]),
        ([call("f", "{", index=0, id="a"), call(None, "}", index=0), call("f", "{", index=0, id="b"),
          call(None, "}", index=0, id="b")], [("a", "f", "{}"), ("b", "f", "{}")]),
        ([call("f", "{", index=0, id="a"), call("f", "}", index=0, id="a")], [("a", "f", "{}")]),
        ([call("f", "{", index=0, id="a"), call("f", "}", index=0, id="")], [("a", "f", "{}")]),
        ([call("f", "", id="a"), call("f", "{}")], [("a", "f", "{}")]),
        ([call("f", "{", index=0, id="x"), call("f", "{", index=1, id="x"), call(None, "}", index=0),
          call(None, "}", index=1)], [("x", "f", "{}"), ("x", "f", "{}")]),
        ([call("f", "{", index=None, id="a"), call(None, "}", index=None)], [("a", "f", "{}")]),
        ([call("f", "{}", index=3, id="a"), call("f", "{}", index=1, id="b")], [("b", "f", "{}"), ("a", "f", "{}")]),
    ],
)  # fmt: skip
def test_tool_calls_are_never_joined(chunks, calls):
    (choice,) = add(MergeAccumulator(CHUNKS), *chunks)["choices"]
    merged = [
        (each.get("id"), each["function"]["name"], each["function"]["arguments"])
        for each in choice["message"]["tool_calls"]
    ]
    assert merged == calls


def test_a_call_without_a_function_is_merged_by_its_number():
    parts = [
        {"choices": [{"delta": {"tool_calls": [{"index": 0, **part}]}}]} for part in ({"a": 1}, {"function": None})
    ]
    (choice,) = add(MergeAccumulator(CHUNKS), *parts)["choices"]
    assert choice["message"]["tool_calls"] == [{"index": 0, "a": 1, "function": None}]


_VALUES = st.recursive(
    st.none() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=4,
)


@examples(300)
@given(
    st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys("xyz", _VALUES) | {"text": st.none() | st.text("ab")})),
    st.data(),
)
def test_the_blocks_in_which_items_are_added_change_nothing(items, data):
    def reply(cuts):
        accumulator = MergeAccumulator({"text": "concat", "x": "into:y", "z.x": "concat"})
        for start, end in zip([0, *cuts], [*cuts, len(items)], strict=True):
            accumulator.add(items[start:end])
        return accumulator.result()

    def outcome(cuts):
        try:
            return reply(cuts)
        except DATA_ERRORS:
            return "refused"

    cuts = sorted(data.draw(st.lists(st.integers(0, len(items)))))
    assert outcome(cuts) == outcome(range(len(items)))


@pytest.mark.parametrize("before", [[], [{"text": None}], [{"text": "a"}]], ids=["first", "after null", "after text"])
def test_an_object_in_place_of_a_text_is_refused(before):
    for cut in range(len(before) + 1):
        accumulator = MergeAccumulator({"text": "concat"})
        accumulator.add(before[:cut])
        with pytest.raises(DATA_ERRORS):
            accumulator.add([*before[cut:], {"text": {"b": 1}}])


def test_an_object_that_is_refused_may_not_be_replaced():
    with pytest.raises(DATA_ERRORS):
        MergeAccumulator({"a.b": "concat"}).add([{"a": {"b": 1}}, {"a": 2}])


def test_a_long_text_is_kept_in_few_pieces():
    accumulator = MergeAccumulator({"text": "concat"})
    for _ in range(5000):
        accumulator.add([{"text": "word "}])
    assert accumulator.result() == {"text": "word " * 5000}
    assert len(accumulator._merged["text"]._blocks) < 25


def test_more_items_may_follow_a_result():
    accumulator = MergeAccumulator({"text": "concat"})
    assert add(accumulator, {"text": "a"}) == {"text": "a"}
    assert add(accumulator, {"text": "b"}) == {"text": "ab"}


@examples(50)
@given(st.lists(st.text(max_size=5), min_size=1))
def test_joined_text_is_the_text_of_all_items(parts):
    assert add(MergeAccumulator({"a.b": "concat"}), *({"a": {"b": part}} for part in parts)) == {
        "a": {"b": "".join(parts)}
    }


@pytest.mark.parametrize("item", [{"choices": 3}, {"choices": [3]}, {"logprobs": 3}])
def test_items_of_another_shape_raise_a_data_error(item):
    with pytest.raises(DATA_ERRORS):
        MergeAccumulator(CHUNKS).add([item])


# Events of /v1/messages

START = {
    "type": "message_start",
    "message": {"id": "m", "content": [], "stop_reason": None, "usage": {"input_tokens": 3, "output_tokens": 0}},
}


def block(index, **content):
    return {"type": "content_block_start", "index": index, "content_block": content}


def delta(index, kind, **content):
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **content}}


def test_message_events_add_up_to_the_message():
    reply = add(
        MessagesAccumulator(),
        START,
        block(0, type="thinking", thinking="H"),
        delta(0, "thinking_delta", thinking="m"),
        delta(0, "signature_delta", signature="si"),
        delta(0, "signature_delta", signature="g"),
        block(1, type="text", text="H"),
        {"type": "ping"},
        delta(1, "text_delta", text="e"),
        delta(1, "text_delta", text="llo"),
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "id": None}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    )
    assert reply == {
        "id": "m",
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 5},
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "sig"},
            {"type": "text", "text": "Hello"},
        ],
    }


def test_arguments_of_a_tool_call_are_parsed_when_whole():
    accumulator = MessagesAccumulator()
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    cut = add(accumulator, START, block(0, **call), delta(0, "input_json_delta", partial_json='{"a":'))
    assert cut["content"] == [call | {"partial_json": '{"a":'}]
    whole = add(accumulator, delta(0, "input_json_delta", partial_json="1}"))
    assert whole["content"] == [call | {"input": {"a": 1}}]


def test_a_tool_call_without_arguments_keeps_its_input():
    reply = add(MessagesAccumulator(), START, block(0, type="tool_use", input={}))
    assert reply["content"] == [{"type": "tool_use", "input": {}}]


def test_blocks_are_in_the_order_of_their_indexes():
    reply = add(MessagesAccumulator(), START, block(1, type="text", text="b"), block(0, type="text", text="a"))
    assert [part["text"] for part in reply["content"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [
        ("text_delta", "text", {"type": "text", "text": "x"}),
        ("thinking_delta", "thinking", {"type": "thinking", "thinking": "x"}),
        ("signature_delta", "signature", {"type": "thinking", "signature": "x"}),
    ],
)
def test_a_block_without_its_start_is_made_from_its_deltas(kind, name, content):
    assert add(MessagesAccumulator(), START, delta(0, kind, **{name: "x"}))["content"] == [content]


@pytest.mark.parametrize("event", [{"type": "novel"}, {}, delta(0, "novel_delta")])
def test_an_unknown_message_event_changes_nothing(event):
    assert add(MessagesAccumulator(), START, event) == START["message"]


def test_without_its_start_there_is_no_message():
    assert add(MessagesAccumulator(), block(0, type="text", text="a")) == {}


def test_blocks_that_share_a_number_stay_apart():
    one, two = ({"type": "tool_use", "id": name, "name": "f", "input": {}} for name in "ab")
    events = [
        START,
        block(0, **one),
        delta(0, "input_json_delta", partial_json='{"n":1}'),
        block(0, **two),
        delta(0, "input_json_delta", partial_json='{"n":2}'),
    ]
    reply = add(MessagesAccumulator(), *events)
    assert reply["content"] == [one | {"input": {"n": 1}}, two | {"input": {"n": 2}}]


@pytest.mark.parametrize("odd", [5, "many", [], None])
def test_odd_usage_leaves_the_counts_that_are_there(odd):
    start = {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 3}}}
    delta = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 5}}
    assert add(MessagesAccumulator(), start, delta | {"usage": odd})["usage"] == {"input_tokens": 3}
    odd_start = {"type": "message_start", "message": {"id": "m", "usage": odd}}
    assert add(MessagesAccumulator(), odd_start, delta)["usage"] == {"output_tokens": 5}


@pytest.mark.parametrize(("first", "second"), [("0", "1"), (0.0, 1.0), (0.5, 1.5), ("a", "b"), ("b", "a"), ("a", 0)])
def test_odd_indexes_keep_choices_and_calls_apart(first, second):
    items = [{"choices": [{"index": index, "delta": {"content": part}}]} for part in "ab" for index in (first, second)]
    assert [choice["message"]["content"] for choice in add(MergeAccumulator(CHUNKS), *items)["choices"]] == ["ab", "ab"]
    calls = [
        {"index": each, "id": f"call {each}", "function": {"name": "f", "arguments": "{"}} for each in (first, second)
    ]
    rest = [{"index": each, "function": {"arguments": "}"}} for each in (first, second)]
    items = [{"choices": [{"index": 0, "delta": {"tool_calls": [part]}}]} for part in calls + rest]
    (choice,) = add(MergeAccumulator(CHUNKS), *items)["choices"]
    assert [call["function"]["arguments"] for call in choice["message"]["tool_calls"]] == ["{}", "{}"]


@pytest.mark.parametrize("odd", ["0", 0.0, [], {}, None])
def test_odd_index_reads_as_the_position(odd):
    items = [
        {"choices": [{"index": odd, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "c"}}]},
        {"choices": [{"index": odd, "delta": {"content": "b"}}]},
        {"choices": [{"index": 0, "delta": {"content": "!"}}]},
    ]
    for together in (True, False):
        accumulator = MergeAccumulator(CHUNKS)
        for part in [items] if together else [[item] for item in items]:
            accumulator.add(part)
        assert [choice["message"]["content"] for choice in accumulator.result()["choices"]] == ["ab!", "c"]


def test_usage_may_come_with_the_last_delta_alone():
    start = {"type": "message_start", "message": {"id": "m"}}
    assert add(MessagesAccumulator(), start, {"type": "message_delta", "delta": {}}) == {
        "id": "m",
        "usage": {},
        "content": [],
    }


# Events of /v1/responses

CREATED = {"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}}


def text(index, part, characters, **more):
    return {
        "type": "response.output_text.delta",
        "output_index": index,
        "content_index": part,
        "delta": characters,
        **more,
    }


def arguments(index, characters):
    return {"type": "response.function_call_arguments.delta", "output_index": index, "delta": characters}


def item(kind, index, **fields):
    return {"type": f"response.output_item.{kind}", "output_index": index, "item": fields}


def test_the_last_response_event_is_the_whole_response():
    whole = {"id": "r", "status": "completed", "output": [{"type": "message"}]}
    assert (
        add(ResponsesAccumulator(), CREATED, text(0, 0, "x"), {"type": "response.completed", "response": whole})
        == whole
    )


def test_before_the_last_event_a_response_is_built_from_deltas():
    reply = add(
        ResponsesAccumulator(),
        CREATED,
        item("added", 0, type="reasoning"),
        item("added", 1, type="message", id="m1", content=[]),
        text(1, 1, "b"),
        text(1, 0, "He"),
        text(1, 0, "llo"),
        {"type": "response.novel", "output_index": 0},
    )
    part = {"type": "output_text", "annotations": [], "logprobs": []}
    assert reply == {
        "id": "r",
        "status": "in_progress",
        "output": [
            {"type": "reasoning"},
            {"type": "message", "id": "m1", "content": [part | {"text": "Hello"}, part | {"text": "b"}]},
        ],
    }


def test_an_output_without_its_start_is_made_from_its_deltas():
    reply = add(
        ResponsesAccumulator(), CREATED, arguments(1, '{"a"'), arguments(1, ":1}"), text(0, 0, "x", item_id="m1")
    )
    message, call = reply["output"]
    assert {name: message[name] for name in ("type", "role", "status", "id")} == {
        "type": "message", "role": "assistant", "status": "in_progress", "id": "m1",
    }  # fmt: skip
    assert call == {"type": "function_call", "arguments": '{"a":1}'}


def test_a_finished_output_replaces_its_deltas():
    reply = add(
        ResponsesAccumulator(), CREATED, arguments(0, "{"), item("done", 0, type="function_call", arguments="{}")
    )
    assert reply["output"] == [{"type": "function_call", "arguments": "{}"}]


def test_outputs_that_share_a_number_stay_apart():
    events = []
    for name in "ab":
        events += [
            item("added", 0, type="function_call", id=name, arguments=""),
            arguments(0, f'{{"{name}":'),
            arguments(0, "1}"),
            item("done", 0, type="function_call", id=name, arguments=f'{{"{name}":1}}'),
        ]
    for upto in (7, 8):
        reply = add(ResponsesAccumulator(), CREATED, *events[:upto])
        assert [(output["id"], output["arguments"]) for output in reply["output"]] == [
            ("a", '{"a":1}'),
            ("b", '{"b":1}'),
        ]


def test_outputs_without_ids_stay_apart_too():
    events = [item("added", 0, type="message"), item("done", 0, type="message", n=1), item("added", 0, type="message")]
    reply = add(ResponsesAccumulator(), CREATED, *events)
    assert reply["output"] == [{"type": "message", "n": 1}, {"type": "message"}]


def test_without_any_response_event_there_is_no_response():
    assert add(ResponsesAccumulator(), text(0, 0, "x")) == {}


@pytest.mark.parametrize("together", [True, False], ids=["at once", "one by one"])
@pytest.mark.parametrize("odd", [{"content": [5]}, {"content": 5}, "42", 42, [1]], ids=str)
def test_content_of_another_type_never_replaces_what_was_there(odd, together):
    items = [{"message": part} for part in ({"content": "It is "}, odd, {"content": " metres."})]
    accumulator = MergeAccumulator({"message.content": "concat"})
    with pytest.raises(TypeError, match=r"message is no object|content is neither text nor a list"):  # noqa: PT012 - any of them
        for part in [items] if together else [[item] for item in items]:
            accumulator.add(part)
