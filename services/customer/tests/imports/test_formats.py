"""Encodings, stray quotes, address cards, JSON and packed files, each small and written here."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_customer.imports.cards import card_rows
from taproot_customer.imports.cells import guarded, unguarded
from taproot_customer.imports.converting import as_table
from taproot_customer.imports.encoding import detect_encoding, resolve_encoding
from taproot_customer.imports.jsonlines import DAMAGED
from taproot_customer.imports.mapping import suggest
from taproot_customer.imports.parsing import NoTable
from taproot_customer.imports.reading import Dialect, read_rows
from taproot_customer.imports.repairing import MISPLACED, UNREADABLE

TAIWAN = "客戶名稱,電話,備註\r\n台積電股份有限公司,03-5636688,重要客戶\r\n鴻海精密工業,02-22683466,王小姐\r\n"
POLISH = "nazwa;miasto\r\nŁukasz Iksiński;Łódź\r\nŻaneta Wójcik;Kraków\r\nśruby i nakrętki;Częstochowa\r\n"
GERMAN = "Name;Straße;Ort\r\nMüller GmbH;Königstraße 5;Düsseldorf\r\nGroß & Söhne;Goethestraße 7;München\r\n"


def converted(tmp_path: Path, content: bytes) -> list[dict[str, str]]:
    path = tmp_path / "file"
    path.write_bytes(content)
    found = as_table(str(path))
    assert found is not None
    return list(csv.DictReader(io.StringIO(found.decode(), newline="")))


def cards(text: str | bytes) -> list[dict[str, str]]:
    header, *rows = card_rows(text if isinstance(text, bytes) else text.encode())
    return [{name: cell for name, cell in zip(header, row, strict=True) if cell} for row in rows]


class TestEncoding:
    @pytest.mark.parametrize(
        ("text", "codec"),
        [
            (TAIWAN, "cp950"), (TAIWAN, "gb18030"), (POLISH, "cp1250"), (POLISH, "iso-8859-2"), (GERMAN, "cp1252"),
            ("name,city\r\n" + "Smith,London\r\n" * 300 + "José,Paris\r\n", "cp1252"),
        ],
    )  # fmt: skip
    def test_by_what_the_bytes_would_say(self, text: str, codec: str) -> None:
        assert detect_encoding(text.encode(codec)) == codec


class TestStrayQuotes:
    def rows(self, line: str) -> list[tuple[tuple[str, ...], str]]:
        data = f'a,b,c\n{line}\n1,"x, y",3\n'.encode()
        found = list(read_rows(io.BytesIO(data), resolve_encoding("utf-8", b""), Dialect(), width=3))
        assert found[0].cells == ("a", "b", "c")
        assert found[-1].cells == ("1", "x, y", "3")
        return [(row.cells, row.problem) for row in found[1:-1]]

    @pytest.mark.parametrize(
        ("line", "cells"),
        [
            ('1,"open,3', ("1", '"open', "3")),
            ('1,""twice, y",3', ("1", '"twice, y', "3")),
            ('1,"blank behind" ,3', ("1", "blank behind", "3")),
            ('1, "blank, before",3', ("1", "blank, before", "3")),
            ('1,5" pipe,3', ("1", '5" pipe', "3")),
        ],
    )
    def test_one_reading_is_taken(self, line: str, cells: tuple[str, ...]) -> None:
        assert self.rows(line) == [(cells, "")]

    def test_several_readings_are_none(self) -> None:
        assert self.rows('1,"a,"b,2,"c') == [(("1", '"a', '"b', "2", '"c'), UNREADABLE)]
        assert self.rows('$69.07"Jersey, Short",x') == [(('$69.07"Jersey', 'Short"', "x"), MISPLACED)]


class TestCards:
    def test_versions_and_folding(self) -> None:
        (card,) = cards(
            "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ann L\r\n ee\r\nN:Lee;Ann;;;\r\nKIND:individual\r\n"
            'TEL;VALUE=uri;TYPE="voice,home":tel:+1-555-555\r\nTEL;TYPE=cell:+49 170 1\r\nTEL;TYPE=cell:+49 170 2\r\n'
            "EMAIL:a@x.org\r\nEMAIL;TYPE=home:b@x.org\r\nADR:;;A 1;Ulm;;89073;DE\r\nADR:;;B 2;Bern;;;CH\r\n"
            "BDAY:--0412\r\nCATEGORIES:vip,fair\r\nEND:VCARD\r\n"
        )
        assert card == {
            "name": "Ann Lee", "family name": "Lee", "given name": "Ann", "kind": "individual",
            "home phone": "+1-555-555", "mobile": "+49 170 1", "mobile 2": "+49 170 2", "email": "a@x.org",
            "home email": "b@x.org", "street": "A 1", "city": "Ulm", "postal code": "89073", "country": "DE",
            "street 2": "B 2", "city 2": "Bern", "country 2": "CH", "birthday": "--0412",
            "categories": "vip,fair",
        }  # fmt: skip

    def test_quoted_printable_folds_its_own_way(self) -> None:
        text = (
            "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E5=BC=A0;=E4=B8=\r\n=89\r\n"
            "ADR;WORK;ENCODING=QUOTED-PRINTABLE:;;Street: 1=0D=0A=\r\nFloor; 2;Ulm\r\nEND:VCARD\r\n"
        )
        (card,) = cards(text)
        assert (card["family name"], card["given name"]) == ("张", "三")
        assert card["street"] == "Street: 1\r\nFloor"

    def test_each_property_has_its_character_set(self) -> None:
        content = (
            b"BEGIN:VCARD\nVERSION:2.1\nFN;CHARSET=windows-1252:Do\xeb\nEMAIL;INTERNET:d@x.org\nEND:VCARD\n"
        )
        assert cards(content) == [{"name": "Doë", "email": "d@x.org"}]

    def test_cards_within_cards_and_cut_off_ones(self) -> None:
        text = "BEGIN:VCARD\nFN:Boss\nAGENT:\nBEGIN:VCARD\nFN:Agent\nEND:VCARD\nEND:VCARD\nBEGIN:VCARD\nFN:Last\n"
        assert [card["name"] for card in cards(text)] == ["Boss", "Last"]


class TestJson:
    def test_lines(self, tmp_path: Path) -> None:
        lines = [
            json.dumps({"name": "甲", "phone": {"work": "021-1"}, "tags": ["a", "b"], "vip": True}),
            '{"name": "乙", "amount": 1.10, "addresses": [{"city": "Ulm"}, {"city": "Bern"}], "none": null}',
            "no json",
        ]
        rows = converted(tmp_path, "\n".join(lines).encode("utf-8-sig"))
        assert [{k: v for k, v in row.items() if v} for row in rows] == [
            {"name": "甲", "phone.work": "021-1", "tags": "a; b", "vip": "true"},
            {"name": "乙", "amount": "1.10", "addresses.1.city": "Ulm", "addresses.2.city": "Bern"},
            {DAMAGED: "no json"},
        ]

    def test_one_array(self, tmp_path: Path) -> None:
        assert converted(tmp_path, b'[{"a": 1}, {"a": 2}]') == [{"a": "1"}, {"a": "2"}]


class TestPacked:
    def test_whatever_is_inside(self, tmp_path: Path) -> None:
        assert converted(tmp_path, gzip.compress(b"a,b\n1,2\n")) == [{"a": "1", "b": "2"}]
        assert converted(tmp_path, gzip.compress(b'{"a": 1}\n')) == [{"a": "1"}]

    def test_damaged(self, tmp_path: Path) -> None:
        with pytest.raises(NoTable):
            converted(tmp_path, gzip.compress(b"a,b\n1,2\n" * 500)[:-20])


class TestCells:
    @given(st.text())
    def test_what_is_guarded_comes_back(self, cell: str) -> None:
        written = guarded(cell)
        assert written[:1] not in ("=", "@", "\t", "\r")
        if not cell.startswith("'"):
            assert unguarded(written) == cell

    def test_numbers_stay(self) -> None:
        assert [guarded(cell) for cell in ("+8613800138000", "-1,5", "+1-2", "-a")] == [
            "+8613800138000", "-1,5", "'+1-2", "'-a",
        ]  # fmt: skip


class TestSuggest:
    def fields(self, *headers: str) -> list[str]:
        return [column.suggested for column in suggest(headers, [])]

    def test_several_of_a_kind(self) -> None:
        assert self.fields("E-mail 1 - Value", "E-mail 2 - Value", "Phone 1 - Type", "电话2") == [
            "email", "email", "", "phone",
        ]  # fmt: skip
        assert self.fields("BILLINGSTREET", "BILLINGCITY", "SHIPPINGSTREET", "SHIPPINGCITY")[:2] == [
            "address.lines", "address.city",
        ]  # fmt: skip

    def test_fields_are_their_own_names(self) -> None:
        names = [
            "taproot_id",
            "phone.mobile",
            "external",
            "address.2.postal_code",
            "custom.trial_end",
            "language_code",
        ]
        assert self.fields(*names) == names

    def test_without_headers_by_content(self) -> None:
        rows = [["7", "上海汽车", "13800138000", "a@b.cn"], ["8", "海尔集团", "13900138000", "c@d.cn"]]
        found = [column.suggested for column in suggest(["", "", "", ""], rows)]
        assert found == ["", "display_name", "phone.mobile", "email"]
