"""The running balance of an account, without I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Balances:
    """Balance after each entry, and what they come to."""

    running: Sequence[Decimal]
    debit: Decimal
    credit: Decimal
    closing: Decimal


def run_balance(opening: Decimal, amounts: Sequence[Decimal]) -> Balances:
    """Amounts above 0 raise what the customer owes; `credit` is positive."""
    running = list(accumulate(amounts, initial=opening))
    debit = sum((amount for amount in amounts if amount > 0), ZERO)
    credit = -sum((amount for amount in amounts if amount < 0), ZERO)
    return Balances(running=running[1:], debit=debit, credit=credit, closing=running[-1])
