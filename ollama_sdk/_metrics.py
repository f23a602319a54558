"""Properties of replies that are computed from other fields; a schema names its class by ``x-mixin``."""

from __future__ import annotations

from attrs import frozen

__all__ = ["GenerationMetrics", "Metrics"]

_NANOSECONDS = 1e9


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


class GenerationMetrics:
    """Adds ``metrics`` to a reply that holds the server's counters."""

    __slots__ = ()

    total_duration: int | None
    load_duration: int | None
    prompt_eval_count: int | None
    prompt_eval_cached_count: int | None
    prompt_eval_duration: int | None
    eval_count: int | None
    eval_duration: int | None

    @property
    def metrics(self) -> Metrics:
        """The server's counters, which are in nanoseconds, as seconds and tokens per second."""
        prompt, cached = self.prompt_eval_count, self.prompt_eval_cached_count
        evaluated = None if prompt is None or cached is None else prompt - cached
        return Metrics(
            total_seconds=_seconds(self.total_duration),
            load_seconds=_seconds(self.load_duration),
            prompt_tokens=prompt,
            cached_prompt_tokens=cached,
            prompt_seconds=_seconds(self.prompt_eval_duration),
            prompt_tokens_per_second=_rate(evaluated, self.prompt_eval_duration),
            tokens=self.eval_count,
            seconds=_seconds(self.eval_duration),
            tokens_per_second=_rate(self.eval_count, self.eval_duration),
        )


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / _NANOSECONDS


def _rate(count: int | None, nanoseconds: int | None) -> float | None:
    return count * _NANOSECONDS / nanoseconds if count is not None and nanoseconds else None
