"""Reader: which bytes are items, the last item, a failure, or an end that came too early."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_sdk.errors import APIConnectionError, DecodeError, IncompleteReplyError, ReplyFailedError
from ollama_sdk.streaming._accumulation import MergeAccumulator
from ollama_sdk.streaming._framing import DetectingFramer, NDJSONFramer, SSEFramer
from ollama_sdk.streaming._marks import SENTINEL, failure_message
from ollama_sdk.streaming._reader import Reader, decoded
from tests.support.examples import examples

CALL = "POST http://host/api/chat"


class Call:
    """The call of a reader."""

    def __init__(self, redacted=str):
        self.name = CALL
        self.redacted = redacted

    def broken_off(self, exc, items):
        return "the body ended" if exc is None else "the connection was lost", "look there"

    def not_json_advice(self):
        return "; look there"

    def item_fields(self):
        return ()


DONE = b'{"n":9,"done":true}\n'


def ndjson(last=None, *, limit=1000, failed=None, redact=str):
    return Reader(NDJSONFramer(limit), last=last or {"done": True}, failed=failed, call=Call(redact))


def sse():
    return Reader(SSEFramer(), last=SENTINEL, failed=None, call=Call())


def numbers(reader):
    return [item["n"] for item in reader.ready]


# Items


def test_items_are_counted_and_the_first_is_kept():
    reader = ndjson()
    assert reader.first is None
    reader.feed(b'{"n":1}\n{"n":2}\n')
    reader.feed(b'{"n":3}\n')
    assert numbers(reader) == [1, 2, 3]
    assert (reader.items, reader.first, reader.finished, reader.error) == (3, {"n": 1}, False, None)


def test_the_last_item_finishes_the_stream():
    reader = ndjson()
    reader.feed(b'{"n":1,"done":false}\n' + DONE)
    assert numbers(reader) == [1, 9]
    assert reader.finished
    reader.end()
    assert reader.error is None


def test_every_field_of_the_last_item_must_match():
    reader = ndjson({"type": "end", "ok": True})
    reader.feed(b'{"n":1,"type":"end"}\n{"n":2,"type":"end","ok":false}\n{"n":3,"ok":true}\n')
    assert not reader.finished
    reader.feed(b'{"n":4,"type":"end","ok":true}\n')
    assert reader.finished


def test_the_sentinel_finishes_the_stream_and_is_no_item():
    reader = sse()
    reader.feed(b'data: {"n":1}\n\ndata: [DONE]\n\n')
    assert numbers(reader) == [1]
    assert reader.finished


def test_the_sentinel_means_nothing_in_a_stream_without_one():
    reader = ndjson()
    reader.feed(b"[DONE]\n")
    assert isinstance(reader.error, DecodeError)


def test_tokens_are_counted_by_the_latest_item_with_usage():
    reader = ndjson()
    reader.feed(b'{"n":1,"usage":{"a":1}}\n{"n":2,"usage":null}\n{"n":3}\n')
    assert reader.usage_item["n"] == 2
    reader.feed(DONE)
    assert reader.usage_item["n"] == 2


def test_tokens_are_counted_by_the_last_item_without_usage():
    reader = ndjson()
    reader.feed(b'{"n":1}\n')
    assert reader.usage_item == {}
    reader.feed(DONE)
    assert reader.usage_item["n"] == 9


@examples(100)
@given(
    st.lists(st.integers(0, 99), max_size=8),
    st.sets(st.integers(0, 120)),
    st.sampled_from([b"", b"{", b'{"error":"x"}\n', DONE]),
)
def test_the_split_of_a_body_changes_nothing(values, cuts, end):
    body = b"".join(b'{"n":%d}\n' % value for value in values) + end
    outcomes = []
    for places in ([], sorted(cut for cut in cuts if cut < len(body)), range(1, len(body))):
        reader = ndjson()
        starts = [0, *places]
        for start, stop in zip(starts, [*starts[1:], len(body)], strict=True):
            if reader.error is None:
                reader.feed(body[start:stop])
        if reader.error is None:
            reader.end()
        outcomes.append((list(reader.ready), reader.finished, repr(reader.error), reader.items, reader.first))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert numbers(reader)[: len(values)] == values


def test_integers_are_exact_wherever_reads_cut_them():
    lines = [b'{"n":1,"ids":[]}\n', b'{"n":2,"ids":[123456789012345678901]}\n', b'{"n":3,"ids":[]}\n']
    body = b"".join(lines)
    for cut in range(len(body)):
        reader = ndjson()
        reader.feed(body[:cut])
        reader.feed(body[cut:])
        assert list(reader.ready) == decoded(reader.unadded) == list(map(json.loads, lines))


@pytest.mark.parametrize("unusual", [b'{"n":8,"usage":{}}\n', b'{"n":8,"error":""}\n', b'{"n":8,"text":"\\ud83d"}\n'])
def test_items_after_an_unusual_one_are_taken_in_order(unusual):
    reader = ndjson()
    reader.feed(b'{"n":1}\n{"n":2}\n' + unusual + b'{"n":3}\n' + unusual + b'{"n":4}\n' + DONE + b'{"n":5}\n')
    assert numbers(reader) == [1, 2, 8, 3, 8, 4, 9]
    assert (reader.items, reader.finished, reader.error) == (7, True, None)
    assert list(reader.ready) == decoded(reader.unadded)


# Items of a read that are added up


def texts(*parts, **fields):
    """Lines of items with a text."""
    return b"".join(json.dumps({"text": part, "done": False, **fields}).encode() + b"\n" for part in parts)


def reading(*, rules):
    return Reader(NDJSONFramer(), last={"done": True}, failed=None, call=Call(), rules=rules)


def test_items_of_a_read_that_are_alike_are_kept_as_one():
    reader = reading(rules={"text": "concat"})
    words = [f" {number}" for number in range(50)]
    reader.feed(texts(*words))
    reader.feed(texts("a", "b"))
    assert [item["text"] for item in reader.ready] == [*words, "a", "b"]
    assert [item["text"] for item in decoded(reader.unadded)] == ["".join(words), "a", "b"]
    assert (reader.items, reader.first["text"]) == (52, " 0")
    assert 0 < reader.unadded_bytes < 500


def test_all_bytes_of_items_that_come_in_parts_are_counted():
    reader = reading(rules={"text": "concat"})
    for _ in range(3):
        reader.feed(texts("x" * 1000)[:-1])
        reader.feed(b"\n")
    assert 3000 < reader.unadded_bytes < 4000


def test_integers_of_items_that_are_alike_are_exact():
    reader = reading(rules={"text": "concat"})
    body = texts("a", x=[2**70]) + texts(*"b" * 20, x="t")
    reader.feed(body)
    assert list(reader.ready) == list(map(json.loads, body.splitlines()))


_RUNS = st.lists(
    st.tuples(
        st.sampled_from(
            [{}, {"n": 1}, {"n": 2}, {"s": "x"}, {"s": ""}, {"s": None}, {"error": ""}, {"usage": {}}, {"ids": [2**70]}]
        ),
        st.integers(1, 30),
    ),
    min_size=1,
    max_size=5,
)


@examples(200)
@given(_RUNS, st.lists(st.integers(0, 5000), max_size=3))
def test_added_up_or_not_a_body_holds_the_same(runs, cuts):
    body = b"".join(texts(*(f" {run}.{n}" for n in range(many)), **fields) for run, (fields, many) in enumerate(runs))
    rules = {"text": "concat", "ids": "concat"}
    added, plain = reading(rules=rules), reading(rules={})
    for start, stop in pairwise([0, *sorted(cuts), len(body)]):
        for reader in (added, plain):
            reader.feed(body[start:stop])
    replies = []
    for reader in (added, plain):
        accumulator = MergeAccumulator(rules)
        accumulator.add(decoded(reader.unadded))
        replies.append(accumulator.result())
    assert replies[0] == replies[1]
    assert list(added.ready) == list(plain.ready) == list(map(json.loads, body.splitlines()))
    assert (added.items, added.usage_item, added.error) == (plain.items, plain.usage_item, None)


# Items that are none


@pytest.mark.parametrize("line", [b"{broken", b"3", b"[]", b"null", b'"text"', b"\xff"])
def test_a_malformed_item_is_an_error_after_the_items_before_it(line):
    reader = ndjson()
    reader.feed(b'{"n":1}\n' + line + b'\n{"n":2}\n')
    assert numbers(reader) == [1]
    assert isinstance(reader.error, DecodeError)
    assert str(reader.error).startswith(f"{CALL}: item 2 of the stream is malformed")
    assert reader.error.excerpt == line.decode(errors="replace")


def test_the_excerpt_of_a_malformed_item_is_redacted_and_short():
    reader = ndjson(redact=lambda text: text.replace("secret", "***"))
    reader.feed(b"secret" + b"x" * 500 + b"\n")
    assert reader.error.excerpt == "***" + "x" * 197
    assert "secret" not in str(reader.error)
    assert reader.error.__cause__ is None
    assert reader.error.__context__ is None


def test_an_oversized_item_is_an_error_after_the_items_before_it():
    reader = ndjson(limit=20)
    reader.feed(b'{"n":1}\n' + b"x" * 30)
    assert numbers(reader) == [1]
    assert str(reader.error).startswith(f"{CALL}: an item of the stream is longer than 20 bytes")
    assert reader.error.excerpt == "x" * 30


def test_a_malformed_item_goes_before_an_oversized_one():
    reader = ndjson(limit=20)
    reader.feed(b"{broken\n" + b"x" * 30)
    assert "malformed" in str(reader.error)


# Failures


@pytest.mark.parametrize(
    "error", ['"boom"', '{"message":"boom"}', '{"error":{"message":"boom"}}', '"{\\"error\\":\\"boom\\"}"']
)
def test_an_item_with_an_error_is_a_failure(error):
    reader = ndjson()
    reader.feed(b'{"n":1}\n{"error":%b}\n{"n":2}\n' % error.encode())
    assert numbers(reader) == [1]
    assert type(reader.error) is ReplyFailedError
    assert reader.error.message == "boom"
    assert str(reader.error) == f"{CALL}: the server failed after 1 items: boom"


@pytest.mark.parametrize("error", ["null", '""', "{}"])
def test_an_empty_error_is_none(error):
    reader = ndjson()
    reader.feed(b'{"n":1,"error":%b}\n' % error.encode())
    assert (numbers(reader), reader.error) == ([1], None)


def test_a_failure_is_redacted():
    reader = ndjson(redact=lambda text: text.replace("key", "***"))
    reader.feed(b'{"error":"bad key"}\n')
    assert reader.error.message == "bad ***"
    assert "key" not in str(reader.error)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"type": "failed", "ok": False}, "no reason was given"),
        ({"type": "failed", "ok": False, "response": {"error": {"message": "boom"}}}, "boom"),
        ({"type": "failed", "ok": False, "error": "first"}, "first"),
        ({"type": "failed", "ok": True}, None),
        ({"type": "fine", "ok": False, "message": "no failure"}, None),
    ],
)
def test_an_item_of_the_failed_kind_is_a_failure(item, message):
    reader = ndjson(failed={"type": "failed", "ok": False})
    reader.feed(json.dumps(item).encode() + b"\n")
    assert (reader.error.message if reader.error else None) == message


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("text", "text"),
        ('"quoted"', '"quoted"'),
        ("{not json", "{not json"),
        ('{"code":3}', '{"code":3}'),
        (' {"error":"inner"}', "inner"),
        ({"error": "", "message": "said"}, "said"),
        ({"error": {}, "message": "said"}, "said"),
        ({"error": {"code": 3}, "message": "said"}, "said"),
        ({"message": "outer", "error": "inner"}, "inner"),
        ({"code": 3}, ""),
        (3, ""),
        (None, ""),
        (["text"], ""),
    ],
)
def test_the_message_of_an_error_is_its_innermost_text(error, message):
    assert failure_message(error) == message


@pytest.mark.parametrize(("depth", "message"), [(20, "deep"), (21, "")])
def test_a_message_nested_too_deeply_is_none(depth, message):
    error = "deep"
    for _ in range(depth):
        error = {"error": error}
    assert failure_message(error) == message


def test_json_inside_a_string_counts_as_one_level():
    error = "deep"
    for _ in range(19):
        error = {"error": error}
    assert failure_message(json.dumps(error)) == "deep"
    too_deep = json.dumps({"error": error})
    assert failure_message(too_deep) == too_deep


# Ends


def test_a_body_that_ends_before_the_last_item_is_incomplete():
    reader = ndjson()
    reader.feed(b'{"n":1}\n{"n":2}\n')
    reader.end()
    assert numbers(reader) == [1, 2]
    assert type(reader.error) is IncompleteReplyError
    assert reader.error.items == 2
    assert str(reader.error).startswith(f"{CALL}: the body ended before the last item, after 2 whole items")
    assert reader.error.__cause__ is None


def test_one_item_is_not_called_items():
    reader = ndjson()
    reader.feed(b'{"n":1}\n')
    reader.end()
    assert "after 1 whole item;" in f"{reader.error};"


def test_a_lost_connection_is_the_cause_of_an_incomplete_reply():
    reader, cause = ndjson(), OSError("reset")
    reader.feed(b'{"n":1}\n{"n":')
    reader.end(cause)
    assert numbers(reader) == [1]
    assert "the connection was lost" in str(reader.error)
    assert reader.error.__cause__ is cause


def test_a_closed_client_is_named_as_what_ended_the_stream():
    reader = ndjson()
    reader.end(APIConnectionError("closed"))
    assert "the client was closed" in str(reader.error)


@pytest.mark.parametrize("cause", [None, OSError()])
def test_an_end_after_the_last_item_is_no_error(cause):
    reader = ndjson()
    reader.feed(DONE)
    reader.end(cause)
    assert (reader.finished, reader.error) == (True, None)


def test_an_end_after_an_error_leaves_the_error():
    reader = ndjson()
    reader.feed(b'{"error":"boom"}\n')
    reader.end()
    assert type(reader.error) is ReplyFailedError


@pytest.mark.parametrize("reader", [ndjson, sse])
def test_an_unterminated_item_that_is_whole_counts(reader):
    reader = reader()
    reader.feed(b'{"n":9,"done":true}' if reader._sentinel is None else b'data: {"n":9}\n\ndata: [DONE]')
    assert not reader.finished
    reader.end()
    assert (numbers(reader), reader.finished, reader.error) == ([9], True, None)


def test_an_unterminated_item_that_is_cut_is_an_early_end():
    reader = ndjson()
    reader.feed(b'{"n":1}\n{"n":2,"done":tr')
    reader.end()
    assert numbers(reader) == [1]
    assert type(reader.error) is IncompleteReplyError


def test_an_unterminated_item_that_is_whole_counts_after_a_reset():
    reader = ndjson()
    reader.feed(b'{"n":9,"done":true}')
    reader.end(OSError("reset"))
    assert (numbers(reader), reader.finished, reader.error) == ([9], True, None)


def test_nothing_counts_after_the_last_item():
    reader = ndjson()
    reader.feed(DONE + b'{"n":10}\n{broken}\n')
    reader.feed(b'{"error":"boom"}\n{"n":11}')
    reader.end()
    assert (numbers(reader), reader.finished, reader.error) == ([9], True, None)


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b'{"n":1}\n{"n":2}\n', [1, 2]),
        (b' \r\n\n{"n":1}\n', [1]),
        (b'\xef\xbb\xbf\n{"n":1}\n', [1]),
        (b'data: {"n":1}\n\ndata: {"n":2}\n\n', [1, 2]),
        (b'\xef\xbb\xbf\r\n: ping\r\n\r\nevent: x\r\ndata:{"n":1}\r\n\r\n', [1]),
        (b'id\nretry: 3\ndata: {"n":1}\n\n', [1]),
        (b'id: 7\rdata: {"n":1}\r\r', [1]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_the_first_bytes_say_what_the_format_is(body, items, size):
    reader = Reader(DetectingFramer(), last={"done": True}, failed=None, call=Call())
    for start in range(0, len(body), size):
        reader.feed(body[start : start + size])
    reader.end()
    assert (numbers(reader), type(reader.error)) == (items, IncompleteReplyError)


@pytest.mark.parametrize("body", [b"<html></html>", b"\n <!doctype html>", b"Bad gateway", b"dates", b"404: no"])
@pytest.mark.parametrize("size", [1, 1000])
def test_a_body_of_no_known_format_is_refused(body, size):
    framer = DetectingFramer(content_type="text/html; key=secret")
    reader = Reader(framer, last={}, failed=None, call=Call(lambda text: text.replace("secret", "***")))
    for start in range(0, len(body), size):
        reader.feed(body[start : start + size])
    error = reader.error
    reader.end()
    assert reader.error is error
    assert str(error).startswith(f"{CALL}: the reply (text/html; key=***) is not a stream of JSON")
    assert body.decode().lstrip().startswith(error.excerpt)
    assert str(error).endswith("; look there")


@pytest.mark.parametrize("body", [b"", b"\n\r\n", b"\xef\xbb", b"dat", b"event"])
def test_a_body_too_short_to_have_a_format_is_incomplete(body):
    reader = Reader(DetectingFramer(), last={}, failed=None, call=Call())
    reader.feed(body)
    reader.end()
    assert type(reader.error) is IncompleteReplyError
    assert reader.error.items == 0


def test_items_that_add_up_to_no_reply_are_an_error_of_the_call():
    error = ndjson().decode_error(KeyError("index"))
    assert str(error) == f"{CALL}: the items of the stream do not add up to a reply: KeyError('index')"
