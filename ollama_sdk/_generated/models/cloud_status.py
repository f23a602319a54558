# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""CloudStatus: Whether a server may use ollama.com."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class CloudStatus(Model):
    """Whether a server may use ollama.com.

    Attributes:
        disabled: Whether it is disabled.
        source: The setting that disabled it.
    """

    disabled: bool
    source: Literal["both", "config", "env", "none"] | str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
