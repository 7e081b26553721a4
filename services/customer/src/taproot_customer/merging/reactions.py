"""What a customer's changes do to the search for duplicates."""

from __future__ import annotations

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot_chassis.events import Event
from taproot_customer.customers import messages as customer_messages
from taproot_customer.matching.blocking import blocking_keys
from taproot_customer.matching.identifiers import DEFAULT_REGION
from taproot_customer.merging import queries
from taproot_customer.merging.identity import identity_of
from taproot_storage.database import UnitOfWork


async def on_customer_changed(event: Event, work: UnitOfWork) -> None:
    """Projection: the keys under which a customer meets its likely duplicates."""
    message = event.decode(CustomerEvent).customer
    if message.HasField("delete_time"):
        await queries.put_blocks(work, event.aggregate_id, ())
        return
    fields = ("kind", "display_name", "given_name", "family_name", "birth_date", "identifiers", "addresses")
    values = customer_messages.to_values(message, fields)
    await queries.put_blocks(
        work, event.aggregate_id, sorted(blocking_keys(identity_of(values, DEFAULT_REGION)))
    )
