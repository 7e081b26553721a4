"""A branch moves: every scoped table of every service brings its rows along."""

from __future__ import annotations

import uuid
from importlib import import_module
from typing import Any

import pytest

from taproot.identity.events.v1.branch_event_pb2 import BranchEvent
from taproot.identity.v1.branch_pb2 import Branch
from taproot_chassis.identities import apply
from taproot_storage.moves import follow

SERVICES = ("customer", "sales", "servicedesk", "marketing", "gateway")


@pytest.mark.parametrize("service", SERVICES)
async def test_every_table_follows(service: str, start_service: Any) -> None:
    """Each has its statement, whatever its key; one that fails would hold up all that is told of identities."""
    harness = await start_service(service, role="api")
    rules = import_module(f"taproot_{service}.main").DEFINITION.scoped
    assert rules
    key = await harness.add_branch("/hq/e/gone/")
    branch = Branch(id=key, code="gone", display_name="x", path="/hq/w/gone/", time_zone="Asia/Shanghai")
    message = BranchEvent(branch=branch, version=2, previous_path="/hq/e/gone/")
    event = harness.event("branch.moved", message, uuid.UUID(key), version=2, source="identity")
    with harness.system_call():
        async with harness.runtime.database.unit() as work:
            await apply(event, work, rules)
        assert await follow(harness.runtime.database, rules) == 0
    await harness.runtime.access.refresh()
    assert "/hq/w/gone/" in harness.runtime.directory.paths
