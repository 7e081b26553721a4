"""AssignmentRulesService."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from taproot.sales.v1 import assignment_rule_pb2 as pb
from taproot.sales.v1 import assignment_rule_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_sales import fields
from taproot_sales.assignment_rules import handlers, queries
from taproot_sales.assignment_rules.messages import SPECIAL, new_values, to_message
from taproot_sales.assignment_rules.model import AssignmentRule
from taproot_sales.stored import Stored
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists

Handle = Callable[[Any, UnitOfWork], Awaitable[AssignmentRule]]


async def _get_again(reader: Reader, rule_id: str) -> pb.AssignmentRule:
    return to_message(await queries.get(reader, rule_id, deleted=True))


class AssignmentRulesServicer(Servicer):
    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetAssignmentRule(
        self, request: rpc.GetAssignmentRuleRequest, _context: Any
    ) -> pb.AssignmentRule:
        async def query(reader: Reader) -> pb.AssignmentRule:
            return to_message(await queries.get(reader, request.id))

        return await self.read(query)

    async def ListAssignmentRules(
        self, request: rpc.ListAssignmentRulesRequest, _context: Any
    ) -> rpc.ListAssignmentRulesResponse:
        async def query(reader: Reader) -> rpc.ListAssignmentRulesResponse:
            page = await self._lists.page(reader, queries.RESOURCE, queries.ROWS, AssignmentRule, request)
            rules = [to_message(Stored(row)) for row in page.rows]
            return rpc.ListAssignmentRulesResponse(
                assignment_rules=rules, next_page_token=page.next_page_token
            )

        return await self.read(query)

    async def CreateAssignmentRule(
        self, request: rpc.CreateAssignmentRuleRequest, _context: Any
    ) -> pb.AssignmentRule:
        message = request.assignment_rule
        command = handlers.CreateAssignmentRule(fields.key_of(message), new_values(message))
        return await self._act(request, handlers.create_assignment_rule, command)

    async def UpdateAssignmentRule(
        self, request: rpc.UpdateAssignmentRuleRequest, _context: Any
    ) -> pb.AssignmentRule:
        message = request.assignment_rule
        names = fields.changing(message, request.update_mask, {})
        values = fields.values_of(message, names, SPECIAL)
        command = handlers.UpdateAssignmentRule(UUID(message.id), message.etag, values)
        return await self._act(request, handlers.update_assignment_rule, command)

    async def DeleteAssignmentRule(
        self, request: rpc.DeleteAssignmentRuleRequest, _context: Any
    ) -> pb.AssignmentRule:
        command = handlers.DeleteAssignmentRule(UUID(request.id), request.etag)
        return await self._act(request, handlers.delete_assignment_rule, command)

    async def _act(self, request: Any, handle: Handle, command: Any) -> pb.AssignmentRule:
        async def act(work: UnitOfWork) -> pb.AssignmentRule:
            return to_message(await handle(command, work))

        return await self.once(request, act, _get_again)
