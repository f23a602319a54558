"""The emulator answers the routes and fields that came after 0.33, and refuses what servers refuse there."""

from __future__ import annotations

import json
import math
import wave
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from ollama_sdk import AuthenticationError, BadRequestError, Ollama, PermissionDeniedError
from ollama_sdk.testing import Emulator, ScriptedReply, ScriptedToolCall, read_recordings

NEWER = {each.name: each for each in read_recordings(Path(__file__).parents[1] / "document" / "newer")}
QUESTIONS = {
    "desk": {"type": "choice", "instructions": "Which desk?", "criteria": {"refunds": "Money back", "other": None}},
    "angry": {"type": "noul", "instructions": "Is the writer angry?", "criteria": {"true": "Anger shows"}},
    "urgency": {"type": "score", "instructions": ["How soon?"], "criteria": ["whenever", "today", "at once"]},
}
SEARCH = {"type": "tool_search", "execution": "client", "description": "Find", "parameters": {"type": "object"}}


@pytest.fixture
def server():
    with Emulator() as server:
        server.models.add("m", capabilities=["completion", "tools", "vision"])
        server.models.add("nimble", capabilities=["decision"])
        yield server


@pytest.fixture
def client(server):
    with Ollama(server.url) as client:
        yield client


def test_three_kinds_of_questions_have_answers(client):
    reply = client.v1.systemone.create("nimble", {"paid": 12.5}, QUESTIONS)
    desk, angry, urgency = (reply.answers[name] for name in QUESTIONS)
    assert desk.choice == max(desk.probabilities, key=desk.probabilities.get)
    assert math.isclose(sum(desk.probabilities.values()), 1)
    assert 0 <= angry.noul <= 1
    assert angry.confidence is None
    assert urgency.legend == {"0": "whenever", "1": "today", "2": "at once"}
    assert math.isclose(urgency.score, sum(int(key) * each for key, each in urgency.probabilities.items()))
    assert reply.usage.output_tokens == 3
    assert client.v1.systemone.create("nimble", {"paid": 12.5}, QUESTIONS) == reply


@pytest.mark.parametrize(
    "name", [name for name in NEWER if name[:3] in {"103", "104", "105", "108", "109", "153", "154", "159", "191"}]
)
def test_refusals_are_those_that_are_known(server, name):
    exchange = NEWER[name]
    body = json.loads(exchange.request_body) | ({} if name[:3] in {"105", "108", "109"} else {"model": "m"})
    answer = httpx.request(exchange.method, server.url + exchange.path, json=body)
    assert (answer.status_code, answer.json()) == (exchange.status, json.loads(exchange.body))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"type": "choice", "instructions": "x", "criteria": ["a", "b"]}, "choice criteria must map option keys"),
        ({"type": "choice", "instructions": "x", "criteria": {" ": None, "b": None}}, "choice keys must not be empty"),
        ({"type": "noul", "instructions": "x", "criteria": None}, "noul criteria must be an object"),
        ({"type": "noul", "instructions": "x", "criteria": {"maybe": "x"}}, 'unknown noul criterion "maybe"'),
        ({"type": "noul", "instructions": "x", "criteria": {"true": 1}}, "noul descriptions must be strings"),
        ({"type": "noul", "instructions": ""}, "instructions must be a nonempty string, object, or array"),
        ({"type": "score", "instructions": "x", "criteria": {}}, "score criteria must be an array of descriptions"),
        ({"type": "score", "instructions": "x", "criteria": [1, 2]}, "score descriptions must be strings"),
    ],
)
def test_questions_that_are_not_allowed_are_named(client, question, said):
    with pytest.raises(BadRequestError, match='question "q": ') as error:
        client.v1.systemone.create("nimble", "x", {}, extra_body={"questions": {"q": question}})
    assert said in str(error.value)


def test_large_states_need_images(server):
    body = {"model": "nimble", "state": "x" * 70_000, "questions": {"q": {"type": "noul", "instructions": "Is it?"}}}
    answer = httpx.post(f"{server.url}/v1/systemone", json=body)
    due = NEWER["106-systemone-413"]
    assert (answer.status_code, answer.json()) == (due.status, json.loads(due.body))


def test_speech_is_a_wav_file_that_arrives_in_parts(client, server, tmp_path):
    with client.v1.audio.speech.create("m", "The kettle is on.", voice="Freya") as sound:
        assert sound.head.headers["content-type"] == "audio/wav"
        assert next(sound)[:4] == b"RIFF"
    client.v1.audio.speech.create("m", "The kettle is on.").save(tmp_path / "kettle.wav")
    with wave.open(BytesIO((tmp_path / "kettle.wav").read_bytes())) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 24_000)
    for wrong in ({"voice": "freya"}, {"input": "x" * 4097}):
        with pytest.raises(BadRequestError):
            client.v1.audio.speech.create(**{"model": "m", "input": "Hi", **wrong})


def test_account_routes_need_a_server_that_is_signed_in(client):
    for call in (client.usage, client.balance):
        with pytest.raises(AuthenticationError) as error:
            call()
        assert error.value.signin_url
    with pytest.raises(BadRequestError):
        client.usage(range="1y")
    with Emulator(cloud="disabled") as server, Ollama(server.url) as other, pytest.raises(PermissionDeniedError):
        other.balance()


def test_conversation_is_made_short_and_goes_on(client, server):
    server.reply("Packed boots.", times=1)
    story = [{"role": "user", "content": "What do I pack?"}, {"role": "assistant", "content": "Boots."}]
    made = client.v1.responses.compact("m", story)
    [item] = made.output
    held = json.loads(item.encrypted_content)
    assert (made.object, held["type"], held["summary"]) == ("response.compaction", "ollama_compaction", "Packed boots.")
    assert held["retained"] == [story[0]]
    seen = []
    server.reply(lambda prompt: seen.extend(prompt.messages) or "Yes.", times=1)
    client.v1.responses.create("m", [item, {"role": "user", "content": "Go on."}])
    assert [message["content"] for message in seen] == ["Packed boots.", "What do I pack?", "Go on."]


def test_trigger_at_the_end_makes_a_stream_of_one_item(client):
    story = [{"role": "user", "content": "What do I pack?"}, {"type": "compaction_trigger"}]
    with client.v1.responses.create("m", story, stream=True) as stream:
        assert [event.type for event in stream] == [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.output_item.done",
            "response.completed",
        ]
        assert [item.type for item in stream.collect().output] == ["compaction"]


def test_model_searches_for_tools_and_then_calls_one(client, server):
    server.reply(ScriptedReply(tool_calls=[ScriptedToolCall("tool_search", {"query": "calendar"})]), times=1)
    question = {"role": "user", "content": "Book me a slot"}
    with client.v1.responses.create("m", [question], tools=[SEARCH], stream=True) as stream:
        kinds = [event.type for event in stream]
        [call] = stream.collect().output
    assert not any("function_call_arguments" in kind for kind in kinds)
    assert (call.type, call.arguments, call.execution) == ("tool_search_call", {"query": "calendar"}, "client")
    found = {"type": "tool_search_output", "call_id": call.call_id, "tools": [{"type": "function", "name": "book"}]}
    seen = []
    server.reply(lambda prompt: seen.extend(prompt.tools) or "Done.", times=1)
    client.v1.responses.create("m", [question, call, found], tools=[SEARCH])
    assert [tool["function"]["name"] for tool in seen] == ["tool_search", "book"]


def test_calls_of_custom_tools_are_taken_as_history(client, server):
    body = json.loads(NEWER["158-responses-custom-tool-history"].request_body)
    assert client.v1.responses.create("m", body["input"]).status == "completed"


def test_newer_fields_of_replies_are_there(client, server):
    chat = client.chat("m", [{"role": "user", "content": "Hi"}])
    assert chat.prompt_eval_cached_count == 0
    assert chat.metrics.prompt_tokens_per_second
    completion = client.v1.chat.completions.create("m", [{"role": "user", "content": "Hi"}])
    assert completion.usage.prompt_tokens_details.cached_tokens == 0
    message = client.v1.messages.create("m", [{"role": "user", "content": "Hi"}], 9)
    assert message.usage.cache_read_input_tokens == 0
    shown = client.show("m")
    assert (shown.thinking.values, shown.thinking.default) == ([False], False)
    assert (shown.template_source, shown.details.runner) == ("go_template", "ggml")
    assert [(each.runner, each.selected) for each in shown.manifests] == [("ggml", True)]
    assert client.list_models().models[0].details.runner == client.list_running().models[0].runner == "ggml"
    assert client.show("nimble").capabilities == ["decision"]


def test_any_name_is_taken_for_thinking(client, server):
    server.models.add("thinker", capabilities=["completion", "thinking"])
    assert client.chat("thinker", [{"role": "user", "content": "Hi"}], think="extreme").message.thinking
    reply = client.v1.responses.create("thinker", "Hi", reasoning={"effort": "extreme"})
    assert [item.type for item in reply.output] == ["reasoning", "message"]
