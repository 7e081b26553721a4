import datetime as dt
import io
from pathlib import Path

import pytest
from openpyxl import Workbook

from taproot_customer.imports.converting import as_table
from taproot_customer.imports.parsing import NoTable, look_at

CARDS = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:张三\r\nN:张;三;;;\r\nORG:海尔集团;研发部\r\nitem1.TEL;TYPE=CELL:138 0013 8000\r\n"
    "TEL;TYPE=WORK,FAX:021-68888888\r\nEMAIL;TYPE=INTERNET:zs@example.com\r\n"
    "ADR;TYPE=HOME:;;南京西路 1 号\\, 5 楼;上海;;200040;中国\r\nNOTE:第一行\\n第\r\n 二行\r\nEND:VCARD\r\n"
    "BEGIN:vcard\r\nVERSION:2.1\r\nFN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:J=C3=B6rg\r\nEND:vcard\r\n"
)


def table(tmp_path: Path, content: bytes) -> list[list[str]] | None:
    import csv

    path = tmp_path / "file"
    path.write_bytes(content)
    found = as_table(str(path))
    return None if found is None else list(csv.reader(io.StringIO(found.decode(), newline="")))


class TestWorkbook:
    def test_first_sheet_as_text(self, tmp_path: Path) -> None:
        book = Workbook()
        sheet = book.active
        sheet.append(["客户名称", "电话", "生日", "备注"])
        sheet.append(["张三", 13800138000.0, dt.date(1990, 1, 2), None])
        buffer = io.BytesIO()
        book.save(buffer)
        rows = table(tmp_path, buffer.getvalue())
        assert rows == [["客户名称", "电话", "生日", "备注"], ["张三", "13800138000", "1990-01-02", ""]]

    def test_other_archives_are_no_tables(self, tmp_path: Path) -> None:
        with pytest.raises(NoTable):
            table(tmp_path, b"PK\x03\x04 no workbook")

    def test_text_is_left_alone(self, tmp_path: Path) -> None:
        assert table(tmp_path, b"a,b\n1,2\n") is None
        assert table(tmp_path, b"") is None


class TestCards:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_cards_as_rows(self, tmp_path: Path, encoding: str) -> None:
        rows = table(tmp_path, CARDS.encode(encoding))
        assert rows is not None
        first = dict(zip(rows[0], rows[1], strict=True))
        assert first == {
            "name": "张三", "family name": "张", "given name": "三", "company name": "海尔集团", "phone": "",
            "mobile": "138 0013 8000", "fax": "021-68888888", "email": "zs@example.com",
            "street": "南京西路 1 号, 5 楼", "city": "上海", "state": "", "postal code": "200040", "country": "中国",
            "birthday": "", "note": "第一行\n第二行",
        }  # fmt: skip
        assert rows[2][0] == "Jörg"

    def test_columns_are_understood(self, tmp_path: Path) -> None:
        path = tmp_path / "cards.csv"
        path.write_bytes(CARDS.encode())
        found = as_table(str(path))
        assert found is not None
        path.write_bytes(found)
        suggested = {column.header: column.suggested for column in look_at(str(path)).columns}
        assert suggested["mobile"] == "phone.mobile"
        assert suggested["street"] == "address.lines"
        assert suggested["company name"] == "organization_name"
