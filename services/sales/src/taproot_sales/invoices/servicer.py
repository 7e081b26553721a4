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
from taproot_chassis.servicer import Servicer
from taproot_sales.base import flush_unique
from taproot_sales.invoices import credit, handlers, messages, queries
from taproot_sales.invoices.model import CreditLimit, Invoice
from taproot_sales.sales_lines.customers import CustomerDoor
from taproot_sales.sales_lines.messages import day_of
from taproot_sales.settings import SalesSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.reads import Lists, aggregate
from taproot_storage.updates import changed_fields

Act = Callable[[UnitOfWork], Awaitable[Invoice]]


class InvoicesServicer(Servicer):
    def __init__(self, runtime: Runtime[SalesSettings]) -> None:
        super().__init__(runtime.database)
        self._settings = runtime.settings
        self._lists = Lists(runtime.page_key)
        self._customers = CustomerDoor(runtime)

    async def GetInvoice(self, request: rpc.GetInvoiceRequest, _context: Any) -> pb.Invoice:
        return await self.read(lambda reader: _read(reader, request.id))

    async def ListInvoices(self, request: rpc.ListInvoicesRequest, _context: Any) -> rpc.ListInvoicesResponse:
        async def query(reader: Reader) -> rpc.ListInvoicesResponse:
            page = await self._lists.page(reader, queries.RESOURCE, queries.listed(), Invoice, request)
            invoices = [messages.to_message(row) for row in page.rows]
            return rpc.ListInvoicesResponse(invoices=invoices, next_page_token=page.next_page_token)

        return await self.read(query)

    async def AggregateInvoices(
        self, request: rpc.AggregateInvoicesRequest, _context: Any
    ) -> rpc.AggregateInvoicesResponse:
        async def query(reader: Reader) -> rpc.AggregateInvoicesResponse:
            rows = await aggregate(reader, queries.RESOURCE, queries.listed(), Invoice, request)
            return rpc.AggregateInvoicesResponse(rows=rows)

        return await self.read(query)

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
            await flush_unique(work, {})
            return invoice

        return await self._act(request, act, *locks)

    async def VoidInvoice(self, request: rpc.VoidInvoiceRequest, _context: Any) -> pb.Invoice:
        async def act(work: UnitOfWork) -> Invoice:
            return await handlers.void_invoice(uuid.UUID(request.id), request.etag, request.reason, work)

        return await self._act(request, act)

    async def ApplyCreditNote(self, request: rpc.ApplyCreditNoteRequest, _context: Any) -> pb.Invoice:
        key = uuid.UUID(request.id)
        return await self._act(request, lambda work: handlers.apply_credit_note(key, request.etag, work))

    async def _act(self, request: Any, act: Act, *locks: int) -> pb.Invoice:
        async def answer(work: UnitOfWork) -> pb.Invoice:
            return messages.to_message(await act(work))

        return await self.once(request, answer, _read, locks=locks)


class CreditLimitsServicer(Servicer):
    def __init__(self, runtime: Runtime[SalesSettings]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetCreditLimit(self, request: limit_rpc.GetCreditLimitRequest, _context: Any) -> pb.CreditLimit:
        return await self.read(lambda reader: _read_limit(reader, request.customer_id))

    async def ListCreditLimits(
        self, request: limit_rpc.ListCreditLimitsRequest, _context: Any
    ) -> limit_rpc.ListCreditLimitsResponse:
        async def query(reader: Reader) -> limit_rpc.ListCreditLimitsResponse:
            page = await self._lists.page(
                reader, queries.LIMITS, queries.listed_limits(), CreditLimit, request
            )
            limits = [messages.limit_message(row, None) for row in page.rows]
            return limit_rpc.ListCreditLimitsResponse(
                credit_limits=limits, next_page_token=page.next_page_token
            )

        return await self.read(query)

    async def UpdateCreditLimit(
        self, request: limit_rpc.UpdateCreditLimitRequest, _context: Any
    ) -> pb.CreditLimit:
        message = request.credit_limit
        if not message.customer_id:
            raise InvalidArgument([("credit_limit.customer_id", "is required")])
        names = changed_fields(message, request.update_mask)
        amount = Decimal(message.limit.amount) if "limit" in names else None
        note = message.note if "note" in names else None
        key = uuid.UUID(message.customer_id)

        async def act(work: UnitOfWork) -> pb.CreditLimit:
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
            return messages.limit_message(await credit.delete_credit_limit(key, request.etag, work), None)

        return await self._once(request, act, key)

    async def _once(
        self, request: Any, act: Callable[[UnitOfWork], Awaitable[pb.CreditLimit]], key: uuid.UUID
    ) -> pb.CreditLimit:
        return await self.once(
            request,
            act,
            _read_limit,
            locks=[lock_key("credit_limit", key)],
            result_id=lambda response: response.customer_id,
        )


async def _read(reader: Reader, key: str) -> pb.Invoice:
    return messages.to_message(await queries.get_invoice(reader, uuid.UUID(key)))


async def _read_limit(reader: Reader, key: str) -> pb.CreditLimit:
    row = await queries.get_limit(reader, uuid.UUID(key))
    used = await credit.used_credit(row["id"], row["currency_code"], reader)
    return messages.limit_message(row, used)
