"""Every table and every field has a decision: what is new and undecided fails here."""

from __future__ import annotations

import importlib

import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor

from taproot_base.descriptors import is_map, is_repeated, sensitive_fields
from taproot_records.privacy.holdings import says_something
from taproot_records.privacy.redaction import PLAIN, kind_of, redact
from taproot_storage.schema import metadata as shared

SERVICES = ("customer", "sales", "servicedesk", "marketing", "gateway")
MARK = "Zaphod"
DEPTH = 6


def definition(service):
    return importlib.import_module(f"taproot_{service}.main").DEFINITION


def holdings(service):
    return importlib.import_module(f"taproot_{service}.privacy.holdings").HOLDINGS


def tables(service):
    own = {kind.metadata for kind in definition(service).encoders}
    return {table.name: table for one in (shared, *own) for table in one.tables.values()}


@pytest.mark.parametrize("service", SERVICES)
class TestTables:
    def test_every_table_has_a_decision(self, service):
        missing = sorted(tables(service).keys() - holdings(service).decided().keys())
        assert missing == [], "say in privacy/holdings.py what these hold of a person"

    def test_no_decision_is_left_over(self, service):
        assert sorted(holdings(service).decided().keys() - tables(service).keys() - {"alembic_version"}) == []

    def test_every_column_that_stays_was_decided(self, service):
        """Of rows that stay, each column that can say who somebody is goes or stays by name."""
        undecided = [
            f"{one.table.name}.{column.name}"
            for one in holdings(service).all
            if (one.blank or one.fill) and not _only_ids(one)
            for column in one.table.c
            if says_something(column) and column.name not in {*one.blank, *one.fill, *one.keep}
        ]
        assert undecided == []

    def test_rows_that_stay_say_why(self, service):
        assert [one.table.name for one in holdings(service).all if one.blank and not one.retention] == []

    def test_nothing_sensitive_stays(self, service):
        """A column named like a sensitive field of its record cannot be kept."""
        kept = [
            f"{one.table.name}.{name}"
            for one in holdings(service).all
            for name in one.keep
            if name in _sensitive_of(service, one.table)
        ]
        assert kept == []

    def test_the_log_knows_the_message_of_every_event(self, service):
        own = holdings(service).service
        aggregates = {kind.aggregate_type for kind in definition(service).encoders}
        assert [name for name in sorted(aggregates) if kind_of(own, f"{name}.changed") is None] == []


def _only_ids(one):
    return not any(says_something(one.table.c[name]) for name in (*one.blank, *one.fill))


def _sensitive_of(service, table):
    found = set()
    for kind in definition(service).encoders:
        if kind.__table__ is table:
            event = kind_of(holdings(service).service, f"{kind.aggregate_type}.changed").DESCRIPTOR
            record = event.fields[0].message_type
            found |= {field.name for field, sense in sensitive_fields(record) if sense != "financial"}
    return found


def events():
    pool = descriptor_pool.Default()
    found = {}
    for service in SERVICES:
        own = holdings(service).service
        for kind in definition(service).encoders:
            message = kind_of(own, f"{kind.aggregate_type}.changed")
            found[message.DESCRIPTOR.full_name] = pool.FindMessageTypeByName(message.DESCRIPTOR.full_name)
    return found


@pytest.mark.parametrize("name", sorted(events()))
def test_a_rewritten_event_says_nothing_but_ids_and_numbers(name):
    message = message_factory.GetMessageClass(events()[name])()
    fill(message)
    assert MARK.encode() in message.SerializeToString()
    redact(message)
    assert sorted({path.rpartition(".")[2] for path in marked(message)} - PLAIN) == []


def fill(message, depth=0):
    """Every field of text says the mark, at every depth."""
    for field in message.DESCRIPTOR.fields:
        if is_map(field):
            continue
        if field.message_type is not None:
            if depth < DEPTH:
                below = getattr(message, field.name)
                fill(below.add() if is_repeated(field) else _present(below), depth + 1)
        elif field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            value = MARK if field.type == FieldDescriptor.TYPE_STRING else MARK.encode()
            if is_repeated(field):
                getattr(message, field.name).append(value)
            elif not field.containing_oneof or field.containing_oneof.fields[0] is field:
                setattr(message, field.name, value)


def _present(message):
    message.SetInParent()
    return message


def marked(message, path=""):
    for field, value in message.ListFields():
        here = f"{path}.{field.name}"
        if is_map(field):
            yield here
        elif field.message_type is not None:
            for one in value if is_repeated(field) else [value]:
                yield from marked(one, here)
        elif MARK in str(value) or MARK.encode() in (value if isinstance(value, bytes) else b""):
            yield here


def test_what_stays_in_events_is_never_sensitive():
    pool = descriptor_pool.Default()
    seen, waiting = set(), [pool.FindMessageTypeByName(name) for name in events()]
    wrong = []
    while waiting:
        kind = waiting.pop()
        if kind.full_name in seen:
            continue
        seen.add(kind.full_name)
        wrong += [
            field.full_name
            for field, sense in sensitive_fields(kind)
            if field.name in PLAIN and sense != "financial"
        ]
        waiting += [field.message_type for field in kind.fields if field.message_type is not None]
    assert wrong == []
