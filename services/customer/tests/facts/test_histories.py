"""Membership kept by events and by time is what a fresh evaluation gives, after any history."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from taproot.customer.v1 import customer_pb2
from taproot.customer.v1 import customer_service_pb2 as customers_rpc
from taproot.customer.v1 import segment_pb2 as pb
from taproot.customer.v1 import segment_service_pb2 as rpc
from taproot_base.ids import new_id

FILTERS = (
    "facts.orders_90_days = 0",
    "facts.order_count >= 2",
    "facts.lifetime_revenue >= 150",
    "facts.last_order_time < now() - 30d",
    "NOT facts.last_order_time < now() - 60d",
    'industry = "造船" OR facts.open_tickets > 0',
    "facts.first_order_time > now() - 200d facts.open_opportunity_amount < 700",
    "create_time < now() - 45d",
)
OPERATORS = ("UNION", "INTERSECTION", "DIFFERENCE")
STATES = ("CONFIRMED", "CANCELLED", "FULFILLED", "RETURNED", "SUBMITTED")
CUSTOMERS = 4
QUIET = (25, 66, 300)
"""Days in which nothing happens, at the end of every history: time alone must move who is to move."""
_who = st.integers(0, CUSTOMERS - 1)
_small = st.integers(0, 3)

steps = st.lists(
    st.one_of(
        st.tuples(st.just("order"), _who, _small, st.sampled_from(STATES), st.integers(0, 100)),
        st.tuples(st.just("order"), _who, _small, st.just("CONFIRMED"), st.integers(0, 100)),
        st.tuples(st.just("repeat"), st.integers(0, 50)),
        st.tuples(st.just("ticket"), _who, _small, st.sampled_from(("NEW", "CLOSED"))),
        st.tuples(st.just("deal"), _who, _small, st.sampled_from((100, 900))),
        st.tuples(st.just("industry"), _who, st.sampled_from(("造船", "养蜂"))),
        st.tuples(st.just("merge"), _who, _who),
        st.tuples(st.just("unmerge")),
        st.tuples(st.just("delete"), _who),
        st.tuples(st.just("jump"), st.sampled_from((1, 17, 31, 95))),
        st.tuples(st.just("refilter"), _small, st.sampled_from(FILTERS)),
        st.tuples(st.just("recombine"), st.sampled_from(OPERATORS), _small, _small),
        st.tuples(st.just("choose"), _who),
        st.tuples(st.just("settle")),
    ),
    min_size=8,
    max_size=30,
)


class History:
    """What happens to a few customers and segments that one source keeps apart from all others."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.source = f"h{new_id().hex[-12:]}"
        self.alive: list[str | None] = []
        self.merged: list[tuple[int, int]] = []
        self.keys: dict[Any, str] = {}
        self.orders: dict[str, tuple[str, str, datetime]] = {}
        self.chosen: set[str] = set()
        self.operator, self.parts = "UNION", [0, 1]

    async def begin(self) -> None:
        self.ids = [await self.world.customer(source=self.source) for _ in range(CUSTOMERS)]
        self.alive = list(self.ids)
        self.filters = [FILTERS[place] for place in range(4)]
        self.dynamic = [await self.world.dynamic(self.own(text)) for text in self.filters]
        self.static = await self.world.static()
        self.low = await self.world.combined("UNION", *self.dynamic[:2])
        self.high = await self.world.combined("DIFFERENCE", self.low, self.static)

    def own(self, text: str) -> str:
        return f'source = "{self.source}" AND ({text})'

    def key(self, *what: Any) -> str:
        return self.keys.setdefault(what, str(new_id()))

    async def order(self, who: int, which: int, state: str, ago: int) -> None:
        key = self.key("order", which)
        day = (self.world.clock.now() - timedelta(days=ago)).date()
        await self.world.order(self.ids[who], "100", key=key, state=state, day=day)
        self.orders[key] = (self.ids[who], state, datetime.combine(day, time.min, UTC))

    async def repeat(self, which: int) -> None:
        if self.world.told:
            await self.world.service.deliver(self.world.told[which % len(self.world.told)], "facts")

    async def ticket(self, who: int, which: int, state: str) -> None:
        await self.world.ticket(self.ids[who], key=self.key("ticket", which), state=state)

    async def deal(self, who: int, which: int, amount: int) -> None:
        await self.world.deal(self.ids[who], amount, key=self.key("deal", which))

    async def industry(self, who: int, industry: str) -> None:
        if self.alive[who]:
            change = customer_pb2.Customer(id=self.ids[who], industry=industry)
            await self.world.customers.UpdateCustomer(customers_rpc.UpdateCustomerRequest(customer=change))

    async def merge(self, survivor: int, source: int) -> None:
        if survivor != source and self.alive[survivor] and self.alive[source]:
            await self.world.merge(self.ids[survivor], self.ids[source])
            self.alive[source] = None
            self.merged.append((survivor, source))

    async def unmerge(self) -> None:
        if self.merged and self.alive[self.merged[-1][0]]:
            survivor, source = self.merged.pop()
            await self.world.unmerge(self.ids[survivor], self.ids[source])
            self.alive[source] = self.ids[source]

    async def delete(self, who: int) -> None:
        if self.alive[who] and all(survivor != who for survivor, _ in self.merged):
            await self.world.customers.DeleteCustomer(customers_rpc.DeleteCustomerRequest(id=self.ids[who]))
            self.alive[who] = None

    async def jump(self, days: int) -> None:
        self.world.pass_days(days)

    async def refilter(self, which: int, text: str) -> None:
        self.filters[which] = text
        await self.change(self.dynamic[which], filter=self.own(text))

    async def recombine(self, operator: str, one: int, other: int) -> None:
        if one != other:
            self.operator, self.parts = operator, [one, other]
            value = pb.SegmentOperator.Value(f"SEGMENT_OPERATOR_{operator}")
            operands = [self.dynamic[part] for part in self.parts]
            await self.change(self.low, operator=value, operand_ids=operands)

    async def choose(self, who: int) -> None:
        if self.alive[who]:
            key = self.ids[who]
            put = key not in self.chosen
            kind = rpc.AddSegmentMembersRequest if put else rpc.RemoveSegmentMembersRequest
            call = self.world.segments.AddSegmentMembers if put else self.world.segments.RemoveSegmentMembers
            await call(kind(id=self.static, customer_ids=[key]))
            self.chosen ^= {key}

    async def settle(self) -> None:
        await self.world.settle()

    async def change(self, key: str, **values: Any) -> None:
        await self.world.segments.UpdateSegment(
            rpc.UpdateSegmentRequest(segment=pb.Segment(id=key, **values))
        )

    # What must hold.

    async def check(self) -> None:
        await self.world.settle()
        living = {key for key in self.alive if key}
        wanted = {}
        for key, text in zip(self.dynamic, self.filters, strict=True):
            wanted[key] = await self.world.matching(self.own(text))
        low = self.operated(wanted)
        wanted |= {self.low: low, self.high: low - self.chosen}
        for key, expected in wanted.items():
            assert await self.world.members(key) == expected, key
            assert expected <= living
            kept = await self.world.segments.GetSegment(rpc.GetSegmentRequest(id=key))
            assert kept.member_count == len(expected)
            await self.check_told(key, expected)
        await self.check_figures(living)

    def operated(self, members: dict[str, set[str]]) -> set[str]:
        one, other = (members[self.dynamic[part]] for part in self.parts)
        return {"UNION": one | other, "INTERSECTION": one & other, "DIFFERENCE": one - other}[self.operator]

    async def check_told(self, segment: str, members: set[str]) -> None:
        """Each move was told once: entered and left in turns, without a gap."""
        told: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for customer, name, version in await self.world.moves(segment):
            told[customer].append((name, version))
        for customer, moves in told.items():
            assert [move[1] for move in moves] == list(range(1, len(moves) + 1))
            assert [move[0] for move in moves] == [("entered", "left")[n % 2] for n in range(len(moves))]
            assert (len(moves) % 2 == 1) == (customer in members)
        assert members <= set(told)

    async def check_figures(self, living: set[str]) -> None:
        root = {key: key for key in self.ids}
        for survivor, source in reversed(self.merged):
            root[self.ids[source]] = root[self.ids[survivor]]
        now = self.world.clock.now()
        for key in living:
            mine = [
                at
                for customer, state, at in self.orders.values()
                if root[customer] == key and state in ("CONFIRMED", "FULFILLED")
            ]
            facts = await self.world.facts(key)
            recent = [at for at in mine if at > now - timedelta(days=90)]
            assert (facts.order_count, facts.orders_90_days) == (len(mine), len(recent))
            assert Decimal(facts.lifetime_revenue.amount) == 100 * len(mine)
            if mine:
                assert facts.last_order_time.ToDatetime(UTC) == max(mine)

    async def end(self) -> None:
        for key in (self.high, self.low, self.static, *self.dynamic):
            await self.world.segments.DeleteSegment(rpc.DeleteSegmentRequest(id=key))


@settings(
    deadline=None,
    max_examples=8,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
@given(story=steps)
async def test_kept_is_what_a_fresh_evaluation_gives(world: Any, story: Any) -> None:
    world.told.clear()
    history = History(world)
    await history.begin()
    for name, *details in story:
        await getattr(history, name)(*details)
    await history.check()
    for days in QUIET:
        await history.jump(days)
        await history.check()
    await history.end()


async def test_changes_while_a_segment_is_made_are_not_missed(world: Any) -> None:
    """Customers change while segments over them are being filled."""
    source = f"race{uuid.uuid4().hex[:8]}"
    ids = [await world.customer(source=source, industry="造船") for _ in range(6)]

    async def change(key: str) -> None:
        changed = customer_pb2.Customer(id=key, industry="养蜂")
        await world.customers.UpdateCustomer(customers_rpc.UpdateCustomerRequest(customer=changed))

    text = f'source = "{source}" AND industry = "造船"'
    made = await asyncio.gather(*(world.dynamic(text) for _ in range(3)), *(change(key) for key in ids[:4]))
    await world.settle()
    for segment in made[:3]:
        assert await world.members(segment) == set(ids[4:])
