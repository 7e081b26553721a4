"""What is suggested: each kind at and below its threshold, and rules an enterprise changes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from hypothesis import given
from hypothesis import strategies as st

from taproot.customer.v1 import customer_pb2, task_pb2
from taproot.customer.v1 import profile_pb2 as pb
from taproot.customer.v1.consent_pb2 import ConsentState
from taproot.type.v1.money_pb2 import Money
from taproot_customer.profiles import rules
from taproot_customer.profiles.expiring import expiries, next_day
from taproot_customer.profiles.sight import Sight
from taproot_customer.suggestions import kinds
from taproot_customer.suggestions.kinds import DEFAULTS, KINDS, Rule, faults, in_order, rules_of

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
SIGHT = Sight(NOW, NOW.date())


def ago(**span: int) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(NOW - dt.timedelta(**span))
    return found


def day(offset: int) -> Date:
    found = NOW.date() + dt.timedelta(days=offset)
    return Date(year=found.year, month=found.month, day=found.day)


def cny(amount: str) -> Money:
    return Money(currency_code="CNY", amount=amount)


def page(**sections) -> pb.CustomerProfile:
    """Of somebody one talked to today, who was asked for consent."""
    found = pb.CustomerProfile(**sections)
    found.customer.create_time.CopyFrom(ago(days=400))
    if not found.facts.HasField("last_contact_time"):
        found.facts.last_contact_time.CopyFrom(ago(hours=1))
    if not found.consents:
        found.consents.append(ConsentState(purpose="marketing"))
    return found


def talked(**span: int) -> pb.CustomerProfile:
    found = page()
    found.facts.last_contact_time.CopyFrom(ago(**span))
    return found


def never_asked() -> pb.CustomerProfile:
    found = page()
    del found.consents[:]
    return found


def credit(limit: str, free: str, ordered: int | None) -> pb.CustomerProfile:
    found = page(receivables=[pb.ProfileReceivable(credit_limit=cny(limit), credit_free=cny(free))])
    if ordered is not None:
        found.facts.last_order_time.CopyFrom(ago(days=ordered))
    return found


def owed(amount: str, since: int) -> pb.CustomerProfile:
    return page(receivables=[pb.ProfileReceivable(overdue=cny(amount), overdue_since=day(-since))])


def ticket(**values) -> pb.CustomerProfile:
    return page(tickets=[pb.ProfileTicket(number="T-1", **values)])


def quote(days: int) -> pb.CustomerProfile:
    return page(quotes=[pb.ProfileQuote(number="Q-1", total=cny("9"), send_time=ago(days=days))])


def answer(days: int, *, low: bool) -> pb.CustomerProfile:
    return page(surveys=[pb.ProfileSurvey(kind="NPS", score=2, low=low, answer_time=ago(days=days))])


def deal(days: int) -> pb.CustomerProfile:
    return page(opportunities=[pb.ProfileOpportunity(display_name="单", close_date=day(days))])


def birthday(days: int) -> pb.CustomerProfile:
    born = (NOW.date() + dt.timedelta(days=days)).replace(year=1980)
    date = Date(year=born.year, month=born.month, day=born.day)
    return page(care_dates=[pb.ProfileCareDate(kind="BIRTHDAY", display_name="生日", date=date, yearly=True)])


def owns(days: int) -> pb.CustomerProfile:
    return page(entitlements=[pb.ProfileEntitlement(display_name="保修", end_date=day(days))])


def company(*, decides: bool) -> pb.CustomerProfile:
    found = page(contacts=[pb.ProfileContact(display_name="王", decision_maker=decides)])
    found.customer.kind = customer_pb2.CUSTOMER_KIND_ORGANIZATION
    return found


def likely(customers: int, confidence: str) -> pb.CustomerProfile:
    offer = pb.ProfileCrossSell(
        product_id="p", display_name="墨盒", owned_display_name="打印机", customer_count=customers,
        support="0.0314", confidence=confidence, lift="2.45",
    )  # fmt: skip
    return page(cross_sells=[offer])


def task(**span: int) -> pb.CustomerProfile:
    return page(tasks=[task_pb2.Task(display_name="回电", due_time=ago(**span))])


@pytest.mark.parametrize(
    ("kind", "made", "not_made", "english", "chinese"),
    [
        (kinds.COMPLAINT, ticket(kind="COMPLAINT"), ticket(kind="INCIDENT"), "Complaint T-1 is open", "投诉 T-1 尚未解决"),
        (kinds.PROMISE, task(days=1, hours=3), task(hours=-1), "The task “回电” is 1 day late", "任务“回电”已逾期 1 天"),
        (kinds.PROMISE, ticket(due_time=ago(days=3)), ticket(due_time=ago(hours=-1)), "The promise of ticket T-1 is 3 days late", "工单 T-1 的承诺已逾期 3 天"),
        (kinds.INVOICE, owed("0.01", 1), owed("0", 1), "0.01 CNY is overdue, the oldest for 1 day", "逾期应收 0.01 CNY，最久已逾期 1 天"),
        (kinds.EXPIRING, owns(60), owns(61), "保修 ends in 60 days", "保修 还有 60 天到期"),
        (kinds.EXPIRING, owns(0), owns(-1), "保修 ends in 0 days", "保修 还有 0 天到期"),
        (kinds.SURVEY, answer(29, low=True), answer(30, low=True), "Low NPS score 2, 29 days ago", "29 天前的 NPS 调查评分偏低：2"),
        (kinds.SURVEY, answer(0, low=True), answer(0, low=False), "Low NPS score 2, 0 days ago", "0 天前的 NPS 调查评分偏低：2"),
        (kinds.QUOTE, quote(7), quote(6), "Quote Q-1, 9 CNY, without an answer for 7 days", "报价 Q-1（9 CNY）发出 7 天未获答复"),
        (kinds.CLOSING, deal(7), deal(8), "单 is to close on 2026-05-08", "商机 单 预计 2026-05-08 成交"),
        (kinds.BIRTHDAY, birthday(7), birthday(8), "生日 on 2026-05-08, in 7 days", "生日：2026-05-08（还有 7 天）"),
        (kinds.BIRTHDAY, birthday(0), birthday(-1), "生日 on 2026-05-01, in 0 days", "生日：2026-05-01（还有 0 天）"),
        (kinds.DECIDER, company(decides=False), company(decides=True), "No decision maker is known", "尚不知道谁是决策人"),
        (kinds.SILENCE, talked(days=90), talked(days=89), "No contact for 90 days", "已有 90 天没有联系"),
        (kinds.CONSENT, never_asked(), page(), "Consent to marketing was never asked for", "尚未征得营销许可"),
        (kinds.CREDIT, credit("100", "50", 90), credit("100", "49.99", 90), "50 CNY of the credit limit is free, and no order came for 90 days", "信用额度尚余 50 CNY，90 天内没有订单"),
        (kinds.CREDIT, credit("100", "100", None), credit("100", "100", 89), "100 CNY of the credit limit is free, and no order came for 90 days", "信用额度尚余 100 CNY，90 天内没有订单"),
        (kinds.CROSS_SELL, likely(10, "0.2"), likely(10, "0.199999"), "20.0% of those who bought “打印机” also bought “墨盒” (10 customers; support 3.1%, lift 2.4)", "购买过“打印机”的客户中有 20.0% 也购买了“墨盒”（10 位；支持度 3.1%，提升度 2.4）"),
        (kinds.CROSS_SELL, likely(10, "1"), likely(9, "1"), "100.0% of those who bought “打印机” also bought “墨盒” (10 customers; support 3.1%, lift 2.4)", "购买过“打印机”的客户中有 100.0% 也购买了“墨盒”（10 位；支持度 3.1%，提升度 2.4）"),
    ],
    ids=[
        "complaint", "task", "promise", "invoice", "expiring", "ends today", "survey", "low survey", "quote", "closing",
        "birthday", "birthday today", "decider", "silence", "consent", "credit", "never ordered", "confidence", "support",
    ],
)  # fmt: skip
def test_made_at_the_threshold_and_not_before(kind, made, not_made, english, chinese):
    (found,) = rules.suggestions(made, SIGHT, DEFAULTS)
    assert (found.kind, found.reason_en, found.reason_zh) == (DEFAULTS[kind].number, english, chinese)
    assert rules.suggestions(not_made, SIGHT, DEFAULTS) == []
    off = {**DEFAULTS, kind: replace(DEFAULTS[kind], enabled=False)}
    assert rules.suggestions(made, SIGHT, off) == []


class TestSilence:
    def test_touches_that_happen_on_their_own_do_not_count(self):
        found = talked(days=120)
        found.touches.add(event_type="delivery.sent", occurred_time=ago(days=1))
        assert [s.action for s in rules.suggestions(found, SIGHT, DEFAULTS)] == ["call_back"]

    def test_of_somebody_never_talked_to_since_the_record_was_made(self):
        found = page()
        found.facts.ClearField("last_contact_time")
        (silence,) = rules.suggestions(found, SIGHT, DEFAULTS)
        assert silence.figures["days"] == "400"

    def test_is_not_told_to_who_may_not_read_activities(self):
        assert not rules.suggestions(talked(days=900), replace(SIGHT, activities=False), DEFAULTS)

    def test_credit_is_not_judged_without_reading_orders(self):
        assert not rules.suggestions(credit("9", "9", None), replace(SIGHT, orders=False), DEFAULTS)


class TestDays:
    def test_least_amount(self):
        rule = {**DEFAULTS, kinds.INVOICE: Rule(kinds.INVOICE, True, 1, 10, "100")}
        made = [
            bool(rules.suggestions(owed(amount, since), SIGHT, rule))
            for amount, since in (("100", 10), ("99.99", 10), ("100", 9))
        ]
        assert made == [True, False, False]

    @given(
        st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), st.dates(dt.date(1990, 1, 1), dt.date(2090, 1, 1))
    )
    def test_a_yearly_date_comes_within_a_year_of_its_first(self, first, today):
        date = pb.ProfileCareDate(date=Date(year=first.year, month=first.month, day=first.day), yearly=True)
        found = next_day(date, today)
        assert found >= max(today, first)
        assert first > today or (found - today).days <= 366
        assert (found.month, found.day) == (first.month, first.day) or (first.month, first.day) == (2, 29)

    @given(st.lists(st.integers(-400, 4000), max_size=8), st.integers(0, 3650))
    def test_expiries_are_those_within_the_days_asked_for_in_order(self, offsets, within):
        found = page(entitlements=[pb.ProfileEntitlement(end_date=day(offset)) for offset in offsets])
        shown = [end.days_left for end in expiries(found, SIGHT, within)]
        assert shown == sorted(offset for offset in offsets if 0 <= offset <= within)


@st.composite
def _rules(draw: st.DrawFn) -> Rule:
    name = draw(st.sampled_from(sorted(KINDS)))
    kind = KINDS[name]
    return Rule(
        name,
        draw(st.booleans()),
        draw(st.integers(1, 100)),
        0 if kind.least_days is None else draw(st.integers(kind.least_days, 3650)),
        str(draw(st.decimals(0, 10**9, places=2))) if kind.amount else "",
        draw(st.integers(1, 100)) if kind.percent else 0,
        draw(st.integers(2, 1000)) if kind.customers else 0,
    )


class TestRules:
    def test_defaults_are_without_fault_and_cover_every_kind(self):
        assert faults(list(DEFAULTS.values())) == []
        assert set(rules._FINDERS) == set(DEFAULTS)

    @given(st.lists(_rules(), max_size=12, unique_by=lambda rule: rule.kind))
    def test_any_rules_give_suggestions_in_the_order_of_their_priorities(self, changed):
        assert faults(changed) == ([] if changed else [("rules", "name at least one rule")])
        given_rules = rules_of([vars(rule) for rule in changed])
        everything = ticket(kind="COMPLAINT")
        for one in (owed("5", 400), quote(300), deal(0), birthday(0), owns(0), never_asked(), task(days=99)):
            everything.MergeFrom(one)
        found = rules.suggestions(everything, SIGHT, given_rules)
        assert [s.priority for s in found] == sorted(s.priority for s in found)
        assert all(given_rules[_kind(s)].enabled and s.reason_en and s.reason_zh for s in found)

    def test_of_one_priority_the_kinds_keep_their_order(self):
        same = [replace(rule, priority=5) for rule in reversed(DEFAULTS.values())]
        assert [rule.kind for rule in in_order(same)] == list(KINDS)

    @pytest.mark.parametrize(
        ("rule", "path"),
        [
            (Rule(kinds.COMPLAINT, True, 1, days=3), "rules[0].days"),
            (Rule(kinds.SILENCE, True, 1, days=0), "rules[0].days"),
            (Rule(kinds.SILENCE, True, 1, 5, "10"), "rules[0].least_amount"),
            (Rule(kinds.INVOICE, True, 1, 5, "10", 3), "rules[0].least_percent"),
            (Rule(kinds.SILENCE, True, 1, 5, least_customers=3), "rules[0].least_customers"),
            (Rule(kinds.CROSS_SELL, True, 1, 5, least_customers=1), "rules[0].least_customers"),
        ],
        ids=["no days", "too few days", "no amount", "no percent", "no customers", "too few customers"],
    )
    def test_thresholds_of_no_use_are_refused(self, rule, path):
        assert [found for found, _ in faults([rule])] == [path]

    def test_a_kind_stored_by_a_later_version_is_left_alone(self):
        assert rules_of([{"kind": "horoscope", "days": 1}]) == DEFAULTS

    def test_amounts_are_exact(self):
        assert Rule(kinds.INVOICE, True, 1, 0, "0.10").amount == Decimal("0.10")


def _kind(suggestion: pb.ProfileSuggestion) -> str:
    return next(name for name, rule in DEFAULTS.items() if rule.number == suggestion.kind)
