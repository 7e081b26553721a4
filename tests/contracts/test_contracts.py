"""What every contract must say, checked over the whole descriptor image."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool

from taproot.options.v1 import options_pb2
from taproot_customer.timeline.permissions import PERMISSIONS, UNKNOWN

IMAGE = descriptor_pb2.FileDescriptorSet.FromString((files("taproot_contracts") / "image.binpb").read_bytes())
POOL = descriptor_pool.DescriptorPool()
for _file in IMAGE.file:
    POOL.Add(_file)
OURS = [POOL.FindFileByName(f.name) for f in IMAGE.file if f.package.startswith("taproot.")]
METHODS = [m for f in OURS for s in f.services_by_name.values() for m in s.methods]
WORDS = {"public", "authenticated", "portal", "internal"}


def options(method):
    """Options seen with the extensions of this process."""
    return descriptor_pb2.MethodOptions.FromString(method.GetOptions().SerializeToString())


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.full_name)
class TestEveryMethod:
    def test_says_who_may_call_it(self, method):
        permission = options(method).Extensions[options_pb2.access].permission
        assert permission in WORDS or re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", permission)

    def test_has_a_way_in_by_rest_unless_internal(self, method):
        rule = options(method).Extensions[annotations_pb2.http]
        internal = options(method).Extensions[options_pb2.access].permission == "internal"
        assert internal or rule.WhichOneof("pattern")

    def test_takes_a_page_when_it_lists(self, method):
        if not method.name.startswith("List"):
            return
        fields = set(method.input_type.fields_by_name)
        assert {"page_size", "page_token"} <= fields
        assert "next_page_token" in method.output_type.fields_by_name

    def test_can_be_repeated_safely_when_it_creates(self, method):
        if method.name.startswith("Create"):
            assert "request_id" in method.input_type.fields_by_name


def test_no_two_methods_share_a_path():
    seen: dict[tuple[str, str], str] = {}
    for method in METHODS:
        rule = options(method).Extensions[annotations_pb2.http]
        verb = rule.WhichOneof("pattern")
        if not verb:
            continue
        key = (verb, re.sub(r"\{[^}]*\}", "{}", getattr(rule, verb)))
        assert key not in seen, f"{method.full_name} and {seen[key]} answer to {key}"
        seen[key] = method.full_name


def test_money_is_never_floating():
    floating = [
        field.full_name
        for file in OURS
        for message in file.message_types_by_name.values()
        for field in message.fields
        if field.type in (field.TYPE_FLOAT, field.TYPE_DOUBLE)
        and re.search(r"amount|price|total|balance|tax|cost", field.name)
    ]
    assert floating == []


def test_the_lines_of_a_customers_page_are_read_with_permissions_that_exist():
    permissions = {options(method).Extensions[options_pb2.access].permission for method in METHODS}
    assert PERMISSIONS - {UNKNOWN} <= permissions
