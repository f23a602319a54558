# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""SystemOneAnswer: The answer to one question; the type of the question says which fields it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class SystemOneAnswer(Model):
    """The answer to one question; the type of the question says which fields it has.

    Attributes:
        choice: Of a choice, the key of the likeliest option.
        noul: Of a noul, the probability that it is so, from 0 to 1.
        score: Of a score, the mean of the levels, from 0; not rounded.
        legend: Of a score, the text of each level, by its number.
        probabilities: Of a choice or a score, the probability of each key or level; their sum is 1.
        confidence: Of a choice or a score, how sure the model is, from 0 to 1.
    """

    choice: str | None = None
    noul: float | None = None
    score: float | None = None
    legend: dict[str, str] | None = None
    probabilities: dict[str, float] | None = None
    confidence: float | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
