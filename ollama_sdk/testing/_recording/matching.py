"""Finds the recording for a request, or explains the differences from the most similar one.

Requests match by method, path, query and canonical body: JSON regardless of the order of names and of spaces, multipart regardless
of its boundary, other bodies byte for byte.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from ollama_sdk.testing._model.json import is_list, is_object
from ollama_sdk.testing._recording.redaction import remove_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ollama_sdk.testing.recording import RecordedExchange

__all__ = ["Recordings"]

_SHOWN_DIFFERENCES = 5
_SHOWN_LENGTH = 60
_ABSENT = object()
_BOUNDARY = re.compile(r'boundary="?([^";]+)', re.IGNORECASE)

_Key = tuple[str, str, str, str]


class Recordings:
    """The recordings of a folder, of which each answers one request.

    Equal requests get their replies in the order of the recording. It is not thread-safe.

    Args:
        exchanges: The recordings in order.
        repeat: Whether the last reply to equal requests answers all further ones; otherwise those are unknown.
    """

    def __init__(self, exchanges: Sequence[RecordedExchange], *, repeat: bool) -> None:
        self._exchanges = exchanges
        self._repeat = repeat
        self._by_key: dict[_Key, list[RecordedExchange]] = defaultdict(list)
        self._used: dict[_Key, int] = defaultdict(int)
        for exchange in exchanges:
            self._by_key[_key(exchange)].append(exchange)

    def take(self, request: RecordedExchange) -> RecordedExchange | None:
        """Return the recording for a request; ``None`` if there is none, or none left."""
        key = _key(remove_secrets(request))
        answers = self._by_key.get(key, [])
        used = self._used[key]
        if used >= len(answers) and not (self._repeat and answers):
            return None
        self._used[key] += 1
        return answers[min(used, len(answers) - 1)]

    def unused(self) -> list[RecordedExchange]:
        """Return the recordings that have answered no request."""
        return [exchange for key, answers in self._by_key.items() for exchange in answers[self._used[key] :]]

    def explain(self, request: RecordedExchange) -> str:
        """Return the differences between a request and the most similar recording."""
        request = remove_secrets(request)
        asked = f"no recording answers {request.method} {request.target}"
        if not self._exchanges:
            return f"{asked}: there are no recordings"
        recorded = len(self._by_key.get(_key(request), []))
        if recorded:
            times = "once" if recorded == 1 else f"{recorded} times"
            return f"{asked} again: it was recorded {times}"
        found = [(_differences(exchange, request), exchange) for exchange in self._exchanges]
        differences, nearest = min(found, key=lambda pair: _distance(pair[0]))
        shown = "; ".join(differences[:_SHOWN_DIFFERENCES])
        more = len(differences) - _SHOWN_DIFFERENCES
        rest = f"; and {more} more" if more > 0 else ""
        return f"{asked}. Nearest is {nearest.name}: {shown}{rest}"


def _distance(differences: Sequence[str]) -> tuple[int, int]:
    """Order by whether path and method differ, then by the number of differences."""
    heads = sum(text.startswith(("method is", "path is")) for text in differences)
    return heads, len(differences)


def _key(exchange: RecordedExchange) -> _Key:
    query = json.dumps(sorted(parse_qsl(exchange.query, keep_blank_values=True)))
    return exchange.method, exchange.path, query, json.dumps(_canonical(exchange), sort_keys=True)


def _canonical(exchange: RecordedExchange) -> Any:
    """Return the body in a form that is the same for equivalent bodies."""
    body, content_type = exchange.request_body, exchange.request_header("content-type")
    boundary = _BOUNDARY.search(content_type) if content_type.lower().startswith("multipart/") else None
    if boundary:
        return body.replace(boundary[1].encode(), b"boundary").decode("latin-1")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "backslashreplace")


def _differences(recorded: RecordedExchange, request: RecordedExchange) -> list[str]:
    found: list[str] = []
    if recorded.method != request.method:
        found.append(f"method is {request.method}, recorded {recorded.method}")
    if recorded.path != request.path:
        found.append(f"path is {request.path}, recorded {recorded.path}")
    old, new = (dict(parse_qsl(item.query, keep_blank_values=True)) for item in (recorded, request))
    found += _compare(old, new, "query")
    return found + list(_compare(_canonical(recorded), _canonical(request), "body"))


def _compare(recorded: Any, actual: Any, where: str) -> Iterator[str]:
    """Return a sentence for each place at which two JSON values differ."""
    if is_object(recorded) and is_object(actual):
        for name in dict.fromkeys([*recorded, *actual]):
            yield from _compare(recorded.get(name, _ABSENT), actual.get(name, _ABSENT), f"{where}.{name}")
    elif is_list(recorded) and is_list(actual):
        for index in range(max(len(recorded), len(actual))):
            yield from _compare(_at(recorded, index), _at(actual, index), f"{where}[{index}]")
    elif recorded is _ABSENT or actual is _ABSENT or json.dumps(recorded) != json.dumps(actual):
        yield f"{where} is {_shown(actual, recorded)}, recorded {_shown(recorded, actual)}"


def _at(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else _ABSENT


def _shown(value: Any, other: Any) -> str:
    """Return a value as JSON; of a long text, the part that begins shortly before it differs from the other."""
    if value is _ABSENT:
        return "absent"
    if isinstance(value, str) and isinstance(other, str) and len(value) > _SHOWN_LENGTH:
        same = _common(value, other)
        start = max(same - _SHOWN_LENGTH // 3, 0)
        value = f"{'…' * bool(start)}{value[start:]}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}…"


def _common(one: str, other: str) -> int:
    """Return how many letters two texts have in common at their beginning."""
    pairs: Iterable[tuple[str, str]] = zip(one, other, strict=False)
    return next((index for index, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))
