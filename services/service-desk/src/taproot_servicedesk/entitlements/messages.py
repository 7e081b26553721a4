"""Entitlements between protobuf and columns."""

from __future__ import annotations

from taproot.servicedesk.events.v1.entitlement_event_pb2 import EntitlementEvent
from taproot_base.wire import text_of
from taproot_records.mapping import row_of
from taproot_servicedesk.entitlements.model import Entitlement
from taproot_servicedesk.entitlements.queries import SHELF
from taproot_storage.eventlog import Recorded


def to_event(entitlement: Entitlement, recorded: Recorded) -> EntitlementEvent:
    return EntitlementEvent(
        entitlement=SHELF.message(row_of(entitlement)),
        previous_owner_id=text_of(recorded.detail.get("previous_owner_id")),
        previous_branch_id=text_of(recorded.detail.get("previous_branch_id")),
    )
