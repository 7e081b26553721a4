from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_sales.approvals.rules import ApprovalState, Mode, first_policy, open_seats, outcome

D = Decimal


@dataclass
class Seat:
    decision: str | None = None


@dataclass
class Policy:
    max_discount_share: Decimal | None = None
    max_total: Decimal | None = None
    currency_code: str | None = None


def seats(*decisions: str | None) -> list[Seat]:
    return [Seat(decision) for decision in decisions]


@pytest.mark.parametrize(
    ("mode", "decisions", "state", "may_decide"),
    [
        (Mode.ANY_OF, [None, None], "pending", 2),
        (Mode.ANY_OF, ["approved", None], "approved", 0),
        (Mode.ANY_OF, [None, "rejected"], "rejected", 0),
        (Mode.PARALLEL, ["approved", None, None], "pending", 2),
        (Mode.PARALLEL, ["approved", "approved"], "approved", 0),
        (Mode.PARALLEL, ["approved", "rejected", None], "rejected", 0),
        (Mode.SEQUENTIAL, [None, None], "pending", 1),
        (Mode.SEQUENTIAL, ["approved", None, None], "pending", 1),
        (Mode.SEQUENTIAL, ["approved", "approved"], "approved", 0),
    ],
)
def test_step(mode: Mode, decisions: list[str | None], state: str, may_decide: int) -> None:
    assert outcome(mode, seats(*decisions)) == state
    assert len(open_seats(mode, seats(*decisions))) == may_decide


@given(st.sampled_from(list(Mode)), st.lists(st.sampled_from([None, "approved", "rejected"]), min_size=1))
def test_a_step_is_either_decided_or_waits_for_somebody(mode: Mode, decisions: list[str | None]) -> None:
    pending = outcome(mode, seats(*decisions)) is ApprovalState.PENDING
    assert bool(open_seats(mode, seats(*decisions))) == pending


def test_the_first_policy_whose_limit_is_exceeded_applies() -> None:
    small, large = Policy(max_discount_share=D("0.1")), Policy(max_total=D(1000), currency_code="CNY")
    assert first_policy([small, large], D("0.1"), D(1000), "CNY") is None
    assert first_policy([small, large], D("0.11"), D(5000), "CNY") is small
    assert first_policy([small, large], D(0), D("1000.01"), "CNY") is large
    assert first_policy([small, large], D(0), D(5000), "USD") is None
    assert first_policy([Policy()], D(0), D(0), "USD") is not None
