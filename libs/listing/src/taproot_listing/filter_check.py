"""A parsed filter against the allow-list: every comparison becomes a typed condition, or a violation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, TypeAlias

from taproot_listing.errors import FieldRefused, InvalidFilter
from taproot_listing.fields import ORDERED, Field, FieldType, Resource
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
from taproot_listing.literals import parse_value


class Test(Enum):
    __test__ = False  # pytest takes the name for a test class

    EQUAL = "="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    STARTS = "starts"
    HAS = "has"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one field. `value` has the field's type, or is `Now`, or for HAS a list of values."""

    field: Field
    test: Test
    value: Any = None


Node: TypeAlias = Tree[Condition]


@dataclass(frozen=True, eq=False)
class Filter:
    """A filter that fits its resource. `root` None lets everything pass."""

    text: str
    root: Node | None
    moving: bool
    """Whether the result depends on the time of evaluation."""


def resolve(condition: Condition, now: datetime) -> Any:
    """The value to compare with at `now`. Dates are taken in the time zone that `now` carries."""
    if not isinstance(condition.value, Now):
        return condition.value
    instant = now.astimezone(UTC) + condition.value.offset
    return instant if condition.field.type is FieldType.INSTANT else instant.astimezone(now.tzinfo).date()


@lru_cache(maxsize=4096)
def check_filter(resource: Resource, text: str, masked: frozenset[str] = frozenset()) -> Filter:
    """Parse and check; the same text against the same resource and masks is a dictionary hit.

    Raises:
        InvalidFilter: all violations at once.
    """
    tree = parse_filter(text)
    if tree is None:
        return Filter("", None, moving=False)
    checker = _Checker(resource, masked)
    root = checker.node(tree)
    if checker.problems:
        raise InvalidFilter(checker.problems)
    return Filter(text.strip(), root, checker.moving)


class _Checker:
    def __init__(self, resource: Resource, masked: frozenset[str]) -> None:
        self._resource = resource
        self._masked = masked
        self.problems: list[str] = []
        self.moving = False

    def node(self, node: Tree[Comparison]) -> Node:
        if isinstance(node, Not):
            return Not(self.node(node.child))
        if isinstance(node, All):
            return All(tuple(self.node(child) for child in node.children))
        if isinstance(node, AnyOf):
            return AnyOf(tuple(self.node(child) for child in node.children))
        try:
            self.moving = self.moving or isinstance(node.argument, Now)
            return _condition(self._resource.find(node.field, self._masked), node)
        except FieldRefused as refused:
            self.problems.append(str(refused))
            return Condition(self._resource.id_field, Test.PRESENT)


def _condition(field: Field, comparison: Comparison) -> Node:
    operator, argument = comparison.operator, comparison.argument
    if operator == "!=":
        return Not(_condition(field, Comparison(comparison.field, "=", argument)))
    absent = argument == Literal("null")
    if operator in {"=", ":"} and (absent or argument in {Literal("", False, True), Literal("", True, True)}):
        present = Condition(field, Test.PRESENT)
        return Not(present) if absent else present
    _require_operator(field, operator)
    if isinstance(argument, Now):
        return Condition(field, Test(operator.replace(":", "=")), _moving(field, argument))
    if argument.prefix:
        return Condition(field, _starts(field, operator), _value(field, argument))
    if field.repeated:
        return Condition(field, Test.HAS, _wanted(field, argument))
    return Condition(field, Test(operator.replace(":", "=")), _value(field, argument))


def _require_operator(field: Field, operator: str) -> None:
    if field.type is FieldType.JSON:
        raise FieldRefused(f"field '{field.name}' is compared by key: '{field.name}.<key>'")
    allowed = "= != < <= > >= :" if field.type in ORDERED else "= != :"
    if field.repeated:
        allowed = ":"
    if operator not in allowed.split():
        raise FieldRefused(f"field '{field.name}' allows {allowed}, not '{operator}'")


def _moving(field: Field, now: Now) -> Now:
    if field.repeated or field.type not in {FieldType.INSTANT, FieldType.DATE}:
        raise FieldRefused(f"field '{field.name}' cannot be compared with now()")
    return now


def _starts(field: Field, operator: str) -> Test:
    if field.repeated or field.type is not FieldType.TEXT or operator not in {"=", ":"}:
        raise FieldRefused(f"field '{field.name}' takes no '*' with '{operator}'")
    return Test.STARTS


def _value(field: Field, argument: Literal) -> Any:
    try:
        return parse_value(field, argument.text)
    except ValueError as expected:
        raise FieldRefused(f"field '{field.name}' wants {expected}, not '{argument.text}'") from None


def _wanted(field: Field, argument: Literal) -> tuple[Any, ...]:
    if field.terms is not None:
        return tuple(field.terms(argument.text))
    return (_value(field, argument),)
