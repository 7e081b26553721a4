"""Templates. They belong to the whole enterprise: who may read templates reads all of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, AppError, InvalidArgument
from taproot_marketing.base import Base
from taproot_marketing.templates.rules import Content, faults, variables_of
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Customizable, Owned


class TemplateKeyTaken(AlreadyExists):
    reason = "TEMPLATE_KEY_TAKEN"

    def __init__(self, key: str) -> None:
        super().__init__(f"another template has the key {key}", key=key)


class TemplateInUse(AppError):
    reason = "TEMPLATE_IN_USE"

    def __init__(self) -> None:
        super().__init__("journeys, campaigns or deliveries name this template; archive it instead")


class Template(Aggregate, Owned, Customizable, Base):
    __tablename__ = "templates"
    __table_args__ = (
        Index("uq_templates_key", "key", unique=True, postgresql_where=text("key <> ''")),
        Index("ix_templates_create_time", "create_time", "id"),
    )
    aggregate_type = "template"

    display_name: Mapped[str] = mapped_column(default="")
    message_class: Mapped[str] = mapped_column(default="")
    contents: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    key: Mapped[str] = mapped_column(default="")
    from_name: Mapped[str] = mapped_column(default="")
    variables: Mapped[list[str]] = mapped_column(ARRAY(Text))
    archived: Mapped[bool] = mapped_column(default=False)

    @classmethod
    def create(cls, template_id: uuid.UUID, values: dict[str, Any], now: datetime) -> Template:
        template = cls(id=template_id, create_time=now)
        template._set(values)
        template.record("created", now)
        return template

    def change(self, values: dict[str, Any], now: datetime) -> None:
        self._set(values)
        self.record("updated", now)

    def remove(self, now: datetime) -> None:
        self.record("deleted", now)

    def _set(self, values: dict[str, Any]) -> None:
        self.set_all(values)
        _require(self)
        contents = contents_of(self.contents)
        found = faults(contents)
        if found:
            raise InvalidArgument(found)
        self.variables = variables_of(contents)


def _require(template: Template) -> None:
    missing = [name for name in ("display_name", "message_class", "contents") if not getattr(template, name)]
    if missing:
        raise InvalidArgument((f"template.{name}", "must be given") for name in missing)


def contents_of(stored: Iterable[dict[str, Any]]) -> list[Content]:
    return [Content(c["language_code"], c["subject"], c.get("text", ""), c.get("html", "")) for c in stored]
