"""Which class a customer is in, by the scores of loyalty and value. Pure."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from taproot_customer.analysis.computing import of_buyers
from taproot_customer.analysis.figures import Buyer, Score
from taproot_customer.analysis.kinds import RFM


def _class(code: str, name: str, value: tuple[int, int], loyalty: tuple[int, int]) -> dict[str, Any]:
    bounds = {"least_value": value[0], "most_value": value[1]}
    return bounds | {
        "code": code,
        "display_name": name,
        "least_loyalty": loyalty[0],
        "most_loyalty": loyalty[1],
    }


# Every pair of scores is in exactly one of them.
DEFAULT_CLASSES: Sequence[Mapping[str, Any]] = (
    _class("premier", "Premier 尊享", (4, 5), (4, 5)),
    _class("valuable", "Valuable 高价值", (4, 5), (3, 3)),
    _class("valuable_at_risk", "Valuable, at risk 高价值待挽留", (4, 5), (1, 2)),
    _class("faithful", "Faithful 忠实", (1, 3), (4, 5)),
    _class("developing", "Developing 成长", (2, 3), (2, 3)),
    _class("occasional", "Occasional 偶发", (1, 1), (2, 3)),
    _class("lapsed", "Lapsed 流失", (1, 3), (1, 1)),
)


def loyalty_of(score: Score) -> int:
    """The mean of recency and frequency, half rounded up."""
    assert score.recency_score is not None
    assert score.frequency_score is not None
    return (score.recency_score + score.frequency_score + 1) // 2


def class_of(classes: Sequence[Mapping[str, Any]], value: int, loyalty: int) -> str:
    """The code of the first class that fits; empty when none does."""
    for one in classes:
        if (
            one["least_value"] <= value <= one["most_value"]
            and one["least_loyalty"] <= loyalty <= one["most_loyalty"]
        ):
            return str(one["code"])
    return ""


def classes_of(
    buyers: Sequence[Buyer], day: dt.date, cuts: Mapping[str, Any], classes: Sequence[Mapping[str, Any]]
) -> dict[uuid.UUID, str]:
    """Customer -> class."""
    scores = of_buyers(RFM, buyers, day, cuts).scores
    return {
        score.buyer.id: class_of(classes, score.monetary_score or 1, loyalty_of(score)) for score in scores
    }


def faults(classes: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(path, what is wrong) of classes that make no sense."""
    found = [] if classes else [("classes", "name at least one class")]
    codes = [one["code"] for one in classes]
    for number, one in enumerate(classes):
        path = f"classes[{number}]"
        if codes.index(one["code"]) < number:
            found.append((f"{path}.code", "is the code of a class before"))
        found += [
            (f"{path}.most_{name}", f"is below least_{name}")
            for name in ("value", "loyalty")
            if one[f"most_{name}"] < one[f"least_{name}"]
        ]
    return found
