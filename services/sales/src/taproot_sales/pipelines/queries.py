"""Reads of pipelines. They are the same for the whole enterprise: not scoped."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from taproot_base.errors import NotFound
from taproot_listing.fields import Field, FieldType, Resource
from taproot_listing.lists import ListRequest, Page
from taproot_sales.opportunities.model import Opportunity
from taproot_sales.pipelines.model import Pipeline
from taproot_sales.stored import Stored
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

T = Pipeline.__table__.c
LIVE = T.delete_time.is_(None)
RESOURCE = Resource(
    "pipeline",
    (
        Field("id", T.id, FieldType.ID),
        Field("display_name", T.display_name, FieldType.TEXT),
        Field("default_pipeline", T.default_pipeline, FieldType.BOOLEAN),
        Field("create_time", T.create_time, FieldType.INSTANT),
        Field("update_time", T.update_time, FieldType.INSTANT),
    ),
    "display_name",
    T.id,
)
ROWS = select(Pipeline.__table__).where(LIVE)
_one = Statement(lambda: ROWS.where(T.id == bindparam("key")))
_any = Statement(lambda: select(Pipeline.__table__).where(T.id == bindparam("key")))
_used = Statement(
    lambda: (
        select(Opportunity.stage)
        .where(
            Opportunity.pipeline_id == bindparam("key"),
            unscoped(Opportunity, "stages in use count for everybody"),
        )
        .distinct()
    )
)


async def get(reader: Reader, pipeline_id: str | UUID, *, deleted: bool = False) -> Stored:
    row = await reader.fetch_row(_any if deleted else _one, key=UUID(str(pipeline_id)))
    if row is None:
        raise NotFound("pipeline", pipeline_id)
    return Stored(row)


async def page(reader: Reader, lists: Lists, request: ListRequest) -> Page[Any]:
    return await lists.page(reader, RESOURCE, ROWS, Pipeline, request)


async def load(work: UnitOfWork, pipeline_id: UUID) -> Pipeline:
    statement = select(Pipeline).where(T.id == pipeline_id, LIVE).with_for_update()
    found: Pipeline | None = await work.scalar(statement)
    if found is None:
        raise NotFound("pipeline", pipeline_id)
    return found


async def find(work: UnitOfWork, pipeline_id: UUID | None) -> Pipeline | None:
    """A pipeline, or the default one; not locked."""
    which: Any = T.default_pipeline.is_(True) if pipeline_id is None else T.id == pipeline_id
    found: Pipeline | None = await work.scalar(select(Pipeline).where(which, LIVE))
    return found


async def used_stages(work: UnitOfWork, pipeline_id: UUID) -> set[str]:
    return {row["stage"] for row in await work.fetch(_used, key=pipeline_id)}
