"""Every type of record with `custom` in the contracts is held by one service under that very name."""

from __future__ import annotations

import gc
import importlib

import pytest

from taproot_chassis.customfields import Holdings, record_types
from taproot_listing.fields import Resource

SERVICES = ("customer", "sales", "servicedesk", "marketing", "gateway")


@pytest.fixture(scope="module")
def definitions():
    return [importlib.import_module(f"taproot_{name}.main").DEFINITION for name in SERVICES]


def test_every_type_is_held_by_one_service(definitions):
    holdings = [Holdings(definition.encoders) for definition in definitions]
    held = {kind: sum(one.of(kind) is not None for one in holdings) for kind in record_types() - {"object"}}
    assert {kind: count for kind, count in held.items() if count != 1} == {}
    assert {"customer", "lead", "order", "ticket", "campaign", "contact", "user"} <= set(held)


def test_lists_go_by_the_same_names(definitions):
    """The list of a type finds its definitions by the name of its resource."""
    assert definitions
    lists = [one for one in gc.get_objects() if isinstance(one, Resource)]
    named = {
        one.name.replace("_", "") for one in lists if any(field.name == "custom" for field in one.fields)
    }
    assert {kind for kind in record_types() if kind.replace("_", "") not in named} == set()
