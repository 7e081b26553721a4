"""Competitors as messages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from taproot.sales.events.v1.competitor_event_pb2 import CompetitorEvent
from taproot.sales.v1 import competitor_pb2 as pb
from taproot.sales.v1 import competitor_service_pb2 as rpc
from taproot_base.wire import to_money
from taproot_records.mapping import message_of, row_of
from taproot_sales.competitors.model import Competitor
from taproot_storage.eventlog import Recorded


def to_event(competitor: Competitor, _recorded: Recorded) -> CompetitorEvent:
    return CompetitorEvent(competitor=message_of(pb.Competitor, row_of(competitor)))


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
