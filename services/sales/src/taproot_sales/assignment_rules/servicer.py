"""gRPC of assignment rules: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from taproot.sales.v1 import assignment_rule_pb2 as pb
from taproot.sales.v1 import assignment_rule_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_records.keeping import delete_record
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_sales.assignment_rules import handlers
from taproot_sales.assignment_rules.model import AssignmentRule
from taproot_sales.assignment_rules.queries import SHELF


class AssignmentRulesServicer(ResourceServicer[pb.AssignmentRule]):
    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__(runtime, SHELF)

    async def GetAssignmentRule(
        self, request: rpc.GetAssignmentRuleRequest, _context: Any
    ) -> pb.AssignmentRule:
        return await self.get(request.id)

    async def ListAssignmentRules(
        self, request: rpc.ListAssignmentRulesRequest, _context: Any
    ) -> rpc.ListAssignmentRulesResponse:
        return await self.page(request, rpc.ListAssignmentRulesResponse, "assignment_rules")

    async def CreateAssignmentRule(
        self, request: rpc.CreateAssignmentRuleRequest, _context: Any
    ) -> pb.AssignmentRule:
        message = request.assignment_rule
        values = given(message, AssignmentRule)
        return await self.change(
            request, lambda work: handlers.create_assignment_rule(message.id, values, work)
        )

    async def UpdateAssignmentRule(
        self, request: rpc.UpdateAssignmentRuleRequest, _context: Any
    ) -> pb.AssignmentRule:
        message = request.assignment_rule
        values = changes(message, request.update_mask, AssignmentRule)
        return await self.change(
            request, lambda work: handlers.update_assignment_rule(message.id, message.etag, values, work)
        )

    async def DeleteAssignmentRule(
        self, request: rpc.DeleteAssignmentRuleRequest, _context: Any
    ) -> pb.AssignmentRule:
        return await self.change(
            request, lambda work: delete_record(AssignmentRule, request.id, request.etag, work)
        )
