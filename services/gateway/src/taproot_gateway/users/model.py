"""Users: the mapped class and its rules. Credentials are kept apart, in `sessions`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, AppError, Kind, NotFound, WrongState
from taproot_base.text import sort_key
from taproot_gateway.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table

ACTIVE, DISABLED = "active", "disabled"
STAFF, PORTAL = "staff", "portal"


class UserNameTaken(AlreadyExists):
    reason = "USER_NAME_TAKEN"

    def __init__(self) -> None:
        super().__init__("another user has this name")


class UserIsDisabled(WrongState):
    reason = "USER_IS_DISABLED"


class UserIsActive(WrongState):
    reason = "USER_IS_ACTIVE"


class LastAdministrator(AppError):
    kind = Kind.STATE
    reason = "LAST_ADMINISTRATOR"

    def __init__(self) -> None:
        super().__init__("nobody else could administer the system any more")


class User(Aggregate, Base):
    __tablename__ = "users"
    aggregate_type: ClassVar[str] = "user"

    user_name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text, default="")
    """The name as it is compared: without regard to case."""
    display_name: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(Text, default=STAFF)
    customer_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    email: Mapped[str] = mapped_column(Text, default="")
    email_key: Mapped[str] = mapped_column(Text, default="")
    """The address as it is compared: without regard to case."""
    phone: Mapped[str] = mapped_column(Text, default="")
    external_id: Mapped[str] = mapped_column(Text, default="")
    """Id in the enterprise's directory, as SCIM gives it."""
    employee_number: Mapped[str] = mapped_column(Text, default="")
    title: Mapped[str] = mapped_column(Text, default="")
    branch_id: Mapped[uuid.UUID] = mapped_column(Uuid)
    branch_path: Mapped[str] = mapped_column(Text)
    other_branch_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), default=list)
    team_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), default=list)
    role_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), default=list)
    manager_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    state: Mapped[str] = mapped_column(Text, default=ACTIVE)
    language_code: Mapped[str] = mapped_column(Text, default="")
    time_zone: Mapped[str] = mapped_column(Text, default="")
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    sort_key: Mapped[str] = mapped_column(Text, default="")
    delete_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("uq_users_name", "name_key", unique=True, postgresql_where=text("delete_time IS NULL")),
        Index("ix_users_branch", "branch_path", "sort_key", "id"),
        Index("ix_users_order", "sort_key", "id"),
        Index("ix_users_email", "email_key"),
        Index("ix_users_external", "external_id"),
        Index("ix_users_roles", "role_ids", postgresql_using="gin"),
        Index("ix_users_teams", "team_ids", postgresql_using="gin"),
    )

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    @classmethod
    def create(cls, key: uuid.UUID, values: Mapping[str, Any], now: datetime) -> User:
        user = cls(id=key, create_time=now, **values)
        user._refresh_derived()
        user.record("created", now)
        return user

    def change(self, values: Mapping[str, Any], now: datetime) -> None:
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        if not changed:
            return
        self.set_all(changed)
        self._refresh_derived()
        self.record("updated", now)

    def assign(self, values: Mapping[str, Any], now: datetime) -> None:
        """Branches, teams and roles."""
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        if not changed:
            return
        before = self.branch_id
        self.set_all(changed)
        detail = {"previous_branch_id": before} if before != self.branch_id else {}
        self.record("assigned", now, **detail)

    def disable(self, now: datetime) -> None:
        if self.state != ACTIVE:
            raise UserIsDisabled("the user", self.state, [ACTIVE])
        self.state = DISABLED
        self.record("disabled", now)

    def enable(self, now: datetime) -> None:
        if self.state != DISABLED:
            raise UserIsActive("the user", self.state, [DISABLED])
        self.state = ACTIVE
        self.record("enabled", now)

    def delete(self, now: datetime) -> None:
        if self.delete_time is not None:
            raise NotFound("user", self.id)
        self.state = DISABLED
        self.delete_time = now
        self.record("deleted", now)

    def _refresh_derived(self) -> None:
        self.display_name = self.display_name or self.user_name
        self.name_key = name_key(self.user_name)
        self.email_key = name_key(self.email or "")
        self.sort_key = sort_key(self.display_name)


def name_key(user_name: str) -> str:
    return user_name.strip().casefold()


def names_of(row: Any) -> list[str]:
    """What a password must not contain."""
    return [row["user_name"], row["email"]]


scope_table(User, "users.read", owner="id")
