import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taproot_customer.imports.dialect import sniff
from taproot_customer.imports.encoding import detect_encoding, resolve_encoding
from taproot_customer.imports.reading import Dialect, Position, Row, read_rows

CHINESE = "客户名称,电话,备注\r\n上海汽车,021-68888888,老客户\r\n北京同仁堂,010-67015895,\r\n"
FRENCH = "nom;ville\r\nChâteau Élysée;Besançon\r\nGarçon & Fils;Nîmes\r\nCafé Zoë;Épinal\r\n"


def read(data: bytes, dialect: Dialect | None = None, start: Position | None = None) -> list[Row]:
    encoding, found = sniff(data, complete=True)
    return list(read_rows(io.BytesIO(data), resolve_encoding(encoding, data[:4]), dialect or found, start))


class TestEncoding:
    @pytest.mark.parametrize(
        ("encoded", "name"),
        [
            (CHINESE.encode(), "utf-8"),
            (CHINESE.encode("utf-8-sig"), "utf-8-sig"),
            (CHINESE.encode("gb18030"), "gb18030"),
            (b"\xff\xfe" + CHINESE.encode("utf-16-le"), "utf-16-le"),
            (b"\xfe\xff" + CHINESE.encode("utf-16-be"), "utf-16-be"),
            (FRENCH.encode("utf-16-le"), "utf-16-le"),
            (FRENCH.encode("cp1252"), "cp1252"),
            (FRENCH.encode(), "utf-8"),
            (b"plain,ascii\r\n", "utf-8"),
        ],
    )
    def test_detects(self, encoded: bytes, name: str) -> None:
        assert detect_encoding(encoded) == name

    @pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
    def test_sample_cut_inside_a_character(self, codec: str) -> None:
        whole = CHINESE.encode(codec)
        for cut in range(3, 20):
            assert detect_encoding(whole[:cut]) in (codec, "utf-8")

    def test_unsupported(self) -> None:
        with pytest.raises(LookupError):
            resolve_encoding("rot13", b"")

    @pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
    def test_reads_the_same_table_from_each(self, codec: str) -> None:
        rows = read(CHINESE.encode(codec))
        assert [row.cells for row in rows] == list(map(tuple, csv.reader(io.StringIO(CHINESE))))


class TestDialect:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_delimiter(self, delimiter: str) -> None:
        text = 'name,city,note\nAcme,Berlin,"a, b; c|d\te"\nApex,Wien,x\n'
        data = io.StringIO()
        csv.writer(data, delimiter=delimiter).writerows(csv.reader(io.StringIO(text)))
        _, dialect = sniff(data.getvalue().encode(), complete=True)
        assert (dialect.delimiter, dialect.has_header) == (delimiter, True)

    def test_title_above_the_header(self) -> None:
        data = b"Customers as of May,,\n,,\nname,city,phone\nAcme,Berlin,1\nApex,Wien,2\n"
        _, dialect = sniff(data, complete=True)
        assert (dialect.preamble, dialect.has_header) == (2, True)
        assert read(data)[0].cells == ("name", "city", "phone")

    def test_no_header(self) -> None:
        assert sniff(b"Acme,a@b.cn,12\nApex,c@d.cn,13\n", complete=True)[1].has_header is False

    def test_escape(self) -> None:
        data = b'name,note\nA,"he said \\"no\\""\nB,"x"\n'
        assert read(data)[1].cells == ("A", 'he said "no"')

    def test_one_column(self) -> None:
        rows = read("姓名\n张三\n李四\n".encode("gb18030"))
        assert [row.cells for row in rows] == [("姓名",), ("张三",), ("李四",)]


class TestRows:
    def test_lines_count_line_breaks_in_cells(self) -> None:
        rows = read(b'a,b\n"x\ny",1\nz,2\n')
        assert [row.line for row in rows] == [1, 2, 4]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_line_ends(self, end: str) -> None:
        assert len(read(end.join(["a,b", "1,2", "3,4", ""]).encode())) == 3

    def test_bad_bytes_are_told_and_reading_goes_on(self) -> None:
        encoding = resolve_encoding("utf-8", b"")
        data = b"name,city\n" + b"Ac\xffme,x\n" + "张三,北京\n".encode()
        rows = list(read_rows(io.BytesIO(data), encoding, Dialect()))
        assert [bool(row.problem) for row in rows] == [False, True, False]
        assert rows[2].cells == ("张三", "北京")

    def test_unclosed_quote_costs_one_row(self) -> None:
        body = "".join(f"{i},{'x' * 90}\n" for i in range(2000))
        rows = read(f'a,b\n1,"open\n{body}'.encode(), Dialect())
        assert rows[1].problem.startswith("cannot be read")
        assert len(rows) == 2002

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.lists(st.text(st.sampled_from('ab,"\n;中é')), min_size=2, max_size=3), min_size=1, max_size=8
        ),
        st.sampled_from(["utf-8", "gb18030", "utf-16-le", "utf-8-sig"]),
        st.data(),
    )
    def test_going_on_at_any_row_reads_the_rest(self, table: list[list[str]], codec: str, data: Any) -> None:
        buffer = io.StringIO()
        csv.writer(buffer).writerows(table)
        raw = buffer.getvalue().encode(codec)
        encoding = resolve_encoding(codec, raw[:4])
        rows = list(read_rows(io.BytesIO(raw), encoding, Dialect()))
        cut = data.draw(st.integers(0, max(0, len(rows) - 1)))
        if rows:
            rest = list(read_rows(io.BytesIO(raw), encoding, Dialect(), rows[cut].after))
            assert rest == rows[cut + 1 :]

    def test_memory_stays_flat(self) -> None:
        import tracemalloc

        data = b"name,phone\n" + b"Acme,021-68888888\n" * 200_000
        stream = io.BytesIO(data)
        tracemalloc.start()
        count = sum(1 for _ in read_rows(stream, resolve_encoding("utf-8", b""), Dialect()))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == 200_001
        assert peak < 1_000_000
