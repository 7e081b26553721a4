"""Names of time zones as callers give them."""

from __future__ import annotations

import uuid
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from taproot_chassis.identities import find_user
from taproot_customer.care_dates.schedule import zone_of
from taproot_storage.database import Reader


def is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


async def zone_of_user(reader: Reader, user_id: uuid.UUID | None) -> ZoneInfo:
    """UTC where none is known."""
    user = await find_user(reader, user_id) if user_id else None
    return zone_of(user["time_zone"] if user is not None else "")
