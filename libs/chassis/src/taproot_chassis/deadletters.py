"""Events that could not take effect, and the later ones of the same aggregate parked behind them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from taproot_chassis.events import Event
from taproot_storage.schema import dead_letters
from taproot_storage.statements import Statement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from taproot_storage.database import Database, UnitOfWork

STATES = ("dead", "parked")
_STRAYS = uuid.UUID("0b0a3e6e-6f5a-4a5e-9a4e-0c7c1a3d5e21")
_t = dead_letters.c
_insert = Statement(
    lambda: (
        insert(dead_letters)
        .values(
            {
                name: bindparam(name)
                for name in (
                    "consumer",
                    "event_id",
                    "aggregate_id",
                    "subject",
                    "headers",
                    "payload",
                    "state",
                    "error",
                )
            }
        )
        .on_conflict_do_nothing()
    )
)
_blocked = Statement(
    lambda: (
        select(_t.aggregate_id, func.count())
        .where(_t.consumer == bindparam("name"))
        .group_by(_t.aggregate_id)
    )
)
_count = Statement(
    lambda: select(_t.state, func.count()).where(_t.consumer == bindparam("name")).group_by(_t.state)
)
_list = Statement(
    lambda: select(dead_letters).where(_t.consumer == bindparam("name")).order_by(_t.number).limit(1000)
)
_one = Statement(lambda: select(dead_letters).where(_t.number == bindparam("row_number")))
_of_aggregate = Statement(
    lambda: (
        select(dead_letters)
        .where(_t.consumer == bindparam("name"), _t.aggregate_id == bindparam("aggregate"))
        .order_by(_t.number)
    )
)
_remove = Statement(lambda: delete(dead_letters).where(_t.number == bindparam("row_number")))
_promote = Statement(
    lambda: (
        update(dead_letters)
        .where(_t.number == bindparam("row_number"))
        .values(state="dead", error=bindparam("why"))
    )
)


@dataclass(frozen=True)
class Stray:
    """A message that does not say which event it is: nobody but an operator can make anything of it."""

    key: uuid.UUID
    subject: str
    headers: dict[str, str]
    payload: bytes
    error: str

    @classmethod
    def of(cls, message: Any, error: Exception) -> Stray:
        """Known again by its place in the stream, should it be delivered twice."""
        place = f"{message.metadata.stream}:{message.metadata.sequence.stream}"
        why = f"Unaddressed: {type(error).__name__}: {error}"
        return cls(
            uuid.uuid5(_STRAYS, place), message.subject, dict(message.headers or {}), message.data, why
        )


class DeadLetters:
    """The letters of one consumer."""

    def __init__(self, database: Database, consumer: str) -> None:
        self._database = database
        self._consumer = consumer
        self._blocked: set[uuid.UUID] = set()

    async def load(self) -> None:
        async with self._database.reading() as reader:
            rows = await reader.fetch(_blocked, name=self._consumer)
        self._blocked = {row[0] for row in rows}

    async def bury(self, event: Event, error: Exception) -> None:
        async with self._database.unit() as work:
            await self._put(event, "dead", f"{type(error).__name__}: {error}", work)
        self._blocked.add(event.aggregate_id)

    async def bury_stray(self, stray: Stray) -> None:
        async with self._database.unit() as work:
            await self._insert(
                stray.key, stray.key, stray.subject, stray.headers, stray.payload, "dead", stray.error, work
            )

    async def park_behind(self, event: Event, work: UnitOfWork) -> bool:
        """Set the event aside when an earlier one of its aggregate is waiting here."""
        if event.aggregate_id not in self._blocked:
            return False
        if not await work.fetch(_of_aggregate, name=self._consumer, aggregate=event.aggregate_id):
            self._blocked.discard(event.aggregate_id)
            return False
        await self._put(event, "parked", "", work)
        return True

    async def _put(self, event: Event, state: str, error: str, work: UnitOfWork) -> None:
        headers = event.headers()
        await self._insert(
            event.id, event.aggregate_id, event.subject, headers, event.payload, state, error, work
        )

    async def _insert(
        self,
        event_id: uuid.UUID,
        aggregate_id: uuid.UUID,
        subject: str,
        headers: dict[str, str],
        payload: bytes,
        state: str,
        error: str,
        work: UnitOfWork,
    ) -> None:
        await work.execute(
            _insert,
            consumer=self._consumer,
            event_id=event_id,
            aggregate_id=aggregate_id,
            subject=subject,
            headers={name: value.replace("\0", "") for name, value in headers.items()},
            payload=payload,
            state=state,
            error=error.replace("\0", ""),  # neither text nor JSON of the database may hold it
        )

    async def count(self) -> dict[str, int]:
        """How many there are in each state."""
        async with self._database.reading() as reader:
            rows = await reader.fetch(_count, name=self._consumer)
        return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in rows}

    async def list(self) -> list[Any]:
        async with self._database.reading() as reader:
            return await reader.fetch(_list, name=self._consumer)

    async def replay(self, aggregate: uuid.UUID, apply: Callable[[Event], Awaitable[None]]) -> int:
        """Apply the letters of an aggregate in order; stops at the first that fails again."""
        async with self._database.reading() as reader:
            rows = await reader.fetch(_of_aggregate, name=self._consumer, aggregate=aggregate)
        for done, row in enumerate(rows):
            try:
                await apply(Event.from_wire(row["headers"], row["payload"]))
            except Exception as error:
                async with self._database.unit() as work:
                    why = f"{type(error).__name__}: {error}"
                    await work.execute(_promote, row_number=row["number"], why=why)
                return done
            async with self._database.unit() as work:
                await work.execute(_remove, row_number=row["number"])
        return len(rows)

    async def discard(self, number: int) -> None:
        """Give one letter up; those parked behind it wait for `replay`."""
        async with self._database.unit() as work:
            await work.execute(_remove, row_number=number)


async def find(database: Database, number: int) -> Any:
    """The letter of that number with its headers and payload; None when there is none."""
    async with database.reading() as reader:
        return await reader.fetch_row(_one, row_number=number)
