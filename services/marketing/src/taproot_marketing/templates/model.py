"""Templates. They belong to the whole enterprise: who may read templates reads all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, AppError
from taproot_marketing.base import Base
from taproot_marketing.templates.rules import Content, variables_of
from taproot_marketing.templates.rules import faults as content_faults
from taproot_records.keeping import Kept
from taproot_storage.model import Customizable, Owned


class TemplateKeyTaken(AlreadyExists):
    reason = "TEMPLATE_KEY_TAKEN"

    def __init__(self, key: str) -> None:
        super().__init__(f"another template has the key {key}", key=key)


class TemplateInUse(AppError):
    reason = "TEMPLATE_IN_USE"

    def __init__(self) -> None:
        super().__init__("journeys, campaigns or deliveries name this template; archive it instead")


class Template(Kept, Owned, Customizable, Base):
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

    def faults(self) -> list[tuple[str, str]]:
        contents = contents_of(self.contents)
        found = self.missing("display_name", "message_class", "contents")
        found += [(v.field.removeprefix("template."), v.description) for v in content_faults(contents)]
        self.variables = [] if found else variables_of(contents)
        return found


def contents_of(stored: Iterable[dict[str, Any]]) -> list[Content]:
    return [Content(c["language_code"], c["subject"], c.get("text", ""), c.get("html", "")) for c in stored]
