"""Score rules, the enterprise's settings, and the score of each customer."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Float, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from taproot_marketing.base import Base
from taproot_marketing.scores import rules
from taproot_marketing.scores.rules import Fading
from taproot_records.keeping import Kept
from taproot_storage.eventlog import Aggregate
from taproot_storage.model import Owned
from taproot_storage.visibility import scope_table


class ScoreRule(Kept, Owned, Base):
    """Points for an event. Rules belong to the whole enterprise."""

    __tablename__ = "score_rules"
    __table_args__ = (
        Index("ix_score_rules_event_type", "event_type", postgresql_where=text("NOT disabled")),
        Index("ix_score_rules_create_time", "create_time", "id"),
    )
    aggregate_type = "score_rule"

    display_name: Mapped[str] = mapped_column(default="")
    event_type: Mapped[str] = mapped_column(default="")
    filter: Mapped[str] = mapped_column(default="")
    points: Mapped[int] = mapped_column(default=0)
    disabled: Mapped[bool] = mapped_column(default=False)

    def faults(self) -> list[tuple[str, str]]:
        return self.missing("display_name", "event_type", "points")


class ScoreSettings(Base):
    """One row."""

    __tablename__ = "score_settings"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    half_life_days: Mapped[int]
    hot_threshold: Mapped[int]
    update_time: Mapped[datetime]

    @property
    def fading(self) -> Fading:
        return Fading(self.half_life_days, self.hot_threshold)


class CustomerScore(Aggregate, Owned, Base):
    __tablename__ = "customer_scores"
    __table_args__ = (
        Index("uq_customer_scores_customer_id", "customer_id", unique=True),
        Index("ix_customer_scores_cools_at", "cools_at", postgresql_where=text("hot")),
        Index("ix_customer_scores_update_time", "update_time", "id"),
        Index("ix_customer_scores_branch_path", "branch_path", "update_time", "id"),
        Index("ix_customer_scores_owner_id", "owner_id", "update_time", "id"),
    )
    aggregate_type = "score"

    customer_id: Mapped[uuid.UUID]
    display_name: Mapped[str]
    value: Mapped[float] = mapped_column(Float)
    as_of: Mapped[datetime]
    hot: Mapped[bool]
    hot_time: Mapped[datetime | None]
    cools_at: Mapped[datetime | None]
    last_event_type: Mapped[str]
    given_value: Mapped[float | None] = mapped_column(Float)
    """What the score was worth when its customer was merged into another, at `given_at`."""
    given_at: Mapped[datetime | None]

    @property
    def party(self) -> uuid.UUID | None:
        return self.customer_id

    @property
    def score(self) -> rules.Score:
        return rules.Score(self.value, self.as_of, self.hot)

    def hand_over(self, event_type: str, fading: Fading, now: datetime) -> float:
        """The customer was merged: what the score is worth goes to the survivor's. Answers it."""
        self.given_value, self.given_at = rules.worth(self.score, fading, now), now
        self.give(-self.given_value, event_type, None, fading, now)
        return self.given_value

    def take_back(self, event_type: str, fading: Fading, now: datetime) -> float:
        """The merge was undone: what was handed over comes back, faded since. Answers it."""
        if self.given_value is None or self.given_at is None:
            return 0.0
        back = rules.worth(rules.Score(self.given_value, self.given_at), fading, now)
        self.given_value = self.given_at = None
        self.give(back, event_type, None, fading, now)
        return back

    def give(
        self, points: float, event_type: str, rule_id: uuid.UUID | None, fading: Fading, now: datetime
    ) -> None:
        """Add points; `score.hot` once per crossing of the threshold from below."""
        before = rules.faded(self.score, fading, now)
        after = rules.scored(self.score, points, fading, now)
        self._take(after, fading)
        self.last_event_type = event_type
        self.record("changed", now, rule_id=rule_id)
        if after.hot and not before.hot:
            self.hot_time = now
            self.record("hot", now, rule_id=rule_id)
        elif before.hot and not after.hot:
            self.record("cooled", now)

    def fade(self, fading: Fading, now: datetime) -> None:
        """Bring the value up to date; `score.cooled` when it fell below the threshold."""
        after = rules.faded(self.score, fading, now)
        cooled = self.hot and not after.hot
        self._take(after, fading)
        if cooled:
            self.record("cooled", now)

    def _take(self, score: rules.Score, fading: Fading) -> None:
        self.value, self.as_of, self.hot = score.value, score.as_of, score.hot
        self.cools_at = rules.cools_at(score, fading)


scope_table(CustomerScore, "scores.read")
