"""Definitions in the list language: `custom.<key>`, compared through a side table where that is filled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.sql.elements import ColumnElement

from taproot_custom.specs import NUMBERS, Spec
from taproot_listing.fields import Field, FieldType, Member, Resource
from taproot_listing.json_members import member_field
from taproot_storage.schema import custom_dates, custom_instants, custom_numbers, custom_texts

ROOT = "custom"
_TYPES: Mapping[str, FieldType] = {
    "integer": FieldType.INTEGER,
    "decimal": FieldType.NUMBER,
    "money": FieldType.NUMBER,
    "boolean": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "instant": FieldType.INSTANT,
    "enum": FieldType.ENUM,
    "multi_enum": FieldType.ENUM,
}


def side_table(spec: Spec) -> Table:
    """Where the values of a filterable field are."""
    if spec.type in NUMBERS:
        return custom_numbers
    return {"date": custom_dates, "instant": custom_instants}.get(spec.type, custom_texts)


def with_custom(resource: Resource, specs: Mapping[str, Spec]) -> Resource:
    """The resource with one field for each filterable definition; other keys are unknown to it."""
    root = next((field for field in resource.fields if field.name == ROOT), None)
    if root is None:
        return resource
    closed = replace(root, members={})
    return resource.with_fields(
        closed, *(_field(closed, spec, resource) for spec in specs.values() if spec.kept)
    )


def _field(root: Field, spec: Spec, resource: Resource) -> Field:
    literals = {option.key: option.key for option in spec.options} or None
    member = Member(
        _TYPES.get(spec.type, FieldType.TEXT),
        repeated=spec.type == "multi_enum",
        part="amount" if spec.type == "money" else "",
    )
    made = replace(
        member_field(root, spec.key, member),
        enum=literals,
        sensitive_class=spec.sensitivity or root.sensitive_class,
    )
    if spec.indexed:
        side = side_table(spec)
        value = None if made.repeated else made.column
        through = _through(side, spec.name, resource.id_column)
        made = replace(made, column=side.c.value, sort_column=value, through=through)
    return _folded(made) if spec.type == "reference" else made


def _folded(field: Field) -> Field:
    """Ids are kept in lower case, however they are asked for."""
    return replace(field, normalized_column=field.column, normalize=str.lower)


def _through(
    side: Table, name: str, id_column: ColumnElement[Any]
) -> Callable[[ColumnElement[bool]], ColumnElement[bool]]:
    def through(test: ColumnElement[bool]) -> ColumnElement[bool]:
        return id_column.in_(select(side.c.record_id).where(side.c.field == name, test))

    return through
