"""Leases and long work: one runner, taken over when it dies, resumed where it was."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest
import pytest_asyncio
from boxes import plain
from google.longrunning.operations_proto_pb2 import Operation
from google.protobuf.wrappers_pb2 import StringValue

from taproot_base.access import AccessDirectory
from taproot_base.auth import Principal
from taproot_base.context import Call, calling
from taproot_base.errors import NotFound, Unavailable, WrongState
from taproot_chassis import operations
from taproot_chassis.leases import Leases


async def start_one(database, kind: str = "count", **parameters) -> uuid.UUID:
    async with database.unit() as work:
        return await operations.start(work, kind, "r1", parameters, total=3)


async def read(database, key: uuid.UUID) -> Operation:
    async with database.reading() as reader:
        return await operations.get(reader, "test", f"operations/test/{key}")


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def only_mine(database):
    await plain(database, "UPDATE operations SET state = 'done' WHERE state IN ('pending', 'running')")


class TestLeases:
    async def test_one_of_two_runs_and_the_other_takes_over(self, database):
        running: list[str] = []

        def work(name: str):
            async def run() -> None:
                running.append(name)
                try:
                    await asyncio.Event().wait()
                finally:
                    running.remove(name)

            return run

        first, second = Leases(database), Leases(database)
        tasks = {
            name: asyncio.ensure_future(lease.run("only", work(name)))
            for name, lease in (("a", first), ("b", second))
        }
        await asyncio.sleep(2.5)
        assert len(running) == 1
        holder = first if running == ["a"] else second
        other = "b" if running == ["a"] else "a"
        key = await holder._connection.fetchval("SELECT pg_backend_pid()")
        tasks.pop(running[0]).cancel()
        await plain(database, "SELECT pg_terminate_backend($1)", key)
        await asyncio.sleep(3.5)
        assert running == [other]
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        await first.close()
        await second.close()

    async def test_losing_the_session_stops_the_work(self, database):
        stopped = asyncio.Event()

        async def run() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        leases = Leases(database)
        task = asyncio.ensure_future(leases.run("lost", run))
        await asyncio.sleep(0.5)
        key = await leases._connection.fetchval("SELECT pg_backend_pid()")
        await plain(database, "SELECT pg_terminate_backend($1)", key)
        await asyncio.wait_for(stopped.wait(), 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await leases.close()


def _unasked(plain_init):
    """A run that was not yet told of its cancellation: only the heartbeat can tell it."""

    def init(self, row, database):
        plain_init(self, row, database)
        self.cancel_requested = False

    return init


class TestOperations:
    async def test_runs_and_answers(self, database, as_system):
        async def handler(run: operations.Run) -> StringValue:
            async with database.unit() as work:
                await run.progress(3, 3, work)
            return StringValue(value=run.parameters["say"])

        key = await start_one(database, say="done")
        assert not (await read(database, key)).done
        runner = operations.OperationRunner(database, as_system.directory, {"count": handler})
        assert await runner.run_one()
        answer = await read(database, key)
        value = StringValue()
        assert answer.done
        assert answer.response.Unpack(value)
        assert value.value == "done"
        assert not await runner.run_one()

    async def test_is_resumed_by_another_when_its_runner_died(self, database, as_system, monkeypatch):
        started: list[int] = []

        async def handler(run: operations.Run) -> StringValue:
            started.append(1)
            if len(started) == 1:
                await asyncio.Event().wait()
            return StringValue(value="second")

        key = await start_one(database)
        runner = operations.OperationRunner(database, as_system.directory, {"count": handler})
        monkeypatch.setattr(operations, "LEASE", timedelta(seconds=0.5))
        dying = asyncio.ensure_future(runner.run_one())
        await asyncio.sleep(0.2)
        assert not await runner.run_one()  # leased
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        await asyncio.sleep(0.5)
        assert await runner.run_one()
        assert (await read(database, key)).done

    async def test_stops_at_a_safe_point_when_cancelled(self, database, as_system, monkeypatch):
        monkeypatch.setattr(operations, "HEARTBEAT_SECONDS", 0.05)

        async def handler(run: operations.Run) -> StringValue:
            while True:
                await asyncio.sleep(0.02)
                run.stop_if_cancelled()

        key = await start_one(database)
        runner = operations.OperationRunner(database, as_system.directory, {"count": handler})
        task = asyncio.ensure_future(runner.run_one())
        await asyncio.sleep(0.1)
        async with database.unit() as work:
            await operations.cancel(work, "test", f"operations/test/{key}")
        await asyncio.wait_for(task, 5)
        assert (await read(database, key)).error.message == "the operation was cancelled"
        with pytest.raises(WrongState):
            async with database.unit() as work:
                await operations.cancel(work, "test", f"operations/test/{key}")

    @pytest.mark.parametrize(
        "failure",
        [Unavailable("the database went away"), ConnectionResetError()],
        ids=["unavailable", "reset"],
    )
    async def test_goes_on_after_an_infrastructure_failure(self, database, as_system, monkeypatch, failure):
        monkeypatch.setattr(operations, "AGAIN", timedelta(0))
        failures = [failure]

        async def handler(_run: operations.Run) -> StringValue:
            if failures:
                raise failures.pop()
            return StringValue(value="well")

        key = await start_one(database)
        runner = operations.OperationRunner(database, as_system.directory, {"count": handler})
        assert await runner.run_one()
        assert not (await read(database, key)).done
        assert await runner.run_one()
        answer = await read(database, key)
        assert answer.done
        assert not answer.HasField("error")

    async def test_the_heartbeat_outlives_a_failure(self, database, as_system, monkeypatch):
        monkeypatch.setattr(operations, "HEARTBEAT_SECONDS", 0.01)
        beats: list[int] = []
        unit = database.unit

        def failing(locks=()):
            beats.append(1)
            if len(beats) in (2, 3):  # the first one claims
                raise Unavailable("the database went away")
            return unit(locks)

        async def handler(run: operations.Run) -> StringValue:
            async with asyncio.timeout(5):
                while not run.cancel_requested:
                    await asyncio.sleep(0.01)
            return StringValue(value="heard")

        key = await start_one(database)
        async with unit() as work:
            await operations.cancel(work, "test", f"operations/test/{key}")
        monkeypatch.setattr(database, "unit", failing)
        runner = operations.OperationRunner(database, as_system.directory, {"count": handler})
        monkeypatch.setattr(operations.Run, "__init__", _unasked(operations.Run.__init__))
        assert await runner.run_one()
        monkeypatch.undo()
        assert (await read(database, key)).done

    async def test_a_defect_is_told_without_its_details(self, database, as_system):
        async def handler(_run: operations.Run) -> StringValue:
            raise ValueError("secret")

        key = await start_one(database)
        await operations.OperationRunner(database, as_system.directory, {"count": handler}).run_one()
        assert "secret" not in str(await read(database, key))

    async def test_nobody_reads_the_operation_of_another(self, database, as_system):
        key = await start_one(database)
        with calling(Call(Principal.service("other"), AccessDirectory())), pytest.raises(NotFound):
            await read(database, key)

    async def test_fails_when_who_asked_is_no_longer_active(self, database, as_system):
        principal = Principal(str(uuid.uuid4()), "user")
        with calling(Call(principal, as_system.directory)):
            key = await start_one(database)
            runner = operations.OperationRunner(database, as_system.directory, {"count": _never})
            await runner.run_one()
            assert "no longer active" in (await read(database, key)).error.message


async def _never(_run: operations.Run) -> StringValue:
    raise AssertionError("must not run")
