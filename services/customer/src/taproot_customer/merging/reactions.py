"""What a customer's changes do to the search for duplicates."""

from __future__ import annotations

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot_chassis.events import Event
from taproot_customer.customers import messages as customer_messages
from taproot_customer.matching.identifiers import DEFAULT_REGION
from taproot_customer.matching.traits import traits_of
from taproot_customer.merging import candidates
from taproot_customer.merging.identity import identity_of
from taproot_storage.database import UnitOfWork

_FIELDS = ("kind", "display_name", "given_name", "family_name", "birth_date", "identifiers", "addresses")


async def on_customer_changed(event: Event, work: UnitOfWork) -> None:
    """Projection: what a customer is compared by, and the keys under which it meets its likely duplicates."""
    message = event.decode(CustomerEvent).customer
    if message.HasField("delete_time"):
        await candidates.forget(work, event.aggregate_id)
        return
    values = customer_messages.to_values(message, _FIELDS)
    traits = traits_of(identity_of(values, DEFAULT_REGION))
    await candidates.put(work, event.aggregate_id, event.version, traits)
