"""API keys between protobuf and columns."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from taproot.identity.v1 import api_key_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument

SCOPE = "API_KEY_SCOPE_"
DEFAULT_LIFE, LONGEST_LIFE = timedelta(days=365), timedelta(days=731)


def to_message(row: Any) -> pb.ApiKey:
    return pb.ApiKey(
        id=str(row["id"]),
        display_name=row["display_name"],
        user_id=str(row["user_id"]),
        prefix=row["prefix"],
        scope=wire.enum_number(pb.ApiKeyScope, row["scope"], SCOPE),
        create_time=wire.to_timestamp(row["create_time"]),
        expire_time=wire.to_timestamp(row["expire_time"]),
        last_used_time=wire.to_timestamp(row["last_used_time"]),
    )


def scope_of(message: pb.ApiKey) -> str:
    return wire.enum_name(pb.ApiKeyScope, message.scope or pb.API_KEY_SCOPE_API, SCOPE)


def expiry(message: pb.ApiKey, now: datetime) -> datetime:
    """Raises InvalidArgument for a time that has passed or is too far."""
    asked = wire.optional_instant(message, "expire_time") or now + DEFAULT_LIFE
    if not now < asked <= now + LONGEST_LIFE:
        raise InvalidArgument([("api_key.expire_time", "must be within the next 2 years")])
    return asked
