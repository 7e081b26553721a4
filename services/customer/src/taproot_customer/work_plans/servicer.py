"""gRPC of work plans: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.customer.v1 import work_plan_pb2 as pb
from taproot.customer.v1 import work_plan_service_pb2 as rpc
from taproot_chassis.placement import caller_id
from taproot_chassis.service import Runtime
from taproot_customer.recycling import delete_record
from taproot_customer.settings import CustomerSettings
from taproot_customer.work_plans import handlers, messages
from taproot_customer.work_plans.model import WorkPlan
from taproot_customer.work_plans.queries import SHELF
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_storage.idempotency import lock_key


class WorkPlansServicer(ResourceServicer[pb.WorkPlan]):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime, SHELF)

    async def GetWorkPlan(self, request: rpc.GetWorkPlanRequest, _context: Any) -> pb.WorkPlan:
        return await self.get(request.id)

    async def ListWorkPlans(
        self, request: rpc.ListWorkPlansRequest, _context: Any
    ) -> rpc.ListWorkPlansResponse:
        return await self.page(request, rpc.ListWorkPlansResponse, "work_plans")

    async def AggregateWorkPlans(
        self, request: rpc.AggregateWorkPlansRequest, _context: Any
    ) -> rpc.AggregateWorkPlansResponse:
        return await self.aggregate(request, rpc.AggregateWorkPlansResponse)

    async def CreateWorkPlan(self, request: rpc.CreateWorkPlanRequest, _context: Any) -> pb.WorkPlan:
        message = request.work_plan
        messages.check_new(message)
        values = given(message, WorkPlan)
        return await self.change(
            request, lambda work: handlers.create_work_plan(message.id, values, work), _lock()
        )

    async def UpdateWorkPlan(self, request: rpc.UpdateWorkPlanRequest, _context: Any) -> pb.WorkPlan:
        message = request.work_plan
        values = changes(message, request.update_mask, WorkPlan)
        return await self.change(
            request, lambda work: handlers.update_work_plan(message.id, message.etag, values, work)
        )

    async def DeleteWorkPlan(self, request: rpc.DeleteWorkPlanRequest, _context: Any) -> pb.WorkPlan:
        return await self.change(
            request, lambda work: delete_record(WorkPlan, request.id, request.etag, work)
        )

    async def UndeleteWorkPlan(self, request: rpc.UndeleteWorkPlanRequest, _context: Any) -> pb.WorkPlan:
        return await self.change(request, lambda work: handlers.undelete_work_plan(request.id, work), _lock())

    async def SubmitWorkPlan(self, request: rpc.SubmitWorkPlanRequest, _context: Any) -> pb.WorkPlan:
        return await self.change(
            request, lambda work: handlers.submit_work_plan(request.id, request.etag, work)
        )

    async def ReviewWorkPlan(self, request: rpc.ReviewWorkPlanRequest, _context: Any) -> pb.WorkPlan:
        return await self.change(
            request, lambda work: handlers.review_work_plan(request.id, request.etag, request.comment, work)
        )

    async def ReturnWorkPlan(self, request: rpc.ReturnWorkPlanRequest, _context: Any) -> pb.WorkPlan:
        return await self.change(
            request, lambda work: handlers.return_work_plan(request.id, request.etag, request.comment, work)
        )

    async def CommentWorkPlan(self, request: rpc.CommentWorkPlanRequest, _context: Any) -> pb.WorkPlan:
        return await self.change(
            request, lambda work: handlers.comment_work_plan(request.id, request.etag, request.comment, work)
        )


def _lock() -> list[int]:
    """Two requests of one user for one period never both find it free."""
    return [lock_key("work_plans", caller_id())]
