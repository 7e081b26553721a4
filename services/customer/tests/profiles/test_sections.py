"""Sections of the profile that change after they were written: meetings, quotes, answers, dates, credit."""

from __future__ import annotations

import datetime as dt
import itertools

from google.protobuf.text_format import MessageToString
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from taproot.customer.events.v1.activity_event_pb2 import ActivityEvent
from taproot.customer.events.v1.care_date_event_pb2 import CareDateEvent
from taproot.customer.events.v1.contact_event_pb2 import ContactEvent
from taproot.customer.v1 import activity_pb2, care_date_pb2, contact_pb2, participant_pb2
from taproot.customer.v1 import profile_service_pb2 as rpc
from taproot.customer.v1.profile_service_pb2_grpc import ProfilesServiceStub
from taproot.sales.events.v1.credit_limit_event_pb2 import CreditLimitEvent
from taproot.sales.events.v1.invoice_event_pb2 import InvoiceEvent
from taproot.sales.events.v1.order_event_pb2 import OrderEvent
from taproot.sales.events.v1.payment_event_pb2 import PaymentEvent
from taproot.sales.events.v1.quote_event_pb2 import QuoteEvent
from taproot.sales.v1 import invoice_pb2, order_pb2, payment_pb2, quote_pb2
from taproot.sales.v1.sales_line_pb2 import SalesLine, SalesTotals
from taproot.servicedesk.events.v1.survey_event_pb2 import SurveyEvent
from taproot.servicedesk.events.v1.ticket_event_pb2 import TicketEvent
from taproot.servicedesk.v1 import sla_clock_pb2, survey_pb2, survey_response_pb2, ticket_pb2
from taproot.type.v1.money_pb2 import Money
from taproot_base.ids import new_id

NOW = dt.datetime.now(dt.UTC)
START = 1_700_000_000


def cny(amount: str) -> Money:
    return Money(currency_code="CNY", amount=amount)


def day(offset: int) -> Date:
    found = NOW.date() + dt.timedelta(days=offset)
    return Date(year=found.year, month=found.month, day=found.day)


def ago(**span: int) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(NOW - dt.timedelta(**span))
    return found


def activity(contact_id: str, user: str, minute: int, **values) -> activity_pb2.Activity:
    return activity_pb2.Activity(
        id=str(new_id()),
        contact_id=contact_id,
        owner_id=user,
        kind=values.pop("kind", activity_pb2.ACTIVITY_KIND_VISIT),
        state=values.pop("state", activity_pb2.ACTIVITY_STATE_DONE),
        start_time=Timestamp(seconds=START + 60 * minute),
        **values,
    )


class TestMeetings:
    async def contact(self, customer, tell):
        found = contact_pb2.Contact(id=str(new_id()), display_name="王总", decision_maker=True)
        await tell(customer.id, "customer", "contact.created", ContactEvent(contact=found), found.id)
        return found.id

    async def test_each_of_us_is_named_with_the_last_time(self, make_customer, profile, tell):
        customer = await make_customer()
        contact, first, second = await self.contact(customer, tell), str(new_id()), str(new_id())
        for user, minute in ((first, 1), (second, 9), (first, 5)):
            met = activity(contact, user, minute)
            await tell(customer.id, "customer", "activity.created", ActivityEvent(activity=met), met.id)
        alone = activity("", second, 7)
        await tell(customer.id, "customer", "activity.created", ActivityEvent(activity=alone), alone.id)
        page = await profile(customer.id)
        (shown,) = page.contacts
        assert [(m.user_id, m.last_time.seconds, m.count) for m in shown.meetings] == [
            (second, START + 540, 1),
            (first, START + 300, 2),
        ]
        assert shown.last_met_by_id == second
        assert [(m.user_id, m.last_time.seconds) for m in page.meetings] == [(second, START + 420)]
        assert "王总（最近会面 2023-11-14）" in page.summary_zh
        assert "王总 (last met 2023-11-14)" in page.summary_en

    async def test_everybody_who_came_is_counted_for_everybody_met(self, make_customer, profile, tell):
        customer = await make_customer()
        contact, other = [await self.contact(customer, tell) for _ in range(2)]
        owner, guest, absent = (str(new_id()) for _ in range(3))
        met = activity(contact, owner, 3)
        for user, response in (
            (guest, participant_pb2.PARTICIPANT_RESPONSE_ACCEPTED),
            (owner, 1),
            (absent, 3),
        ):
            met.participants.add(user_id=user, response=response)
        for key in (contact, other):
            met.participants.add(contact_id=key, response=participant_pb2.PARTICIPANT_RESPONSE_NEEDS_ACTION)
        await tell(customer.id, "customer", "activity.created", ActivityEvent(activity=met), met.id)
        page = await profile(customer.id)
        assert {one.contact_id for one in page.contacts} == {contact, other}
        for shown in page.contacts:
            assert {one.user_id: one.count for one in shown.meetings} == {owner: 1, guest: 1}
        assert not page.meetings

    async def test_deleted_moved_and_cancelled_ones_are_taken_back(self, make_customer, profile, tell):
        for name, change in (
            ("deleted", {"delete_time": ago(days=1)}),
            ("updated", {"state": activity_pb2.ACTIVITY_STATE_CANCELLED}),
        ):
            customer = await make_customer()
            contact, user = await self.contact(customer, tell), str(new_id())
            for minute in (1, 5):
                met = activity(contact, user, minute)
                await tell(customer.id, "customer", "activity.created", ActivityEvent(activity=met), met.id)
            gone = activity(contact, user, 5, **change)
            await tell(customer.id, "customer", f"activity.{name}", ActivityEvent(activity=gone), met.id, 2)
            (shown,) = (await profile(customer.id)).contacts
            assert shown.last_met_time.seconds == START + 60

    async def test_one_moved_to_an_earlier_time_counts_at_that_time(self, make_customer, profile, tell):
        customer = await make_customer()
        contact, user = await self.contact(customer, tell), str(new_id())
        later, earlier = activity(contact, user, 9), activity(contact, user, 2)
        for order in itertools.permutations([(1, "created", later), (2, "updated", earlier)]):
            key = new_id()
            for version, name, state in order:
                event = ActivityEvent(activity=state)
                await tell(customer.id, "customer", f"activity.{name}", event, key, version)
        (shown,) = (await profile(customer.id)).contacts
        assert shown.last_met_time.seconds == START + 120

    async def test_notes_and_mails_are_no_meeting(self, make_customer, profile, tell):
        customer = await make_customer()
        contact = await self.contact(customer, tell)
        for kind in (activity_pb2.ACTIVITY_KIND_NOTE, activity_pb2.ACTIVITY_KIND_EMAIL):
            note = activity(contact, str(new_id()), 1, kind=kind)
            await tell(customer.id, "customer", "activity.created", ActivityEvent(activity=note), note.id)
        assert not (await profile(customer.id)).contacts[0].meetings


class TestSections:
    async def test_a_quote_shows_while_it_waits(self, make_customer, profile, tell):
        customer, key = await make_customer(), new_id()
        quote = quote_pb2.Quote(
            id=str(key), number="Q-1", state=quote_pb2.QUOTE_STATE_SENT, send_time=ago(days=8),
            valid_until=day(5), totals=SalesTotals(total=cny("70")),
        )  # fmt: skip
        await tell(customer.id, "sales", "quote.sent", QuoteEvent(quote=quote), key, 2)
        page = await profile(customer.id)
        assert [(q.number, q.total.amount) for q in page.quotes] == [("Q-1", "70")]
        assert [(e.resource, e.display_name) for e in page.expiries] == [("quotes", "Q-1")]
        reasons = {s.action: s for s in page.suggestions if s.figures.get("number") == "Q-1"}
        assert dict(reasons["follow_up_quote"].figures) == {
            "number": "Q-1", "amount": "70 CNY", "days": "8"
        }  # fmt: skip
        quote.state = quote_pb2.QUOTE_STATE_ACCEPTED
        await tell(customer.id, "sales", "quote.accepted", QuoteEvent(quote=quote), key, 3)
        assert not (await profile(customer.id)).quotes

    async def test_answers_to_surveys(self, make_customer, profile, tell):
        customer, survey = await make_customer(), new_id()
        for version, (score, low) in enumerate(((3, True), (9, False)), 1):
            answer = survey_response_pb2.SurveyResponse(
                id=str(new_id()), state=survey_response_pb2.SURVEY_RESPONSE_STATE_ANSWERED, score=score, low=low,
                kind=survey_pb2.SURVEY_KIND_NPS, answer_time=ago(days=5 - version),
            )  # fmt: skip
            await tell(
                customer.id, "servicedesk", "survey.answered", SurveyEvent(response=answer), survey, version
            )
        page = await profile(customer.id)
        assert [(s.kind, s.score, s.low) for s in page.surveys] == [("NPS", 9, False), ("NPS", 3, True)]
        (reason,) = [s for s in page.suggestions if s.action == "ask_why"]
        assert reason.reason_en == "Low NPS score 3, 4 days ago"

    async def test_dates_to_remember(self, make_customer, profile, tell):
        customer = await make_customer()
        for kind, source, offset, yearly in (
            ("CONTRACT_END", "MANUAL", 100, False),
            ("BIRTHDAY", "BIRTH_DATE", 3, True),
            ("WARRANTY_END", "ENTITLEMENT", 9, False),
        ):
            date = care_date_pb2.CareDate(
                id=str(new_id()),
                kind=f"CARE_DATE_KIND_{kind}",
                display_name=kind,
                date=day(offset),
                source=f"CARE_DATE_SOURCE_{source}",
                recurrence=f"CARE_DATE_RECURRENCE_{'YEARLY' if yearly else 'ONCE'}",
                state=care_date_pb2.CARE_DATE_STATE_ACTIVE,
            )
            event = CareDateEvent(care_date=date)
            await tell(customer.id, "customer", "care_date.created", event, date.id)
        page = await profile(customer.id)
        assert [d.kind for d in page.care_dates] == ["BIRTHDAY", "CONTRACT_END"]
        assert not page.expiries
        assert "congratulate" in [s.action for s in page.suggestions]
        further = await profile(customer.id, 101)
        assert [(e.resource, e.display_name) for e in further.expiries] == [("careDates", "CONTRACT_END")]

    async def test_a_kept_promise_of_a_ticket_is_not_its_next(self, make_customer, profile, tell):
        customer = await make_customer()
        ticket = ticket_pb2.Ticket(id=str(new_id()), number="T-9", state=ticket_pb2.TICKET_STATE_OPEN)
        kept, waits = ago(days=3), ago(days=-1)
        ticket.clocks.add(state=sla_clock_pb2.SLA_CLOCK_STATE_STOPPED, due_time=kept)
        ticket.clocks.add(state=sla_clock_pb2.SLA_CLOCK_STATE_RUNNING, due_time=waits)
        await tell(customer.id, "servicedesk", "ticket.created", TicketEvent(ticket=ticket), ticket.id)
        page = await profile(customer.id)
        assert page.tickets[0].due_time == waits
        assert "keep_promise" not in [s.action for s in page.suggestions]

    async def test_credit_and_purchases(self, service, make_customer, profile, tell):
        customer = await make_customer()
        limit = CreditLimitEvent()
        limit.credit_limit.limit.CopyFrom(cny("1000"))
        await tell(customer.id, "sales", "credit_limit.set", limit, new_id())
        invoice = invoice_pb2.Invoice(
            state=invoice_pb2.INVOICE_STATE_OPEN, open_amount=cny("300"), due_date=day(-12)
        )
        await tell(customer.id, "sales", "invoice.created", InvoiceEvent(invoice=invoice), new_id())
        payment = payment_pb2.Payment(unallocated_amount=cny("50"))
        await tell(customer.id, "sales", "payment.received", PaymentEvent(payment=payment), new_id())
        order = order_pb2.Order(state=order_pb2.ORDER_STATE_CONFIRMED)
        order.lines.append(SalesLine(display_name="服务器"))
        await tell(customer.id, "sales", "order.confirmed", OrderEvent(order=order), new_id())
        page = await profile(customer.id)
        (owed,) = page.receivables
        assert (owed.credit_limit.amount, owed.credit_used.amount, owed.credit_free.amount) == (
            "1000.00", "250.00", "750.00"
        )  # fmt: skip
        assert owed.overdue_since == day(-12)
        assert list(page.orders[0].products) == ["服务器"]
        assert "应收 300.00 CNY，其中逾期 300.00 CNY，信用额度尚余 750.00 CNY" in page.summary_zh
        assert "Owes 300.00 CNY, of it overdue 300.00 CNY, free credit 750.00 CNY" in page.summary_en

    async def test_words_tell_nothing_that_is_masked(self, service, make_customer, tell):
        customer = await make_customer("秘密公司")
        invoice = invoice_pb2.Invoice(
            state=invoice_pb2.INVOICE_STATE_OPEN, open_amount=cny("4711"), due_date=day(-2)
        )
        await tell(customer.id, "sales", "invoice.created", InvoiceEvent(invoice=invoice), new_id())
        contact = contact_pb2.Contact(id=str(new_id()), display_name="王总", decision_maker=True)
        await tell(customer.id, "customer", "contact.created", ContactEvent(contact=contact), contact.id)
        date = care_date_pb2.CareDate(
            id=str(new_id()), kind="CARE_DATE_KIND_BIRTHDAY", display_name="王总生日", date=day(1),
            recurrence="CARE_DATE_RECURRENCE_YEARLY", state="CARE_DATE_STATE_ACTIVE",
        )  # fmt: skip
        await tell(customer.id, "customer", "care_date.created", CareDateEvent(care_date=date), date.id)
        grants = {
            "customers.read": "all",
            "invoices.read": "all",
            "contacts.read": "all",
            "care_dates.read": "all",
        }
        user = await service.add_user(grants, masked=("financial", "personal"))
        stub = service.stub(ProfilesServiceStub, user)
        page = await stub.GetCustomerProfile(rpc.GetCustomerProfileRequest(id=customer.id))
        assert "collect_overdue" in [s.action for s in page.suggestions]
        assert "congratulate" not in [s.action for s in page.suggestions]
        text = MessageToString(page, as_utf8=True)
        assert not any(secret in text for secret in ("4711.00", "秘密公司", "王总"))
