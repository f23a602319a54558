"""Defines the faults that the emulator can inject."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from attrs import frozen
from starlette.datastructures import MutableHeaders
from starlette.responses import Response

from ollama_sdk.testing._routes.errors import error_body_of, error_response
from ollama_sdk.testing._routes.fault_items import RUNNER_DIED, error_item, huge_item, runner_death_item
from ollama_sdk.testing._server.interception import MEGABYTE, Action, Interception, insert_after, interrupt_after
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message

__all__ = ["Fault", "Interception"]


@frozen
class Fault:
    """One fault; the class methods make faults, :meth:`Faults.add` injects them.

    ``after`` counts items of a stream. In a one-piece answer, the fault happens in the middle of the body.

    For a custom fault, give a name and an async function of the :class:`Interception`: ``Fault("name", act)``.

    Attributes:
        name: Its name in error messages.
        act: The action in place of the answer.
        on_connection: Whether it applies to new connections instead of requests.
    """

    name: str
    act: Action
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
            message: The error text, in an error body of the route's form.
            retry_after: Seconds for the ``Retry-After`` header.
            headers: Further headers.
            body: The whole body, in place of one with the message.
        """
        retry = {} if retry_after is None else {"retry-after": f"{retry_after:.15g}"}

        async def act(interception: Interception) -> None:
            response = error_response(StatusError(code, message), error_body_of(interception.request.path))
            if body is not None:
                response = Response(body, status_code=code)
            response.headers.update({**retry, **(headers or {})})
            await response(interception.scope, interception.receive, interception.send)

        return cls(f"status {code}", act)

    @classmethod
    def delay(cls, seconds: float) -> Fault:
        """Wait before a normal answer."""

        async def act(interception: Interception) -> None:
            await asyncio.sleep(seconds)
            await interception.proceed()

        return cls(f"delay {seconds} s", act)

    @classmethod
    def error_item(cls, message: str = RUNNER_DIED, *, after: int = 1) -> Fault:
        """End a stream with an item that holds an error; under ``/api`` Ollama does so when a model's runner dies."""

        async def end(interception: Interception) -> None:
            await interception.send_body(error_item(interception.request.path, message))
            await interception.end_body()

        return cls("error item", interrupt_after(after, end, ends_body=True))

    @classmethod
    def runner_dies(cls, *, after: int = 1) -> Fault:
        """End an answer as Ollama does when the model's runner dies.

        A stream under ``/api`` ends with an error item; chat completions and completions end with a chunk of an empty model
        and no ``[DONE]``; responses and messages just stop. An answer in one piece is a 500.
        """

        async def end(interception: Interception) -> None:
            last = runner_death_item(interception.request.path)
            if last:
                await interception.send_body(last)
            await interception.end_body()

        interrupt = interrupt_after(after, end, ends_body=True)
        fail = cls.status(500, message=RUNNER_DIED).act

        async def act(interception: Interception) -> None:
            await (interrupt if interception.request.wants_stream else fail)(interception)

        return cls("runner dies", act)

    @classmethod
    def cut(cls, *, after: int = 1, clean: bool = True) -> Fault:
        """End the body early; ``clean`` is whether it ends properly for HTTP."""

        async def end(interception: Interception) -> None:
            await (interception.end_body() if clean else interception.connection.cut())

        return cls("cut", interrupt_after(after, end, ends_body=clean))

    @classmethod
    def garbage(cls, data: bytes = b"\x00\xff{not JSON\n", *, after: int = 1) -> Fault:
        """Insert bytes that are not an item."""
        return cls("garbage", insert_after(after, lambda _: data))

    @classmethod
    def huge_item(cls, size: int = 65 * MEGABYTE, *, after: int = 1) -> Fault:
        """Insert an item of ``size`` bytes."""
        return cls("huge item", insert_after(after, lambda path: huge_item(path, size)))

    @classmethod
    def content_type(cls, value: str) -> Fault:
        """Send another content type."""

        async def act(interception: Interception) -> None:
            async def send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message)["content-type"] = value
                await interception.send(message)

            await interception.proceed(send)

        return cls(f"content type {value}", act)

    @classmethod
    def stall(cls, *, after: int | None = None) -> Fault:
        """Stop sending until the client disconnects: before the headers, or after some items."""

        async def wait(_: Interception) -> None:
            await asyncio.Event().wait()

        return cls("stall", wait if after is None else interrupt_after(after, wait))

    @classmethod
    def trickle(cls, *, bytes_per_second: float = 20, size: int = 1) -> Fault:
        """Send the body slowly, in pieces of ``size`` bytes."""

        async def act(interception: Interception) -> None:
            async def send(message: Message) -> None:
                body: bytes = message.get("body", b"")
                for start in range(0, len(body), size):
                    await interception.send_body(body[start : start + size])
                    await asyncio.sleep(size / bytes_per_second)
                if message["type"] == "http.response.start" or not message.get("more_body"):
                    await interception.send({**message, "body": b""} if body else message)

            await interception.proceed(send)

        return cls("trickle", act)

    @classmethod
    def reset(
        cls, when: Literal["before headers", "in headers", "after headers"] | None = None, *, after: int = 0
    ) -> Fault:
        """Reset the connection: before, within or after the headers, or ``after`` some items.

        Raises:
            ValueError: ``when`` is another text.
        """

        async def reset(interception: Interception) -> None:
            await interception.connection.reset()

        async def reset_in_headers(interception: Interception) -> None:
            interception.connection.write(b"HTTP/1.1 200 OK\r\ncontent-ty")
            await interception.connection.reset()

        reset_in_body = interrupt_after(after, reset)
        actions: dict[str | None, Action] = {
            "before headers": reset,
            "in headers": reset_in_headers,
            "after headers": reset_in_body,
            None: reset_in_body,
        }
        if when not in actions:
            raise ValueError(f"when={when!r}; a connection is reset before headers, in headers or after headers")
        return cls("reset", actions[when])

    @classmethod
    def refuse(cls) -> Fault:
        """Reset a connection as soon as it is made, before a request is read.

        It applies to connections, not to requests, so only the conditions ``times``, ``skip`` and ``share`` are allowed. For
        a port that refuses connections, see :meth:`Emulator.down`.
        """

        async def reset(interception: Interception) -> None:
            interception.connection.reset_now()

        return cls("refuse", reset, on_connection=True)
