"""Values of NumPy, pandas, Polars and Pillow are arguments as they are."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from ollama_sdk import ConfigurationError, Ollama
from tests.support.agreeing import Agreeing

USER = [{"role": "user", "content": "Hi"}]
TEXTS = ["one", "two"]


@pytest.fixture(scope="module")
def server():
    with Agreeing() as server:
        server.answers["/api/embed"] = {"model": "all-minilm", "embeddings": [[0.5]] * len(TEXTS)}
        server.answers["/v1/embeddings"] = {"data": [{"embedding": [0.5]}] * len(TEXTS)}
        yield server


@pytest.fixture
def sent(server):
    """Make a call, and return the JSON that it sent."""

    def call(make):
        with Ollama(server.url) as client:
            make(client)
        return server.requests[-1].json

    return call


def column(library):
    return pytest.importorskip(library).Series(TEXTS)


@pytest.mark.parametrize(
    "make",
    [
        lambda: (text for text in TEXTS),
        lambda: dict.fromkeys(TEXTS).keys(),
        lambda: np.array(TEXTS),
        lambda: column("pandas"),
        lambda: column("polars"),
    ],
    ids=["generator", "keys", "numpy", "pandas", "polars"],
)
def test_columns_of_texts_are_embedded(sent, make):
    assert sent(lambda client: client.embed("all-minilm", make()))["input"] == TEXTS
    assert sent(lambda client: client.v1.embeddings.create("all-minilm", make()))["input"] == TEXTS


def test_numbers_of_numpy_are_numbers_anywhere(sent):
    options = {
        "temperature": np.float32(0.5),
        "seed": np.int64(3),
        "penalize_newline": np.bool_(True),
        "stop": np.array(["a"]),
    }
    call = {
        "function": {"name": "f", "arguments": {"n": np.int8(1), "rows": np.eye(2), "deep": [{"x": np.float64(0.5)}]}}
    }
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    body = sent(lambda client: client.chat("llama3.2", [message], options=options))
    assert body["options"] == {"temperature": 0.5, "seed": 3, "penalize_newline": True, "stop": ["a"]}
    arguments = body["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert arguments == {"n": 1, "rows": [[1.0, 0.0], [0.0, 1.0]], "deep": [{"x": 0.5}]}
    extra = sent(lambda client: client.chat("llama3.2", USER, extra_body={"deep": {"x": np.arange(2)}}))
    assert extra["deep"] == {"x": [0, 1]}


def test_a_number_that_json_lacks_is_named(server):
    with Ollama(server.url) as client, pytest.raises(ConfigurationError, match=r"options.stop\[1\] is nan"):
        client.chat("llama3.2", USER, options={"stop": np.array([1.0, np.nan])})


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "1", "P", "CMYK", "F"])
def test_pictures_of_pillow_are_sent_as_png(sent, mode):
    picture = Image.new(mode, (3, 2))
    body = sent(lambda client: client.generate("llava", "What?", images=[picture]))
    read = Image.open(io.BytesIO(base64.b64decode(body["images"][0])))
    assert (read.format, read.size) == ("PNG", (3, 2))
    message = {"role": "user", "content": "What?", "images": (picture,)}
    assert sent(lambda client: client.chat("llava", [message]))["messages"][0]["images"] == body["images"]
