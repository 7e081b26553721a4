"""What makes a pipeline sound, and what its stages say about a deal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from taproot_sales.pricing.currency import round_money

OPEN, WON, LOST = "open", "won", "lost"
CERTAIN = 100


@dataclass(frozen=True)
class Stage:
    key: str
    display_name: str
    kind: str
    probability: int
    stall_days: int = 0


DEFAULT_STAGES = (
    Stage("prospecting", "Prospecting", OPEN, 10, 30),
    Stage("engaging", "Engaging", OPEN, 25, 30),
    Stage("proposal", "Proposal", OPEN, 50, 21),
    Stage("negotiation", "Negotiation", OPEN, 75, 14),
    Stage("won", "Won", WON, CERTAIN),
    Stage("lost", "Lost", LOST, 0),
)


def closed(stage: Stage) -> Stage:
    """A WON stage whose probability is not given is certain."""
    return replace(stage, probability=CERTAIN) if stage.kind == WON and stage.probability == 0 else stage


def stage_faults(stages: Sequence[Stage]) -> list[tuple[str, str]]:
    """Every violation as (field path, description)."""
    faults = [
        (f"stages[{i}].key", "is used twice")
        for i, stage in enumerate(stages)
        if stage.key in {other.key for other in stages[:i]}
    ]
    kinds = [stage.kind for stage in stages]
    if OPEN not in kinds:
        faults.append(("stages", "need at least one OPEN stage"))
    faults += [
        ("stages", f"need exactly one {kind.upper()} stage") for kind in (WON, LOST) if kinds.count(kind) != 1
    ]
    fixed = {WON: CERTAIN, LOST: 0}
    faults += [
        (f"stages[{i}].probability", f"of a {stage.kind.upper()} stage is {fixed[stage.kind]}")
        for i, stage in enumerate(stages)
        if stage.kind in fixed and stage.probability != fixed[stage.kind]
    ]
    return faults


def expected_amount(amount: Decimal, currency: str, probability: int) -> Decimal:
    """Amount x probability (per cent), rounded half up to the minor unit of the currency."""
    return round_money(Fraction(amount) * probability / CERTAIN, currency)


def stall_time(stage: Stage, entered: datetime) -> datetime | None:
    if stage.kind != OPEN or stage.stall_days == 0:
        return None
    return entered + timedelta(days=stage.stall_days)
