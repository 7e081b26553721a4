"""Statements of account through their RPC: always the sum of the ledger."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from google.type.date_pb2 import Date
from sqlalchemy import func, select

from taproot.sales.v1 import statement_pb2 as pb
from taproot.sales.v1.invoice_service_pb2 import (
    GetInvoiceAgeingRequest,
    ListInvoicesRequest,
    VoidInvoiceRequest,
)
from taproot.sales.v1.order_service_pb2 import ReturnOrderRequest
from taproot.sales.v1.payment_pb2 import Payment
from taproot.sales.v1.payment_service_pb2 import CreatePaymentRequest, ReversePaymentRequest
from taproot.sales.v1.statement_service_pb2 import GetStatementRequest
from taproot.type.v1.money_pb2 import Money
from taproot_base.auth import Principal
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_sales.invoices.model import LedgerEntry

D = Decimal
FOREVER = {"start_date": Date(year=2000, month=1, day=1), "end_date": Date(year=2100, month=1, day=1)}


async def pay(selling: Any, customer: str, amount: str, *, auto: bool = True, **values: Any) -> Payment:
    payment = Payment(customer_id=customer, amount=Money(currency_code="CNY", amount=amount), **values)
    made: Payment = await selling.payments.CreatePayment(
        CreatePaymentRequest(payment=payment, auto_allocate=auto)
    )
    return made


async def statement(selling: Any, customer: str, **period: Any) -> pb.Statement:
    request = GetStatementRequest(customer_id=customer, **(period or FOREVER))
    made: pb.Statement = await selling.statements.GetStatement(request)
    return made


async def ledger_sum(selling: Any, customer: str) -> Decimal:
    async with selling.service.runtime.database.reading() as reader:
        total = await reader.fetch_value(
            select(func.coalesce(func.sum(LedgerEntry.amount), 0)).where(LedgerEntry.customer_id == customer)
        )
    return D(total)


class TestStatement:
    async def test_runs_from_opening_to_closing(self, selling, new_line):
        customer = await selling.customer("对账")
        await pay(selling, customer, "30", auto=False, payment_date=Date(year=2026, month=1, day=10))
        order = await selling.fulfilled(customer, new_line("2", "50"))
        await selling.orders.ReturnOrder(ReturnOrderRequest(id=order.id))
        await pay(selling, customer, "12.5", payment_date=Date(year=2026, month=2, day=1))
        period = {"start_date": Date(year=2026, month=2, day=1), "end_date": Date(year=2100, month=1, day=1)}
        found = await statement(selling, customer, **period)
        assert (found.customer_name, found.opening_balance.amount) == ("对账", "-30.00")
        kinds = [
            pb.StatementEntryKind.Name(e.kind).removeprefix("STATEMENT_ENTRY_KIND_") for e in found.entries
        ]
        assert kinds == ["PAYMENT", "INVOICE", "CREDIT_NOTE"]
        assert [e.balance.amount for e in found.entries] == ["-42.50", "57.50", "-42.50"]
        assert (found.debit.amount, found.credit.amount) == ("100.00", "112.50")
        assert D(found.closing_balance.amount) == await ledger_sum(selling, customer)

    async def test_after_anything_the_ledger_equals_what_is_open(self, selling, new_line):
        """Whatever happens in whatever order: ledger = open invoices - unused credit, and never a cent off."""
        chance, customer = random.Random(7), await selling.customer()
        payments, orders = [], []
        for _ in range(25):
            what = chance.choice(["sell", "sell", "pay", "pay", "return", "reverse", "void"])
            if what == "sell":
                lines = [
                    new_line(
                        str(chance.randint(1, 9)), f"{chance.randint(1, 9999) / 100:.2f}", tax_rate="0.13"
                    )
                ]
                orders.append(await selling.fulfilled(customer, *lines))
            elif what == "pay":
                amount = f"{chance.randint(1, 30000) / 100:.2f}"
                payments.append(await pay(selling, customer, amount, auto=chance.random() < 0.7))
            elif what == "return" and orders:
                order = orders.pop(chance.randrange(len(orders)))
                await selling.orders.ReturnOrder(ReturnOrderRequest(id=order.id))
            elif what == "reverse" and payments:
                payment = payments.pop(chance.randrange(len(payments)))
                await selling.payments.ReversePayment(ReversePaymentRequest(id=payment.id))
            elif what == "void":
                mine = f'customer_id = "{customer}" AND state = OPEN AND kind = INVOICE'
                listed = (await selling.invoices.ListInvoices(ListInvoicesRequest(filter=mine))).invoices
                for invoice in listed[:1]:
                    await selling.invoices.VoidInvoice(VoidInvoiceRequest(id=invoice.id))
            rows = (
                await selling.invoices.GetInvoiceAgeing(GetInvoiceAgeingRequest(customer_id=customer))
            ).rows
            balance = D(rows[0].balance.amount) if rows else D(0)
            assert balance == await ledger_sum(selling, customer), what
        found = await statement(selling, customer)
        assert D(found.closing_balance.amount) == balance == sum(D(e.amount.amount) for e in found.entries)

    async def test_periods_join(self, selling):
        customer = await selling.customer()
        for day in (1, 10, 20):
            await pay(selling, customer, str(day), payment_date=Date(year=2026, month=1, day=day))
        first = await statement(
            selling,
            customer,
            start_date=Date(year=2026, month=1, day=1),
            end_date=Date(year=2026, month=1, day=10),
        )
        second = await statement(
            selling,
            customer,
            start_date=Date(year=2026, month=1, day=11),
            end_date=Date(year=2026, month=1, day=31),
        )
        assert first.closing_balance == second.opening_balance
        assert [len(first.entries), len(second.entries)] == [2, 1]

    async def test_a_period_cannot_end_before_it_starts(self, selling, failure):
        customer = await selling.customer()
        call = statement(
            selling,
            customer,
            start_date=Date(year=2026, month=2, day=1),
            end_date=Date(year=2026, month=1, day=1),
        )
        assert [v.field for v in (await failure(call)).violations] == ["end_date"]

    async def test_currencies_are_apart(self, selling, new_line):
        customer = await selling.customer()
        await selling.fulfilled(customer, new_line("1", "10", "USD"))
        await pay(selling, customer, "3")
        found = await statement(selling, customer)
        assert (found.currency_code, list(found.other_currency_codes)) == ("CNY", ["USD"])
        dollars = await statement(selling, customer, currency_code="USD", **FOREVER)
        assert dollars.closing_balance == Money(currency_code="USD", amount="10.00")


class TestWho:
    async def test_a_customer_fetches_only_his_own(self, selling, failure):
        mine, other = await selling.customer(), await selling.customer()
        await pay(selling, mine, "5")
        own = selling.seen_by(Principal(subject="portal:x", kind="portal", party_id=mine))
        assert (await statement(own, mine)).closing_balance.amount == "-5.00"
        assert (await failure(statement(own, other))).kind is Kind.NOT_FOUND

    async def test_a_branch_sees_the_accounts_of_its_customers(self, selling, failure):
        near, far = await selling.customer(branch="/hq/e/sh/"), await selling.customer(branch="/hq/w/")
        clerk = selling.seen_by(await selling.service.add_user({"statements.read": "branch"}, "/hq/e/sh/"))
        assert (await statement(clerk, near)).customer_id == near
        assert (await failure(statement(clerk, far))).kind is Kind.NOT_FOUND
        assert (await failure(statement(clerk, str(new_id())))).kind is Kind.NOT_FOUND

    async def test_a_merged_customer_has_one_account(self, selling):
        root, member = await selling.customer("甲"), await selling.customer("乙")
        await pay(selling, root, "5")
        await pay(selling, member, "7")
        await selling.merge(root, member)
        assert (await statement(selling, root)).closing_balance.amount == "-12.00"
        assert (await statement(selling, member)).customer_name == "甲"
