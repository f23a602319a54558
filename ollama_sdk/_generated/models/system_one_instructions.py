# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""SystemOneInstructions: The question to decide; objects and arrays are passed to the model as JSON text."""

from __future__ import annotations

from typing import Any, TypeAlias

SystemOneInstructions: TypeAlias = str | dict[str, Any] | list[Any]
"""The question to decide; objects and arrays are passed to the model as JSON text."""
