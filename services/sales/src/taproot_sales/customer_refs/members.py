"""Filtering records by customer: what stands under a merged customer counts as the survivor's."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Uuid, any_, func, select, true, type_coerce, union_all
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeDecorator

from taproot_listing.fields import Field, FieldType
from taproot_storage.schema import redirects


class _CustomerComparator(TypeDecorator.Comparator[Any]):
    """Equal to a customer means equal to any key of it; an array, so that an index on the column serves it."""

    def __eq__(self, other: object) -> ColumnElement[bool]:  # type: ignore[override]  # an expression, as everywhere in SQLAlchemy
        return type_coerce(self.expr, Uuid()) == any_(func.array(_keys_of(other)))

    def is_distinct_from(self, other: Any) -> ColumnElement[bool]:
        differs: ColumnElement[bool] = (self == other).is_not(true())
        return differs

    __hash__ = TypeDecorator.Comparator.__hash__


class _CustomerKey(TypeDecorator[Any]):
    impl = Uuid
    cache_ok = True
    comparator_factory = _CustomerComparator


def _keys_of(asked: Any) -> Any:
    """The survivor of a customer and all that was merged into it."""
    mine = redirects.alias("mine")
    survivor = select(mine.c.root_id).where(mine.c.member_id == asked).scalar_subquery()
    root = func.coalesce(survivor, asked)
    members = select(redirects.c.member_id).where(redirects.c.root_id == root)
    return union_all(select(root), members).scalar_subquery()


def customer_field(column: Any) -> Field:
    """The field `customer_id` of a resource."""
    return Field("customer_id", column, FieldType.ID, normalized_column=type_coerce(column, _CustomerKey()))
