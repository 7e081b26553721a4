"""A service as a process: everything put together, started, drained and stopped in one place."""

from __future__ import annotations

import asyncio
import functools
import gc
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from prometheus_client import start_http_server

from taproot_audit.sealing import Sealer
from taproot_audit.servicer import AuditEventsServicer
from taproot_base import telemetry
from taproot_base.access import AccessDirectory
from taproot_base.auth import GATEWAY_KEY, Principal, TokenMinter, TokenVerifier
from taproot_base.blobs import BlobStore, DirectoryBlobStore
from taproot_base.client import Peers
from taproot_base.clock import Clock, SystemClock
from taproot_base.context import Call, calling
from taproot_base.settings import Settings
from taproot_base.tasks import end
from taproot_base.transport import Transport
from taproot_chassis import customfields, identities
from taproot_chassis.audit import Auditor
from taproot_chassis.bus import Bus
from taproot_chassis.consumers import Consumer, Subscription
from taproot_chassis.customfields import Holdings
from taproot_chassis.interceptor import CallInterceptor
from taproot_chassis.jobs import Job, run_for_ever
from taproot_chassis.leases import Leases
from taproot_chassis.measuring import Measuring
from taproot_chassis.operations import Handler, OperationRunner
from taproot_chassis.relay import Relay
from taproot_chassis.server import GrpcServer, rules_of
from taproot_chassis.systemservices import BranchMovesServicer, EventsServicer, OperationsServicer
from taproot_custom.keeping import keep_aggregates
from taproot_storage import idempotency, moves, partitions
from taproot_storage.database import Database
from taproot_storage.eventlog import Encoder, EventLog
from taproot_storage.visibility import Rule, scope_rules

PARTY_ATTRIBUTE = "crm.customer.id"  # the name other tools know it by
SEAL_SECONDS = 2.0
S = TypeVar("S", bound=Settings)


@dataclass
class Runtime(Generic[S]):
    """What the parts of a service are built from."""

    name: str
    settings: S
    clock: Clock
    database: Database
    bus: Bus
    peers: Peers
    directory: AccessDirectory
    access: identities.AccessStore
    blobs: BlobStore
    minter: TokenMinter
    page_key: bytes

    def system_call(self) -> Call:
        """Background work acts as the service itself."""
        return Call(principal=Principal.service(self.name), directory=self.directory)


@dataclass
class Parts:
    """What a service consists of. `servicers`: full gRPC service name -> servicer."""

    servicers: Mapping[str, Any]
    subscriptions: Sequence[Subscription] = ()
    jobs: Sequence[Job] = ()
    operations: Mapping[str, Handler] = field(default_factory=dict)
    background: Sequence[Callable[[], Awaitable[None]]] = ()
    """Runs in every process of role `all` or `worker`, without a lease."""
    measurements: Sequence[Callable[[Database], Awaitable[None]]] = ()
    """Set gauges of what the service's tables hold; every process calls them every few seconds, so they read little."""
    startup: Sequence[Callable[[], Awaitable[None]]] = ()
    """Runs once before serving; must be safe to run in several processes at once."""


Build = Callable[[Runtime[Any]], Parts]


@dataclass(frozen=True)
class Definition:
    """A service: `encoders` turn its aggregates into events, `build` puts its parts together.

    `package_dir` is the folder of the service's Python package; its Alembic `migrations` lie in it or
    two levels above (in the repository).
    """

    name: str
    settings: type[Settings]
    encoders: Mapping[type, Encoder]
    build: Build
    package_dir: Path

    @property
    def key_id(self) -> str:
        """The identity service is the gateway: only its key may speak for users."""
        return GATEWAY_KEY if self.name == identities.SOURCE else f"service:{self.name}"

    @property
    def scoped(self) -> list[Rule]:
        """The scoped tables of this service (tests may load several services into one process)."""
        mine = {entity.metadata for entity in self.encoders if hasattr(entity, "metadata")}
        return [rule for rule in scope_rules().values() if rule.table.metadata in mine]

    @property
    def migrations(self) -> Path:
        inside = self.package_dir / "migrations"
        return inside if inside.exists() else self.package_dir.parents[1] / "migrations"


class ServiceProcess:
    """`async with ServiceProcess(...) as process` serves until the block ends."""

    def __init__(
        self,
        definition: Definition,
        settings: Settings,
        clock: Clock | None = None,
    ) -> None:
        self._definition = definition
        self._name = definition.name
        self._settings = settings
        self._clock = clock or SystemClock()
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[Any]] = []

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, definition: Definition, settings: Settings
    ) -> AsyncIterator[tuple[Runtime[Any], Parts]]:
        """The parts of a service without serving: for an operator's command beside the running service."""
        process = cls(definition, settings)
        try:
            runtime = await process._open()
            await runtime.access.refresh()
            yield runtime, definition.build(runtime)
        finally:
            await process._stop()

    async def _start(self) -> None:
        settings = self._settings
        self.runtime = runtime = await self._open()
        self.parts = parts = self._definition.build(runtime)
        self.servicers = {
            **parts.servicers,
            "taproot.operations.v1.OperationsService": OperationsServicer(
                runtime.database, self._name, runtime.page_key
            ),
            "taproot.operations.v1.EventsService": EventsServicer(runtime.database, self._name),
            "taproot.operations.v1.BranchMovesService": BranchMovesServicer(runtime.database, self._name),
            "taproot.operations.v1.AuditEventsService": AuditEventsServicer(
                runtime.database, self._name, runtime.page_key
            ),
        }
        self.auditor = Auditor(runtime.database, runtime.page_key)
        await runtime.bus.ensure_stream(self._name, settings.nats_replicas)
        await runtime.access.refresh()
        for prepare in parts.startup:
            await prepare()
        self._start_background()
        interceptor = CallInterceptor(
            rules_of(self.servicers),
            TokenVerifier.load(settings.keys_dir / "keys.json"),
            runtime.directory,
            self.auditor,
            settings.max_in_flight,
            runtime.access.ensure,
        )
        self.server = GrpcServer(
            self.servicers,
            interceptor,
            settings.grpc_host,
            settings.grpc_port,
            Transport.of(settings.tls_dir),
            settings.health_port,
        )
        await self.server.start()
        telemetry.logger.info("serving", port=self.server.port, role=settings.role)

    async def _open(self) -> Runtime[Any]:
        settings = self._settings
        log = EventLog(self._definition.encoders, [keep_aggregates])
        database = await Database.open(
            settings.database_url,
            clock=self._clock,
            log=log,
            direct_url=settings.database_direct_url or None,
            pool_size=settings.database_pool_size,
            prepared=settings.database_prepared,
        )
        database.row_security = settings.database_row_security != "off"
        self._stack.push_async_callback(database.close)
        transport = Transport.of(settings.tls_dir)
        bus = await Bus.connect(settings.nats_url, self._name, transport.context())
        self._stack.push_async_callback(bus.close)
        pem = settings.keys_dir / f"{self._name}.pem"
        minter = TokenMinter.load(pem, self._definition.key_id)
        addresses = dict(pair.split("=", 1) for pair in settings.backends.split(",") if pair)
        peers = Peers(self._name, minter, addresses, transport)
        self._stack.push_async_callback(peers.close)
        directory = AccessDirectory()
        secret = settings.page_token_key.encode() or pem.read_bytes()
        return Runtime(
            name=self._name,
            settings=settings,
            clock=self._clock,
            database=database,
            bus=bus,
            peers=peers,
            directory=directory,
            access=identities.AccessStore(database, directory),
            blobs=DirectoryBlobStore(settings.blob_dir / self._name),
            minter=minter,
            page_key=hashlib.sha256(b"page tokens" + secret).digest(),
        )

    def _start_background(self) -> None:
        runtime, parts = self.runtime, self.parts
        relay = Relay(self._name, runtime.database, runtime.bus)
        runtime.database.wake_relay = relay.wake
        self._spawn(runtime.access.run())
        self._spawn(self.auditor.run())
        consumers = consumers_of(self._definition, runtime, parts)
        measuring = Measuring(runtime.database, runtime.bus, consumers, parts.measurements)
        with calling(runtime.system_call()):  # the task takes the context it is started in
            self._spawn(measuring.run())
        if self._settings.role == "api":
            return
        leases = Leases(runtime.database)
        self._stack.push_async_callback(leases.close)
        self._spawn(leases.run("relay", relay.run))
        self.consumers = consumers
        for consumer in self.consumers:
            self._spawn(leases.run(f"consumer:{consumer.subscription.consumer}", consumer.run))
        sealer = Job("seal-audit", SEAL_SECONDS, Sealer(self._name, runtime.minter.sign).run)
        mover = Job("follow-branches", 2, functools.partial(moves.follow, rules=self._definition.scoped))
        for job in (*_SYSTEM_JOBS, sealer, mover, *parts.jobs):
            work = functools.partial(run_for_ever, job, runtime.database, runtime.system_call)
            self._spawn(leases.run(f"job:{job.name}", work))
        handlers = {**customfields.handlers(Holdings(self._definition.encoders)), **parts.operations}
        self._spawn(OperationRunner(runtime.database, runtime.directory, handlers).run())
        for endless in parts.background:
            self._spawn(endless())

    def _spawn(self, work: Any) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    async def __aexit__(self, *_: object) -> None:
        await self.server.drain(self._settings.drain_seconds)
        await self.auditor.flush()
        await self._stop()

    async def _stop(self) -> None:
        await end(self._tasks)
        await self._stack.aclose()


def consumers_of(definition: Definition, runtime: Runtime[Any], parts: Parts) -> list[Consumer]:
    return [
        Consumer(definition.name, subscription, runtime.database, runtime.bus, runtime.system_call)
        for subscription in (
            identities.subscription(definition.scoped),
            customfields.subscription(Holdings(definition.encoders)),
            *parts.subscriptions,
        )
    ]


async def _extend_partitions(database: Database) -> int:
    await partitions.extend(database)
    return 0


_SYSTEM_JOBS = (
    Job("expire-repeats", 600, idempotency.expire),
    Job("extend-partitions", 6 * 3600, _extend_partitions),
)


def run(definition: Definition, arguments: Sequence[str] | None = None) -> None:
    """Entry point of a service's process: serves; with arguments it runs an operator's command (`--help`).

    Serving ends on SIGTERM or SIGINT after draining.
    """
    # Worker processes are other programs: what gRPC does in a forked child only breaks it on its way there.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
    if given := sys.argv[1:] if arguments is None else list(arguments):
        from taproot_chassis import commands  # loaded late: serving needs neither them nor Alembic

        sys.exit(commands.main(definition, given))
    settings = definition.settings()  # type: ignore[call-arg]  # read from the environment
    provider = telemetry.configure(
        definition.name,
        endpoint=settings.otlp_endpoint or None,
        ca_file=settings.otlp_ca_file,
        trace_dir=settings.trace_dir or None,
        log_level=settings.log_level,
        party=PARTY_ATTRIBUTE,
    )
    if settings.metrics_port:
        start_http_server(settings.metrics_port, addr=settings.grpc_host)
    try:
        asyncio.run(_serve(definition, settings))
    finally:
        provider.shutdown()


async def _serve(definition: Definition, settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with ServiceProcess(definition, settings):
        settle()
        await stop.wait()


def settle() -> None:
    """What start-up made stays for good: the collector need not look at it again, nor run as often.

    It runs after every 700 new objects by default, and one write makes that many.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
