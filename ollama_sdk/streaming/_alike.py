"""Adds up items of one read that differ only in a growing text, as nearly all items of a stream do.

Theory
------

Every item must be added up, because a caller may ask for the whole reply afterwards; so this must cost almost nothing per item. Of the
items of a read, the last one serves as *sample*. The others are alike if

- they have the same fields as the sample, and so have the objects on the way to the growing text;
- each *constant* has the same value: every other field of these objects, and of the item itself each field that is empty, that may
  end the stream, or that the document does not know;
- no field but those on the way holds objects or lists, whose parts might grow too.

The other fields of an item, such as its time, are *free*: the value of the sample replaces those before it. So the sample with the
joined text adds up to the same as all these items. None of them holds an object or a list that may have long integers, but for a
free one of another type than the document says: metadata that nothing reads.

*Why compiled.* The comparison is one expression over all items. It is made for the form of the sample: how deep the text is, and how
many constants there are. It takes half as long as a loop that works for every form. Names and values are not part of its source,
so nothing that a server sends is compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any

__all__ = ["Alike"]

JSONObject = dict[str, Any]

_MOST_FIELDS, _DEEPEST = 32, 8  # of an object, and of a text; a hostile server's may have more than Python compiles
_SINGLE = {bool, type(None)}  # of values that are compared by identity, which is faster


class Alike:
    """Adds up items that are alike; for use by one thread at a time.

    Args:
        rules: The rules by which items are merged, as for :class:`MergeAccumulator`.
        constant: The fields of an item that may end or fail the stream.
        known: The fields that the document gives an item.
    """

    __slots__ = ("_free", "_names", "_path", "_replaced", "_rules", "_texts")

    def __init__(self, rules: Mapping[str, str], constant: Collection[str], known: Collection[str]) -> None:
        self._rules = rules
        self._replaced = {*known} - {*constant}
        self._names: set[str] = set()  # the fields of the sample
        self._free: list[str] = []
        # To the text: the names of fields, and whether there is a list of one object.
        self._path: list[tuple[str, bool]] = []
        self._texts: Callable[[Sequence[JSONObject]], list[str]]  # the texts of the items that are like the sample

    def added_up(self, items: Sequence[JSONObject]) -> tuple[JSONObject, str] | None:
        """Add up items that are alike.

        Args:
            items: Consecutive items, as decoded JSON, of which the last one neither ends nor fails the stream.

        Returns:
            One item that adds up to the same as all these, and its text; ``None`` if they are not alike.
        """
        sample = items[-1]
        try:
            if sample.keys() != self._names:
                self._learn(sample)
            if set().union(*items) == self._names and all(_is_text(sample[name]) for name in self._free):
                texts = self._texts(items)
                if len(texts) == len(items):
                    text = "".join(texts)
                    return self._with_text(sample, text), text
        except (AttributeError, KeyError, TypeError, ValueError):  # a value is missing, or of another type
            pass
        self._names = set()  # learn from another sample
        return None

    def _learn(self, sample: JSONObject) -> None:
        """Take an item as the sample.

        Raises:
            ValueError: Items like this one cannot be added up.
        """
        self._free, self._path = [], []
        known: dict[str, Any] = {}  # names and values of the sample, by their names in the expression
        clauses, place, level = "", "", sample
        while True:
            depth = len(self._path)
            name, constants = self._divide(level, place)
            conditions = [f"len(v{depth}) == {len(level)}"] if depth else []
            for number, each in enumerate(constants):
                known |= {f"n{depth}_{number}": each, f"c{depth}_{number}": level[each]}
                same = f"is {level[each]}" if level[each].__class__ in _SINGLE else f"== c{depth}_{number}"
                conditions.append(f"v{depth}[n{depth}_{number}] {same}")
            if conditions:
                clauses += f" if {' and '.join(conditions)}"
            inner = level[name]
            is_list = inner.__class__ is list
            self._path.append((name, is_list))
            known[f"n{depth}"] = name
            if inner.__class__ is str:
                break
            clauses += f" for v{depth + 1}{',' * is_list} in (v{depth}[n{depth}],)"
            place += f"{name}{'[]' * is_list}."
            level = inner[0] if is_list else inner
        source = f"lambda items: [v{depth}[n{depth}] for {', '.join(known)}, in known for v0 in items{clauses}]"
        self._texts = eval(_compiled(source), {"known": [tuple(known.values())]})  # noqa: S307 - see above
        self._names = set(sample)

    def _divide(self, level: JSONObject, place: str) -> tuple[str, list[str]]:
        """Divide the fields of an object into the one on the way to the text, the constants, and the free ones of an item.

        Raises:
            ValueError: There is no such way, or more than one.
        """
        ways: list[tuple[str, str]] = []
        constants: list[str] = []
        for name, value in level.items():
            rule = self._rules.get(f"{place}{name}", "")
            if value and (value.__class__ in {dict, list, float} or rule == "concat"):
                ways.append((name, rule))
            elif place or rule or name not in self._replaced or not _is_text(value):
                constants.append(name)
            else:
                self._free.append(name)
        ((name, rule),) = ways
        value, target = level[name], rule.removeprefix("into:")
        is_way: dict[type, bool] = {
            str: rule == "concat",
            dict: not rule or (target != rule and target not in level),
            list: rule == "by-index",
        }
        if not is_way.get(value.__class__) or len(level) > _MOST_FIELDS or len(self._path) > _DEEPEST:
            raise ValueError
        return name, constants

    def _with_text(self, sample: JSONObject, text: str) -> JSONObject:
        """The sample with another text; its parts are not changed, because callers have them."""
        whole = level = sample.copy()
        *way, (last, _) = self._path
        for name, is_list in way:
            inner = (level[name][0] if is_list else level[name]).copy()
            level[name] = [inner] if is_list else inner
            level = inner
        level[last] = text
        return whole


def _is_text(value: Any) -> bool:
    """Whether a value is a text that replaces the one before it; an empty one does not."""
    return value.__class__ is str and value != ""


@lru_cache(64)
def _compiled(source: str) -> CodeType:
    return compile(source, "<items that are alike>", "eval")
