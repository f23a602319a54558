"""Decodes request bodies with the strictness, and the error texts, of Go's JSON decoder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ollama_sdk.testing._model.json import is_list, is_object
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ollama_sdk.testing._model.json import Json

__all__ = [
    "BOOLEAN",
    "INTEGER",
    "JSON_NAMES",
    "LIST",
    "MAX_INTEGER",
    "MESSAGES",
    "NUMBER",
    "OBJECT",
    "STRING",
    "STRINGS",
    "STRING_MAP",
    "TOOLS",
    "TOOL_CALLS",
    "FieldKind",
    "check_fields",
    "decode",
]


@frozen
class FieldKind:
    """The type of a field.

    Attributes:
        go_type: The Go type in error texts.
        types: The Python types of its values.
        element: The Python type of the elements of an array or of the values of an object.
    """

    go_type: str
    types: tuple[type, ...]
    element: type = object


STRING = FieldKind("string", (str,))
BOOLEAN = FieldKind("bool", (bool,))
INTEGER = FieldKind("int", (int,))
NUMBER = FieldKind("float64", (int, float))
OBJECT = FieldKind("map[string]interface {}", (dict,))
LIST = FieldKind("[]interface {}", (list,))
MESSAGES = FieldKind("[]api.Message", (list,), dict)
TOOLS = FieldKind("[]api.Tool", (list,), dict)
TOOL_CALLS = FieldKind("[]api.ToolCall", (list,), dict)
STRINGS = FieldKind("[]string", (list,), str)
STRING_MAP = FieldKind("map[string]string", (dict,), str)

JSON_NAMES = {
    type(None): "null",
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    dict: "object",
    list: "array",
}
MAX_INTEGER = 2**63 - 1
_MAX_DIGITS = len(str(-MAX_INTEGER))


def decode(body: bytes, struct: str, fields: Mapping[str, FieldKind], *, missing: str = "missing request body") -> Json:
    """Decode a JSON object.

    Args:
        body: The request body.
        struct: The Go struct in error texts, such as ``api.ChatRequest``.
        fields: The kind of each known field; others are ignored, and ``null`` is the same as an absent field.
        missing: The error text for an empty body.

    Returns:
        The object without the fields that were ``null``.

    Raises:
        StatusError: 400, with Go's error text.
    """
    if not body:
        raise StatusError(400, missing, stage="request")
    value = _first_value(body)
    if value is None:
        return {}
    if not is_object(value):
        raise _wrong_type(value, f"Go value of type {struct}")
    present = {key: item for key, item in value.items() if item is not None}
    check_fields(present, fields, struct.rpartition(".")[2])
    return present


def check_fields(value: Json, fields: Mapping[str, FieldKind], where: str) -> None:
    """Check the kinds of the known fields of an object.

    Raises:
        StatusError: 400, with the field below ``where``.
    """
    for key, kind in fields.items():
        if value.get(key) is not None:
            _check(value[key], kind, f"{where}.{key}")


def _first_value(body: bytes) -> Any:
    """Decode the first JSON value of a body; like Go, ignore what follows it."""
    text = body.decode("utf-8", "replace").lstrip()
    try:
        value = _DECODER.raw_decode(text)[0]
    except json.JSONDecodeError as error:
        if error.pos >= len(text) or error.msg.startswith("Unterminated"):
            raise StatusError(400, "unexpected EOF", stage="request") from None
        raise _invalid_character(text[error.pos]) from None
    except RecursionError:
        raise StatusError(400, "exceeded max depth", stage="request") from None
    return _replace_lone_surrogates(value) if "\\ud" in text.lower() else value


def _replace_lone_surrogates(value: Any) -> Any:
    """Replace lone surrogates, which JSON can escape but UTF-8 cannot encode, as Go does."""
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _invalid_character(character: str) -> StatusError:
    return StatusError(400, f"invalid character {character!r} looking for beginning of value", stage="request")


def _refuse_constant(name: str) -> Any:
    raise _invalid_character(name[0])


def _parse_integer(digits: str) -> float:
    """Return an integer that fits into 64 bits, or the nearest float."""
    value = float(digits) if len(digits) > _MAX_DIGITS else int(digits)
    return value if abs(value) <= MAX_INTEGER else float(value)


_DECODER = json.JSONDecoder(parse_int=_parse_integer, parse_constant=_refuse_constant)


def _check(value: Any, kind: FieldKind, where: str) -> None:
    if not isinstance(value, kind.types) or (isinstance(value, bool) and bool not in kind.types):
        raise _wrong_type(value, f"Go struct field {where} of type {kind.go_type}")
    elements = value if is_list(value) else value.values() if is_object(value) else ()
    for item in elements:
        if not isinstance(item, kind.element):
            go_type = kind.go_type.removeprefix("[]").removeprefix("map[string]")
            raise _wrong_type(item, f"Go struct field {where} of type {go_type}")


def _wrong_type(value: Any, target: str) -> StatusError:
    name = JSON_NAMES[type(value)]
    if name == "number" and target.endswith(" int"):
        name = f"number {value}"
    return StatusError(400, f"json: cannot unmarshal {name} into {target}", stage="request")
