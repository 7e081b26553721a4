"""A customer service whose clock the tests set, and care dates in it."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
import pytest_asyncio
from google.type.date_pb2 import Date
from sqlalchemy import select

from taproot.customer.events.v1.care_date_event_pb2 import CareDateEvent
from taproot.customer.v1 import care_date_pb2 as pb
from taproot.customer.v1 import care_date_service_pb2 as rpc
from taproot.customer.v1.care_date_service_pb2_grpc import CareDatesServiceStub
from taproot_base.clock import FakeClock
from taproot_base.wire import from_date
from taproot_customer.care_dates.raising import Raiser
from taproot_storage.schema import event_log
from taproot_testkit import Harness

START = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
RAISER = Raiser("Asia/Shanghai", hour=9, catch_up_days=7)


def day(value: dt.date) -> Date:
    return Date(year=value.year, month=value.month, day=value.day)


class World:
    def __init__(self, service: Harness, clock: FakeClock, admin: Any) -> None:
        self.service, self.clock = service, clock
        self.dates = service.stub(CareDatesServiceStub, admin)

    async def create(self, customer_id: str, date: dt.date, ahead: Sequence[int], **values: Any) -> str:
        kind = values.pop("kind", pb.CARE_DATE_KIND_POLICY_END)
        made = pb.CareDate(
            customer_id=customer_id,
            kind=kind,
            display_name="保单",
            date=day(date),
            days_before=ahead,
            **values,
        )
        return str((await self.dates.CreateCareDate(rpc.CreateCareDateRequest(care_date=made))).id)

    async def update(self, key: str, **values: Any) -> Any:
        changed = pb.CareDate(id=key, **values)
        return await self.dates.UpdateCareDate(rpc.UpdateCareDateRequest(care_date=changed))

    async def get(self, key: str) -> pb.CareDate:
        found: pb.CareDate = await self.dates.GetCareDate(rpc.GetCareDateRequest(id=key))
        return found

    async def run(self, at: dt.datetime | None = None, workers: int = 1) -> int:
        if at is not None:
            self.clock.set(at.astimezone(dt.UTC))
        with self.service.system_call():
            done = await asyncio.gather(*(RAISER(self.service.runtime.database) for _ in range(workers)))
        return sum(done)

    async def told(self, key: str) -> list[tuple[dt.date, int, int]]:
        """(occurrence, days before, days left) of each notice raised for the care date."""
        return [(from_date(d.occurrence_date), d.days_before, d.days_left) for d in await self.notices(key)]

    async def notices(self, key: str) -> list[pb.CareDateNotice]:
        wanted = (
            select(event_log.c.payload)
            .where(event_log.c.aggregate_id == uuid.UUID(key), event_log.c.type == "care_date.due")
            .order_by(event_log.c.version)
        )
        async with self.service.runtime.database.reading() as reader:
            return [CareDateEvent.FromString(row[0]).due for row in await reader.fetch(wanted)]

    async def of(self, customer_id: str, count: int = 1) -> list[pb.CareDate]:
        """The customer's care dates, once there are so many."""

        async def read() -> list[pb.CareDate]:
            asked = rpc.ListCareDatesRequest(filter=f'customer_id = "{customer_id}"')
            return list((await self.dates.ListCareDates(asked)).care_dates)

        return await self.until(read, lambda found: len(found) == count)

    @staticmethod
    async def until(read: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + 15
        while not wanted(found := await read()):
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.02)
        return found


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    return FakeClock(START)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(start_service: Any, clock: FakeClock) -> Harness:
    harness: Harness = await start_service("customer", clock=clock)
    return harness


@pytest.fixture
def world(service: Harness, clock: FakeClock, admin: Any) -> World:
    return World(service, clock, admin)
