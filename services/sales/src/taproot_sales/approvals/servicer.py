"""gRPC of approvals and their policies: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from taproot.sales.v1 import approval_pb2 as pb
from taproot.sales.v1 import approval_policy_service_pb2 as policy_rpc
from taproot.sales.v1 import approval_service_pb2 as rpc
from taproot_base.errors import InvalidArgument
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_sales.approvals import handlers, messages, policies, queries
from taproot_sales.approvals.handlers import Decide, Subjects
from taproot_sales.approvals.model import Approval, ApprovalPolicy
from taproot_sales.approvals.subjects import SUBJECTS
from taproot_sales.base import flush_unique
from taproot_sales.settings import SalesSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.reads import Lists, aggregate
from taproot_storage.updates import changed_fields

Act = Callable[[UnitOfWork], Awaitable[Approval]]
PolicyAct = Callable[[UnitOfWork], Awaitable[ApprovalPolicy]]


class ApprovalsServicer(Servicer):
    def __init__(self, runtime: Runtime[SalesSettings], subjects: Subjects = SUBJECTS) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)
        self._subjects = subjects

    async def GetApproval(self, request: rpc.GetApprovalRequest, _context: Any) -> pb.Approval:
        return await self.read(lambda reader: _read(reader, request.id))

    async def ListApprovals(
        self, request: rpc.ListApprovalsRequest, _context: Any
    ) -> rpc.ListApprovalsResponse:
        async def query(reader: Reader) -> rpc.ListApprovalsResponse:
            page = await self._lists.page(reader, queries.RESOURCE, queries.listed(), Approval, request)
            seats = await queries.seats_of(reader, [row["id"] for row in page.rows])
            approvals = [messages.to_message(row, seats[row["id"]]) for row in page.rows]
            return rpc.ListApprovalsResponse(approvals=approvals, next_page_token=page.next_page_token)

        return await self.read(query)

    async def FindPendingApprovals(
        self, request: rpc.FindPendingApprovalsRequest, _context: Any
    ) -> rpc.FindPendingApprovalsResponse:
        async def query(reader: Reader) -> rpc.FindPendingApprovalsResponse:
            found = await queries.pending_for_caller(reader, request.subject_type)
            return rpc.FindPendingApprovalsResponse(
                approvals=[messages.to_message(a, a.seats) for a in found]
            )

        return await self.read(query)

    async def AggregateApprovals(
        self, request: rpc.AggregateApprovalsRequest, _context: Any
    ) -> rpc.AggregateApprovalsResponse:
        async def query(reader: Reader) -> rpc.AggregateApprovalsResponse:
            rows = await aggregate(reader, queries.RESOURCE, queries.listed(), Approval, request)
            return rpc.AggregateApprovalsResponse(rows=rows)

        return await self.read(query)

    async def CreateApproval(self, request: rpc.CreateApprovalRequest, _context: Any) -> pb.Approval:
        command = messages.parse_new(request.approval)
        lock = lock_key("approval", command.subject_type, command.subject_id)
        return await self._act(
            request, lambda work: handlers.create_approval(command, self._subjects, work), lock
        )

    async def ApproveApproval(self, request: rpc.ApproveApprovalRequest, _context: Any) -> pb.Approval:
        return await self._act(request, lambda work: handlers.approve(_decide(request), self._subjects, work))

    async def RejectApproval(self, request: rpc.RejectApprovalRequest, _context: Any) -> pb.Approval:
        return await self._act(request, lambda work: handlers.reject(_decide(request), self._subjects, work))

    async def DelegateApproval(self, request: rpc.DelegateApprovalRequest, _context: Any) -> pb.Approval:
        to = uuid.UUID(request.approver_id)
        return await self._act(request, lambda work: handlers.delegate(_decide(request), to, work))

    async def RecallApproval(self, request: rpc.RecallApprovalRequest, _context: Any) -> pb.Approval:
        return await self._act(request, lambda work: handlers.recall(_decide(request), self._subjects, work))

    async def _act(self, request: Any, act: Act, *locks: int) -> pb.Approval:
        async def answer(work: UnitOfWork) -> pb.Approval:
            approval = await act(work)
            return messages.to_message(approval, approval.seats)

        return await self.once(request, answer, _read, locks=locks)


class ApprovalPoliciesServicer(Servicer):
    def __init__(self, runtime: Runtime[SalesSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetApprovalPolicy(
        self, request: policy_rpc.GetApprovalPolicyRequest, _context: Any
    ) -> pb.ApprovalPolicy:
        return await self.read(lambda reader: _read_policy(reader, request.id))

    async def ListApprovalPolicies(
        self, request: policy_rpc.ListApprovalPoliciesRequest, _context: Any
    ) -> policy_rpc.ListApprovalPoliciesResponse:
        async def query(reader: Reader) -> policy_rpc.ListApprovalPoliciesResponse:
            page = await self._lists.page(
                reader, queries.POLICIES, queries.listed_policies(), ApprovalPolicy, request
            )
            return policy_rpc.ListApprovalPoliciesResponse(
                approval_policies=[messages.policy_message(row) for row in page.rows],
                next_page_token=page.next_page_token,
            )

        return await self.read(query)

    async def CreateApprovalPolicy(
        self, request: policy_rpc.CreateApprovalPolicyRequest, _context: Any
    ) -> pb.ApprovalPolicy:
        command = messages.parse_new_policy(request.approval_policy)

        async def act(work: UnitOfWork) -> ApprovalPolicy:
            policy = await policies.create_policy(command, work)
            await flush_unique(work, {})
            return policy

        return await self._act(request, act)

    async def UpdateApprovalPolicy(
        self, request: policy_rpc.UpdateApprovalPolicyRequest, _context: Any
    ) -> pb.ApprovalPolicy:
        message = request.approval_policy
        names = changed_fields(message, request.update_mask)
        refused = [name for name in names if name not in messages.POLICY_FIELDS]
        if refused:
            raise InvalidArgument((f"approval_policy.{name}", "cannot be changed") for name in refused)
        values = messages.policy_values(message, names)

        async def act(work: UnitOfWork) -> ApprovalPolicy:
            return await policies.change_policy(uuid.UUID(message.id), message.etag, values, work)

        return await self._act(request, act)

    async def DeleteApprovalPolicy(
        self, request: policy_rpc.DeleteApprovalPolicyRequest, _context: Any
    ) -> pb.ApprovalPolicy:
        key = uuid.UUID(request.id)
        return await self._act(request, lambda work: policies.delete_policy(key, request.etag, work))

    async def _act(self, request: Any, act: PolicyAct) -> pb.ApprovalPolicy:
        async def answer(work: UnitOfWork) -> pb.ApprovalPolicy:
            return messages.policy_message(await act(work))

        return await self.once(request, answer, _read_policy)


def _decide(request: Any) -> Decide:
    return Decide(uuid.UUID(request.id), request.etag, request.comment)


async def _read(reader: Reader, key: str) -> pb.Approval:
    approval_id = uuid.UUID(key)
    row = await queries.find_approval(reader, approval_id)
    if row is None:
        held = await queries.held_approval(reader, approval_id)
        return messages.to_message(held, held.seats)
    seats = await queries.seats_of(reader, [approval_id])
    return messages.to_message(row, seats[approval_id])


async def _read_policy(reader: Reader, key: str) -> pb.ApprovalPolicy:
    return messages.policy_message(await queries.get_policy(reader, uuid.UUID(key)))
