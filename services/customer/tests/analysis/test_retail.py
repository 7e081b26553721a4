"""Published orders of a wholesaler, where they are at hand: results against a second calculation by other means."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import os
import sqlite3
import uuid
from collections import Counter, defaultdict
from decimal import Decimal
from functools import cache
from math import exp, lgamma, log
from pathlib import Path

import pytest
from analysis_kit import Insights, date, money
from sqlalchemy import bindparam, insert

from taproot.customer.v1 import insight_pb2 as pb
from taproot.sales.v1 import order_pb2
from taproot.sales.v1.sales_line_pb2 import SalesLine
from taproot_base.ids import derived_id
from taproot_customer.analysis.computing import history_of
from taproot_customer.analysis.figures import Buyer
from taproot_customer.analysis.lifetime import BgNbd, fit_purchases
from taproot_customer.customers.model import Customer
from taproot_customer.purchases.projection import put_all
from taproot_customer.purchases.reading import purchase_of
from taproot_storage.statements import Statement

DATA = Path(os.environ.get("TAPROOT_DATA_DIR") or Path(__file__).parents[5] / "shared" / "data")
FILE = DATA / "online-retail" / "online_retail_shared.csv.gz"
pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason=f"{FILE} is not there; TAPROOT_DATA_DIR names where the data sets are"
)
DAY = dt.date(2011, 12, 9)
NAMESPACE = uuid.UUID("5a4d1c2e-1c36-4c0e-9d2b-6a2a6f1f4a12")


@cache
def orders():
    """Invoice -> (customer, day, [code, quantity, price, came back]); guests left out, what came back taken off.

    A cancelled line is set against the customer's latest earlier lines of the same article that still hold some of it.
    """
    found, open_lines = {}, defaultdict(list)
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if not row["CustomerID"]:
                continue
            customer, quantity = row["CustomerID"].removesuffix(".0"), int(row["Quantity"])
            if quantity > 0:
                at = dt.datetime.fromisoformat(row["InvoiceDate"])
                lines = found.setdefault(row["InvoiceNo"], (customer, at.date(), []))[2]
                lines.append([row["StockCode"], quantity, Decimal(row["UnitPrice"]), 0])
                open_lines[customer, row["StockCode"]].append(lines[-1])
            else:
                _take_back(open_lines[customer, row["StockCode"]], -quantity)
    return found


def _take_back(lines, quantity):
    for line in reversed(lines):
        taken = min(quantity, line[1] - line[3])
        line[3] += taken
        quantity -= taken


def key_of(*parts):
    return derived_id(NAMESPACE, *parts)


def message(invoice):
    _, day, lines = orders()[invoice]
    return order_pb2.Order(
        id=str(key_of("order", invoice)),
        order_date=date(day),
        currency_code="GBP",
        state=order_pb2.ORDER_STATE_FULFILLED,
        lines=[
            SalesLine(
                product_id=str(key_of("product", code)), quantity=str(quantity), returned_quantity=str(back or ""),
                exact_net=money(quantity * price, "GBP"),
            )
            for code, quantity, price, back in lines
        ],
    )  # fmt: skip


@pytest.fixture
async def retail(service, admin):
    """The customers and their purchases, written once by the projection's own batch path."""
    names = sorted({customer for customer, _, _ in orders().values()})
    columns = list(Customer.__table__.c.keys())
    put = Statement(lambda: insert(Customer).values({name: bindparam(name) for name in columns}))
    now = service.runtime.clock.now()
    with service.calling(admin):
        made = [Customer.create(key_of(name), _values(name), now) for name in names]
        rows = [{name: getattr(one, name) for name in columns} for one in made]
        async with service.runtime.database.unit() as work:
            await work.execute_many(put, rows)
        bought = [_row(invoice, now) for invoice in orders()]
        for start in range(0, len(bought), 1000):
            async with service.runtime.database.unit() as work:
                await put_all(bought[start : start + 1000], work)
    return Insights(service, admin, "retail")


def _values(name):
    return {
        "kind": "organization", "display_name": name, "tags": ["retail"], "owner_id": None, "branch_id": None,
        "branch_path": "/hq/", "birth_date": None, "parent_id": None, "delete_time": None, "merged_into": None,
    }  # fmt: skip


def _row(invoice, now):
    place = {
        "permission": "orders.read",
        "placed": True,
        "owner_id": None,
        "team_id": None,
        "branch_path": "/hq/",
    }
    key = {"order_id": key_of("order", invoice), "version": 1, "customer_id": key_of(orders()[invoice][0])}
    return key | purchase_of(message(invoice), now) | place


def by_sql():
    """Customer -> (recency, frequency and monetary score, orders, pence): the same by SQL alone, in whole pence."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE lines (customer TEXT, invoice TEXT, day TEXT, kept INTEGER, mils INTEGER)")
    database.executemany(
        "INSERT INTO lines VALUES (?, ?, ?, ?, ?)",
        [
            (customer, invoice, day.isoformat(), quantity - back, int(price * 1000) * (quantity - back))
            for invoice, (customer, day, lines) in orders().items()
            for _, quantity, price, back in lines
        ],
    )
    rows = database.execute(
        """
        WITH figures AS (
            SELECT customer, max(day) AS last, count(DISTINCT invoice) AS orders, sum(mils) AS mils
            FROM lines WHERE kept > 0 GROUP BY customer
        )
        SELECT customer,
            1 + 5 * (rank() OVER (ORDER BY last) - 1) / count(*) OVER (),
            1 + 5 * (rank() OVER (ORDER BY orders) - 1) / count(*) OVER (),
            1 + 5 * (rank() OVER (ORDER BY mils) - 1) / count(*) OVER (),
            orders, mils
        FROM figures
        """
    )
    return {str(key_of(row[0])): row[1:] for row in rows}


async def all_scores(retail, insight):
    from taproot.customer.v1 import insight_service_pb2 as rpc

    request, found = rpc.ListInsightScoresRequest(insight_id=insight.id, page_size=1000), {}
    while True:
        page = await retail.stub.ListInsightScores(request)
        found |= {one.customer_id: one for one in page.insight_scores}
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


def second_likelihood(model, histories):
    """The likelihood as the product of the paper's A1, A2, A3 and A4, written anew."""
    whole = 0.0
    for (x, t_x, t), count in histories.items():
        first = lgamma(model.r + x) + model.r * log(model.alpha) - lgamma(model.r)
        second = (
            lgamma(model.a + model.b) + lgamma(model.b + x) - lgamma(model.b) - lgamma(model.a + model.b + x)
        )
        third = exp(-(model.r + x) * log((model.alpha + t) / (model.alpha + t_x)))
        fourth = model.a / (model.b + x - 1) if x else 0.0
        whole += count * (first + second - (model.r + x) * log(model.alpha + t_x) + log(third + fourth))
    return whole


def buyers_until(day):
    days = defaultdict(dict)
    for customer, at, lines in orders().values():
        kept = sum(((q - back) * price for _, q, price, back in lines), Decimal(0))
        if at <= day and any(q > back for _, q, _, back in lines):
            days[customer][at] = days[customer].get(at, Decimal(0)) + kept
    for customer, bought in days.items():
        first, *later = sorted(bought)
        yield Buyer(
            key_of(customer), first, max(bought), len(bought), sum(bought.values()), len(later),
            sum((bought[at] for at in later), Decimal(0)),
        )  # fmt: skip


async def test_everything_is_as_calculated_a_second_time(retail):
    asked = {"reference_date": date(DAY), "currency_code": "GBP"}
    found = await retail.work_out(pb.INSIGHT_KIND_RFM, **asked)
    expected = by_sql()
    scores = await all_scores(retail, found)
    assert {
        key: (
            one.recency_score, one.frequency_score, one.monetary_score, one.purchase_count,
            int(Decimal(one.amount.amount) * 1000),
        )
        for key, one in scores.items()
    } == expected  # fmt: skip
    assert found.order_count == sum(row[3] for row in expected.values())
    # ordered 74,215 pieces and sent them back 16 minutes later: no customer with purchases, and none that leads
    outlier = str(key_of("12346"))
    if any(customer == "12346" for customer, _, _ in orders().values()):
        assert outlier not in scores

    found = await retail.work_out(pb.INSIGHT_KIND_LIFETIME_VALUE, **asked)
    assert found.state == pb.INSIGHT_STATE_SUCCEEDED, found.error
    histories = Counter(history_of(buyer, DAY) for buyer in buyers_until(DAY))
    model = BgNbd(*(float(getattr(found.model, name)) for name in ("r", "alpha", "a", "b")))
    best = second_likelihood(model, histories)
    assert float(found.model.log_likelihood) == pytest.approx(best, abs=0.01)
    for name in ("r", "alpha", "a", "b"):
        for factor in (0.95, 1.05):
            other = BgNbd(**{**vars(model), name: getattr(model, name) * factor})
            assert second_likelihood(other, histories) < best
    assert (await all_scores(retail, found)).keys() == scores.keys()

    cells = await retail.cells(await retail.work_out(pb.INSIGHT_KIND_COHORTS, **asked))
    assert sum(cell.customer_count for cell in cells if cell.column == "0") == len(expected)
    assert (
        sum(Decimal(cell.amount.amount) for cell in cells)
        == Decimal(sum(r[4] for r in expected.values())) / 1000
    )

    options = pb.AffinityOptions(least_baskets=40, most_pairs=300)
    cells = await retail.cells(await retail.work_out(pb.INSIGHT_KIND_AFFINITY, affinity=options, **asked))
    baskets = [
        {str(key_of("product", code)) for code, q, _, back in lines if q > back}
        for _, _, lines in orders().values()
    ]
    for cell in cells[:20]:
        assert cell.order_count == sum({cell.row, cell.column} <= basket for basket in baskets)


def test_the_model_foresees_what_customers_then_bought():
    """Learnt until the end of August, it tells the days with purchases of the next three months within a quarter."""
    until, after = dt.date(2011, 8, 31), dt.date(2011, 11, 30)
    known = list(buyers_until(until))
    model, _ = fit_purchases(Counter(history_of(buyer, until) for buyer in known))
    foreseen = sum(model.expected(history_of(buyer, until), (after - until).days / 7) for buyer in known)
    keys = {buyer.id for buyer in known}
    bought = {
        (customer, at)
        for customer, at, lines in orders().values()
        if until < at <= after and key_of(customer) in keys and any(q > back for _, q, _, back in lines)
    }
    assert foreseen == pytest.approx(len(bought), rel=0.25)
