"""The emulator parses names, durations and bodies as Ollama does, and refuses invalid ones with its error texts."""

from __future__ import annotations

import contextlib
import doctest

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ollama_sdk import testing
from ollama_sdk.testing import _fault_rules, emulator
from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._model.tokens import split_tokens
from ollama_sdk.testing._routes.body import BOOLEAN, INTEGER, MESSAGES, NUMBER, OBJECT, STRING, STRINGS, decode
from ollama_sdk.testing._routes.request_values import base64_error, keep_alive_seconds
from ollama_sdk.testing._server.status_error import StatusError

FIELDS = {
    "model": STRING,
    "stream": BOOLEAN,
    "n": INTEGER,
    "messages": MESSAGES,
    "options": OBJECT,
    "images": STRINGS,
    "temperature": NUMBER,
}


@pytest.mark.parametrize(
    ("text", "full", "short"),
    [
        ("llama3.2", "registry.ollama.ai/library/llama3.2:latest", "llama3.2:latest"),
        ("me/mine:v1", "registry.ollama.ai/me/mine:v1", "me/mine:v1"),
        ("hf.co/org/model:Q4_K_M", "hf.co/org/model:Q4_K_M", "hf.co/org/model:Q4_K_M"),
        ("http://127.0.0.1:5055/acme/tiny", "127.0.0.1:5055/acme/tiny:latest", "127.0.0.1:5055/acme/tiny:latest"),
    ],
)
def test_name_parsing_fills_in_defaults(text, full, short):
    name = ModelName.parse(text)
    assert (name.full, name.short) == (full, short)


@pytest.mark.parametrize("text", ["", "bad name!", "-x", "a/b/c/d/e", "x" * 81, "a:b:c", "http://"])
def test_invalid_name_is_not_parsed(text):
    assert ModelName.parse(text) is None


@given(st.text())
def test_short_name_parses_to_the_same_name(text):
    name = ModelName.parse(text)
    assert name is None or ModelName.parse(name.short) == name


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("5m", 300), ("1h30m", 5400), ("1.5s", 1.5), ("250ms", 0.25), (0, 0), ("0", 0), (12.5, 12.5), (None, None)],
)
def test_keep_alive_takes_seconds_and_go_durations(given, seconds):
    assert keep_alive_seconds(given) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("given", [-1, "-1s", "-5m"])
def test_negative_keep_alive_means_for_ever(given):
    assert keep_alive_seconds(given) > 9e9


@pytest.mark.parametrize(
    ("given", "error_text"), [("soon", "invalid duration"), ("5", "missing unit"), ([], "unsupported")]
)
def test_invalid_keep_alive_is_refused(given, error_text):
    with pytest.raises(StatusError, match=error_text):
        keep_alive_seconds(given)


@given(st.binary() | st.text().map(str.encode))
@example(b'{"model": "\\ud800"}')
@example(b'{"n": 1' + b"0" * 5000 + b"}")
@example(b'{"options": {"seed": 9223372036854775808}}')
@example(b"[" * 100_000)
@example(b'{"temperature": NaN}')
def test_any_body_is_decoded_or_refused(body):
    with contextlib.suppress(StatusError):
        orjson.dumps(decode(body, "api.X", FIELDS))


@pytest.mark.parametrize(
    ("body", "error_text"),
    [
        (b"", "missing request body"),
        (b'{"model":', "unexpected EOF"),
        (b'{"model": "x', "unexpected EOF"),
        (b"{x}", "invalid character 'x'"),
        (b"[]", "cannot unmarshal array into Go value of type api.X"),
        (b'{"model": 5}', "cannot unmarshal number into Go struct field X.model of type string"),
        (b'{"stream": "yes"}', "cannot unmarshal string into Go struct field X.stream of type bool"),
        (b'{"n": 1.5}', "cannot unmarshal number 1.5 into Go struct field X.n of type int"),
        (b'{"n": true}', "cannot unmarshal bool into Go struct field X.n of type int"),
        (b'{"messages": ["x"]}', "cannot unmarshal string into Go struct field X.messages of type api.Message"),
    ],
)
def test_invalid_body_is_refused_with_go_error_text(body, error_text):
    with pytest.raises(StatusError) as caught:
        decode(body, "api.X", FIELDS)
    assert error_text in caught.value.message


def test_null_fields_are_absent_and_unknown_ones_kept():
    assert decode(b'{"model": null, "n": 1, "more": [null]} and more', "api.X", FIELDS) == {"n": 1, "more": [None]}


@given(st.binary())
def test_valid_base64_is_accepted(data):
    import base64

    assert base64_error(base64.b64encode(data).decode()) is None


@pytest.mark.parametrize(("text", "place"), [("data:image", 4), ("QUJD*", 4), ("QUJ", 3)])
def test_base64_error_names_the_first_invalid_byte(text, place):
    assert base64_error(text) == f"illegal base64 data at input byte {place}"


@given(st.text())
def test_tokens_join_to_the_text(text):
    assert "".join(split_tokens(text)) == text


@pytest.mark.parametrize("module", [testing, emulator, _fault_rules])
def test_docstring_examples_run(module):
    result = doctest.testmod(module)
    assert (result.failed, result.attempted > 0) == (0, True)
