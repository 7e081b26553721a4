"""gRPC of webhooks: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from taproot.identity.v1 import webhook_pb2 as pb
from taproot.identity.v1 import webhook_service_pb2 as rpc
from taproot_base import wire
from taproot_base.errors import InvalidArgument
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.webhooks import handlers, messages, queries
from taproot_gateway.webhooks.guard import Guard
from taproot_gateway.webhooks.model import Webhook, webhook_deliveries
from taproot_gateway.webhooks.signing import Vault
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.reads import Lists
from taproot_storage.updates import changed_fields


class WebhooksServicer(Servicer):
    def __init__(self, runtime: Runtime[GatewaySettings], vault: Vault) -> None:
        super().__init__(runtime.database)
        self._lists = Lists(runtime.page_key)
        self._vault = vault
        self._guard = Guard(runtime.settings.webhook_allowed_networks)

    async def GetWebhook(self, request: rpc.GetWebhookRequest, _context: Any) -> pb.Webhook:
        return await self.read(lambda reader: self._read(reader, request.id))

    async def ListWebhooks(self, request: rpc.ListWebhooksRequest, _context: Any) -> rpc.ListWebhooksResponse:
        async def query(reader: Reader) -> rpc.ListWebhooksResponse:
            page = await self._lists.page(reader, queries.RESOURCE, queries.listed(), Webhook, request)
            found = [messages.to_message(row) for row in page.rows]
            return rpc.ListWebhooksResponse(webhooks=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def CreateWebhook(
        self, request: rpc.CreateWebhookRequest, _context: Any
    ) -> rpc.CreateWebhookResponse:
        values = messages.to_values(request.webhook, messages.FIELDS)
        handlers.check_values(values, self._guard)
        key, branch = (wire.optional_uuid(text) for text in (request.webhook.id, request.webhook.branch_id))

        async def act(work: UnitOfWork) -> rpc.CreateWebhookResponse:
            made, secret = await handlers.create_webhook(key, values, branch, self._vault, work)
            return rpc.CreateWebhookResponse(webhook=messages.to_message(made), secret=secret)

        async def again(reader: Reader, known: str) -> rpc.CreateWebhookResponse:
            return rpc.CreateWebhookResponse(webhook=await self._read(reader, known))

        return await self.once(request, act, again, result_id=lambda made: made.webhook.id)

    async def UpdateWebhook(self, request: rpc.UpdateWebhookRequest, _context: Any) -> pb.Webhook:
        names = changed_fields(request.webhook, request.update_mask, messages.FIELDS)
        values = messages.to_values(request.webhook, names)
        handlers.check_values(values, self._guard)
        key, etag = uuid.UUID(request.webhook.id), request.webhook.etag

        async def act(work: UnitOfWork) -> pb.Webhook:
            return messages.to_message(await handlers.update_webhook(key, etag, values, work))

        return await self.once(request, act, self._read)

    async def DeleteWebhook(self, request: rpc.DeleteWebhookRequest, _context: Any) -> pb.Webhook:
        async def act(work: UnitOfWork) -> pb.Webhook:
            return messages.to_message(
                await handlers.delete_webhook(uuid.UUID(request.id), request.etag, work)
            )

        return await self.once(request, act, self._read)

    async def EnableWebhook(self, request: rpc.EnableWebhookRequest, _context: Any) -> pb.Webhook:
        async def act(work: UnitOfWork) -> pb.Webhook:
            return messages.to_message(
                await handlers.enable_webhook(uuid.UUID(request.id), request.etag, work)
            )

        return await self.once(request, act, self._read)

    async def DisableWebhook(self, request: rpc.DisableWebhookRequest, _context: Any) -> pb.Webhook:
        async def act(work: UnitOfWork) -> pb.Webhook:
            return messages.to_message(
                await handlers.disable_webhook(uuid.UUID(request.id), request.etag, work)
            )

        return await self.once(request, act, self._read)

    async def RotateWebhookSecret(
        self, request: rpc.RotateWebhookSecretRequest, _context: Any
    ) -> rpc.RotateWebhookSecretResponse:
        key, hours = uuid.UUID(request.id), request.overlap_hours

        async def act(work: UnitOfWork) -> rpc.RotateWebhookSecretResponse:
            found, secret = await handlers.rotate_secret(key, request.etag, hours, self._vault, work)
            return rpc.RotateWebhookSecretResponse(webhook=messages.to_message(found), secret=secret)

        async def again(reader: Reader, known: str) -> rpc.RotateWebhookSecretResponse:
            return rpc.RotateWebhookSecretResponse(webhook=await self._read(reader, known))

        return await self.once(request, act, again, result_id=lambda found: found.webhook.id)

    async def ReplayWebhookDeliveries(
        self, request: rpc.ReplayWebhookDeliveriesRequest, _context: Any
    ) -> rpc.ReplayWebhookDeliveriesResponse:
        command = handlers.Replay(
            uuid.UUID(request.id),
            [uuid.UUID(key) for key in request.delivery_ids],
            wire.optional_instant(request, "start_time"),
            wire.optional_instant(request, "end_time"),
            request.delivered,
        )
        if not command.delivery_ids and command.start is None:
            raise InvalidArgument([("start_time", "is required without delivery_ids")])

        async def act(work: UnitOfWork) -> rpc.ReplayWebhookDeliveriesResponse:
            count = await handlers.replay_deliveries(command, work)
            return rpc.ReplayWebhookDeliveriesResponse(id=request.id, count=count)

        async def again(reader: Reader, key: str) -> rpc.ReplayWebhookDeliveriesResponse:
            await self._read(reader, key)
            return rpc.ReplayWebhookDeliveriesResponse(id=key)

        return await self.once(request, act, again)

    async def ListWebhookDeliveries(
        self, request: rpc.ListWebhookDeliveriesRequest, _context: Any
    ) -> rpc.ListWebhookDeliveriesResponse:
        key = uuid.UUID(request.webhook_id)

        async def query(reader: Reader) -> rpc.ListWebhookDeliveriesResponse:
            await queries.get_webhook(reader, key)
            page = await self._lists.page(
                reader,
                queries.DELIVERIES,
                queries.listed_deliveries(key),
                webhook_deliveries,
                request,
                of=request.webhook_id,
            )
            found = [messages.delivery(row) for row in page.rows]
            return rpc.ListWebhookDeliveriesResponse(deliveries=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def _read(self, reader: Reader, key: str) -> pb.Webhook:
        return messages.to_message(await queries.get_webhook(reader, uuid.UUID(key)))
