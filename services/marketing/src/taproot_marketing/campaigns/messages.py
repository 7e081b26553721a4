"""Campaigns between protobuf and columns."""

from __future__ import annotations

from taproot.marketing.events.v1.campaign_event_pb2 import CampaignEvent
from taproot.marketing.v1 import campaign_pb2 as pb
from taproot_marketing.campaigns.model import Campaign
from taproot_records.mapping import message_of, row_of
from taproot_storage.eventlog import Recorded


def to_message(campaign: Campaign) -> pb.Campaign:
    return message_of(pb.Campaign, row_of(campaign))


def to_event(campaign: Campaign, _recorded: Recorded) -> CampaignEvent:
    return CampaignEvent(campaign=to_message(campaign))
