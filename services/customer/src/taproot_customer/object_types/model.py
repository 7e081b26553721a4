"""An object type: a kind of records of the enterprise's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, InvalidArgument, WrongState
from taproot_customer.base import Base
from taproot_records.keeping import Kept
from taproot_records.mapping import Values

ACTIVE, RETIRED = "active", "retired"
NONE, REQUIRED = "none", "required"


class ObjectTypeExists(AlreadyExists):
    reason = "OBJECT_TYPE_EXISTS"

    def __init__(self) -> None:
        super().__init__("there is a type of this key, in use or retired")


class ObjectType(Kept, Base):
    __tablename__ = "object_types"
    aggregate_type: ClassVar[str] = "object_type"
    refusals = {"uq_object_types_key": ObjectTypeExists}  # noqa: RUF012  # as declared

    key: Mapped[str] = mapped_column(default="")
    label_texts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    plural_by_language: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    shared: Mapped[bool] = mapped_column(default=False)
    customer_relation: Mapped[str] = mapped_column(default=NONE)
    state_list: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    state: Mapped[str] = mapped_column(default=ACTIVE)

    __table_args__ = (
        Index("uq_object_types_key", "key", unique=True),
        Index("ix_object_types_recent", "create_time", "id"),
    )

    @property
    def resource_type(self) -> str:
        """What its fields are defined for, and its permissions are of."""
        return f"objects_{self.key}"

    @property
    def states(self) -> Sequence[str]:
        return [state["key"] for state in self.state_list]

    @property
    def first_state(self) -> str:
        return self.states[0] if self.state_list else ""

    def leading_to(self, wanted: str) -> list[str]:
        """The states an object may move to `wanted` from."""
        if wanted not in self.states:
            raise InvalidArgument([("state", "expected one of " + ", ".join(self.states))])
        return [state["key"] for state in self.state_list if wanted in state["next_states"]]

    def faults(self) -> list[tuple[str, str]]:
        self.customer_relation = self.customer_relation or NONE
        return self.missing("key") + _faults_of(self.state_list)

    def change(self, values: Values, now: datetime) -> None:
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
            raise WrongState("the object type", self.state, [state])


def _faults_of(states: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    keys = [state["key"] for state in states]
    found = []
    for number, state in enumerate(states):
        if not state["key"]:
            found.append((f"states[{number}].key", "is empty"))
        elif state["key"] in keys[:number]:
            found.append((f"states[{number}].key", "is there twice"))
        unknown = [key for key in state["next_states"] if key not in keys]
        if unknown:
            found.append((f"states[{number}].next_states", "there is no state " + ", ".join(unknown)))
    return found
