"""Types of records of the enterprise's own, and their records."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.json_format import MessageToDict

from taproot.customer.events.v1.object_event_pb2 import ObjectEvent
from taproot.customer.v1 import custom_field_pb2 as fields_pb
from taproot.customer.v1 import object_pb2 as pb
from taproot.customer.v1 import object_service_pb2 as rpc
from taproot.customer.v1 import object_type_pb2 as types_pb
from taproot.customer.v1 import object_type_service_pb2 as types_rpc
from taproot.customer.v1.custom_field_service_pb2 import CreateCustomFieldRequest
from taproot.customer.v1.custom_field_service_pb2_grpc import CustomFieldsServiceStub
from taproot.customer.v1.object_service_pb2_grpc import ObjectsServiceStub
from taproot.customer.v1.object_type_service_pb2_grpc import ObjectTypesServiceStub
from taproot.customer.v1.timeline_service_pb2 import ListTimelineEntriesRequest
from taproot.customer.v1.timeline_service_pb2_grpc import TimelineServiceStub
from taproot_base.errors import AppError, InvalidArgument, Kind

STATES = [
    types_pb.ObjectState(key="free", next_states=["occupied"]),
    types_pb.ObjectState(key="occupied", next_states=["cleaning"]),
    types_pb.ObjectState(key="cleaning", next_states=["free"]),
]


def wrong(error: AppError) -> dict[str, str]:
    return {violation.field: violation.description for violation in error.violations}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def types(service, admin):
    return service.stub(ObjectTypesServiceStub, admin)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rooms(service, admin, types) -> types_pb.ObjectType:
    """Rooms with a floor, and stays of customers that refer to one."""
    room = types_pb.ObjectType(key="room", labels={"en": "Room", "zh-CN": "客房"}, states=STATES)
    made = await types.CreateObjectType(types_rpc.CreateObjectTypeRequest(object_type=room))
    stay = types_pb.ObjectType(key="stay", customer_relation=types_pb.CUSTOMER_RELATION_REQUIRED)
    await types.CreateObjectType(types_rpc.CreateObjectTypeRequest(object_type=stay))
    stub = service.stub(CustomFieldsServiceStub, admin)
    for resource, key, kind, values in (
        ("objects_room", "floor", "INTEGER", {"required": True, "filterable": True}),
        ("objects_room", "number", "TEXT", {"unique": True, "searchable": True}),
        ("objects_stay", "room", "REFERENCE", {"reference_type": "objects_room", "filterable": True}),
        ("objects_stay", "nights", "INTEGER", {"minimum": "1", "filterable": True}),
    ):
        number = fields_pb.CustomFieldType.Value(f"CUSTOM_FIELD_TYPE_{kind}")
        field = fields_pb.CustomField(resource_type=resource, key=key, type=number, **values)
        await stub.CreateCustomField(CreateCustomFieldRequest(custom_field=field))
    return made


@pytest.fixture
def objects(service, admin, rooms):
    return service.stub(ObjectsServiceStub, admin)


async def make(
    stub, kind: str, name: str, customer_id: str = "", branch_id: str = "", **custom: Any
) -> pb.Object:
    thing = pb.Object(type=kind, display_name=name, customer_id=customer_id, branch_id=branch_id)
    thing.custom.update(custom)
    return await stub.CreateObject(rpc.CreateObjectRequest(object=thing))


async def names(stub, kind: str, text: str = "", order: str = "display_name") -> list[str]:
    found = await stub.ListObjects(rpc.ListObjectsRequest(type=kind, filter=text, order_by=order))
    return [one.display_name for one in found.objects]


class TestTypes:
    async def test_only_who_is_granted_it_makes_types(self, service, failure):
        clerk = await service.add_user({"objects.*": "all", "object_types.read": "all"})
        stub = service.stub(ObjectTypesServiceStub, clerk)
        request = types_rpc.CreateObjectTypeRequest(object_type=types_pb.ObjectType(key="thing"))
        assert (await failure(stub.CreateObjectType(request))).kind is Kind.DENIED

    async def test_unsound_types_are_refused_with_every_fault(self, types, failure):
        states = [types_pb.ObjectState(key="a", next_states=["b"]), types_pb.ObjectState(key="a")]
        request = types_rpc.CreateObjectTypeRequest(object_type=types_pb.ObjectType(states=states))
        error = await failure(types.CreateObjectType(request))
        assert set(wrong(error)) == {
            "object_type.key",
            "object_type.states[0].next_states",
            "object_type.states[1].key",
        }

    async def test_it_comes_back_as_given_and_its_key_is_taken_for_good(self, types, rooms, failure):
        read = await types.GetObjectType(types_rpc.GetObjectTypeRequest(id=rooms.id))
        assert ([s.key for s in read.states], dict(read.labels)) == (
            ["free", "occupied", "cleaning"],
            {"en": "Room", "zh-CN": "客房"},
        )
        again = types_rpc.CreateObjectTypeRequest(object_type=types_pb.ObjectType(key="room"))
        assert (await failure(types.CreateObjectType(again))).reason == "OBJECT_TYPE_EXISTS"

    async def test_a_state_in_use_cannot_go(self, types, rooms, objects, failure):
        await make(objects, "room", "占用", floor=1)
        less = types_pb.ObjectType(id=rooms.id, states=[types_pb.ObjectState(key="other")])
        error = await failure(types.UpdateObjectType(types_rpc.UpdateObjectTypeRequest(object_type=less)))
        assert error.reason == "RECORDS_IN_THE_WAY"
        assert int(error.metadata["count"]) >= 1

    async def test_a_retired_type_takes_no_new_objects(self, types, objects, failure):
        made = await types.CreateObjectType(
            types_rpc.CreateObjectTypeRequest(object_type=types_pb.ObjectType(key="fax"))
        )
        await make(objects, "fax", "旧传真")
        await types.DeleteObjectType(types_rpc.DeleteObjectTypeRequest(id=made.id))
        assert (await failure(make(objects, "fax", "新传真"))).reason == "WRONG_STATE"
        assert await names(objects, "fax") == ["旧传真"]
        await types.UndeleteObjectType(types_rpc.UndeleteObjectTypeRequest(id=made.id))
        await make(objects, "fax", "新传真")


class TestObjects:
    async def test_they_have_all_standard_methods(self, objects, failure):
        made = await make(objects, "room", "1204", floor="12", number="1204")
        assert (made.state, dict(made.custom)) == ("free", {"floor": "12", "number": "1204"})
        assert await objects.GetObject(rpc.GetObjectRequest(type="room", id=made.id)) == made
        change = pb.Object(id=made.id, type="room", etag=made.etag, display_name="1204 豪华")
        change.custom.update({"floor": "13", "number": None})
        changed = await objects.UpdateObject(rpc.UpdateObjectRequest(object=change))
        assert (changed.display_name, dict(changed.custom)) == ("1204 豪华", {"floor": "13"})
        stale = await failure(objects.UpdateObject(rpc.UpdateObjectRequest(object=change)))
        assert stale.reason == "ETAG_MISMATCH"
        await objects.DeleteObject(rpc.DeleteObjectRequest(type="room", id=made.id))
        assert (
            await failure(objects.GetObject(rpc.GetObjectRequest(type="room", id=made.id)))
        ).kind is Kind.NOT_FOUND
        await objects.UndeleteObject(rpc.UndeleteObjectRequest(type="room", id=made.id))
        assert await names(objects, "room", "custom.floor = 13") == ["1204 豪华"]

    async def test_every_bad_field_is_told_at_once(self, objects, failure):
        error = await failure(make(objects, "room", "坏", number=5, view="sea"))
        assert isinstance(error, InvalidArgument)
        assert wrong(error) == {
            "object.custom.floor": "is required",
            "object.custom.number": "expected a text",
            "object.custom.view": "is not defined",
        }

    async def test_lists_filter_order_group_and_search_by_own_fields(self, objects):
        for name, floor in (("海景甲", 31), ("海景乙", 32), ("海景丙", 32)):
            await make(objects, "room", name, floor=floor, number=f"海景{floor}{name}")
        assert await names(objects, "room", "custom.floor >= 32", "custom.floor desc, display_name") == [
            "海景丙",
            "海景乙",
        ]
        assert await names(objects, "room", "search:海景31", "display_name") == ["海景甲"]
        answer = await objects.AggregateObjects(
            rpc.AggregateObjectsRequest(
                type="room", filter="custom.floor > 30", group_by=["custom.floor"], measures=["count()"]
            )
        )
        assert [(row.keys[0], row.values[0]) for row in answer.rows] == [("31", "1"), ("32", "2")]

    async def test_objects_of_one_type_are_not_found_as_another(self, objects, failure):
        made = await make(objects, "room", "错类", floor=1)
        error = await failure(objects.GetObject(rpc.GetObjectRequest(type="stay", id=made.id)))
        assert error.kind is Kind.NOT_FOUND
        error = await failure(objects.DeleteObject(rpc.DeleteObjectRequest(type="stay", id=made.id)))
        assert error.kind is Kind.NOT_FOUND
        assert (await failure(names(objects, "spaceship"))).kind is Kind.NOT_FOUND

    async def test_states_move_along_the_allowed_ways_only(self, objects, failure):
        made = await make(objects, "room", "状态", floor=1)

        async def to(state: str) -> pb.Object:
            return await objects.TransitionObject(
                rpc.TransitionObjectRequest(type="room", id=made.id, state=state)
            )

        error = await failure(to("cleaning"))
        assert (error.reason, error.metadata["allowed"]) == ("WRONG_STATE", "occupied")
        assert wrong(await failure(to("gone"))) == {"state": "expected one of free, occupied, cleaning"}
        assert [(await to(state)).state for state in ("occupied", "cleaning", "free")] == [
            "occupied",
            "cleaning",
            "free",
        ]

    async def test_relations_are_checked_and_filtered(self, objects, make_customer, failure):
        room = await make(objects, "room", "套房", floor=9)
        guest = await make_customer("住客")
        assert wrong(await failure(make(objects, "stay", "无主"))) == {"object.customer_id": "is required"}
        assert set(wrong(await failure(make(objects, "room", "有主", guest.id, floor=1)))) == {
            "object.customer_id"
        }
        nowhere = guest.id  # an id, but of no room
        error = await failure(make(objects, "stay", "错房", guest.id, room=nowhere))
        assert wrong(error) == {"object.custom.room": "there is no such record"}
        await make(objects, "stay", "住店", guest.id, room=room.id, nights="2")
        found = await names(objects, "stay", f'customer_id = "{guest.id}" AND custom.room = "{room.id}"')
        assert found == ["住店"]


class TestRights:
    async def test_a_grant_for_one_type_opens_that_type_only(self, service, objects, failure):
        await make(objects, "room", "权限房", floor=7)
        keeper = await service.add_user({"objects_room.read": "all", "objects_room.create": "branch"})
        stub = service.stub(ObjectsServiceStub, keeper)
        assert "权限房" in await names(stub, "room")
        assert (await failure(names(stub, "stay"))).kind is Kind.DENIED
        assert (await make(stub, "room", "我的房", floor=1)).owner_id == keeper.subject
        request = rpc.DeleteObjectRequest(type="room", id=(await make(stub, "room", "删", floor=1)).id)
        assert (await failure(stub.DeleteObject(request))).kind is Kind.DENIED
        nobody = service.stub(ObjectsServiceStub, await service.add_user({"customers.read": "all"}))
        assert (await failure(names(nobody, "room"))).kind is Kind.DENIED

    async def test_a_branch_sees_its_own(self, service, objects, failure):
        mine = await service.add_user({"objects.*": "branch"}, "/hq/e/sh/")
        other = await service.add_user({"objects_room.*": "branch"}, "/hq/e/hz/")
        made = await make(service.stub(ObjectsServiceStub, mine), "room", "沪房", floor=1)
        stub = service.stub(ObjectsServiceStub, other)
        assert "沪房" not in await names(stub, "room")
        error = await failure(stub.GetObject(rpc.GetObjectRequest(type="room", id=made.id)))
        assert error.kind is Kind.NOT_FOUND
        colleague = await service.add_user({"objects_room.read": "branch"}, "/hq/e/sh/")
        assert "沪房" in await names(service.stub(ObjectsServiceStub, colleague), "room")

    async def test_objects_of_a_shared_type_are_everybodys(self, service, types, objects):
        course = types_pb.ObjectType(key="course", shared=True)
        await types.CreateObjectType(types_rpc.CreateObjectTypeRequest(object_type=course))
        made = await make(objects, "course", "高等数学")
        assert made.branch_id == ""
        far = await service.add_user({"objects.read": "own"}, "/hq/w/")
        assert await names(service.stub(ObjectsServiceStub, far), "course") == ["高等数学"]


class TestEvents:
    async def test_a_change_is_an_event_with_the_full_state(self, service, objects):
        made = await make(objects, "room", "事件房", floor="4")
        events = await service.events(1, of="object.created")
        mine = [e.decode(ObjectEvent).object for e in events if str(e.aggregate_id) == made.id]
        assert MessageToDict(mine[0].custom) == {"floor": "4"}

    async def test_objects_of_a_customer_stand_in_its_timeline(self, service, admin, objects, make_customer):
        guest = await make_customer("时间线")
        await make(objects, "stay", "夏日之旅", guest.id, nights="3")
        for event in await service.events(1, of="object.created"):
            if str(event.party_id) == guest.id:
                await service.deliver(event, "timeline")
        timeline = service.stub(TimelineServiceStub, admin)
        lines = await timeline.ListTimelineEntries(ListTimelineEntriesRequest(customer_id=guest.id))
        assert any("夏日之旅" in str(line) for line in lines.timeline_entries)
