"""Looks at what a run has left behind: in the databases, in the streams, through the API."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import nats
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from chaoskit.evidence import Account, Books, Evidence, Letter, Logged, Mailing, Promise, Reader, Rows
from chaoskit.schedule import PEERS
from taproot_local.api import Client
from taproot_local.suite import Suite

# Neither read models nor anything a rebuild may touch; queues that jobs of their own empty meanwhile.
_OTHER = (
    "event_log",
    "inbox",
    "audit",
    "operations",
    "idempotency",
    "dead_letters",
    "alembic_version",
    "rate_",
)
_TABLES = """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"""
_LOG = """SELECT id, type, aggregate_id, version, extract(epoch FROM occurred_at)::float8 AS at,
                 published_at IS NOT NULL AS published, party_id FROM event_log ORDER BY number"""
_BOOKS = """
SELECT c.customer_id,
       (SELECT coalesce(sum(amount), 0) FROM ledger_entries l WHERE l.customer_id = c.customer_id) AS ledger,
       (SELECT coalesce(sum(open_amount), 0) FROM invoices i WHERE i.customer_id = c.customer_id)
     - (SELECT coalesce(sum(unallocated), 0) FROM payments p WHERE p.customer_id = c.customer_id) AS open_items,
       (SELECT count(*) FROM orders o WHERE o.customer_id = c.customer_id) AS orders,
       (SELECT count(*) FROM invoices i WHERE i.customer_id = c.customer_id) AS invoices,
       (SELECT count(*) FROM payments p WHERE p.customer_id = c.customer_id) AS payments,
       (SELECT coalesce(sum(amount), 0) FROM payments p WHERE p.customer_id = c.customer_id) AS paid
FROM (SELECT DISTINCT customer_id FROM orders) c"""
_ACCOUNTS = """
SELECT a.customer_id, a.balance, coalesce(sum(t.points), 0)::bigint AS moved, count(t.id) AS movements
FROM loyalty_accounts a LEFT JOIN loyalty_transactions t ON t.account_id = a.id GROUP BY a.id"""
_UNBALANCED = "SELECT transaction_id FROM loyalty_entries GROUP BY 1 HAVING sum(points) <> 0"
_PROMISES = """SELECT id, ticket_id, state, metric, extract(epoch FROM stop_time)::float8 AS stopped,
  extract(epoch FROM warning_time)::float8 AS warning, extract(epoch FROM due_time)::float8 AS due,
  extract(epoch FROM start_time)::float8 AS started, extract(epoch FROM target)::float8 AS target,
  warning_percent FROM sla_clocks"""
_MAILINGS = """SELECT d.id, d.customer_id, d.state, d.message_id, d.reason, coalesce(d.campaign_id::text, j.key) AS cause
  FROM deliveries d LEFT JOIN journeys j ON j.id = d.journey_id"""
STATEMENTS = 25


class Ground:
    """The suite's databases and bus, past all relays."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.services: dict[str, Any] = suite.state["services"]

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[Any]:
        connection = await asyncpg.connect(self.services[service]["owner_url"], timeout=10)
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def bus(self) -> AsyncIterator[Any]:
        client = await nats.connect(self.suite.state["nats_url"], connect_timeout=5)
        try:
            yield client.jetstream(timeout=10)
        finally:
            await client.close()

    async def fetch(self, service: str, sql: str) -> list[Any]:
        async with self.database(service) as connection:
            return list(await connection.fetch(sql))


async def unrest(ground: Ground) -> list[str]:
    """What is still on its way; nothing when the suite has come to rest."""
    found = []
    for service in PEERS:
        waiting = await ground.fetch(service, "SELECT count(*) FROM event_log WHERE published_at IS NULL")
        if waiting[0][0]:
            found.append(f"{waiting[0][0]} events of {service} wait to be published")
        busy = await ground.fetch(
            service, "SELECT count(*) FROM operations WHERE state IN ('pending', 'running')"
        )
        if busy[0][0]:
            found.append(f"{busy[0][0]} operations of {service} have not ended")
    async with ground.bus() as jetstream:
        for source in PEERS.values():
            found += [
                f"{one.name} has {one.num_pending} to read and {one.num_ack_pending} in hand"
                for one in await jetstream.consumers_info(source.upper())
                if one.num_pending or one.num_ack_pending
            ]
    open_mail = "state IN ('queued', 'claimed', 'failed_temporary')"
    for service, table, where in (
        ("marketing", "deliveries", open_mail),
        ("marketing", "journey_runs", "state = 'active' AND next_time < now() + interval '1 hour'"),
        ("marketing", "campaigns", "state IN ('scheduled', 'running')"),
        ("gateway", "webhook_deliveries", "state = 'pending'"),
    ):
        left = await ground.fetch(service, f"SELECT count(*) FROM {table} WHERE {where}")
        if left[0][0]:
            found.append(f"{left[0][0]} rows of {table} are open")
    return found


async def come_to_rest(ground: Ground, seconds: float) -> list[str]:
    """What is left when that time is over."""
    deadline, left = time.monotonic() + seconds, ["nobody answers"]
    while time.monotonic() < deadline:
        try:
            left = await unrest(ground)
        except (OSError, TimeoutError, NatsError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            left = [f"{type(error).__name__}: {error}"]
        if not left:
            return []
        await asyncio.sleep(1)
    return [f"{one} after {seconds:.0f} s of peace" for one in left]


async def gather(ground: Ground, admin: Client, seen: Evidence) -> None:
    """Fill in everything but the journal, the mail server's record and the rebuild."""
    await _events(ground, seen)
    await _streams(ground, seen)
    await _records(admin, seen)
    await _money(ground, admin, seen)
    seen.timeline = Counter(str(row[0]) for row in await ground.fetch("customer", "SELECT id FROM timeline"))
    seen.promises = [promise_of(row) for row in await ground.fetch("servicedesk", _PROMISES)]
    seen.mailings = [
        Mailing(
            *(str(row["id"]), str(row["customer_id"]), row["state"], row["message_id"], row["reason"]),
            row["cause"] or "",
        )
        for row in await ground.fetch("marketing", _MAILINGS)
    ]
    hooks = await ground.fetch("gateway", "SELECT event_id, state FROM webhook_deliveries")
    seen.hooked = {str(row[0]): row[1] for row in hooks}
    seen.end = time.time()


def promise_of(row: Any) -> Promise:
    """A clock that stands still has no instants any more: what it had comes from its start, as the drill's run unpaused."""
    warning, due = row["warning"], row["due"]
    if row["stopped"] is not None:
        warning = row["started"] + row["target"] * row["warning_percent"] / 100
        due = row["started"] + row["target"]
    return Promise(
        *(str(row["id"]), str(row["ticket_id"]), row["state"]),
        *(row["stopped"], warning, due, row["metric"]),
    )


async def _events(ground: Ground, seen: Evidence) -> None:
    for service, source in PEERS.items():
        seen.log += [
            Logged(
                *(str(row["id"]), source, row["type"], str(row["aggregate_id"]), row["version"], row["at"]),
                row["published"],
                str(row["party_id"] or ""),
            )
            for row in await ground.fetch(service, _LOG)
        ]
        rows = await ground.fetch(service, "SELECT consumer, event_id FROM inbox")
        seen.inboxes[service] = {(row[0], str(row[1])) for row in rows}
        letters = "SELECT consumer, event_id, aggregate_id, state, error FROM dead_letters"
        seen.letters += [
            Letter(service, row[0], str(row[1]), str(row[2]), row[3], row[4])
            for row in await ground.fetch(service, letters)
        ]


async def _streams(ground: Ground, seen: Evidence) -> None:
    services = {peer: service for service, peer in PEERS.items()}
    async with ground.bus() as jetstream:
        for source in PEERS.values():
            stream = source.upper()
            for one in await jetstream.consumers_info(stream):
                peer, _, name = one.name.partition("-")
                if one.config.durable_name and peer in services:
                    filters = one.config.filter_subjects or [one.config.filter_subject]
                    seen.readers.append(Reader(services[peer], name, source, tuple(filters)))
            seen.streams[source] = await _ids(jetstream, stream)


async def _ids(jetstream: Any, stream: str) -> Counter[str]:
    left = (await jetstream.stream_info(stream)).state.messages
    config = ConsumerConfig(
        ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL, headers_only=True, inactive_threshold=30
    )
    pull = await jetstream.pull_subscribe("", stream=stream, config=config)
    found: Counter[str] = Counter()
    while left > 0:
        batch = await pull.fetch(min(left, 500), timeout=10)
        left -= len(batch)
        found.update((message.headers or {}).get("ce-id", "") for message in batch)
    await pull.unsubscribe()
    return found


async def _records(admin: Client, seen: Evidence) -> None:
    async for one in admin.pages("/v1/customers"):
        seen.customers[one["id"]] = one["display_name"]
        for identifier in one.get("identifiers", []):
            if identifier["kind"] == "IDENTIFIER_KIND_EXTERNAL":
                seen.loaded[identifier["value"].rpartition(":")[2]] += 1
    seen.orders = {one["id"] async for one in admin.pages("/v1/orders")}
    seen.payments = {one["id"] async for one in admin.pages("/v1/payments")}
    seen.tickets = {one["id"] async for one in admin.pages("/v1/tickets")}
    seen.imports = {one["id"]: one["state"] async for one in admin.pages("/v1/imports")}


async def _money(ground: Ground, admin: Client, seen: Evidence) -> None:
    for number, row in enumerate(await ground.fetch("sales", _BOOKS)):
        customer, said = str(row["customer_id"]), str(row["ledger"])
        if number < STATEMENTS:  # what is printed is added up from the same ledger: some are enough
            found = await admin.get(f"/v1/statements/{customer}")
            said = str(found.get("closing_balance", {}).get("amount", "0"))
        seen.books.append(
            Books(
                *(customer, str(row["ledger"]), str(row["open_items"]), said),
                *(row["orders"], row["invoices"], row["payments"], str(row["paid"])),
            )
        )
    seen.accounts = [
        Account(str(row["customer_id"]), row["balance"], row["moved"], row["movements"])
        for row in await ground.fetch("marketing", _ACCOUNTS)
    ]
    seen.unbalanced = [str(row[0]) for row in await ground.fetch("marketing", _UNBALANCED)]


async def read_models(ground: Ground, poison: set[str]) -> Rows:
    """Every table a rebuild may have to do with, row by row as text; rows that poison made are left out."""
    found: Rows = {}
    for service in PEERS:
        async with ground.database(service) as connection:
            for (table,) in await connection.fetch(_TABLES):
                if not table.startswith(_OTHER):
                    rows = await connection.fetch(f'SELECT to_jsonb(t)::text FROM "{table}" t')
                    texts = (row[0] for row in rows)
                    found[f"{service}.{table}"] = Counter(
                        text for text in texts if not any(one in text for one in poison)
                    )
    return found
