"""Branches between protobuf and columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import available_timezones

from taproot.identity.events.v1.branch_event_pb2 import BranchEvent
from taproot.identity.v1 import branch_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument, Violation
from taproot_gateway.branches.model import Branch
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import custom_values

_PLAIN = ("display_name", "time_zone", "language_code", "country_code", "currency_code", "closed")


def to_message(row: Any) -> pb.Branch:
    """From a row of the table or a mapped Branch."""
    read = row.__getitem__ if not isinstance(row, Branch) else lambda name: getattr(row, name)
    message = pb.Branch(
        id=str(read("id")),
        code=read("code"),
        parent_id=wire.text_of(read("parent_id")),
        path=read("path"),
        path_epoch=read("path_epoch"),
        regions=read("regions"),
        manager_id=wire.text_of(read("manager_id")),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        delete_time=wire.to_timestamp(read("delete_time")),
        etag=str(read("version")),
        **{name: read(name) for name in _PLAIN},
    )
    if read("custom"):
        message.custom.update(read("custom"))
    return message


def to_event(branch: Branch, recorded: Recorded) -> BranchEvent:
    previous = recorded.detail.get("previous_path", "")
    return BranchEvent(branch=to_message(branch), version=recorded.version, previous_path=previous)


def to_values(message: pb.Branch, names: Iterable[str]) -> dict[str, Any]:
    """Columns for the given fields. Raises InvalidArgument."""
    values: dict[str, Any] = {}
    for name in names:
        if name in (*_PLAIN, "code"):
            values[name] = getattr(message, name)
        elif name == "regions":
            values[name] = list(message.regions)
        elif name == "manager_id":
            values[name] = wire.optional_uuid(message.manager_id)
        elif name == "custom":
            values[name] = custom_values(message.custom, "branch.custom")
    check_zone("branch", values.get("time_zone", ""))
    return values


FIELDS = ("code", *_PLAIN, "regions", "manager_id", "custom")


def check_zone(resource: str, name: str) -> None:
    if name and name not in available_timezones():
        raise InvalidArgument([(f"{resource}.time_zone", "is not an IANA time zone such as Asia/Shanghai")])


def check_new(message: pb.Branch) -> None:
    missing = [name for name in ("code", "display_name", "parent_id") if not getattr(message, name)]
    if missing:
        raise InvalidArgument(Violation(f"branch.{name}", "is required") for name in missing)
