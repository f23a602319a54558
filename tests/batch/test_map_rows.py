"""map_rows: rows in order, few rows taken ahead, and nothing left running."""

from __future__ import annotations

import itertools
import sys
import tracemalloc
import weakref
from collections.abc import Iterator, Sequence

import pytest

from ollama_sdk import AsyncOllama, Ollama
from ollama_sdk.batch import Chat, Column, Embed, Row, Step, map_rows
from ollama_sdk.errors import BadRequestError, ConfigurationError
from ollama_sdk.testing import Emulator, Fault


def chat(server: Emulator, **more) -> Chat:
    return Chat("llama3.2", **{"client": {"host": server.url}, "messages": "{text}", **more})


class Counted:
    """Endless rows, which knows how many were taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[dict]:
        for number in itertools.count():
            self.taken += 1
            yield {"text": f"row {number}", "id": number}


@pytest.mark.parametrize("size", [1, 5], ids=["chat", "embed"])
def test_few_rows_are_taken_ahead(emulator: Emulator, size: int):
    made = {
        1: chat(emulator, in_flight=4),
        5: Embed("all-minilm", client={"host": emulator.url}, per_request=5, in_flight=4),
    }
    source = Counted()
    most = 0
    for given, row in enumerate(itertools.islice(map_rows(source, made[size]), 300), 1):
        assert row["id"] == given - 1
        most = max(most, source.taken - given)
    assert 0 < most <= 2 * 4 * size


class Text(str):
    """A text that can be counted as long as it is referred to."""

    __slots__ = ("__weakref__",)


def test_rows_that_were_given_are_not_kept(emulator: Emulator):
    step = Embed("all-minilm", client={"host": emulator.url}, per_request=5, in_flight=4)
    alive: weakref.WeakSet[Text] = weakref.WeakSet()

    def source() -> Iterator[dict]:
        for number in range(600):
            text = Text(f"row {number}")
            alive.add(text)
            yield {"text": text}

    most = 0
    for row in map_rows(source(), step):
        assert row["error"] is None
        most = max(most, len(alive))
    # Those ahead, and those of the last request that were given; a request that has ended may be referred to until the next one.
    assert 5 < most <= (2 * 4 + 2) * 5


class Length(Step):
    """Measures texts, without a server."""

    def group_size(self) -> int:
        return 20

    def new_columns(self) -> dict[str, Column]:
        return {"length": Column("integer")}

    async def ask(self, client: AsyncOllama, rows: Sequence[Row]) -> list:
        return [[len(row["text"])] for row in rows]


def test_memory_does_not_grow_with_the_number_of_rows():
    held = []
    rows = ({"text": f"row {number}"} for number in range(12_000))
    tracemalloc.start()
    try:
        for done, row in enumerate(map_rows(rows, Length()), 1):
            assert row["length"] == len(row["text"])
            if done % 4_000 == 0:
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[2] - held[0] < 100_000  # twelve bytes a row would be as much


def test_rows_come_in_order_whatever_the_order_of_replies(emulator: Emulator):
    emulator.reply(lambda prompt: prompt.messages[-1]["content"])
    emulator.faults.add(Fault.delay(0.02), share=0.3)
    rows = list(itertools.islice(Counted(), 60))
    assert [(row["id"], row["answer"]) for row in map_rows(rows, chat(emulator))] == [
        (row["id"], row["text"]) for row in rows
    ]


def test_errors_are_in_their_rows(emulator: Emulator):
    rows = [{"text": "a"}, {"text": "word " * 5000}, {"words": "b"}]
    kinds = [row["error"] and row["error"]["type"] for row in map_rows(rows, chat(emulator))]
    assert kinds == [None, "BadRequestError", "RowError"]


def test_an_error_that_is_raised_comes_after_the_rows_before_it(emulator: Emulator):
    rows = map_rows([{"text": "a"}, {"text": "b"}, {"text": "word " * 5000}], chat(emulator, on_error="raise"))
    assert [next(rows)["text"], next(rows)["text"]] == ["a", "b"]
    with pytest.raises(BadRequestError):
        next(rows)


def test_leaving_the_loop_stops_generation(emulator: Emulator):
    emulator.reply("done", when="row 0")
    emulator.reply(lambda _: itertools.repeat("on and on "), when="row 1")
    rows = map_rows(
        [{"text": "row 0"}, *[{"text": f"row 1{number}"} for number in range(9)]], chat(emulator, in_flight=4)
    )
    next(rows)
    assert emulator.requests.wait(5)
    rows.close()
    assert emulator.requests.wait_ended(5)
    assert len(emulator.requests) == 5


def test_a_column_is_never_overwritten(emulator: Emulator):
    with pytest.raises(ConfigurationError, match="already has a column 'answer'"):
        list(map_rows([{"text": "a", "answer": "mine"}], chat(emulator)))
    assert len(emulator.requests) == 0


@pytest.mark.parametrize("rows", [["a"], "abc", {"text": ["a"]}, [5, {"text": "a"}]], ids=repr)
def test_a_row_that_is_no_dict_is_refused(emulator: Emulator, rows):
    with pytest.raises(ConfigurationError, match=r"a row is of type (str|int); give an iterable of dicts"):
        list(map_rows(rows, chat(emulator)))
    assert not emulator.requests


@pytest.mark.parametrize(("step", "what"), [(Embed, "the class Embed"), (len, "of type builtin_function_or_method")])
def test_what_is_no_step_is_refused(step, what):
    with pytest.raises(ConfigurationError, match=f"step is {what}; give a step, such as Embed"):
        list(map_rows([{"text": "a"}], step))


def test_a_client_in_place_of_its_arguments_is_refused():
    for wrong in (Ollama(), AsyncOllama(), "http://gpu-1:11434"):
        with pytest.raises(ConfigurationError, match=f"client= is of type {type(wrong).__name__}; give the arguments"):
            Embed("m", client=wrong)


def test_no_rows_give_no_rows(emulator: Emulator):
    assert list(map_rows([], chat(emulator))) == []


def test_progress_shows_a_bar(emulator: Emulator, capsys: pytest.CaptureFixture[str]):
    list(map_rows([{"text": "a"}] * 12, chat(emulator), progress=True))
    assert "12/12" in capsys.readouterr().err


def test_progress_without_tqdm_says_what_to_install(emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'ollama-sdk\[progress\]'"):
        list(map_rows([{"text": "a"}], chat(emulator), progress=True))
