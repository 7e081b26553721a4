"""One file without a recipe: what is suggested, and what becomes of it in a running Taproot."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from taproot_local.api import Client, Json
from taproot_local.errors import LocalError
from taproot_local.imports.recipe import read_recipe
from taproot_local.imports.report import StepReport
from taproot_local.imports.single import as_recipe, described, load
from taproot_local.imports.suggesting import Suggestion, Wishes, suggest
from taproot_local.imports.tables import read_table

FIXTURES = Path(__file__).parent / "fixtures" / "single"


def suggested(name: str, file: str = "", **wishes: object) -> Suggestion:
    table = read_table(FIXTURES / (file or f"{name}.csv"))
    return suggest(name, file or f"{name}.csv", table, Wishes("single", **wishes))  # type: ignore[arg-type]  # test input


async def loaded(
    admin: Client, name: str, file: str = "", *, dry: bool = False, system: str = "single", **wishes: object
) -> StepReport:
    table = read_table(FIXTURES / (file or f"{name}.csv"))
    found = suggest(name, file or f"{name}.csv", table, Wishes(system, **wishes))  # type: ignore[arg-type]  # test input
    report = await load(admin, table, found, system, dry=dry)
    assert report.adds_up
    return report


def reasons(report: StepReport) -> dict[int, str]:
    return {row.line: "; ".join(why) for row, why in report.rejected}


class TestSuggestions:
    def test_deals(self) -> None:
        found = suggested("opportunities", "deals.csv", currency="USD")
        assert found.columns == {
            "Deal ID": "key", "Deal Name": "display_name", "Deal Stage": "stage", "Amount": "amount",
            "Close Date": "expected_close_date", "Create Date": "open_time", "Deal Owner": "owner",
            "Associated Company Domain": "customer.domain", "Associated Contact Email": "customer.email",
        }  # fmt: skip
        fields = found.step["fields"]
        assert fields["expected_close_date"]["order"] == "DMY"
        assert fields["amount"]["currency"] == "USD"
        assert fields["close_time"]["only"]["values"] == ["Closed Won", "Closed Lost"]
        assert found.unknown == {("Deal Stage", "stage"): ["Somewhere"]}

    def test_every_column_is_named(self) -> None:
        table = read_table(FIXTURES / "contacts.csv")
        lines = described(table, suggest("leads", "", table, Wishes("x")))
        assert [line.split(" -> ")[1] for line in lines] == [
            "(left out)", "(left out)", "(left out)", "email", "phone", "(left out)", "(left out)",
        ]  # fmt: skip

    def test_wishes(self) -> None:
        found = suggested(
            "opportunities", "deals.csv", fields={"Deal Owner": "", "Amount": "custom.budget"},
            spelt={("stage", "Somewhere"): "proposal"},
        )  # fmt: skip
        assert "owner_id" not in found.step["fields"]
        assert found.step["fields"]["custom"] == {"budget": {"column": "Amount"}}
        assert found.step["fields"]["stage"]["map"]["Somewhere"] == "proposal"
        assert not found.unknown
        with pytest.raises(LocalError, match="no column 'Shoe'"):
            suggested("opportunities", "deals.csv", fields={"Shoe": "stage"})
        with pytest.raises(LocalError, match="no field 'size'"):
            suggested("opportunities", "deals.csv", fields={"Amount": "size"})

    def test_a_customer_is_demanded_where_records_hang_on_one(self) -> None:
        with pytest.raises(LocalError, match="customer"):
            suggested("activities", "products.csv")

    def test_a_suggestion_is_a_recipe(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text(as_recipe(suggested("tickets"), "single"), encoding="utf-8")
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["steps"][0]["into"] == "tickets"
        assert read_recipe(path).steps[0].key == "{Ticket ID}"


@pytest.fixture
async def accounts(admin: Client) -> dict[str, str]:
    """The companies of the fixture, by name."""
    ids = {}
    for number, (name, domain) in enumerate(
        (("Alder Foods", "alder-foods"), ("Birch Tools", "birch-tools")), 1
    ):
        body: Json = {
            "id": f"00000000-0000-7000-8000-0000000009{number:02}",
            "kind": "CUSTOMER_KIND_ORGANIZATION",
            "display_name": name,
            "identifiers": [{"kind": "IDENTIFIER_KIND_EXTERNAL", "value": f"domain:{domain}.example"}],
        }
        ids[name] = str((await admin.made("/v1/customers", body))["id"])
    return ids


async def test_contacts_deals_tickets_and_activities_find_their_customers(
    admin: Client, accounts: dict[str, str]
) -> None:
    contacts = await loaded(admin, "contacts", phone_region="US")
    assert reasons(contacts) == {4: "Associated Company Domain: 'nowhere.example' is none of the customers"}
    deals = await loaded(admin, "opportunities", "deals.csv", currency="USD")
    assert (deals.read, deals.created) == (5, 3)
    assert reasons(deals) == {
        5: "Deal Stage: 'Somewhere' is none of the values known for stage",
        6: "Amount: 'much' is no money",
    }
    found = {
        one["external_id"]: one
        async for one in admin.pages("/v1/opportunities", filter='external_id = "single:*"')
    }
    won, sent = found["single:DEAL-1"], found["single:DEAL-2"]
    assert (won["stage"], Decimal(won["amount"]["amount"])) == ("won", Decimal("12500.50"))
    assert won["customer_id"] == accounts["Alder Foods"]
    assert won["contact_id"]
    assert won["close_time"].startswith("2025-03-25")
    assert (sent["customer_id"], sent["expected_close_date"]["month"]) == (accounts["Birch Tools"], 4)
    assert found["single:DEAL-3"]["display_name"] == "DEAL-3"
    tickets = await loaded(admin, "tickets")
    assert (tickets.created, list(reasons(tickets))) == (2, [5])
    activities = await loaded(admin, "activities")
    assert (activities.created, list(reasons(activities))) == (2, [4])
    for name, file in (("contacts", ""), ("opportunities", "deals.csv"), ("tickets", ""), ("activities", "")):
        again = await loaded(admin, name, file, currency="USD", phone_region="US")
        assert (again.created, again.updated) == (0, 0), (name, again.line(), again.warnings)


async def test_leads_and_products(admin: Client) -> None:
    dry = await loaded(admin, "leads", dry=True)
    assert (dry.read, dry.created) == (3, 3)
    assert await admin.first("/v1/leads", 'external_id = "single:L1"') is None
    leads = await loaded(admin, "leads")
    assert leads.created + len(leads.rejected) == 3
    lead = await admin.first("/v1/leads", 'external_id = "single:L2"')
    assert lead is not None
    assert lead["name"] == "钱进"
    assert "product_interest" not in lead
    assert (await loaded(admin, "leads")).created == 0
    products = await loaded(admin, "products", currency="USD")
    assert (products.created, reasons(products)) == (2, {4: "the key 'dr-901' was there before"})
    mixer = await admin.first("/v1/products", 'code = "MX-900"')
    assert mixer is not None
    assert Decimal(mixer["list_price"]["amount"]) == 1250
    assert (await loaded(admin, "products", currency="USD")).created == 0
