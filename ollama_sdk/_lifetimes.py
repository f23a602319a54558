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
    """The releases that have a route, a field or a value.

    Attributes:
        since: The first release with it; ``None`` if that was before 0.5.0, or is unknown.
        until: The first release without it; ``None`` if every later release has it.
        refused: The first release that refuses a request with it, and the first later one that ignores it again; ``None`` if no
            release refuses it. All other releases without it ignore it.
    """

    since: str | None = None
    until: str | None = None
    refused: tuple[str, str] | None = None

    def covers(self, version: str) -> bool:
        """Return whether a release has the route, field or value."""
        numbers = release_numbers(version)
        if self.since is not None and numbers < release_numbers(self.since):
            return False
        return self.until is None or numbers < release_numbers(self.until)

    def refuses(self, version: str) -> bool:
        """Return whether a release refuses a request with the field or value."""
        if self.refused is None:
            return False
        first, after = map(release_numbers, self.refused)
        return first <= release_numbers(version) < after


ALWAYS = Lifetime()
"""The lifetime of anything that every release has."""


@frozen
class RouteLifetimes:
    """The lifetimes of a route and of its fields and values; only those that differ from the route's are listed.

    Attributes:
        route: The lifetime of the route.
        request: The lifetimes of body fields, by path, and of query parameters, by name.
        reply: The lifetimes of the fields of a one-piece reply, by path.
        item: The lifetimes of the fields of a stream's items, by path.
        request_values: By the path of a field, then by value; ``*`` is any value that the document does not list.
        reply_values: As ``request_values``.
        item_values: As ``request_values``.
        encodings: By content coding of a request body: the releases that decode it.
    """

    route: Lifetime
    request: Mapping[str, Lifetime] = field(factory=dict[str, Lifetime])
    reply: Mapping[str, Lifetime] = field(factory=dict[str, Lifetime])
    item: Mapping[str, Lifetime] = field(factory=dict[str, Lifetime])
    request_values: Mapping[str, Mapping[str, Lifetime]] = field(factory=dict[str, Mapping[str, Lifetime]])
    reply_values: Mapping[str, Mapping[str, Lifetime]] = field(factory=dict[str, Mapping[str, Lifetime]])
    item_values: Mapping[str, Mapping[str, Lifetime]] = field(factory=dict[str, Mapping[str, Lifetime]])
    encodings: Mapping[str, Lifetime] = field(factory=dict[str, Lifetime])
