"""Reads the public interface from the result of openapi-python-client."""

from __future__ import annotations

import keyword
import textwrap
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve
from openapi_python_client.parser import properties as props
from openapi_python_client.parser.openapi import Endpoint, GeneratorData
from openapi_python_client.parser.properties.boolean import BooleanProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.date import DateProperty
from openapi_python_client.parser.properties.datetime import DateTimeProperty
from openapi_python_client.parser.properties.file import FileProperty
from openapi_python_client.parser.properties.float import FloatProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.parser.properties.uuid import UuidProperty
from openapi_python_client.strings import ClassName, PythonIdentifier

from .bridge import ITEM_STATUS, MARKERS, UNIONS, parse
from .checks import check
from .document import BODY_TYPES, STREAM_TYPES, Document, Pointer
from .interface import SHADOWING, Argument, Field, Interface, Method, Model, Stream, Union, discriminator
from .kinds import AnyKind, Kind, ListKind, LiteralKind, MapKind, ModelKind, Named, NoneKind, Scalar, UnionKind, flat
from .lifetimes import lifetime_of, lifetime_text

__all__ = ["interface_of"]

Property = Any  # openapi-python-client's own union of property classes


def interface_of(document: Document, parsed: GeneratorData | None = None) -> Interface:
    """The public interface of a document.

    Args:
        document: The document.
        parsed: The result of :func:`parse`, which is called if this is left out.

    Raises:
        DocumentError: A part of it cannot be expressed.
    """
    interface = _Reading(document, parsed or parse(document)).interface()
    check(document, interface)
    return interface


class _Reading:
    """One pass over a parsed document."""

    def __init__(self, document: Document, parsed: GeneratorData) -> None:
        self._document = document
        self._parsed = parsed
        self._by_name: dict[str, Any] = {str(m.class_info.name): m for m in parsed.models}
        self._schemas: dict[str, Any] = document.data.get("components", {}).get("schemas", {})
        self._component = {str(ClassName(name, "")): name for name in self._schemas}
        self._aliases: dict[tuple[Kind, ...], str] = {}
        self._unions = self._named_unions()

    def interface(self) -> Interface:
        methods = tuple(sorted(self._methods(), key=lambda method: method.path))
        given = self._reach(argument.kind for method in methods for argument in method.arguments)
        returned = self._reach(kind for method in methods for kind in method.results())
        every = given | returned
        models = (self._model(name) for name in sorted(every & self._by_name.keys()))
        unions = (union for union in self._unions if union.name in every)
        known = (evolve(m, given=m.name in given, returned=m.name in returned) for m in models)
        return Interface(
            str(self._document.data["info"]["version"]),
            _with_open_tags(tuple(known), [kind for method in methods for kind in method.results()]),
            tuple(evolve(u, given=u.name in given, returned=u.name in returned) for u in unions),
            methods,
        )

    # Types

    def _kind(self, prop: Property) -> Kind:
        if isinstance(prop, ListProperty):
            return ListKind(self._kind(prop.inner_property))
        if isinstance(prop, UnionProperty):
            members = tuple(dict.fromkeys(self._kind(inner) for inner in prop.inner_properties))
            members = tuple(sorted(members, key=lambda kind: isinstance(kind, NoneKind)))
            if AnyKind() in members:
                return AnyKind()
            return members[0] if len(members) == 1 else UnionKind(members, self._aliases.get(members))
        if isinstance(prop, props.LiteralEnumProperty):
            # openapi-python-client keeps the values of an enumeration as a set.
            return LiteralKind(tuple(sorted(prop.values, key=str)))
        if isinstance(prop, ConstProperty):
            return LiteralKind((prop.value.raw_value,))
        if isinstance(prop, props.ModelProperty):
            return self._object_kind(prop)
        return _SIMPLE[type(prop)]

    def _without_none(self, kind: Kind) -> tuple[Kind, bool]:
        """A type without its ``None``, and whether it had one."""
        if not isinstance(kind, UnionKind) or NoneKind() not in kind.members:
            return kind, isinstance(kind, NoneKind)
        rest = tuple(member for member in kind.members if not isinstance(member, NoneKind))
        return (rest[0] if len(rest) == 1 else UnionKind(rest, self._aliases.get(rest))), True

    def _object_kind(self, prop: Any) -> Kind:
        name = str(prop.class_info.name)
        if name in MARKERS.values():
            return Named(name)
        model = self._by_name.get(name, prop)
        if model.required_properties or model.optional_properties:
            component = self._schemas.get(self._component.get(name, ""), {})
            return ModelKind(name, from_function="x-from-function" in component)
        additional = model.additional_properties
        return MapKind(AnyKind() if additional is None else self._kind(additional))

    def _named_unions(self) -> tuple[Union, ...]:
        holder = self._by_name.pop(UNIONS, None)
        unions: list[Union] = []
        for prop in () if holder is None else holder.required_properties:
            kind = self._kind(prop)
            if not isinstance(kind, UnionKind):
                continue
            component = prop.name.get_untrusted_value()
            name = str(ClassName(component, ""))
            self._aliases[kind.members] = name
            doc = _text(self._schemas[component].get("description"))
            place = ("components", "schemas", component)
            unions.append(Union(name, str(PythonIdentifier(name, "")), doc, kind.members, place=place))
        return tuple(sorted(unions, key=lambda union: union.name))

    # Models

    def _reach(self, kinds: Iterable[Kind]) -> set[str]:
        """The names of the models and named unions inside some types."""
        found: set[str] = set()
        todo = [part for kind in kinds for part in kind.parts()]
        while todo:
            kind = todo.pop()
            if isinstance(kind, UnionKind) and kind.alias:
                found.add(kind.alias)
            if isinstance(kind, ModelKind) and kind.name not in found:
                found.add(kind.name)
                model = self._by_name[kind.name]
                for prop in (*model.required_properties, *model.optional_properties):
                    todo.extend(self._without_none(self._kind(prop))[0].parts())
        return found

    def _model(self, name: str) -> Model:
        prop = self._by_name[name]
        component = self._component[name]
        place: Pointer = ("components", "schemas", component)
        schema = self._schemas[component]
        fields = tuple(self._fields(prop, schema))
        required = tuple(f for f in fields if f.required)
        return Model(
            name,
            str(prop.class_info.module_name),
            " ".join(filter(None, (_text(schema.get("description")) or f"{name}.", lifetime_text(schema, {})))),
            required + tuple(f for f in fields if not f.required),
            schema.get("x-mixin"),
            schema.get("x-from-function"),
            schema.get("x-items"),
            place=place,
        )

    def _fields(self, prop: Any, schema: Mapping[str, Any]) -> Iterator[Field]:
        for wire, each in _in_order(prop, schema):
            kind, nullable = self._without_none(self._kind(each))
            node = schema.get("properties", {}).get(wire, {})
            default = node.get("default")
            # A nullable list may be required, because null is the empty list.
            required = each.required and default is None and (not nullable or isinstance(kind, ListKind))
            yield Field(
                _python_name(wire, each, taken=SHADOWING),
                wire,
                kind,
                required,
                default,
                self._description(schema, wire, each),
                node.get("x-absent"),
                not required and (each.required or "x-content" in node or "x-merge" in node),
                lifetime_of(node),
            )

    def _description(self, schema: Mapping[str, Any], wire: str, prop: Any) -> str:
        node = schema.get("properties", {}).get(wire, {})
        target = self._document.resolve(node)
        text = _text(node.get("description") or target.get("description"))
        text = text or (_text(prop.description.get_untrusted_value()) if prop.description else "")
        return " ".join(filter(None, (text, lifetime_text(node, target))))

    # Methods

    def _methods(self) -> Iterator[Method]:
        by_name = {
            str(endpoint.name): endpoint
            for collection in self._parsed.endpoint_collections_by_tag.values()
            for endpoint in collection.endpoints
        }
        for pointer, http, url, node in self._document.operations():
            if node.get("x-method") is False:
                continue
            name = str(PythonIdentifier(node["operationId"].replace(".", "_"), ""))
            yield self._method(pointer, http, url, node, by_name[name])

    def _method(self, pointer: Pointer, http: str, url: str, node: Mapping[str, Any], endpoint: Endpoint) -> Method:
        body, schema = self._body(node)
        arguments = self._arguments(pointer, node, endpoint, body, schema)
        replies = {r.status_code.pattern: r for r in endpoint.responses.patterns}
        content = self._document.success(pointer, node).get("content", {})
        stream = self._stream(node, content, replies)
        security = node.get("security", self._document.data.get("security", []))
        servers = node.get("servers", [])
        return Method(
            path=tuple(node["operationId"].split(".")),
            http=http.upper(),
            url=url,
            doc="\n\n".join(
                filter(None, (_text(node.get("summary")), _text(node.get("description")), lifetime_text(node, {})))
            ),
            arguments=arguments,
            body=body,
            reply=self._reply(node, content, replies),
            result=node.get("x-result", "none"),
            stream=stream,
            repeat=node["x-repeat"],
            needs_model=node.get("x-needs-model", True),
            model=self._names_model(pointer, node, arguments),
            usage=_usage(node.get("x-usage", {})),
            server=servers[0]["url"] if servers else None,
            needs_key=bool(security) and {} not in security,
            deprecated=bool(node.get("deprecated")),
            limits=_limits(node.get("x-limits")),
            lifetime=lifetime_of(node),
            one_each=node.get("x-one-each"),
            place=pointer,
        )

    def _names_model(self, pointer: Pointer, node: Mapping[str, Any], arguments: tuple[Argument, ...]) -> str:
        if "x-model" not in node:
            return "model"
        names = {argument.wire: argument.name for argument in arguments}
        if node["x-model"] not in names:
            raise self._document.error(
                (*pointer, "x-model"), f"{node['x-model']!r} is no argument; there are {', '.join(names)}"
            )
        return names[node["x-model"]]

    def _reply(self, node: Mapping[str, Any], content: Mapping[str, Any], replies: Mapping[str, Any]) -> Kind | None:
        if "x-result" in node or "kind" in node.get("x-stream", {}) or not content:
            return None
        first = next(r for status, r in sorted(replies.items()) if status.startswith("2") and status != ITEM_STATUS)
        kind = self._kind(first.prop)
        plain = "text/plain" in content and len(content) > 1
        return UnionKind((kind, Scalar("str"))) if plain else kind

    def _stream(self, node: Mapping[str, Any], content: Mapping[str, Any], replies: Mapping[str, Any]) -> Stream | None:
        if "x-stream" not in node:
            return None
        spec = node["x-stream"]
        if "kind" in spec:
            return Stream("bytes", Scalar("bytes"), {}, "none")
        media_type = next(kind for kind in content if kind in STREAM_TYPES)
        return Stream(
            format=STREAM_TYPES[media_type],
            item=self._kind(replies[ITEM_STATUS].prop),
            last=spec["last"],
            failed=spec.get("failed"),
            finished=tuple(spec.get("finished", ())),
            unfinished=tuple(spec.get("unfinished", ())),
            collect=spec["collect"],
            merge=dict(self._merge_rules(content[media_type]["schema"], "", ())) if spec["collect"] == "merge" else {},
            usage=_usage(spec.get("usage", {})),
        )

    def _merge_rules(self, schema: Any, path: str, seen: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """The ``x-merge`` keys below a schema, by the path of the property."""
        ref = schema.get("$ref", "")
        if ref in seen:
            return
        seen = (*seen, ref) if ref else seen
        node = self._document.resolve(schema)
        for name, prop in node.get("properties", {}).items():
            rule = prop.get("x-merge") or self._document.resolve(prop).get("x-merge")
            if rule is not None:
                yield f"{path}{name}", rule if isinstance(rule, str) else f"into:{rule['into']}"
            target = self._document.resolve(prop)
            for branch in (target, *target.get("anyOf", ()), *target.get("oneOf", ())):
                if "items" in branch:
                    yield from self._merge_rules(branch["items"], f"{path}{name}[].", seen)
            yield from self._merge_rules(prop, f"{path}{name}.", seen)
            for branch in (*target.get("anyOf", ()), *target.get("oneOf", ())):
                yield from self._merge_rules(branch, f"{path}{name}.", seen)

    def _body(self, node: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
        content = self._document.resolve(node.get("requestBody", {})).get("content", {})
        for media_type, body in BODY_TYPES.items():
            if media_type in content:
                return body, self._document.resolve(content[media_type]["schema"])
        return None, {}

    def _arguments(
        self, pointer: Pointer, node: Mapping[str, Any], endpoint: Endpoint, body: str | None, schema: Mapping[str, Any]
    ) -> tuple[Argument, ...]:
        arguments = list(self._parameters(node, endpoint))
        if body == "binary":
            doc = _text(self._document.resolve(node["requestBody"]).get("description"))
            doc = doc or "The content: bytes, the path of a file, or a binary file; never read into memory as a whole."
            arguments.append(Argument("content", "content", Named("FileContent"), "content", True, False, False, doc))
        elif body is not None:
            arguments += self._body_arguments(pointer, node, endpoint, schema)
        positional = [a for a in arguments if a.positional]
        return tuple(positional + [a for a in arguments if not a.positional])

    def _parameters(self, node: Mapping[str, Any], endpoint: Endpoint) -> Iterator[Argument]:
        nodes = {p["name"]: p for p in map(self._document.resolve, node.get("parameters", []))}
        for place, group in (("path", endpoint.path_parameters), ("query", endpoint.query_parameters)):
            for prop in group:
                wire = prop.name.get_untrusted_value()
                parameter = nodes.get(wire, {})
                computed = "x-computed" in parameter
                kind, _ = self._without_none(self._kind(prop))
                doc = _text(parameter.get("description"))
                doc = " ".join(filter(None, (doc, lifetime_text(parameter, parameter.get("schema", {})))))
                yield Argument(
                    _python_name(wire, prop),
                    wire,
                    kind,
                    place,
                    prop.required,
                    computed or not prop.required,
                    computed,
                    doc,
                    lifetime_of(parameter),
                )

    def _body_arguments(
        self, pointer: Pointer, node: Mapping[str, Any], endpoint: Endpoint, schema: Mapping[str, Any]
    ) -> Iterator[Argument]:
        prop = endpoint.bodies[0].prop
        if not isinstance(prop, props.ModelProperty):
            raise self._document.error((*pointer, "requestBody"), "the body is not an object with properties")
        model = self._by_name[str(prop.class_info.name)]
        for wire, each in _in_order(model, schema):
            if wire == "stream" and "x-stream" in node:
                continue
            kind, nullable = self._without_none(self._kind(each))
            optional = nullable or not each.required
            property_node = schema.get("properties", {}).get(wire, {})
            positional = each.required or bool(property_node.get("x-positional"))
            doc, life = self._description(schema, wire, each), lifetime_of(property_node)
            name, sent_as = _python_name(wire, each), _sent_as(property_node)
            yield Argument(name, wire, kind, "body", positional, optional, False, doc, life, sent_as)


def _sent_as(node: Mapping[str, Any]) -> dict[str, str]:
    """Return the further values that the client accepts, each with the value that is sent instead."""
    return {value: sent for part in (node, *node.get("anyOf", ())) for value, sent in part.get("x-sent-as", {}).items()}


def _with_open_tags(models: tuple[Model, ...], results: Iterable[Kind]) -> tuple[Model, ...]:
    """Mark the tag of the union member that takes every value that the others do not."""
    by_name = {model.name: model for model in models}
    inside = [field.kind for model in models if model.returned for field in model.fields]
    found: set[tuple[str, str]] = set()
    for kind in (*results, *inside):
        for part in kind.parts():
            if isinstance(part, UnionKind):
                decision = discriminator(by_name[m.name] for m in flat(part) if isinstance(m, ModelKind))
                found |= {(other, decision.tag) for other in decision.others}
    return tuple(
        evolve(
            m,
            fields=tuple(
                evolve(f, is_open_tag=(m.name, f.wire) in found and f.kind == Scalar("str") and f.required)
                for f in m.fields
            ),
        )
        for m in models
    )


_SIMPLE: dict[type[Any], Kind] = {
    props.AnyProperty: AnyKind(),
    BooleanProperty: Scalar("bool"),
    DateProperty: Scalar("str"),
    DateTimeProperty: Scalar("datetime"),
    FileProperty: Named("FileContent"),
    FloatProperty: Scalar("float"),
    IntProperty: Scalar("int"),
    NoneProperty: NoneKind(),
    StringProperty: Scalar("str"),
    UuidProperty: Scalar("str"),
}


def _python_name(wire: str, prop: Property, taken: Container[str] = ()) -> str:
    """The JSON name if Python allows it (``format``, ``id``), else openapi-python-client's name."""
    plain = wire.isidentifier() and not keyword.iskeyword(wire) and wire == wire.lower() and wire[0] != "_"
    name = wire if plain else str(prop.python_name)
    return f"{name}_" if name in taken else name


def _in_order(model: Any, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The properties of a model in the document's order."""
    known = {p.name.get_untrusted_value(): p for p in (*model.required_properties, *model.optional_properties)}
    return ((name, known[name]) for name in schema.get("properties", {}))


def _usage(spec: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(spec[key] for key in ("model", "input_tokens", "output_tokens") if key in spec)


def _limits(spec: Mapping[str, float | None] | None) -> tuple[float | None, float | None] | None:
    return None if spec is None else (spec["first_item"], spec["between_items"])


def _text(description: Any) -> str:
    return textwrap.dedent(str(description)).strip() if description else ""
