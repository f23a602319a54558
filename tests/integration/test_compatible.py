"""The OpenAI- and Anthropic-compatible routes of a real server work."""

from __future__ import annotations

import io
import wave

import pytest

from tests.integration.live import MESSAGES, QUESTION, WEATHER, Caller, Server

TEXT_CALLS = [
    ("v1.chat.completions.create", [MESSAGES], {"max_tokens": 16}),
    ("v1.completions.create", [QUESTION], {"max_tokens": 16}),
    ("v1.responses.create", [QUESTION], {"max_output_tokens": 16}),
    ("v1.messages.create", [MESSAGES, 16], {}),
]
LAST_TYPE = {"v1.responses.create": "response.completed", "v1.messages.create": "message_stop"}
text_calls = pytest.mark.parametrize(("method", "args", "kwargs"), TEXT_CALLS)


@text_calls
def test_reply_in_one_piece_names_its_model(caller: Caller, server: Server, method: str, args: list, kwargs: dict):
    reply = caller.call(method, server.model, *args, **kwargs)
    assert reply.model == server.model
    assert reply.usage is not None


@text_calls
def test_stream_ends_with_its_last_item(caller: Caller, server: Server, method: str, args: list, kwargs: dict):
    items = caller.stream(method, server.model, *args, **kwargs)
    if method in LAST_TYPE:
        assert items[-1].type == LAST_TYPE[method]
    else:
        assert items[-1].choices[0].finish_reason in {"stop", "length"}


@text_calls
def test_collected_stream_is_a_reply(caller: Caller, server: Server, method: str, args: list, kwargs: dict):
    whole = caller.call(method, server.model, *args, **kwargs)
    assert type(caller.collect(method, server.model, *args, **kwargs)) is type(whole)


@text_calls
def test_stream_can_be_left_early(caller: Caller, server: Server, method: str, args: list, kwargs: dict):
    assert caller.first(method, server.model, *args, **kwargs) is not None
    assert caller.call(method, server.model, *args, **kwargs) is not None


def test_stream_usage_has_its_own_chunk(caller: Caller, server: Server):
    server.since("0.6.0", "stream_options")
    options = {"stream_options": {"include_usage": True}, "max_tokens": 4}
    *_, last = caller.stream("v1.chat.completions.create", server.model, MESSAGES, **options)
    assert last.choices == []
    if not last.usage.completion_tokens:
        pytest.skip("the model gave no tokens")


def test_chat_with_tools_completes(caller: Caller, server: Server):
    server.needs("tools")
    options = {"tools": [WEATHER], "max_tokens": 256}
    whole = caller.call("v1.chat.completions.create", server.model, MESSAGES, **options)
    assert whole.choices[0].finish_reason in {"stop", "length", "tool_calls"}
    assert caller.collect("v1.chat.completions.create", server.model, MESSAGES, **options).choices


def test_vectors_are_equal_as_numbers_and_base64(caller: Caller, server: Server):
    plain = caller.call("v1.embeddings.create", server.embedding(), ["sky", "grass"])
    server.since("0.14.0", "encoding_format")
    packed = caller.call("v1.embeddings.create", server.embedding(), ["sky", "grass"], encoding_format="base64")
    assert [item.index for item in plain.data] == [0, 1]
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-2)


def test_models_are_listed(caller: Caller, server: Server):
    listed = {model.id.removesuffix(":latest") for model in caller.call("v1.models.list").data}
    assert server.model.removesuffix(":latest") in listed


def test_model_is_retrieved(caller: Caller, server: Server):
    assert caller.call("v1.models.retrieve", server.model).object == "model"


def test_recording_is_transcribed(caller: Caller, server: Server):
    server.needs("audio")
    recording = io.BytesIO()
    with wave.open(recording, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(32000))
    reply = caller.call("v1.audio.transcriptions.create", server.model, recording.getvalue())
    assert isinstance(reply.text, str)
    text = caller.call("v1.audio.transcriptions.create", server.model, recording.getvalue(), response_format="text")
    assert isinstance(text, str)
