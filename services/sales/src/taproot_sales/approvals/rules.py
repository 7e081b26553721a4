"""Who may decide and what follows from decisions, without I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, TypeVar


class Mode(StrEnum):
    ANY_OF = "any_of"
    PARALLEL = "parallel"
    SEQUENTIAL = "sequential"


class Decision(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"


class ApprovalState(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    RECALLED = "recalled"
    EXPIRED = "expired"


class DeadlineAction(StrEnum):
    REMIND = "remind"
    EXPIRE = "expire"


class SeatView(Protocol):
    """What the rules need to know of a seat; seats come in the order of their step."""

    @property
    def decision(self) -> str | None: ...


class PolicyView(Protocol):
    """What the rules need to know of a policy."""

    @property
    def max_discount_share(self) -> Decimal | None: ...
    @property
    def max_total(self) -> Decimal | None: ...
    @property
    def currency_code(self) -> str | None: ...


S = TypeVar("S", bound=SeatView)
P = TypeVar("P", bound=PolicyView)


def open_seats(mode: str, seats: Sequence[S]) -> list[S]:
    """Seats that may decide now."""
    if outcome(mode, seats) is not ApprovalState.PENDING:
        return []
    undecided = [seat for seat in seats if seat.decision is None]
    return undecided[:1] if mode == Mode.SEQUENTIAL else undecided


def outcome(mode: str, seats: Sequence[SeatView]) -> ApprovalState:
    """What the decisions so far make of the step."""
    decisions = [seat.decision for seat in seats]
    if Decision.REJECTED in decisions:
        return ApprovalState.REJECTED
    enough = any if mode == Mode.ANY_OF else all
    if decisions and enough(decision == Decision.APPROVED for decision in decisions):
        return ApprovalState.APPROVED
    return ApprovalState.PENDING


def policy_applies(policy: PolicyView, discount_share: Decimal, total: Decimal, currency: str) -> bool:
    """True when a limit of the policy is exceeded, or when it has none."""
    if policy.max_discount_share is None and policy.max_total is None:
        return True
    if policy.max_discount_share is not None and discount_share > policy.max_discount_share:
        return True
    return policy.max_total is not None and policy.currency_code == currency and total > policy.max_total


def first_policy(policies: Iterable[P], discount_share: Decimal, total: Decimal, currency: str) -> P | None:
    """The first that applies; policies come in the order of their priority."""
    return next((p for p in policies if policy_applies(p, discount_share, total, currency)), None)
