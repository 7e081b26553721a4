"""One chunk of rows becomes customers, in one transaction or, in a dry run, not at all."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from taproot_base.errors import AppError
from taproot_base.ids import new_id
from taproot_chassis.placement import Place
from taproot_custom import catalogue
from taproot_custom.keeping import Kept, keep
from taproot_customer.customers import messages as customers
from taproot_customer.customers.model import Customer
from taproot_customer.imports import queries
from taproot_customer.imports.preparing import blank_columns, place_payload, placed_payload
from taproot_customer.imports.rows import OWN_KEY, ParsedRow
from taproot_customer.merging.survivorship import united
from taproot_storage.database import UnitOfWork
from taproot_storage.eventlog import LogEntry
from taproot_storage.idempotency import lock_key
from taproot_storage.updates import merge_patch

CREATED, UPDATED, SKIPPED, REJECTED = "created", "updated", "skipped", "rejected"
Key = tuple[str, str]
UPDATING = ("update", "update_only")
_KEPT = frozenset({"kind", "source"})
_STRONG = frozenset({"external", "tax_number", OWN_KEY})
_NO_SYSTEMS: set[str] = set()


@dataclass(frozen=True)
class Outcome:
    row: ParsedRow
    result: str
    customer_id: uuid.UUID | None = None
    reasons: tuple[str, ...] = ()


@dataclass
class Chunk:
    """State of one chunk. `place`: where new customers belong. `dry`: nothing is written."""

    import_id: uuid.UUID
    place: Place
    policy: str
    dry: bool
    work: UnitOfWork
    owners: dict[Key, list[uuid.UUID]] = field(default_factory=dict)
    systems: dict[uuid.UUID, set[str]] = field(default_factory=dict)
    """Systems of which a customer has a key."""
    barred: dict[uuid.UUID, str] = field(default_factory=dict)
    known: dict[uuid.UUID, Customer] = field(default_factory=dict)
    created: dict[uuid.UUID, dict[str, Any]] = field(default_factory=dict)
    common: bytes = b""
    changes: dict[uuid.UUID, dict[str, Any]] = field(default_factory=dict)
    new_keys: list[dict[str, Any]] = field(default_factory=list)
    events: list[LogEntry] = field(default_factory=list)

    async def write(self, rows: Sequence[ParsedRow]) -> list[Outcome]:
        keys = list({key for row in rows for key in row.keys})
        if not self.dry:
            await queries.lock_keys(self.work, [lock_key("customer", *key) for key in keys])
        await self._look_up(keys)
        outcomes = [self._take(row) for row in rows]
        await self._store()
        return outcomes

    async def _look_up(self, keys: Sequence[Key]) -> None:
        for match in await queries.match_keys(self.work, keys):
            owner = match["customer_id"]
            self._belongs((match["kind"], match["normal"]), owner)
            if match["deleted"]:
                self.barred[owner] = "belongs to a customer in the recycle bin"
            elif not match["visible"]:
                self.barred[owner] = "belongs to a customer of another branch"
        for known in await queries.own_customers(self.work, [k for kind, k in keys if kind == OWN_KEY]):
            self._belongs((OWN_KEY, str(known)), known)
        if self.dry:
            for tried in await queries.tried_keys(self.work, self.import_id, keys):
                self._belongs((tried["kind"], tried["normal"]), tried["customer_id"])
        everybody = {owner for owners in self.owners.values() for owner in owners}
        for owner, normal in await queries.external_keys(self.work, self.import_id, sorted(everybody)):
            self.systems.setdefault(owner, set()).add(system_of(normal))
        wanted = everybody - set(self.barred)
        if self.policy in UPDATING and wanted:
            found = await self.work.scalars(queries.customers_for_update(sorted(wanted)))
            self.known = {customer.id: customer for customer in found}

    def _belongs(self, key: Key, owner: uuid.UUID) -> None:
        owners = self.owners.setdefault(key, [])
        if owner not in owners:
            owners.append(owner)

    def _owners_of(self, row: ParsedRow) -> set[uuid.UUID]:
        """Whose row it is. Keys that only one customer can have decide before numbers that people share.

        A customer whom the row's own system knows by another key is another one, whatever number they share.
        """
        strong = {owner for key in row.keys if key[0] in _STRONG for owner in self.owners.get(key, ())}
        if strong:
            return strong
        theirs = {system_of(normal) for kind, normal in row.keys if kind == "external"}
        shared = {owner for key in row.keys for owner in self.owners.get(key, ())}
        return {owner for owner in shared if not theirs & self.systems.get(owner, _NO_SYSTEMS)}

    def _take(self, row: ParsedRow) -> Outcome:
        if row.reasons:
            return Outcome(row, REJECTED, reasons=row.reasons)
        if row.blank:
            return Outcome(row, SKIPPED)
        owners = self._owners_of(row)
        if not owners and self.policy == "update_only":
            return Outcome(row, REJECTED, reasons=("no customer has one of its identifiers",))
        if not owners:
            return self._create(row)
        if len(owners) > 1:
            return Outcome(row, REJECTED, reasons=("its identifiers belong to different customers",))
        return self._match(row, owners.pop())

    def _match(self, row: ParsedRow, owner: uuid.UUID) -> Outcome:
        if owner in self.barred:
            return Outcome(row, REJECTED, reasons=(f"an identifier {self.barred[owner]}",))
        if self.policy == "reject":
            return Outcome(row, REJECTED, owner, ("a customer with this identifier exists",))
        if self.policy == "skip":
            return Outcome(row, SKIPPED, owner)
        if owner in self.created:
            return self._update_new(row, self.created[owner])
        if owner not in self.known:  # met only in this dry run, in an earlier chunk
            return Outcome(row, UPDATED, owner)
        return self._update(row, self.known[owner])

    def _create(self, row: ParsedRow) -> Outcome:
        if missing := catalogue.known().missing("customer", row.columns.get("custom", {}), "custom"):
            return Outcome(row, REJECTED, reasons=tuple(f"{v.field} {v.description}" for v in missing))
        key, now = new_id(), self.work.clock.now()
        columns = {
            **blank_columns(),
            **row.columns,
            **self.place.__dict__,
            "id": key,
            "create_time": now,
            "update_time": now,
        }
        self.created[key] = columns
        self._remember(key, row.line, CREATED, 1, {}, {})
        self.common = self.common or place_payload(self.place, now)
        self._note("customer.created", columns, placed_payload(row.payload, self.common, key, 1))
        self._own(row.keys, key)
        return Outcome(row, CREATED, key)

    def _update_new(self, row: ParsedRow, columns: dict[str, Any]) -> Outcome:
        """A second row about a customer of this very chunk."""
        customer = Customer(**columns)
        outcome = self._update(row, customer)
        for recorded in customer.recorded:
            columns.update({name: getattr(customer, name) for name in columns})
            payload = customers.to_event(customer, recorded).SerializeToString()
            self._note(recorded.type, columns, payload)
        return outcome

    def _update(self, row: ParsedRow, customer: Customer) -> Outcome:
        values = merged_values(row.fields, customer)
        before = customer.version
        changed = {name for name, value in values.items() if getattr(customer, name) != value}
        stored = {name: plain(getattr(customer, name)) for name in changed}
        try:
            if self.dry:
                return Outcome(row, UPDATED if changed else SKIPPED, customer.id)
            customer.change(values, self.work.clock.now())
        except AppError as error:
            return Outcome(row, REJECTED, customer.id, (error.message,))
        self._own([key for key in row.keys if customer.id not in self.owners.get(key, ())], customer.id)
        if customer.version == before:
            return Outcome(row, SKIPPED, customer.id)
        after = {name: plain(values[name]) for name in changed}
        self._remember(customer.id, row.line, UPDATED, customer.version, stored, after)
        return Outcome(row, UPDATED, customer.id)

    def _remember(
        self, key: uuid.UUID, line: int, result: str, version: int, before: Any, after: Any
    ) -> None:
        """One entry for each customer, however many rows are about it."""
        known = self.changes.get(key)
        if known is None:
            known = {"line": line, "result": result, "before": before, "after": after}
            self.changes[key] = known | {"import_id": self.import_id, "customer_id": key, "version": version}
            return
        known["version"] = version
        if known["result"] == UPDATED:
            known["before"] = before | known["before"]
            known["after"] = known["after"] | after

    def _own(self, keys: Sequence[Key], owner: uuid.UUID) -> None:
        for kind, normal in keys:
            self._belongs((kind, normal), owner)
            if kind == OWN_KEY:
                continue
            if kind == "external":
                self.systems.setdefault(owner, set()).add(system_of(normal))
            self.new_keys.append({"customer_id": owner, "kind": kind, "normal": normal})

    def _note(self, event_type: str, columns: Mapping[str, Any], payload: bytes) -> None:
        self.events.append(
            LogEntry(
                type=event_type,
                aggregate_id=columns["id"],
                version=columns["version"],
                payload=payload,
                party_id=columns["id"],
                branch_path=columns["branch_path"],
                owner_id=columns["owner_id"],
            )
        )

    async def _store(self) -> None:
        if self.dry:
            await queries.try_keys(self.work, [row | {"import_id": self.import_id} for row in self.new_keys])
            return
        await queries.add_customers(self.work, list(self.created.values()))
        await queries.add_keys(self.work, self.new_keys)
        await keep(
            self.work, [Kept("customer", key, made["custom"], new=True) for key, made in self.created.items()]
        )
        await queries.add_changes(self.work, list(self.changes.values()))
        assert self.work.database.log is not None
        await self.work.database.log.append(self.work, self.events)


def system_of(normal: str) -> str:
    """Of an external key."""
    return normal.partition(":")[0]


def plain(value: Any) -> Any:
    """As JSON can hold it."""
    if isinstance(value, uuid.UUID):
        return str(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def merged_values(given: Mapping[str, Any], customer: Customer) -> dict[str, Any]:
    """What a row says replaces what is stored; identifiers, addresses and tags are added, custom fields merged."""
    values = {name: value for name, value in given.items() if name not in _KEPT}
    for name in ("identifiers", "addresses", "tags"):
        if name in values:
            values[name] = united(name, [getattr(customer, name), values[name]])
    if "custom" in values:
        values["custom"] = merge_patch(customer.custom, values["custom"])
    return values
