import datetime as dt
import uuid
from pathlib import Path

import pytest

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot_chassis.placement import Place
from taproot_customer.customers import messages
from taproot_customer.customers.model import Customer
from taproot_customer.imports import dates, values
from taproot_customer.imports.headers import plain_header
from taproot_customer.imports.mapping import known_field, mapping_problems, suggest
from taproot_customer.imports.parsing import NoTable, look_at, parse_chunk, rejects_csv
from taproot_customer.imports.preparing import blank_columns, place_payload, placed_payload, prepare
from taproot_customer.imports.reading import Position, Row
from taproot_customer.imports.rows import ParsedRow, RowOptions, parse_row
from taproot_customer.reading import column_names


def parse(cells: list[str], fields: list[str], **options: object) -> ParsedRow:
    row = Row(2, tuple(cells), Position())
    return parse_row(row, fields, RowOptions(tuple(fields), **options))  # type: ignore[arg-type]  # test input


class TestMapping:
    @pytest.mark.parametrize(
        ("header", "field"),
        [
            ("E-mail 1 - Value", "email"), ("Company Name", "display_name"), ("省    份", "address.region"),
            ("B股 简 称", ""), ("手机号码", "phone.mobile"), ("统一社会信用代码", "tax_number"),
            ("firstName", "given_name"), ("电话（办公）", "phone"), ("Postal Code", "address.postal_code"),
        ],
    )  # fmt: skip
    def test_suggests_by_header(self, header: str, field: str) -> None:
        assert suggest([header], [])[0].suggested == field

    def test_values_decide_without_header(self) -> None:
        rows = [["a@b.cn", "13800138000"], ["c@d.cn", "13900139000"]]
        assert [c.suggested for c in suggest(["", ""], rows)] == ["email", "phone.mobile"]

    def test_a_single_field_is_suggested_once(self) -> None:
        assert [c.suggested for c in suggest(["Name", "客户名称"], [])] == ["display_name", ""]

    def test_employer_is_no_name(self) -> None:
        suggested = [c.suggested for c in suggest(["First Name", "Last Name", "Company"], [])]
        assert suggested == ["given_name", "family_name", "organization_name"]

    def test_unreadable_status_is_left_alone(self) -> None:
        assert suggest(["Status"], [["warm"], ["cold"]])[0].suggested == ""
        assert suggest(["状态"], [["意向"], ["成交"]])[0].suggested == "status"

    def test_problems(self) -> None:
        assert mapping_problems(["display_name", "phone", "phone.x", "custom.trial_end", ""]) == []
        assert mapping_problems(["industry"]) == [(-1, "map a column to a name or an identifier")]
        assert [i for i, _ in mapping_problems(["display_name", "display_name", "custom.Bad"])] == [2, 1]
        assert not known_field("address.planet")
        assert plain_header("dateOfBirth") == "date of birth"


class TestValues:
    @pytest.mark.parametrize(
        ("text", "day_first"),
        [
            ("2026-03-04", False), ("2026/3/4", False), ("2026年3月4日", False), ("20260304", False),
            ("3/4/2026", False), ("4/3/2026", True), ("04.03.2026", False), ("2026-03-04T10:00:00Z", False),
        ],
    )  # fmt: skip
    def test_dates(self, text: str, *, day_first: bool) -> None:
        assert dates.read_date(text, day_first=day_first) == dt.date(2026, 3, 4)

    @pytest.mark.parametrize("text", ["soon", "2026-13-01", "31/31/2026", "1.2.3"])
    def test_no_dates(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"date|day"):
            dates.read_date(text, day_first=False)

    def test_words(self) -> None:
        assert values.read_status("已成交") == "won"
        assert values.read_kind("企业") == "organization"
        assert values.read_value_class("a类") == "A"
        assert values.read_tags("a; b，c ::: a") == ["a", "b", "c"]
        assert values.clean(" － ") == ""


class TestParseRow:
    def test_person(self) -> None:
        parsed = parse(
            ["张", "三", "138 0013 8000", "ZS@x.cn", "1990-1-2", "北京"],
            ["family_name", "given_name", "phone.mobile", "email", "birth_date", "address.city"],
            tags=("t",),
        )
        assert parsed.fields["display_name"] == "张三"
        assert parsed.fields["kind"] == "person"
        assert parsed.keys == (("phone", "+8613800138000"), ("email", "zs@x.cn"))
        assert parsed.fields["identifiers"][0]["label"] == "mobile"
        assert parsed.fields["tags"] == ["t"]

    def test_every_reason_at_once(self) -> None:
        parsed = parse(["", "x", "y", "z"], ["display_name", "email", "birth_date", "status"])
        assert [reason.split(":")[0] for reason in parsed.reasons] == ["email", "birth_date", "status"]

    def test_unreadable_values_may_go_to_the_note(self) -> None:
        parsed = parse(["Acme", "call Bob"], ["display_name", "phone"], keep_unreadable=True)
        assert parsed.fields["note"] == "phone: call Bob"

    def test_width(self) -> None:
        assert parse(["a"], ["display_name", "note"]).reasons == ("has 1 cells instead of 2",)
        assert parse(["a", "b", "c"], ["display_name", "note"]).reasons == ("has 3 cells instead of 2",)
        assert parse(["a", "b", " "], ["display_name", "note"]).reasons == ("has 3 cells instead of 2",)

    def test_blank_and_nameless(self) -> None:
        assert parse([" ", "-"], ["display_name", "phone"]).blank
        assert parse(["steel"], ["industry"]).reasons
        assert parse(["a@b.cn"], ["email"]).fields["display_name"] == "a@b.cn"

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("张三", "person"),
            ("欧阳娜娜", "person"),
            ("海尔集团", "organization"),
            ("Acme Ltd", "organization"),
        ],
    )
    def test_kind_is_guessed(self, name: str, kind: str) -> None:
        assert parse([name], ["display_name"]).fields["kind"] == kind

    def test_keys_of_other_systems(self) -> None:
        parsed = parse(["Acme", "7"], ["display_name", "external.sap"])
        assert parsed.keys == (("external", "sap:7"),)
        parsed = parse(["Acme", "7"], ["display_name", "external"], external_system="crm_export")
        assert parsed.keys == (("external", "crm_export:7"),)


class TestFile:
    def test_preview_and_chunks(self, tmp_path: Path) -> None:
        path = tmp_path / "kunden.csv"
        body = "".join(f"客户{i}有限公司;138{i:08d}\r\n" for i in range(25))
        path.write_bytes(("公司名称;手机\r\n" + body).encode("gb18030"))
        preview = look_at(str(path))
        assert (preview.encoding, preview.dialect.delimiter) == ("gb18030", ";")
        fields = tuple(column.suggested for column in preview.columns)
        assert fields == ("display_name", "phone.mobile")
        names: list[str] = []
        start: Position | None = None
        while True:
            chunk = parse_chunk(
                str(path),
                preview.encoding,
                preview.dialect,
                ["公司名称", "手机"],
                RowOptions(fields),
                start,
                10,
            )
            names += [row.fields["display_name"] for row in chunk.rows]
            start = chunk.after
            if chunk.finished:
                break
        assert names == [f"客户{i}有限公司" for i in range(25)]

    @pytest.mark.parametrize("content", [b"", b"  \n", b"PK\x03\x04..."])
    def test_no_table(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "x.csv"
        path.write_bytes(content)
        with pytest.raises(NoTable):
            look_at(str(path))

    def test_rejects(self) -> None:
        text = rejects_csv(["a", "b"], [(3, ["=1+1", "x,y"], ["one", "two"])]).decode("utf-8-sig")
        assert text == 'a,b,taproot_line,taproot_reasons\r\n\'=1+1,"x,y",3,one; two\r\n'


class TestPrepare:
    @pytest.mark.parametrize(
        "cells",
        [
            ["海尔集团", "13800138000", "a@b.cn", "三", "张", "1990-01-02", "重点;会员", "上海", "x"],
            ["Acme Ltd", "", "", "", "", "", "", "", ""],
            ["", "", "", "Ann", "Lee", "", "", "", ""],
        ],
    )
    def test_columns_and_event_are_those_of_a_new_customer(self, cells: list[str]) -> None:
        fields = [
            "display_name", "phone.mobile", "email", "given_name", "family_name", "birth_date", "tags", "address.city",
            "custom.rank",
        ]  # fmt: skip
        row = prepare(parse(cells, fields))
        now = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
        place = Place(uuid.UUID(int=1), uuid.UUID(int=2), "/hq/")
        key = uuid.UUID(int=3)
        made = Customer.create(key, {**row.fields, **place.__dict__}, now)
        stored = {**blank_columns(), **row.columns, **place.__dict__, "id": key}
        stored |= {"create_time": now, "update_time": now}
        assert stored == {name: getattr(made, name) for name in column_names(Customer.__table__)}
        payload = placed_payload(row.payload, place_payload(place, now), key, 1)
        assert CustomerEvent.FromString(payload) == messages.to_event(made, made.recorded[0])
