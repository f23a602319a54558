"""Ways to fail on command."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from attrs import frozen
from starlette.datastructures import MutableHeaders
from starlette.responses import Response

from ollama_sdk.testing._server.http import Refusal, dialect_of, refused
from ollama_sdk.testing._server.interference import (
    END,
    MEGABYTE,
    RUNNER_DIED,
    Act,
    Exchange,
    Insertion,
    Interruption,
    error_item,
    huge_item,
    last_words,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message

__all__ = ["Exchange", "Fault"]


@frozen
class Fault:
    """One way to fail; made by the class methods, put to work by :meth:`Faults.add`.

    ``after`` counts items of a stream. In an answer of one piece, which has none, the fault strikes in the middle of the
    body whatever the count.

    For a failure that is not among them: ``Fault("its name", act)``, where ``act`` is an async function of the
    :class:`Exchange` that it gets between.

    Attributes:
        name: What it is called in messages.
        act: What it does instead of an ordinary answer.
        on_connection: Whether it strikes new connections rather than requests.
    """

    name: str
    act: Act
    on_connection: bool = False

    @classmethod
    def status(
        cls,
        code: int,
        *,
        message: str = "a fault was injected",
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Fault:
        """Answer with an error status.

        Args:
            code: The HTTP status.
            message: The text in the error body, in the form of the route.
            retry_after: Seconds for the ``Retry-After`` header.
            headers: More headers.
            body: The whole body, instead of the message.
        """
        wait = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}

        async def act(exchange: Exchange) -> None:
            response = refused(Refusal(code, message), dialect_of(exchange.request.path))
            if body is not None:
                response = Response(body, status_code=code)
            response.headers.update({**wait, **(headers or {})})
            await response(exchange.scope, exchange.receive, exchange.send)

        return cls(f"status {code}", act)

    @classmethod
    def delay(cls, seconds: float) -> Fault:
        """Start slowly: keep silent before an ordinary answer."""

        async def act(exchange: Exchange) -> None:
            await asyncio.sleep(seconds)
            await exchange.answered()

        return cls(f"delay {seconds} s", act)

    @classmethod
    def error_item(cls, message: str = RUNNER_DIED, *, after: int = 1) -> Fault:
        """End a stream with an item that holds an error.

        On ``/api`` that is what Ollama does when a model's runner dies.
        """

        async def then(exchange: Exchange) -> None:
            await exchange.body(error_item(exchange.request.path, message))
            await exchange.send(END)

        return cls("error item", Interruption(after, then, ends_well=True).act)

    @classmethod
    def runner_dies(cls, *, after: int = 1) -> Fault:
        """Let the model's runner die, with what Ollama makes of it.

        A stream under ``/api`` ends with an error item; chat completions and completions end with a chunk of an empty model
        and no ``[DONE]``; responses and messages just stop. An answer in one piece is a 500.
        """

        async def then(exchange: Exchange) -> None:
            last = last_words(exchange.request.path)
            if last:
                await exchange.body(last)
            await exchange.send(END)

        streamed, whole = Interruption(after, then, ends_well=True), cls.status(500, message=RUNNER_DIED)

        async def act(exchange: Exchange) -> None:
            await (streamed if exchange.request.wants_stream else whole).act(exchange)

        return cls("runner dies", act)

    @classmethod
    def cut(cls, *, after: int = 1, clean: bool = True) -> Fault:
        """End the body early; ``clean`` is whether HTTP is told that it ended."""

        async def then(exchange: Exchange) -> None:
            await (exchange.send(END) if clean else exchange.wire.cut())

        return cls("cut", Interruption(after, then, ends_well=clean).act)

    @classmethod
    def garbage(cls, data: bytes = b"\x00\xff{not JSON\n", *, after: int = 1) -> Fault:
        """Put bytes that mean nothing between two items."""
        return cls("garbage", Insertion(after, lambda _: data).act)

    @classmethod
    def huge_item(cls, size: int = 65 * MEGABYTE, *, after: int = 1) -> Fault:
        """Put one item of ``size`` bytes between two others."""
        return cls("huge item", Insertion(after, lambda path: huge_item(path, size)).act)

    @classmethod
    def content_type(cls, value: str) -> Fault:
        """Call the body something it is not."""

        async def act(exchange: Exchange) -> None:
            async def send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message)["content-type"] = value
                await exchange.send(message)

            await exchange.answered(send)

        return cls(f"content type {value}", act)

    @classmethod
    def stall(cls, *, after: int | None = None) -> Fault:
        """Fall silent until the client gives up: before the headers, or after some items."""

        async def then(_: Exchange) -> None:
            await asyncio.Event().wait()

        return cls("stall", then if after is None else Interruption(after, then).act)

    @classmethod
    def trickle(cls, *, bytes_per_second: float = 20, size: int = 1) -> Fault:
        """Send the body in pieces of ``size`` bytes, slowly."""

        async def act(exchange: Exchange) -> None:
            async def send(message: Message) -> None:
                body: bytes = message.get("body", b"")
                for at in range(0, len(body), size):
                    await exchange.body(body[at : at + size])
                    await asyncio.sleep(size / bytes_per_second)
                if message["type"] == "http.response.start" or not message.get("more_body"):
                    await exchange.send({**message, "body": b""} if body else message)

            await exchange.answered(send)

        return cls("trickle", act)

    @classmethod
    def reset(
        cls, when: Literal["before headers", "in headers", "after headers"] | None = None, *, after: int = 0
    ) -> Fault:
        """Reset the connection: around the headers, or ``after`` some items.

        Raises:
            ValueError: There is no such moment.
        """

        async def reset(exchange: Exchange) -> None:
            await exchange.wire.reset()

        async def in_headers(exchange: Exchange) -> None:
            exchange.wire.write(b"HTTP/1.1 200 OK\r\ncontent-ty")
            await exchange.wire.reset()

        after_items = Interruption(after, reset).act
        moments = {"before headers": reset, "in headers": in_headers, "after headers": after_items, None: after_items}
        if when not in moments:
            raise ValueError(f"when={when!r}; a connection is reset before headers, in headers or after headers")
        return cls("reset", moments[when])

    @classmethod
    def refuse(cls) -> Fault:
        """Reset a connection the moment it is made, before a byte of a request is read.

        It strikes connections, not requests: only ``times``, ``skip`` and ``share`` apply. A port that nobody listens on is
        :meth:`Emulator.down`.
        """

        async def reset(exchange: Exchange) -> None:
            exchange.wire.reset_now()

        return cls("refuse", reset, on_connection=True)
