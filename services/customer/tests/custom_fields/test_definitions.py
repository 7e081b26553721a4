"""Definitions: who may make them, what is wrong with them, what stands in their way."""

from __future__ import annotations

import pytest

from taproot.customer.v1 import custom_field_pb2 as pb
from taproot.customer.v1 import custom_field_service_pb2 as rpc
from taproot.customer.v1.custom_field_service_pb2_grpc import CustomFieldsServiceStub
from taproot.customer.v1.customer_service_pb2 import UpdateCustomerRequest
from taproot_base.errors import AppError, InvalidArgument


def paths(error: AppError) -> list[str]:
    return sorted(violation.field for violation in error.violations)


async def test_only_who_is_granted_it_defines_fields(service, define, failure):
    clerk = await service.add_user({"customers.*": "all", "custom_fields.read": "all"})
    stub = service.stub(CustomFieldsServiceStub, clerk)
    field = pb.CustomField(resource_type="customer", key="secretly", type=pb.CUSTOM_FIELD_TYPE_TEXT)
    error = await failure(stub.CreateCustomField(rpc.CreateCustomFieldRequest(custom_field=field)))
    assert error.kind.value == "PERMISSION_DENIED"
    assert (
        await stub.ListCustomFields(rpc.ListCustomFieldsRequest(filter='key = "secretly"'))
    ).custom_fields == []


async def test_a_definition_comes_back_as_it_was_given(service, define, fields):
    made = await define(
        "room_type",
        "enum",
        "contact",
        labels={"en": "Room type", "zh-CN": "房型"},
        help_texts={"en": "What they usually take"},
        options=["single", "double"],
        default_value="single",
        section="Stay",
        position=3,
    )
    read = await fields.GetCustomField(rpc.GetCustomFieldRequest(id=made.id))
    assert read == made
    assert (dict(read.labels), [o.key for o in read.options]) == (
        {"en": "Room type", "zh-CN": "房型"},
        ["single", "double"],
    )
    assert read.state == pb.CUSTOM_FIELD_STATE_ACTIVE
    listed = await fields.ListCustomFields(
        rpc.ListCustomFieldsRequest(filter='resource_type = "contact" AND type = ENUM')
    )
    assert [one.id for one in listed.custom_fields] == [made.id]


@pytest.mark.parametrize(
    ("kind", "values", "wrong"),
    [
        ("text", {"resource_type": "no_such_thing"}, ["custom_field.resource_type"]),
        ("enum", {}, ["custom_field.options"]),
        ("integer", {"minimum": "9", "maximum": "1"}, ["custom_field.maximum"]),
        ("date", {"minimum": "soon", "scale": 2}, ["custom_field.minimum", "custom_field.scale"]),
        (
            "text",
            {"pattern": "(a+)+", "max_length": 501},
            ["custom_field.max_length", "custom_field.pattern"],
        ),
        ("text", {"pattern": "a*b*c*d*"}, ["custom_field.pattern"]),
        ("boolean", {"unique": True, "searchable": True}, ["custom_field.searchable", "custom_field.unique"]),
        ("reference", {}, ["custom_field.reference_type"]),
        ("long_text", {"filterable": True}, ["custom_field.filterable"]),
        ("integer", {"default_value": "many"}, ["custom_field.default_value"]),
        ("email", {"unique": True, "default_value": "a@example.com"}, ["custom_field.default_value"]),
    ],
)
async def test_unsound_definitions_are_refused_with_every_fault(define, failure, kind, values, wrong):
    resource = values.pop("resource_type", "customer")
    assert paths(await failure(define("unsound", kind, resource, **values))) == wrong


async def test_a_key_is_given_once_for_good_and_its_type_never_changes(define, fields, failure):
    made = await define("serial_number", "text", "task")
    assert (await failure(define("serial_number", "integer", "task"))).reason == "CUSTOM_FIELD_EXISTS"
    change = pb.CustomField(id=made.id, type=pb.CUSTOM_FIELD_TYPE_INTEGER)
    request = rpc.UpdateCustomFieldRequest(custom_field=change)
    request.update_mask.paths.append("type")
    assert isinstance(await failure(fields.UpdateCustomField(request)), InvalidArgument)
    await fields.DeleteCustomField(rpc.DeleteCustomFieldRequest(id=made.id))
    assert (await failure(define("serial_number", "text", "task"))).reason == "CUSTOM_FIELD_EXISTS"


async def test_making_a_field_required_says_how_many_records_stand_in_the_way(
    define, fields, named, customers, failure
):
    made = await define("licence", "text")
    first, second = await named("有照"), await named("无照")
    change = pb.CustomField(id=made.id, required=True)
    error = await failure(fields.UpdateCustomField(rpc.UpdateCustomFieldRequest(custom_field=change)))
    assert (error.reason, error.metadata["count"]) == ("RECORDS_IN_THE_WAY", "2")
    for one in (first, second):
        one.custom.update({"licence": f"L-{one.id[-4:]}"})
        request = UpdateCustomerRequest(customer={"id": one.id, "custom": one.custom})
        await customers.UpdateCustomer(request)
    after = await fields.UpdateCustomField(rpc.UpdateCustomFieldRequest(custom_field=change))
    assert after.required
    error = await failure(named("第三家"))
    assert paths(error) == ["customer.custom.licence"]
    free = pb.CustomField(id=made.id, required=False)
    request = rpc.UpdateCustomFieldRequest(custom_field=free)
    request.update_mask.paths.append("required")
    await fields.UpdateCustomField(request)


async def test_narrowing_an_enum_says_how_many_records_stand_in_the_way(define, fields, named, failure):
    made = await define("grade", "enum", options=["a", "b", "c"])
    await named("甲", grade="a")
    await named("丙", grade="c")
    change = pb.CustomField(id=made.id, options=[pb.CustomFieldOption(key=key) for key in "ab"])
    error = await failure(fields.UpdateCustomField(rpc.UpdateCustomFieldRequest(custom_field=change)))
    assert (error.reason, error.metadata["count"]) == ("RECORDS_IN_THE_WAY", "1")
    change.options.append(pb.CustomFieldOption(key="c"))
    change.options.append(pb.CustomFieldOption(key="d"))
    await fields.UpdateCustomField(rpc.UpdateCustomFieldRequest(custom_field=change))
    await named("丁", grade="d")


async def test_making_a_field_unique_says_how_many_share_a_value(define, fields, named, failure):
    made = await define("badge", "text")
    await named("一", badge="7")
    await named("二", badge="7")
    change = pb.CustomField(id=made.id, unique=True)
    error = await failure(fields.UpdateCustomField(rpc.UpdateCustomFieldRequest(custom_field=change)))
    assert (error.reason, error.metadata["count"]) == ("RECORDS_IN_THE_WAY", "1")
    assert "share" in error.message


async def test_a_retired_field_keeps_its_values_and_takes_no_new_ones(define, fields, named, names, failure):
    made = await define("nickname", "text", filterable=True)
    kept = await named("旧", nickname="old")
    retired = await fields.DeleteCustomField(rpc.DeleteCustomFieldRequest(id=made.id, etag=made.etag))
    assert retired.state == pb.CUSTOM_FIELD_STATE_RETIRED
    assert kept.custom["nickname"] == "old"
    assert paths(await failure(named("新", nickname="new"))) == ["customer.custom.nickname"]
    assert isinstance(await failure(names("custom.nickname = old")), InvalidArgument)
    assert (
        await failure(fields.DeleteCustomField(rpc.DeleteCustomFieldRequest(id=made.id)))
    ).reason == "WRONG_STATE"
    await fields.UndeleteCustomField(rpc.UndeleteCustomFieldRequest(id=made.id))
    assert await names("custom.nickname = old") == ["旧"]


async def test_a_dry_run_changes_nothing(service, fields, failure, named):
    field = pb.CustomField(resource_type="customer", key="never", type=pb.CUSTOM_FIELD_TYPE_TEXT)
    await fields.CreateCustomField(rpc.CreateCustomFieldRequest(custom_field=field, validate_only=True))
    assert paths(await failure(named("不", never="x"))) == ["customer.custom.never"]


async def test_definitions_are_told_to_the_other_services(service, define):
    made = await define("told", "text", "lead")
    event = (await service.events(1, of="custom_field.created"))[-1]
    assert (str(event.aggregate_id), event.version) == (made.id, 1)
