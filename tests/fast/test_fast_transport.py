"""The fast transports read a response as h11 does, however it is sent and split."""

from __future__ import annotations

import itertools
import pickle

import h11
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_sdk import APIConnectionError, IncompleteReplyError, Ollama
from ollama_sdk._transport.http11 import Batching
from ollama_sdk._transport.wire import WireTransport
from ollama_sdk.fast import AsyncFastTransport, FastTransport, _Reader
from tests.support.loopback import END, PATIENCE, chunk, chunked, free_port, head, replies, replies_and_closes, whole
from tests.support.streamed import LAST, chat_item

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


def _feed(reader, data):
    reader.feed(data) if isinstance(reader, _Reader) else reader.receive_data(data)


def _read(reader, reads):
    """The head, the body, and whether both came to a good end."""
    response, body = None, b""
    for data in [*reads, b""]:
        _feed(reader, data)
        try:
            while (event := reader.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Response):
                    response = event
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    return response, body, True
        except h11.RemoteProtocolError:
            return response, body, False
    return response, body, False


def _asked(connection):
    """A connection that has sent its request."""
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    connection.send(h11.EndOfMessage())
    return connection


_READERS = {
    "fast": _Reader,
    "ordinary": lambda: _asked(Batching()),
    "ordinary, of a large body": lambda: _asked(Batching(large=1)),
}


def _split(data, cuts):
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("reader", _READERS.values(), ids=_READERS)
@given(
    kind=st.sampled_from(sorted(_HEADS)),
    pieces=st.lists(st.binary(max_size=40), max_size=6),
    cuts=st.lists(st.integers(0, 1000), max_size=8),
    missing=st.integers(0, 60),
)
def test_response_split_and_cut_anywhere_reads_as_in_h11(reader, kind, pieces, cuts, missing):
    sent = _response(kind, pieces)
    reads = _split(sent[: len(sent) - missing], cuts)
    response, body, ended = _read(reader(), reads)
    expected, expected_body, expected_end = _read(_asked(h11.Connection(h11.CLIENT)), reads)
    assert (body, ended) == (expected_body, expected_end)
    assert (response is None) == (expected is None)
    if response is not None:
        assert response.status_code == expected.status_code
        assert response.http_version == expected.http_version
        assert response.headers.raw_items() == expected.headers.raw_items()


@pytest.mark.parametrize("reader", _READERS.values(), ids=_READERS)
@given(st.lists(st.binary(max_size=60) | st.sampled_from(list(_HEADS.values())), max_size=6))
def test_arbitrary_bytes_raise_nothing_but_protocol_errors(reader, reads):
    _read(reader(), [data for data in reads if data])


@pytest.mark.parametrize("reader", _READERS.values(), ids=_READERS)
@pytest.mark.parametrize("kind", sorted(_HEADS))
def test_one_read_of_a_body_is_one_piece_before_the_end(reader, kind):
    reading = reader()
    _feed(reading, _response(kind, [b"one", b"two", b"three"]))
    if kind == "close":
        _feed(reading, b"")
    kinds = [type(reading.next_event())]
    while kinds[-1] is not h11.EndOfMessage:
        kinds.append(type(reading.next_event()))
    assert kinds[-3:] == [h11.Response, h11.Data, h11.EndOfMessage]


@pytest.mark.parametrize("reader", _READERS.values(), ids=_READERS)
def test_response_is_not_over_before_its_end_is_asked_for(reader):
    reading = reader()
    _feed(reading, _response("chunked", [b"one"]))
    events = [type(reading.next_event()) for _ in range(2)]
    state = reading.state if reader is _Reader else reading.their_state
    assert (events, state) == ([h11.Response, h11.Data], h11.SEND_BODY)


@pytest.mark.parametrize(
    "answer",
    [whole(b""), whole(b"", content_type=None), head(204, None), head(content_length=17), head(content_length=1 << 22)],
    ids=["empty", "no type", "no content", "a length without a body", "a large one"],
)
def test_an_answer_to_head_has_no_body_whatever_its_head_says(world, serve, answer):
    with world.client(serve(replies(answer, answer)).url) as client:
        assert client.is_available() is True
        assert client.is_available() is True


def test_head_requests_leave_the_connection_reusable(world, serve):
    server = serve(replies(*[head(content_length=17)] * 3))
    with world.client(server.url) as client:
        assert [client.is_available() for _ in range(3)] == [True] * 3
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    "answer",
    [head(content_length=17) + b"x" * 17, head(content_length=17, connection="close")],
    ids=["a body all the same", "the server is about to close"],
)
def test_an_answer_to_head_may_end_the_use_of_its_connection(world, serve, answer):
    server = serve(replies(answer), replies(answer))
    with world.client(server.url) as client:
        assert client.is_available() is True
        assert client.is_available() is True
    assert len(server.connections) == 2


@pytest.mark.parametrize("blanks", [b"\ta", b"a \t", b"  a  "])
def test_blanks_around_a_header_are_no_part_of_it(serve, blanks):
    server = serve(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A:" + blanks + b"\r\n\r\n"))
    with httpx.Client(transport=FastTransport()) as client:
        assert client.get(server.url).headers["x-a"] == "a"


@pytest.mark.parametrize(
    "answer",
    {
        "a folded header": b"HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        "a control character": b"HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 0\r\n\r\n",
        "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "a length twice": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "a length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + END,
        "a blank after a size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0 \r\n\r\n",
    }.items(),
    ids=lambda item: item[0],
)
def test_what_only_h11_lets_pass_is_refused_in_so_many_words(serve, answer):
    server = serve(replies(answer[1]))
    with httpx.Client(transport=FastTransport()) as client, pytest.raises(httpx.RemoteProtocolError):
        client.get(server.url)
    with httpx.Client(transport=WireTransport()) as client:
        assert client.get(serve(replies(answer[1])).url).status_code == 200


def _interim(number):
    return b"HTTP/1.1 103 Early Hints\r\nLink: <%d>\r\n\r\n" % number


def test_any_number_of_interim_responses_may_come_first(world, serve):
    hints = b"".join(map(_interim, range(5000)))
    with world.client(serve(replies(hints + whole(LAST.strip()))).url) as client:
        assert client.chat("m", []).done


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 199 Odd\r\nContent-Length: 4\r\n\r\nbody" + whole(LAST.strip()),
        b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["an interim response with a body", "a status below 100"],
)
def test_what_is_no_response_is_no_part_of_one(world, serve, answer):
    with world.client(serve(replies(answer)).url) as client, pytest.raises(APIConnectionError):
        client.chat("m", [])


@pytest.mark.parametrize("endless", [b"X-Trailer: a\r\n", b"a"], ids=["trailers", "one trailer"])
def test_trailers_without_end_are_given_up(world, serve, endless):
    def script(connection):
        connection.answer(chunked("application/json", LAST.strip()) + b"0\r\nX: ")
        while True:
            connection.send(endless * 5000)

    server = serve(script)
    with world.client(server.url, timeout=PATIENCE) as client, pytest.raises(IncompleteReplyError):
        client.chat("m", [])
    assert server.hung_up()


def test_a_burst_of_items_passes_as_few_pieces(serve):
    items = [chat_item(str(number)) for number in range(50)]
    server = serve(replies(chunked("application/x-ndjson", *items, LAST) + END))
    with httpx.Client(transport=FastTransport()) as client, client.stream("GET", server.url) as response:
        pieces = list(response.iter_raw())
    assert b"".join(pieces) == b"".join([*items, LAST])
    assert len(pieces) < len(items)


def test_connection_with_surplus_bytes_is_not_reused(world, serve):
    answer = whole(LAST.strip())
    server = serve(replies(answer + b"HTTP/1.1 200 OK\r\n"), replies(answer))
    with world.client(server.url) as client:
        assert client.chat("m", []).done
        assert client.chat("m", []).done
    assert len(server.connections) == 2


def test_connection_is_reused_after_a_complete_stream(world, serve):
    server = serve(replies(*[chunked("application/x-ndjson", LAST) + END] * 3))
    with world.client(server.url) as client:
        for _ in range(3):
            assert len(list(client.chat("m", [], stream=True))) == 1
    assert len(server.connections) == 1


def test_a_head_without_end_is_given_up(world, serve):
    endless = b"HTTP/1.1 200 OK\r\n" + b"x-padding: 1\r\n" * 10_000
    with (
        world.client(serve(replies_and_closes(endless)).url) as client,
        pytest.raises(APIConnectionError, match="head"),
    ):
        client.chat("m", [])


@pytest.mark.parametrize("transport", [FastTransport, AsyncFastTransport])
def test_transport_pickles_without_its_connections(transport):
    assert type(pickle.loads(pickle.dumps(transport()))) is transport


def test_a_client_travels_with_its_transport():
    with Ollama(f"http://127.0.0.1:{free_port()}", transport=FastTransport()) as client:
        copy = pickle.loads(pickle.dumps(client))
    assert copy.base_url == client.base_url
    copy.close()
