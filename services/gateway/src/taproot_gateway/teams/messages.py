"""Teams between protobuf and columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taproot.identity.events.v1.team_event_pb2 import TeamEvent
from taproot.identity.v1 import team_pb2 as pb
from taproot_base import wire
from taproot_base.errors import InvalidArgument
from taproot_gateway.teams.model import Team
from taproot_storage.eventlog import Recorded

_PLAIN = ("display_name", "description")


def to_message(row: Any) -> pb.Team:
    """From a row of the table or a mapped Team."""
    read = row.__getitem__ if not isinstance(row, Team) else lambda name: getattr(row, name)
    return pb.Team(
        id=str(read("id")),
        branch_id=wire.text_of(read("branch_id")),
        leader_id=wire.text_of(read("leader_id")),
        create_time=wire.to_timestamp(read("create_time")),
        update_time=wire.to_timestamp(read("update_time")),
        delete_time=wire.to_timestamp(read("delete_time")),
        etag=str(read("version")),
        **{name: read(name) for name in _PLAIN},
    )


def to_event(team: Team, recorded: Recorded) -> TeamEvent:
    return TeamEvent(team=to_message(team), version=recorded.version)


def to_values(message: pb.Team, names: Iterable[str]) -> dict[str, Any]:
    """Columns for the given fields; `branch_id` stays a key, its path is found by the handler."""
    values: dict[str, Any] = {}
    for name in names:
        if name in _PLAIN:
            values[name] = getattr(message, name)
        elif name in ("leader_id", "branch_id"):
            values[name] = wire.optional_uuid(getattr(message, name))
    return values


FIELDS = (*_PLAIN, "leader_id", "branch_id")


def check_new(message: pb.Team) -> None:
    if not message.display_name:
        raise InvalidArgument([("team.display_name", "is required")])
