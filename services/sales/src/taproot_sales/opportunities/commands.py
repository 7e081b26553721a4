"""What callers ask of opportunities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class CreateOpportunity:
    """`chosen`: the key the client chose; `stage`: key, empty for the first; `lead_id`: the lead it comes from."""

    chosen: str
    values: dict[str, Any]
    pipeline_id: UUID | None = None
    stage: str = ""
    owner_id: UUID | None = None
    branch_id: UUID | None = None
    lead_id: UUID | None = None


@dataclass(frozen=True)
class Verb:
    """A verb on one record."""

    id: UUID
    etag: str = ""


@dataclass(frozen=True)
class UpdateOpportunity(Verb):
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AssignOpportunity(Verb):
    owner_id: UUID | None = None
    branch_id: UUID | None = None


@dataclass(frozen=True)
class MoveStage(Verb):
    stage: str = ""


@dataclass(frozen=True)
class WinOpportunity(Verb):
    note: str = ""


@dataclass(frozen=True)
class LoseOpportunity(Verb):
    reason: str = ""
    note: str = ""
    competitor_id: UUID | None = None
