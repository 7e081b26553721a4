"""Orders as sales tells of them, and insights worked out to their end."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from typing import Any

from google.type.date_pb2 import Date

from taproot.customer.v1 import insight_pb2 as pb
from taproot.customer.v1 import insight_service_pb2 as rpc
from taproot.customer.v1.insight_service_pb2_grpc import InsightsServiceStub
from taproot.sales.v1 import order_pb2
from taproot.sales.v1.sales_line_pb2 import SalesLine
from taproot.type.v1.money_pb2 import Money
from taproot_base.ids import new_id
from taproot_testkit import Harness

DAY = dt.date(2026, 6, 30)
CONFIRMED = order_pb2.ORDER_STATE_CONFIRMED


def date(day: dt.date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


def money(amount: Any, currency: str = "CNY") -> Money:
    return Money(currency_code=currency, amount=str(amount))


def line(
    net: Any, product: str = "", quantity: str = "1", returned: str = "", currency: str = "CNY"
) -> SalesLine:
    return SalesLine(
        id=str(new_id()), product_id=product, quantity=quantity, returned_quantity=returned,
        exact_net=money(net, currency), net=money(net, currency),
    )  # fmt: skip


def order_of(
    *lines: SalesLine, day: dt.date = DAY, state: Any = CONFIRMED, currency: str = "CNY", **rest: Any
) -> Any:
    return order_pb2.Order(
        id=str(new_id()), order_date=date(day), state=state, currency_code=currency, lines=lines, **rest
    )


class Insights:
    """Insights as one caller sees them. `tag` narrows everything to the customers of one test."""

    def __init__(self, service: Harness, by: Any, tag: str) -> None:
        self.stub = service.stub(InsightsServiceStub, by)
        self.tag = tag

    async def work_out(self, kind: Any, **values: Any) -> pb.Insight:
        asked = {"filter": f'tags:"{self.tag}"', "reference_date": date(DAY), "currency_code": "CNY"} | values
        made = await self.stub.CreateInsight(rpc.CreateInsightRequest(insight=pb.Insight(kind=kind, **asked)))
        return await self.ended(made.id)

    async def ended(self, key: str) -> pb.Insight:
        deadline = time.monotonic() + 60
        while (found := await self.read(key)).state == pb.INSIGHT_STATE_RUNNING:
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.05)
        return found

    async def read(self, key: str) -> pb.Insight:
        found: pb.Insight = await self.stub.GetInsight(rpc.GetInsightRequest(id=key))
        return found

    async def scores(self, insight: pb.Insight, **asked: Any) -> dict[str, pb.InsightScore]:
        request = rpc.ListInsightScoresRequest(insight_id=insight.id, page_size=1000, **asked)
        return {one.customer_id: one for one in (await self.stub.ListInsightScores(request)).insight_scores}

    async def cells(self, insight: pb.Insight, **asked: Any) -> list[pb.InsightCell]:
        request = rpc.ListInsightCellsRequest(insight_id=insight.id, page_size=1000, **asked)
        return list((await self.stub.ListInsightCells(request)).insight_cells)
