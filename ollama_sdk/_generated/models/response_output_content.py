# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseOutputContent: A part of the model's message."""

from __future__ import annotations

from typing import TypeAlias

from .response_other_content import ResponseOtherContent
from .response_output_text import ResponseOutputText

ResponseOutputContent: TypeAlias = ResponseOutputText | ResponseOtherContent
"""A part of the model's message."""
