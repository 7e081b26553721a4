"""The timeline: every service's events on one customer's page, once, and equal after a rebuild."""

from __future__ import annotations

import asyncio
import dataclasses
import time

import pytest

from taproot.customer.v1 import activity_pb2 as act
from taproot.customer.v1 import activity_service_pb2 as act_rpc
from taproot.customer.v1 import timeline_pb2 as pb
from taproot.customer.v1 import timeline_service_pb2 as rpc
from taproot.customer.v1.activity_service_pb2_grpc import ActivitiesServiceStub
from taproot.customer.v1.timeline_service_pb2_grpc import TimelineServiceStub
from taproot.marketing.events.v1.form_event_pb2 import FormEvent
from taproot.marketing.v1.form_pb2 import Form, FormSubmission
from taproot.sales.events.v1.invoice_event_pb2 import InvoiceEvent
from taproot.sales.events.v1.lead_event_pb2 import LeadEvent
from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.v1.invoice_pb2 import Invoice
from taproot.sales.v1.lead_pb2 import Lead
from taproot.sales.v1.order_pb2 import Order
from taproot.sales.v1.sales_line_pb2 import SalesTotals
from taproot.type.v1.money_pb2 import Money
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_customer.subscribers import SUBSCRIPTIONS
from taproot_customer.timeline import payloads
from taproot_customer.timeline.words import WORDS, render
from taproot_testkit import branch_id


def order_event(service, customer_id: str, name: str = "confirmed", **values: object):
    order = Order(
        id=str(new_id()),
        number="SO-1",
        customer_id=customer_id,
        totals=SalesTotals(total=Money(currency_code="CNY", amount="120.50")),
    )
    return service.event(
        f"order.{name}", OrderEvent(order=order), order.id, source="sales", party_id=customer_id, **values
    )


@pytest.fixture
def timeline(service, admin):
    stub = service.stub(TimelineServiceStub, admin)

    async def read(customer_id: str, **values: object) -> list[pb.TimelineEntry]:
        request = rpc.ListTimelineEntriesRequest(customer_id=customer_id, **values)
        return list((await stub.ListTimelineEntries(request)).timeline_entries)

    return read


async def eventually(read, wanted: int, seconds: float = 10.0):
    deadline = time.monotonic() + seconds
    while len(found := await read()) < wanted:
        assert time.monotonic() < deadline, [e.event_type for e in found]
        await asyncio.sleep(0.02)
    return found


class TestListTimelineEntries:
    async def test_needs_a_caller_who_sees_the_customer(self, service, make_customer, failure):
        customer = await make_customer(by=await service.add_user({"customers.*": "branch"}, "/hq/e/sh/"))
        request = rpc.ListTimelineEntriesRequest(customer_id=customer.id)
        nobody = service.stub(TimelineServiceStub, None)
        assert (await failure(nobody.ListTimelineEntries(request))).kind is Kind.UNAUTHENTICATED
        stranger = service.stub(
            TimelineServiceStub, await service.add_user({"customers.read": "branch"}, "/hq/w/")
        )
        assert (await failure(stranger.ListTimelineEntries(request))).kind is Kind.NOT_FOUND

    async def test_own_changes_appear_by_themselves_with_who_did_them(
        self, service, admin, make_customer, timeline
    ):
        customer = await make_customer()
        stub = service.stub(ActivitiesServiceStub, admin)
        activity = act.Activity(
            customer_id=customer.id, kind=act.ACTIVITY_KIND_VISIT, display_name="产品演示"
        )
        made = await stub.CreateActivity(act_rpc.CreateActivityRequest(activity=activity))
        visit, created = await eventually(lambda: timeline(customer.id), 2)
        assert (created.event_type, created.kind) == ("customer.created", pb.TIMELINE_KIND_RECORD)
        assert (visit.summary_zh, visit.summary_en) == ("拜访：产品演示", "visit: 产品演示")
        assert (visit.resource, visit.resource_id, visit.actor) == ("activities", made.id, admin.subject)

    async def test_foreign_events_through_the_bus_once(self, service, make_customer, timeline):
        customer = await make_customer()
        event = order_event(service, customer.id, branch_path="/hq/e/sh/")
        event = dataclasses.replace(event, traceparent=f"00-{'a1' * 16}-{'b2' * 8}-01")
        for _ in range(3):
            await service.publish(event)
        entry, _ = await eventually(lambda: timeline(customer.id), 2)
        assert entry.summary_zh == "订单 SO-1 已确认，金额 120.50 CNY"
        assert dict(entry.params) == {"number": "SO-1", "totals.total": "120.50 CNY"}
        assert (entry.kind, entry.trace_id) == (pb.TIMELINE_KIND_ORDER, "a1" * 16)
        assert entry.branch_id == branch_id("/hq/e/sh/")
        await service.deliver(event, "timeline")
        assert len(await timeline(customer.id)) == 2

    async def test_filters_and_pages(self, service, admin, make_customer, timeline, failure):
        customer = await make_customer()
        for name in ("created", "submitted", "confirmed"):
            await service.deliver(order_event(service, customer.id, name), "timeline")
        invoice = Invoice(id=str(new_id()), number="INV-1", customer_id=customer.id)
        message = InvoiceEvent(invoice=invoice)
        event = service.event("invoice.paid", message, invoice.id, source="sales", party_id=customer.id)
        await service.deliver(event, "timeline")
        orders = await timeline(customer.id, filter="kind = ORDER")
        assert [e.event_type for e in orders] == ["order.confirmed", "order.submitted", "order.created"]
        assert len(await timeline(customer.id, filter='event_type = "invoice.paid"')) == 1
        assert await timeline(customer.id, filter='occurred_time < "2020-01-01T00:00:00Z"') == []
        stub = service.stub(TimelineServiceStub, admin)
        request = rpc.ListTimelineEntriesRequest(customer_id=customer.id, page_size=2, filter="kind = ORDER")
        first = await stub.ListTimelineEntries(request)
        request.page_token = first.next_page_token
        second = await stub.ListTimelineEntries(request)
        assert [e.id for e in [*first.timeline_entries, *second.timeline_entries]] == [e.id for e in orders]
        assert not second.next_page_token
        bad = rpc.ListTimelineEntriesRequest(customer_id=customer.id, filter="colour = RED")
        assert (await failure(stub.ListTimelineEntries(bad))).kind is Kind.INVALID

    async def test_unknown_events_are_kept(self, service, make_customer, timeline):
        customer = await make_customer()
        event = service.event("novelty.seen", FormEvent(), new_id(), source="sales", party_id=customer.id)
        await service.deliver(event, "timeline")
        (entry,) = await timeline(customer.id, filter='event_type = "novelty.seen"')
        assert (entry.kind, entry.summary_en) == (pb.TIMELINE_KIND_UNSPECIFIED, "novelty.seen")

    async def test_hidden_fields_stay_hidden(self, service, make_customer, timeline):
        customer = await make_customer()
        await service.deliver(order_event(service, customer.id), "timeline")
        grants = {"customers.read": "all", "orders.read": "all"}
        masked = await service.add_user(grants, masked=("money.amount", "financial"))
        stub = service.stub(TimelineServiceStub, masked)
        request = rpc.ListTimelineEntriesRequest(customer_id=customer.id, filter="kind = ORDER")
        (entry,) = (await stub.ListTimelineEntries(request)).timeline_entries
        fields = payloads.hidden_params("order.confirmed", frozenset({"financial"}))
        assert all(entry.params[name] == "***" for name in fields)


class TestLeadsBeforeConversion:
    @pytest.mark.parametrize("late_form", [False, True])
    async def test_join_the_customer(self, service, make_customer, timeline, late_form: bool):
        customer = await make_customer()
        lead = Lead(id=str(new_id()), display_name="张三", source="web", form_submission_id=str(new_id()))
        form = Form(id=str(new_id()), display_name="试用申请")
        submitted = service.event(
            "form.submitted",
            FormEvent(form=form, submission=FormSubmission(id=lead.form_submission_id)),
            lead.form_submission_id,
            source="marketing",
        )
        captured = service.event("lead.created", LeadEvent(lead=lead), lead.id, source="sales")
        done = Lead()
        done.CopyFrom(lead)
        done.customer_id = customer.id
        converted = service.event(
            "lead.converted", LeadEvent(lead=done), lead.id, version=2, source="sales", party_id=customer.id
        )
        events = [captured, converted, submitted] if late_form else [submitted, captured, converted]
        for event in events:
            await service.deliver(event, "timeline")
        sales = await timeline(customer.id, filter='resource = "leads" OR resource = "forms"')
        assert {e.event_type for e in sales} == {"form.submitted", "lead.created", "lead.converted"}
        texts = {e.event_type: e.summary_zh for e in sales}
        assert texts["form.submitted"] == "提交表单：试用申请"
        assert texts["lead.created"] == "新线索：张三，来源 web"


class TestRebuild:
    async def test_replay_gives_equal_rows(self, service, admin, make_customer, timeline):
        customer = await make_customer()
        stub = service.stub(ActivitiesServiceStub, admin)
        for name in ("一", "二", "三"):
            activity = act.Activity(customer_id=customer.id, kind=act.ACTIVITY_KIND_NOTE, display_name=name)
            await stub.CreateActivity(act_rpc.CreateActivityRequest(activity=activity))
        before = await eventually(lambda: timeline(customer.id), 4)
        events = [e for e in await service.events(4) if str(e.party_id) == customer.id]
        async with service.runtime.database.unit() as work:
            for table in ("timeline", "inbox"):
                await work.connection.execute(f"DELETE FROM {table}")
        assert await timeline(customer.id) == []
        for event in reversed(events):
            await service.deliver(event, "timeline")
        assert await timeline(customer.id) == before

    def test_projections_name_their_tables(self):
        assert all(s.tables for s in SUBSCRIPTIONS if s.kind.value == "projection")


class TestWords:
    @pytest.mark.parametrize("event_type", sorted(WORDS))
    def test_every_placeholder_is_a_field(self, event_type: str):
        names = payloads.names_of(event_type)
        kind = payloads._types().get(event_type.partition(".")[0])
        assert kind is not None or not names
        for name in names:
            head = name.partition(".")[0]
            start = kind()
            descriptor = (
                start if head in start.DESCRIPTOR.fields_by_name else payloads.record_of(start)
            ).DESCRIPTOR
            for part in name.split("."):
                assert part in descriptor.fields_by_name, (event_type, name)
                descriptor = descriptor.fields_by_name[part].message_type
            said = {None, "taproot.type.v1.Money", "google.type.Date", "google.protobuf.Timestamp"}
            assert getattr(descriptor, "full_name", None) in said, f"{name} of {event_type} has no text"

    def test_every_kind_is_in_the_contract(self):
        known = {
            name.removeprefix("TIMELINE_KIND_").lower() for name in pb.TimelineKind.DESCRIPTOR.values_by_name
        }
        assert {words.kind for words in WORDS.values()} <= known

    def test_render(self):
        assert render("activity.created", {"kind": "call", "display_name": "x"}) == ("电话：x", "call: x")
        assert render("unheard.of", {}) == ("unheard.of", "unheard.of")

    def test_resources_as_in_urls(self):
        assert payloads.resource_of("opportunity") == "opportunities"
        assert payloads.resource_of("dispatch") == "dispatches"
        assert payloads.resource_of("loyalty_account") == "loyaltyAccounts"
