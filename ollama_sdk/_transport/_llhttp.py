"""Reads one response with llhttp, a compiled parser."""

from __future__ import annotations

import httptools

from .response import MAX_HEAD_BYTES, NO_RESPONSE, Head, ResponseParser, has_control_characters

__all__ = ["LlhttpParser"]

_SWITCHING_PROTOCOLS = 101
_INTERIM = range(100, 200)
_VERSIONS = {"1.1": b"HTTP/1.1", "1.0": b"HTTP/1.0"}


class _RefusedError(Exception):
    """Stops the parser, so that no more data of the server is read."""


class LlhttpParser(ResponseParser):
    """A :class:`ResponseParser` by llhttp. The methods and attributes named ``on_`` are its callbacks.

    The compiled parser refers to the callbacks, and so to this object; :meth:`discard` and the end of the response break this
    cycle, so that a finished call is freed without the garbage collector.
    """

    __slots__ = ("_bodiless", "_ends_with_connection", "_headers", "_parser", "_reason", "_without_progress", "on_body")

    def __init__(self, bodiless: bool) -> None:
        super().__init__(bodiless)
        self._bodiless = bodiless
        self._headers: list[tuple[bytes, bytes]] = []  # until they are those of the head
        self._ends_with_connection = False
        self._reason = b""
        self._without_progress = 0  # bytes read since the last piece of body or interim response
        self.on_body = self.body.append
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,  # folded lines; control characters are refused in on_header
            lenient_chunked_length=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )

    def feed(self, data: bytes | memoryview) -> None:
        parser = self._parser
        if parser is None:
            self.reusable = False
            return
        self.started = True
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.problem = self.problem or "the server switched protocols unasked"
        except httptools.HttpParserError as exc:
            cause = exc.__context__
            if cause is not None and not isinstance(cause, _RefusedError):
                try:
                    raise cause from None  # Ctrl-C in a callback, or what another signal handler raised
                finally:
                    del cause  # or its traceback would keep it, and all that the callers' frames hold
            self.problem = self.problem or str(exc)
        if self.complete:
            self._completed()
        elif self.body:
            self._without_progress = 0
            if self.head is None:
                self.body.clear()
                self.problem = self.problem or "an interim response has a body"
        else:
            self._without_progress += len(data)
            if self._without_progress > MAX_HEAD_BYTES:
                self.problem = self.problem or f"the head, trailers or chunk extensions exceed {MAX_HEAD_BYTES} bytes"
        if self.problem:
            self._parser = None

    def _completed(self) -> None:
        if self.problem:  # of what came behind the response
            self.reusable = False
            self.problem = ""
        if self.body and self._bodiless:
            self.body.clear()
            self.reusable = False
        self._parser = None

    def end(self) -> None:
        self.reusable = False
        if self.complete or self.problem:
            return
        if not self.started:
            self.problem = NO_RESPONSE
        elif self._ends_with_connection:
            self.complete = True  # RFC 9112, section 6.3: the body is all that came before the close
        else:
            self.problem = "the connection was closed before the response was complete"
        self._parser = None

    def discard(self) -> None:
        self._parser = None

    def on_message_begin(self) -> None:
        if self.complete:
            self.reusable = False
            raise _RefusedError("a second response")  # which stops the parser

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.complete or self.head is not None:
            return  # a trailer, or of a response that is not ours
        if has_control_characters(value):
            self.problem = "a header holds a control character"
        self._headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        parser = self._parser
        if parser is None or self.complete:
            return
        status = parser.get_status_code()
        if status in _INTERIM:
            if status == _SWITCHING_PROTOCOLS:
                self.problem = "the server switched protocols unasked"
            return
        version = parser.get_http_version()
        if self.problem or status < _INTERIM.start or version not in _VERSIONS:
            self.problem = self.problem or f"HTTP/{version} {status:03} is no response"
            raise _RefusedError(self.problem)
        is_chunked = has_length = False
        keep_alive = version == "1.1"
        for name, value in self._headers:
            lower = name.lower()
            if lower == b"content-length":
                has_length = True
            elif lower == b"transfer-encoding":
                is_chunked = True
                if value.lower() != b"chunked":
                    self.problem = f"the transfer coding {value.decode(errors='replace')!r} is not supported"
                    raise _RefusedError(self.problem)
            elif lower == b"connection":
                keep_alive = (keep_alive or b"keep-alive" in value.lower()) and b"close" not in value.lower()
        # A length beside chunks may be an attempt at smuggling (RFC 9112, section 6.1).
        self.reusable = keep_alive and not (is_chunked and has_length)
        self._ends_with_connection = not (is_chunked or has_length)
        self.head = Head(status, self._reason, _VERSIONS[version], self._headers)
        del self._headers
        self.complete = self._bodiless

    def on_message_complete(self) -> None:
        if self.head is None:
            self._reason = b""
            self._headers.clear()
            self._without_progress = 0
        elif not self.complete:
            self.complete = True
