from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from taproot_sales.price_books.price_rules import Book, Break, Inquiry, ListPrice, applies, find_price

DAY = date(2026, 3, 1)
LIST = ListPrice("CNY", Decimal(100))


def inquiry(quantity: str = "1", customer_class: str = "", currency: str = "CNY") -> Inquiry:
    return Inquiry(currency, DAY, Decimal(quantity), customer_class)


def price(book: Book, unit_price: str, least: str = "0") -> Break:
    return Break(book, Decimal(least), Decimal(unit_price))


GENERAL = Book(UUID(int=1), "CNY")
CLASS_A = Book(UUID(int=2), "CNY", "A")

books = st.builds(
    Book,
    id=st.uuids(),
    currency_code=st.sampled_from(["CNY", "EUR"]),
    customer_class=st.sampled_from(["", "A", "B"]),
    valid_from=st.none() | st.dates(DAY - timedelta(9), DAY + timedelta(9)),
    valid_to=st.none() | st.dates(DAY - timedelta(9), DAY + timedelta(9)),
    priority=st.integers(-2, 2),
    disabled=st.booleans(),
)
amounts = st.decimals(0, 1000, places=2, allow_nan=False)
breaks = st.lists(st.builds(Break, books, amounts, amounts), max_size=12)


class TestFindPrice:
    def test_the_class_beats_everybody_even_when_dearer(self) -> None:
        entries = [price(GENERAL, "80"), price(CLASS_A, "90")]
        found = find_price(entries, LIST, inquiry(customer_class="A"))
        assert found is not None
        assert (found.unit_price, found.book_id) == (Decimal(90), CLASS_A.id)
        general = find_price(entries, LIST, inquiry(customer_class="B"))
        assert general is not None
        assert general.book_id == GENERAL.id

    def test_the_greatest_quantity_break_not_above_the_quantity(self) -> None:
        entries = [price(GENERAL, "80"), price(GENERAL, "70", "10"), price(GENERAL, "60", "100")]
        prices = [find_price(entries, None, inquiry(q)) for q in ("9.9999", "10", "99", "100")]
        assert [p.unit_price for p in prices if p] == [80, 70, 70, 60]

    def test_a_book_whose_least_quantity_is_not_reached_does_not_count(self) -> None:
        found = find_price([price(CLASS_A, "50", "10"), price(GENERAL, "80")], LIST, inquiry("2", "A"))
        assert found is not None
        assert found.book_id == GENERAL.id

    def test_priority_then_the_later_first_day(self) -> None:
        old = Book(UUID(int=3), "CNY", valid_from=DAY - timedelta(60))
        new = Book(UUID(int=4), "CNY", valid_from=DAY - timedelta(1))
        first = Book(UUID(int=5), "CNY", priority=1)
        found = find_price([price(old, "1"), price(new, "2"), price(GENERAL, "4")], None, inquiry())
        assert found is not None
        assert found.book_id == new.id
        found = find_price([price(old, "1"), price(new, "2"), price(first, "3")], None, inquiry())
        assert found is not None
        assert found.book_id == first.id

    def test_both_ends_of_the_period_count(self) -> None:
        assert applies(Book(UUID(int=6), "CNY", valid_from=DAY, valid_to=DAY), inquiry())

    def test_the_list_price_only_in_its_currency(self) -> None:
        found = find_price([], LIST, inquiry())
        assert found is not None
        assert (found.unit_price, found.book_id) == (Decimal(100), None)
        assert find_price([], LIST, inquiry(currency="EUR")) is None

    def test_amounts_are_exact(self) -> None:
        found = find_price([price(GENERAL, "0.105")], None, inquiry())
        assert found is not None
        assert found.amount(Decimal(3)) == Decimal("0.32")

    @given(breaks, st.sampled_from(["", "A", "C"]), amounts)
    def test_only_applicable_prices_and_in_any_order_the_same(
        self, entries: list[Break], customer_class: str, quantity: Decimal
    ) -> None:
        asked = Inquiry("CNY", DAY, quantity, customer_class)
        found = find_price(entries, None, asked)
        fitting = [e for e in entries if applies(e.book, asked) and e.min_quantity <= quantity]
        assert (found is None) == (not fitting)
        if found is not None:
            mine = [e for e in fitting if e.book.id == found.book_id]
            assert found.min_quantity == max(e.min_quantity for e in mine)
            has_class = any(e.book.customer_class for e in fitting)
            assert all(bool(e.book.customer_class) == has_class for e in mine)
