"""Projection of entitlement events."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from taproot.servicedesk.events.v1.entitlement_event_pb2 import EntitlementEvent
from taproot.servicedesk.v1.entitlement_pb2 import EntitlementKind, EntitlementState
from taproot_chassis import wire
from taproot_chassis.database import UnitOfWork
from taproot_chassis.events import Event
from taproot_chassis.statements import Statement
from taproot_marketing.entitlement_refs.model import EntitlementRef

_columns = EntitlementRef.__table__.columns


def _build_put() -> Any:
    statement = insert(EntitlementRef).values({c.key: bindparam(c.key, type_=c.type) for c in _columns})
    changes = {c.key: statement.excluded[c.key] for c in _columns if c.key != "id"}
    newer = EntitlementRef.version < statement.excluded.version
    return statement.on_conflict_do_update(index_elements=["id"], set_=changes, where=newer)


_put = Statement(_build_put)


async def apply_entitlement(event: Event, work: UnitOfWork) -> None:
    found = event.decode(EntitlementEvent).entitlement
    await work.execute(
        _put,
        id=uuid.UUID(found.id),
        version=event.version,
        customer_id=uuid.UUID(found.customer_id),
        display_name=found.display_name,
        kind=wire.enum_name(EntitlementKind, found.kind, "ENTITLEMENT_KIND_"),
        state=wire.enum_name(EntitlementState, found.state, "ENTITLEMENT_STATE_"),
        product_id=wire.optional_uuid(found.product_id),
        product_code=found.product_code,
        device_serial=found.device_serial,
        start_date=wire.optional_date(found, "start_date"),
        end_date=wire.optional_date(found, "end_date"),
    )
