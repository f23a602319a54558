"""The document is valid, keeps to its conventions, and is written so that a client can be generated from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_python_client import MetaType
from openapi_python_client.config import Config, ConfigFile
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_spec_validator import OpenAPIV31SpecValidator

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

METHODS = {
    "generate": "post /api/generate",
    "chat": "post /api/chat",
    "embed": "post /api/embed",
    "embeddings": "post /api/embeddings",
    "list_models": "get /api/tags",
    "list_running": "get /api/ps",
    "show": "post /api/show",
    "create": "post /api/create",
    "pull": "post /api/pull",
    "push": "post /api/push",
    "copy": "post /api/copy",
    "delete": "delete /api/delete",
    "version": "get /api/version",
    "is_available": "head /",
    "blob_exists": "head /api/blobs/{digest}",
    "upload_blob": "post /api/blobs/{digest}",
    "me": "post /api/me",
    "signout": "post /api/signout",
    "status": "get /api/status",
    "web_search": "post /api/web_search",
    "web_fetch": "post /api/web_fetch",
    "experimental.web_search": "post /api/experimental/web_search",
    "experimental.web_fetch": "post /api/experimental/web_fetch",
    "experimental.model_recommendations": "get /api/experimental/model-recommendations",
    "v1.chat.completions.create": "post /v1/chat/completions",
    "v1.completions.create": "post /v1/completions",
    "v1.embeddings.create": "post /v1/embeddings",
    "v1.models.list": "get /v1/models",
    "v1.models.retrieve": "get /v1/models/{model}",
    "v1.responses.create": "post /v1/responses",
    "v1.messages.create": "post /v1/messages",
    "v1.audio.transcriptions.create": "post /v1/audio/transcriptions",
}
WITHOUT_METHOD = {"get /", "head /api/version", "head /api/tags"}

ERRORS = {"/v1/messages": "MessagesErrorResponse", "/v1/": "OpenAIErrorResponse", "/": "ErrorResponse"}

KEYWORDS = {
    *(
        "type",
        "description",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "minItems",
        "minimum",
        "maximum",
    ),
    *("anyOf", "discriminator", "propertyName", "mapping", "enum", "const", "not", "default", "examples", "deprecated"),
    *("format", "contentMediaType", "$ref"),
}

# Where each extension key may stand: the place of the node that holds it.
EXTENSIONS = {
    "x-method": r"paths [^ ]+ (get|head)",
    "x-limits": r"paths /api/(pull|push|create) post",
    "x-model": r"paths /api/copy post",
    "x-needs-model": r"paths /api/(pull|create) post",
    "x-repeat": r"paths [^ ]+ (get|head|post|delete)",
    "x-result": r"paths [^ ]+ (head|post)",
    "x-stream": r"paths [^ ]+ post",
    "x-usage": r"paths [^ ]+ post",
    "x-since": r"(paths [^ ]+ (get|head|post|delete)( parameters \d+)?)|(components schemas \w+ properties [$\w]+)",
    "x-until": r"(paths [^ ]+ (get|head|post|delete)( parameters \d+)?)|(components schemas \w+ properties [$\w]+)",
    "x-refused": r"components schemas \w+ properties \w+",
    "x-known": r".* schema|components schemas .*",
    "x-known-since": r".* schema|components schemas .*",
    "x-known-until": r".* schema|components schemas .*",
    "x-computed": r"paths [^ ]+ post parameters \d+",
    "x-mixin": r"components schemas \w+",
    "x-items": r"components schemas \w+",
    "x-from-function": r"components schemas \w+",
    "x-merge": r"components schemas \w+ properties \w+",
    "x-absent": r"components schemas Message properties role",
    "x-positional": r"components schemas \w+Request properties \w+",
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


def test_schemas_use_only_keywords_that_the_generator_reads():
    for place, node in nodes(document()["components"]["schemas"]):
        if place and place[-1] not in {"properties", "mapping", "x-merge"} and "x-from-function" not in place:
            assert {key for key in node if not key.startswith("x-")} <= KEYWORDS, " ".join(place)


def test_openapi_python_client_can_express_all_of_it():
    kinds = {"application/x-ndjson": "application/json", "text/event-stream": "application/json"}
    file = ConfigFile(content_type_overrides=kinds, literal_enums=True)
    config = Config.from_sources(
        file, MetaType.NONE, Path("unused"), "utf-8", overwrite=False, output_path=Path("unused")
    )
    parsed = GeneratorData.from_dict(document(), config=config)
    assert not isinstance(parsed, GeneratorError)
    warnings = [*parsed.errors, *(w for c in parsed.endpoint_collections_by_tag.values() for w in c.parse_errors)]
    assert warnings == []


# Operations


def test_every_method_of_the_client_has_its_operation():
    named = {node["operationId"]: f"{method} {path}" for method, path, node in OPERATIONS if "operationId" in node}
    assert named == METHODS
    assert {f"{method} {path}" for method, path, node in OPERATIONS if node.get("x-method") is False} == WITHOUT_METHOD


def test_extension_keys_are_known_and_in_their_place():
    for place, node in nodes(document()):
        where = " ".join(place)
        for key in node:
            if key.startswith("x-") and place[-1:] != ("properties",):
                assert re.fullmatch(EXTENSIONS[key], where), f"{where}: {key}"


@each_operation
def test_operation_has_a_summary_and_a_repeat_rule(method: str, path: str, node: JSON):
    assert node["summary"].endswith(".")
    assert set(node["tags"]) <= {tag["name"] for tag in document()["tags"]}
    assert node.get("x-repeat") in ({"safe", "resumes", "never"} if "operationId" in node else {None})
    assert node.get("x-result") == {
        "is_available": "reachable",
        "blob_exists": "exists",
        "upload_blob": "digest",
    }.get(node.get("operationId", ""))


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
    assert content in (["application/json", STREAMS[0]], ["application/json", STREAMS[1]])
    stream = node["x-stream"]
    assert set(stream) - {"failed", "finished", "usage"} == {"last", "collect"}
    assert stream["collect"] in {"merge", "messages", "responses"}
    assert "one item" in node["responses"]["200"]["description"]
    assert "stream" in _request(node)["properties"]


@pytest.mark.parametrize(("method", "path", "node"), [o for o in OPERATIONS if "x-stream" in o[2]])
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
    assert {n["operationId"] for _, _, n in OPERATIONS if "security" in n} == {"web_search", "web_fetch"}
    for _, _, node in OPERATIONS:
        if "security" in node:
            assert node["security"] == [{"bearer": []}]
            assert [server["url"] for server in node["servers"]] == ["https://ollama.com"]


def test_superseded_operation_is_marked_and_names_its_successor():
    assert [node["operationId"] for _, _, node in OPERATIONS if node.get("deprecated")] == ["embeddings"]
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


@pytest.mark.parametrize("name", sorted(_sent() - {"TranscriptionRequest"}))
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
        assert not part.get("properties") or part.get("examples") or part is schemas()["TranscriptionRequest"]


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
