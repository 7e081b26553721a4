"""Templates through their RPCs."""

from __future__ import annotations

from typing import Any

import pytest_asyncio
from google.protobuf.struct_pb2 import Struct
from marketing_world import failure

from taproot.marketing.v1 import template_pb2 as pb
from taproot.marketing.v1 import template_service_pb2 as rpc
from taproot.marketing.v1.template_service_pb2_grpc import TemplatesServiceStub
from taproot_testkit import Harness


@pytest_asyncio.fixture(loop_scope="session")
async def desk(service: Harness) -> Any:
    return service.stub(TemplatesServiceStub, await service.admin())


def hello(text: str = "Hi {{ customer.display_name }}", **more: Any) -> rpc.CreateTemplateRequest:
    contents = [
        pb.TemplateContent(language_code="zh-CN", subject="您好", text=text),
        pb.TemplateContent(
            language_code="en", subject="Hello {{ order.number }}", text=text, html=f"<b>{text}</b>"
        ),
    ]
    return rpc.CreateTemplateRequest(
        template=pb.Template(
            display_name="T", message_class=pb.MESSAGE_CLASS_MARKETING, contents=contents, **more
        )
    )


class TestCreate:
    async def test_lists_its_variables_and_announces_itself(self, service, desk):
        made = await desk.CreateTemplate(hello(key="hello"))
        assert list(made.variables) == ["customer.display_name", "order.number"]
        assert await desk.GetTemplate(rpc.GetTemplateRequest(id=made.id)) == made
        found = await desk.ListTemplates(rpc.ListTemplatesRequest(filter='key = "hello"'))
        assert [template.id for template in found.templates] == [made.id]
        assert (await failure(desk.CreateTemplate(hello(key="hello")))).reason == "TEMPLATE_KEY_TAKEN"

    async def test_names_faulty_placeholders_with_their_line(self, desk):
        error = await failure(desk.CreateTemplate(hello("a\n{{ x() }}")))
        assert (error.violations[0].field, error.violations[0].description) == (
            "template.contents[0].text",
            "line 2: call is not allowed in a template",
        )

    async def test_a_dry_run_stores_nothing(self, desk):
        request = hello(key="dry")
        request.validate_only = True
        await desk.CreateTemplate(request)
        assert not (await desk.ListTemplates(rpc.ListTemplatesRequest(filter='key = "dry"'))).templates


class TestUpdate:
    async def test_changes_only_what_is_named(self, desk):
        made = await desk.CreateTemplate(hello())
        change = rpc.UpdateTemplateRequest(template=pb.Template(id=made.id, display_name="N", archived=True))
        change.update_mask.paths.append("display_name")
        done = await desk.UpdateTemplate(change)
        assert (done.display_name, done.archived, len(done.contents)) == ("N", False, 2)
        stale = rpc.UpdateTemplateRequest(template=pb.Template(id=made.id, display_name="M", etag=made.etag))
        assert (await failure(desk.UpdateTemplate(stale))).reason == "ETAG_MISMATCH"


class TestPreview:
    async def test_fills_in_customer_and_variables_in_the_customers_language(self, desk, world):
        made = await desk.CreateTemplate(hello())
        customer = await world.customer("Li & Co")
        variables = Struct()
        variables.update({"order": {"number": "O-7"}})
        request = rpc.PreviewTemplateRequest(id=made.id, customer_id=customer, variables=variables)
        shown = await desk.PreviewTemplate(request)
        assert (shown.language_code, shown.subject, shown.text) == ("en", "Hello O-7", "Hi Li & Co")
        assert shown.html == "<b>Hi Li &amp; Co</b>"

    async def test_names_every_hole(self, desk):
        made = await desk.CreateTemplate(hello())
        error = await failure(
            desk.PreviewTemplate(rpc.PreviewTemplateRequest(id=made.id, language_code="en"))
        )
        assert error.violations
        assert {v.field for v in error.violations} == {
            "variables.customer.display_name",
            "variables.order.number",
        }

    async def test_does_not_show_customers_the_caller_does_not_see(self, service, desk, world):
        made = await desk.CreateTemplate(hello())
        hidden = await world.customer(branch="/hq/w/")
        user = await service.add_user({"templates.read": "all", "customers.read": "branch"}, "/hq/e/sh/")
        request = rpc.PreviewTemplateRequest(id=made.id, customer_id=hidden)
        mine = service.stub(TemplatesServiceStub, user)
        assert (await failure(mine.PreviewTemplate(request))).reason == "NOT_FOUND"

    async def test_does_not_show_what_is_masked(self, service, desk, world):
        made = await desk.CreateTemplate(hello('{{ customer.email | fallback("hidden") }}'))
        customer = await world.customer()
        grants = {"templates.read": "all", "customers.read": "all"}
        user = await service.add_user(grants, masked=("contact",))
        mine = service.stub(TemplatesServiceStub, user)
        request = rpc.PreviewTemplateRequest(id=made.id, customer_id=customer, language_code="zh")
        assert (await mine.PreviewTemplate(request)).text == "hidden"
        assert (await desk.PreviewTemplate(request)).text == f"{customer}@example.com"


class TestDelete:
    async def test_a_template_in_use_stays(self, desk):
        made = await desk.CreateTemplate(hello("Hi"))
        free = await desk.CreateTemplate(hello("Hi"))
        request = rpc.TestSendTemplateRequest(id=made.id, recipient="staff@example.com", language_code="zh")
        assert (await desk.TestSendTemplate(request)).delivery_id
        assert (
            await failure(desk.DeleteTemplate(rpc.DeleteTemplateRequest(id=made.id)))
        ).reason == "TEMPLATE_IN_USE"
        await desk.DeleteTemplate(rpc.DeleteTemplateRequest(id=free.id))
        assert (await failure(desk.GetTemplate(rpc.GetTemplateRequest(id=free.id)))).reason == "NOT_FOUND"

    async def test_a_seed_is_in_use_by_its_journey(self, desk):
        found = await desk.ListTemplates(rpc.ListTemplatesRequest(filter='key = "welcome"'))
        request = rpc.DeleteTemplateRequest(id=found.templates[0].id)
        assert (await failure(desk.DeleteTemplate(request))).reason == "TEMPLATE_IN_USE"
