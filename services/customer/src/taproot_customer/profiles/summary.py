"""The page in a few sentences, Chinese and English, from its own sections. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp

from taproot.customer.v1 import customer_pb2
from taproot.customer.v1 import profile_pb2 as pb
from taproot_base import wire
from taproot_customer.profiles.sight import HIDDEN, Sight

_NAMED = 3
_KINDS = {
    customer_pb2.CUSTOMER_KIND_PERSON: ("个人客户", "person"),
    customer_pb2.CUSTOMER_KIND_ORGANIZATION: ("企业客户", "organisation"),
}
_STATUSES = {
    customer_pb2.CUSTOMER_STATUS_POTENTIAL: ("潜在", "potential"),
    customer_pb2.CUSTOMER_STATUS_INTENT: ("意向", "with intent"),
    customer_pb2.CUSTOMER_STATUS_WON: ("已成交", "won"),
    customer_pb2.CUSTOMER_STATUS_PARTNER: ("合作伙伴", "partner"),
    customer_pb2.CUSTOMER_STATUS_COMPETITOR: ("竞争对手", "competitor"),
}
Words = tuple[str, str]
_NOTHING: Words = ("", "")


def of(profile: pb.CustomerProfile, sight: Sight) -> Words:
    """What there is nothing to say of is left out."""
    said = [words for sentence in _SENTENCES if (words := sentence(profile, sight)) != _NOTHING]
    return "".join(f"{zh}。" for zh, _ in said), " ".join(f"{en}." for _, en in said)


def _date(time: Timestamp) -> str:
    return wire.from_timestamp(time).date().isoformat()


def _list(names: Sequence[str], count: int) -> Words:
    """The first few of so many."""
    shown, more = list(names[:_NAMED]), count - min(len(names), _NAMED)
    zh, en = "、".join(shown), ", ".join(shown)
    return (f"{zh}等 {count} 项", f"{en} and {more} more") if more > 0 else (zh, en)


def _who(profile: pb.CustomerProfile, sight: Sight) -> Words:
    customer = profile.customer
    found = [_KINDS.get(customer.kind), _STATUSES.get(customer.status)]
    told = [words for words in found if words]
    name = sight.text(customer, "display_name")
    since = _date(customer.create_time) if customer.HasField("create_time") else ""
    zh = "，".join([*(words[0] for words in told), *([f"{since} 建档"] if since else [])])
    en = ", ".join([*(words[1] for words in told), *([f"on record since {since}"] if since else [])])
    return f"{name}：{zh}", f"{name}: {en}"


def _deciders(profile: pb.CustomerProfile, sight: Sight) -> Words:
    zh, en = [], []
    for contact in (one for one in profile.contacts if one.decision_maker):
        name = sight.text(contact, "display_name")
        met = _date(contact.last_met_time) if contact.HasField("last_met_time") else ""
        zh.append(f"{name}（最近会面 {met}）" if met else f"{name}（尚未会面）")
        en.append(f"{name} (last met {met})" if met else f"{name} (never met)")
    return (f"决策人：{'、'.join(zh)}", f"Decides: {', '.join(en)}") if zh else _NOTHING


def _orders(profile: pb.CustomerProfile, sight: Sight) -> Words:
    facts = profile.facts
    if not facts.order_count:
        return _NOTHING
    revenue = sight.text(facts, "lifetime_revenue") if facts.HasField("lifetime_revenue") else HIDDEN
    worth = ("", "") if revenue == HIDDEN else (f"，累计 {revenue}", f" worth {revenue}")
    last = _date(facts.last_order_time) if facts.HasField("last_order_time") else ""
    when = (f"，最近一张 {last}", f", the last on {last}") if last else ("", "")
    noun = "order" if facts.order_count == 1 else "orders"
    return (
        f"共 {facts.order_count} 张订单{worth[0]}{when[0]}",
        f"{facts.order_count} {noun}{worth[1]}{when[1]}",
    )


def _owned(profile: pb.CustomerProfile, sight: Sight) -> Words:
    names = list(dict.fromkeys(sight.text(one, "display_name") for one in profile.entitlements))
    zh, en = _list(names, len(names))
    return (f"拥有 {zh}", f"Owns {en}") if names else _NOTHING


def _deals(profile: pb.CustomerProfile, sight: Sight) -> Words:
    deals = profile.opportunities
    if not deals:
        return _NOTHING
    names = [sight.text(deal, "display_name") for deal in deals]
    zh, en = _list(names, max(len(names), profile.facts.open_opportunities))
    rivals = list(dict.fromkeys(name for deal in deals for name in deal.competitors))
    seen = (f"，竞争对手：{'、'.join(rivals)}", f", against {', '.join(rivals)}") if rivals else ("", "")
    return f"进行中的商机：{zh}{seen[0]}", f"Open deals: {en}{seen[1]}"


def _money(profile: pb.CustomerProfile, sight: Sight) -> Words:
    zh, en = [], []
    for owed in profile.receivables:
        if any(sight.hides(owed, name) for name in ("balance", "overdue", "credit_free")):
            continue
        if owed.balance.amount:
            zh.append(f"应收 {sight.text(owed, 'balance')}")
            en.append(f"owes {sight.text(owed, 'balance')}")
        if Decimal(owed.overdue.amount or "0") > 0:
            zh.append(f"其中逾期 {sight.text(owed, 'overdue')}")
            en.append(f"of it overdue {sight.text(owed, 'overdue')}")
        if owed.HasField("credit_free"):
            zh.append(f"信用额度尚余 {sight.text(owed, 'credit_free')}")
            en.append(f"free credit {sight.text(owed, 'credit_free')}")
    return ("，".join(zh), _capital(", ".join(en))) if zh else _NOTHING


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _tickets(profile: pb.CustomerProfile, _sight: Sight) -> Words:
    complaints = sum(ticket.kind == "COMPLAINT" for ticket in profile.tickets)
    count = max(len(profile.tickets), profile.facts.open_tickets)
    if not count:
        return _NOTHING
    noun = "ticket" if count == 1 else "tickets"
    among = (f"，其中投诉 {complaints} 张", f", {complaints} of them complaints") if complaints else ("", "")
    return f"未结工单 {count} 张{among[0]}", f"{count} open {noun}{among[1]}"


def _contact(profile: pb.CustomerProfile, _sight: Sight) -> Words:
    if not profile.facts.HasField("last_contact_time"):
        return _NOTHING
    last = _date(profile.facts.last_contact_time)
    return f"最近联系 {last}", f"Last contact on {last}"


def _next(profile: pb.CustomerProfile, _sight: Sight) -> Words:
    if not profile.suggestions:
        return _NOTHING
    first = profile.suggestions[0]
    return f"下一步：{first.reason_zh}", f"Next: {first.reason_en}"


_SENTENCES: Sequence[Callable[[pb.CustomerProfile, Sight], Words]] = (
    _who, _deciders, _orders, _owned, _deals, _money, _tickets, _contact, _next,
)  # fmt: skip
