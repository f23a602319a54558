"""Both parsers read what h11 alone would read, however it is sent and split."""

from __future__ import annotations

import itertools

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_sdk._transport._h11 import H11Parser
from ollama_sdk._transport._llhttp import LlhttpParser
from ollama_sdk._transport.response import MAX_HEAD_BYTES
from tests.support.loopback import END, chunk, head, whole

PARSERS = pytest.mark.parametrize("parser", [LlhttpParser, H11Parser], ids=["llhttp", "h11"])

_HEADS = {
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "length": b"HTTP/1.1 201 Created\r\nX-Empty:\r\nContent-Length: %d\r\n\r\n",
    "close": b"HTTP/1.0 404 Not Found\r\nx-a: 1\r\nX-A: 2\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
}


def _response(kind, pieces):
    body = b"".join(pieces)
    if kind == "chunked":
        return _HEADS[kind] + b"".join(chunk(piece) for piece in pieces if piece) + END
    return (_HEADS[kind] % len(body) if b"%d" in _HEADS[kind] else _HEADS[kind]) + body


def _read(parser, *reads, ended=True):
    for data in reads:
        parser.feed(data)
    if ended:
        parser.end()
    return parser


def _by_h11(reads):
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    connection.send(h11.EndOfMessage())
    response, body = None, b""
    try:
        for data in [*reads, b""]:
            connection.receive_data(data)
            while (event := connection.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Response):
                    response = event
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    return response, body, True
    except h11.RemoteProtocolError:
        pass
    return response, body, False


def _split(data, cuts):
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@PARSERS
@given(
    kind=st.sampled_from(sorted(_HEADS)),
    pieces=st.lists(st.binary(max_size=40), max_size=6),
    cuts=st.lists(st.integers(0, 1000), max_size=8),
    missing=st.integers(0, 60),
)
def test_a_response_split_and_broken_off_anywhere_reads_alike(parser, kind, pieces, cuts, missing):
    sent = _response(kind, pieces)
    reads = _split(sent[: len(sent) - missing], cuts)
    read = _read(parser(False), *reads)
    response, body, complete = _by_h11(reads)
    assert (b"".join(read.body), read.complete) == (body, complete)
    assert (read.head is None) == (response is None)
    assert bool(read.problem) == (not complete)
    if response is not None:
        assert (read.head.status, read.head.version) == (response.status_code, b"HTTP/" + response.http_version)
        assert read.head.headers == response.headers.raw_items()


@PARSERS
@given(st.lists(st.binary(min_size=1, max_size=60) | st.sampled_from(list(_HEADS.values())), max_size=6))
def test_whatever_a_server_sends_raises_nothing(parser, reads):
    _read(parser(False), *reads)


@PARSERS
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX-A: a\r\n  b\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\nX-A: a  b\nContent-Length: 2\n\nhi",
        b"HTTP/1.1 200 OK\r\nX-A: \t a  b \t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"
        + END,
        b"HTTP/1.1 200 OK\r\nX-A: a  b\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nhi\r\n" + END,
        b'HTTP/1.1 200\r\nX-A: a  b\r\nTransfer-Encoding: chunked\r\n\r\n2;a="b"\r\nhi\r\n0\r\nX-Trailer: 1\r\n\r\n',
        b"HTTP/1.1 200 OK\r\nX-A: a  b\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 103 Early\r\nX-A: c\r\n\r\nHTTP/1.1 200 OK\r\nX-A: a  b\r\nContent-Length: 2\r\n\r\nhi",
    ],
    ids=["folded", "bare line feeds", "length and chunks", "blank", "extension and trailer", "upgrade", "interim"],
)
def test_odd_responses_of_real_servers_are_read(parser, answer):
    read = _read(parser(False), answer, ended=False)
    assert read.complete, read.problem
    assert b"".join(read.body) == b"hi"
    value = next(value for name, value in read.head.headers if name == b"X-A")
    assert value.split() == [b"a", b"b"]


@PARSERS
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + END,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nabc",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * MAX_HEAD_BYTES,
        b"HTTP/1.1 200 OK\r\nX : 1\r\n\r\n",
        b"* OK IMAP4rev1 ready\r\n",
    ],
    ids=[
        "NUL",
        "coding",
        "lengths",
        "two lengths",
        "status 99",
        "switched",
        "ICY",
        "endless head",
        "blank in a name",
        "another protocol",
    ],
)
def test_what_is_no_response_is_a_problem(parser, answer):
    read = _read(parser(False), *_split(answer, range(0, len(answer), 65536)), ended=False)
    assert read.problem
    assert not read.complete


@PARSERS
@pytest.mark.parametrize(
    ("answer", "bodiless", "reusable"),
    [
        (whole(b"{}"), False, True),
        (whole(b"{}", connection="close"), False, False),
        (whole(b"{}") + b"HTTP/1.1 200 OK\r\n\r\n", False, False),
        (whole(b"{}") + b"}", False, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", False, False),
        (head(content_length=17), True, True),
        (head(content_length=2) + b"{}", True, False),
        (head(204, None), False, True),
        (head(304, None, content_length=5), False, True),
    ],
    ids=["plain", "close", "second response", "byte", "HTTP/1.0", "HEAD", "HEAD with a body", "204", "304"],
)
def test_a_connection_is_reusable_only_at_the_exact_end(parser, answer, bodiless, reusable):
    read = _read(parser(bodiless), answer, ended=False)
    assert (read.complete, read.reusable) == (True, reusable)
    if not bodiless and read.head.status == 200:
        assert b"".join(read.body) == b"{}"


@PARSERS
def test_a_byte_after_the_end_ends_the_reuse(parser):
    read = _read(parser(False), whole(b"{}"), ended=False)
    assert read.reusable
    read.feed(b"H")
    assert not read.reusable
    assert b"".join(read.body) == b"{}"


@PARSERS
def test_trailers_without_end_are_a_problem(parser):
    read = parser(False)
    read.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"a") + b"0\r\n")
    read.body.clear()
    for _ in range(100):
        read.feed(b"X-Trailer: a\r\n" * 200)
    assert read.problem


def test_an_interrupt_within_the_compiled_parser_is_raised(monkeypatch):
    read = LlhttpParser(False)

    def interrupted(value):
        raise KeyboardInterrupt

    monkeypatch.setattr("ollama_sdk._transport._llhttp.has_control_characters", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read.feed(whole(b"{}"))
