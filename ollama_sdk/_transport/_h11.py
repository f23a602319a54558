"""Reads one response with h11, a parser written in Python."""

from __future__ import annotations

import h11

from .response import MAX_HEAD_BYTES, NO_RESPONSE, Head, ResponseParser

__all__ = ["H11Parser"]

_SWITCHING_PROTOCOLS = 101
_BEGINNING = b"HTTP/"


class H11Parser(ResponseParser):
    """A :class:`ResponseParser` by h11."""

    __slots__ = ("_connection",)

    def __init__(self, bodiless: bool) -> None:
        super().__init__(bodiless)
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        # h11 reads a response only for a request; of this substitute only the method matters.
        self._connection.send(h11.Request(method="HEAD" if bodiless else "GET", target="/", headers=[("host", "x")]))
        self._connection.send(h11.EndOfMessage())

    def feed(self, data: bytes | memoryview) -> None:
        self.started = True
        if self.complete or self.problem:
            self.reusable = False
            return
        self._connection.receive_data(bytes(data))
        self._read()

    def end(self) -> None:
        self.reusable = False
        if self.complete or self.problem:
            return
        if not self.started:
            self.problem = NO_RESPONSE
            return
        self._connection.receive_data(b"")
        self._read()
        self.reusable = False

    def discard(self) -> None:
        """Do nothing: h11 does not refer to this object, so there is no cycle."""

    def _read(self) -> None:
        try:
            while not self.complete:
                event = self._connection.next_event()
                if isinstance(event, h11.Response):
                    version = b"HTTP/" + bytes(event.http_version)
                    self.head = Head(event.status_code, bytes(event.reason), version, event.headers.raw_items())
                elif isinstance(event, h11.Data):
                    self.body.append(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    self.complete = True
                    self.reusable = self._connection.their_state is h11.DONE and not self._connection.trailing_data[0]
                elif isinstance(event, h11.InformationalResponse):
                    if event.status_code == _SWITCHING_PROTOCOLS:
                        self.problem = "the server switched protocols unasked"
                        return
                else:
                    # h11 itself looks at nothing before the end of the head, for which another protocol may wait for ever.
                    unread = self._connection.trailing_data[0] if self.head is None else b""
                    if not _BEGINNING.startswith(unread[: len(_BEGINNING)]):
                        self.problem = "the response does not begin with HTTP/"
                    return
        except h11.RemoteProtocolError as exc:
            # What h11 quotes may hold a key, which the server has repeated.
            self.problem = f"the response, or its head, is malformed: {str(exc).partition(': bytearray(')[0]}"
