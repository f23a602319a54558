"""Drafts YAML for the lacking parts of the document, to be finished by hand; descriptions are the source's comments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from .differences import LACKS, Difference
from .shapes import Member, Route, Shape

__all__ = ["draft"]

_UNKNOWN = "TODO: say what it is."


def draft(found: Iterable[Difference], version: str) -> str:
    """YAML blocks to paste, each under a comment with its place.

    Args:
        found: The differences.
        version: The release of the source, for ``x-since``; ``""`` leaves it out.
    """
    drafting = _Draft(version)
    blocks = [block for difference in found if difference.kind == LACKS for block in drafting.blocks(difference)]
    blocks += drafting.schemas()
    return "\n".join(blocks)


class _Draft:
    def __init__(self, version: str) -> None:
        self._since: dict[str, Any] = {"x-since": version} if version else {}
        self._named: dict[str, Shape] = {}  # the needed schemas, by name
        self._written: set[str] = set()

    def blocks(self, difference: Difference) -> Iterator[str]:
        if difference.added is not None:
            yield _block(
                f"paths: {difference.route} ({difference.added.handler})", self._operation(difference, difference.added)
            )
        elif difference.member is not None:
            wire = difference.key.rpartition(".")[2]
            yield _block(
                f"components/schemas: properties of {difference.where}", {wire: self._field(difference.member)}
            )
        elif "=" in difference.key:
            yield _block(f"components/schemas: {difference.text}", [difference.key.rpartition("=")[2]])

    def _operation(self, difference: Difference, route: Route) -> dict[str, Any]:
        method, path = difference.route.split(" ", 1)
        name = path.strip("/").removeprefix("api/").replace("-", "_").replace("/", ".")
        name = ".".join(part for part in name.split(".") if "{" not in part)
        node: dict[str, Any] = {
            "operationId": name,
            "summary": _UNKNOWN,
            "tags": [],
            **self._since,
            "x-repeat": "never",
        }
        parameters = [part.strip("{}") for part in path.split("/") if part.startswith("{")]
        if parameters:
            node["parameters"] = [
                {"name": each, "in": "path", "required": True, "description": _UNKNOWN, "schema": {"type": "string"}}
                for each in parameters
            ]
        if route.request is not None:
            schema = self._schema(route.request)
            node["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        success: dict[str, Any] = {"description": _UNKNOWN}
        if route.replies:
            success["content"] = {"application/json": {"schema": self._schema(route.replies[0])}}
        node["responses"] = {"200": success}
        return {path: {method.lower(): node}}

    def schemas(self) -> Iterator[str]:
        """The schemas that the blocks refer to."""
        while missing := [name for name in self._named if name not in self._written]:
            name = missing[0]
            self._written.add(name)
            members = self._named[name].members
            required = [wire for wire, member in members.items() if member.optional is False]
            node: dict[str, Any] = {"type": "object", "description": _UNKNOWN}
            if required:
                node["required"] = required
            node["properties"] = {wire: self._field(member, since=False) for wire, member in members.items()}
            yield _block(f"components/schemas: {self._named[name].name or name}", {name: node})

    def _field(self, member: Member, *, since: bool = True) -> dict[str, Any]:
        kind = f" ({member.shape.name} in the source.)" if not member.shape.types and member.shape.name else ""
        since_when = self._since if since else {}
        return {**self._schema(member.shape), "description": f"{member.doc or _UNKNOWN}{kind}", **since_when}

    def _schema(self, shape: Shape) -> dict[str, Any]:
        if shape.members and shape.name:
            name = shape.name.rpartition(".")[2]
            self._named.setdefault(name, shape)
            return {"$ref": f"#/components/schemas/{name}"}
        if shape.values:
            return {"type": "string", "x-known": sorted(shape.values)}
        if shape.item is not None:
            return {"type": "array", "items": self._schema(shape.item)}
        if shape.types == frozenset({"object"}):
            return {"type": "object", "additionalProperties": True}
        kinds = sorted(shape.types)
        return {"type": kinds[0] if len(kinds) == 1 else kinds} if kinds else {}


def _block(where: str, node: Any) -> str:
    text = yaml.safe_dump(node, sort_keys=False, allow_unicode=True, width=110)
    return f"# {where}\n{text}"
