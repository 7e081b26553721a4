"""Reads of pipelines. They are the same for the whole enterprise: not scoped."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from taproot.sales.v1 import pipeline_pb2 as pb
from taproot_records.reading import Shelf, resource_of
from taproot_sales.opportunities.model import Opportunity
from taproot_sales.pipelines.model import Pipeline
from taproot_storage.database import UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

T = Pipeline.__table__.c
LIVE = T.delete_time.is_(None)
RESOURCE = resource_of(
    "pipeline",
    Pipeline,
    pb.Pipeline,
    "id display_name default_pipeline create_time update_time custom",
    "display_name",
)
SHELF = Shelf(RESOURCE, Pipeline, pb.Pipeline, live=LIVE)
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


async def find(work: UnitOfWork, pipeline_id: UUID | None) -> Pipeline | None:
    """A pipeline, or the default one; not locked."""
    which: Any = T.default_pipeline.is_(True) if pipeline_id is None else T.id == pipeline_id
    found: Pipeline | None = await work.scalar(select(Pipeline).where(which, LIVE))
    return found


async def used_stages(work: UnitOfWork, pipeline_id: UUID) -> set[str]:
    return {row["stage"] for row in await work.fetch(_used, key=pipeline_id)}
