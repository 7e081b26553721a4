"""Insights: asked for, worked out from what the caller sees, listed, taken along."""

from __future__ import annotations

import csv
import datetime as dt
import io
import uuid
from decimal import Decimal

import pytest
from analysis_kit import Insights, date, line, order_of
from sqlalchemy import func, select

from taproot.customer.v1 import duplicate_service_pb2 as duplicates
from taproot.customer.v1 import insight_pb2 as pb
from taproot.customer.v1 import insight_service_pb2 as rpc
from taproot.customer.v1.duplicate_service_pb2_grpc import DuplicatesServiceStub
from taproot.customer.v1.insight_service_pb2_grpc import InsightsServiceStub
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_customer.analysis.model import insight_scores
from taproot_customer.privacy.holdings import HOLDINGS
from taproot_records.privacy.holdings import Person, within

RFM, ABC = pb.INSIGHT_KIND_RFM, pb.INSIGHT_KIND_ABC
LIFETIME, COHORTS = pb.INSIGHT_KIND_LIFETIME_VALUE, pb.INSIGHT_KIND_COHORTS
FUNNEL, AFFINITY = pb.INSIGHT_KIND_FUNNEL, pb.INSIGHT_KIND_AFFINITY
GRANTS = ("customers.read", "orders.read", "insights.read", "insights.create")


def create(**values):
    return rpc.CreateInsightRequest(insight=pb.Insight(**values))


@pytest.fixture
def buyer(make_customer, buy, tag):
    """A customer of the test with purchases: (days ago, net)."""

    async def make(*bought, by=None, name="客户"):
        customer = await make_customer(name, by=by, tags=[tag])
        for days_ago, net in bought:
            await buy(customer.id, net, days_ago=days_ago)
        return customer.id

    return make


class TestCreateInsight:
    async def test_needs_a_caller_with_the_rights(self, service, failure):
        nobody = service.stub(InsightsServiceStub, None)
        assert (await failure(nobody.CreateInsight(create(kind=RFM)))).kind is Kind.UNAUTHENTICATED
        for missing in ("customers.read", "orders.read", "insights.create"):
            user = await service.add_user({grant: "all" for grant in GRANTS if grant != missing})
            refused = await failure(service.stub(InsightsServiceStub, user).CreateInsight(create(kind=RFM)))
            assert (refused.kind, missing in refused.message) == (Kind.DENIED, True)

    async def test_is_refused_to_whom_money_is_masked(self, service, failure, tag):
        user = await service.add_user(dict.fromkeys(GRANTS, "all"), masked=("financial",))
        stub = service.stub(InsightsServiceStub, user)
        for kind in (RFM, ABC, LIFETIME):
            assert (await failure(stub.CreateInsight(create(kind=kind)))).kind is Kind.DENIED
        assert (await Insights(service, user, tag).work_out(COHORTS)).state == pb.INSIGHT_STATE_SUCCEEDED

    async def test_says_all_that_is_wrong(self, insights, failure):
        wrong = await failure(
            insights.stub.CreateInsight(
                create(
                    kind=FUNNEL, window_days=3, abc=pb.AbcOptions(a_share="0.9", b_share="0.5"),
                    rfm=pb.RfmCuts(recency_days=[3, 2, 1, 0], frequency=[1, 2, 3]), currency_code="yuan",
                )
            )
        )  # fmt: skip
        assert {violation.field for violation in wrong.violations} == {
            "insight.abc", "insight.abc.b_share", "insight.currency_code", "insight.funnel.steps", "insight.rfm",
            "insight.rfm.frequency", "insight.rfm.recency_days", "insight.window_days",
        }  # fmt: skip
        assert (await failure(insights.stub.CreateInsight(create()))).kind is Kind.INVALID
        bad = await failure(insights.stub.CreateInsight(create(kind=RFM, filter="nonsense = 1")))
        assert bad.kind is Kind.INVALID

    async def test_once_per_request_id(self, insights):
        request = create(kind=RFM, filter=f'tags:"{insights.tag}"')
        request.request_id = str(new_id())
        made = [await insights.stub.CreateInsight(request) for _ in range(2)]
        assert made[0].id == made[1].id
        await insights.ended(made[0].id)


class TestRfm:
    async def test_scores_groups_and_sums(self, insights, buyer):
        often = await buyer(*((n, "100") for n in range(0, 60, 6)))
        once = await buyer((300, "10"))
        some = await buyer((100, "50"), (90, "50"))
        await buyer()  # has bought nothing: no score
        found = await insights.work_out(RFM)
        assert (found.customer_count, found.order_count, found.score_count) == (4, 13, 3)
        scores = await insights.scores(found)
        assert {
            key: (one.recency_score, one.frequency_score, one.monetary_score) for key, one in scores.items()
        } == {often: (4, 4, 4), some: (2, 2, 2), once: (1, 1, 1)}
        assert (scores[often].group, scores[once].group) == ("loyal", "hibernating")
        assert (scores[often].amount.amount, scores[often].purchase_count, scores[once].recency_days) == (
            "1000.00", 10, 300,
        )  # fmt: skip
        cells = await insights.cells(found)
        assert {cell.row: (cell.customer_count, cell.amount.amount) for cell in cells} == {
            "loyal": (1, "1000.00"), "hibernating": (2, "110.00"),
        }  # fmt: skip

    async def test_cuts_and_window_and_day(self, insights, buyer):
        key = await buyer((0, "5"), (40, "500"), (-5, "9000"))
        cuts = pb.RfmCuts(
            recency_days=[0, 10, 20, 30], frequency=[2, 3, 4, 5], monetary=["1", "2", "5", "500"]
        )
        scores = await insights.scores(await insights.work_out(RFM, rfm=cuts))
        assert (scores[key].recency_score, scores[key].frequency_score, scores[key].monetary_score) == (
            5,
            2,
            5,
        )
        scores = await insights.scores(await insights.work_out(RFM, rfm=cuts, window_days=30))
        assert (scores[key].frequency_score, scores[key].monetary_score, scores[key].purchase_count) == (
            1,
            4,
            1,
        )

    async def test_results_are_filtered_ordered_and_paged(self, insights, buyer):
        keys = [await buyer((n, str(100 * n))) for n in range(1, 6)]
        found = await insights.work_out(RFM)
        assert list(await insights.scores(found, order_by="amount desc")) == keys[::-1]
        assert set(await insights.scores(found, filter="amount >= 300 AND recency_days < 5")) == set(
            keys[2:4]
        )
        request = rpc.ListInsightScoresRequest(insight_id=found.id, page_size=2, order_by="amount")
        pages = []
        while True:
            page = await insights.stub.ListInsightScores(request)
            pages += [one.customer_id for one in page.insight_scores]
            request.page_token = page.next_page_token
            if not page.next_page_token:
                break
        assert pages == keys

    async def test_they_are_summed_by_region_and_owner(
        self, insights, admin, make_customer, buy, tag, failure
    ):
        for region, net in (("east", "5"), ("east", "7.5"), ("west", "1")):
            customer = await make_customer(tags=[tag], region=region)
            await buy(customer.id, net)
        found = await insights.work_out(RFM)
        request = rpc.AggregateInsightScoresRequest(
            insight_id=found.id, group_by=["region", "owner_id"], measures=["count()", "sum(amount)"]
        )
        rows = (await insights.stub.AggregateInsightScores(request)).rows
        assert [(list(row.keys), [float(value) for value in row.values]) for row in rows] == [
            (["east", admin.subject], [2, 12.5]), (["west", admin.subject], [1, 1]),
        ]  # fmt: skip
        assert len(await insights.scores(found, filter='region = "east"')) == 2

    async def test_it_stays_as_it_was(self, insights, buyer, buy):
        key = await buyer((1, "5"))
        found = await insights.work_out(RFM)
        await buy(key, "1000")
        assert (await insights.scores(found))[key].amount.amount == "5.00"


class TestScope:
    async def test_it_counts_what_its_owner_sees(self, service, buyer, tag):
        grants = dict.fromkeys(("customers.*", "insights.*", "orders.*"), "branch")
        east, west = [await service.add_user(grants, path) for path in ("/hq/e/sh/", "/hq/w/")]
        mine = await buyer((1, "5"), by=east)
        await buyer((1, "7"), by=west)
        found = await Insights(service, east, tag).work_out(RFM)
        assert list(await Insights(service, east, tag).scores(found)) == [mine]
        assert found.customer_count == 1

    async def test_an_order_of_another_branch_counts_for_who_answers_for_the_customer(
        self, service, buyer, tell, tag
    ):
        """As on the customer's page: its own branch sees all it bought, others what lies in their reach."""
        home = await service.add_user(
            {"customers.*": "branch", "insights.*": "branch", "orders.read": "own"}, "/hq/e/sh/"
        )
        reader = await service.add_user(
            {"customers.read": "all", "insights.*": "branch", "orders.read": "branch"}, "/hq/w/"
        )
        key = await buyer((3, "5"), by=home)
        await tell(key, order_of(line("7"), branch_id=reader.branch_id))
        sums = []
        for user in (home, reader):
            seen = Insights(service, user, tag)
            (score,) = (await seen.scores(await seen.work_out(RFM))).values()
            sums.append(score.amount.amount)
        assert sums == ["12.00", "7.00"]

    async def test_strangers_see_nothing_of_it(self, service, insights, buyer, failure):
        key = await buyer((1, "5"))
        found = await insights.work_out(RFM)
        other = await service.add_user(dict.fromkeys(("customers.*", "insights.*"), "own"), "/hq/w/")
        stub = service.stub(InsightsServiceStub, other)
        for call in (
            stub.GetInsight(rpc.GetInsightRequest(id=found.id)),
            stub.ListInsightScores(rpc.ListInsightScoresRequest(insight_id=found.id)),
            stub.ListInsightCells(rpc.ListInsightCellsRequest(insight_id=found.id)),
            stub.DownloadInsight(rpc.DownloadInsightRequest(id=found.id)),
            stub.DeleteInsight(rpc.DeleteInsightRequest(id=found.id)),
        ):
            assert (await failure(call)).kind is Kind.NOT_FOUND
        assert found.id not in [
            one.id for one in (await stub.ListInsights(rpc.ListInsightsRequest())).insights
        ]
        partial = await service.add_user({"insights.read": "all", "customers.read": "own"}, "/hq/")
        assert await Insights(service, partial, "").scores(found) == {}
        assert key

    async def test_masks_hide_names_and_money_in_every_way_out(self, service, insights, buyer, failure):
        await buyer((1, "1234.56"), name="马赛克有限公司")
        found = await insights.work_out(RFM)
        user = await service.add_user(dict.fromkeys(GRANTS, "all"), masked=("financial", "personal"))
        masked = Insights(service, user, "")
        (score,) = (await masked.scores(found)).values()
        assert not score.HasField("amount")
        assert (score.customer_display_name, score.monetary_score) == ("", 0)
        for cells in (False, True):
            body = await masked.stub.DownloadInsight(rpc.DownloadInsightRequest(id=found.id, cells=cells))
            assert b"1234" not in body.data
            assert "马赛克".encode() not in body.data
        for order in ("amount", "monetary_score", "customer_display_name"):
            request = rpc.ListInsightScoresRequest(insight_id=found.id, order_by=order)
            assert (await failure(masked.stub.ListInsightScores(request))).kind is Kind.INVALID


class TestOtherKinds:
    async def test_abc(self, insights, buyer):
        keys = [await buyer((1, net)) for net in ("800", "150", "50")]
        found = await insights.work_out(ABC)
        scores = await insights.scores(found)
        assert [(scores[key].group, scores[key].share) for key in keys] == [
            ("A", "0.800000"), ("B", "0.150000"), ("C", "0.050000"),
        ]  # fmt: skip

    async def test_lifetime_value(self, insights, buyer):
        for number in range(14):
            await buyer(*((200 - 11 * n - number, "40") for n in range(2 + number % 5)))
        loyal = await buyer(*((n, "200") for n in range(0, 200, 20)))
        lost = await buyer(*((n, "200") for n in range(150, 200, 5)))
        found = await insights.work_out(LIFETIME, lifetime=pb.LifetimeOptions(horizon_days=90))
        assert found.state == pb.INSIGHT_STATE_SUCCEEDED, found.error
        assert Decimal(found.model.r) > 0
        scores = await insights.scores(found, order_by="churn_probability desc")
        assert Decimal(scores[loyal].lifetime_value.amount) > Decimal(scores[lost].lifetime_value.amount)
        assert Decimal(scores[loyal].alive_probability) > Decimal(scores[lost].alive_probability)
        assert scores[lost].group == "high"
        assert sum(cell.customer_count for cell in await insights.cells(found)) == 16

    async def test_lifetime_value_of_too_few(self, insights, buyer):
        await buyer((1, "5"))
        found = await insights.work_out(LIFETIME)
        assert (found.state, "fewer than 10" in found.error) == (pb.INSIGHT_STATE_FAILED, True)
        assert not await insights.scores(found)

    async def test_cohorts(self, insights, buyer):
        await buyer((0, "5"), (32, "7"), (95, "1"))  # June, May, March
        await buyer((95, "2"))
        await buyer((0, "3"))
        cells = await insights.cells(await insights.work_out(COHORTS))
        assert [(c.row, c.column, c.customer_count, c.share, c.amount.amount) for c in cells] == [
            ("2026-03", "0", 2, "1.000000", "3.00"), ("2026-03", "2", 1, "0.500000", "7.00"),
            ("2026-03", "3", 1, "0.500000", "5.00"), ("2026-06", "0", 1, "1.000000", "3.00"),
        ]  # fmt: skip

    async def test_affinity_by_order_and_by_customer(self, insights, make_customer, buy, tag):
        bread, butter, soap = (str(new_id()) for _ in range(3))
        customer = await make_customer(tags=[tag])
        for products in ((bread, butter), (bread, butter, soap), (bread,), (soap,)):
            await buy(customer.id, "9", products=products)
        cells = await insights.cells(await insights.work_out(AFFINITY))
        (cell,) = [c for c in cells if (c.row, c.column) == (butter, bread)]
        assert (cell.order_count, cell.share, cell.confidence, cell.lift) == (
            2, "0.500000", "1.000000", "1.333333",
        )  # fmt: skip
        assert len(cells) == 2
        options = pb.AffinityOptions(basket=pb.BASKET_KIND_CUSTOMER, least_baskets=1)
        cells = await insights.cells(await insights.work_out(AFFINITY, affinity=options))
        assert len(cells) == 6
        assert {cell.lift for cell in cells} == {"1.000000"}

    async def test_funnel(self, service, insights, make_customer, tag):
        from taproot.sales.events.v1.order_event_pb2 import OrderEvent

        steps = ["order.created", "order.submitted", "order.confirmed"]
        for made in (steps, steps[:2], steps[1:], []):
            customer = await make_customer(tags=[tag])
            order = order_of(line(1))
            for version, name in enumerate(made, 1):
                message = OrderEvent(order=order)
                event = service.event(
                    name, message, order.id, version=version, source="sales", party_id=customer.id
                )
                await service.deliver(event, "timeline")
        today = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
        found = await insights.work_out(
            FUNNEL, funnel=pb.FunnelOptions(steps=steps), reference_date=date(today)
        )
        cells = await insights.cells(found)
        assert [(c.row, c.column, c.customer_count, c.share) for c in cells] == [
            ("1", "order.created", 2, "1.000000"), ("2", "order.submitted", 2, "1.000000"),
            ("3", "order.confirmed", 1, "0.500000"),
        ]  # fmt: skip
        assert found.customer_count == 4

    async def test_merged_records_count_as_one(self, service, admin, insights, buyer):
        one, other = await buyer((1, "5")), await buyer((200, "7"))
        stub = service.stub(DuplicatesServiceStub, admin)
        await stub.MergeCustomers(duplicates.MergeCustomersRequest(id=one, source_ids=[other]))
        scores = await insights.scores(await insights.work_out(RFM))
        assert {key: (s.purchase_count, s.amount.amount) for key, s in scores.items()} == {one: (2, "12.00")}

    async def test_more_customers_than_a_page(self, insights, buyer, monkeypatch):
        monkeypatch.setattr("taproot_customer.analysis.queries.PAGE", 2)
        keys = {await buyer((1, "5")) for _ in range(5)}
        found = await insights.work_out(RFM)
        assert (set(await insights.scores(found)), found.customer_count) == (keys, 5)


class TestDownloadInsight:
    async def test_is_what_the_lists_show(self, insights, buyer, service):
        key = await buyer((1, "5.5"), name="=1+1")
        found = await insights.work_out(RFM)
        body = await insights.stub.DownloadInsight(rpc.DownloadInsightRequest(id=found.id))
        (row,) = csv.DictReader(io.StringIO(body.data.decode("utf-8-sig"), newline=""))
        assert (row["customer_id"], row["amount"], row["currency_code"]) == (key, "5.50", "CNY")
        assert (row["customer_display_name"], row["last_purchase_date"]) == ("'=1+1", "2026-06-29")
        told = await service.events(1, of="insight.downloaded")
        assert found.id in [str(event.aggregate_id) for event in told]

    async def test_has_no_part_behind_the_last(self, insights, buyer, failure):
        await buyer((1, "5"))
        found = await insights.work_out(ABC)
        request = rpc.DownloadInsightRequest(id=found.id, part=1)
        assert (await failure(insights.stub.DownloadInsight(request))).kind is Kind.NOT_FOUND


class TestDeleteInsight:
    async def test_takes_its_results_along(self, service, insights, buyer, failure):
        await buyer((1, "5"))
        found = await insights.work_out(RFM)
        await insights.stub.DeleteInsight(rpc.DeleteInsightRequest(id=found.id, etag=found.etag))
        assert (await failure(insights.read(found.id))).kind is Kind.NOT_FOUND
        async with service.runtime.database.reading() as reader:
            rows = await reader.fetch(
                insight_scores.select().where(insight_scores.c.insight_id == uuid.UUID(found.id))
            )
        assert rows == []


class TestErasure:
    async def test_takes_purchases_scores_and_insights_named_after_the_person(self, service, insights, buyer):
        key, _other = await buyer((1, "5")), await buyer((1, "5"))
        await insights.work_out(RFM)
        await insights.work_out(RFM, filter=f'id = "{key}"')
        person = Person(frozenset([uuid.UUID(key)]))
        names = ("purchases", "insight_scores", "insight_cells", "insights")
        held = {one.table.name: one for one in HOLDINGS.held if one.table.name in names}
        counts = {}
        with service.system_call():
            async with service.runtime.database.reading() as reader:
                for name, one in held.items():
                    rows = (
                        select(func.count()).select_from(one.table).where(one.of(person), within(one.table))
                    )
                    counts[name] = await reader.fetch_value(rows)
        assert counts == {"purchases": 1, "insight_scores": 2, "insight_cells": 1, "insights": 1}
        assert list(held).index("insight_scores") < list(held).index("insights")
