"""An emulator is the release of Ollama that it was asked to be: its routes, its fields and its refusals, by the document."""

from __future__ import annotations

import json
from contextlib import contextmanager

import httpx
import ollama
import pytest
import zstandard

from ollama_sdk import BadRequestError, NotFoundError, Ollama
from ollama_sdk._generated import DOCUMENT_VERSION
from ollama_sdk._generated.lifetimes import ROUTES
from ollama_sdk._lifetimes import Lifetime, RouteLifetimes, release_numbers
from ollama_sdk.testing import Emulator
from ollama_sdk.testing._routes import release
from tests.support.loopback import PATIENCE

OLDEST, OLD, RECORDED, NEWEST = RELEASES = ("0.5.0", "0.20", "0.33.0", "0.40.12")
ASK = [{"role": "user", "content": "Why is the sky blue?"}]


@contextmanager
def _server(version):
    with Emulator(version=version) as server:
        server.models.add("llama3.2", capabilities=["completion", "tools", "audio"])
        server.models.add("qwen3", capabilities=["completion", "thinking"])
        server.models.add("all-minilm", capabilities=["embedding"], embedding_length=8)
        server.reply("Hello", " there", thinking=["Let", " me"])
        yield server


@pytest.fixture(params=RELEASES)
def served(request):
    with _server(request.param) as server:
        yield request.param, server


def _has(release, since):
    return release_numbers(release) >= release_numbers(since)


def test_every_route_is_there_in_its_releases_alone(served):
    version, server = served
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
        for (method, path), route in ROUTES.items():
            target = path.replace("{model}", "llama3.2").replace("{digest}", "sha256:0")
            answer = client.request(method, target, content=b"" if method == "GET" else b"{}")
            missing = answer.status_code in {404, 405} and answer.headers.get("content-type", "").startswith(
                "text/plain"
            )
            assert missing != route.route.covers(version), (method, path)


class TestOurs:
    @pytest.fixture
    def client(self, served):
        with Ollama(served[1].url, timeout=PATIENCE) as client:
            yield client

    def test_chats_generates_and_embeds(self, client):
        assert client.chat("llama3.2", ASK).message.content == "Hello there"
        with client.chat("llama3.2", ASK, stream=True) as stream:
            assert stream.collect().message.content == "Hello there"
        assert client.generate("llama3.2", "?").response == "Hello there"
        assert len(client.embed("all-minilm", "?").embeddings[0]) == 8
        assert client.v1.chat.completions.create("llama3.2", ASK).choices[0].message.content == "Hello there"

    def test_sees_the_fields_of_the_release(self, client, served):
        version, _ = served
        assert client.version().version == version
        assert (client.show("qwen3").capabilities is not None) == _has(version, "0.6.4")
        assert (client.list_models().models[0].capabilities is not None) == _has(version, "0.30.0")
        client.generate("llama3.2", "?")
        assert (client.list_running().models[0].context_length is not None) == _has(version, "0.10.0")

    def test_thinks_where_the_release_does(self, client, served):
        version, server = served
        assert client.chat("qwen3", ASK).message.thinking == ("Let me" if _has(version, "0.9.0") else None)
        client.chat("qwen3", ASK, think=True)
        assert server.requests[-1].json["think"] is True  # a release that does not know it ignores it

    def test_shows_reasoning_in_a_stream_where_the_release_does(self, client, served):
        with client.v1.chat.completions.create("qwen3", ASK, stream=True) as stream:
            items = list(stream)
        reasoning = "".join(choice.delta.reasoning or "" for item in items for choice in item.choices)
        assert reasoning == ("Let me" if _has(served[0], "0.11.0") else "")
        assert "".join(choice.delta.content or "" for item in items for choice in item.choices) == "Hello there"

    def test_gets_log_probabilities_where_there_are_some(self, client, served):
        reply = client.chat("llama3.2", ASK, logprobs=True, top_logprobs=2)
        assert (reply.logprobs is not None) == _has(served[0], "0.12.11")

    def test_is_refused_levels_that_came_later(self, client, served):
        version, _ = served
        if not _has(version, "0.9.0") or _has(version, "0.22.0"):
            assert client.chat("qwen3", ASK, think="max").message.content == "Hello there"
            return
        with pytest.raises(BadRequestError, match='must be "high", "medium", "low", true, or false'):
            client.chat("qwen3", ASK, think="max")

    def test_takes_any_name_for_thinking_where_the_release_does(self, client, served):
        version, _ = served
        if not _has(version, "0.9.0") or _has(version, "0.34.3"):  # before 0.9.0 the field was ignored
            assert client.chat("qwen3", ASK, think="deepest").message.content == "Hello there"
            return
        with pytest.raises(BadRequestError, match='invalid think value: "deepest"'):
            client.chat("qwen3", ASK, think="deepest")

    def test_asks_and_speaks_where_the_release_does(self, client, served):
        version, server = served
        server.models.add("nimble", capabilities=["decision"])
        question = {"q": {"type": "noul", "instructions": "Is it?"}}
        calls = {
            "0.35.0": lambda: client.v1.systemone.create("nimble", "state", question).answers["q"],
            "0.40.8": lambda: client.v1.audio.speech.create("llama3.2", "Hello").read(),
            "0.34.0": lambda: client.v1.responses.compact("llama3.2", "Hello").output,
        }
        for since, call in calls.items():
            if _has(version, since):
                assert call()
            else:
                with pytest.raises(NotFoundError, match=f"came with Ollama {since}"):
                    call()

    def test_sees_the_newest_fields_only_in_the_newest_release(self, client, served):
        version, _ = served
        shown = client.show("qwen3")
        assert (shown.thinking is not None) == _has(version, "0.34.3")
        assert (shown.template_source is not None) == _has(version, "0.40.12")
        assert (client.list_models().models[0].details.runner is not None) == _has(version, "0.40.0")
        assert (client.chat("llama3.2", ASK).prompt_eval_cached_count is not None) == _has(version, "0.33.3")

    def test_is_advised_where_a_route_is_missing(self, client, served):
        if _has(served[0], "0.13.3"):
            assert client.v1.responses.create("llama3.2", "?").status == "completed"
            return
        with pytest.raises(NotFoundError, match="the server has no such route"):
            client.v1.responses.create("llama3.2", "?")


class TestOllama:
    def test_chats_and_streams(self, served):
        version, server = served
        with ollama.Client(server.url) as client:
            assert client.chat("llama3.2", ASK).message.content == "Hello there"
            parts = list(client.chat("qwen3", ASK, stream=True))
            assert len(client.embed("all-minilm", "?").embeddings[0]) == 8
            assert (client.show("llama3.2").capabilities is not None) == _has(version, "0.6.4")
        assert "".join(part.message.content for part in parts) == "Hello there"
        thinking = "".join(part.message.thinking or "" for part in parts)
        assert thinking == ("Let me" if _has(version, "0.9.0") else "")


class TestOpenAI:
    def test_chats_streams_and_responds(self, openai, served):
        version, server = served
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key="ollama", max_retries=0) as client:
            whole = client.chat.completions.create(model="llama3.2", messages=ASK, logprobs=True)
            chunks = list(
                client.chat.completions.create(
                    model="llama3.2", messages=ASK, stream=True, stream_options={"include_usage": True}
                )
            )
            assert len(client.embeddings.create(model="all-minilm", input="?").data[0].embedding) == 8
            if _has(version, "0.13.3"):
                assert client.responses.create(model="llama3.2", input="?").output_text == "Hello there"
            else:
                with pytest.raises(openai.NotFoundError):
                    client.responses.create(model="llama3.2", input="?")
        assert whole.choices[0].message.content == "Hello there"
        assert (whole.choices[0].logprobs is not None) == _has(version, "0.12.11")
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hello there"
        assert (chunks[-1].usage is not None) == _has(version, "0.5.2")


class TestAnthropic:
    def test_gets_messages_where_there_are_some(self, anthropic, served):
        version, server = served
        asked = {"model": "llama3.2", "max_tokens": 64, "messages": ASK}
        with anthropic.Anthropic(base_url=server.url, api_key="ollama", max_retries=0) as client:
            if not _has(version, "0.14.0"):
                with pytest.raises(anthropic.NotFoundError):
                    client.messages.create(**asked)
                return
            assert client.messages.create(**asked).content[0].text == "Hello there"
            with client.messages.stream(**asked) as stream:
                assert "".join(stream.text_stream) == "Hello there"


def _post(server, path, **body):
    return httpx.post(f"{server.url}{path}", json=body, timeout=PATIENCE)


@pytest.mark.parametrize(("version", "status"), [("0.33.0", 200), ("0.34.1", 400), ("0.34.4", 400), ("0.40.12", 200)])
def test_option_that_some_releases_refuse_is_refused_by_those(version, status):
    with _server(version) as server:
        for path, body in (
            ("/api/generate", {"model": "llama3.2", "prompt": "?"}),
            ("/api/embed", {"model": "all-minilm"}),
        ):
            answer = _post(server, path, **body, input="?", stream=False, options={"typical_p": 0.5})
            assert answer.status_code == status, path


def test_unknown_field_of_a_request_is_ignored():
    with _server("0.8.0") as server:
        answer = _post(server, "/api/chat", model="qwen3", messages=ASK, think="nonsense", stream=False)
    assert answer.json()["message"] == {"role": "assistant", "content": "Hello there"}


LIFETIMES = {
    ("POST", "/api/chat"): RouteLifetimes(
        Lifetime(),
        request={
            "options.typical_p": Lifetime(until="0.34.1", refused=("0.34.1", "0.35.0")),
            "tools[].items": Lifetime("0.6.6"),
            "tools[].function.parameters.properties{}.anyOf": Lifetime("0.11.3"),
        },
        request_values={
            "think": {
                "low": Lifetime("0.11.0"),
                "medium": Lifetime("0.11.0"),
                "high": Lifetime("0.11.0"),
                "max": Lifetime("0.22.0"),
                "*": Lifetime("0.34.3"),
            }
        },
    ),
    ("POST", "/v1/chat/completions"): RouteLifetimes(
        Lifetime(),
        item={"choices[].delta.reasoning": Lifetime("0.11.0")},
        request_values={"reasoning_effort": {"low": Lifetime(), "max": Lifetime("0.22.0"), "*": Lifetime("0.34.3")}},
    ),
    ("POST", "/v1/responses"): RouteLifetimes(
        Lifetime(), request_values={"input[].type": {"compaction": Lifetime("0.34.0")}}
    ),
    ("POST", "/api/show"): RouteLifetimes(
        Lifetime(),
        reply={"model_info.nothing": Lifetime("0.9.0")},
        reply_values={"capabilities[]": {"thinking": Lifetime("0.9.0")}},
    ),
}


@pytest.fixture
def made_up(monkeypatch):
    """Let the rules be those of made-up lifetimes, whatever the document says."""
    monkeypatch.setattr(release, "ROUTES", LIFETIMES)


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("0.10.0", "json: cannot unmarshal string into Go struct field ChatRequest.think of type bool"),
        ("0.11.0", 'invalid think value: "max" (must be "high", "medium", "low", true, or false)'),
        ("0.22.0", None),
    ],
)
@pytest.mark.usefixtures("made_up")
def test_later_value_is_refused_in_the_words_of_the_release(version, text):
    with _server(version) as server:
        answer = _post(server, "/api/chat", model="qwen3", messages=ASK, think="max", stream=False)
    assert (answer.status_code, answer.json().get("error")) == (400 if text else 200, text)


@pytest.mark.usefixtures("made_up")
def test_later_values_are_refused_in_the_form_of_their_route():
    with _server("0.20.0") as server:
        effort = _post(server, "/v1/chat/completions", model="qwen3", messages=ASK, reasoning_effort="max")
        item = _post(
            server, "/v1/responses", model="qwen3", input=[{"role": "user", "content": "?"}, {"type": "compaction"}]
        )
        fine = _post(server, "/v1/chat/completions", model="qwen3", messages=ASK, reasoning_effort="low")
    assert effort.json()["error"]["message"].startswith("invalid reasoning value: 'max' (must be \"low\"")
    assert item.json()["error"]["message"] == 'input[1]: unknown input item type: "compaction"'
    assert (effort.status_code, item.status_code, fine.status_code) == (400, 400, 200)


@pytest.mark.parametrize(("version", "status"), [("0.33.0", 200), ("0.34.1", 400), ("0.34.4", 400), ("0.35.0", 200)])
@pytest.mark.usefixtures("made_up")
def test_field_is_refused_in_the_releases_that_refuse_it(version, status):
    with _server(version) as server:
        answer = _post(server, "/api/chat", model="qwen3", messages=ASK, options={"typical_p": 0.5}, stream=False)
    assert answer.status_code == status
    assert status == 200 or answer.json() == {"error": "typical_p is no longer supported"}


@pytest.mark.usefixtures("made_up")
def test_fields_of_lists_and_maps_are_ignored_before_they_came():
    parameters = {"type": "object", "properties": {"city": {"type": "string", "anyOf": [{"type": "string"}]}}}
    tool = {"type": "function", "items": 1, "function": {"name": "f", "description": "", "parameters": parameters}}
    seen = []
    for version in ("0.6.5", "0.11.3"):
        with _server(version) as server:
            server.reply(lambda prompt: seen.append(prompt.tools[0]) or "ok")
            _post(server, "/api/chat", model="llama3.2", messages=ASK, tools=[tool], stream=False)
    assert seen[1] == tool
    assert "items" not in seen[0]
    assert seen[0]["function"]["parameters"]["properties"] == {"city": {"type": "string"}}


@pytest.mark.usefixtures("made_up")
def test_values_that_came_later_are_left_out_of_lists():
    with _server("0.8.0") as server:
        assert _post(server, "/api/show", model="qwen3").json()["capabilities"] == ["completion"]
        assert _post(server, "/api/show", model="llama3.2").json()["capabilities"] == ["completion", "tools", "audio"]


@pytest.mark.usefixtures("made_up")
def test_server_sent_events_lose_what_came_later():
    with _server("0.8.0") as server:
        answer = _post(server, "/v1/chat/completions", model="qwen3", messages=ASK, stream=True)
    assert answer.text.endswith("data: [DONE]\n\n")
    assert "Let" not in answer.text
    assert "Hello" in answer.text


def test_streamed_items_lose_what_came_later():
    with _server("0.8.0") as server:
        native = _post(server, "/api/chat", model="qwen3", messages=ASK)
    assert "thinking" not in native.text
    items = [json.loads(line) for line in native.text.splitlines()]
    assert (items[-1]["done"], len(items)) == (True, 5)


def test_length_of_a_reply_is_that_of_what_is_left():
    with _server("0.8.0") as server:
        answer = _post(server, "/api/chat", model="qwen3", messages=ASK, stream=False)
    assert answer.headers["content-length"] == str(len(answer.content))
    assert "thinking" not in answer.json()["message"]


def test_errors_and_requests_that_are_not_json_pass_unchanged():
    with _server("0.8.0") as server, _server(RECORDED) as newer:
        for body in (b"", b"{", b"[]", b'{"model": "nothing"}'):
            answers = [httpx.post(f"{one.url}/api/chat", content=body) for one in (server, newer)]
            assert answers[0].status_code == answers[1].status_code
            assert answers[0].content == answers[1].content


def test_missing_method_of_a_path_is_not_allowed():
    with _server(OLDEST) as server:
        assert httpx.get(f"{server.url}/api/status").status_code == 404
        assert httpx.post(f"{server.url}/api/tags").headers["allow"] == "GET, HEAD"


def test_default_release_is_that_of_the_document():
    with Emulator() as server:
        assert httpx.get(f"{server.url}/api/version").json() == {"version": DOCUMENT_VERSION}


@pytest.mark.parametrize("version", ["", "latest", "1.x", "0.33 "])
def test_version_must_be_one(version):
    with pytest.raises(ValueError, match=r"give a release of Ollama, such as 0.33.0"):
        Emulator(version=version)


# Bodies in zstd

READ_ZSTD = {path: route.encodings["zstd"] for (_, path), route in ROUTES.items() if "zstd" in route.encodings}
BODIES = {
    "/v1/chat/completions": {"model": "llama3.2", "messages": ASK},
    "/v1/completions": {"model": "llama3.2", "prompt": "?"},
    "/v1/embeddings": {"model": "all-minilm", "input": "?"},
    "/v1/responses": {"model": "llama3.2", "input": "?"},
    "/v1/messages": {"model": "llama3.2", "messages": ASK, "max_tokens": 5},
}


def _post_zstd(server, path, body):
    headers = {"content-type": "application/json", "content-encoding": "zstd"}
    return httpx.post(server.url + path, content=body, headers=headers, timeout=PATIENCE)


@pytest.mark.parametrize("version", ["0.16.2", "0.16.3", "0.17.7", "0.18.0", NEWEST])
def test_bodies_in_zstd_are_read_where_the_release_does(version):
    assert READ_ZSTD.keys() == BODIES.keys()
    with _server(version) as server:
        for path, body in BODIES.items():
            answer = _post_zstd(server, path, zstandard.compress(json.dumps(body).encode()))
            if READ_ZSTD[path].covers(version):
                assert answer.status_code == 200, (path, answer.text)
            else:
                assert answer.status_code == 400
                assert "invalid character '(' looking for beginning of value" in answer.text
        answer = _post_zstd(server, "/api/chat", zstandard.compress(json.dumps(BODIES["/v1/messages"]).encode()))
        assert "invalid character '('" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (zstandard.compress(b'{"model": "' + b"x" * (20 * 2**20) + b'"}'), "http: request body too large"),
        (b"{}", "invalid input: magic number mismatch"),
    ],
)
def test_bodies_that_are_no_zstd_or_too_large_are_refused(body, error):
    with _server(NEWEST) as server:
        answer = _post_zstd(server, "/v1/chat/completions", body)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_body_in_zstd_that_was_cut_off_ends_unexpectedly():
    with _server(NEWEST) as server:
        answer = _post_zstd(server, "/v1/chat/completions", zstandard.compress(b'{"model": "llama3.2"}')[:-4])
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "unexpected EOF")
