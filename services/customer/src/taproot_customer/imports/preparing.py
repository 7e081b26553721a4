"""A row made ready to be stored, in the parsing process: columns with what is derived from them, and the event.

Nothing here goes through a mapped object, whose attributes cost more than the rest of a row's reading; a test holds
the result against what `Customer.create` makes of the same fields.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from contextvars import Context
from dataclasses import replace
from functools import cache
from typing import Any

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot_base.text import sort_key
from taproot_chassis.placement import Place
from taproot_custom.catalogue import Catalogue
from taproot_custom.specs import Spec
from taproot_customer.customers import messages
from taproot_customer.customers.model import Customer, full_name
from taproot_customer.imports.rows import ParsedRow
from taproot_customer.reading import column_names
from taproot_customer.search.keys import record_keys

_NOBODY, _NEVER = uuid.UUID(int=0), dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PLACED = ("id", "owner_id", "branch_id", "create_time", "update_time", "etag")


@cache
def blank_columns() -> Mapping[str, Any]:
    """All columns of a new customer that says nothing; not to be changed."""
    # Outside of any call: nobody's defaults, and nothing is required of it.
    made = Context().run(
        lambda: Customer.create(_NOBODY, {"kind": "", "display_name": "", "branch_path": ""}, _NEVER)
    )
    return {name: getattr(made, name) for name in column_names(Customer.__table__)}


def prepare(row: ParsedRow, specs: Sequence[Spec] = ()) -> ParsedRow:
    """With the `columns` that differ from `blank_columns` and the `payload` of its event, both without its place."""
    if not row.fields:
        return row
    columns = {**row.fields, **_derived(row.fields)}
    if specs:
        columns |= _own(columns, Catalogue(specs))
    event = CustomerEvent(customer=messages.to_message({**blank_columns(), **columns}))
    for name in _PLACED:
        event.customer.ClearField(name)  # type: ignore[arg-type]  # names of fields
    return replace(row, columns=columns, payload=event.SerializeToString())


def _own(columns: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """Defaults of fields of the enterprise's own, for new customers only, and what is found of them."""
    custom = catalogue.completed("customer", columns.get("custom", {}))
    tokens = catalogue.tokens("customer", custom)
    return {"custom": custom, "search_tokens": [*columns["search_tokens"], *tokens]}


def _derived(fields: Mapping[str, Any]) -> dict[str, Any]:
    given, family = fields.get("given_name", ""), fields.get("family_name", "")
    name = fields.get("display_name") or full_name(given, family)
    return {
        "display_name": name,
        "sort_key": sort_key(name),
        "search_tokens": record_keys(
            (name, given, family), fields.get("identifiers", ()), [fields.get("note", "")]
        ),
    }


def place_payload(place: Place, now: dt.datetime) -> bytes:
    """What all customers created at one place and moment have in common."""
    event = CustomerEvent()
    event.customer.owner_id = str(place.owner_id or "")
    event.customer.branch_id = str(place.branch_id or "")
    event.customer.create_time.FromDatetime(now)
    event.customer.update_time.FromDatetime(now)
    return event.SerializeToString()


def placed_payload(payload: bytes, place: bytes, key: uuid.UUID, version: int) -> bytes:
    """Serialised messages put one behind the other read as one merged message (protobuf encoding, "Last One Wins")."""
    event = CustomerEvent()
    event.customer.id, event.customer.etag = str(key), str(version)
    return payload + place + event.SerializeToString()
