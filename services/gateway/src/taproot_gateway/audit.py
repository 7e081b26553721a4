"""The audit of all services as one list, and measured as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from taproot.operations.v1 import audit_service_pb2 as pb
from taproot.type.v1.aggregate_pb2 import AggregateRow
from taproot_base.errors import InvalidArgument
from taproot_gateway.backends import Backends, Metadata
from taproot_gateway.fanning import Fan, Listing

SERVICE = "taproot.operations.v1.AuditEventsService"
LIST, AGGREGATE = f"/{SERVICE}/ListAuditEvents", f"/{SERVICE}/AggregateAuditEvents"
LISTING = Listing(
    LIST,
    pb.ListAuditEventsRequest,
    pb.ListAuditEventsResponse,
    "audit_events",
    lambda event: (event.time.seconds, event.time.nanos, event.id),
    "time",
    lambda event: event.time.ToJsonString(),
)
COUNT = "count()"


class CannotMerge(InvalidArgument):
    """A measure that several services' answers cannot be made of."""

    reason = "MEASURE_NOT_MERGEABLE"

    def __init__(self, measures: Iterable[str]) -> None:
        text = "over all services there are count(), sum(field), min(field) and max(field), not "
        super().__init__([("measures", text + measure) for measure in measures])


class AuditEvents:
    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._fan = Fan(backends, LISTING)

    async def call(self, path: str, request: bytes, metadata: Metadata, seconds: float | None) -> bytes:
        if path == LIST:
            return await self._fan.pages(request, metadata, seconds)
        measures = list(pb.AggregateAuditEventsRequest.FromString(request).measures) or [COUNT]
        if foreign := [measure for measure in measures if _joining(measure) is None]:
            raise CannotMerge(foreign)
        calls = (self._backends.call(name, path, request, metadata, seconds) for name in self._backends.names)
        answers = [pb.AggregateAuditEventsResponse.FromString(raw) for raw in await asyncio.gather(*calls)]
        rows = merged([row for answer in answers for row in answer.rows], measures)
        return pb.AggregateAuditEventsResponse(rows=rows).SerializeToString()


def merged(rows: Iterable[AggregateRow], measures: list[str]) -> list[AggregateRow]:
    """Groups of the same keys as one, in the order of their keys."""
    found: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        known = found.setdefault(tuple(row.keys), ["" for _ in measures])
        for at, (value, measure) in enumerate(zip(row.values, measures, strict=True)):
            join = _joining(measure)
            known[at] = (
                join(known[at], value) if join is not None and known[at] and value else known[at] or value
            )
    return [AggregateRow(keys=keys, values=found[keys]) for keys in sorted(found)]


def _joining(measure: str) -> Callable[[str, str], str] | None:
    name = measure.partition("(")[0].strip()
    return {"count": _add, "sum": _add, "min": _least, "max": _most}.get(name)


def _add(one: str, other: str) -> str:
    return str(Decimal(one) + Decimal(other))


def _least(one: str, other: str) -> str:
    return min(one, other, key=_comparable)


def _most(one: str, other: str) -> str:
    return max(one, other, key=_comparable)


def _comparable(text: str) -> Any:
    """Numbers by their value; instants and names, of which a measure has only one sort, as they are written."""
    try:
        return (0, Decimal(text), "")
    except InvalidOperation:
        return (1, Decimal(0), text)
