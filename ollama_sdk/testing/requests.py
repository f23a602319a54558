"""Records every request that reaches the emulator, and whether the client waited for the whole answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

import orjson

from ollama_sdk.testing._compression import from_zstd
from ollama_sdk.testing._model.json import object_in

__all__ = ["RecordedRequest", "Requests"]

_STREAMS_BY_DEFAULT = frozenset(f"/api/{name}" for name in ("generate", "chat", "create", "pull", "push"))


class RecordedRequest:
    """One request, from its headers to the end of its answer; may be read from any thread.

    Attributes:
        method: In upper case.
        path: Decoded, without the query.
        query: As sent, without the question mark.
        headers: By lower-case name; the last one of a repeated header.
        body: The body in bytes; empty until all of it has arrived.
        started_at: When the headers were read, in seconds of :func:`time.monotonic`.
        finished_at: When the answer was complete, or a fault ended it; ``None`` before.
        hung_up_at: When the client closed the connection before the answer was complete; ``None`` if it did not.
        status: The HTTP status of the answer; ``None`` before it.
        items: How many parts of the body were sent.
    """

    def __init__(self, method: str, path: str, query: str, headers: Mapping[str, str], change: Signal) -> None:
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
        self._change = change

    @property
    def json(self) -> Any:
        """The body as JSON, decompressed if it is in zstd.

        Raises:
            ValueError: The body is not JSON.
        """
        body = from_zstd(self.body) if self.headers.get("content-encoding") == "zstd" else self.body
        return orjson.loads(body)

    @property
    def model(self) -> str | None:
        """The model in the body; ``None`` without one."""
        name = self._field("model") or self._field("name")
        return name if isinstance(name, str) else None

    @property
    def wants_stream(self) -> bool:
        """Whether the request asks for a stream, by its body or by the default of the route."""
        wanted = self._field("stream")
        return self.path in _STREAMS_BY_DEFAULT if wanted is None else bool(wanted)

    def _field(self, name: str) -> Any:
        try:
            return object_in(self.json).get(name)
        except ValueError:
            return None

    @property
    def hung_up(self) -> bool:
        """Whether the client closed the connection before the answer was complete."""
        return self.hung_up_at is not None

    def wait(self, timeout: float = 5.0) -> bool:
        """Wait up to ``timeout`` seconds for the end of the answer or of the connection; return whether it ended."""
        return self._change.wait_for(lambda: self.finished_at is not None or self.hung_up, timeout)

    def finish(self) -> None:
        """Record that the answer has ended."""
        self.finished_at = time.monotonic()
        self._change.notify()

    def hang_up(self) -> None:
        """Record that the client has closed the connection."""
        self.hung_up_at = time.monotonic()
        self._change.notify()

    def __repr__(self) -> str:
        state = "hung up" if self.hung_up else self.status or "open"
        return f"<{self.method} {self.path} {state}>"


class Signal:
    """A condition variable: the server's thread notifies, tests wait."""

    def __init__(self) -> None:
        self._condition = threading.Condition()

    def notify(self) -> None:
        """Wake every waiting thread."""
        with self._condition:
            self._condition.notify_all()

    def wait_for(self, happened: Callable[[], bool], timeout: float) -> bool:
        """Wait up to ``timeout`` seconds until ``happened`` returns true; return whether it did."""
        with self._condition:
            return self._condition.wait_for(happened, timeout)


class Requests(Sequence[RecordedRequest]):
    """All requests so far, in order of arrival."""

    def __init__(self) -> None:
        self._all: list[RecordedRequest] = []
        self._change = Signal()

    def record(self, method: str, path: str, query: str, headers: Mapping[str, str]) -> RecordedRequest:
        """Record a request that has just arrived."""
        request = RecordedRequest(method, path, query, headers, self._change)
        self._all.append(request)
        self._change.notify()
        return request

    def wait(self, count: int, timeout: float = 5.0) -> bool:
        """Wait up to ``timeout`` seconds until ``count`` requests have arrived; return whether they did."""
        return self._change.wait_for(lambda: len(self._all) >= count, timeout)

    def wait_ended(self, count: int, timeout: float = 5.0) -> bool:
        """Wait up to ``timeout`` seconds until ``count`` requests have ended; return whether they did.

        A request ends with its answer, or when the client hangs up.
        """

        def ended() -> bool:
            return sum(request.finished_at is not None or request.hung_up for request in list(self._all)) >= count

        return self._change.wait_for(ended, timeout)

    def clear(self) -> None:
        """Remove all records."""
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
