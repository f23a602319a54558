"""An argument that a method does not have: the error names it, the method, and where it belongs; a good call pays nothing."""

from __future__ import annotations

import inspect
import traceback
from operator import attrgetter
from unittest.mock import create_autospec

import anyio
import pytest

from ollama_sdk import AsyncOllama, Ollama
from ollama_sdk._generated.operations import OPERATIONS
from tests.support.document_values import arguments_of

CLIENTS = pytest.mark.parametrize("make", [Ollama, AsyncOllama])
ASK = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
USER, SYSTEM = 'messages=[{"role": "user", "content": ...}]', 'messages=[{"role": "system", "content": ...}, ...]'
CHAT, MESSAGES, RESPONSES = "v1.chat.completions.create", "v1.messages.create", "v1.responses.create"
RECONFIGURE = "reconfigure(retry=Retry(attempts=...)), which changes every view and thread of the client"
ADVICE = {
    "chat": {
        **{name: f'give options={{"{name}": ...}}' for name in ("temperature", "top_p", "seed", "num_ctx", "stop")},
        "max_tokens": 'give options={"num_predict": ...}',
        "repetition_penalty": 'give options={"repeat_penalty": ...}',
        "temprature": 'did you mean options={"temperature": ...}?',
        "system": f"give {SYSTEM}",
        "prompt": f"give {USER}",
        "input": f"give {USER}",
        "response_format": "give format=",
        "reasoning_effort": "give think=",
        "functions": "give tools=",
        "optoins": "did you mean options=?",
        "headers": "give extra_headers=",
        "body": "give extra_body=",
        "api_key": "use with_options(api_key=...)",
        "max_retries": f"use {RECONFIGURE}",
        "user": 'what the server may know besides goes into extra_body={"user": ...}',
    },
    "generate": {"input": "give prompt=", "messages": "give prompt=", "max_tokens": 'give options={"num_predict": ...}'},
    "embed": {"prompt": "give input=", "texts": "give input=", "stream": "it is not one of the methods that stream on request"},
    "embeddings": {"input": "give prompt="},
    "upload_blob": {"path": "give content=", "file": "give content="},
    "pull": {"model_name": "give model="},
    "version": {"verbose": 'what the server may know besides goes into extra_query={"verbose": ...}'},
    CHAT: {
        "num_ctx": 'native methods such as chat() take options={"num_ctx": ...}; '
        'what the server may know besides goes into extra_body={"num_ctx": ...}',
        "options": 'native methods such as chat() take it; what the server may know besides goes into extra_body={"options": ...}',
        "max_completion_tokens": "give max_tokens=",
        "format": "give response_format=",
        "think": "give reasoning_effort=",
        "include_usage": 'give stream_options={"include_usage": ...}',
        "tool_choice": 'what the server may know besides goes into extra_body={"tool_choice": ...}',
    },
    MESSAGES: {"stop": "give stop_sequences=", "response_format": 'give output_config={"format": ...}'},
    RESPONSES: {
        "max_tokens": "give max_output_tokens=",
        "system": "give instructions=",
        "response_format": 'give text={"format": ...}',
    },
    "request": {"body": "give json=", "headers": "give extra_headers=", "params": "give extra_query="},
    "with_options": {
        "max_retries": f"use {RECONFIGURE}",
        "base_url": "use Ollama(host)",
        "default_headers": "give headers=",
        "token": "give api_key=",
    },
    "reconfigure": {"timeout": "use with_options(timeout=...)", "retries": f"use {RECONFIGURE}"},
}  # fmt: skip
CASES = [(method, name, said) for method, names in ADVICE.items() for name, said in names.items()]


def given_to(method):
    """Good arguments of a method."""
    own = {"request": {"method": "GET", "path": "/x"}, "with_options": {}, "reconfigure": {}, "chat": ASK}
    return own[method] if method in own else arguments_of(OPERATIONS[method])


async def refused(client, method, **more):
    """The error of a call, whose server is not there."""
    with pytest.raises(TypeError) as caught:  # noqa: PT012 - a method of the async client may return a coroutine
        called = attrgetter(method)(client)(**given_to(method.removeprefix("with_raw_response.")), **more)
        if inspect.isawaitable(called):
            await called
    return caught.value


@CLIENTS
@pytest.mark.parametrize(("method", "name", "said"), CASES, ids=[f"{method}-{name}" for method, name, _ in CASES])
def test_an_argument_of_another_client_is_explained(make, method, name, said):
    error = anyio.run(lambda: refused(make("127.0.0.1:9"), method, **{name: 1}))
    assert str(error) == f"{method}() got an unexpected keyword argument {name!r}; {said}"


def shown_by(error):
    """What a traceback with local variables shows of this package."""
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    shown = {name: value for frame in frames if "ollama_sdk" in frame.filename for name, value in frame.locals.items()}
    assert shown
    return str(shown)


@CLIENTS
@pytest.mark.parametrize(
    ("method", "arguments"),
    [("reconfigure", {"api_key": "sk-secret"}), ("request", {"extra_headers": {"a": "sk-secret"}, "frobnicate": 1})],
    ids=["reconfigure", "request"],
)
def test_the_error_shows_no_secret_of_another_argument(make, method, arguments):
    assert "sk-secret" not in shown_by(anyio.run(lambda: refused(make("127.0.0.1:9"), method, **arguments)))


@CLIENTS
@pytest.mark.parametrize("view", ["", "with_raw_response."], ids=["plain", "raw"])
@pytest.mark.parametrize("method", [*OPERATIONS, "request"])
def test_every_method_explains_what_it_does_not_have(make, view, method):
    error = anyio.run(lambda: refused(make("127.0.0.1:9"), view + method, frobnicate="sk-very-secret"))
    assert str(error).startswith(f"{method}() got an unexpected keyword argument 'frobnicate'; ")
    assert "sk-very-secret" not in shown_by(error)


@CLIENTS
@pytest.mark.parametrize("method", [*OPERATIONS, "request", "with_options", "reconfigure"])
def test_signatures_take_no_further_arguments(make, method):
    for view in ("", "with_raw_response.") if method in {*OPERATIONS, "request"} else ("",):
        signature = inspect.signature(attrgetter(view + method)(make()))
        assert list(signature.parameters)[-1] in {"timeout", "max_body_bytes", "observer"}


def test_method_can_be_looked_at_and_autospecced():
    assert inspect.getsource(Ollama.chat).lstrip().startswith("@exact_signature")
    client = create_autospec(Ollama, instance=True)
    client.chat("m", [], options={"seed": 1})
    with pytest.raises(TypeError, match="temperature"):
        client.chat("m", [], temperature=0)
