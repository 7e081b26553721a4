"""The profile: all about a customer in one read, kept by events in any order."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from taproot.customer.events.v1.activity_event_pb2 import ActivityEvent
from taproot.customer.events.v1.contact_event_pb2 import ContactEvent
from taproot.customer.v1 import contact_pb2, contact_service_pb2
from taproot.customer.v1 import profile_pb2 as pb
from taproot.customer.v1 import profile_service_pb2 as rpc
from taproot.customer.v1.activity_pb2 import ACTIVITY_STATE_DONE, Activity
from taproot.customer.v1.contact_service_pb2_grpc import ContactsServiceStub
from taproot.customer.v1.profile_service_pb2_grpc import ProfilesServiceStub
from taproot.sales.events.v1.competitor_event_pb2 import CompetitorEvent
from taproot.sales.events.v1.invoice_event_pb2 import InvoiceEvent
from taproot.sales.events.v1.opportunity_event_pb2 import OpportunityEvent
from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.events.v1.payment_event_pb2 import PaymentEvent
from taproot.sales.v1 import invoice_pb2, opportunity_pb2, order_pb2, payment_pb2
from taproot.sales.v1.competitor_pb2 import Competitor
from taproot.sales.v1.sales_line_pb2 import SalesTotals
from taproot.servicedesk.events.v1.entitlement_event_pb2 import EntitlementEvent
from taproot.servicedesk.events.v1.ticket_event_pb2 import TicketEvent
from taproot.servicedesk.v1 import entitlement_pb2, ticket_pb2
from taproot.type.v1.money_pb2 import Money
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_customer.profiles import queries
from taproot_customer.profiles.expiring import expiries
from taproot_customer.profiles.packing import pack
from taproot_customer.profiles.sight import Sight

TODAY = dt.datetime.now(dt.UTC).date()


def cny(amount: str) -> Money:
    return Money(currency_code="CNY", amount=amount)


def day(offset: int) -> Date:
    found = TODAY + dt.timedelta(days=offset)
    return Date(year=found.year, month=found.month, day=found.day)


class TestGetCustomerProfile:
    async def test_needs_a_caller_who_sees_the_customer(self, service, make_customer, failure):
        customer = await make_customer(by=await service.add_user({"customers.*": "branch"}, "/hq/e/sh/"))
        request = rpc.GetCustomerProfileRequest(id=customer.id)
        nobody = service.stub(ProfilesServiceStub, None)
        assert (await failure(nobody.GetCustomerProfile(request))).kind is Kind.UNAUTHENTICATED
        stranger = service.stub(
            ProfilesServiceStub, await service.add_user({"customers.read": "own"}, "/hq/w/")
        )
        assert (await failure(stranger.GetCustomerProfile(request))).kind is Kind.NOT_FOUND

    async def test_answers_everything_at_once(self, make_customer, profile, tell):
        customer = await make_customer("联想集团")
        rival = Competitor(id=str(new_id()), display_name="戴尔")
        await tell(None, "sales", "competitor.created", CompetitorEvent(competitor=rival), rival.id)
        deal = opportunity_pb2.Opportunity(
            id=str(new_id()), display_name="笔记本 500 台", stage="quote", amount=cny("900000"),
            state=opportunity_pb2.OPPORTUNITY_STATE_OPEN, expected_close_date=day(3),
            competitors=[opportunity_pb2.OpportunityCompetitor(competitor_id=rival.id)],
        )  # fmt: skip
        await tell(customer.id, "sales", "opportunity.created", OpportunityEvent(opportunity=deal), deal.id)
        order = order_pb2.Order(
            id=str(new_id()),
            number="SO-7",
            state=order_pb2.ORDER_STATE_CONFIRMED,
            totals=SalesTotals(total=cny("12.50")),
        )
        await tell(customer.id, "sales", "order.confirmed", OrderEvent(order=order), order.id)
        for amount, due in (("100.10", -3), ("50", 30)):
            invoice = invoice_pb2.Invoice(
                id=str(new_id()),
                state=invoice_pb2.INVOICE_STATE_OPEN,
                open_amount=cny(amount),
                due_date=day(due),
            )
            await tell(customer.id, "sales", "invoice.created", InvoiceEvent(invoice=invoice), invoice.id)
        payment = payment_pb2.Payment(id=str(new_id()), unallocated_amount=cny("20"))
        await tell(customer.id, "sales", "payment.received", PaymentEvent(payment=payment), payment.id)
        licence = entitlement_pb2.Entitlement(
            id=str(new_id()), display_name="问卷系统", state=entitlement_pb2.ENTITLEMENT_STATE_ACTIVE,
            kind=entitlement_pb2.ENTITLEMENT_KIND_LICENSE, end_date=day(10),
        )  # fmt: skip
        await tell(
            customer.id,
            "servicedesk",
            "entitlement.created",
            EntitlementEvent(entitlement=licence),
            licence.id,
        )
        ticket = ticket_pb2.Ticket(
            id=str(new_id()), number="T-1", display_name="屏幕坏了", kind=ticket_pb2.TICKET_KIND_COMPLAINT,
            state=ticket_pb2.TICKET_STATE_OPEN,
        )  # fmt: skip
        await tell(customer.id, "servicedesk", "ticket.created", TicketEvent(ticket=ticket), ticket.id)

        page = await profile(customer.id)
        assert page.customer == customer
        assert [(o.display_name, list(o.competitors)) for o in page.opportunities] == [
            ("笔记本 500 台", ["戴尔"])
        ]
        assert [(o.number, o.state, o.total.amount) for o in page.orders] == [("SO-7", "CONFIRMED", "12.50")]
        (owed,) = page.receivables
        assert (owed.balance.amount, owed.overdue.amount, owed.invoice_count) == ("150.10", "100.10", 2)
        assert owed.unallocated.amount == "20.00"
        assert [(e.display_name, e.end_date) for e in page.entitlements] == [("问卷系统", day(10))]
        assert [(t.number, t.kind) for t in page.tickets] == [("T-1", "COMPLAINT")]
        assert [e.days_left for e in page.expiries] in ([9], [10], [11])
        assert [s.action for s in page.suggestions] == [
            "answer_complaint", "collect_overdue", "offer_renewal", "follow_up_opportunity", "find_decision_maker",
            "ask_consent",
        ]  # fmt: skip

    async def test_is_one_statement(self, service, admin, make_customer):
        customer = await make_customer()
        with service.calling(admin, "customers.read"):
            async with service.runtime.database.reading() as reader:
                await queries.read_profile(reader, uuid.UUID(customer.id), TODAY)
                assert reader.statement_count == 1

    async def test_newest_state_wins_in_any_order(self, make_customer, profile, tell):
        deal = opportunity_pb2.Opportunity(
            id="", display_name="单", state=opportunity_pb2.OPPORTUNITY_STATE_OPEN
        )
        won = opportunity_pb2.Opportunity(
            id="", display_name="单", state=opportunity_pb2.OPPORTUNITY_STATE_WON
        )
        steps = [(1, "created", deal), (2, "stage_moved", deal), (3, "won", won)]
        for order in itertools.permutations(steps):
            customer, key = await make_customer(), new_id()
            for version, name, state in order:
                message = OpportunityEvent(opportunity=state)
                await tell(customer.id, "sales", f"opportunity.{name}", message, key, version)
            assert not (await profile(customer.id)).opportunities

    async def test_who_met_whom(self, make_customer, profile, tell, admin, service):
        customer = await make_customer()
        contact = contact_pb2.Contact(id=str(new_id()), display_name="王总", decision_maker=True)
        await tell(customer.id, "customer", "contact.created", ContactEvent(contact=contact), contact.id)
        for minute in (5, 3):
            met = Activity(
                id=str(new_id()), contact_id=contact.id, owner_id=admin.subject, state=ACTIVITY_STATE_DONE,
                start_time=Timestamp(seconds=1_700_000_000 + 60 * minute),
            )  # fmt: skip
            await tell(customer.id, "customer", "activity.created", ActivityEvent(activity=met), met.id)
        (shown,) = (await profile(customer.id)).contacts
        assert (shown.last_met_by_id, shown.last_met_time.seconds) == (admin.subject, 1_700_000_300)

    async def test_masks_each_field(self, service, make_customer, tell):
        customer = await make_customer("有限责任公司甲")
        invoice = invoice_pb2.Invoice(state=invoice_pb2.INVOICE_STATE_OPEN, open_amount=cny("7"))
        await tell(customer.id, "sales", "invoice.created", InvoiceEvent(invoice=invoice), new_id())
        grants = {"customers.read": "all", "invoices.read": "all"}
        user = await service.add_user(grants, masked=("financial", "personal"))
        page = await service.stub(ProfilesServiceStub, user).GetCustomerProfile(
            rpc.GetCustomerProfileRequest(id=customer.id)
        )
        assert page.customer.display_name == ""
        assert not page.receivables[0].HasField("balance")

    async def test_own_contacts_come_through_the_bus(self, service, admin, make_customer, profile):
        import asyncio

        customer = await make_customer()
        stub = service.stub(ContactsServiceStub, admin)
        contact = contact_pb2.Contact(customer_id=customer.id, display_name="王芳")
        await stub.CreateContact(contact_service_pb2.CreateContactRequest(contact=contact))
        for _ in range(200):
            page = await profile(customer.id)
            if page.contacts:
                break
            await asyncio.sleep(0.02)
        assert [c.display_name for c in page.contacts] == ["王芳"]


class TestRules:
    def test_pack_is_undone_by_the_constructor(self):
        deal = pb.ProfileOpportunity(
            opportunity_id="x",
            amount=cny("1.5"),
            close_date=Date(year=2026, month=1, day=2),
            competitors=["a", "b"],
        )
        assert pb.ProfileOpportunity(**pack(deal)) == deal

    def test_nothing_expires_beyond_the_horizon(self):
        page = pb.CustomerProfile(
            entitlements=[
                pb.ProfileEntitlement(entitlement_id=str(n), end_date=day(n)) for n in (-1, 0, 90, 91)
            ]
        )
        sight = Sight(dt.datetime.now(dt.UTC), TODAY)
        assert [e.days_left for e in expiries(page, sight)] == [0, 90]
