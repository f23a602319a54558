"""Items that are alike: one item that adds up to the same as all of them."""

from __future__ import annotations

from copy import deepcopy
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_sdk._generated.operations import CHAT, GENERATE, V1_CHAT_COMPLETIONS_CREATE, V1_COMPLETIONS_CREATE
from ollama_sdk.streaming._accumulation import DATA_ERRORS, MergeAccumulator
from ollama_sdk.streaming._alike import Alike
from tests.support.examples import examples

RULES = {name: row.streaming.merge for name, row in {
    "chat": CHAT, "generate": GENERATE, "v1.chat": V1_CHAT_COMPLETIONS_CREATE, "v1.completions": V1_COMPLETIONS_CREATE,
}.items()}  # fmt: skip

KNOWN = {"model", "created_at", "type", "text", "id", "created", "x", "y", "a", "b", "s", "n"}


def chat(text, when="1", **fields):
    return {
        "model": "m",
        "created_at": when,
        "message": {"role": "assistant", "content": text},
        "done": False,
        **fields,
    }


def generate(text, when="1", **fields):
    return {"model": "m", "created_at": when, "response": text, "done": False, **fields}


def choice(**fields):
    return {"id": "c", "created": 1_795_262_400, "choices": [{"index": 0, "finish_reason": None, **fields}]}


def delta(text, **fields):
    return choice(delta={"role": "assistant", "content": text, **fields})


def completion(text):
    return choice(text=text, logprobs=None)


def with_thinking(text):
    return {"model": "m", "message": {"role": "assistant", "content": "", "thinking": text}, "done": False}


def merged(rules, items):
    accumulator = MergeAccumulator(rules)
    for item in items:
        accumulator.add([item])
    return accumulator.result()


@pytest.mark.parametrize(
    ("route", "item"),
    [
        ("chat", chat),
        ("chat", with_thinking),
        ("generate", generate),
        ("v1.chat", delta),
        ("v1.completions", completion),
    ],
)
def test_the_items_of_each_route_add_up_to_one(route, item):
    items = [item(text) for text in ("The ", "", "sky", "\ud83d", "\ude00")]
    copies = deepcopy(items)
    whole, text = Alike(RULES[route], {"done"}, KNOWN).added_up(items)
    assert (text, whole) == ("The sky\ud83d\ude00", item("The sky\ud83d\ude00"))
    assert items == copies
    assert merged(RULES[route], [whole]) == merged(RULES[route], items)


def test_of_a_text_that_does_not_grow_the_last_counts():
    whole, _ = Alike(RULES["chat"], {"done"}, KNOWN).added_up([chat("a", "1"), chat("b", "2")])
    assert whole == chat("ab", "2")


UNLIKE = {
    "a field more": chat("b", total_duration=5),
    "another field": {("took" if name == "model" else name): value for name, value in chat("b").items()},
    "a field less": {name: value for name, value in chat("b").items() if name != "done"},
    "another constant": chat("b", done=True),
    "another role": chat("b", message={"role": "tool", "content": "b"}),
    "a thought": chat("b", message={"role": "assistant", "content": "b", "thinking": "x"}),
    "a thought in place of the role": chat("b", message={"thinking": "x", "content": "b"}),
    "no text": chat("b", message={"role": "assistant", "content": None}),
    "an object in place of a text": chat("b", message={"role": "assistant", "content": {}}),
    "a text in place of an object": chat("b", message="bb"),
    "null in place of an object": chat("b", message=None),
}


@pytest.mark.parametrize("other", UNLIKE.values(), ids=UNLIKE)
def test_an_item_that_is_unlike_the_last_is_found(other):
    assert Alike(RULES["chat"], {"done"}, KNOWN).added_up([chat("a"), other, chat("c")]) is None


UNLIKE_CHUNKS = {
    "another choice": choice(index=1, delta={"role": "assistant", "content": "b"}),
    "two choices": {**delta("b"), "choices": delta("b")["choices"] * 2},
    "no choice": {**delta("b"), "choices": []},
    "an object in place of choices": {**delta("b"), "choices": {"x": 1}},
    "a finish": choice(finish_reason="stop", delta={"role": "assistant", "content": "b"}),
    "a rounded integer": {**delta("b"), "created": 2.0**64},
    "a call": delta("b", tool_calls=[]),
}


@pytest.mark.parametrize("other", UNLIKE_CHUNKS.values(), ids=UNLIKE_CHUNKS)
def test_a_chunk_that_is_unlike_the_last_is_found(other):
    assert Alike(RULES["v1.chat"], (), KNOWN).added_up([delta("a"), other, delta("c")]) is None


SAMPLES = {
    "logprobs": chat("a", logprobs=[{"token": "a"}]),
    "a call": chat("a", message={"role": "assistant", "content": "a", "tool_calls": [{}]}),
    "two texts": chat("a", message={"role": "assistant", "content": "a", "thinking": "b"}),
    "no text": chat(""),
    "a float": chat("a", load=0.5),
    "an object": chat("a", usage={"x": 1}),
    "a number in place of a text": chat("a", message={"content": 1}),
    "many fields": chat("a", **{f"x{number}": number for number in range(40)}),
}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_items_with_more_than_one_growing_value_are_left(sample):
    assert Alike(RULES["chat"], {"done"}, KNOWN).added_up([sample, sample]) is None


@pytest.mark.parametrize("empty", [None, "", 0, {"x": 1}, [1]])
def test_an_empty_value_does_not_replace_the_text_before_it(empty):
    alike = Alike(RULES["chat"], {"done"}, KNOWN)
    assert alike.added_up([chat("a"), chat("b")])
    assert alike.added_up([chat("a"), chat("b", created_at=empty)]) is None


def test_a_field_into_which_another_is_merged_must_not_be_there():
    rules = {"delta": "into:message", "delta.content": "concat"}
    item = {"message": "", "delta": {"content": "a"}}
    assert Alike(rules, (), KNOWN).added_up([item, item]) is None


def test_a_text_that_is_nested_too_deep_is_left():
    item, path = {"text": "a"}, "text"
    for _ in range(30):
        item, path = {"x": item}, f"x.{path}"
    assert Alike({path: "concat"}, (), KNOWN).added_up([item, item]) is None


def test_a_text_that_may_end_the_stream_must_be_the_same():
    items = [{"type": kind, "text": "a"} for kind in ("delta", "stop", "delta")]
    assert Alike({"text": "concat"}, {"type"}, KNOWN).added_up(items) is None
    assert Alike({"text": "concat"}, (), KNOWN).added_up(items) == ({"type": "delta", "text": "aaa"}, "aaa")


def test_a_list_that_replaces_the_one_before_it_is_left():
    item = {"list": [{"text": "a"}]}
    assert Alike({"list": "by-index", "list[].text": "concat"}, (), KNOWN).added_up([item, item])
    assert Alike({"list[].text": "concat"}, (), KNOWN).added_up([item, item]) is None


def test_items_of_another_form_are_added_up_from_then_on():
    alike = Alike(RULES["chat"], {"done"}, KNOWN)
    thought = chat("", message={"role": "assistant", "content": "", "thinking": "a"})
    assert alike.added_up([thought, thought])
    assert alike.added_up([thought, chat("b")]) is None
    for _ in range(2):
        assert alike.added_up([chat("c"), chat("d")]) == (chat("cd"), "cd")


_SMALL = st.sampled_from(["", "x", "y", None, 0, 1, [], [1], {"t": "z"}])
_PART = st.fixed_dictionaries({"text": st.text("ab", max_size=2)}, optional={"s": _SMALL, "t": _SMALL})
_ITEMS = st.fixed_dictionaries(
    {
        "t": _PART | st.text("ab"),
        "list": st.none()
        | st.lists(st.fixed_dictionaries({"t": _PART}, optional={"index": st.none() | st.integers(0, 1)}), max_size=2),
    },
    optional={"s": _SMALL, "u": _SMALL | _PART, "text": st.just("") | st.text("ab")},
)
_ANY_RULES = {
    "list": "by-index",
    "list[].t": "into:m",
    "list[].t.text": "concat",
    "list[].t.s": "concat",
    "t": "into:u",
    "t.text": "concat",
    "u.text": "concat",
    "text": "concat",
}


def with_texts(value, texts):
    """The same item with other texts."""
    if isinstance(value, dict):
        return {
            name: next(texts) if name == "text" and part else with_texts(part, texts) for name, part in value.items()
        }
    return [with_texts(part, texts) for part in value] if isinstance(value, list) else value


@examples(500)
@given(_ITEMS, st.lists(_ITEMS, max_size=1), st.lists(st.text("ab", max_size=2), min_size=4))
def test_what_is_added_up_changes_nothing(sample, others, texts):
    items = [*others, *(with_texts(sample, cycle(texts[start:])) for start in range(4)), sample]
    added = Alike(_ANY_RULES, (), KNOWN).added_up(items)
    try:
        expected = merged(_ANY_RULES, items)
    except DATA_ERRORS:
        return
    assert added is None or merged(_ANY_RULES, added[:1]) == expected
