"""gRPC of what a service holds about a person, and the same work for an operator after a restore."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from sqlalchemy import ARRAY, LargeBinary, Uuid, any_, literal, select, union

from taproot.operations.v1 import personal_data_service_pb2 as pb
from taproot_base.errors import Unavailable
from taproot_base.ids import new_id
from taproot_chassis.consumers import Subscription
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_records.privacy import collecting, erasing, memory, streams
from taproot_records.privacy.erasing import Step
from taproot_records.privacy.holdings import Holdings, Person, within
from taproot_storage import erased
from taproot_storage.database import UnitOfWork
from taproot_storage.idempotency import lock_key
from taproot_storage.schema import event_log, identity_users

SERVICE = "taproot.operations.v1.PersonalDataService"
PUBLISHED_SECONDS = 10.0


class PersonalDataServicer(Servicer):
    """`subscriptions`: all of the service. While it erases none of them applies an event."""

    def __init__(
        self, runtime: Runtime[Any], holdings: Holdings, subscriptions: Sequence[Subscription]
    ) -> None:
        super().__init__(runtime.database)
        self._bus = runtime.bus
        self._blobs = runtime.blobs
        self._holdings = holdings
        names = [*(one.consumer for one in subscriptions), "identities:identity"]
        self._locks = [lock_key("consumer", name) for name in names]

    async def FindPersonalData(
        self, request: pb.FindPersonalDataRequest, _context: Any
    ) -> pb.FindPersonalDataResponse:
        person = Person.of(request.person)
        async with self.database.reading() as reader:
            records = await erasing.subject_keys(self._holdings, person, reader)
            found = await self._holdings.find(reader, person) | Person(record_ids=records)
            obstacles = await self._holdings.obstacles(reader, person)
        return pb.FindPersonalDataResponse(person=found.message(), obstacles=obstacles)

    async def CollectPersonalData(
        self, request: pb.CollectPersonalDataRequest, _context: Any
    ) -> AsyncIterator[pb.CollectPersonalDataResponse]:
        async with self.database.reading() as reader:
            async for one in collecting.collect(self._holdings, Person.of(request.person), reader):
                yield one

    async def ErasePersonalData(
        self, request: pb.ErasePersonalDataRequest, _context: Any
    ) -> pb.ErasePersonalDataResponse:
        person, erasure = Person.of(request.person), uuid.UUID(request.erasure_id)
        if request.validate_only:
            return await self._preview(person)
        step = await self._erase(erasure, person, again=request.again)
        return await self._finish(erasure, person, step)

    async def _preview(self, person: Person) -> pb.ErasePersonalDataResponse:
        async with self.database.unit() as work:
            step = await erasing.erase(self._holdings, person, work, self._blobs)
            await work.abandon()
        return step.report

    async def _erase(self, erasure: uuid.UUID, person: Person, *, again: bool) -> Step:
        async with self.database.unit(self._locks) as work:
            before = await erasing.earlier(work, erasure)
            if before is not None and not again:
                return before
            step = await erasing.erase(self._holdings, person, work, self._blobs)
            if before is not None:
                step = _united(before, step)
                await erasing.forget_step(work, erasure)
            await erasing.keep(work, erasure, step)
        return step

    async def _finish(self, erasure: uuid.UUID, person: Person, step: Step) -> pb.ErasePersonalDataResponse:
        """What no transaction holds: files and messages. Done anew by a repeat, until it is done."""
        for key in step.files:
            await self._blobs.delete(key)
        await self._wait_for_relay(person, step)
        count = await streams.forget(self._bus, self._holdings.service, step.keys, person.party_ids)
        if count:
            step.report.message_count += count
            async with self.database.unit() as work:
                await erasing.keep_report(work, erasure, step.report)
        return step.report

    async def _wait_for_relay(self, person: Person, step: Step) -> None:
        """What the relay had read before the rewriting is still on its way into the stream."""
        for _ in range(int(PUBLISHED_SECONDS / 0.1)):
            async with self.database.reading() as reader:
                if not await erasing.unpublished(step.keys, person, reader):
                    return
            await asyncio.sleep(0.1)
        raise Unavailable("events about the person wait to be published; repeat later")

    async def operate(self, verb: str, listed: str) -> str:
        """An operator's command: `list` answers the hashes, `apply` erases again whom all lists name."""
        async with self.database.reading() as reader:
            known = await erased.known(reader)
        if verb == "list":
            return "\n".join(f"{one.hex()}  {at.isoformat()}" for one, at in known)
        hashes = {one for one, _ in known} | await memory.read(self._bus) | memory.parsed(listed)
        count = await self.apply(hashes)
        return f"{len(hashes)} hashes known, {count} of them met and erased again"

    async def apply(self, hashes: Iterable[bytes]) -> int:
        """After a restore: erase again whom these hashes name and this database still knows; how many those are."""
        wanted = sorted(set(hashes))
        async with self.database.unit(self._locks) as work:
            person = await self._named(wanted, work)
        if not person.keys:
            async with self.database.unit() as work:
                await erased.remember(work, wanted, work.clock.now())
            return 0
        erasure = new_id()
        step = await self._erase(erasure, person, again=False)
        await self._finish(erasure, person, step)
        async with self.database.unit() as work:
            await erased.remember(work, wanted, work.clock.now())
        return len(person.keys)

    async def _named(self, hashes: list[bytes], work: UnitOfWork) -> Person:
        """Ids this database knows whose hashes are among these."""
        among = any_(literal(hashes, ARRAY(LargeBinary())))
        log = event_log.c
        users = await work.fetch(
            select(identity_users.c.id).where(erased.hash_in_sql(identity_users.c.id) == among)
        )
        parties = await work.fetch(
            select(log.party_id).distinct().where(erased.hash_in_sql(log.party_id) == among)
        )
        columns = [column for one in self._holdings.held for column in one.table.c if _names_somebody(column)]
        records = await work.fetch(
            union(
                select(log.aggregate_id).where(erased.hash_in_sql(log.aggregate_id) == among),
                *(
                    select(column).where(erased.hash_in_sql(column) == among, within(column.table))
                    for column in columns
                ),
            )
        )
        keys = frozenset(row[0] for row in records)
        # An id of either kind is harmless among the others: ids are never shared.
        return Person(keys | {row[0] for row in parties}, keys | {row[0] for row in users}, keys)


def _names_somebody(column: Any) -> bool:
    return isinstance(column.type, Uuid)


def _united(before: Step, after: Step) -> Step:
    """The counts of both."""
    report = pb.ErasePersonalDataResponse()
    report.CopyFrom(before.report)
    known = {one.table: one for one in report.tables}
    for one in after.report.tables:
        if one.table in known:
            known[one.table].deleted_count += one.deleted_count
        else:
            report.tables.append(one)
    report.event_count = max(before.report.event_count, after.report.event_count)
    report.file_count += after.report.file_count
    return Step(report, before.keys | after.keys, sorted({*before.files, *after.files}))
