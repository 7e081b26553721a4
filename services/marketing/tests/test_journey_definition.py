from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_base.errors import InvalidArgument
from taproot_marketing.journeys.definition import (
    DateTrigger,
    Wait,
    check,
    due_days,
    faults,
    is_due,
    parse,
    wait_until,
)

TEMPLATE = str(uuid4())
SEND = {"send": {"template_id": TEMPLATE}}


def fine(_filter: str) -> str:
    return ""


def violations(steps: list[dict[str, Any]], trigger: dict[str, Any] | None = None) -> dict[str, str]:
    with pytest.raises(InvalidArgument) as caught:
        check(trigger or {}, steps, lambda text: "unknown field" if "bad" in text else "")
    return {violation.field: violation.description for violation in caught.value.violations}


class TestCheck:
    def test_accepts_a_whole_journey(self) -> None:
        check(
            {"event": {"event_type": "order.confirmed", "filter": "event.state = OPEN"}},
            [
                {"key": "hello", **SEND},
                {"key": "pause", "wait": {"duration": "86400s"}},
                {
                    "key": "fork",
                    "branch": {"filter": "customer.status = WON", "then_step": "ask", "else_step": "gift"},
                },
                {"key": "ask", "next_step": "end", "task": {"title": "Call"}},
                {"key": "gift", "points": {"program_id": TEMPLATE, "points": "10"}},
            ],
            fine,
        )

    def test_reports_every_fault_at_once(self) -> None:
        found = violations(
            [
                {"key": "a", **SEND, "next_step": "nowhere"},
                {"key": "a", "wait": {}},
                {"key": "fork", "branch": {"filter": "bad", "then_step": "gone"}},
                {"key": "empty"},
                {"key": "end", **SEND},
            ],
            {"event": {"event_type": "x.y", "filter": "bad"}},
        )
        assert set(found) == {
            "journey.trigger.event.filter",
            "journey.steps[0].next_step",
            "journey.steps[1].key",
            "journey.steps[1].wait",
            "journey.steps[2].branch.then_step",
            "journey.steps[2].branch.filter",
            "journey.steps[3]",
            "journey.steps[4].key",
        }

    def test_refuses_a_circle(self) -> None:
        found = violations([{"key": "a", **SEND}, {"key": "b", **SEND, "next_step": "a"}])
        assert found == {"journey.steps": "go in a circle: a -> b -> a"}

    def test_refuses_what_is_never_reached(self) -> None:
        found = violations([{"key": "a", **SEND, "next_step": "end"}, {"key": "b", **SEND}])
        assert found == {"journey.steps[1]": "is never reached"}


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=8))
def test_what_is_accepted_always_ends(links: list[tuple[int, int]]) -> None:
    def name(index: int) -> str:
        return f"s{index}" if index < len(links) else "end"

    steps = [
        {"key": f"s{i}", "branch": {"filter": "x", "then_step": name(then), "else_step": name(other)}}
        for i, (then, other) in enumerate(links)
    ]
    definition = parse({}, steps)
    if list(faults(definition, fine)):
        return
    for answers in range(2 ** len(links)):
        key, taken = definition.first, 0
        while key:
            step = definition.step(key)
            assert step is not None
            key = definition.after(step, holds=bool(answers >> taken & 1))
            taken += 1
            assert taken <= len(links)


class TestDates:
    def test_due_from_the_hour_in_the_customers_zone(self) -> None:
        trigger = DateTrigger(days_before=30)
        end = date(2026, 3, 31)
        due = datetime(2026, 3, 1, 1, tzinfo=UTC)  # 09:00 in Shanghai
        assert not is_due(trigger, end, due - timedelta(seconds=1), "Asia/Shanghai")
        assert is_due(trigger, end, due, "Asia/Shanghai")
        assert not is_due(trigger, end, due, "Europe/Berlin")
        assert is_due(trigger, end, due + timedelta(days=7), "Asia/Shanghai")
        assert not is_due(trigger, end, due + timedelta(days=8), "Asia/Shanghai")

    @given(
        st.integers(0, 10_000_000).map(
            lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
        ),
        st.integers(-60, 60),
        st.integers(-20, 20),
        st.integers(0, 23),
        st.sampled_from(["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Shanghai", "nowhere"]),
    )
    def test_the_window_of_days_holds_everything_due(
        self, now: datetime, before: int, offset: int, hour: int, zone: str
    ) -> None:
        trigger = DateTrigger(days_before=before, hour=hour)
        end = now.date() + timedelta(days=before + offset)
        first, last = due_days(trigger, now)
        assert not is_due(trigger, end, now, zone) or first <= end <= last

    def test_waits(self) -> None:
        now = datetime(2026, 3, 1, tzinfo=UTC)
        assert wait_until(Wait(seconds=60), now, None, "") == now + timedelta(minutes=1)
        assert wait_until(Wait(date=date(2020, 1, 1)), now, None, "") == now
        assert wait_until(Wait(days_before_end=1), now, date(2026, 3, 11), "Asia/Shanghai") == datetime(
            2026, 3, 9, 16, tzinfo=UTC
        )
        assert wait_until(Wait(days_before_end=1), now, None, "") == now
