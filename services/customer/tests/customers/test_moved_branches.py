"""A branch moves in the tree and its customers with it, those too that were still being placed meanwhile."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as rpc
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.identity.events.v1.branch_event_pb2 import BranchEvent
from taproot.identity.v1.branch_pb2 import Branch
from taproot_base.errors import AppError, Kind
from taproot_chassis import identities
from taproot_customer.main import DEFINITION
from taproot_storage import moves
from taproot_testkit import Harness

RULES = DEFINITION.scoped


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def service(start_service) -> Harness:
    return await start_service("customer", role="api")


class Office:
    """A branch `/hq/e/<code>/`, somebody in it, and those who look on it from the east and the west."""

    def __init__(self, service: Harness, code: str) -> None:
        self.service, self.code, self.version = service, code, 1

    async def opened(self) -> Office:
        self.key = await self.service.add_branch(self.path("e"))
        user = await self.service.add_user({"customers.*": "branch"}, self.path("e"))
        self.clerk = self.service.stub(CustomersServiceStub, replace(user, branch_id=self.key))
        reads = {"customers.read": "branch_and_below"}
        self.east, self.west = [
            self.service.stub(CustomersServiceStub, await self.service.add_user(reads, f"/hq/{side}/"))
            for side in ("e", "w")
        ]
        return self

    def path(self, side: str) -> str:
        return f"/hq/{side}/{self.code}/"

    async def new(self, name: str) -> str:
        customer = pb.Customer(kind=pb.CUSTOMER_KIND_PERSON, display_name=name)
        return (await self.clerk.CreateCustomer(rpc.CreateCustomerRequest(customer=customer))).id

    async def move(self, before: str, after: str) -> None:
        """The processes' own view of the tree is left as it was: they hear of it a few seconds later."""
        self.version += 1
        branch = Branch(
            id=self.key, code=self.code, display_name="x", path=self.path(after), time_zone="Asia/Shanghai"
        )
        event = BranchEvent(branch=branch, version=self.version, previous_path=self.path(before))
        told = self.service.event("branch.moved", event, self.key, version=self.version, source="identity")
        with self.service.system_call():
            async with self.service.runtime.database.unit() as work:
                await identities.apply(told, work, RULES)

    async def follow(self) -> int:
        with self.service.system_call():
            return await moves.follow(self.service.runtime.database, RULES)

    async def seen(self, key: str) -> str:
        """Who sees a customer."""
        await self.service.runtime.access.refresh()
        return "".join([side for side in ("east", "west") if await _sees(getattr(self, side), key)])


async def _sees(stub: object, key: str) -> bool:
    try:
        await stub.GetCustomer(rpc.GetCustomerRequest(id=key))  # type: ignore[attr-defined]
    except AppError as error:
        if error.kind is not Kind.NOT_FOUND:
            raise
        return False
    return True


class TestMovedBranch:
    async def test_rows_follow_to_the_new_path(self, service):
        """Who saw the branch from above no longer does; who is above the new place does."""
        office = await Office(service, "follow").opened()
        made = await office.new("搬家")
        assert await office.seen(made) == "east"
        await office.move("e", "w")
        assert await office.seen(made) == "west"

    async def test_what_was_placed_at_the_old_path_meanwhile_follows_too(self, service):
        office = await Office(service, "late").opened()
        await office.move("e", "w")
        made = await office.new("晚到")
        assert await office.seen(made) == "east"
        assert await office.follow() >= 1
        assert await office.seen(made) == "west"

    async def test_after_two_moves_it_follows_to_where_the_branch_is(self, service):
        office = await Office(service, "twice").opened()
        await office.move("e", "n")
        await office.move("n", "w")
        made = await office.new("两次")
        await office.follow()
        assert await office.seen(made) == "west"

    async def test_there_and_back_again(self, service):
        office = await Office(service, "back").opened()
        await office.move("e", "w")
        await office.move("w", "e")
        made = await office.new("回来")
        await office.follow()
        assert await office.seen(made) == "east"

    async def test_many_rows_follow_in_chunks(self, service, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(moves, "CHUNK", 2)
        office = await Office(service, "many").opened()
        made = [await office.new(f"很多 {number}") for number in range(5)]
        await office.move("e", "w")
        assert sorted([await office.seen(key) for key in made]) == ["east"] * 3 + ["west"] * 2
        while await office.follow():
            pass
        assert {await office.seen(key) for key in made} == {"west"}

    async def test_a_move_told_once_more_takes_nothing_along(self, service):
        """As when the projection is built anew: the place may be another branch's by now."""
        office = await Office(service, "anew").opened()
        await office.move("e", "w")
        await office.move("w", "e")
        made = await office.new("新来")
        old = moves.Move(uuid.UUID(office.key), 2, office.path("e"), office.path("w"))
        with service.system_call():
            async with service.runtime.database.unit() as work:
                await moves.begin(old, RULES, work)
        assert await office.seen(made) == "east"

    async def test_it_is_looked_for_ever_more_seldom_and_then_no_more(self, service, monkeypatch):
        office = await Office(service, "seldom").opened()
        await office.move("e", "w")
        clock = service.runtime.clock
        begun, looks, bring = clock.now(), [], moves._bring

        async def looked(move: moves.Move, *others: object) -> int:
            if str(move.branch_id) == office.key:
                looks.append(move)
            return await bring(move, *others)

        monkeypatch.setattr(moves, "_bring", looked)
        for seconds in range(0, 1200, 4):
            monkeypatch.setattr(type(clock), "now", lambda _, s=seconds: begun + timedelta(seconds=s))
            await office.follow()
        assert 6 <= len(looks) <= 12
