"""Giving leads to people: by name, by the rules, and away from those who do not report."""

from __future__ import annotations

from uuid import UUID

from taproot_base.access import Branch
from taproot_base.context import current_call
from taproot_chassis.placement import Place, caller_branch
from taproot_sales.assignment_rules.matching import Rule, Wanted, fitting_rules, folded, least_loaded
from taproot_sales.assignment_rules.queries import active_users, rules_in_force
from taproot_sales.leads import queries
from taproot_sales.leads.model import Lead
from taproot_storage.database import UnitOfWork


async def place_by_rules(
    lead: Lead, work: UnitOfWork, home: UUID | None = None, without: UUID | None = None
) -> Place:
    """Who gets a lead: the first rule that fits and has somebody free; else the branch of the first rule that
    fits; else the branch that serves the region; else `home`, the caller's branch, or the head office.

    `without`: a user not to be chosen.
    """
    wanted = Wanted(lead.region, lead.product_interest, lead.product_id, lead.source)
    rules = [rule for rule in fitting_rules(await rules_in_force(work), wanted) if _branch(rule.branch_id)]
    chosen = await _choose(rules, without, work)
    if chosen is not None:
        return chosen
    branch = _branch(rules[0].branch_id) if rules else _serving(lead.region)
    branch = branch or _branch(home or caller_branch()) or _head_office()
    return Place(None, UUID(branch.id), branch.path) if branch else Place(None, None, "")


async def _choose(rules: list[Rule], without: UUID | None, work: UnitOfWork) -> Place | None:
    """Under locks on all candidates, so that parallel leads see each other's choice."""
    users = sorted({user for rule in rules for user in rule.user_ids})
    if not users:
        return None
    await queries.lock_candidates(work, users)
    loads = await queries.open_leads(work, users)
    away = frozenset(users) - frozenset(await active_users(work, users)) | {without or UUID(int=0)}
    for rule in rules:
        user = least_loaded(rule, loads, away)
        branch = _branch(rule.branch_id)
        if user is not None and branch is not None:
            return Place(user, UUID(branch.id), branch.path)
    return None


def _branch(branch_id: UUID | None) -> Branch | None:
    return current_call().directory.branches.get(str(branch_id))


def _serving(region: str) -> Branch | None:
    """The branch that states the region; of several the first by path."""
    wanted = folded(region)
    serving = [b for b in _all_branches() if wanted and wanted in map(folded, b.regions)]
    return min(serving, key=lambda branch: branch.path, default=None)


def _head_office() -> Branch | None:
    return min(_all_branches(), key=lambda branch: (len(branch.path), branch.path), default=None)


def _all_branches() -> list[Branch]:
    return list(current_call().directory.branches.values())


async def remind(lead_id: UUID, work: UnitOfWork) -> None:
    """The owner may have reported since the lead was found due."""
    lead = await queries.load_for_job(work, lead_id)
    if lead.waits_for_feedback and lead.feedback_remind_time is None:
        lead.remind(work.clock.now())


async def recall(lead_id: UUID, work: UnitOfWork) -> None:
    """Take a lead from an owner who has not reported, and give it to another where there is one."""
    lead = await queries.load_for_job(work, lead_id)
    now = work.clock.now()
    if not lead.waits_for_feedback or lead.feedback_due_time is None or lead.feedback_due_time > now:
        return
    former = lead.owner_id
    lead.recall(now)
    await work.flush()  # the load of the former owner counts without it
    place = await place_by_rules(lead, work, home=lead.branch_id, without=former)
    if place.owner_id is not None:
        lead.assign(place, now)
