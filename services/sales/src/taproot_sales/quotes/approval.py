"""What an approver's decision means for a quote."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from taproot_sales.approvals.model import Approval
from taproot_sales.approvals.rules import ApprovalState
from taproot_sales.quotes.model import Quote, QuoteState
from taproot_storage.database import UnitOfWork
from taproot_storage.visibility import unscoped


class QuoteApproval:
    async def decided(self, approval: Approval, work: UnitOfWork) -> None:
        statement = (
            select(Quote)
            .where(Quote.id == approval.subject_id, unscoped(Quote, "the subject of a decided approval"))
            .options(selectinload(Quote.lines))
            .with_for_update(of=Quote)
        )
        quote: Quote | None = await work.scalar(statement)
        if quote is None or quote.state != QuoteState.SUBMITTED:
            return
        now = work.clock.now()
        if approval.state == ApprovalState.APPROVED:
            quote.approve(now)
        elif approval.state == ApprovalState.RECALLED:
            quote.recall(now)
        else:
            quote.reject(_reason(approval), now, by_approver=True)


def _reason(approval: Approval) -> str:
    comments = [seat.comment for seat in approval.seats if seat.comment and seat.decision]
    return comments[-1] if comments else approval.state
