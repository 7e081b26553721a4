"""Use cases of scoring."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from taproot_base.errors import InvalidArgument
from taproot_base.ids import new_id
from taproot_chassis.events import Event
from taproot_marketing.customer_refs.awaiting import awaited_customer
from taproot_marketing.customer_refs.merges import awaited_merge
from taproot_marketing.customer_refs.queries import find_customer, hold_customer
from taproot_marketing.journeys.records import customer_record, filter_fault, holds, record_of
from taproot_marketing.scores import queries
from taproot_marketing.scores.model import CustomerScore, ScoreRule, ScoreSettings
from taproot_marketing.scores.rules import Fading
from taproot_records.checks import Checks
from taproot_records.mapping import Values
from taproot_records.writing import discard, load, moved, patched, placed
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.updates import check_etag

OWN_EVENTS = ("score.",)
"""A rule on what scoring raises would feed itself."""


async def create_rule(rule_id: uuid.UUID, values: Values, work: UnitOfWork) -> ScoreRule:
    checks, rule = Checks(), None
    with checks:
        _check(values.get("event_type", ""), values.get("filter", ""))
    with checks:
        values = await placed(work, "score_rules", values)
    with checks:
        rule = ScoreRule.create({"id": rule_id} | values, work.clock.now())
    checks.done()
    assert rule is not None
    await work.add(rule)
    return rule


async def update_rule(key: str, etag: str, values: Values, work: UnitOfWork) -> ScoreRule:
    rule = await load(work, ScoreRule, key, etag)
    _check(values.get("event_type", rule.event_type), values.get("filter", rule.filter))
    rule.change(patched(rule, await moved(work, "score_rules", rule, values)), work.clock.now())
    return rule


async def delete_rule(key: str, etag: str, work: UnitOfWork) -> ScoreRule:
    rule = await load(work, ScoreRule, key, etag)
    rule.remove(work.clock.now())
    await discard(work, rule)
    return rule


def _check(event_type: str, text: str) -> None:
    found = []
    if event_type.startswith(OWN_EVENTS):
        found.append(("score_rule.event_type", "is raised by scoring itself"))
    fault = filter_fault(event_type, text)
    if fault:
        found.append(("score_rule.filter", fault))
    if found:
        raise InvalidArgument(found)


async def update_settings(values: Values, etag: str, work: UnitOfWork) -> Values:
    """Change the settings from now on; zero leaves a number as it is."""
    stored = await work.scalar(select(ScoreSettings).where(ScoreSettings.id == 1).with_for_update())
    now = work.clock.now()
    if stored is None:
        stored = ScoreSettings(id=1, version=0, half_life_days=30, hot_threshold=100, update_time=now)
        await work.add(stored)
    check_etag(etag, stored.version)
    stored.set_all({name: value for name, value in values.items() if value})
    stored.version += 1
    stored.update_time = now
    return {column.key: getattr(stored, column.key) for column in ScoreSettings.__table__.columns}


async def on_event(event: Event, work: UnitOfWork) -> None:
    """Reaction: give the points of every rule that the event fits. The inbox makes it once per event."""
    if event.party_id is None or event.type.startswith(OWN_EVENTS):
        return
    rules = await queries.rules_for(work, event.type)
    if not rules:
        return
    customer = await awaited_customer(event.party_id, work)
    data = {"event": record_of(event).full, "customer": customer_record(customer)}
    now = work.clock.now()
    fitting = [
        rule
        for rule in rules
        if rule["create_time"] <= event.occurred_at and holds(event.type, rule["filter"], data, now)
    ]
    if fitting:
        fading = await queries.fading(work)
        score = await _score_of(customer["id"] if customer else event.party_id, work)
        for rule in fitting:
            score.give(rule["points"], event.type, rule["id"], fading, now)
        await work.flush()


async def on_merge(event: Event, work: UnitOfWork) -> None:
    """Reaction: the scores of merged customers add up to one, and part again when the merge is undone."""
    merge = await awaited_merge(event, work)
    fading, now = await queries.fading(work), work.clock.now()
    root = await find_customer(work, merge.root)
    for source in merge.sources:
        mine: CustomerScore | None = await work.scalar(queries.score_for_change(source))
        if mine is None or root is None or root["id"] == source:
            continue
        theirs = await _score_of(root["id"], work)
        if merge.undone:
            theirs.give(-mine.take_back(event.type, fading, now), event.type, None, fading, now)
        else:
            theirs.give(mine.hand_over(event.type, fading, now), event.type, None, fading, now)
        await work.flush()


async def _score_of(customer_id: uuid.UUID, work: UnitOfWork) -> CustomerScore:
    found: CustomerScore | None = await work.scalar(queries.score_for_change(customer_id))
    if found is not None:
        return found
    now, customer = work.clock.now(), await hold_customer(work, customer_id)
    made = CustomerScore(
        id=new_id(),
        customer_id=customer_id,
        display_name=customer["display_name"] if customer else "",
        value=0.0,
        as_of=now,
        hot=False,
        last_event_type="",
        owner_id=customer["owner_id"] if customer else None,
        branch_id=customer["branch_id"] if customer else None,
        branch_path=customer["branch_path"] if customer else "",
        create_time=now,
        update_time=now,
    )
    await work.add(made)
    return made


async def cool_down(database: Database) -> int:
    """Job: scores that have faded below the threshold are hot no more."""
    async with database.unit() as work:
        now = work.clock.now()
        fading: Fading = await queries.fading(work)
        found = await work.scalars(queries.cooling(now))
        for score in found:
            score.fade(fading, now)
    return len([score for score in found if not score.hot])
