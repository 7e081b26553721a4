"""Membership kept by events is what a fresh evaluation gives, after any history of the customers."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as customers_rpc
from taproot.customer.v1 import duplicate_service_pb2 as duplicates_rpc
from taproot.customer.v1 import segment_pb2, segment_service_pb2
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.duplicate_service_pb2_grpc import DuplicatesServiceStub
from taproot.customer.v1.segment_service_pb2_grpc import SegmentsServiceStub

STEPS, VERBS = 30, 5
INDUSTRIES = ("造船", "养蜂", "")
TAGS = ("冷", "热")


class History:
    """Random changes of customers that one source keeps apart from all others."""

    def __init__(self, service, admin, seed: int) -> None:
        self.random = random.Random(seed)
        self.source = f"history-{seed}"
        self.customers = service.stub(CustomersServiceStub, admin)
        self.duplicates = service.stub(DuplicatesServiceStub, admin)
        self.alive: list[str] = []
        self.merged: list[tuple[str, str]] = []
        self.played: set[str] = set()

    def looks(self, **values: object) -> pb.Customer:
        tags = self.random.sample(TAGS, self.random.randint(0, 2))
        return pb.Customer(industry=self.random.choice(INDUSTRIES), tags=tags, **values)

    async def create(self) -> None:
        customer = self.looks(kind=pb.CUSTOMER_KIND_PERSON, display_name="某人", source=self.source)
        made = await self.customers.CreateCustomer(customers_rpc.CreateCustomerRequest(customer=customer))
        self.alive.append(made.id)

    async def update(self) -> None:
        request = customers_rpc.UpdateCustomerRequest(customer=self.looks(id=self.random.choice(self.alive)))
        request.update_mask.paths.extend(["industry", "tags"])
        await self.customers.UpdateCustomer(request)

    async def delete(self) -> None:
        survivors = {survivor for survivor, _ in self.merged}
        key = next(key for key in self.alive if key not in survivors)
        self.alive.remove(key)
        await self.customers.DeleteCustomer(customers_rpc.DeleteCustomerRequest(id=key))

    async def merge(self) -> None:
        survivors = {survivor for survivor, _ in self.merged}
        source = next(key for key in self.alive if key not in survivors)
        survivor = self.random.choice([key for key in self.alive if key != source])
        request = duplicates_rpc.MergeCustomersRequest(id=survivor, source_ids=[source])
        await self.duplicates.MergeCustomers(request)
        self.alive.remove(source)
        self.merged.append((survivor, source))

    async def unmerge(self) -> None:
        survivor, source = self.merged.pop()
        request = duplicates_rpc.UnmergeCustomerRequest(id=survivor, source_id=source)
        await self.duplicates.UnmergeCustomer(request)
        self.alive.append(source)

    def possible(self) -> list[str]:
        free = len(self.alive) - len({survivor for survivor, _ in self.merged})
        verbs = ["create"] + ["update"] * 3 * bool(self.alive)
        verbs += ["delete", "merge"] * (free > 1)
        return verbs + ["unmerge"] * bool(self.merged)

    async def step(self) -> None:
        verb = self.random.choice(self.possible())
        self.played.add(verb)
        await getattr(self, verb)()

    async def matching(self, text: str) -> set[str]:
        request = customers_rpc.ListCustomersRequest(filter=text, page_size=1000)
        return {customer.id for customer in (await self.customers.ListCustomers(request)).customers}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_events_keep_what_a_fresh_evaluation_gives(service, admin, seed):
    history = History(service, admin, seed)
    segments = service.stub(SegmentsServiceStub, admin)
    text = f'source = "{history.source}" AND (industry = "造船" OR NOT tags:"冷")'
    segment = segment_pb2.Segment(display_name="历史", kind=segment_pb2.SEGMENT_KIND_DYNAMIC, filter=text)
    made = await segments.CreateSegment(segment_service_pb2.CreateSegmentRequest(segment=segment))

    async def members() -> set[str]:
        request = segment_service_pb2.ListSegmentMembersRequest(segment_id=made.id, page_size=1000)
        found = await segments.ListSegmentMembers(request)
        return {member.customer_id for member in found.segment_members}

    steps = 0
    while steps < STEPS or len(history.played) < VERBS:
        await history.step()
        steps += 1
    wanted = await history.matching(text)

    async def kept() -> tuple[set[str], int]:
        segment = await segments.GetSegment(segment_service_pb2.GetSegmentRequest(id=made.id))
        return await members(), segment.member_count

    deadline = time.monotonic() + 20
    while (found := await kept()) != (wanted, len(wanted)):
        assert time.monotonic() < deadline, (found, wanted)
        await asyncio.sleep(0.02)
    fresh = await segments.RefreshSegment(segment_service_pb2.RefreshSegmentRequest(id=made.id))
    assert fresh.member_count == len(wanted)
    assert await members() == wanted
