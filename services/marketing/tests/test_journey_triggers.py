"""Journeys: who gets in."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import pytest_asyncio
from marketing_journeys import active, confirmed, counts_of, hello_template, mails, run_of, run_steps, send
from marketing_world import eventually

from taproot.customer.events.v1.care_date_event_pb2 import CareDateEvent
from taproot.customer.v1.care_date_pb2 import CareDate, CareDateNotice
from taproot.marketing.v1 import journey_pb2 as pb
from taproot.marketing.v1 import journey_service_pb2 as rpc
from taproot.marketing.v1.journey_service_pb2_grpc import JourneysServiceStub
from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.v1.order_pb2 import Order
from taproot.servicedesk.events.v1.survey_event_pb2 import SurveyEvent, SurveyInvitation
from taproot_marketing.journeys import triggers
from taproot_testkit import Harness


@pytest_asyncio.fixture(loop_scope="session")
async def desk(service: Harness, admin: Any) -> Any:
    return service.stub(JourneysServiceStub, admin)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def template(service: Harness, admin: Any) -> str:
    return await hello_template(service, admin)


class TestEventTrigger:
    async def test_an_event_lets_its_customer_in_once(self, desk, service, world, admin, template):
        trigger = pb.EventTrigger(event_type="order.confirmed", filter="event.totals_total >= 100")
        journey = await active(desk, send("mail", template), event=trigger)
        customer = await world.customer()
        event = confirmed(service, customer)
        for _ in range(2):
            await service.deliver(event)
        await service.deliver(confirmed(service, customer, amount="99.99"))
        again = confirmed(service, customer)
        await service.deliver(again)
        counts = await counts_of(desk, journey)
        assert counts.entered_count == 2

    async def test_a_care_date_lets_its_customer_in_for_every_notice(self, desk, service, world, template):
        trigger = pb.EventTrigger(event_type="care_date.due", filter="event.due_days_before = 7")
        journey = await active(desk, send("mail", template), event=trigger)
        customer, key = await world.customer(), str(uuid.uuid4())
        # one delivered twice, one of the day itself, one a year later
        told = [(7, 2), (7, 2), (0, 3), (7, 4)]
        for days, version in told:
            message = CareDateEvent(care_date=CareDate(id=key, customer_id=customer))
            message.due.CopyFrom(CareDateNotice(days_before=days))
            event = service.event(
                "care_date.due", message, key, version=version, source="customer", party_id=customer
            )
            await service.deliver(event, "journeys-customer")
        assert (await counts_of(desk, journey)).entered_count == 2

    async def test_events_before_the_activation_let_nobody_in(self, desk, service, world, template):
        event = confirmed(service, await world.customer())
        world.pass_time(timedelta(seconds=1))
        trigger = pb.EventTrigger(event_type="order.confirmed")
        journey = await active(desk, send("mail", template), event=trigger)
        await service.deliver(event)
        counts = await counts_of(desk, journey)
        assert counts.entered_count == 0

    async def test_the_ready_made_welcome_goes_out_once_for_ever(self, desk, service, world, admin):
        (welcome,) = (await desk.ListJourneys(rpc.ListJourneysRequest(filter='key = "welcome"'))).journeys
        customer = await world.customer()
        await service.deliver(confirmed(service, customer, "O-1"))
        await service.deliver(confirmed(service, customer, "O-2"))
        await run_steps(service)
        found = await mails(service, admin, f'customer_id = "{customer}" AND journey_id = "{welcome.id}"')
        assert len(found) == 1

    async def test_the_ready_made_survey_mail_holds_the_link_but_the_run_does_not_show_it(
        self, service, world, admin
    ):
        customer = await world.customer()
        survey = SurveyEvent(invitation=SurveyInvitation(email="x@example.com", token="secret-token"))
        key = str(uuid.uuid4())
        survey.response.id, survey.response.customer_id = key, customer
        await service.deliver(
            service.event("survey.sent", survey, key, source="servicedesk", party_id=customer)
        )
        await run_steps(service)
        (mail,) = await mails(service, admin, f'customer_id = "{customer}"')
        run = await run_of(service, admin, mail.journey_run_id)
        assert "secret-token" not in str(run)
        assert run.business_key == f"survey:{key}"
        async with service.runtime.database.reading() as reader:
            row = await reader.connection.fetchrow(
                "SELECT context FROM deliveries WHERE id = $1", uuid.UUID(mail.id)
            )
        assert row["context"]["event"]["invitation"]["token"] == "secret-token"

    async def test_through_the_bus(self, desk, service, world, template):
        journey = await active(
            desk, send("mail", template), event=pb.EventTrigger(event_type="order.cancelled")
        )
        customer = await world.customer()
        order = Order(id=str(uuid.uuid4()), customer_id=customer)
        event = service.event(
            "order.cancelled", OrderEvent(order=order), order.id, source="sales", party_id=customer
        )
        await service.publish(event)

        async def completed() -> bool:
            counts = await counts_of(desk, journey)
            return counts.completed_count == 1

        await eventually(completed)


class TestDateTrigger:
    async def test_the_reminder_goes_out_once_thirty_days_before(self, service, world, admin):
        today = world.now.date()
        customer = await world.customer()
        await world.entitlement(customer, today + timedelta(days=30))
        late, early = await world.customer(), await world.customer()
        await world.entitlement(late, today + timedelta(days=25))
        await world.entitlement(early, today + timedelta(days=40))
        for _ in range(3):
            with service.system_call():
                await triggers.enter_by_dates(service.runtime.database)
        await run_steps(service)
        found = [
            len(await mails(service, admin, f'customer_id = "{key}"')) for key in (customer, late, early)
        ]
        assert found == [1, 1, 0]
        world.pass_time(timedelta(days=10))
        for _ in range(2):
            with service.system_call():
                await triggers.enter_by_dates(service.runtime.database)
            await run_steps(service)
        found = [
            len(await mails(service, admin, f'customer_id = "{key}"')) for key in (customer, late, early)
        ]
        assert found == [1, 1, 1]

    async def test_a_renewal_is_reminded_of_again(self, desk, service, world, template):
        trigger = pb.DateTrigger(
            field=pb.JOURNEY_DATE_FIELD_ENTITLEMENT_END, days_before=3, filter='entitlement.kind = "WARRANTY"'
        )
        journey = await active(desk, send("mail", template), date=trigger)
        customer, end = await world.customer(), world.now.date() + timedelta(days=3)
        key = await world.entitlement(customer, end, kind="WARRANTY")
        await world.entitlement(customer, end, kind="LICENSE")
        for version in (1, 2):
            with service.system_call():
                await triggers.enter_by_dates(service.runtime.database)
            counts = await counts_of(desk, journey)
            assert counts.entered_count == version
            renewed = end.replace(year=end.year + 1)
            await world.entitlement(customer, renewed, kind="WARRANTY", key=key, version=2)
            world.pass_time(renewed - end)

    async def test_pages_do_not_hide_who_is_due(self, desk, service, world, template, monkeypatch):
        """A page full of entitlements that are not due must not keep later ones out."""
        trigger = pb.DateTrigger(
            field=pb.JOURNEY_DATE_FIELD_ENTITLEMENT_END,
            days_before=200,
            filter='entitlement.kind = "SERVICE_CONTRACT"',
        )
        journey = await active(desk, send("mail", template), date=trigger)
        end: date = world.now.date() + timedelta(days=200)
        customer = await world.customer()
        for index in range(6):
            kind = "SERVICE_CONTRACT" if index == 5 else "LICENSE"
            await world.entitlement(customer, end, kind=kind)
        real = triggers.queries.ending

        async def small(reader: Any, journey_id: Any, days: Any, after: Any) -> Any:
            return (await real(reader, journey_id, days, after))[:2]

        monkeypatch.setattr(triggers.queries, "ending", small)
        with service.system_call():
            await triggers.enter_by_dates(service.runtime.database)
        counts = await counts_of(desk, journey)
        assert counts.entered_count == 1


class TestSegmentTrigger:
    async def test_new_members_get_in_and_old_ones_where_asked_for(self, desk, service, world, template):
        segment = str(uuid.uuid4())
        old = await world.customer()
        await world.member(segment, old)
        world.pass_time(timedelta(seconds=1))
        only_new = await active(desk, send("mail", template), segment=pb.SegmentTrigger(segment_id=segment))
        everyone = await active(
            desk, send("mail", template), segment=pb.SegmentTrigger(segment_id=segment, include_members=True)
        )
        await world.member(segment, await world.customer())
        with service.system_call():
            await triggers.enter_members(service.runtime.database)
        counts = [(await counts_of(desk, journey)).entered_count for journey in (only_new, everyone)]
        assert counts == [1, 2]
