"""Scheduled work on invoices."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select

from taproot_chassis.jobs import Job
from taproot_sales.invoices.model import UNSETTLED, Invoice
from taproot_sales.invoices.rules import InvoiceKind
from taproot_storage.database import Database
from taproot_storage.visibility import unscoped

BATCH = 100


async def note_overdue_invoices(database: Database) -> int:
    """Tell, once, when an invoice is overdue."""
    async with database.unit() as work:
        today = work.clock.now().date()
        invoices: list[Invoice] = await work.scalars(_overdue(), today=today)
        for invoice in invoices:
            invoice.note_overdue(work.clock.now())
    return len(invoices)


def _overdue() -> Any:
    return (
        select(Invoice)
        .where(
            Invoice.kind == InvoiceKind.INVOICE,
            Invoice.state.in_(UNSETTLED),
            Invoice.overdue_noted.is_(False),
            Invoice.due_date < bindparam("today"),
            unscoped(Invoice, "the job of overdue invoices"),
        )
        .order_by(Invoice.due_date, Invoice.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )


JOBS = (Job("invoices-overdue", 300, note_overdue_invoices),)
