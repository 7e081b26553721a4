"""Use cases of competitors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from taproot_sales.base import flush_unique
from taproot_sales.competitors import queries
from taproot_sales.competitors.model import Competitor, CompetitorExists
from taproot_sales.fields import patched
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag

REFUSALS = {"uq_competitors_name": CompetitorExists}


@dataclass(frozen=True)
class CreateCompetitor:
    id: UUID
    values: dict[str, Any]


@dataclass(frozen=True)
class UpdateCompetitor:
    id: UUID
    etag: str
    values: dict[str, Any]


@dataclass(frozen=True)
class CompetitorVerb:
    id: UUID
    etag: str = ""


async def create_competitor(command: CreateCompetitor, work: UnitOfWork) -> Competitor:
    competitor = Competitor.create({"id": command.id} | command.values, work.clock.now())
    await work.add(competitor)
    await flush_unique(work, REFUSALS)
    return competitor


async def update_competitor(command: UpdateCompetitor, work: UnitOfWork) -> Competitor:
    competitor = await queries.load(work, command.id)
    check_etag(command.etag, competitor.version)
    competitor.change(patched(command.values, competitor.custom), work.clock.now())
    await flush_unique(work, REFUSALS)
    return competitor


async def delete_competitor(command: CompetitorVerb, work: UnitOfWork) -> Competitor:
    competitor = await queries.load(work, command.id)
    check_etag(command.etag, competitor.version)
    competitor.delete(work.clock.now())
    return competitor


async def undelete_competitor(command: CompetitorVerb, work: UnitOfWork) -> Competitor:
    competitor = await queries.load(work, command.id, deleted=True)
    check_etag(command.etag, competitor.version)
    competitor.undelete(work.clock.now())
    await flush_unique(work, REFUSALS)
    return competitor
