"""One event as listeners are told of it, and who may be told."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import orjson

from taproot_base.access import AccessDirectory, Reach
from taproot_base.auth import Principal
from taproot_chassis.events import Event
from taproot_gateway.events.catalog import Catalog, Kind
from taproot_records.mapping import short_name


@dataclass(frozen=True, slots=True)
class Share:
    """Somebody who is let in to the record besides those it belongs to."""

    user_id: str
    team_id: str
    branch_id: str
    level: str
    expire_time: float

    @classmethod
    def of(cls, told: Any) -> Share:
        level = told.DESCRIPTOR.fields_by_name["level"].enum_type
        ends = told.expire_time.ToNanoseconds() / 1e9 if told.HasField("expire_time") else math.inf
        return cls(told.user_id, told.team_id, told.branch_id, short_name(level, told.level), ends)

    def lets_in(self, reach: Reach, directory: AccessDirectory, now: float) -> bool:
        if self.expire_time <= now or self.level not in reach.share_levels:
            return False
        branch = directory.branches.get(self.branch_id)
        return (
            (bool(self.user_id) and self.user_id == reach.owner_id)
            or (bool(self.team_id) and self.team_id in reach.team_ids)
            or (branch is not None and reach.covers_path(branch.path))
        )


@dataclass(frozen=True, slots=True)
class Notice:
    """Small: gateways keep thousands. The record itself is not in it; who may see it reads it anew."""

    kind: Kind
    event: str
    key: str
    version: int
    owner_id: str
    branch_path: str
    team_id: str
    party_id: str
    shares: tuple[Share, ...] = ()
    data: bytes = b""
    """What is sent, made once for all who listen."""

    @classmethod
    def of(cls, event: Event, catalog: Catalog) -> Notice | None:
        """None for an event that no record can be read for."""
        kind = catalog.find(event.source, event.type)
        if kind is None:
            return None
        return cls(
            kind=kind,
            event=event.type,
            key=str(event.aggregate_id),
            version=event.version,
            owner_id=str(event.owner_id or ""),
            branch_path=event.branch_path or "",
            team_id=kind.record(event.payload).team_id if kind.has_team else "",
            party_id=str(event.party_id or ""),
            shares=_shares(kind, event),
            data=_data(kind, event),
        )


def _shares(kind: Kind, event: Event) -> tuple[Share, ...]:
    if not kind.has_shares:
        return ()
    told: Any = kind.message.FromString(event.payload)
    return tuple(Share.of(share) for share in told.shares)


def _data(kind: Kind, event: Event) -> bytes:
    return orjson.dumps(
        {
            "resource": kind.collection,
            "id": str(event.aggregate_id),
            "event": event.type,
            "etag": str(event.version),
        }
    )


def may_see(notice: Notice, principal: Principal, directory: AccessDirectory) -> bool:
    """The rows' own rule (ADR 0003) over what the event says of its record.

    What an event does not tell counts as not visible: a listener may miss a notice of a record it could read, and
    never gets one of a record it could not. Raises Unavailable while a role has not reached this process yet.
    """
    kind = notice.kind
    if principal.kind == "portal":
        return kind.portal and bool(notice.party_id) and notice.party_id == principal.party_id
    if principal.kind != "user":
        return False
    reach = directory.reach(principal, kind.permission)
    if reach is None:
        return False
    if reach.everything or not kind.scoped:
        return True
    return (
        notice.owner_id == reach.owner_id
        or (bool(notice.team_id) and notice.team_id in reach.team_ids)
        or (bool(notice.branch_path) and reach.covers_path(notice.branch_path))
        or any(share.lets_in(reach, directory, time.time()) for share in notice.shares)
    )
