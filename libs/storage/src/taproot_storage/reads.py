"""Lists and aggregates for the current caller: what every servicer needs. A table without scope is open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy import Select, true
from sqlalchemy.sql.elements import ColumnElement

from taproot.type.v1.aggregate_pb2 import AggregateRow
from taproot_base.context import current_call, current_call_or_none
from taproot_base.errors import InvalidArgument
from taproot_listing.aggregate import build_aggregate
from taproot_listing.errors import ListingError
from taproot_listing.fields import Resource, needs
from taproot_listing.filter_check import Filter, check_filter
from taproot_listing.lists import ListQuery, ListRequest, Page
from taproot_listing.paging import PageTokens
from taproot_storage.database import Reader
from taproot_storage.visibility import is_scoped, visibility_arms, visible


class AggregateRequest(Protocol):
    """The fields every aggregate request has; the protobuf messages fit as they are."""

    @property
    def filter(self) -> str: ...
    @property
    def group_by(self) -> Sequence[str]: ...
    @property
    def measures(self) -> Sequence[str]: ...


class InvalidListing(InvalidArgument):
    """A filter, an order, a page or a group that the list language refuses."""

    def __init__(self, error: ListingError) -> None:
        super().__init__(error.violations)
        self.reason = error.reason


@contextmanager
def _answered() -> Iterator[None]:
    try:
        yield
    except ListingError as error:
        raise InvalidListing(error) from error


def filter_of(resource: Resource, text: str, masked: frozenset[str] = frozenset()) -> Filter:
    """The filter a user wrote, checked against the fields of `resource`.

    Raises:
        InvalidListing: all violations at once.
    """
    with _answered():
        return check_filter(customised(resource), text, masked)


def hidden_fields(resource: Resource) -> frozenset[str]:
    """What the caller may not filter, order or measure by: its masks, and sums over records it may not read."""
    denied = unread(resource.permissions, resource.read_with) if resource.permissions else frozenset()
    return current_call().masked | frozenset(map(needs, denied))


def unread(permissions: Iterable[str], read_with: str) -> frozenset[str]:
    """Permissions the caller lacks, or holds less far than `read_with`: a sum over records tells of each of them."""
    call = current_call()
    rows = call.directory.reach(call.principal, read_with)
    reaches = {name: call.directory.reach(call.principal, name) for name in permissions}
    return frozenset(
        name for name, reach in reaches.items() if rows is None or reach is None or not reach.covers(rows)
    )


def customised(resource: Resource) -> Resource:
    """The resource with the fields of the enterprise's own."""
    call = current_call_or_none()
    if call is None or call.directory.custom is None:
        return resource
    found: Resource = call.directory.custom.listed(resource)
    return found


class Lists:
    """`key` signs the page tokens; it is the same in all replicas."""

    def __init__(self, key: bytes) -> None:
        self._query = ListQuery(PageTokens(key))

    async def page(
        self,
        reader: Reader,
        resource: Resource,
        rows: Select[Any],
        table: Any,
        request: ListRequest,
        of: str = "",
        shown: ColumnElement[bool] | None = None,
    ) -> Page[Any]:
        """One page of what the caller sees of `table`; `rows` selects columns, with joins and fixed conditions.

        `of`: what the listed belong to; the tokens of one such list are refused by another.
        `shown`: instead of the table's own visibility, for tables of many resources (`visible_mixed`).
        """
        call = current_call()
        with _answered():
            query = self._query.build(
                customised(resource),
                rows,
                _arms(table) if shown is None else [shown],
                request,
                principal_key=f"{call.principal.subject}:{of}" if of else call.principal.subject,
                now=reader.clock.now(),
                masked=hidden_fields(resource),
            )
        return query.cut(await reader.fetch(query.statement))


def _arms(table: Any) -> list[ColumnElement[bool]]:
    return visibility_arms(table) if is_scoped(table) else [true()]


async def aggregate(
    reader: Reader, resource: Resource, rows: Select[Any], table: Any, request: AggregateRequest
) -> list[AggregateRow]:
    """Groups and measures over what the caller sees of `table`."""
    with _answered():
        query = build_aggregate(
            customised(resource),
            rows,
            visible(table) if is_scoped(table) else true(),
            filter_text=request.filter,
            group_by=list(request.group_by),
            measures=list(request.measures),
            now=reader.clock.now(),
            masked=hidden_fields(resource),
        )
    rows_found = query.rows(await reader.fetch(query.statement))
    return [AggregateRow(keys=row.keys, values=row.values) for row in rows_found]
