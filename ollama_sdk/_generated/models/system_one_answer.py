# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""SystemOneAnswer: The answer to one question; the type of the question says which fields it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class SystemOneAnswer(Model):
    """The answer to one question; the type of the question says which fields it has.

    Attributes:
        choice: For a choice, the key of the most likely option.
        noul: For a noul, the probability that it is true, from 0 to 1.
        score: For a score, the mean of the levels, from 0; not rounded.
        legend: For a score, the text of each level, by number.
        probabilities: For a choice or a score, the probability of each key or level; their sum is 1.
        confidence: For a choice or a score, the confidence of the model, from 0 to 1.
    """

    choice: str | None = field(default=None, metadata={"content": True})
    noul: float | None = field(default=None, metadata={"content": True})
    score: float | None = field(default=None, metadata={"content": True})
    legend: dict[str, str] | None = None
    probabilities: dict[str, float] | None = field(default=None, metadata={"content": True})
    confidence: float | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
