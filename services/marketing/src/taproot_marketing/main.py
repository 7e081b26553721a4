"""Composition root of the marketing service."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

from taproot_chassis.jobs import Job
from taproot_chassis.service import Definition, Parts, Runtime
from taproot_marketing.campaigns import handlers as campaigns
from taproot_marketing.campaigns.servicer import CampaignsServicer
from taproot_marketing.deliveries import measuring as deliveries_measuring
from taproot_marketing.deliveries.sending import Sender, report_lost
from taproot_marketing.deliveries.servicer import DeliveriesServicer
from taproot_marketing.encoders import ENCODERS
from taproot_marketing.forms.handlers import forget_rates
from taproot_marketing.forms.servicer import FormsServicer, FormSubmissionsServicer
from taproot_marketing.journeys import triggers
from taproot_marketing.journeys.engine import Engine, stop_archived
from taproot_marketing.journeys.servicer import JourneyRunsServicer, JourneysServicer
from taproot_marketing.loyalty.servicer import LoyaltyAccountsServicer, LoyaltyProgramsServicer
from taproot_marketing.privacy.holdings import HOLDINGS
from taproot_marketing.scores.handlers import cool_down
from taproot_marketing.scores.servicer import CustomerScoresServicer, ScoreRulesServicer
from taproot_marketing.seeds import plant
from taproot_marketing.settings import MarketingSettings
from taproot_marketing.subscribers import SUBSCRIPTIONS
from taproot_marketing.suppressions.servicer import SuppressionsServicer
from taproot_marketing.templates.servicer import TemplatesServicer
from taproot_marketing.tokens import Signer
from taproot_records.privacy import servicer as privacy

PACKAGE = "taproot.marketing.v1"


def signer_of(runtime: Runtime[MarketingSettings]) -> Signer:
    key = runtime.settings.link_key.encode() or hashlib.sha256(b"links" + runtime.page_key).digest()
    return Signer((key,))


def build(runtime: Runtime[MarketingSettings]) -> Parts:
    signer = signer_of(runtime)
    servicers = {
        "CampaignsService": CampaignsServicer(runtime),
        "CustomerScoresService": CustomerScoresServicer(runtime),
        "DeliveriesService": DeliveriesServicer(runtime),
        "FormSubmissionsService": FormSubmissionsServicer(runtime),
        "FormsService": FormsServicer(runtime, signer),
        "JourneyRunsService": JourneyRunsServicer(runtime),
        "JourneysService": JourneysServicer(runtime),
        "LoyaltyAccountsService": LoyaltyAccountsServicer(runtime),
        "LoyaltyProgramsService": LoyaltyProgramsServicer(runtime),
        "ScoreRulesService": ScoreRulesServicer(runtime),
        "SuppressionsService": SuppressionsServicer(runtime, signer),
        "TemplatesService": TemplatesServicer(runtime),
    }
    claim_seconds = runtime.settings.mail_claim_seconds
    return Parts(
        servicers={
            **{f"{PACKAGE}.{name}": servicer for name, servicer in servicers.items()},
            privacy.SERVICE: privacy.PersonalDataServicer(runtime, HOLDINGS, SUBSCRIPTIONS),
        },
        subscriptions=SUBSCRIPTIONS,
        jobs=(
            Job("journey-steps", 1, Engine().run_due),
            Job("journey-dates", 15, triggers.enter_by_dates),
            Job("journey-members", 15, triggers.enter_members),
            Job("journey-archived", 15, stop_archived),
            Job("campaigns", 2, campaigns.run_campaigns),
            Job("deliveries-lost", 15, lambda database: report_lost(database, claim_seconds)),
            Job("scores-cooling", 60, cool_down),
            Job("form-rates", 3600, forget_rates),
        ),
        background=(Sender(runtime, signer).run,),
        measurements=(deliveries_measuring.measure,),
        startup=(partial(plant, runtime),),
    )


DEFINITION = Definition("marketing", MarketingSettings, ENCODERS, build, Path(__file__).parent)
