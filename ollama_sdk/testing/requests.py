"""What reached the emulated server: every request, and whether the client stayed for the answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast, overload

import orjson

__all__ = ["RecordedRequest", "Requests"]

_STREAMS_BY_ITSELF = frozenset(f"/api/{name}" for name in ("generate", "chat", "create", "pull", "push"))


class RecordedRequest:
    """One request, from its headers to the end of its answer; safe to read from any thread.

    Attributes:
        method: In capitals.
        path: Decoded, without the query.
        query: As sent, without the question mark.
        headers: By name in lower case; of a repeated one the last.
        body: Bytes; empty until the body has arrived.
        started_at: Seconds of :func:`time.monotonic` when the headers were read.
        finished_at: The same when the server was done with it, completely or because of a fault; ``None`` before.
        hung_up_at: The same when the client went away before the answer was complete; ``None`` when it did not.
        status: Of the answer; ``None`` before it.
        items: How many parts of the body were sent.
    """

    def __init__(self, method: str, path: str, query: str, headers: Mapping[str, str], changed: Changed) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = b""
        self.started_at: float = time.monotonic()
        self.finished_at: float | None = None
        self.hung_up_at: float | None = None
        self.status: int | None = None
        self.items = 0
        self._changed = changed

    @property
    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: When it is none.
        """
        return orjson.loads(self.body)

    @property
    def model(self) -> str | None:
        """The model that the body names, if it does."""
        name = self._field("model") or self._field("name")
        return name if isinstance(name, str) else None

    @property
    def wants_stream(self) -> bool:
        """Whether the body asks for a stream, or leaves it to a route that streams by itself."""
        wanted = self._field("stream")
        return self.path in _STREAMS_BY_ITSELF if wanted is None else bool(wanted)

    def _field(self, name: str) -> Any:
        try:
            body = self.json
        except ValueError:
            return None
        return cast("dict[str, Any]", body).get(name) if isinstance(body, dict) else None

    @property
    def hung_up(self) -> bool:
        """Whether the client went away before the answer was complete."""
        return self.hung_up_at is not None

    def wait(self, timeout: float = 5.0) -> bool:
        """Wait until the answer is complete or the client has gone; whether that came within ``timeout`` seconds."""
        return self._changed.wait_for(lambda: self.finished_at is not None or self.hung_up, timeout)

    def finish(self) -> None:
        """The server is done."""
        self.finished_at = time.monotonic()
        self._changed.notify()

    def hang_up(self) -> None:
        """The client has gone."""
        self.hung_up_at = time.monotonic()
        self._changed.notify()

    def __repr__(self) -> str:
        state = "hung up" if self.hung_up else self.status or "open"
        return f"<{self.method} {self.path} {state}>"


class Changed:
    """A condition that one thread announces and others wait for."""

    def __init__(self) -> None:
        self._condition = threading.Condition()

    def notify(self) -> None:
        """Something changed."""
        with self._condition:
            self._condition.notify_all()

    def wait_for(self, happened: Callable[[], bool], timeout: float) -> bool:
        """Wait until ``happened`` says so; whether it did within ``timeout`` seconds."""
        with self._condition:
            return self._condition.wait_for(happened, timeout)


class Requests(Sequence[RecordedRequest]):
    """Every request so far, in order of arrival."""

    def __init__(self) -> None:
        self._all: list[RecordedRequest] = []
        self._changed = Changed()

    def record(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> RecordedRequest:
        """Note a request that has just arrived."""
        request = RecordedRequest(method, path, query, headers, self._changed)
        self._all.append(request)
        self._changed.notify()
        return request

    def wait(self, count: int, timeout: float = 5.0) -> bool:
        """Wait until ``count`` requests have arrived; whether they did within ``timeout`` seconds."""
        return self._changed.wait_for(lambda: len(self._all) >= count, timeout)

    def clear(self) -> None:
        """Forget them all."""
        self._all.clear()

    @overload
    def __getitem__(self, index: int) -> RecordedRequest: ...
    @overload
    def __getitem__(self, index: slice) -> list[RecordedRequest]: ...
    def __getitem__(self, index: int | slice) -> RecordedRequest | list[RecordedRequest]:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[RecordedRequest]:
        return iter(list(self._all))

    def __repr__(self) -> str:
        return f"Requests({self._all!r})"
