# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""StatusResponse: The state of a server's features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .cloud_status import CloudStatus


@define(kw_only=True, eq=False, repr=False)
class StatusResponse(Model):
    """The state of a server's features.

    Attributes:
        cloud: Whether the server may use ollama.com.
    """

    cloud: CloudStatus
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
