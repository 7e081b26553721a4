"""gRPC of payments: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from taproot.sales.v1 import payment_pb2 as pb
from taproot.sales.v1 import payment_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_sales.base import flush_unique
from taproot_sales.payments import handlers, messages, queries
from taproot_sales.payments.model import Payment
from taproot_sales.sales_lines.customers import CustomerDoor
from taproot_sales.settings import SalesSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.reads import Lists, aggregate
from taproot_storage.updates import changed_fields

Act = Callable[[UnitOfWork], Awaitable[Payment]]


class PaymentsServicer(Servicer):
    def __init__(self, runtime: Runtime[SalesSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)
        self._customers = CustomerDoor(runtime)

    async def GetPayment(self, request: rpc.GetPaymentRequest, _context: Any) -> pb.Payment:
        return await self.read(lambda reader: _read(reader, request.id))

    async def ListPayments(self, request: rpc.ListPaymentsRequest, _context: Any) -> rpc.ListPaymentsResponse:
        async def query(reader: Reader) -> rpc.ListPaymentsResponse:
            page = await self._lists.page(reader, queries.RESOURCE, queries.listed(), Payment, request)
            payments = [messages.to_message(row) for row in page.rows]
            return rpc.ListPaymentsResponse(payments=payments, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AggregatePayments(
        self, request: rpc.AggregatePaymentsRequest, _context: Any
    ) -> rpc.AggregatePaymentsResponse:
        async def query(reader: Reader) -> rpc.AggregatePaymentsResponse:
            rows = await aggregate(reader, queries.RESOURCE, queries.listed(), Payment, request)
            return rpc.AggregatePaymentsResponse(rows=rows)

        return await self.read(query)

    async def CreatePayment(self, request: rpc.CreatePaymentRequest, _context: Any) -> pb.Payment:
        command = messages.parse_new(request)
        await self._customers.ensure([request.payment.customer_id])
        locks = [lock_key("payment", command.external_id)] if command.external_id else []
        return await self._act(request, lambda work: handlers.record_payment(command, work), *locks)

    async def UpdatePayment(self, request: rpc.UpdatePaymentRequest, _context: Any) -> pb.Payment:
        message = request.payment
        values = messages.change_values(message, changed_fields(message, request.update_mask))

        async def act(work: UnitOfWork) -> Payment:
            return await handlers.change_payment(uuid.UUID(message.id), message.etag, values, work)

        return await self._act(request, act)

    async def AllocatePayment(self, request: rpc.AllocatePaymentRequest, _context: Any) -> pb.Payment:
        parts = messages.parts_of(request.allocations, "", "allocations")

        async def act(work: UnitOfWork) -> Payment:
            return await handlers.allocate_payment(uuid.UUID(request.id), request.etag, parts, work)

        return await self._act(request, act)

    async def ReversePayment(self, request: rpc.ReversePaymentRequest, _context: Any) -> pb.Payment:
        async def act(work: UnitOfWork) -> Payment:
            return await handlers.reverse_payment(uuid.UUID(request.id), request.etag, request.reason, work)

        return await self._act(request, act)

    async def _act(self, request: Any, act: Act, *locks: int) -> pb.Payment:
        async def answer(work: UnitOfWork) -> pb.Payment:
            payment = await act(work)
            await flush_unique(work, {})
            return messages.to_message(payment, await queries.allocations_of(work, payment.id))

        return await self.once(request, answer, _read, locks=locks)


async def _read(reader: Reader, key: str) -> pb.Payment:
    row = await queries.get_payment(reader, uuid.UUID(key))
    return messages.to_message(row, await queries.allocations_of(reader, row["id"]))
