# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseInputFile: A file in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseInputFile(Model):
    """A file in a message. Ollama refuses files at present; before 0.20.4 as a part of unknown type.

    Attributes:
        type: The type of part.
        file_data: The file, as a data URL.
        file_id: Identifies an uploaded file.
        file_url: Address of the file.
        filename: Name of the file.
    """

    type: Literal["input_file"]
    file_data: str | None = field(default=None, metadata={"content": True})
    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
