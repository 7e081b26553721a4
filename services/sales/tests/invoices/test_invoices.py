"""Invoices, credit notes, ageing and credit limits through their RPCs."""

from __future__ import annotations

import asyncio
import uuid
from decimal import Decimal
from typing import Any

from google.type.date_pb2 import Date

from taproot.sales.v1 import credit_limit_service_pb2 as limit_rpc
from taproot.sales.v1 import invoice_pb2 as pb
from taproot.sales.v1 import invoice_service_pb2 as rpc
from taproot.sales.v1 import order_pb2
from taproot.sales.v1.order_service_pb2 import ConfirmOrderRequest, SubmitOrderRequest
from taproot.sales.v1.payment_pb2 import Payment
from taproot.sales.v1.payment_service_pb2 import CreatePaymentRequest
from taproot.type.v1.money_pb2 import Money
from taproot_base.errors import AppError, Kind
from taproot_sales.invoices.jobs import note_overdue_invoices
from taproot_sales.orders.handlers import confirm_order

D = Decimal
CREDIT = pb.INVOICE_KIND_CREDIT_NOTE


def cny(amount: str) -> Money:
    return Money(currency_code="CNY", amount=amount)


async def invoice(selling: Any, customer: str, net: str, tax: str = "0", **values: Any) -> pb.Invoice:
    message = pb.Invoice(
        customer_id=customer, lines=[pb.InvoiceLine(display_name="Fee", net=cny(net), tax=cny(tax))], **values
    )
    made: pb.Invoice = await selling.invoices.CreateInvoice(rpc.CreateInvoiceRequest(invoice=message))
    return made


async def pay(selling: Any, customer: str, amount: str, *, auto: bool = True) -> None:
    payment = Payment(customer_id=customer, amount=cny(amount))
    await selling.payments.CreatePayment(CreatePaymentRequest(payment=payment, auto_allocate=auto))


async def set_limit(selling: Any, customer: str, amount: str) -> pb.CreditLimit:
    limit = pb.CreditLimit(customer_id=customer, limit=cny(amount))
    made: pb.CreditLimit = await selling.limits.UpdateCreditLimit(
        limit_rpc.UpdateCreditLimitRequest(credit_limit=limit)
    )
    return made


class TestInvoices:
    async def test_due_date_follows_the_terms(self, selling):
        day = Date(year=2026, month=1, day=31)
        order = await selling.confirmed(await selling.customer(), payment_terms_days=14)
        made = await invoice(selling, order.customer_id, "10", "1.3", invoice_date=day)
        assert (made.due_date, made.total.amount) == (Date(year=2026, month=3, day=2), "11.30")

    async def test_numbers_have_no_gaps_even_when_something_fails(self, selling, failure):
        customer = await selling.customer()
        calls = [invoice(selling, customer, "1" if n % 3 else "0.001") for n in range(12)]
        results = await asyncio.gather(*calls, return_exceptions=True)
        numbers = sorted(int(r.number.removeprefix("INV-")) for r in results if isinstance(r, pb.Invoice))
        assert len(numbers) == 8
        assert numbers == list(range(numbers[0], numbers[0] + 8))

    async def test_another_branch_sees_nothing(self, selling, failure):
        made = await invoice(selling, await selling.customer(), "1")
        other = selling.seen_by(await selling.service.add_user({"invoices.*": "branch"}, "/hq/w/"))
        assert (
            await failure(other.invoices.GetInvoice(rpc.GetInvoiceRequest(id=made.id)))
        ).kind is Kind.NOT_FOUND
        assert (
            await failure(other.invoices.VoidInvoice(rpc.VoidInvoiceRequest(id=made.id)))
        ).kind is Kind.NOT_FOUND
        assert not (await other.invoices.GetInvoiceAgeing(rpc.GetInvoiceAgeingRequest())).rows

    async def test_amounts_must_be_whole(self, selling, failure):
        error = await failure(invoice(selling, await selling.customer(), "0.001", "-1"))
        assert [v.field for v in error.violations] == ["invoice.lines[0].net", "invoice.lines[0].tax"]

    async def test_only_an_untouched_invoice_can_be_voided(self, selling, failure):
        customer = await selling.customer()
        first, second = await invoice(selling, customer, "10"), await invoice(selling, customer, "10")
        await pay(selling, customer, "1")
        error = await failure(selling.invoices.VoidInvoice(rpc.VoidInvoiceRequest(id=first.id)))
        assert (error.reason, error.metadata["allowed"]) == ("WRONG_STATE", "OPEN")
        gone = await selling.invoices.VoidInvoice(rpc.VoidInvoiceRequest(id=second.id, reason="falsch"))
        assert (gone.state, gone.open_amount.amount) == (pb.INVOICE_STATE_VOID, "0.00")

    async def test_a_credit_note_is_used_on_its_invoice_and_the_rest_later(self, selling, failure):
        customer = await selling.customer()
        first = await invoice(selling, customer, "30")
        note = await invoice(selling, customer, "50", kind=CREDIT, credited_invoice_id=first.id)
        assert (note.number[:3], note.open_amount.amount) == ("CN-", "20.00")
        await invoice(selling, customer, "15")
        used = await selling.invoices.ApplyCreditNote(rpc.ApplyCreditNoteRequest(id=note.id))
        assert (used.open_amount.amount, used.state) == ("5.00", pb.INVOICE_STATE_PARTLY_PAID)
        error = await failure(selling.invoices.ApplyCreditNote(rpc.ApplyCreditNoteRequest(id=first.id)))
        assert error.reason == "NOT_A_CREDIT_NOTE"

    async def test_overdue_is_told_once(self, selling):
        day = Date(year=2025, month=1, day=1)
        made = await invoice(selling, await selling.customer(), "1", invoice_date=day, due_date=day)
        with selling.service.system_call():
            assert await note_overdue_invoices(selling.service.runtime.database) >= 1
            assert await note_overdue_invoices(selling.service.runtime.database) == 0
        found = [
            e for e in await selling.service.events(1, of="invoice.overdue") if str(e.aggregate_id) == made.id
        ]
        assert len(found) == 1

    async def test_ageing_adds_up_to_the_balance(self, selling):
        customer = await selling.customer("账龄")
        for month, net in ((1, "10"), (2, "20"), (3, "40"), (4, "80"), (6, "160")):
            day = Date(year=2026, month=month, day=1)
            await invoice(selling, customer, net, invoice_date=day, due_date=day)
        await pay(selling, customer, "5", auto=False)
        asked = rpc.GetInvoiceAgeingRequest(customer_id=customer, as_of_date=Date(year=2026, month=5, day=1))
        [row] = (await selling.invoices.GetInvoiceAgeing(asked)).rows
        buckets = (row.current, row.days_1_to_30, row.days_31_to_60, row.days_61_to_90, row.days_over_90)
        assert [m.amount for m in buckets] == ["160.00", "80.00", "0.00", "60.00", "10.00"]
        assert (row.customer_name, row.unallocated_credit.amount, row.balance.amount) == (
            "账龄",
            "5.00",
            "305.00",
        )

    async def test_counts(self, selling):
        customer = await selling.customer()
        for net in ("1", "2"):
            await invoice(selling, customer, net, "0.1")
        asked = rpc.AggregateInvoicesRequest(
            filter=f'customer_id = "{customer}"',
            group_by=["state"],
            measures=["sum(total)", "sum(open_amount)"],
        )
        rows = (await selling.invoices.AggregateInvoices(asked)).rows
        assert [(row.keys[0], D(row.values[0]), D(row.values[1])) for row in rows] == [
            ("open", D("3.2"), D("3.2"))
        ]


class TestCreditLimit:
    async def test_an_order_above_the_limit_is_not_confirmed(self, selling, failure, new_line):
        customer = await selling.customer()
        await set_limit(selling, customer, "100")
        await selling.fulfilled(customer, new_line("1", "60"))
        order = await selling.order(customer, new_line("1", "40.01"))
        await selling.orders.SubmitOrder(SubmitOrderRequest(id=order.id))
        error = await failure(selling.orders.ConfirmOrder(ConfirmOrderRequest(id=order.id)))
        assert (error.kind, error.reason) == (Kind.STATE, "CREDIT_LIMIT_EXCEEDED")
        assert (D(error.metadata["used"]), D(error.metadata["limit"])) == (60, 100)
        await pay(selling, customer, "0.01")
        done = await selling.orders.ConfirmOrder(ConfirmOrderRequest(id=order.id))
        assert done.state == order_pb2.ORDER_STATE_CONFIRMED
        limit = await selling.limits.GetCreditLimit(limit_rpc.GetCreditLimitRequest(customer_id=customer))
        assert (limit.limit.amount, limit.used.amount) == ("100.00", "100.00")

    async def test_parallel_confirmations_keep_the_limit(self, selling, failure, new_line):
        customer = await selling.customer()
        await set_limit(selling, customer, "100")
        orders = [await selling.order(customer, new_line("1", "60")) for _ in range(2)]
        for order in orders:
            await selling.orders.SubmitOrder(SubmitOrderRequest(id=order.id))
        first, second = (uuid.UUID(order.id) for order in orders)

        async def confirm(key: uuid.UUID, hold: asyncio.Event) -> None:
            with selling.service.calling(selling.who, "orders.confirm"):
                async with selling.service.runtime.database.unit() as work:
                    await confirm_order(key, "", work, override_credit=False)
                    await hold.wait()

        hold, free = asyncio.Event(), asyncio.Event()
        free.set()
        slow = asyncio.create_task(confirm(first, hold))
        await asyncio.sleep(0.2)
        fast = asyncio.create_task(confirm(second, free))
        await asyncio.sleep(0.2)
        assert not fast.done()
        hold.set()
        await slow
        assert (await failure(fast)).reason == "CREDIT_LIMIT_EXCEEDED"

    async def test_overriding_needs_its_own_permission(self, selling, failure, new_line):
        customer = await selling.customer()
        await set_limit(selling, customer, "1")
        order = await selling.order(customer, new_line("1", "5"))
        await selling.orders.SubmitOrder(SubmitOrderRequest(id=order.id))
        request = ConfirmOrderRequest(id=order.id, override_credit=True)
        clerk = selling.seen_by(
            await selling.service.add_user({"orders.confirm": "all", "orders.read": "all"})
        )
        error = await failure(clerk.orders.ConfirmOrder(request))
        assert (error.kind, error.metadata["permission"]) == (Kind.DENIED, "orders.override_credit")
        assert (await selling.orders.ConfirmOrder(request)).state == order_pb2.ORDER_STATE_CONFIRMED

    async def test_is_listed_changed_and_taken_away(self, selling, failure):
        customer = await selling.customer()
        first = await set_limit(selling, customer, "5")
        stale = pb.CreditLimit(customer_id=customer, note="x", etag="9")
        error = await failure(
            selling.limits.UpdateCreditLimit(limit_rpc.UpdateCreditLimitRequest(credit_limit=stale))
        )
        assert error.reason == "ETAG_MISMATCH"
        changed = await set_limit(selling, customer, "7")
        assert (changed.limit.amount, int(changed.etag)) == ("7.00", int(first.etag) + 1)
        listed = await selling.limits.ListCreditLimits(limit_rpc.ListCreditLimitsRequest(filter="limit = 7"))
        assert customer in {limit.customer_id for limit in listed.credit_limits}
        await selling.limits.DeleteCreditLimit(limit_rpc.DeleteCreditLimitRequest(customer_id=customer))
        gone = await failure(
            selling.limits.GetCreditLimit(limit_rpc.GetCreditLimitRequest(customer_id=customer))
        )
        assert gone.kind is Kind.NOT_FOUND

    async def test_only_who_reaches_the_customer_sees_it_and_it_goes_where_the_customer_goes(
        self, selling, failure
    ):
        read = {"credit_limits.read": "branch"}
        east, west = [
            selling.seen_by(await selling.service.add_user(read, path)) for path in ("/hq/e/sh/", "/hq/w/")
        ]
        customer = await selling.customer()
        await set_limit(selling, customer, "31")

        async def seen(who: Any) -> tuple[bool, bool]:
            """In the list, and by its key."""
            listed = await who.limits.ListCreditLimits(limit_rpc.ListCreditLimitsRequest())
            request = limit_rpc.GetCreditLimitRequest(customer_id=customer)
            try:
                read = (await who.limits.GetCreditLimit(request)).customer_id == customer
            except AppError as error:
                assert error.kind is Kind.NOT_FOUND  # noqa: PT017  # both outcomes are answers here
                read = False
            return customer in {limit.customer_id for limit in listed.credit_limits}, read

        assert (await seen(east), await seen(west)) == ((True, True), (False, False))
        await selling.move(customer, "/hq/w/")
        assert (await seen(east), await seen(west)) == ((False, False), (True, True))
