"""A competitor."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, InvalidArgument, WrongState
from taproot_base.text import normalize, search_tokens, sort_key
from taproot_sales.base import Base
from taproot_storage.eventlog import Aggregate


class CompetitorExists(AlreadyExists):
    reason = "COMPETITOR_EXISTS"

    def __init__(self) -> None:
        super().__init__("a competitor of this name exists")


class Competitor(Aggregate, Base):
    __tablename__ = "competitors"
    aggregate_type = "competitor"

    display_name: Mapped[str] = mapped_column(Text, default="")
    name_key: Mapped[str] = mapped_column(Text, default="")
    sort_key: Mapped[str] = mapped_column(Text, default="")
    search: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    aliases: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    website: Mapped[str] = mapped_column(Text, default="")
    products: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    strengths: Mapped[str] = mapped_column(Text, default="")
    weaknesses: Mapped[str] = mapped_column(Text, default="")
    strategy: Mapped[str] = mapped_column(Text, default="")
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    delete_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("uq_competitors_name", "name_key", unique=True, postgresql_where=text("delete_time IS NULL")),
        Index("ix_competitors_sort_key", "sort_key", "id"),
    )

    @classmethod
    def create(cls, values: dict[str, Any], now: datetime) -> Competitor:
        competitor = cls(**values, create_time=now, update_time=now)
        competitor._check_and_derive()
        competitor.record("created", now)
        return competitor

    def change(self, values: dict[str, Any], now: datetime) -> None:
        self.set_all(values)
        self._check_and_derive()
        self.record("updated", now)

    def _check_and_derive(self) -> None:
        if not self.display_name.strip():
            raise InvalidArgument([("competitor.display_name", "is required")])
        self.name_key = normalize(self.display_name)
        self.sort_key = sort_key(self.display_name)
        self.search = search_tokens(self.display_name, *self.aliases, *self.products)

    def delete(self, now: datetime) -> None:
        self.delete_time = now
        self.record("deleted", now)

    def undelete(self, now: datetime) -> None:
        if self.delete_time is None:
            raise WrongState("the competitor", "not deleted", ["deleted"])
        self.delete_time = None
        self.record("undeleted", now)
