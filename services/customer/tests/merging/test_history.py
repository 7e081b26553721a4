"""Taking a record out of a survivor's history: as if it had never been in it, with what was written since."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from taproot_customer.merging.history import Merged, rebased, without
from taproot_customer.merging.survivorship import SINGLE, Record, survive

T0 = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
WRITTEN = ("industry", "note", "tags", "identifiers", "custom", "key_account")


def fields(**values: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "identifiers": [],
        "addresses": [],
        "tags": [],
        "custom": {},
        "key_account": False,
    }
    return dict.fromkeys(SINGLE, "") | empty | values


def identifier(value: str) -> dict[str, Any]:
    return {"kind": "phone", "value": value, "normal": value, "label": "", "primary": False}


def own(number: int) -> st.SearchStrategy[dict[str, Any]]:
    """Values only this record has, so that it can be told where each came from."""
    return st.builds(
        lambda industry, note, tags, phones, keys: fields(
            industry=industry and f"i{number}",
            note=note and f"n{number}",
            tags=[f"t{number}{n}" for n in range(tags)],
            identifiers=[identifier(f"p{number}{n}") for n in range(phones)],
            custom={key: f"c{number}{key}" for key in keys},
        ),
        st.booleans(),
        st.booleans(),
        st.integers(0, 2),
        st.integers(0, 2),
        st.sets(st.sampled_from("xy")),
    )


@dataclass(frozen=True)
class History:
    """Sources of each merge, and what is written after it."""

    survivor: dict[str, Any]
    merges: list[list[Record]]
    choices: list[dict[str, str]]
    writes: list[dict[str, str]]


@st.composite
def histories(draw: st.DrawFn) -> History:
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    merges, number = [], 0
    for size in sizes:
        sources = []
        for _ in range(size):
            number += 1
            day = T0 + dt.timedelta(days=draw(st.integers(0, 3)))
            sources.append(Record(f"r{number}", day, draw(own(number))))
        merges.append(sources)
    names = st.sampled_from(("industry", "note", "tags", "identifiers", "custom"))
    choices = []
    for sources in merges:
        ids = st.sampled_from(["s", *(s.id for s in sources)])
        choices.append(draw(st.dictionaries(names, ids, max_size=2)))
    writes = [{name: f"w{n}{name}" for name in draw(st.sets(names))} for n in range(len(sizes))]
    return History(draw(own(0)), merges, choices, writes)


def written(state: Mapping[str, Any], write: Mapping[str, str]) -> dict[str, Any]:
    """What people write, always something nobody had before."""
    result = dict(state)
    for name, value in write.items():
        if name == "custom":
            result[name] = {**state[name], "x": value}
        elif name == "identifiers":
            result[name] = [*state[name], identifier(value)]
        elif name == "tags":
            result[name] = [*state[name], value]
        else:
            result[name] = value
    return result


def played(history: History, out: Sequence[str] = ()) -> tuple[list[Merged], dict[str, Any]]:
    """The history from the start, without some of the records."""
    state, merges = dict(history.survivor), []
    for sources, choices, write in zip(history.merges, history.choices, history.writes, strict=True):
        left = [record for record in sources if record.id not in out]
        known = {"s", *(record.id for record in left)}
        chosen = {name: key for name, key in choices.items() if key in known}
        after = survive(Record("s", T0, state), left, chosen).fields
        merges.append(Merged(uuid.uuid4(), T0, state, after, chosen, tuple(left)))
        state = written(after, write)
    return merges, state


def essence(state: Mapping[str, Any]) -> dict[str, Any]:
    """Without the order of lists, which tells who came first."""
    plain = {name: state[name] or None for name in WRITTEN if name not in ("tags", "identifiers")}
    return plain | {
        "tags": sorted(state["tags"]),
        "identifiers": sorted(i["normal"] for i in state["identifiers"]),
    }


@given(histories(), st.data())
def test_records_leave_in_any_order_as_if_they_had_never_come(history: History, data: st.DataObject) -> None:
    merges, state = played(history)
    ids = [record.id for sources in history.merges for record in sources]
    leaving = data.draw(st.permutations(ids))[: data.draw(st.integers(1, len(ids)))]
    for position, source_id in enumerate(leaving, 1):
        first = next(n for n, merge in enumerate(merges) if source_id in {r.id for r in merge.sources})
        rewritten, now = without("s", merges[first:], source_id, state)
        merges, state = merges[:first] + rewritten, dict(now)
        assert essence(state) == essence(played(history, leaving[:position])[1])


@given(histories())
def test_when_all_have_left_the_survivor_is_itself_again(history: History) -> None:
    unwritten = History(history.survivor, history.merges, history.choices, [{}] * len(history.merges))
    merges, state = played(unwritten)
    for number, sources in enumerate(history.merges):
        for record in sources:
            rewritten, now = without("s", merges[number:], record.id, state)
            merges, state = merges[:number] + rewritten, dict(now)
    assert essence(state) == essence(history.survivor)


def test_what_was_taken_away_since_stays_away() -> None:
    base = fields(tags=["a", "b"], custom={"x": "1", "y": "2"}, industry="steel")
    current = fields(tags=["b"], custom={"y": "2"}, industry="")
    target = fields(tags=["a", "b", "c"], custom={"x": "1"}, industry="wool")
    found = rebased(current, base, target)
    assert (found["tags"], found["custom"], found["industry"]) == (["b", "c"], {}, "")
