"""Messages on their way to a real mail server."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from marketing_mailbox import Mailbox, serve
from marketing_world import START, World, failure

from taproot.marketing.events.v1.suppression_event_pb2 import SuppressionEvent
from taproot.marketing.v1 import delivery_pb2 as pb
from taproot.marketing.v1 import delivery_service_pb2 as rpc
from taproot.marketing.v1 import suppression_service_pb2 as sup
from taproot.marketing.v1.delivery_service_pb2_grpc import DeliveriesServiceStub
from taproot.marketing.v1.suppression_service_pb2_grpc import SuppressionsServiceStub
from taproot_base.clock import FakeClock
from taproot_base.errors import AppError
from taproot_marketing.customer_refs.queries import find_customer
from taproot_marketing.deliveries.handlers import Order, enqueue
from taproot_marketing.deliveries.rules import CONSENT_PATIENCE, CONSENT_PAUSE
from taproot_marketing.deliveries.sending import Sender, report_lost
from taproot_marketing.main import signer_of
from taproot_marketing.templates.queries import find_by_key
from taproot_testkit import Harness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox()
    server = await serve(box)
    yield box
    server.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(start_service: Any, mailbox: Mailbox) -> Harness:
    """Sends only when a test says so: the sender in the background has looked once and sleeps."""
    return await start_service(
        "marketing",
        clock=FakeClock(START),
        smtp_url=mailbox.url,
        mail_poll_seconds=3600,
        mail_domain_per_minute=1000,
        public_url="https://crm.example",
    )


@pytest_asyncio.fixture(loop_scope="session")
async def world(service: Harness, mailbox: Mailbox) -> World:
    mailbox.empty()
    return World(service)


@pytest_asyncio.fixture(loop_scope="session")
async def desk(service: Harness) -> Any:
    return service.stub(DeliveriesServiceStub, await service.admin())


def sender(service: Harness) -> Sender:
    return Sender(service.runtime, signer_of(service.runtime))


async def send_all(service: Harness) -> None:
    while await sender(service).send_due():
        pass


async def order(service: Harness, customer: str, *, message_class: str = "service", key: str = "") -> str:
    with service.system_call():
        async with service.runtime.database.unit() as work:
            template = await find_by_key(work, "welcome")
            assert template is not None
            made = await enqueue(
                Order(
                    business_key=key or f"test:{uuid.uuid4()}",
                    source="journey",
                    template_id=template,
                    message_class=message_class,
                    customer=await find_customer(work, uuid.UUID(customer)),
                ),
                work,
            )
    return str(made)


async def state(desk: Any, key: str) -> str:
    found = await desk.GetDelivery(rpc.GetDeliveryRequest(id=key))
    return pb.DeliveryState.Name(found.state).removeprefix("DELIVERY_STATE_")


class TestSending:
    async def test_a_mail_arrives_with_its_headers(self, world, service, mailbox, desk):
        customer = await world.customer("Li & Co")
        key = await order(service, customer)
        await send_all(service)
        found = await desk.GetDelivery(rpc.GetDeliveryRequest(id=key))
        assert found.state == pb.DELIVERY_STATE_SENT
        assert (found.recipient, found.smtp_code, found.attempt_count) == (f"{customer}@example.com", 250, 1)
        (mail,) = mailbox.mails
        assert mail["Message-ID"] == found.message_id
        assert mail["List-Unsubscribe"].startswith("<https://crm.example/v1/unsubscribe/")
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "Dear Li & Co," in mail.get_body(("plain",)).get_content()
        events = await service.events(1, of="delivery.sent")
        assert str(events[-1].party_id) == customer

    async def test_one_business_key_is_one_mail(self, world, service, mailbox):
        customer = await world.customer()
        first = await order(service, customer, key="journey:1:mail")
        second = await order(service, customer, key="journey:1:mail")
        await send_all(service)
        assert (first != "None", second) == (True, "None")
        assert len(mailbox.mails) == 1

    async def test_many_senders_send_each_mail_once(self, world, service, mailbox):
        customers = [await world.customer() for _ in range(40)]
        keys = [await order(service, customer) for customer in customers]
        await asyncio.gather(*(send_all(service) for _ in range(5)))
        assert sorted(mailbox.recipients) == sorted(f"{customer}@example.com" for customer in customers)
        assert len(keys) == 40

    async def test_consent_is_asked_at_the_moment_of_sending(self, world, service, mailbox, desk):
        customer = await world.customer()
        key = await order(service, customer, message_class="marketing")
        world.pass_time(timedelta(seconds=1))
        await world.consent(customer, granted=False)
        await send_all(service)
        found = await desk.GetDelivery(rpc.GetDeliveryRequest(id=key))
        assert (await state(desk, key), found.reason) == ("SUPPRESSED", "no_consent")
        assert mailbox.mails == []

    async def test_no_consent_no_mail_but_transactional(self, world, service, mailbox, desk):
        customer = await world.customer(consent=None)
        keys = [
            await order(service, customer, message_class=kind)
            for kind in ("marketing", "service", "transactional")
        ]
        world.pass_time(CONSENT_PATIENCE)
        await send_all(service)
        assert [await state(desk, key) for key in keys] == ["SUPPRESSED", "SUPPRESSED", "SENT"]
        assert mailbox.mails[0]["List-Unsubscribe"] is None

    @pytest.mark.parametrize(("granted", "end"), [(True, "SENT"), (False, "SUPPRESSED")])
    async def test_a_consent_that_is_on_its_way_is_waited_for(
        self, world, service, mailbox, desk, granted: bool, end: str
    ):
        customer = await world.customer(consent=None)
        key = await order(service, customer, message_class="marketing")
        await send_all(service)
        assert (await state(desk, key), mailbox.mails) == ("QUEUED", [])
        await world.consent(customer, granted=granted)
        world.pass_time(CONSENT_PAUSE)
        await send_all(service)
        assert (await state(desk, key), len(mailbox.mails)) == (end, int(granted))

    async def test_no_address(self, world, service, desk):
        key = await order(service, await world.customer(email=None))
        await send_all(service)
        assert (await desk.GetDelivery(rpc.GetDeliveryRequest(id=key))).reason == "no_address"

    async def test_a_merged_customer_is_written_to_at_the_survivors_address(self, world, service, mailbox):
        member, root = await world.customer(), await world.customer()
        await order(service, member)
        await world.merge(root, member, merge_id=str(uuid.uuid4()))
        await send_all(service)
        assert mailbox.recipients == [f"{root}@example.com"]

    async def test_what_merged_customers_said_last_holds_for_all(self, world, service, desk):
        root, member, merge_id = await world.customer(consent=None), await world.customer(), str(uuid.uuid4())

        async def sent() -> str:
            key = await order(service, root, message_class="marketing")
            world.pass_time(CONSENT_PATIENCE)
            await send_all(service)
            return await state(desk, key)

        assert await sent() == "SUPPRESSED"
        await world.merge(root, member, merge_id=merge_id)
        assert await sent() == "SENT"
        world.pass_time(timedelta(seconds=1))
        await world.consent(member, granted=False)
        assert await sent() == "SUPPRESSED"
        world.pass_time(timedelta(seconds=1))
        await world.consent(root)
        assert await sent() == "SENT"


class TestRefusals:
    async def test_refused_for_now_is_tried_again_later(self, world, service, mailbox, desk):
        mailbox.rcpt.append("450 greylisted")
        key = await order(service, await world.customer())
        await send_all(service)
        first = await desk.GetDelivery(rpc.GetDeliveryRequest(id=key))
        assert (await state(desk, key), first.smtp_code) == ("FAILED_TEMPORARY", 450)
        world.pass_time(timedelta(minutes=1, seconds=1))
        await send_all(service)
        second = await desk.GetDelivery(rpc.GetDeliveryRequest(id=key))
        assert (await state(desk, key), second.attempt_count) == ("SENT", 2)
        assert second.message_id == mailbox.mails[0]["Message-ID"] == first.message_id

    async def test_no_such_user_bounces_and_suppresses(self, world, service, mailbox, desk):
        mailbox.rcpt.append("550 no such user")
        customer = await world.customer()
        key = await order(service, customer)
        await send_all(service)
        assert await state(desk, key) == "BOUNCED"
        again = await order(service, customer, message_class="transactional")
        await send_all(service)
        assert (await desk.GetDelivery(rpc.GetDeliveryRequest(id=again))).reason == "suppressed_bounced"

    async def test_a_lost_answer_is_uncertain_and_never_repeated(self, world, service, mailbox, desk):
        mailbox.data.append("drop")
        key = await order(service, await world.customer())
        await send_all(service)
        assert await state(desk, key) == "UNCERTAIN"
        world.pass_time(timedelta(days=2))
        conversations = mailbox.conversations
        await send_all(service)
        assert (await state(desk, key), mailbox.conversations) == ("UNCERTAIN", conversations)
        event = (await service.events(1, of="delivery.uncertain"))[-1]
        assert str(event.aggregate_id) == key

    async def test_staff_resolve_an_uncertain_one(self, world, service, mailbox, desk):
        mailbox.data.append("drop")
        key = await order(service, await world.customer())
        await send_all(service)
        outcome = rpc.DELIVERY_OUTCOME_NOT_ARRIVED
        await desk.ResolveDelivery(rpc.ResolveDeliveryRequest(id=key, outcome=outcome))
        await send_all(service)
        assert (await state(desk, key), len(mailbox.mails)) == ("SENT", 1)
        refused = await failure(desk.ResolveDelivery(rpc.ResolveDeliveryRequest(id=key, outcome=outcome)))
        assert refused.reason == "DELIVERY_NOT_UNCERTAIN"


class TestOddities:
    async def test_an_address_nobody_can_write_bounces_alone(self, world, service, mailbox, desk):
        odd = await order(service, await world.customer(email="two words@bad domain"))
        fine = await order(service, await world.customer())
        await send_all(service)
        assert [await state(desk, key) for key in (odd, fine)] == ["BOUNCED", "SENT"]
        assert len(mailbox.mails) == 1

    async def test_a_template_with_a_hole_is_never_sent(self, world, service, mailbox, desk):
        customer = await world.customer()
        with service.system_call():
            async with service.runtime.database.unit() as work:
                template = await find_by_key(work, "survey_invitation")
                row = await find_customer(work, uuid.UUID(customer))
                key = await enqueue(Order(f"hole:{customer}", "journey", template, "service", row), work)
        await send_all(service)
        found = await desk.GetDelivery(rpc.GetDeliveryRequest(id=str(key)))
        assert (await state(desk, str(key)), mailbox.mails) == ("SUPPRESSED", [])
        assert "event.invitation.token" in found.reason


class TestCrash:
    async def test_a_claim_whose_worker_died_becomes_uncertain(self, world, service, mailbox, desk):
        key = await order(service, await world.customer())
        with service.system_call():
            claimed, _others = await sender(service)._claim()  # committed; then the worker is gone
            assert [str(message.id) for message in claimed] == [key]
            await send_all(service)
            assert await state(desk, key) == "CLAIMED"
            world.pass_time(timedelta(minutes=6))
            await report_lost(service.runtime.database, 300)
        await send_all(service)
        assert (await state(desk, key), mailbox.mails) == ("UNCERTAIN", [])

    async def test_a_late_answer_settles_it(self, world, service, mailbox, desk):
        from taproot_marketing.deliveries.rules import Answer, Fate

        key = await order(service, await world.customer())
        with service.system_call():
            (claimed,), _others = await sender(service)._claim()
            world.pass_time(timedelta(minutes=6))
            await report_lost(service.runtime.database, 300)
            await sender(service).settle(claimed, Answer(Fate.ACCEPTED, 250, "ok"))
        assert await state(desk, key) == "SENT"


class TestThrottle:
    async def test_a_domain_gets_no_more_than_its_share_of_a_minute(self, world, service, mailbox):
        limited = Sender(service.runtime, signer_of(service.runtime))
        limited._settings = service.runtime.settings.model_copy(update={"mail_domain_per_minute": 3})
        world.pass_time(timedelta(minutes=2))
        for _ in range(5):
            await order(service, await world.customer(email=f"{uuid.uuid4()}@slow.example"))
        while await limited.send_due():
            pass
        assert len(mailbox.mails) == 3
        world.pass_time(timedelta(minutes=1))
        while await limited.send_due():
            pass
        assert len(mailbox.mails) == 5


class TestUnsubscribe:
    async def test_one_click_suppresses_and_withdraws(self, world, service, mailbox, desk):
        customer = await world.customer()
        await order(service, customer)
        await send_all(service)
        token = mailbox.mails[0]["List-Unsubscribe"].strip("<>").rpartition("/")[2]
        reader = service.stub(SuppressionsServiceStub, None)
        page = await reader.GetUnsubscribe(sup.GetUnsubscribeRequest(token=token))
        assert (page.unsubscribed, page.masked_address) == (False, f"{customer[0]}***@example.com")
        for _ in range(2):
            request = sup.UnsubscribeRequest(token=token, list_unsubscribe="One-Click")
            assert (await reader.Unsubscribe(request)).unsubscribed
        key = await order(service, customer)
        await send_all(service)
        assert (await desk.GetDelivery(rpc.GetDeliveryRequest(id=key))).reason == "suppressed_unsubscribed"
        events = [e for e in await service.events(1, of="suppression.created") if str(e.party_id) == customer]
        (event,) = [e.decode(SuppressionEvent) for e in events]
        assert "one click" in event.consent_proof
        assert event.suppression.customer_id == customer

    async def test_a_false_token_is_refused(self, service):
        reader = service.stub(SuppressionsServiceStub, None)
        for token in ("x", "1.unsubscribe.YQ.YQ", "a.b.c.d.e"):
            error = await failure(reader.Unsubscribe(sup.UnsubscribeRequest(token=token)))
            assert isinstance(error, AppError)
            assert error.violations[0].field == "token"

    async def test_a_reader_who_consents_again_may_be_taken_off_the_list(self, world, service, mailbox):
        customer = await world.customer()
        await order(service, customer)
        await send_all(service)
        token = mailbox.mails[0]["List-Unsubscribe"].strip("<>").rpartition("/")[2]
        await service.stub(SuppressionsServiceStub, None).Unsubscribe(sup.UnsubscribeRequest(token=token))
        staff = service.stub(SuppressionsServiceStub, await service.admin())
        listed = await staff.ListSuppressions(
            sup.ListSuppressionsRequest(filter=f'customer_id = "{customer}"')
        )
        remove = sup.DeleteSuppressionRequest(id=listed.suppressions[0].id)
        assert (await failure(staff.DeleteSuppression(remove))).reason == "SUPPRESSION_BY_READER"
        world.pass_time(timedelta(minutes=1))
        await world.consent(customer, granted=True)
        await staff.DeleteSuppression(remove)


class TestBounces:
    async def test_a_complaint_stops_everything(self, world, service, mailbox, desk):
        customer = await world.customer()
        await order(service, customer)
        await send_all(service)
        report = rpc.ReportDeliveryBounceRequest(
            message_id=mailbox.mails[0]["Message-ID"], kind=rpc.BOUNCE_KIND_COMPLAINT, reason="spam button"
        )
        for _ in range(2):
            assert (await desk.ReportDeliveryBounce(report)).state == pb.DELIVERY_STATE_BOUNCED
        key = await order(service, customer, message_class="transactional")
        await send_all(service)
        assert (await desk.GetDelivery(rpc.GetDeliveryRequest(id=key))).reason == "suppressed_complained"


class TestReading:
    async def test_a_branch_sees_its_own_and_counts_them(self, world, service):
        here = await order(service, await world.customer(branch="/hq/e/sh/"))
        there = await order(service, await world.customer(branch="/hq/w/"))
        await send_all(service)
        user = await service.add_user({"deliveries.read": "branch"}, "/hq/e/sh/", masked=("contact",))
        mine = service.stub(DeliveriesServiceStub, user)
        listed = await mine.ListDeliveries(rpc.ListDeliveriesRequest(page_size=1000, filter="state = SENT"))
        keys = {delivery.id for delivery in listed.deliveries}
        assert here in keys
        assert there not in keys
        assert {delivery.recipient for delivery in listed.deliveries} == {""}
        rows = await mine.AggregateDeliveries(rpc.AggregateDeliveriesRequest(group_by=["state"]))
        assert {row.keys[0]: row.values[0] for row in rows.rows}["sent"] == str(len(keys))
