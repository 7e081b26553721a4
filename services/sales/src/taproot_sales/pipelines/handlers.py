"""Use cases of pipelines."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from taproot_base.errors import InvalidArgument
from taproot_records.keeping import create_record
from taproot_records.mapping import Values
from taproot_records.writing import load, patched
from taproot_sales.pipelines import queries
from taproot_sales.pipelines.model import Pipeline, PipelineInUse, StageInUse, stored
from taproot_sales.pipelines.rules import DEFAULT_STAGES
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.idempotency import lock_key

DEFAULT_LOCK = lock_key("sales", "default pipeline")


async def create_pipeline(chosen: str, values: Values, work: UnitOfWork) -> Pipeline:
    await _take_default(values, work)
    return await create_record(Pipeline, chosen, values, work)


async def update_pipeline(key: str, etag: str, values: Values, work: UnitOfWork) -> Pipeline:
    pipeline = await load(work, Pipeline, key, etag, deleted=False)
    if not pipeline.default_pipeline:
        await _take_default(values, work)
    if "stages" in values:
        await _keep_used_stages(pipeline, values["stages"], work)
    pipeline.change(patched(pipeline, values), work.clock.now())
    return pipeline


async def _take_default(values: Values, work: UnitOfWork) -> None:
    """Written at once: at no time are there two defaults."""
    if values.get("default_pipeline"):
        former = await queries.find(work, None)
        if former is not None:
            former.yield_default(work.clock.now())
            await work.flush()


async def _keep_used_stages(pipeline: Pipeline, stages: list[dict[str, Any]], work: UnitOfWork) -> None:
    before = {stage.key: stage.kind for stage in pipeline.steps}
    after = {stage["key"]: stage["kind"] for stage in stages}
    used = await queries.used_stages(work, pipeline.id)
    lost = [key for key in used if after.get(key) != before.get(key)]
    if lost:
        raise StageInUse(lost)


async def delete_pipeline(key: str, etag: str, work: UnitOfWork) -> Pipeline:
    pipeline = await load(work, Pipeline, key, etag, deleted=False)
    if await queries.used_stages(work, pipeline.id):
        raise PipelineInUse
    pipeline.delete(work.clock.now())
    return pipeline


async def pipeline_of(work: UnitOfWork, pipeline_id: UUID | None) -> Pipeline:
    """The pipeline named, or the default one. Raises InvalidArgument when there is none."""
    found = await queries.find(work, pipeline_id)
    if found is None:
        raise InvalidArgument([("pipeline_id", "is not a pipeline")])
    return found


async def ensure_default(database: Database) -> None:
    """At start-up: an enterprise that has no default pipeline gets the usual one."""
    async with database.unit([DEFAULT_LOCK]) as work:
        if await queries.find(work, None) is None:
            values = {
                "display_name": "Sales",
                "stages": stored(list(DEFAULT_STAGES)),
                "default_pipeline": True,
            }
            await create_pipeline("", values, work)
