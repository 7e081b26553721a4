"""A competitor."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists
from taproot_base.text import normalize, search_tokens
from taproot_records.keeping import Recyclable, Sorted
from taproot_sales.base import Base
from taproot_storage.model import Customizable, custom_tokens


class CompetitorExists(AlreadyExists):
    reason = "COMPETITOR_EXISTS"

    def __init__(self) -> None:
        super().__init__("a competitor of this name exists")


class Competitor(Recyclable, Sorted, Customizable, Base):
    __tablename__ = "competitors"
    aggregate_type = "competitor"
    refusals = {"uq_competitors_name": CompetitorExists}  # noqa: RUF012  # a constant of the class

    name_key: Mapped[str] = mapped_column(default="")
    search: Mapped[list[str]] = mapped_column(default=list)
    aliases: Mapped[list[str]] = mapped_column(default=list)
    website: Mapped[str] = mapped_column(default="")
    products: Mapped[list[str]] = mapped_column(default=list)
    strengths: Mapped[str] = mapped_column(default="")
    weaknesses: Mapped[str] = mapped_column(default="")
    strategy: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        Index("uq_competitors_name", "name_key", unique=True, postgresql_where=text("delete_time IS NULL")),
        Index("ix_competitors_sort_key", "sort_key", "id"),
    )

    def faults(self) -> list[tuple[str, Any]]:
        self.name_key = normalize(self.display_name)
        self.sort_by_name()
        found = search_tokens(self.display_name, *self.aliases, *self.products)
        self.search = [*found, *custom_tokens(self)]
        return [] if self.display_name.strip() else [("display_name", "is required")]
