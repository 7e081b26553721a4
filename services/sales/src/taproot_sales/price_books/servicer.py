"""PriceBooksService."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select

from taproot.sales.v1 import price_book_pb2 as pb
from taproot.sales.v1 import price_book_service_pb2 as rpc
from taproot_base.errors import InvalidArgument
from taproot_base.wire import optional_date
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_sales import fields
from taproot_sales.price_books import handlers, queries
from taproot_sales.price_books.messages import SPECIAL, from_entry, to_entry, to_message, to_quotation
from taproot_sales.price_books.model import PriceBook, price_book_entries
from taproot_sales.stored import Stored
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists

Handle = Callable[[Any, UnitOfWork], Awaitable[PriceBook]]


async def _get_again(reader: Reader, book_id: str) -> pb.PriceBook:
    return to_message(await queries.get(reader, book_id, deleted=True))


class PriceBooksServicer(Servicer):
    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)

    async def GetPriceBook(self, request: rpc.GetPriceBookRequest, _context: Any) -> pb.PriceBook:
        async def query(reader: Reader) -> pb.PriceBook:
            return to_message(await queries.get(reader, request.id))

        return await self.read(query)

    async def ListPriceBooks(
        self, request: rpc.ListPriceBooksRequest, _context: Any
    ) -> rpc.ListPriceBooksResponse:
        async def query(reader: Reader) -> rpc.ListPriceBooksResponse:
            page = await self._lists.page(reader, queries.RESOURCE, queries.ROWS, PriceBook, request)
            books = [to_message(Stored(row)) for row in page.rows]
            return rpc.ListPriceBooksResponse(price_books=books, next_page_token=page.next_page_token)

        return await self.read(query)

    async def ListPriceBookEntries(
        self, request: rpc.ListPriceBookEntriesRequest, _context: Any
    ) -> rpc.ListPriceBookEntriesResponse:
        async def query(reader: Reader) -> rpc.ListPriceBookEntriesResponse:
            book = await queries.get(reader, request.id)
            rows = select(price_book_entries).where(queries.E.price_book_id == book.id)
            page = await self._lists.page(
                reader, queries.ENTRIES, rows, price_book_entries, request, str(book.id)
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
        message = request.price_book
        values = fields.without_nulls(fields.values_of(message, fields.present(message), SPECIAL))
        command = handlers.CreatePriceBook(fields.key_of(message), values)
        return await self._act(request, handlers.create_price_book, command)

    async def UpdatePriceBook(self, request: rpc.UpdatePriceBookRequest, _context: Any) -> pb.PriceBook:
        message = request.price_book
        names = fields.changing(message, request.update_mask, {})
        values = fields.values_of(message, names, SPECIAL)
        command = handlers.UpdatePriceBook(UUID(message.id), message.etag, values)
        return await self._act(request, handlers.update_price_book, command)

    async def DeletePriceBook(self, request: rpc.DeletePriceBookRequest, _context: Any) -> pb.PriceBook:
        command = handlers.DeletePriceBook(UUID(request.id), request.etag)
        return await self._act(request, handlers.delete_price_book, command)

    async def SetPriceBookEntries(
        self, request: rpc.SetPriceBookEntriesRequest, _context: Any
    ) -> pb.PriceBook:
        entries = [from_entry(entry) for entry in request.entries]
        removed = [UUID(key) for key in request.remove_product_ids]
        command = handlers.SetEntries(UUID(request.id), request.etag, entries, removed)
        return await self._act(request, handlers.set_entries, command)

    async def _act(self, request: Any, handle: Handle, command: Any) -> pb.PriceBook:
        async def act(work: UnitOfWork) -> pb.PriceBook:
            return to_message(await handle(command, work))

        return await self.once(request, act, _get_again)
