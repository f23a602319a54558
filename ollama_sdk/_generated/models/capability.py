# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""Capability: What a model can do."""

from __future__ import annotations

from typing import Literal, TypeAlias

Capability: TypeAlias = (
    Literal["audio", "completion", "decision", "embedding", "image", "insert", "thinking", "tools", "vision"] | str
)
"""What a model can do."""
