"""How good a lead is: 0 to 100 by published rules. Pure.

| rule | points |
|---|---|
| source | referral 25, partner 20, phone 20, walk_in 20, web_form 15, chat 15, fair 15, mail 10, social 10, manual 10, import 5, purchased 0; others 5; a referral code makes it a referral |
| completeness | phone 8, e-mail 5, company 5, name 4, region 3 |
| urgency | immediate 25, high 18, normal 8, low 0 |
| product | product of the catalogue 10, words only 6 |
| behaviour | points collected, at most 30 |

The sum is capped at 100.
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE_POINTS = {
    "referral": 25,
    "partner": 20,
    "phone": 20,
    "walk_in": 20,
    "web_form": 15,
    "chat": 15,
    "fair": 15,
    "mail": 10,
    "social": 10,
    "manual": 10,
    "import": 5,
    "purchased": 0,
}
OTHER_SOURCE_POINTS = 5
COMPLETENESS_POINTS = {"phone": 8, "email": 5, "company": 5, "name": 4, "region": 3}
URGENCY_POINTS = {"immediate": 25, "high": 18, "normal": 8, "low": 0}
KNOWN_PRODUCT_POINTS = 10
PRODUCT_WORDS_POINTS = 6
BEHAVIOUR_CAP = 30
SCORE_CAP = 100


@dataclass(frozen=True)
class ScoreInput:
    source: str = ""
    referral_code: str = ""
    name: str = ""
    company: str = ""
    phone: str = ""
    email: str = ""
    region: str = ""
    urgency: str = "normal"
    product_id: str = ""
    product_interest: str = ""
    behaviour_points: int = 0


@dataclass(frozen=True)
class ScoreReason:
    rule: str
    points: int
    detail: str


@dataclass(frozen=True)
class Score:
    value: int
    reasons: tuple[ScoreReason, ...]


def score_lead(lead: ScoreInput) -> Score:
    reasons = (_source(lead), _completeness(lead), _urgency(lead), _product(lead), _behaviour(lead))
    total = sum(reason.points for reason in reasons)
    return Score(max(0, min(SCORE_CAP, total)), tuple(r for r in reasons if r.points))


def _source(lead: ScoreInput) -> ScoreReason:
    source = "referral" if lead.referral_code else lead.source.strip().casefold()
    return ScoreReason("source", SOURCE_POINTS.get(source, OTHER_SOURCE_POINTS), source)


def _completeness(lead: ScoreInput) -> ScoreReason:
    present = [name for name in COMPLETENESS_POINTS if str(getattr(lead, name)).strip()]
    return ScoreReason("completeness", sum(COMPLETENESS_POINTS[name] for name in present), ", ".join(present))


def _urgency(lead: ScoreInput) -> ScoreReason:
    return ScoreReason("urgency", URGENCY_POINTS.get(lead.urgency, 0), lead.urgency)


def _product(lead: ScoreInput) -> ScoreReason:
    if lead.product_id:
        return ScoreReason("product", KNOWN_PRODUCT_POINTS, "catalogue")
    words = lead.product_interest.strip()
    return ScoreReason("product", PRODUCT_WORDS_POINTS if words else 0, words)


def _behaviour(lead: ScoreInput) -> ScoreReason:
    points = max(0, min(BEHAVIOUR_CAP, lead.behaviour_points))
    return ScoreReason("behaviour", points, f"{lead.behaviour_points} collected")
