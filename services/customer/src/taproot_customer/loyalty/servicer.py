"""gRPC of loyalty classes: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import loyalty_class_pb2 as pb
from taproot.customer.v1 import loyalty_class_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.loyalty import handlers, messages, queries
from taproot_customer.loyalty.model import loyalty_class_changes
from taproot_customer.parents import find_parent, members_of
from taproot_customer.settings import CustomerSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists
from taproot_storage.updates import changed_fields


class LoyaltyClassesServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetLoyaltyClassRules(
        self, _request: rpc.GetLoyaltyClassRulesRequest, _context: Any
    ) -> pb.LoyaltyClassRules:
        return await self.read(_rules)

    async def UpdateLoyaltyClassRules(
        self, request: rpc.UpdateLoyaltyClassRulesRequest, _context: Any
    ) -> pb.LoyaltyClassRules:
        wanted = request.loyalty_class_rules
        values = messages.rules_values(wanted, changed_fields(wanted, request.update_mask))

        async def act(work: UnitOfWork) -> pb.LoyaltyClassRules:
            return messages.rules_message(await handlers.update_rules(values, wanted.etag, work))

        return await self._once(request, act)

    async def RefreshLoyaltyClasses(
        self, request: rpc.RefreshLoyaltyClassesRequest, _context: Any
    ) -> pb.LoyaltyClassRules:
        async def act(work: UnitOfWork) -> pb.LoyaltyClassRules:
            return messages.rules_message(await handlers.refresh_classes(work))

        return await self._once(request, act)

    async def ListLoyaltyClassChanges(
        self, request: rpc.ListLoyaltyClassChangesRequest, _context: Any
    ) -> rpc.ListLoyaltyClassChangesResponse:
        async def query(reader: Reader) -> rpc.ListLoyaltyClassChangesResponse:
            parent = await find_parent(reader, uuid.UUID(request.customer_id))
            rows = queries.changes_of(await members_of(reader, parent.id))
            page = await self._lists.page(
                reader, queries.CHANGES, rows, loyalty_class_changes, request, of=str(parent.id)
            )
            found = [messages.change_message(row) for row in page.rows]
            return rpc.ListLoyaltyClassChangesResponse(
                loyalty_class_changes=found, next_page_token=page.next_page_token
            )

        return await self.read(query)

    async def _once(self, request: Any, act: Any) -> pb.LoyaltyClassRules:
        async def again(reader: Reader, _key: str) -> pb.LoyaltyClassRules:
            return await _rules(reader)

        return await self.once(request, act, again, result_id=lambda _response: "rules")


async def _rules(reader: Reader) -> pb.LoyaltyClassRules:
    return messages.rules_message(await queries.read_rules(reader))
