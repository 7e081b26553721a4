"""Segments made of segments, time conditions per customer, and what a segment costs."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from taproot.customer.v1 import customer_pb2
from taproot.customer.v1 import customer_service_pb2 as customers_rpc
from taproot.customer.v1 import segment_pb2 as pb
from taproot.customer.v1 import segment_service_pb2 as rpc
from taproot.customer.v1.segment_service_pb2_grpc import SegmentsServiceStub
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_customer.segments import combining

UNION = pb.SEGMENT_OPERATOR_UNION


def update(key: str, **values: object) -> rpc.UpdateSegmentRequest:
    return rpc.UpdateSegmentRequest(segment=pb.Segment(id=key, **values))


class TestCombining:
    async def test_members_follow_those_of_the_operands(self, world):
        a, b, c = [await world.customer(industry="造船", source="sets") for _ in range(3)]
        ships = await world.dynamic('industry = "造船" AND source = "sets"')
        chosen = await world.static(a, b)
        union = await world.combined("UNION", ships, chosen)
        both = await world.combined("INTERSECTION", ships, chosen)
        rest = await world.combined("DIFFERENCE", ships, chosen)
        nested = await world.combined("DIFFERENCE", union, both)
        sets = [await world.members(key) for key in (union, both, rest, nested)]
        assert sets == [{a, b, c}, {a, b}, {c}, {c}]
        change = customer_pb2.Customer(id=a, industry="养蜂")
        await world.customers.UpdateCustomer(customers_rpc.UpdateCustomerRequest(customer=change))
        await world.settle()
        sets = [await world.members(key) for key in (union, both, rest, nested)]
        assert sets == [{a, b, c}, {b}, {c}, {a, c}]
        await world.segments.RemoveSegmentMembers(
            rpc.RemoveSegmentMembersRequest(id=chosen, customer_ids=[a, b])
        )
        sets = [await world.members(key) for key in (union, both, rest, nested)]
        assert sets == [{b, c}, set(), {b, c}, {b, c}]
        found = await world.segments.GetSegment(rpc.GetSegmentRequest(id=nested))
        assert found.member_count == 2
        assert await world.moves(both) == sorted(
            [(a, "entered", 1), (a, "left", 2), (b, "entered", 1), (b, "left", 2)]
        )

    async def test_an_edited_operand_moves_what_is_made_of_it(self, world):
        a = await world.customer(region="甲", source="edited")
        b = await world.customer(region="乙", source="edited")
        one = await world.dynamic('region = "甲" AND source = "edited"')
        two = await world.dynamic('region = "丙" AND source = "edited"')
        union = await world.combined("UNION", one, two)
        assert await world.members(union) == {a}
        await world.segments.UpdateSegment(update(two, filter='region = "乙" AND source = "edited"'))
        assert await world.members(union) == {a, b}
        await world.segments.UpdateSegment(update(union, operator=pb.SEGMENT_OPERATOR_INTERSECTION))
        assert await world.members(union) == set()

    async def test_deleted_customers_leave(self, world):
        a = await world.customer()
        chosen, other = await world.static(a), await world.static()
        union = await world.combined("UNION", chosen, other)
        await world.customers.DeleteCustomer(customers_rpc.DeleteCustomerRequest(id=a))
        await world.settle()
        assert await world.members(union) == set()


class TestRefusals:
    async def test_cycles_are_refused_with_their_path(self, world, failure):
        ground, other = await world.static(), await world.static()
        low = await world.combined("UNION", ground, other, name="低")
        middle = await world.combined("UNION", low, ground, name="中")
        high = await world.combined("UNION", middle, ground, name="高")
        error = await failure(world.segments.UpdateSegment(update(low, operand_ids=[ground, high])))
        assert error.kind is Kind.INVALID
        (violation,) = error.violations
        assert violation.field == "segment.operand_ids"
        assert violation.description.endswith("低 → 高 → 中 → 低")
        own = str(new_id())
        made = pb.Segment(
            id=own, display_name="自", kind=pb.SEGMENT_KIND_COMBINED, operator=UNION, operand_ids=[own, low]
        )
        error = await failure(world.segments.CreateSegment(rpc.CreateSegmentRequest(segment=made)))
        assert "自 → 自" in error.message

    async def test_cycles_by_two_at_once_are_refused(self, world):
        ground, other = await world.static(), await world.static()
        one = await world.combined("UNION", ground, other)
        two = await world.combined("UNION", ground, other)
        ended = await asyncio.gather(
            world.segments.UpdateSegment(update(one, operand_ids=[ground, two])),
            world.segments.UpdateSegment(update(two, operand_ids=[ground, one])),
            return_exceptions=True,
        )
        assert sum(isinstance(one, Exception) for one in ended) == 1

    async def test_a_segment_in_use_is_not_deleted(self, world, service, failure):
        ground, other = await world.static(), await world.static()
        union = await world.combined("UNION", ground, other, name="用户")
        delete = rpc.DeleteSegmentRequest(id=ground)
        error = await failure(world.segments.DeleteSegment(delete))
        assert (error.kind, error.reason) == (Kind.STATE, "SEGMENT_IN_USE")
        assert "用户" in error.message
        stranger = await service.add_user({"segments.*": "own"})
        theirs = pb.Segment(id=ground, owner_id=stranger.subject)
        await world.segments.UpdateSegment(rpc.UpdateSegmentRequest(segment=theirs))
        error = await failure(service.stub(SegmentsServiceStub, stranger).DeleteSegment(delete))
        assert "用户" not in error.message
        assert "1 not visible to you" in error.message
        await world.segments.DeleteSegment(rpc.DeleteSegmentRequest(id=union))
        await world.segments.DeleteSegment(delete)

    async def test_operands_are_seen_by_who_combines_them(self, world, service, failure):
        ground = await world.static()
        stranger = await service.add_user({"segments.*": "own"})
        stub = service.stub(SegmentsServiceStub, stranger)
        missing = str(new_id())
        made = pb.Segment(
            display_name="偷", kind=pb.SEGMENT_KIND_COMBINED, operator=UNION, operand_ids=[ground, missing]
        )
        error = await failure(stub.CreateSegment(rpc.CreateSegmentRequest(segment=made)))
        assert {v.field for v in error.violations} == {"segment.operand_ids[0]", "segment.operand_ids[1]"}
        asked = rpc.PreviewSegmentRequest(operator=UNION, operand_ids=[ground, missing])
        error = await failure(stub.PreviewSegment(asked))
        assert {v.field for v in error.violations} == {"operand_ids[0]", "operand_ids[1]"}

    async def test_each_kind_has_its_own_fields(self, world, failure):
        ground, other = await world.static(), await world.static()
        wrong = (
            pb.Segment(display_name="x", kind=pb.SEGMENT_KIND_STATIC, operator=UNION),
            pb.Segment(display_name="x", kind=pb.SEGMENT_KIND_COMBINED, filter="kind = PERSON"),
            pb.Segment(display_name="x", kind=pb.SEGMENT_KIND_COMBINED, operator=UNION, operand_ids=[ground]),
        )
        for segment in wrong:
            error = await failure(world.segments.CreateSegment(rpc.CreateSegmentRequest(segment=segment)))
            assert error.kind is Kind.INVALID
        for request in (update(ground, operator=UNION), update(other, operand_ids=[ground])):
            assert (await failure(world.segments.UpdateSegment(request))).kind is Kind.STATE
        union = await world.combined("UNION", ground, other)
        error = await failure(world.segments.UpdateSegment(update(union, operand_ids=[ground])))
        assert error.kind is Kind.INVALID
        adding = rpc.AddSegmentMembersRequest(id=union, customer_ids=[str(new_id())])
        assert (await failure(world.segments.AddSegmentMembers(adding))).kind is Kind.STATE
        for asked in (rpc.PreviewSegmentRequest(), rpc.PreviewSegmentRequest(filter="x", operator=UNION)):
            assert (await failure(world.segments.PreviewSegment(asked))).kind is Kind.INVALID


class TestTime:
    async def test_silence_is_noticed_when_it_has_lasted(self, world):
        customer = await world.customer(source="silent")
        silent = await world.dynamic('source = "silent" AND facts.last_order_time < now() - 90d')
        idle = await world.dynamic('source = "silent" AND facts.orders_90_days = 0')
        assert await world.members(idle) == {customer}
        await world.order(customer)
        await world.settle()
        assert await world.members(silent) == await world.members(idle) == set()
        ordered = (await world.facts(customer)).last_order_time.ToDatetime(world.clock.now().tzinfo)
        found = await world.segments.GetSegment(rpc.GetSegmentRequest(id=silent))
        turn = ordered + timedelta(days=90, microseconds=1)
        assert found.next_change_time.ToDatetime(turn.tzinfo) == turn
        world.clock.set(turn - timedelta(microseconds=1))
        await world.settle()
        assert (await world.members(silent), await world.members(idle)) == (set(), {customer})
        world.clock.set(turn)
        await world.settle()
        assert await world.members(silent) == {customer}
        found = await world.segments.GetSegment(rpc.GetSegmentRequest(id=silent))
        assert not found.HasField("next_change_time")
        await world.order(customer)
        await world.settle()
        assert await world.members(silent) == await world.members(idle) == set()
        told = [(customer, "entered", 1), (customer, "left", 2)]
        assert await world.moves(silent) == told
        assert await world.moves(idle) == [*told, (customer, "entered", 3), (customer, "left", 4)]

    async def test_only_who_is_due_is_looked_at(self, world, service):
        early, late = await world.customer(source="due"), await world.customer(source="due")
        today = world.clock.now().date()
        await world.order(early, day=today - timedelta(days=50))
        await world.order(late, day=today)
        await world.settle()
        segment = await world.dynamic('source = "due" AND facts.last_order_time < now() - 60d')
        world.pass_days(12)
        async with service.runtime.database.connection() as connection:
            due = await connection.fetch(
                "SELECT customer_id FROM segment_dues WHERE segment_id = $1 AND due_time <= $2",
                segment,
                world.clock.now(),
            )
        assert {str(row[0]) for row in due} == {early}
        await world.settle()
        assert await world.members(segment) == {early}


class TestPreview:
    async def test_size_and_cost_are_told(self, world):
        for _ in range(3):
            await world.customer(source="costly")
        asked = rpc.PreviewSegmentRequest(
            filter='source = "costly" AND create_time < now() + 1d', page_size=2
        )
        found = await world.segments.PreviewSegment(asked)
        assert (found.member_count, len(found.samples)) == (3, 2)
        assert found.cost.estimated_member_count == 3
        assert found.cost.refresh_effort > 0
        assert found.cost.moves_with_time
        one = await world.dynamic('source = "costly"')
        none = await world.static()
        asked = rpc.PreviewSegmentRequest(operator=UNION, operand_ids=[one, none])
        found = await world.segments.PreviewSegment(asked)
        assert (found.member_count, found.cost.moves_with_time) == (3, False)


class TestWaysBack:
    @pytest.mark.parametrize(
        ("operands", "path"),
        [
            ({}, ""),
            ({"a": "a"}, "aa"),
            ({"a": "b", "b": "a"}, "aba"),
            ({"a": "bc", "b": "d", "c": "d", "d": "e"}, ""),
            ({"a": "bc", "c": "d", "d": "a"}, "acda"),
            ({"a": "b", "b": "b"}, ""),
        ],
    )
    def test_paths(self, operands, path):
        assert "".join(combining.way_back("a", operands)) == path

    def test_users_of_users(self):
        assert combining.users("c", {"a": "b", "b": "c", "d": "e"}) == {"a", "b"}
