"""What a caller can get wrong in a list request. Each error carries every violation found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Violation(NamedTuple):
    """One thing wrong with one field of the request."""

    field: str
    description: str


class ListingError(ValueError):
    """A list or aggregate request that cannot be answered."""

    reason = "INVALID_LISTING"

    def __init__(self, violations: Iterable[tuple[str, str]]) -> None:
        self.violations = tuple(Violation(*violation) for violation in violations)
        super().__init__("; ".join(f"{v.field}: {v.description}" for v in self.violations))


class _OfOneField(ListingError):
    request_field = ""

    def __init__(self, problems: Iterable[str]) -> None:
        super().__init__((self.request_field, problem) for problem in dict.fromkeys(problems))


class InvalidFilter(_OfOneField):
    reason = "INVALID_FILTER"
    request_field = "filter"


class InvalidOrder(_OfOneField):
    reason = "INVALID_ORDER"
    request_field = "order_by"


class InvalidPageSize(_OfOneField):
    reason = "INVALID_PAGE_SIZE"
    request_field = "page_size"


class InvalidPageToken(_OfOneField):
    reason = "INVALID_PAGE_TOKEN"
    request_field = "page_token"


class FieldRefused(ValueError):
    """A field that is unknown, masked or of the wrong kind here; becomes a violation."""


class Problems:
    """Runs several checks and raises what all of them found as one error."""

    def __init__(self) -> None:
        self._errors: list[ListingError] = []

    def check(self, call: Callable[[], T]) -> T | None:
        try:
            return call()
        except ListingError as error:
            self._errors.append(error)
            return None

    def raise_any(self) -> None:
        if len(self._errors) == 1:
            raise self._errors[0]
        found: list[Violation] = [v for error in self._errors for v in error.violations]
        if found:
            raise ListingError(found)
