# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ModelThinking: How a model can think."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ModelThinking(Model):
    """How a model can think.

    Attributes:
        values: The values that `think` takes; only false for a model that cannot think.
        default: What `think` is when absent.
    """

    values: list[bool | Literal["high", "low", "max", "medium"] | str] | None = None
    default: bool | Literal["high", "low", "max", "medium"] | str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
