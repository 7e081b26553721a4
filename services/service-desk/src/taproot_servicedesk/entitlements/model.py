"""An entitlement: a licence, warranty or service contract of a customer."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AlreadyExists, InvalidArgument, WrongState
from taproot_servicedesk.base import Base
from taproot_servicedesk.entitlements.coverage import Right
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Customizable, TeamOwned
from taproot_storage.visibility import scope_table

ACTIVE, EXPIRED, REVOKED = "active", "expired", "revoked"


class EntitlementExists(AlreadyExists):
    reason = "ENTITLEMENT_EXISTS"

    def __init__(self) -> None:
        super().__init__("this delivery of the order line has its entitlement already")


class Entitlement(TeamOwned, Customizable, Aggregate, Base):
    """`expiring_for` is the end date whose coming was announced, so that each is announced once."""

    __tablename__ = "entitlements"
    __table_args__ = (
        Index("uq_entitlements_order_line_id", "order_line_id", "fulfilment_id", unique=True),
        Index("ix_entitlements_customer_id", "customer_id", "end_date", "id"),
        Index("ix_entitlements_owner_id", "owner_id", "create_time", "id"),
        Index("ix_entitlements_branch_path", "branch_path", "create_time", "id"),
        Index("ix_entitlements_team_id", "team_id", "create_time", "id"),
        Index("ix_entitlements_create_time", "create_time", "id"),
        Index("ix_entitlements_end_date", "end_date", postgresql_where=text("state = 'active'")),
        Index("ix_entitlements_device_serial", "device_serial"),
    )
    aggregate_type: ClassVar[str] = "entitlement"

    display_name: Mapped[str] = mapped_column(default="")
    kind: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default=ACTIVE)
    customer_id: Mapped[uuid.UUID]
    product_id: Mapped[uuid.UUID | None]
    product_code: Mapped[str] = mapped_column(default="")
    device_serial: Mapped[str] = mapped_column(default="")
    quantity: Mapped[Decimal] = mapped_column(Numeric, default=Decimal(1))
    start_date: Mapped[date]
    end_date: Mapped[date | None]
    covered_kinds: Mapped[list[str]] = mapped_column(default=list)
    order_id: Mapped[uuid.UUID | None]
    order_line_id: Mapped[uuid.UUID | None]
    fulfilment_id: Mapped[uuid.UUID | None]
    revoke_reason: Mapped[str] = mapped_column(default="")
    expiring_notice_time: Mapped[datetime | None]
    expiring_for: Mapped[date | None]

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    def create(self, now: datetime) -> None:
        self.display_name = self.display_name or self.product_code or self.kind.replace("_", " ")
        self._check()
        self.create_time = now
        self.record("created", now)

    def change(self, values: dict[str, Any], today: date, now: datetime) -> None:
        """A later end date brings an expired one back; `today` is the day in the customer's zone."""
        before = {"previous_owner_id": self.owner_id, "previous_branch_id": self.branch_id}
        self.set_all(values)
        self._check()
        if self.state != REVOKED:
            self.state = EXPIRED if self.end_date is not None and self.end_date < today else ACTIVE
        self.record("updated", now, **before)

    def _check(self) -> None:
        faults = []
        if not self.kind:
            faults.append(("entitlement.kind", "is required"))
        start: date | None = self.start_date  # a mask may have emptied it
        if start is None:
            faults.append(("entitlement.start_date", "is required"))
        elif self.end_date is not None and self.end_date < start:
            faults.append(("entitlement.end_date", "must not be before the start date"))
        if not self.quantity or self.quantity <= 0:
            faults.append(("entitlement.quantity", "must be above 0"))
        if faults:
            raise InvalidArgument(faults)

    def revoke(self, reason: str, now: datetime) -> None:
        if self.state == REVOKED:
            raise WrongState("the entitlement", "REVOKED", ["ACTIVE", "EXPIRED"])
        self.state, self.revoke_reason = REVOKED, reason
        self.record("revoked", now)

    def take_back(self, quantity: Decimal, day: date, reason: str, now: datetime) -> Decimal:
        """Goods came back: fewer, or none and then it ends that day. Returns what of `quantity` is left over."""
        if self.state == REVOKED:
            return quantity
        if quantity < self.quantity:
            self.quantity -= quantity
            self.record("updated", now)
            return Decimal()
        left = quantity - self.quantity
        if self.end_date is None or self.end_date > day:
            self.end_date = max(day, self.start_date)
        self.revoke(reason, now)
        return left

    def announce_end(self, now: datetime) -> None:
        """Raised once for each end date."""
        if self.state == ACTIVE and self.end_date != self.expiring_for:
            self.expiring_notice_time, self.expiring_for = now, self.end_date
            self.record("expiring", now)

    def expire(self, now: datetime) -> None:
        if self.state == ACTIVE:
            self.state = EXPIRED
            self.record("expired", now)

    @property
    def right(self) -> Right:
        return Right(
            id=self.id,
            start_date=self.start_date,
            end_date=self.end_date,
            revoked=self.state == REVOKED,
            product_id=self.product_id,
            product_code=self.product_code,
            device_serial=self.device_serial,
            covered_kinds=frozenset(self.covered_kinds),
        )


scope_table(Entitlement, "entitlements.read", team="team_id", party="customer_id")
