"""The window [from_time, to_time) of a request."""

from __future__ import annotations

import datetime as dt
from typing import Any

from taproot_base import wire
from taproot_base.errors import InvalidArgument

LONGEST = 366


def window_of(request: Any, days: int = LONGEST) -> tuple[dt.datetime, dt.datetime]:
    """Raises InvalidArgument for one that is empty or too long."""
    since, before = wire.from_timestamp(request.from_time), wire.from_timestamp(request.to_time)
    if before <= since:
        raise InvalidArgument([("to_time", "must be after from_time")])
    if before - since > dt.timedelta(days=days):
        raise InvalidArgument([("to_time", f"must be within {days} days of from_time")])
    return since, before
