"""Contacts and relationships through their RPCs."""

from __future__ import annotations

import pytest_asyncio

from taproot.customer.events.v1.contact_event_pb2 import ContactEvent
from taproot.customer.v1 import contact_pb2 as pb
from taproot.customer.v1 import contact_service_pb2 as rpc
from taproot.customer.v1 import relationship_pb2 as links
from taproot.customer.v1 import relationship_service_pb2 as link_rpc
from taproot.customer.v1.contact_service_pb2_grpc import ContactsServiceStub
from taproot.customer.v1.customer_pb2 import IDENTIFIER_KIND_PHONE, IDENTIFIER_KIND_TAX_NUMBER, Identifier
from taproot.customer.v1.relationship_service_pb2_grpc import RelationshipsServiceStub
from taproot_base.errors import Kind


@pytest_asyncio.fixture(loop_scope="session")
async def contacts(service, admin):
    return service.stub(ContactsServiceStub, admin)


def create(customer_id: str, name: str, **values: object) -> rpc.CreateContactRequest:
    return rpc.CreateContactRequest(contact=pb.Contact(customer_id=customer_id, display_name=name, **values))


class TestContacts:
    async def test_needs_a_caller_with_the_permission(self, service, make_customer, failure):
        customer = await make_customer()
        nobody = service.stub(ContactsServiceStub, None)
        assert (await failure(nobody.CreateContact(create(customer.id, "王芳")))).kind is Kind.UNAUTHENTICATED
        reader = service.stub(ContactsServiceStub, await service.add_user({"contacts.read": "all"}))
        assert (await failure(reader.CreateContact(create(customer.id, "王芳")))).kind is Kind.DENIED
        for call in (
            nobody.GetContact(rpc.GetContactRequest(id=customer.id)),
            nobody.ListContacts(rpc.ListContactsRequest()),
            nobody.AggregateContacts(rpc.AggregateContactsRequest()),
            nobody.DeleteContact(rpc.DeleteContactRequest(id=customer.id)),
            nobody.UndeleteContact(rpc.UndeleteContactRequest(id=customer.id)),
            nobody.UpdateContact(rpc.UpdateContactRequest(contact=pb.Contact(id=customer.id))),
        ):
            assert (await failure(call)).kind is Kind.UNAUTHENTICATED

    async def test_the_first_is_primary_and_there_is_only_one(self, service, contacts, make_customer):
        customer = await make_customer()
        first = await contacts.CreateContact(create(customer.id, "王芳", role=pb.CONTACT_ROLE_DECISION_MAKER))
        assert first.primary
        assert first.decision_maker
        second = await contacts.CreateContact(create(customer.id, "李雷", primary=True))
        again = await contacts.GetContact(rpc.GetContactRequest(id=first.id))
        assert (second.primary, again.primary) == (True, False)
        events = [e for e in await service.events(3, of="contact.*") if str(e.party_id) == customer.id]
        assert [e.type for e in events if str(e.aggregate_id) == first.id] == [
            "contact.created",
            "contact.updated",
        ]
        assert events[0].decode(ContactEvent).contact == first

    async def test_says_every_wrong_field(self, contacts, make_customer, failure):
        customer = await make_customer()
        error = await failure(contacts.CreateContact(rpc.CreateContactRequest(contact=pb.Contact(note="x"))))
        assert {v.field for v in error.violations} == {"contact.customer_id", "contact.display_name"}
        bad = [
            Identifier(kind=IDENTIFIER_KIND_TAX_NUMBER, value="12345"),
            Identifier(kind=IDENTIFIER_KIND_PHONE, value="x"),
        ]
        error = await failure(contacts.CreateContact(create(customer.id, "王芳", identifiers=bad)))
        assert {v.field for v in error.violations} == {
            "contact.identifiers[0].kind",
            "contact.identifiers[1].value",
        }

    async def test_other_branches_do_not_see_it(self, service, contacts, make_customer, failure):
        customer = await make_customer(by=await service.add_user({"customers.*": "branch"}, "/hq/e/sh/"))
        made = await contacts.CreateContact(create(customer.id, "王芳"))
        assert made.branch_id == customer.branch_id
        stranger = service.stub(
            ContactsServiceStub, await service.add_user({"contacts.*": "branch"}, "/hq/w/")
        )
        assert (await failure(stranger.GetContact(rpc.GetContactRequest(id=made.id)))).kind is Kind.NOT_FOUND
        colleague = await service.add_user({"contacts.*": "branch"}, "/hq/e/sh/")
        seen = await service.stub(ContactsServiceStub, colleague).GetContact(
            rpc.GetContactRequest(id=made.id)
        )
        assert seen.display_name == "王芳"
        strangers_customer = await failure(stranger.CreateContact(create(customer.id, "李雷")))
        assert strangers_customer.kind is Kind.NOT_FOUND

    async def test_update_list_delete_undelete(self, contacts, make_customer, failure):
        customer = await make_customer()
        made = await contacts.CreateContact(create(customer.id, "王芳", job_title="采购"))
        changed = await contacts.UpdateContact(
            rpc.UpdateContactRequest(contact=pb.Contact(id=made.id, etag=made.etag, job_title="采购总监"))
        )
        assert (changed.job_title, changed.display_name) == ("采购总监", "王芳")
        stale = rpc.UpdateContactRequest(contact=pb.Contact(id=made.id, etag=made.etag, job_title="x"))
        assert (await failure(contacts.UpdateContact(stale))).reason == "ETAG_MISMATCH"
        mine = rpc.ListContactsRequest(filter=f'customer_id = "{customer.id}"')
        assert [c.id for c in (await contacts.ListContacts(mine)).contacts] == [made.id]
        await contacts.DeleteContact(rpc.DeleteContactRequest(id=made.id))
        assert not (await contacts.ListContacts(mine)).contacts
        again = await contacts.UndeleteContact(rpc.UndeleteContactRequest(id=made.id))
        assert not again.HasField("delete_time")
        count = await contacts.AggregateContacts(rpc.AggregateContactsRequest(filter=mine.filter))
        assert [row.values[0] for row in count.rows] == ["1"]

    async def test_masked_roles_see_no_numbers(self, service, contacts, make_customer):
        customer = await make_customer()
        phone = [Identifier(kind=IDENTIFIER_KIND_PHONE, value="13800138000")]
        made = await contacts.CreateContact(create(customer.id, "王芳", identifiers=phone))
        masked = await service.add_user({"contacts.read": "all"}, masked=("contact",))
        seen = await service.stub(ContactsServiceStub, masked).GetContact(rpc.GetContactRequest(id=made.id))
        assert seen.display_name == "王芳"
        assert [i.value for i in seen.identifiers] == [""]


class TestRelationships:
    async def test_links_once(self, service, admin, make_customer, failure):
        stub = service.stub(RelationshipsServiceStub, admin)
        parent, child = await make_customer("总公司"), await make_customer("子公司")
        link = links.Relationship(
            customer_id=parent.id, related_customer_id=child.id, kind=links.RELATIONSHIP_KIND_PARENT_OF
        )
        request = link_rpc.CreateRelationshipRequest(relationship=link)
        nobody = service.stub(RelationshipsServiceStub, None)
        assert (await failure(nobody.CreateRelationship(request))).kind is Kind.UNAUTHENTICATED
        made = await stub.CreateRelationship(request)
        assert made.related_display_name == "子公司"
        assert (await failure(stub.CreateRelationship(request))).reason == "RELATIONSHIP_EXISTS"
        self_link = links.Relationship(customer_id=parent.id, related_customer_id=parent.id, kind=link.kind)
        error = await failure(
            stub.CreateRelationship(link_rpc.CreateRelationshipRequest(relationship=self_link))
        )
        assert [v.field for v in error.violations] == ["relationship.related_customer_id"]
        await stub.DeleteRelationship(link_rpc.DeleteRelationshipRequest(id=made.id))
        error = await failure(stub.GetRelationship(link_rpc.GetRelationshipRequest(id=made.id)))
        assert error.kind is Kind.NOT_FOUND
