from __future__ import annotations

import uuid
from typing import Any

import pytest

from taproot.sales.v1 import competitor_pb2 as pb
from taproot.sales.v1 import competitor_service_pb2 as rpc
from taproot.sales.v1 import opportunity_pb2, opportunity_service_pb2
from taproot.sales.v1.competitor_service_pb2_grpc import CompetitorsServiceStub
from taproot.sales.v1.opportunity_service_pb2_grpc import OpportunitiesServiceStub
from taproot.type.v1.money_pb2 import Money
from taproot_base.auth import Principal
from taproot_base.errors import AppError, Kind
from taproot_testkit import Caller, Harness

deal_rpc = opportunity_service_pb2


@pytest.fixture
def competitors(sales: Harness, admin: Principal) -> Caller:
    return sales.stub(CompetitorsServiceStub, admin)


async def make(competitors: Caller, name: str) -> pb.Competitor:
    made: pb.Competitor = await competitors.CreateCompetitor(
        rpc.CreateCompetitorRequest(competitor=pb.Competitor(display_name=name))
    )
    return made


async def refused(call: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        await call
    return caught.value


class TestLibrary:
    async def test_a_name_once_until_it_is_deleted(self, competitors: Caller) -> None:
        made = await make(competitors, "Globex")
        assert (await refused(make(competitors, "GLOBEX"))).reason == "COMPETITOR_EXISTS"
        await competitors.DeleteCompetitor(rpc.DeleteCompetitorRequest(id=made.id))
        heir = await make(competitors, "globex")
        error = await refused(competitors.UndeleteCompetitor(rpc.UndeleteCompetitorRequest(id=made.id)))
        assert error.reason == "COMPETITOR_EXISTS"
        change = pb.Competitor(id=heir.id, display_name="Globex East", aliases=["GX"])
        await competitors.UpdateCompetitor(rpc.UpdateCompetitorRequest(competitor=change))
        await competitors.UndeleteCompetitor(rpc.UndeleteCompetitorRequest(id=made.id))
        page = await competitors.ListCompetitors(rpc.ListCompetitorsRequest(filter='search:"glob"'))
        assert [c.display_name for c in page.competitors] == ["Globex", "Globex East"]


class TestCompare:
    async def test_won_and_lost_by_competitor_within_reach(self, sales: Harness, competitors: Caller) -> None:
        grants = {"opportunities.*": "own", "competitors.*": "all"}
        seller = await sales.add_user(grants)
        deals = sales.stub(OpportunitiesServiceStub, seller)
        first, second = await make(competitors, "Initech"), await make(competitors, "Hooli")
        seen = [opportunity_pb2.OpportunityCompetitor(competitor_id=c.id) for c in (first, second)]

        async def deal(amount: str, against: list[Any]) -> str:
            message = opportunity_pb2.Opportunity(
                display_name="D", amount=Money(currency_code="CNY", amount=amount), competitors=against
            )
            made = await deals.CreateOpportunity(deal_rpc.CreateOpportunityRequest(opportunity=message))
            return str(made.id)

        await deals.WinOpportunity(deal_rpc.WinOpportunityRequest(id=await deal("10.5", seen)))
        lose = deal_rpc.LoseOpportunityRequest(
            id=await deal("7", seen[:1]),
            loss_reason=opportunity_pb2.OPPORTUNITY_LOSS_REASON_COMPETITOR,
            loss_competitor_id=second.id,
        )
        lost = await deals.LoseOpportunity(lose)
        assert [c.competitor_id for c in lost.competitors] == [first.id, second.id]
        await deal("1", seen[:1])
        mine = sales.stub(CompetitorsServiceStub, seller)
        answer = await mine.CompareCompetitors(rpc.CompareCompetitorsRequest(currency_code="CNY"))
        assert [
            (r.display_name, r.seen, r.open, r.won, r.lost, r.lost_to, r.won_amount.amount, r.win_rate)
            for r in answer.rows
        ] == [
            ("Initech", 3, 1, 1, 1, 0, "10.50", "0.5000"),
            ("Hooli", 2, 0, 1, 1, 1, "10.50", "0.5000"),
        ]

    async def test_an_unknown_competitor_in_a_deal(self, sales: Harness, admin: Principal) -> None:
        deals = sales.stub(OpportunitiesServiceStub, admin)
        stray = [opportunity_pb2.OpportunityCompetitor(competitor_id=str(uuid.uuid4()))]
        message = opportunity_pb2.Opportunity(display_name="D", competitors=stray)
        error = await refused(deals.CreateOpportunity(deal_rpc.CreateOpportunityRequest(opportunity=message)))
        assert error.kind is Kind.INVALID
        assert error.violations[0].field == "opportunity.competitors[0].competitor_id"
