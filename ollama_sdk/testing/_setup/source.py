"""Reads a script from text, and finds the line of each of its values for error messages."""

from __future__ import annotations

import importlib
import json
from typing import Any

from attrs import field, frozen

__all__ = ["Place", "ScriptError", "Source"]

Place = tuple[str | int, ...]


class ScriptError(ValueError):
    """A script is invalid; the message names the file, the line and the value."""


@frozen
class Source:
    """A script as plain values.

    Attributes:
        name: The file, or another name of its source.
        value: The content.
        lines: The line of each value, counted from 1; empty if it was not read from YAML.
    """

    name: str
    value: Any
    lines: dict[Place, int] = field(factory=dict[Place, int])

    @classmethod
    def of_text(cls, text: str, name: str) -> Source:
        """Read JSON or YAML.

        Raises:
            ScriptError: It is neither of them.
        """
        try:
            return cls(name, json.loads(text))
        except ValueError:
            return _read_yaml(text, name)

    def error(self, place: Place, text: str) -> ScriptError:
        """Return an error about a value."""
        line = next((self.lines[place[:end]] for end in range(len(place), -1, -1) if place[:end] in self.lines), None)
        where = self.name if line is None else f"{self.name}:{line}"
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
        return ScriptError(f"{where}: {path}: {text}" if path else f"{where}: {text}")


def _read_yaml(text: str, name: str) -> Source:
    yaml: Any = importlib.import_module("yaml")  # part of the extra, and imported only for scripts
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        value = yaml.load(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise ScriptError(f"{where}: not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ScriptError(f"{name}: not YAML: {error}") from None
    lines: dict[Place, int] = {}
    source = Source(name, value, lines)
    if node is not None:
        _find_lines(node, (), source)
    return source


def _find_lines(node: Any, place: Place, source: Source) -> None:
    source.lines.setdefault(place, node.start_mark.line + 1)
    if node.id == "mapping":
        for key, part in node.value:
            inner = (*place, str(key.value))
            if inner in source.lines:
                raise ScriptError(f"{source.name}:{key.start_mark.line + 1}: {key.value} stands here twice")
            source.lines[inner] = key.start_mark.line + 1
            _find_lines(part, inner, source)
    elif node.id == "sequence":
        for index, part in enumerate(node.value):
            _find_lines(part, (*place, index), source)
