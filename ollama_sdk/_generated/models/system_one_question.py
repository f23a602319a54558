# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""SystemOneQuestion: A question about a state."""

from __future__ import annotations

from typing import TypeAlias

from .system_one_choice import SystemOneChoice
from .system_one_noul import SystemOneNoul
from .system_one_score import SystemOneScore

SystemOneQuestion: TypeAlias = SystemOneChoice | SystemOneNoul | SystemOneScore
"""A question about a state."""
