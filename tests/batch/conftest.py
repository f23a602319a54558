"""An emulated Ollama with a model that embeds and one that answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ollama_sdk.testing import Emulator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as server:
        server.models.add("all-minilm", capabilities=["embedding"], embedding_length=16)
        server.models.add("llama3.2", capabilities=["completion", "vision"])
        yield server
