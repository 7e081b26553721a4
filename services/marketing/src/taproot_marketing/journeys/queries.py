"""Reads of journeys and runs."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Integer, Text, Uuid, and_, bindparam, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from taproot.marketing.v1 import journey_pb2 as pb
from taproot.marketing.v1 import journey_service_pb2 as rpc
from taproot_marketing.deliveries.model import Delivery
from taproot_marketing.entitlement_refs.model import EntitlementRef
from taproot_marketing.journeys import messages
from taproot_marketing.journeys.model import Journey, JourneyRun, JourneyRunStep, JourneyVersion
from taproot_marketing.loyalty.model import LoyaltyAccount, LoyaltyProgram
from taproot_marketing.scores.model import CustomerScore
from taproot_marketing.segments.model import SegmentMember
from taproot_marketing.templates.model import Template
from taproot_records.reading import Shelf, resource_of
from taproot_storage.database import Reader
from taproot_storage.redirects import root_of
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

FIELDS = "id display_name state key activate_time owner_id branch_id create_time update_time custom"
RUN_FIELDS = (
    "id journey_id journey_version customer_id display_name business_key state step next_time error owner_id branch_id"
    " create_time update_time context"
)
SHELF = Shelf(resource_of("journey", Journey, pb.Journey, FIELDS), Journey, pb.Journey, messages.fill_version)
RUNS = Shelf(
    resource_of("journeyrun", JourneyRun, pb.JourneyRun, RUN_FIELDS, references=("customer_id",)),
    JourneyRun,
    pb.JourneyRun,
)

WORK = "journeys serve customers of every branch"
_run, _journey = bindparam("run", type_=Uuid()), bindparam("journey", type_=Uuid())

_by_key = Statement(
    lambda: select(Journey.id).where(
        Journey.key == bindparam("key"), unscoped(Journey, "a key is unique in the enterprise")
    )
)
_has_runs = Statement(
    lambda: (
        select(JourneyRun.id).where(JourneyRun.journey_id == _journey, unscoped(JourneyRun, WORK)).limit(1)
    )
)
_run_by_key = Statement(
    lambda: select(JourneyRun.id).where(
        JourneyRun.journey_id == _journey,
        JourneyRun.customer_id == bindparam("customer", type_=Uuid()),
        JourneyRun.business_key == bindparam("key"),
        unscoped(JourneyRun, WORK),
    )
)
_listening = Statement(
    lambda: select(Journey.__table__).where(
        Journey.state == "active",
        Journey.trigger_kind == bindparam("kind"),
        or_(Journey.trigger_name == bindparam("name"), bindparam("name", type_=Text()) == ""),
        unscoped(Journey, WORK),
    )
)
_version = Statement(
    lambda: select(JourneyVersion.steps).where(
        JourneyVersion.journey_id == _journey, JourneyVersion.number == bindparam("number", type_=Integer())
    )
)
_history = Statement(
    lambda: (
        select(JourneyRunStep.__table__)
        .where(JourneyRunStep.run_id == _run)
        .order_by(JourneyRunStep.position)
    )
)
_tasks_of = Statement(
    lambda: select(func.count()).where(
        JourneyRunStep.run_id == _run, JourneyRunStep.result == "task_requested"
    )
)
_entitlements = Statement(
    lambda: (
        select(EntitlementRef.__table__)
        .where(
            EntitlementRef.state == "active",
            EntitlementRef.end_date.between(
                bindparam("first", type_=Date()), bindparam("last", type_=Date())
            ),
            tuple_(EntitlementRef.end_date, EntitlementRef.id)
            > tuple_(bindparam("after_date", type_=Date()), bindparam("after_id", type_=Uuid())),
            ~select(JourneyRun.id)
            .where(
                JourneyRun.journey_id == _journey,
                JourneyRun.customer_id == EntitlementRef.customer_id,
                JourneyRun.business_key
                == func.concat("entitlement:", EntitlementRef.id, ":", EntitlementRef.end_date),
                unscoped(JourneyRun, WORK),
            )
            .exists(),
        )
        .order_by(EntitlementRef.end_date, EntitlementRef.id)
        .limit(bindparam("most"))
    )
)
_members = Statement(
    lambda: (
        select(SegmentMember.customer_id)
        .where(
            SegmentMember.segment_id == bindparam("segment", type_=Uuid()),
            SegmentMember.present,
            ~select(JourneyRun.id)
            .where(
                JourneyRun.journey_id == _journey,
                JourneyRun.customer_id == SegmentMember.customer_id,
                JourneyRun.business_key == func.concat("segment:", SegmentMember.segment_id),
                unscoped(JourneyRun, WORK),
            )
            .exists(),
        )
        .order_by(SegmentMember.customer_id)
        .limit(bindparam("most"))
    )
)
_ids = bindparam("ids", type_=ARRAY(Uuid()))
_templates = Statement(
    lambda: select(Template.id, Template.message_class).where(
        Template.id == func.any(_ids), Template.archived.is_(False)
    )
)
_programs = Statement(
    lambda: select(LoyaltyProgram.id).where(
        LoyaltyProgram.id == func.any(_ids), LoyaltyProgram.closed.is_(False)
    )
)
_customer = root_of(bindparam("customer", type_=Uuid()))
_score = Statement(
    lambda: select(CustomerScore.value, CustomerScore.as_of, CustomerScore.hot).where(
        CustomerScore.customer_id == _customer, unscoped(CustomerScore, WORK)
    )
)
_loyalty = Statement(
    lambda: (
        select(LoyaltyAccount.tier, LoyaltyAccount.balance)
        .where(LoyaltyAccount.customer_id == _customer, unscoped(LoyaltyAccount, WORK))
        .order_by(LoyaltyAccount.create_time)
        .limit(1)
    )
)


def due_runs(now: datetime, most: int) -> Any:
    """Runs whose step is due, locked; runs another process holds are left to it."""
    return (
        select(JourneyRun)
        .join(Journey, Journey.id == JourneyRun.journey_id)
        .where(
            JourneyRun.state == "active",
            JourneyRun.next_time <= now,
            Journey.state == "active",
            unscoped(JourneyRun, WORK),
            unscoped(Journey, WORK),
        )
        .order_by(JourneyRun.next_time, JourneyRun.id)
        .limit(most)
        .with_for_update(of=JourneyRun.__table__, skip_locked=True)
    )


def orphaned_runs(most: int) -> Any:
    """Runs under way on journeys that were archived."""
    return (
        select(JourneyRun)
        .join(Journey, Journey.id == JourneyRun.journey_id)
        .where(
            JourneyRun.state == "active",
            Journey.state == "archived",
            unscoped(JourneyRun, WORK),
            unscoped(Journey, WORK),
        )
        .limit(most)
        .with_for_update(of=JourneyRun.__table__, skip_locked=True)
    )


async def find_by_key(reader: Reader, key: str) -> uuid.UUID | None:
    found: uuid.UUID | None = await reader.fetch_value(_by_key, key=key)
    return found


async def has_runs(reader: Reader, journey_id: uuid.UUID) -> bool:
    return await reader.fetch_value(_has_runs, journey=journey_id) is not None


async def listening(reader: Reader, kind: str, name: str = "") -> list[Any]:
    """Active journeys with a trigger of that kind, by name or all."""
    return await reader.fetch(_listening, kind=kind, name=name)


async def steps_of(reader: Reader, journey_id: uuid.UUID, number: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await reader.fetch_value(_version, journey=journey_id, number=number)
    return found


async def find_run(reader: Reader, journey_id: uuid.UUID, customer_id: uuid.UUID, key: str) -> uuid.UUID:
    found: uuid.UUID = await reader.fetch_value(
        _run_by_key, journey=journey_id, customer=customer_id, key=key
    )
    return found


async def tasks_of(reader: Reader, run_id: uuid.UUID) -> int:
    """How many tasks a run has asked for."""
    return int(await reader.fetch_value(_tasks_of, run=run_id))


async def ending(
    reader: Reader, journey_id: uuid.UUID, days: tuple[date, date], after: tuple[date, uuid.UUID]
) -> list[Any]:
    """A page of entitlements that end in the days and have not let their customer in yet."""
    return await reader.fetch(
        _entitlements,
        journey=journey_id,
        first=days[0],
        last=days[1],
        after_date=after[0],
        after_id=after[1],
        most=500,
    )


async def waiting_members(reader: Reader, journey_id: uuid.UUID, segment_id: uuid.UUID) -> list[uuid.UUID]:
    rows = await reader.fetch(_members, journey=journey_id, segment=segment_id, most=500)
    return [row["customer_id"] for row in rows]


async def usable_templates(reader: Reader, ids: list[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Template -> message class."""
    return {row["id"]: row["message_class"] for row in await reader.fetch(_templates, ids=ids)}


async def usable_programs(reader: Reader, ids: list[uuid.UUID]) -> set[uuid.UUID]:
    return {row["id"] for row in await reader.fetch(_programs, ids=ids)}


async def standing(reader: Reader, customer_id: uuid.UUID) -> tuple[Any, Any]:
    """Rows of score and loyalty account, or None."""
    score = await reader.fetch_row(_score, customer=customer_id)
    return score, await reader.fetch_row(_loyalty, customer=customer_id)


async def get_run(reader: Reader, key: str) -> pb.JourneyRun:
    run = await RUNS.get(reader, key)
    rows = await reader.fetch(_history, run=uuid.UUID(key))
    run.history.extend(messages.step_message(row) for row in rows)
    return run


# ---------------------------------------------------------------- statistics

_states = Statement(
    lambda: (
        select(JourneyRun.state, JourneyRun.step, func.count().label("count"))
        .where(JourneyRun.journey_id == _journey, unscoped(JourneyRun, "counts of a journey the caller sees"))
        .group_by(JourneyRun.state, JourneyRun.step)
    )
)
_results = Statement(
    lambda: (
        select(JourneyRunStep.step, JourneyRunStep.result, func.count().label("count"))
        .where(JourneyRunStep.journey_id == _journey)
        .group_by(JourneyRunStep.step, JourneyRunStep.result)
    )
)
_sent = Statement(
    lambda: (
        select(Delivery.journey_step, Delivery.state, func.count().label("count"))
        .where(
            and_(Delivery.journey_id == _journey), unscoped(Delivery, "counts of a journey the caller sees")
        )
        .group_by(Delivery.journey_step, Delivery.state)
    )
)


async def statistics(reader: Reader, key: str) -> rpc.JourneyStatistics:
    journey = await SHELF.get(reader, key)
    identity = uuid.UUID(key)
    found = rpc.JourneyStatistics()
    steps: dict[str, rpc.JourneyStepStatistics] = {}

    def of(step: str) -> rpc.JourneyStepStatistics:
        return steps.setdefault(step, rpc.JourneyStepStatistics(step=step))

    for step in journey.steps:
        of(step.key)
    for row in await reader.fetch(_states, journey=identity):
        found.entered_count += row["count"]
        counter = f"{row['state']}_count"
        setattr(found, counter, getattr(found, counter) + row["count"])
        if row["state"] == "active":
            of(row["step"]).waiting_count += row["count"]
    for row in await reader.fetch(_results, journey=identity):
        of(row["step"]).done_count += row["count"]
        of(row["step"]).results[row["result"]] += row["count"]
    for row in await reader.fetch(_sent, journey=identity):
        of(row["journey_step"]).deliveries[row["state"].upper()] += row["count"]
    found.steps.extend(steps.values())
    return found
