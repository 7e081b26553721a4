"""Users between protobuf and columns."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from taproot.identity.events.v1.user_event_pb2 import UserEvent
from taproot.identity.v1 import user_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_gateway.branches.messages import check_zone
from taproot_gateway.users.model import User
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

KIND, STATE = "USER_KIND_", "USER_STATE_"
_PLAIN = (
    "user_name", "display_name", "email", "phone", "employee_number", "title", "language_code", "time_zone",
)  # fmt: skip
LISTS = ("other_branch_ids", "team_ids", "role_ids")
ASSIGNED = ("branch_id", *LISTS)
BY_VERB = dict.fromkeys(ASSIGNED, "AssignUser")


def to_message(row: Any) -> pb.User:
    """From a row of the table or a mapped User."""
    read = row.__getitem__ if not isinstance(row, User) else lambda name: getattr(row, name)
    message = pb.User(
        id=str(read("id")),
        kind=wire.enum_number(pb.UserKind, read("kind"), KIND),
        state=wire.enum_number(pb.UserState, read("state"), STATE),
        customer_id=wire.text_of(read("customer_id")),
        branch_id=wire.text_of(read("branch_id")),
        manager_id=wire.text_of(read("manager_id")),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        delete_time=wire.to_timestamp(read("delete_time")),
        etag=str(read("version")),
        **{name: read(name) for name in _PLAIN},
        other_branch_ids=map(str, read("other_branch_ids")),
        team_ids=map(str, read("team_ids")),
        role_ids=map(str, read("role_ids")),
    )
    if read("custom"):
        message.custom.update(read("custom"))
    return message


def to_event(user: User, recorded: Recorded) -> UserEvent:
    previous = wire.text_of(recorded.detail.get("previous_branch_id"))
    return UserEvent(user=to_message(user), version=recorded.version, previous_branch_id=previous)


def to_values(message: pb.User, names: Iterable[str]) -> dict[str, Any]:
    """Columns for the given fields. Raises InvalidArgument."""
    values: dict[str, Any] = {}
    for name in names:
        if name in _PLAIN:
            values[name] = getattr(message, name)
        elif name in ("manager_id", "customer_id", "branch_id"):
            values[name] = wire.optional_uuid(getattr(message, name))
        elif name in LISTS:
            values[name] = keys_of(getattr(message, name))
        elif name == "kind":
            values[name] = wire.enum_name(pb.UserKind, message.kind, KIND)
        elif name == "custom":
            values[name] = custom_values(message.custom, "user.custom")
    check_zone("user", values.get("time_zone", ""))
    return values


def keys_of(texts: Iterable[str]) -> list[uuid.UUID]:
    return [uuid.UUID(text) for text in texts]


FIELDS = (*_PLAIN, "kind", "customer_id", "manager_id", "custom", *ASSIGNED)


def check_new(message: pb.User) -> None:
    violations = []
    if not message.user_name:
        violations.append(Violation("user.user_name", "is required"))
    portal = message.kind == pb.USER_KIND_PORTAL
    if portal and not message.customer_id:
        violations.append(Violation("user.customer_id", "is required for a portal user"))
    if message.customer_id and not portal:
        violations.append(Violation("user.customer_id", "is for portal users only"))
    if portal and message.role_ids:
        violations.append(Violation("user.role_ids", "a portal user has no roles"))
    if violations:
        raise InvalidArgument(violations)


def assigned_values(request: Any, names: Iterable[str]) -> dict[str, Any]:
    """Columns of an AssignUserRequest for the fields it names. Raises InvalidArgument for other names."""
    values: dict[str, Any] = {}
    for name in names:
        if name not in ASSIGNED:
            raise InvalidArgument([("assign_mask", f"{name} is not one of {', '.join(ASSIGNED)}")])
        value = getattr(request, name)
        values[name] = wire.optional_uuid(value) if name == "branch_id" else keys_of(value)
    return values
