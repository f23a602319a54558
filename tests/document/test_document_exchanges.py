"""Every exchange that was recorded from a real server is valid under the document."""

from __future__ import annotations

import pytest

from tests.document.openapi_document import STREAMS, Exchange, Place, at, exchanges, faults, is_left_out, resolve

# Exchanges with routes that the server does not have.
OUTSIDE = {
    "175-method-not-allowed": "GET /api/generate: that path takes POST only",
    "176-not-found": "GET /api/nothing: there is no such path",
    "180-cors-preflight": "OPTIONS: what a browser asks before a call, answered for every path alike",
    "257-v1-messages-count-tokens": "POST /v1/messages/count_tokens: Anthropic has it, Ollama has not",
}

# Nor are those with routes that the document is not to have.
EXCHANGES = [exchange for exchange in exchanges() if not is_left_out(exchange.method, exchange.path)]
INSIDE = [exchange for exchange in EXCHANGES if exchange.name not in OUTSIDE]
ACCEPTED = [exchange for exchange in INSIDE if exchange.status < 300 and exchange.request is not None]
each = pytest.mark.parametrize("exchange", INSIDE, ids=lambda exchange: exchange.name)


def test_only_missing_routes_are_outside_the_document():
    outside = {exchange.name for exchange in EXCHANGES if exchange.operation() is None}
    assert outside == set(OUTSIDE)
    assert all(e.status in {204, 404, 405} for e in EXCHANGES if e.name in OUTSIDE)


@pytest.mark.parametrize("exchange", ACCEPTED, ids=lambda exchange: exchange.name)
def test_accepted_request_is_valid_under_the_document(exchange: Exchange):
    operation = _operation(exchange)
    content = at(operation)["requestBody"]["content"]
    if isinstance(exchange.request, str):
        assert list(content) == ["application/octet-stream"]
        return
    assert faults((*operation, "requestBody", "content", "application/json", "schema"), exchange.request) == []


@each
def test_document_has_status_and_content_type_of_every_reply(exchange: Exchange):
    response = resolve(at((*_operation(exchange), "responses"))[str(exchange.status)])
    if exchange.body and "content" in response:  # the form of some errors is not known
        assert {exchange.content_type, f"{exchange.content_type.partition('/')[0]}/*"} & response["content"].keys()


@each
def test_every_reply_is_valid_under_the_document_item_by_item(exchange: Exchange):
    if not exchange.body or exchange.content_type == "text/plain" or exchange.content_type.startswith("audio/"):
        return
    operation = _operation(exchange)
    for value in exchange.values():
        # An item with an error is no item: it is the body of the error response whose status came too late.
        late = exchange.content_type in STREAMS and "error" in value
        status, content_type = ("500", "application/json") if late else (str(exchange.status), exchange.content_type)
        assert faults(_schema(operation, status, content_type), value) == []


def test_recordings_hold_complete_and_failed_streams():
    streams = [exchange for exchange in INSIDE if exchange.content_type in STREAMS]
    assert {exchange.content_type for exchange in streams} == set(STREAMS)
    late = [exchange for exchange in streams if any("error" in value for value in exchange.values())]
    assert late
    assert len(late) < len(streams)


def _operation(exchange: Exchange) -> Place:
    operation = exchange.operation()
    assert operation is not None
    return operation


def _schema(operation: Place, status: str, content_type: str) -> Place:
    """The place of the schema of an answer."""
    response = at((*operation, "responses", status))
    place = (
        tuple(response["$ref"].removeprefix("#/").split("/"))
        if "$ref" in response
        else (*operation, "responses", status)
    )
    return (*place, "content", content_type, "schema")
