"""Nothing that stands in a document runs as code, wherever it stands, and no document takes the generator long."""

from __future__ import annotations

import ast
import copy
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from generator.conventions import load
from generator.document import DocumentError
from generator.render import render
from tests.generator.generator_kit import SMALL, build, edited
from tests.support.examples import examples

SMALL_TEXT = SMALL.read_text(encoding="utf-8")
DOCUMENT: dict[str, Any] = yaml.safe_load(SMALL_TEXT)

# Each breaks out of some place in Python: a string, a docstring, a comment, a name, an annotation, a call, or the file itself.
ATTACKS = [
    '"; pwned(); "',
    "'; pwned(); '",
    '"""\npwned()\n"""',
    "'''\npwned()\n'''",
    '\\"""\npwned()\n"""',
    'x""',
    'x"\n"',
    '"',
    '""""',
    "x\\",
    "x\\\\\\",
    "x\npwned()\n",
    "x\rpwned()\r",
    "x\x00pwned()",
    "x\u2028pwned()\u2029",
    "x\x0cpwned()\x0b",
    "\u202epwned()\u2066",
    "\ud800",
    "{{ pwned() }}{% raw %}",
    "{pwned()}",
    "%(pwned())s",
    "')]; pwned() # ",
    "Literal['a'] | pwned()",
    "a | str | pwned() | 'b",
    "x: pwned()",
    "x=pwned()",
    "x)\n    pwned()\n    def y(",
    "../../pwned",
    "/pwned",
    "class",
    "__class__",
    "__pwned",
    "_",
    "pwn\u00e9d",
    "\ufb01eld",
    "# type: ignore\npwned()",
    "\\N{DIGIT ONE}\\u0041\\x41",
    "x" * 5000,
    "",
    " ",
    "9",
]

Place = tuple[Any, ...]


def _texts(node: Any, place: Place = ()) -> Iterator[tuple[Place, bool]]:
    """Every text in the document: its place, and whether it is a key."""
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(key, str):
                yield (*place, key), True
            yield from _texts(value, (*place, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _texts(value, (*place, index))
    elif isinstance(node, str):
        yield place, False


PLACES = sorted(_texts(DOCUMENT), key=repr)


def _put(document: Any, place: Place, attack: str, *, is_key: bool) -> None:
    for step in place[:-1]:
        document = document[step]
    if not is_key:
        document[place[-1]] = attack
        return
    items = [(attack if key == place[-1] else key, value) for key, value in document.items()]
    document.clear()
    document.update(items)


def _written(text: str, folder: Path) -> dict[str, str]:
    """The files of a document; none if it is refused, which takes one line."""
    try:
        return render(load(folder / "small.yaml", text))
    except DocumentError as error:
        problem = str(error)
    assert "\n" not in problem
    return {}


def _runs_nothing(files: dict[str, str]) -> None:
    """Every file is Python, can be written, and calls, imports and decorates with nothing that the attack names."""
    for name, source in files.items():
        assert ".." not in name
        assert name.isascii()
        source.encode()
        for node in ast.walk(ast.parse(source)):
            assert not (isinstance(node, ast.Call) and "pwned" in ast.dump(node.func)), f"{name}: {ast.unparse(node)}"


@given(st.sampled_from(PLACES), st.sampled_from(ATTACKS) | st.text(max_size=30))
@example((("info", "version"), False), '"; pwned(); "')
@example((("paths", "/api/notes"), True), '/a"""\npwned()\n"""')
@example((("paths", "/v1/answers", "post", "servers", 0, "url"), False), 'https://a"""\npwned()\n"""')
@examples(40)
def test_text_of_a_document_never_becomes_code(place: tuple[Place, bool], attack: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    _put(document, place[0], attack, is_key=place[1])
    with tempfile.TemporaryDirectory() as folder:
        _runs_nothing(_written(yaml.safe_dump(document, sort_keys=False), Path(folder)))


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of the document as it is, without their texts."""
    files = _written(SMALL_TEXT, tmp_path_factory.mktemp("small"))
    assert files
    return {name: _shape(source) for name, source in files.items()}


@pytest.mark.parametrize("attack", ATTACKS)
def test_descriptions_change_nothing_but_docstrings(attack: str, shapes: dict[str, str], tmp_path: Path) -> None:
    """Every free text at once: titles, versions, summaries, descriptions."""
    document = copy.deepcopy(DOCUMENT)
    for place, is_key in PLACES:
        if (
            not is_key
            and place[-1] in {"title", "version", "summary", "description"}
            and "properties" not in place[-2:]
        ):
            _put(document, place, attack or "x", is_key=False)
    files = _written(yaml.safe_dump(document, sort_keys=False), tmp_path)
    _runs_nothing(files)
    if attack == "\ud800":  # no YAML can hold it
        assert not files
    else:
        assert {name: _shape(source) for name, source in files.items()} == shapes


def _shape(source: str) -> str:
    """A file without the texts in it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def test_every_hostile_text_builds_and_imports(tmp_path: Path) -> None:
    """The version, a path, a server and values of an enumeration, through the formatter and into an interpreter."""
    attack = "\\\"\"\"\n''' pwned() {{ x }} \\"
    document = copy.deepcopy(DOCUMENT)
    document["info"]["version"] = attack
    paths = document["paths"]
    paths['/api/"""\\/notes'] = paths.pop("/api/notes")
    paths["/v1/answers"]["post"]["servers"][0]["url"] = 'https://a.example/"""\\'
    parameter = document["components"]["parameters"]["Order"]
    parameter["schema"]["enum"] = ["newest | str", "oldest | str | pwned()", attack]
    outcome = build(yaml.safe_dump(document, sort_keys=False), tmp_path)
    assert outcome.status == 0, outcome.complained
    namespace: dict[str, Any] = {}
    exec((tmp_path / "out" / "__init__.py").read_text(), namespace)
    assert namespace["DOCUMENT_VERSION"] == attack
    for path in (tmp_path / "out").rglob("*.py"):
        compile(path.read_text(encoding="utf-8"), str(path), "exec")


def _bomb(levels: int, reference: str) -> str:
    lines = ["x-bomb:", "  a0: &a0 {description: x}"]
    lines += [f"  a{n}: &a{n} {reference.format(*[f'a{n - 1}'] * 9)}" for n in range(1, levels)]
    return "\n".join([SMALL_TEXT, *lines])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (_bomb(12, "[*{}, *{}, *{}, *{}, *{}, *{}, *{}, *{}, *{}]"), "more than 500,000 nodes"),
        (_bomb(12, "{{a: *{}, b: *{}, c: *{}, d: *{}, e: *{}, f: *{}, g: *{}, h: *{}, i: *{}}}"), "more than 500,000 nodes"),
        (_bomb(12, "{{<<: [*{}, *{}, *{}, *{}, *{}, *{}, *{}, *{}, *{}]}}"), "more than 500,000 nodes"),
        (_bomb(3, "{{<<: *{}}}"), "the key '<<' is not text"),
        ("[" * 200_000 + "]" * 200_000, "nested more than 100 levels deep"),
        ("{a: " * 200_000 + "}" * 200_000, "nested more than 100 levels deep"),
        ("- " * 5_000 + "x", "nested more than 100 levels deep"),
        ("a: &a [*a]", "*a holds itself"),
        ("a: &a {b: [*a]}", "*a holds itself"),
        ("a: *nothing", "undefined alias"),
        ("a: .inf", "a number in it is infinite"),
        ("a: [1, .nan]", "a number in it is infinite"),
        ("a: 0x" + "f" * 100_000, "too long"),
    ],
    ids=lambda value: value[:30] if len(value) < 60 else f"{len(value)} characters",
)  # fmt: skip
def test_a_bomb_is_one_clear_error_at_once(text: str, problem: str, tmp_path: Path) -> None:
    started = time.process_time()
    outcome = build(text, tmp_path)
    assert (outcome.status, outcome.printed) == (1, "")
    assert problem in outcome.complained
    assert outcome.complained.count("\n") == 1
    assert len(outcome.complained) < 1000
    assert time.process_time() - started < 20  # it would take hours, or all memory
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (("operationId: read_note", "operationId: re\u00e1d_note"), "cannot be the dotted name of a method"),
        (("operationId: read_note", "operationId: 're()'"), "cannot be the dotted name of a method"),
    ],
)
def test_a_name_that_python_cannot_hold_is_refused(edit: tuple[str, str], problem: str, tmp_path: Path) -> None:
    outcome = build(edited(edit), tmp_path)
    assert outcome.status == 1
    assert problem in outcome.complained
