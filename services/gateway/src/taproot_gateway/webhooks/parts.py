"""The parts of webhooks, put together for the composition root."""

from __future__ import annotations

from typing import NamedTuple

from taproot_chassis.consumers import Subscription
from taproot_chassis.jobs import Job
from taproot_chassis.service import Runtime
from taproot_gateway.events.catalog import Catalog
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.transcoding import contracts
from taproot_gateway.transcoding.output import Encoders
from taproot_gateway.webhooks import deliveries
from taproot_gateway.webhooks.reactions import subscriptions
from taproot_gateway.webhooks.rendering import Renderer
from taproot_gateway.webhooks.runner import Runner
from taproot_gateway.webhooks.servicer import WebhooksServicer
from taproot_gateway.webhooks.signing import Vault

EXPIRE_SECONDS = 600


class Webhooks(NamedTuple):
    servicer: WebhooksServicer
    subscriptions: list[Subscription]
    runner: Runner
    job: Job


def webhooks(runtime: Runtime[GatewaySettings]) -> Webhooks:
    settings = runtime.settings
    catalog = Catalog(contracts.load())
    vault = Vault(settings.webhook_secret_key.encode() or runtime.page_key)
    renderer = Renderer(catalog, runtime.directory, Encoders())
    runner = Runner(runtime.database, runtime.access, renderer, vault, settings, runtime.system_call)
    expire = Job("expire-webhook-deliveries", EXPIRE_SECONDS, deliveries.expire)
    return Webhooks(WebhooksServicer(runtime, vault), subscriptions(catalog), runner, expire)
