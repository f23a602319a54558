"""An Ollama that needs no model: an HTTP server on a loopback port with scripted answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ollama_sdk._generated import DOCUMENT_VERSION
from ollama_sdk.testing._fault_rules import Faults
from ollama_sdk.testing._model.tokens import split_tokens
from ollama_sdk.testing._routes.backend import Backend, Cloud
from ollama_sdk.testing._routes.routes import application
from ollama_sdk.testing._server.request_handling import RequestHandler
from ollama_sdk.testing._server.running import Running
from ollama_sdk.testing._server.scheduler import Scheduler
from ollama_sdk.testing._server.server import Server
from ollama_sdk.testing._setup.control import Control
from ollama_sdk.testing._setup.setup import read_setup
from ollama_sdk.testing._setup.source import Source
from ollama_sdk.testing.requests import Requests
from ollama_sdk.testing.script import Condition, ReplyFunction, ScriptedReply, ScriptedToolCall, Speed

if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator, Iterable

    from ollama_sdk.testing.models import Blobs, Models, Registry

__all__ = ["Emulator"]

SetupScript = Path | str | Mapping[str, Any]


class Emulator(Running):
    """An emulated Ollama server; use it as a context manager, sync or async.

    It runs in its own thread, so it serves threads, asyncio and trio. It starts without models.

    Args:
        host: The address to listen on.
        port: The port; 0 for any free one.
        max_queue: How many requests may wait for a model; further ones are answered with 503.
        num_parallel: How many requests a model serves at once; ``None`` for no limit.
        speed: The speed of models that have no own speed.
        cloud: Whether the server is signed out of ollama.com, or has the cloud switched off.
        version: The release of Ollama to emulate, with its routes, fields and refusals; by default the newest in the document.
        script: A script that sets it up at the start and after each reset: the path of a YAML or JSON file, the content of
            such a file, or a list of both. ``python -m ollama_sdk.testing --help`` describes it.
        control: Whether clients on this machine may set it up through the routes under ``/_emulator``; every client on this
            machine can then also read the recorded requests.
        ssl_context: The certificate with which to serve ``https``; by default it serves ``http``.

    Attributes:
        faults: The faults to inject.
        requests: The requests so far.

    Raises:
        OSError: The script cannot be read.
        ValueError: The version or the script is invalid; the message names file, line and value.

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
        version: str = DOCUMENT_VERSION,
        script: SetupScript | Sequence[SetupScript] = (),
        control: bool = False,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._speed = speed or Speed()
        scheduler = Scheduler(max_queue=max_queue, num_parallel=num_parallel)
        self._backend = Backend(scheduler=scheduler, speed=self._speed, cloud=cloud, version=version)
        self.faults: Faults = Faults()
        self.requests: Requests = Requests()
        handler = RequestHandler(application(self._backend), self.requests, self.faults.for_request)
        scripts = [script] if isinstance(script, str | Path | Mapping) else script
        self._setups = [read_setup(_source(one)) for one in scripts]
        self._set_up()
        app = Control(handler, self._backend, self.faults, self.requests, self.reset) if control else handler
        self._server = Server(app, self.faults.refuses_connection, host=host, port=port, ssl_context=ssl_context)

    @property
    def version(self) -> str:
        """The version in ``/api/version``."""
        return self._backend.version

    @property
    def models(self) -> Models:
        """The models on the server."""
        return self._backend.models

    @property
    def registry(self) -> Registry:
        """The models that can be pulled."""
        return self._backend.registry

    @property
    def blobs(self) -> Blobs:
        """The files on the server."""
        return self._backend.blobs

    @property
    def speed(self) -> Speed:
        """The speed of models that have no own speed."""
        return self._backend.speed

    @speed.setter
    def speed(self, speed: Speed) -> None:
        self._backend.speed = speed

    def reply(
        self,
        *pieces: str | ReplyFunction | ScriptedReply,
        to: str | None = None,
        when: Condition | None = None,
        times: int | None = None,
        thinking: str | Iterable[str] = (),
        tool_calls: Sequence[ScriptedToolCall] = (),
        calls_on_last_item: bool = False,
        finished: bool = True,
    ) -> None:
        """Script a reply.

        Replies with ``times`` are used first, oldest first; then the newest of the others that matches.

        Args:
            pieces: The text, one stream item each; or a single :class:`ScriptedReply`; or a single function of the
                :class:`Prompt` that returns a text, an iterable of pieces (which may be endless) or a
                :class:`ScriptedReply`.
            to: The model that gives this reply; by default any.
            when: A condition: a text in the last message, a pattern that matches it, or a function of the prompt that returns
                true.
            times: How often the reply is used at most; ``None`` for no limit.
            thinking: The thinking before the text; only models that think send it.
            tool_calls: The tool calls after the text.
            calls_on_last_item: Whether all tool calls are on the last item, or each on its own item.
            finished: Whether the reply ends with a last item; see :class:`ScriptedReply`.

        Raises:
            TypeError: A function or a :class:`ScriptedReply` is not the only piece.
        """
        single = pieces[0] if len(pieces) == 1 else None
        if callable(single) or isinstance(single, ScriptedReply):
            reply = single
        else:
            texts = [piece for piece in pieces if isinstance(piece, str)]
            if len(texts) < len(pieces):
                raise TypeError("give texts, or a single function, or a single ScriptedReply")
            reply = ScriptedReply(
                pieces=texts,
                thinking=split_tokens(thinking) if isinstance(thinking, str) else list(thinking),
                tool_calls=tool_calls,
                calls_on_last_item=calls_on_last_item,
                finished=finished,
            )
        self._backend.script.add(reply, to=to, when=when, times=times)

    def down(self) -> None:
        """Reset every connection and refuse new ones, until :meth:`up`; the port stays reserved."""
        self._server.down()

    def up(self) -> None:
        """Accept connections again on the same port; no model is loaded, the rest of the state is kept."""
        self._backend.scheduler.clear()
        self._server.up()

    @contextmanager
    def outage(self) -> Generator[None]:
        """Be down during a ``with`` block."""
        self.down()
        try:
            yield
        finally:
            self.up()

    def reset(self) -> None:
        """Remove models, blobs, scripted replies, faults and recorded requests; then set up as at the start."""
        for part in (self.models, self.blobs, self._backend.script, self.faults, self.requests):
            part.clear()
        self._backend.scheduler.clear()
        self._backend.speed = self._speed
        self._set_up()

    def _set_up(self) -> None:
        for setup in self._setups:
            setup.apply(self._backend, self.faults)


def _source(script: SetupScript) -> Source:
    if isinstance(script, Mapping):
        return Source("script", dict(script))
    return Source.of_text(Path(script).read_text(encoding="utf-8"), str(script))
