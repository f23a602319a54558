"""What servers since 0.33 send and take goes through both clients unharmed.

``tests/document/newer`` holds exchanges of the shapes that are known of them: made up, not recorded.
"""

from __future__ import annotations

import json
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from ollama_sdk import APIStatusError
from ollama_sdk._codec import Model
from ollama_sdk._generated.operations import OPERATIONS
from ollama_sdk.testing import RecordedExchange, read_recordings
from tests.support.loopback import END, chunk, head, replies, whole

NAMED = {each.name: each for each in read_recordings(Path(__file__).parents[1] / "document" / "newer")}
EXCHANGES = [pytest.param(exchange, id=name) for name, exchange in NAMED.items()]


def operation_of(exchange: RecordedExchange) -> Any:
    """The row of the operation that a request calls."""
    return next(row for row in OPERATIONS.values() if (row.method, row.path) == (exchange.method, exchange.path))


def request_of(exchange: RecordedExchange) -> Any:
    return json.loads(exchange.request_body) if exchange.request_body else None


def arguments_of(exchange: RecordedExchange, row: Any) -> dict[str, Any]:
    """The arguments that make a client send a request; what it would refuse, or does not know, goes into ``extra_body``."""
    given: dict[str, Any] = dict(request_of(exchange) or {}) | dict(parse_qsl(exchange.query))
    asked = given.pop("stream", None)
    stream = asked or exchange.header("content-type") in {"application/x-ndjson", "text/event-stream"}
    known = {argument.wire: argument.name for argument in row.arguments}
    if given.get("think").__class__ is int:
        del known["think"]
    arguments = {known[name]: value for name, value in given.items() if name in known}
    if others := {name: value for name, value in given.items() if name not in known}:
        arguments["extra_body"] = others
    return arguments | ({"stream": True} if stream else {})


def response_of(exchange: RecordedExchange) -> bytes:
    """The bytes of a response; a stream comes in pieces that have nothing to do with its items."""
    body = exchange.body
    headers = {name.replace("-", "_"): value for name, value in exchange.headers}
    kind = headers.pop("Content_Type")
    for name in ("Connection", "Transfer_Encoding"):
        headers.pop(name, None)
    if not exchange.header("transfer-encoding"):
        return whole(body, exchange.status, kind, **headers)
    pieces = (body[start : start + 37] for start in range(0, len(body), 37))
    return head(exchange.status, kind, transfer_encoding="chunked", **headers) + b"".join(map(chunk, pieces)) + END


def says_all_of(part: Any, whole: Any) -> bool:
    """Whether ``whole`` holds everything that ``part`` holds; null is absence."""
    if isinstance(part, dict):
        return all(name in whole and says_all_of(part[name], whole[name]) for name in part if part[name] is not None)
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(says_all_of, part, whole))
    if isinstance(part, str) and part.endswith("Z") and part[:2] == "20":
        return part.rstrip("Z").rstrip("0").rstrip(".") in whole  # a time
    return part == whole


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_exchange_goes_through_every_client_unharmed(world, serve, exchange):
    row, request = operation_of(exchange), request_of(exchange)
    server = serve(replies(response_of(exchange)))
    with world.client(server.url, api_key="key") as client:
        method = attrgetter(row.name)(client)
        if exchange.status >= 400:
            with pytest.raises(APIStatusError) as error:
                method(**arguments_of(exchange, row))
            assert error.value.status_code == exchange.status
            check_error(exchange, error.value)
        else:
            check_reply(exchange, method(**arguments_of(exchange, row)))
    [sent] = server.requests
    body = json.loads(sent.body) if sent.body else None
    if body is not None and "stream" not in (request or {}):
        body.pop("stream", None)
    assert body == request
    assert dict(parse_qsl(urlsplit(sent.target).query)) == dict(parse_qsl(exchange.query))


def check_error(exchange: RecordedExchange, error: APIStatusError) -> None:
    if exchange.header("content-type") == "text/plain":
        assert "0.35.0" in str(error)
        return
    said = json.loads(exchange.body)["error"]
    assert (said if isinstance(said, str) else said["message"]) in str(error)
    if waiting := exchange.header("retry-after"):
        assert error.response.headers["retry-after"] == waiting


def check_reply(exchange: RecordedExchange, reply: Any) -> None:
    if exchange.header("content-type").startswith("audio/"):
        assert reply.read() == exchange.body
    elif isinstance(reply, Model):
        assert says_all_of(json.loads(exchange.body), reply.to_dict())
    else:
        lines = exchange.body.decode().splitlines()
        data = [line.removeprefix("data: ") for line in lines if not line.startswith("event:")]
        due = [json.loads(line) for line in data if line and line != "[DONE]"]
        items = [item.to_dict() for item in reply]
        assert len(items) == len(due)
        assert all(map(says_all_of, due, items))


def test_names_of_newer_servers_never_fail(world, serve):
    thinking = {"values": ["extreme", True], "default": "extreme"}
    shown = {"capabilities": ["telepathy"], "thinking": thinking, "details": {"runner": "abacus", "format": "clay"}}
    chat = {"message": {"role": "oracle", "content": "x"}, "done": True, "done_reason": "bored"}
    response = {"output": [{"type": "dream", "depth": 3}], "status": "dreaming", "usage": {"total_tokens": 1}}
    bodies = [json.dumps(body).encode() for body in (shown, chat, response)]
    server = serve(replies(*map(whole, bodies)))
    with world.client(server.url) as client:
        reply = client.show("m")
        assert (reply.capabilities, reply.thinking.default, reply.details.runner) == (
            ["telepathy"],
            "extreme",
            "abacus",
        )
        assert client.chat("m", [], think="extreme", format="yaml").done_reason == "bored"
        made = client.v1.responses.create("m", "x", reasoning={"effort": "extreme"})
        assert made.output[0].to_dict() == {"type": "dream", "depth": 3}
    assert server.requests[1].json["think"] == "extreme"
    assert server.requests[1].json["format"] == "yaml"
    assert server.requests[2].json["reasoning"] == {"effort": "extreme"}


def test_answers_to_three_kinds_of_questions_are_typed(world, serve):
    server = serve(replies(response_of(NAMED["101-systemone-noul-score"])))
    with world.client(server.url) as client:
        questions = {
            "angry": {"type": "noul", "instructions": "Is the writer angry?"},
            "urgency": {"type": "score", "instructions": ["How soon?"], "criteria": ["whenever", "at once"]},
            "desk": {"type": "choice", "instructions": "Which desk?", "criteria": {"refunds": None}},
        }
        reply = client.v1.systemone.create("nimble", {"paid": 12.5}, questions)
        assert reply.answers["angry"].noul == 0.90625
        assert reply.answers["urgency"].legend["3"] == "at once"
        assert reply.usage.input_tokens == 211
    assert server.requests[0].json["questions"]["desk"]["criteria"] == {"refunds": None}


def test_compacted_conversation_is_given_back_as_it_came(world, serve):
    compacted, answer = NAMED["150-responses-compact"], NAMED["151-responses-after-compact"]
    server = serve(replies(response_of(compacted), response_of(answer)))
    with world.client(server.url) as client:
        [item] = client.v1.responses.compact("m", "a long story").output
        client.v1.responses.create("m", [item, {"role": "user", "content": "Go on."}])
    assert server.requests[1].json["input"][0] == json.loads(compacted.body)["output"][0]


def test_tool_search_is_given_back_as_it_came(world, serve):
    searched = NAMED["155-responses-tool-search"]
    server = serve(replies(response_of(searched), response_of(searched)))
    with world.client(server.url) as client:
        [call] = client.v1.responses.create("m", "Book me a slot", tools=[{"type": "tool_search"}]).output
        assert call.arguments == {"query": "calendar"}
        found = {"type": "tool_search_output", "call_id": call.call_id, "tools": [{"type": "function", "name": "book"}]}
        client.v1.responses.create("m", [call, found])
    assert server.requests[1].json["input"] == [json.loads(searched.body)["output"][0], found]
