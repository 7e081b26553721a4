"""One run: a suite of its own, work and faults by a seed, rest, and the judgement."""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from chaoskit.campaigns import EVERY_SECONDS, Campaigns
from chaoskit.clocks import Clocks
from chaoskit.disks import Disk, disk_of_its_own
from chaoskit.evidence import Evidence
from chaoskit.faults import Injector
from chaoskit.gathering import Ground, come_to_rest, gather, read_models
from chaoskit.invariants import judge
from chaoskit.links import Link
from chaoskit.mail import MailServer
from chaoskit.schedule import PEERS, Fault, plan
from chaoskit.traffic import Gap, Journal, Listener, Traffic, Watch
from taproot_local.suite import Suite
from taproot_local.testing import scratch_directory

KIT = Path(__file__).resolve().parents[1]
PATIENCE = 240.0
WIDTH = 4
REST_SECONDS = 240.0
PEACE_SECONDS = 12.0
"""Before the judgement: the last promises fall due meanwhile."""
SETTINGS = {
    "TAPROOT_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    "TAPROOT_WEBHOOK_RETRY_SECONDS": "0.5",
    "TAPROOT_MAIL_CLAIM_SECONDS": "20",
}
Say = Callable[[str], None]


@dataclass
class Result:
    seed: int
    seconds: float
    plant: str = ""
    faults: list[dict[str, Any]] = field(default_factory=list)
    findings: dict[str, list[str]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def wrong(self) -> list[str]:
        return [f"{name}: {one}" for name, found in self.findings.items() for one in found]

    def record(self) -> dict[str, Any]:
        kinds = Counter(one["kind"] for one in self.faults)
        return {
            "seed": self.seed, "seconds": self.seconds, "plant": self.plant, "passed": not self.wrong,
            "facts": self.facts, "fault_kinds": dict(sorted(kinds.items())), "findings": self.findings,
            "faults": self.faults,
        }  # fmt: skip


class Drill:
    """Start with `drilled(...)`: the links must listen before the suite reads where they are."""

    def __init__(self, seed: int, say: Say, disk: Disk) -> None:
        self.seed = seed
        self.say = say
        self.disk = disk
        self.listener = Listener(seed)
        self.suite: Suite
        self.mail: MailServer
        self.links: dict[str, Link] = {}
        self._ports: dict[str, int] = {}

    async def open(self, directory: Path) -> dict[str, str]:
        """The environment a suite needs to talk through the links."""
        self.mail = MailServer()
        await self.mail.open()
        await self.listener.open()
        for service in PEERS:
            for target in (*PEERS.values(), "postgres", "nats", "smtp"):
                name = f"{service}>{target}"
                self.links[name] = Link(name, lambda target=target: self._port(target))  # type: ignore[misc]
                await self.links[name].open()
        file = directory / "links.json"
        file.write_text(json.dumps({name: link.port for name, link in self.links.items()}))
        self.clocks = Clocks(directory / "clocks", PEERS)
        return SETTINGS | {
            "CHAOS_LINKS": str(file),
            "CHAOS_CLOCKS": str(self.clocks.directory),
            "PYTHONPATH": str(KIT / "hooks"),
        }

    def _port(self, target: str) -> int:
        if target == "smtp":
            return self.mail.port
        if target not in self._ports:  # they stay the same for the life of a suite
            ports = self.suite.state["ports"]
            self._ports |= {"postgres": ports["postgres"], "nats": ports["nats"]}
            self._ports |= {peer: ports[f"{service}.grpc"] for service, peer in PEERS.items()}
        return self._ports[target]

    async def close(self) -> None:
        self.mail.close()
        self.listener.close()
        for link in self.links.values():
            await link.close()

    # ------------------------------------------------------------ the run

    async def run(
        self, faults: list[Fault], seconds: float, width: int, rest: float, peace: float
    ) -> tuple[Evidence, Injector]:
        """Work, faults, rest; answers what is there afterwards."""
        journal, ground = Journal(), Ground(self.suite)
        async with self.suite.client(patience=PATIENCE, connections=120) as admin:
            traffic = Traffic(admin, self.seed, journal)
            await traffic.set_up(self.listener.url)
            campaigns = Campaigns(traffic)
            await campaigns.set_up(ground.fetch)
            injector = Injector(
                self.suite, self.links, self.mail, traffic.burst, self.seed, self.disk, self.clocks
            )
            watch = Watch(admin)
            watching = asyncio.ensure_future(watch.run())
            try:
                work = asyncio.ensure_future(traffic.run(seconds, width, (campaigns.start, EVERY_SECONDS)))
                await injector.run(faults, self.say)
                await work
                await asyncio.sleep(peace)
                left = await come_to_rest(ground, rest)
            finally:
                injector.heal()
                watching.cancel()
            seen = Evidence(journal=journal, unrest=left, mail=self.mail.seen, gaps=watch.gaps)
            seen.poison_events, seen.poison_aggregates = injector.poison.events, injector.poison.aggregates
            seen.poison_count = injector.poison.count
            await gather(ground, admin, seen)
            seen.jumps = jumps_of(injector.done)
            seen.heard = Counter(self.listener.taken)
            await self._rebuilt(ground, seen)
        return seen, injector

    async def _rebuilt(self, ground: Ground, seen: Evidence) -> None:
        made_up = seen.poison_events | seen.poison_aggregates
        seen.before = await read_models(ground, made_up)
        said = await asyncio.gather(*map(self._anew, PEERS))
        seen.unrest += [one for one in said if one]
        seen.after = await read_models(ground, made_up)

    async def _anew(self, service: str) -> str:
        """Empty when it went well."""
        environment = psutil.Process(self.suite.process(service).pid).environ()
        environment["PYTHONPATH"] = str(KIT)
        done = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "chaoskit.anew", service),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await done.communicate()
        return "" if done.returncode == 0 else f"{service} could not be rebuilt: {out.decode()[-600:]}"


def jumps_of(done: list[dict[str, Any]]) -> list[Gap]:
    """Times whose instants cannot be trusted, as far as the jump reaches."""
    return [
        Gap(one["target"], one["time"] - abs(float(one["detail"])), one["until"] + abs(float(one["detail"])))
        for one in done
        if one["kind"] == "clock"
    ]


async def drill(
    seed: int,
    seconds: float,
    *,
    faults: list[Fault] | None = None,
    plant: str = "",
    say: Say = lambda _line: None,
    width: int = WIDTH,
    keep: Path | None = None,
    rest: float = REST_SECONDS,
    peace: float = PEACE_SECONDS,
    on_time: float = Evidence.on_time,
) -> Result:
    """Everything from an empty directory to the result. `plant`: a bug of `hooks/planted.py`. `keep`: where logs and evidence go."""
    with scratch_directory() as directory, disk_of_its_own(directory) as disk:
        one = Drill(seed, say, disk)
        environment = await one.open(directory)
        if plant:
            environment["CHAOS_PLANT"] = plant
        chosen = plan(seed, seconds) if faults is None else faults
        result = Result(seed, seconds, plant)
        begun = time.monotonic()
        try:
            one.suite = Suite(directory / "home")
            await asyncio.to_thread(partial(one.suite.start, **environment))
            say(f"the suite is up after {time.monotonic() - begun:.0f} s")
            seen, injector = await one.run(chosen, seconds, width, rest, peace)
            seen.on_time = on_time
            result.faults, result.facts = injector.done, seen.facts()
            result.facts |= {
                "repeated": injector.repeated,
                "overtaken": injector.shuffled,
                "poison": seen.poison_count,
            }
            result.findings = judge(seen)
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / "evidence.pickle").write_bytes(pickle.dumps(seen))
        finally:
            await asyncio.to_thread(one.suite.run, "down")
            await one.close()
            if keep is not None:
                _keep(directory / "home" / "logs", keep)
        result.facts["wall_seconds"] = round(time.monotonic() - begun)
        return result


def _keep(logs: Path, into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    for log in logs.glob("*.log"):
        with suppress(OSError):
            (into / log.name).write_bytes(log.read_bytes())
