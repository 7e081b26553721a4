from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import pytest
from google.type.date_pb2 import Date

from taproot.sales.events.v1.price_book_event_pb2 import PriceBookEvent
from taproot.sales.v1 import price_book_pb2 as pb
from taproot.sales.v1 import price_book_service_pb2 as rpc
from taproot.sales.v1 import product_pb2, product_service_pb2
from taproot.sales.v1.price_book_service_pb2_grpc import PriceBooksServiceStub
from taproot.sales.v1.product_service_pb2_grpc import ProductsServiceStub
from taproot.type.v1.date_range_pb2 import DateRange
from taproot.type.v1.money_pb2 import Money
from taproot_base.auth import Principal
from taproot_base.errors import AppError, Kind
from taproot_testkit import Caller, Harness


@pytest.fixture
def books(sales: Harness, admin: Principal) -> Caller:
    return sales.stub(PriceBooksServiceStub, admin)


@pytest.fixture
async def product(sales: Harness, admin: Principal) -> str:
    message = product_pb2.Product(
        code=uuid.uuid4().hex, display_name="Pump", list_price=Money(currency_code="CNY", amount="100")
    )
    products = sales.stub(ProductsServiceStub, admin)
    made = await products.CreateProduct(product_service_pb2.CreateProductRequest(product=message))
    return str(made.id)


def day(value: date) -> Date:
    return Date(year=value.year, month=value.month, day=value.day)


async def make(books: Caller, entries: dict[str, str], product: str, **values: Any) -> pb.PriceBook:
    """A book with prices of one product: least quantity -> price."""
    message = pb.PriceBook(**({"display_name": "Book", "currency_code": "CNY"} | values))
    book = await books.CreatePriceBook(rpc.CreatePriceBookRequest(price_book=message))
    prices = [
        pb.PriceBookEntry(product_id=product, min_quantity=least, unit_price=price)
        for least, price in entries.items()
    ]
    stored: pb.PriceBook = await books.SetPriceBookEntries(
        rpc.SetPriceBookEntriesRequest(id=book.id, entries=prices, etag=book.etag)
    )
    return stored


async def lookup(books: Caller, product: str, quantity: str = "1", **values: Any) -> rpc.PriceQuotation:
    asked = rpc.LookupPricesRequest(
        **({"currency_code": "CNY", "date": day(date(2026, 3, 1))} | values),
        items=[rpc.PriceInquiry(product_id=product, quantity=quantity)],
    )
    found: rpc.PriceQuotation = (await books.LookupPrices(asked)).prices[0]
    return found


async def refused(call: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        await call
    return caught.value


class TestLookup:
    async def test_class_quantity_period_and_list_price(self, books: Caller, product: str) -> None:
        assert (await lookup(books, product)).unit_price.amount == "100.00"
        general = await make(books, {"0": "90", "10": "80.005"}, product)
        march = DateRange(start_date=day(date(2026, 3, 1)), end_date=day(date(2026, 3, 31)))
        special = await make(books, {"0": "70"}, product, customer_class="A", valid_period=march)
        found = await lookup(books, product, "10")
        assert (found.price_book_id, found.unit_price.amount, found.amount.amount) == (
            general.id, "80.005", "800.05",
        )  # fmt: skip
        assert found.min_quantity == "10"
        assert (await lookup(books, product, customer_class="A")).price_book_id == special.id
        april = day(date(2026, 4, 1))
        assert (await lookup(books, product, customer_class="A", date=april)).price_book_id == general.id

    async def test_no_price_in_another_currency(self, books: Caller, product: str) -> None:
        found = await lookup(books, product, currency_code="EUR")
        assert not found.HasField("unit_price")
        assert not found.HasField("amount")

    async def test_a_disabled_or_deleted_book_does_not_count(self, books: Caller, product: str) -> None:
        book = await make(books, {"0": "60"}, product)
        off = pb.PriceBook(id=book.id, disabled=True)
        await books.UpdatePriceBook(rpc.UpdatePriceBookRequest(price_book=off))
        assert (await lookup(books, product)).price_book_id == ""
        gone = await make(books, {"0": "55"}, product)
        await books.DeletePriceBook(rpc.DeletePriceBookRequest(id=gone.id))
        assert (await lookup(books, product)).price_book_id == ""


class TestEntries:
    async def test_setting_replaces_the_prices_of_the_products_named(
        self, sales: Harness, books: Caller, product: str
    ) -> None:
        book = await make(books, {"0": "90", "10": "80"}, product)
        new = [pb.PriceBookEntry(product_id=product, unit_price="85")]
        await books.SetPriceBookEntries(rpc.SetPriceBookEntriesRequest(id=book.id, entries=new))
        listed = await books.ListPriceBookEntries(rpc.ListPriceBookEntriesRequest(id=book.id))
        assert [(e.min_quantity, e.unit_price) for e in listed.entries] == [("0", "85")]
        event = (await sales.events(1, of="price_book.entries_set"))[-1].decode(PriceBookEvent)
        assert event.entries[0].unit_price == "85"
        taken = rpc.SetPriceBookEntriesRequest(id=book.id, remove_product_ids=[product])
        await books.SetPriceBookEntries(taken)
        assert not (await books.ListPriceBookEntries(rpc.ListPriceBookEntriesRequest(id=book.id))).entries

    async def test_pages(self, books: Caller, product: str) -> None:
        book = await make(books, {str(n): str(100 - n) for n in range(5)}, product)
        asked = rpc.ListPriceBookEntriesRequest(id=book.id, page_size=3)
        first = await books.ListPriceBookEntries(asked)
        asked.page_token = first.next_page_token
        second = await books.ListPriceBookEntries(asked)
        assert [e.min_quantity for e in (*first.entries, *second.entries)] == ["0", "1", "2", "3", "4"]

    async def test_faults(self, books: Caller, product: str) -> None:
        book = await make(books, {}, product)
        entries = [
            pb.PriceBookEntry(product_id=product, unit_price="1"),
            pb.PriceBookEntry(product_id=product, unit_price="2"),
            pb.PriceBookEntry(product_id=str(uuid.uuid4()), unit_price="2"),
        ]
        error = await refused(
            books.SetPriceBookEntries(rpc.SetPriceBookEntriesRequest(id=book.id, entries=entries))
        )
        assert [v.field for v in error.violations] == ["entries[1].min_quantity", "entries[2].product_id"]


class TestBooks:
    async def test_a_period_that_ends_before_it_starts(self, books: Caller, product: str) -> None:
        wrong = DateRange(start_date=day(date(2026, 3, 2)), end_date=day(date(2026, 3, 1)))
        error = await refused(make(books, {}, product, valid_period=wrong))
        assert [v.field for v in error.violations] == ["price_book.valid_period"]

    async def test_the_currency_stays(self, books: Caller, product: str) -> None:
        book = await make(books, {}, product)
        change = pb.PriceBook(id=book.id, currency_code="EUR")
        asked = rpc.UpdatePriceBookRequest(price_book=change)
        asked.update_mask.paths.append("currency_code")
        assert (await refused(books.UpdatePriceBook(asked))).kind is Kind.INVALID
