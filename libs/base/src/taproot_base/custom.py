"""What lower libraries ask about fields of the enterprise's own; the answers are in `taproot_custom`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

from taproot_base.errors import Violation

R = TypeVar("R")


class CustomRules(Protocol):
    """The definitions this process knows. `resource`: the type of a record, such as `ticket`."""

    def checked(
        self, resource: str, values: Mapping[str, Any], path: str
    ) -> tuple[dict[str, Any], list[Violation]]:
        """Values a person gives, in their stored form, and what is wrong with them. None: to be removed."""

    def missing(self, resource: str, present: Iterable[str], path: str) -> list[Violation]:
        """A violation for each required field that is not present."""

    def completed(self, resource: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of a new record, with the defaults of what is not given."""

    def listed(self, resource: R) -> R:
        """A resource of the list language with the fields defined for it."""

    def hidden(self, resource: str, masked: frozenset[str]) -> frozenset[str]:
        """Keys whose values `masked` hides."""
