"""A checker that never finds anything proves nothing: three classic bugs are planted, and each is reported.

Each needs a suite and a minute of its own, so they run where TAPROOT_CHAOS is set.
"""

from __future__ import annotations

import os

import pytest
from chaoskit.drill import drill
from chaoskit.schedule import Fault

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("TAPROOT_CHAOS" not in os.environ, reason="TAPROOT_CHAOS is not set"),
]
SECONDS = 25.0


def every(seconds: float, *faults: Fault) -> list[Fault]:
    """The faults again and again until shortly before the end."""
    found, at = [], 4.0
    while at < SECONDS - 4:
        found += [Fault(at + one.at, one.kind, one.target, one.seconds, one.detail) for one in faults]
        at += seconds
    return found


# A kill while a batch is being written: with a slow database one always is.
KILLED_MID_BATCH = every(
    6, Fault(0, "slow-link", "customer>postgres", 3.0, "0.2"), Fault(2.0, "kill", "customer")
)
# Transactions of one service commit in another order than they took their numbers in.
OUT_OF_ORDER = every(
    4, Fault(0, "slow-link", "customer>postgres", 3.0, "0.1"), Fault(0.5, "burst", "gateway")
)
# A kill while mails are with a slow server.
KILLED_MID_MAIL = every(5, Fault(0, "mail", "slow", 4.0), Fault(3.0, "kill", "marketing"))


@pytest.mark.parametrize(
    ("bug", "faults", "guard"),
    [
        ("ack-before-commit", KILLED_MID_BATCH, "every_event_takes_effect_once"),
        ("relay-by-last-number", OUT_OF_ORDER, "every_event_is_published"),
        ("send-before-claim", KILLED_MID_MAIL, "no_mail_goes_out_twice"),
    ],
)
async def test_a_planted_bug_is_reported(bug: str, faults: list[Fault], guard: str) -> None:
    result = await drill(1, SECONDS, faults=faults, plant=bug, rest=20.0)
    assert result.findings[guard], f"{bug} went unnoticed: {result.facts}"
