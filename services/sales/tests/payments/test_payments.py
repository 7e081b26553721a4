"""Invoices, payments, credit and statements through their RPCs, on real PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from google.type.date_pb2 import Date

from taproot.sales.events.v1.payment_event_pb2 import PaymentEvent
from taproot.sales.v1 import invoice_pb2
from taproot.sales.v1 import payment_pb2 as pb
from taproot.sales.v1 import payment_service_pb2 as rpc
from taproot.sales.v1.invoice_service_pb2 import GetInvoiceRequest, ListInvoicesRequest
from taproot.type.v1.money_pb2 import Money
from taproot_base.errors import Kind
from taproot_base.ids import new_id

D = Decimal
OPEN, PARTLY, PAID = (
    invoice_pb2.INVOICE_STATE_OPEN,
    invoice_pb2.INVOICE_STATE_PARTLY_PAID,
    invoice_pb2.INVOICE_STATE_PAID,
)


def cny(amount: str) -> Money:
    return Money(currency_code="CNY", amount=amount)


async def pay(selling: Any, customer: str, amount: str, *, auto: bool = False, **values: Any) -> pb.Payment:
    payment = pb.Payment(customer_id=customer, amount=cny(amount), **values)
    request = rpc.CreatePaymentRequest(payment=payment, auto_allocate=auto)
    made: pb.Payment = await selling.payments.CreatePayment(request)
    return made


async def invoices_of(selling: Any, customer: str) -> list[invoice_pb2.Invoice]:
    listed = await selling.invoices.ListInvoices(
        ListInvoicesRequest(filter=f'customer_id = "{customer}"', order_by="number")
    )
    return list(listed.invoices)


async def owing(selling: Any, *totals: str) -> tuple[str, list[invoice_pb2.Invoice]]:
    """A customer with one delivered order per total."""
    customer = await selling.customer()
    for total in totals:
        await selling.fulfilled(customer, selling.line("1", total))
    return customer, await invoices_of(selling, customer)


class TestRecord:
    async def test_is_announced_with_amount_customer_and_id(self, selling):
        customer = await selling.customer()
        made = await pay(selling, customer, "88.80", method="wechat")
        assert (made.state, made.unallocated_amount.amount) == (pb.PAYMENT_STATE_UNALLOCATED, "88.80")
        found = [
            e
            for e in await selling.service.events(1, of="payment.received")
            if str(e.aggregate_id) == made.id
        ]
        [event] = found
        said = event.decode(PaymentEvent).payment
        assert (said.id, said.customer_id, said.amount) == (made.id, customer, cny("88.80"))
        assert str(event.party_id) == customer

    async def test_amounts_must_be_money(self, selling, failure):
        customer = await selling.customer()
        for amount in ("0", "-5", "0.001"):
            error = await failure(pay(selling, customer, amount))
            assert {v.field for v in error.violations} == {"payment.amount"}

    async def test_another_branch_sees_nothing(self, selling, failure):
        made = await pay(selling, await selling.customer(), "1")
        other = selling.seen_by(await selling.service.add_user({"payments.*": "branch"}, "/hq/w/"))
        assert (
            await failure(other.payments.GetPayment(rpc.GetPaymentRequest(id=made.id)))
        ).kind is Kind.NOT_FOUND
        call = other.payments.ReversePayment(rpc.ReversePaymentRequest(id=made.id))
        assert (await failure(call)).kind is Kind.NOT_FOUND
        assert not (await other.payments.ListPayments(rpc.ListPaymentsRequest())).payments

    async def test_an_external_id_is_taken_once(self, selling, failure):
        customer = await selling.customer()
        await pay(selling, customer, "1", external_id="bank:1")
        assert (
            await failure(pay(selling, customer, "1", external_id="bank:1"))
        ).reason == "EXTERNAL_ID_TAKEN"

    async def test_text_can_be_changed_money_cannot(self, selling, failure):
        made = await pay(selling, await selling.customer(), "1")
        changed = await selling.payments.UpdatePayment(
            rpc.UpdatePaymentRequest(payment=pb.Payment(id=made.id, reference="Kto 7"))
        )
        assert changed.reference == "Kto 7"
        call = selling.payments.UpdatePayment(
            rpc.UpdatePaymentRequest(payment=pb.Payment(id=made.id, amount=cny("2")))
        )
        assert (await failure(call)).kind is Kind.INVALID


class TestAllocate:
    async def test_oldest_first_and_the_rest_stays_as_credit(self, selling):
        customer, (first, second) = await owing(selling, "100", "50")
        made = await pay(selling, customer, "120", auto=True)
        assert [(a.invoice_id, a.amount.amount) for a in made.allocations] == [
            (first.id, "100.00"),
            (second.id, "20.00"),
        ]
        assert [i.state for i in await invoices_of(selling, customer)] == [PAID, PARTLY]
        rest = await pay(selling, customer, "40", auto=True)
        assert (rest.unallocated_amount.amount, rest.state) == ("10.00", pb.PAYMENT_STATE_UNALLOCATED)

    async def test_by_hand(self, selling):
        customer, (_, second) = await owing(selling, "100", "50")
        part = pb.Allocation(invoice_id=second.id, amount=cny("30"))
        made = await pay(selling, customer, "60", allocations=[part])
        assert made.unallocated_amount.amount == "30.00"
        assert [(i.state, i.open_amount.amount) for i in await invoices_of(selling, customer)] == [
            (OPEN, "100.00"),
            (PARTLY, "20.00"),
        ]

    async def test_too_much_is_refused_with_what_is_open(self, selling, failure):
        customer, (invoice,) = await owing(selling, "10")
        part = pb.Allocation(invoice_id=invoice.id, amount=cny("10.01"))
        error = await failure(pay(selling, customer, "50", allocations=[part]))
        assert (error.kind, error.reason) == (Kind.STATE, "OVER_ALLOCATED")
        assert D(error.metadata[invoice.id]) == 10
        assert not (
            await selling.payments.ListPayments(rpc.ListPaymentsRequest(filter=f'customer_id = "{customer}"'))
        ).payments

    async def test_invoices_of_others_are_out_of_reach(self, selling, failure):
        _, (foreign,) = await owing(selling, "10")
        part = pb.Allocation(invoice_id=foreign.id, amount=cny("1"))
        error = await failure(pay(selling, await selling.customer(), "5", allocations=[part]))
        assert D(error.metadata[foreign.id]) == 0

    async def test_parallel_payments_never_pay_an_invoice_twice(self, selling):
        customer, (invoice,) = await owing(selling, "100")
        made = await asyncio.gather(*(pay(selling, customer, "60", auto=True) for _ in range(5)))
        assert sum(D(p.amount.amount) - D(p.unallocated_amount.amount) for p in made) == 100
        read = await selling.invoices.GetInvoice(GetInvoiceRequest(id=invoice.id))
        assert (read.state, read.open_amount.amount) == (PAID, "0.00")

    async def test_reversal_opens_the_invoices_again(self, selling, failure):
        customer, _ = await owing(selling, "100")
        made = await pay(selling, customer, "100", auto=True)
        back = await selling.payments.ReversePayment(rpc.ReversePaymentRequest(id=made.id, reason="geplatzt"))
        assert (back.state, list(back.allocations)) == (pb.PAYMENT_STATE_REVERSED, [])
        assert [i.open_amount.amount for i in await invoices_of(selling, customer)] == ["100.00"]
        error = await failure(selling.payments.AllocatePayment(rpc.AllocatePaymentRequest(id=made.id)))
        assert error.reason == "WRONG_STATE"

    async def test_credit_is_allocated_later(self, selling):
        customer = await selling.customer()
        made = await pay(selling, customer, "70")
        await selling.fulfilled(customer, selling.line("1", "100"))
        used = await selling.payments.AllocatePayment(rpc.AllocatePaymentRequest(id=made.id))
        assert (used.state, used.allocations[0].amount.amount) == (pb.PAYMENT_STATE_ALLOCATED, "70.00")

    async def test_counts_by_method(self, selling):
        customer = await selling.customer()
        for method in ("cash", "cash", "card"):
            await pay(selling, customer, "10", method=method, payment_date=Date(year=2026, month=1, day=5))
        asked = rpc.AggregatePaymentsRequest(
            filter=f'customer_id = "{customer}"',
            group_by=["method", "month(payment_date)"],
            measures=["sum(amount)"],
        )
        rows = (await selling.payments.AggregatePayments(asked)).rows
        assert {tuple(row.keys): D(row.values[0]) for row in rows} == {
            ("card", "2026-01"): 10,
            ("cash", "2026-01"): 20,
        }

    async def test_unknown_payment(self, selling, failure):
        call = selling.payments.AllocatePayment(rpc.AllocatePaymentRequest(id=str(new_id())))
        assert (await failure(call)).kind is Kind.NOT_FOUND
