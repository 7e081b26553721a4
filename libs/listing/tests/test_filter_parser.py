from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_listing.errors import InvalidFilter
from taproot_listing.filter_parser import (
    All,
    AnyOf,
    Comparison,
    Literal,
    Not,
    Now,
    Tree,
    parse_filter,
)


def equal(field: str, value: str) -> Comparison:
    return Comparison(field, "=", Literal(value))


def group(tree: Tree[Comparison]) -> All[Comparison]:
    return All((tree,))


A, B, C = equal("a", "1"), equal("b", "2"), equal("c", "3")
NEITHER: Not[Comparison] = Not(group(All((A, B))))
EITHER: AnyOf[Comparison] = AnyOf((group(A), group(B)))


class TestGrammar:
    @pytest.mark.parametrize(
        ("text", "tree"),
        [
            ("", None),
            ("  \n ", None),
            ("a=1", A),
            ("a = 1", A),
            ("a=1 AND b=2", All((A, B))),
            ("a=1 b=2", All((A, B))),
            ("a=1 OR b=2 AND c=3", All((AnyOf((A, B)), C))),
            ("a=1 AND b=2 OR c=3", All((A, AnyOf((B, C))))),
            ("a=1 b=2 OR c=3", All((A, AnyOf((B, C))))),
            ("NOT a=1 OR b=2", AnyOf((Not(A), B))),
            ("-a=1 b=2", All((Not(A), B))),
            ("NOT(a=1 b=2)", NEITHER),
            ("(a=1)OR(b=2)", EITHER),
            ("ANDa=1", equal("ANDa", "1")),
            ("a=ORDER", equal("a", "ORDER")),
            ("x.y_z=张三", equal("x.y_z", "张三")),
        ],
    )
    def test_trees(self, text: str, tree: Tree[Comparison] | None) -> None:
        assert parse_filter(text) == tree

    @pytest.mark.parametrize("operator", ["=", "!=", "<", "<=", ">", ">=", ":"])
    def test_operators(self, operator: str) -> None:
        assert parse_filter(f"a{operator}1") == Comparison("a", operator, Literal("1"))

    @pytest.mark.parametrize(
        ("text", "literal"),
        [
            ('"x y"', Literal("x y", quoted=True)),
            ("'x \"y\"'", Literal('x "y"', quoted=True)),
            (r'"\"\\\n\*"', Literal('"\\\n*', quoted=True)),
            ('"abc*"', Literal("abc", quoted=True, prefix=True)),
            ("abc*", Literal("abc", prefix=True)),
            ("*", Literal("", prefix=True)),
            ("-5.5", Literal("-5.5")),
            ("2024-01-01T00:00:00.5+08:00", Literal("2024-01-01T00:00:00.5+08:00")),
            ("someone@example.org", Literal("someone@example.org")),
            ("now()", Now(timedelta())),
            ("now() - 30d", Now(timedelta(days=-30))),
            ("now()+12h", Now(timedelta(hours=12))),
            ("now", Literal("now")),
        ],
    )
    def test_arguments(self, text: str, literal: Literal | Now) -> None:
        assert parse_filter(f"a = {text} AND a=1") == All((Comparison("a", "=", literal), A))

    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=50))
    def test_any_text_can_be_quoted(self, value: str) -> None:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("*", "\\*")
        assert parse_filter(f'a="{escaped}"') == Comparison("a", "=", Literal(value, quoted=True))


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "position", "words"),
        [
            ("a and b=1", 3, "upper case"),
            ("a=", 3, "found the end, expected a value"),
            ("(a=1", 5, "expected ')'"),
            ("a=1)", 4, "found ')'"),
            ('a="x', 3, '"x'),
            ('a="x*y"', 5, "may only end"),
            ('"x"', 1, "expected a field"),
            ("a=1 OR", 7, "the end"),
            ("a=AND b=1", 3, "expected a value"),
            (r'a="\q"', 4, "unknown escape"),
            ("a=now()-30days", 9, "30days"),
            ("a=now()-999999w", 3, "100 years"),
            ("a=f(1)", 5, "found '1)'"),
            ("a=1 \x00", 5, "no text can hold"),
            ('a="\ud800"', 4, "no text can hold"),
        ],
    )
    def test_one_error_with_its_position(self, text: str, position: int, words: str) -> None:
        with pytest.raises(InvalidFilter) as caught:
            parse_filter(text)
        (violation,) = caught.value.violations
        assert violation.field == "filter"
        assert violation.description.startswith(f"position {position}: ")
        assert words in violation.description

    @given(st.text("ab=!<>:()-*\"'\\ ,.NOTADR1now", max_size=40))
    def test_nothing_else_is_raised(self, text: str) -> None:
        with contextlib.suppress(InvalidFilter):
            parse_filter(text)


class TestLimits:
    def test_length(self) -> None:
        assert parse_filter("a=1" + " " * 3997) == A
        with pytest.raises(InvalidFilter, match="4000"):
            parse_filter("a=1" + " " * 3998)

    def test_depth(self) -> None:
        parse_filter("(" * 30 + "a=1" + ")" * 30)
        parse_filter("-(" * 30 + "a=1" + ")" * 30)
        for opening in ("(", "-("):
            for depth in (31, 1300):
                with pytest.raises(InvalidFilter, match="30 deep"):
                    parse_filter(opening * depth + "a=1" + ")" * depth)

    def test_terms(self) -> None:
        parse_filter(" OR ".join(["a=1"] * 100))
        with pytest.raises(InvalidFilter, match="100 comparisons"):
            parse_filter(" ".join(["a=1"] * 101))
