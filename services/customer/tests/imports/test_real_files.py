"""Published files of many shapes, where they are at hand (TAPROOT_DATA_DIR, default ../shared/data)."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from taproot_customer.imports.converting import as_table
from taproot_customer.imports.parsing import Preview, look_at, parse_chunk
from taproot_customer.imports.rows import ParsedRow, RowOptions
from taproot_customer.matching.identifiers import normal_form

DATA = Path(os.environ.get("TAPROOT_DATA_DIR") or Path(__file__).parents[5] / "shared" / "data")
POLLOCK = DATA / "csv-dialects-pollock" / "polluted_files"
AMBIGUOUS = ("row_less_sep_row0", "row_more_sep_row0")


def needs(name: str) -> pytest.MarkDecorator:
    reason = f"{name} is not in {DATA}; TAPROOT_DATA_DIR names where the data sets are"
    return pytest.mark.skipif(not (DATA / name).is_dir(), reason=reason)


def load(source: Path, folder: Path, suggested: bool = False) -> tuple[Preview, list[ParsedRow]]:
    path = folder / "file"
    shutil.copyfile(source, path)
    table = as_table(str(path))
    if table is not None:
        path.write_bytes(table)
    preview = look_at(str(path))
    fields = tuple(c.suggested if suggested else f"custom.c{c.index}" for c in preview.columns)
    headers = [column.header for column in preview.columns]
    rows: list[ParsedRow] = []
    start = None
    while True:
        chunk = parse_chunk(
            str(path), preview.encoding, preview.dialect, headers, RowOptions(fields), start, 1000
        )
        rows += chunk.rows
        start = chunk.after
        if chunk.finished:
            return preview, rows


def table(source: Path, folder: Path) -> list[dict[str, str]]:
    preview, rows = load(source, folder)
    headers = [column.header for column in preview.columns]
    return [dict(zip(headers, row.cells, strict=True)) for row in rows]


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def unreadable(row: ParsedRow) -> bool:
    return any("cell" in reason for reason in row.reasons)


@needs("csv-dialects-pollock")
class TestPollock:
    @pytest.mark.parametrize("source", files(POLLOCK / "csv"), ids=lambda path: path.stem)
    def test_every_row_is_read_as_meant_or_rejected(self, source: Path, tmp_path: Path) -> None:
        preview, rows = load(source, tmp_path)
        clean = list(csv.reader(io.StringIO((POLLOCK / "clean" / source.name).read_text())))
        body = clean[preview.dialect.has_header :]
        meant = Counter(tuple(row) for row in body)
        good = Counter(row.cells for row in rows if not row.blank and not unreadable(row))
        bad = [row for row in rows if unreadable(row)]
        assert len(preview.columns) == 9
        assert len(bad) <= 1
        if "multitable" in source.name:  # the second table has the same columns, one row after the other
            assert sum(good.values()) == 83 + 82
        elif "escape" in source.name:
            assert sum(good.values()) == 83
        else:
            assert not good - meant
            assert sum((meant - good).values()) == len(bad)
        if source.stem.startswith(AMBIGUOUS):
            assert not any(column.suggested for column in preview.columns)

    @pytest.mark.parametrize(
        "source", files(POLLOCK.parent / "survey_sample" / "csv"), ids=lambda path: path.stem[:20]
    )
    def test_published_tables(self, source: Path, tmp_path: Path) -> None:
        preview, rows = load(source, tmp_path)
        stated = json.loads(
            (source.parent.parent / "parameters" / f"{source.name}_parameters.json").read_text()
        )
        assert preview.dialect.delimiter == stated["delimiter"]
        clean = (source.parent.parent / "clean" / source.name).read_text().splitlines()
        first = next(csv.reader(clean[:1]))
        assert len(preview.columns) == len(first)
        assert not any(unreadable(row) for row in rows)
        assert sum(1 for row in rows if not row.blank) >= len(clean) - 1 - clean.count("")


@needs("csv-spectrum")
@pytest.mark.parametrize("source", files(DATA / "csv-spectrum" / "csvs"), ids=lambda path: path.stem)
def test_csv_spectrum(source: Path, tmp_path: Path) -> None:
    meant = json.loads((DATA / "csv-spectrum" / "json" / f"{source.stem}.json").read_text("utf-8"))
    found = table(source, tmp_path)
    if source.stem == "location_coordinates":  # its expectation names another telephone number than its file
        meant = [meant | {"Contact Phone Number": "2095257564"}]
    if b"\r\n" not in source.read_bytes():  # the published files lost some of their line ends
        meant = [{name: cell.replace("\r\n", "\n") for name, cell in row.items()} for row in meant]
    assert found == meant


@needs("contact-files")
class TestContactFiles:
    @pytest.mark.parametrize(
        ("name", "count", "columns"),
        [
            ("roundcube_gmail", 1, 81), ("roundcube_all", 1, 61), ("roundcube_tb_plain", 1, 38),
            ("roundcube_outlook", 1, 3), ("roundcube_email", 4, 1), ("atomic_crm_contacts", 500, 24),
            ("salesforce_accountData", 423, 37), ("dataloader_csvtext", 2, 3), ("dataloader_csvtext_BOM_UTF8", 2, 3),
            ("dataloader_csvtext_BOM_UTF16LE", 2, 3), ("dataloader_csvtext_BOM_UTF16BE", 2, 3),
            ("dataloader_csvEscapedQuotes", 2, 2), ("dataloader_csvSeparator", 2, 3),
        ],
    )  # fmt: skip
    def test_tables(self, name: str, count: int, columns: int, tmp_path: Path) -> None:
        preview, rows = load(DATA / "contact-files" / "csv" / f"{name}.csv", tmp_path)
        assert (len(rows), len(preview.columns)) == (count, columns)
        assert not any(unreadable(row) for row in rows)

    def test_quotes_and_separators_within_cells(self, tmp_path: Path) -> None:
        folder = DATA / "contact-files" / "csv"
        quoted = table(folder / "dataloader_csvEscapedQuotes.csv", tmp_path)
        assert [row["column1"] for row in quoted] == ['"The Best" Account', 'The "Best" Account']
        separated = table(folder / "dataloader_csvSeparator.csv", tmp_path)
        assert separated[0]["column2!some"] == "col12!somev1"

    def test_a_contact_without_a_name_is_called_by_its_address(self, tmp_path: Path) -> None:
        _, (row,) = load(DATA / "contact-files" / "csv" / "roundcube_outlook.csv", tmp_path, suggested=True)
        assert row.fields["display_name"] == "test1@domain.tld"
        assert len(row.keys) == 3

    @pytest.mark.parametrize(
        ("name", "names"),
        [
            ("ezvcard_gmail-list", ["Arnold Smith", "Chris Beatle", "Doug White"]),
            ("ezvcard_rfc2426-example", ["Frank Dawson", "Tim Howes"]),
            ("ezvcard_John_Doe_IPHONE", ["Mr. John Richter James Doe Sr."]),
            ("ezvcard_John_Doe_MS_OUTLOOK", ["Mr. John Richter James Doe Sr."]),
            ("ezvcard_outlook-2003", ["John Doe III"]),
            ("roundcube_johndoe", ["John Doë"]),
            ("roundcube_thebat", ["Piotr Iksiński"]),
            ("roundcube_utf-16_sample", ["Ǽgean ĽdaMonté"]),
        ],
    )
    def test_cards(self, name: str, names: list[str], tmp_path: Path) -> None:
        rows = table(DATA / "contact-files" / "vcard" / f"{name}.vcf", tmp_path)
        assert [row["name"] for row in rows] == names


@needs("chinese-szse-companies")
def test_workbook_and_gb18030_hold_the_same(tmp_path: Path) -> None:
    folder = DATA / "chinese-szse-companies"
    book = table(folder / "szse_a_share_list.xlsx", tmp_path)
    text = table(folder / "szse_a_share_list_gb18030.csv", tmp_path)
    assert len(book) == len(text) == 2880
    assert book == text
    assert sum(1 for row in text if row["A股代码"].startswith("0")) == 1488


@needs("lead-scoring-x-education")
def test_lead_scoring(tmp_path: Path) -> None:
    rows = table(DATA / "lead-scoring-x-education" / "Leads.csv.gz", tmp_path)
    assert Counter(row["Converted"] for row in rows) == {"1": 3561, "0": 5679}
    assert len({row["Prospect ID"] for row in rows}) == 9240
    assert sum(list(row.values()).count("Select") for row in rows) == 13380


@needs("telco-churn")
def test_telco(tmp_path: Path) -> None:
    rows = table(DATA / "telco-churn" / "Telco-Customer-Churn.csv", tmp_path)
    assert Counter(row["Churn"] for row in rows) == {"Yes": 1869, "No": 5174}
    assert sum(1 for row in rows if not row["TotalCharges"].strip()) == 11


@needs("phone-numbers")
def test_phones(tmp_path: Path) -> None:
    rows = table(DATA / "phone-numbers" / "phone_examples.csv", tmp_path)
    assert len(rows) == 1670
    wrong = [
        row
        for row in rows
        if normal_form("phone", row["input"], row["default_region"]) != row["expected_e164"]
    ]
    assert not wrong[:3]
