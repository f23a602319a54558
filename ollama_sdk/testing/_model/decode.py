"""Reading request bodies with the strictness, and the complaints, of Go's JSON decoder."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import Json, is_list, is_object
from ollama_sdk.testing._server.http import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["base64_complaint", "check_fields", "decode", "decode_options", "keep_alive_seconds"]

# One letter per kind of field; the Go type is what the server names when a value does not fit.
_GO_TYPES = {
    "s": "string",
    "b": "bool",
    "i": "int",
    "n": "float64",
    "o": "map[string]interface {}",
    "l": "[]interface {}",
    "m": "[]api.Message",
    "t": "[]api.Tool",
    "p": "[]string",
}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "s": (str,),
    "b": (bool,),
    "i": (int,),
    "n": (int, float),
    "o": (dict,),
    "l": (list,),
    "m": (list,),
    "t": (list,),
    "p": (list,),
}
_ELEMENT_TYPES: dict[str, type] = {"m": dict, "t": dict, "p": str}
_JSON_NAMES = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}

_OPTION_TYPES = {
    **dict.fromkeys(
        (
            "num_ctx",
            "num_batch",
            "num_gpu",
            "main_gpu",
            "num_thread",
            "draft_num_predict",
            "num_keep",
            "seed",
            "num_predict",
            "top_k",
            "repeat_last_n",
        ),
        "integer",
    ),
    **dict.fromkeys(
        ("top_p", "min_p", "typical_p", "temperature", "repeat_penalty", "presence_penalty", "frequency_penalty"),
        "float32",
    ),
    "use_mmap": "boolean",
    "stop": "array",
}
_OPTION_PYTHON: dict[str, tuple[type, ...]] = {
    "integer": (int, float),
    "float32": (int, float),
    "boolean": (bool,),
    "array": (list,),
}

_DURATION = re.compile(r"([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
# What Go's time.Duration can hold at most: about 292 years.
_FOR_EVER = (2**63 - 1) / 1e9
_LARGEST = 2**63 - 1
_DIGITS = len(str(-_LARGEST))
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")


def decode(body: bytes, struct: str, fields: Mapping[str, str], *, missing: str = "missing request body") -> Json:
    """Read a JSON object.

    Args:
        body: The request body.
        struct: The wire struct it must be, as in ``api.ChatRequest``.
        fields: The kind of each known field; others are ignored, and ``null`` is the same as an absent one.
        missing: What to say about an empty body.

    Returns:
        The object without the fields that were ``null``.

    Raises:
        Refusal: 400, in the words of Go's decoder.
    """
    if not body:
        raise Refusal(400, missing, stage="request")
    value = _loads(body)
    if value is None:
        return {}
    if not is_object(value):
        raise _unfit(value, f"Go value of type {struct}")
    known = {key: item for key, item in value.items() if item is not None}
    check_fields(known, fields, struct.rpartition(".")[2])
    return known


def check_fields(value: Json, fields: Mapping[str, str], where: str) -> None:
    """Refuse an object (400) that lies at ``where`` and has a known field of a wrong kind."""
    for key, kind in fields.items():
        if value.get(key) is not None:
            _check(value[key], kind, f"{where}.{key}")


def _loads(body: bytes) -> Any:
    """The first JSON value of a body; what follows it is ignored, as by Go."""
    text = body.decode("utf-8", "replace").lstrip()
    try:
        value = _DECODER.raw_decode(text)[0]
    except json.JSONDecodeError as error:
        if error.pos >= len(text) or error.msg.startswith("Unterminated"):
            raise Refusal(400, "unexpected EOF", stage="request") from None
        raise _out_of_place(text[error.pos]) from None
    except RecursionError:
        raise Refusal(400, "exceeded max depth", stage="request") from None
    return _without_lone_surrogates(value) if "\\ud" in text.lower() else value


def _without_lone_surrogates(value: Any) -> Any:
    """The value with halves of characters, which JSON can escape but no text can hold, replaced as Go does."""
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _out_of_place(character: str) -> Refusal:
    return Refusal(400, f"invalid character {character!r} looking for beginning of value", stage="request")


def _no_constant(name: str) -> Any:
    raise _out_of_place(name[0])


def _go_integer(digits: str) -> float:
    """A whole number that fits into 64 bits; any larger one is only approximately what it says."""
    value = float(digits) if len(digits) > _DIGITS else int(digits)
    return value if abs(value) <= _LARGEST else float(value)


_DECODER = json.JSONDecoder(parse_int=_go_integer, parse_constant=_no_constant)


def _check(value: Any, kind: str, where: str) -> None:
    wanted = _PYTHON_TYPES[kind]
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise _unfit(value, f"Go struct field {where} of type {_GO_TYPES[kind]}")
    element = _ELEMENT_TYPES.get(kind, object)
    for item in value if is_list(value) else ():
        if not isinstance(item, element):
            raise _unfit(item, f"Go struct field {where} of type {_GO_TYPES[kind][2:]}")


def _unfit(value: Any, target: str) -> Refusal:
    name = "null" if value is None else _JSON_NAMES[type(value)]
    if name == "number" and target.endswith(" int"):
        name = f"number {value}"
    return Refusal(400, f"json: cannot unmarshal {name} into {target}", stage="request")


def decode_options(options: Json) -> Json:
    """The model options with a known name.

    Raises:
        Refusal: 500 for a value of a wrong type; the server treats that as its own failure.
    """
    known: Json = {}
    for key, value in options.items():
        kind = _OPTION_TYPES.get(key)
        if kind is None or value is None:
            continue
        fits = isinstance(value, _OPTION_PYTHON[kind]) and (kind == "boolean" or not isinstance(value, bool))
        if not fits:
            raise Refusal(500, f'option "{key}" must be of type {kind}')
        known[key] = int(max(min(value, _LARGEST), -_LARGEST)) if kind == "integer" else value
    return known


def keep_alive_seconds(value: Any) -> float | None:
    """How long a model stays loaded, from ``keep_alive``; ``None`` when the request does not say.

    Args:
        value: Seconds as a number, or a Go duration such as ``"5m"``; negative means for ever.

    Raises:
        Refusal: 400 for anything else.
    """
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str):
        seconds = _duration(value)
    else:
        raise Refusal(400, f"unsupported type: {_JSON_NAMES[type(value)]}", stage="request")
    return _FOR_EVER if seconds < 0 else min(seconds, _FOR_EVER)


def _duration(text: str) -> float:
    if text in {"0", "+0", "-0"}:
        return 0.0
    match = _DURATION.fullmatch(text)
    if match is None:
        wrong = "missing unit in duration" if re.fullmatch(r"[+-]?[\d.]+", text) else "invalid duration"
        raise Refusal(400, f'time: {wrong} "{text}"', stage="request")
    seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    return -seconds if match[1] == "-" else seconds


def base64_complaint(data: str) -> str | None:
    """What Go's decoder says about text that is not base64; ``None`` when it is."""
    raw = data.encode().replace(b"\n", b"").replace(b"\r", b"")
    match = _BASE64.match(raw)
    good = match.end() if match else 0
    if good < len(raw):
        return f"illegal base64 data at input byte {good}"
    return f"illegal base64 data at input byte {len(raw)}" if len(raw) % 4 else None
