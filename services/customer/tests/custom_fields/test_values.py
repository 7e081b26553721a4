"""Values of custom fields on records: checked, filtered, ordered, grouped, searched and masked."""

from __future__ import annotations

import asyncio
import uuid

import pytest
import pytest_asyncio
from google.protobuf.json_format import MessageToDict

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot.customer.v1 import custom_field_pb2 as pb
from taproot.customer.v1 import custom_field_service_pb2 as rpc
from taproot.customer.v1 import customer_pb2
from taproot.customer.v1.custom_field_service_pb2_grpc import CustomFieldsServiceStub
from taproot.customer.v1.customer_service_pb2 import (
    AggregateCustomersRequest,
    GetCustomerRequest,
    UpdateCustomerRequest,
)
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.options.v1.options_pb2 import SENSITIVITY_FINANCIAL
from taproot_base.errors import AppError, InvalidArgument
from taproot_custom.changing import Holding, fill_batch
from taproot_customer.customers import queries
from taproot_customer.customers.model import Customer
from taproot_listing.filter_sql import filter_sql
from taproot_records.writing import load
from taproot_storage.reads import filter_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped


def wrong(error: AppError) -> dict[str, str]:
    return {v.field.removeprefix("customer.custom."): v.description for v in error.violations}


async def change(customers, customer_id, **custom):
    customer = customer_pb2.Customer(id=customer_id)
    customer.custom.update(custom)
    return await customers.UpdateCustomer(UpdateCustomerRequest(customer=customer))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def every_type(service, admin):
    """One filterable field of every type."""
    stub = service.stub(CustomFieldsServiceStub, admin)
    limits = {
        "a_text": {"pattern": "[A-Z]{2}-[0-9]+"},
        "an_integer": {"minimum": "-5", "maximum": "9007199254740993"},
        "a_decimal": {"scale": 2},
        "a_money": {"scale": 2},
        "a_date": {"minimum": "2020-01-01"},
        "an_enum": {"options": [pb.CustomFieldOption(key=key) for key in ("low", "high")]},
        "a_multi_enum": {"options": [pb.CustomFieldOption(key=key) for key in ("sea", "city", "wood")]},
        "a_reference": {"reference_type": "customer"},
    }
    for name in (
        "a_text", "a_long_text", "an_integer", "a_decimal", "a_money", "a_boolean", "a_date", "an_instant", "an_enum",
        "a_multi_enum", "a_reference", "a_url", "an_email", "a_phone",
    ):  # fmt: skip
        number = pb.CustomFieldType.Value(f"CUSTOM_FIELD_TYPE_{name.partition('_')[2].upper()}")
        field = pb.CustomField(
            resource_type="customer",
            key=name,
            type=number,
            filterable=name != "a_long_text",
            **limits.get(name, {}),
        )
        await stub.CreateCustomField(rpc.CreateCustomFieldRequest(custom_field=field))


GIVEN = {
    "a_text": " AB-12 ",
    "a_long_text": "two\nlines",
    "an_integer": "9007199254740993",
    "a_decimal": "12.5",
    "a_money": {"amount": "99.9", "currency_code": "CNY"},
    "a_boolean": False,
    "a_date": "2026-02-28",
    "an_instant": "2026-02-28T16:30:00+08:00",
    "an_enum": "high",
    "a_multi_enum": ["sea", "wood"],
    "a_reference": "0190B6A0-0000-7000-8000-000000000001",
    "a_url": "https://example.com/a",
    "an_email": "a@example.com",
    "a_phone": "+86 532 8888-9999",
}
STORED = GIVEN | {
    "a_text": "AB-12",
    "a_decimal": "12.50",
    "a_money": {"amount": "99.90", "currency_code": "CNY"},
    "an_instant": "2026-02-28T08:30:00Z",
    "a_reference": "0190b6a0-0000-7000-8000-000000000001",
}
BAD = {
    "a_text": "ab-12",
    "a_long_text": 5,
    "an_integer": "1.5",
    "a_decimal": "1.234",
    "a_money": {"amount": "1"},
    "a_boolean": "true",
    "a_date": "2026-02-30",
    "an_instant": "2026-02-28 08:30",
    "an_enum": "middle",
    "a_multi_enum": ["sea", "sea"],
    "a_reference": "somebody",
    "a_url": "example.com",
    "an_email": "a@b",
    "a_phone": "call me",
    "unheard_of": "x",
}


@pytest.mark.usefixtures("every_type")
class TestTypes:
    async def test_values_are_stored_in_one_form(self, named, customers):
        made = await named("样样", **GIVEN)
        read = await customers.GetCustomer(GetCustomerRequest(id=made.id))
        assert MessageToDict(read.custom) == STORED

    async def test_every_bad_value_is_told_at_once_and_nothing_is_kept(self, named, names, failure):
        error = await failure(named("样样错", **BAD))
        assert isinstance(error, InvalidArgument)
        assert set(wrong(error)) == set(BAD)
        assert wrong(error)["unheard_of"] == "is not defined"
        assert await names('display_name = "样样错"') == []

    async def test_a_change_is_a_merge_patch_held_against_the_same_rules(self, named, customers, failure):
        made = await named("补丁", an_enum="low", an_integer=3)
        after = await change(customers, made.id, an_enum=None, a_date="2026-03-01")
        assert MessageToDict(after.custom) == {"an_integer": "3", "a_date": "2026-03-01"}
        error = await failure(change(customers, made.id, a_date="2019-12-31", an_integer="-6"))
        assert wrong(error) == {"a_date": "is less than 2020-01-01", "an_integer": "is less than -5"}

    async def test_filters_compare_by_type(self, named, names):
        await named("筛甲", **GIVEN)
        await named(
            "筛乙", an_integer="5", a_decimal="2.5", a_date="2027-01-01", an_enum="low", a_boolean=True
        )
        only = 'display_name = "筛*" AND '
        for text, expected in {
            "custom.an_integer > 4": ["筛甲", "筛乙"],
            "custom.an_integer = 9007199254740993": ["筛甲"],
            "custom.a_decimal < 10": ["筛乙"],
            "custom.a_money >= 99.9": ["筛甲"],
            "custom.a_boolean = true": ["筛乙"],
            "custom.a_boolean = false": ["筛甲"],
            "custom.a_date < 2026-06-01": ["筛甲"],
            'custom.an_instant = "2026-02-28T08:30:00Z"': ["筛甲"],
            "custom.an_enum = HIGH": ["筛甲"],
            "custom.an_enum != high": ["筛乙"],
            "custom.a_multi_enum:wood": ["筛甲"],
            "NOT custom.a_multi_enum:wood": ["筛乙"],
            "custom.a_multi_enum:*": ["筛甲"],
            'custom.a_reference = "0190B6A0-0000-7000-8000-000000000001"': ["筛甲"],
            "custom.a_text = AB*": ["筛甲"],
            "custom.an_email:*": ["筛甲"],
            "custom.a_phone = null": ["筛乙"],
        }.items():
            found = await names(only + text, "custom.an_integer desc")
            assert found == expected, text

    async def test_side_rows_follow_every_change_of_a_value(self, named, names, customers):
        made = await named("随动", an_integer="41", a_multi_enum=["sea", "city"])
        await change(customers, made.id, an_integer="42", a_multi_enum=["city"])
        assert await names("custom.an_integer = 41") == []
        assert await names("custom.an_integer = 42") == ["随动"]
        assert await names("custom.an_integer = 42 AND custom.a_multi_enum:sea") == []
        await change(customers, made.id, an_integer=None)
        assert await names("custom.an_integer = 42") == []

    async def test_aggregates_group_and_measure(self, named, customers):
        for amount, grade in (("1.25", "low"), ("2.50", "low"), ("10", "high")):
            await named("合计", a_decimal=amount, an_enum=grade, a_date="2026-05-01")
        answer = await customers.AggregateCustomers(
            AggregateCustomersRequest(
                filter='display_name = "合计"',
                group_by=["custom.an_enum", "month(custom.a_date)"],
                measures=["sum(custom.a_decimal)", "count()"],
            )
        )
        assert [(list(row.keys), list(row.values)) for row in answer.rows] == [
            (["high", "2026-05"], ["10.00", "1"]),
            (["low", "2026-05"], ["3.75", "2"]),
        ]

    async def test_what_is_not_filterable_is_refused_in_filters(self, names, failure):
        for text in ("custom.a_long_text = x", "custom.unheard_of = x"):
            error = await failure(names(text))
            assert isinstance(error, InvalidArgument)
            assert "unknown field" in error.message


async def test_values_are_in_the_event_of_the_record(service, define, named):
    await define("in_event", "text")
    made = await named("事件", in_event="yes")
    events = await service.events(1, of="customer.created")
    mine = [e.decode(CustomerEvent).customer for e in events if str(e.aggregate_id) == made.id]
    assert mine[0].custom["in_event"] == "yes"


class TestUnique:
    async def test_of_two_parallel_creates_one_wins(self, define, named, names):
        await define("plate", "text", unique=True, filterable=True)
        outcomes = await asyncio.gather(
            *(named(f"车{n}", plate="鲁B12345") for n in range(6)), return_exceptions=True
        )
        lost = [one.reason for one in outcomes if isinstance(one, AppError)]
        assert lost == ["CUSTOM_VALUE_TAKEN"] * 5
        assert len(await names('custom.plate = "鲁B12345"')) == 1

    async def test_a_value_given_up_is_free_and_ones_own_is_kept(self, define, named, customers, failure):
        await define("locker", "email", unique=True)
        first, second = await named("甲", locker="a@example.com"), await named("乙")
        await change(customers, first.id, locker="A@example.com")
        assert (
            await failure(change(customers, second.id, locker="a@example.com"))
        ).reason == "CUSTOM_VALUE_TAKEN"
        await change(customers, first.id, locker=None)
        await change(customers, second.id, locker="a@example.com")


class TestMasks:
    async def test_a_sensitive_field_is_hidden_in_answers_and_refused_in_filters(
        self, service, define, named, names, failure
    ):
        await define("salary", "decimal", filterable=True, sensitivity=SENSITIVITY_FINANCIAL)
        await define("colour", "text")
        made = await named("密", salary="1000", colour="red")
        clerk = await service.add_user({"customers.read": "all"}, masked=("financial",))
        stub = service.stub(CustomersServiceStub, clerk)
        seen = await stub.GetCustomer(GetCustomerRequest(id=made.id))
        assert dict(seen.custom) == {"colour": "red"}
        error = await failure(names("custom.salary > 5", stub=stub))
        assert "masked" in error.message
        assert "masked" in (await failure(names("", "custom.salary", stub=stub))).message
        assert await names("custom.salary = 1000") == ["密"]


async def test_searchable_texts_are_found(define, named, names, customers):
    await define("hobby", "text", searchable=True)
    made = await named("爱好者", hobby="围棋与登山")
    assert await names("search:登山") == ["爱好者"]
    await change(customers, made.id, hobby="游泳")
    assert await names("search:登山") == []


class TestIndexing:
    async def test_a_field_made_filterable_later_is_filled_in_the_background_and_right_all_along(
        self, service, define, fields, named, names
    ):
        made = await define("floor", "integer")
        for number in range(5):
            await named(f"楼{number}", floor=str(number))
        free = pb.CustomField(id=made.id, filterable=True)
        await fields.UpdateCustomField(rpc.UpdateCustomFieldRequest(custom_field=free))
        assert await names("custom.floor >= 3") == ["楼3", "楼4"]
        for _ in range(200):
            if service.runtime.directory.custom.of("customer")["floor"].indexed:
                break
            await asyncio.sleep(0.05)
        assert service.runtime.directory.custom.of("customer")["floor"].indexed
        assert await names("custom.floor >= 3") == ["楼3", "楼4"]
        plan = await explain(service, "custom.floor = 3")
        assert "custom_numbers" in plan

    async def test_the_filling_waits_for_a_writer_and_leaves_nothing_stale(
        self, service, define, named, admin
    ):
        await define("berth", "text", filterable=True)
        made = await named("泊位", berth="old")
        database, spec = service.runtime.database, service.runtime.directory.custom.of("customer")["berth"]

        async def fill() -> None:
            with service.system_call():
                async with database.unit() as work:
                    await fill_batch(work, spec, Holding(Customer), uuid.UUID(int=0))

        with service.calling(admin, "customers.update"):
            async with database.unit() as work:
                customer = await load(work, Customer, made.id)
                customer.change({"custom": {"berth": "new"}}, work.clock.now())
                await work.flush()
                filling = asyncio.create_task(fill())
                await until_waiting(database)
        await filling
        async with database.connection() as connection:
            found = await connection.fetch("SELECT value FROM custom_texts WHERE field = 'customer.berth'")
        assert [row[0] for row in found] == ["new"]

    async def test_a_filter_reads_an_index_and_not_the_table(self, service, define):
        await define("membership_number", "text", filterable=True)
        async with service.runtime.database.connection() as connection:
            await connection.execute(FILL)
            await connection.execute("ANALYZE customers, custom_texts")
        plan = await explain(service, "custom.membership_number = n4711")
        assert "Seq Scan" not in plan, plan
        assert "pk_custom_texts" in plan


FILL = """
WITH made AS (
    INSERT INTO customers (id, version, create_time, update_time, kind, display_name, given_name, family_name,
        identifiers, addresses, status, value_class, loyalty_class, industry, region, source, tags, language_code, time_zone,
        key_account, note, branch_path, custom, sort_key, search_tokens, merged_ids)
    SELECT gen_random_uuid(), 1, now(), now(), 'person', 'p' || n, '', '', '[]', '[]', 'potential', '', '', '', '', '',
        '{}', 'en', '', false, '', '/hq/', jsonb_build_object('membership_number', 'n' || n), 'p' || n, '{}', '{}'
    FROM generate_series(1, 8000) AS n
    RETURNING id, custom->>'membership_number' AS value
)
INSERT INTO custom_texts (field, value, record_id) SELECT 'customer.membership_number', value, id FROM made
"""


async def until_waiting(database) -> None:
    """Somebody waits for the lock of a row."""
    async with database.connection() as connection:
        for _ in range(400):
            if await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                return
            await asyncio.sleep(0.02)


async def explain(service, text: str) -> str:
    with service.system_call():
        condition = filter_sql(filter_of(queries.RESOURCE, text), service.runtime.clock.now())
        statement = (
            queries.listed().where(condition, unscoped(Customer, "a test")).order_by(Customer.create_time)
        )
        prepared = Statement(statement.limit(51))
        async with service.runtime.database.connection() as connection:
            rows = await connection.fetch(f"EXPLAIN {prepared.text}", *prepared.arguments({}))
    return "\n".join(row[0] for row in rows)


class TestChangesWhileWritesRun:
    async def test_no_value_slips_past_a_definition_that_changes(self, service, define, fields, named):
        """Writers and the narrowing of an enum in parallel: whatever is stored at the end fits."""
        made = await define("phase", "enum", options=["one", "two"], filterable=True)
        change_to = pb.CustomField(id=made.id, options=[pb.CustomFieldOption(key="one")])

        async def narrow():
            await asyncio.sleep(0.01)
            return await fields.UpdateCustomField(rpc.UpdateCustomFieldRequest(custom_field=change_to))

        writes = [named(f"相{n}", phase="two" if n == 29 else "one") for n in range(30)]
        *outcomes, narrowed = await asyncio.gather(*writes, narrow(), return_exceptions=True)
        async with service.runtime.database.connection() as connection:
            twos = await connection.fetchval("SELECT count(*) FROM customers WHERE custom->>'phase' = 'two'")
        refused = [one for one in outcomes if isinstance(one, Exception)]
        if isinstance(narrowed, AppError):
            assert (narrowed.reason, twos, refused) == ("RECORDS_IN_THE_WAY", 1, [])
        else:
            assert (twos, [wrong(one) for one in refused]) == (0, [{"phase": "expected one of one"}])

    async def test_a_process_that_knows_an_older_definition_finds_out_before_it_commits(
        self, service, define, fields, named, failure
    ):
        made = await define("shelf", "enum", options=["top", "bottom"])
        old = service.runtime.directory.custom
        less = pb.CustomField(id=made.id, options=[pb.CustomFieldOption(key="top")])
        await fields.UpdateCustomField(rpc.UpdateCustomFieldRequest(custom_field=less))
        service.runtime.directory.custom = old
        assert wrong(await failure(named("旧知", shelf="bottom"))) == {"shelf": "expected one of top"}
