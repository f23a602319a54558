"""Validators of the policies' arguments, which raise a ``ConfigurationError`` that quotes the value."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ollama_sdk.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    CircuitOpenError,
    ConfigurationError,
    DecodeError,
    NoEndpointError,
    OllamaError,
    RateLimitExceededError,
)

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = [
    "above",
    "at_least",
    "boolean",
    "classes",
    "count",
    "factor",
    "instance_of",
    "names",
    "one_of",
    "optional",
    "ordered",
    "path",
    "positive",
    "rate",
    "share",
    "statuses",
    "to_set",
]

Rule = Callable[[Any, "Attribute[Any]", Any], None]


def _rule(holds: Callable[[Any], bool], needed: str) -> Rule:
    def check(policy: Any, attribute: Attribute[Any], value: Any) -> None:
        if not holds(value):
            raise ConfigurationError(f"{type(policy).__name__}({attribute.name}={value!r}): give {needed}")

    return check


def _is_number(value: Any) -> bool:
    # An integer beyond the largest float would overflow in a calculation.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_set_of(kind: type, holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        items: frozenset[Any] = value
        return isinstance(value, frozenset) and all(isinstance(item, kind) and holds(item) for item in items)

    return check


def _is_classes(value: Any) -> bool:
    kinds: tuple[Any, ...] = value
    return isinstance(value, tuple) and all(isinstance(kind, type) and issubclass(kind, Exception) for kind in kinds)


_FIRST_STATUS, _LAST_STATUS = 400, 599

share = _rule(lambda value: _is_number(value) and 0 < value <= 1, "a share above 0 and at most 1")
# The clock of a system that runs for months shows differences down to some nanoseconds.
_HIGHEST_RATE = 1e6
rate = _rule(
    lambda value: _is_number(value) and 0 < value <= _HIGHEST_RATE,
    "a number above 0 and at most a million, which is more calls than a client makes, or None for no limit",
)
count = _rule(lambda value: isinstance(value, int) and _is_number(value) and value >= 1, "a whole number of at least 1")
path = _rule(lambda value: isinstance(value, str) and value.startswith("/"), "a path that begins with a slash")
boolean = _rule(lambda value: isinstance(value, bool), "True or False")
names = _rule(_is_set_of(str, bool), "a set of names")
statuses = _rule(_is_set_of(int, lambda code: _FIRST_STATUS <= code <= _LAST_STATUS), "a set of HTTP error statuses")
_tuple_of_classes = _rule(_is_classes, "a tuple of exception classes")

# Above the policies, httpx's errors are mapped to these classes: by class, the counterpart that a policy sees. The first match counts.
_RAISED_ABOVE_POLICIES: tuple[tuple[type[Exception], str], ...] = (
    (APITimeoutError, "httpx.TimeoutException"),
    (APIConnectionError, "httpx.NetworkError"),
    (APIStatusError, "its status in statuses="),
    (DecodeError, "httpx.DecodingError"),
    (OllamaError, "httpx.TransportError"),
    (TimeoutError, "httpx.TimeoutException"),
    (ConnectionError, "httpx.NetworkError"),
    (OSError, "httpx.TransportError"),
)

# One policy raises these, and another can catch them.
_RAISED_BY_POLICIES = (CircuitOpenError, NoEndpointError, RateLimitExceededError)


def classes(policy: Any, attribute: Attribute[Any], value: Any) -> None:
    """The value is a tuple of exception classes that a policy can catch.

    Raises:
        ConfigurationError: It is not, or it holds a class that is raised only above the policies.
    """
    _tuple_of_classes(policy, attribute, value)
    for kind in value:
        for above_policies, instead in () if issubclass(kind, _RAISED_BY_POLICIES) else _RAISED_ABOVE_POLICIES:
            if issubclass(kind, above_policies):
                raise ConfigurationError(
                    f"{type(policy).__name__}({attribute.name}=...): policies see the errors of httpx, "
                    f"never {kind.__name__}: give {instead}"
                )


def above(limit: float) -> Rule:
    """The value is a number above ``limit``."""
    return _rule(lambda value: _is_number(value) and value > limit, f"a number above {limit:g}")


def at_least(limit: float) -> Rule:
    """The value is a number of at least ``limit``."""
    return _rule(lambda value: _is_number(value) and value >= limit, f"a number of at least {limit:g}")


positive = above(0)
factor = at_least(1)


def one_of(*choices: str) -> Rule:
    """The value is one of ``choices``."""
    return _rule(lambda value: isinstance(value, str) and value in choices, "one of " + ", ".join(map(repr, choices)))


def instance_of(kind: type) -> Rule:
    """The value is a ``kind``."""
    return _rule(lambda value: isinstance(value, kind), f"a {kind.__name__}")


def optional(rule: Rule) -> Rule:
    """The value is ``None`` or satisfies ``rule``."""

    def check(policy: Any, attribute: Attribute[Any], value: Any) -> None:
        if value is not None:
            rule(policy, attribute, value)

    return check


def ordered(policy: Any, lower: str, upper: str) -> None:
    """The argument ``upper`` of ``policy`` is not below ``lower``.

    Raises:
        ConfigurationError: It is below.
    """
    least, most = getattr(policy, lower), getattr(policy, upper)
    if most < least:
        raise ConfigurationError(f"{type(policy).__name__}({upper}={most!r}): give at least {lower}, {least!r}")


def to_set(value: Any) -> Any:
    """Any collection as a frozen set; anything else unchanged, for the validator to refuse."""
    if isinstance(value, (str, bytes)):
        return value
    try:
        return frozenset(value)
    except TypeError:
        return value
