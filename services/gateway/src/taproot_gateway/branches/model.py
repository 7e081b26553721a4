"""Branches: the mapped class and its rules."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Boolean, DateTime, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, AppError, Kind, NotFound
from taproot_base.text import sort_key
from taproot_gateway.base import Base
from taproot_storage.eventlog import Aggregate
from taproot_storage.visibility import scope_table

MAX_LEVELS = 12


class BranchCodeTaken(AlreadyExists):
    reason = "BRANCH_CODE_TAKEN"

    def __init__(self) -> None:
        super().__init__(
            "another branch below this parent has the code, or had it until less than an hour ago"
        )


class BranchState(AppError):
    kind = Kind.STATE


class BranchTooDeep(BranchState):
    reason = "BRANCH_TOO_DEEP"

    def __init__(self) -> None:
        super().__init__(f"a branch can be at most {MAX_LEVELS} levels deep")


class BranchInUse(BranchState):
    reason = "BRANCH_IN_USE"

    def __init__(self) -> None:
        super().__init__("the branch has branches below it, users or teams; close it instead")


class BranchCycle(BranchState):
    reason = "BRANCH_CYCLE"

    def __init__(self) -> None:
        super().__init__("a branch cannot hang below itself")


class BranchIsRoot(BranchState):
    reason = "BRANCH_IS_ROOT"

    def __init__(self) -> None:
        super().__init__("the head office can be neither moved nor deleted")


class Branch(Aggregate, Base):
    __tablename__ = "branches"
    aggregate_type: ClassVar[str] = "branch"

    code: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    parent_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    path: Mapped[str] = mapped_column(Text)
    path_epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    time_zone: Mapped[str] = mapped_column(Text, default="")
    language_code: Mapped[str] = mapped_column(Text, default="")
    country_code: Mapped[str] = mapped_column(Text, default="")
    currency_code: Mapped[str] = mapped_column(Text, default="")
    regions: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    manager_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    closed: Mapped[bool] = mapped_column(Boolean, default=False)
    custom: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    sort_key: Mapped[str] = mapped_column(Text, default="")
    delete_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("uq_branches_path", "path", unique=True, postgresql_where=text("delete_time IS NULL")),
        Index("ix_branches_parent", "parent_id"),
    )

    @property
    def branch_path(self) -> str:
        """So that the branch's events carry it."""
        return self.path

    @classmethod
    def create(
        cls, key: uuid.UUID, parent: Branch | None, values: Mapping[str, Any], now: datetime
    ) -> Branch:
        """What is left empty of zone, language, country and currency is the parent's."""
        branch = cls(id=key, create_time=now, path="/", **values)
        branch.parent_id = parent.id if parent else None
        branch.path = _path(parent.path if parent else "/", branch.code)
        for name in ("time_zone", "language_code", "country_code", "currency_code"):
            if not getattr(branch, name) and parent is not None:
                setattr(branch, name, getattr(parent, name))
        branch.sort_key = sort_key(branch.display_name)
        branch.record("created", now)
        return branch

    def change(self, values: Mapping[str, Any], now: datetime) -> None:
        changed = {name: value for name, value in values.items() if getattr(self, name) != value}
        if not changed:
            return
        self.set_all(changed)
        self.sort_key = sort_key(self.display_name)
        self.record("updated", now)

    def move_below(self, parent: Branch, now: datetime) -> tuple[str, str]:
        """Old and new path; those below follow with `follow`."""
        if self.parent_id is None:
            raise BranchIsRoot
        if parent.path.startswith(self.path):
            raise BranchCycle
        before = self.path
        self.parent_id = parent.id
        self._take(_path(parent.path, self.code), now)
        return before, self.path

    def follow(self, before: str, after: str, now: datetime) -> None:
        """An ancestor's path changed from `before` to `after`."""
        self._take(after + self.path.removeprefix(before), now)

    def _take(self, path: str, now: datetime) -> None:
        _check_depth(path)
        previous, self.path = self.path, path
        self.path_epoch += 1
        self.record("moved", now, previous_path=previous)

    def delete(self, *, in_use: bool, now: datetime) -> None:
        if self.delete_time is not None:
            raise NotFound("branch", self.id)
        if self.parent_id is None:
            raise BranchIsRoot
        if in_use:
            raise BranchInUse
        self.delete_time = now
        self.record("deleted", now)


def _path(parent: str, code: str) -> str:
    path = f"{parent}{code}/"
    _check_depth(path)
    return path


def _check_depth(path: str) -> None:
    if path.count("/") - 1 > MAX_LEVELS:
        raise BranchTooDeep


scope_table(Branch, "branches.read", owner=None, branch="path")
