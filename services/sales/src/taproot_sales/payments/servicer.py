"""gRPC of payments: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from taproot.sales.v1 import payment_pb2 as pb
from taproot.sales.v1 import payment_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_records.keeping import flush_unique
from taproot_records.reading import Shelf
from taproot_records.serving import ResourceServicer
from taproot_sales.payments import handlers, messages, queries
from taproot_sales.payments.model import Payment
from taproot_sales.sales_lines.customers import CustomerDoor
from taproot_sales.settings import SalesSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.updates import changed_fields

Act = Callable[[UnitOfWork], Awaitable[Payment]]


class PaymentShelf(Shelf[pb.Payment]):
    def message(self, row: Any) -> pb.Payment:
        return messages.to_message(row)


class PaymentsServicer(ResourceServicer[pb.Payment]):
    def __init__(self, runtime: Runtime[SalesSettings]) -> None:
        super().__init__(runtime, PaymentShelf(queries.RESOURCE, Payment, pb.Payment))
        self._customers = CustomerDoor(runtime)

    async def one(self, reader: Reader, key: str) -> pb.Payment:
        """With its allocations, which lists leave out."""
        row = await self.shelf.row(reader, key)
        return messages.to_message(row, await queries.allocations_of(reader, row["id"]))

    async def GetPayment(self, request: rpc.GetPaymentRequest, _context: Any) -> pb.Payment:
        return await self.get(request.id)

    async def ListPayments(self, request: rpc.ListPaymentsRequest, _context: Any) -> rpc.ListPaymentsResponse:
        return await self.page(request, rpc.ListPaymentsResponse, "payments")

    async def AggregatePayments(
        self, request: rpc.AggregatePaymentsRequest, _context: Any
    ) -> rpc.AggregatePaymentsResponse:
        return await self.aggregate(request, rpc.AggregatePaymentsResponse)

    async def CreatePayment(self, request: rpc.CreatePaymentRequest, _context: Any) -> pb.Payment:
        command = messages.parse_new(request)
        await self._customers.ensure([request.payment.customer_id])
        locks = [lock_key("payment", command.external_id)] if command.external_id else []
        return await self._act(request, lambda work: handlers.record_payment(command, work), *locks)

    async def UpdatePayment(self, request: rpc.UpdatePaymentRequest, _context: Any) -> pb.Payment:
        message = request.payment
        values = messages.change_values(
            message, changed_fields(message, request.update_mask, messages.UPDATED)
        )

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
            await flush_unique(work)
            return messages.to_message(payment, await queries.allocations_of(work, payment.id))

        return await self.once(request, answer, self.one, locks=locks)
