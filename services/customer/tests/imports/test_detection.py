"""What a file of unknown origin is taken for when its suggestions are accepted as they are."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from pathlib import Path

import pytest
from reading_as_suggested import fields_of, load, load_text

from taproot_customer.imports import dates, people, values
from taproot_customer.imports.countries import region_of
from taproot_customer.imports.mapping import over_all, suggest

DATA = Path(os.environ.get("TAPROOT_DATA_DIR") or Path(__file__).parents[5] / "shared" / "data")


class TestHeaders:
    def test_a_second_line_is_no_second_address(self) -> None:
        assert fields_of("address_1", "address_2", "suburb", "postcode") == [
            "address.lines", "address.lines", "address.city", "address.postal_code",
        ]  # fmt: skip
        assert fields_of("street", "city", "street 2", "city 2") == [
            "address.lines", "address.city", "address.2.lines", "address.2.city",
        ]  # fmt: skip

    def test_glued_capitals_keep_two_addresses_apart(self) -> None:
        assert fields_of("BILLINGCITY", "BILLINGSTATE", "SHIPPINGCITY", "SHIPPINGSTATE") == [
            "address.city", "address.region", "address.2.city", "address.2.region",
        ]  # fmt: skip

    def test_numbered_addresses(self) -> None:
        headers = ("Name", "Address 1 - Street", "Address 1 - City", "Address 1 - Region", "Address 2 - City")
        assert fields_of(*headers)[1:] == [
            "address.lines", "address.city", "address.region", "address.2.city",
        ]  # fmt: skip

    def test_what_the_columns_beside_it_tell(self) -> None:
        assert fields_of("Name", "Surname") == ["given_name", "family_name"]
        assert fields_of("Company Name", "City", "Region") == [
            "display_name",
            "address.city",
            "address.region",
        ]
        assert fields_of("Company Name", "City", "State", "Region")[2:] == ["address.region", "region"]
        assert fields_of("Company ID", "Company Name") == ["external", "display_name"]
        assert fields_of("Contact ID", "First Name", "Company ID") == ["external", "given_name", ""]
        assert fields_of("客户编号", "客户名称", "上级客户", "联系电话") == [
            "external", "display_name", "parent.name", "phone",
        ]  # fmt: skip

    def test_a_contact_is_a_name_where_values_tell_rows_apart(self) -> None:
        rows = [[f"Person {n}", "cellular"] for n in range(20)]
        assert suggest(["Contact Person", "Contact"], rows)[0].suggested == "display_name"
        assert [c.suggested for c in suggest(["Age", "Contact"], [["1", "cellular"]] * 20)] == ["", ""]

    def test_a_domain_is_a_key_when_nobody_shares_it(self) -> None:
        own = over_all(suggest(["Company", "Domain"], []), lambda: [["A", "a.cn"], ["B", "b.cn"]])
        shared = over_all(suggest(["Company", "Domain"], []), lambda: [["A", "a.cn"], ["B", "A.cn"]])
        assert [own[1].suggested, shared[1].suggested] == ["external.domain", ""]

    def test_the_enterprises_own_fields(self) -> None:
        (column,) = suggest(["Shoe Size"], [["42"]], {"shoe size": "custom.shoe_size"})
        assert column.suggested == "custom.shoe_size"


class TestDates:
    @pytest.mark.parametrize(
        ("cells", "order"),
        [
            (["03/04/2020", "25/04/2020"], "DMY"), (["03/04/2020", "04/25/2020"], "MDY"),
            (["03/04/2020", "04/05/2020"], ""), (["25/04/2020", "04/25/2020"], ""), (["3.4.2020"], "DMY"),
        ],
    )  # fmt: skip
    def test_all_rows_decide_the_order(self, cells: list[str], order: str) -> None:
        assert dates.order_of(cells) == order

    def test_of_the_column_not_of_the_cell(self, tmp_path: Path) -> None:
        text = "Name,Born\nAnna Reed,03/04/1980\nPaul Moss,25/12/1981\n"
        rows = load_text(text.replace("Born", "Date of birth"), tmp_path)
        assert [row.fields["birth_date"] for row in rows] == [dt.date(1980, 4, 3), dt.date(1981, 12, 25)]

    @pytest.mark.parametrize(
        "text",
        [
            "5 Mar 1980",
            "Mar 5, 1980",
            "March 5th, 1980",
            "05-Mar-80",
            "5/3/80",
            "19800305",
            "1980/3/5 0:00:00",
        ],
    )
    def test_forms(self, text: str) -> None:
        assert dates.read_date(text, day_first=True) == dt.date(1980, 3, 5)

    @pytest.mark.parametrize(
        ("text", "hour"),
        [("3/4/2020 1:30 PM", 13), ("2020-03-04T13:30:00Z", 13), ("2020-03-04 15:30:00+02:00", 13)],
    )
    def test_moments(self, text: str, hour: int) -> None:
        assert dates.read_moment(text, day_first=False) == dt.datetime(2020, 3, 4, hour, 30, tzinfo=dt.UTC)


class TestCells:
    @pytest.mark.parametrize("cell", ["", " ", "-", "N/A", "Select", "NULL", "nan", "#N/A", "无", '=""', "?"])
    def test_says_nothing(self, cell: str) -> None:
        assert values.clean(cell) == ""

    def test_names_that_look_like_nothing(self) -> None:
        assert [values.clean(name) for name in ("Nan", "Na", "空", "No")] == ["Nan", "Na", "空", "No"]

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("a@x.cn, b@x.cn", ["a@x.cn", "b@x.cn"]), ("A B <a@x.cn>; C <b@x.cn>", ["a@x.cn", "b@x.cn"]),
            ("a@x.cn b@x.cn", ["a@x.cn", "b@x.cn"]), ("a@x.cn", ["a@x.cn"]),
        ],
    )  # fmt: skip
    def test_lists_of_addresses(self, text: str, found: list[str]) -> None:
        assert values.several(text, "email") == found

    def test_lists_of_numbers(self) -> None:
        assert values.several("021-55550100 / 021-55550101", "phone") == ["021-55550100", "021-55550101"]
        assert values.several("(376)694-9481x10051", "phone") == ["(376)694-9481x10051"]
        assert values.several("+1 (212) 555-0100", "phone") == ["+1 (212) 555-0100"]

    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("19,405,918,198", "19405918198"), ("$1,234.50", "1234.50"), ("1.234,50", "1234.50"), ("(12)", "-12"),
            ("1,5", "1.5"), ("1.234.567", "1234567"), ("twelve", "twelve"), ("12.5", "12.5"), ("1,234", "1234"),
        ],
    )  # fmt: skip
    def test_numbers(self, text: str, number: str) -> None:
        assert values.plain_number(text) == number

    def test_floats_are_keys(self, tmp_path: Path) -> None:
        (row,) = load_text("CustomerID,Country\n17850.0,France\n", tmp_path, external_system="shop")
        assert row.keys == (("external", "shop:17850"),)
        assert row.fields["display_name"] == "17850"

    def test_digits_that_are_gone_are_said(self, tmp_path: Path) -> None:
        (row,) = load_text("姓名,手机\n张三,1.38E+10\n", tmp_path)
        assert row.reasons == ("手机: a spreadsheet has cut its digits off; write the column as text",)

    def test_unmapped_cells_can_be_kept(self, tmp_path: Path) -> None:
        text = "Company Name,Website,Employees\nAcme Ltd,acme.example,12\n"
        (row,) = load_text(text, tmp_path, keep_unmapped=True)
        assert row.fields["note"] == "Website: acme.example\nEmployees: 12"
        assert "note" not in load_text(text, tmp_path)[0].fields


class TestPhones:
    def test_are_read_in_the_rows_country(self, tmp_path: Path) -> None:
        text = (
            "Company Name,Phone,Country\nA,030-0074321,Germany\nB,(171) 555-7788,UK\nC,010 8888 7777,中国\n"
        )
        rows = load_text(text, tmp_path, phone_region="CN")
        assert [row.keys[0][1] for row in rows] == ["+49300074321", "+441715557788", "+861088887777"]
        assert rows[0].fields["identifiers"][0]["value"] == "030-0074321"
        rows = load_text(text, tmp_path, phone_region="CN", home_region="CN")
        assert rows[0].fields["identifiers"][0]["value"] == "+49300074321"  # as others will read it

    def test_countries(self) -> None:
        assert [region_of(c) for c in ("USA", "united  kingdom", "德国", "Deutschland", "fra", "KR", "Atlantis")] == [
            "US", "GB", "DE", "DE", "FR", "KR", "",
        ]  # fmt: skip


class TestPersons:
    def test_a_list_of_people(self, tmp_path: Path) -> None:
        text = "Customer Name,City\nClaire Stone,Rome\nDarren Hill,Oslo\nReed & Sons,Bonn\nXiu Quo,Bern\nSean Oak,Kiel\nKelly Ash,Metz\n"
        assert [row.fields["kind"] for row in load_text(text, tmp_path)] == [
            "person", "person", "organization", "person", "person", "person",
        ]  # fmt: skip

    def test_a_list_of_companies(self, tmp_path: Path) -> None:
        text = "Customer Name,City\nNorth Star,Rome\nMorgan Steel Works,Oslo\nBright Sea,Bonn\nGrant Partners,Kiel\nKiosk Lux,Ulm\n"
        assert {row.fields["kind"] for row in load_text(text, tmp_path)} == {"organization"}

    def test_turned_names(self, tmp_path: Path) -> None:
        text = 'Name,Age\n"Stone, Claire",30\n"Hill, Darren",40\n"Oak, Sean",50\n"Ash, Kelly",30\n'
        found = load_text(text, tmp_path)[0].fields
        assert (found["display_name"], found["given_name"], found["family_name"]) == (
            "Claire Stone", "Claire", "Stone",
        )  # fmt: skip
        assert people.turned("Acme, Inc") is None


def test_figures_that_a_spreadsheet_keeps_as_text() -> None:
    assert [values.clean(cell) for cell in ("'0049", "'555-0100", "'t Hooft", "'=1+1")] == [
        "0049",
        "555-0100",
        "'t Hooft",
        "=1+1",
    ]


def test_phones_without_a_header() -> None:
    columns = suggest(["", ""], [["Acme Inc", "+1 212 555 0100"], ["Beta LLC", "(030) 901820"]])
    assert [column.suggested for column in columns] == ["display_name", "phone"]


def test_groups_of_the_address_book_itself_are_no_tags() -> None:
    assert values.read_tags('"VIP","2020" ::: * myContacts') == ["VIP", "2020"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "gb18030", "utf-8-sig"])
def test_chinese_in_any_encoding(encoding: str, tmp_path: Path) -> None:
    text = "客户名称\t联系电话\t备注\r\n江苏苏农贸易有限公司\t13800138000\t老客户，每月订货，月底付款，联系人在苏州办公室\r\n"
    (row,) = load_text(text, tmp_path, encoding)
    assert row.fields["display_name"] == "江苏苏农贸易有限公司"


def test_an_empty_last_column_in_the_header_only(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("Name,City,\nAcme,Rome\nBell,Oslo\n")
    assert load(path)[0] == {"Name": "display_name", "City": "address.city"}


REAL = [
    # file, read, rejected, of them persons
    ("superstore/sample_superstore_utf8bom.csv.gz", 9994, 0, 9966),
    ("support-tickets/customer_support_tickets.csv.gz", 8469, 0, 8467),
    ("telco-churn/Telco-Customer-Churn.csv", 7043, 0, 7043),
    ("ifood-marketing/ml_project1_data.csv", 2240, 0, 2240),
    ("lead-scoring-x-education/Leads.csv.gz", 9240, 0, 9240),
    ("crm-sales-opportunities/accounts.csv", 85, 0, 0),
    ("contact-files/csv/salesforce_accountData.csv", 423, 0, 0),
    ("contact-files/csv/atomic_crm_contacts.csv", 500, 0, 500),
    ("chinese-szse-companies/szse_a_share_list_gb18030.csv", 2880, 0, 0),
    ("febrl/dataset1.csv", 1000, 3, 997),
    ("febrl/dataset3.csv", 5000, 35, 4965),
    ("splink-fake-1000/fake_1000.csv", 1000, 34, 966),
    ("northwind/suppliers.csv", 29, 3, 0),
    ("dedupe-chicago-providers/csv_example_messy_input.csv", 3337, 3192, 0),
]


@pytest.mark.parametrize(("name", "read", "rejected", "persons"), REAL, ids=lambda one: str(one)[:24])
def test_published_files(name: str, read: int, rejected: int, persons: int, tmp_path: Path) -> None:
    source = DATA / name
    if not source.is_file():
        pytest.skip(f"{name} is not in {DATA}; TAPROOT_DATA_DIR names where the data sets are")
    path = tmp_path / "file"
    path.write_bytes(source.read_bytes())
    _, rows = load(path, phone_region="US")
    assert (len(rows), sum(bool(row.reasons) for row in rows)) == (read, rejected)
    assert Counter(row.fields.get("kind") for row in rows)["person"] == persons
    assert not any(row.blank for row in rows)
    (tmp_path / "again").write_bytes(source.read_bytes())
    _, kept = load(tmp_path / "again", phone_region="US", keep_unreadable=True)
    unnamed = [row.reasons for row in kept if row.reasons]
    assert all(reasons == ("has neither a name nor an identifier to be called by",) for reasons in unnamed)
