from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from taproot.sales.events.v1.lead_event_pb2 import LeadEvent
from taproot.sales.v1 import assignment_rule_pb2, assignment_rule_service_pb2
from taproot.sales.v1 import lead_pb2 as pb
from taproot.sales.v1 import lead_service_pb2 as rpc
from taproot.sales.v1.assignment_rule_service_pb2_grpc import AssignmentRulesServiceStub
from taproot.sales.v1.lead_service_pb2_grpc import LeadsServiceStub
from taproot_base.auth import Principal
from taproot_base.clock import FakeClock
from taproot_base.errors import AppError, Kind
from taproot_chassis.events import Event
from taproot_sales.leads.jobs import recall_overdue, remind_owners
from taproot_storage.schema import event_log
from taproot_testkit import Caller, Harness, branch_id


@pytest.fixture
def leads(sales: Harness, admin: Principal) -> Caller:
    return sales.stub(LeadsServiceStub, admin)


@pytest.fixture
async def seller(sales: Harness) -> Principal:
    return await sales.add_user({"leads.*": "own", "opportunities.*": "own"})


async def make(leads: Caller, *, hold: bool = False, **values: Any) -> pb.Lead:
    message = pb.Lead(**({"name": "Li Wei", "phone": "+86 21 5555 0100"} | values))
    made: pb.Lead = await leads.CreateLead(rpc.CreateLeadRequest(lead=message, hold=hold))
    return made


async def rule(sales: Harness, admin: Principal, region: str, *users: Principal, **values: Any) -> str:
    message = assignment_rule_pb2.AssignmentRule(
        **{"display_name": region, "branch_id": branch_id("/hq/e/sh/")} | values,
        regions=[region],
        user_ids=[user.subject for user in users],
    )
    asked = assignment_rule_service_pb2.CreateAssignmentRuleRequest(assignment_rule=message)
    made = await sales.stub(AssignmentRulesServiceStub, admin).CreateAssignmentRule(asked)
    return str(made.id)


async def refused(call: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        await call
    return caught.value


async def get(leads: Caller, key: str) -> pb.Lead:
    found: pb.Lead = await leads.GetLead(rpc.GetLeadRequest(id=key))
    return found


async def logged(sales: Harness, key: str) -> list[Event]:
    """Events in the log of one record, oldest first."""
    statement = select(event_log).where(event_log.c.aggregate_id == uuid.UUID(key))
    async with sales.runtime.database.reading() as reader:
        rows = await reader.fetch(statement.order_by(event_log.c.version))
    return [Event.from_row("sales", row) for row in rows]


class TestCapture:
    async def test_is_scored_by_the_published_rules(self, leads: Caller) -> None:
        lead = await make(
            leads, hold=True, source="web_form", company="Acme", email="li@acme.example", region="moon",
            urgency=pb.LEAD_URGENCY_HIGH, product_interest="router", behaviour_points=12,
        )  # fmt: skip
        assert lead.score == 15 + (8 + 5 + 5 + 4 + 3) + 18 + 6 + 12
        assert sum(reason.points for reason in lead.score_reasons) == lead.score
        assert (lead.state, lead.display_name) == (pb.LEAD_STATE_NEW, "Li Wei")

    async def test_what_a_lead_needs(self, leads: Caller) -> None:
        error = await refused(make(leads, name="", phone=""))
        assert {v.field for v in error.violations} == {"lead.name", "lead.phone"}

    async def test_an_external_id_once_and_a_repeat_once(self, leads: Caller) -> None:
        message = pb.Lead(name="X", phone="1", external_id="ext-1")
        asked = rpc.CreateLeadRequest(lead=message, request_id="capture-1")
        first, again = await leads.CreateLead(asked), await leads.CreateLead(asked)
        assert first.id == again.id
        assert (await refused(make(leads, external_id="ext-1"))).reason == "LEAD_EXTERNAL_ID_EXISTS"

    async def test_to_a_named_owner(self, sales: Harness, leads: Caller, seller: Principal) -> None:
        lead = await make(leads, owner_id=seller.subject)
        assert (lead.state, lead.branch_id) == (pb.LEAD_STATE_ASSIGNED, branch_id("/hq/e/sh/"))
        assert lead.feedback_due_time.ToDatetime() - lead.assign_time.ToDatetime() == timedelta(days=7)
        assert [event.name for event in await logged(sales, lead.id)] == ["created", "assigned"]

    async def test_updating_scores_anew(self, leads: Caller) -> None:
        lead = await make(leads, hold=True)
        change = pb.Lead(id=lead.id, urgency=pb.LEAD_URGENCY_IMMEDIATE, etag=lead.etag)
        changed = await leads.UpdateLead(rpc.UpdateLeadRequest(lead=change))
        assert changed.score - lead.score == 25 - 8
        owner = rpc.UpdateLeadRequest(lead=pb.Lead(id=lead.id, owner_id=str(uuid.uuid4())))
        assert [v.field for v in (await refused(leads.UpdateLead(owner))).violations] == ["lead.owner_id"]

    async def test_masked_contact_data(self, sales: Harness, leads: Caller) -> None:
        await make(leads, hold=True, phone="+86 139 0000 0000")
        blind = sales.stub(LeadsServiceStub, await sales.add_user({"leads.read": "all"}, masked=("contact",)))
        page = await blind.ListLeads(rpc.ListLeadsRequest())
        assert page.leads
        assert not any(lead.phone or lead.email for lead in page.leads)
        error = await refused(blind.ListLeads(rpc.ListLeadsRequest(filter='phone = "+86 139 0000 0000"')))
        assert error.kind is Kind.INVALID


class TestAssignmentByRules:
    async def test_region_and_product_decide(self, sales: Harness, admin: Principal, leads: Caller) -> None:
        first, second = await sales.add_user({}), await sales.add_user({})
        await rule(sales, admin, "mars", first, product_interests=["rover"], priority=1)
        await rule(sales, admin, "mars", second, priority=2)
        assert (await make(leads, region="Mars", product_interest="a Rover")).owner_id == first.subject
        assert (await make(leads, region="Mars", product_interest="a tent")).owner_id == second.subject

    async def test_a_branch_that_serves_the_region_when_no_rule_fits(
        self, sales: Harness, leads: Caller
    ) -> None:
        served = await sales.add_branch("/hq/v/", regions=("venus", "金星"))
        lead = await make(leads, region="金星")
        assert (lead.branch_id, lead.owner_id, lead.state) == (served, "", pb.LEAD_STATE_NEW)

    async def test_a_full_user_gets_no_more(self, sales: Harness, admin: Principal, leads: Caller) -> None:
        only = await sales.add_user({})
        await rule(sales, admin, "pluto", only, max_open_leads=1)
        assert (await make(leads, region="pluto")).owner_id == only.subject
        spilled = await make(leads, region="pluto")
        assert (spilled.owner_id, spilled.branch_id) == ("", branch_id("/hq/e/sh/"))

    async def test_parallel_leads_are_spread_evenly(
        self, sales: Harness, admin: Principal, leads: Caller
    ) -> None:
        users = [await sales.add_user({}) for _ in range(4)]
        await rule(sales, admin, "saturn", *users)
        made = await asyncio.gather(*(make(leads, region="saturn") for _ in range(20)))
        assert Counter(lead.owner_id for lead in made) == {user.subject: 5 for user in users}

    async def test_parallel_leads_of_crossing_rules_do_not_lock_each_other_out(
        self, sales: Harness, admin: Principal, leads: Caller
    ) -> None:
        one, two = await sales.add_user({}), await sales.add_user({})
        await rule(sales, admin, "io", one, two)
        await rule(sales, admin, "europa", two, one)
        made = await asyncio.gather(*(make(leads, region=("io", "europa")[n % 2]) for n in range(12)))
        assert Counter(lead.owner_id for lead in made) == {one.subject: 6, two.subject: 6}

    async def test_by_the_rules_on_demand(self, sales: Harness, admin: Principal, leads: Caller) -> None:
        user = await sales.add_user({})
        await rule(sales, admin, "ceres", user)
        lead = await make(leads, region="ceres", hold=True)
        assert lead.owner_id == ""
        given = await leads.AssignLead(rpc.AssignLeadRequest(id=lead.id))
        assert given.owner_id == user.subject


class TestAssign:
    async def test_only_id_and_etag_once_it_is_out_of_sight(self, sales: Harness, leads: Caller) -> None:
        grants = {"leads.read": "own", "leads.create": "own", "leads.assign": "all"}
        narrow, other = await sales.add_user(grants), await sales.add_user({"leads.*": "own"}, "/hq/w/")
        mine = sales.stub(LeadsServiceStub, narrow)
        lead = await make(mine, owner_id=narrow.subject)
        given = await mine.AssignLead(rpc.AssignLeadRequest(id=lead.id, owner_id=other.subject))
        assert given == pb.Lead(id=lead.id, etag="3")
        event = (await logged(sales, lead.id))[-1]
        told = event.decode(LeadEvent)
        assert (told.previous_owner_id, told.lead.owner_id) == (narrow.subject, other.subject)
        assert event.branch_path == "/hq/w/"

    async def test_targets_must_exist_and_be_in_reach(self, sales: Harness, leads: Caller) -> None:
        lead = await make(leads, hold=True)
        stray = rpc.AssignLeadRequest(id=lead.id, owner_id=str(uuid.uuid4()))
        assert (await refused(leads.AssignLead(stray))).kind is Kind.INVALID
        local = sales.stub(LeadsServiceStub, await sales.add_user({"leads.*": "branch"}))
        mine = await make(local, hold=True)
        far = rpc.AssignLeadRequest(id=mine.id, branch_id=branch_id("/hq/w/"))
        assert (await refused(local.AssignLead(far))).kind is Kind.DENIED


class TestVisibility:
    async def test_five_principals_see_what_they_reach(self, sales: Harness, leads: Caller) -> None:
        owner = await sales.add_user({"leads.*": "own"}, "/hq/e/sh/")
        keys = {
            (await make(leads, source="seen", owner_id=owner.subject)).id: "sh, owned",
            (await make(leads, source="seen", branch_id=branch_id("/hq/e/sh/"))).id: "sh",
            (await make(leads, source="seen", branch_id=branch_id("/hq/e/hz/"))).id: "hz",
            (await make(leads, source="seen", branch_id=branch_id("/hq/w/"))).id: "w",
        }
        expected = {
            ("own", "/hq/w/"): set(),
            ("branch", "/hq/e/sh/"): {"sh, owned", "sh"},
            ("branch_and_below", "/hq/e/"): {"sh, owned", "sh", "hz"},
            ("all", "/hq/w/"): {"sh, owned", "sh", "hz", "w"},
        }
        for (scope, branch), wanted in expected.items():
            user = await sales.add_user({"leads.read": scope}, branch)
            assert await self._seen(sales, user, keys) == wanted
        assert await self._seen(sales, owner, keys) == {"sh, owned"}

    async def _seen(self, sales: Harness, user: Principal, keys: dict[str, str]) -> set[str]:
        mine = sales.stub(LeadsServiceStub, user)
        page = await mine.ListLeads(rpc.ListLeadsRequest(filter='source = "seen"'))
        counted = await mine.AggregateLeads(rpc.AggregateLeadsRequest(filter='source = "seen"'))
        assert int(counted.rows[0].values[0]) == len(page.leads)
        for key in keys:
            if key not in {lead.id for lead in page.leads}:
                assert (await refused(get(mine, key))).kind is Kind.NOT_FOUND
        return {keys[lead.id] for lead in page.leads}


class TestFollowUp:
    async def test_accepted_by_its_owner_only(self, sales: Harness, leads: Caller, seller: Principal) -> None:
        lead = await make(leads, owner_id=seller.subject)
        assert (await refused(leads.AcceptLead(rpc.AcceptLeadRequest(id=lead.id)))).reason == "LEAD_NOT_YOURS"
        mine = sales.stub(LeadsServiceStub, seller)
        assert (await mine.AcceptLead(rpc.AcceptLeadRequest(id=lead.id))).state == pb.LEAD_STATE_ACCEPTED
        error = await refused(mine.AcceptLead(rpc.AcceptLeadRequest(id=lead.id)))
        assert (error.reason, error.metadata["allowed"]) == ("LEAD_NOT_ACCEPTABLE", "ASSIGNED, VERIFIED")

    async def test_verified_by_telephone(self, leads: Caller) -> None:
        lead = await make(leads, hold=True)
        call = rpc.VerifyLeadRequest(id=lead.id, verification=pb.LEAD_VERIFICATION_UNREACHED)
        assert (await leads.VerifyLead(call)).state == pb.LEAD_STATE_NEW
        call = rpc.VerifyLeadRequest(
            id=lead.id, verification=pb.LEAD_VERIFICATION_CONFIRMED, urgency=pb.LEAD_URGENCY_IMMEDIATE
        )
        verified = await leads.VerifyLead(call)
        assert (verified.state, verified.verification_attempts) == (pb.LEAD_STATE_VERIFIED, 2)
        assert verified.score > lead.score
        assert (await refused(leads.VerifyLead(call))).reason == "LEAD_NOT_VERIFIABLE"

    async def test_wrong_data_ends_it(self, sales: Harness, leads: Caller) -> None:
        lead = await make(leads, hold=True)
        call = rpc.VerifyLeadRequest(id=lead.id, verification=pb.LEAD_VERIFICATION_WRONG_DATA)
        lost = await leads.VerifyLead(call)
        assert lost.loss_reason == pb.LEAD_LOSS_REASON_INVALID_CONTACT
        names = [event.name for event in await logged(sales, lead.id)]
        assert names == ["created", "verified", "disqualified"]

    async def test_feedback_stops_the_clock_and_moves_it_on(self, leads: Caller, seller: Principal) -> None:
        lead = await make(leads, hold=True)
        report = rpc.FeedbackLeadRequest(id=lead.id, feedback=pb.LEAD_FEEDBACK_CONTACTED)
        assert (await refused(leads.FeedbackLead(report))).reason == "LEAD_NOT_ASSIGNED"
        await leads.AssignLead(rpc.AssignLeadRequest(id=lead.id, owner_id=seller.subject))
        contacted = await leads.FeedbackLead(report)
        assert contacted.state == pb.LEAD_STATE_ACCEPTED
        assert contacted.HasField("feedback_time")
        report.feedback = pb.LEAD_FEEDBACK_NURTURE
        assert (await leads.FeedbackLead(report)).state == pb.LEAD_STATE_NURTURING
        report.feedback = pb.LEAD_FEEDBACK_QUALIFY
        qualified = await leads.FeedbackLead(report)
        assert qualified.state == pb.LEAD_STATE_QUALIFIED
        assert qualified.feedback_time == contacted.feedback_time

    async def test_lost_with_a_reason_and_a_survey(self, leads: Caller) -> None:
        lead = await make(leads, hold=True)
        asked = rpc.DisqualifyLeadRequest(id=lead.id, loss_reason=pb.LEAD_LOSS_REASON_OTHER)
        assert [v.field for v in (await refused(leads.DisqualifyLead(asked))).violations] == ["loss_note"]
        asked.loss_reason = pb.LEAD_LOSS_REASON_NO_BUDGET
        asked.loss_survey.update({"What would have helped?": "a lease"})
        lost = await leads.DisqualifyLead(asked)
        assert lost.loss_survey["What would have helped?"] == "a lease"
        assert (await refused(leads.DisqualifyLead(asked))).reason == "LEAD_CLOSED"
        again = rpc.AssignLeadRequest(id=lead.id)
        assert (await refused(leads.AssignLead(again))).reason == "LEAD_NOT_ASSIGNABLE"


class TestFeedbackClock:
    async def test_reminded_once_then_recalled_to_somebody_else(
        self, sales: Harness, admin: Principal, leads: Caller, clock: FakeClock
    ) -> None:
        slow, quick = await sales.add_user({}), await sales.add_user({})
        await rule(sales, admin, "titan", slow, quick)
        lead = await make(leads, region="titan")
        assert lead.owner_id == slow.subject
        database = sales.runtime.database
        with sales.system_call():
            await remind_owners(database)
            assert not await self._told(sales, lead.id, "feedback_due_soon")
            clock.advance(timedelta(days=5))
            await remind_owners(database)
            await remind_owners(database)
            assert await self._told(sales, lead.id, "feedback_due_soon") == 1
            await recall_overdue(database)
            assert (await get(leads, lead.id)).owner_id == slow.subject
            clock.advance(timedelta(days=2))
            await recall_overdue(database)
        recalled = await get(leads, lead.id)
        assert (recalled.owner_id, recalled.recall_count) == (quick.subject, 1)
        assert recalled.feedback_due_time.ToDatetime() > lead.feedback_due_time.ToDatetime()
        names = [event.name for event in await logged(sales, lead.id)]
        assert names[-3:] == ["feedback_overdue", "recalled", "assigned"]

    async def _told(self, sales: Harness, key: str, name: str) -> int:
        return [event.name for event in await logged(sales, key)].count(name)

    async def test_without_another_it_waits_unowned(
        self, sales: Harness, admin: Principal, leads: Caller, clock: FakeClock
    ) -> None:
        only = await sales.add_user({})
        await rule(sales, admin, "rhea", only)
        lead = await make(leads, region="rhea")
        clock.advance(timedelta(days=8))
        with sales.system_call():
            await recall_overdue(sales.runtime.database)
        recalled = await get(leads, lead.id)
        assert (recalled.state, recalled.owner_id) == (pb.LEAD_STATE_NEW, "")
        assert not recalled.HasField("feedback_due_time")

    async def test_who_reported_in_time_keeps_it(
        self, sales: Harness, leads: Caller, seller: Principal, clock: FakeClock
    ) -> None:
        lead = await make(leads, owner_id=seller.subject)
        report = rpc.FeedbackLeadRequest(id=lead.id, feedback=pb.LEAD_FEEDBACK_NURTURE)
        await leads.FeedbackLead(report)
        clock.advance(timedelta(days=30))
        with sales.system_call():
            await recall_overdue(sales.runtime.database)
        assert (await get(leads, lead.id)).owner_id == seller.subject


class TestRates:
    async def test_feedback_and_conversion_by_source(
        self, leads: Caller, seller: Principal, clock: FakeClock
    ) -> None:
        made = [await make(leads, owner_id=seller.subject, source="rates") for _ in range(4)]
        await make(leads, hold=True, source="rates")
        for lead in made[:2]:
            report = rpc.FeedbackLeadRequest(id=lead.id, feedback=pb.LEAD_FEEDBACK_QUALIFY)
            await leads.FeedbackLead(report)
        clock.advance(timedelta(days=8))
        late = rpc.FeedbackLeadRequest(id=made[2].id, feedback=pb.LEAD_FEEDBACK_CONTACTED)
        await leads.FeedbackLead(late)
        answer = await leads.CompareLeadRates(
            rpc.CompareLeadRatesRequest(filter='source = "rates"', group_by="source")
        )
        (row,) = answer.rows
        assert (row.key, row.leads, row.assigned, row.with_feedback, row.feedback_in_time) == (
            "rates",
            5,
            4,
            3,
            2,
        )
        assert (row.feedback_rate, row.feedback_in_time_rate, row.conversion_rate) == (
            "0.7500",
            "0.5000",
            "0.0000",
        )
        counted = await leads.AggregateLeads(
            rpc.AggregateLeadsRequest(filter='source = "rates"', group_by=["state"])
        )
        assert {row.keys[0]: row.values[0] for row in counted.rows} == {
            "new": "1", "assigned": "1", "accepted": "1", "qualified": "2",
        }  # fmt: skip
