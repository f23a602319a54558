"""Reads the interface of a server from a checkout of Ollama's source, which is Go, without a Go toolchain.

Routes are the calls of ``GET``, ``POST`` and so on in ``server/routes.go``. ``drift.toml`` names the structs of a route's body and reply
if its handler hides them behind interfaces; otherwise they are the struct to which the handler binds the body, and the struct
literals that it sends. JSON names, types and ``omitempty`` come from the declarations of the structs.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import tree_sitter_go
from attrs import define, evolve, field
from tree_sitter import Language, Node, Parser

from .accepted import Accepted, Roots
from .shapes import ANY, Member, Route, Shape, Source, SourceError

__all__ = ["read_checkout"]

# The folders with the declarations of the interface; each is one Go package.
_PACKAGES = ("api", "openai", "anthropic", "middleware", "server", "types/model", "types/errtypes")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
_SCALARS = {
    "string": "string",
    "bool": "boolean",
    "error": "string",
    "byte": "integer",
    "rune": "integer",
    **{f"{sign}int{bits}": "integer" for sign in ("", "u") for bits in ("", "8", "16", "32", "64")},
    "float32": "number",
    "float64": "number",
    "time.Time": "string",
    "time.Duration": "integer",
}
_TAG = re.compile(r'json:"([^"]*)"')
_LANGUAGE = Language(tree_sitter_go.language())


@define
class _Package:
    """The declarations of one package.

    Attributes:
        types: The type of each name, and the comment above it.
        values: The values of constants, by the name of their type.
        methods: The names of the methods of each type.
        functions: Every function and method by its name.
    """

    name: str
    types: dict[str, Node] = field(factory=dict[str, Node])
    values: dict[str, set[str]] = field(factory=dict[str, set[str]])
    methods: dict[str, set[str]] = field(factory=dict[str, set[str]])
    functions: dict[str, Node] = field(factory=dict[str, Node])


def read_checkout(folder: Path, known: Accepted, version: str = "") -> Source:
    """The interface of the server whose source is in a folder.

    Args:
        folder: A checkout of Ollama.
        known: The routes and fields in ``drift.toml``.
        version: The release; by default the latest tag in git.

    Raises:
        SourceError: There is no ``server/routes.go``, or it registers no route.
    """
    if not (folder / "server" / "routes.go").is_file():
        raise SourceError(f"{folder}: no server/routes.go here; give a checkout of Ollama's source")
    packages = {path.rpartition("/")[2]: _package(folder / path) for path in _PACKAGES if (folder / path).is_dir()}
    reading = _Reading(packages, known)
    routes = dict(reading.routes(_root(folder / "server" / "routes.go")))
    if not routes:
        raise SourceError(f"{folder / 'server' / 'routes.go'}: no route is registered there in a known way")
    return Source(folder, version or _version(folder), routes)


def _version(folder: Path) -> str:
    command = ["git", "-C", str(folder), "describe", "--tags", "--abbrev=0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip().removeprefix("v") if done.returncode == 0 else ""


@cache
def _parser() -> Parser:
    return Parser(_LANGUAGE)


def _root(path: Path) -> Node:
    return _parser().parse(path.read_bytes()).root_node


def _text(node: Node | None) -> str:
    return (node.text or b"").decode() if node is not None else ""


def _below(node: Node, *kinds: str) -> Iterator[Node]:
    """Every node of some kinds in a node, including the node itself."""
    todo = [node]
    while todo:
        each = todo.pop()
        if each.type in kinds:
            yield each
        todo.extend(reversed(each.children))


def _package(folder: Path) -> _Package:
    package = _Package(folder.name)
    for path in sorted(folder.glob("*.go")):
        if not path.name.endswith("_test.go"):
            _declarations(package, _root(path))
    return package


def _declarations(package: _Package, root: Node) -> None:
    for node in root.children:
        if node.type == "type_declaration":
            for spec in (child for child in node.children if child.type in {"type_spec", "type_alias"}):
                package.types[_text(spec.child_by_field_name("name"))] = spec
        elif node.type == "const_declaration":
            for spec in _below(node, "const_spec"):
                _constant(package, spec)
        elif node.type in {"function_declaration", "method_declaration"}:
            name = _text(node.child_by_field_name("name"))
            package.functions[name] = node
            receiver = _text(node.child_by_field_name("receiver"))
            if receiver:
                package.methods.setdefault(re.sub(r"[()*]", "", receiver).split()[-1], set()).add(name)


def _constant(package: _Package, spec: Node) -> None:
    """A constant of a type of this package: ``X T = "v"`` or ``X = T("v")``."""
    value, kind = spec.child_by_field_name("value"), _text(spec.child_by_field_name("type"))
    for part in value.children if value is not None else ():
        if part.type == "call_expression":
            kind = _text(part.child_by_field_name("function"))
        elif part.type == "type_conversion_expression":
            kind = _text(part.child_by_field_name("type"))
        texts = [_text(text)[1:-1] for text in _below(part, "interpreted_string_literal")]
        if kind and texts:
            package.values.setdefault(kind, set()).update(texts)


def _methods_of(node: Node) -> Iterator[str]:
    """The HTTP methods in the first argument of ``Handle``: one, or those of the loop around it."""
    around: Node | None = node
    while around is not None and around.type not in {"for_statement", "function_declaration", "method_declaration"}:
        around = around.parent
    clause = around.child_by_field_name("body") if around is not None else None
    texts = [_text(node)]
    if node.type == "identifier" and around is not None and around.type == "for_statement":
        texts = [_text(part) for part in around.children if part != clause]
    for text in texts:
        for method in re.findall(r"\bMethod(\w+)", text):
            yield method.upper()


class _Reading:
    """The shapes of a checkout's types."""

    def __init__(self, packages: Mapping[str, _Package], known: Accepted) -> None:
        self._packages = packages
        self._known = known

    # Routes

    def routes(self, root: Node) -> Iterator[tuple[tuple[str, str], Route]]:
        for call in _below(root, "call_expression"):
            function, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
            if function is None or arguments is None or function.type != "selector_expression":
                continue
            name, given = _text(function.child_by_field_name("field")), arguments.named_children
            methods = [name] if name in _METHODS else []
            if name == "Handle" and given:
                methods, given = list(_methods_of(given[0])), given[1:]
            if not given or given[0].type != "interpreted_string_literal" or not _text(given[0]).startswith('"/'):
                continue
            path = re.sub(r"[:*](\w+)", r"{\1}", _text(given[0])[1:-1])
            handlers = [name for part in given[1:] for name in self._handlers(part)]
            for method in methods:
                yield (method, path), self._route(f"{method} {path}", handlers)

    def _handlers(self, node: Node) -> Iterator[str]:
        """The names of functions of these packages that a node mentions."""
        for part in _below(node, "identifier", "field_identifier"):
            name = _text(part)
            if any(name in package.functions for package in self._packages.values()):
                yield name

    def _route(self, label: str, handlers: list[str]) -> Route:
        named = self._known.roots.get(label, Roots())
        request = named.request or next((bound for each in handlers if (bound := self._bound(each))), "")
        replies = named.replies or tuple(dict.fromkeys(name for each in handlers for name in self._sent(each)))
        return Route(
            self._root_shape(request) if request else None,
            tuple(self._root_shape(reply) for reply in replies),
            handlers[-1] if handlers else "",
            self._events(replies[0].partition(".")[0], named.events) if replies and named.events else frozenset(),
        )

    def _events(self, package: str, prefix: str) -> frozenset[str]:
        """The string literals in the functions of a package that look like names of events."""
        functions = self._packages[package].functions.values() if package in self._packages else ()
        texts = (_text(node)[1:-1] for f in functions for node in _below(f, "interpreted_string_literal"))
        return frozenset(text for text in texts if re.fullmatch(rf"{re.escape(prefix)}[a-z_]+(\.[a-z_]+)*", text))

    def _root_shape(self, qualified: str) -> Shape:
        package, _, name = qualified.rpartition(".")
        return self._named(package, name) if package in self._packages else ANY

    def _function(self, name: str) -> tuple[str, Node] | None:
        found = ((key, p.functions[name]) for key, p in self._packages.items() if name in p.functions)
        return next(found, None)

    def _bound(self, handler: str) -> str:
        """The struct of the body: the type of the variable whose address the handler passes to ``ShouldBindJSON`` or the like."""
        found = self._function(handler)
        if found is None:
            return ""
        package, function = found
        variables = {
            _text(spec.child_by_field_name("name")): _text(spec.child_by_field_name("type"))
            for spec in _below(function, "var_spec")
        }
        for call in _below(function, "call_expression"):
            name = _text(call.child_by_field_name("function")).rpartition(".")[2]
            if name in {"ShouldBindJSON", "BindJSON", "ShouldBind", "Bind", "Decode"}:
                target = _text(call.child_by_field_name("arguments")).strip("()&")
                if kind := variables.get(target, ""):
                    return kind if "." in kind else f"{package}.{kind}"
        return ""

    def _sent(self, handler: str) -> Iterator[str]:
        """The structs whose literals a handler passes to ``c.JSON`` with ``StatusOK``."""
        found = self._function(handler)
        for call in _below(found[1], "call_expression") if found else ():
            arguments = _text(call.child_by_field_name("arguments"))
            if _text(call.child_by_field_name("function")).endswith(".JSON") and "StatusOK" in arguments:
                kinds = (_text(literal.child_by_field_name("type")) for literal in _below(call, "composite_literal"))
                outer = next(kinds, "")
                if outer.partition(".")[0] in self._packages:
                    yield outer

    # Types

    @cache  # noqa: B019 - a reading lives as long as one command
    def _named(self, package: str, name: str) -> Shape:
        spec = self._packages[package].types.get(name)
        kind = spec.child_by_field_name("type") if spec is not None else None
        if kind is None:
            return ANY
        qualified = f"{package}.{name}"
        own = self._packages[package].methods.get(name, set()) & {"MarshalJSON", "UnmarshalJSON"}
        fields = list(_below(kind, "field_declaration")) if kind.type == "struct_type" else []
        plain = [part for part in fields if part.child_by_field_name("name") is not None]
        if (own or plain) and not any(_TAG.search(_text(part)) for part in fields):
            return Shape(name=qualified)  # it has its own JSON methods, or is a form
        if kind.type == "struct_type":
            return Shape(frozenset({"object"}), qualified, load=cache(lambda: dict(self._members(package, kind, name))))
        shape = self._shape(package, kind)
        values = frozenset(self._packages[package].values.get(name, ()))
        return Shape(shape.types, qualified, values, shape.item, shape.free, shape.load)

    def _shape(self, package: str, node: Node) -> Shape:  # noqa: PLR0911 - one return for each kind of type
        match node.type:
            case "pointer_type" | "parenthesized_type":
                return self._shape(package, node.named_children[0])
            case "slice_type" | "array_type":
                element = node.child_by_field_name("element")
                if element is None or _text(element) == "byte":
                    return Shape(frozenset({"string"}))
                return Shape(frozenset({"array"}), item=self._shape(package, element))
            case "map_type":
                return Shape(frozenset({"object"}), free=True)
            case "struct_type":
                return Shape(frozenset({"object"}), load=cache(lambda: dict(self._members(package, node))))
            case "type_identifier":
                name = _text(node)
                if name in self._packages[package].types:
                    return self._named(package, name)
                return Shape(frozenset({_SCALARS[name]})) if name in _SCALARS else ANY
            case "qualified_type":
                other, _, name = _text(node).partition(".")
                if other in self._packages:
                    return self._named(other, name)
                scalar = _SCALARS.get(_text(node))
                return Shape(frozenset({scalar})) if scalar else ANY
            case _:
                return ANY

    def _members(self, package: str, struct: Node, owner: str = "") -> Iterator[tuple[str, Member]]:
        fields = next((child for child in struct.children if child.type == "field_declaration_list"), None)
        comments: list[str] = []
        for node in fields.named_children if fields is not None else ():
            if node.type == "comment":
                comments.append(_text(node).lstrip("/* ").rstrip("*/ "))
                continue
            if node.type == "field_declaration":
                for wire, member in self._field(package, node, " ".join(comments)):
                    known = self._known.fields.get(f"{package}.{owner}.{wire}")
                    yield wire, evolve(member, shape=self._root_shape(known)) if known else member
            comments = []

    def _field(self, package: str, node: Node, doc: str) -> Iterator[tuple[str, Member]]:
        kind, tag = node.child_by_field_name("type"), _text(node.child_by_field_name("tag"))
        if kind is None:
            return
        found = _TAG.search(tag)
        wire, *options = found[1].split(",") if found else [""]
        names = [_text(name) for name in node.children_by_field_name("name")]
        if found and found[1] == "-":
            return
        if not names and not wire:  # embedded: its fields are those of the outer one
            yield from self._shape(package, kind).members.items()
            return
        optional = bool({"omitempty", "omitzero"} & set(options)) or (kind.type == "pointer_type" and not found)
        for name in names or [wire]:
            if wire or name[:1].isupper():
                yield wire or name, Member(self._shape(package, kind), optional, doc)
