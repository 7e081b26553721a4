"""Addresses that get no more mail. Enterprise-wide: an address that said no has said it to every branch."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from taproot_base.errors import AppError, InvalidArgument
from taproot_marketing.base import Base
from taproot_marketing.deliveries.rules import address_key, masked_address
from taproot_storage.eventlog import Aggregate

BY_READER = frozenset({"unsubscribed", "complained"})
GRAVITY = ("manual", "unsubscribed", "bounced", "complained")
"""A graver reason replaces a lighter one: the last two spare the address transactional mail too."""


class SuppressionByReader(AppError):
    reason = "SUPPRESSION_BY_READER"

    def __init__(self) -> None:
        super().__init__("the reader asked for this; record the reader's new consent first")


class UnsubscribeTokenInvalid(InvalidArgument):
    reason = "UNSUBSCRIBE_TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__([("token", "is not a link of ours")])


class Suppression(Aggregate, Base):
    __tablename__ = "suppressions"
    __table_args__ = (
        Index("uq_suppressions_address_key", "address_key", unique=True),
        Index("ix_suppressions_create_time", "create_time", "id"),
    )
    aggregate_type = "suppression"

    address: Mapped[str]
    address_key: Mapped[str]
    display_name: Mapped[str]
    reason: Mapped[str]
    note: Mapped[str]
    delivery_id: Mapped[uuid.UUID | None]
    customer_id: Mapped[uuid.UUID | None]

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    @classmethod
    def create(cls, suppression_id: uuid.UUID, address: str, reason: str, now: datetime) -> Suppression:
        return cls(
            id=suppression_id,
            address=address.strip(),
            address_key=address_key(address),
            display_name=masked_address(address.strip()),
            reason=reason,
            note="",
            create_time=now,
        )

    def tell(self, proof: str, now: datetime) -> None:
        """Publish the suppression; `proof` says how and when the reader asked for it."""
        self.record("created", now, proof=proof)

    def aggravate(self, reason: str, proof: str, now: datetime) -> bool:
        """Take over a graver reason; False when the present one is as grave."""
        if GRAVITY.index(reason) <= GRAVITY.index(self.reason):
            return False
        self.reason = reason
        self.tell(proof, now)
        return True

    def lift(self, now: datetime, *, consented_since: bool) -> None:
        if self.reason in BY_READER and not consented_since:
            raise SuppressionByReader
        self.record("deleted", now)
