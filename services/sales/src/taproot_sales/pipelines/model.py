"""A pipeline and its stages; rules.py says what makes it sound."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AppError, InvalidArgument
from taproot_records.keeping import Recyclable
from taproot_records.mapping import Values
from taproot_sales.base import Base
from taproot_sales.pipelines.rules import LOST, OPEN, WON, Stage, closed, stage_faults
from taproot_storage.model import Customizable


class StageInUse(AppError):
    reason = "STAGE_IN_USE"

    def __init__(self, keys: list[str]) -> None:
        names = ", ".join(sorted(keys))
        super().__init__(f"stages with opportunities cannot be left out: {names}", stages=names)


class PipelineInUse(AppError):
    reason = "PIPELINE_IN_USE"

    def __init__(self) -> None:
        super().__init__("the pipeline has opportunities")


class PipelineIsDefault(AppError):
    reason = "PIPELINE_IS_DEFAULT"

    def __init__(self) -> None:
        super().__init__("make another pipeline the default first")


class Pipeline(Recyclable, Customizable, Base):
    __tablename__ = "pipelines"
    aggregate_type = "pipeline"

    display_name: Mapped[str] = mapped_column(default="")
    stages: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    default_pipeline: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        Index("ix_pipelines_display_name", "display_name", "id"),
        Index(
            "uq_pipelines_default",
            "default_pipeline",
            unique=True,
            postgresql_where=text("default_pipeline AND delete_time IS NULL"),
        ),
    )

    def change(self, values: Values, now: datetime) -> None:
        if self.default_pipeline and values.get("default_pipeline") is False:
            raise PipelineIsDefault
        super().change(values, now)

    def faults(self) -> list[tuple[str, str]]:
        self.stages = stored([closed(stage) for stage in self.steps])
        return self.missing("display_name") + stage_faults(self.steps)

    def yield_default(self, now: datetime) -> None:
        """Another pipeline becomes the default."""
        self.default_pipeline = False
        self.record("updated", now)

    def delete(self, now: datetime) -> None:
        if self.default_pipeline:
            raise PipelineIsDefault
        super().delete(now)

    @property
    def steps(self) -> list[Stage]:
        return [Stage(**stage) for stage in self.stages]

    def stage(self, key: str) -> Stage | None:
        return next((stage for stage in self.steps if stage.key == key), None)

    def open_stage(self, key: str) -> Stage:
        """The open stage of that key; InvalidArgument when there is none."""
        stage = self.stage(key)
        if stage is None or stage.kind != OPEN:
            raise InvalidArgument([("stage", f"the pipeline has no open stage {key}")])
        return stage

    @property
    def first_stage(self) -> Stage:
        return next(stage for stage in self.steps if stage.kind == OPEN)

    @property
    def won_stage(self) -> Stage:
        return next(stage for stage in self.steps if stage.kind == WON)

    @property
    def lost_stage(self) -> Stage:
        return next(stage for stage in self.steps if stage.kind == LOST)


def stored(stages: list[Stage]) -> list[dict[str, Any]]:
    return [asdict(stage) for stage in stages]
