"""Competitors as messages."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from taproot.sales.events.v1.competitor_event_pb2 import CompetitorEvent
from taproot.sales.v1 import competitor_pb2 as pb
from taproot.sales.v1 import competitor_service_pb2 as rpc
from taproot_base.wire import to_money, to_timestamp
from taproot_sales import fields
from taproot_storage.eventlog import Recorded

SPECIAL: Mapping[str, fields.Convert] = {
    "aliases": fields.texts,
    "products": fields.texts,
    "custom": fields.custom,
}
_PLAIN = ("display_name", "aliases", "website", "products", "strengths", "weaknesses", "strategy")


def to_message(competitor: Any) -> pb.Competitor:
    return pb.Competitor(
        id=str(competitor.id),
        custom=fields.to_struct(competitor.custom),
        create_time=to_timestamp(competitor.create_time),
        update_time=to_timestamp(competitor.update_time),
        delete_time=to_timestamp(competitor.delete_time),
        etag=competitor.etag,
        **fields.read(competitor, _PLAIN),
    )


def to_event(competitor: Any, _recorded: Recorded) -> CompetitorEvent:
    return CompetitorEvent(competitor=to_message(competitor))


def to_record(row: Any, currency: str) -> rpc.CompetitorRecord:
    closed = row["won"] + row["lost"]
    rate = Decimal(row["won"]) / closed if closed else None
    return rpc.CompetitorRecord(
        competitor_id=str(row["competitor_id"]),
        won_amount=to_money(row["won_amount"], currency),
        lost_amount=to_money(row["lost_amount"], currency),
        win_rate="" if rate is None else f"{rate:.4f}",
        **{name: row[name] for name in ("display_name", "seen", "open", "won", "lost", "lost_to")},
    )
