"""What lower libraries ask about fields of the enterprise's own; the answers are in `taproot_custom`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from taproot_base.errors import Violation


class CustomRules(Protocol):
    """The definitions this process knows. `resource`: the type of a record, such as `job`."""

    def checked(
        self, resource: str, values: Mapping[str, Any], path: str
    ) -> tuple[dict[str, Any], list[Violation]]:
        """Values a person gives, in their stored form, and what is wrong with them. None: to be removed."""

    def missing(self, resource: str, present: Iterable[str], path: str) -> list[Violation]:
        """A violation for each required field that is not present."""

    def completed(self, resource: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of a new record, with the defaults of what is not given."""

    def listed(self, resource: Any) -> Any:
        """A resource of the list language with the fields defined for it."""

    def tokens(self, resource: str, values: Mapping[str, Any]) -> list[str]:
        """What a text search is to find of a record's own fields."""

    def hidden(self, resource: str, masked: frozenset[str]) -> frozenset[str]:
        """Keys whose values `masked` hides."""
