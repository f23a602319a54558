"""The command line: ``python -m generator build | check | changes | drift | verify``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ollama_sdk.testing.recording import RecordedExchange, read_recordings

from .changes import RevisionError, changes
from .conventions import load
from .document import Document, DocumentError
from .drift.accepted import Accepted, read_accepted
from .drift.differences import differences
from .drift.draft import draft
from .drift.golang import read_checkout
from .drift.openapi import read_openapi, routes_of
from .drift.report import report_of
from .drift.shapes import Source, SourceError
from .emit import OutputError, build, stale
from .rules import refuse_gaps
from .verify.judge import Judge
from .verify.probes import ProbeError, Probes
from .verify.report import verify

_ROOT = Path(__file__).parent.parent
_DOCUMENT = _ROOT / "openapi" / "ollama.yaml"
_OUTPUT = _ROOT / "ollama_sdk" / "_generated"
_ACCEPTED = _ROOT / "openapi" / "drift.toml"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 1 if the document, the revision or the committed output is wrong."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (DocumentError, OutputError, ProbeError, RevisionError, SourceError, OSError) as exc:
        print(exc, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m generator", description="Turn the OpenAPI document into the client."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("build", _build, "write the generated package"),
        ("check", _check, "fail if the generated package does not match the document"),
        ("changes", _changes, "list the changes of the public interface by an edit of the document"),
        ("drift", _drift, "compare the document with Ollama's source, or with another OpenAPI document"),
        ("verify", _verify, "check recordings, or a live server, against the document"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--document", type=Path, default=_DOCUMENT, metavar="FILE")
        command.set_defaults(run=run)
        if name == "changes":
            command.add_argument("--against", default="HEAD", metavar="GIT-REV", help="the revision to compare with")
        elif name == "drift":
            _drift_arguments(command)
        elif name == "verify":
            _verify_arguments(command)
        else:
            command.add_argument("--output", type=Path, default=_OUTPUT, metavar="FOLDER")
    return parser


def _drift_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--against",
        type=Path,
        required=True,
        metavar="PATH",
        help="a checkout of Ollama's source, or an OpenAPI document such as docs/openapi.yaml in it",
    )
    command.add_argument(
        "--from",
        type=Path,
        dest="older",
        metavar="PATH",
        help="compare with this older checkout instead of the document, to list the additions of a release",
    )
    command.add_argument("--accepted", type=Path, default=_ACCEPTED, metavar="FILE", help="default: openapi/drift.toml")
    command.add_argument("--version", default="", help="the release of PATH, if git does not know it")
    forms = command.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    forms.add_argument(
        "--draft", action="store_true", help="print YAML for the missing parts of the document, to be finished by hand"
    )


def _verify_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "source",
        metavar="FOLDER|URL",
        help="recordings of `python -m ollama_sdk.testing record`, or a server, which gets only harmless requests",
    )
    command.add_argument(
        "--model", default="", help="the model that completes text; default: the smallest of the server"
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of Markdown")


def _complete(options: argparse.Namespace) -> Document:
    document = load(options.document)
    refuse_gaps(document)
    return document


def _build(options: argparse.Namespace) -> int:
    print(build(_complete(options), options.output))
    return 0


def _check(options: argparse.Namespace) -> int:
    files = stale(_complete(options), options.output)
    for name in files:
        print(f"{options.output / name} is stale: run `make generate`", file=sys.stderr)
    return 1 if files else 0


def _drift(options: argparse.Namespace) -> int:
    accepted = read_accepted(options.accepted)
    source = _source(options.against, accepted, options.version)
    older = None if options.older is None else _source(options.older, accepted, "")
    known = older.routes if older else routes_of(load(options.document))
    report = report_of(older.path if older else options.document, source, differences(known, source.routes), accepted)
    print(
        draft(report.found, source.version) if options.draft else report.json() if options.json else report.markdown()
    )
    return 1 if report.lacks and older is None else 0


def _verify(options: argparse.Namespace) -> int:
    document = load(options.document)
    judge = Judge(document)
    if options.source.startswith(("http://", "https://")):
        probes = Probes(document, options.source, options.model)
        exchanges = list(probes.exchanges())
        verdict = verify(judge, options.source, exchanges, probes.untried)
    else:
        verdict = verify(judge, options.source, _recordings(Path(options.source)))
    print(verdict.json() if options.json else verdict.markdown())
    return 1 if verdict.found else 0


def _recordings(folder: Path) -> list[RecordedExchange]:
    try:
        found = read_recordings(folder)
    except ValueError as exc:
        raise OSError(str(exc)) from exc
    if not found:
        raise FileNotFoundError(f"{folder}: no recording here; record some with python -m ollama_sdk.testing record")
    return found


def _source(path: Path, accepted: Accepted, version: str) -> Source:
    return read_checkout(path, accepted, version) if path.is_dir() else read_openapi(path, version)


def _changes(options: argparse.Namespace) -> int:
    print(changes(options.document, options.against))
    return 0


if __name__ == "__main__":
    sys.exit(main())
