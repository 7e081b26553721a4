"""The account as a whole: whatever happens to it in whatever order, it balances."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from taproot_sales.invoices.model import Invoice
from taproot_sales.invoices.rules import InvoiceKind, InvoiceState, oldest_first, over_allocated
from taproot_sales.payments.model import Payment, PaymentState

D = Decimal
NOW = datetime(2026, 1, 1, tzinfo=UTC)
AMOUNTS = st.decimals(min_value=D("0.01"), max_value=1000, places=2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("sell"), AMOUNTS),
        st.tuples(st.just("receive"), AMOUNTS),
        st.tuples(st.just("allocate"), st.integers(0, 20)),
        st.tuples(st.just("reverse"), st.integers(0, 20)),
        st.tuples(st.just("void"), st.integers(0, 20)),
    ),
    max_size=30,
)


class Account:
    """Documents and ledger of one customer, moved by the verbs of the models alone."""

    def __init__(self) -> None:
        self.invoices: list[Invoice] = []
        self.payments: list[Payment] = []
        self.allocated: dict[int, list[tuple[Invoice, Decimal]]] = {}
        self.ledger = D(0)

    def sell(self, amount: Decimal) -> None:
        day = date(2026, 1, 1 + len(self.invoices) % 28)
        invoice = Invoice(id=uuid.uuid4(), kind=InvoiceKind.INVOICE, net=amount, tax=D(0), due_date=day)
        invoice.issue(NOW)
        self.invoices.append(invoice)
        self.ledger += amount

    def receive(self, amount: Decimal) -> None:
        payment = Payment(id=uuid.uuid4(), amount=amount)
        payment.receive(NOW)
        self.payments.append(payment)
        self.ledger -= amount

    def allocate(self, pick: int) -> None:
        live = [p for p in self.payments if p.state == PaymentState.UNALLOCATED]
        if not live:
            return
        payment = live[pick % len(live)]
        unpaid = {str(i.id): i for i in self.invoices if i.open_amount > 0}
        parts = oldest_first(payment.unallocated, [i.open_item for i in unpaid.values()])
        assert not over_allocated(payment.unallocated, parts, [i.open_item for i in unpaid.values()])
        for part in parts:
            unpaid[part.invoice_id].settle(part.amount, NOW)
            self.allocated.setdefault(id(payment), []).append((unpaid[part.invoice_id], part.amount))
        if parts:
            payment.use(sum((part.amount for part in parts), D(0)), NOW)

    def reverse(self, pick: int) -> None:
        live = [p for p in self.payments if p.state != PaymentState.REVERSED]
        if not live:
            return
        payment = live[pick % len(live)]
        for invoice, amount in self.allocated.pop(id(payment), []):
            invoice.unsettle(amount, NOW)
        payment.reverse("", NOW)
        self.ledger += payment.amount

    def void(self, pick: int) -> None:
        untouched = [i for i in self.invoices if i.state == InvoiceState.OPEN]
        if untouched:
            invoice = untouched[pick % len(untouched)]
            self.ledger -= invoice.total
            invoice.void("", NOW)

    def check(self) -> None:
        owed = sum((invoice.open_amount for invoice in self.invoices), D(0))
        credit = sum((payment.unallocated for payment in self.payments), D(0))
        assert self.ledger == owed - credit
        assert all(0 <= invoice.open_amount <= invoice.total for invoice in self.invoices)
        assert all(0 <= payment.unallocated <= payment.amount for payment in self.payments)
        paid = [i for i in self.invoices if i.state == InvoiceState.PAID]
        assert all(invoice.open_amount == 0 for invoice in paid)


@settings(deadline=None)
@given(STEPS)
def test_it_always_balances(steps: list[tuple[str, Decimal | int]]) -> None:
    account = Account()
    for verb, argument in steps:
        getattr(account, verb)(argument)
        account.check()
