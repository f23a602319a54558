"""map_rows: rows in order, few rows taken ahead, and nothing left running."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator

import pytest

from ollama_sdk.batch import Chat, Embed, map_rows
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


def test_no_rows_give_no_rows(emulator: Emulator):
    assert list(map_rows([], chat(emulator))) == []


def test_progress_shows_a_bar(emulator: Emulator, capsys: pytest.CaptureFixture[str]):
    list(map_rows([{"text": "a"}] * 12, chat(emulator), progress=True))
    assert "12/12" in capsys.readouterr().err


def test_progress_without_tqdm_says_what_to_install(emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'ollama-sdk\[progress\]'"):
        list(map_rows([{"text": "a"}], chat(emulator), progress=True))
