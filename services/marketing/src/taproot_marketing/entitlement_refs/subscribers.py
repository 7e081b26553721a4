"""Projection of entitlement events."""

from __future__ import annotations

import uuid

from taproot.servicedesk.events.v1.entitlement_event_pb2 import EntitlementEvent
from taproot.servicedesk.v1.entitlement_pb2 import EntitlementKind, EntitlementState
from taproot_base import telemetry, wire
from taproot_chassis.events import Event
from taproot_chassis.projections import put_newer
from taproot_marketing.entitlement_refs.model import EntitlementRef
from taproot_storage.database import UnitOfWork

_put = put_newer(EntitlementRef)


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
        change_time=event.occurred_at,
        traceparent=telemetry.traceparent(),
    )
