"""Fields that are stored otherwise than by their own name."""

from __future__ import annotations

from google.protobuf.field_mask_pb2 import FieldMask
from records_contract import Job, JobMessage

from taproot_records.conversions import Conversion, Conversions

LOUD = Conversions(
    Conversion(
        "name", "note", lambda m: m.name.upper(), lambda message, stored: setattr(message, "name", stored)
    )
)


def test_an_odd_field_is_given_under_its_column() -> None:
    assert LOUD.given(JobMessage(name="paint", share="1"), Job) | {"share": None} == {
        "note": "PAINT",
        "share": None,
    }
    assert LOUD.given(JobMessage(), Job) == {}


def test_an_odd_field_is_changed_alone_or_with_others() -> None:
    message = JobMessage(name="paint", done=True)
    assert LOUD.changes(message, FieldMask(paths=["name"]), Job) == {"note": "PAINT"}
    assert LOUD.changes(message, FieldMask(paths=["name", "done"]), Job) == {"note": "PAINT", "done": True}
    assert LOUD.changes(message, FieldMask(), Job) == {"note": "PAINT", "done": True}
    assert LOUD.changes(JobMessage(), FieldMask(paths=["name"]), Job) == {"note": ""}


def test_what_is_stored_is_written_unless_it_is_null() -> None:
    message = JobMessage()
    LOUD.fill(message, {"note": None})
    assert message.name == ""
    LOUD.fill(message, {"note": "PAINT"})
    assert message.name == "PAINT"
