"""Mapped class -> its full state as an event."""

from __future__ import annotations

from taproot_marketing.campaigns import messages as campaigns
from taproot_marketing.campaigns.model import Campaign
from taproot_marketing.deliveries import messages as deliveries
from taproot_marketing.deliveries.model import Delivery
from taproot_marketing.forms import messages as forms
from taproot_marketing.forms.model import Form, FormSubmission
from taproot_marketing.journeys import messages as journeys
from taproot_marketing.journeys.model import Journey, JourneyRun
from taproot_marketing.loyalty import messages as loyalty
from taproot_marketing.loyalty.model import LoyaltyAccount, LoyaltyProgram
from taproot_marketing.scores import messages as scores
from taproot_marketing.scores.model import CustomerScore, ScoreRule
from taproot_marketing.suppressions import messages as suppressions
from taproot_marketing.suppressions.model import Suppression
from taproot_marketing.templates import messages as templates
from taproot_marketing.templates.model import Template
from taproot_storage.eventlog import Encoder

ENCODERS: dict[type, Encoder] = {
    Campaign: campaigns.to_event,
    CustomerScore: scores.to_event,
    Delivery: deliveries.to_event,
    Form: forms.to_event,
    FormSubmission: forms.to_submission_event,
    Journey: journeys.to_event,
    JourneyRun: journeys.to_run_event,
    LoyaltyAccount: loyalty.to_account_event,
    LoyaltyProgram: loyalty.to_program_event,
    ScoreRule: scores.to_rule_event,
    Suppression: suppressions.to_event,
    Template: templates.to_event,
}
