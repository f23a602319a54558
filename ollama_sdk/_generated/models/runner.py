# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""Runner: What runs a model."""

from __future__ import annotations

from typing import Literal, TypeAlias

Runner: TypeAlias = Literal["ggml", "llamacpp", "mlx"] | str
"""What runs a model."""
