"""`make chaos` in small, on every test run; TAPROOT_CHAOS=<number> plays that many seeds beside it."""

from __future__ import annotations

import os

import pytest
from chaoskit.drill import drill
from chaoskit.invariants import INVARIANTS
from chaoskit.schedule import KINDS, plan

SMALL_SEED, SMALL_SECONDS = 36, 10.0
SMALL_KINDS = [kind for kind in KINDS if kind not in ("full-disk", "burst", "exhaust")]
"""Those that take nothing from the tests beside it."""
BUSY_SECONDS = 120.0
"""Tests beside this one take the machine: that nothing comes twice or never is asked here, and not how late."""
SECONDS = 20.0
FIRST_SEED = 7
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("TAPROOT_CHAOS", "1")))


@pytest.mark.slow
async def test_a_small_drill() -> None:
    faults = plan(SMALL_SEED, SMALL_SECONDS, pause=0.5, kinds=SMALL_KINDS)
    result = await drill(SMALL_SEED, SMALL_SECONDS, faults=faults, width=2, peace=3.0, on_time=BUSY_SECONDS)
    assert result.wrong == []
    assert result.facts["lives"] > 0
    assert result.facts["effects"] > result.facts["events"] > 0


@pytest.mark.slow
@pytest.mark.skipif("TAPROOT_CHAOS" not in os.environ, reason="TAPROOT_CHAOS is not set")
@pytest.mark.parametrize("seed", SEEDS)
async def test_nothing_is_lost_or_done_twice_whatever_breaks(seed: int) -> None:
    result = await drill(seed, SECONDS)
    assert result.wrong == []
    assert result.findings.keys() == {check.__name__ for check in INVARIANTS}
    assert result.facts["lives"] > 0
    assert result.facts["effects"] > result.facts["events"] > 0
    assert not any(fault["skipped"].startswith("Attribute") for fault in result.faults)
