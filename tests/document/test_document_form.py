"""The document is valid, keeps to its conventions, and is written so that a client can be generated from it."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_python_client import MetaType
from openapi_python_client.config import Config, ConfigFile
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_spec_validator import OpenAPIV31SpecValidator

from ollama_sdk import Ollama
from tests.document.openapi_document import (
    JSON,
    PATH,
    STREAMS,
    Place,
    document,
    faults,
    nodes,
    operations,
    resolve,
    schema,
    schemas,
)

ERRORS = {
    "/v1/systemone": "ErrorResponse",
    "/v1/messages": "MessagesErrorResponse",
    "/v1/": "OpenAIErrorResponse",
    "/": "ErrorResponse",
}

OPERATIONS = list(operations())


def _sent() -> set[str]:
    """The schemas that are part of a request."""
    todo: list[Any] = [node.get("requestBody", {}) for _, _, node in OPERATIONS]
    found: set[str] = set()
    while todo:
        names = {node["$ref"].rpartition("/")[2] for _, node in nodes(todo.pop()) if "$ref" in node} - found
        todo += [schemas()[name] for name in names]
        found |= names
    return found


each_operation = pytest.mark.parametrize(
    ("method", "path", "node"), OPERATIONS, ids=[f"{m} {p}" for m, p, _ in OPERATIONS]
)
each_schema = pytest.mark.parametrize("name", list(schemas()))


def test_the_document_is_valid_openapi():
    assert list(OpenAPIV31SpecValidator(document()).iter_errors()) == []


def test_no_key_is_there_twice_and_no_line_is_too_long():
    text = PATH.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 120
    todo = [yaml.compose(text, yaml.CSafeLoader)]
    while todo:
        node = todo.pop()
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            assert len(keys) == len(set(keys)), f"line {node.start_mark.line + 1}: {keys}"
            todo += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            todo += node.value


def test_openapi_python_client_can_express_all_of_it():
    kinds = {
        "application/x-ndjson": "application/json",
        "text/event-stream": "application/json",
        "audio/*": "application/octet-stream",
    }
    file = ConfigFile(content_type_overrides=kinds, literal_enums=True)
    config = Config.from_sources(
        file, MetaType.NONE, Path("unused"), "utf-8", overwrite=False, output_path=Path("unused")
    )
    parsed = GeneratorData.from_dict(document(), config=config)
    assert not isinstance(parsed, GeneratorError)
    warnings = [*parsed.errors, *(w for c in parsed.endpoint_collections_by_tag.values() for w in c.parse_errors)]
    assert warnings == []


# Operations


def test_every_operation_is_a_method_or_says_that_it_is_none():
    for method, path, node in OPERATIONS:
        if node.get("x-method", True):
            assert callable(attrgetter(node["operationId"])(Ollama("http://127.0.0.1:1"))), f"{method} {path}"
        else:
            assert "operationId" not in node, f"{method} {path}"


@each_operation
def test_operation_has_a_summary_and_a_repeat_rule(method: str, path: str, node: JSON):
    assert node["summary"].endswith(".")
    assert node.get("x-repeat") in ({"safe", "resumes", "never"} if "operationId" in node else {None})


@each_operation
def test_operation_has_a_success_and_the_errors_of_its_dialect(method: str, path: str, node: JSON):
    statuses = list(node["responses"])
    assert statuses == sorted(statuses)
    assert statuses[0] == "200"
    assert "403" in statuses
    error = next(name for prefix, name in ERRORS.items() if path.startswith(prefix))
    for status, response in node["responses"].items():
        content = resolve(response).get("content", {})
        if status >= "400" and content:
            assert content["application/json"]["schema"] == {"$ref": f"#/components/schemas/{error}"}


@each_operation
def test_stream_comes_after_the_one_piece_reply_and_says_its_end(method: str, path: str, node: JSON):
    content = list(node["responses"]["200"].get("content", {}))
    if "x-stream" not in node:
        assert not set(content) & set(STREAMS)
        return
    if node["x-stream"] == {"kind": "bytes"}:
        assert content == ["audio/*"]
        assert "stream" not in _request(node)["properties"]
        return
    assert content in (["application/json", STREAMS[0]], ["application/json", STREAMS[1]])
    stream = node["x-stream"]
    assert set(stream) - {"failed", "finished", "unfinished", "usage"} == {"last", "collect"}
    assert stream["collect"] in {"merge", "messages", "responses"}
    assert "one item" in node["responses"]["200"]["description"]
    assert "stream" in _request(node)["properties"]


@pytest.mark.parametrize(("method", "path", "node"), [o for o in OPERATIONS if "last" in o[2].get("x-stream", ())])
def test_mark_of_the_last_item_is_a_field_of_the_items(method: str, path: str, node: JSON):
    for mark in (node["x-stream"]["last"], node["x-stream"].get("failed", {})):
        for name, value in mark.items():
            if value != "[DONE]":
                assert any(_can_be(branch["properties"].get(name, {}), value) for branch in _branches(_item(node)))


@each_operation
def test_request_body_is_a_required_named_schema(method: str, path: str, node: JSON):
    if "requestBody" not in node:
        return
    assert node["requestBody"]["required"] is True
    ((media_type, content),) = node["requestBody"]["content"].items()
    if media_type == "application/octet-stream":
        return
    assert media_type in {"application/json", "multipart/form-data"}
    assert content["schema"]["$ref"].endswith("Request")


@each_operation
def test_positional_arguments_come_first(method: str, path: str, node: JSON):
    request = _request(node)
    required = set(request.get("required", []))
    given = [name in required or "x-positional" in part for name, part in request.get("properties", {}).items()]
    assert given == sorted(given, reverse=True)
    for name, part in request.get("properties", {}).items():
        assert not (name in required and "x-positional" in part)


def test_only_ollamas_own_host_needs_a_key():
    assert document()["security"] == [{}, {"bearer": []}]
    for _, _, node in OPERATIONS:
        if "security" in node:
            assert node["security"] == [{"bearer": []}]
            assert [server["url"] for server in node["servers"]] == ["https://ollama.com"]


def test_superseded_operation_is_marked_and_names_its_successor():
    for place, node in nodes(document()):
        if node.get("deprecated") and place[0] == "paths":
            assert "Superseded by" in node["description"]


# Schemas


@each_schema
def test_every_schema_and_every_field_is_described(name: str):
    node = schemas()[name]
    assert node["description"].endswith(".")
    for part, field in node.get("properties", {}).items():
        assert (field.get("description") or resolve(field)["description"]).endswith("."), f"{name}.{part}"


@each_schema
def test_times_are_described_with_their_unit(name: str):
    for part, field in schemas()[name].get("properties", {}).items():
        if part.endswith("_duration"):
            assert field["type"] == "integer"
            assert "nanoseconds" in field["description"]
        if part.endswith("_at") and field.get("format") != "date-time":
            assert "seconds since 1970" in field["description"]


@each_schema
def test_objects_are_named_and_take_fields_of_newer_servers(name: str):
    for place, node in nodes(schemas()[name], schema(name)):
        if place[-1] == "properties":
            continue
        assert "properties" not in node or len(place) == len(schema(name)), place
        assert node.get("additionalProperties", True) is not False
        assert set(node.get("required", [])) <= set(node.get("properties", {})), place


def test_every_schema_is_used():
    used = {node["$ref"].rpartition("/")[2] for _, node in nodes(document()) if "$ref" in node}
    assert set(schemas()) <= used
    assert set(document()["components"]["responses"]) <= used


# The server refuses null here, instead of reading it as absence.
NOT_NULL = {"SystemOneNoul", "SystemOneNoulCriteria"}


@pytest.mark.parametrize("name", sorted(_sent() - {"TranscriptionRequest"} - NOT_NULL))
def test_optional_request_field_may_also_be_null(name: str):
    node = schemas()[name]
    for part, field in node.get("properties", {}).items():
        if part not in node.get("required", []) and "const" not in field:
            assert faults((*schema(name), "properties", part), None) == [], part


@each_schema
def test_every_union_is_decided_by_json_type_or_one_field(name: str):
    for place, node in nodes(schemas()[name], schema(name)):
        branches = [resolve(branch) for branch in node.get("anyOf", [])] if place[-1] != "properties" else []
        objects = [branch for branch in branches if branch.get("type") == "object"]
        types = [branch["type"] for branch in branches if branch not in objects]
        assert len(types) == len(set(types)), place
        if len(objects) > 1:
            _check_discriminator(node, objects)


def _check_discriminator(union: JSON, branches: list[JSON]) -> None:
    key = union["discriminator"]["propertyName"]
    mapping = {value: resolve({"$ref": ref}) for value, ref in union["discriminator"]["mapping"].items()}
    by_value = {value: branch for branch in branches for value in _constants(branch["properties"][key])}
    assert mapping == by_value
    rest = [branch for branch in branches if branch not in by_value.values()]
    assert len(rest) <= 1
    optional = [branch for branch in branches if key not in branch["required"]]
    assert len({id(branch) for branch in (*rest, *optional)}) <= 1
    for branch in rest:
        closed = branch["properties"][key].get("not", {}).get("enum")
        assert closed is None or set(closed) == set(by_value)


@pytest.mark.parametrize(
    "union",
    ["ResponseStreamEvent", "ResponseOutputItem", "ResponseOutputContent", "MessagesStreamEvent", "MessagesContentBlock",
     "MessagesBlockDelta"],
)  # fmt: skip
def test_unknown_variant_is_accepted_and_known_ones_are_checked(union: str):
    assert faults(schema(union), {"type": "something.new", "more": [1]}) == []
    for value, ref in schemas()[union]["discriminator"]["mapping"].items():
        if set(resolve({"$ref": ref})["required"]) != {"type"}:
            assert faults(schema(union), {"type": value}) != []


# Examples


EXAMPLES = [
    pytest.param(place, value, id=" ".join((*place, str(number))))
    for place, node in nodes(document())
    if place[-1:] != ("properties",)
    for number, value in enumerate(node.get("examples", []))
]


@pytest.mark.parametrize(("place", "value"), EXAMPLES)
def test_every_example_is_valid_under_its_schema(place: Place, value: Any):
    assert faults(place, value) == []


@each_operation
def test_requests_and_replies_have_examples(method: str, path: str, node: JSON):
    answer = node["responses"]["200"].get("content", {}).get("application/json", {}).get("schema", {})
    for part in (_request(node), resolve(answer)):
        exempt = not part.get("properties") or part is schemas()["TranscriptionRequest"]
        assert exempt or part.get("examples"), (
            f"{method} {path}: give the schema of its body and of its reply `examples`"
        )


def _request(node: JSON) -> JSON:
    content = next(iter(node.get("requestBody", {"content": {"": {}}})["content"].values()))
    return resolve(content.get("schema", {}))


def _item(node: JSON) -> JSON:
    return next(content["schema"] for kind, content in node["responses"]["200"]["content"].items() if kind in STREAMS)


def _branches(node: JSON) -> list[JSON]:
    node = resolve(node)
    return [resolve(branch) for branch in node.get("anyOf", [node])]


def _constants(node: JSON) -> list[Any]:
    return [node["const"]] if "const" in node else list(node.get("enum", []))


def _can_be(node: JSON, value: Any) -> bool:
    if _constants(node):
        return value in _constants(node)
    return node.get("type") == {bool: "boolean", str: "string"}[type(value)] and "not" not in node
