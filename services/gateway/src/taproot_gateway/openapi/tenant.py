"""The fields of the enterprise's own in the description of the API: as they are now, without a restart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from taproot_base.descriptors import type_name
from taproot_custom.catalogue import Catalogue
from taproot_custom.specs import Spec
from taproot_gateway.openapi.schemas import Schema

OBJECT = "customer.Object"
_PREFIX = "objects_"
_FORMS: Mapping[str, Schema] = {
    "integer": {"type": "string", "pattern": "^-?[0-9]+$"},
    "decimal": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "instant": {"type": "string", "format": "date-time"},
    "reference": {"type": "string", "format": "uuid"},
    "url": {"type": "string", "format": "uri"},
    "email": {"type": "string", "format": "email"},
}


class TenantDocument:
    """Made anew when a definition has changed, and only then."""

    def __init__(self, make: Callable[[], bytes], known: Callable[[], Any]) -> None:
        self._make = make
        self._known = known
        self._plain = b""
        self._made = b""
        self._generation: int | None = None

    def __call__(self) -> bytes:
        catalogue = self._known()
        generation = catalogue.generation if isinstance(catalogue, Catalogue) else 0
        if self._generation != generation:
            self._plain = self._plain or self._make()
            self._made = _with_fields(self._plain, catalogue) if generation else self._plain
            self._generation = generation
        return self._made


def _with_fields(plain: bytes, catalogue: Catalogue) -> bytes:
    found = orjson.loads(plain)
    schemas = found["components"]["schemas"]
    for name, schema in list(schemas.items()):
        own = schema.get("properties", {}).get("custom")
        if own is not None and (fields := _live(catalogue, type_name(name.rpartition(".")[2]))):
            schema["properties"]["custom"] = own | custom_schema(fields)
    for resource in sorted(catalogue.types):
        if resource.startswith(_PREFIX) and OBJECT in schemas:
            schemas[f"{OBJECT}.{resource.removeprefix(_PREFIX)}"] = {
                "allOf": [{"$ref": f"#/components/schemas/{OBJECT}"}],
                "properties": {"custom": custom_schema(_live(catalogue, resource))},
            }
    found["components"]["schemas"] = dict(sorted(schemas.items()))
    return orjson.dumps(found)


def _live(catalogue: Catalogue, resource: str) -> Mapping[str, Spec]:
    return {key: spec for key, spec in catalogue.of(resource).items() if not spec.retired}


def custom_schema(specs: Mapping[str, Spec]) -> Schema:
    """Of `custom`: one property for each field; `required` is for creating."""
    properties = {key: _property(spec) for key, spec in sorted(specs.items())}
    required = sorted(key for key, spec in specs.items() if spec.required and not spec.default_value)
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"x-required-on-create": required} if required else {})


def _property(spec: Spec) -> Schema:
    schema = _form(spec)
    if spec.labels:
        schema["title"] = spec.labels.get("en") or next(iter(spec.labels.values()))
    if spec.help_texts:
        schema["description"] = spec.help_texts.get("en") or next(iter(spec.help_texts.values()))
    if spec.sensitivity:
        schema["x-sensitivity"] = spec.sensitivity
    return schema | ({"x-filterable": True} if spec.filterable else {})


def _form(spec: Spec) -> Schema:
    if spec.type in ("enum", "multi_enum"):
        one: Schema = {"type": "string", "enum": [option.key for option in spec.options]}
        return one if spec.type == "enum" else {"type": "array", "items": one, "uniqueItems": True}
    if spec.type == "money":
        return {"$ref": "#/components/schemas/type.Money"}
    schema = dict(_FORMS.get(spec.type, {"type": "string"}))
    if spec.pattern:
        schema["pattern"] = f"^(?:{spec.pattern})$"
    return schema | ({"maxLength": spec.limit} if spec.limit else {})
