from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import select

from taproot.sales.events.v1.opportunity_event_pb2 import OpportunityEvent
from taproot.sales.v1 import opportunity_pb2 as pb
from taproot.sales.v1 import opportunity_service_pb2 as rpc
from taproot.sales.v1 import product_pb2, product_service_pb2
from taproot.sales.v1.opportunity_service_pb2_grpc import OpportunitiesServiceStub
from taproot.sales.v1.product_service_pb2_grpc import ProductsServiceStub
from taproot.type.v1.money_pb2 import Money
from taproot_base.auth import Principal
from taproot_base.clock import FakeClock
from taproot_base.errors import AppError, InvalidArgument, Kind
from taproot_sales.opportunities.jobs import note_stalled
from taproot_storage.schema import event_log
from taproot_testkit import Caller, Harness, branch_id


@pytest.fixture
def deals(sales: Harness, admin: Principal) -> Caller:
    return sales.stub(OpportunitiesServiceStub, admin)


def cny(amount: str) -> Money:
    return Money(currency_code="CNY", amount=amount)


def at(instant: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp


async def make(deals: Caller, **values: Any) -> pb.Opportunity:
    usual: dict[str, Any] = {"display_name": "Deal", "amount": cny("1000")}
    message = pb.Opportunity(**usual | values)
    made: pb.Opportunity = await deals.CreateOpportunity(rpc.CreateOpportunityRequest(opportunity=message))
    return made


async def refused(call: Any) -> AppError:
    with pytest.raises(AppError) as caught:
        await call
    return caught.value


async def events_of(sales: Harness, key: str) -> list[str]:
    """Types of the events in the log of one record, oldest first."""
    statement = select(event_log.c.type).where(event_log.c.aggregate_id == uuid.UUID(key))
    async with sales.runtime.database.reading() as reader:
        return [row["type"] for row in await reader.fetch(statement.order_by(event_log.c.version))]


class TestCreate:
    async def test_starts_in_the_first_stage_of_the_default_pipeline(
        self, sales: Harness, admin: Principal, deals: Caller
    ) -> None:
        deal = await make(deals, display_name="New school", amount=cny("1000.50"))
        assert (deal.stage, deal.probability) == ("prospecting", 10)
        assert deal.state == pb.OPPORTUNITY_STATE_OPEN
        assert deal.expected_amount == cny("100.05")
        assert deal.owner_id == admin.subject
        assert deal.forecast_category == pb.FORECAST_CATEGORY_PIPELINE
        event = (await sales.events(1, of="opportunity.created"))[-1].decode(OpportunityEvent)
        assert event.opportunity.display_name == "New school"

    async def test_lines_take_name_and_price_from_the_catalogue_and_make_the_amount(
        self, sales: Harness, admin: Principal, deals: Caller
    ) -> None:
        products = sales.stub(ProductsServiceStub, admin)
        product = await products.CreateProduct(
            product_service_pb2.CreateProductRequest(
                product=product_pb2.Product(code="OP-1", display_name="Router", list_price=cny("99.90"))
            )
        )
        lines = [pb.OpportunityLine(product_id=product.id, quantity="3")]
        deal = await make(deals, lines=lines, amount=None)
        assert deal.amount == cny("299.70")
        assert deal.lines[0].description == "Router"
        assert deal.lines[0].amount == cny("299.70")

    async def test_an_amount_against_the_lines_and_an_unknown_product(self, deals: Caller) -> None:
        line = pb.OpportunityLine(description="Work", quantity="2", unit_price=cny("10"))
        error = await refused(make(deals, lines=[line], amount=cny("30")))
        assert [v.field for v in error.violations] == ["opportunity.amount"]
        stray = pb.OpportunityLine(product_id=str(uuid.uuid4()))
        error = await refused(make(deals, lines=[stray]))
        assert [v.field for v in error.violations] == ["opportunity.lines[0].product_id"]

    async def test_what_the_service_sets_cannot_be_given(self, deals: Caller) -> None:
        error = await refused(make(deals, state=pb.OPPORTUNITY_STATE_WON))
        assert isinstance(error, InvalidArgument)
        assert error.violations[0].field == "opportunity.state"

    async def test_an_unknown_stage_or_pipeline(self, deals: Caller) -> None:
        assert (await refused(make(deals, stage="nowhere"))).kind is Kind.INVALID
        assert (await refused(make(deals, pipeline_id=str(uuid.uuid4())))).kind is Kind.INVALID

    async def test_only_in_the_reach_of_the_caller(self, sales: Harness) -> None:
        seller = await sales.add_user({"opportunities.*": "branch"}, "/hq/e/sh/")
        mine = sales.stub(OpportunitiesServiceStub, seller)
        assert (await make(mine)).branch_id == branch_id("/hq/e/sh/")
        error = await refused(make(mine, branch_id=branch_id("/hq/w/")))
        assert error.kind is Kind.DENIED

    async def test_validate_only_keeps_nothing(self, deals: Caller) -> None:
        message = pb.Opportunity(display_name="Dry", external_id="dry-1")
        await deals.CreateOpportunity(rpc.CreateOpportunityRequest(opportunity=message, validate_only=True))
        await make(deals, external_id="dry-1")


class TestImport:
    ENGAGED = datetime(2016, 10, 20, tzinfo=UTC)
    CLOSED = datetime(2017, 3, 1, tzinfo=UTC)

    async def test_closed_history_keeps_its_dates(self, deals: Caller) -> None:
        deal = await make(
            deals, stage="won", amount=cny("1054"), open_time=at(self.ENGAGED), close_time=at(self.CLOSED)
        )
        assert deal.state == pb.OPPORTUNITY_STATE_WON
        assert (deal.probability, deal.expected_amount) == (100, cny("1054.00"))
        assert deal.forecast_category == pb.FORECAST_CATEGORY_CLOSED
        assert deal.age_days == 132
        history = await deals.ListOpportunityStageChanges(rpc.ListOpportunityStageChangesRequest(id=deal.id))
        assert [(c.from_stage, c.to_stage, c.days_in_from_stage) for c in history.stage_changes] == [
            ("", "prospecting", 0),
            ("prospecting", "won", 132),
        ]

    async def test_needs_a_permission_of_its_own(self, sales: Harness) -> None:
        seller = await sales.add_user({"opportunities.create": "branch"})
        mine = sales.stub(OpportunitiesServiceStub, seller)
        for values in ({"stage": "lost"}, {"open_time": at(self.ENGAGED)}):
            assert (await refused(make(mine, **values))).kind is Kind.DENIED
        importer = await sales.add_user({"opportunities.create": "branch", "opportunities.import": "branch"})
        lost = await make(sales.stub(OpportunitiesServiceStub, importer), stage="lost")
        assert lost.id

    async def test_dates_make_sense(self, deals: Caller, clock: FakeClock) -> None:
        error = await refused(
            make(deals, stage="won", open_time=at(self.CLOSED), close_time=at(self.ENGAGED))
        )
        assert [v.field for v in error.violations] == ["opportunity.close_time"]
        error = await refused(make(deals, open_time=at(clock.now() + timedelta(days=1))))
        assert [v.field for v in error.violations] == ["opportunity.open_time"]
        error = await refused(make(deals, close_time=at(self.CLOSED)))
        assert "closed stage" in error.violations[0].description

    async def test_an_external_id_once(self, deals: Caller) -> None:
        await make(deals, external_id="1C1I7A6R")
        error = await refused(make(deals, external_id="1C1I7A6R"))
        assert error.reason == "OPPORTUNITY_EXTERNAL_ID_EXISTS"


class TestBatchCreate:
    def batch(
        self, *names: str, partial: bool = False, request_id: str = ""
    ) -> rpc.BatchCreateOpportunitiesRequest:
        parts = [
            rpc.CreateOpportunityRequest(
                opportunity=pb.Opportunity(display_name=f"Batch {name}", external_id=name, stage=stage)
            )
            for name, _, stage in (text.partition(":") for text in names)
        ]
        return rpc.BatchCreateOpportunitiesRequest(requests=parts, partial=partial, request_id=request_id)

    async def test_all_or_nothing(self, deals: Caller) -> None:
        error = await refused(deals.BatchCreateOpportunities(self.batch("b1", "b2:nowhere")))
        assert [v.field for v in error.violations] == ["requests[1].opportunity.stage"]
        answer = await deals.BatchCreateOpportunities(self.batch("b1", "b2:lost"))
        assert [r.opportunity.external_id for r in answer.results] == ["b1", "b2"]

    async def test_partial_answers_each_for_itself_and_repeats_alike(self, deals: Caller) -> None:
        asked = self.batch("p1", "p1", "p2:nowhere", "p3", partial=True, request_id="batch-1")
        answer = await deals.BatchCreateOpportunities(asked)
        kinds = [result.WhichOneof("result") for result in answer.results]
        assert kinds == ["opportunity", "error", "error", "opportunity"]
        again = await deals.BatchCreateOpportunities(asked)
        assert [r.opportunity.id for r in again.results] == [r.opportunity.id for r in answer.results]
        assert [r.WhichOneof("result") for r in again.results] == kinds

    async def test_five_hundred_at_once(self, sales: Harness, deals: Caller) -> None:
        answer = await deals.BatchCreateOpportunities(self.batch(*(f"many-{n}" for n in range(500))))
        assert len({result.opportunity.id for result in answer.results}) == 500
        total = await deals.AggregateOpportunities(
            rpc.AggregateOpportunitiesRequest(filter='external_id = "many-*"')
        )
        assert [list(row.values) for row in total.rows] == [["500"]]


class TestUpdate:
    async def test_a_probability_of_ones_own_lasts_until_the_stage_changes(self, deals: Caller) -> None:
        deal = await make(deals)
        change = pb.Opportunity(id=deal.id, probability=40, etag=deal.etag)
        deal = await deals.UpdateOpportunity(rpc.UpdateOpportunityRequest(opportunity=change))
        assert (deal.probability, deal.expected_amount) == (40, cny("400.00"))
        deal = await deals.MoveOpportunityStage(rpc.MoveOpportunityStageRequest(id=deal.id, stage="proposal"))
        assert (deal.probability, deal.expected_amount) == (50, cny("500.00"))
        back = rpc.UpdateOpportunityRequest(
            opportunity=pb.Opportunity(id=deal.id), update_mask=FieldMask(paths=["probability"])
        )
        assert (await deals.UpdateOpportunity(back)).probability == 50

    async def test_what_only_verbs_change(self, deals: Caller) -> None:
        deal = await make(deals)
        change = pb.Opportunity(id=deal.id, stage="won")
        error = await refused(deals.UpdateOpportunity(rpc.UpdateOpportunityRequest(opportunity=change)))
        assert [v.field for v in error.violations] == ["opportunity.stage"]

    async def test_an_old_etag(self, deals: Caller) -> None:
        deal = await make(deals)
        change = rpc.UpdateOpportunityRequest(
            opportunity=pb.Opportunity(id=deal.id, next_step="Call", etag=deal.etag)
        )
        await deals.UpdateOpportunity(change)
        assert (await refused(deals.UpdateOpportunity(change))).reason == "ETAG_MISMATCH"

    async def test_custom_fields_are_patched(self, deals: Caller) -> None:
        deal = await make(deals, custom={"channel": "fair", "seats": 5})
        change = pb.Opportunity(id=deal.id)
        change.custom.update({"seats": None, "term": "3y"})
        changed = await deals.UpdateOpportunity(rpc.UpdateOpportunityRequest(opportunity=change))
        assert dict(changed.custom) == {"channel": "fair", "term": "3y"}


class TestStages:
    async def test_a_deal_moves_forward_and_back_and_remembers_it(
        self, deals: Caller, clock: FakeClock
    ) -> None:
        deal = await make(deals)
        for stage, days in (("proposal", 3), ("engaging", 2)):
            clock.advance(timedelta(days=days))
            deal = await deals.MoveOpportunityStage(rpc.MoveOpportunityStageRequest(id=deal.id, stage=stage))
        history = await deals.ListOpportunityStageChanges(rpc.ListOpportunityStageChangesRequest(id=deal.id))
        assert [(c.from_stage, c.to_stage, c.days_in_from_stage) for c in history.stage_changes] == [
            ("", "prospecting", 0),
            ("prospecting", "proposal", 3),
            ("proposal", "engaging", 2),
        ]
        same = await deals.MoveOpportunityStage(rpc.MoveOpportunityStageRequest(id=deal.id, stage="engaging"))
        assert same.etag == deal.etag

    async def test_closed_stages_are_for_win_and_lose(self, deals: Caller) -> None:
        deal = await make(deals)
        error = await refused(
            deals.MoveOpportunityStage(rpc.MoveOpportunityStageRequest(id=deal.id, stage="won"))
        )
        assert error.kind is Kind.INVALID

    async def test_won_lost_reopened(self, sales: Harness, deals: Caller) -> None:
        deal = await make(deals)
        await deals.MoveOpportunityStage(rpc.MoveOpportunityStageRequest(id=deal.id, stage="negotiation"))
        won = await deals.WinOpportunity(rpc.WinOpportunityRequest(id=deal.id, note="Signed"))
        assert (won.stage, won.probability, won.close_note) == ("won", 100, "Signed")
        error = await refused(deals.WinOpportunity(rpc.WinOpportunityRequest(id=deal.id)))
        assert (error.reason, error.metadata["allowed"]) == ("OPPORTUNITY_NOT_OPEN", "OPEN")
        again = await deals.ReopenOpportunity(rpc.ReopenOpportunityRequest(id=deal.id))
        assert (again.stage, again.state) == ("negotiation", pb.OPPORTUNITY_STATE_OPEN)
        assert not again.HasField("close_time")
        error = await refused(deals.ReopenOpportunity(rpc.ReopenOpportunityRequest(id=deal.id)))
        assert error.reason == "OPPORTUNITY_NOT_CLOSED"
        lose = rpc.LoseOpportunityRequest(id=deal.id, loss_reason=pb.OPPORTUNITY_LOSS_REASON_OTHER)
        assert [v.field for v in (await refused(deals.LoseOpportunity(lose))).violations] == ["note"]
        lose.loss_reason = pb.OPPORTUNITY_LOSS_REASON_PRICE
        lost = await deals.LoseOpportunity(lose)
        assert lost.forecast_category == pb.FORECAST_CATEGORY_OMITTED
        names = [name.partition(".")[2] for name in await events_of(sales, deal.id)]
        assert names == ["created", "stage_moved", "won", "reopened", "lost"]

    async def test_a_stalled_deal_is_told_once_per_stay(
        self, sales: Harness, deals: Caller, clock: FakeClock
    ) -> None:
        deal = await make(deals)
        clock.advance(timedelta(days=31))
        with sales.system_call():
            while await note_stalled(sales.runtime.database):
                pass
        assert (await deals.GetOpportunity(rpc.GetOpportunityRequest(id=deal.id))).stalled
        told = await events_of(sales, deal.id)
        assert told.count("opportunity.stalled") == 1
        moved = await deals.MoveOpportunityStage(
            rpc.MoveOpportunityStageRequest(id=deal.id, stage="engaging")
        )
        assert not moved.stalled


class TestAssign:
    async def test_only_id_and_etag_once_it_is_out_of_sight(self, sales: Harness) -> None:
        grants = {"opportunities.*": "branch", "opportunities.assign": "all"}
        seller = await sales.add_user(grants, "/hq/e/sh/")
        narrow = await sales.add_user(
            {"opportunities.read": "own", "opportunities.create": "own", "opportunities.assign": "all"},
            "/hq/e/sh/",
        )
        other = await sales.add_user({"opportunities.*": "own"}, "/hq/w/")
        mine = sales.stub(OpportunitiesServiceStub, narrow)
        deal = await make(mine)
        given = await mine.AssignOpportunity(rpc.AssignOpportunityRequest(id=deal.id, owner_id=other.subject))
        assert given == pb.Opportunity(id=deal.id, etag="2")
        theirs = sales.stub(OpportunitiesServiceStub, other)
        found = await theirs.GetOpportunity(rpc.GetOpportunityRequest(id=deal.id))
        assert (found.owner_id, found.branch_id) == (other.subject, branch_id("/hq/w/"))
        event = (await sales.events(1, of="opportunity.assigned"))[-1].decode(OpportunityEvent)
        assert event.previous_owner_id == narrow.subject
        hidden = sales.stub(OpportunitiesServiceStub, seller)
        error = await refused(hidden.GetOpportunity(rpc.GetOpportunityRequest(id=deal.id)))
        assert error.kind is Kind.DENIED or error.kind is Kind.NOT_FOUND


class TestMembers:
    async def test_members_of_the_team_see_the_deal_wherever_they_are(self, sales: Harness) -> None:
        seller = await sales.add_user({"opportunities.*": "own"}, "/hq/e/sh/")
        helper = await sales.add_user({"opportunities.read": "own"}, "/hq/w/")
        mine, theirs = (
            sales.stub(OpportunitiesServiceStub, seller),
            sales.stub(OpportunitiesServiceStub, helper),
        )
        deal = await make(mine)
        asked = rpc.GetOpportunityRequest(id=deal.id)
        assert (await refused(theirs.GetOpportunity(asked))).kind is Kind.NOT_FOUND
        change = pb.Opportunity(id=deal.id, member_ids=[helper.subject])
        await mine.UpdateOpportunity(rpc.UpdateOpportunityRequest(opportunity=change))
        assert (await theirs.GetOpportunity(asked)).id == deal.id
        page = await theirs.ListOpportunities(rpc.ListOpportunitiesRequest())
        assert [found.id for found in page.opportunities] == [deal.id]
        alone = rpc.UpdateOpportunityRequest(
            opportunity=pb.Opportunity(id=deal.id), update_mask=FieldMask(paths=["member_ids"])
        )
        await mine.UpdateOpportunity(alone)
        assert (await refused(theirs.GetOpportunity(asked))).kind is Kind.NOT_FOUND


class TestListAndAggregate:
    async def test_counts_and_sums_by_stage_are_exact(self, sales: Harness) -> None:
        seller = await sales.add_user({"opportunities.*": "own"})
        mine = sales.stub(OpportunitiesServiceStub, seller)
        for stage, amount in (("won", "10.10"), ("won", "0.20"), ("lost", "5"), ("engaging", "0")):
            await make(mine, stage=stage, amount=cny(amount))
        answer = await mine.AggregateOpportunities(
            rpc.AggregateOpportunitiesRequest(group_by=["stage"], measures=["count()", "sum(amount)"])
        )
        assert [(row.keys[0], *row.values) for row in answer.rows] == [
            ("engaging", "1", "0"), ("lost", "1", "5"), ("won", "2", "10.30"),
        ]  # fmt: skip

    async def test_pages_filter_and_order(self, sales: Harness) -> None:
        seller = await sales.add_user({"opportunities.*": "own"})
        mine = sales.stub(OpportunitiesServiceStub, seller)
        for number in range(5):
            await make(mine, display_name=f"Page {number}", amount=cny(str(number)))
        asked = rpc.ListOpportunitiesRequest(filter="amount >= 1", order_by="amount desc", page_size=3)
        first = await mine.ListOpportunities(asked)
        asked.page_token = first.next_page_token
        second = await mine.ListOpportunities(asked)
        names = [deal.display_name for deal in (*first.opportunities, *second.opportunities)]
        assert names == ["Page 4", "Page 3", "Page 2", "Page 1"]
        assert not second.next_page_token

    async def test_the_recycle_bin(self, deals: Caller) -> None:
        deal = await make(deals)
        await deals.DeleteOpportunity(rpc.DeleteOpportunityRequest(id=deal.id))
        error = await refused(deals.GetOpportunity(rpc.GetOpportunityRequest(id=deal.id)))
        assert error.kind is Kind.NOT_FOUND
        back = await deals.UndeleteOpportunity(rpc.UndeleteOpportunityRequest(id=deal.id))
        assert not back.HasField("delete_time")
