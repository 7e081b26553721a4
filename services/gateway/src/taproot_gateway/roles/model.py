"""Roles: the mapped class and its rules."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Boolean, DateTime, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, AppError, Kind, NotFound
from taproot_base.text import sort_key
from taproot_gateway.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table


class RoleCodeTaken(AlreadyExists):
    reason = "ROLE_CODE_TAKEN"


class RoleIsSystem(AppError):
    kind = Kind.STATE
    reason = "ROLE_IS_SYSTEM"

    def __init__(self) -> None:
        super().__init__("a role of the system cannot be changed or deleted")


class RoleInUse(AppError):
    kind = Kind.STATE
    reason = "ROLE_IN_USE"

    def __init__(self) -> None:
        super().__init__("take the role from its users first")


# What an enterprise decides even of the roles it cannot change.
_OF_SYSTEM_ROLES = {"second_factor_required"}


class Role(Aggregate, Base):
    """`grants` holds pairs of permission and scope, as `["customers.read", "branch"]`."""

    __tablename__ = "roles"
    aggregate_type: ClassVar[str] = "role"

    code: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    grants: Mapped[list[list[str]]] = mapped_column(JSONB, default=list)
    masked_classes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    masked_fields: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    second_factor_required: Mapped[bool] = mapped_column(Boolean, default=False)
    system: Mapped[bool] = mapped_column(Boolean, default=False)
    sort_key: Mapped[str] = mapped_column(Text, default="")
    delete_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("uq_roles_code", "code", unique=True, postgresql_where=text("delete_time IS NULL")),
        Index("ix_roles_order", "sort_key", "id"),
    )

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> Role:
        role = cls(id=key, create_time=now, **values)
        role.sort_key = sort_key(role.display_name)
        role.record("created", now)
        return role

    def change(self, values: Mapping[str, Any], now: datetime) -> None:
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        self._require_changeable(changed)
        if not changed:
            return
        self.set_all(changed)
        self.sort_key = sort_key(self.display_name)
        self.record("updated", now)

    def delete(self, users: int, now: datetime) -> None:
        """`users`: how many have the role."""
        self._require_changeable(("delete_time",))
        if users:
            raise RoleInUse
        self.delete_time = now
        self.record("deleted", now)

    def _require_changeable(self, names: Iterable[str]) -> None:
        if self.delete_time is not None:
            raise NotFound("role", self.id)
        if self.system and set(names) - _OF_SYSTEM_ROLES:
            raise RoleIsSystem


# Roles belong to the whole enterprise: only a reach over everything reads them.
scope_table(Role, "roles.read", owner=None, branch=None)
