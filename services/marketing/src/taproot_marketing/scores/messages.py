"""Score rules, settings and scores between protobuf and columns."""

from __future__ import annotations

from typing import Any

from taproot.marketing.events.v1.score_event_pb2 import ScoreEvent
from taproot.marketing.events.v1.score_rule_event_pb2 import ScoreRuleEvent
from taproot.marketing.v1 import score_pb2 as pb
from taproot_base import wire
from taproot_marketing.scores.model import CustomerScore, ScoreRule
from taproot_marketing.scores.rules import Fading, Score, faded
from taproot_records.mapping import message_of, row_of
from taproot_storage.eventlog import Recorded


def rule_message(rule: ScoreRule) -> pb.ScoreRule:
    return message_of(pb.ScoreRule, row_of(rule))


def to_rule_event(rule: ScoreRule, _recorded: Recorded) -> ScoreRuleEvent:
    return ScoreRuleEvent(score_rule=rule_message(rule))


def settings_message(row: Any) -> pb.ScoreSettings:
    return message_of(pb.ScoreSettings, row)


def to_event(score: CustomerScore, recorded: Recorded) -> ScoreEvent:
    message = message_of(pb.CustomerScore, row_of(score))
    message.score = f"{score.value:.2f}"
    return ScoreEvent(score=message, rule_id=wire.text_of(recorded.detail.get("rule_id")))


def fade_to(message: pb.CustomerScore, row: Any, fading: Fading, now: Any) -> pb.CustomerScore:
    """What the score is worth at this moment."""
    score = faded(Score(row["value"], row["as_of"], row["hot"]), fading, now)
    message.score, message.hot = f"{score.value:.2f}", score.hot
    return message
