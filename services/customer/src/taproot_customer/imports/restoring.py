"""A batch of customers as they were before an import: decided row by row, written by a statement for each table.

Nothing goes through the session: rows are read and locked as they are, and what is to become of them is written
for all together, with the same events that a user's own change would have left.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from taproot.customer.events.v1.customer_event_pb2 import CustomerEvent
from taproot_custom.keeping import Kept, keep
from taproot_customer.customers import messages as customers
from taproot_customer.customers.model import Customer
from taproot_customer.imports import undo_queries
from taproot_customer.imports.undo_queries import Answer
from taproot_customer.imports.writing import plain
from taproot_customer.matching.identifiers import InvalidIdentifier, normal_form
from taproot_storage.database import UnitOfWork
from taproot_storage.eventlog import LogEntry

TAKEN_BACK, PARTLY, KEPT = "undone", "partly", "kept"
_DATES, _KEYS = frozenset({"birth_date"}), frozenset({"parent_id"})


@dataclass
class Batch:
    """`region`: by which telephone numbers of the file were read."""

    work: UnitOfWork
    region: str
    answers: list[Answer] = field(default_factory=list)
    events: list[LogEntry] = field(default_factory=list)
    removed: list[uuid.UUID] = field(default_factory=list)
    restored: list[Customer] = field(default_factory=list)
    freed: list[tuple[uuid.UUID, str, str]] = field(default_factory=list)
    """Identifiers of restored customers that belong to them no more."""

    async def take_back(self, changes: Sequence[Any]) -> None:
        """Fills `answers`, one for each change."""
        ids = [change["customer_id"] for change in changes]
        found = {row["id"]: row for row in await undo_queries.locked_customers(self.work, ids)}
        created = [change["customer_id"] for change in changes if change["result"] == "created"]
        used = await undo_queries.in_use(self.work, created)
        self.answers = [self._answer(change, found.get(change["customer_id"]), used) for change in changes]
        await self._store()

    def _answer(self, change: Any, row: Any, used: set[uuid.UUID]) -> Answer:
        key = change["customer_id"]
        if row is None or row["delete_time"] is not None or row["merged_into"] is not None:
            return Answer(key, KEPT)
        if change["result"] == "updated":
            return self._restore(change, row)
        if row["version"] != change["version"] or key in used:
            return Answer(key, KEPT)
        self._remove(row)
        return Answer(key, TAKEN_BACK)

    def _remove(self, row: Any) -> None:
        now = self.work.clock.now()
        gone = {**row, "version": row["version"] + 1, "update_time": now, "delete_time": now}
        self.removed.append(row["id"])
        event = CustomerEvent(customer=customers.to_message(gone))
        event.shares.extend(customers.to_share(share) for share in row["shares"])
        self._note("customer.deleted", gone, event)

    def _restore(self, change: Any, row: Any) -> Answer:
        """Fields that still hold what the import wrote return to what they were."""
        key, after = change["customer_id"], change["after"]
        ours = [name for name, value in after.items() if plain(row[name]) == value]
        kept = tuple(sorted(after.keys() - set(ours)))
        if not ours:
            return Answer(key, KEPT, kept)
        if "identifiers" in ours:
            self._free(key, row["identifiers"], change["before"]["identifiers"])
        customer = Customer(**row)
        customer.change({name: _value(name, change["before"][name]) for name in ours}, self.work.clock.now())
        if customer.recorded:
            self.restored.append(customer)
        for recorded in customer.recorded:
            self._note(recorded.type, customer.__dict__, customers.to_event(customer, recorded))
        return Answer(key, PARTLY if kept else TAKEN_BACK, kept)

    def _free(
        self, key: uuid.UUID, now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]
    ) -> None:
        gone = self._keys([one for one in now if one not in before]) - self._keys(before)
        self.freed += [(key, kind, normal) for kind, normal in sorted(gone)]

    def _keys(self, identifiers: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
        keys = set()
        for one in identifiers:
            try:
                keys.add((one["kind"], normal_form(one["kind"], one["value"], self.region)))
            except InvalidIdentifier:
                continue  # it has no key that could be freed
        return keys

    def _note(self, event_type: str, columns: Mapping[str, Any], event: CustomerEvent) -> None:
        self.events.append(
            LogEntry(
                type=event_type,
                aggregate_id=columns["id"],
                version=columns["version"],
                payload=event.SerializeToString(),
                party_id=columns["id"],
                branch_path=columns["branch_path"],
                owner_id=columns["owner_id"],
            )
        )

    async def _store(self) -> None:
        await undo_queries.remove_customers(self.work, self.removed, self.work.clock.now())
        await undo_queries.free_all_keys(self.work, self.removed)
        await undo_queries.free_keys(self.work, self.freed)
        await undo_queries.store_customers(self.work, self.restored)
        await keep(self.work, [Kept("customer", one.id, one.custom) for one in self.restored])
        assert self.work.database.log is not None
        await self.work.database.log.append(self.work, self.events)


def _value(name: str, stored: Any) -> Any:
    if name in _KEYS and stored:
        return uuid.UUID(stored)
    return dt.date.fromisoformat(stored) if name in _DATES and stored else stored
