# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseInputContent: A part of a message."""

from __future__ import annotations

from typing import TypeAlias

from .response_input_file import ResponseInputFile
from .response_input_image import ResponseInputImage
from .response_input_text import ResponseInputText
from .response_output_text import ResponseOutputText

ResponseInputContent: TypeAlias = ResponseInputText | ResponseInputImage | ResponseInputFile | ResponseOutputText
"""A part of a message."""
