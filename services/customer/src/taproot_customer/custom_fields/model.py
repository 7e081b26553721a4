"""A custom field: the definition of one key of `custom` on one type of record."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, WrongState
from taproot_custom.definitions import faults
from taproot_custom.specs import Option, Spec
from taproot_customer.base import Base
from taproot_records.keeping import Kept

ACTIVE, RETIRED = "active", "retired"
OBJECTS = "objects_"
"""Before the key of a type of objects: what their fields are defined for."""


class CustomFieldExists(AlreadyExists):
    reason = "CUSTOM_FIELD_EXISTS"

    def __init__(self) -> None:
        super().__init__("the type has a field of this key, in use or retired")


class CustomField(Kept, Base):
    __tablename__ = "custom_fields"
    aggregate_type: ClassVar[str] = "custom_field"
    refusals = {"uq_custom_fields_resource_type_key": CustomFieldExists}  # noqa: RUF012  # as declared

    resource_type: Mapped[str] = mapped_column(default="")
    key: Mapped[str] = mapped_column(default="")
    type: Mapped[str] = mapped_column(default="")
    label_texts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    help_by_language: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    required: Mapped[bool] = mapped_column(default=False)
    unique: Mapped[bool] = mapped_column(default=False)
    default_value: Mapped[str] = mapped_column(default="")
    scale: Mapped[int] = mapped_column(Integer, default=0)
    minimum: Mapped[str] = mapped_column(default="")
    maximum: Mapped[str] = mapped_column(default="")
    min_length: Mapped[int] = mapped_column(Integer, default=0)
    max_length: Mapped[int] = mapped_column(Integer, default=0)
    pattern: Mapped[str] = mapped_column(default="")
    option_list: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    reference_type: Mapped[str] = mapped_column(default="")
    filterable: Mapped[bool] = mapped_column(default=False)
    searchable: Mapped[bool] = mapped_column(default=False)
    sensitivity: Mapped[str] = mapped_column(default="")
    section: Mapped[str] = mapped_column(default="")
    position: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(default=ACTIVE)

    __table_args__ = (
        Index("uq_custom_fields_resource_type_key", "resource_type", "key", unique=True),
        Index("ix_custom_fields_recent", "create_time", "id"),
    )

    def spec(self) -> Spec:
        return Spec(
            resource_type=self.resource_type,
            key=self.key,
            type=self.type,
            labels=self.label_texts,
            help_texts=self.help_by_language,
            required=self.required,
            unique=self.unique,
            default_value=self.default_value,
            scale=self.scale,
            minimum=self.minimum,
            maximum=self.maximum,
            min_length=self.min_length,
            max_length=self.max_length,
            pattern=self.pattern,
            options=tuple(Option(**option) for option in self.option_list),
            reference_type=self.reference_type,
            filterable=self.filterable,
            searchable=self.searchable,
            sensitivity=self.sensitivity,
            retired=self.state == RETIRED,
        )

    def faults(self) -> list[tuple[str, str]]:
        own = self.missing("resource_type", "key")
        return own + [(v.field.removeprefix("."), v.description) for v in faults(self.spec(), "")]

    def change(self, values: dict[str, Any], now: datetime) -> None:
        self.require(ACTIVE)
        super().change(values, now)

    def retire(self, now: datetime) -> None:
        self.require(ACTIVE)
        self.state = RETIRED
        self.record("deleted", now)

    def restore(self, now: datetime) -> None:
        self.require(RETIRED)
        self.state = ACTIVE
        self.record("undeleted", now)

    def require(self, state: str) -> None:
        if self.state != state:
            raise WrongState("the custom field", self.state, [state])
