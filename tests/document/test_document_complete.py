"""The document has every route of the server, and every field of its requests and replies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.document.openapi_document import HERE, JSON, STREAMS, document, is_left_out, operations, resolve

# The release that the routes and structs were read from; what is newer has `x-since`.
RECORDED = "0.33.0"
ROUTES: list[dict[str, Any]] = [
    route
    for route in json.loads((HERE / "routes.json").read_text(encoding="utf-8"))
    if not is_left_out(route["method"], route["path"])
]
STRUCTS: dict[str, dict[str, Any]] = json.loads((HERE / "structs.json").read_text(encoding="utf-8"))

# Fields that clients sent before 0.5, and those by which the server's own developers look into it.
LEFT_OUT = {
    *("api.CreateRequest.name", "api.CreateRequest.quantization", "api.DeleteRequest.name", "api.ShowRequest.name"),
    *(f"api.{kind}Request.{name}" for kind in ("Pull", "Push") for name in ("name", "username", "password")),
    *(f"api.{kind}Request._debug_render_only" for kind in ("Generate", "Chat")),
    *(f"api.{kind}Response._debug_info" for kind in ("Generate", "Chat")),
    *(f"openai.{kind}Request._debug_render_only" for kind in ("ChatCompletion", "Completion")),
    "openai.ChatCompletion._debug_info",
}
# The server takes any object here and reads these fields of it.
OPTIONS = {f"api.{kind}Request.options" for kind in ("Generate", "Chat", "Embed", "Embedding", "Show")}

JSON_TYPES = {
    "string": "string",
    "boolean": "boolean",
    "integer": "integer",
    "number": "number",
    "object": "object",
    "timestamp": "string",
}
STRUCT = re.compile(r"\b(?:api|openai|anthropic)\.[A-Z]\w+")


def test_every_route_of_the_server_is_described():
    described = {(method.upper(), path) for method, path, _ in operations()}
    assert described >= {(route["method"], route["path"]) for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=[f"{route['method']} {route['path']}" for route in ROUTES])
def test_every_field_of_the_server_is_described(route: dict[str, Any]):
    node = document()["paths"][route["path"]][route["method"].lower()]
    content = node["responses"]["200"].get("content", {})
    sides = [
        (route.get("request"), next(iter(node.get("requestBody", {}).get("content", {}).values()), {})),
        (route.get("response"), content.get("application/json", {})),
        *((text, content[kind]) for kind in STREAMS if kind in content for text in _items(route)),
    ]
    for text, side in sides:
        for struct in STRUCT.findall(text if isinstance(text, str) else ""):
            assert list(_lacking(struct, [side["schema"]], ())) == []


def test_every_event_of_a_stream_is_described():
    for route in ROUTES:
        if "events" in route:
            content = document()["paths"][route["path"]]["post"]["responses"]["200"]["content"]["text/event-stream"]
            assert set(resolve(content["schema"])["discriminator"]["mapping"]) >= set(route["events"])


def _items(route: dict[str, Any]) -> list[str]:
    events = route.get("events")
    return [route["stream"], *(events.values() if isinstance(events, dict) else ())]


def _lacking(struct: str, schemas: list[JSON], seen: tuple[str, ...]) -> Iterator[str]:
    """The fields of a struct that none of some schemas describes, or describes with another type."""
    if struct in seen:
        return
    for key, kind in STRUCTS[struct].items():
        name = key.removesuffix("?")
        field = f"{struct}.{name}"
        if field in LEFT_OUT:
            continue
        branches = [branch for each in schemas for branch in _branches(each)]
        found = [branch["properties"][name] for branch in branches if name in branch.get("properties", {})]
        if found:
            yield from _differing(field, "api.Options" if field in OPTIONS else kind, found, (*seen, struct))
        else:
            yield field


def _differing(field: str, kind: Any, schemas: list[JSON], seen: tuple[str, ...]) -> Iterator[str]:
    branches = [branch for s in schemas for branch in _branches(s)]
    if isinstance(kind, list):
        yield from _differing(f"{field}[]", kind[0], [b["items"] for b in branches if "items" in b], seen)
    elif isinstance(kind, dict) and "<key>" not in kind:
        for name, part in kind.items():
            found = [b["properties"][name] for b in branches if name in b.get("properties", {})]
            yield from _differing(f"{field}.{name}", part, found, seen)
    elif isinstance(kind, str) and STRUCT.fullmatch(kind):
        yield from _lacking(kind, schemas, seen)
    else:
        name = "object" if isinstance(kind, dict) else re.split(r"\W", kind)[0]
        expected = JSON_TYPES.get(name)
        types = {
            t for b in branches for t in ([b.get("type")] if isinstance(b.get("type"), str) else b.get("type", []))
        }
        if not branches or (expected and types and expected not in types):
            yield f"{field}: {kind}"


def _branches(schema: JSON) -> list[JSON]:
    """A schema and, flattened, all branches of its union."""
    node = resolve(schema)
    return [node, *(branch for part in node.get("anyOf", ()) for branch in _branches(part))]
