from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as every
from hypothesis import strategies as st
from records_contract import Job, JobMessage, Kind

from taproot_base.errors import InvalidArgument
from taproot_records.mapping import literals, message_of, row_of, short_name, values_of

OWNER = "0198c0de-0000-7000-8000-000000000001"
NOW = datetime(2026, 2, 28, 8, 30, tzinfo=UTC)


def full_message() -> Any:
    message = JobMessage(
        name="Paint", note="twice", state=2, owner_id=OWNER, share="12.5", done=True, rank=7,
        labels=["a", "b"], watcher_ids=[OWNER], kinds=[1, 2],
    )  # fmt: skip
    message.day.year, message.day.month, message.day.day = 2026, 2, 28
    message.at.FromDatetime(NOW)
    message.price.amount, message.price.currency_code = "10.50", "EUR"
    message.custom.update({"colour": "red", "coats": 2})
    message.answers.update({"Any key": True})
    message.main.label, message.main.kind, message.main.limit = "wall", 2, 0
    message.main.pause.seconds = 90
    message.main.nested.label = "corner"
    message.main.day.CopyFrom(message.day)
    message.parts.add(label="door", weights=[1, 2], count=3)
    return message


def fields_of(message: Any) -> list[str]:
    return [field.name for field, _ in message.ListFields()]


def test_a_full_message_survives_the_table() -> None:
    message = full_message()
    job = Job(id=uuid.UUID(OWNER), version=3, **values_of(message, fields_of(message), Job))
    found = message_of(JobMessage, row_of(job))
    message.id, message.etag = OWNER, "3"
    # Amounts come back in the shortest form the column has; compared as numbers.
    assert Decimal(found.price.amount) == Decimal(message.price.amount)
    found.price.amount = message.price.amount
    assert found == message


def test_the_column_decides_the_type() -> None:
    values = values_of(full_message(), fields_of(full_message()), Job)
    assert values["owner_id"] == uuid.UUID(OWNER)
    assert values["watcher_ids"] == [uuid.UUID(OWNER)]
    assert values["share"] == Decimal("12.5")
    assert values["day"] == date(2026, 2, 28)
    assert values["at"] == NOW
    assert (values["price_amount"], values["price_currency"]) == (Decimal("10.50"), "EUR")
    assert (values["state"], values["kinds"]) == ("very_long", ["short", "very_long"])


def test_nested_messages_name_every_field_but_unset_ones_with_presence() -> None:
    values = values_of(full_message(), ["main", "parts"], Job)
    assert values["main"] == {
        "label": "wall",
        "kind": "very_long",
        "day": "2026-02-28",
        "pause": "90s",
        "nested": {"label": "corner", "kind": "", "weights": []},
        "weights": [],
        "limit": 0,
    }
    assert values["parts"] == [{"label": "door", "kind": "", "weights": [1, 2], "count": 3}]


def test_what_is_cleared_is_stored_as_nothing() -> None:
    names = ["note", "owner_id", "share", "rank", "day", "at", "price", "main", "parts", "state"]
    assert values_of(JobMessage(), names, Job) == {
        "note": None, "owner_id": None, "share": None, "rank": 100, "day": None, "at": None, "price_amount": None,
        "price_currency": None, "main": {}, "parts": [], "state": "",
    }  # fmt: skip


def test_every_bad_value_is_named_at_once() -> None:
    message = JobMessage(owner_id="nobody")
    message.custom.update({"Not a key": 1})
    message.day.year, message.day.month, message.day.day = 2026, 2, 30
    with pytest.raises(InvalidArgument) as caught:
        values_of(message, ["owner_id", "custom", "day"], Job)
    assert {violation.field for violation in caught.value.violations} == {
        "job.owner_id",
        "job.custom.Not a key",
        "job.day",
    }


def test_fields_without_a_column_stay_empty() -> None:
    assert message_of(JobMessage, {"name": "Paint"}) == JobMessage(name="Paint")


def test_enums_are_stored_by_short_name() -> None:
    assert [short_name(Kind, number) for number in (0, 1, 2)] == ["", "short", "very_long"]
    assert literals(Kind) == {
        "KIND_SHORT": "short",
        "SHORT": "short",
        "KIND_VERY_LONG": "very_long",
        "VERY_LONG": "very_long",
    }


@every(
    label=st.text(max_size=20),
    kind=st.integers(0, 2),
    weights=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
    flag=st.none() | st.booleans(),
    goal=st.sampled_from(("limit", "count", "")),
    day=st.none() | st.dates(),
)
def test_any_part_survives_json(
    label: str, kind: int, weights: list[int], flag: bool | None, goal: str, day: date | None
) -> None:
    message = JobMessage()
    part = message.parts.add(label=label, kind=kind, weights=weights)
    if flag is not None:
        part.flag = flag
    if goal:
        setattr(part, goal, 0)
    if day is not None:
        part.day.year, part.day.month, part.day.day = day.year, day.month, day.day
    assert message_of(JobMessage, values_of(message, ["parts"], Job)) == message
