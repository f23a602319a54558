# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseReasoning: How a model reasons first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class ResponseReasoning(Model):
    """How a model reasons first.

    Attributes:
        effort: How much the model reasons; the model decides when absent.
        summary: Returned unchanged; has no effect.
        generate_summary: Has no effect. Superseded by `summary`.
    """

    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
