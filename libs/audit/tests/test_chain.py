"""The chain of the audit: whatever is altered, taken out, put in or moved is found, and named."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from taproot_audit.chain import Block, Chain, Fault, seal
from taproot_audit.checks import _Numbers, verify_export
from taproot_base.auth import TokenMinter, TokenVerifier

KEY, FOREIGN = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
SIGN = TokenMinter(KEY, "service:test").sign
SIGNED = TokenVerifier({"service:test": KEY.public_key()}).signed
START = datetime(2026, 1, 1, tzinfo=UTC)
Sealed = list[tuple[Block, list[dict[str, Any]]]]


def event(number: int) -> dict[str, Any]:
    return {
        "number": number,
        "time": (START + timedelta(seconds=number)).isoformat(),
        "principal": f"user-{number % 3}",
        "record_ids": [f"record-{number}"],
        "outcome": "OK",
    }


def sealed(sizes: list[int]) -> Sealed:
    """Numbers of neighbouring blocks are interleaved, as late commits make them."""
    found: Sealed = []
    numbers = list(range(1, sum(sizes) + 1))
    for turn, size in enumerate(sizes):
        taken = sorted(numbers[: size + turn % 2][-size:])
        numbers = [number for number in numbers if number not in taken]
        events = [event(number) for number in taken]
        previous = found[-1][0] if found else None
        found.append((seal("test", previous, events, START + timedelta(minutes=turn), SIGN), events))
    return found


def exported(chain: Sealed) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [{"export": {"service": "test", "after": {"number": 0, "hash": "00" * 32}}}]
    for block, events in chain:
        lines += [{"block": block.as_json()}, *({"event": one} for one in events)]
    lines.append({"end": {"blocks": len(chain), "hash": chain[-1][0].hash.hex()}})
    read: list[dict[str, Any]] = orjson.loads(orjson.dumps(lines))
    return read


def check(lines: list[dict[str, Any]]) -> Any:
    return verify_export([orjson.dumps(line) for line in lines], "test", SIGNED)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all leaves."""
    if isinstance(value, dict):
        return [found for key, one in value.items() for found in places(one, (*path, key))]
    if isinstance(value, list):
        return [found for at, one in enumerate(value) for found in places(one, (*path, at))]
    return [path]


def altered(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    last = value[-1:]
    return value[:-1] + ("0" if last != "0" else "1")


SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@given(SIZES)
def test_what_nobody_touched_is_in_order(sizes):
    found = check(exported(sealed(sizes)))
    assert (found.blocks, found.events) == (len(sizes), sum(sizes))


@given(SIZES, st.data())
def test_any_single_alteration_is_found(sizes, data):
    lines = exported(sealed(sizes))
    path = data.draw(st.sampled_from(places(lines)))
    place: Any = lines
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = altered(place[path[-1]])
    with pytest.raises(Fault):
        check(lines)


@given(SIZES, st.data())
def test_any_line_taken_out_is_found(sizes, data):
    lines = exported(sealed(sizes))
    del lines[data.draw(st.integers(0, len(lines) - 1))]
    with pytest.raises(Fault):
        check(lines)


@given(SIZES, st.data())
def test_any_line_put_in_is_found(sizes, data):
    lines = exported(sealed(sizes))
    new = data.draw(st.sampled_from([copy.deepcopy(line) for line in lines] + [{"event": event(99)}]))
    lines.insert(data.draw(st.integers(0, len(lines))), new)
    with pytest.raises(Fault):
        check(lines)


@given(SIZES, st.data())
def test_any_two_lines_that_change_places_are_found(sizes, data):
    lines = exported(sealed(sizes))
    one, other = data.draw(st.lists(st.integers(0, len(lines) - 1), min_size=2, max_size=2, unique=True))
    lines[one], lines[other] = lines[other], lines[one]
    with pytest.raises(Fault):
        check(lines)


@given(SIZES, st.data())
def test_whole_blocks_taken_out_or_moved_are_found(sizes, data):
    chain = sealed([*sizes, 1])
    order = data.draw(st.permutations(range(len(chain))))
    kept = order[: data.draw(st.integers(1, len(order)))]
    if kept != list(
        range(len(kept))
    ):  # a beginning of the chain is a chain; the anchored head tells it apart
        with pytest.raises(Fault):
            check(exported([chain[at] for at in kept]))


def test_a_chain_sealed_anew_with_another_key_is_found():
    forged = seal("test", None, [event(1)], START, TokenMinter(FOREIGN, "service:test").sign)
    with pytest.raises(Fault, match="block 1 was forged"):
        Chain("test", SIGNED).check(forged, [event(1)])
    unknown = seal("test", None, [event(1)], START, TokenMinter(FOREIGN, "service:other").sign)
    with pytest.raises(Fault, match="not known here: service:other"):
        Chain("test", SIGNED).check(unknown, [event(1)])


def test_a_block_sealed_anew_with_the_right_key_breaks_the_chain_behind_it():
    """Whoever has the key too must seal anew everything behind: against that there is the head in the log."""
    (first, events), (second, more), (third, rest) = sealed([2, 2, 2])
    forged = [{**one, "outcome": "DENIED"} for one in more]
    replaced = seal("test", first, forged, START + timedelta(minutes=1), SIGN)
    following = Chain("test", SIGNED, head=second.hash.hex())
    following.check(first, events)
    following.check(replaced, forged)
    with pytest.raises(Fault, match="block 3 does not continue the block before it"):
        following.check(third, rest)
    with pytest.raises(Fault, match="no block has the hash"):
        following.check_head()


class TestTheFirstFaultIsNamed:
    def fault(self, change: Any) -> str:
        chain = [(block, list(events)) for block, events in sealed([2, 2, 2])]
        change(chain)
        following = Chain("test", SIGNED)
        with pytest.raises(Fault) as caught:
            for block, events in chain:
                following.check(block, events)
        return str(caught.value)

    def test_altered_event(self):
        assert self.fault(lambda c: c[1][1][0].update(outcome="DENIED")).startswith(
            "event 4 was altered: block 2"
        )

    def test_missing_event(self):
        assert self.fault(lambda c: c[0][1].pop()) == "event 2 is missing: block 1 holds it"

    def test_inserted_event(self):
        assert self.fault(lambda c: c[2][1].append(event(50))).startswith("event 50 was inserted: block 3")

    def test_moved_event(self):
        assert "out of its place in block 1" in self.fault(lambda c: c[0][1].reverse())

    def test_missing_block(self):
        assert self.fault(lambda c: c.pop(1)).startswith("block 2 is missing: block 3")

    def test_moved_block(self):
        assert "block 2 is missing" in self.fault(lambda c: c.insert(1, c.pop(2)))

    def test_an_event_gone_before_it_was_sealed(self):
        block = seal("test", None, [event(1), 2], START, SIGN)
        with pytest.raises(Fault, match="event 2 was deleted before block 1 was sealed"):
            Chain("test", SIGNED).check(block, [event(1)])


@given(st.lists(st.integers(0, 60), unique=True), st.integers(-1, 61))
def test_spans_of_numbers_are_a_set(numbers, asked):
    spans = _Numbers()
    for number in numbers:
        spans.add(number)
    assert (asked in spans) == (asked in numbers)
    assert len(spans._starts) == sum(1 for number in numbers if number - 1 not in numbers)
