"""Lists of what is the same for the whole enterprise, and rows that read like mapped objects."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, true

from taproot.type.v1.aggregate_pb2 import AggregateRow
from taproot_chassis.context import current_call
from taproot_chassis.database import Reader
from taproot_chassis.listing.aggregate import build_aggregate
from taproot_chassis.listing.fields import Resource
from taproot_chassis.listing.lists import ListQuery, ListRequest, Page
from taproot_chassis.listing.paging import PageTokens
from taproot_chassis.reads import AggregateRequest


class Stored:
    """A row with its columns as attributes, like the mapped object it would make."""

    __slots__ = ("_row",)

    def __init__(self, row: Any) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        return self._row[name]

    @property
    def etag(self) -> str:
        return str(self._row["version"])


class OpenLists:
    """Pages of tables without scope: whoever has the permission sees every row."""

    def __init__(self, key: bytes) -> None:
        self._query = ListQuery(PageTokens(key))

    async def page(
        self, reader: Reader, resource: Resource, rows: Select[Any], request: ListRequest
    ) -> Page[Any]:
        call = current_call()
        query = self._query.build(
            resource,
            rows,
            [true()],
            request,
            principal_key=call.principal.subject,
            now=reader.clock.now(),
            masked=call.masked,
        )
        return query.cut(await reader.fetch(query.statement))


async def aggregate_open(
    reader: Reader, resource: Resource, rows: Select[Any], request: AggregateRequest
) -> list[AggregateRow]:
    query = build_aggregate(
        resource,
        rows,
        true(),
        filter_text=request.filter,
        group_by=list(request.group_by),
        measures=list(request.measures),
        now=reader.clock.now(),
        masked=current_call().masked,
    )
    found = query.rows(await reader.fetch(query.statement))
    return [AggregateRow(keys=row.keys, values=row.values) for row in found]
