"""Insights and their results between protobuf and columns."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from google.protobuf.message import Message

from taproot.customer.events.v1.insight_event_pb2 import InsightEvent
from taproot.customer.v1 import insight_pb2 as pb
from taproot_base.errors import InvalidArgument, Violation
from taproot_base.ids import derived_id
from taproot_customer.analysis.figures import Cell, Score
from taproot_customer.analysis.model import Insight
from taproot_customer.analysis.queries import SHELF
from taproot_customer.imports.cells import guarded
from taproot_records.mapping import DATE, MONEY, row_of
from taproot_storage.eventlog import Recorded

_CUTS = ("recency_days", "frequency", "monetary")
_OPTIONS = {
    "rfm": pb.INSIGHT_KIND_RFM,
    "lifetime": pb.INSIGHT_KIND_LIFETIME_VALUE,
    "abc": pb.INSIGHT_KIND_ABC,
    "funnel": pb.INSIGHT_KIND_FUNNEL,
    "affinity": pb.INSIGHT_KIND_AFFINITY,
}


def to_event(insight: Insight, _recorded: Recorded) -> InsightEvent:
    return InsightEvent(insight=SHELF.message(row_of(insight)))


def check_new(message: pb.Insight) -> None:
    """What a new insight must have, beyond the rules of each field."""
    found = []
    if not message.kind:
        found.append(Violation("insight.kind", "say what is to be worked out"))
    for name, kind in _OPTIONS.items():
        if message.HasField(name) and message.kind not in (0, kind):  # type: ignore[arg-type]  # a field's name
            found.append(Violation(f"insight.{name}", "belongs to another kind"))
    if message.kind == pb.INSIGHT_KIND_FUNNEL and len(message.funnel.steps) < 2:
        found.append(Violation("insight.funnel.steps", "name two steps or more"))
    if message.kind == pb.INSIGHT_KIND_FUNNEL and message.window_days:
        found.append(Violation("insight.window_days", "a funnel has funnel.window_days"))
    if Decimal(message.abc.a_share or "0.8") > Decimal(message.abc.b_share or "0.95"):
        found.append(Violation("insight.abc.b_share", "is below a_share"))
    found += check_cuts(message.rfm, "insight.rfm")
    if found:
        raise InvalidArgument(found)


def check_cuts(cuts: pb.RfmCuts, path: str) -> list[Violation]:
    found = []
    for name in _CUTS:
        bounds = [Decimal(bound) for bound in getattr(cuts, name)]
        if bounds and (len(bounds) != 4 or bounds != sorted(set(bounds))):
            found.append(Violation(f"{path}.{name}", "takes four rising bounds or none"))
    return found


def score_row(insight_id: uuid.UUID, currency: str, score: Score) -> dict[str, Any]:
    names = ("recency_score", "frequency_score", "monetary_score", "alive_probability", "churn_probability")
    more = ("expected_purchases", "lifetime_value", "share", "cumulative_share", "recency_days", "group")
    return {name: getattr(score, name) for name in (*names, *more)} | {
        "insight_id": insight_id,
        "customer_id": score.buyer.id,
        "first_purchase_date": score.buyer.first,
        "last_purchase_date": score.buyer.last,
        "purchase_count": score.buyer.count,
        "amount": score.buyer.amount,
        "currency_code": currency,
    }


def cell_row(insight_id: uuid.UUID, currency: str, number: int, cell: Cell) -> dict[str, Any]:
    names = ("row", "column", "customer_count", "order_count", "share", "confidence", "lift", "amount")
    return {name: getattr(cell, name) for name in names} | {
        "insight_id": insight_id,
        "number": number,
        "id": derived_id(insight_id, str(number)),
        "currency_code": currency,
    }


def to_csv(kind: type[Message], messages: Iterable[Any]) -> bytes:
    """The fields as columns; money as its amount, with one column for the currency at the end."""
    fields: Sequence[Any] = kind.DESCRIPTOR.fields
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*(field.name for field in fields), "currency_code"])
    for message in messages:
        cells = [guarded(_cell(field, message)) for field in fields]
        writer.writerow([*cells, message.amount.currency_code])
    return text.getvalue().encode("utf-8-sig")


def _cell(field: Any, message: Any) -> str:
    value = getattr(message, field.name)
    if field.message_type is None:
        return str(value)
    if not message.HasField(field.name):
        return ""
    if field.message_type.full_name == MONEY:
        return str(value.amount)
    assert field.message_type.full_name == DATE
    return f"{value.year:04d}-{value.month:02d}-{value.day:02d}"
