"""SQL of deliveries: which event goes where, what is due, how it went."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    DateTime,
    Integer,
    LargeBinary,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    column,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from taproot_chassis.events import Event
from taproot_gateway.webhooks.model import (
    DEAD,
    DELIVERED,
    ENABLED,
    PENDING,
    SKIPPED,
    Webhook,
    webhook_deliveries,
    webhook_runs,
)
from taproot_storage.database import Database, Reader, UnitOfWork
from taproot_storage.statements import Statement
from taproot_storage.visibility import unscoped

if TYPE_CHECKING:
    from taproot_gateway.webhooks.handlers import Replay

KEPT = timedelta(days=30)
LEASE = timedelta(seconds=45)
_w, _d, _r = Webhook.__table__.c, webhook_deliveries.c, webhook_runs.c
_Instant = DateTime(timezone=True)
_all_endpoints = unscoped(
    Webhook, "an event goes to every endpoint that asked for its type; rights are checked when it is sent"
)
_live = (_w.state == ENABLED, _w.delete_time.is_(None), _all_endpoints)


_EVENT: dict[str, Any] = {
    "event_id": Uuid(),
    "source": Text(),
    "event_type": Text(),
    "pattern": Text(),
    "resource_id": Uuid(),
    "version": Integer(),
    "occur_time": _Instant,
    "party_id": Uuid(),
    "owner_id": Uuid(),
    "branch_path": Text(),
    "actor": Text(),
    "traceparent": Text(),
    "payload": LargeBinary(),
}


def _route_statement() -> Any:
    """One row for each event and each endpoint that wants its type."""
    given = func.unnest(*(bindparam(name, type_=ARRAY(kind)) for name, kind in _EVENT.items()))
    event = given.table_valued(*(column(*one) for one in _EVENT.items()), name="event").render_derived()
    wanted = or_(
        func.cardinality(_w.event_types) == 0,
        event.c.event_type == func.any(_w.event_types),
        event.c.pattern == func.any(_w.event_types),
    )
    columns = {
        "id": func.gen_random_uuid(),
        "webhook_id": _w.id,
        **{name: event.c[name] for name in _EVENT if name != "pattern"},
        "state": literal(PENDING, Text),
        "attempts": literal(0, Integer),
        "next_attempt_time": bindparam("now", type_=_Instant),
        "response_status": literal(0, Integer),
        "error": literal("", Text),
    }
    rows = select(*(value.label(name) for name, value in columns.items()))
    rows = rows.select_from(event.join(Webhook, wanted)).where(*_live)
    return insert(webhook_deliveries).from_select(list(columns), rows).on_conflict_do_nothing()


_route = Statement(_route_statement)
_open = Statement(
    lambda: insert(webhook_runs).values(
        webhook_id=bindparam("key"), leased_until=bindparam("now"), resume_time=bindparam("now"), failures=0
    )
)
_forgive = Statement(
    lambda: (
        update(webhook_runs)
        .where(_r.webhook_id == bindparam("key"))
        .values(failures=0, failing_since=None, resume_time=bindparam("now"))
    )
)
_forget = [
    Statement(lambda: delete(webhook_deliveries).where(_d.webhook_id == bindparam("key"))),
    Statement(lambda: delete(webhook_runs).where(_r.webhook_id == bindparam("key"))),
]
_expire = Statement(
    lambda: delete(webhook_deliveries).where(
        _d.id.in_(select(_d.id).where(_d.occur_time < bindparam("before")).limit(5_000))
    )
)
_again = {"state": PENDING, "attempts": 0, "error": ""}
_replayable = case(
    (bindparam("delivered", type_=Integer) == 1, _d.state.in_([DELIVERED, DEAD, SKIPPED])),
    else_=_d.state == DEAD,
)
_replay_ids = Statement(
    lambda: (
        update(webhook_deliveries)
        .where(
            _d.webhook_id == bindparam("key"),
            _d.id == func.any(bindparam("ids", type_=ARRAY(Uuid))),
            _d.state != PENDING,
        )
        .values(**_again, next_attempt_time=bindparam("now"))
    )
)
_replay_times = Statement(
    lambda: (
        update(webhook_deliveries)
        .where(
            _d.webhook_id == bindparam("key"),
            _d.occur_time >= bindparam("start", type_=_Instant),
            _d.occur_time < bindparam("end", type_=_Instant),
            _replayable,
        )
        .values(**_again, next_attempt_time=bindparam("now"))
    )
)


def _claim_statement() -> Any:
    """Endpoints with something due that nobody sends to: this process does, until the lease ends."""
    due = exists().where(
        _d.webhook_id == _r.webhook_id, _d.state == PENDING, _d.next_attempt_time <= bindparam("now")
    )
    free = (
        select(_r.webhook_id)
        .join(Webhook.__table__, _w.id == _r.webhook_id)
        .where(_r.leased_until <= bindparam("now"), _r.resume_time <= bindparam("now"), due, *_live)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True, of=webhook_runs)
    )
    return (
        update(webhook_runs)
        .where(_r.webhook_id.in_(free))
        .values(leased_until=bindparam("until"))
        .returning(_r.webhook_id)
    )


_claim = Statement(_claim_statement)
_extend = Statement(
    lambda: (
        update(webhook_runs).where(_r.webhook_id == bindparam("key")).values(leased_until=bindparam("until"))
    )
)
_due = Statement(
    lambda: (
        select(webhook_deliveries)
        .where(
            _d.webhook_id == bindparam("key"), _d.state == PENDING, _d.next_attempt_time <= bindparam("now")
        )
        .order_by(_d.next_attempt_time, _d.occur_time)
        .limit(bindparam("most", type_=Integer))
    )
)
_endpoint = Statement(
    lambda: (
        select(Webhook.__table__, _r.failures, _r.failing_since, _r.resume_time)
        .join_from(Webhook.__table__, webhook_runs, _r.webhook_id == _w.id)
        .where(_w.id == bindparam("key"), *_live)
    )
)
_note = Statement(
    lambda: (
        update(webhook_deliveries)
        .where(_d.id == bindparam("key"), _d.state == PENDING)
        .values(
            state=bindparam("to_state"),
            attempts=_d.attempts + bindparam("tried", type_=Integer),
            next_attempt_time=bindparam("next_time", type_=_Instant),
            response_status=bindparam("status"),
            error=bindparam("said"),
            deliver_time=bindparam("delivered_at", type_=_Instant),
        )
    )
)
_succeeded = Statement(
    lambda: (
        update(webhook_runs)
        .where(_r.webhook_id == bindparam("key"), or_(_r.failures > 0, _r.failing_since.is_not(None)))
        .values(failures=0, failing_since=None)
    )
)
_failed = Statement(
    lambda: (
        update(webhook_runs)
        .where(_r.webhook_id == bindparam("key"))
        .values(
            failures=_r.failures + 1,
            failing_since=func.coalesce(_r.failing_since, cast(bindparam("now"), _Instant)),
        )
        .returning(_r.failures, _r.failing_since)
    )
)
_pause = Statement(
    lambda: (
        update(webhook_runs).where(_r.webhook_id == bindparam("key")).values(resume_time=bindparam("until"))
    )
)


async def route(events: Sequence[Event], work: UnitOfWork) -> None:
    given = [_given(event) for event in events]
    if given:
        await work.execute(
            _route, now=work.clock.now(), **{name: [one[name] for one in given] for name in _EVENT}
        )


def _given(event: Event) -> dict[str, Any]:
    return {
        "event_id": event.id,
        "source": event.source,
        "event_type": event.type,
        "pattern": f"{event.aggregate_type}.*",
        "resource_id": event.aggregate_id,
        "version": event.version,
        "occur_time": event.occurred_at,
        "party_id": event.party_id,
        "owner_id": event.owner_id,
        "branch_path": event.branch_path,
        "actor": event.actor,
        "traceparent": event.traceparent,
        "payload": event.payload,
    }


async def open_run(key: uuid.UUID, work: UnitOfWork) -> None:
    await work.execute(_open, key=key, now=work.clock.now())


async def forgive(key: uuid.UUID, work: UnitOfWork) -> None:
    await work.execute(_forgive, key=key, now=work.clock.now())


async def forget(key: uuid.UUID, work: UnitOfWork) -> None:
    for statement in _forget:
        await work.execute(statement, key=key)


async def expire(database: Database) -> int:
    async with database.unit() as work:
        return await work.execute(_expire, before=work.clock.now() - KEPT)


async def replay(command: Replay, work: UnitOfWork) -> int:
    key, now = command.webhook_id, work.clock.now()
    await forgive(key, work)
    if command.delivery_ids:
        return await work.execute(_replay_ids, key=key, ids=list(command.delivery_ids), now=now)
    return await work.execute(
        _replay_times,
        key=key,
        start=command.start,
        end=command.end or now,
        delivered=int(command.delivered),
        now=now,
    )


async def claim(most: int, work: UnitOfWork) -> list[uuid.UUID]:
    now = work.clock.now()
    return [row[0] for row in await work.fetch(_claim, now=now, until=now + LEASE, most=most)]


async def extend(key: uuid.UUID, work: UnitOfWork) -> None:
    await work.execute(_extend, key=key, until=work.clock.now() + LEASE)


async def release(key: uuid.UUID, work: UnitOfWork) -> None:
    await work.execute(_extend, key=key, until=work.clock.now())


async def due(key: uuid.UUID, most: int, reader: Reader) -> tuple[Any, list[Any]]:
    """The endpoint and what is to be sent now; None when it is gone or disabled, nothing while it rests."""
    endpoint = await reader.fetch_row(_endpoint, key=key)
    now = reader.clock.now()
    if endpoint is None or endpoint["resume_time"] > now:
        return endpoint, []
    return endpoint, await reader.fetch(_due, key=key, now=now, most=most)


async def note(
    row: Any,
    work: UnitOfWork,
    *,
    state: str,
    status: int = 0,
    error: str = "",
    next_time: datetime | None = None,
    tried: int = 1,
) -> None:
    """How an attempt went."""
    delivered_at = work.clock.now() if state == DELIVERED else None
    await work.execute(
        _note,
        key=row["id"],
        to_state=state,
        tried=tried,
        next_time=next_time,
        status=status,
        said=error[:500],
        delivered_at=delivered_at,
    )


async def succeeded(key: uuid.UUID, work: UnitOfWork) -> None:
    await work.execute(_succeeded, key=key)


async def failed(key: uuid.UUID, work: UnitOfWork) -> tuple[int, datetime]:
    """How many attempts in a row have failed, and since when."""
    row = await work.fetch_row(_failed, key=key, now=work.clock.now())
    return (row[0], row[1]) if row is not None else (0, work.clock.now())


async def pause(key: uuid.UUID, until: datetime, work: UnitOfWork) -> None:
    await work.execute(_pause, key=key, until=until)
