"""Properties that are computed from what a reply holds; the document names the class that a model gets."""

from __future__ import annotations

from attrs import frozen

__all__ = ["GenerationMetrics", "Metrics"]

_NANOSECONDS = 1e9


@frozen
class Metrics:
    """How long a reply took, from the server's own counters; ``None`` where it sent none.

    Attributes:
        total_seconds: The whole request on the server.
        load_seconds: Loading the model.
        prompt_tokens: Tokens of the prompt that were evaluated; tokens found in the cache are not counted.
        prompt_seconds: Evaluating the prompt.
        prompt_tokens_per_second: The rate of that.
        tokens: Generated tokens.
        seconds: Generating them.
        tokens_per_second: The rate of that.
    """

    total_seconds: float | None
    load_seconds: float | None
    prompt_tokens: int | None
    prompt_seconds: float | None
    prompt_tokens_per_second: float | None
    tokens: int | None
    seconds: float | None
    tokens_per_second: float | None


class GenerationMetrics:
    """Gives a reply with the server's counters its ``metrics``."""

    __slots__ = ()

    total_duration: int | None
    load_duration: int | None
    prompt_eval_count: int | None
    prompt_eval_duration: int | None
    eval_count: int | None
    eval_duration: int | None

    @property
    def metrics(self) -> Metrics:
        """Seconds and tokens per second; the server's counters are in nanoseconds."""
        return Metrics(
            total_seconds=_seconds(self.total_duration),
            load_seconds=_seconds(self.load_duration),
            prompt_tokens=self.prompt_eval_count,
            prompt_seconds=_seconds(self.prompt_eval_duration),
            prompt_tokens_per_second=_rate(self.prompt_eval_count, self.prompt_eval_duration),
            tokens=self.eval_count,
            seconds=_seconds(self.eval_duration),
            tokens_per_second=_rate(self.eval_count, self.eval_duration),
        )


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / _NANOSECONDS


def _rate(count: int | None, nanoseconds: int | None) -> float | None:
    return count * _NANOSECONDS / nanoseconds if count is not None and nanoseconds else None
