"""The published data sets with known truth, where they are at hand (TAPROOT_DATA, default ../shared/data)."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from taproot_customer.matching.blocking import BLOCK_LIMIT, blocking_keys
from taproot_customer.matching.identifiers import InvalidIdentifier, normal_email
from taproot_customer.matching.score import REVIEW, compare_traits
from taproot_customer.matching.traits import Identity, traits_of

_NAMED = os.environ.get("TAPROOT_DATA") or os.environ.get("TAPROOT_DATA_DIR")
DATA = Path(_NAMED or Path(__file__).parents[5] / "shared" / "data")
Labelled = Iterable[tuple[str, Identity]]
"""Who it really is, and what the record says."""


@dataclass(frozen=True)
class Outcome:
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def _rows(name: str, encoding: str = "utf-8") -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding=encoding, newline="") as file:
        for row in csv.DictReader(file):
            yield {key.strip(): (value or "").strip() for key, value in row.items() if key}


def _date(text: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(text.replace("-", ""), "%Y%m%d").replace(tzinfo=dt.UTC).date()
    except ValueError:
        return None


def _emails(text: str) -> frozenset[str]:
    try:
        return frozenset((normal_email(text),))
    except InvalidIdentifier:
        return frozenset()


def febrl(number: int, *, with_number: bool = True) -> Labelled:
    for row in _rows(f"febrl/dataset{number}.csv"):
        numbers = {("tax_number", row["soc_sec_id"])} if with_number and row["soc_sec_id"] else set()
        lines = (f"{row['street_number']} {row['address_1']}", row["address_2"])
        yield (
            row["rec_id"].split("-")[1],
            Identity(
                organization=False,
                given_name=row["given_name"],
                family_name=row["surname"],
                birth_date=_date(row["date_of_birth"]),
                numbers=frozenset(numbers),
                street=" ".join(line.strip() for line in lines if line.strip()),
                city=row["suburb"],
                region=row["state"],
                postal_code=row["postcode"],
            ),
        )


def fake_1000() -> Labelled:
    for row in _rows("splink-fake-1000/fake_1000.csv"):
        yield (
            row["cluster"],
            Identity(
                organization=False,
                given_name=row["first_name"],
                family_name=row["surname"],
                birth_date=_date(row["dob"]),
                emails=_emails(row["email"]),
                city=row["city"],
            ),
        )


def chicago() -> Labelled:
    for row in _rows("dedupe-chicago-providers/csv_example_input_with_true_ids.csv"):
        phone = re.sub(r"\D", "", row["Phone"])
        yield (
            row["True Id"],
            Identity(
                organization=True,
                name=row["Site name"],
                phones=frozenset((phone,) if phone else ()),
                emails=_emails(row["Email Address"]),
                street=row["Address"],
                postal_code=row["Zip"],
            ),
        )


def shenzhen() -> Iterator[Mapping[str, str]]:
    return _rows("chinese-szse-companies/szse_a_share_list_gb18030.csv", "gb18030")


def pairs(records: Labelled) -> tuple[set[tuple[int, int]], list[str]]:
    """Pairs of positions that the default configuration finds through blocks, and the labels of all."""
    labels, traits = zip(*((label, traits_of(identity)) for label, identity in records), strict=True)
    blocks = defaultdict(list)
    for index, each in enumerate(traits):
        for key in blocking_keys(each):
            blocks[key].append(index)
    shared = (itertools.combinations(block, 2) for block in blocks.values() if len(block) <= BLOCK_LIMIT)
    met = set(itertools.chain.from_iterable(shared))
    found = {pair for pair in met if compare_traits(traits[pair[0]], traits[pair[1]]).score >= REVIEW}
    return found, list(labels)


def measured(records: Labelled) -> Outcome:
    found, labels = pairs(records)
    clusters = defaultdict(list)
    for index, label in enumerate(labels):
        clusters[label].append(index)
    true = set(itertools.chain.from_iterable(itertools.combinations(c, 2) for c in clusters.values()))
    right = len(found & true)
    return Outcome(right / len(found), right / len(true))


@pytest.fixture
def data() -> Callable[[str], None]:
    """Skips the test by name where a data set is absent."""

    def needs(name: str) -> None:
        if not (DATA / name).is_dir():
            pytest.skip(f"{name} is not in {DATA}; TAPROOT_DATA names where the data sets are")

    return needs


class Sets:
    """What the tests read and measure."""

    febrl = staticmethod(febrl)
    fake_1000 = staticmethod(fake_1000)
    chicago = staticmethod(chicago)
    shenzhen = staticmethod(shenzhen)
    pairs = staticmethod(pairs)
    measured = staticmethod(measured)


@pytest.fixture
def sets() -> type[Sets]:
    return Sets
