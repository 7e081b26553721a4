"""Carries a schedule out against a running suite, and puts everything right again at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import asyncpg
import nats
import psutil
from nats.errors import Error as NatsError

from chaoskit.clocks import Clocks
from chaoskit.disks import Disk
from chaoskit.links import Link
from chaoskit.mail import MailServer
from chaoskit.schedule import PEERS, SERVICES, Fault
from taproot_local.suite import Suite

BUS_SECONDS = 8.0
REPEATED = 30
CROWD = 600
RECOVERY_SECONDS = 30.0
POISONED_TYPE = {"customer": "customer.updated", "sales": "order.confirmed", "servicedesk": "ticket.resolved", "marketing": "form.submitted"}  # fmt: skip
UNKNOWN_NAME = "frobnicated"


@dataclass
class Poison:
    """Ids of what was made up: dead letters may name these and no other."""

    events: set[str] = field(default_factory=set)
    aggregates: set[str] = field(default_factory=set)
    count: int = 0


class Injector:
    def __init__(
        self,
        suite: Suite,
        links: dict[str, Link],
        mail: MailServer,
        burst: Callable[[], Awaitable[None]],
        seed: int,
        disk: Disk,
        clocks: Clocks,
    ) -> None:
        self._disk = disk
        self._clocks = clocks
        self._suite = suite
        self._links = links
        self._post_office = mail
        self._burst_traffic = burst
        self._random = Random(seed * 31 + 7)
        self._frozen: set[int] = set()
        self._one_clock = asyncio.Lock()
        self.poison = Poison()
        self.done: list[dict[str, Any]] = []
        self.shuffled = 0
        self.repeated = 0

    async def run(self, faults: list[Fault], say: Callable[[str], None]) -> None:
        begun = time.monotonic()
        going = []
        for fault in faults:
            await asyncio.sleep(max(0.0, begun + fault.at - time.monotonic()))
            say(str(fault))
            going.append(asyncio.ensure_future(self._inject(fault)))
        await asyncio.gather(*going)
        self.heal()

    def heal(self) -> None:
        """Links whole, nobody frozen, room on the disk, clocks right, the mail server friendly."""
        for link in self._links.values():
            link.heal()
        self._thaw([*self._frozen])
        self._disk.free()
        self._clocks.heal()
        self._post_office.mood = ""

    async def _inject(self, fault: Fault) -> None:
        act = getattr(self, f"_{fault.kind.replace('-', '_')}")
        started, skipped = time.time(), ""
        try:
            await act(fault)
        except (OSError, TimeoutError, NatsError, asyncpg.PostgresError, psutil.Error) as error:
            skipped = f"{type(error).__name__}: {error}"  # its victim was away already
        self.done.append(fault.record() | {"time": started, "until": time.time(), "skipped": skipped})

    # ------------------------------------------------------------ processes

    async def _kill(self, fault: Fault) -> None:
        await self._recovered(fault.target, self._suite.kill(fault.target).pid)

    async def _recovered(self, name: str, before: int) -> None:
        """It lasts until somebody listens there again: that long the others go without."""
        ports, deadline = self._suite.state["ports"], time.monotonic() + RECOVERY_SECONDS
        port = ports.get(name) or ports[f"{name}.grpc"]
        while time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            with suppress(OSError, ValueError, TimeoutError):
                if self._suite.process(name).pid != before:
                    _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 1)
                    writer.close()
                    return

    async def _kill_backend(self, _fault: Fault) -> None:
        """One connection's server process: PostgreSQL then ends them all and recovers as after a crash."""
        master = psutil.Process(self._suite.process("postgres").pid)
        backends = [one for one in master.children() if "_app" in " ".join(one.cmdline())]
        if backends:
            self._random.choice(backends).kill()
            await self._accepting()

    async def _accepting(self) -> None:
        url, deadline = self._suite.state["services"]["sales"]["app_url"], time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < deadline:
            with suppress(asyncpg.PostgresError, OSError, TimeoutError):
                await (await asyncpg.connect(url, timeout=3)).close()
                return
            await asyncio.sleep(0.1)

    async def _restart(self, fault: Fault) -> None:
        numbers = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "": signal.SIGTERM}
        process = self._suite.process(fault.target)
        process.send(numbers[fault.detail])
        await self._recovered(fault.target, process.pid)

    async def _freeze(self, fault: Fault) -> None:
        stopped = self._stop(fault.target)
        await asyncio.sleep(fault.seconds)
        self._thaw(stopped)

    def _stop(self, name: str) -> list[int]:
        main = psutil.Process(self._suite.process(name).pid)
        stopped = []
        for process in (main, *main.children(recursive=True)):
            with suppress(psutil.Error):
                process.suspend()
                stopped.append(process.pid)
        self._frozen.update(stopped)
        return stopped

    def _thaw(self, pids: list[int]) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            self._frozen.discard(pid)

    # ------------------------------------------------------------ links

    async def _slow_link(self, fault: Fault) -> None:
        link = self._links[fault.target]
        link.delay = float(fault.detail)
        await asyncio.sleep(fault.seconds)
        link.delay = 0.0

    async def _cut_link(self, fault: Fault) -> None:
        link = self._links[fault.target]
        link.break_off()
        await asyncio.sleep(fault.seconds)
        link.cut = False

    async def _stall_link(self, fault: Fault) -> None:
        link = self._links[fault.target]
        link.stall(stalled=True)
        await asyncio.sleep(fault.seconds)
        link.stall(stalled=False)

    # ------------------------------------------------------------ messages

    async def _bus(self) -> Any:
        return await nats.connect(
            self._suite.state["nats_url"], connect_timeout=2, max_reconnect_attempts=1, allow_reconnect=False
        )

    async def _again_and_again(self, once: Callable[[Fault], Awaitable[None]], fault: Fault) -> None:
        until = time.monotonic() + fault.seconds
        while True:
            await once(fault)
            if time.monotonic() > until:
                return
            await asyncio.sleep(1)

    async def _repeat(self, fault: Fault) -> None:
        await self._again_and_again(self._repeat_once, fault)

    async def _repeat_once(self, fault: Fault) -> None:
        """The newest messages once more under new message ids, as a publisher that lost its memory would."""
        async with asyncio.timeout(BUS_SECONDS):
            client = await self._bus()
            try:
                found = await self._newest(client, fault.target.upper(), 0)
                self.repeated += len(found)
                for message in found[::-1] if fault.detail == "reversed" else found:
                    await self._again(client, message)
            finally:
                await client.close()

    async def _newest(self, client: Any, stream: str, after: int) -> list[Any]:
        jetstream = client.jetstream(timeout=2)
        last = (await jetstream.stream_info(stream)).state.last_seq
        found = []
        for number in range(max(after, last - REPEATED) + 1, last + 1):
            with suppress(NatsError):  # deleted
                found.append(await jetstream.get_msg(stream, number))
        return found

    async def _again(self, client: Any, message: Any) -> None:
        headers = dict(message.headers or {}) | {"Nats-Msg-Id": str(uuid.uuid4())}
        await client.jetstream(timeout=2).publish(message.subject, message.data or b"", headers=headers)

    async def _overtake(self, fault: Fault) -> None:
        """While its readers are cut off, a stream's unread messages are laid in another order: that of each record
        stays, as JetStream itself would keep it; records overtake each other.
        """
        cut = [self._links[f"{name}>nats"] for name in SERVICES if PEERS[name] != fault.target]
        for link in cut:
            link.break_off()
        try:
            async with asyncio.timeout(BUS_SECONDS):
                client = await self._bus()
                try:
                    await asyncio.sleep(fault.seconds)
                    await self._shuffle(client, fault.target)
                finally:
                    await client.close()
        finally:
            for link in cut:
                link.cut = False

    async def _shuffle(self, client: Any, source: str) -> None:
        jetstream, stream = client.jetstream(timeout=2), source.upper()
        read = [
            one.delivered.stream_seq
            for one in await jetstream.consumers_info(stream)
            if not one.name.startswith(f"{source}-")  # the publisher reads its own stream undisturbed
        ]
        fresh = await self._newest(client, stream, max(read, default=0))
        for message in sorted(fresh, key=lambda one: (_record(one), one.seq)):
            await self._again(client, message)
            await jetstream.delete_msg(stream, message.seq)
        self.shuffled += len(fresh)

    async def _poison(self, fault: Fault) -> None:
        await self._again_and_again(self._poison_once, fault)

    async def _poison_once(self, fault: Fault) -> None:
        async with asyncio.timeout(BUS_SECONDS):
            client = await self._bus()
            try:
                subject, headers, payload = self._brew(fault)
                await client.jetstream(timeout=2).publish(subject, payload, headers=headers)
                self.poison.count += 1
            finally:
                await client.close()

    def _brew(self, fault: Fault) -> tuple[str, dict[str, str] | None, bytes]:
        event, aggregate = (str(uuid.UUID(int=self._random.getrandbits(128), version=4)) for _ in "12")
        self.poison.events.add(event)
        self.poison.aggregates.add(aggregate)
        known = POISONED_TYPE[fault.target]
        kind = f"{known.partition('.')[0]}.{UNKNOWN_NAME}" if fault.detail == "unknown" else known
        headers = {
            "ce-specversion": "1.0",
            "ce-id": event if fault.detail != "crooked" else "no-uuid",
            "ce-source": f"/taproot/{fault.target}",
            "ce-type": kind,
            "ce-subject": aggregate,
            "ce-time": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
            "ce-actor": "chaos",
            "ce-version": "1",
        }
        payload = {"unreadable": b"\xff\xff\xff\xff", "violating": b"\x0a\x0a\x0a\x08not-uuid"}.get(
            fault.detail, b""
        )
        return (
            f"taproot.{fault.target}.{kind}.v1.0",
            None if fault.detail == "headless" else headers,
            payload,
        )

    # ------------------------------------------------------------ mail and crowds

    async def _mail(self, fault: Fault) -> None:
        self._post_office.mood = fault.target
        await asyncio.sleep(fault.seconds)
        self._post_office.mood = ""

    async def _burst(self, _fault: Fault) -> None:
        """It lasts until all of them are served."""
        await self._burst_traffic()

    async def _clock(self, fault: Fault) -> None:
        async with self._one_clock:  # two that are off in opposite ways are further apart than a token lives
            self._clocks.shift(fault.target, float(fault.detail))
            await asyncio.sleep(fault.seconds)
            self._clocks.shift(fault.target, 0.0)

    async def _full_disk(self, fault: Fault) -> None:
        until = time.monotonic() + fault.seconds
        try:
            while time.monotonic() < until:
                await asyncio.to_thread(self._disk.fill)
                await asyncio.sleep(0.2)  # what others give back is taken too
        finally:
            self._disk.free()

    async def _exhaust(self, fault: Fault) -> None:
        if fault.target == "postgres":
            await self._crowd_database(fault.seconds)
        else:
            await self._crowd_gateway(fault.seconds)

    async def _crowd_database(self, seconds: float) -> None:
        """Every connection PostgreSQL has left for ordinary logins."""
        url = self._suite.state["services"]["servicedesk"]["app_url"]
        held: list[Any] = []
        try:
            with suppress(asyncpg.PostgresError, OSError, TimeoutError):
                while True:
                    held.append(await asyncpg.connect(url, timeout=3))
            await asyncio.sleep(seconds)
        finally:
            for connection in held:
                connection.terminate()

    async def _crowd_gateway(self, seconds: float) -> None:
        port = int(self._suite.url.rpartition(":")[2])
        held: list[asyncio.StreamWriter] = []
        try:
            while len(held) < CROWD:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                held.append(writer)
            await asyncio.sleep(seconds)
        finally:
            for writer in held:
                writer.close()


def _record(message: Any) -> str:
    """Groups by record, in an order that has nothing to do with time."""
    return str((message.headers or {}).get("ce-subject", ""))[::-1]
