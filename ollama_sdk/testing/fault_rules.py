"""Which requests fail, and how often."""

from __future__ import annotations

import fnmatch
import math
import threading
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Callable

    from ollama_sdk.testing.faults import Fault
    from ollama_sdk.testing.requests import RecordedRequest

__all__ = ["Faults"]

# So that a tenth of ten is one, whatever binary fractions make of it.
_ROUNDING = 1e-9


@define(eq=False)
class _Rule:
    fault: Fault
    path: str | None
    method: str | None
    model: str | None
    when: Callable[[RecordedRequest], bool] | None
    share: float
    skip: int
    left: int | None
    seen: int = 0

    def fits(self, request: RecordedRequest) -> bool:
        return (
            (self.path is None or fnmatch.fnmatchcase(request.path, self.path))
            and (self.method is None or self.method == request.method)
            and (self.model is None or self.model == request.model)
            and (self.when is None or self.when(request))
        )

    def strikes(self) -> bool:
        """Whether it is this one's turn; shares are exact: 0.25 is every fourth."""
        self.seen += 1
        place = self.seen - self.skip
        if place <= 0 or _times(place, self.share) == _times(place - 1, self.share):
            return False
        if self.left is not None:
            self.left -= 1
        return True


class Faults:
    """Which requests fail, and how; safe to use from any thread.

    The oldest rule that strikes decides; a rule that has struck ``times`` often is forgotten.

    Example:
        >>> import httpx
        >>> from ollama_sdk.testing import Emulator, Fault
        >>> with Emulator() as server:
        ...     server.faults.add(Fault.status(503, retry_after=1), path="/api/*", times=2)
        ...     [httpx.get(f"{server.url}/api/version").status_code for _ in range(3)]
        [503, 503, 200]
    """

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def add(
        self,
        fault: Fault,
        *,
        path: str | None = None,
        method: str | None = None,
        model: str | None = None,
        when: Callable[[RecordedRequest], bool] | None = None,
        share: float = 1.0,
        skip: int = 0,
        times: int | None = None,
    ) -> None:
        """Let requests fail.

        Args:
            fault: How.
            path: Only of this path, as in ``/api/chat``; ``*`` and ``?`` stand for any characters.
            method: Only of this method.
            model: Only for this model, named as in the request.
            when: Only those it says yes to.
            share: Which part of those, between 0 and 1: exactly, not by chance.
            skip: How many of those pass first.
            times: How often at most.

        Raises:
            ValueError: For a share beyond 0 to 1, a path that no request can have, or a condition on requests with a fault
                that strikes connections.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"share={share!r}; give a part between 0 and 1, such as 0.25 for every fourth")
        if fault.on_connection and any(item is not None for item in (path, method, model, when)):
            raise ValueError(f"{fault.name!r} strikes before there is a request: only times, skip and share apply")
        if path is not None and not path.startswith(("/", "*")):
            raise ValueError(f"path={path!r} is that of no request: they begin with a slash, as in {'/' + path!r}")
        with self._lock:
            self._rules.append(_Rule(fault, path, method, model, when, share, skip, times))

    def clear(self) -> None:
        """Let everything work again."""
        with self._lock:
            self._rules.clear()

    def for_request(self, request: RecordedRequest) -> Fault | None:
        """The fault that strikes a request."""
        return self._struck(lambda rule: not rule.fault.on_connection and rule.fits(request))

    def for_connection(self) -> Fault | None:
        """The fault that strikes a new connection."""
        return self._struck(lambda rule: rule.fault.on_connection)

    def _struck(self, concerns: Callable[[_Rule], bool]) -> Fault | None:
        with self._lock:
            rule = next((rule for rule in self._rules if concerns(rule) and rule.strikes()), None)
            if rule is None:
                return None
            if rule.left == 0:
                self._rules.remove(rule)
            return rule.fault


def _times(requests: int, share: float) -> int:
    """How many of the first requests are struck."""
    return math.floor(requests * share + _ROUNDING)
