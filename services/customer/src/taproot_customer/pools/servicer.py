"""gRPC of pools and their rules: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import customer_pb2, pool_pb2
from taproot.customer.v1 import pool_rule_service_pb2 as rules_rpc
from taproot.customer.v1 import pool_service_pb2 as rpc
from taproot_base.context import current_call
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.customers import messages as customer_messages
from taproot_customer.customers import queries as customers
from taproot_customer.customers.model import Customer
from taproot_customer.pools import handlers, messages, queries
from taproot_customer.pools.model import PoolRule, claims
from taproot_customer.settings import CustomerSettings
from taproot_records.mapping import message_of
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.reads import Lists


class PoolsServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def ListPoolCustomers(
        self, request: rpc.ListPoolCustomersRequest, _context: Any
    ) -> rpc.ListPoolCustomersResponse:
        async def query(reader: Reader) -> rpc.ListPoolCustomersResponse:
            rows = queries.pooled(*handlers.pool_reach())
            # Claims are in no branch, so the list takes the scope the statement has.
            page = await self._lists.page(reader, customers.RESOURCE, rows, claims, request)
            found = [customer_messages.to_message(row) for row in page.rows]
            return rpc.ListPoolCustomersResponse(customers=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def ClaimCustomer(self, request: rpc.ClaimCustomerRequest, _context: Any) -> customer_pb2.Customer:
        async def act(work: UnitOfWork) -> customer_pb2.Customer:
            claimed = await handlers.claim_customer(uuid.UUID(request.id), work)
            return customer_messages.to_message(claimed)

        mine = lock_key("claims", current_call().principal.subject)
        return await self.once(request, act, self._read, locks=[mine])

    async def ReleaseCustomer(
        self, request: rpc.ReleaseCustomerRequest, _context: Any
    ) -> customer_pb2.Customer:
        async def act(work: UnitOfWork) -> customer_pb2.Customer:
            key = uuid.UUID(request.id)
            released, seen = await handlers.release_customer(key, request.etag, request.reason, work)
            if seen:
                return customer_messages.to_message(released)
            return customer_pb2.Customer(id=request.id, etag=released.etag)

        return await self.once(request, act, self._read)

    async def ListOwnershipChanges(
        self, request: rpc.ListOwnershipChangesRequest, _context: Any
    ) -> rpc.ListOwnershipChangesResponse:
        async def query(reader: Reader) -> rpc.ListOwnershipChangesResponse:
            rows = queries.listed_changes()
            page = await self._lists.page(reader, queries.CHANGES, rows, Customer, request)
            found = [message_of(pool_pb2.OwnershipChange, row) for row in page.rows]
            return rpc.ListOwnershipChangesResponse(
                ownership_changes=found, next_page_token=page.next_page_token
            )

        return await self.read(query)

    async def _read(self, reader: Reader, key: str) -> customer_pb2.Customer:
        return customer_messages.to_message(await customers.get_customer(reader, uuid.UUID(key)))


class PoolRulesServicer(ResourceServicer[pool_pb2.PoolRule]):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime, queries.SHELF)

    async def GetPoolRule(self, request: rules_rpc.GetPoolRuleRequest, _context: Any) -> pool_pb2.PoolRule:
        return await self.get(request.id)

    async def ListPoolRules(
        self, request: rules_rpc.ListPoolRulesRequest, _context: Any
    ) -> rules_rpc.ListPoolRulesResponse:
        return await self.page(request, rules_rpc.ListPoolRulesResponse, "pool_rules")

    async def CreatePoolRule(
        self, request: rules_rpc.CreatePoolRuleRequest, _context: Any
    ) -> pool_pb2.PoolRule:
        messages.check_new(request.pool_rule)
        values = given(request.pool_rule, PoolRule)
        return await self.change(
            request, lambda work: handlers.create_rule(request.pool_rule.id, values, work)
        )

    async def UpdatePoolRule(
        self, request: rules_rpc.UpdatePoolRuleRequest, _context: Any
    ) -> pool_pb2.PoolRule:
        message = request.pool_rule
        values = changes(message, request.update_mask, PoolRule)
        return await self.change(
            request, lambda work: handlers.update_rule(message.id, message.etag, values, work)
        )

    async def DeletePoolRule(
        self, request: rules_rpc.DeletePoolRuleRequest, _context: Any
    ) -> pool_pb2.PoolRule:
        return await self.change(request, lambda work: handlers.delete_rule(request.id, request.etag, work))
