# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""TokenLogprob: A token and its probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class TokenLogprob(Model):
    """A token and its probability.

    Attributes:
        token: The text of the token.
        logprob: Natural logarithm of the probability.
        bytes: The text in UTF-8, as bytes; a token may end inside a character.
    """

    token: str
    logprob: float
    bytes: list[int] | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
