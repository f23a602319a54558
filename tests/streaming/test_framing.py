"""Framing: the items of a streamed body do not depend on how its bytes were split."""

from __future__ import annotations

import itertools
import json
import re
import sys
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ollama_sdk.errors import DecodeError
from ollama_sdk.streaming._framing import NDJSONFramer, SSEFramer
from ollama_sdk.streaming._marks import MAX_ITEM_BYTES
from tests.support.examples import examples

BOM = b"\xef\xbb\xbf"
JSON_WHITESPACE = b" \t\r\n"
FRAMERS = pytest.mark.parametrize("framer_class", [NDJSONFramer, SSEFramer])

lean = examples(200)


def receive(framer, chunks):
    """Every item delivered, and the error that ended them or None."""
    items = [item for chunk in chunks for item in framer.feed(chunk)]
    return [*items, *framer.finish()], framer.error


def one_by_one(body):
    return [body[i : i + 1] for i in range(len(body))]


def expected_ndjson(body, limit=MAX_ITEM_BYTES):
    """The items of the body, and whether an oversized one follows them."""
    items = []
    for number, line in enumerate(body.split(b"\n")):
        if len(line) > limit:
            return list(filter(None, items)), True
        items.append((line.removeprefix(BOM) if number == 0 else line).strip(JSON_WHITESPACE))
    return list(filter(None, items)), False


def expected_sse(body, limit=MAX_ITEM_BYTES):
    """The items, and whether an oversized one follows; line by line as the WHATWG standard says."""
    items, data, held = [], [], 0
    lines = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    for number, received in enumerate([*lines, b""]):
        if held + len(received) > limit:
            return list(filter(None, items)), True
        line = received.removeprefix(BOM) if number == 0 else received
        if line == b"":
            items.append(b"\n".join(data).strip(JSON_WHITESPACE))
            data, held = [], 0
            continue
        field, _, value = line.partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if field == b"data":
            data.append(value)
            held += len(line)
    return list(filter(None, items)), False


def soup(*words):
    """Bodies of every kind, most of them malformed."""
    return st.lists(st.sampled_from(words), max_size=40).map(b"".join)


ndjson_bodies = soup(
    b"\n", b"\n", b"\r\n", b"\r", b" ", b"\t", BOM, b'{"a":1}', "🦙é".encode(), b"\xff", b"\0", b"\x0c"
)
sse_bodies = soup(
    *(b"\n", b"\n\n", b"\r\n", b"\r", b"data:", b"data: ", b"data", b"id: ", b"event: ", b"retry: 1", b":", b" "),
    *(BOM, b'{"a":1}', "🦙é".encode(), b"\xff", b"\0"),
)
json_objects = st.dictionaries(st.text(max_size=5), st.text(max_size=8) | st.integers(), max_size=3)
line_ends = st.sampled_from([b"\n", b"\r\n", b"\r"])


@st.composite
def split(draw, bodies):
    """A body and its pieces: cut anywhere, often after an LF as servers do, some pieces empty."""
    body = draw(bodies)
    anywhere = draw(st.lists(st.integers(0, len(body)), max_size=12))
    after_items = [at + 1 for at, byte in enumerate(body) if byte == ord("\n")] if draw(st.booleans()) else []
    cuts = sorted([0, *anywhere, *after_items, len(body)])
    return body, [body[start:stop] for start, stop in itertools.pairwise(cuts)]


@st.composite
def ndjson_of_objects(draw):
    objects = draw(st.lists(json_objects, max_size=6))
    body = draw(st.sampled_from([b"", BOM]))
    for item in objects:
        body += draw(st.sampled_from([b"", b"\n", b"\r\n", b" \t\n"]))
        body += json.dumps(item, ensure_ascii=False).encode() + draw(st.sampled_from([b"\n", b"\r\n"]))
    return objects, body


@st.composite
def sse_of_objects(draw):
    objects = draw(st.lists(json_objects, max_size=6))
    end = draw(line_ends)
    noise = st.sampled_from([b"", b": keep-alive", b"event: delta", b"id: 7", b"retry: 10", b"nonsense", b": x" + end])
    body = draw(st.sampled_from([b"", BOM]))
    for item in objects:
        text = json.dumps(item, ensure_ascii=False, indent=draw(st.sampled_from([None, 1]))).encode()
        field = draw(st.sampled_from([b"data:", b"data: "]))
        body += draw(noise) + end
        body += end.join(field + line for line in text.split(b"\n")) + end + end
    return objects, body


@lean
@given(split(ndjson_bodies))
def test_any_split_of_ndjson_gives_the_items_of_the_whole(case):
    body, chunks = case
    items, _ = expected_ndjson(body)
    assert receive(NDJSONFramer(), chunks) == (items, None)
    assert receive(NDJSONFramer(), [body]) == (items, None)
    assert receive(NDJSONFramer(), one_by_one(body)) == (items, None)


@lean
@given(split(sse_bodies))
@example((b"data: a\r\ndata: b\r\n\r\n", [b"data: a\r", b"", b"\ndata: b\r", b"\n\r", b"\n"]))
@example((b"x\ndata: a\rdata: b\n\n", [b"x\n", b"data: a\rdata: b\n\n"]))
@example((b"x\ndata: a\ndata: b\n\n", [b"x\n", b"data: a\ndata: b\n\n"]))
@example((b"x\ndata: a\ndata: b\n\n", [b"x\n", b"data: a\n", b"data: b\n\n"]))
@example((b"x\ndata: a\ndata: b\n\n", [b"x\n", b"data: a\nd", b"ata: b\n\n"]))
@example((b"x\nevent: e\rdata: a\ndata: b\n\n", [b"x\n", b"event: e\rdata: a\ndata: b\n\n"]))
def test_any_split_of_events_gives_the_items_of_the_whole(case):
    body, chunks = case
    items, _ = expected_sse(body)
    for pieces in (chunks, [body], one_by_one(body)):
        assert receive(SSEFramer(), pieces) == (items, None)


@lean
@given(ndjson_of_objects().flatmap(lambda case: st.tuples(st.just(case[0]), split(st.just(case[1])))))
def test_written_ndjson_comes_back_as_the_same_objects(case):
    objects, (_, chunks) = case
    items, error = receive(NDJSONFramer(), chunks)
    assert [json.loads(item) for item in items] == objects
    assert error is None


@lean
@given(sse_of_objects().flatmap(lambda case: st.tuples(st.just(case[0]), split(st.just(case[1])))))
def test_written_events_come_back_as_the_same_objects(case):
    objects, (_, chunks) = case
    items, error = receive(SSEFramer(), chunks)
    assert [json.loads(item) for item in items] == objects
    assert error is None


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b'{"a":1}\n{"a":2}\n', [b'{"a":1}', b'{"a":2}']),
        (b'{"a":1}\r\n\r\n \t\n\n{"a":2}\r\n', [b'{"a":1}', b'{"a":2}']),
        (b'{"a":\r1}\n', [b'{"a":\r1}']),
        (BOM + b'{"a":1}\n', [b'{"a":1}']),
        (b'{"a":1}\n' + BOM + b"{}\n", [b'{"a":1}', BOM + b"{}"]),
        (b"", []),
        (BOM, []),
    ],
)
def test_ndjson_items_are_lines(body, items):
    assert receive(NDJSONFramer(), [body]) == (items, None)


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b'data: {"a":1}\n\ndata: [DONE]\n\n', [b'{"a":1}', b"[DONE]"]),
        (b'data:{"a":1}\n\n', [b'{"a":1}']),
        (b'data:{"a":1}\r\n\r\n', [b'{"a":1}']),
        (b'data: {"a":1}\r\rdata: {"a":2}\r\r', [b'{"a":1}', b'{"a":2}']),
        (b'data: {\ndata:  "a":1\ndata: }\n\n', [b'{\n "a":1\n}']),
        (b": keep-alive\n\n:\n\ndata: {}\n\n", [b"{}"]),
        (b'event: message_stop\ndata: {"type":"message_stop"}\n\n', [b'{"type":"message_stop"}']),
        (b"retry: 10\ncolour: red\nnonsense\ndata: {}\n\n", [b"{}"]),
        (b"data\n\ndata:\n\ndata: \n\nevent: ping\n\n", []),
        (b"data\ndata: {}\n\n", [b"{}"]),
        (b" data: {}\n\ndatabase: {}\n\nDATA: {}\n\n", []),
        (BOM + b"data: {}\n\n", [b"{}"]),
        (b"data: {}\n\n" + BOM + b"data: {}\n\n", [b"{}"]),
        (b"\n" + BOM + b"data: {}\n\n", []),
    ],
)
def test_server_sent_items_are_the_data_of_events(body, items):
    assert receive(SSEFramer(), [body]) == (items, None)
    assert receive(SSEFramer(), [b": past the start\n", body.removeprefix(BOM)]) == (items, None)


@pytest.mark.parametrize(
    ("framer_class", "chunk"),
    [
        (NDJSONFramer, b"{}\n"),
        (NDJSONFramer, b"{}\r\n"),
        (SSEFramer, b"data: {}\n\n"),
        (SSEFramer, b"data: {}\r\r"),
        (SSEFramer, b"event: x\r\ndata: {}\r\n\r\n"),
    ],
)
def test_an_item_is_delivered_by_the_read_that_completes_it(framer_class, chunk):
    framer = framer_class()
    assert [list(framer.feed(chunk)) for _ in range(3)] == [[b"{}"]] * 3
    assert list(framer.finish()) == []


@pytest.mark.parametrize(
    ("framer_class", "body", "items"),
    [
        (NDJSONFramer, b'{"a":1}\n{"a":2}', [b'{"a":2}']),
        (NDJSONFramer, b'{"a":1}\n{"a"', [b'{"a"']),
        (NDJSONFramer, b'{"a":1}\n \r', []),
        (NDJSONFramer, b'{"a":1}\n', []),
        (SSEFramer, b"data: {}\n\ndata: [DONE]\n", [b"[DONE]"]),
        (SSEFramer, b"data: {}\n\ndata: [DONE]\r", [b"[DONE]"]),
        (SSEFramer, b"data: {}\n\ndata: [DONE]", [b"[DONE]"]),
        (SSEFramer, b'data: {}\n\ndata: {\ndata: "a"', [b'{\n"a"']),
        (SSEFramer, b"data: {}\n\nevent: ping\nid: 4\n", []),
        (SSEFramer, b"data: {}\n\ndat", []),
        (SSEFramer, b"data: {}\n\n", []),
    ],
)
def test_the_end_of_the_body_delivers_an_unterminated_item(framer_class, body, items):
    framer = framer_class()
    assert len(framer.feed(body)) == 1
    assert list(framer.finish()) == items
    assert list(framer.finish()) == []


# --- the limit


@lean
@given(split(ndjson_bodies), st.integers(1, 20))
def test_an_oversized_line_costs_no_line_before_it(case, limit):
    body, chunks = case
    expected, oversized = expected_ndjson(body, limit)
    for pieces in (chunks, [body], one_by_one(body)):
        items, error = receive(NDJSONFramer(limit), pieces)
        assert items == expected
        assert (error is not None) == oversized


@lean
@given(split(sse_bodies), st.integers(1, 30))
def test_an_oversized_event_costs_no_event_before_it(case, limit):
    body, chunks = case
    expected, oversized = expected_sse(body, limit)
    for pieces in (chunks, [body], one_by_one(body)):
        items, error = receive(SSEFramer(limit), pieces)
        assert items == expected
        assert (error is not None) == oversized


@pytest.mark.parametrize(
    ("framer_class", "fits", "oversized"),
    [
        (NDJSONFramer, b"0123456789\n", b"0123456789A\n"),
        (SSEFramer, b"data:56789\n\n", b"data:56789A\n\n"),
        (SSEFramer, b"data:\ndata:\n\n", b"data:\ndata:1\n\n"),
        (SSEFramer, b":comment 9\n\n", b":comment 9A\n\n"),
    ],
)
def test_an_item_may_be_as_long_as_the_limit_and_no_longer(framer_class, fits, oversized):
    for prefix in (b"", b"\n"):
        assert receive(framer_class(10), [prefix, fits, fits])[1] is None
        assert receive(framer_class(10), [prefix, oversized])[1] is not None
        assert receive(framer_class(10), one_by_one(prefix + fits))[1] is None
        assert receive(framer_class(10), one_by_one(prefix + oversized))[1] is not None


@pytest.mark.parametrize(
    ("framer_class", "good", "start"), [(NDJSONFramer, b"{}\n", b"{"), (SSEFramer, b"data: {}\n\n", b"data: {")]
)
def test_items_in_the_read_of_an_oversized_one_are_returned(framer_class, good, start):
    framer = framer_class(64)
    framer.feed(good)
    assert list(framer.feed(good + good + start + b"x" * 64)) == [b"{}", b"{}"]
    assert isinstance(framer.error, DecodeError)
    assert [*framer.feed(good), *framer.finish(), *framer.feed(good)] == []


@pytest.mark.usefixtures("_traced_memory")
@FRAMERS
def test_an_oversized_item_is_refused_at_once_and_not_kept(framer_class):
    framer = framer_class(2**20)
    framer.feed(b"data: " + b"x" * 2**18 + b"\n")
    framer.feed(b"data: " + b"x" * 2**19)
    assert framer.error is None
    framer.feed(b"x" * 2**20)
    assert framer.error is not None
    assert tracemalloc.get_traced_memory()[0] < 2**16


@FRAMERS
def test_the_error_names_limit_and_remedy_and_shows_the_start(framer_class):
    framer = framer_class(1000)
    framer.feed(b"data: {" + "🦙".encode() * 300)
    assert re.search(r"1,000 bytes.*max_item_bytes", str(framer.error))
    assert framer.error.excerpt == "data: {" + "🦙" * 193


def test_the_excerpt_of_an_event_begins_at_its_first_data_line():
    framer = SSEFramer(100)
    framer.feed(b'data: {\ndata: "a": 1,\n')
    framer.feed(b"data: " + b"x" * 100)
    assert framer.error.excerpt.startswith('{\n"a": 1,\n')


# --- cost


@pytest.mark.parametrize(
    ("framer_class", "item"),
    [(NDJSONFramer, b"{}\n"), (SSEFramer, b"data: {}\n\n"), (SSEFramer, b"event: e\ndata: {}\n\n")],
)
def test_a_read_of_one_whole_item_costs_one_call(framer_class, item):
    framer, called = framer_class(), []
    framer.feed(item)
    sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_name) if event == "call" else None)
    try:
        items = framer.feed(item)
    finally:
        sys.setprofile(None)
    assert (list(items), called) == ([b"{}"], ["feed"])


class Work:
    """Counts, while a call runs, the bytes that methods were asked to look through and the bytes newly allocated."""

    def __init__(self):
        self.scanned = 0
        self.allocated = 0

    def _on_call(self, _frame, event, function):
        if event == "c_call" and isinstance(getattr(function, "__self__", None), bytes | bytearray):
            self.scanned += len(function.__self__)

    def measure(self, call, argument):
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        sys.setprofile(self._on_call)
        try:
            result = call(argument)
        finally:
            sys.setprofile(None)
        self.allocated += tracemalloc.get_traced_memory()[1] - before
        return result


@pytest.fixture
def _traced_memory():
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("_traced_memory")
@pytest.mark.parametrize("read_size", [1, 1024])
@pytest.mark.parametrize(
    ("framer_class", "start", "end"),
    [(NDJSONFramer, b"", b"\n"), (SSEFramer, b"data: ", b"\n\n"), (SSEFramer, b"data: 1\ndata: ", b"\n\n")],
)
def test_a_long_item_in_small_reads_costs_linear_work(framer_class, start, end, read_size):
    reads = 4096
    framer, work, chunk = framer_class(), Work(), b"x" * read_size
    framer.feed(start)
    for _ in range(reads):
        work.measure(framer.feed, chunk)
    # Keeping a byte looks at it a few times and stores it once; each read may also allocate a small, fixed amount.
    length = reads * read_size
    assert work.scanned <= 8 * length
    assert work.allocated <= 2 * length + 1500 * reads

    items = work.measure(framer.feed, end)
    assert len(items[0]) >= length
    assert work.scanned <= 16 * length
    assert work.allocated <= 8 * length + 1500 * reads


@pytest.mark.usefixtures("_traced_memory")
@pytest.mark.parametrize(
    ("framer_class", "start", "end"), [(NDJSONFramer, b"", b"\n"), (SSEFramer, b"data: ", b"\n\n")]
)
def test_the_longest_item_needs_a_few_times_its_length(framer_class, start, end):
    assert MAX_ITEM_BYTES == 67_108_864
    framer, chunk = framer_class(), b"x" * 2**16
    framer.feed(start)
    for _ in range(MAX_ITEM_BYTES // len(chunk) - 1):
        framer.feed(chunk)
    assert len(framer.feed(end)[0]) == MAX_ITEM_BYTES - len(chunk)
    kept, peak = tracemalloc.get_traced_memory()
    assert kept < 2**20
    assert peak < 3.5 * MAX_ITEM_BYTES
