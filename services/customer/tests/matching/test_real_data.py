"""The default configuration on published data whose truth is known."""

from __future__ import annotations

import pytest

from taproot_customer.matching.score import REVIEW, compare
from taproot_customer.matching.traits import Identity


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("with_number", [True, False])
def test_febrl(data, sets, number, with_number):
    data("febrl")
    outcome = sets.measured(sets.febrl(number, with_number=with_number))
    assert outcome.precision >= 0.995
    assert outcome.f1 >= (0.99 if with_number else 0.98)


def test_persons_with_more_errors_than_usual(data, sets):
    data("splink-fake-1000")
    outcome = sets.measured(sets.fake_1000())
    assert outcome.precision >= 0.99
    assert outcome.f1 >= 0.82


def test_sites_of_organisations(data, sets):
    data("dedupe-chicago-providers")
    outcome = sets.measured(sets.chicago())
    assert outcome.precision >= 0.85
    assert outcome.f1 >= 0.89


def test_listed_companies_are_told_apart(data, sets):
    data("chinese-szse-companies")
    rows = list(sets.shenzhen())
    for column in ("公司全称", "英文名称"):
        records = [(str(n), Identity(True, row[column])) for n, row in enumerate(rows)]
        found, _ = sets.pairs(records)
        assert len(found) <= 3, [(rows[a][column], rows[b][column]) for a, b in found]


def test_a_company_is_found_by_its_written_forms(data, sets):
    data("chinese-szse-companies")
    [vanke] = [row for row in sets.shenzhen() if row["A股简称"] == "万  科Ａ"]
    assert compare(Identity(True, "万科A"), Identity(True, vanke["A股简称"])).score >= REVIEW
    for row in list(sets.shenzhen())[:300]:
        full = row["公司全称"]
        bare = full.removesuffix("股份有限公司").removesuffix("有限公司")
        assert compare(Identity(True, full), Identity(True, bare)).score >= REVIEW, full
