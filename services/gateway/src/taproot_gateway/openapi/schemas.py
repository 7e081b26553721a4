"""Message types to JSON Schema 2020-12, which OpenAPI 3.1 uses."""

from __future__ import annotations

from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from buf.validate import validate_pb2
from taproot.options.v1 import options_pb2
from taproot_gateway.transcoding.contracts import Contracts, is_map

Schema = dict[str, Any]

_ANY_JSON: Schema = {"description": "Any JSON value."}
_WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Timestamp": {
        "type": "string",
        "format": "date-time",
        "examples": ["2026-01-31T09:30:00Z"],
    },
    "google.protobuf.Duration": {
        "type": "string",
        "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$",
        "examples": ["3.5s"],
    },
    "google.protobuf.FieldMask": {
        "type": "string",
        "description": "Field paths separated by commas.",
        "examples": ["display_name,note"],
    },
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.Value": _ANY_JSON,
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string"}},
        "required": ["@type"],
        "additionalProperties": True,
    },
    "google.api.HttpBody": {"type": "string", "format": "binary"},
}
F = FieldDescriptor
_SCALARS: dict[int, Schema] = {
    F.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    F.CPPTYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0},
    F.CPPTYPE_INT64: {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"},
    F.CPPTYPE_UINT64: {"type": "string", "format": "uint64", "pattern": "^[0-9]+$"},
    F.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    F.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
    F.CPPTYPE_BOOL: {"type": "boolean"},
    F.CPPTYPE_STRING: {"type": "string"},
}


def component_name(full_name: str) -> str:
    """`taproot.customer.v1.Customer` -> `customer.Customer`: short, and unique across the services."""
    parts = full_name.split(".")
    if parts[0] == "taproot":
        return ".".join([parts[1], *[part for part in parts[2:] if part != "v1"]])
    return full_name.removeprefix("google.")


class Schemas:
    """Collects the components that are reached."""

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        self.components: dict[str, Schema] = {}

    def reference(self, descriptor: Descriptor) -> Schema:
        if descriptor.full_name in _WELL_KNOWN:
            return dict(_WELL_KNOWN[descriptor.full_name])
        if descriptor.file.name == "google/protobuf/wrappers.proto":
            return self._single(descriptor.fields_by_name["value"])
        name = component_name(descriptor.full_name)
        if name not in self.components:
            self.components[name] = {}  # taken before it is filled: a message may contain itself
            self.components[name].update(self._object(descriptor))
        return {"$ref": f"#/components/schemas/{name}"}

    def property(self, field: FieldDescriptor) -> Schema:
        schema = self._value(field)
        text = self._contracts.comment(field.full_name)
        if text:
            schema["description"] = text
        options: Any = field.GetOptions()
        behavior = options.Extensions[field_behavior_pb2.field_behavior]
        if field_behavior_pb2.OUTPUT_ONLY in behavior:
            schema["readOnly"] = True
        sensitivity = options.Extensions[options_pb2.sensitive]
        if sensitivity:
            name = options_pb2.Sensitivity.Name(sensitivity).removeprefix("SENSITIVITY_").lower()
            schema["x-sensitivity"] = name
            if name == "credential":
                schema["format"] = "password"
        return schema

    def _object(self, descriptor: Descriptor) -> Schema:
        schema: Schema = {
            "type": "object",
            "properties": {field.name: self.property(field) for field in descriptor.fields},
        }
        required = [field.name for field in descriptor.fields if _is_required(field)]
        if required:
            schema["required"] = required
        text = self._contracts.comment(descriptor.full_name)
        if text:
            schema["description"] = text
        return schema

    def _value(self, field: FieldDescriptor) -> Schema:
        if is_map(field):
            assert field.message_type is not None
            return {
                "type": "object",
                "additionalProperties": self._single(field.message_type.fields_by_name["value"]),
            }
        if not field.is_repeated:
            return self._single(field) | _constraints(_rules(field))
        rules = _rules(field).repeated
        schema: Schema = {"type": "array", "items": self._single(field) | _constraints(rules.items)}
        if rules.max_items:
            schema["maxItems"] = rules.max_items
        if rules.min_items:
            schema["minItems"] = rules.min_items
        return schema

    def _single(self, field: FieldDescriptor) -> Schema:
        if field.message_type is not None:
            return self.reference(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.type == F.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        return dict(_SCALARS[field.cpp_type])

    def _enum(self, enum: EnumDescriptor) -> Schema:
        name = component_name(enum.full_name)
        if name not in self.components:
            lines = [self._contracts.comment(enum.full_name)]
            lines += [
                f"- `{v.name}`: {self._contracts.comment(f'{enum.full_name}.{v.name}')}" for v in enum.values
            ]
            self.components[name] = {
                "type": "string",
                "enum": [value.name for value in enum.values],
                "description": "\n".join(line for line in lines if line),
            }
        return {"$ref": f"#/components/schemas/{name}"}


def _rules(field: FieldDescriptor) -> Any:
    options: Any = field.GetOptions()
    return options.Extensions[validate_pb2.field]


def _is_required(field: FieldDescriptor) -> bool:
    return bool(_rules(field).required)


def _constraints(rules: Any) -> Schema:
    """The rules of buf.validate that JSON Schema can say too."""
    schema: Schema = {}
    text = rules.string
    for name, value in (("minLength", text.min_len), ("maxLength", text.max_len), ("pattern", text.pattern)):
        if value:
            schema[name] = value
    if text.uuid:
        schema["format"] = "uuid"
    if text.email:
        schema["format"] = "email"
    if getattr(text, "in"):
        schema["enum"] = list(getattr(text, "in"))
    for number in (rules.int32, rules.double, rules.uint32):
        schema |= {json: getattr(number, rule) for rule, json in _BOUNDS.items() if number.HasField(rule)}
    return schema


_BOUNDS = {"gte": "minimum", "lte": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
