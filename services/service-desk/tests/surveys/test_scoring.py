from decimal import Decimal

import pytest

from taproot_servicedesk.surveys.scoring import RANGES, in_range, is_low, out_of_five


@pytest.mark.parametrize(
    ("kind", "score", "low"), [("csat", 2, True), ("csat", 3, False), ("nps", 6, True), ("nps", 7, False)]
)
def test_default_thresholds(kind: str, score: int, low: bool) -> None:
    assert is_low(kind, score, None) is low


def test_own_threshold_and_never() -> None:
    assert is_low("csat", 3, 3)
    assert not is_low("csat", 1, -1)
    assert not is_low("questionnaire", 0, None)


def test_scales() -> None:
    assert out_of_five("csat", 4) == 4
    assert out_of_five("nps", 9) == Decimal("4.5")
    assert out_of_five("ces", 7) == 5
    for kind, (low, high) in RANGES.items():
        assert in_range(kind, low)
        assert not in_range(kind, high + 1)
