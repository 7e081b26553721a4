"""The event log: every change of every aggregate, written in the transaction that made it."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from sqlalchemy import CTE, BigInteger, DateTime, Insert, Uuid, bindparam, insert
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from taproot_base import telemetry
from taproot_base.context import current_call_or_none
from taproot_base.ids import new_id
from taproot_storage.schema import event_log
from taproot_storage.statements import Statement

if TYPE_CHECKING:
    from taproot_storage.database import UnitOfWork


class Payload(Protocol):
    """A protobuf message, as far as the log cares."""

    def SerializeToString(self) -> bytes: ...


@dataclass(frozen=True)
class Recorded:
    """Something that happened to an aggregate. `type` is `<aggregate>.<past tense>`."""

    type: str
    version: int
    detail: Mapping[str, Any] = field(default_factory=dict)


class Aggregate:
    """Mixin of mapped classes that guard rules and record what happened.

    Every recorded event raises `version`, which is also the optimistic lock and the etag.
    """

    aggregate_type: ClassVar[str]

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, default=0)
    create_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    update_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805  # a class-level directive
        return {"version_id_col": cls.__table__.c.version, "version_id_generator": False}  # type: ignore[attr-defined]  # set by the mapper

    @property
    def recorded(self) -> list[Recorded]:
        pending: list[Recorded] = self.__dict__.setdefault("_recorded", [])
        return pending

    @property
    def party(self) -> uuid.UUID | None:
        """The outside party the aggregate belongs to, when there is one."""
        return None

    @property
    def etag(self) -> str:
        return str(self.version)

    def record(self, event: str, now: datetime, **detail: Any) -> None:
        """Note `event` (past tense, without the aggregate's name) and raise the version."""
        self.version = (self.version or 0) + 1
        self.update_time = now
        self.recorded.append(Recorded(f"{self.aggregate_type}.{event}", self.version, detail))


@dataclass(frozen=True)
class LogEntry:
    """One event on its way into the log, for hot paths that do not load aggregates."""

    type: str
    aggregate_id: uuid.UUID
    version: int
    payload: bytes
    party_id: uuid.UUID | None = None
    branch_path: str | None = None
    owner_id: uuid.UUID | None = None


_WRITTEN = [column.name for column in event_log.c if column.name not in ("number", "published_at")]
EVENT = "event_"


def with_event(*changes: CTE) -> Insert:
    """One statement that makes the changes and logs their event; run it by `EventLog.write`."""
    return insert(event_log).values({name: bindparam(EVENT + name) for name in _WRITTEN}).add_cte(*changes)


Encoder = Callable[[Any, Recorded], Payload]

Companion = Callable[["UnitOfWork", Sequence[Any]], Awaitable[None]]
"""What else is kept of aggregates that were written, in the same transaction."""

MANY = 50
"""From so many events of one transaction on, a COPY costs less than what it takes to begin one."""
_append = Statement(lambda: insert(event_log).values({name: bindparam(name) for name in _WRITTEN}))


class EventLog:
    """Turns recorded events into rows. `encoders`: mapped class -> full state as protobuf.

    A companion sees aggregates that were changed and recorded something.
    """

    def __init__(self, encoders: Mapping[type, Encoder], companions: Sequence[Companion] = ()) -> None:
        self._encoders = encoders
        self._companions = companions

    async def append_recorded(self, work: UnitOfWork, entities: Collection[Any]) -> None:
        await self._accompany(work, [entity for entity in entities if getattr(entity, "recorded", None)])
        entries: list[LogEntry] = []
        for entity in entities:
            if not isinstance(entity, Aggregate):
                continue
            entries += [self._entry(entity, recorded) for recorded in entity.recorded]
            entity.recorded.clear()
        await self.append(work, entries)

    async def _accompany(self, work: UnitOfWork, entities: Sequence[Any]) -> None:
        if entities:
            for companion in self._companions:
                await companion(work, entities)

    def _entry(self, entity: Aggregate, recorded: Recorded) -> LogEntry:
        payload = self._encoders[type(entity)](entity, recorded)
        return LogEntry(
            type=recorded.type,
            aggregate_id=entity.id,
            version=recorded.version,
            payload=payload.SerializeToString(),
            party_id=entity.party,
            branch_path=getattr(entity, "branch_path", None),
            owner_id=getattr(entity, "owner_id", None),
        )

    async def write(self, work: UnitOfWork, entity: Aggregate, statement: Statement, **values: Any) -> None:
        """Write a new aggregate and the one event it recorded by a statement of `with_event`, in one round trip."""
        await self._accompany(work, [entity])
        (recorded,) = entity.recorded
        row = _row(self._entry(entity, recorded)) | _circumstances(work)
        entity.recorded.clear()
        work.touched[str(entity.id)] = None
        await work.execute(statement, **values, **{EVENT + name: value for name, value in row.items()})
        _wake_relay(work)

    async def append(self, work: UnitOfWork, entries: Sequence[LogEntry]) -> None:
        """Write events with the transaction; the relay publishes them after its commit."""
        if not entries:
            return
        shared = _circumstances(work)
        rows = [_row(entry) | shared for entry in entries]
        work.touched.update({str(entry.aggregate_id): None for entry in entries})
        if len(rows) == 1:
            await work.execute(_append, **rows[0])
        elif len(rows) >= MANY:
            await work.copy(_append, event_log, rows)
        else:
            await work.execute_many(_append, rows)
        _wake_relay(work)


def _circumstances(work: UnitOfWork) -> dict[str, Any]:
    call = current_call_or_none()
    return {
        "occurred_at": work.clock.now(),
        "actor": call.principal.subject if call else "system",
        "traceparent": telemetry.traceparent(),
    }


def _wake_relay(work: UnitOfWork) -> None:
    if work.database.wake_relay is not None and work.database.wake_relay not in work.after_commit:
        work.after_commit.append(work.database.wake_relay)


def _row(entry: LogEntry) -> dict[str, Any]:
    return {
        "id": new_id(),
        "aggregate_type": entry.type.partition(".")[0],
        "aggregate_id": entry.aggregate_id,
        "version": entry.version,
        "type": entry.type,
        "payload": entry.payload,
        "party_id": entry.party_id,
        "branch_path": entry.branch_path,
        "owner_id": entry.owner_id,
    }
