"""What callers ask of leads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class CaptureLead:
    """`chosen`: the key the client chose, or empty. `hold`: leave it unassigned."""

    chosen: str
    values: dict[str, Any]
    owner_id: UUID | None = None
    branch_id: UUID | None = None
    hold: bool = False


@dataclass(frozen=True)
class Verb:
    """A verb on one record."""

    id: UUID
    etag: str = ""


@dataclass(frozen=True)
class UpdateLead(Verb):
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AssignLead(Verb):
    owner_id: UUID | None = None
    branch_id: UUID | None = None


@dataclass(frozen=True)
class VerifyLead(Verb):
    found: str = ""
    urgency: str = ""
    note: str = ""


@dataclass(frozen=True)
class FeedbackLead(Verb):
    feedback: str = ""
    note: str = ""
    next_contact_date: date | None = None


@dataclass(frozen=True)
class ConvertLead(Verb):
    """`customer_id`: found or made beforehand; None only for a lead that cannot be converted."""

    customer_id: UUID | None = None
    contact_id: UUID | None = None
    pipeline_id: UUID | None = None
    display_name: str = ""
    amount: tuple[Decimal, str] | None = None
    expected_close_date: date | None = None


@dataclass(frozen=True)
class DisqualifyLead(Verb):
    reason: str = ""
    note: str = ""
    competitor_id: UUID | None = None
    survey: dict[str, Any] = field(default_factory=dict)
