"""The same seed breaks the same things at the same time."""

from __future__ import annotations

import pytest
from chaoskit.faults import Injector
from chaoskit.schedule import KINDS, LAST, plan

SEEDS = range(30)


@pytest.mark.parametrize("seed", [1, 7, 2026])
def test_a_seed_is_a_schedule(seed: int) -> None:
    assert plan(seed, 60) == plan(seed, 60)
    assert plan(seed, 60) != plan(seed + 1, 60)


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    short = plan(7, 60)
    assert plan(7, 180)[: len(short)] == short


def test_faults_come_in_order_and_leave_time_to_recover() -> None:
    for seed in SEEDS:
        times = [fault.at for fault in plan(seed, 60)]
        assert times == sorted(times)
        assert 0 < times[0] < times[-1] <= 60 - LAST


def test_every_kind_comes_and_can_be_carried_out() -> None:
    assert {fault.kind for seed in SEEDS for fault in plan(seed, 60)} == set(KINDS)
    assert all(hasattr(Injector, f"_{kind.replace('-', '_')}") for kind in KINDS)


def test_a_minute_meets_most_kinds() -> None:
    assert all(len({fault.kind for fault in plan(seed, 60)}) >= 9 for seed in SEEDS)
