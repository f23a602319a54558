# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""Logprob: A token of the answer, its probability, and the most likely tokens at its position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .token_logprob import TokenLogprob


@define(kw_only=True, eq=False, repr=False)
class Logprob(Model):
    """A token of the answer, its probability, and the most likely tokens at its position.

    Attributes:
        token: The text of the token.
        logprob: Natural logarithm of the probability.
        bytes: The text in UTF-8, as bytes; a token may end inside a character.
        top_logprobs: The most likely tokens at this position, most likely first.
    """

    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[TokenLogprob] | None = field(default=None, metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
