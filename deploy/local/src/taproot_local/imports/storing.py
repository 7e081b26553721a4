"""Puts bodies into a resource: creates what is new, updates what differs, leaves the rest."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from taproot_local.api import ApiError, Client, Json, in_parallel
from taproot_local.imports.report import StepReport
from taproot_local.imports.rows import Row
from taproot_local.imports.targets import Target, differing

WIDTH = 8
SETTLE_SECONDS = 30.0
PAUSE = 0.5
_REFERENCE = re.compile(r"_ids?\b")
_PART = re.compile(r"requests\[(\d+)\]\.?(.*)")


@dataclass(frozen=True)
class Entry:
    """One row with its request body."""

    row: Row
    body: Json


class Store:
    """Writes the rows of one step, or only counts them when `dry`. `stored`: records by id, as found before the first write."""

    def __init__(self, client: Client, target: Target, report: StepReport, *, dry: bool = False) -> None:
        self._dry = dry
        self._client = client
        self._target = target
        self._report = report
        self._settled_until = time.monotonic() + SETTLE_SECONDS
        self.ids: dict[str, str] = {}
        """Chosen id -> id under which the record is stored, where they differ."""
        self.refused: set[str] = set()
        """Chosen ids of rows that were rejected."""

    async def existing(self, query: str) -> dict[str, Json]:
        params = {"filter": query} if query else {}
        return {one["id"]: one async for one in self._client.pages(self._target.path, **params)}

    async def put(self, entries: Sequence[Entry], stored: dict[str, Json]) -> None:
        fresh = [entry for entry in entries if entry.body["id"] not in stored]
        known = [entry for entry in entries if entry.body["id"] in stored]
        await in_parallel([self._job(entry, stored[entry.body["id"]]) for entry in known], WIDTH)
        if self._dry:
            self._report.created += len(fresh)
            return
        size = self._target.batch
        if not size:
            # Those that refer to one another come in order, so the first of each wave is not behind the last.
            await self._singles(fresh)
            return
        for start in range(0, len(fresh), size):
            await self._batch(fresh[start : start + size])

    async def _singles(self, entries: Sequence[Entry]) -> None:
        wave: list[Entry] = []
        ids: set[str] = set()
        for entry in entries:
            if ids & set(_references(entry.body)):
                await self._wave(wave)
                wave, ids = [], set()
            wave.append(entry)
            ids.add(entry.body["id"])
        await self._wave(wave)

    async def _wave(self, entries: Sequence[Entry]) -> None:
        await in_parallel([self._job(entry, None) for entry in entries], WIDTH)

    def _job(self, entry: Entry, stored: Json | None) -> Any:
        return lambda: self._create(entry) if stored is None else self._update(entry, stored)

    async def _create(self, entry: Entry) -> None:
        try:
            await self._settling(lambda: self._client.post(self._target.path, entry.body))
        except ApiError as error:
            known = error.metadata.get("customer_id") if error.reason == "CUSTOMER_EXISTS" else None
            if known is None:
                self._reject(entry, error)
            else:
                self._adopt(entry, str(known))
        else:
            self._report.created += 1

    def _adopt(self, entry: Entry, known: str) -> None:
        """Somebody with the same telephone number or address is a customer already: that is the record."""
        self.ids[entry.body["id"]] = known
        self._report.warn(
            entry.row, "identifiers", "belong to a customer that exists: the row was left to it"
        )
        self._report.skipped["belongs to a customer that exists"] += 1

    async def _update(self, entry: Entry, stored: Json) -> None:
        changed = differing(entry.body, stored)
        for name in [name for name in changed if name in self._target.fixed]:
            changed.remove(name)
            self._report.warn(
                entry.row, name, f"{name} has changed in the file and cannot be changed by an import"
            )
        if not changed:
            self._report.unchanged += 1
            return
        if self._dry:
            self._report.updated += 1
            return
        try:
            body = {name: entry.body[name] for name in changed}
            await self._client.patch(f"{self._target.path}/{entry.body['id']}", body)
        except ApiError as error:
            self._reject(entry, error)
        else:
            self._report.updated += 1

    async def _batch(self, entries: Sequence[Entry]) -> None:
        """All or none: the rows named in a refusal are taken out and the others sent again."""
        while entries:
            try:
                answer = await self._settling(partial(self._send, entries))
            except ApiError as error:
                entries = await self._without_refused(entries, error)
                continue
            entries = await self._taken(entries, answer)

    async def _send(self, entries: Sequence[Entry]) -> Json:
        body: Json = {"requests": [{self._target.single: entry.body} for entry in entries]}
        if self._target.partial:
            body["partial"] = True
        return await self._client.post(f"{self._target.path}:batchCreate", body)

    async def _without_refused(self, entries: Sequence[Entry], error: ApiError) -> Sequence[Entry]:
        if error.is_no_fault_of_the_request:
            raise error
        refused: dict[int, list[str]] = {}
        for one in error.violations:
            match = _PART.fullmatch(one.field)
            if match:
                path = match.group(2).removeprefix(f"{self._target.single}.")
                refused.setdefault(int(match.group(1)), []).append(f"{path} {one.description}")
        if not refused:
            await self._wave(entries)
            return []
        for number, reasons in refused.items():
            self._refuse(entries[number], reasons)
        return [entry for number, entry in enumerate(entries) if number not in refused]

    async def _taken(self, entries: Sequence[Entry], answer: Json) -> Sequence[Entry]:
        """Counts what was created or refused; returns what is worth another try."""
        results = answer.get("results") or [{}] * len(entries)
        again: list[Entry] = []
        for entry, result in zip(entries, results, strict=True):
            error = str(result.get("error", {}).get("message", "refused")) if "error" in result else ""
            known = _exists_as(result)
            if not error:
                self._report.created += 1
            elif known:
                self._adopt(entry, known)
            elif _REFERENCE.search(error) and time.monotonic() < self._settled_until:
                again.append(entry)
            else:
                self._refuse(entry, [error])
        if again:
            await asyncio.sleep(PAUSE)
        return again

    def _reject(self, entry: Entry, error: ApiError) -> None:
        if error.is_no_fault_of_the_request:
            raise error
        reasons = [f"{one.field} {one.description}" for one in error.violations]
        self._refuse(entry, reasons or [error.detail or error.reason])

    def _refuse(self, entry: Entry, reasons: list[str]) -> None:
        self._report.rejected.append((entry.row, reasons))
        self.refused.add(entry.body["id"])

    async def _settling(self, act: Any) -> Any:
        """Services learn of users and customers by events: for a while, an unknown one may only be a fresh one."""
        while True:
            try:
                return await act()
            except ApiError as error:
                unknown = any(one.field.endswith(("_id", "_ids")) for one in error.violations)
                if not unknown or time.monotonic() > self._settled_until:
                    raise
            await asyncio.sleep(PAUSE)


def _exists_as(result: Json) -> str:
    """The customer that a part of a batch was refused for, when it may be seen."""
    for detail in result.get("error", {}).get("details", []):
        if detail.get("reason") == "CUSTOMER_EXISTS":
            return str(detail.get("metadata", {}).get("customer_id", ""))
    return ""


def _references(body: Json) -> list[str]:
    return [value for name, value in body.items() if name.endswith("_id") and isinstance(value, str)]
