from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from taproot_sales.pipelines.rules import DEFAULT_STAGES, Stage, expected_amount, stage_faults, stall_time

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class TestStageFaults:
    def test_the_default_pipeline_is_sound(self) -> None:
        assert stage_faults(DEFAULT_STAGES) == []

    def test_every_fault_is_named_at_once(self) -> None:
        stages = [Stage("a", "A", "won", 90), Stage("a", "B", "won", 100)]
        assert stage_faults(stages) == [
            ("stages[1].key", "is used twice"),
            ("stages", "need at least one OPEN stage"),
            ("stages", "need exactly one WON stage"),
            ("stages", "need exactly one LOST stage"),
            ("stages[0].probability", "of a WON stage is 100"),
        ]


class TestExpectedAmount:
    def test_half_a_cent_is_rounded_up(self) -> None:
        assert expected_amount(Decimal("0.10"), "CNY", 25) == Decimal("0.03")

    @given(st.decimals(0, 10**15, places=2, allow_nan=False), st.integers(0, 100))
    def test_lies_between_nothing_and_the_amount(self, amount: Decimal, probability: int) -> None:
        assert 0 <= expected_amount(amount, "CNY", probability) <= amount


class TestStallTime:
    def test_only_open_stages_with_days_stall(self) -> None:
        stage = DEFAULT_STAGES[0]
        assert stall_time(stage, NOW) == NOW + timedelta(days=30)
        assert stall_time(replace(stage, stall_days=0), NOW) is None
        assert stall_time(replace(stage, kind="lost"), NOW) is None
