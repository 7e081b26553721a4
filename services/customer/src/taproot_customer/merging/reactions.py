"""What a customer's changes do to the search for duplicates."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot_chassis.events import Event
from taproot_customer.customers import messages as customer_messages
from taproot_customer.matching.identifiers import DEFAULT_REGION
from taproot_customer.matching.traits import Traits, traits_of
from taproot_customer.merging import candidates
from taproot_customer.merging.identity import identity_of
from taproot_storage.database import UnitOfWork

_FIELDS = ("kind", "display_name", "given_name", "family_name", "birth_date", "identifiers", "addresses")


async def on_customer_changed(event: Event, work: UnitOfWork) -> None:
    """Projection: what a customer is compared by, and the keys under which it meets its likely duplicates."""
    await on_customers_changed([event], work)


async def on_customers_changed(events: Sequence[Event], work: UnitOfWork) -> None:
    """New customers have nothing stored that must give way, unless something else about them came before.

    Those that are gone are forgotten together in the end, but for the ones that came back after that.
    """
    born = [event for event in events if event.type == "customer.created"]
    made = [(event, traits) for event in born if (traits := _traits(event)) is not None]
    await candidates.put_new(work, [(event.aggregate_id, event.version, traits) for event, traits in made])
    gone: set[uuid.UUID] = set()
    for event in events:
        if event.type == "customer.created":
            continue
        traits = _traits(event)
        if traits is None:
            gone.add(event.aggregate_id)
            continue
        if event.aggregate_id in gone:
            gone.remove(event.aggregate_id)
            await candidates.forget(work, event.aggregate_id)
        await candidates.put(work, event.aggregate_id, event.version, traits)
    await candidates.forget(work, *gone)


def _traits(event: Event) -> Traits | None:
    """None: it is deleted."""
    message = event.decode(CustomerEvent).customer
    if message.HasField("delete_time"):
        return None
    return traits_of(identity_of(customer_messages.to_values(message, _FIELDS), DEFAULT_REGION))
