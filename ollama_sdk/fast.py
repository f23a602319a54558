"""Transports that read responses with llhttp, a compiled parser; the extra ``[fast]`` brings it.

``Ollama(transport=FastTransport())`` is all there is to it. Connections, deadlines, errors and closing are those of the
ordinary transport, because they are its very code: only h11's reading half is replaced. A stream's item costs a third.
Servers that are reached through a proxy are read by h11, as ever.

Of what no server should send, llhttp refuses more, with an :class:`~ollama_sdk.errors.APIConnectionError`: headers folded over
several lines, control characters in them, lines that end in a bare line feed, a repeated ``Content-Length`` or one beside
``Transfer-Encoding: chunked``, blanks after the size of a chunk, and other versions than HTTP/1.0 and 1.1. It lets pass what h11
refuses: blank lines before a response, and a NUL in the reason phrase.
"""

from __future__ import annotations

from typing import Any

import h11

try:
    import httptools
except ImportError as _error:
    raise ImportError("FastTransport needs httptools: pip install 'ollama-sdk[fast]'") from _error

from ._transport.http11 import MAX_HEAD_BYTES
from ._transport.wire import AsyncWireTransport, WireTransport

__all__ = ["AsyncFastTransport", "FastTransport"]

_INTERIM = 100
_OK = 200


class FastTransport(WireTransport):
    """Speaks HTTP/1.1 with a compiled parser; sync.

    Pickles without its connections, so a client with it travels to other processes.
    """

    def __init__(self) -> None:
        super().__init__(_Engine)

    def __reduce__(self) -> tuple[type[FastTransport], tuple[()]]:
        return type(self), ()


class AsyncFastTransport(AsyncWireTransport):
    """Speaks HTTP/1.1 with a compiled parser; async, on asyncio and trio. See :class:`FastTransport`."""

    def __init__(self) -> None:
        super().__init__(_Engine)

    def __reduce__(self) -> tuple[type[AsyncFastTransport], tuple[()]]:
        return type(self), ()


class _Engine:
    """The client's side of :class:`h11.Connection`: requests written by h11 itself, responses read by llhttp.

    All that one read brought of a body becomes one event, however many chunks it was sent in.
    """

    trailing_data = (b"", False)

    def __init__(self) -> None:
        self.start_next_cycle()

    @property
    def our_state(self) -> Any:
        return self._sender.our_state

    @property
    def their_state(self) -> Any:
        return self._reader.state

    def send(self, event: h11.Event) -> bytes | None:
        if isinstance(event, h11.Request):
            self._reader.bodiless = event.method == b"HEAD"
        return self._sender.send(event)

    def receive_data(self, data: bytes) -> None:
        self._reader.feed(data)

    def next_event(self) -> Any:
        return self._reader.next_event()

    def start_next_cycle(self) -> None:
        self._sender = h11.Connection(h11.CLIENT)
        self._reader = _Reader()


class _Reader:
    """One response: bytes in, h11's events out. The methods and attributes named ``on_`` are llhttp's callbacks."""

    def __init__(self) -> None:
        self.state: Any = h11.SEND_RESPONSE
        self.bodiless = False
        self._body: list[bytes] = []
        self.on_body = self._body.append
        self._parser = httptools.HttpResponseParser(self)
        self._idle_bytes = 0  # of which nothing came yet that could be handed on
        self._reason = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head: h11.Response | None = None
        self._complete = False
        self._keep_alive = False
        self._problem = ""

    def on_status(self, reason: bytes) -> None:
        self._reason = reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value.rstrip(b" \t")))  # which llhttp leaves in

    def on_message_begin(self) -> None:
        if self._complete:
            self._keep_alive = False
            raise h11.RemoteProtocolError("more than one response")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < _INTERIM:
            raise h11.RemoteProtocolError(f"status {status:03}")
        if status < _OK:
            return
        version = self._parser.get_http_version().encode()
        self._head = h11.Response(status_code=status, reason=self._reason, headers=self._headers, http_version=version)
        if self.bodiless:  # llhttp does not know that, and would wait for what the head announces
            self._complete = True
            self._keep_alive = version == b"1.1" and not any(
                name.lower() == b"connection" and b"close" in value.lower() for name, value in self._headers
            )

    def on_message_complete(self) -> None:
        if self._head is None:
            self._end_interim()
            return
        self._complete = True
        self._keep_alive = self._parser.should_keep_alive()

    def _end_interim(self) -> None:
        if self._body:  # llhttp knows only of some statuses that they have none
            raise h11.RemoteProtocolError("an interim response with a body")
        self._headers.clear()
        self._idle_bytes = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes, or ``b""`` for their end."""
        if not data:
            self._end()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            self._problem = str(exc.__context__ or exc)
        if self._head is None and self._body:
            self._body.clear()
            self._problem = self._problem or "an interim response with a body"
        self._idle_bytes = 0 if self._body else self._idle_bytes + len(data)
        if self._idle_bytes > MAX_HEAD_BYTES:
            self._problem = f"headers, trailers or chunk extensions of more than {MAX_HEAD_BYTES} bytes"

    def _end(self) -> None:
        names = {name.lower() for name, _ in self._headers}
        if self._head is not None and names.isdisjoint({b"content-length", b"transfer-encoding"}):
            self._complete = True  # RFC 9112, section 6.3: the body is whatever came before the close
        else:
            self._problem = "the connection was closed before the response was complete"

    def next_event(self) -> Any:
        """The next of h11's events: the head, a part of the body, or the end; errors only after what came before them."""
        if self._head is not None and self.state is h11.SEND_RESPONSE:
            self.state = h11.SEND_BODY
            return self._head
        if self._body and self.bodiless:
            self._body.clear()  # sent against the rules: no event, and no second request on this connection
            self._keep_alive = False
        if self._body:
            data = b"".join(self._body)
            self._body.clear()
            return h11.Data(data=data)
        if self._complete:
            self.state = h11.DONE if self._keep_alive else h11.MUST_CLOSE
            return h11.EndOfMessage()
        if self._problem:
            raise h11.RemoteProtocolError(self._problem)
        return h11.NEED_DATA
