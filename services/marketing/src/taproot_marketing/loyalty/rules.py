"""Points: how many a payment gives, which tier they make, and the two bookings of each movement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Tier:
    name: str
    min_points: int


@dataclass(frozen=True, slots=True)
class Booking:
    """One side of a movement. `book` is a member's account or the programme's counter-account."""

    book: str
    points: int


def points_for(amount: Decimal, amount_per_point: Decimal) -> int:
    """Whole points for a payment, rounded down; none for refunds."""
    if amount <= 0 or amount_per_point <= 0:
        return 0
    return int((amount / amount_per_point).to_integral_value(ROUND_FLOOR))


def tier_of(lifetime_points: int, tiers: Sequence[Tier]) -> str:
    """Name of the highest tier reached; empty below the first."""
    reached = [tier for tier in tiers if tier.min_points <= lifetime_points]
    return max(reached, key=lambda tier: tier.min_points).name if reached else ""


def lifetime_after(lifetime_points: int, kind: str, points: int) -> int:
    """Only points earned count for a lifetime; a correction of earned points counts too, down to zero.

    `points` of a transfer are those of the lifetime that moves along.
    """
    if kind == "redeem":
        return lifetime_points
    return max(lifetime_points + points, 0)


def book(account_id: UUID, program_id: UUID, kind: str, points: int) -> tuple[Booking, Booking]:
    """Both sides of a movement: what the member gains the programme owes, so the sum stays zero."""
    counter = {"earn": "issued", "redeem": "redeemed", "adjust": "adjusted", "transfer": "transferred"}[kind]
    return Booking(f"account:{account_id}", points), Booking(f"program:{program_id}:{counter}", -points)
