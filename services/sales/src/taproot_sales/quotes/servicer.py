"""gRPC of quotes: parse, hand over, answer."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from taproot.sales.v1 import quote_pb2 as pb
from taproot.sales.v1 import quote_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_records.keeping import flush_unique
from taproot_records.reading import Shelf
from taproot_records.serving import ResourceServicer
from taproot_sales.quotes import handlers, messages, queries
from taproot_sales.quotes.model import Quote
from taproot_sales.sales_lines.customers import CustomerDoor, customer_name
from taproot_sales.settings import SalesSettings
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.updates import changed_fields


class QuoteShelf(Shelf[pb.Quote]):
    async def messages(self, reader: Reader, rows: Sequence[Any]) -> list[pb.Quote]:
        lines = await queries.lines_of(reader, [row["id"] for row in rows])
        return [messages.to_message(row, lines[row["id"]]) for row in rows]


class QuotesServicer(ResourceServicer[pb.Quote]):
    def __init__(self, runtime: Runtime[SalesSettings]) -> None:
        super().__init__(runtime, QuoteShelf(queries.RESOURCE, Quote, pb.Quote))
        self._settings = runtime.settings
        self._customers = CustomerDoor(runtime)

    def answer(self, entity: Quote) -> pb.Quote:
        return messages.to_message(entity, entity.lines)

    async def GetQuote(self, request: rpc.GetQuoteRequest, _context: Any) -> pb.Quote:
        return await self.get(request.id)

    async def ListQuotes(self, request: rpc.ListQuotesRequest, _context: Any) -> rpc.ListQuotesResponse:
        return await self.page(request, rpc.ListQuotesResponse, "quotes")

    async def AggregateQuotes(
        self, request: rpc.AggregateQuotesRequest, _context: Any
    ) -> rpc.AggregateQuotesResponse:
        return await self.aggregate(request, rpc.AggregateQuotesResponse)

    async def CreateQuote(self, request: rpc.CreateQuoteRequest, _context: Any) -> pb.Quote:
        settings = self._settings
        command = messages.parse_new(request.quote, settings.default_currency, settings.payment_terms_days)
        await self._customers.ensure([request.quote.customer_id])

        async def act(work: UnitOfWork) -> Quote:
            quote = await handlers.create_quote(command, work)
            await flush_unique(work)
            return quote

        return await self.change(request, act)

    async def UpdateQuote(self, request: rpc.UpdateQuoteRequest, _context: Any) -> pb.Quote:
        names = changed_fields(request.quote, request.update_mask, messages.CHANGEABLE)
        command = messages.parse_change(request.quote, names)
        return await self.change(request, lambda work: handlers.change_quote(command, work))

    async def DeleteQuote(self, request: rpc.DeleteQuoteRequest, _context: Any) -> pb.Quote:
        return await self.change(
            request, lambda work: handlers.delete_quote(_id(request), request.etag, work)
        )

    async def SubmitQuote(self, request: rpc.SubmitQuoteRequest, _context: Any) -> pb.Quote:
        async def act(work: UnitOfWork) -> Quote:
            return await handlers.submit_quote(_id(request), request.etag, request.comment, work)

        return await self.change(request, act)

    async def SendQuote(self, request: rpc.SendQuoteRequest, _context: Any) -> pb.Quote:
        return await self.change(request, lambda work: handlers.send_quote(_id(request), request.etag, work))

    async def AcceptQuote(self, request: rpc.AcceptQuoteRequest, _context: Any) -> pb.Quote:
        async def act(work: UnitOfWork) -> Quote:
            return await handlers.accept_quote(_id(request), request.etag, request.customer_reference, work)

        return await self.change(request, act)

    async def RejectQuote(self, request: rpc.RejectQuoteRequest, _context: Any) -> pb.Quote:
        async def act(work: UnitOfWork) -> Quote:
            return await handlers.reject_quote(_id(request), request.etag, request.reason, work)

        return await self.change(request, act)

    async def ReviseQuote(self, request: rpc.ReviseQuoteRequest, _context: Any) -> pb.Quote:
        return await self.change(
            request, lambda work: handlers.revise_quote(_id(request), request.etag, work)
        )

    async def GetQuoteDocument(self, request: rpc.GetQuoteDocumentRequest, _context: Any) -> pb.QuoteDocument:
        async def query(reader: Reader) -> pb.QuoteDocument:
            row = await self.shelf.row(reader, request.id)
            lines = await queries.lines_of(reader, [row["id"]])
            name = await customer_name(row["customer_id"], reader)
            return messages.document_message(row, lines[row["id"]], name)

        return await self.read(query)


def _id(request: Any) -> uuid.UUID:
    return uuid.UUID(request.id)
