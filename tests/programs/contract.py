"""What each program does with the emulator, and how it reports what came of it."""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import BaseModel

QUESTION = "Why is the sky blue?"
TOOL_QUESTION = "What is the weather?"
TEXTS = ["one", "two"]


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def report(**found: Any) -> None:
    """Print the results as the last line: whatever else a program prints comes before."""
    sys.stdout.write(f"\n{json.dumps(found)}\n")
