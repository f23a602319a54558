"""Reads an OpenAPI document and remembers the line of every node."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

import yaml
from attrs import frozen

__all__ = [
    "BODY_TYPES",
    "METHODS",
    "STREAM_TYPES",
    "Document",
    "DocumentError",
    "Pointer",
    "is_list",
    "is_mapping",
    "read",
]

Pointer = tuple[str | int, ...]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
STREAM_TYPES = {"application/x-ndjson": "ndjson", "text/event-stream": "sse"}
BODY_TYPES = {"application/json": "json", "multipart/form-data": "multipart", "application/octet-stream": "binary"}

# Keys whose values are data, in which keys have no meaning for the generator.
_DATA_KEYS = {
    *("example", "examples", "default", "const", "enum"),
    *("x-stream", "x-known", "x-known-since", "x-known-until", "x-refused", "x-sent-as"),
}
_KEY_TAGS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:int"}

# More than any real document has: this repository's has about 7,000 nodes, 16 deep.
_MOST_NODES = 500_000
_DEEPEST = 100


class DocumentError(Exception):
    """The document cannot become a client; the message gives the place and the reason."""


def is_mapping(node: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a node is a mapping."""
    return isinstance(node, dict)


def is_list(node: Any) -> TypeGuard[list[Any]]:
    """Whether a node is a list."""
    return isinstance(node, list)


@frozen
class Document:
    """A parsed document.

    Attributes:
        path: Its file.
        data: Its content.
        lines: The line of every node, by its path in the document.
    """

    path: Path
    data: dict[str, Any]
    lines: Mapping[Pointer, int]

    def error(self, pointer: Pointer, problem: str) -> DocumentError:
        """Make an error for a node, with its line or that of the nearest node above it.

        Args:
            pointer: The path of the node in the document.
            problem: The problem.
        """
        place = pointer
        while place and place not in self.lines:
            place = place[:-1]
        return _error(self.path, self.lines.get(place, 1), pointer, problem)

    def resolve(self, node: Any) -> dict[str, Any]:
        """The node itself, or the target of its ``$ref``."""
        while is_mapping(node) and "$ref" in node:
            node = self._target(node["$ref"])
        found: dict[str, Any] = node
        return found

    def _target(self, ref: str) -> Any:
        node: Any = self.data
        for part in ref.removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return node

    def has_target(self, ref: str) -> bool:
        """Whether a ``$ref`` leads to an object of this document, directly or through others."""
        seen: set[str] = set()
        while ref.startswith("#/") and ref not in seen:
            seen.add(ref)
            try:
                node = self._target(ref)
            except (KeyError, TypeError):
                return False
            if not is_mapping(node) or "$ref" not in node:
                return is_mapping(node)
            ref = str(node["$ref"])
        return False

    def operations(self) -> Iterator[tuple[Pointer, str, str, dict[str, Any]]]:
        """Every operation: its place, method, path and node."""
        for path, item in self.data["paths"].items():
            for method in METHODS:
                if method in item:
                    yield ("paths", path, method), method, path, item[method]

    def success(self, pointer: Pointer, node: Mapping[str, Any]) -> dict[str, Any]:
        """The success response of an operation; of several, the one with content.

        Args:
            pointer: The place of the operation.
            node: The operation.

        Raises:
            DocumentError: There is none, or more than one has content.
        """
        found = [self.resolve(r) for status, r in node.get("responses", {}).items() if str(status).startswith("2")]
        full = [response for response in found if response.get("content")]
        if not found or len(full) > 1:
            problem = "more than one success has content" if found else "there is no success among the responses"
            raise self.error((*pointer, "responses"), problem)
        return (full or found)[0]

    def walk(self) -> Iterator[tuple[Pointer, Any]]:
        """Every node with its place, in document order, except for nodes inside data such as examples."""
        yield from _walk(self.data, ())


def _walk(node: Any, pointer: Pointer) -> Iterator[tuple[Pointer, Any]]:
    yield pointer, node
    if is_mapping(node):
        for name, part in node.items():
            if name not in _DATA_KEYS or pointer[-1:] == ("properties",):
                yield from _walk(part, (*pointer, name))
    elif is_list(node):
        for index, part in enumerate(node):
            yield from _walk(part, (*pointer, index))


def _error(path: Path, line: int, pointer: Pointer, problem: str) -> DocumentError:
    place = f"{'/'.join(map(str, pointer))}: " if pointer else ""
    return DocumentError(f"{path}:{line}: {place}{' '.join(problem.split())}")


def read(path: Path, text: str | None = None) -> Document:
    """Parse the document in a file, without checking it.

    Args:
        path: The file.
        text: Its content, if it differs from the file.

    Raises:
        DocumentError: It cannot be read, or is not YAML with a mapping at its top.
    """
    text = _text_of(path) if text is None else text
    lines: dict[Pointer, int] = {}
    try:
        _measure(path, text)
        loader: Any = yaml.CSafeLoader(text)  # the C loader is not fully typed
        try:
            node = loader.get_single_node()
            _index(path, node, (), lines)
            data: Any = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        raise _error(path, mark.line + 1 if mark else 1, (), f"not valid YAML: {exc.problem}") from exc
    except RecursionError:
        raise _error(path, 1, (), "not valid YAML: it is nested too deep, or holds itself") from None
    except (yaml.YAMLError, ValueError) as exc:
        raise _error(path, 1, (), f"not valid YAML: {exc}") from exc
    if not isinstance(data, dict):
        raise _error(path, 1, (), "not an OpenAPI document: its top is not a mapping")
    # Converted through JSON, so that status codes and dates are strings.
    try:
        content = json.dumps(data, default=str, allow_nan=False)
    except ValueError as exc:
        raise _error(path, 1, (), "a number in it is infinite, or too long to be one") from exc
    return Document(path, json.loads(content), lines)


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise _error(path, 1, (), f"cannot be read: {exc.strerror}") from exc
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise _error(path, content.count(b"\n", 0, exc.start) + 1, (), f"not valid UTF-8: {exc.reason}") from exc


def _measure(path: Path, text: str) -> None:
    """Refuse text that would take too much time, memory or stack: a few aliases can expand to billions of nodes.

    Raises:
        DocumentError: It is nested too deeply, an alias is inside its own anchor, or there are too many nodes.
        yaml.YAMLError: It is not valid YAML.
    """
    sizes: dict[Any, int] = {}  # the nodes of each anchor
    open_nodes: list[tuple[Any, int]] = [(None, 0)]  # the anchor of each open collection, and its nodes so far
    events: Any = yaml.parse(text, Loader=yaml.CSafeLoader)
    for event in events:
        line: int = event.start_mark.line + 1
        size = 0
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in open_nodes):
                raise _error(path, line, (), f"not valid YAML: *{event.anchor} holds itself")
            size = sizes.get(event.anchor, 0)
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
            sizes |= {event.anchor: size} if event.anchor else {}
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_nodes.pop()
            sizes |= {anchor: size} if anchor else {}
        anchor, count = open_nodes[-1]
        open_nodes[-1] = anchor, count + size
        if len(open_nodes) > _DEEPEST:
            raise _error(path, line, (), f"it is nested more than {_DEEPEST} levels deep")
        if count + size > _MOST_NODES:
            problem = f"it has more than {_MOST_NODES:,} nodes, with all that its aliases stand for"
            raise _error(path, line, (), problem)


def _index(path: Path, node: Any, pointer: Pointer, lines: dict[Pointer, int]) -> None:
    """Note the line of every node; refuse duplicate keys, and keys such as ``no`` that YAML does not parse as text."""
    if node is None:
        return
    lines.setdefault(pointer, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag not in _KEY_TAGS:
                what = f"the key {key.value!r}" if isinstance(key.value, str) else "a key"
                raise _error(path, line, pointer, f"{what} is not text; quote it")
            place = (*pointer, key.value)
            if place in lines:
                raise _error(path, line, pointer, f"the key {key.value!r} is there twice")
            lines[place] = line
            _index(path, value, place, lines)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _index(path, value, (*pointer, position), lines)
