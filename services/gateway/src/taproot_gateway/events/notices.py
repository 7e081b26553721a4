"""One event as listeners are told of it, and who may be told."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from taproot_base.access import AccessDirectory
from taproot_base.auth import Principal
from taproot_chassis.events import Event
from taproot_gateway.events.catalog import Catalog, Kind


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
            data=_data(kind, event),
        )


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

    What an event does not tell, such as single records shared across branches, counts as not visible: a listener may
    miss a notice of a record it could read, and never gets one of a record it could not. Raises Unavailable while a
    role has not reached this process yet.
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
    )
