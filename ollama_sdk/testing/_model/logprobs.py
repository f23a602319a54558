"""Makes log-probabilities for the tokens of a text, always the same for the same text."""

from __future__ import annotations

import math
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ollama_sdk.testing._model.json import Json

__all__ = ["token_logprob"]

_ALTERNATIVES = (" the", " one", " what", " day", " red", " dog", " night", " sky", " two", " of", " cat", " is")


def token_logprob(token: str, position: int, alternatives: int) -> Json:
    """Return the entry of one token.

    Args:
        token: The text of the token.
        position: Its place in the answer; the same text has another probability elsewhere.
        alternatives: How many entries ``top_logprobs`` has, the token itself included; 0 leaves it out.

    Returns:
        ``token``, ``logprob`` (natural logarithm), ``bytes`` and ``top_logprobs``, as Ollama names them.
    """
    chosen = -0.05 - (zlib.crc32(f"{position}{token}".encode()) % 1000) / 2000
    entry = _entry(token, chosen)
    if alternatives:
        others = (word for word in _ALTERNATIVES if word != token)
        remaining = math.log1p(-math.exp(chosen))
        ranked = [_entry(word, remaining - 0.7 * rank) for rank, word in enumerate(islice(others, alternatives - 1), 1)]
        entry["top_logprobs"] = [_entry(token, chosen), *sorted(ranked, key=lambda item: -float(item["logprob"]))]
    return entry


def _entry(text: str, logprob: float) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}
