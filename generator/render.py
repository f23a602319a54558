"""Renders the interface of a document as the source files of a package."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any

from attrs import frozen
from jinja2 import Environment
from openapi_python_client import Project
from openapi_python_client.parser.openapi import GeneratorData

from ollama_sdk._client import AsyncClient, SyncClient

from .bridge import config, parse
from .checks import is_name
from .document import Document
from .interface import SHADOWING, Interface, Method
from .kinds import Kind, LiteralKind, ModelKind, Named, UnionKind
from .lifetimes import routes
from .parse import interface_of

__all__ = ["render"]

_TEMPLATES = Path(__file__).parent / "templates"


@frozen
class _Flavor:
    """One of the two client modules, sync or async: the names that differ."""

    module: str
    prefix: str
    base: str
    namespace: str
    stream: str
    byte_stream: str
    raw: str
    raw_base: str
    raw_namespace: str
    raw_runtime: str

    @property
    def how(self) -> str:
        """Which of the two it is."""
        return "async" if self.prefix else "sync"

    def class_name(self, path: tuple[str, ...]) -> str:
        """The class that has the methods of a group."""
        return Interface.class_name(self.prefix, path)

    def raw_class_name(self, path: tuple[str, ...]) -> str:
        """The class that has the methods of a group with raw responses."""
        return Interface.class_name(f"{self.prefix}Raw", path)

    def class_doc(self, path: tuple[str, ...]) -> str:
        """The docstring of the class of a group."""
        if path:
            return f"The methods of ``{'.'.join(path)}``."
        how = "async, on asyncio and trio" if self.prefix else "sync"
        return f"A client of an Ollama server, or of several; {how}.\n\n{_use(is_async=bool(self.prefix))}\n"


_FLAVORS = (
    _Flavor(
        "sync_client",
        "",
        "SyncClient",
        "SyncNamespace",
        "Stream",
        "ByteStream",
        "raw",
        "SyncRawClient",
        "SyncRawNamespace",
        "SyncRawRuntime",
    ),
    _Flavor(
        "async_client",
        "Async",
        "AsyncClient",
        "AsyncNamespace",
        "AsyncStream",
        "AsyncByteStream",
        "async_raw",
        "AsyncRawClient",
        "AsyncRawNamespace",
        "AsyncRawRuntime",
    ),
)


def _use(*, is_async: bool) -> str:
    """The usage text in the docstring of the hand-written base class; the sync class documents the arguments of both."""
    text, arguments = cleandoc(SyncClient.__doc__ or "").split("\n\nArgs:\n")
    if is_async:
        text = cleandoc(AsyncClient.__doc__ or "")
        arguments = arguments.replace("httpx.Client", "httpx.AsyncClient")
    _, use = text.split("\n\n", 1)
    return f"{use}\n\nArgs:\n{arguments}"


@frozen
class _Uses:
    """The names that a piece of code imports."""

    models: list[str]
    named: list[str]
    literal: bool


@frozen
class _Group:
    """Methods that share a path, and the groups below it."""

    path: tuple[str, ...]
    children: list[tuple[str, ...]]
    methods: list[Method]


def render(document: Document) -> dict[str, str]:
    """Every generated file, unformatted, by its path below the output folder.

    Raises:
        DocumentError: The document cannot be expressed.
    """
    parsed = parse(document)
    interface = interface_of(document, parsed)
    templates = _environment(document, parsed)
    modules = {m.name: m.module for m in interface.models} | {u.name: u.module for u in interface.unions}
    modules = dict(sorted(modules.items()))
    given = [model for model in interface.models if model.given]
    files = {
        "__init__.py": templates.get_template("package_init.py.jinja").render(interface=interface),
        "lifetimes.py": templates.get_template("lifetimes.py.jinja").render(routes=list(routes(document))),
        "models/__init__.py": templates.get_template("models_init.py.jinja").render(modules=modules),
        "operations.py": templates.get_template("operations.py.jinja").render(
            methods=interface.methods, uses=_uses(kind for m in interface.methods for kind in m.results())
        ),
        "params.py": templates.get_template("params.py.jinja").render(
            models=given, uses=_uses((f.kind for m in given for f in m.fields), aliases=False)
        ),
    }
    for model in interface.models:
        uses = _uses((f.kind for f in model.fields), without=model.name)
        files[f"models/{model.module}.py"] = templates.get_template("model.py.jinja").render(
            model=model, uses=uses, modules=modules
        )
    for union in interface.unions:
        files[f"models/{union.module}.py"] = templates.get_template("union.py.jinja").render(
            union=union, uses=_uses(union.members), modules=modules
        )
    for flavor in _FLAVORS:
        files[f"{flavor.module}.py"] = _client(templates, interface, flavor)
        files[f"raw_{flavor.module}.py"] = templates.get_template("raw_client.py.jinja").render(
            flavor=flavor,
            module_doc=f"The view of the {flavor.how} client whose methods return status and headers with the reply.",
            groups=list(_groups(interface)),
        )
    return files


def _environment(document: Document, parsed: GeneratorData) -> Environment:
    """The template environment: our templates, then openapi-python-client's."""
    environment = Project(openapi=parsed, config=config(document.path), custom_template_path=_TEMPLATES).env
    # Every text of the document passes one of these filters, or is a name that checks.py has checked.
    filters: dict[str, Any] = {
        "docstring": _docstring,
        "inline": _inline,
        "summary": _summary,
        "repr": repr,
        "steps": _steps,
    }
    environment.filters.update(filters)
    tests: dict[str, Any] = {"field_name": _is_field_name}
    environment.tests.update(tests)
    return environment


def _summary(text: str) -> str:
    first = _escaped(text).partition("\n")[0]
    return first if len(first) < _WIDTH // 2 else re.split(r"(?<=[.!?]) ", first, maxsplit=1)[0]


def _steps(path: str) -> str:
    return repr(tuple(path.split(".")))


def _is_field_name(text: str) -> bool:
    """Whether a field can have this name in the body of a class, which mangles names with two leading underscores."""
    return is_name(text) and not text.startswith("__") and text not in SHADOWING


def _escaped(text: str) -> str:
    """Escape a text of the document for a docstring; every such text passes through here.

    The result cannot end the docstring or change the meaning of the source: backslashes are doubled, quotes neither come in
    threes nor end a line, and invisible characters, such as those that reverse the text, are written as escapes.
    """
    safe = "".join(char if char.isprintable() or char in "\n\t" else repr(char)[1:-1] for char in text)
    safe = safe.replace("\\", "\\\\").replace('"""', "'''")
    return re.sub(r'"(?=\n|$)', r'\\"', safe)


def _inline(text: str) -> str:
    """Escape a text inside a line of a docstring."""
    return _escaped(text.replace("\n", "\\n").replace("\t", " "))


def _docstring(text: str, indent: int, begin: int | None = None) -> str:
    """Text for a docstring, escaped and wrapped.

    Args:
        text: The text.
        indent: The columns before its further lines.
        begin: The columns before its first line; by default the indentation and the opening quotes.
    """
    first = indent + len('"""') if begin is None else begin
    lines: list[str] = []
    for line in _escaped(text).split("\n"):
        at = indent if lines else first
        wrapped = textwrap.wrap(
            line,
            _WIDTH,
            initial_indent=" " * at,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += wrapped or [""]
    lines[0] = lines[0][first:]
    return "\n".join(lines)


# The quotes that end a docstring need three columns.
_WIDTH = 120 - len('"""')


def _uses(kinds: Iterable[Kind], without: str = "", *, aliases: bool = True) -> _Uses:
    """The names in some types; for a union with an alias, only the alias."""
    models: set[str] = set()
    named: set[str] = set()
    literal = False

    def visit(kind: Kind) -> None:
        nonlocal literal
        if isinstance(kind, UnionKind) and kind.alias and aliases:
            models.add(kind.alias)
            return
        if isinstance(kind, ModelKind):
            models.add(kind.name)
        elif isinstance(kind, Named):
            named.add(kind.name)
        literal = literal or isinstance(kind, LiteralKind)
        for part in list(kind.parts())[1:]:
            visit(part)

    for kind in kinds:
        visit(kind)
    return _Uses(sorted(models - {without}), sorted(named), literal)


def _client(templates: Environment, interface: Interface, flavor: _Flavor) -> str:
    given = _uses((a.kind for m in interface.methods for a in m.arguments), aliases=False)
    read = _uses(kind for m in interface.methods for kind in m.results())
    uses = _Uses(sorted({*given.models, *read.models}), given.named, literal=True)
    return templates.get_template("client.py.jinja").render(
        flavor=flavor,
        module_doc=f"The {flavor.how} client: one method for each endpoint.",
        groups=list(_groups(interface)),
        has_bytes=any(method.is_bytes for method in interface.methods),
        uses=uses,
        params=[f"{name}Param" for name in given.models],
    )


def _groups(interface: Interface) -> Iterator[_Group]:
    paths = list(interface.groups())
    for path in paths:
        children = sorted(p for p in paths if len(p) == len(path) + 1 and p[:-1] == path)
        yield _Group(path, children, [m for m in interface.methods if m.path[:-1] == path])
