"""gRPC of invoices and credit limits: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from taproot.sales.v1 import credit_limit_service_pb2 as limit_rpc
from taproot.sales.v1 import invoice_pb2 as pb
from taproot.sales.v1 import invoice_service_pb2 as rpc
from taproot_base import wire
from taproot_base.errors import InvalidArgument
from taproot_chassis.service import Runtime
from taproot_records.keeping import flush_unique
from taproot_records.reading import Shelf
from taproot_records.serving import ResourceServicer
from taproot_sales.invoices import credit, handlers, messages, queries
from taproot_sales.invoices.model import CreditLimit, Invoice
from taproot_sales.sales_lines.customers import CustomerDoor, visible_account
from taproot_sales.sales_lines.messages import day_of
from taproot_sales.settings import SalesSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.updates import ADDRESSING, changed_fields


class InvoiceShelf(Shelf[pb.Invoice]):
    def message(self, row: Any) -> pb.Invoice:
        return messages.to_message(row)


class InvoicesServicer(ResourceServicer[pb.Invoice]):
    def __init__(self, runtime: Runtime[SalesSettings]) -> None:
        super().__init__(runtime, InvoiceShelf(queries.RESOURCE, Invoice, pb.Invoice))
        self._settings = runtime.settings
        self._customers = CustomerDoor(runtime)

    def answer(self, entity: Invoice) -> pb.Invoice:
        return messages.to_message(entity)

    async def GetInvoice(self, request: rpc.GetInvoiceRequest, _context: Any) -> pb.Invoice:
        return await self.get(request.id)

    async def ListInvoices(self, request: rpc.ListInvoicesRequest, _context: Any) -> rpc.ListInvoicesResponse:
        return await self.page(request, rpc.ListInvoicesResponse, "invoices")

    async def AggregateInvoices(
        self, request: rpc.AggregateInvoicesRequest, _context: Any
    ) -> rpc.AggregateInvoicesResponse:
        return await self.aggregate(request, rpc.AggregateInvoicesResponse)

    async def GetInvoiceAgeing(
        self, request: rpc.GetInvoiceAgeingRequest, _context: Any
    ) -> rpc.GetInvoiceAgeingResponse:
        customer, day = wire.optional_uuid(request.customer_id), day_of(request, "as_of_date", "")

        async def query(reader: Reader) -> rpc.GetInvoiceAgeingResponse:
            rows = await queries.ageing(reader, customer, day, request.page_size)
            return rpc.GetInvoiceAgeingResponse(rows=messages.ageing_message(rows))

        return await self.read(query)

    async def CreateInvoice(self, request: rpc.CreateInvoiceRequest, _context: Any) -> pb.Invoice:
        settings = self._settings
        command = messages.parse_new(request.invoice, settings.default_currency, settings.payment_terms_days)
        await self._customers.ensure([request.invoice.customer_id])
        locks = [lock_key("invoice", command.external_id)] if command.external_id else []

        async def act(work: UnitOfWork) -> Invoice:
            invoice = await handlers.create_invoice(command, work)
            await flush_unique(work)
            return invoice

        return await self.change(request, act, locks)

    async def VoidInvoice(self, request: rpc.VoidInvoiceRequest, _context: Any) -> pb.Invoice:
        async def act(work: UnitOfWork) -> Invoice:
            return await handlers.void_invoice(uuid.UUID(request.id), request.etag, request.reason, work)

        return await self.change(request, act)

    async def ApplyCreditNote(self, request: rpc.ApplyCreditNoteRequest, _context: Any) -> pb.Invoice:
        key = uuid.UUID(request.id)
        return await self.change(request, lambda work: handlers.apply_credit_note(key, request.etag, work))


class LimitShelf(Shelf[pb.CreditLimit]):
    def message(self, row: Any) -> pb.CreditLimit:
        return messages.limit_message(row, None)


class CreditLimitsServicer(ResourceServicer[pb.CreditLimit]):
    def __init__(self, runtime: Runtime[SalesSettings]) -> None:
        super().__init__(runtime, LimitShelf(queries.LIMITS, CreditLimit, pb.CreditLimit))

    async def one(self, reader: Reader, key: str) -> pb.CreditLimit:
        """With what is used of it, which lists leave out."""
        row = await self.shelf.row(reader, key)
        used = await credit.used_credit(row["id"], row["currency_code"], reader)
        return messages.limit_message(row, used)

    async def GetCreditLimit(self, request: limit_rpc.GetCreditLimitRequest, _context: Any) -> pb.CreditLimit:
        return await self.get(request.customer_id)

    async def ListCreditLimits(
        self, request: limit_rpc.ListCreditLimitsRequest, _context: Any
    ) -> limit_rpc.ListCreditLimitsResponse:
        return await self.page(request, limit_rpc.ListCreditLimitsResponse, "credit_limits")

    async def UpdateCreditLimit(
        self, request: limit_rpc.UpdateCreditLimitRequest, _context: Any
    ) -> pb.CreditLimit:
        message = request.credit_limit
        if not message.customer_id:
            raise InvalidArgument([("credit_limit.customer_id", "is required")])
        by = {*ADDRESSING, "customer_id"}
        names = changed_fields(message, request.update_mask, ("limit", "note"), addressing=by)
        amount = Decimal(message.limit.amount) if "limit" in names else None
        note = message.note if "note" in names else None
        key = uuid.UUID(message.customer_id)

        async def act(work: UnitOfWork) -> pb.CreditLimit:
            await visible_account(key, "credit_limits.update", work)
            currency = message.limit.currency_code
            limit = await credit.set_credit_limit(key, message.etag, amount, currency, note, work)
            used = await credit.used_credit(key, limit.currency_code, work)
            return messages.limit_message(limit, used)

        return await self._once(request, act, key)

    async def DeleteCreditLimit(
        self, request: limit_rpc.DeleteCreditLimitRequest, _context: Any
    ) -> pb.CreditLimit:
        key = uuid.UUID(request.customer_id)

        async def act(work: UnitOfWork) -> pb.CreditLimit:
            await visible_account(key, "credit_limits.delete", work)
            return messages.limit_message(await credit.delete_credit_limit(key, request.etag, work), None)

        return await self._once(request, act, key)

    async def _once(
        self, request: Any, act: Callable[[UnitOfWork], Awaitable[pb.CreditLimit]], key: uuid.UUID
    ) -> pb.CreditLimit:
        return await self.once(
            request,
            act,
            self.one,
            locks=[lock_key("credit_limit", key)],
            result_id=lambda response: response.customer_id,
        )
