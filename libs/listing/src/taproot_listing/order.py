"""`order_by`: comma-separated fields, each with `asc` or `desc`. The id always comes last and breaks ties."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy.sql.elements import ColumnElement

from taproot_listing.errors import FieldRefused, InvalidOrder
from taproot_listing.fields import SQL_TYPES, Field, Resource

MAX_TERMS = 8


@dataclass(frozen=True, eq=False)
class OrderTerm:
    field: Field
    descending: bool

    @property
    def column(self) -> ColumnElement[Any]:
        return self.field.column if self.field.sort_column is None else self.field.sort_column

    @property
    def type(self) -> Any:
        own = self.field.sort_column
        return SQL_TYPES[self.field.type] if own is None else own.type

    @property
    def text(self) -> str:
        return f"{self.field.name} {'desc' if self.descending else 'asc'}"

    def ordered(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Absent values come last either way. NULLS LAST is only said where it matters, else no index fits."""
        if not self.descending:
            return column.asc()
        return column.desc().nulls_last() if self.field.optional else column.desc()


@lru_cache(maxsize=1024)
def parse_order(resource: Resource, text: str, masked: frozenset[str] = frozenset()) -> tuple[OrderTerm, ...]:
    """The terms of an `order_by`; of the resource's default order, less what is masked, when it is empty.

    Raises:
        InvalidOrder: all violations at once.
    """
    if not text.strip():
        terms = [_term(resource, part, frozenset()) for part in resource.default_order.split(",")]
        return _with_id(resource, [term for term in terms if not _is_masked(resource, term, masked)])
    terms, problems = [], []
    for part in text.split(","):
        try:
            terms.append(_term(resource, part, masked))
        except FieldRefused as refused:
            problems.append(str(refused))
    names = [term.field.name for term in terms]
    problems += [f"field '{name}' is named twice" for name in names if names.count(name) > 1]
    if len(terms) > MAX_TERMS:
        problems.append(f"more than {MAX_TERMS} fields")
    if problems:
        raise InvalidOrder(problems)
    return _with_id(resource, terms)


def _term(resource: Resource, part: str, masked: frozenset[str]) -> OrderTerm:
    words = part.split()
    if len(words) not in {1, 2} or (len(words) == 2 and words[1].lower() not in {"asc", "desc"}):
        raise FieldRefused(f"expected `field [asc|desc]`, not '{part.strip()}'")
    field = resource.find(words[0], masked)
    field.require_sortable()
    return OrderTerm(field, words[-1].lower() == "desc" and len(words) > 1)


def _is_masked(resource: Resource, term: OrderTerm, masked: frozenset[str]) -> bool:
    try:
        resource.find(term.field.name, masked)
    except FieldRefused:
        return True
    return False


def _with_id(resource: Resource, terms: list[OrderTerm]) -> tuple[OrderTerm, ...]:
    """The id follows the last term's direction, so that one index read forwards or backwards serves both."""
    for position, term in enumerate(terms):
        if term.field.column is resource.id_column:
            return (*terms[:position], OrderTerm(resource.id_field, term.descending))
    return (*terms, OrderTerm(resource.id_field, bool(terms) and terms[-1].descending))
