"""Use cases of consents, and decisions that other services hear first."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_chassis.placement import caller_id
from taproot_customer.consents import queries
from taproot_customer.consents.model import Consent
from taproot_customer.parents import find_parent
from taproot_storage.database import UnitOfWork

CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class CreateConsent:
    id: uuid.UUID | None
    customer_id: uuid.UUID
    values: Mapping[str, Any]
    business_key: str | None = None


async def create_consent(command: CreateConsent, work: UnitOfWork) -> Consent:
    now = work.clock.now()
    values = dict(command.values)
    values["effective_time"] = values.get("effective_time") or now
    if values["effective_time"] > now + CLOCK_SKEW:
        raise InvalidArgument([("consent.effective_time", "lies in the future")])
    if values.get("expire_time") and values["expire_time"] <= values["effective_time"]:
        raise InvalidArgument([("consent.expire_time", "lies before the decision")])
    parent = await find_parent(work, command.customer_id)
    consent = Consent.create(
        command.id or new_id(),
        {
            **values,
            "customer_id": parent.id,
            "recorded_by_id": caller_id(),
            "business_key": command.business_key,
            "owner_id": parent.owner_id,
            "branch_id": parent.branch_id,
            "branch_path": parent.branch_path,
        },
        now,
    )
    await work.add(consent)
    await queries.put_state(work, consent)
    return consent
