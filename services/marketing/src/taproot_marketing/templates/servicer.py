"""gRPC of templates: parse, hand over, answer."""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import MessageToDict

from taproot.marketing.v1 import template_pb2 as pb
from taproot.marketing.v1 import template_service_pb2 as rpc
from taproot_chassis.service import Runtime
from taproot_marketing.settings import MarketingSettings
from taproot_marketing.templates import handlers, messages
from taproot_marketing.templates.handlers import Preview
from taproot_marketing.templates.model import Template
from taproot_marketing.templates.queries import SHELF
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given, new_key
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key


class TemplatesServicer(ResourceServicer[pb.Template]):
    def __init__(self, runtime: Runtime[MarketingSettings]) -> None:
        super().__init__(runtime, SHELF)

    async def GetTemplate(self, request: rpc.GetTemplateRequest, _context: Any) -> pb.Template:
        return await self.get(request.id)

    async def ListTemplates(
        self, request: rpc.ListTemplatesRequest, _context: Any
    ) -> rpc.ListTemplatesResponse:
        return await self.page(request, rpc.ListTemplatesResponse, "templates")

    async def CreateTemplate(self, request: rpc.CreateTemplateRequest, _context: Any) -> pb.Template:
        async def act(work: UnitOfWork) -> pb.Template:
            key = await new_key(work, Template, request.template.id)
            made = await handlers.create_template(key, given(request.template, Template), work)
            return messages.to_message(made)

        return await self.once(request, act, SHELF.get, locks=_locks(request.template.key))

    async def UpdateTemplate(self, request: rpc.UpdateTemplateRequest, _context: Any) -> pb.Template:
        template = request.template
        values = changes(template, request.update_mask, Template)

        async def act(work: UnitOfWork) -> pb.Template:
            done = await handlers.update_template(template.id, template.etag, values, work)
            return messages.to_message(done)

        return await self.once(request, act, SHELF.get, locks=_locks(template.key))

    async def DeleteTemplate(self, request: rpc.DeleteTemplateRequest, _context: Any) -> pb.Template:
        async def act(work: UnitOfWork) -> pb.Template:
            return messages.to_message(await handlers.delete_template(request.id, request.etag, work))

        return await self.once(request, act, _gone)

    async def PreviewTemplate(self, request: rpc.PreviewTemplateRequest, _context: Any) -> pb.RenderedMessage:
        async def query(reader: Reader) -> pb.RenderedMessage:
            rendered, _content = await handlers.preview(_parse(request), reader)
            return messages.to_rendered(rendered)

        return await self.read(query)

    async def TestSendTemplate(
        self, request: rpc.TestSendTemplateRequest, _context: Any
    ) -> pb.RenderedMessage:
        async def act(work: UnitOfWork) -> pb.RenderedMessage:
            rendered, key = await handlers.test_send(_parse(request), request.recipient, work)
            return messages.to_rendered(rendered, key)

        async def again(_reader: Reader, key: str) -> pb.RenderedMessage:
            return pb.RenderedMessage(delivery_id=key)

        return await self.once(request, act, again, result_id=lambda response: response.delivery_id)


async def _gone(_reader: Reader, key: str) -> pb.Template:
    """A repeat of a delete has nothing left to read."""
    return pb.Template(id=key)


def _parse(request: Any) -> Preview:
    return Preview(request.id, request.customer_id, request.language_code, MessageToDict(request.variables))


def _locks(key: str) -> list[int]:
    """Parallel writers of one key wait for each other."""
    return [lock_key("template", key)] if key else []
