"""A client of the document of 0.33 calls the routes of a newer server by their paths."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.lifetimes import lifetime_of, value_lifetimes
from ollama_sdk.testing import Emulator
from tests.document.openapi_document import document, nodes
from tests.generator.generator_kit import ROOT, run

OLD, NEW = "0.33.0", "0.40.12"
REF = "#/components/schemas/"
# The runtime of today computes metrics from it, so that the generator does not let it go.
READ = {"prompt_eval_cached_count"}

# What each program does once there is a client; the calls of its routes are three lines.
SYNC = """\
from client_of_033 import DOCUMENT_VERSION
from client_of_033.sync_client import Ollama
from client_of_033 import models

with Ollama(timeout=30) as client:
    print(DOCUMENT_VERSION, client.version().version)
    print(hasattr(client.v1, "systemone"), hasattr(client.v1.audio, "speech"), hasattr(models, "SystemOneResponse"))
    question = {"type": "choice", "instructions": "Urgent?", "criteria": {"a": None, "b": None}}
    asked = {"model": "nimble", "state": "The barn is on fire.", "questions": {"q": question}}
    reply = client.request("POST", "/v1/systemone", json=asked)
    print(sorted(reply["answers"]["q"]["probabilities"]))
    said = {"model": "phonon", "input": "The kettle is on."}
    sound = client.request("POST", "/v1/audio/speech", json=said, stream="bytes")
    print(sound.save("kettle.wav") > 44)
"""
ASYNC = """\
import asyncio
from client_of_033 import DOCUMENT_VERSION
from client_of_033.async_client import AsyncOllama
from client_of_033 import models

async def main():
    async with AsyncOllama(timeout=30) as client:
        print(DOCUMENT_VERSION, (await client.version()).version)
        print(hasattr(client.v1, "systemone"), hasattr(client.v1.audio, "speech"), hasattr(models, "SystemOneResponse"))
        question = {"type": "choice", "instructions": "Urgent?", "criteria": {"a": None, "b": None}}
        asked = {"model": "nimble", "state": "The barn is on fire.", "questions": {"q": question}}
        reply = await client.request("POST", "/v1/systemone", json=asked)
        print(sorted(reply["answers"]["q"]["probabilities"]))
        said = {"model": "phonon", "input": "The kettle is on."}
        sound = await client.request("POST", "/v1/audio/speech", json=said, stream="bytes")
        print(await sound.save("kettle.wav") > 44)

asyncio.run(main())
"""


def _covered(node: Any, gone: set[str]) -> Any:
    """A part of the document without what the old release does not have; ``gone`` are references and tags of lost schemas."""
    if isinstance(node, list):
        return [_covered(part, gone) for part in node if not (isinstance(part, dict) and part.get("$ref") in gone)]
    if not isinstance(node, dict):
        return node
    left = {
        name: _covered(part, gone)
        for name, part in node.items()
        if not isinstance(part, dict) or name in READ or lifetime_of(part).covers(OLD)
    }
    lost = {value for value, life in value_lifetimes(node).items() if not life.covers(OLD)}
    if lost:
        left["x-known"] = [value for value in node["x-known"] if value not in lost]
        left["x-known-since"] = {value: since for value, since in node["x-known-since"].items() if value not in lost}
    if isinstance(node.get("required"), list) and "properties" in node:
        left["required"] = [name for name in node["required"] if name in left["properties"]]
    if "mapping" in node.get("discriminator", {}):
        left["discriminator"]["mapping"] = {
            tag: ref for tag, ref in node["discriminator"]["mapping"].items() if ref not in gone
        }
    if "enum" in node.get("not", {}):
        left["not"]["enum"] = [value for value in node["not"]["enum"] if value not in gone]
    return left


def old_document() -> dict[str, Any]:
    """The document without what came after the old release, and without the schemas that only this used."""
    schemas = document()["components"]["schemas"]
    newer = {name for name, node in schemas.items() if not lifetime_of(node).covers(OLD)}
    tags = {part["const"] for name in newer for part in schemas[name]["properties"].values() if "const" in part}
    old = _covered(document(), {REF + name for name in newer} | tags)
    old["info"]["version"] = OLD
    old["paths"] = {path: item for path, item in old["paths"].items() if item}
    kept: dict[str, Any] = old["components"]["schemas"]
    while unused := set(kept) - {node["$ref"].removeprefix(REF) for _, node in nodes(old) if "$ref" in node}:
        for name in unused:
            del kept[name]
    return old


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the client of the old document is, as the package ``client_of_033``."""
    folder = tmp_path_factory.mktemp("older")
    path = folder / "old.yaml"
    path.write_text(yaml.safe_dump(old_document(), sort_keys=False, allow_unicode=True), encoding="utf-8")
    outcome = run("build", "--document", path, "--output", folder / "client_of_033")
    assert outcome.status == 0, outcome.complained
    return folder


def test_older_document_has_nothing_of_newer_releases() -> None:
    newer = [place for place, node in nodes(old_document()) if not lifetime_of(node).covers(OLD)]
    assert {place[-1] for place in newer} == READ
    assert set(document()["paths"]) - set(old_document()["paths"]) >= {"/v1/systemone", "/v1/audio/speech"}


@pytest.mark.parametrize("program", [SYNC, ASYNC], ids=["sync", "async"])
def test_client_of_an_older_document_calls_newer_routes(program: str, folder: Path, tmp_path: Path) -> None:
    with Emulator(version=NEW) as server:
        server.models.add("nimble", capabilities=["decision"])
        server.models.add("phonon", capabilities=["audio"])
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "OLLAMA_HOST": server.url},
            capture_output=True,
            text=True,
            check=False,
        )
        called = [request.path for request in server.requests]
    assert done.stderr == ""
    assert done.stdout.splitlines() == [f"{OLD} {NEW}", "False False False", "['a', 'b']", "True"]
    assert called == ["/api/version", "/v1/systemone", "/v1/audio/speech"]
    assert (tmp_path / "kettle.wav").read_bytes().startswith(b"RIFF")
