"""Birthdays and ends of entitlements become care dates by themselves, and follow what they come from."""

from __future__ import annotations

import datetime as dt

from taproot.customer.v1 import care_date_pb2 as pb
from taproot.customer.v1 import care_date_service_pb2 as rpc
from taproot.customer.v1 import (
    contact_pb2,
    contact_service_pb2,
    customer_pb2,
    customer_service_pb2,
    timeline_pb2,
    timeline_service_pb2,
)
from taproot.customer.v1.contact_service_pb2_grpc import ContactsServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.timeline_service_pb2_grpc import TimelineServiceStub
from taproot.servicedesk.events.v1.entitlement_event_pb2 import EntitlementEvent
from taproot.servicedesk.v1 import entitlement_pb2
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_base.wire import from_date, to_date

BORN = dt.date(1996, 2, 29)
UTC = dt.UTC


def entitlement(customer_id: str, ends: dt.date | None, **values: object) -> entitlement_pb2.Entitlement:
    return entitlement_pb2.Entitlement(
        **{
            "id": str(new_id()),
            "customer_id": customer_id,
            "display_name": "延保",
            "kind": entitlement_pb2.ENTITLEMENT_KIND_WARRANTY,
            "state": entitlement_pb2.ENTITLEMENT_STATE_ACTIVE,
            "end_date": to_date(ends),
            **values,
        }
    )


class TestBirthdays:
    async def test_of_a_person_born_on_the_leap_day(self, world, make_customer, clock):
        clock.set(dt.datetime(2027, 2, 1, 4, tzinfo=UTC))
        customer = await make_customer(
            "李雷", kind=customer_pb2.CUSTOMER_KIND_PERSON, birth_date=to_date(BORN)
        )
        (found,) = await world.of(customer.id)
        assert (found.kind, found.source) == (pb.CARE_DATE_KIND_BIRTHDAY, pb.CARE_DATE_SOURCE_BIRTH_DATE)
        assert (found.display_name, from_date(found.date)) == ("李雷", BORN)
        await world.run(dt.datetime(2027, 2, 28, 2, tzinfo=UTC))
        days = (dt.date(2027, 2, 28), dt.date(2028, 2, 29))
        assert await world.told(found.id) == [(days[0], 7, 0), (days[0], 0, 0)]
        assert [notice.years for notice in await world.notices(found.id)] == [31, 31]
        await world.run(dt.datetime(2028, 2, 29, 2, tzinfo=UTC))
        assert (await world.told(found.id))[2:] == [(days[1], 7, 0), (days[1], 0, 0)]

    async def test_is_told_in_the_timeline(self, world, service, admin, make_customer, clock):
        customer = await make_customer()
        date = clock.now().date() + dt.timedelta(days=3)
        await world.create(customer.id, date, [1])
        await world.run(clock.now() + dt.timedelta(days=3))
        timeline = service.stub(TimelineServiceStub, admin)

        async def lines() -> list[tuple[str, int, str]]:
            asked = timeline_service_pb2.ListTimelineEntriesRequest(
                customer_id=customer.id, filter="kind = CARE"
            )
            shown = (await timeline.ListTimelineEntries(asked)).timeline_entries
            return [(line.event_type, line.kind, line.summary_en) for line in shown]

        found = await world.until(lines, lambda now: len(now) == 2)
        assert found[0] == ("care_date.due", timeline_pb2.TIMELINE_KIND_CARE, f"保单 on {date}")

    async def test_follows_the_birth_date_until_somebody_calls_it_off(
        self, world, service, admin, make_customer, failure
    ):
        customers = service.stub(CustomersServiceStub, admin)
        customer = await make_customer(
            "韩梅", kind=customer_pb2.CUSTOMER_KIND_PERSON, birth_date=to_date(BORN)
        )
        (found,) = await world.of(customer.id)

        async def born(date: dt.date | None) -> None:
            changed = customer_service_pb2.UpdateCustomerRequest(
                customer=customer_pb2.Customer(id=customer.id, birth_date=to_date(date))
            )
            changed.update_mask.paths.append("birth_date")
            await customers.UpdateCustomer(changed)

        async def state() -> tuple[int, dt.date]:
            now = await world.get(found.id)
            return now.state, from_date(now.date)

        await born(dt.date(1997, 3, 1))
        await world.until(state, lambda now: now == (pb.CARE_DATE_STATE_ACTIVE, dt.date(1997, 3, 1)))
        await born(None)
        await world.until(state, lambda now: now[0] == pb.CARE_DATE_STATE_ENDED)
        assert not (await world.get(found.id)).HasField("next_notice_date")
        await born(BORN)
        await world.until(state, lambda now: now == (pb.CARE_DATE_STATE_ACTIVE, BORN))
        error = await failure(world.update(found.id, date=to_date(dt.date(2000, 1, 1))))
        assert (error.kind, [v.field for v in error.violations]) == (Kind.INVALID, ["care_date.date"])
        assert list((await world.update(found.id, days_before=[1])).days_before) == [1]
        await world.dates.CancelCareDate(rpc.CancelCareDateRequest(id=found.id))
        await born(dt.date(1998, 4, 2))
        await world.until(state, lambda now: now == (pb.CARE_DATE_STATE_CANCELLED, dt.date(1998, 4, 2)))

    async def test_of_a_contact_unless_that_is_a_customer_too(self, world, service, admin, make_customer):
        contacts = service.stub(ContactsServiceStub, admin)
        customer, person = await make_customer(), await make_customer("王五")

        async def add(name: str, **values: object) -> contact_pb2.Contact:
            made = contact_pb2.Contact(
                customer_id=customer.id, display_name=name, birth_date=to_date(BORN), **values
            )
            return await contacts.CreateContact(contact_service_pb2.CreateContactRequest(contact=made))

        await add("王五", person_customer_id=person.id)
        known = await add("赵六")
        (found,) = await world.of(customer.id)
        assert (found.contact_id, found.display_name) == (known.id, "赵六")
        await contacts.DeleteContact(contact_service_pb2.DeleteContactRequest(id=known.id))

        async def state() -> int:
            return (await world.get(found.id)).state

        await world.until(state, lambda now: now == pb.CARE_DATE_STATE_ENDED)


class TestEntitlements:
    async def test_follow_their_end_whatever_order_the_news_comes_in(
        self, world, service, make_customer, clock
    ):
        customer = await make_customer()
        today = clock.now().date()
        first = entitlement(customer.id, today + dt.timedelta(days=60))
        moved = entitlement(customer.id, today + dt.timedelta(days=90), id=first.id)
        revoked = entitlement(customer.id, None, id=first.id, state=entitlement_pb2.ENTITLEMENT_STATE_REVOKED)

        async def hear(name: str, state: entitlement_pb2.Entitlement, version: int) -> None:
            message = EntitlementEvent(entitlement=state)
            event = service.event(
                f"entitlement.{name}", message, first.id, version=version, source="servicedesk"
            )
            await service.deliver(event, "care-dates")

        await hear("updated", moved, 2)
        await hear("created", first, 1)
        (found,) = await world.of(customer.id)
        assert (found.kind, found.source) == (
            pb.CARE_DATE_KIND_WARRANTY_END, pb.CARE_DATE_SOURCE_ENTITLEMENT
        )  # fmt: skip
        assert from_date(found.date) == today + dt.timedelta(days=90)
        assert (found.record.resource, found.record.id) == ("entitlements", first.id)
        await hear("revoked", revoked, 3)
        (found,) = await world.of(customer.id)
        assert found.state == pb.CARE_DATE_STATE_ENDED

    async def test_goes_with_the_customer_to_another_owner(self, world, service, admin, make_customer):
        customers = service.stub(CustomersServiceStub, admin)
        seller = await service.add_user({"customers.*": "own"}, "/hq/e/sh/")
        customer = await make_customer()
        key = await world.create(customer.id, dt.date(2040, 1, 1), [1])
        await customers.AssignCustomer(
            customer_service_pb2.AssignCustomerRequest(id=customer.id, owner_id=seller.subject)
        )

        async def owner() -> str:
            return (await world.get(key)).owner_id

        await world.until(owner, lambda now: now == seller.subject)
