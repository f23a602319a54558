"""Every class and type alias of the package has a name of its own, so that a name in a traceback or a text means one thing."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "ollama_sdk"


def names_in(tree: ast.Module) -> Iterator[str]:
    """The classes of a module, and its type aliases, whose names are in capitals and small letters; type variables are local."""
    yield from (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    for node in tree.body:
        if isinstance(node, ast.Assign) and "TypeVar" not in ast.unparse(node.value):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            yield from (name for name in names if name.lstrip("_")[:1].isupper() and not name.isupper())


def test_no_two_types_of_the_package_have_one_name():
    modules: dict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        if "_generated" not in path.parts:
            for name in names_in(ast.parse(path.read_text(encoding="utf-8"))):
                modules[name].add(str(path.relative_to(PACKAGE)))
    assert len(modules) > 100
    assert {name: places for name, places in modules.items() if len(places) > 1} == {}
