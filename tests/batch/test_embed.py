"""Embed: each row has its vector or its error, once, whatever kind the batch is of."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ollama_sdk import Retry
from ollama_sdk.batch import Embed, RowError
from ollama_sdk.errors import BadRequestError, ConfigurationError
from ollama_sdk.testing import Emulator, Fault
from ollama_sdk.testing._model.embeddings import embedding
from tests.support.loopback import Loopback, replies, whole

TEXTS = ["first", None, "third", ""]
KINDS = {
    "dict of lists": lambda: {"id": [1, 2, 3, 4], "text": TEXTS},
    "dict of arrays": lambda: {"id": np.arange(1, 5), "text": np.array(TEXTS, dtype=object)},
    "rows": lambda: [{"id": number, "text": text} for number, text in enumerate(TEXTS, 1)],
    "pandas": lambda: pd.DataFrame({"id": [1, 2, 3, 4], "text": TEXTS}, index=[7, 7, 9, 1]),
    "polars": lambda: pl.DataFrame({"id": [1, 2, 3, 4], "text": TEXTS}),
    "arrow table": lambda: pa.table({"id": [1, 2, 3, 4], "text": TEXTS}).replace_schema_metadata({"kept": "yes"}),
    "arrow batch": lambda: pa.RecordBatch.from_pydict({"id": [1, 2, 3, 4], "text": TEXTS}),
}


def rows(batch) -> list[dict]:
    """The rows of any batch, vectors as lists and what is missing as ``None``."""
    if isinstance(batch, pa.Table | pa.RecordBatch):
        plain = batch.to_pylist()
    elif isinstance(batch, pl.DataFrame):
        plain = batch.to_dicts()
    elif isinstance(batch, pd.DataFrame):
        plain = batch.to_dict("records")
    elif isinstance(batch, dict):
        plain = [dict(zip(batch, row, strict=True)) for row in zip(*batch.values(), strict=True)]
    else:
        plain = batch
    return [{name: _plain(value) for name, value in row.items()} for row in plain]


def _plain(value):
    if isinstance(value, np.ndarray | list):
        return None if np.isnan(value).all() else pytest.approx(list(value))
    return None if value is pd.NA or (isinstance(value, float) and np.isnan(value)) else value


def vector(text: str) -> list[float]:
    return embedding(text, 16)


def step(server, **more) -> Embed:
    return Embed("all-minilm", **{"client": {"host": server.url}, **more})


@pytest.mark.parametrize("options", [{}, {"truncate": True}, {"dimensions": 16}], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_comes_back_as_its_kind_with_vectors(emulator: Emulator, kind: str, options: dict):
    batch = KINDS[kind]()
    made = step(emulator, **options)(batch)
    assert type(made) is type(batch)
    assert rows(made) == [
        {"id": 1, "text": "first", "embedding": vector("first"), "error": None},
        {"id": 2, "text": None, "embedding": None, "error": None},
        {"id": 3, "text": "third", "embedding": vector("third"), "error": None},
        {"id": 4, "text": "", "embedding": None, "error": None},
    ]
    assert emulator.requests[0].json["input"] == ["first", "third"]


def test_frames_keep_index_and_metadata(emulator: Emulator):
    assert list(step(emulator)(KINDS["pandas"]()).index) == [7, 7, 9, 1]
    assert step(emulator)(KINDS["arrow table"]()).schema.metadata == {b"kept": b"yes"}


@pytest.mark.parametrize("texts", [["a", "b"], [None, ""], []], ids=str)
def test_types_do_not_depend_on_the_values(emulator: Emulator, texts: list):
    made = step(emulator, dimensions=16)
    table = made(pa.table({"text": pa.array(texts, type=pa.string())}))
    assert table.schema.field("embedding").type == pa.list_(pa.float32(), 16)
    assert table.schema.field("error").type == pa.struct(
        {"type": pa.string(), "message": pa.string(), "status": pa.int64()}
    )
    arrays = made({"text": np.array(texts, dtype=object)})
    assert (arrays["embedding"].dtype, arrays["embedding"].shape) == (np.float32, (len(texts), 16))
    assert made(pl.DataFrame({"text": texts}, schema={"text": pl.String}))["embedding"].dtype == pl.Array(
        pl.Float32, 16
    )


@pytest.mark.parametrize("kind", ["arrow table", "arrow batch", "pandas", "polars"])
def test_types_are_the_same_where_all_rows_fail_and_where_none_does(emulator: Emulator, kind: str):
    good, bad = KINDS[kind](), KINDS[kind]()
    made = step(emulator)(good)
    emulator.faults.add(Fault.status(503))
    failed = step(emulator)(bad)
    assert sum(error is not None for error in (row["error"] for row in rows(failed))) == 2
    assert [row["embedding"] for row in rows(failed)] == [None] * 4
    if kind in {"pandas", "polars"}:
        assert list(made.dtypes) == list(failed.dtypes)
    else:
        assert made.schema == failed.schema


def test_a_numpy_batch_without_vectors_has_the_length_of_others(emulator: Emulator):
    embed = step(emulator)
    failing = {"text": np.array(["word " * 5000] * 2, dtype=object)}
    made = embed(failing)
    assert (made["embedding"].dtype, made["embedding"].shape) == (np.float32, (2, 16))
    assert np.isnan(made["embedding"]).all()
    assert [error["status"] for error in made["error"]] == [400, 400]
    asked = len(emulator.requests)
    assert embed({"text": np.array([None, ""], dtype=object)})["embedding"].shape == (2, 16)
    assert len(emulator.requests) == asked  # the length is known by now


def test_length_of_vectors_is_learnt_from_those_of_a_batch(emulator: Emulator):
    embed = step(emulator)
    embed({"text": ["a"]})
    emulator.faults.add(Fault.status(503))
    made = embed({"text": np.array(["a", "b", "c"])})
    assert made["embedding"].shape == (3, 16)
    assert [error["status"] for error in made["error"]] == [503] * 3
    assert len(emulator.requests) == 2


@pytest.mark.parametrize("dimensions", [4, 5], ids=["given", "refused"])
def test_length_that_one_step_asks_for_is_not_that_of_others(serve, dimensions: int):
    short, long = (
        whole(b'{"model":"all-minilm","embeddings":[%s]}' % body) for body in (b"[1,0,0,0]", b"[1,0,0,0,0,0]")
    )
    server: Loopback = serve(replies(short, long))
    step(server, dimensions=dimensions)({"text": ["a"]})
    assert step(server)({"text": np.array([None], dtype=object)})["embedding"].shape == (1, 6)


def test_batch_that_a_server_failed_holds_objects_and_asks_no_more(emulator: Emulator):
    emulator.faults.add(Fault.status(503))
    made = step(emulator)({"text": np.array(["a", "b"])})
    assert made["embedding"].tolist() == [None, None]
    assert [error["status"] for error in made["error"]] == [503] * 2
    assert len(emulator.requests) == 1


def test_batch_without_vectors_holds_objects_if_none_can_be_had(emulator: Emulator):
    emulator.faults.add(Fault.status(503))
    assert step(emulator)({"text": np.array([None, ""], dtype=object)})["embedding"].tolist() == [None, None]
    assert len(emulator.requests) == 1


def test_an_empty_numpy_batch_has_the_length_that_is_known(emulator: Emulator):
    # A process knows the lengths of each client's vectors, and another test's emulator may have had the same port.
    embed = step(emulator, client={"host": emulator.url, "headers": {"X-Test": "an empty batch"}})
    empty = {"text": np.array([], dtype=object)}
    assert embed(empty)["embedding"].shape == (0,)
    assert len(emulator.requests) == 0
    embed({"text": ["a"]})
    assert embed(empty)["embedding"].shape == (0, 16)


@pytest.mark.parametrize("kind", ["pandas", "arrow batch"])
def test_partitions_have_none_where_a_value_is_missing(emulator: Emulator, kind: str):
    emulator.faults.add(Fault.status(503), times=1)
    made = list(step(emulator).partitions([KINDS[kind](), KINDS[kind]()]))
    for batch, failed in zip(made, (2, 0), strict=True):
        for name, missing in (("error", 4 - failed), ("embedding", 2 + failed)):
            values = batch[name].to_pylist() if kind == "arrow batch" else list(batch[name])
            assert sum(value is None for value in values) == missing


def without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)


def test_new_columns_of_pandas_are_objects_without_pyarrow(emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    batch = KINDS["pandas"]().astype({"text": object})
    without_pyarrow(monkeypatch)
    made = step(emulator)(batch)
    assert list(made.dtypes[["embedding", "error"]]) == [object, object]
    assert [row["embedding"] for row in rows(made)] == [vector("first"), None, vector("third"), None]


def test_polars_without_pyarrow_is_refused_before_any_request(emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    batch = KINDS["polars"]()
    without_pyarrow(monkeypatch)
    with pytest.raises(ConfigurationError, match="pip install pyarrow"):
        step(emulator)(batch)
    assert len(emulator.requests) == 0


def test_vectors_are_32_bit_floats(emulator: Emulator):
    [row] = step(emulator)([{"text": "a"}])
    assert row["embedding"].dtype == np.float32


@pytest.mark.parametrize("bad", [0, 37, 63])
def test_a_bad_row_does_not_fail_its_neighbours(emulator: Emulator, bad: int):
    texts = [f"text {number}" for number in range(64)]
    texts[bad] = "word " * 5000
    made = step(emulator)({"text": texts})
    failed = [number for number, error in enumerate(made["error"]) if error is not None]
    assert failed == [bad]
    assert made["error"][bad]["type"] == "BadRequestError"
    assert made["error"][bad]["status"] == 400
    assert "input length exceeds the context length" in made["error"][bad]["message"]
    for number, text in enumerate(texts):
        assert number == bad or list(made["embedding"][number]) == pytest.approx(vector(text))
    assert len(emulator.requests) == 1 + 2 * 6


def test_a_500_that_one_row_causes_is_the_error_of_that_row(emulator: Emulator):
    emulator.faults.add(Fault.status(500), when=lambda request: "poison" in request.json["input"])
    made = step(emulator)({"text": ["a", "b", "poison", "c"]})
    assert [error and error["status"] for error in made["error"]] == [None, None, 500, None]


def test_an_outage_does_not_multiply_requests(emulator: Emulator):
    emulator.faults.add(Fault.status(503))
    made = step(emulator)({"text": ["a", "b", "c", "d"]})
    assert [error["status"] for error in made["error"]] == [503] * 4
    assert len(emulator.requests) == 1


def test_what_is_no_text_is_an_error_of_its_row(emulator: Emulator):
    made = step(emulator)([{"text": "a"}, {"text": 5}, {"words": "b"}, {"text": "c"}])
    assert [row["error"] and row["error"]["message"] for row in made] == [
        None,
        "text holds a value of type int; give text",
        "the row has no column 'text'; its columns are: words",
        None,
    ]
    assert emulator.requests[0].json["input"] == ["a", "c"]


def test_a_wrong_number_of_vectors_is_an_error(serve):
    body = b'{"model":"all-minilm","embeddings":[[1.0,0.0],[0.0,1.0],[1.0,1.0]]}'
    server: Loopback = serve(replies(*[whole(body)] * 3))
    made = step(server)([{"text": "a"}, {"text": "b"}])
    assert [row["error"]["type"] for row in made] == ["DecodeError"] * 2
    assert "input has 1 item and the reply 3" in made[0]["error"]["message"]


def test_vectors_of_another_length_than_asked_for_are_errors(serve):
    server: Loopback = serve(replies(whole(b'{"model":"all-minilm","embeddings":[[1.0,0.0]]}')))
    [row] = step(server, dimensions=16)([{"text": "a"}])
    assert row["error"]["message"] == "the server returned a vector of 2 dimensions instead of 16"


def test_on_error_raise_stops_the_batch(emulator: Emulator):
    raising = step(emulator, on_error="raise", per_request=1)
    with pytest.raises(BadRequestError):
        raising({"text": ["a", "word " * 5000]})
    with pytest.raises(RowError):
        raising([{"text": 5}])
    assert "error" not in raising([{"text": "a"}])[0]


def test_a_missing_column_is_named(emulator: Emulator):
    with pytest.raises(ConfigurationError, match="no column 'text'; its columns are: id, words"):
        step(emulator)({"id": [1], "words": ["a"]})


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_is_never_overwritten(emulator: Emulator, kind: str):
    with pytest.raises(ConfigurationError, match="already has a column 'id', which the step makes"):
        step(emulator, output="id")(KINDS[kind]())
    assert len(emulator.requests) == 0


@pytest.mark.parametrize(
    "batch", [5, "text", pa.array(["a"]), pl.Series(["a"])], ids=lambda batch: type(batch).__name__
)
def test_what_is_no_batch_is_refused(emulator: Emulator, batch):
    with pytest.raises(ConfigurationError, match="a batch is a dict of columns"):
        step(emulator)(batch)


def test_cut_replies_are_repeated(emulator: Emulator):
    emulator.faults.add(Fault.cut(clean=False), times=2)
    emulator.faults.add(Fault.reset(), times=2)
    made = step(emulator, client={"host": emulator.url, "retry": Retry(initial=0.001, attempts=9)})(
        {"text": ["a", "b"]}
    )
    assert made["error"] == [None, None]
