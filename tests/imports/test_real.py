"""The recipes over the real files, where they are at hand (TAPROOT_DATA_DIR, default ../shared/data)."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from taproot_local.api import Client, Json
from taproot_local.home import repository
from taproot_local.imports.recipe import find_recipe, read_recipe
from taproot_local.imports.report import StepReport
from taproot_local.imports.running import run_recipe

DATA = Path(os.environ.get("TAPROOT_DATA_DIR") or repository().parent / "shared" / "data")
pytestmark = pytest.mark.slow


def needs(name: str) -> pytest.MarkDecorator:
    reason = f"{name} is not in {DATA}; TAPROOT_DATA_DIR names where the data sets are"
    return pytest.mark.skipif(not (DATA / name).is_dir(), reason=reason)


async def load(admin: Client, name: str, reports: Path) -> dict[str, StepReport]:
    steps = await run_recipe(admin, read_recipe(find_recipe(name)), DATA / name, reports)
    assert all(step.adds_up for step in steps), [step.line() for step in steps]
    return {step.name: step for step in steps}


async def rows(admin: Client, path: str, **params: object) -> list[Json]:
    found: list[Json] = (await admin.get(path, **params))["rows"]
    return found


@needs("crm-sales-opportunities")
async def test_crm_sales_opportunities(admin: Client, tmp_path: Path) -> None:
    steps = await load(admin, "crm-sales-opportunities", tmp_path)
    assert not any(step.rejected for step in steps.values())
    assert steps["opportunities"].read == 8800
    warned = {column: len(found) for (column, _), found in steps["opportunities"].warnings.items()}
    assert warned == {"product": 1480, "account": 1425}
    query = 'external_id = "crm:*" AND NOT external_id = "crm:SMALL*"'
    found = await rows(
        admin,
        "/v1/opportunities:aggregate",
        filter=query,
        group_by="stage",
        measures=["count()", "sum(amount)"],
    )
    by_stage = {row["keys"][0]: row["values"] for row in found}
    assert {stage: int(values[0]) for stage, values in by_stage.items()} == {
        "won": 4238,
        "lost": 2473,
        "engaging": 1589,
        "prospecting": 500,
    }
    assert Decimal(by_stage["won"][1]) == 10_005_534
    again = await load(admin, "crm-sales-opportunities", tmp_path)
    assert all(step.created == step.updated == 0 for step in again.values())


@needs("northwind")
async def test_northwind(admin: Client, tmp_path: Path) -> None:
    steps = await load(admin, "northwind", tmp_path)
    assert not any(step.rejected for step in steps.values())
    assert {name: step.read for name, step in steps.items()} == {
        "employees": 9,
        "products": 77,
        "customers": 91,
        "contacts": 91,
        "orders": 830,
    }
    query = 'external_id = "northwind:1*"'
    orders = (
        await rows(admin, "/v1/orders:aggregate", filter=query, measures=["count()", "sum(exact_net)"])
    )[0]["values"]
    assert int(orders[0]) == 830
    assert Decimal(orders[1]).quantize(Decimal("0.01")) == Decimal("1265793.04")
    count = 0
    async for order in admin.pages("/v1/orders", filter=query):
        exact = sum((Decimal(line["exact_net"]["amount"]) for line in order["lines"]), Decimal())
        assert exact == Decimal(order["totals"]["exact_net"]["amount"]), order["external_id"]
        count += len(order["lines"])
    assert count == 2155
    again = await load(admin, "northwind", tmp_path)
    assert all(step.created == step.updated == 0 for step in again.values())


@needs("support-tickets")
async def test_support_tickets(admin: Client, tmp_path: Path) -> None:
    steps = await load(admin, "support-tickets", tmp_path)
    assert not any(step.rejected for step in steps.values())
    assert steps["tickets"].read == 8469
    assert steps["customers"].skipped["the key was there before"] == 149
    early = {what: len(found) for (_, what), found in steps["tickets"].warnings.items()}
    assert early["resolved before the first response"] == 1365
    query = 'external_id = "support:*" AND NOT external_id = "support:90000*"'
    found = await rows(
        admin,
        "/v1/tickets:aggregate",
        filter=query,
        group_by="state",
        measures=["count()", "avg(satisfaction_score)"],
    )
    by_state = {row["keys"][0]: row["values"] for row in found}
    assert {state: int(values[0]) for state, values in by_state.items()} == {
        "closed": 2769,
        "open": 2819,
        "waiting": 2881,
    }
    assert Decimal(by_state["closed"][1]).quantize(Decimal("0.001")) == Decimal("2.991")
    again = await load(admin, "support-tickets", tmp_path)
    assert all(step.created == step.updated == 0 for step in again.values())
