"""Checks and converts single values of request bodies: options, durations, thinking, formats, images."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import is_object
from ollama_sdk.testing._routes.body import JSON_NAMES, MAX_INTEGER
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ollama_sdk.testing._model.json import Json

__all__ = [
    "base64_error",
    "check_format",
    "decode_effort",
    "decode_logprobs",
    "decode_options",
    "decode_think",
    "keep_alive_seconds",
    "unknown_value",
]

_INTEGER_OPTIONS = (
    "num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "draft_num_predict", "num_keep", "seed", "num_predict",
    "top_k", "repeat_last_n",
)  # fmt: skip
_FLOAT_OPTIONS = (
    "top_p", "min_p", "typical_p", "temperature", "repeat_penalty", "presence_penalty", "frequency_penalty",
)  # fmt: skip
_OPTIONS = {
    **dict.fromkeys(_INTEGER_OPTIONS, "integer"),
    **dict.fromkeys(_FLOAT_OPTIONS, "float32"),
    "use_mmap": "boolean",
    "stop": "array",
}
_OPTION_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int, float),
    "float32": (int, float),
    "boolean": (bool,),
    "array": (list,),
}

_DURATION = re.compile(r"([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
# The longest duration that Go's time.Duration can hold, about 292 years; Ollama uses it for "for ever".
_LONGEST_DURATION = MAX_INTEGER / 1e9

_THINK_LEVELS = ("high", "medium", "low", "max")
_MAX_LOGPROBS = 20
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")


def decode_options(options: Json) -> Json:
    """Return the model options that Ollama knows.

    Raises:
        StatusError: 500 for a value of a wrong type, as Ollama answers.
    """
    known: Json = {}
    for key, value in options.items():
        kind = _OPTIONS.get(key)
        if kind is None or value is None:
            continue
        fits = isinstance(value, _OPTION_TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
        if not fits:
            raise StatusError(500, f'option "{key}" must be of type {kind}')
        known[key] = int(max(min(value, MAX_INTEGER), -MAX_INTEGER)) if kind == "integer" else value
    return known


def keep_alive_seconds(value: Any) -> float | None:
    """Return how long a model stays loaded, from ``keep_alive``; ``None`` if the request does not say.

    Args:
        value: Seconds as a number, or a Go duration such as ``"5m"``; negative means for ever.

    Raises:
        StatusError: 400 for any other value.
    """
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str):
        seconds = _duration_seconds(value)
    else:
        raise StatusError(400, f"unsupported type: {JSON_NAMES[type(value)]}", stage="request")
    return _LONGEST_DURATION if seconds < 0 else min(seconds, _LONGEST_DURATION)


def _duration_seconds(text: str) -> float:
    if text in {"0", "+0", "-0"}:
        return 0.0
    match = _DURATION.fullmatch(text)
    if match is None:
        reason = "missing unit in duration" if re.fullmatch(r"[+-]?[\d.]+", text) else "invalid duration"
        raise StatusError(400, f'time: {reason} "{text}"', stage="request")
    seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    return -seconds if match[1] == "-" else seconds


def decode_think(think: Any) -> bool | str | None:
    """Return the ``think`` of a native request.

    Raises:
        StatusError: 400 for a value that is not allowed.
    """
    if think is None or isinstance(think, bool):
        return think
    if not isinstance(think, str):
        raise StatusError(400, "think must be a boolean or string", stage="request")
    return think


def decode_effort(effort: Any) -> bool | str | None:
    """Return the ``think`` for a reasoning effort of the OpenAI-compatible routes.

    Raises:
        StatusError: 400 for an unknown effort.
    """
    if not effort or effort == "none":
        return False if effort else None
    if isinstance(effort, str):
        return effort
    levels = ", ".join(f'"{level}"' for level in _THINK_LEVELS)
    text = f"invalid reasoning value: '{effort}' (must be {levels}, or \"none\")"
    raise StatusError(400, text, stage="request")


def unknown_value(route: str, where: str, value: str, allows: Callable[[str], bool]) -> StatusError:
    """Return the error for a value that a release does not know yet.

    Args:
        route: The path of the route.
        where: The path of the value in the body, such as ``think`` or ``input[0].type``.
        value: The value.
        allows: Whether the release knows a value.
    """
    owner, _, name = where.rpartition(".")
    levels = ", ".join(f'"{level}"' for level in _THINK_LEVELS if allows(level))
    if name == "think" and not levels:
        struct = f"{route.rpartition('/')[2].capitalize()}Request"
        text = f"json: cannot unmarshal string into Go struct field {struct}.think of type bool"
    elif name == "think":
        text = f'invalid think value: "{value}" (must be {levels}, true, or false)'
    elif "effort" in name:
        text = f"invalid reasoning value: '{value}' (must be {levels}, or \"none\")"
    else:
        text = f'{owner}: unknown input item type: "{value}"'
    return StatusError(400, text, stage="request")


def decode_logprobs(body: Json) -> int | None:
    """Return how many alternatives to report for each token; ``None`` without log-probabilities.

    Raises:
        StatusError: 400 beyond 20.
    """
    top = body.get("top_logprobs", 0)
    if not 0 <= top <= _MAX_LOGPROBS:
        raise StatusError(400, f"top_logprobs must be between 0 and {_MAX_LOGPROBS}", stage="request")
    return top if body.get("logprobs") else None


def check_format(wanted: Any) -> None:
    """Check that a ``format`` is ``"json"`` or an object.

    Raises:
        StatusError: 500 otherwise, as Ollama answers.
    """
    if not wanted or wanted == "json" or is_object(wanted):
        return
    quoted = json.dumps(json.dumps(wanted))
    text = f'invalid format: {quoted}; expected "json" or a valid JSON Schema object'
    raise StatusError(500, text, stage="answer")


def base64_error(data: str) -> str | None:
    """Return the error text of Go's base64 decoder; ``None`` for valid data."""
    raw = data.encode().replace(b"\n", b"").replace(b"\r", b"")
    match = _BASE64.match(raw)
    valid = match.end() if match else 0
    if valid < len(raw):
        return f"illegal base64 data at input byte {valid}"
    return f"illegal base64 data at input byte {len(raw)}" if len(raw) % 4 else None
