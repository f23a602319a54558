"""The command line: ``python -m generator build | check | changes``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .changes import RevisionError, changes
from .conventions import load
from .document import Document, DocumentError
from .emit import OutputError, build, stale
from .rules import refuse_gaps

_ROOT = Path(__file__).parent.parent
_DOCUMENT = _ROOT / "openapi" / "ollama.yaml"
_OUTPUT = _ROOT / "ollama_sdk" / "_generated"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 1 where the document, the revision or the committed output is wrong."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (DocumentError, OutputError, RevisionError, OSError) as exc:
        print(exc, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m generator", description="Turn the OpenAPI document into the client."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("build", _build, "write the generated package"),
        ("check", _check, "fail if the generated package differs from what the document gives"),
        ("changes", _changes, "list what an edit of the document changes in the public interface"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--document", type=Path, default=_DOCUMENT, metavar="FILE")
        command.set_defaults(run=run)
        if name == "changes":
            command.add_argument("--against", default="HEAD", metavar="GIT-REV", help="the revision to compare with")
        else:
            command.add_argument("--output", type=Path, default=_OUTPUT, metavar="FOLDER")
    return parser


def _complete(options: argparse.Namespace) -> Document:
    document = load(options.document)
    refuse_gaps(document)
    return document


def _build(options: argparse.Namespace) -> int:
    report = build(_complete(options), options.output)
    print(report)
    return 0


def _check(options: argparse.Namespace) -> int:
    files = stale(_complete(options), options.output)
    for name in files:
        print(f"{options.output / name} is stale: run `make generate`", file=sys.stderr)
    return 1 if files else 0


def _changes(options: argparse.Namespace) -> int:
    print(changes(options.document, options.against))
    return 0


if __name__ == "__main__":
    sys.exit(main())
