"""Does an entitlement of the customer cover a ticket? Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from uuid import UUID


class Reason(StrEnum):
    """From the best answer to the worst: the order in which refusals are told."""

    COVERED = "COVERED"
    EXPIRED = "EXPIRED"
    NOT_STARTED = "NOT_STARTED"
    REVOKED = "REVOKED"
    KIND_EXCLUDED = "KIND_EXCLUDED"
    OTHER_DEVICE = "OTHER_DEVICE"
    OTHER_PRODUCT = "OTHER_PRODUCT"
    NO_ENTITLEMENT = "NO_ENTITLEMENT"
    NO_CUSTOMER = "NO_CUSTOMER"


@dataclass(frozen=True)
class Right:
    """What an entitlement says. An end date is included; None is without end."""

    id: UUID
    start_date: date
    end_date: date | None
    revoked: bool = False
    product_id: UUID | None = None
    product_code: str = ""
    device_serial: str = ""
    covered_kinds: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Claim:
    """What the ticket is about. Without a product or a device any entitlement may answer for it."""

    kind: str
    product_id: UUID | None = None
    product_code: str = ""
    device_serial: str = ""


@dataclass(frozen=True)
class Coverage:
    reason: Reason
    entitlement_id: UUID | None = field(default=None)

    @property
    def covered(self) -> bool:
        return self.reason is Reason.COVERED


def _same_product(right: Right, claim: Claim) -> bool:
    if right.product_code and claim.product_code:
        return right.product_code.casefold() == claim.product_code.casefold()
    if right.product_id and claim.product_id:
        return right.product_id == claim.product_id
    return True


def _same_device(right: Right, claim: Claim) -> bool:
    if not right.device_serial or not claim.device_serial:
        return True
    return right.device_serial.casefold() == claim.device_serial.casefold()


def judge(right: Right, claim: Claim, today: date) -> Reason:
    """`today` is the day in the customer's time zone."""
    if not _same_product(right, claim):
        return Reason.OTHER_PRODUCT
    if not _same_device(right, claim):
        return Reason.OTHER_DEVICE
    if right.covered_kinds and claim.kind not in right.covered_kinds:
        return Reason.KIND_EXCLUDED
    if right.revoked:
        return Reason.REVOKED
    if today < right.start_date:
        return Reason.NOT_STARTED
    if right.end_date is not None and today > right.end_date:
        return Reason.EXPIRED
    return Reason.COVERED


def check_coverage(rights: Iterable[Right], claim: Claim, today: date) -> Coverage:
    """The best answer of all; among equals the longest-lasting entitlement, then the lowest id."""
    order = list(Reason)
    judged = [(judge(right, claim, today), right) for right in rights]
    if not judged:
        return Coverage(Reason.NO_ENTITLEMENT)
    reason, right = min(
        judged,
        key=lambda pair: (order.index(pair[0]), -(pair[1].end_date or date.max).toordinal(), pair[1].id),
    )
    return Coverage(reason, right.id)
