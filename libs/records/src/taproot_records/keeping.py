"""Records that are created, changed and deleted without a rule of their own but what makes them sound."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from sqlalchemy import DateTime
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AppError, InvalidArgument, WrongState
from taproot_base.text import sort_key
from taproot_records.checks import Checks
from taproot_records.mapping import Values
from taproot_records.writing import IdTaken, discard, load, new_key, patched
from taproot_storage.database import UnitOfWork
from taproot_storage.eventlog import Aggregate


class Kept(Aggregate):
    """Verbs of such a record; `faults` says what is wrong with it, and completes it."""

    refusals: ClassVar[Mapping[str, Callable[[], AppError]]] = {}
    """Name of a unique index -> what breaking it means."""

    @classmethod
    def create(cls, values: Values, now: datetime) -> Self:
        kind: Any = cls
        made: Self = kind(**values, create_time=now, update_time=now)
        made._check()
        made.record("created", now)
        return made

    def change(self, values: Values, now: datetime) -> None:
        for name, value in values.items():
            setattr(self, name, value)
        self._check()
        self.record("updated", now)

    def remove(self, now: datetime) -> None:
        """For good; see `writing.discard`."""
        self.record("deleted", now)

    def faults(self) -> list[tuple[str, str]]:
        """Every fault as (field, description); empty when the record is sound."""
        return []

    def _check(self) -> None:
        found = [(f"{self.aggregate_type}.{name}", text) for name, text in self.faults()]
        if found:
            raise InvalidArgument(found)

    def missing(self, *names: str) -> list[tuple[str, str]]:
        """Faults of required fields."""
        return [(name, "is required") for name in names if not getattr(self, name)]


class Recyclable(Kept):
    """Deleted to the recycle bin, and back."""

    delete_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    def delete(self, now: datetime) -> None:
        self.delete_time = now
        self.record("deleted", now)

    def undelete(self, now: datetime) -> None:
        if self.delete_time is None:
            raise WrongState(f"the {self.aggregate_type}", "not deleted", ["deleted"])
        self.delete_time = None
        self.record("undeleted", now)


class Sorted:
    """Listed by name as people expect; `sort_key` is what `display_name` is ordered by."""

    display_name: Mapped[str] = mapped_column(default="")
    sort_key: Mapped[str] = mapped_column(default="")

    def sort_by_name(self) -> None:
        self.sort_key = sort_key(self.display_name)


K = TypeVar("K", bound=Kept)
R = TypeVar("R", bound=Recyclable)


Check = Callable[[], Awaitable[Any]]


async def create_record(model: type[K], chosen: str, values: Values, work: UnitOfWork, *also: Check) -> K:
    """`chosen`: the key the client chose, or empty. `also`: checks whose faults are told with the record's own."""
    key = await new_key(work, model, chosen)
    checks, record = await _checked(also), None
    with checks:
        record = model.create({"id": key} | values, work.clock.now())
    checks.done()
    assert record is not None
    await work.add(record)
    await flush_unique(work, model.refusals)
    return record


async def update_record(
    model: type[K], key: str | uuid.UUID, etag: str, values: Values, work: UnitOfWork, *also: Check
) -> K:
    binned = False if issubclass(model, Recyclable) else None
    record = await load(work, model, key, etag, deleted=binned)
    checks = await _checked(also)
    with checks:
        record.change(patched(record, values), work.clock.now())
    checks.done()
    await flush_unique(work, model.refusals)
    return record


async def _checked(also: Sequence[Check]) -> Checks:
    checks = Checks()
    for check in also:
        with checks:
            await check()
    return checks


async def erase_record(model: type[K], key: str | uuid.UUID, etag: str, work: UnitOfWork, *also: Check) -> K:
    """For good. `also`: what may forbid it."""
    record = await load(work, model, key, etag)
    for check in also:
        await check()
    record.remove(work.clock.now())
    await discard(work, record)
    return record


async def delete_record(model: type[R], key: str | uuid.UUID, etag: str, work: UnitOfWork) -> R:
    record = await load(work, model, key, etag, deleted=False)
    record.delete(work.clock.now())
    return record


async def undelete_record(model: type[R], key: str | uuid.UUID, etag: str, work: UnitOfWork) -> R:
    record = await load(work, model, key, etag, deleted=True)
    record.undelete(work.clock.now())
    await flush_unique(work, model.refusals)
    return record


async def flush_unique(
    work: UnitOfWork, refusals: Mapping[str, Callable[[], AppError]] | None = None
) -> None:
    """Write now; a broken unique index named in `refusals` becomes its error, a key in use IdTaken."""
    try:
        await work.flush()
    except IntegrityError as error:
        text: Any = str(error.orig)
        for index, refusal in (refusals or {}).items():
            if index in text:
                raise refusal() from error
        if "pk_" in text:
            raise IdTaken from error
        raise
