"""An Ollama that needs no model: a real HTTP server on a free loopback port, scripted from the test."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from ollama_sdk.testing._routes.routes import application
from ollama_sdk.testing._server.backend import Backend, Cloud
from ollama_sdk.testing._server.scheduler import Scheduler
from ollama_sdk.testing._server.server import Server
from ollama_sdk.testing.fault_rules import Faults
from ollama_sdk.testing.requests import Requests
from ollama_sdk.testing.script import Condition, Reply, Saying, Speed, ToolCall, tokenized

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from types import TracebackType

    from ollama_sdk.testing.models import Blobs, Models, Registry

__all__ = ["Emulator"]


class Emulator:
    """An emulated Ollama server; use it as a context manager, sync or async.

    It runs in a thread of its own, so it serves threads, asyncio and trio alike. There are no models at first.

    Args:
        host: The address to listen on.
        port: The port; 0 for any free one.
        max_queue: How many requests may wait for a model before the next hears 503.
        num_parallel: How many requests a model serves at once; ``None`` for any number.
        speed: How fast models answer that have no speed of their own.
        cloud: Whether the server is merely signed out of ollama.com, or has the cloud switched off.
        version: What ``/api/version`` says.

    Example:
        >>> import httpx
        >>> with Emulator() as server:
        ...     _ = server.models.add("llama3.2")
        ...     server.reply("Hello", " there", to="llama3.2")
        ...     body = {"model": "llama3.2", "prompt": "Hi", "stream": False}
        ...     httpx.post(f"{server.url}/api/generate", json=body).json()["response"]
        'Hello there'
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        max_queue: int = 512,
        num_parallel: int | None = None,
        speed: Speed | None = None,
        cloud: Cloud = "signed out",
        version: str = "0.33.0",
    ) -> None:
        scheduler = Scheduler(max_queue=max_queue, num_parallel=num_parallel)
        self._backend = Backend(scheduler=scheduler, speed=speed or Speed(), cloud=cloud, version=version)
        self.faults = Faults()
        self.requests = Requests()
        self._server = Server(application(self._backend), self.requests, self.faults, host=host, port=port)

    @property
    def url(self) -> str:
        """Where it listens, as in ``http://127.0.0.1:40123``.

        Raises:
            RuntimeError: It is to listen on any free port, and has not started yet.
        """
        return self._server.url

    @property
    def models(self) -> Models:
        """The models that are there."""
        return self._backend.models

    @property
    def registry(self) -> Registry:
        """What can be pulled."""
        return self._backend.registry

    @property
    def blobs(self) -> Blobs:
        """The files that are there."""
        return self._backend.blobs

    @property
    def speed(self) -> Speed:
        """How fast models answer that have no speed of their own."""
        return self._backend.speed

    @speed.setter
    def speed(self, speed: Speed) -> None:
        self._backend.speed = speed

    def reply(
        self,
        *pieces: str | Saying | Reply,
        to: str | None = None,
        when: Condition | None = None,
        times: int | None = None,
        thinking: str | Iterable[str] = (),
        tool_calls: Sequence[ToolCall] = (),
        calls_on_last_item: bool = False,
        finished: bool = True,
    ) -> None:
        """Decide what a model says.

        Rules with ``times`` are used up first, in the order they were added; then the newest of the others decides.

        Args:
            pieces: The text, one item of a stream each; or a single :class:`Reply`; or a single function of the
                :class:`Prompt` that returns a text, an iterable of pieces (it may be endless) or a :class:`Reply`.
            to: Only for this model.
            when: Only when the last message contains this text, matches this pattern, or the prompt passes this function.
            times: How often.
            thinking: The thinking before the text; said only by models that think.
            tool_calls: Functions to call after the text.
            calls_on_last_item: Whether the calls come on the last item rather than before it.
            finished: Whether the answer ends properly; see :class:`Reply`.
        """
        said = tokenized(thinking) if isinstance(thinking, str) else thinking
        saying = _saying(pieces, said, tool_calls, calls_on_last_item=calls_on_last_item, finished=finished)
        self._backend.script.add(saying, to=to, when=when, times=times)

    def down(self) -> None:
        """Go down: open connections are reset, new ones refused, the port stays reserved."""
        self._server.down()

    def up(self) -> None:
        """Come back on the same port, with nothing in memory; models and requests are as they were."""
        self._backend.scheduler.clear()
        self._server.up()

    @contextmanager
    def outage(self) -> Generator[None]:
        """Be down for the length of a block."""
        self.down()
        try:
            yield
        finally:
            self.up()

    def reset(self) -> None:
        """Forget models, replies, faults and requests, as if just started."""
        for part in (self.models, self.blobs, self._backend.script, self.faults, self.requests):
            part.clear()
        self._backend.scheduler.clear()

    def start(self) -> None:
        """Start to listen; for when no block fits."""
        self._server.start()

    def stop(self) -> None:
        """Stop, if it runs; :meth:`start` would listen on the same port again."""
        self._server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        try:
            return f"<Emulator {self.url}>"
        except RuntimeError:
            return "<Emulator, not started>"


def _saying(
    pieces: Sequence[str | Saying | Reply],
    thinking: Iterable[str],
    tool_calls: Sequence[ToolCall],
    *,
    calls_on_last_item: bool,
    finished: bool,
) -> Saying:
    single = pieces[0] if len(pieces) == 1 else None
    if callable(single):
        return single
    texts = [piece for piece in pieces if isinstance(piece, str)]
    if not isinstance(single, Reply):
        if len(texts) < len(pieces):
            raise TypeError("give texts, or a single function, or a single Reply")
        single = Reply(
            pieces=texts,
            thinking=list(thinking),
            tool_calls=tool_calls,
            calls_on_last_item=calls_on_last_item,
            finished=finished,
        )
    reply = single
    return lambda _: reply
