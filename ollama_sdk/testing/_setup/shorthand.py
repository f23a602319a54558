"""Parses the short forms of models, faults and tool calls that the command line and scripts take."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
from typing import TYPE_CHECKING, Any, get_args

from attrs import frozen

from ollama_sdk.testing._model.json import is_object
from ollama_sdk.testing.faults import Fault
from ollama_sdk.testing.models import Capability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "FAULT_KINDS",
    "ParsedFault",
    "capabilities_of",
    "make_fault",
    "parse_fault",
    "parse_model",
    "parse_tool_call",
]

_CAPABILITIES: tuple[Capability, ...] = get_args(Capability)
_DEFAULT_CAPABILITIES: tuple[Capability, ...] = ("completion", "tools")
_FAULT = re.compile(r"(?P<kind>[a-z_-]+|\d{3})(?:=(?P<value>[^@]*))?(?:@(?P<path>[^@]*?))?(?:\*(?P<times>\d+))?")

FAULT_KINDS: Mapping[str, Callable[..., Fault]] = {
    name: getattr(Fault, name)
    for name in (
        "status", "delay", "error_item", "runner_dies", "cut", "garbage", "huge_item", "content_type", "stall", "trickle",
        "reset", "refuse",
    )
}  # fmt: skip
_BYTES = {"bytes", "bytes | None"}
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "int | None": (int,),
    "float": (int, float),
    "float | None": (int, float),
    "bool": (bool,),
}


@frozen
class ParsedFault:
    """A fault, with the path and the number of times in its short form."""

    fault: Fault
    path: str | None = None
    times: int | None = None


def capabilities_of(words: Iterable[str]) -> list[Capability]:
    """Return the capabilities with these names; ``completion`` is added unless the model embeds.

    Raises:
        ValueError: A name is unknown.
    """
    named = list(words)
    unknown = [word for word in named if word not in _CAPABILITIES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no capability; give some of {', '.join(_CAPABILITIES)}")
    if "embedding" in named:
        return [known for known in _CAPABILITIES if known in named]
    return [known for known in _CAPABILITIES if known in {*named, "completion"}]


def parse_model(text: str) -> tuple[str, list[Capability]]:
    """Parse ``NAME[:CAPABILITY,CAPABILITY]``; the part after the last colon may also be a tag, as in ``qwen3:8b``.

    Raises:
        ValueError: There is no name, or several words after the colon are not all capabilities.
    """
    name, _, words = text.rpartition(":")
    listed = words.split(",")
    if name and (len(listed) > 1 or listed[0] in _CAPABILITIES):
        return name, capabilities_of(listed)
    if not text:
        raise ValueError("a model needs a name")
    return text, list(_DEFAULT_CAPABILITIES)


def parse_tool_call(text: str) -> tuple[str, dict[str, Any] | None]:
    """Parse ``NAME[=JSON]``; missing arguments are generated from the tool's schema.

    Raises:
        ValueError: The arguments are not a JSON object.
    """
    name, equals, arguments = text.partition("=")
    if not equals:
        return name, None
    try:
        value = json.loads(arguments)
    except ValueError as error:
        raise ValueError(f"the arguments {arguments!r} are not JSON: {error}") from None
    if not is_object(value):
        raise ValueError(f"the arguments {arguments!r} are not a JSON object")
    return name, value


def parse_fault(text: str) -> ParsedFault:
    """Parse ``KIND[=VALUE][@PATH][*TIMES]``, as in ``503@/api/chat*2`` or ``stall=3@/v1/*``.

    Raises:
        ValueError: It does not have that form, or the kind, its value or the path is invalid.
    """
    found = _FAULT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no fault; give KIND[=VALUE][@PATH][*TIMES], as in 503@/api/chat*2")
    kind, value, path, times = found["kind"].replace("-", "_"), found["value"], found["path"], found["times"]
    if kind.isdigit():
        if value is not None:
            raise ValueError(f"{text!r} is no fault; a status takes no value")
        kind, value = "status", kind
    arguments = {} if value is None else {_first_parameter(kind): value}
    return ParsedFault(make_fault(kind, arguments), path or None, int(times) if times else None)


def make_fault(kind: str, arguments: Mapping[str, Any]) -> Fault:
    """Make a fault from its kind and the arguments of the method of :class:`Fault` of that name.

    Raises:
        ValueError: The kind or an argument is unknown, or an argument is of a wrong type.
    """
    parameters = _parameters(kind)
    unknown = [name for name in arguments if name not in parameters]
    if unknown:
        known = ", ".join(parameters) or "nothing"
        raise ValueError(f"{kind} takes no {unknown[0]}; it takes {known}")
    given = {name: _converted(name, value, str(parameters[name].annotation)) for name, value in arguments.items()}
    missing = [name for name, one in parameters.items() if one.default is one.empty and name not in given]
    if missing:
        raise ValueError(f"{kind} needs {missing[0]}")
    return FAULT_KINDS[kind](**given)


def _parameters(kind: str) -> Mapping[str, inspect.Parameter]:
    if kind not in FAULT_KINDS:
        known = ", ".join(name.replace("_", "-") for name in FAULT_KINDS)
        raise ValueError(f"{kind.replace('_', '-')!r} is no fault; give a status such as 503, or one of {known}")
    return inspect.signature(FAULT_KINDS[kind]).parameters


def _first_parameter(kind: str) -> str:
    parameters = list(_parameters(kind))
    if not parameters:
        raise ValueError(f"{kind} takes no value")
    return parameters[0]


def _converted(name: str, value: Any, annotation: str) -> Any:
    """Return a value as the type of a parameter; on the command line every value is text."""
    if annotation in _BYTES and isinstance(value, str):
        return value.encode()
    types = _TYPES.get(annotation)
    if types is None:
        return value
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise ValueError(f"{name} is {value!r}; give {annotation.removesuffix(' | None')}")
    return value
