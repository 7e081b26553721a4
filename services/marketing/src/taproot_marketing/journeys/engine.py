"""Moving runs on. A step, its effect and the run's new place are one transaction: done once, whatever crashes."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from taproot_base import telemetry
from taproot_chassis.consumers import INFRASTRUCTURE
from taproot_marketing.customer_refs import queries as customers
from taproot_marketing.deliveries.handlers import Order, enqueue
from taproot_marketing.journeys import messages, queries
from taproot_marketing.journeys.definition import Branch, Definition, Points, Send, Step, Task, parse
from taproot_marketing.journeys.handlers import when_due
from taproot_marketing.journeys.model import JourneyRun, JourneyRunStep
from taproot_marketing.journeys.records import customer_record, holds
from taproot_marketing.loyalty.handlers import earn_for_customer
from taproot_marketing.scores.queries import fading, worth_of
from taproot_marketing.templates.rules import render_line
from taproot_records.writing import load_any
from taproot_storage.database import Database, UnitOfWork
from taproot_storage.eventlog import LogEntry
from taproot_storage.statements import Statement

BATCH = 50
MAX_FAILURES = 5
_KEEP_DEFINITIONS = 200
_put_step = Statement(
    lambda: insert(JourneyRunStep).values(
        {column.key: bindparam(column.key, type_=column.type) for column in JourneyRunStep.__table__.columns}
    )
)


class StepLost(RuntimeError):
    """The run stands before a step its version does not have."""


class Engine:
    def __init__(self) -> None:
        self._definitions: OrderedDict[tuple[uuid.UUID, int], Definition] = OrderedDict()

    async def run_due(self, database: Database) -> int:
        """Job: do the steps that are due, a batch in one transaction; one by one when the batch fails."""
        keys: list[uuid.UUID] = []
        try:
            async with database.unit() as work:
                runs = await work.scalars(queries.due_runs(work.clock.now(), BATCH))
                keys = [run.id for run in runs]
                for run in runs:
                    await self._advance(run, work)
        except Exception as error:
            if not keys:
                raise
            telemetry.logger.warning("journey_batch_failed", error=repr(error))
            return sum([await self._alone(key, database) for key in keys])
        return len(keys)

    async def _alone(self, key: uuid.UUID, database: Database) -> bool:
        """False when the database, and no fault of the step, was in the way: it stays due."""
        try:
            async with database.unit() as work:
                run = await load_any(work, JourneyRun, key, queries.WORK)
                if _is_due(run, work.clock.now()):
                    await self._advance(run, work)
        except INFRASTRUCTURE as error:
            telemetry.logger.warning("journey_step_interrupted", run_id=str(key), error=repr(error))
            return False
        except Exception as error:  # noqa: BLE001  # a step may fail in any way; the run keeps the reason
            telemetry.logger.exception("journey_step_failed", run_id=str(key))
            async with database.unit() as work:
                run = await load_any(work, JourneyRun, key, queries.WORK)
                now = work.clock.now()
                again = now + timedelta(minutes=2**run.failures) if run.failures + 1 < MAX_FAILURES else None
                run.stumble(f"{type(error).__name__}: {error}", again, now)
        return True

    async def _advance(self, run: JourneyRun, work: UnitOfWork) -> None:
        """Do steps until the run has to wait or ends."""
        definition = await self._definition(run, work)
        while _is_due(run, work.clock.now()):
            step = definition.step(run.step)
            if step is None:
                raise StepLost(f"version {run.journey_version} has no step {run.step}")
            with self._span(run, step, work.clock.now()):
                await self._do(run, step, definition, work)

    def _span(self, run: JourneyRun, step: Step, now: datetime) -> Any:
        return telemetry.follow(
            f"journey step {step.key}",
            run.traceparent,
            now - run.create_time,
            {telemetry.party_attribute: str(run.customer_id), "taproot.journey.id": str(run.journey_id)},
        )

    async def _do(self, run: JourneyRun, step: Step, definition: Definition, work: UnitOfWork) -> None:
        customer = await customers.find_customer(work, run.customer_id)
        result, effect = await self._act(run, step, customer, work)
        now = work.clock.now()
        await work.execute(
            _put_step,
            run_id=run.id,
            step=step.key,
            position=run.steps_done,
            journey_id=run.journey_id,
            result=result,
            effect_id=effect,
            done_time=now,
            trace_id=telemetry.trace_id_of(telemetry.traceparent()),
        )
        run.steps_done += 1
        following = definition.after(step, holds=result != "else")
        zone = customer["time_zone"] if customer else ""
        run.move_to(following, when_due(definition, following, run.private, zone, now), now)

    async def _act(self, run: JourneyRun, step: Step, customer: Any, work: UnitOfWork) -> tuple[str, str]:
        """The effect of a step: its result and what it made."""
        action = step.action
        if isinstance(action, Send):
            return await self._send(run, step, action, customer, work)
        if isinstance(action, Branch):
            data = await _data(run, customer, work)
            then = holds(run.private.get("trigger", ""), action.filter, data, work.clock.now())
            return ("then" if then else "else"), ""
        if isinstance(action, Task):
            return await self._request_task(run, step, action, customer, work)
        if isinstance(action, Points):
            key = f"journey:{run.id}:{step.key}"
            made = await earn_for_customer(
                action.program_id, run.customer_id, action.points, action.reason, key, work
            )
            return "earned", str(made)
        return "waited", ""

    async def _send(
        self, run: JourneyRun, step: Step, action: Send, customer: Any, work: UnitOfWork
    ) -> tuple[str, str]:
        classes = await queries.usable_templates(work, [action.template_id])
        if customer is None or action.template_id not in classes:
            return ("unknown_customer" if customer is None else "template_gone"), ""
        order = Order(
            business_key=f"journey:{run.id}:{step.key}",
            source="journey",
            template_id=action.template_id,
            message_class=classes[action.template_id],
            customer=customer,
            context={name: run.private[name] for name in ("event", "entitlement") if name in run.private},
            journey_id=run.journey_id,
            journey_run_id=run.id,
            journey_step=step.key,
        )
        return "queued", str(await enqueue(order, work) or "")

    async def _request_task(
        self, run: JourneyRun, step: Step, task: Task, customer: Any, work: UnitOfWork
    ) -> tuple[str, str]:
        """Raise journey.task_requested with this transaction: the customer service makes the task from it, once."""
        data = {"customer": customers.placeholders(customer), **run.private}
        due = work.clock.now() + timedelta(days=task.due_days)
        title = render_line(task.title, data)
        payload = messages.task_requested(run, step.key, task, title, render_line(task.note, data), due)
        entry = LogEntry(
            type="journey.task_requested",
            aggregate_id=run.id,
            version=await queries.tasks_of(work, run.id) + 1,
            payload=payload.SerializeToString(),
            party_id=run.customer_id,
            branch_path=run.branch_path,
            owner_id=run.owner_id,
        )
        log = work.database.log
        assert log is not None
        await log.append(work, [entry])
        return "task_requested", f"{run.id}:{step.key}"

    async def _definition(self, run: JourneyRun, work: UnitOfWork) -> Definition:
        """Versions never change, so they are remembered."""
        key = (run.journey_id, run.journey_version)
        if key not in self._definitions:
            self._definitions[key] = parse({}, await queries.steps_of(work, *key))
            if len(self._definitions) > _KEEP_DEFINITIONS:
                self._definitions.popitem(last=False)
        return self._definitions[key]


def _is_due(run: JourneyRun, now: datetime) -> bool:
    return run.state == "active" and run.next_time is not None and run.next_time <= now


async def _data(run: JourneyRun, customer: Any, work: UnitOfWork) -> dict[str, Any]:
    score, account = await queries.standing(work, run.customer_id)
    return {
        "event": run.private.get("event") or {},
        "entitlement": run.private.get("entitlement") or {},
        "customer": customer_record(customer),
        "score": worth_of(score, await fading(work), work.clock.now()) if score else None,
        "loyalty": {"tier": account["tier"], "balance": account["balance"]} if account else {},
    }


async def stop_archived(database: Database) -> int:
    """Job: stop the runs of archived journeys."""
    async with database.unit() as work:
        runs = await work.scalars(queries.orphaned_runs(200))
        for run in runs:
            run.cancel(work.clock.now())
    return len(runs)
