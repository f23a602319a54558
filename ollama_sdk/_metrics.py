"""The figures of how fast a reply was made; imported only when they are asked for."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Metrics"]


@frozen
class Metrics:
    """How long a reply took, from the server's own counters; ``None`` where it did not send one.

    Attributes:
        total_seconds: Seconds of the whole request on the server.
        load_seconds: Seconds of loading the model.
        prompt_tokens: Tokens of the prompt, cached ones included.
        cached_prompt_tokens: Tokens of the prompt that the server found in its cache; reported since 0.33.3 by runners that
            count them.
        prompt_seconds: Seconds of evaluating the prompt; since 0.33.3 without the cached tokens.
        prompt_tokens_per_second: ``prompt_tokens - cached_prompt_tokens`` per second of ``prompt_seconds``. ``None`` without
            ``cached_prompt_tokens``: it is then unknown whether ``prompt_seconds`` covers the cached tokens, and the rate could
            be many times too high.
        tokens: Tokens that were generated.
        seconds: Seconds of generating them.
        tokens_per_second: ``tokens`` per second of ``seconds``.
    """

    total_seconds: float | None
    load_seconds: float | None
    prompt_tokens: int | None
    cached_prompt_tokens: int | None
    prompt_seconds: float | None
    prompt_tokens_per_second: float | None
    tokens: int | None
    seconds: float | None
    tokens_per_second: float | None
