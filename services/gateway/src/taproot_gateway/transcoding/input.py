"""JSON to messages: one closure per message type, compiled once; every violation is listed with its field path.

The closures make plain dictionaries that the message classes take as keyword arguments, which is faster
than setting field by field. Paths are written as protovalidate writes them: `customer.identifiers[2].value`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, NamedTuple

from google.protobuf import any_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from taproot_gateway.transcoding import wellknown
from taproot_gateway.transcoding.contracts import is_map
from taproot_gateway.transcoding.scalars import Convert, from_text, scalar

MAX_VIOLATIONS = 100


class Violation(NamedTuple):
    field: str
    description: str


@dataclass(slots=True)
class Violations:
    """Collects what is wrong with one request."""

    found: list[Violation] = dataclass_field(default_factory=list)
    depth: int = 0
    total: int = 0
    """All there were; `found` keeps the first of them."""

    def add(self, path: str, description: str) -> None:
        self.total += 1
        if len(self.found) < MAX_VIOLATIONS:
            self.found.append(Violation(path, description))


Decode = Callable[[Any, str, Violations], Any]
"""(JSON value, field path, violations) -> keyword value; None where the value was wrong."""


class _Field(NamedTuple):
    name: str
    decode: Decode
    nullable: bool
    oneof: str | None


_SPECIAL: dict[str, Convert] = {
    "google.protobuf.Timestamp": wellknown.timestamp,
    "google.protobuf.Duration": wellknown.duration,
    "google.protobuf.FieldMask": wellknown.field_mask,
    "google.protobuf.Struct": wellknown.struct,
    "google.protobuf.ListValue": wellknown.list_value,
    "google.protobuf.Value": wellknown.any_value,
}
_NULLABLE = {"google.protobuf.Value", "google.protobuf.NullValue"}


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def checked(convert: Convert) -> Decode:
    """Makes a converter that raises into one that collects."""

    def decode(value: Any, path: str, violations: Violations) -> Any:
        try:
            return convert(value)
        except ValueError as error:
            violations.add(path, str(error))
            return None

    return decode


class Decoders:
    """Compiles and keeps the closures."""

    def __init__(self) -> None:
        self._compiled: dict[Descriptor, Decode] = {}

    def decoder(self, descriptor: Descriptor) -> Decode:
        known = self._compiled.get(descriptor)
        return known if known is not None else self._compile(descriptor)

    def field(self, field: FieldDescriptor) -> Decode:
        """The closure of one field, for requests whose body is that field."""
        return self._value(field)

    def _compile(self, descriptor: Descriptor) -> Decode:
        if descriptor.full_name in _SPECIAL:
            return checked(_SPECIAL[descriptor.full_name])
        if descriptor.full_name == "google.protobuf.Any":
            return self._any
        if descriptor.file.name == "google/protobuf/wrappers.proto":
            return _wrapper(descriptor)
        return self._regular(descriptor)

    def _regular(self, descriptor: Descriptor) -> Decode:
        fields: dict[str, _Field] = {}
        type_name = descriptor.name

        def decode(value: Any, path: str, violations: Violations) -> dict[str, Any] | None:
            if type(value) is not dict:
                violations.add(path, "must be an object")
                return None
            if violations.depth >= wellknown.MAX_DEPTH:
                violations.add(path, str(wellknown.TooDeep()))
                return None
            violations.depth += 1
            out: dict[str, Any] = {}
            for key, inner in value.items():
                field = fields.get(key)
                if field is None:
                    violations.add(join(path, key), f"is not a field of {type_name}")
                elif inner is None and not field.nullable:
                    continue  # null stands for the default
                elif field.name in out:
                    violations.add(join(path, field.name), "is given twice")
                else:
                    here = f"{path}.{field.name}" if path else field.name
                    out[field.name] = field.decode(inner, here, violations)
            violations.depth -= 1
            if oneofs:
                _one_of_each(out, oneofs, path, violations)
            return out

        # Registered before the fields are compiled: a message may contain itself.
        self._compiled[descriptor] = decode
        for each in descriptor.fields:
            fields[each.json_name] = fields[each.name] = self._field(each)
        oneofs = {each.name: each.oneof for each in fields.values() if each.oneof is not None}
        return decode

    def _field(self, field: FieldDescriptor) -> _Field:
        kind = field.message_type or field.enum_type
        nullable = kind is not None and kind.full_name in _NULLABLE and not field.is_repeated
        oneof = field.containing_oneof
        real = oneof is not None and not (len(oneof.fields) == 1 and oneof.name.startswith("_"))
        return _Field(field.name, self._value(field), nullable, oneof.name if oneof and real else None)

    def _value(self, field: FieldDescriptor) -> Decode:
        if is_map(field):
            return self._map(field)
        one = self._single(field)
        if not field.is_repeated:
            return one
        nullable = field.message_type is not None and field.message_type.full_name in _NULLABLE
        return _repeated(one, nullable=nullable)

    def _single(self, field: FieldDescriptor) -> Decode:
        if field.message_type is not None:
            return self.decoder(field.message_type)
        return checked(scalar(field))

    def _map(self, field: FieldDescriptor) -> Decode:
        entry = field.message_type
        assert entry is not None
        key_of = from_text(entry.fields_by_name["key"])
        value_field = entry.fields_by_name["value"]
        one = self._single(value_field)
        # Maps take ready messages only, unlike fields and lists.
        finish = (
            message_factory.GetMessageClass(value_field.message_type) if value_field.message_type else None
        )

        def decode(value: Any, path: str, violations: Violations) -> dict[Any, Any] | None:
            if type(value) is not dict:
                violations.add(path, "must be an object")
                return None
            out: dict[Any, Any] = {}
            for key, inner in value.items():
                here = f'{path}["{key}"]'
                try:
                    before = violations.total
                    made = one(inner, here, violations)
                    if finish and isinstance(made, dict) and violations.total == before:
                        made = finish(**made)
                    out[key_of(key)] = made
                except ValueError as error:
                    violations.add(here, str(error))
            return out

        return decode

    def _any(self, value: Any, path: str, violations: Violations) -> any_pb2.Any | None:
        if type(value) is not dict or not isinstance(value.get("@type", ""), str):
            violations.add(path, "must be an object with @type")
            return None
        if not value:
            return any_pb2.Any()
        url = value.get("@type", "")
        try:
            descriptor = descriptor_pool.Default().FindMessageTypeByName(url.rsplit("/", 1)[-1])
        except KeyError:
            violations.add(join(path, "@type"), "is not a known type")
            return None
        content: Any = {key: inner for key, inner in value.items() if key != "@type"}
        if descriptor.full_name in _SPECIAL or descriptor.file.name == "google/protobuf/wrappers.proto":
            content = content.get("value")
        before = violations.total
        made = self.decoder(descriptor)(content, path, violations)
        if violations.total > before:
            return None
        inner = message_factory.GetMessageClass(descriptor)(**made) if isinstance(made, dict) else made
        return any_pb2.Any(type_url=url, value=inner.SerializeToString())


def _wrapper(descriptor: Descriptor) -> Decode:
    convert = scalar(descriptor.fields_by_name["value"])
    made = message_factory.GetMessageClass(descriptor)
    return checked(lambda value: made(value=convert(value)))


def _repeated(one: Decode, *, nullable: bool) -> Decode:
    def decode(value: Any, path: str, violations: Violations) -> list[Any] | None:
        if type(value) is not list:
            violations.add(path, "must be a list")
            return None
        out: list[Any] = []
        for index, inner in enumerate(value):
            here = f"{path}[{index}]"
            if inner is None and not nullable:
                violations.add(here, "must not be null")
                out.append(None)
            else:
                out.append(one(inner, here, violations))
        return out

    return decode


def _one_of_each(out: dict[str, Any], oneofs: dict[str, str], path: str, violations: Violations) -> None:
    seen: dict[str, str] = {}
    for name in out:
        oneof = oneofs.get(name)
        if oneof is None:
            continue
        if oneof in seen:
            violations.add(join(path, name), f"excludes {seen[oneof]}")
        seen[oneof] = name
