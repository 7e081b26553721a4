"""gRPC of price books: parse, hand over, answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select

from taproot.sales.v1 import price_book_pb2 as pb
from taproot.sales.v1 import price_book_service_pb2 as rpc
from taproot_base.errors import InvalidArgument
from taproot_base.wire import optional_date
from taproot_chassis.service import Runtime
from taproot_records.keeping import create_record, delete_record, update_record
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given
from taproot_sales.price_books import handlers, queries
from taproot_sales.price_books.messages import from_entry, to_entry, to_quotation
from taproot_sales.price_books.model import PriceBook, price_book_entries
from taproot_storage.database import Reader


class PriceBooksServicer(ResourceServicer[pb.PriceBook]):
    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__(runtime, queries.SHELF)

    async def GetPriceBook(self, request: rpc.GetPriceBookRequest, _context: Any) -> pb.PriceBook:
        return await self.get(request.id)

    async def ListPriceBooks(
        self, request: rpc.ListPriceBooksRequest, _context: Any
    ) -> rpc.ListPriceBooksResponse:
        return await self.page(request, rpc.ListPriceBooksResponse, "price_books")

    async def ListPriceBookEntries(
        self, request: rpc.ListPriceBookEntriesRequest, _context: Any
    ) -> rpc.ListPriceBookEntriesResponse:
        async def query(reader: Reader) -> rpc.ListPriceBookEntriesResponse:
            book = await queries.SHELF.row(reader, request.id)
            rows = select(price_book_entries).where(queries.E.price_book_id == book["id"])
            page = await self.lists.page(
                reader, queries.ENTRIES, rows, price_book_entries, request, str(book["id"])
            )
            entries = [to_entry(row) for row in page.rows]
            return rpc.ListPriceBookEntriesResponse(entries=entries, next_page_token=page.next_page_token)

        return await self.read(query)

    async def LookupPrices(self, request: rpc.LookupPricesRequest, _context: Any) -> rpc.LookupPricesResponse:
        items = [(UUID(item.product_id), Decimal(item.quantity or "1")) for item in request.items]
        try:
            asked = optional_date(request, "date")
        except ValueError as error:
            raise InvalidArgument([("date", str(error))]) from error

        async def query(reader: Reader) -> rpc.LookupPricesResponse:
            priced = await queries.lookup_prices(
                reader,
                items,
                currency_code=request.currency_code,
                day=asked or reader.clock.now().date(),
                customer_class=request.customer_class,
            )
            return rpc.LookupPricesResponse(prices=[to_quotation(p, request.currency_code) for p in priced])

        return await self.read(query)

    async def CreatePriceBook(self, request: rpc.CreatePriceBookRequest, _context: Any) -> pb.PriceBook:
        key, values = request.price_book.id, given(request.price_book, PriceBook)
        return await self.change(request, lambda work: create_record(PriceBook, key, values, work))

    async def UpdatePriceBook(self, request: rpc.UpdatePriceBookRequest, _context: Any) -> pb.PriceBook:
        message = request.price_book
        values = changes(message, request.update_mask, PriceBook)
        return await self.change(
            request, lambda work: update_record(PriceBook, message.id, message.etag, values, work)
        )

    async def DeletePriceBook(self, request: rpc.DeletePriceBookRequest, _context: Any) -> pb.PriceBook:
        return await self.change(
            request, lambda work: delete_record(PriceBook, request.id, request.etag, work)
        )

    async def SetPriceBookEntries(
        self, request: rpc.SetPriceBookEntriesRequest, _context: Any
    ) -> pb.PriceBook:
        entries = [from_entry(entry) for entry in request.entries]
        removed = [UUID(key) for key in request.remove_product_ids]
        command = handlers.SetEntries(request.id, request.etag, entries, removed)
        return await self.change(request, lambda work: handlers.set_entries(command, work))
