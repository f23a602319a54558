"""Describes the live server under test, and calls it through the sync and async clients."""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any, Literal

import anyio
import pytest
from attrs import field, frozen

from ollama_sdk import APIStatusError, AsyncOllama, IncompleteReplyError, NotFoundError, Ollama, Timeout
from ollama_sdk._generated.operations import OPERATIONS

Flavour = Literal["sync", "asyncio", "trio"]
FLAVOURS: tuple[Flavour, ...] = ("sync", "asyncio", "trio")

HOW_TO_START = (
    "No Ollama to test: {reason}\n"
    "Start one with `ollama serve`, or name a running one with OLLAMA_HOST=http://host:11434."
)
NO_MODEL = (
    "The Ollama at {url} has no model that completes text: `ollama pull llama3.2` gets one, "
    "or OLLAMA_TEST_MODEL names one."
)
_TRANSFERS = {"pull", "push", "create"}
SHORT = {"num_predict": 16, "temperature": 0}
QUESTION = "Why is the sky blue?"
MESSAGES = [{"role": "user", "content": QUESTION}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TIMEOUT = Timeout(connect=5, first_item=600, between_items=120, total=900)


def picture(side: int = 64) -> bytes:
    """Return a PNG of one colour, large enough for models that split images into patches."""
    rows = zlib.compress((b"\0" + b"\x30\x60\xc0" * side) * side)
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")]
    packed = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@frozen
class Server:
    """The server, the models to test with, and their capabilities.

    Attributes:
        url: Its address.
        version: Its release as numbers; higher than any release if it was built from source.
        model: A model that completes text.
        embed_model: A model that embeds; ``None`` without one.
        capabilities: The capabilities of each model.
    """

    url: str
    version: tuple[int, ...]
    model: str
    embed_model: str | None
    capabilities: dict[str, frozenset[str]] = field(repr=False)

    def needs(self, capability: str) -> None:
        """Skip the test unless the model has a capability."""
        if capability not in self.capabilities[self.model]:
            pytest.skip(f"{self.model} has no capability {capability!r}")

    def lacks(self, capability: str) -> None:
        """Skip the test if the model has a capability."""
        if capability in self.capabilities[self.model]:
            pytest.skip(f"{self.model} has the capability {capability!r}, so nothing is refused")

    def since(self, release: str, what: str) -> None:
        """Skip the test on servers older than a release."""
        if self.version < _numbers(release):
            pytest.skip(f"{what} came with Ollama {release}; this is {'.'.join(map(str, self.version))}")

    def knows(self, method: str, argument: str) -> None:
        """Skip the test on servers older than an argument of a method, by the document."""
        [row] = [each for each in OPERATIONS[method].arguments if each.name == argument]
        if row.since is not None:
            self.since(row.since, f"{method}'s {argument}")

    def embedding(self) -> str:
        """Return the model that embeds; skip the test without one."""
        if self.embed_model is None:
            pytest.skip("no model of this server has the capability 'embedding'; OLLAMA_TEST_EMBED_MODEL names one")
        return self.embed_model


def find_server() -> Server:
    """Return the server at ``OLLAMA_HOST`` with the models to test.

    Raises:
        LookupError: It has no model that completes text.
        OllamaError: It does not answer, or with an error.
    """
    with Ollama(timeout=TIMEOUT) as client:
        version = client.version().version
        known: dict[str, frozenset[str]] = {}
        model = _find(client, "completion", os.environ.get("OLLAMA_TEST_MODEL"), known)
        if model is None:
            raise LookupError(NO_MODEL.format(url=client.base_url))
        embed_model = _find(client, "embedding", os.environ.get("OLLAMA_TEST_EMBED_MODEL"), known)
        return Server(str(client.base_url), _numbers(version), model, embed_model, known)


def _numbers(version: str) -> tuple[int, ...]:
    numbers = tuple(int(number) for number in re.findall(r"\d+", version.partition("-")[0]))
    return numbers if any(numbers) else (999,)


def _find(client: Ollama, capability: str, chosen: str | None, known: dict[str, frozenset[str]]) -> str | None:
    """Return the model that the environment names, or the first local one with the capability."""
    listed = [item.model for item in client.list_models().models if not item.remote_host]
    for name in [chosen] if chosen else listed:
        if name not in known:
            known[name] = _capabilities(client, name)
        if chosen or capability in known[name]:
            return name
    return None


def _capabilities(client: Ollama, model: str) -> frozenset[str]:
    shown = client.show(model)
    if shown.capabilities is not None:
        return frozenset(shown.capabilities)
    # Releases before 0.6.4 do not report capabilities, so each is tried.
    probed = frozenset(name for name, attempt in _PROBES.items() if _works(attempt, client, model))
    return probed | {"vision"} if shown.projector_info else probed


_PROBES: dict[str, Callable[[Ollama, str], Any]] = {
    "completion": lambda client, model: client.chat(model, MESSAGES, options={"num_predict": 1}),
    "tools": lambda client, model: client.chat(model, MESSAGES, tools=[WEATHER], options={"num_predict": 1}),
    "insert": lambda client, model: client.generate(model, "a", suffix="b", options={"num_predict": 1}),
    "embedding": lambda client, model: client.embed(model, "a"),
}


def _works(attempt: Callable[[Ollama, str], Any], client: Ollama, model: str) -> bool:
    try:
        attempt(client, model)
    except APIStatusError:
        return False
    return True


@frozen
class Caller:
    """Calls the server through one kind of client, a new client for each call.

    A route that the server does not have skips the test, and so does a model that the server gives up on.
    """

    url: str
    flavour: Flavour

    def call(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Return the reply of ``client.<method>(...)`` in one piece."""
        return self._run(method, args, kwargs, _value, _async_value)

    def stream(self, method: str, /, *args: Any, **kwargs: Any) -> list[Any]:
        """Return all items of a streamed reply."""
        return self._run(method, args, {**kwargs, "stream": True}, _items, _async_items)

    def collect(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Return the collected reply of a stream."""
        return self._run(method, args, {**kwargs, "stream": True}, _collected, _async_collected)

    def first(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Return the first item of a stream and leave the stream."""
        return self._run(method, args, {**kwargs, "stream": True}, _first, _async_first)

    def _run(
        self, method: str, args: Any, kwargs: Any, take: Callable[..., Any], async_take: Callable[..., Any]
    ) -> Any:
        with missing_route_skips(method), giving_up_skips(method):
            if self.flavour == "sync":
                with Ollama(self.url, timeout=TIMEOUT) as client:
                    return take(attrgetter(method)(client)(*args, **kwargs))

            async def run() -> Any:
                async with AsyncOllama(self.url, timeout=TIMEOUT) as client:
                    return await async_take(await attrgetter(method)(client)(*args, **kwargs))

            return anyio.run(run, backend=self.flavour)


@contextlib.contextmanager
def missing_route_skips(method: str) -> Iterator[None]:
    """Skip the test if the server lacks the route; its 404 is then plain text, not JSON."""
    try:
        yield
    except NotFoundError as error:
        if error.response.headers.get("content-type", "").startswith("text/plain"):
            since = OPERATIONS[method].since if method in OPERATIONS else None
            came = f", which came with Ollama {since}" if since else "; a newer Ollama may have it"
            pytest.skip(f"this server has no route for {method}{came}")
        raise


@contextlib.contextmanager
def giving_up_skips(method: str) -> Iterator[None]:
    """Skip the test if the server gave up on a model that repeats itself; its reply is then whole, but not finished."""
    try:
        yield
    except IncompleteReplyError as error:
        if error.__cause__ is not None or method in _TRANSFERS:  # the connection was lost
            raise
        pytest.skip(f"the server gave up on the model in {method}, as it does when one repeats itself: {error}")


def said(text: str | None, what: str) -> str:
    """Return what a model said; skip the test if that is nothing."""
    if not text:
        pytest.skip(f"the model gave no {what}")
    return text


def said_json(text: str) -> Any:
    """Return the JSON that a model said; skip the test if it said something else, as one may that takes no ``format``."""
    try:
        return json.loads(text)
    except ValueError:
        pytest.skip(f"the model did not say JSON, though format= asked for it: {text[:80]!r}")


def _value(reply: Any) -> Any:
    return reply


async def _async_value(reply: Any) -> Any:
    return reply


def _items(stream: Any) -> list[Any]:
    with stream:
        return list(stream)


async def _async_items(stream: Any) -> list[Any]:
    async with stream:
        return [item async for item in stream]


def _collected(stream: Any) -> Any:
    with stream:
        return stream.collect()


async def _async_collected(stream: Any) -> Any:
    async with stream:
        return await stream.collect()


def _first(stream: Any) -> Any:
    with stream:
        return next(stream)


async def _async_first(stream: Any) -> Any:
    async with stream:
        return await anext(stream)
