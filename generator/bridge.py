"""Runs openapi-python-client on the document, and turns its errors and warnings into errors of the document.

openapi-python-client drops unsupported constructs with a warning; here every warning is an error. Some constructs are rewritten
first. A format with a special meaning in this package becomes a reference to a marker schema. A text with known values becomes the
union of an enumeration and any text. OpenAPI has no place for the item of a stream, so it becomes the body of a made-up status. The
body of a stream of bytes is removed.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.openapi import GeneratorData
from openapi_python_client.schema import OpenAPI
from pydantic import ValidationError

from .document import STREAM_TYPES, Document, Pointer, is_list, is_mapping

__all__ = ["ITEM_STATUS", "MARKERS", "UNIONS", "config", "parse"]

MARKERS = {"byte": "Base64", "json-schema": "JSONSchema", "float32-base64": "FloatVector"}
"""The marker schema of each format."""
ITEM_STATUS = "299"
"""The made-up status whose body is one item of the stream."""
UNIONS = "NamedUnions"
"""A made-up schema with one property for each named union, because openapi-python-client names only objects."""


def config(source: Path) -> Config:
    """The configuration of openapi-python-client."""
    return Config.from_sources(
        ConfigFile(
            literal_enums=True,
            content_type_overrides=dict.fromkeys(STREAM_TYPES, "application/json"),
        ),
        MetaType.NONE,
        source,
        "utf-8",
        overwrite=True,
        output_path=None,
    )


def parse(document: Document) -> GeneratorData:
    """The document as openapi-python-client parses it.

    Raises:
        DocumentError: openapi-python-client reports an error, or drops something with a warning.
    """
    bridged = _bridged(document)
    try:
        OpenAPI.model_validate(bridged)
        parsed = GeneratorData.from_dict(bridged, config=config(document.path))
    except ValidationError as exc:
        first = exc.errors()[0]
        raise document.error(_descent(document, first["loc"]), f"cannot be expressed: {first['msg']}") from exc
    except Exception as exc:
        # It fails in many ways on unknown constructs.
        raise document.error((), f"openapi-python-client cannot read it: {type(exc).__name__}: {exc}") from exc
    if isinstance(parsed, GeneratorError):
        raise document.error(_place(document, str(parsed.detail)), f"{parsed.header}: {parsed.detail}")
    errors = [*parsed.errors, *(e for c in parsed.endpoint_collections_by_tag.values() for e in c.parse_errors)]
    for error in errors:
        header = error.header or ""
        raise document.error(
            _place(document, f"{header} {error.detail}"),
            f"cannot be expressed: {header.strip()} {error.detail}".strip(),
        )
    return parsed


def _descent(document: Document, names: Iterable[str | int]) -> Pointer:
    """The place of a Pydantic error, whose path also contains the classes that Pydantic tried."""
    place: Pointer = ()
    for name in names:
        place = (*place, name) if (*place, name) in document.lines else place
    return place


def _place(document: Document, text: str) -> Pointer:
    """The schema or operation that a message of openapi-python-client mentions first."""
    places: dict[str, Pointer] = {
        name: ("components", "schemas", name) for name in document.data.get("components", {}).get("schemas", {})
    }
    for pointer, _, path, node in document.operations():
        places |= {path: pointer, str(node.get("operationId")).replace(".", "_"): pointer}
    words = re.split(r"[\s'\"`,()]+", text)
    candidates = (word.removeprefix("#/components/schemas/").removeprefix("/components/schemas/") for word in words)
    return next((places[word] for word in candidates if word in places), ())


def _bridged(document: Document) -> dict[str, Any]:
    """The document with markers, named unions and items rewritten for openapi-python-client."""
    data: dict[str, Any] = _marked(copy.deepcopy(document.data))
    schemas: dict[str, Any] = data.setdefault("components", {}).setdefault("schemas", {})
    names = [name for name, schema in schemas.items() if _is_union(schema)]
    for marker in MARKERS.values():
        schemas[marker] = {"type": "object"}
    references = {name: {"$ref": f"#/components/schemas/{name}"} for name in names}
    schemas[UNIONS] = {"type": "object", "properties": references, "required": names}
    for pointer, method, path, node in document.operations():
        operation = data["paths"][path][method]
        if node.get("x-method") is False:
            del data["paths"][path][method]
            continue
        operation["operationId"] = node["operationId"].replace(".", "_")
        responses: dict[str, Any] = {
            status: r for status, r in operation["responses"].items() if str(status).startswith("2")
        }
        content = document.success(pointer, node).get("content", {})
        if "kind" in node.get("x-stream", ()):
            responses = {"200": {"description": "bytes"}}
        for kind in STREAM_TYPES.keys() & content.keys():
            responses[ITEM_STATUS] = {
                "description": "one item",
                "content": {"application/json": _marked(copy.deepcopy(content[kind]))},
            }
        operation["responses"] = responses
    return data


def _is_union(schema: Mapping[str, Any]) -> bool:
    return len(schema.get("anyOf", schema.get("oneOf", ()))) > 1 and not schema.get("properties")


def _marked(node: Any) -> Any:
    """The same node, with references to marker schemas for formats with a special meaning."""
    if is_list(node):
        return [_marked(part) for part in node]
    if not is_mapping(node):
        return node
    if marker := _marker(node):
        return {"$ref": f"#/components/schemas/{marker}"}
    if "x-known" in node:
        node = _opened(node)
    return {
        name: {key: _marked(value) for key, value in part.items()} if name == "properties" else _marked(part)
        for name, part in node.items()
    }


def _opened(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A text with known values as the union of an enumeration and any text."""
    types = schema["type"] if is_list(schema["type"]) else [schema["type"]]
    branches = [
        {"type": "string", "enum": [*schema["x-known"], *schema.get("x-sent-as", ())]},
        *({"type": each} for each in types),
    ]
    return {"anyOf": branches} | {key: value for key, value in schema.items() if key not in {"type", "examples"}}


def _marker(schema: Mapping[str, Any]) -> str | None:
    for branches in (schema.get("anyOf", ()), schema.get("oneOf", ())):
        if any(branch.get("format") == "float32-base64" for branch in branches):
            return MARKERS["float32-base64"]
    form = schema.get("format")
    return MARKERS.get(form) if isinstance(form, str) and "type" in schema else None
