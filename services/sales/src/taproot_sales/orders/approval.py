"""What an approver's decision means for an order."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from taproot_sales.approvals.model import Approval
from taproot_sales.approvals.rules import ApprovalState
from taproot_sales.orders.model import Order
from taproot_sales.orders.rules import OrderState
from taproot_storage.database import UnitOfWork
from taproot_storage.visibility import unscoped


class OrderApproval:
    """Approved: it may be confirmed. Anything else: it is a draft again."""

    async def decided(self, approval: Approval, work: UnitOfWork) -> None:
        if approval.state == ApprovalState.APPROVED:
            return
        statement = (
            select(Order)
            .where(Order.id == approval.subject_id, unscoped(Order, "the subject of a decided approval"))
            .options(selectinload(Order.lines))
            .with_for_update(of=Order)
        )
        order: Order | None = await work.scalar(statement)
        if order is not None and order.state == OrderState.SUBMITTED:
            order.refuse(work.clock.now())
