"""What is one customer and what is not: by name, number, address, birth date; with reasons."""

from __future__ import annotations

import datetime as dt
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_customer.matching.blocking import blocking_keys
from taproot_customer.matching.companies import company_outcome
from taproot_customer.matching.outcomes import (
    birth_outcome,
    domain_outcome,
    email_outcome,
    number_outcome,
    phone_outcome,
    postal_outcome,
)
from taproot_customer.matching.places import street_words
from taproot_customer.matching.score import REVIEW, SAME, compare, compare_traits
from taproot_customer.matching.traits import Identity, Traits, split_name, traits_of
from taproot_customer.matching.weights import DEFAULT

BORN = dt.date(1984, 3, 7)


def person(name: str, **known: object) -> Identity:
    return replace(Identity(False, name), **known)  # type: ignore[arg-type]


def told(left: Identity, right: Identity) -> dict[str, str]:
    return {one.field: one.outcome for one in compare(left, right).evidence}


class TestPersons:
    @pytest.mark.parametrize(
        ("left", "right"),
        [
            ("Robert Miller", "Bob Miller"),
            ("Miller, Robert", "Robert Miller"),
            ("Robert Miller", "Miller Robert"),
            ("Robert J. Miller", "Robert Miller"),
            ("Robret Miller", "Robert Miller"),
            ("José Núñez", "JOSE NUNEZ"),
            ("张三丰", "張三豐"),
            ("张三丰", "章三峰"),
            ("王小明", "Wang Xiaoming"),
            ("王小明", "Xiao Ming Wang"),
            ("欧阳修", "OUYANG Xiu"),
            ("王小明", "王晓明先生"),
        ],
    )
    def test_one_person_in_two_ways(self, left, right):
        both = person(left, birth_date=BORN), person(right, birth_date=BORN)
        assert compare(*both).score >= 0.9
        assert traits_keys(both[0]) & traits_keys(both[1])

    @pytest.mark.parametrize(
        ("left", "right"),
        [("王小明", "王小红"), ("Anna Miller", "Robert Miller"), ("Wang Wei", "Zhang Wei")],
    )
    def test_two_persons_of_one_house(self, left, right):
        home = {"phones": frozenset({"+862155550000"}), "street": "中山路 12 号", "city": "上海"}
        assert compare(person(left, **home), person(right, **home)).score < REVIEW

    def test_twins_are_left_to_a_person(self):
        home = {
            "birth_date": BORN,
            "street": "12 Hill Road",
            "city": "Leeds",
            "phones": frozenset({"+441132000000"}),
        }
        match = compare(person("Anna Miller", **home), person("Berta Miller", **home))
        assert match.contradicted
        assert match.score < SAME

    def test_another_family_name_is_left_to_a_person(self):
        home = {"phones": frozenset({"+862155550000"}), "street": "中山路 12 号", "city": "上海"}
        assert compare(person("张伟", **home), person("李伟", **home)).contradicted
        married = {"birth_date": BORN, "emails": frozenset({"anna1984@mail.example"})}
        match = compare(person("Anna Miller", **married), person("Anna Smith", **married))
        assert match.contradicted
        assert match.score >= REVIEW

    def test_a_common_name_alone_is_not_enough_among_many(self):
        everybody = DEFAULT.among(1_000_000)
        assert compare(person("张伟"), person("张伟"), everybody).score < REVIEW
        assert (
            compare(person("张伟", birth_date=BORN), person("张伟", birth_date=BORN), everybody).score
            >= REVIEW
        )

    def test_a_person_is_no_organisation(self):
        assert compare(person("Siemens"), Identity(True, "Siemens")).score == 0

    def test_names_are_split(self):
        assert split_name("司马相如") == ("相如", "司马")
        assert split_name("Dr. Maria del Carmen Lopez") == ("maria del carmen", "lopez")
        assert split_name("Cher") == ("", "cher")
        assert split_name("") == ("", "")


class TestFields:
    @pytest.mark.parametrize(
        ("other", "outcome"),
        [
            ("19840307", "same"),
            ("19840703", "day and month swapped"),
            ("19480307", "one slip"),
            ("19840308", "one slip"),
            ("19840325", "two slips"),
            ("19850308", "close"),
            ("19841130", "close"),
            ("19611222", "different"),
            ("", ""),
        ],
    )
    def test_birth_date(self, other, outcome):
        assert birth_outcome("19840307", other) == outcome

    def test_phone(self):
        assert phone_outcome(("+8613800138000",), ("+8613800138000", "+861")) == "same"
        assert phone_outcome(("+8613800138000",), ("+8613800138001",)) == "one slip"
        assert phone_outcome(("+13125551234",), ("5551234",)) == "same local number"
        assert phone_outcome(("+8613800138000",), ("+4930123456",)) == "different"

    def test_email(self):
        assert email_outcome(("li.lei@a.cn",), ("li.lei@a.cn",)) == "same"
        assert email_outcome(("info@a.cn",), ("info@a.cn",)) == "same, of an office"
        assert email_outcome(("li.lei@a.cn",), ("li.liu@a.cn",)) == "different"
        assert email_outcome(("hanmeimei@a.cn",), ("hanmeimie@a.cn",)) == "one slip"
        assert email_outcome(("hanmeimei@a.cn",), ("hanmeimei@b.org",)) == "same mailbox elsewhere"
        assert domain_outcome(("a@acme.example",), ("b@acme.example",)) == "same"
        assert domain_outcome(("a@qq.com",), ("b@qq.com",)) == ""

    def test_number(self):
        assert number_outcome((("tax_number", "91350100M"),), (("tax_number", "91350100M"),)) == "same"
        assert number_outcome((("tax_number", "91350100M"),), (("tax_number", "91350010M"),)) == "one slip"
        assert number_outcome((("tax_number", "91350100M"),), (("tax_number", "DE129273398"),)) == "different"
        assert number_outcome((("external", "sap:1"),), (("external", "sap:2"),)) == ""

    def test_address(self):
        assert street_words("12 North Hill Street") == street_words("12 N. Hill St.")
        assert street_words("中山路１２号") == street_words("中山路12号")
        here = person("A B", street="Flat 3, 12 Hill Road", city="Leeds", postal_code="LS1 4AP")
        there = person("A B", street="12 Hill Rd", city="LEEDS", postal_code="ls14ap")
        assert told(here, there)["street"] == "same"
        assert told(here, there)["postal code"] == told(here, there)["city"] == "same"
        assert postal_outcome("200120", "201020") == "one slip"


class TestCompanies:
    @pytest.mark.parametrize(
        ("left", "right"),
        [
            ("万科A", "万  科Ａ"),
            ("深圳市腾讯计算机系统有限公司", "騰訊計算機系統"),
            ("华为技术有限公司", "华为技术"),
            ("青岛海信电器股份有限公司", "海信电器"),
            ("Acme Holdings, Inc.", "ACME Holding Ltd"),
            ("The Boeing Company", "Boeing Co."),
            ("Steel & Sons Limited", "Sons and Steel Ltd."),
        ],
    )
    def test_one_company_by_its_name_alone(self, left, right):
        both = Identity(True, left), Identity(True, right)
        assert compare(*both).score >= REVIEW
        assert traits_keys(both[0]) & traits_keys(both[1])

    @pytest.mark.parametrize(
        ("left", "right"),
        [
            ("上海汽车集团", "上海石化股份有限公司"),
            ("Acme Steel", "Apex Software"),
            ("平安银行", "平安保险"),
            ("北京同仁堂", "南京同仁堂"),
            ("深圳市华信科技有限公司", "深圳市华通科技有限公司"),
        ],
    )
    def test_another_company_though_the_city_agrees(self, left, right):
        both = Identity(True, left, city="深圳"), Identity(True, right, city="深圳")
        assert compare(*both).score < REVIEW

    def test_short_forms_count_with_something_else(self):
        phone = frozenset({"+861059960000"})
        for short, full in (
            ("中石化", "中国石油化工股份有限公司"),
            ("IBM", "International Business Machines Corp"),
        ):
            assert compare(Identity(True, short), Identity(True, full)).score < REVIEW
            known = Identity(True, short, phones=phone), Identity(True, full, phones=phone)
            assert compare(*known).score >= REVIEW

    def test_another_tax_number_contradicts(self):
        one = Identity(True, "华为技术", numbers=frozenset({("tax_number", "91350100M000100Y43")}))
        other = replace(one, numbers=frozenset({("tax_number", "914403001922038216")}))
        assert compare(one, other).contradicted
        assert compare(one, other).score < REVIEW


class TestExplanation:
    def test_the_score_is_the_sum_of_its_reasons(self):
        left = person("Robert Miller", birth_date=BORN, emails=frozenset({"rm@acme.example"}))
        match = compare(left, person("Bob Miler", birth_date=BORN, emails=frozenset({"rm@acme.example"})))
        assert match.weight == pytest.approx(DEFAULT.prior + sum(one.weight for one in match.evidence))
        assert match.reasons == ("given name", "family name", "birth date", "e-mail")

    def test_what_everybody_shares_says_nothing(self):
        left = person("Robert Miller", city="Leeds")
        usual = compare(left, left)
        crowd = compare(left, left, DEFAULT.seeing({("city", "same"): 0.95}))
        assert crowd.weight < usual.weight - 3


texts = st.text(alphabet=string.ascii_letters + " -,'王李张小明丽éß１２", max_size=12)
identities = st.builds(
    Identity,
    organization=st.booleans(),
    name=texts,
    given_name=texts,
    family_name=texts,
    birth_date=st.none() | st.dates(dt.date(1900, 1, 1), dt.date(2030, 1, 1)),
    phones=st.frozensets(st.sampled_from(["+8613800138000", "5551234", "+13125551234"])),
    emails=st.frozensets(st.sampled_from(["a@b.cn", "info@b.cn", "longer.name@b.cn"])),
    numbers=st.frozensets(st.tuples(st.sampled_from(["tax_number", "external"]), texts)),
    street=texts,
    city=texts,
    region=texts,
    postal_code=texts,
)


class TestProperties:
    @given(identities, identities)
    def test_it_does_not_matter_who_comes_first(self, left, right):
        one, other = compare(left, right), compare(right, left)
        assert one.score == pytest.approx(other.score)
        assert 0 <= one.score <= 1

    @given(identities, identities)
    def test_the_quick_answer_agrees_with_the_full_one(self, left, right):
        a, b = traits_of(left), traits_of(right)
        full, quick = compare_traits(a, b), compare_traits(a, b, DEFAULT, 0.0)
        assert (full.weight >= 0) == (quick.weight >= 0)
        if full.weight >= 0:
            assert quick == full

    @given(identities)
    def test_traits_survive_being_stored(self, identity):
        traits = traits_of(identity)
        assert Traits.unpack(traits.pack()) == traits or traits.pack() == Traits.unpack(traits.pack()).pack()
        assert blocking_keys(traits) == blocking_keys(Traits.unpack(traits.pack()))
        assert all(-(2**63) <= key < 2**63 for key in blocking_keys(traits))

    @given(identities)
    def test_company_outcome_is_total(self, identity):
        traits = traits_of(replace(identity, organization=True))
        assert company_outcome(traits, traits) in ("", "same", "same, short")


def traits_keys(identity: Identity) -> frozenset[int]:
    return blocking_keys(traits_of(identity))
