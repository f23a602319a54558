"""Writes the source of the site: the pages of this folder, and those that follow from the code and the document.

    python docs/write_site.py FOLDER

Those that follow are the reference (methods, models, errors, policies, batch), the table of what came with which release of
Ollama, and the pages that stand at the top of the repository. Sphinx then reads FOLDER; it imports nothing of the package.
"""

from __future__ import annotations

import inspect
import re
import shutil
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import attrs
import yaml
from write_methods import OPERATIONS, PAGE, results

import ollama_sdk
from ollama_sdk import batch, errors, reliability, streaming
from ollama_sdk._call.operation import Operation
from ollama_sdk._generated import models
from ollama_sdk._generated.lifetimes import ROUTES
from ollama_sdk._lifetimes import release_numbers

DOCS = Path(__file__).parent
ROOT = DOCS.parent
SECTION = re.compile(r"^(Args|Returns|Yields|Raises|Attributes|Examples?|Note):$", re.MULTILINE)
ABOUT_MODELS = """\
What the methods return and take, from `ollama_sdk.types`. A field that the server did not send is `None`; unknown fields are kept in
`additional_properties`."""
ABOUT_BATCH = """\
`ollama_sdk.batch`: steps over many rows, and what runs them in one process. [Many rows](../howto/many-rows.md) shows them, and
[engines](../howto/engines.md) each engine. The options of `Step` are those of every step."""
WIDTH = 80
ROW = re.compile(r"\| `([\w.]+)`(.+)")
OF_EVERY_METHOD = {"extra_headers", "extra_query", "extra_body", "timeout"}
LINK = re.compile(r"\]\((?!https?:|#)([^)]+)\)")
SOURCES = "https://github.com/ollama-sdk/ollama-sdk/blob/main/"


def write(folder: Path) -> None:
    """Write the source of the whole site."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(DOCS / "conf.py", folder)
    for name, page in (
        ("CONTRIBUTING.md", "contributing.md"),
        ("CHANGELOG.md", "changelog.md"),
        ("SECURITY.md", "security.md"),
    ):
        (folder / page).write_text(_at_top((ROOT / name).read_text(encoding="utf-8")), encoding="utf-8")
    pages = {
        "methods": methods(),
        "models": model_reference(),
        "errors": error_reference(),
        "policies": policy_reference(),
        "batch": batch_reference(),
    }
    for page, text in pages.items():
        path = folder / "reference" / f"{page}.md"
        path.write_text(text, encoding="utf-8")
    (folder / "compatibility.md").write_text(
        (DOCS / "compatibility.md").read_text(encoding="utf-8") + "\n" + releases(), encoding="utf-8"
    )


def _at_top(text: str) -> str:
    """A page of the repository's top as a page of the site: its links lead to pages, or to the sources."""

    def link(match: re.Match[str]) -> str:
        target = match[1]
        if target.startswith("docs/"):
            return f"]({target.removeprefix('docs/')})"
        if target in {"CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"}:
            return f"]({target.lower()})"
        return f"]({SOURCES}{target})"

    return LINK.sub(link, text)


# Docstrings


def sections(doc: str) -> dict[str, str]:
    """The parts of a docstring by their headings; what precedes them under ``""``."""
    parts = SECTION.split(inspect.cleandoc(doc))
    found = {"": parts[0].strip()}
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        found[heading] = textwrap.dedent(text.strip("\n")).rstrip()
    return found


def entries(text: str) -> Iterator[tuple[str, str]]:
    """The names of a section and what it says of each."""
    for entry in re.split(r"\n(?=\S)", text):
        name, _, said = entry.partition(":")
        yield name.strip(), " ".join(said.split())


def markdown(text: str) -> str:
    """A docstring's text as Markdown."""
    text = re.sub(r":(?:class|meth|func|attr|data|exc):`~?([^`]+)`", lambda m: f"`{m[1].rpartition('.')[2]}`", text)
    return re.sub(r"``(.+?)``", r"`\1`", text, flags=re.DOTALL)


def table(heading: str, rows: list[tuple[str, str]]) -> list[str]:
    """The lines of a table of names and what is said of each."""
    if not rows:
        return []
    cells = [f"| `{name}` | {markdown(said).replace('|', chr(92) + '|')} |" for name, said in rows]
    return [f"| {heading} | |", "|---|---|", *cells, ""]


# Methods


def methods() -> str:
    """The table of methods, and one section for each, from its docstring and its row."""
    client = ollama_sdk.Ollama("http://127.0.0.1:1")
    document = yaml.safe_load((ROOT / "openapi" / "ollama.yaml").read_text(encoding="utf-8"))
    lines = [
        f"| [`{row[1]}`](#{_anchor(row[1])}){row[2]}" if (row := ROW.match(line)) and row[1] in OPERATIONS else line
        for line in PAGE.read_text(encoding="utf-8").splitlines()
    ]
    for name, row in OPERATIONS.items():
        lines += ["", f"({_anchor(name)})=", "", f"## `{name}`", "", *_method(attrgetter(name)(client), row, document)]
    return "\n".join(lines) + "\n"


def _anchor(name: str) -> str:
    return f"method-{name.replace('.', '-').replace('_', '-')}"


def _method(method: Any, row: Operation[Any, Any], document: dict[str, Any]) -> list[str]:
    parts = sections(method.__doc__)
    lifetime = ROUTES[row.method, row.path].route
    since = f", since Ollama {lifetime.since}" if lifetime.since else ""
    said = re.sub(r"\n*``\w+ [^`]+``|\n*Since Ollama [^\n]+", "", parts[""]).strip()
    lines = [f"`{row.method} {row.server or ''}{row.path}`{since}", "", markdown(said), ""]
    arguments = [(name, said) for name, said in entries(parts.get("Args", "")) if name not in OF_EVERY_METHOD]
    lines += table("argument", [pair for pair in arguments if pair[0]])
    lines += [f"Returns {', or with `stream=True` '.join(results(row))}.", ""]
    return [*lines, "```python", *_example(method, row, document), "```"]


def _example(method: Any, row: Operation[Any, Any], document: dict[str, Any]) -> list[str]:
    """A call with the arguments of the document's first example."""
    operation = document["paths"][row.path][row.method.lower()]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    schema = document["components"]["schemas"].get(content.get("$ref", "").rpartition("/")[2], content)
    body: dict[str, Any] = (schema.get("examples") or [{}])[0]
    places = {argument.wire: argument for argument in row.arguments}
    names = {places[wire].name: value for wire, value in body.items() if wire in places}
    parameters = inspect.signature(method).parameters.values()
    for parameter in parameters:
        if parameter.default is parameter.empty and parameter.name not in names:
            names[parameter.name] = {"digest": "sha256:" + "0" * 64, "model": "llama3.2"}.get(parameter.name, ...)
    given: list[str] = []
    for parameter in parameters:
        if parameter.name not in names:
            continue
        value = 'Path("file")' if names[parameter.name] is ... else repr(names[parameter.name]).replace("'", '"')
        given.append(value if parameter.kind is parameter.POSITIONAL_OR_KEYWORD else f"{parameter.name}={value}")
    call = f"client.{row.name}({', '.join(given)})"
    if len(call) > WIDTH:
        call = f"client.{row.name}(\n" + "".join(f"    {each},\n" for each in given) + ")"
    call = f"reply = {call}" if row.reply != "none" else call
    return call.splitlines()


# Models, errors, policies


def model_reference() -> str:
    """The fields of every model."""
    lines = [
        "# Models",
        "",
        ABOUT_MODELS,
    ]
    for name, kind in sorted(_public(models)):
        if isinstance(kind, type) and attrs.has(kind):
            lines += _fields(name, kind, "field")
    return "\n".join(lines) + "\n"


def _public(module: Any) -> list[tuple[str, Any]]:
    return [(name, getattr(module, name)) for name in module.__all__]


def _fields(name: str, kind: Any, heading: str) -> list[str]:
    parts = sections(kind.__doc__ or "")
    lines = ["", f"## `{name}`", "", markdown(parts[""]), ""]
    rows = [pair for pair in entries(parts.get("Attributes", parts.get("Args", ""))) if pair[0]]
    return [*lines, *table(heading, rows)]


def error_reference() -> str:
    """The tree of errors, from the classes."""
    lines = ["# Errors", "", (DOCS / "reference" / "errors.md").read_text(encoding="utf-8").partition("\n")[2].strip()]
    for name, kind in sorted(_public(errors)):
        if isinstance(kind, type) and issubclass(kind, Exception):
            bases = ", ".join(f"`{base.__name__}`" for base in kind.__bases__)
            doc = _fields(name, kind, "attribute")
            doc.insert(3, f"A {bases}.\n")
            lines += doc
    return "\n".join(lines) + "\n"


def policy_reference() -> str:
    """The policies with their options, the streams, and the events."""
    lines = ["# Policies, streams and events", "", "How they work together: [Reliability](../reliability.md)."]
    for module in (reliability, streaming):
        for name, kind in _public(module):
            if isinstance(kind, type) and not name.endswith("Transport"):
                lines += _fields(name, kind, "option")
    return "\n".join(lines) + "\n"


def batch_reference() -> str:
    """The steps with their options and methods, and what runs them."""
    lines = ["# Batch", "", ABOUT_BATCH]
    for name in ("map_rows", "Embed", "Chat", "Generate", "Step", "Column", "RowError"):
        thing = getattr(batch, name)
        lines += _fields(name, thing, "option" if isinstance(thing, type) else "argument")
        if not isinstance(thing, type):
            lines += _outcome(thing.__doc__)
            continue
        for method, function in vars(thing).items():
            if inspect.isfunction(function) and (method == "__call__" or method[0] != "_") and function.__doc__:
                title = f"{name}()" if method == "__call__" else f"{name}.{method}()"
                lines += [line.replace("## ", "### ", 1) for line in _fields(title, function, "argument")]
                lines += _outcome(function.__doc__)
    return "\n".join(lines) + "\n"


def _outcome(doc: str) -> list[str]:
    parts = sections(doc)
    said = [f"{heading}: {' '.join(parts[heading].split())}" for heading in ("Returns", "Yields") if heading in parts]
    lines = [line for each in said for line in (markdown(each), "")]
    return lines + table("raises", list(entries(parts.get("Raises", ""))) if "Raises" in parts else [])


# Releases of Ollama


def releases() -> str:
    """What each release brought, as far as the document knows, the newest first."""
    brought: dict[str, set[str]] = defaultdict(set)
    for (method, path), route in ROUTES.items():
        if route.route.since:
            brought[route.route.since].add(f"`{method} {path}`")
            continue
        for kind in ("request", "reply", "item"):
            for field, lifetime in getattr(route, kind).items():
                if lifetime.since:
                    brought[lifetime.since].add(f"`{field}` of `{path}`")
            for field, values in getattr(route, f"{kind}_values").items():
                for value, lifetime in values.items():
                    if lifetime.since:
                        brought[lifetime.since].add(f'`{field}: "{value}"` of `{path}`')
    rows = [
        f"| {release} | {', '.join(sorted(brought[release]))} |"
        for release in sorted(brought, key=release_numbers, reverse=True)
    ]
    return "\n".join(["| Ollama | brought |", "|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
