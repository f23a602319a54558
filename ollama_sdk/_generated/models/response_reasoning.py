# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseReasoning: How a model reasons before the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseReasoning(Model):
    """How a model reasons before the answer.

    Attributes:
        effort: How much the model reasons; the model decides when absent. Of its values, `none` since 0.12.4,
            `minimal` since 0.32.11, `xhigh` since 0.32.11, `ultra` since 0.32.11, `max` since 0.22.0, any other
            since 0.34.3.
        summary: Returned unchanged; has no effect.
        generate_summary: Has no effect. Superseded by `summary`.
    """

    effort: Literal["high", "low", "max", "medium", "minimal", "none", "ultra", "xhigh"] | str | None = None
    summary: Literal["auto", "concise", "detailed"] | str | None = None
    generate_summary: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
