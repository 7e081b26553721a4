"""Use cases of leads; who gets them is in assigning.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from taproot_base.errors import InvalidArgument
from taproot_chassis.placement import Placer, caller_id
from taproot_records.checks import Checks
from taproot_records.keeping import flush_unique
from taproot_records.writing import load, new_key, patched
from taproot_sales.catalog.queries import products_by_id
from taproot_sales.competitors.queries import known_competitors
from taproot_sales.leads import queries
from taproot_sales.leads.assigning import place_by_rules
from taproot_sales.leads.commands import (
    AssignLead,
    CaptureLead,
    ConvertLead,
    DisqualifyLead,
    FeedbackLead,
    UpdateLead,
    Verb,
    VerifyLead,
)
from taproot_sales.leads.model import Lead
from taproot_sales.opportunities.commands import CreateOpportunity
from taproot_sales.opportunities.creating import create_opportunity
from taproot_storage.database import UnitOfWork
from taproot_storage.updates import check_etag

EXPECTED_WITHIN = timedelta(days=30)


async def capture_lead(command: CaptureLead, work: UnitOfWork) -> Lead:
    """A new lead, given to the owner or branch named, else by the rules unless it is to be held."""
    now = work.clock.now()
    key, checks, lead, place = await new_key(work, Lead, command.chosen), Checks(), None, None
    with checks:
        await _check_product(command.values.get("product_id"), work)
    with checks:
        lead = Lead.create({"id": key} | command.values, now)
    if command.owner_id or command.branch_id or command.hold:
        with checks:
            place = await Placer("leads", work).place(command.owner_id, command.branch_id)
    checks.done()
    assert lead is not None
    place = place or await place_by_rules(lead, work)
    lead.branch_id, lead.branch_path = place.branch_id, place.branch_path
    if place.owner_id is not None:
        lead.assign(place, now)
    await work.add(lead)
    await flush_unique(work, Lead.refusals)
    return lead


async def capture_submission(
    submission_id: UUID, form_branch: UUID | None, values: dict[str, Any], work: UnitOfWork
) -> None:
    """Reaction to a submitted form: a lead, once per submission. The lead has the key of the submission."""
    if await queries.has_submission(work, submission_id):
        return
    now = work.clock.now()
    lead = Lead.create({"id": submission_id} | values, now)
    place = await place_by_rules(lead, work, home=form_branch)
    lead.branch_id, lead.branch_path = place.branch_id, place.branch_path
    if place.owner_id is not None:
        lead.assign(place, now)
    await work.add(lead)


async def _check_product(product_id: UUID | None, work: UnitOfWork) -> None:
    if product_id is not None and not await products_by_id(work, [product_id]):
        raise InvalidArgument([("lead.product_id", "is not a product")])


async def _load(command: Verb, work: UnitOfWork) -> Lead:
    return await load(work, Lead, command.id, command.etag, deleted=False)


async def update_lead(command: UpdateLead, work: UnitOfWork) -> Lead:
    lead = await _load(command, work)
    checks = Checks()
    with checks:
        await _check_product(command.values.get("product_id"), work)
    with checks:
        lead.change(patched(lead, command.values), work.clock.now())
    checks.done()
    await flush_unique(work, Lead.refusals)
    return lead


async def assign_lead(command: AssignLead, work: UnitOfWork) -> Lead:
    lead = await _load(command, work)
    if command.owner_id or command.branch_id:
        place = await Placer("leads", work).place(command.owner_id, command.branch_id, "assign")
    else:
        place = await place_by_rules(lead, work, home=lead.branch_id)
    lead.assign(place, work.clock.now())
    return lead


async def accept_lead(command: Verb, work: UnitOfWork) -> Lead:
    lead = await _load(command, work)
    lead.accept(caller_id(), work.clock.now())
    return lead


async def verify_lead(command: VerifyLead, work: UnitOfWork) -> Lead:
    lead = await _load(command, work)
    lead.verify(command.found, command.urgency, command.note, work.clock.now())
    return lead


async def feedback_lead(command: FeedbackLead, work: UnitOfWork) -> Lead:
    lead = await _load(command, work)
    lead.give_feedback(command.feedback, command.note, command.next_contact_date, work.clock.now())
    return lead


async def convert_lead(command: ConvertLead, work: UnitOfWork) -> Lead:
    """The lead becomes an opportunity of the customer, in one transaction.

    The state comes before the etag: who is second learns that the lead was converted, not just changed.
    """
    lead = await load(work, Lead, command.id, deleted=False)
    lead.require_convertible()
    check_etag(command.etag, lead.version)
    assert command.customer_id is not None
    deal = await create_opportunity(await _deal_of(lead, command, work), work)
    lead.convert(command.customer_id, deal.id, work.clock.now())
    return lead


async def _deal_of(lead: Lead, command: ConvertLead, work: UnitOfWork) -> CreateOpportunity:
    amount, currency = command.amount or (lead.estimated_amount, lead.currency_code)
    today = work.clock.now().date()
    name = " - ".join(filter(None, (lead.company or lead.name or lead.display_name, lead.product_interest)))
    values: dict[str, Any] = {
        "display_name": command.display_name or name[:200],
        "customer_id": command.customer_id,
        "contact_id": command.contact_id,
        "amount": amount,
        "currency_code": currency,
        "expected_close_date": command.expected_close_date or today + EXPECTED_WITHIN,
        "next_step_date": lead.next_contact_date,
        "source": lead.source,
        "region": lead.region,
        "campaign_id": lead.campaign_id,
        "team_id": lead.team_id,
    }
    if lead.product_id is not None and amount is None:
        values["lines"] = [_line(lead.product_id)]
    return CreateOpportunity(
        "", values, command.pipeline_id, "", lead.owner_id, lead.branch_id, lead_id=lead.id
    )


def _line(product_id: UUID) -> dict[str, Any]:
    return {"product_id": str(product_id), "description": "", "quantity": "1"}


async def disqualify_lead(command: DisqualifyLead, work: UnitOfWork) -> Lead:
    lead = await _load(command, work)
    competitor = command.competitor_id
    if competitor is not None and not await known_competitors(work, [competitor]):
        raise InvalidArgument([("loss_competitor_id", "is not a competitor")])
    lead.disqualify(command.reason, command.note, competitor, command.survey, work.clock.now())
    return lead


async def delete_lead(command: Verb, work: UnitOfWork) -> Lead:
    lead = await _load(command, work)
    lead.delete(work.clock.now())
    return lead


async def undelete_lead(command: Verb, work: UnitOfWork) -> Lead:
    lead = await load(work, Lead, command.id, command.etag, deleted=True)
    lead.undelete(work.clock.now())
    return lead
