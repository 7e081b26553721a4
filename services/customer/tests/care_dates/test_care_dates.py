"""Care dates through their RPCs, and the job that tells of them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import update

from taproot.customer.v1 import care_date_pb2 as pb
from taproot.customer.v1 import care_date_service_pb2 as rpc
from taproot.customer.v1 import contact_pb2, contact_service_pb2, customer_pb2, customer_service_pb2
from taproot.customer.v1.care_date_service_pb2_grpc import CareDatesServiceStub
from taproot.customer.v1.contact_service_pb2_grpc import ContactsServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_base.wire import from_date, to_date
from taproot_customer.care_dates.model import CareDate
from taproot_storage.visibility import unscoped

DAY = dt.timedelta(days=1)
SHANGHAI, YORK, AUCKLAND = (
    ZoneInfo(name) for name in ("Asia/Shanghai", "America/New_York", "Pacific/Auckland")
)


def local(date: dt.date, hour: int, minute: int = 0, zone: ZoneInfo = SHANGHAI) -> dt.datetime:
    return dt.datetime.combine(date, dt.time(hour, minute), zone)


@pytest.fixture
def today(clock):
    """Each test begins on a day no test before it has seen."""
    clock.advance(30 * DAY)
    found = clock.now().astimezone(SHANGHAI).date()
    clock.set(local(found, 12).astimezone(dt.UTC))
    return found


class TestCareDates:
    async def test_needs_a_caller(self, service, failure):
        nobody, key = service.stub(CareDatesServiceStub, None), str(new_id())
        new = pb.CareDate(
            customer_id=key, kind=pb.CARE_DATE_KIND_LAPSE, display_name="x", date=to_date(dt.date(2026, 1, 1))
        )
        for call in (
            nobody.CreateCareDate(rpc.CreateCareDateRequest(care_date=new)),
            nobody.GetCareDate(rpc.GetCareDateRequest(id=key)),
            nobody.ListCareDates(rpc.ListCareDatesRequest()),
            nobody.AggregateCareDates(rpc.AggregateCareDatesRequest()),
            nobody.UpdateCareDate(rpc.UpdateCareDateRequest(care_date=pb.CareDate(id=key))),
            nobody.CancelCareDate(rpc.CancelCareDateRequest(id=key)),
            nobody.ReopenCareDate(rpc.ReopenCareDateRequest(id=key)),
            nobody.DeleteCareDate(rpc.DeleteCareDateRequest(id=key)),
            nobody.UndeleteCareDate(rpc.UndeleteCareDateRequest(id=key)),
        ):
            assert (await failure(call)).kind is Kind.UNAUTHENTICATED

    async def test_says_all_that_is_missing(self, world, failure):
        error = await failure(world.dates.CreateCareDate(rpc.CreateCareDateRequest(care_date=pb.CareDate())))
        assert {v.field for v in error.violations} == {
            f"care_date.{name}" for name in ("customer_id", "kind", "display_name", "date")
        }

    async def test_defaults_and_whose_it_is(self, world, service, make_customer, today, failure):
        seller = await service.add_user({"customers.*": "own", "care_dates.*": "own"}, "/hq/e/sh/")
        other = await service.add_user({"customers.*": "own", "care_dates.*": "own"}, "/hq/e/sh/")
        customer = await make_customer(by=seller)
        key = await world.create(customer.id, dt.date(1990, 5, 1), [], kind=pb.CARE_DATE_KIND_ANNIVERSARY)
        made = await world.get(key)
        assert (made.recurrence, made.days_before) == (pb.CARE_DATE_RECURRENCE_YEARLY, [7, 0])
        assert (made.owner_id, made.branch_id) == (seller.subject, customer.branch_id)
        once = await world.get(await world.create(customer.id, today + 90 * DAY, []))
        assert (once.recurrence, once.days_before) == (pb.CARE_DATE_RECURRENCE_ONCE, [30, 7])
        assert from_date(once.next_notice_date) == today + 60 * DAY
        mine = service.stub(CareDatesServiceStub, seller)
        assert len((await mine.ListCareDates(rpc.ListCareDatesRequest())).care_dates) == 2
        stranger = service.stub(CareDatesServiceStub, other)
        assert (await failure(stranger.GetCareDate(rpc.GetCareDateRequest(id=key)))).kind is Kind.NOT_FOUND

    async def test_a_contact_of_somebody_else_is_refused(self, world, service, admin, make_customer, failure):
        one, two = await make_customer("甲"), await make_customer("乙")
        contacts = service.stub(ContactsServiceStub, admin)
        contact = await contacts.CreateContact(
            contact_service_pb2.CreateContactRequest(
                contact=contact_pb2.Contact(customer_id=two.id, display_name="王")
            )
        )
        error = await failure(world.create(one.id, dt.date(2030, 1, 1), [1], contact_id=contact.id))
        assert [v.field for v in error.violations] == ["care_date.contact_id"]
        assert await world.create(two.id, dt.date(2030, 1, 1), [1], contact_id=contact.id)

    async def test_who_may_not_read_personal_data_sees_no_dates(self, world, service, make_customer, failure):
        key = await world.create((await make_customer()).id, dt.date(1990, 5, 1), [0])
        clerk = await service.add_user({"care_dates.*": "all"}, masked=("personal",))
        stub = service.stub(CareDatesServiceStub, clerk)
        seen = await stub.GetCareDate(rpc.GetCareDateRequest(id=key))
        assert not seen.HasField("date")
        assert not seen.display_name
        assert not seen.HasField("next_notice_date")
        error = await failure(stub.ListCareDates(rpc.ListCareDatesRequest(filter="date < 1991-01-01")))
        assert error.kind is Kind.INVALID

    async def test_what_is_required_cannot_be_taken_away(self, world, make_customer, failure):
        key = await world.create((await make_customer()).id, dt.date(2030, 5, 1), [0])
        changed = rpc.UpdateCareDateRequest(
            care_date=pb.CareDate(id=key), update_mask=FieldMask(paths=["date", "display_name"])
        )
        error = await failure(world.dates.UpdateCareDate(changed))
        assert {v.field for v in error.violations} == {"care_date.date", "care_date.display_name"}


class TestTelling:
    async def test_once_at_nine_where_the_customer_lives(self, world, make_customer, today):
        here = await make_customer("上海")
        there = await make_customer("Nova", time_zone="America/New_York")
        mars = await make_customer("火星", time_zone="Mars/Olympus")
        date = today + 10 * DAY
        keys = [await world.create(each.id, date, [3]) for each in (here, there, mars)]
        await world.run(local(date - 3 * DAY, 8, 59))
        assert [await world.told(key) for key in keys] == [[], [], []]
        await world.run(local(date - 3 * DAY, 9))
        once = [(date, 3, 3)]
        assert [await world.told(key) for key in keys] == [once, [], once]
        await world.run(local(date - 3 * DAY, 8, 59, YORK))
        assert await world.told(keys[1]) == []
        for _ in range(2):
            await world.run(local(date - 3 * DAY, 9, 1, YORK))
        assert [await world.told(key) for key in keys] == [once, once, once]
        assert (await world.notices(keys[1]))[0].time_zone == "America/New_York"

    async def test_over_the_change_of_the_clocks(self, world, make_customer, clock):
        """New York's clocks go forward in the night before the notice of 14 March 2027."""
        clock.set(max(clock.now(), dt.datetime(2027, 3, 1, tzinfo=dt.UTC)))
        key = await world.create(
            (await make_customer("Nova", time_zone="America/New_York")).id, dt.date(2027, 3, 15), [1]
        )
        await world.run(dt.datetime(2027, 3, 14, 12, 59, tzinfo=dt.UTC))
        assert await world.told(key) == []
        await world.run(dt.datetime(2027, 3, 14, 13, 0, tzinfo=dt.UTC))
        assert await world.told(key) == [(dt.date(2027, 3, 15), 1, 1)]

    async def test_two_replicas_at_once_tell_it_once(self, world, make_customer, today):
        customer = await make_customer()
        date = today + 5 * DAY
        keys = [await world.create(customer.id, date, [2, 1]) for _ in range(30)]
        await world.run(local(date, 10), workers=4)
        await world.run(workers=2)
        for key in keys:
            assert await world.told(key) == [(date, 2, 0), (date, 1, 0)]

    async def test_down_for_days_it_catches_up_as_far_as_is_said(self, world, make_customer, today):
        date = today + 40 * DAY
        key = await world.create((await make_customer()).id, date, [20, 10, 8, 1])
        await world.run(local(date - 2 * DAY, 15))
        assert await world.told(key) == [(date, 8, 2)]  # 18 and 8 days late are too late, 6 are not
        await world.run(local(date - DAY, 15))
        assert await world.told(key) == [(date, 8, 2), (date, 1, 1)]

    async def test_moved_before_it_comes(self, world, make_customer, today):
        date = today + 10 * DAY
        key = await world.create((await make_customer()).id, date, [2])
        await world.update(key, date=to_date(date + 5 * DAY))
        await world.run(local(date, 12))
        assert await world.told(key) == []
        await world.run(local(date + 3 * DAY, 12))
        assert await world.told(key) == [(date + 5 * DAY, 2, 2)]
        await world.update(key, date=to_date(date + 20 * DAY))
        await world.update(key, date=to_date(date + 5 * DAY), days_before=[2, 1])
        await world.run(local(date + 4 * DAY, 12))
        assert await world.told(key) == [(date + 5 * DAY, 2, 2), (date + 5 * DAY, 1, 1)]

    async def test_moved_there_and_back_on_its_day_is_not_told_again(self, world, make_customer, today):
        date = today + 10 * DAY
        key = await world.create((await make_customer()).id, date, [2])
        await world.run(local(date - 2 * DAY, 12))
        for moved in (date + 9 * DAY, date):
            await world.update(key, date=to_date(moved))
        assert from_date((await world.get(key)).next_notice_date) == date - 2 * DAY
        await world.run()
        assert await world.told(key) == [(date, 2, 2)]

    async def test_cancelled_deleted_or_of_a_deleted_customer_is_not_told(
        self, world, service, admin, make_customer, today
    ):
        customers = service.stub(CustomersServiceStub, admin)
        first, second = await make_customer(), await make_customer()
        date = today + 10 * DAY
        cancelled, deleted, back = [await world.create(first.id, date, [1]) for _ in range(3)]
        orphan = await world.create(second.id, date, [1])
        await world.dates.CancelCareDate(rpc.CancelCareDateRequest(id=cancelled))
        for key in (deleted, back):
            await world.dates.DeleteCareDate(rpc.DeleteCareDateRequest(id=key))
        await world.dates.UndeleteCareDate(rpc.UndeleteCareDateRequest(id=back))
        await customers.DeleteCustomer(customer_service_pb2.DeleteCustomerRequest(id=second.id))
        await world.run(local(date - DAY, 12))
        told = [bool(await world.told(key)) for key in (cancelled, deleted, back, orphan)]
        assert told == [False, False, True, False]
        reopened = await world.dates.ReopenCareDate(rpc.ReopenCareDateRequest(id=cancelled))
        assert reopened.state == pb.CARE_DATE_STATE_ACTIVE
        await customers.UndeleteCustomer(customer_service_pb2.UndeleteCustomerRequest(id=second.id))
        await world.run()
        assert [len(await world.told(key)) for key in (cancelled, orphan)] == [1, 1]

    async def test_the_customer_moves_to_another_zone(self, world, service, admin, make_customer, today):
        """It waits for nine o'clock there; what was told is not told again by the later day of the new zone."""
        customers = service.stub(CustomersServiceStub, admin)
        customer = await make_customer("Nova", time_zone="America/New_York")
        date = today + 10 * DAY
        key = await world.create(customer.id, date, [2, 1])

        async def live_in(zone: str) -> None:
            moved = customer_pb2.Customer(id=customer.id, time_zone=zone)
            await customers.UpdateCustomer(customer_service_pb2.UpdateCustomerRequest(customer=moved))

        await live_in("Pacific/Auckland")
        await world.run(local(date - 2 * DAY, 8, 59, AUCKLAND))
        assert await world.told(key) == []
        await world.run(local(date - 2 * DAY, 9, 0, AUCKLAND))
        assert await world.told(key) == [(date, 2, 2)]
        await live_in("America/New_York")
        await world.run(local(date - 2 * DAY, 10, 0, YORK))
        assert await world.told(key) == [(date, 2, 2)]
        await world.run(local(date - DAY, 10, 0, YORK))
        assert await world.told(key) == [(date, 2, 2), (date, 1, 1)]

    async def test_a_crash_after_the_event_leaves_nothing_half_done(
        self, world, service, make_customer, today
    ):
        """Even with the plan lost, what stands in the notices is not raised again."""
        date = today + 3 * DAY
        key = await world.create((await make_customer()).id, date, [1])
        await world.run(local(date - DAY, 12))
        again = (
            update(CareDate)
            .where(CareDate.id == key, unscoped(CareDate, "as an older plan would have it"))
            .values(next_notice_date=date - DAY)
        )
        with service.system_call():
            async with service.runtime.database.unit() as work:
                await work.execute(again)
        await world.run()
        assert await world.told(key) == [(date, 1, 1)]

    async def test_more_than_a_page(self, world, make_customer, today, monkeypatch):
        monkeypatch.setattr("taproot_customer.care_dates.raising.PAGE", 3)
        customer = await make_customer()
        date = today + 3 * DAY
        keys = [await world.create(customer.id, date, [1]) for _ in range(8)]
        await world.run(local(date - DAY, 12))
        assert [len(await world.told(key)) for key in keys] == [1] * 8
