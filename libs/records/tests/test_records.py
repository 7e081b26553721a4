"""What a caller may give and change, and how a resource is listed."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from records_contract import Job, JobMessage

from taproot_base.errors import InvalidArgument
from taproot_listing.fields import FieldType
from taproot_listing.filter_sql import filter_sql
from taproot_records.reading import resource_of
from taproot_records.writing import changes, given, patched
from taproot_storage.reads import filter_of


def test_given_holds_what_was_set_and_columns_default_the_rest() -> None:
    values = given(JobMessage(id="x", etag="1", name="Paint"), Job)
    assert values == {"name": "Paint"}
    job = Job(**values)
    assert (job.state, job.rank, job.labels, job.custom) == ("short", 100, [], {})


def test_a_null_in_custom_means_nothing_on_create() -> None:
    message = JobMessage()
    message.custom.update({"colour": None, "coats": 2})
    assert given(message, Job) == {"custom": {"coats": 2}}


def test_custom_changes_as_a_merge_patch() -> None:
    message = JobMessage()
    message.custom.update({"colour": None, "coats": 2})
    values = changes(message, FieldMask(), Job)
    assert patched(Job(custom={"colour": "red", "brush": "wide"}), values) == {
        "custom": {"brush": "wide", "coats": 2}
    }
    assert patched(Job(), {"name": "x"}) == {"name": "x"}


def test_the_mask_clears_what_it_names() -> None:
    assert changes(JobMessage(name="x"), FieldMask(paths=["note", "labels"]), Job) == {
        "note": None,
        "labels": [],
    }


def test_fields_of_a_verb_are_refused_with_its_name() -> None:
    with pytest.raises(InvalidArgument) as caught:
        changes(JobMessage(state=1), FieldMask(paths=["state", "name"]), Job, {"state": "FinishJob"})
    assert [(v.field, v.description) for v in caught.value.violations] == [
        ("job.state", "is changed by FinishJob only")
    ]


def test_a_resource_is_typed_by_its_columns() -> None:
    names = "id name state owner_id share done labels watcher_ids kinds day at price_amount custom search"
    fields = {field.name: field for field in resource_of("job", Job, JobMessage, names).fields}
    assert {name: field.type for name, field in fields.items()} == {
        "id": FieldType.ID, "name": FieldType.TEXT, "state": FieldType.ENUM, "owner_id": FieldType.ID,
        "share": FieldType.NUMBER, "done": FieldType.BOOLEAN, "labels": FieldType.TEXT,
        "watcher_ids": FieldType.ID, "kinds": FieldType.ENUM, "day": FieldType.DATE, "at": FieldType.INSTANT,
        "price_amount": FieldType.NUMBER, "custom": FieldType.JSON, "search": FieldType.TEXT,
    }  # fmt: skip
    assert {name for name, field in fields.items() if field.repeated} == {
        "labels",
        "watcher_ids",
        "kinds",
        "search",
    }


def test_a_condition_on_a_foreign_record_is_one_on_all_its_keys() -> None:
    resource = resource_of("job", Job, JobMessage, "id owner_id", references=("owner_id",))
    condition = filter_of(resource, f'owner_id = "{uuid.uuid4()}"')
    assert "redirects" in str(filter_sql(condition, datetime.now(UTC)))
    plain = resource_of("job", Job, JobMessage, "id owner_id")
    assert "redirects" not in str(
        filter_sql(filter_of(plain, f'owner_id = "{uuid.uuid4()}"'), datetime.now(UTC))
    )
