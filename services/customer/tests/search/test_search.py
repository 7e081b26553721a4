"""One box over names, contacts, numbers and notes."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from taproot.customer.v1 import activity_pb2, contact_pb2
from taproot.customer.v1 import activity_service_pb2 as activity_rpc
from taproot.customer.v1 import contact_service_pb2 as contact_rpc
from taproot.customer.v1 import customer_pb2 as pb
from taproot.customer.v1 import customer_service_pb2 as customer_rpc
from taproot.customer.v1 import search_service_pb2 as rpc
from taproot.customer.v1.activity_service_pb2_grpc import ActivitiesServiceStub
from taproot.customer.v1.contact_service_pb2_grpc import ContactsServiceStub
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot.customer.v1.search_service_pb2_grpc import SearchServiceStub
from taproot_base.errors import Kind

PHONE, EMAIL, TAX, EXTERNAL = (
    pb.IDENTIFIER_KIND_PHONE,
    pb.IDENTIFIER_KIND_EMAIL,
    pb.IDENTIFIER_KIND_TAX_NUMBER,
    pb.IDENTIFIER_KIND_EXTERNAL,
)
PERSON = pb.CUSTOMER_KIND_PERSON
SHANGHAI, BEIJING = "/hq/e/sh/", "/hq/n/bj/"


def known(kind: Any, value: str) -> pb.Identifier:
    return pb.Identifier(kind=kind, value=value)


@pytest.fixture
def search(service, admin):
    async def run(query: str, by: Any = None, **more: Any) -> list[rpc.SearchResult]:
        stub = service.stub(SearchServiceStub, by or admin)
        answer = await stub.SearchCustomers(rpc.SearchCustomersRequest(query=query, **more))
        return list(answer.results)

    return run


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def records(service, admin):
    """Customers, a contact and an activity, by a word for each."""
    customers = service.stub(CustomersServiceStub, admin)
    made: dict[str, Any] = {}

    async def customer(
        word: str, name: str, kind: Any = pb.CUSTOMER_KIND_ORGANIZATION, **values: Any
    ) -> None:
        request = customer_rpc.CreateCustomerRequest(
            customer=pb.Customer(kind=kind, display_name=name, **values)
        )
        made[word] = await customers.CreateCustomer(request)

    await customer("vanke", "万  科Ａ", note="年底前续签物业合同")
    await customer("ping", "中国平安保险（集团）股份有限公司", identifiers=[known(TAX, "100012316")])
    await customer("long", "深圳市天马微电子显示技术股份有限公司")
    await customer("trad", "臺灣積體電路製造")
    await customer(
        "john",
        "Johnathan Smithson",
        PERSON,
        identifiers=[known(EMAIL, "J.Smithson@Example.org"), known(PHONE, "138 0013 8000")],
    )
    await customer("wang", "王小明", PERSON, identifiers=[known(EXTERNAL, "erp:K-4711")])
    await customer("zeng", "José Müller", PERSON, identifiers=[known(PHONE, "0755-26727996")])
    contact = contact_pb2.Contact(
        customer_id=made["vanke"].id, display_name="郁亮", identifiers=[known(PHONE, "+86 139 1111 2222")]
    )
    contacts = service.stub(ContactsServiceStub, admin)
    made["contact"] = await contacts.CreateContact(contact_rpc.CreateContactRequest(contact=contact))
    activity = activity_pb2.Activity(
        customer_id=made["ping"].id,
        kind=activity_pb2.ACTIVITY_KIND_CALL,
        display_name="电话回访",
        body="客户抱怨理赔太慢, wants a callback about the Platinum policy",
    )
    activities = service.stub(ActivitiesServiceStub, admin)
    made["call"] = await activities.CreateActivity(activity_rpc.CreateActivityRequest(activity=activity))
    return made


class TestNames:
    @pytest.mark.parametrize(
        ("query", "word", "match"),
        [
            ("万科A", "vanke", "NAME"),
            ("万科a", "vanke", "NAME"),
            ("ＷＡＮＫＥ", "vanke", "SOUND"),
            ("wan ke", "vanke", "SOUND"),
            ("wk", "vanke", "SOUND"),
            ("wank", "vanke", "SOUND"),
            ("完科", "vanke", "SOUND"),
            ("平安保险", "ping", "PART"),
            ("中国平安保险", "ping", "NAME"),
            ("zgpa", "ping", "SOUND"),
            ("pinganbaoxian", "ping", "SOUND"),
            ("天马微电子显示记术", "long", "SOUND"),
            ("天马微电孑显示技术", "long", "TYPO"),
            ("台湾积体电路制造", "trad", "NAME"),
            ("臺灣積體", "trad", "PART"),
            ("johnathan", "john", "PART"),
            ("SMITHSON john", "john", "PART"),
            ("Jonhathan Smithson", "john", "TYPO"),
            ("Smithsson", "john", "TYPO"),
            ("王晓明", "wang", "SOUND"),
            ("王大明", "wang", "TYPO"),
            ("jose muller", "zeng", "NAME"),
            ("郁亮", "contact", "NAME"),
        ],
    )
    async def test_found_first(self, search, records, query, word, match):
        first = (await search(query))[0]
        assert first.id == records[word].id
        assert rpc.SearchMatch.Name(first.match) == f"SEARCH_MATCH_{match}"

    async def test_the_excerpt_shows_what_matched_as_it_is_written(self, search, records):
        (first, *_) = await search("万科A")
        assert (first.matched_field, first.excerpt) == ("display_name", "万  科Ａ")
        assert [(each.start, each.end) for each in first.highlights] == [(0, 5)]
        (first, *_) = await search("wanke")
        assert [first.excerpt[each.start : each.end] for each in first.highlights] == ["万  科"]

    async def test_a_contact_names_its_customer(self, search, records):
        (first, *_) = await search("郁亮")
        assert first.resource == rpc.SEARCH_RESOURCE_CONTACT
        assert (first.customer_id, first.customer_display_name) == (records["vanke"].id, "万  科Ａ")

    async def test_the_whole_name_comes_before_longer_and_newer_ones(self, search, make_customer):
        whole = await make_customer("格力电器")
        for number in range(12):
            await make_customer(f"格力电器{number}号店")
        found = await search("格力电器")
        assert found[0].id == whole.id
        assert len(found) == 10
        assert len(await search("格力电器", page_size=50)) == 13

    async def test_nothing_is_found_by_two_wrong_characters_of_three(self, search, records):
        assert records["wang"].id not in [each.id for each in await search("王大伟")]


class TestIdentifiers:
    @pytest.mark.parametrize(
        ("query", "word"),
        [
            ("13800138000", "john"),
            ("+86 138-0013-8000", "john"),
            ("0086 138 0013 8000", "john"),
            ("１３８００１３８０００", "john"),
            ("8000", "john"),
            ("1380013", "john"),
            ("(0755) 2672 7996", "zeng"),
            ("26727996", "zeng"),
            ("j.smithson@example.org", "john"),
            ("J.SMITH", "john"),
            ("example.org", "john"),
            ("@example.org", "john"),
            ("100012316", "ping"),
            ("1000-1231", "ping"),
            ("erp:K-4711", "wang"),
            ("k-4711", "wang"),
            ("13911112222", "contact"),
        ],
    )
    async def test_found_however_written(self, search, records, query, word):
        (first, *_) = await search(query)
        assert (first.id, first.matched_field) == (records[word].id, "identifiers")

    async def test_the_list_filter_finds_them_too(self, service, admin, records):
        customers = service.stub(CustomersServiceStub, admin)
        for text in ("13800138000", "j.smithson@example.org", "+8613800138000"):
            found = await customers.ListCustomers(
                customer_rpc.ListCustomersRequest(filter=f'search:"{text}"')
            )
            assert [each.id for each in found.customers] == [records["john"].id], text


class TestNotes:
    async def test_a_customers_note(self, search, records):
        (first, *_) = await search("物业合同")
        assert (first.id, first.matched_field, first.match) == (
            records["vanke"].id,
            "note",
            rpc.SEARCH_MATCH_TEXT,
        )
        assert [first.excerpt[each.start : each.end] for each in first.highlights] == ["物业合同"]

    async def test_what_was_said(self, search, records):
        for query in ("理赔", "抱怨 太慢", "platinum policy", "callback"):
            (first, *_) = await search(query)
            assert (first.id, first.matched_field) == (records["call"].id, "body"), query
            assert first.customer_display_name.startswith("中国平安")

    async def test_a_changed_text_is_found_by_its_new_words_alone(self, service, admin, search, records):
        stub = service.stub(ActivitiesServiceStub, admin)
        made = await stub.CreateActivity(
            activity_rpc.CreateActivityRequest(
                activity=activity_pb2.Activity(
                    customer_id=records["ping"].id,
                    kind=activity_pb2.ACTIVITY_KIND_NOTE,
                    display_name="zugzwang",
                )
            )
        )
        assert [each.id for each in await search("zugzwang")] == [made.id]
        await stub.UpdateActivity(
            activity_rpc.UpdateActivityRequest(
                activity=activity_pb2.Activity(id=made.id, display_name="zwischenzug")
            )
        )
        assert await search("zugzwang") == []
        assert [each.id for each in await search("zwischenzug")] == [made.id]

    async def test_only_the_resources_asked_for(self, search, records):
        only = [rpc.SEARCH_RESOURCE_CUSTOMER]
        assert await search("理赔", resources=only) == []
        assert [each.id for each in await search("物业合同", resources=only)] == [records["vanke"].id]


class TestSight:
    async def test_needs_the_permission(self, service, search, failure):
        nobody = await service.add_user({"contacts.*": "all"}, SHANGHAI)
        assert (await failure(search("万科", nobody))).kind is Kind.DENIED

    async def test_only_of_the_callers_branches(self, service, search, make_customer):
        mine = await service.add_user({"customers.*": "branch"}, SHANGHAI)
        other = await service.add_user({"customers.*": "branch"}, BEIJING)
        made = await make_customer("云南白药分店", by=mine)
        assert [each.id for each in await search("白药分店", mine)] == [made.id]
        assert await search("白药分店", other) == []
        assert await search("白药芬店", other) == []
        assert [each.id for each in await search("白药芬店", mine)] == [made.id]

    async def test_contacts_and_activities_need_their_own_permissions(self, service, search, records):
        reader = await service.add_user({"customers.read": "all"}, SHANGHAI)
        assert await search("郁亮", reader) == []
        assert await search("理赔", reader) == []
        assert [each.id for each in await search("万科A", reader)] == [records["vanke"].id]

    async def test_nothing_is_found_by_what_is_hidden(self, service, search, records):
        every = {"customers.*": "all", "contacts.*": "all", "activities.*": "all"}
        masked = await service.add_user(every, SHANGHAI, masked=("contact",))
        for query in ("13800138000", "j.smithson@example.org", "j.smith", "100012316", "8000"):
            assert await search(query, masked) == [], query
        assert [each.id for each in await search("smithson", masked)] == [records["john"].id]
        blind = await service.add_user(every, SHANGHAI, masked=("note",))
        for query in ("理赔", "物业合同", "platinum"):
            assert await search(query, blind) == [], query
        assert [each.id for each in await search("电话回访", blind)] == [records["call"].id]
        unnamed = await service.add_user(every, SHANGHAI, masked=("personal",))
        assert await search("smithson", unnamed) == []
        (found,) = await search("13800138000", unnamed)
        assert (found.id, found.display_name) == (records["john"].id, "")

    async def test_the_list_filter_does_not_tell_either(self, service, records):
        masked = await service.add_user({"customers.*": "all"}, SHANGHAI, masked=("contact",))
        stub = service.stub(CustomersServiceStub, masked)
        for text in ("13800138000", "j.smithson@example.org"):
            found = await stub.ListCustomers(customer_rpc.ListCustomersRequest(filter=f'search:"{text}"'))
            assert list(found.customers) == []

    async def test_what_is_in_the_bin_is_not_found(self, service, admin, search, make_customer):
        made = await make_customer("昙花一现贸易")
        assert [each.id for each in await search("昙花一现")] == [made.id]
        stub = service.stub(CustomersServiceStub, admin)
        await stub.DeleteCustomer(customer_rpc.DeleteCustomerRequest(id=made.id))
        assert await search("昙花一现") == []
