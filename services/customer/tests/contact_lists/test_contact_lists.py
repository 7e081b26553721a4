"""Whom to contact today, this month, next month; birthdays."""

from __future__ import annotations

import datetime as dt

from google.type.date_pb2 import Date

from taproot.customer.v1 import contact_list_service_pb2 as pb
from taproot.customer.v1 import duplicate_service_pb2, suggestion_rule_pb2
from taproot.customer.v1 import suggestion_rule_service_pb2 as rules_rpc
from taproot.customer.v1.contact_list_service_pb2_grpc import ContactListsServiceStub
from taproot.customer.v1.duplicate_service_pb2_grpc import DuplicatesServiceStub
from taproot.customer.v1.suggestion_rule_service_pb2_grpc import SuggestionRulesServiceStub
from taproot_base import wire
from taproot_base.errors import Kind

NOW = dt.datetime(2026, 3, 2, 4, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
MARCH = {"from_date": Date(year=2026, month=3, day=1), "to_date": Date(year=2026, month=3, day=31)}
APRIL = {"from_date": Date(year=2026, month=4, day=1), "to_date": Date(year=2026, month=4, day=30)}
BIRTHDAYS = [pb.CONTACT_REASON_KIND_BIRTHDAY]


def kinds(entries: list[pb.ContactListEntry]) -> list[tuple[str, list[str]]]:
    names = pb.ContactReasonKind.Name
    return [
        (one.customer_id, [names(reason.kind).removeprefix("CONTACT_REASON_KIND_") for reason in one.reasons])
        for one in entries
    ]


async def test_needs_a_caller(service, failure):
    call = service.stub(ContactListsServiceStub, None).ReadContactList(pb.ReadContactListRequest())
    assert (await failure(call)).kind is Kind.UNAUTHENTICATED


async def test_today_is_ranked_with_reasons(seller):
    promised, small, big, later = [await seller.customer(f"客户 {n}") for n in range(4)]
    task = await seller.task(promised, NOW - 3 * DAY, "报价")
    await seller.orders(small, 30, 60, 90)
    await seller.orders(big, 30, 60, 90, amount="90000")
    await seller.task(later, NOW + 5 * DAY)
    entries = await seller.read()
    assert kinds(entries) == [(big, ["REORDER"]), (promised, ["PROMISE"]), (small, ["REORDER"])]
    assert [(one.score, one.value_points) for one in entries] == [(65, 30), (53, 0), (50, 15)]
    reason = entries[1].reasons[0]
    assert (reason.record_id, reason.days_left, reason.points) == (task, -3, 53)
    assert reason.text_zh == "任务“报价”2026-02-27（3 天前）到期"
    assert reason.text_en == "The task “报价” is due on 2026-02-27 (3 days ago)"
    assert entries[0].last_order_time.ToDatetime(dt.UTC).date() == (NOW - 30 * DAY).date()


async def test_next_month_is_what_becomes_due_then(seller):
    customer, other = await seller.customer(), await seller.customer()
    await seller.task(other, NOW - DAY)  # overdue: today's
    await seller.remember(customer, Date(year=2026, month=4, day=30), "POLICY_END")
    await seller.meet(customer, NOW + 35 * DAY)
    await seller.orders(other, 0, 40, 80)
    assert kinds(await seller.read(**APRIL)) == [
        (customer, ["APPOINTMENT", "EXPIRING"]),
        (other, ["REORDER"]),
    ]
    assert kinds(await seller.read(**MARCH)) == [(other, ["PROMISE"])]


async def test_birthdays_of_a_month(seller):
    first, second = await seller.customer(), await seller.customer()
    await seller.remember(first, Date(year=1980, month=3, day=20), "BIRTHDAY")
    await seller.remember(second, Date(year=1992, month=3, day=5), "BIRTHDAY")
    await seller.task(first, NOW)
    found = await seller.read(reasons=BIRTHDAYS, **MARCH)
    assert kinds(found) == [(second, ["BIRTHDAY"]), (first, ["BIRTHDAY"])]
    assert found[0].reasons[0].text_zh == "2026-03-05（3 天后）生日“王总”"
    assert await seller.read(reasons=BIRTHDAYS, **APRIL) == []


async def test_silence_follows_the_rule_of_the_enterprise(service, admin, seller):
    quiet, met = await seller.customer(), await seller.customer()
    await seller.meet(met, NOW - 10 * DAY)
    await seller.settle()
    ahead = {"from_date": wire.to_date((NOW + 90 * DAY).date())}
    assert kinds(await seller.read(**ahead)) == [(quiet, ["SILENCE"])]
    rules = service.stub(SuggestionRulesServiceStub, admin)

    async def change(**values) -> None:
        rule = suggestion_rule_pb2.SuggestionRule(
            kind=suggestion_rule_pb2.SUGGESTION_KIND_LONG_SILENCE, priority=6, **values
        )
        changed = suggestion_rule_pb2.SuggestionRules(rules=[rule])
        await rules.UpdateSuggestionRules(rules_rpc.UpdateSuggestionRulesRequest(suggestion_rules=changed))

    await change(enabled=True, days=10)
    assert kinds(await seller.read()) == [(met, ["SILENCE"])]
    await change(enabled=False, days=10)
    assert await seller.read() == []
    await change(enabled=True, days=90)


async def test_reasons_of_merged_records_are_the_survivors(service, seller):
    survivor, source = await seller.customer("甲"), await seller.customer("乙")
    await seller.task(survivor, NOW)
    await seller.task(source, NOW)
    merge = duplicate_service_pb2.MergeCustomersRequest(id=survivor, source_ids=[source])
    admin = await service.admin()
    await service.stub(DuplicatesServiceStub, admin).MergeCustomers(merge)
    assert kinds(await seller.read()) == [(survivor, ["PROMISE", "PROMISE"])]


async def test_a_list_tells_no_more_than_its_caller_may_read(service, seller):
    customer = await seller.customer()
    await seller.task(customer, NOW)
    await seller.orders(customer, 30, 60, 90)
    await seller.remember(customer, Date(year=1980, month=3, day=2), "BIRTHDAY")
    mine = {"user_id": seller.user.subject}
    stranger = await service.add_user({"customers.read": "own", "tasks.read": "own"}, "/hq/e/bj/")
    assert await type(seller)(service, stranger).read(**mine) == []
    reader = type(seller)(service, await service.add_user({"customers.read": "branch"}, "/hq/e/sh/"))
    assert await reader.read(**mine) == []
    tasks = {"customers.read": "branch", "tasks.read": "branch"}
    reader = type(seller)(service, await service.add_user(tasks, "/hq/e/sh/"))
    found = await reader.read(**mine)
    assert kinds(found) == [(customer, ["PROMISE"])]
    assert not found[0].HasField("last_order_time")
    assert not found[0].value_points


async def test_bad_days_are_refused(seller, failure):
    async def refused(**values) -> list[str]:
        error = await failure(seller.read(**values))
        return [violation.field for violation in error.violations]

    days = {"from_date": Date(year=2026, month=3, day=2), "to_date": Date(year=2026, month=3, day=1)}
    assert await refused(**days) == ["to_date"]
    days["to_date"] = Date(year=2026, month=6, day=1)
    assert await refused(**days) == ["to_date"]
    assert await refused(time_zone="Mars/Olympus") == ["time_zone"]
    never = {"from_date": Date(month=-700), "to_date": Date(year=9999, month=12, day=31)}
    assert await refused(**never) == ["from_date", "to_date"]


async def test_few_are_shown_of_many(seller):
    for number in range(3):
        await seller.task(await seller.customer(f"第 {number}"), NOW)
    answer = await seller.lists.ReadContactList(pb.ReadContactListRequest(max_results=2))
    assert (len(answer.entries), answer.total, answer.truncated) == (2, 3, False)


async def test_each_source_is_read_by_an_index_of_its_owner(seller, explaining):
    await seller.task(await seller.customer(), NOW)
    plans = explaining("tasks", "activities", "care_dates", "customers")
    assert await seller.read()
    assert len(plans.found) == 7  # activities and care dates once and again, customers by history and by id
    assert not plans.read_whole()
    assert "ix_customers_owner" in plans.indexes()
