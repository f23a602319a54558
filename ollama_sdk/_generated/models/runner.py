# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""Runner: The runner of a model."""

from __future__ import annotations

from typing import Literal, TypeAlias

Runner: TypeAlias = Literal["ggml", "llamacpp", "mlx"] | str
"""The runner of a model."""
