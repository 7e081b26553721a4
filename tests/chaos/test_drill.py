"""`make chaos` in small: one seed. TAPROOT_CHAOS=<number> plays that many seeds."""

from __future__ import annotations

import os

import pytest
from chaoskit.drill import drill
from chaoskit.invariants import INVARIANTS

SECONDS = 20.0
FIRST_SEED = 7
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("TAPROOT_CHAOS", "1")))
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", SEEDS)
async def test_nothing_is_lost_or_done_twice_whatever_breaks(seed: int) -> None:
    result = await drill(seed, SECONDS)
    assert result.wrong == []
    assert result.findings.keys() == {check.__name__ for check in INVARIANTS}
    assert result.facts["lives"] > 0
    assert result.facts["effects"] > result.facts["events"] > 0
    assert not any(fault["skipped"].startswith("Attribute") for fault in result.faults)
