"""Which station gets a repair ticket. Pure and deterministic: same input, same order, every point explained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from uuid import UUID

WEIGHTS = {"skill": Decimal(30), "region": Decimal(30), "rating": Decimal(25), "load": Decimal(15)}
FLAG_PENALTY = Decimal(100)
TOP_RATING = Decimal(5)
UNRATED = Decimal("0.6")
"""A new station counts as three of five, so that it gets work and can be rated."""
BROAD = Decimal("0.5")
"""A station for every product or region counts half against one that names it."""
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Candidate:
    station_id: UUID
    regions: frozenset[str]
    skills: frozenset[str]
    capacity: int
    load: int
    rating: Decimal | None = None
    flagged: bool = False


@dataclass(frozen=True)
class Job:
    region: str = ""
    product_code: str = ""
    tried: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class Part:
    factor: str
    value: Decimal
    points: Decimal
    explanation: str


@dataclass(frozen=True)
class Score:
    station_id: UUID
    parts: tuple[Part, ...]

    @property
    def total(self) -> Decimal:
        return sum((part.points for part in self.parts), Decimal())


def folded(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.strip().casefold() for word in words)


def can_take(candidate: Candidate, job: Job) -> bool:
    """Region, skill and free capacity are demanded; a station is asked once for a ticket."""
    return (
        candidate.station_id not in job.tried
        and candidate.load < candidate.capacity
        and _match(candidate.skills, job.product_code) is not None
        and _match(candidate.regions, job.region) is not None
    )


def _match(offered: frozenset[str], wanted: str) -> Decimal | None:
    """1 when named, half when the station is for all or the ticket does not say; None when it does not fit."""
    if not offered or not wanted:
        return BROAD
    return Decimal(1) if wanted.strip().casefold() in folded(offered) else None


def _part(factor: str, value: Decimal, explanation: str) -> Part:
    points = (value * WEIGHTS[factor]).quantize(CENT, ROUND_HALF_EVEN)
    return Part(factor, value.quantize(CENT, ROUND_HALF_EVEN), points, explanation)


def score(candidate: Candidate, job: Job) -> Score:
    """Points of a station that can take the job."""
    skill = _match(candidate.skills, job.product_code) or Decimal()
    region = _match(candidate.regions, job.region) or Decimal()
    rated = candidate.rating is not None
    rating = candidate.rating / TOP_RATING if candidate.rating is not None else UNRATED
    free = Decimal(candidate.capacity - candidate.load) / Decimal(candidate.capacity)
    parts = [
        _part("skill", skill, f"names {job.product_code}" if skill == 1 else "repairs every product"),
        _part("region", region, f"serves {job.region}" if region == 1 else "serves every region"),
        _part("rating", rating, f"rated {candidate.rating} of 5" if rated else "not rated yet"),
        _part("load", free, f"{candidate.load} of {candidate.capacity} in work"),
    ]
    if candidate.flagged:
        parts.append(Part("flag", Decimal(1), -FLAG_PENALTY, "flagged as failing"))
    return Score(candidate.station_id, tuple(parts))


def rank(candidates: Iterable[Candidate], job: Job) -> list[Score]:
    """Stations that can take the job, best first; equals by id."""
    scores = [score(candidate, job) for candidate in candidates if can_take(candidate, job)]
    return sorted(scores, key=lambda one: (-one.total, one.station_id))
