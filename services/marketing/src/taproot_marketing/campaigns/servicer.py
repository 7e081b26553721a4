"""gRPC of campaigns: parse, hand over, answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from taproot.marketing.v1 import campaign_pb2 as pb
from taproot.marketing.v1 import campaign_service_pb2 as rpc
from taproot_base import wire
from taproot_chassis.service import Runtime
from taproot_marketing.campaigns import handlers, messages, queries
from taproot_marketing.campaigns.model import Campaign
from taproot_marketing.campaigns.queries import SHELF
from taproot_marketing.settings import MarketingSettings
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given, new_key
from taproot_storage.database import Reader, UnitOfWork

Verb = Callable[[str, str, UnitOfWork], Awaitable[Campaign]]


class CampaignsServicer(ResourceServicer[pb.Campaign]):
    def __init__(self, runtime: Runtime[MarketingSettings]) -> None:
        super().__init__(runtime, SHELF)

    async def GetCampaign(self, request: rpc.GetCampaignRequest, _context: Any) -> pb.Campaign:
        return await self.read(lambda reader: queries.get_campaign(reader, request.id))

    async def ListCampaigns(
        self, request: rpc.ListCampaignsRequest, _context: Any
    ) -> rpc.ListCampaignsResponse:
        return await self.page(request, rpc.ListCampaignsResponse, "campaigns")

    async def CreateCampaign(self, request: rpc.CreateCampaignRequest, _context: Any) -> pb.Campaign:
        async def act(work: UnitOfWork) -> pb.Campaign:
            key = await new_key(work, Campaign, request.campaign.id)
            return messages.to_message(
                await handlers.create_campaign(key, given(request.campaign, Campaign), work)
            )

        return await self.once(request, act, SHELF.get)

    async def UpdateCampaign(self, request: rpc.UpdateCampaignRequest, _context: Any) -> pb.Campaign:
        campaign = request.campaign
        values = changes(campaign, request.update_mask, Campaign)

        async def act(work: UnitOfWork) -> pb.Campaign:
            done = await handlers.update_campaign(campaign.id, campaign.etag, values, work)
            return messages.to_message(done)

        return await self.once(request, act, SHELF.get)

    async def DeleteCampaign(self, request: rpc.DeleteCampaignRequest, _context: Any) -> pb.Campaign:
        async def again(_reader: Reader, key: str) -> pb.Campaign:
            return pb.Campaign(id=key)

        return await self._change(request, handlers.delete_campaign, again)

    async def AggregateCampaigns(
        self, request: rpc.AggregateCampaignsRequest, _context: Any
    ) -> rpc.AggregateCampaignsResponse:
        return await self.aggregate(request, rpc.AggregateCampaignsResponse)

    async def ScheduleCampaign(self, request: rpc.ScheduleCampaignRequest, _context: Any) -> pb.Campaign:
        at = wire.from_timestamp(request.schedule_time)

        async def verb(key: str, etag: str, work: UnitOfWork) -> Campaign:
            return await handlers.schedule_campaign(key, etag, at, work)

        return await self._change(request, verb, SHELF.get)

    async def StartCampaign(self, request: rpc.StartCampaignRequest, _context: Any) -> pb.Campaign:
        return await self._change(request, handlers.start_campaign, SHELF.get)

    async def PauseCampaign(self, request: rpc.PauseCampaignRequest, _context: Any) -> pb.Campaign:
        return await self._change(request, handlers.pause_campaign, SHELF.get)

    async def StopCampaign(self, request: rpc.StopCampaignRequest, _context: Any) -> pb.Campaign:
        return await self._change(request, handlers.stop_campaign, SHELF.get)

    async def _change(
        self, request: Any, verb: Verb, again: Callable[[Reader, str], Awaitable[pb.Campaign]]
    ) -> pb.Campaign:
        async def act(work: UnitOfWork) -> pb.Campaign:
            return messages.to_message(await verb(request.id, request.etag, work))

        return await self.once(request, act, again)
