"""Ends a text at the first stop sequence, which may span several of its pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["StopSequences"]


class StopSequences:
    """The stop sequences of one request."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops

    def cut(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield the pieces up to the first stop sequence, without it."""
        if not self._stops:
            yield from pieces
            return
        held = ""
        for piece in pieces:
            held += piece
            places = [place for stop in self._stops if (place := held.find(stop)) >= 0]
            if places:
                if place := min(places):
                    yield held[:place]
                return
            if not self._may_begin_in(held):
                yield held
                held = ""
        if held:
            yield held

    def _may_begin_in(self, text: str) -> bool:
        """Whether the end of the text may be the beginning of a stop sequence."""
        return any(text.endswith(stop[:length]) for stop in self._stops for length in range(1, len(stop)))
