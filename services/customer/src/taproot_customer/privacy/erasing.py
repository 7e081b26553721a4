"""Erases one person in every service, one after the other, whatever dies meanwhile.

Each service's step is one transaction there and answers the same when it is asked again, so this may be killed
anywhere and goes on where its own record says it was.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any

from taproot.customer.v1 import privacy_pb2
from taproot.operations.v1 import personal_data_service_pb2 as pb
from taproot_base import telemetry
from taproot_base.errors import AppError, NotFound
from taproot_chassis.bus import Bus
from taproot_chassis.operations import Run
from taproot_customer.privacy import messages, queries, receipts
from taproot_customer.privacy.asking import Everyone
from taproot_customer.privacy.model import RUNNING, SERVICES, Erasure
from taproot_records.privacy import memory
from taproot_records.privacy.holdings import Person
from taproot_storage import erased
from taproot_storage.database import Database, UnitOfWork

PAUSE_SECONDS = 1.0
STEPS = 2 * len(SERVICES)


@dataclass(frozen=True)
class EraseRunner:
    """Handler of the operation `erasure`."""

    database: Database
    bus: Bus
    everyone: Everyone
    sign: receipts.Sign

    async def __call__(self, run: Run) -> privacy_pb2.Erasure:
        key = uuid.UUID(run.resource_id)
        found = await self._read(key)
        if found.state == RUNNING:
            person = await self._person(key, found)
            await self._tell(key, person)
            done = len(found.done_services)
            for service in [one for one in SERVICES if one not in found.done_services]:
                await self._step(key, service, person, again=False)
                done += 1
                await self._progress(run, done)
            person = person.without_words()
            for service in SERVICES:  # what came in while the others erased
                await self._step(key, service, person, again=True)
                done += 1
                await self._progress(run, done)
            await self._complete(key)
        return messages.to_message(await self._read(key))

    async def _read(self, key: uuid.UUID) -> Erasure:
        async with self.database.unit() as work:
            return await _load(key, work)

    async def _person(self, key: uuid.UUID, found: Erasure) -> Person:
        """Found once and kept, since afterwards nobody knows any more."""
        if found.person:
            return Person.of(pb.Person(**found.person))
        person = await self._find(key, Person(frozenset([found.customer_id])))
        hashes = [erased.hash_of(one).hex() for one in person.keys]
        async with self.database.unit() as work:
            known = messages.to_json(person.message())
            (await _load(key, work)).know(known, hashes, work.clock.now())
        return person

    async def _find(self, key: uuid.UUID, person: Person) -> Person:
        found: Person
        found, _open = await self._insist(key, "all", lambda: self.everyone.find(person))
        return found

    async def _tell(self, key: uuid.UUID, person: Person) -> None:
        """To the list that outlives every backup, before anything is erased."""
        hashes = [erased.hash_of(one) for one in person.keys]
        await self._insist(key, "nats", lambda: memory.publish(self.bus, key, hashes))

    async def _step(self, key: uuid.UUID, service: str, person: Person, *, again: bool) -> None:
        request = pb.ErasePersonalDataRequest(erasure_id=str(key), person=person.message(), again=again)
        report = await self._insist(key, service, lambda: self.everyone.erase(service, request))
        async with self.database.unit() as work:
            (await _load(key, work)).note(service, messages.to_json(report), work.clock.now())

    async def _progress(self, run: Run, done: int) -> None:
        async with self.database.unit() as work:
            await run.progress(done, STEPS, work)

    async def _insist(self, key: uuid.UUID, service: str, call: Any) -> Any:
        """Until it answers; meanwhile the erasure says who is missing."""
        told = False
        while True:
            try:
                return await call()
            except (AppError, OSError, TimeoutError) as error:
                telemetry.logger.warning("erasure_waits", service=service, error=type(error).__name__)
            if not told and service:
                async with self.database.unit() as work:
                    (await _load(key, work)).wait_for(service, work.clock.now())
                told = True
            await asyncio.sleep(PAUSE_SECONDS)

    async def _complete(self, key: uuid.UUID) -> None:
        async with self.database.unit() as work:
            found = await _load(key, work)
            now = work.clock.now()
            found.complete(receipts.signed(found, now, self.sign), now)


async def _load(key: uuid.UUID, work: UnitOfWork) -> Erasure:
    found: Erasure | None = await work.scalar(queries.for_run(key))
    if found is None:
        raise NotFound("erasure", key)
    return found
