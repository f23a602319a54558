# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionReasoning: How a model reasons before the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionReasoning(Model):
    """How a model reasons before the answer.

    Attributes:
        effort: How much a model reasons before the answer; `none` turns reasoning off. A model takes the names that
            `show().thinking` lists. For a model without such a list, a level that Ollama does not have selects the
            nearest one; any other name is refused. Of its values, `none` since 0.12.4, `minimal` since 0.32.11,
            `xhigh` since 0.32.11, `ultra` since 0.32.11, `max` since 0.22.0, any other since 0.34.3.
    """

    effort: Literal["high", "low", "max", "medium", "minimal", "none", "ultra", "xhigh"] | str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
