"""Objects between protobuf and columns."""

from __future__ import annotations

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from taproot.customer.events.v1.object_event_pb2 import ObjectEvent
from taproot.customer.v1 import object_pb2 as pb
from taproot_base.errors import InvalidArgument
from taproot_custom.catalogue import known
from taproot_customer.objects.model import CustomObject
from taproot_records.checks import Checks
from taproot_records.mapping import Values, message_of, row_of
from taproot_records.writing import changes, given
from taproot_storage.eventlog import Recorded
from taproot_storage.updates import ADDRESSING, changed_fields, custom_values, merge_patch


def to_event(thing: CustomObject, _recorded: Recorded) -> ObjectEvent:
    return ObjectEvent(object=message_of(pb.Object, row_of(thing)))


def new_values(message: pb.Object) -> Values:
    """Columns of a new object. Raises InvalidArgument with every violation."""
    checks, values, custom = Checks(), Values(), dict[str, Any]()
    with checks:
        if not message.type:
            raise InvalidArgument([("object.type", "is required")])
    with checks:
        values = given(_without_custom(message), CustomObject)
    with checks:
        custom = merge_patch({}, _custom(message))
    with checks:
        present = [
            key for key, value in message.custom.fields.items() if value.WhichOneof("kind") != "null_value"
        ]
        if missing := known().missing(f"objects_{message.type}", present, "object.custom"):
            raise InvalidArgument(missing)
    checks.done()
    return values | {"custom": custom}


def changed_values(message: pb.Object, mask: FieldMask) -> Values:
    names = changed_fields(message, mask, addressing={*ADDRESSING, "type"})
    plain = FieldMask(paths=[name for name in names if name not in ("custom", "type")])
    values = changes(message, plain, CustomObject) if plain.paths else Values()
    return values | ({"custom": _custom(message)} if "custom" in names else {})


def _without_custom(message: pb.Object) -> pb.Object:
    plain = pb.Object()
    plain.CopyFrom(message)
    plain.ClearField("custom")
    return plain


def _custom(message: pb.Object) -> dict[str, Any]:
    values, wrong = known().checked(f"objects_{message.type}", custom_values(message.custom), "object.custom")
    if wrong:
        raise InvalidArgument(wrong)
    return values
