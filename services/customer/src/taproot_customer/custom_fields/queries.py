"""Reads of custom fields."""

from __future__ import annotations

from taproot.customer.v1 import custom_field_pb2 as pb
from taproot_customer.custom_fields.messages import CONVERSIONS
from taproot_customer.custom_fields.model import CustomField
from taproot_records.reading import Shelf, resource_of

RESOURCE = resource_of(
    "custom_field",
    CustomField,
    pb.CustomField,
    "id resource_type key type required unique filterable searchable sensitivity section position state reference_type"
    " create_time update_time",
    order="resource_type, position, key",
)
SHELF = Shelf(RESOURCE, CustomField, pb.CustomField, CONVERSIONS.fill)
