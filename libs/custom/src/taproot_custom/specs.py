"""The definition of one field, as every service keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

TEXTS = frozenset({"text", "long_text", "url", "email", "phone"})
NUMBERS = frozenset({"integer", "decimal", "money"})
TIMES = frozenset({"date", "instant"})
CHOICES = frozenset({"enum", "multi_enum"})
UNIQUE = frozenset({"text", "url", "email", "phone", "integer", "decimal", "date", "instant", "reference"})
TYPES = TEXTS | NUMBERS | TIMES | CHOICES | {"boolean", "reference"}

LONGEST = {"text": 500, "long_text": 20_000, "url": 500, "email": 320, "phone": 40, "multi_enum": 500}


@dataclass(frozen=True)
class Option:
    """One value of an enum. `labels`: language -> text."""

    key: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Spec:
    """`minimum`, `maximum` and `default_value` are texts, empty when there is none."""

    resource_type: str
    key: str
    type: str
    labels: Mapping[str, str] = field(default_factory=dict)
    help_texts: Mapping[str, str] = field(default_factory=dict)
    required: bool = False
    unique: bool = False
    default_value: str = ""
    scale: int = 0
    minimum: str = ""
    maximum: str = ""
    min_length: int = 0
    max_length: int = 0
    pattern: str = ""
    options: tuple[Option, ...] = ()
    reference_type: str = ""
    filterable: bool = False
    searchable: bool = False
    sensitivity: str = ""
    retired: bool = False
    indexed: bool = False
    """Whether the side tables of this service have the values of all its records."""

    @property
    def name(self) -> str:
        """What the side tables know it by."""
        return f"{self.resource_type}.{self.key}"

    @property
    def kept(self) -> bool:
        """Whether its values are in a side table. Retired fields are no longer followed."""
        return self.filterable and not self.retired

    @property
    def limit(self) -> int:
        own = LONGEST.get(self.type, 0)
        return min(self.max_length, own) if self.max_length else own

    def to_json(self) -> dict[str, Any]:
        """All but what a service finds out for itself."""
        stored = asdict(self)
        del stored["indexed"]
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], *, indexed: bool = False) -> Spec:
        known = {each.name for each in fields(cls)}
        values = {name: value for name, value in stored.items() if name in known}
        values["options"] = tuple(Option(**option) for option in values.get("options", ()))
        return cls(**values | {"indexed": indexed})
