"""Unmerging against a model in memory, and merges and unmerges that meet."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taproot.customer.v1 import (
    contact_pb2,
    contact_service_pb2,
    pool_pb2,
    pool_rule_service_pb2,
    pool_service_pb2,
)
from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as customers_rpc
from taproot.customer.v1 import duplicate_service_pb2 as rpc
from taproot.customer.v1.contact_service_pb2_grpc import ContactsServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.duplicate_service_pb2_grpc import DuplicatesServiceStub
from taproot.customer.v1.pool_rule_service_pb2_grpc import PoolRulesServiceStub
from taproot.customer.v1.pool_service_pb2_grpc import PoolsServiceStub
from taproot_base.errors import AppError, Kind
from taproot_testkit import Harness

PHONE, TAX, EMAIL = pb.IDENTIFIER_KIND_PHONE, pb.IDENTIFIER_KIND_TAX_NUMBER, pb.IDENTIFIER_KIND_EMAIL
_numbers = count(1)


def fresh_email() -> str:
    return f"u{next(_numbers)}@unmerge.example"


def mail(value: str) -> pb.Identifier:
    return pb.Identifier(kind=EMAIL, value=value)


class Api:
    """The RPCs a history is made of."""

    def __init__(self, service: Harness, admin: Any) -> None:
        self.customers = service.stub(CustomersServiceStub, admin)
        self.duplicates = service.stub(DuplicatesServiceStub, admin)
        self.pools = service.stub(PoolsServiceStub, admin)
        self.caller = str(admin.subject)

    async def create(self, **values: Any) -> str:
        customer = pb.Customer(kind=pb.CUSTOMER_KIND_ORGANIZATION, display_name="历史", **values)
        made = await self.customers.CreateCustomer(customers_rpc.CreateCustomerRequest(customer=customer))
        return str(made.id)

    async def update(self, key: str, *paths: str, **values: Any) -> pb.Customer:
        request = customers_rpc.UpdateCustomerRequest(customer=pb.Customer(id=key, **values))
        request.update_mask.paths.extend(paths)
        changed: pb.Customer = await self.customers.UpdateCustomer(request)
        return changed

    async def merge(self, key: str, sources: list[str]) -> pb.Customer:
        request = rpc.MergeCustomersRequest(id=key, source_ids=sources)
        merged: pb.Customer = await self.duplicates.MergeCustomers(request)
        return merged

    async def unmerge(self, key: str, source: str) -> pb.Customer:
        request = rpc.UnmergeCustomerRequest(id=key, source_id=source)
        left: pb.Customer = await self.duplicates.UnmergeCustomer(request)
        return left

    async def release(self, key: str) -> None:
        await self.pools.ReleaseCustomer(pool_service_pb2.ReleaseCustomerRequest(id=key))

    async def claim(self, key: str) -> None:
        await self.pools.ClaimCustomer(pool_service_pb2.ClaimCustomerRequest(id=key))

    async def get(self, key: str) -> pb.Customer:
        found: pb.Customer = await self.customers.GetCustomer(customers_rpc.GetCustomerRequest(id=key))
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def api(service: Harness, admin: Any) -> Api:
    rule = pool_pb2.PoolRule(display_name="公海")
    rules = service.stub(PoolRulesServiceStub, admin)
    await rules.CreatePoolRule(pool_rule_service_pb2.CreatePoolRuleRequest(pool_rule=rule))
    return Api(service, admin)


@dataclass
class Known:
    """A record of the model: what it was created with and what happened to it, in order."""

    industry: str
    mails: set[str]
    events: list[tuple[str, Any]] = field(default_factory=list)
    into: int | None = None
    owned: bool = True

    def state(self, world: list[Known]) -> tuple[str, set[str], set[int]]:
        """Industry, addresses, members: the story told anew without those who have left."""
        industry, mails, members = self.industry, set(self.mails), set[int]()
        for what, value in self.events:
            if what == "industry":
                industry = value
            elif what == "gains":
                mails.add(value)
            elif what == "loses":
                mails.discard(value)
            else:
                taken = [(number, world[number].state(world)) for number in value]
                industry = industry or next((one[0] for _, one in taken if one[0]), "")
                for number, (_, theirs, deeper) in taken:
                    mails |= theirs
                    members |= {number} | deeper
        return industry, mails, members


class Story:
    """The same acts on the service and on the model."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.ids: list[str] = []
        self.world: list[Known] = []

    def alive(self) -> list[int]:
        return [number for number, known in enumerate(self.world) if known.into is None]

    async def create(self, industry: str) -> None:
        address = fresh_email()
        self.ids.append(await self.api.create(industry=industry, identifiers=[mail(address)]))
        self.world.append(Known(industry, {address}))

    async def write(self, number: int) -> None:
        industry = f"i{next(_numbers)}"
        await self.api.update(self.ids[number], industry=industry)
        self.world[number].events.append(("industry", industry))

    async def gain(self, number: int) -> None:
        address = fresh_email()
        mails = self.world[number].state(self.world)[1] | {address}
        await self.api.update(self.ids[number], identifiers=[mail(one) for one in sorted(mails)])
        self.world[number].events.append(("gains", address))

    async def lose(self, number: int, pick: int) -> None:
        mails = sorted(self.world[number].state(self.world)[1])
        if mails:
            gone = mails.pop(pick % len(mails))
            kept = [mail(one) for one in mails]
            await self.api.update(self.ids[number], "identifiers", identifiers=kept)
            self.world[number].events.append(("loses", gone))

    async def merge(self, number: int, sources: list[int]) -> None:
        """Newest first is the rule of survivorship, so the model is told the sources in that order."""
        found = {source: await self.api.get(self.ids[source]) for source in sources}
        newest = sorted(sources, key=lambda s: (-found[s].update_time.ToNanoseconds(), self.ids[s]))
        await self.api.merge(self.ids[number], [self.ids[source] for source in sources])
        self.world[number].events.append(("merge", newest))
        for source in sources:
            self.world[source].into = number

    async def unmerge(self, number: int) -> None:
        into = self.world[number].into
        if into is None or self.world[into].into is not None:
            return
        await self.api.unmerge(self.ids[into], self.ids[number])
        for what, value in self.world[into].events:
            if what == "merge" and number in value:
                value.remove(number)
        self.world[number].into = None

    async def change_hands(self, number: int) -> None:
        """Into the pool or out of it; a merged record keeps the owner it had."""
        known = self.world[number]
        await (self.api.release if known.owned else self.api.claim)(self.ids[number])
        known.owned = not known.owned

    async def check(self) -> None:
        for number in range(len(self.world)):
            root = number
            while (into := self.world[root].into) is not None:
                root = into
            found = await self.api.get(self.ids[number])
            assert found.id == self.ids[root]
            industry, mails, members = self.world[root].state(self.world)
            assert found.industry == industry
            assert found.owner_id == (self.api.caller if self.world[root].owned else "")
            assert {one.value for one in found.identifiers} == mails
            assert set(found.merged_ids) == {self.ids[member] for member in members}


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["write", "gain", "lose", "claim", "merge", "merge", "unmerge", "unmerge"]),
        st.integers(0, 9),
        st.lists(st.integers(0, 9), min_size=1, max_size=3),
    ),
    max_size=20,
)
RELAXED = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@RELAXED
@given(started=st.lists(st.sampled_from(["", "x", "y"]), min_size=2, max_size=5), acts=ACTS)
async def test_any_history_agrees_with_the_model(api: Api, started: list[str], acts: Any) -> None:
    story = Story(api)
    for industry in started:
        await story.create(industry)
    for act, first, others in acts:
        alive = story.alive()
        number = alive[first % len(alive)]
        if act == "write":
            await story.write(number)
        elif act == "gain":
            await story.gain(number)
        elif act == "lose":
            await story.lose(number, others[0])
        elif act == "claim":
            await story.change_hands(number)
        elif act == "unmerge":
            await story.unmerge(first % len(story.world))
        elif sources := {alive[one % len(alive)] for one in others} - {number}:
            await story.merge(number, sorted(sources))
    await story.check()


class TestUnmerge:
    async def test_fifty_at_once_and_back(self, api: Api) -> None:
        survivor = await api.create(industry="钢铁")
        sources = [await api.create(identifiers=[mail(fresh_email())]) for _ in range(50)]
        merged = await api.merge(survivor, sources)
        assert len(merged.identifiers) == len(merged.merged_ids) == 50
        for source in sources:
            left = await api.unmerge(survivor, source)
        assert (list(left.identifiers), list(left.merged_ids)) == ([], [])

    async def test_an_identifier_somebody_else_has_got_stays_there(
        self, api: Api, failure: Callable[[Awaitable[Any]], Awaitable[AppError]]
    ) -> None:
        tax = pb.Identifier(kind=TAX, value="DE998877665")
        source = await api.create(identifiers=[tax, mail(fresh_email())])
        survivor = await api.create()
        await api.merge(survivor, [source])
        await api.update(survivor, "identifiers")
        other = await api.create(identifiers=[tax])
        await api.unmerge(survivor, source)
        assert [i.kind for i in (await api.get(source)).identifiers] == [EMAIL]
        taken = api.create(identifiers=[tax])
        assert (await failure(taken)).metadata["customer_id"] == other

    async def test_contacts_are_listed_with_the_survivor_and_go_with_their_own(
        self, service: Harness, admin: Any, api: Api
    ) -> None:
        survivor, source = await api.create(), await api.create()
        stub = service.stub(ContactsServiceStub, admin)

        async def add(key: str, name: str) -> None:
            contact = contact_pb2.Contact(customer_id=key, display_name=name)
            await stub.CreateContact(contact_service_pb2.CreateContactRequest(contact=contact))

        async def names(key: str) -> set[str]:
            request = contact_service_pb2.ListContactsRequest(filter=f'customer_id = "{key}"')
            return {found.display_name for found in (await stub.ListContacts(request)).contacts}

        await add(source, "原有")
        await api.merge(survivor, [source])
        await add(source, "期间")
        assert await names(survivor) == await names(source) == {"原有", "期间"}
        await api.unmerge(survivor, source)
        assert (await names(source), await names(survivor)) == ({"原有"}, {"期间"})

    async def test_the_owner_comes_back_with_the_record(self, service: Harness, api: Api) -> None:
        seller = await service.add_user({"customers.*": "own"}, "/hq/w/")
        mine = service.stub(CustomersServiceStub, seller)
        customer = pb.Customer(kind=pb.CUSTOMER_KIND_ORGANIZATION, display_name="我的客户")
        source = await mine.CreateCustomer(customers_rpc.CreateCustomerRequest(customer=customer))
        survivor = await api.create()
        await api.merge(survivor, [source.id])
        await api.unmerge(survivor, source.id)
        back = await mine.GetCustomer(customers_rpc.GetCustomerRequest(id=source.id))
        assert (back.owner_id, back.branch_id) == (source.owner_id, source.branch_id)


async def test_a_hundred_merges_and_unmerges_at_once_leave_the_records_whole(
    service: Harness, api: Api
) -> None:
    dice = random.Random(7)
    ids = [await api.create(identifiers=[mail(fresh_email())]) for _ in range(12)]

    async def act() -> str:
        one, *others = dice.sample(ids, dice.randint(2, 3))
        joins = dice.random() < 0.4
        try:
            await (api.merge(one, others) if joins else api.unmerge((await api.get(one)).id, one))
        except AppError as error:
            return str(error.kind)
        return "done"

    outcomes: list[str] = []
    for _ in range(4):
        outcomes += await asyncio.gather(*(act() for _ in range(25)))
        await _check_whole(service, ids)
    assert outcomes.count("done") >= 10
    assert set(outcomes) <= {"done", str(Kind.STATE), str(Kind.CONFLICT)}


async def _check_whole(service: Harness, ids: list[str]) -> None:
    async with service.runtime.database.unit() as work:
        fetch = work.connection.fetch
        redirects = {
            str(row["member_id"]): str(row["root_id"])
            for row in await fetch("SELECT member_id, root_id FROM redirects WHERE member_id = ANY($1)", ids)
        }
        records = {
            str(row["id"]): row
            for row in await fetch(
                "SELECT id, merged_into, merged_ids, delete_time FROM customers WHERE id = ANY($1)", ids
            )
        }
        keys = await fetch("SELECT customer_id, normal FROM customer_keys WHERE customer_id = ANY($1)", ids)
    alive = {key for key, row in records.items() if row["merged_into"] is None and row["delete_time"] is None}
    assert set(redirects) == set(records) - alive
    assert set(redirects.values()) <= alive
    for key in alive:
        members = {member for member, root in redirects.items() if root == key}
        assert {str(member) for member in records[key]["merged_ids"]} == members
    assert {str(row["customer_id"]) for row in keys} <= alive
    assert len({row["normal"] for row in keys}) == len(keys) == len(ids)
