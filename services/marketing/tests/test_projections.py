"""What is known of other services: whatever the order and however often events come, the newest state holds."""

from __future__ import annotations

import random
import uuid
from datetime import timedelta
from typing import Any

import pytest
from marketing_world import World

from taproot.customer.events.v1.consent_event_pb2 import ConsentEvent
from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.events.v1.segment_member_event_pb2 import SegmentMemberEvent
from taproot.servicedesk.events.v1.entitlement_event_pb2 import EntitlementEvent
from taproot_base import wire
from taproot_chassis.events import Event
from taproot_testkit import Harness, branch_id

TABLES = {
    "customer_refs": "id",
    "consent_refs": "customer_id",
    "segment_members": "customer_id",
    "entitlement_refs": "customer_id",
}


def history(service: Harness, customer: str, segment: str) -> list[Event]:
    """Ten changes of everything that is projected, each a minute after the other."""
    world, found = World(service), []
    entitlement = str(uuid.uuid4())
    for version in range(1, 11):
        world.pass_time(timedelta(minutes=1))
        record = CustomerEvent()
        record.customer.id, record.customer.display_name = customer, f"Name {version}"
        record.customer.branch_id = branch_id("/hq/e/sh/")
        consent = ConsentEvent()
        consent.consent.id, consent.consent.customer_id = str(uuid.uuid4()), customer
        consent.consent.purpose, consent.consent.channel = "marketing", 1
        consent.consent.decision = 1 + version % 2
        consent.consent.effective_time.CopyFrom(wire.to_timestamp(world.now))
        member = SegmentMemberEvent()
        member.segment_member.segment_id, member.segment_member.customer_id = segment, customer
        given = EntitlementEvent()
        given.entitlement.id, given.entitlement.customer_id = entitlement, customer
        given.entitlement.display_name = f"Licence {version}"
        entered = "entered" if version % 2 else "left"
        for kind, message, key, source in (
            ("customer.updated", record, customer, "customer"),
            (
                f"consent.{'granted' if version % 2 == 0 else 'withdrawn'}",
                consent,
                consent.consent.id,
                "customer",
            ),
            (f"segment_member.{entered}", member, uuid.uuid5(uuid.UUID(segment), customer), "customer"),
            ("entitlement.updated", given, entitlement, "servicedesk"),
        ):
            found.append(service.event(kind, message, key, version=version, source=source, party_id=customer))
    return found


async def known(service: Harness, customer: str) -> dict[str, Any]:
    found = {}
    async with service.runtime.database.reading() as reader:
        for table, key in TABLES.items():
            rows = await reader.connection.fetch(
                f"SELECT * FROM {table} WHERE {key} = $1", uuid.UUID(customer)
            )
            found[table] = [dict(row) for row in rows]
    return found


@pytest.mark.parametrize("seed", range(5))
async def test_any_order_and_repetition_ends_in_the_newest_state(service: Harness, seed: int) -> None:
    customer, segment = str(uuid.uuid4()), str(uuid.uuid4())
    events = history(service, customer, segment)
    for event in events:
        await service.deliver(event)
    expected = await known(service, customer)
    async with service.runtime.database.unit() as work:
        for table, key in TABLES.items():
            await work.connection.execute(f"DELETE FROM {table} WHERE {key} = $1", uuid.UUID(customer))
        await work.connection.execute("DELETE FROM inbox")
    shuffled = events * 2
    random.Random(seed).shuffle(shuffled)
    for event in shuffled:
        await service.deliver(event)
    assert await known(service, customer) == expected
    assert expected["customer_refs"][0]["display_name"] == "Name 10"
    assert (expected["consent_refs"][0]["granted"], expected["segment_members"][0]["present"]) == (
        True,
        False,
    )


async def test_a_customer_without_a_time_zone_lives_in_its_branchs(service: Harness) -> None:
    key = str(uuid.uuid4())
    event = CustomerEvent()
    event.customer.id, event.customer.branch_id = key, branch_id("/hq/e/sh/")
    await service.deliver(service.event("customer.created", event, key, source="customer", party_id=key))
    (row,) = (await known(service, key))["customer_refs"]
    assert (row["time_zone"], row["branch_path"]) == ("Asia/Shanghai", "/hq/e/sh/")


async def test_a_merge_redirects_and_its_undoing_does_not(service: Harness) -> None:
    from taproot_marketing.customer_refs.queries import find_customer

    world = World(service)
    member, root = await world.customer("Member"), await world.customer("Root")
    for version, name, members, expected in ((2, "merged", [member], "Root"), (3, "unmerged", [], "Member")):
        merge = CustomerEvent()
        merge.customer.id, merge.customer.display_name = root, "Root"
        merge.customer.merged_ids.extend(members)
        event = service.event(
            f"customer.{name}", merge, root, version=version, source="customer", party_id=root
        )
        await service.deliver(event)
        with service.system_call():
            async with service.runtime.database.reading() as reader:
                assert (await find_customer(reader, uuid.UUID(member)))["display_name"] == expected
