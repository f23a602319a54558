"""The published clients, unmodified: what they accept from a real server they accept from the emulator."""

from __future__ import annotations

import base64
import json

import ollama
import pydantic
import pytest

from ollama_sdk.testing import Fault, ScriptedToolCall

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ASK = [{"role": "user", "content": "Why is the sky blue?"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "get_weather", "description": "Weather", "parameters": SCHEMA}
TOOL = {"type": "function", "function": FUNCTION}


class Person(pydantic.BaseModel):
    name: str
    age: int
    tags: list[str]


@pytest.fixture(autouse=True)
def scripted(server):
    server.reply("Hello", " there", thinking=["Let", " me"], when="sky")
    server.models.get("qwen3").capabilities = ("completion", "tools", "thinking")


@pytest.fixture
def native(server):
    with ollama.Client(server.url) as client:
        yield client


@pytest.fixture
def compatible(server, openai):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="ollama", max_retries=0) as client:
        yield client


@pytest.fixture
def messages(server, anthropic):
    with anthropic.Anthropic(base_url=server.url, api_key="ollama", max_retries=0) as client:
        yield client


class TestOllama:
    def test_chats_and_generates_whole_and_streamed(self, native):
        assert native.chat("llama3.2", ASK).message.content == "Hello there"
        parts = list(native.chat("llama3.2", ASK, stream=True))
        assert "".join(part.message.content for part in parts) == "Hello there"
        assert parts[-1].eval_count == 2
        assert native.generate("llama3.2", "the sky?").response == "Hello there"
        assert "".join(part.response for part in native.generate("llama3.2", "the sky?", stream=True)) == "Hello there"

    def test_calls_tools(self, native):
        call = native.chat("llama3.2", [{"role": "user", "content": "?"}], tools=[TOOL]).message.tool_calls[0]
        assert (call.function.name, call.function.arguments) == ("get_weather", {"city": "alpha"})

    def test_gets_structured_output(self, native):
        answer = native.chat("llama3.2", [{"role": "user", "content": "?"}], format=Person.model_json_schema())
        assert Person.model_validate_json(answer.message.content)

    def test_sees_thinking(self, native):
        assert native.chat("qwen3", ASK, think=True).message.thinking == "Let me"
        parts = list(native.generate("qwen3", "the sky?", think=True, stream=True))
        assert "".join(part.thinking or "" for part in parts) == "Let me"

    def test_sends_images(self, native, server):
        native.generate("llama3.2", "the sky?", images=[PIXEL])
        assert base64.b64decode(server.requests[-1].json["images"][0]) == PIXEL

    def test_embeds(self, native):
        assert len(native.embed("all-minilm", ["a", "b"]).embeddings) == 2
        assert len(native.embeddings("all-minilm", "a").embedding) == 384

    def test_manages_models(self, native, tmp_path):
        assert native.pull("tiny").status == "success"
        assert [part.status for part in native.pull("tiny", stream=True)][-1] == "success"
        assert native.push("tiny").status == "success"
        assert native.copy("tiny", "small").status == "success"
        assert "small:latest" in [model.model for model in native.list().models]
        assert native.show("small").capabilities == ["completion"]
        weights = tmp_path / "m.gguf"
        weights.write_bytes(b"GGUF")
        digest = native.create_blob(weights)
        assert native.create("new", files={"m.gguf": digest}, system="Be brief").status == "success"
        native.generate("new", "x")
        assert [model.model for model in native.ps().models] == ["new:latest"]
        assert native.delete("new").status == "success"

    @pytest.mark.parametrize("code", [400, 401, 404, 503])
    def test_raises_its_own_errors(self, native, server, code):
        server.faults.add(Fault.status(code, message="as scripted"))
        with pytest.raises(ollama.ResponseError, match="as scripted") as caught:
            native.chat("llama3.2", ASK)
        assert caught.value.status_code == code

    def test_raises_on_an_error_item(self, native, server):
        server.faults.add(Fault.runner_dies(after=1))
        with pytest.raises(ollama.ResponseError, match="unexpected EOF"):
            list(native.chat("llama3.2", ASK, stream=True))

    def test_raises_not_found_for_an_unknown_model(self, native):
        with pytest.raises(ollama.ResponseError, match="model 'nope' not found"):
            native.chat("nope", ASK)

    @pytest.mark.anyio
    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    async def test_works_asynchronously(self, server):
        async with ollama.AsyncClient(server.url) as client:
            parts = [part async for part in await client.chat("llama3.2", ASK, stream=True)]
        assert "".join(part.message.content for part in parts) == "Hello there"


class TestOpenAI:
    def test_chats_whole_and_streamed(self, compatible):
        answer = compatible.chat.completions.create(model="llama3.2", messages=ASK)
        assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello there", "stop")
        chunks = list(
            compatible.chat.completions.create(
                model="llama3.2", messages=ASK, stream=True, stream_options={"include_usage": True}
            )
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Hello there"
        assert chunks[-1].usage.completion_tokens == 2

    def test_calls_tools_whole_and_streamed(self, compatible, server):
        server.reply(
            tool_calls=[
                ScriptedToolCall("get_weather", {"city": "Oslo"}),
                ScriptedToolCall("get_weather", {"city": "Rome"}),
            ]
        )
        asked = {"model": "llama3.2", "messages": [{"role": "user", "content": "?"}], "tools": [TOOL]}
        answer = compatible.chat.completions.create(**asked)
        cities = [json.loads(call.function.arguments)["city"] for call in answer.choices[0].message.tool_calls]
        assert (cities, answer.choices[0].finish_reason) == (["Oslo", "Rome"], "tool_calls")
        with compatible.chat.completions.stream(**asked) as stream:
            final = stream.get_final_completion()
        assert len(final.choices[0].message.tool_calls) == 2

    def test_parses_structured_output(self, compatible):
        asked = {"model": "llama3.2", "messages": [{"role": "user", "content": "?"}]}
        answer = compatible.chat.completions.parse(**asked, response_format=Person)
        assert isinstance(answer.choices[0].message.parsed, Person)

    def test_sees_reasoning(self, compatible):
        answer = compatible.chat.completions.create(model="qwen3", messages=ASK, reasoning_effort="high")
        assert answer.choices[0].message.reasoning == "Let me"

    def test_sends_images(self, compatible, server):
        url = f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
        content = [{"type": "text", "text": "sky"}, {"type": "image_url", "image_url": {"url": url}}]
        seen = []
        server.reply(lambda prompt: seen.append(prompt.messages[0]["images"]) or "ok")
        compatible.chat.completions.create(model="llama3.2", messages=[{"role": "user", "content": content}])
        assert base64.b64decode(seen[0][0]) == PIXEL

    def test_gets_log_probabilities(self, compatible):
        answer = compatible.chat.completions.create(model="llama3.2", messages=ASK, logprobs=True, top_logprobs=2)
        assert [entry.token for entry in answer.choices[0].logprobs.content] == ["Hello", " there"]

    def test_completes(self, compatible):
        asked = {"model": "llama3.2", "prompt": "the sky?"}
        assert compatible.completions.create(**asked).choices[0].text == "Hello there"
        chunks = compatible.completions.create(**asked, stream=True)
        assert "".join(chunk.choices[0].text for chunk in chunks) == "Hello there"

    def test_embeds_as_numbers_and_as_base64(self, compatible):
        asked = {"model": "all-minilm", "input": ["a", "b"], "dimensions": 8}
        numbers = compatible.embeddings.create(**asked, encoding_format="float")
        # Without a format the client asks for base64 and decodes it itself.
        decoded = compatible.embeddings.create(**asked)
        for one, other in zip(numbers.data, decoded.data, strict=True):
            assert one.embedding == pytest.approx(list(other.embedding))

    def test_lists_and_retrieves_models(self, compatible):
        assert {model.id for model in compatible.models.list()} >= {"llama3.2:latest", "qwen3:latest"}
        assert compatible.models.retrieve("llama3.2").owned_by == "library"

    def test_gets_responses_whole_and_streamed(self, compatible):
        assert compatible.responses.create(model="llama3.2", input="the sky?").output_text == "Hello there"
        with compatible.responses.stream(model="qwen3", input="the sky?") as stream:
            kinds = [event.type for event in stream]
            final = stream.get_final_response()
        assert (kinds[0], kinds[-1], final.output_text) == ("response.created", "response.completed", "Hello there")
        assert [item.type for item in final.output] == ["reasoning", "message"]

    def test_gets_tool_calls_and_structure_from_responses(self, compatible):
        answer = compatible.responses.create(
            model="llama3.2", input="?", tools=[{"type": "function", **FUNCTION, "strict": False}]
        )
        assert json.loads(answer.output[0].arguments) == {"city": "alpha"}
        assert isinstance(
            compatible.responses.parse(model="llama3.2", input="?", text_format=Person).output_parsed, Person
        )

    def test_transcribes(self, compatible, server):
        server.reply("spoken words", to="llama3.2")
        answer = compatible.audio.transcriptions.create(model="llama3.2", file=("a.wav", b"RIFF"))
        assert answer.text == "spoken words"

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            (400, "BadRequestError"),
            (401, "AuthenticationError"),
            (404, "NotFoundError"),
            (503, "InternalServerError"),
        ],
    )
    def test_raises_its_own_errors(self, openai, compatible, server, code, error):
        server.faults.add(Fault.status(code, message="as scripted"))
        with pytest.raises(getattr(openai, error), match="as scripted"):
            compatible.chat.completions.create(model="llama3.2", messages=ASK)

    def test_raises_not_found_for_an_unknown_model(self, openai, compatible):
        with pytest.raises(openai.NotFoundError, match="model 'nope' not found"):
            compatible.chat.completions.create(model="nope", messages=ASK, stream=True)

    @pytest.mark.anyio
    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    async def test_works_asynchronously(self, openai, server):
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="ollama") as client:
            stream = await client.chat.completions.create(model="llama3.2", messages=ASK, stream=True)
            assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "Hello there"


class TestAnthropic:
    def test_gets_messages_whole_and_streamed(self, messages):
        asked = {"model": "llama3.2", "max_tokens": 64, "messages": ASK}
        answer = messages.messages.create(**asked)
        assert (answer.content[0].text, answer.stop_reason, answer.usage.output_tokens) == (
            "Hello there",
            "end_turn",
            2,
        )
        with messages.messages.stream(**asked) as stream:
            assert "".join(stream.text_stream) == "Hello there"
            assert stream.get_final_message().stop_reason == "end_turn"

    def test_stops_at_max_tokens(self, messages):
        answer = messages.messages.create(model="llama3.2", max_tokens=1, messages=ASK)
        assert (answer.content[0].text, answer.stop_reason) == ("Hello", "max_tokens")

    def test_calls_tools_and_sends_results_back(self, messages):
        tools = [{"name": "get_weather", "description": "Weather", "input_schema": SCHEMA}]
        asked = {"model": "llama3.2", "max_tokens": 64, "messages": [{"role": "user", "content": "?"}], "tools": tools}
        with messages.messages.stream(**asked) as stream:
            answer = stream.get_final_message()
        use = answer.content[0]
        assert (answer.stop_reason, use.name, use.input) == ("tool_use", "get_weather", {"city": "alpha"})
        result = {"type": "tool_result", "tool_use_id": use.id, "content": "11 degrees in the sky"}
        asked["messages"] += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
        assert messages.messages.create(**asked).content[0].text == "Hello there"

    def test_sees_thinking(self, messages):
        asked = {"model": "qwen3", "max_tokens": 2048, "messages": ASK}
        with messages.messages.stream(**asked, thinking={"type": "enabled", "budget_tokens": 1024}) as stream:
            content = stream.get_final_message().content
        assert [(block.type, block.thinking if block.type == "thinking" else block.text) for block in content] == [
            ("thinking", "Let me"),
            ("text", "Hello there"),
        ]

    def test_sends_images(self, messages, server):
        seen = []
        server.reply(lambda prompt: seen.append(prompt.messages[0]["images"]) or "ok")
        source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PIXEL).decode()}
        content = [{"type": "image", "source": source}, {"type": "text", "text": "?"}]
        messages.messages.create(model="llama3.2", max_tokens=9, messages=[{"role": "user", "content": content}])
        assert base64.b64decode(seen[0][0]) == PIXEL

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            (400, "BadRequestError"),
            (401, "AuthenticationError"),
            (404, "NotFoundError"),
            (503, "InternalServerError"),
        ],
    )
    def test_raises_its_own_errors(self, anthropic, messages, server, code, error):
        server.faults.add(Fault.status(code, message="as scripted"))
        with pytest.raises(getattr(anthropic, error), match="as scripted"):
            messages.messages.create(model="llama3.2", max_tokens=9, messages=ASK)

    def test_raises_not_found_for_an_unknown_model(self, anthropic, messages):
        with pytest.raises(anthropic.NotFoundError, match="model 'nope' not found"):
            messages.messages.create(model="nope", max_tokens=9, messages=ASK)
