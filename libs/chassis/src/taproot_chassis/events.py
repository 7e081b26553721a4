"""Events on the wire: subjects, headers, and the event as a consumer sees it."""

from __future__ import annotations

import builtins
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import Message

from taproot_base.ids import shard_of

M = TypeVar("M", bound=Message)


def stream_of(service: str) -> str:
    return service.upper()


def subject_of(service: str, event_type: str, aggregate_id: uuid.UUID) -> str:
    return f"taproot.{service}.{event_type}.v1.{shard_of(aggregate_id)}"


def subject_filter(service: str, event_type: str) -> str:
    """`event_type` such as `order.confirmed`, `order.*` or `*` for all."""
    pattern = "*.*" if event_type == "*" else event_type
    return f"taproot.{service}.{pattern}.v1.*"


@dataclass(frozen=True)
class Event:
    """One event as published. `type` is the short one, such as `order.confirmed`."""

    id: uuid.UUID
    source: str
    type: str
    aggregate_id: uuid.UUID
    version: int
    occurred_at: datetime
    actor: str
    party_id: uuid.UUID | None
    branch_path: str | None
    owner_id: uuid.UUID | None
    traceparent: str
    payload: bytes
    _decoded: dict[Any, Message] = field(default_factory=dict, compare=False, repr=False)

    @property
    def aggregate_type(self) -> str:
        return self.type.partition(".")[0]

    @property
    def name(self) -> str:
        """The past tense without the aggregate: `confirmed`."""
        return self.type.partition(".")[2]

    def decode(self, kind: builtins.type[M]) -> M:
        found = self._decoded.get(kind)
        if found is None:
            found = self._decoded[kind] = kind.FromString(self.payload)
        return found  # type: ignore[return-value]  # stored under its own type

    @classmethod
    def from_row(cls, service: str, row: Any) -> Event:
        """From a row of the event log."""
        return cls(
            id=row["id"],
            source=service,
            type=row["type"],
            aggregate_id=row["aggregate_id"],
            version=row["version"],
            occurred_at=row["occurred_at"],
            actor=row["actor"],
            party_id=row["party_id"],
            branch_path=row["branch_path"],
            owner_id=row["owner_id"],
            traceparent=row["traceparent"],
            payload=row["payload"],
        )

    @property
    def subject(self) -> str:
        return subject_of(self.source, self.type, self.aggregate_id)

    def headers(self) -> dict[str, str]:
        """CloudEvents attributes in binary mode, trace context, and the id JetStream de-duplicates by."""
        headers = {
            "Nats-Msg-Id": str(self.id),
            "ce-specversion": "1.0",
            "ce-id": str(self.id),
            "ce-source": f"/taproot/{self.source}",
            "ce-type": self.type,
            "ce-subject": str(self.aggregate_id),
            "ce-time": self.occurred_at.isoformat(),
            "ce-actor": self.actor,
            "ce-version": str(self.version),
        }
        optional = {
            "ce-party": self.party_id,
            "ce-branch": self.branch_path,
            "ce-owner": self.owner_id,
            "traceparent": self.traceparent,
        }
        return headers | {name: str(value) for name, value in optional.items() if value}

    @classmethod
    def from_wire(cls, headers: dict[str, str], payload: bytes) -> Event:
        """Raises KeyError or ValueError for headers that are not an event's."""
        occurred_at = datetime.fromisoformat(headers["ce-time"])
        if occurred_at.tzinfo is None:
            raise ValueError("ce-time has no zone")
        party, owner = headers.get("ce-party"), headers.get("ce-owner")
        return cls(
            id=uuid.UUID(headers["ce-id"]),
            source=headers["ce-source"].rpartition("/")[2],
            type=headers["ce-type"],
            aggregate_id=uuid.UUID(headers["ce-subject"]),
            version=int(headers["ce-version"]),
            occurred_at=occurred_at,
            actor=headers["ce-actor"],
            party_id=uuid.UUID(party) if party else None,
            branch_path=headers.get("ce-branch"),
            owner_id=uuid.UUID(owner) if owner else None,
            traceparent=headers.get("traceparent", ""),
            payload=payload,
        )
