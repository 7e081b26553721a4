"""What marketing holds of a person. An objection to mail stays, as the hash it is kept by."""

from __future__ import annotations

from sqlalchemy import or_

from taproot_marketing.campaigns.model import CampaignTarget
from taproot_marketing.consents.model import ConsentRef
from taproot_marketing.customer_refs.model import CustomerRef, customer_access
from taproot_marketing.deliveries.model import Delivery
from taproot_marketing.deliveries.rules import address_key
from taproot_marketing.entitlement_refs.model import EntitlementRef
from taproot_marketing.forms.model import FormSubmission
from taproot_marketing.journeys.model import JourneyRun, JourneyRunStep
from taproot_marketing.loyalty.model import LoyaltyAccount, LoyaltyEntry, LoyaltyTransaction
from taproot_marketing.scores.model import CustomerScore
from taproot_marketing.segments.model import SegmentMember
from taproot_marketing.suppressions.model import Suppression
from taproot_records.privacy.holdings import (
    Condition,
    Holding,
    Holdings,
    Person,
    any_of,
    below,
    one_of,
    party,
    reached_by,
    table_of,
)

_submission, _suppression = table_of(FormSubmission).c, table_of(Suppression).c
_runs = party(JourneyRun)


def _objections(person: Person) -> Condition:
    keys = sorted(map(address_key, person.emails))
    return or_(one_of(_suppression.customer_id, person.party_ids), _suppression.address_key.in_(keys))


HELD = (
    Holding(customer_access, party(customer_access)),
    Holding(table_of(CustomerRef), party(CustomerRef, "id")),
    Holding(table_of(ConsentRef), party(ConsentRef)),
    Holding(table_of(SegmentMember), party(SegmentMember)),
    Holding(table_of(CustomerScore), party(CustomerScore)),
    Holding(table_of(CampaignTarget), party(CampaignTarget)),
    Holding(table_of(EntitlementRef), party(EntitlementRef)),
    Holding(
        table_of(FormSubmission),
        any_of(
            lambda person: one_of(_submission.id, person.record_ids),
            reached_by(FormSubmission, email="email", phone="phone"),
        ),
        subject=True,
    ),
    Holding(
        table_of(Delivery),
        any_of(
            party(Delivery),
            reached_by(Delivery, email="recipient", orphan="customer_id"),
            reached_by(Delivery, email="address", orphan="customer_id"),
        ),
        subject=True,
    ),
    Holding(table_of(JourneyRunStep), below(JourneyRunStep, "run_id", JourneyRun, _runs)),
    Holding(table_of(JourneyRun), _runs),
    Holding(
        table_of(LoyaltyEntry),
        below(LoyaltyEntry, "transaction_id", LoyaltyTransaction, party(LoyaltyTransaction)),
    ),
    Holding(table_of(LoyaltyTransaction), party(LoyaltyTransaction)),
    Holding(table_of(LoyaltyAccount), party(LoyaltyAccount)),
    Holding(
        table_of(Suppression),
        _objections,
        blank=("address", "display_name", "note"),
        keep=("address_key", "reason"),
        retention="an objection to mail must hold after the erasure: a hash of the address, not the address",
    ),
)
_CONFIGURATION = "the enterprise's own configuration"
WITHOUT = {
    "campaigns": _CONFIGURATION,
    "form_rates": "hashes of network addresses, for an hour",
    "forms": _CONFIGURATION,
    "journey_versions": _CONFIGURATION,
    "journeys": _CONFIGURATION,
    "loyalty_programs": _CONFIGURATION,
    "mail_quotas": "how many mails went to a mail provider in a minute",
    "planted_seeds": _CONFIGURATION,
    "score_rules": _CONFIGURATION,
    "score_settings": _CONFIGURATION,
    "templates": _CONFIGURATION,
}

HOLDINGS = Holdings("marketing", HELD, WITHOUT)
