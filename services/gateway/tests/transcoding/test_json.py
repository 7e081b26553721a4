"""Compiled JSON equals `json_format`'s, for random messages of every type in the contracts."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson
import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import Int64Value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taproot.customer.v1.customer_pb2 import Address, Customer
from taproot_gateway.transcoding import contracts
from taproot_gateway.transcoding.contracts import is_map
from taproot_gateway.transcoding.input import Decoders, Violation, Violations
from taproot_gateway.transcoding.output import Encoders

ENCODERS = Encoders()
DECODERS = Decoders()


def messages(found: list[Descriptor]) -> list[Descriptor]:
    for message in list(found):
        found += messages([nested for nested in message.nested_types if not nested.GetOptions().map_entry])
    return found


ALL = messages([m for file in contracts.load().files for m in file.message_types_by_name.values()])

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | TEXT | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
NANOS = st.sampled_from([0, 1, 1_000, 120_000_000, 123_456_000, 999_999_999]) | st.integers(0, 999_999_999)


def duration(seconds: int, nanos: int) -> Duration:
    return Duration(seconds=seconds, nanos=-nanos if seconds < 0 else nanos)


def any_of(inner: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(inner)
    return packed


TIMES = st.builds(Timestamp, seconds=st.integers(-62_135_596_800, 253_402_300_799), nanos=NANOS)
WELL_KNOWN: dict[str, st.SearchStrategy[Any]] = {
    "google.protobuf.Timestamp": TIMES,
    "google.protobuf.Duration": st.builds(duration, st.integers(-315_576_000_000, 315_576_000_000), NANOS),
    "google.protobuf.FieldMask": st.builds(
        FieldMask, paths=st.lists(st.sampled_from(["name", "display_name", "custom.some_key"]), max_size=3)
    ),
    "google.protobuf.Struct": st.dictionaries(TEXT, JSON_VALUES, max_size=4).map(
        lambda value: json_format.ParseDict(value, Struct())
    ),
    "google.protobuf.Value": JSON_VALUES.map(lambda value: json_format.ParseDict(value, Value())),
    "google.protobuf.ListValue": st.lists(JSON_VALUES, max_size=3).map(
        lambda value: json_format.ParseDict(value, ListValue())
    ),
    "google.protobuf.Any": st.one_of(
        st.just(AnyMessage()),
        TIMES.map(any_of),
        st.builds(Address, city=TEXT, lines=st.lists(TEXT, max_size=2)).map(any_of),
        st.builds(Int64Value, value=st.integers(-(2**63), 2**63 - 1)).map(any_of),
        st.dictionaries(TEXT, JSON_VALUES, max_size=2)
        .map(lambda value: json_format.ParseDict(value, Struct()))
        .map(any_of),
    ),
}
F = FieldDescriptor
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    F.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    F.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    F.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    F.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    F.CPPTYPE_DOUBLE: st.floats(),
    F.CPPTYPE_FLOAT: st.floats(width=32),
    F.CPPTYPE_BOOL: st.booleans(),
}


def scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values])
    if field.type == F.TYPE_BYTES:
        return st.binary(max_size=8)
    return SCALARS.get(field.cpp_type, TEXT)


def single(draw: st.DrawFn, field: FieldDescriptor, depth: int) -> Any:
    if field.message_type is not None:
        return fill(draw, field.message_type, depth + 1)
    return draw(scalar(field))


def fill(draw: st.DrawFn, descriptor: Descriptor, depth: int) -> Message:
    if descriptor.full_name in WELL_KNOWN:
        made: Message = draw(WELL_KNOWN[descriptor.full_name])
        return made
    message = message_factory.GetMessageClass(descriptor)()
    names = [field.name for field in descriptor.fields]
    chosen = draw(st.sets(st.sampled_from(names), max_size=6 if depth == 0 else 2)) if names else set()
    for name in sorted(chosen) if depth < 4 else []:
        put(draw, message, descriptor.fields_by_name[name], depth)
    return message


def put(draw: st.DrawFn, message: Message, field: FieldDescriptor, depth: int) -> None:
    if is_map(field):
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        for made in draw(st.sets(scalar(key), max_size=2)):
            inner = single(draw, value, depth)
            target = getattr(message, field.name)
            if isinstance(inner, Message):
                target[made].CopyFrom(inner)
            else:
                target[made] = inner
    elif field.is_repeated:
        getattr(message, field.name).extend(
            [single(draw, field, depth) for _ in range(draw(st.integers(0, 2)))]
        )
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(single(draw, field, depth))
    else:
        setattr(message, field.name, single(draw, field, depth))


def decode(message_type: Any, value: Any) -> tuple[Message | None, list[Violation]]:
    violations = Violations()
    made = DECODERS.decoder(message_type.DESCRIPTOR)(value, "", violations)
    if violations.found:
        return None, violations.found
    return (message_type(**made) if isinstance(made, dict) else made), []


def same(left: Any, right: Any) -> bool:
    """Equality in which NaN equals itself."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@pytest.mark.parametrize("descriptor", ALL, ids=lambda one: one.full_name)
def test_compiled_json_equals_json_format(descriptor: Descriptor) -> None:
    # A property of its own for each message: the settings of a parametrized one grow by a link per parameter,
    # and a thousand messages are more links than Python follows.
    @settings(
        max_examples=6,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(message=st.composite(lambda draw: fill(draw, descriptor, 0))())
    def agrees(message: Message) -> None:
        expected = json_format.MessageToDict(message, preserving_proto_field_name=True)
        encoded = orjson.loads(orjson.dumps(ENCODERS.encoder(descriptor)(message)))
        assert same(encoded, json.loads(json.dumps(expected)))

        camel = orjson.loads(json.dumps(json_format.MessageToDict(message)))
        for form in (encoded, camel):
            back, violations = decode(type(message), form)
            assert violations == []
            reference = json_format.ParseDict(form, type(message)())
            assert back is not None
            assert same(json_format.MessageToDict(back), json_format.MessageToDict(reference))
            if "@type" not in json.dumps(form):  # the bytes inside an Any have no fixed order of map entries
                assert back == reference or "NaN" in json.dumps(form)

    agrees()


class TestReading:
    def test_every_violation_is_listed_with_its_path(self) -> None:
        _, found = decode(
            Customer,
            {
                "kind": "ALIEN",
                "displayName": 1,
                "identifiers": [{"kind": "PHONE", "value": 3}, None, 4],
                "nope": 1,
                "birth_date": {"year": "x"},
                "create_time": "yesterday",
                "tags": "vip",
            },
        )
        assert [one.field for one in found] == [
            "kind", "display_name", "identifiers[0].value", "identifiers[1]", "identifiers[2]",
            "nope", "birth_date.year", "create_time", "tags",
        ]  # fmt: skip

    def test_short_and_numeric_enum_names_are_read(self) -> None:
        for value in ("CUSTOMER_KIND_PERSON", "PERSON", 1, "1"):
            assert decode(Customer, {"kind": value})[0] == Customer(kind=1)

    def test_both_field_names_are_read_but_not_together(self) -> None:
        assert decode(Customer, {"displayName": "a"})[0] == decode(Customer, {"display_name": "a"})[0]
        assert decode(Customer, {"displayName": "a", "display_name": "b"})[1] == [
            Violation("display_name", "is given twice")
        ]

    def test_null_is_absent(self) -> None:
        assert decode(Customer, {"note": None, "birth_date": None, "tags": None})[0] == Customer()

    @pytest.mark.parametrize(
        "value",
        ["2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", 5, "", "0001-01-01T00:00:00+01:00"],
    )
    def test_a_time_that_is_none_is_refused(self, value: Any) -> None:
        assert [one.field for one in decode(Customer, {"create_time": value})[1]] == ["create_time"]

    def test_offsets_and_nanoseconds_are_kept(self) -> None:
        made, _ = decode(Customer, {"create_time": "2026-01-01T08:00:00.123456789+08:00"})
        assert made == Customer(create_time=Timestamp(seconds=1_767_225_600, nanos=123_456_789))

    def test_endless_nesting_is_refused(self) -> None:
        deep: Any = 1
        for _ in range(300):
            deep = {"a": deep}
        assert decode(Customer, {"custom": deep})[1] == [
            Violation("custom", "is nested deeper than 100 levels")
        ]

    def test_numbers_outside_their_range_are_refused(self) -> None:
        from google.type.date_pb2 import Date

        for value in (2**31, 1.5, True, "1_0", " 1", math.inf, []):
            assert [one.field for one in decode(Date, {"year": value})[1]] == ["year"]
        assert decode(Date, {"year": "2026", "month": 3.0})[0] == Date(year=2026, month=3)
