from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from taproot_sales.pricing.currency import decimals, is_whole, round_money, round_places
from taproot_sales.pricing.distribution import distribute_units
from taproot_sales.pricing.document import DocumentInput, LineInput, price_document, tax_summary

D = Decimal
CURRENCIES = st.sampled_from(["CNY", "EUR", "JPY", "KWD", "USD"])
RATES = st.decimals(min_value=0, max_value=1, places=4)
LINES = st.builds(
    LineInput,
    quantity=st.decimals(min_value=D("0.0001"), max_value=D(100_000), places=4),
    unit_price=st.decimals(min_value=0, max_value=D(1_000_000), places=6),
    discount_rate=RATES,
    tax_rate=st.sampled_from([D(0), D("0.06"), D("0.13"), D("0.19"), D(1)]),
    list_price=st.none() | st.decimals(min_value=0, max_value=D(1_000_000), places=2),
)
DOCUMENTS = st.builds(
    DocumentInput,
    currency=CURRENCIES,
    lines=st.lists(LINES, min_size=1, max_size=12),
    tax_inclusive=st.booleans(),
    discount_rate=RATES,
)


def simple(*lines: LineInput, **fields: object) -> DocumentInput:
    return DocumentInput(currency="CNY", lines=lines, **fields)  # type: ignore[arg-type] # keyword pass-through


class TestRounding:
    def test_halves_go_away_from_zero(self) -> None:
        assert round_money(Fraction("0.005"), "CNY") == D("0.01")
        assert round_money(Fraction("-0.005"), "CNY") == D("-0.01")
        assert round_money(Fraction("0.5"), "JPY") == D(1)
        assert round_money(Fraction("1.0005"), "KWD") == D("1.001")

    def test_minor_units_follow_iso_4217(self) -> None:
        assert [decimals(code) for code in ("JPY", "CNY", "KWD", "CLF")] == [0, 2, 3, 4]
        assert is_whole(D("1.10"), "CNY")
        assert not is_whole(D("1.1"), "JPY")

    @given(st.fractions(max_denominator=10**6), st.integers(0, 6))
    def test_is_never_off_by_more_than_half_a_unit(self, value: Fraction, places: int) -> None:
        assert abs(Fraction(round_places(value, places)) - value) <= Fraction(1, 2 * 10**places)


class TestDistribution:
    @given(st.integers(0, 10**12), st.lists(st.fractions(0, 10**6), min_size=1, max_size=20))
    def test_parts_add_up_and_stay_within_one_unit_of_their_share(
        self, total: int, weights: list[Fraction]
    ) -> None:
        parts = distribute_units(total, weights)
        assert sum(parts) == total
        whole = sum(weights)
        if whole:
            assert all(
                abs(part - total * weight / whole) < 1 for part, weight in zip(parts, weights, strict=True)
            )


class TestPriceDocument:
    @given(DOCUMENTS)
    def test_lines_add_up_to_the_document(self, document: DocumentInput) -> None:
        priced = price_document(document)
        assert sum((line.net for line in priced.lines), D(0)) == priced.net
        assert sum((line.tax for line in priced.lines), D(0)) == priced.tax
        assert sum((line.exact_net for line in priced.lines), D(0)) == priced.exact_net
        assert priced.net + priced.tax == priced.total

    @given(DOCUMENTS)
    def test_amounts_are_whole_and_none_is_negative(self, document: DocumentInput) -> None:
        priced = price_document(document)
        for amount in (
            priced.net,
            priced.tax,
            priced.gross,
            priced.discount,
            *(line.net for line in priced.lines),
        ):
            assert amount >= 0
            assert is_whole(amount, document.currency)

    @given(DOCUMENTS)
    def test_document_is_within_half_a_unit_of_the_exact_sum(self, document: DocumentInput) -> None:
        exact = sum(
            Fraction(line.quantity) * Fraction(line.unit_price) * (1 - Fraction(line.discount_rate))
            for line in document.lines
        ) * (1 - Fraction(document.discount_rate))
        priced = price_document(document)
        charged = priced.total if document.tax_inclusive else priced.net
        assert charged == round_money(exact, document.currency)
        assert 0 <= priced.discount_share <= 1

    @given(DOCUMENTS)
    def test_tax_by_rate_adds_up(self, document: DocumentInput) -> None:
        priced = price_document(document)
        summary = tax_summary([line.tax_rate for line in document.lines], priced.lines)
        assert sum((row.tax for row in summary), D(0)) == priced.tax
        assert sum((row.net for row in summary), D(0)) == priced.net

    def test_inclusive_price_contains_the_tax(self) -> None:
        priced = price_document(simple(LineInput(D(1), D(113), tax_rate=D("0.13")), tax_inclusive=True))
        assert (priced.net, priced.tax, priced.total) == (D(100), D(13), D(113))

    def test_amount_off_the_document_is_taken_exactly(self) -> None:
        lines = [LineInput(D(1), D(10)) for _ in range(3)]
        priced = price_document(simple(*lines, discount_amount=D("0.10")))
        assert priced.net == D("29.90")
        assert [line.net for line in priced.lines] == [D("9.97"), D("9.97"), D("9.96")]

    def test_discount_share_counts_from_the_list_price(self) -> None:
        priced = price_document(simple(LineInput(D(2), D(80), list_price=D(100))))
        assert priced.discount_share == D("0.2")
        assert priced.discount == 0
