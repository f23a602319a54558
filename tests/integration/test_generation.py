"""generate and chat work with each of their options on a real server."""

from __future__ import annotations

import pytest

from tests.integration.live import MESSAGES, QUESTION, SHORT, WEATHER, Caller, Server, picture, said, said_json

SCHEMA = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}
ARGUMENTS = {"generate": [QUESTION], "chat": [MESSAGES]}


def text_of(reply):
    return reply.response if hasattr(reply, "response") else reply.message.content


def thinking_of(reply):
    return reply.thinking if hasattr(reply, "response") else reply.message.thinking


@pytest.fixture(params=ARGUMENTS)
def method(request) -> str:
    return request.param


def test_reply_in_one_piece_is_done_and_has_counters(caller: Caller, server: Server, method: str):
    reply = caller.call(method, server.model, *ARGUMENTS[method], options=SHORT)
    assert reply.done
    assert reply.done_reason in {"stop", "length"}
    assert reply.created_at.tzinfo is not None
    assert reply.metrics.tokens >= 1
    assert reply.metrics.tokens_per_second > 0
    assert reply.metrics.total_seconds > 0


def test_streamed_reply_ends_with_a_done_item(caller: Caller, server: Server, method: str):
    items = caller.stream(method, server.model, *ARGUMENTS[method], options=SHORT)
    assert [item.done for item in items] == [False] * (len(items) - 1) + [True]
    assert items[-1].metrics.tokens >= 1


def test_collected_stream_is_a_complete_reply(caller: Caller, server: Server, method: str):
    reply = caller.collect(method, server.model, *ARGUMENTS[method], options=SHORT)
    assert reply.done
    assert reply.metrics.tokens >= 1
    said(text_of(reply) or thinking_of(reply), "text")


def test_stream_can_be_left_early(caller: Caller, server: Server, method: str):
    item = caller.first(method, server.model, *ARGUMENTS[method])
    assert item.model
    assert caller.call(method, server.model, *ARGUMENTS[method], options=SHORT).done


def test_num_predict_limits_tokens(caller: Caller, server: Server, method: str):
    reply = caller.call(method, server.model, *ARGUMENTS[method], options={"num_predict": 1})
    assert reply.done_reason in {"length", "stop"}
    assert reply.eval_count <= 2


def test_unknown_option_is_ignored(caller: Caller, server: Server, method: str):
    assert caller.call(method, server.model, *ARGUMENTS[method], options={**SHORT, "nonsense": 1}).done


def test_json_format_gives_json(caller: Caller, server: Server, method: str):
    reply = caller.call(
        method, server.model, *ARGUMENTS[method], format="json", options={"num_predict": 256, "seed": 1}
    )
    if reply.done_reason == "length":
        pytest.skip("the model did not end its JSON within 256 tokens")
    assert isinstance(said_json(text_of(reply)), dict | list)


def test_reply_matches_the_schema(caller: Caller, server: Server, method: str):
    reply = caller.call(
        method, server.model, *ARGUMENTS[method], format=SCHEMA, options={"num_predict": 256, "seed": 1}
    )
    if reply.done_reason == "length":
        pytest.skip("the model did not end its JSON within 256 tokens")
    answer = said_json(text_of(reply))
    if not isinstance(answer, dict) or "colour" not in answer:
        pytest.skip(f"the model ignored the schema: {answer!r:.80}")
    assert isinstance(answer["colour"], str)


def test_logprobs_come_with_their_tokens(caller: Caller, server: Server, method: str):
    server.knows(method, "logprobs")
    reply = caller.collect(method, server.model, *ARGUMENTS[method], logprobs=True, top_logprobs=2, options=SHORT)
    said(text_of(reply) or thinking_of(reply), "text")
    assert all(entry.logprob <= 0 for entry in reply.logprobs)
    assert all(len(entry.top_logprobs) <= 2 for entry in reply.logprobs)


def test_thinking_is_apart_from_the_text(caller: Caller, server: Server, method: str):
    server.needs("thinking")
    reply = caller.collect(method, server.model, *ARGUMENTS[method], think=True, options={"num_predict": 32})
    assert said(thinking_of(reply), "thinking")


def test_empty_request_loads_and_unloads_the_model(caller: Caller, server: Server, method: str):
    nothing = {"generate": [], "chat": [[]]}[method]
    assert caller.call(method, server.model, *nothing).done_reason in {"load", None}
    assert caller.stream(method, server.model, *nothing)[-1].done
    assert caller.call(method, server.model, *nothing, keep_alive=0).done_reason in {"unload", None}


def test_raw_mode_completes(caller: Caller, server: Server):
    assert caller.call("generate", server.model, QUESTION, raw=True, options=SHORT).done


def test_context_continues_a_conversation(caller: Caller, server: Server):
    first = caller.call("generate", server.model, QUESTION, options=SHORT)
    if not first.context:
        pytest.skip("this server sent no context")
    assert caller.call("generate", server.model, "And at night?", context=first.context, options=SHORT).done


def test_suffix_completes(caller: Caller, server: Server):
    server.needs("insert")
    assert caller.call("generate", server.model, "def add(a, b):\n", suffix="\n    return c", options=SHORT).done


def test_image_is_accepted(caller: Caller, server: Server):
    server.needs("vision")
    assert caller.call("generate", server.model, "What is it?", images=[picture()], options=SHORT).done
    message = {"role": "user", "content": "What is it?", "images": [picture()]}
    assert caller.call("chat", server.model, [message], options=SHORT).done


def test_conversation_continues(caller: Caller, server: Server):
    first = caller.call("chat", server.model, MESSAGES, options=SHORT)
    messages = [*MESSAGES, first.message, {"role": "user", "content": "And at night?"}]
    assert caller.call("chat", server.model, messages, options=SHORT).message.role == "assistant"


def test_tool_call_and_result_round_trip(caller: Caller, server: Server):
    server.needs("tools")
    question = {"role": "user", "content": "What is the weather in Oslo? Use the tool."}
    reply = caller.call("chat", server.model, [question], tools=[WEATHER], options={"num_predict": 256})
    if not reply.message.tool_calls:
        pytest.skip(f"{server.model} chose not to call the tool")
    if (name := reply.message.tool_calls[0].function.name) != "get_weather":
        pytest.skip(f"{server.model} called a tool that was not offered: {name!r}")
    result = {"role": "tool", "content": "Rain, 4 degrees", "tool_name": "get_weather"}
    after = caller.call("chat", server.model, [question, reply.message, result], tools=[WEATHER], options=SHORT)
    assert after.done


def test_stream_with_tools_completes(caller: Caller, server: Server):
    server.needs("tools")
    reply = caller.collect("chat", server.model, MESSAGES, tools=[WEATHER], options={"num_predict": 256})
    assert reply.done
