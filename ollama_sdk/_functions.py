"""Describes Python functions as tools, and converts the arguments of calls to the functions' annotations.

Each type maps to a JSON schema and to a way to read JSON. Both are in this module, so that the function gets what the schema
promises: for ``list[Colour]`` the model writes an array of the enumeration's values, and the function gets a list of its members.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import types
from collections import abc
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from functools import reduce
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import attrs

from .errors import ConfigurationError

__all__ = ["Function", "describe"]

Schema = dict[str, Any]

_SCALARS: dict[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
_TIMES: dict[Any, str] = {datetime: "date-time", date: "date", time: "time"}
_LISTS: dict[Any, type] = {
    list: list,
    abc.Sequence: list,
    abc.Iterable: list,
    abc.Collection: list,
    abc.MutableSequence: list,
    set: set,
    abc.Set: set,
    frozenset: frozenset,
}
_OBJECTS = (dict, abc.Mapping, abc.MutableMapping)
_UNIONS = (Union, types.UnionType)
_VARIADIC = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
_MISSING: Any = inspect.Parameter.empty
_HEADING = re.compile(r"^(args|arguments|returns|yields|raises):$", re.IGNORECASE | re.MULTILINE)
_NO_PARAMETERS = re.compile(r"^(args|arguments):\n +none\.?\n?", re.IGNORECASE | re.MULTILINE)


class ArgumentMismatchError(Exception):
    """The arguments do not fit; internal to this package."""


class _UnknownTypeError(Exception):
    """An annotation has no counterpart in JSON."""


class Function:
    """A function as a tool.

    Args:
        function: A function or method with annotated parameters.

    Attributes:
        name: The name of the function.
        description: The description in its docstring; ``None`` without one.
        schema: The JSON schema of its arguments, an object.

    Raises:
        ConfigurationError: It cannot be described; the message names the parameter.
    """

    def __init__(self, function: Any) -> None:
        if isinstance(function, type) or not callable(function):
            kind = "a class" if isinstance(function, type) else f"of type {type(function).__name__}"
            raise ConfigurationError(f"the tool {function!r} is {kind}; give a function, a dict or a Tool")
        self.call: Callable[..., Any] = function
        self.name: str = getattr(function, "__name__", "")
        if not self.name.isidentifier():
            what = "a lambda" if self.name == "<lambda>" else f"of type {type(function).__name__}"
            raise ConfigurationError(f"the tool {function!r} is {what}, which has no name; give a function made by def")
        self._definitions: dict[str, Schema] = {}
        self.description, documented = _docstring(function)
        self._parameters = dict(self._read_signature())
        properties: dict[str, Schema] = {}
        for name, (annotation, default) in self._parameters.items():
            try:
                schema = self._schema(_without_none(annotation) if default is None else annotation)
            except _UnknownTypeError as exc:
                raise ConfigurationError(
                    f"the tool {self.name}: its parameter {name!r} is annotated {_text_of(annotation)}, but {exc}"
                ) from None
            if name in documented:
                schema.setdefault("description", documented[name])
            if default is not _MISSING and default is not None and type(default) in {str, int, float, bool}:
                schema.setdefault("default", default)
            properties[name] = schema
        required = [name for name, (_, default) in self._parameters.items() if default is _MISSING]
        self.schema: Schema = {"type": "object", "properties": properties, "required": required}
        if self._definitions:
            self.schema["$defs"] = self._definitions

    def arguments(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Convert the arguments of a call to the function's annotations.

        Raises:
            ArgumentMismatchError: They do not fit. The message says where, and what to give.
        """
        unknown = [name for name in data if name not in self._parameters]
        if unknown:
            raise ArgumentMismatchError(
                f"there is no parameter {unknown[0]!r}; there are {', '.join(self._parameters) or 'none'}"
            )
        values: dict[str, Any] = {}
        for name, (annotation, default) in self._parameters.items():
            if name in data:
                values[name] = _read(annotation, data[name], name)
            elif default is _MISSING:
                raise ArgumentMismatchError(f"{name} is missing")
        return values

    # The signature

    def _read_signature(self) -> Iterator[tuple[str, tuple[Any, Any]]]:
        """The annotation and the default of each parameter."""
        try:
            parameters = inspect.signature(self.call).parameters.values()
            hints = _hints(self.call)
        except (TypeError, ValueError, NameError) as exc:
            raise ConfigurationError(f"the tool {self.name}: its signature cannot be read: {exc}") from exc
        for parameter in parameters:
            name = parameter.name
            if parameter.kind in _VARIADIC:
                stars = _VARIADIC[parameter.kind]
                raise ConfigurationError(
                    f"the tool {self.name} takes {stars}{name}, which a model cannot fill; name each parameter"
                )
            if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
                raise ConfigurationError(
                    f"the tool {self.name}: its parameter {name!r} is positional only, but a model names its arguments"
                )
            if name not in hints:
                raise ConfigurationError(
                    f"the tool {self.name}: its parameter {name!r} has no annotation; give one, such as {name}: str"
                )
            yield name, (hints[name], parameter.default)

    # Schemas

    def _schema(self, annotation: Any, within: tuple[Any, ...] = ()) -> Schema:
        kind, described = _plain(annotation)
        schema = self._schema_of(kind, within)
        return schema | {"description": described} if described else schema

    def _schema_of(self, kind: Any, within: tuple[Any, ...]) -> Schema:
        leaf = _leaf_schema(kind)
        if leaf is not None:
            return leaf
        origin, arguments = get_origin(kind) or kind, get_args(kind)
        if origin in _UNIONS:
            return _union([self._schema(each, within) for each in arguments])
        if origin in _LISTS:
            unique = {} if _LISTS[origin] is list else {"uniqueItems": True}
            return {"type": "array", "items": self._schema(arguments[0], within) if arguments else {}, **unique}
        if origin is tuple:
            return self._tuple(arguments, within)
        if origin in _OBJECTS:
            if arguments and arguments[0] is not str:
                raise _UnknownTypeError("the keys of a JSON object are strings")
            return {"type": "object", "additionalProperties": self._schema(arguments[1], within) if arguments else {}}
        return self._pydantic(kind) if hasattr(kind, "model_json_schema") else self._data_class(kind, within)

    def _data_class(self, kind: Any, within: tuple[Any, ...]) -> Schema:
        if kind in within:
            raise _UnknownTypeError(f"{_text_of(kind)} contains itself; describe such a tool by a dict")
        fields = _fields(kind)
        if fields is None:
            raise _UnknownTypeError(
                "JSON has no such type; use str, int, float, bool, list, dict, a dataclass or the like"
            )
        inside = (*within, kind)
        schema: Schema = {
            "type": "object",
            "properties": {name: self._schema(hint, inside) for name, (hint, _) in fields.items()},
            "required": [name for name, (_, required) in fields.items() if required],
        }
        text = " ".join(inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].split())
        is_written_by_hand = text and not text.startswith(
            f"{kind.__name__}("
        )  # a dataclass without a docstring has its signature there
        return schema | {"description": text} if is_written_by_hand else schema

    def _tuple(self, arguments: tuple[Any, ...], within: tuple[Any, ...]) -> Schema:
        if not arguments or arguments[-1] is ...:
            return {"type": "array", "items": self._schema(arguments[0], within) if arguments else {}}
        items = [self._schema(each, within) for each in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}

    def _pydantic(self, kind: Any) -> Schema:
        schema: Schema = kind.model_json_schema()
        self._definitions |= schema.pop("$defs", {})
        schema.pop("title", None)
        return schema


def describe(template: Any, function: Any) -> Any:
    """Describe a function by a template of the document.

    Args:
        template: JSON with the placeholders ``$name``, ``$description`` and ``$parameters``.
        function: The function.

    Raises:
        ConfigurationError: The function cannot be described.
    """
    described = Function(function)
    parts = {"$name": described.name, "$description": described.description, "$parameters": described.schema}
    return _filled(template, parts)


def _filled(template: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(template, str):
        return parts.get(template, template)
    filled = {name: _filled(part, parts) for name, part in template.items()}
    return {name: part for name, part in filled.items() if part is not None}


def _leaf_schema(kind: Any) -> Schema | None:
    """The schema of a type without inner types; ``None`` for any other type."""
    if kind is Any or kind is object:
        return {}
    if kind in _SCALARS or kind is None:
        return {"type": _SCALARS.get(kind, "null")}
    if kind in _TIMES:
        return {"type": "string", "format": _TIMES[kind]}
    if get_origin(kind) is Literal:
        return _enumeration(list(get_args(kind)))
    return _enumeration([member.value for member in kind]) if _is_enumeration(kind) else None


def _is_enumeration(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, enum.Enum)


def _enumeration(values: list[Any]) -> Schema:
    kinds = list(dict.fromkeys(_SCALARS.get(type(value), "") for value in values))
    if "" in kinds:
        raise _UnknownTypeError("JSON has only texts, numbers, true, false and null for its values")
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": values}


def _union(members: list[Schema]) -> Schema:
    if all(set(member) == {"type"} for member in members):
        kinds = [
            kind
            for member in members
            for kind in ([member["type"]] if isinstance(member["type"], str) else member["type"])
        ]
        return {"type": list(dict.fromkeys(kinds))}
    return {"anyOf": members}


# Annotations


def _hints(thing: Any) -> dict[str, Any]:
    """The annotations, including ``Annotated``."""
    target = thing if isinstance(thing, (type, types.FunctionType, types.MethodType)) else type(thing).__call__
    return get_type_hints(inspect.unwrap(target), include_extras=True)


def _plain(annotation: Any) -> tuple[Any, str | None]:
    """A type without its wrappers (``Annotated``, ``Required``, aliases), and its description in ``Annotated``."""
    described: str | None = None
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *notes = get_args(annotation)
            described = described or next(filter(None, map(_note, notes)), None)
        elif origin in {Required, NotRequired}:
            [annotation] = get_args(annotation)
        elif hasattr(annotation, "__supertype__"):  # NewType
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            return annotation, described


def _note(note: Any) -> str | None:
    """The description in an argument of ``Annotated``: a text, ``Field(description=...)`` or ``Doc(...)``."""
    text = note if isinstance(note, str) else getattr(note, "description", None) or getattr(note, "documentation", None)
    return text if isinstance(text, str) else None


def _without_none(annotation: Any) -> Any:
    """A type without ``None``, which for a parameter with the default ``None`` only means that it may be left out."""
    kind, described = _plain(annotation)
    if get_origin(kind) not in _UNIONS:
        return annotation
    rest: Any = reduce(lambda one, other: one | other, (each for each in get_args(kind) if each is not type(None)))
    return Annotated[rest, described] if described else rest


def _fields(kind: Any) -> dict[str, tuple[Any, bool]] | None:
    """The type of each field of a data class and whether it is required; ``None`` for any other class."""
    if is_typeddict(kind):
        return {name: (hint, _is_required(hint, name in kind.__required_keys__)) for name, hint in _hints(kind).items()}
    if dataclasses.is_dataclass(kind):
        hints, nothing = _hints(kind), dataclasses.MISSING
        of_class = [f for f in dataclasses.fields(kind) if f.init]
        return {f.name: (hints[f.name], f.default is nothing and f.default_factory is nothing) for f in of_class}
    if isinstance(kind, type) and attrs.has(kind):
        hints = _hints(kind)
        return {f.alias: (hints[f.name], f.default is attrs.NOTHING) for f in attrs.fields(kind) if f.init}
    return None


def _is_required(hint: Any, otherwise: bool) -> bool:
    """Whether a key of a TypedDict is required; ``__required_keys__`` is wrong if annotations are strings."""
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return otherwise if get_origin(hint) not in {Required, NotRequired} else get_origin(hint) is Required


def _text_of(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


# Values


def _read(annotation: Any, data: Any, where: str) -> Any:
    """Convert JSON to the type of an annotation.

    Raises:
        ArgumentMismatchError: It does not fit.
    """
    kind, _ = _plain(annotation)
    if _leaf_schema(kind) is not None:
        return _read_leaf(kind, data, where)
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if origin in _UNIONS:
        return _read_union(arguments, data, where)
    if origin in _LISTS:
        item = arguments[0] if arguments else Any
        return _LISTS[origin](_read(item, part, f"{where}[{i}]") for i, part in enumerate(_list(data, where)))
    if origin is tuple:
        return _read_tuple(arguments, _list(data, where), where)
    if origin in _OBJECTS:
        item = arguments[1] if arguments else Any
        return {name: _read(item, part, f"{where}.{name}") for name, part in _object(data, where).items()}
    if hasattr(kind, "model_validate"):
        return _read_pydantic(kind, data, where)
    return _read_fields(kind, _object(data, where), where)


def _read_leaf(kind: Any, data: Any, where: str) -> Any:
    if kind is Any or kind is object:
        return data
    if kind in _TIMES:
        return _read_time(kind, data, where)
    if get_origin(kind) is Literal:
        return _read_member({value: value for value in get_args(kind)}, data, where)
    if _is_enumeration(kind):
        return _read_member({member.value: member for member in kind}, data, where)
    return _read_scalar(type(None) if kind is None else kind, data, where)


def _read_scalar(kind: Any, data: Any, where: str) -> Any:
    cls = data.__class__
    if cls is kind:
        return data
    if kind is float and cls is int:
        return float(data)
    if kind is int and cls is float and data.is_integer():  # models may write 3.0 for 3
        return int(data)
    raise ArgumentMismatchError(f"{where} is {data!r}; give {_SCALARS[kind]}")


def _read_time(kind: Any, data: Any, where: str) -> Any:
    try:
        return kind.fromisoformat(data)
    except (TypeError, ValueError):
        raise ArgumentMismatchError(f"{where} is {data!r}; give a {_TIMES[kind]} in ISO 8601 format") from None


def _read_member(members: Mapping[Any, Any], data: Any, where: str) -> Any:
    for value, member in members.items():
        if value == data and value.__class__ is data.__class__:
            return member
    raise ArgumentMismatchError(f"{where} is {data!r}; give {' or '.join(map(repr, members))}")


def _read_union(members: tuple[Any, ...], data: Any, where: str) -> Any:
    problems: list[str] = []
    for member in members:
        if member is float and int in members and data.__class__ is int:
            continue
        try:
            return _read(member, data, where)
        except ArgumentMismatchError as exc:
            problems.append(str(exc))
    raise ArgumentMismatchError(", or ".join(dict.fromkeys(problems)))


def _read_tuple(kinds: tuple[Any, ...], data: list[Any], where: str) -> tuple[Any, ...]:
    if not kinds or kinds[-1] is ...:
        kinds = (kinds[0] if kinds else Any,) * len(data)
    if len(kinds) != len(data):
        raise ArgumentMismatchError(f"{where} has {len(data)} items; give {len(kinds)}")
    return tuple(_read(kind, part, f"{where}[{i}]") for i, (kind, part) in enumerate(zip(kinds, data, strict=True)))


def _read_pydantic(kind: Any, data: Any, where: str) -> Any:
    try:
        return kind.model_validate(data)
    except ValueError as exc:
        errors: Any = getattr(exc, "errors", list[Any])()
        problems = [f"{'.'.join(map(str, (where, *each['loc'])))}: {each['msg']}" for each in errors]
        raise ArgumentMismatchError("; ".join(problems) or f"{where}: {exc}") from None


def _read_fields(kind: Any, data: Mapping[str, Any], where: str) -> Any:
    fields = _fields(kind) or {}
    for name, (_, required) in fields.items():
        if required and name not in data:
            raise ArgumentMismatchError(f"{where}.{name} is missing")
    for name in data:
        if name not in fields:
            raise ArgumentMismatchError(f"{where} has no field {name!r}; there are {', '.join(fields)}")
    values = {name: _read(fields[name][0], part, f"{where}.{name}") for name, part in data.items()}
    try:
        return kind(**values)
    except (TypeError, ValueError) as exc:
        raise ArgumentMismatchError(f"{where}: {exc}") from exc


def _list(data: Any, where: str) -> list[Any]:
    if data.__class__ is list:
        return data
    raise ArgumentMismatchError(f"{where} is {data!r}; give a list")


def _object(data: Any, where: str) -> dict[str, Any]:
    if data.__class__ is dict:
        return data
    raise ArgumentMismatchError(f"{where} is {data!r}; give an object")


# Docstrings


def _docstring(function: Any) -> tuple[str | None, dict[str, str]]:
    """The descriptions of the function and of its parameters in a docstring of Google's, NumPy's or Sphinx's style."""
    text = inspect.getdoc(function)
    if not text:
        return None, {}
    import docstring_parser  # imported only for tools

    # The parser finds Google's headings only with a capital letter, and reads any line below them as a parameter.
    text = _HEADING.sub(lambda heading: heading[0].capitalize(), _NO_PARAMETERS.sub("", text))
    parsed = docstring_parser.parse(text)
    description = "\n\n".join(filter(None, (parsed.short_description, parsed.long_description)))
    parameters = {p.arg_name: " ".join(p.description.split()) for p in parsed.params if p.description}
    return description or None, parameters
