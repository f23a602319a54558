"""Which releases of Ollama have a route, a field or a value."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import field, frozen

__all__ = ["ALWAYS", "Lifetime", "RouteLifetimes", "release_numbers"]


def release_numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers that compare like releases.

    A pre-release counts as its release. A server built from source, which reports ``0.0.0`` or no number at all, counts as newer
    than every release.
    """
    numbers = tuple(map(int, re.findall(r"\d+", version.partition("-")[0].partition("+")[0])))
    return numbers if any(numbers) else (999,)


@frozen
class Lifetime:
    """The releases that have something.

    Attributes:
        since: The first release with it; ``None`` if that was before 0.5.0, or is unknown.
        until: The first release without it; ``None`` while it is there.
        refused: The first release that refuses a request with it, and the first that ignores it instead; ``None`` if no release
            refuses it. Older and newer servers ignore what they do not know.
    """

    since: str | None = None
    until: str | None = None
    refused: tuple[str, str] | None = None

    def covers(self, version: str) -> bool:
        """Return whether a release has it."""
        numbers = release_numbers(version)
        if self.since is not None and numbers < release_numbers(self.since):
            return False
        return self.until is None or numbers < release_numbers(self.until)

    def refuses(self, version: str) -> bool:
        """Return whether a release refuses a request with it."""
        if self.refused is None:
            return False
        first, after = map(release_numbers, self.refused)
        return first <= release_numbers(version) < after


ALWAYS = Lifetime()
"""Of what every release has."""


@frozen
class RouteLifetimes:
    """The releases that have a route, and those that have its fields and values, as far as they differ from the route's.

    Attributes:
        route: The releases with the route.
        request: By the path of a field of the body, or the name of a query parameter.
        reply: By the path of a field of the one-piece reply.
        item: By the path of a field of an item of the stream.
        request_values: By the path of a field, and then by its value; ``*`` is any value that the document does not name.
        reply_values: As ``request_values``.
        item_values: As ``request_values``.
        encodings: By the content coding of a request body: the releases that undo it.
    """

    route: Lifetime
    request: Mapping[str, Lifetime] = field(factory=dict[str, Lifetime])
    reply: Mapping[str, Lifetime] = field(factory=dict[str, Lifetime])
    item: Mapping[str, Lifetime] = field(factory=dict[str, Lifetime])
    request_values: Mapping[str, Mapping[str, Lifetime]] = field(factory=dict[str, Mapping[str, Lifetime]])
    reply_values: Mapping[str, Mapping[str, Lifetime]] = field(factory=dict[str, Mapping[str, Lifetime]])
    item_values: Mapping[str, Mapping[str, Lifetime]] = field(factory=dict[str, Mapping[str, Lifetime]])
    encodings: Mapping[str, Lifetime] = field(factory=dict[str, Lifetime])
