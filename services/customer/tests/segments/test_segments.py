"""Segments through their RPCs; dynamic membership follows events."""

from __future__ import annotations

import asyncio
import time

import pytest

from taproot.customer.events.v1.segment_member_event_pb2 import SegmentMemberEvent
from taproot.customer.v1 import custom_field_pb2 as custom_pb
from taproot.customer.v1 import custom_field_service_pb2 as custom_rpc
from taproot.customer.v1 import customer_pb2 as customer_pb
from taproot.customer.v1 import customer_service_pb2 as customers_rpc
from taproot.customer.v1 import segment_pb2 as pb
from taproot.customer.v1 import segment_service_pb2 as rpc
from taproot.customer.v1.custom_field_service_pb2_grpc import CustomFieldsServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.segment_service_pb2_grpc import SegmentsServiceStub
from taproot_base.errors import Kind
from taproot_base.ids import new_id
from taproot_customer.segments.handlers import move_due


def dynamic(text: str, **values: object) -> rpc.CreateSegmentRequest:
    segment = pb.Segment(display_name="分群", kind=pb.SEGMENT_KIND_DYNAMIC, filter=text, **values)
    return rpc.CreateSegmentRequest(segment=segment)


@pytest.fixture
def segments(service, admin):
    return service.stub(SegmentsServiceStub, admin)


@pytest.fixture
def customers(service, admin):
    return service.stub(CustomersServiceStub, admin)


@pytest.fixture
def members(segments):
    async def read(key: str, stub=segments) -> set[str]:
        found = await stub.ListSegmentMembers(rpc.ListSegmentMembersRequest(segment_id=key))
        return {member.customer_id for member in found.segment_members}

    return read


async def define(fields, key: str) -> custom_pb.CustomField:
    text = custom_pb.CUSTOM_FIELD_TYPE_TEXT
    field = custom_pb.CustomField(resource_type="customer", key=key, type=text, filterable=True)
    return await fields.CreateCustomField(custom_rpc.CreateCustomFieldRequest(custom_field=field))


async def set_custom(customers, key: str, **values: str) -> None:
    customer = customer_pb.Customer(id=key, custom=values)
    await customers.UpdateCustomer(customers_rpc.UpdateCustomerRequest(customer=customer))


async def eventually(read, wanted) -> None:
    deadline = time.monotonic() + 10
    while (found := await read()) != wanted:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.02)


async def moved(service, members, key: str) -> set[str]:
    """The members once the job has moved who is due."""
    while await move_due(service.runtime.database):
        pass
    return await members(key)


class TestSegments:
    async def test_needs_a_caller(self, service, failure):
        nobody, key = service.stub(SegmentsServiceStub, None), str(new_id())
        for call in (
            nobody.CreateSegment(dynamic("kind = PERSON")),
            nobody.GetSegment(rpc.GetSegmentRequest(id=key)),
            nobody.ListSegments(rpc.ListSegmentsRequest()),
            nobody.AggregateSegments(rpc.AggregateSegmentsRequest()),
            nobody.UpdateSegment(rpc.UpdateSegmentRequest(segment=pb.Segment(id=key))),
            nobody.DeleteSegment(rpc.DeleteSegmentRequest(id=key)),
            nobody.PreviewSegment(rpc.PreviewSegmentRequest(filter="kind = PERSON")),
            nobody.RefreshSegment(rpc.RefreshSegmentRequest(id=key)),
            nobody.ListSegmentMembers(rpc.ListSegmentMembersRequest(segment_id=key)),
            nobody.AddSegmentMembers(rpc.AddSegmentMembersRequest(id=key, customer_ids=[key])),
            nobody.RemoveSegmentMembers(rpc.RemoveSegmentMembersRequest(id=key, customer_ids=[key])),
        ):
            assert (await failure(call)).kind is Kind.UNAUTHENTICATED

    async def test_filter_is_checked(self, segments, failure):
        error = await failure(segments.CreateSegment(dynamic("colour = RED")))
        assert error.kind is Kind.INVALID
        assert "colour" in error.message
        error = await failure(segments.CreateSegment(rpc.CreateSegmentRequest(segment=pb.Segment())))
        assert {v.field for v in error.violations} == {"segment.display_name", "segment.kind"}

    async def test_hidden_fields_are_refused_where_a_filter_is_written(self, service, segments, failure):
        grants = {"segments.*": "all", "customers.*": "all"}
        clerk = await service.add_user(grants, masked=("personal", "customer.industry"))
        stub = service.stub(SegmentsServiceStub, clerk)
        text = 'birth_date < 1990-01-01 AND industry = "造船"'
        made = await segments.CreateSegment(dynamic(text))
        mine = await stub.CreateSegment(dynamic('region = "一区"'))
        change = pb.Segment(id=mine.id, filter=text)
        for call in (
            stub.CreateSegment(dynamic(text)),
            stub.UpdateSegment(rpc.UpdateSegmentRequest(segment=change)),
            stub.PreviewSegment(rpc.PreviewSegmentRequest(filter=text)),
        ):
            error = await failure(call)
            assert error.kind is Kind.INVALID
            assert "birth_date" in error.message
            assert "industry" in error.message
        kept = await stub.GetSegment(rpc.GetSegmentRequest(id=mine.id))
        assert (kept.filter, kept.etag) == (mine.filter, mine.etag)
        refreshed = await stub.RefreshSegment(rpc.RefreshSegmentRequest(id=made.id))
        assert refreshed.member_count == made.member_count

    async def test_static(self, service, segments, members, make_customer, failure):
        a, b = await make_customer("甲"), await make_customer("乙")
        fixed = pb.Segment(display_name="名单", kind=pb.SEGMENT_KIND_STATIC)
        made = await segments.CreateSegment(rpc.CreateSegmentRequest(segment=fixed))
        for _ in range(2):
            filled = await segments.AddSegmentMembers(
                rpc.AddSegmentMembersRequest(id=made.id, customer_ids=[a.id, b.id])
            )
            assert filled.member_count == 2
        smaller = await segments.RemoveSegmentMembers(
            rpc.RemoveSegmentMembersRequest(id=made.id, customer_ids=[a.id])
        )
        assert smaller.member_count == 1
        assert await members(made.id) == {b.id}
        wrong = await failure(segments.RefreshSegment(rpc.RefreshSegmentRequest(id=made.id)))
        assert wrong.kind is Kind.STATE
        await segments.AddSegmentMembers(rpc.AddSegmentMembersRequest(id=made.id, customer_ids=[a.id]))
        events = [e for e in await service.events(4, of="segment_member.*") if str(e.party_id) == a.id]
        assert [(e.name, e.version) for e in events] == [("entered", 1), ("left", 2), ("entered", 3)]
        assert events[0].decode(SegmentMemberEvent).segment_member.segment_display_name == "名单"
        await segments.DeleteSegment(rpc.DeleteSegmentRequest(id=made.id))
        assert (await failure(segments.GetSegment(rpc.GetSegmentRequest(id=made.id)))).kind is Kind.NOT_FOUND

    async def test_members_are_filtered_ordered_and_paged(self, segments, make_customer, failure):
        ids = [(await make_customer(name)).id for name in ("丙号", "甲号", "乙号")]
        fixed = pb.Segment(display_name="排序", kind=pb.SEGMENT_KIND_STATIC)
        made = await segments.CreateSegment(rpc.CreateSegmentRequest(segment=fixed))
        await segments.AddSegmentMembers(rpc.AddSegmentMembersRequest(id=made.id, customer_ids=ids))

        async def names(**asked: object) -> list[str]:
            request = rpc.ListSegmentMembersRequest(segment_id=made.id, **asked)
            found = await segments.ListSegmentMembers(request)
            return [member.customer_display_name for member in found.segment_members]

        assert await names(order_by="customer_display_name") == ["丙号", "甲号", "乙号"]
        assert await names(order_by="customer_display_name desc") == ["乙号", "甲号", "丙号"]
        assert await names(filter=f'customer_id = "{ids[1]}"') == ["甲号"]
        assert set(await names(filter='customer_display_name != "甲号"')) == {"丙号", "乙号"}
        first = await segments.ListSegmentMembers(
            rpc.ListSegmentMembersRequest(segment_id=made.id, page_size=2)
        )
        rest = rpc.ListSegmentMembersRequest(segment_id=made.id, page_token=first.next_page_token)
        assert len((await segments.ListSegmentMembers(rest)).segment_members) == 1
        both = rpc.ListSegmentMembersRequest(segment_id=made.id, filter="nope = 1", order_by="nope")
        error = await failure(segments.ListSegmentMembers(both))
        assert {v.field for v in error.violations} == {"filter", "order_by"}

    async def test_dynamic_follows_changes(self, service, segments, customers, members, make_customer):
        inside = await make_customer("在内", industry="造船")
        outside = await make_customer("在外", industry="养蜂")
        made = await segments.CreateSegment(dynamic('industry = "造船"'))
        assert made.member_count == 1
        assert await members(made.id) == {inside.id}

        async def set_industry(key: str, industry: str) -> None:
            change = customer_pb.Customer(id=key, industry=industry)
            await customers.UpdateCustomer(customers_rpc.UpdateCustomerRequest(customer=change))

        await set_industry(outside.id, "造船")
        await eventually(lambda: members(made.id), {inside.id, outside.id})
        await set_industry(inside.id, "养蜂")
        await eventually(lambda: members(made.id), {outside.id})
        fresh = await make_customer("新来", industry="造船")
        await eventually(lambda: members(made.id), {outside.id, fresh.id})
        await customers.DeleteCustomer(customers_rpc.DeleteCustomerRequest(id=outside.id))
        await eventually(lambda: members(made.id), {fresh.id})
        before = await segments.GetSegment(rpc.GetSegmentRequest(id=made.id))
        again = await segments.RefreshSegment(rpc.RefreshSegmentRequest(id=made.id))
        assert before.member_count == again.member_count == 1

    async def test_changing_the_filter_moves_members(self, segments, members, make_customer):
        a, b = await make_customer("甲", region="一区"), await make_customer("乙", region="二区")
        made = await segments.CreateSegment(dynamic('region = "一区"'))
        assert await members(made.id) == {a.id}
        await segments.UpdateSegment(
            rpc.UpdateSegmentRequest(segment=pb.Segment(id=made.id, filter='region = "二区"'))
        )
        assert await members(made.id) == {b.id}

    async def test_another_branch_has_other_members(self, service, segments, members, make_customer):
        east = await service.add_user({"customers.*": "own"}, "/hq/e/sh/")
        west = await service.add_user({"customers.*": "own"}, "/hq/w/")
        one = await make_customer("东", by=east, source="moved")
        other = await make_customer("西", by=west, source="moved")
        made = await segments.CreateSegment(dynamic('source = "moved"', branch_id=east.branch_id))
        assert await members(made.id) == {one.id}
        moved = pb.Segment(id=made.id, branch_id=west.branch_id)
        changed = await segments.UpdateSegment(rpc.UpdateSegmentRequest(segment=moved))
        assert (changed.branch_id, changed.member_count) == (west.branch_id, 1)
        assert await members(made.id) == {other.id}

    async def test_members_lie_in_the_segments_branch(self, service, members, make_customer):
        east = await service.add_user({"*": "branch_and_below"}, "/hq/e/")
        stub = service.stub(SegmentsServiceStub, east)
        seller = await service.add_user({"customers.*": "own"}, "/hq/e/sh/")
        west = await service.add_user({"customers.*": "own"}, "/hq/w/")
        ours = await make_customer("东", by=seller, source="branchtest")
        await make_customer("西", by=west, source="branchtest")
        made = await stub.CreateSegment(dynamic('source = "branchtest"'))
        assert made.member_count == 1
        assert await members(made.id, stub) == {ours.id}
        preview = await stub.PreviewSegment(rpc.PreviewSegmentRequest(filter='source = "branchtest"'))
        assert (preview.member_count, [c.id for c in preview.samples]) == (1, [ours.id])

    async def test_time_moves_members(self, service, segments, members, make_customer):
        customer = await make_customer("按时间", source="clocktest")
        made = await segments.CreateSegment(dynamic('source = "clocktest" AND create_time < now() - 2s'))
        assert made.member_count == 0
        assert made.HasField("next_change_time")
        with service.system_call():
            await eventually(lambda: moved(service, members, made.id), {customer.id})


class TestCustomFields:
    @pytest.fixture
    def fields(self, service, admin):
        return service.stub(CustomFieldsServiceStub, admin)

    async def test_values_move_members(self, service, segments, customers, fields, members, make_customer):
        await define(fields, "hull_class")
        made = await segments.CreateSegment(dynamic('custom.hull_class = "ice"'))
        customer = await make_customer("冰级", custom={"hull_class": "ice"})
        await eventually(lambda: members(made.id), {customer.id})
        await set_custom(customers, customer.id, hull_class="river")
        await eventually(lambda: members(made.id), set())
        await set_custom(customers, customer.id, hull_class="ice")
        await eventually(lambda: members(made.id), {customer.id})

    async def test_a_retired_field_holds_up_nobody(
        self, service, segments, customers, fields, members, make_customer, failure
    ):
        field = await define(fields, "dock")
        inside = await make_customer("在坞", custom={"dock": "north"}, source="retired")
        frozen = await segments.CreateSegment(dynamic('custom.dock = "north" AND create_time > now() - 2s'))
        other = await segments.CreateSegment(dynamic('source = "retired" AND create_time > now() - 2s'))
        lasting = await segments.CreateSegment(dynamic('source = "retired"'))
        assert await members(frozen.id) == await members(other.id) == {inside.id}
        await fields.DeleteCustomField(custom_rpc.DeleteCustomFieldRequest(id=field.id))
        newer = await make_customer("后来", source="retired")
        await eventually(lambda: members(lasting.id), {inside.id, newer.id})
        with service.system_call():
            await eventually(lambda: moved(service, members, other.id), set())
        assert await members(frozen.id) == {inside.id}
        error = await failure(segments.RefreshSegment(rpc.RefreshSegmentRequest(id=frozen.id)))
        assert error.kind is Kind.INVALID
        await fields.UndeleteCustomField(custom_rpc.UndeleteCustomFieldRequest(id=field.id))
        again = await segments.RefreshSegment(rpc.RefreshSegmentRequest(id=frozen.id))
        assert again.member_count == 0


class TestFollowing:
    async def test_records_follow_their_customer(self, service, admin, customers, make_customer):
        from taproot.customer.v1 import contact_pb2, contact_service_pb2
        from taproot.customer.v1.contact_service_pb2_grpc import ContactsServiceStub

        seller = await service.add_user({"customers.*": "own", "contacts.*": "own"}, "/hq/e/sh/")
        other = await service.add_user({"customers.*": "own", "contacts.*": "own"}, "/hq/w/")
        customer = await make_customer("搬家", by=seller)
        contact = contact_pb2.Contact(customer_id=customer.id, display_name="王芳")
        stub = service.stub(ContactsServiceStub, seller)
        made = await stub.CreateContact(contact_service_pb2.CreateContactRequest(contact=contact))
        await customers.AssignCustomer(
            customers_rpc.AssignCustomerRequest(id=customer.id, owner_id=other.subject)
        )
        theirs = service.stub(ContactsServiceStub, other)

        async def seen() -> list[str]:
            return [
                c.id for c in (await theirs.ListContacts(contact_service_pb2.ListContactsRequest())).contacts
            ]

        await eventually(seen, [made.id])
