from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from taproot_servicedesk.dispatches.scoring import Candidate, Job, can_take, rank, score

STATION = Candidate(UUID(int=1), frozenset({"east"}), frozenset({"PC-1"}), 10, 0, Decimal(4))
JOB = Job("East", "pc-1")

candidates = st.builds(
    Candidate,
    st.integers(1, 40).map(lambda n: UUID(int=n)),
    st.frozensets(st.sampled_from(["east", "west"])),
    st.frozensets(st.sampled_from(["PC-1", "PC-2"])),
    st.integers(0, 5),
    st.integers(0, 5),
    st.one_of(st.none(), st.decimals(0, 5, places=2)),
    st.booleans(),
)


def test_a_perfect_idle_station_has_its_points_explained() -> None:
    found = score(replace(STATION, rating=Decimal(5)), JOB)
    assert found.total == Decimal(100)
    assert [part.factor for part in found.parts] == ["skill", "region", "rating", "load"]
    assert found.parts[1].explanation == "serves East"


def test_what_is_demanded() -> None:
    assert can_take(STATION, JOB)
    assert not can_take(replace(STATION, load=10), JOB)
    assert not can_take(replace(STATION, capacity=0), JOB)
    assert not can_take(STATION, replace(JOB, region="west"))
    assert not can_take(STATION, replace(JOB, product_code="PC-9"))
    assert not can_take(STATION, replace(JOB, tried=frozenset({STATION.station_id})))


def test_a_flagged_station_comes_last_but_not_never() -> None:
    flagged = replace(STATION, flagged=True, rating=Decimal(5))
    poor = Candidate(UUID(int=2), frozenset(), frozenset(), 10, 9, Decimal(0))
    assert [one.station_id for one in rank([flagged, poor], JOB)] == [poor.station_id, flagged.station_id]


@given(st.lists(candidates, max_size=8, unique_by=lambda one: one.station_id), st.randoms())
def test_order_of_input_does_not_matter(stations: list[Candidate], random: object) -> None:
    shuffled = sorted(stations, key=lambda one: (one.load, one.station_id), reverse=True)
    assert rank(stations, JOB) == rank(shuffled, JOB)
    assert all(
        can_take(one, JOB)
        for one in stations
        if one.station_id in {s.station_id for s in rank(stations, JOB)}
    )


@given(candidates.filter(lambda one: can_take(one, JOB) and one.load > 0))
def test_less_load_is_never_worse(station: Candidate) -> None:
    assert score(replace(station, load=station.load - 1), JOB).total > score(station, JOB).total
