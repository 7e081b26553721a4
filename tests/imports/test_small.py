"""The recipes over small files with the same quirks as the real ones, into a running Taproot."""

from __future__ import annotations

import csv
import shutil
from decimal import Decimal
from pathlib import Path

from taproot_local.api import Client
from taproot_local.imports.recipe import find_recipe, read_recipe
from taproot_local.imports.report import StepReport
from taproot_local.imports.running import run_recipe

FIXTURES = Path(__file__).parent / "fixtures"


async def load(admin: Client, name: str, reports: Path, files: Path | None = None) -> dict[str, StepReport]:
    steps = await run_recipe(admin, read_recipe(find_recipe(name)), files or FIXTURES / name, reports)
    assert all(step.adds_up for step in steps), [step.line() for step in steps]
    return {step.name: step for step in steps}


def rejects(reports: Path, name: str) -> dict[str, str]:
    with (reports / f"{name}-rejects.csv").open(encoding="utf-8") as lines:
        return {row["line"]: row["reasons"] for row in csv.DictReader(lines)}


async def test_opportunities(admin: Client, tmp_path: Path) -> None:
    steps = await load(admin, "crm-sales-opportunities", tmp_path)
    deals = steps["opportunities"]
    assert (deals.read, deals.created, len(deals.rejected)) == (8, 4, 4)
    reasons = rejects(tmp_path, "crm-sales-opportunities")
    assert set(reasons) == {"6", "7", "8", "9"}
    assert "No Such Thing" in reasons["6"]
    assert "Nobody Known" in reasons["7"]
    assert "05/01/2017" in reasons["8"]
    assert "ninety" in reasons["8"]
    assert "was there before" in reasons["9"]
    said = {column: len(found) for step in steps.values() for (column, _), found in step.warnings.items()}
    assert said == {"sector": 1, "office_location": 1, "product": 2, "account": 1}


async def test_opportunities_keep_what_the_files_say(admin: Client, tmp_path: Path) -> None:
    await load(admin, "crm-sales-opportunities", tmp_path)
    query = 'external_id = "crm:SMALL*"'
    found = {one["external_id"]: one async for one in admin.pages("/v1/opportunities", filter=query)}
    won, lost, open_ = found["crm:SMALL01"], found["crm:SMALL02"], found["crm:SMALL03"]
    assert (won["stage"], Decimal(won["amount"]["amount"])) == ("won", Decimal(4700))
    assert won["open_time"].startswith("2017-01-05")
    assert won["close_time"].startswith("2017-03-01")
    assert (lost["stage"], Decimal(lost["amount"]["amount"])) == ("lost", Decimal(0))
    assert "customer_id" not in open_
    child = await admin.get(f"/v1/customers/{won['customer_id']}")
    assert (child["industry"], child["addresses"][0]["country"]) == ("technolgy", "Philipines")
    parent = await admin.get(f"/v1/customers/{child['parent_id']}")
    assert parent["display_name"] == "Green Mountain"


async def test_a_second_run_changes_nothing_and_a_changed_file_only_what_changed(
    admin: Client, tmp_path: Path
) -> None:
    await load(admin, "crm-sales-opportunities", tmp_path)
    again = await load(admin, "crm-sales-opportunities", tmp_path)
    assert [(step.created, step.updated) for step in again.values()] == [(0, 0)] * len(again)
    copy = tmp_path / "changed"
    shutil.copytree(FIXTURES / "crm-sales-opportunities", copy)
    accounts = copy / "accounts.csv"
    accounts.write_text(accounts.read_text().replace("technolgy", "software"))
    changed = await load(admin, "crm-sales-opportunities", tmp_path, copy)
    assert {
        name: (step.created, step.updated) for name, step in changed.items() if step.created or step.updated
    } == {"accounts": (0, 1)}
    await load(admin, "crm-sales-opportunities", tmp_path)


async def test_orders_keep_their_totals(admin: Client, tmp_path: Path) -> None:
    steps = await load(admin, "northwind", tmp_path)
    orders = steps["orders"]
    assert (orders.read, len(orders.rejected)) == (4, 2)
    reasons = rejects(tmp_path, "northwind")
    assert "NOONE" in reasons["4"]
    assert "order_details.csv" in reasons["5"]
    assert steps["contacts"].skipped == {"no contact person": 1}
    query = 'external_id = "northwind:9000*"'
    found = {one["external_id"]: one async for one in admin.pages("/v1/orders", filter=query)}
    assert (
        Decimal(found["northwind:90001"]["totals"]["exact_net"]["amount"])
        == 7 * Decimal("3.35") * Decimal("0.85") + 18
    )
    assert found["northwind:90001"]["state"] == "ORDER_STATE_FULFILLED"
    assert Decimal(found["northwind:90002"]["totals"]["exact_net"]["amount"]) == 3 * Decimal(
        "3.35"
    ) * Decimal("0.95")
    assert found["northwind:90002"]["state"] == "ORDER_STATE_CONFIRMED"
    again = await load(admin, "northwind", tmp_path)
    assert all(step.created == step.updated == 0 for step in again.values())


async def test_employees_know_their_boss_and_names_keep_their_accents(admin: Client, tmp_path: Path) -> None:
    await load(admin, "northwind", tmp_path)
    clerk = await admin.first("/v1/users", 'user_name = "mia.stone"')
    boss = await admin.first("/v1/users", 'user_name = "leo.birch"')
    assert clerk
    assert boss
    assert clerk["manager_id"] == boss["id"]
    shops = [one async for one in admin.pages("/v1/customers", filter='source = "northwind"')]
    found = next(one for one in shops if one["display_name"] == "Käse & Söhne")
    assert found["addresses"][0]["lines"] == ["Hauptstr. 5, Hinterhof"]
    assert {one["value"] for one in found["identifiers"]} == {"northwind:ZZTSA", "+492215550101"}


async def test_tickets(admin: Client, tmp_path: Path) -> None:
    steps = await load(admin, "support-tickets", tmp_path)
    assert steps["customers"].skipped["the key was there before"] == 1
    tickets = steps["tickets"]
    assert (tickets.read, len(tickets.rejected)) == (4, 1)
    assert "kind" in rejects(tmp_path, "support-tickets")["7"]
    said = {what for (_, what) in tickets.warnings}
    assert "resolved before the first response" in said
    assert "the address was there under another name" in said
    query = 'external_id = "support:90000*"'
    found = {one["external_id"]: one async for one in admin.pages("/v1/tickets", filter=query)}
    first, closed, third = (found[f"support:90000{number}"] for number in (1, 2, 3))
    assert first["description"].startswith("The Desk Lamp stays dark.\n\nI have tried")
    assert first["customer_id"] == third["customer_id"]
    assert (closed["state"], closed["satisfaction_score"]) == ("TICKET_STATE_CLOSED", 3)
    assert closed["open_time"] <= closed["resolve_time"]
