"""Roles between protobuf and columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taproot.identity.events.v1.role_event_pb2 import RoleEvent
from taproot.identity.v1 import role_pb2 as pb
from taproot.options.v1.options_pb2 import Sensitivity
from taproot_base import wire
from taproot_base.errors import InvalidArgument
from taproot_gateway.roles.model import Role
from taproot_storage.eventlog import Recorded

SCOPE, CLASS = "DATA_SCOPE_", "SENSITIVITY_"
_PLAIN = ("display_name", "description", "second_factor_required")


def to_message(row: Any) -> pb.Role:
    """From a row of the table or a mapped Role."""
    read = row.__getitem__ if not isinstance(row, Role) else lambda name: getattr(row, name)
    return pb.Role(
        id=str(read("id")),
        code=read("code"),
        grants=[to_grant(permission, scope) for permission, scope in read("grants")],
        masked_classes=[wire.enum_number(Sensitivity, name, CLASS) for name in read("masked_classes")],
        masked_fields=read("masked_fields"),
        system=read("system"),
        version=read("version"),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        etag=str(read("version")),
        **{name: read(name) for name in _PLAIN},
    )


def to_grant(permission: str, scope: str) -> pb.Grant:
    return pb.Grant(permission=permission, scope=wire.enum_number(pb.DataScope, scope, SCOPE))


def to_event(role: Role, recorded: Recorded) -> RoleEvent:
    return RoleEvent(role=to_message(role), version=recorded.version)


def to_values(message: pb.Role, names: Iterable[str]) -> dict[str, Any]:
    """Columns for the given fields."""
    values: dict[str, Any] = {}
    for name in names:
        if name in (*_PLAIN, "code"):
            values[name] = getattr(message, name)
        elif name == "grants":
            values[name] = [
                [g.permission, wire.enum_name(pb.DataScope, g.scope, SCOPE)] for g in message.grants
            ]
        elif name == "masked_classes":
            values[name] = [wire.enum_name(Sensitivity, one, CLASS) for one in message.masked_classes]
        elif name == "masked_fields":
            values[name] = list(message.masked_fields)
    return values


FIELDS = ("code", *_PLAIN, "grants", "masked_classes", "masked_fields")


def check_new(message: pb.Role) -> None:
    missing = [name for name in ("code", "display_name") if not getattr(message, name)]
    if missing:
        raise InvalidArgument((f"role.{name}", "is required") for name in missing)
