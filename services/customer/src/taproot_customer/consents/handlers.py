"""Use cases of consents, and decisions that other services hear first."""

from __future__ import annotations

from datetime import timedelta

from taproot_base.errors import InvalidArgument
from taproot_chassis.placement import caller_id
from taproot_customer.consents import queries
from taproot_customer.consents.model import Consent
from taproot_customer.parents import find_parent
from taproot_records.mapping import Values
from taproot_records.writing import new_key
from taproot_storage.database import UnitOfWork

CLOCK_SKEW = timedelta(minutes=5)


async def create_consent(chosen: str, given: Values, work: UnitOfWork) -> Consent:
    now = work.clock.now()
    values = dict(given)
    values["effective_time"] = values.get("effective_time") or now
    if values["effective_time"] > now + CLOCK_SKEW:
        raise InvalidArgument([("consent.effective_time", "lies in the future")])
    if values.get("expire_time") and values["expire_time"] <= values["effective_time"]:
        raise InvalidArgument([("consent.expire_time", "lies before the decision")])
    parent = await find_parent(work, given["customer_id"])
    values |= parent.held | {"owner_id": parent.owner_id, "recorded_by_id": caller_id()}
    consent = Consent.create(await new_key(work, Consent, chosen), values, now)
    await work.add(consent)
    await queries.put_state(work, consent)
    return consent
