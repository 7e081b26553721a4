"""Contact lists as messages, the reasons in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from taproot.customer.v1 import contact_list_service_pb2 as pb
from taproot.customer.v1 import customer_pb2
from taproot_base import wire
from taproot_base.masking import masked_fields
from taproot_customer.contact_lists import ranking
from taproot_customer.contact_lists.ranking import Days, Listed, Reason

_PREFIX = "CONTACT_REASON_KIND_"
# Chinese and English; of promises and of the rest, before and after the day.
_TEXTS: Mapping[str, tuple[str, str]] = {
    ranking.PROMISE: ("任务{name}{when}到期", "The task{name} is due {when}"),
    ranking.APPOINTMENT: ("{when}有约{name}", "Appointment{name} {when}"),
    ranking.EXPIRING: ("{name}{when}到期", "Ends {when}{name}"),
    ranking.REORDER: (
        "按以往购买节奏，{when}应再次下单",
        "By the rhythm of its orders the next one is due {when}",
    ),
    ranking.BIRTHDAY: ("{when}生日{name}", "Birthday {when}{name}"),
    ranking.WIN_BACK: (
        "已三倍于平常间隔没有下单（{when}起）",
        "No order for three times the usual interval, since {when}",
    ),
    ranking.ANNIVERSARY: ("{when}纪念日{name}", "A day to remember {when}{name}"),
    ranking.SILENCE: ("长期没有联系（{when}起应联系）", "No contact for long: due {when}"),
}


def kind_of(number: int) -> str:
    return pb.ContactReasonKind.Name(number).removeprefix(_PREFIX).lower()  # type: ignore[arg-type]  # defined ones


def to_message(one: Listed, days: Days, masked: frozenset[str], shown: frozenset[str]) -> pb.ContactListEntry:
    """`shown`: which of the figures the caller may read."""
    row, unseen = one.row, masked_fields(customer_pb2.Customer.DESCRIPTOR, masked)
    instants = {
        name: wire.to_timestamp(row[name])
        for name in ("last_contact_time", "last_order_time")
        if name in shown and row[name]
    }
    return pb.ContactListEntry(
        customer_id=str(row["id"]),
        display_name="" if "display_name" in unseen else row["display_name"],
        kind=wire.enum_number(customer_pb2.CustomerKind, row["kind"], "CUSTOMER_KIND_"),
        owner_id=wire.text_of(row["owner_id"]),
        score=one.score,
        value_points=one.value_points,
        reasons=[_reason(reason, days.today) for reason in one.reasons],
        **instants,
    )


def _reason(reason: Reason, today: dt.date) -> pb.ContactReason:
    left = (reason.day - today).days
    zh, en = _TEXTS[reason.kind]
    return pb.ContactReason(
        kind=wire.enum_number(pb.ContactReasonKind, reason.kind, _PREFIX),
        date=wire.to_date(reason.day),
        days_left=left,
        points=reason.points,
        record_id=wire.text_of(reason.record_id),
        display_name=reason.name,
        text_zh=zh.format(name=reason.name and f"“{reason.name}”", when=_when_zh(left, reason.day)),
        text_en=en.format(name=reason.name and f" “{reason.name}”", when=_when_en(left, reason.day)),
    )


def _when_zh(left: int, day: dt.date) -> str:
    return {0: "今天", 1: "明天", -1: "昨天"}.get(left, f"{day.isoformat()}（{_span_zh(left)}）")


def _span_zh(left: int) -> str:
    return f"{left} 天后" if left > 0 else f"{-left} 天前"


def _when_en(left: int, day: dt.date) -> str:
    near = {0: "today", 1: "tomorrow", -1: "yesterday"}
    return (
        near.get(left) or f"on {day.isoformat()} ({f'in {left} days' if left > 0 else f'{-left} days ago'})"
    )
