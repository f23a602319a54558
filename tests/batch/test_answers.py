"""Chat and Generate: what is sent for a row, and which columns the answer makes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel

from ollama_sdk.batch import Chat, Generate
from ollama_sdk.errors import ConfigurationError
from ollama_sdk.testing import Emulator, Fault


class Verdict(BaseModel):
    label: Literal["good", "bad"]
    score: int
    why: str | None = None
    words: list[str] = []


SCHEMA = Verdict.model_json_schema()


def chat(server: Emulator, **more) -> Chat:
    return Chat("llama3.2", **{"client": {"host": server.url}, "messages": "Judge {text}", **more})


def generate(server: Emulator, **more) -> Generate:
    return Generate("llama3.2", **{"client": {"host": server.url}, "prompt": "Judge {text}", **more})


def test_a_template_is_filled_from_the_row(emulator: Emulator):
    made = chat(emulator, system="You judge.")({"id": [1], "text": ["this"]})
    assert made["answer"] != [None]
    assert emulator.requests[0].json["messages"] == [
        {"role": "system", "content": "You judge."},
        {"role": "user", "content": "Judge this"},
    ]
    generate(emulator, system="You judge.")({"id": [1], "text": ["this"]})
    assert (emulator.requests[1].json["prompt"], emulator.requests[1].json["system"]) == ("Judge this", "You judge.")


def test_a_function_of_the_row_makes_messages(emulator: Emulator):
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    step = chat(emulator, messages=lambda row: [*messages, {"role": "user", "content": row["text"]}])
    step(pl.DataFrame({"text": ["a"], "id": [1]}))
    assert emulator.requests[0].json["messages"] == [*messages, {"role": "user", "content": "a"}]
    generate(emulator, prompt=lambda row: f"{row['id']}: {row['text']}")(pl.DataFrame({"text": ["a"], "id": [1]}))
    assert emulator.requests[1].json["prompt"] == "1: a"


def test_a_template_without_columns_is_sent_for_each_row(emulator: Emulator):
    made = chat(emulator, messages="Tell a joke")({"id": [1, 2, 3]})
    assert (made["id"], made["error"]) == ([1, 2, 3], [None] * 3)
    assert len(emulator.requests) == 3


@pytest.mark.parametrize("make", [chat, generate])
@pytest.mark.parametrize(
    ("template", "said"),
    [
        ('give {"a": 1} for {text}', "'\"a\"' is no column; write {{ and }} for braces"),
        ("give {\n  'a': 1}", "is no column; write {{ and }} for braces"),
        ("{", "write {{ and }} for braces"),
        ("}", "write {{ and }} for braces"),
        ("{} {text}", "'' is no column"),
        ("{0}", "'0' is no column"),
        (5, "is of type int; give a text or a function"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused(emulator: Emulator, make, template, said):
    name = "messages" if make is chat else "prompt"
    with pytest.raises(ConfigurationError, match=f"^{name}=") as refused:
        make(emulator, **{name: template})
    assert said in str(refused.value)


def test_double_braces_are_braces(emulator: Emulator):
    chat(emulator, messages='give {{"a": 1}} for {text} {row[0]:>3}')({"text": ["this"], "row": ["xy"]})
    assert emulator.requests[0].json["messages"][0]["content"] == 'give {"a": 1} for this   x'


@pytest.mark.parametrize("make", [chat, generate])
def test_what_fails_in_a_function_is_an_error_of_its_row(emulator: Emulator, make):
    template = {"messages" if make is chat else "prompt": lambda row: "2" * (2 // row["n"])}
    made = make(emulator, **template)({"n": [1, 0, 2]})
    assert [error and error["type"] for error in made["error"]] == [None, "RowError", None]
    assert "ZeroDivisionError" in made["error"][1]["message"]
    assert len(emulator.requests) == 2


def test_answers_keep_the_order_of_rows(emulator: Emulator):
    emulator.faults.add(Fault.delay(0.05), share=0.5)
    emulator.reply(lambda prompt: prompt.messages[-1]["content"].removeprefix("Judge "))
    texts = [f"row {number}" for number in range(20)]
    assert chat(emulator)({"text": texts})["answer"] == texts


def test_options_of_the_row_are_sent(emulator: Emulator):
    chat(emulator, options=lambda row: {"seed": row["id"]}, in_flight=1)({"id": [1, 2], "text": ["a", "b"]})
    assert [request.json["options"]["seed"] for request in emulator.requests] == [1, 2]
    chat(emulator, options={"seed": 7})({"text": ["a"]})
    assert emulator.requests[2].json["options"] == {"seed": 7}


@pytest.mark.parametrize("make", [chat, generate])
def test_images_come_from_a_column(emulator: Emulator, make, tmp_path: Path):
    image = b"\x89PNG\r\n\x1a\n"
    (tmp_path / "a.png").write_bytes(image)
    path = str(tmp_path / "a.png")
    batch = pa.table(
        {"text": ["a", "b"], "picture": pa.array([image, None], pa.binary()), "paths": [[path, path], [path]]}
    )
    encoded = base64.b64encode(image).decode()

    def sent() -> list:
        bodies = [request.json for request in emulator.requests[-2:]]
        return [(body["messages"][-1] if make is chat else body).get("images") for body in bodies]

    make(emulator, images="picture", in_flight=1)(batch)
    assert sent() == [[encoded], None]
    make(emulator, images="paths", in_flight=1)(batch)
    assert sent() == [[encoded, encoded], [encoded]]


def test_a_missing_file_is_an_error_of_its_row(emulator: Emulator):
    made = chat(emulator, images="file")([{"text": "a", "file": "/no/such/file.png"}, {"text": "b", "file": None}])
    assert [row["error"] is None for row in made] == [False, True]
    assert "/no/such/file.png" in made[0]["error"]["message"]


@pytest.mark.parametrize("given", [Verdict, SCHEMA], ids=["Pydantic", "JSON schema"])
def test_fields_of_the_format_become_columns(emulator: Emulator, given):
    emulator.reply('{"label": "good", "score": 7, "words": ["a"]}')
    made = chat(emulator, format=given)({"text": ["a"]})
    answer = {"label": "good", "score": 7, "words": ["a"]}
    assert made == {
        "text": ["a"],
        "answer": [answer],
        "label": ["good"],
        "score": [7],
        "why": [None],
        "words": [["a"]],
        "error": [None],
    }
    assert emulator.requests[0].json["format"]["properties"].keys() == SCHEMA["properties"].keys()


@pytest.mark.parametrize("answer", ["good", '{"label": "good", "score": "high"}', "[1]", '{"label": "good", "sc'])
def test_an_answer_that_does_not_fit_is_an_error_of_its_row(emulator: Emulator, answer: str):
    emulator.reply(answer, when="bad")
    emulator.reply('{"label": "good", "score": 7}', when="fine")
    made = chat(emulator, format=Verdict)({"text": ["fine", "bad"]})
    assert [error and error["type"] for error in made["error"]] == [None, "ParseError"]
    assert repr(answer) in made["error"][1]["message"]
    assert (made["answer"][1], made["score"]) == (None, [7, None])


def test_columns_of_arrow_and_pandas_have_types_of_the_schema(emulator: Emulator):
    emulator.reply("nonsense")
    step = chat(emulator, format=Verdict, metrics=True)
    table = step(pa.table({"text": ["a"]}))
    assert {field.name: str(field.type) for field in table.schema if field.name not in {"text", "error"}} == {
        "answer": "string",
        "label": "string",
        "score": "int64",
        "why": "string",
        "words": "string",
        "prompt_tokens": "int64",
        "tokens": "int64",
        "seconds": "double",
    }
    frame = step(pd.DataFrame({"text": ["a"]}))
    meta = step.meta(pd.DataFrame({"text": ["a"]}))
    assert list(meta.dtypes.items()) == list(frame.dtypes.items())
    assert pa.Schema.from_pandas(meta, preserve_index=False).types[1:] == table.schema.types[1:]


def test_numbers_of_a_numpy_batch_are_floats_also_when_missing(emulator: Emulator):
    emulator.reply("nonsense")
    made = chat(emulator, format=Verdict, metrics=True)({"text": np.array(["a", "b"])})
    assert made["seconds"].dtype == np.float64
    assert np.isnan(made["seconds"]).all()


def test_json_is_text_in_arrow_and_frames(emulator: Emulator):
    emulator.reply('{"label": "good", "score": 7, "words": ["é"]}')
    table = chat(emulator, format=Verdict)(pa.table({"text": ["a"]}))
    assert table["words"].to_pylist() == ['["é"]']
    assert table["score"].to_pylist() == [7]
    assert list(chat(emulator, format=Verdict)(pd.DataFrame({"text": ["a"]}))["words"]) == ['["é"]']


def test_metrics_become_columns(emulator: Emulator):
    emulator.reply("one", " two")
    [row] = chat(emulator, metrics=True)([{"text": "a"}])
    assert row["tokens"] == 2
    assert row["prompt_tokens"] > 0
    assert row["seconds"] >= 0


@pytest.mark.parametrize("make", [chat, generate])
def test_context_overflow_is_an_error_of_its_row(emulator: Emulator, make):
    batch = {"text": ["a", "word " * 5000]}
    made = make(emulator)(batch)
    assert [error and error["status"] for error in made["error"]] == [None, 400]
    assert make(emulator, truncate=True)(batch)["error"] == [None, None]
