"""The filter language over an event, as the owner of an endpoint sees it."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Text, column

from taproot_base.errors import InvalidArgument
from taproot_gateway.webhooks.model import webhook_deliveries
from taproot_listing.errors import ListingError
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.filter_check import check_filter
from taproot_listing.filter_predicate import Predicate

_d = webhook_deliveries.c
EVENTS = Resource(
    "event",
    [
        Field("type", _d.event_type, FieldType.TEXT),
        Field("resource", column("resource", Text()), FieldType.TEXT, nullable=False),
        Field("resource_id", _d.resource_id, FieldType.ID),
        Field("customer_id", _d.party_id, FieldType.ID),
        Field("occur_time", _d.occur_time, FieldType.INSTANT),
        Field("data", column("data"), FieldType.JSON, nullable=True),
    ],
    default_order="occur_time",
    id_column=_d.event_id,
)


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Predicate:
    return Predicate(check_filter(EVENTS, text))


def check(text: str) -> None:
    """Raises InvalidArgument with every violation."""
    try:
        _compiled(text)
    except ListingError as error:
        raise InvalidArgument([("webhook.filter", one.description) for one in error.violations]) from error


def holds(text: str, row: Any, resource: str, record: dict[str, Any], now: datetime) -> bool:
    """`record` is the JSON of the record, without what is masked: an owner cannot ask about it either."""
    if not text:
        return True
    values = {
        "type": row["event_type"],
        "resource": resource,
        "resource_id": row["resource_id"],
        "customer_id": row["party_id"],
        "occur_time": row["occur_time"],
        "data": {name: _text(value) for name, value in record.items()},
    }
    return _compiled(text)(values, now)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
