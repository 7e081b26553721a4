from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_sales.leads.scoring import SCORE_CAP, ScoreInput, score_lead

text = st.text(max_size=10)
leads = st.builds(
    ScoreInput,
    source=st.sampled_from(["referral", "web_form", "Purchased", "else", ""]),
    referral_code=text,
    name=text,
    company=text,
    phone=text,
    email=text,
    region=text,
    urgency=st.sampled_from(["low", "normal", "high", "immediate"]),
    product_id=text,
    product_interest=text,
    behaviour_points=st.integers(0, 100),
)


class TestScore:
    def test_a_web_lead_by_the_published_table(self) -> None:
        lead = ScoreInput("web_form", "", "Li", "Acme", "1", "a@b.c", "east", "high", "", "router", 50)
        score = score_lead(lead)
        assert score.value == 15 + 25 + 18 + 6 + 30
        assert [reason.rule for reason in score.reasons] == [
            "source", "completeness", "urgency", "product", "behaviour",
        ]  # fmt: skip

    def test_a_purchased_address_alone_is_worth_little(self) -> None:
        assert score_lead(ScoreInput(source="purchased", email="a@b.c", urgency="low")).value == 5

    @given(leads)
    def test_stays_in_range_and_its_reasons_add_up(self, lead: ScoreInput) -> None:
        score = score_lead(lead)
        assert score.value == min(SCORE_CAP, sum(reason.points for reason in score.reasons))
        assert 0 <= score.value <= SCORE_CAP

    @pytest.mark.parametrize("field", ["phone", "email", "company", "name", "region", "product_id"])
    @given(lead=leads)
    def test_knowing_more_never_lowers_it(self, field: str, lead: ScoreInput) -> None:
        known: dict[str, Any] = {field: "known"}
        without: dict[str, Any] = {field: ""}
        assert score_lead(replace(lead, **known)).value >= score_lead(replace(lead, **without)).value

    @given(leads, st.integers(0, 100))
    def test_more_behaviour_never_lowers_it(self, lead: ScoreInput, points: int) -> None:
        more = replace(lead, behaviour_points=max(points, lead.behaviour_points))
        assert score_lead(more).value >= score_lead(lead).value
