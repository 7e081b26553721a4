"""gRPC of shares: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.customer.v1 import customer_share_pb2 as pb
from taproot.customer.v1 import customer_share_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.customers.model import Customer
from taproot_customer.settings import CustomerSettings
from taproot_customer.sharing import handlers, messages, queries
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists


class CustomerSharesServicer(Servicer):
    def __init__(self, runtime: Runtime[CustomerSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def ShareCustomer(self, request: rpc.ShareCustomerRequest, _context: Any) -> pb.CustomerShare:
        command = messages.to_share(request)

        async def act(work: UnitOfWork) -> pb.CustomerShare:
            return messages.to_message(await handlers.share_customer(command, work))

        return await self.once(request, act, _read)

    async def UnshareCustomer(self, request: rpc.UnshareCustomerRequest, _context: Any) -> pb.CustomerShare:
        command = messages.to_unshare(request)

        async def act(work: UnitOfWork) -> pb.CustomerShare:
            return messages.to_message(await handlers.unshare_customer(command, work))

        return await self.once(request, act, _read)

    async def ListCustomerShares(
        self, request: rpc.ListCustomerSharesRequest, _context: Any
    ) -> rpc.ListCustomerSharesResponse:
        key = uuid.UUID(request.customer_id)

        async def query(reader: Reader) -> rpc.ListCustomerSharesResponse:
            await queries.see_customer(reader, key)
            page = await self._lists.page(
                reader, queries.SHARES, queries.listed(key), Customer, request, of=str(key)
            )
            found = [messages.to_message(row) for row in page.rows]
            return rpc.ListCustomerSharesResponse(customer_shares=found, next_page_token=page.next_page_token)

        return await self.read(query)


async def _read(reader: Reader, key: str) -> pb.CustomerShare:
    return messages.to_message(await queries.read_share(reader, uuid.UUID(key)))
