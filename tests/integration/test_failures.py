"""Each failure of a real server is a typed error."""

from __future__ import annotations

import socket

import pytest

from ollama_sdk import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    NotFoundError,
    OllamaError,
    Timeout,
)
from tests.integration.live import MESSAGES, QUESTION, WEATHER, Caller, Server

NONE = "sdk-test-there-is-no-such-model"
UNKNOWN = [
    ("generate", [QUESTION]),
    ("chat", [MESSAGES]),
    ("embed", [QUESTION]),
    ("embeddings", [QUESTION]),
    ("show", []),
    ("copy", ["sdk-test-copy"]),
    ("delete", []),
    ("v1.chat.completions.create", [MESSAGES]),
    ("v1.completions.create", [QUESTION]),
    ("v1.embeddings.create", [QUESTION]),
    ("v1.models.retrieve", []),
    ("v1.responses.create", [QUESTION]),
    ("v1.messages.create", [MESSAGES, 16]),
]
STREAMING = {"generate", "chat", "v1.chat.completions.create", "v1.completions.create"}
STREAMING |= {"v1.responses.create", "v1.messages.create"}


@pytest.mark.parametrize(("method", "args"), UNKNOWN)
def test_unknown_model_is_not_found(caller: Caller, method: str, args: list):
    with pytest.raises(NotFoundError, match=NONE) as caught:
        caller.call(method, NONE, *args)
    if caught.value.response.headers.get("content-type", "").startswith("text/plain"):
        pytest.skip(f"this server has no route for {method}; a newer Ollama may have it")
    assert caught.value.message


@pytest.mark.parametrize(("method", "args"), [row for row in UNKNOWN if row[0] in STREAMING])
def test_unknown_model_is_not_found_before_a_stream(caller: Caller, method: str, args: list):
    with pytest.raises(NotFoundError, match=NONE):
        caller.stream(method, NONE, *args)


@pytest.mark.parametrize(("method", "args"), [("generate", [QUESTION]), ("chat", [MESSAGES])])
@pytest.mark.parametrize("option", [{"temperature": "hot"}, {"num_ctx": "large"}])
def test_option_of_wrong_type_is_refused(caller: Caller, server: Server, method: str, args: list, option: dict):
    with pytest.raises(OllamaError, match=next(iter(option))):
        caller.call(method, server.model, *args, options=option)


@pytest.mark.parametrize(("method", "args"), [("generate", [QUESTION]), ("chat", [MESSAGES])])
def test_invalid_format_is_refused(caller: Caller, server: Server, method: str, args: list):
    server.since("0.5.8", "the check of format")
    with pytest.raises(APIStatusError, match="format"):
        caller.call(method, server.model, *args, format="xml")


def test_invalid_keep_alive_is_refused(caller: Caller, server: Server):
    with pytest.raises(BadRequestError, match="duration"):
        caller.call("generate", server.model, QUESTION, keep_alive="soon")


@pytest.mark.parametrize("method", ["embed", "embeddings"])
def test_embed_with_a_text_model_is_refused(caller: Caller, server: Server, method: str):
    server.lacks("embedding")
    try:
        caller.call(method, server.model, QUESTION)
    except APIStatusError as error:
        assert error.message  # noqa: PT017 - older servers make vectors with any model
    else:
        pytest.skip("this server makes vectors with any model")


def test_chat_with_an_embedding_model_is_refused(caller: Caller, server: Server):
    model = server.embedding()
    if "completion" in server.capabilities[model]:
        pytest.skip(f"{model} has the capability 'completion', so nothing is refused")
    with pytest.raises(APIStatusError, match="does not support"):
        caller.call("chat", model, MESSAGES)


@pytest.mark.parametrize(
    ("capability", "method", "asked"),
    [
        ("tools", "chat", {"messages": MESSAGES, "tools": [WEATHER]}),
        ("insert", "generate", {"prompt": QUESTION, "suffix": "."}),
        ("thinking", "chat", {"messages": MESSAGES, "think": True}),
    ],
)
def test_missing_capability_is_refused(caller: Caller, server: Server, capability: str, method: str, asked: dict):
    server.lacks(capability)
    if capability == "thinking":
        server.knows("chat", "think")
    with pytest.raises(BadRequestError, match="does not support"):
        caller.call(method, server.model, **asked)


def test_blob_with_another_digest_is_refused(caller: Caller):
    with pytest.raises(BadRequestError, match="digest"):
        caller.call("upload_blob", "sha256:" + "0" * 64, b"hello")


def test_create_without_source_is_refused(caller: Caller, new_name):
    with pytest.raises(BadRequestError):
        caller.call("create", new_name())
    with pytest.raises(OllamaError):
        caller.stream("create", new_name())


def test_create_from_an_invalid_file_fails_in_the_stream(caller: Caller, server: Server, new_name):
    server.knows("create", "files")
    digest = caller.call("upload_blob", content=b"this is no GGUF file")
    with pytest.raises(OllamaError):
        caller.stream("create", new_name(), files={"model.gguf": digest})


def test_invalid_model_name_is_refused(caller: Caller, server: Server):
    with pytest.raises(BadRequestError, match="invalid"):
        caller.call("copy", server.model, "bad name!")


def test_missing_messages_are_refused(caller: Caller, server: Server):
    with pytest.raises(BadRequestError):
        caller.call("v1.chat.completions.create", server.model, [])


def test_absent_server_is_a_connection_error(flavour):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        caller_of_closed_port = Caller(f"http://127.0.0.1:{free.getsockname()[1]}", flavour)
        with pytest.raises(APIConnectionError, match="ollama serve"):
            caller_of_closed_port.call("version")
        assert caller_of_closed_port.call("is_available") is False


@pytest.mark.parametrize("how", ["call", "stream"])
def test_exceeded_limit_is_a_timeout_error(caller: Caller, server: Server, how: str):
    with pytest.raises(APITimeoutError) as caught:
        getattr(caller, how)("generate", server.model, QUESTION, timeout=Timeout(total=0.0001))
    assert caught.value.phase == "total"
