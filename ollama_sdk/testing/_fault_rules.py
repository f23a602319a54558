"""Decides which requests and connections a fault applies to."""

from __future__ import annotations

import fnmatch
import math
import threading
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Callable

    from ollama_sdk.testing._server.interception import Action
    from ollama_sdk.testing.faults import Fault
    from ollama_sdk.testing.requests import RecordedRequest

__all__ = ["Faults"]

# Makes 0.1 of 10 exactly 1, despite binary fractions.
_ROUNDING = 1e-9


@define(eq=False)
class _FaultRule:
    fault: Fault
    path: str | None
    method: str | None
    model: str | None
    when: Callable[[RecordedRequest], bool] | None
    share: float
    skip: int
    uses_left: int | None
    seen: int = 0

    def matches(self, request: RecordedRequest) -> bool:
        return (
            (self.path is None or fnmatch.fnmatchcase(request.path, self.path))
            and (self.method is None or self.method == request.method)
            and (self.model is None or self.model == request.model)
            and (self.when is None or self.when(request))
        )

    def use(self) -> bool:
        """Count a match; return whether the fault applies to it. Shares are exact: 0.25 is every fourth."""
        self.seen += 1
        number = self.seen - self.skip
        if number <= 0 or _faults_among(number, self.share) == _faults_among(number - 1, self.share):
            return False
        if self.uses_left is not None:
            self.uses_left -= 1
        return True


def _faults_among(matches: int, share: float) -> int:
    return math.floor(matches * share + _ROUNDING)


class Faults:
    """The faults to inject; thread-safe.

    The oldest rule that applies decides; a rule that has applied ``times`` times is removed.

    Example:
        >>> import httpx
        >>> from ollama_sdk.testing import Emulator, Fault
        >>> with Emulator() as server:
        ...     server.faults.add(Fault.status(503, retry_after=1), path="/api/*", times=2)
        ...     [httpx.get(f"{server.url}/api/version").status_code for _ in range(3)]
        [503, 503, 200]
    """

    def __init__(self) -> None:
        self._rules: list[_FaultRule] = []
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
        """Inject a fault into the requests that match every condition.

        Args:
            fault: The fault.
            path: The path, such as ``/api/chat``; ``*`` and ``?`` match any characters.
            method: The HTTP method.
            model: The name of the model, as in the request.
            when: Returns whether a request matches.
            share: The share of matching requests that get the fault, between 0 and 1; exact, not random.
            skip: This many matching requests get no fault first.
            times: How often the fault is injected at most; ``None`` for no limit.

        Raises:
            ValueError: The share is not between 0 and 1, no request can have the path, or the fault applies to connections
                and there is a condition on requests.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"share={share!r}; give a number between 0 and 1, such as 0.25 for every fourth")
        if fault.on_connection and any(item is not None for item in (path, method, model, when)):
            raise ValueError(f"{fault.name!r} applies before there is a request: give only times, skip and share")
        if path is not None and not path.startswith(("/", "*")):
            raise ValueError(f"path={path!r}; paths begin with a slash, as in {'/' + path!r}")
        with self._lock:
            self._rules.append(_FaultRule(fault, path, method, model, when, share, skip, times))

    def clear(self) -> None:
        """Remove every fault."""
        with self._lock:
            self._rules.clear()

    def for_request(self, request: RecordedRequest) -> Action | None:
        """Return the action for a request in place of an answer; ``None`` to answer it."""
        fault = self._next_fault(lambda rule: not rule.fault.on_connection and rule.matches(request))
        return fault.act if fault else None

    def refuses_connection(self) -> bool:
        """Whether to reset a new connection."""
        return self._next_fault(lambda rule: rule.fault.on_connection) is not None

    def _next_fault(self, matches: Callable[[_FaultRule], bool]) -> Fault | None:
        with self._lock:
            rule = next((rule for rule in self._rules if matches(rule) and rule.use()), None)
            if rule is None:
                return None
            if rule.uses_left == 0:
                self._rules.remove(rule)
            return rule.fault
