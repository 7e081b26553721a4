"""One page of a resource as one statement: per-arm index scans, merged.

Every arm of the caller's visibility is its own `ORDER BY .. LIMIT` scan, so that each is served by its own
index; the merge drops rows that came by several arms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Select, false, literal_column, null, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.sql.elements import ColumnElement

from taproot_listing.errors import Problems
from taproot_listing.fields import Resource
from taproot_listing.filter_check import Filter, check_filter
from taproot_listing.filter_sql import filter_sql
from taproot_listing.order import OrderTerm, parse_order
from taproot_listing.paging import MAX_PAGE_SIZE, PageTokens, Position, keyset, page_size_of

_LIMITS = (10, 25, 50, 100, 250, 500, MAX_PAGE_SIZE)


class ListRequest(Protocol):
    """The fields every list request has; the protobuf messages fit as they are."""

    @property
    def filter(self) -> str: ...
    @property
    def order_by(self) -> str: ...
    @property
    def page_size(self) -> int: ...
    @property
    def page_token(self) -> str: ...


@dataclass(frozen=True)
class ListParameters:
    """A list request made in code."""

    filter: str = ""
    order_by: str = ""
    page_size: int = 0
    page_token: str = ""


class Row(Protocol):
    def __getitem__(self, key: str, /) -> Any: ...


R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Page(Generic[R]):
    rows: Sequence[R]
    next_page_token: str


@dataclass(frozen=True)
class PageQuery:
    """A statement to run and what to do with its rows (mappings such as `asyncpg.Record`)."""

    statement: Select[Any]
    page_size: int
    keys: tuple[str, ...]
    make_token: Callable[[tuple[Any, ...]], str]

    def cut(self, rows: Sequence[R]) -> Page[R]:
        """The page and the token of the next one, empty at the end. The statement reads at least one row more."""
        page = rows[: self.page_size]
        if len(rows) <= self.page_size:
            return Page(page, "")
        return Page(page, self.make_token(tuple(page[-1][key] for key in self.keys)))


@dataclass(frozen=True)
class ListQuery:
    tokens: PageTokens

    def build(
        self,
        resource: Resource,
        columns: Select[Any],
        arms: Sequence[ColumnElement[bool]],
        request: ListRequest,
        *,
        principal_key: str,
        now: datetime,
        masked: frozenset[str] = frozenset(),
    ) -> PageQuery:
        """The statement of one page.

        `columns` selects what a row needs, with its joins, without order or limit; result columns named
        `_key_<n>` are added. `arms`: what the caller may see; none: nothing; `[true()]`: everything.
        `now` must carry a time zone: `now()` compared with a date field is the date there. Later pages keep
        the `now()` of the first.

        Raises:
            ListingError: every violation of filter, order_by and page_size; or of page_token.
        """
        checked, terms, size = _check(resource, request, masked)
        binding = (resource.name, checked.text, ",".join(term.text for term in terms), principal_key)
        position = self.tokens.decode(binding, request.page_token, now) if request.page_token else None
        started = position.now if position else now

        def make_token(values: tuple[Any, ...]) -> str:
            return self.tokens.encode(binding, Position(values, started))

        after = keyset(terms, position.values) if position else []
        statement = _statement(columns.where(filter_sql(checked, started)), terms, arms, after, _limit(size))
        return PageQuery(statement, size, _keys(terms), make_token)


def _check(
    resource: Resource, request: ListRequest, masked: frozenset[str]
) -> tuple[Filter, tuple[OrderTerm, ...], int]:
    problems = Problems()
    checked = problems.check(lambda: check_filter(resource, request.filter, masked))
    terms = problems.check(lambda: parse_order(resource, request.order_by, masked))
    size = problems.check(lambda: page_size_of(request.page_size))
    problems.raise_any()
    assert checked is not None
    assert terms is not None
    assert size is not None
    return checked, terms, size


def _limit(size: int) -> int:
    """Of few values, and written into the statement: the planner must know that little is wanted."""
    return next(limit for limit in _LIMITS if limit >= size) + 1


def _keys(terms: Sequence[OrderTerm]) -> tuple[str, ...]:
    return tuple(f"_key_{position}" for position in range(len(terms)))


def _statement(
    base: Select[Any],
    terms: Sequence[OrderTerm],
    arms: Sequence[ColumnElement[bool]],
    after: Sequence[ColumnElement[bool]],
    limit: int,
) -> Select[Any]:
    keys = [term.column.label(key) for term, key in zip(terms, _keys(terms), strict=True)]
    base = base.add_columns(*keys)
    if not arms:
        return _nothing(base)
    ordering = [term.ordered(key) for term, key in zip(terms, keys, strict=True)]
    base = base.order_by(*ordering).limit(_inline(limit))
    parts = [base.where(part) for part in after] or [base]
    scans = [part.where(arm) for arm in arms for part in parts]
    return scans[0] if len(scans) == 1 else _merge(scans, terms, limit)


def _merge(scans: Sequence[Select[Any]], terms: Sequence[OrderTerm], limit: int) -> Select[Any]:
    page = union_all(*scans).subquery("page")
    # By name: making typed columns of every level would take longer than all the rest.
    keys: list[ColumnElement[Any]] = [literal_column(f"page.{key}") for key in _keys(terms)]
    ordering = [term.ordered(key) for term, key in zip(terms, keys, strict=True)]
    # The last key is the id: rows that are equal in all keys are the same row.
    rows: Select[Any] = select(literal_column("page.*")).select_from(page).ext(distinct_on(*keys))
    return rows.order_by(*ordering).limit(_inline(limit))


def _inline(limit: int) -> ColumnElement[int]:
    return literal_column(str(limit))


def _nothing(base: Select[Any]) -> Select[Any]:
    """No rows of the same shape, without touching a table."""
    empty: list[ColumnElement[Any]] = [null().label(column.key) for column in base.selected_columns]
    return select(*empty).where(false())
