import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_customer.merging.survivorship import SINGLE, Record, UnknownChoice, survive

T0 = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def record(key: str, day: int = 0, **fields: Any) -> Record:
    return Record(key, T0 + dt.timedelta(days=day), fields)


texts = st.one_of(st.none(), st.text(max_size=3))
fields = st.fixed_dictionaries(
    {
        **dict.fromkeys(SINGLE, texts),
        "tags": st.lists(st.sampled_from("abcd"), unique=True),
        "identifiers": st.lists(
            st.builds(
                lambda k, v, p: {"kind": k, "value": v, "normal": v, "primary": p},
                st.sampled_from(["PHONE", "EMAIL"]),
                st.sampled_from("123"),
                st.booleans(),
            )
        ),
        "custom": st.dictionaries(st.sampled_from("xyz"), texts),
        "key_account": st.booleans(),
    }
)


@st.composite
def records(draw: st.DrawFn) -> list[Record]:
    drawn = draw(st.lists(st.tuples(fields, st.integers(0, 3)), min_size=1, max_size=4))
    return [Record(f"r{i}", T0 + dt.timedelta(days=day), f) for i, (f, day) in enumerate(drawn)]


class TestSurvive:
    def test_survivor_first_then_newest(self) -> None:
        merged = survive(
            record("a", industry="steel", note=""),
            [record("b", 1, industry="wool", note="old"), record("c", 2, note="new")],
            {},
        )
        assert merged.fields["industry"] == "steel"
        assert merged.fields["note"] == "new"
        assert merged.origins == {"industry": "a", "note": "c"}

    def test_choice_wins_even_when_empty(self) -> None:
        merged = survive(record("a", industry="steel"), [record("b")], {"industry": "b"})
        assert merged.fields["industry"] is None

    @pytest.mark.parametrize("choice", [{"owner_id": "b"}, {"industry": "z"}])
    def test_refuses_unknown_choice(self, choice: dict[str, str]) -> None:
        with pytest.raises(UnknownChoice):
            survive(record("a"), [record("b")], choice)

    def test_one_primary_per_kind(self) -> None:
        phone = {"kind": "PHONE", "value": "1", "normal": "1", "primary": True}
        other = {**phone, "value": "2", "normal": "2"}
        merged = survive(record("a", identifiers=[phone]), [record("b", identifiers=[other, phone])], {})
        assert [(i["value"], i["primary"]) for i in merged.fields["identifiers"]] == [
            ("1", True),
            ("2", False),
        ]

    @given(records(), st.randoms())
    def test_order_of_sources_does_not_matter(self, given_records: list[Record], random: Any) -> None:
        survivor, *sources = given_records
        shuffled = list(sources)
        random.shuffle(shuffled)
        assert survive(survivor, sources, {}) == survive(survivor, shuffled, {})

    @given(records())
    def test_nothing_united_is_lost(self, given_records: list[Record]) -> None:
        merged = survive(given_records[0], given_records[1:], {}).fields
        for each in given_records:
            assert set(each.fields["tags"]) <= set(merged["tags"])
            kept = {(i["kind"], i["normal"]) for i in merged["identifiers"]}
            assert {(i["kind"], i["normal"]) for i in each.fields["identifiers"]} <= kept
            assert {k for k, v in each.fields["custom"].items() if v is not None} <= set(merged["custom"])

    @given(records())
    def test_is_a_fixed_point(self, given_records: list[Record]) -> None:
        survivor, *sources = given_records
        once = survive(survivor, sources, {}).fields
        again = survive(Record(survivor.id, survivor.update_time, once), sources, {}).fields
        assert again == once
