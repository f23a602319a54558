"""Refuses arguments that do not fit the document; the error names the path and what to give instead.

The check runs on encoded data, which is plain JSON: it compares the class of each value with the classes that the annotation
allows. Only a refusal walks the data a second time, together with the caller's argument, to name the first value that does not
fit. The server judges what the document leaves open: unknown fields, unknown enumeration values and unknown union tags.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, get_args, get_origin

import attr

from ollama_sdk._json import is_list, is_object
from ollama_sdk.errors import ConfigurationError

from .model import Model, document_fields, misfits_of, wire_name
from .resolve import is_model, mark_of, union_members
from .unions import choice_of, json_classes

if TYPE_CHECKING:
    from .resolve import Resolver
    from .unions import Choice

__all__ = ["ArgumentChecks", "describe_kind", "with_article"]

Check = Callable[[Any], bool]

_ARRAYS = (list, Sequence)
_OBJECTS = (dict, Mapping)
_BASE64 = r"[A-Za-z0-9+/=\r\n]*"  # it may hold line breaks
_LONGEST_PATH = 4096  # a longer text is not a path, and checking all of it would take too long
_HINT_DEPTH = 3


class ArgumentChecks:
    """Checks arguments by annotation; each annotation is compiled once, at its first value.

    Args:
        resolver: Resolves annotations.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._checks: dict[Any, Check | None] = {}
        self._models: dict[Any, tuple[type[Model], ...]] = {}  # by annotation: the models it takes, alone or in a list

    def check(self, annotation: Any, data: Any, given: Any, where: str) -> None:
        """Check one argument.

        Args:
            annotation: Its type in the document.
            data: The encoded argument.
            given: The argument as the caller gave it.
            where: The name of the argument.

        Raises:
            ConfigurationError: The argument does not fit.
        """
        kind = self._resolver.resolve(annotation)
        self._check_models(kind, given, where)
        check = self._check_of(kind)
        if check is None or check(data):
            return
        data = _without_misfits(data, given)
        if not check(data):
            self._refuse(kind, data, given, where)
            _refuse_kind(kind, given, where)

    # Models of another class

    def _check_models(self, kind: Any, given: Any, where: str) -> None:
        """Refuse a model of the wrong class, such as a whole reply in place of its message."""
        if isinstance(given, Model):
            self._check_model(kind, given, where)
        elif given.__class__ is list or given.__class__ is tuple:
            items: Sequence[Any] = given
            for i, item in enumerate(items):
                if isinstance(item, Model):
                    self._check_model(kind, item, f"{where}[{i}]")

    def _check_model(self, kind: Any, given: Model, where: str) -> None:
        wanted = self._models.get(kind)
        if wanted is None:
            wanted = self._models[kind] = tuple(_models_in(kind))
        if not wanted or isinstance(given, wanted):
            return
        known = {wire_name(field) for model in wanted for field in document_fields(model)}
        fields = (field for field in document_fields(type(given)) if getattr(given, field.name) is not None)
        if any(wire_name(field) not in known for field in fields):
            path = self._path_to(wanted, type(given), _HINT_DEPTH)
            part = f"the items of its {path.removesuffix('[0]')}" if path.endswith("[0]") else f"its {path}"
            _refuse_kind(kind, given, where, part if path else _describe_model(wanted[0]))

    def _path_to(self, wanted: tuple[type[Model], ...], model: type[Model], depth: int) -> str:
        """The path inside ``model`` to a value of a wanted class; ``""`` if it has none."""
        inner: list[tuple[str, type[Model]]] = []
        for field in document_fields(model):
            for member in union_members(self._resolver.field_type(field)):
                item = get_args(member)[0] if get_origin(member) in _ARRAYS else member
                for each in union_members(item):
                    if not is_model(each):
                        continue
                    path = f".{field.name}" + ("" if item is member else "[0]")
                    if each in wanted:
                        return path
                    inner.append((path, each))
        if depth > 1:
            for path, each in inner:
                if rest := self._path_to(wanted, each, depth - 1):
                    return path + rest
        return ""

    # The fast check

    def _check_of(self, kind: Any) -> Check | None:
        """The check of a type; ``None`` if any value fits."""
        try:
            return self._checks[kind]
        except KeyError:
            check = self._checks[kind] = self._compile(union_members(kind))
            return check

    def _compile(self, members: Sequence[Any]) -> Check | None:
        if Any in members:
            return None
        scalars = {cls for member in members for cls in _scalar_classes(member)}
        is_base64 = any(get_origin(member) is Annotated and mark_of(member) == "base64" for member in members)
        array = next((member for member in members if get_origin(member) in _ARRAYS), None)
        item = None if array is None else self._check_of(get_args(array)[0])
        takes_object = any(get_origin(member) in _OBJECTS or _is_schema(member) for member in members)
        choice = choice_of(self._resolver, members)
        model = None if choice is None else self._object_check(choice)
        subclasses = tuple(scalars)

        def fits(data: Any) -> bool:
            cls = data.__class__
            if cls is str and is_base64:
                return not _problem_of_base64(data)
            if cls in scalars:
                return True
            if cls is dict:
                return takes_object if model is None else model(data)
            if cls is list or cls is tuple:  # plain data is shared with the caller, who may give either
                return array is not None and (item is None or all(map(item, data)))
            return cls is not bool and isinstance(data, subclasses)

        return fits

    def _object_check(self, choice: Choice) -> Check:
        if choice.other is not None and not choice.models:
            return self._model_check(choice.other)

        def fits(data: Any) -> bool:
            model = choice.model_for(data)
            if model is None:
                return choice.tag in data
            check = self._check_of(model)  # at its first value, because compiling imports models
            return check is None or check(data)

        return fits

    def _model_check(self, model: type[Model]) -> Check:
        required = frozenset(_required(model))
        kinds = {wire_name(field): field for field in document_fields(model)}
        checks: dict[str, Check | None] = {}

        def fits(data: Any) -> bool:
            for name in required:
                if data.get(name) is None:
                    return False
            for name, value in data.items():
                if value is None:
                    continue
                try:
                    check = checks[name]
                except KeyError:
                    field = kinds.get(name)
                    check = None if field is None else self._check_of(self._resolver.field_type(field))
                    checks[name] = check
                if check is not None and not check(value):
                    return False
            return True

        return fits

    # The slow walk

    def _refuse(self, kind: Any, data: Any, given: Any, where: str) -> None:
        """Refuse the first part of a value that does not fit; return if no part of it can be named."""
        members = union_members(kind)
        choice = choice_of(self._resolver, members)
        if data.__class__ is dict and choice is not None:
            model = choice.model_for(data)
            if model is None:
                first = next(iter(choice.models.values()))
                raise ConfigurationError(f"{where} has no {choice.tag!r}; give {_describe_model(first)}")
            self._refuse_field(model, data, given, where)
        array = next((member for member in members if get_origin(member) in _ARRAYS), None)
        if data.__class__ in {list, tuple} and array is not None:
            item = get_args(array)[0]
            for i, part in enumerate(data):
                self._refuse_part(item, part, _item(given, i), f"{where}[{i}]")

    def _refuse_field(self, model: type[Model], data: dict[str, Any], given: Any, where: str) -> None:
        for name in _required(model):
            if data.get(name) is None:
                raise ConfigurationError(f"{where} has no {name!r}; give {_describe_model(model)} with one")
        for field in document_fields(model):
            name = wire_name(field)
            if data.get(name) is not None:
                part = getattr(given, field.name, None) if isinstance(given, Model) else _item(given, name)
                self._refuse_part(self._resolver.field_type(field), data[name], part, f"{where}.{name}")

    def _refuse_part(self, kind: Any, data: Any, given: Any, where: str) -> None:
        check = self._check_of(kind)
        if check is not None and not check(data):
            given = data if given is None else given
            self._refuse(kind, data, given, where)
            _refuse_kind(kind, given, where)


def _without_misfits(data: Any, given: Any) -> Any:
    """The data without what a server sent with another type than the document's, and is sent back unchanged."""
    if is_object(data):
        misfits = misfits_of(given) if isinstance(given, Model) else []
        return {name: _without_misfits(part, _item(given, name)) for name, part in data.items() if name not in misfits}
    return [_without_misfits(part, _item(given, i)) for i, part in enumerate(data)] if is_list(data) else data


def _required(model: type[Model]) -> list[str]:
    return [wire_name(field) for field in document_fields(model) if field.default is attr.NOTHING]


def _scalar_classes(kind: Any) -> tuple[type, ...]:
    """The classes of JSON scalars that a type is sent as; an integer field takes any number."""
    if is_model(kind) or get_origin(kind) in (*_ARRAYS, *_OBJECTS):
        return ()
    classes = json_classes(kind)
    return (int, float) if kind is int else tuple(cls for cls in classes if cls not in {list, dict})


def _is_schema(kind: Any) -> bool:
    return get_origin(kind) is Annotated and mark_of(kind) == "json-schema"


def _models_in(kind: Any) -> list[type[Model]]:
    """The models of a type and of its list items."""
    found: list[type[Model]] = []
    for member in union_members(kind):
        if is_model(member):
            found.append(member)
        elif get_origin(member) in _ARRAYS:
            found += _models_in(get_args(member)[0])
    return found


def _item(given: Any, index: int | str) -> Any:
    """One part of the caller's argument; ``None`` if it is gone, as in a generator that was read."""
    try:
        return given[index]
    except (TypeError, LookupError):
        return None


def _problem_of_base64(text: str) -> str:
    """Why a text is not base64, as a clause that says what to give; ``""`` if it may be base64."""
    if len(text) > _LONGEST_PATH:
        text = text[:_LONGEST_PATH]
    if re.fullmatch(_BASE64, text) and (len(text) == _LONGEST_PATH or len("".join(text.split())) % 4 == 0):
        return ""
    if text.startswith("data:"):
        return "is a data URL; give only the base64 text after its comma"
    if text.startswith(("http://", "https://")):
        return "is a URL; download it and give its bytes"
    if "." in text.replace("\\", "/").rpartition("/")[2]:
        return f"looks like a path; give pathlib.Path({text[:80]!r})"
    return "is not base64; give bytes, a pathlib.Path or base64 text"


# Words


def _refuse_kind(kind: Any, given: Any, where: str, instead: str = "") -> NoReturn:
    """Refuse one value; the error says what to give.

    Raises:
        ConfigurationError: Always.
    """
    marks = {mark_of(member) for member in union_members(kind) if get_origin(member) is Annotated}
    if "base64" in marks and isinstance(given, str):
        raise ConfigurationError(f"{where} {_problem_of_base64(given)}")
    instead = instead or describe_kind(kind, where)
    raise ConfigurationError(f"{where} is {with_article(given)}; give {instead}{_habit(given, where)}")


def _habit(given: Any, where: str) -> str:
    """A hint for callers who are used to the content parts of OpenAI's interface, which native messages do not have."""
    if not where.endswith(".content") or given.__class__ is not list:
        return ""
    parts: list[Any] = given
    if parts and parts[0].__class__ is dict and "type" in parts[0]:
        return " (content parts are for the /v1 methods; here images= takes pictures)"
    return ""


def with_article(value: Any) -> str:
    """The class of a value with its article, such as ``a str``."""
    name = type(value).__name__
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if value is None or isinstance(value, bytes):
        return "None" if value is None else "bytes"
    return f"{'an' if name[0] in 'aeiouAEIO' else 'a'} {name}"


def describe_kind(kind: Any, where: str = "") -> str:
    """Describe the values that a type takes, such as ``a list of messages``.

    Args:
        kind: The type.
        where: The path of the value, which names the items of a list.
    """
    members = union_members(kind)
    if any(get_origin(member) is Literal for member in members):
        members = tuple(member for member in members if member is not str)  # the known values say more than "a str"
    words = [_describe_model(member) for member in members if is_model(member)][:1]
    for member in members:
        if not is_model(member) and (word := _describe_member(member, where)) and word not in words:
            words.append(word)
    return " or ".join(words)


def _describe_model(model: type[Model]) -> str:
    return f"a dict or {'an' if model.__name__[0] in 'AEIO' else 'a'} {model.__name__}"


_WORDS: dict[Any, str] = {
    str: "a str", int: "an int", float: "a number", bool: "True or False", dict: "a dict", Mapping: "a dict",
    type(None): "None", "base64": "bytes, a pathlib.Path or base64 text", "json-schema": "a JSON schema",
}  # fmt: skip


def _describe_member(kind: Any, where: str) -> str:
    origin = get_origin(kind)
    if origin in _ARRAYS:
        item = get_args(kind)[0]
        name = where.rpartition(".")[2]
        plain = union_members(item) == (item,) and item in _WORDS
        if not plain and name.endswith("s"):
            return f"a list of {name}"
        if item is Any:
            return "a list"
        return f"a list of {item.__name__}" if plain else f"a list, each {describe_kind(item)}"
    if origin is Annotated:
        return _WORDS.get(mark_of(kind), "a list of numbers")
    if origin is Literal:
        values = [value for value in get_args(kind) if value != ""]
        return " or ".join(map(repr, values))
    return _WORDS.get(origin or kind, getattr(kind, "__name__", str(kind)))
