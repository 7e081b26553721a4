"""Query parameters to request fields: dotted paths, repeated fields, and the well-known types with a text form."""

from __future__ import annotations

from typing import Any, NamedTuple

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from taproot_gateway.transcoding import wellknown
from taproot_gateway.transcoding.contracts import is_map
from taproot_gateway.transcoding.input import Violations
from taproot_gateway.transcoding.scalars import Convert, from_text

_TEXT_FORM: dict[str, Convert] = {
    "google.protobuf.Timestamp": wellknown.timestamp,
    "google.protobuf.Duration": wellknown.duration,
    "google.protobuf.FieldMask": wellknown.field_mask,
}
_MAX_DEPTH = 8


class Parameter(NamedTuple):
    path: tuple[str, ...]
    convert: Convert
    repeated: bool


def find_field(descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    """By the contract's name or its lowerCamelCase form."""
    found = descriptor.fields_by_name.get(name)
    return found or next((field for field in descriptor.fields if field.json_name == name), None)


def text_converter(field: FieldDescriptor) -> Convert | None:
    """None for a field that has no form in one parameter: a message, a map."""
    if field.message_type is None:
        return from_text(field)
    if is_map(field):
        return None
    if field.message_type.file.name == "google/protobuf/wrappers.proto":
        inner = from_text(field.message_type.fields_by_name["value"])
        made = message_factory.GetMessageClass(field.message_type)
        return lambda value: made(value=inner(value))
    return _TEXT_FORM.get(field.message_type.full_name)


class Parameters:
    """The query parameters of one route. `taken` are the field paths set by path and body."""

    def __init__(self, request: Descriptor, taken: set[str]) -> None:
        self._request = request
        self._taken = taken
        self._known: dict[str, Parameter] = {}

    def find(self, name: str) -> Parameter | None:
        known = self._known.get(name)
        if known is None:
            known = self._resolve(name)
            if known is not None:
                self._known[name] = known
        return known

    def _resolve(self, name: str) -> Parameter | None:
        descriptor: Descriptor | None = self._request
        path: list[str] = []
        field: FieldDescriptor | None = None
        for part in name.split(".")[:_MAX_DEPTH]:
            field = find_field(descriptor, part) if descriptor is not None else None
            if field is None or (path and field.is_repeated and field.message_type is not None):
                return None
            path.append(field.name)
            if ".".join(path) in self._taken:
                return None
            descriptor = field.message_type
        convert = text_converter(field) if field is not None else None
        if field is None or convert is None or name.count(".") >= _MAX_DEPTH:
            return None
        return Parameter(tuple(path), convert, field.is_repeated)

    def apply(self, pairs: list[tuple[str, str]], init: dict[str, Any], violations: Violations) -> None:
        for name, text in pairs:
            parameter = self.find(name)
            if parameter is None:
                violations.add(name, "is not a parameter of this method")
                continue
            try:
                self._put(parameter, parameter.convert(text), init)
            except ValueError as error:
                violations.add(name, str(error))

    def _put(self, parameter: Parameter, value: Any, init: dict[str, Any]) -> None:
        for part in parameter.path[:-1]:
            init = init.setdefault(part, {})
        leaf = parameter.path[-1]
        if parameter.repeated:
            init.setdefault(leaf, []).append(value)
        elif leaf in init:
            raise ValueError("is given twice")
        else:
            init[leaf] = value
