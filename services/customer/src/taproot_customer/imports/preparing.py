"""A row made ready to be stored, in the parsing process: columns with what is derived from them, and the event."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from typing import Any

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot_customer.customers import messages
from taproot_customer.customers.model import Customer
from taproot_customer.imports.rows import ParsedRow
from taproot_customer.reading import column_names

_NOBODY, _NEVER = uuid.UUID(int=0), dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PLACED = ("id", "owner_id", "branch_id", "create_time", "update_time", "etag")


def prepare(row: ParsedRow) -> ParsedRow:
    """With `columns` of a new customer and the `payload` of its event, both without its place."""
    if not row.fields:
        return row
    made = Customer.create(_NOBODY, {**row.fields, "branch_path": ""}, _NEVER)
    event = messages.to_event(made, made.recorded[0])
    for name in _PLACED:
        event.customer.ClearField(name)  # type: ignore[arg-type]  # names of fields
    columns = {name: getattr(made, name) for name in column_names(Customer.__table__)}
    return replace(row, columns=columns, payload=event.SerializeToString())


def placed_payload(payload: bytes, columns: dict[str, Any]) -> bytes:
    """Serialised messages put one behind the other read as one merged message (protobuf encoding, "Last One Wins")."""
    place = CustomerEvent()
    customer = place.customer
    customer.id, customer.etag = str(columns["id"]), str(columns["version"])
    customer.owner_id = str(columns["owner_id"] or "")
    customer.branch_id = str(columns["branch_id"] or "")
    customer.create_time.FromDatetime(columns["create_time"])
    customer.update_time.FromDatetime(columns["update_time"])
    return payload + place.SerializeToString()
