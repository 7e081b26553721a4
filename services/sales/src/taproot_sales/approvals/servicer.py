"""gRPC of approvals and their policies: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from taproot.sales.v1 import approval_pb2 as pb
from taproot.sales.v1 import approval_policy_service_pb2 as policy_rpc
from taproot.sales.v1 import approval_service_pb2 as rpc
from taproot_base.errors import NotFound
from taproot_chassis.service import Runtime
from taproot_records.keeping import flush_unique
from taproot_records.reading import Shelf
from taproot_records.serving import ResourceServicer
from taproot_sales.approvals import handlers, messages, policies, queries
from taproot_sales.approvals.handlers import Decide, Subjects
from taproot_sales.approvals.model import Approval, ApprovalPolicy
from taproot_sales.approvals.subjects import SUBJECTS
from taproot_sales.settings import SalesSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.updates import changed_fields


class ApprovalShelf(Shelf[pb.Approval]):
    async def messages(self, reader: Reader, rows: Sequence[Any]) -> list[pb.Approval]:
        seats = await queries.seats_of(reader, [row["id"] for row in rows])
        return [messages.to_message(row, seats[row["id"]]) for row in rows]


class ApprovalsServicer(ResourceServicer[pb.Approval]):
    def __init__(self, runtime: Runtime[SalesSettings], subjects: Subjects = SUBJECTS) -> None:
        super().__init__(runtime, ApprovalShelf(queries.RESOURCE, Approval, pb.Approval))
        self._subjects = subjects

    async def one(self, reader: Reader, key: str) -> pb.Approval:
        """Who may take a seat of it reads it too."""
        try:
            return await self.shelf.get(reader, key)
        except NotFound:
            return self.answer(await queries.held_approval(reader, uuid.UUID(key)))

    def answer(self, entity: Approval) -> pb.Approval:
        return messages.to_message(entity, entity.seats)

    async def GetApproval(self, request: rpc.GetApprovalRequest, _context: Any) -> pb.Approval:
        return await self.get(request.id)

    async def ListApprovals(
        self, request: rpc.ListApprovalsRequest, _context: Any
    ) -> rpc.ListApprovalsResponse:
        return await self.page(request, rpc.ListApprovalsResponse, "approvals")

    async def FindPendingApprovals(
        self, request: rpc.FindPendingApprovalsRequest, _context: Any
    ) -> rpc.FindPendingApprovalsResponse:
        async def query(reader: Reader) -> rpc.FindPendingApprovalsResponse:
            found = await queries.pending_for_caller(reader, request.subject_type)
            return rpc.FindPendingApprovalsResponse(approvals=map(self.answer, found))

        return await self.read(query)

    async def AggregateApprovals(
        self, request: rpc.AggregateApprovalsRequest, _context: Any
    ) -> rpc.AggregateApprovalsResponse:
        return await self.aggregate(request, rpc.AggregateApprovalsResponse)

    async def CreateApproval(self, request: rpc.CreateApprovalRequest, _context: Any) -> pb.Approval:
        command = messages.parse_new(request.approval)
        lock = lock_key("approval", command.subject_type, command.subject_id)
        return await self.change(
            request, lambda work: handlers.create_approval(command, self._subjects, work), [lock]
        )

    async def ApproveApproval(self, request: rpc.ApproveApprovalRequest, _context: Any) -> pb.Approval:
        return await self.change(
            request, lambda work: handlers.approve(_decide(request), self._subjects, work)
        )

    async def RejectApproval(self, request: rpc.RejectApprovalRequest, _context: Any) -> pb.Approval:
        return await self.change(
            request, lambda work: handlers.reject(_decide(request), self._subjects, work)
        )

    async def DelegateApproval(self, request: rpc.DelegateApprovalRequest, _context: Any) -> pb.Approval:
        to = uuid.UUID(request.approver_id)
        return await self.change(request, lambda work: handlers.delegate(_decide(request), to, work))

    async def RecallApproval(self, request: rpc.RecallApprovalRequest, _context: Any) -> pb.Approval:
        return await self.change(
            request, lambda work: handlers.recall(_decide(request), self._subjects, work)
        )


class PolicyShelf(Shelf[pb.ApprovalPolicy]):
    def message(self, row: Any) -> pb.ApprovalPolicy:
        return messages.policy_message(row)


class ApprovalPoliciesServicer(ResourceServicer[pb.ApprovalPolicy]):
    def __init__(self, runtime: Runtime[SalesSettings]) -> None:
        super().__init__(runtime, PolicyShelf(queries.POLICIES, ApprovalPolicy, pb.ApprovalPolicy))

    def answer(self, entity: ApprovalPolicy) -> pb.ApprovalPolicy:
        return messages.policy_message(entity)

    async def GetApprovalPolicy(
        self, request: policy_rpc.GetApprovalPolicyRequest, _context: Any
    ) -> pb.ApprovalPolicy:
        return await self.get(request.id)

    async def ListApprovalPolicies(
        self, request: policy_rpc.ListApprovalPoliciesRequest, _context: Any
    ) -> policy_rpc.ListApprovalPoliciesResponse:
        return await self.page(request, policy_rpc.ListApprovalPoliciesResponse, "approval_policies")

    async def CreateApprovalPolicy(
        self, request: policy_rpc.CreateApprovalPolicyRequest, _context: Any
    ) -> pb.ApprovalPolicy:
        command = messages.parse_new_policy(request.approval_policy)

        async def act(work: UnitOfWork) -> ApprovalPolicy:
            policy = await policies.create_policy(command, work)
            await flush_unique(work)
            return policy

        return await self.change(request, act)

    async def UpdateApprovalPolicy(
        self, request: policy_rpc.UpdateApprovalPolicyRequest, _context: Any
    ) -> pb.ApprovalPolicy:
        message = request.approval_policy
        names = changed_fields(message, request.update_mask, messages.POLICY_FIELDS)
        values = messages.policy_values(message, names)

        async def act(work: UnitOfWork) -> ApprovalPolicy:
            return await policies.change_policy(uuid.UUID(message.id), message.etag, values, work)

        return await self.change(request, act)

    async def DeleteApprovalPolicy(
        self, request: policy_rpc.DeleteApprovalPolicyRequest, _context: Any
    ) -> pb.ApprovalPolicy:
        key = uuid.UUID(request.id)
        return await self.change(request, lambda work: policies.delete_policy(key, request.etag, work))


def _decide(request: Any) -> Decide:
    return Decide(uuid.UUID(request.id), request.etag, request.comment)
