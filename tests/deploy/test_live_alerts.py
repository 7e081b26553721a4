"""Every alert in a running suite that a real Prometheus scrapes: its cause is made, it fires, the cause goes, it ends.

TAPROOT_TEST_ALERTS=live runs it, by hand: it wants a machine with nothing else to do. What only a Kubernetes cluster
has is published here in its exporters' own format: Jobs as kube-state-metrics does, certificates as cert-manager does.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import causes
import grpc
import pytest
import pytest_asyncio
from prometheus import Prometheus, all_rules, needs_prometheus, running, scaled
from rendering import Charts, of_kind
from taproot_charts import alerts

from taproot.servicedesk.v1 import ticket_service_pb2
from taproot.servicedesk.v1.ticket_service_pb2_grpc import TicketsServiceStub
from taproot_local.api import Client, eventually
from taproot_local.processes import LOOPBACK
from taproot_local.suite import SERVICES, Suite, running_suite

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("TAPROOT_TEST_ALERTS") != "live", reason="set TAPROOT_TEST_ALERTS=live"
    ),
    needs_prometheus,
]
FACTOR = 30
# A publish is given up after ten seconds, which no test hastens: a window must hold two of them.
SLOWER = {"TaprootPublishFailing": 12}
PATIENCE = 150.0
DAY = 86400
# What each alert must say beside `namespace`; those of levels are of the fastest window.
SAYS: dict[str, dict[str, str]] = {
    "HttpErrors": {"window": "1h"},
    "HttpSlow": {"window": "1h"},
    "RpcErrors": {"window": "1h", "taproot_service": "servicedesk"},
    "EventsLate": {"window": "1h"},
    "ServiceDown": {"taproot_service": "sales"},
    "OutboxStuck": {"taproot_service": "customer"},
    "PublishFailing": {"taproot_service": "customer"},
    "ConsumerStuck": {"taproot_service": "marketing", "consumer": "identities:identity"},
    "ConsumerBehind": {"taproot_service": "marketing", "consumer": "identities:identity"},
    "ConsumerRetrying": {"taproot_service": "customer", "consumer": "unsubscribes:marketing"},
    "DeadLetters": {"taproot_service": "customer", "consumer": "unsubscribes:marketing"},
    "ConsumerLate": {"taproot_service": "marketing", "consumer": "identities:identity"},
    "JobFailing": {"taproot_service": "marketing", "exported_job": "seal-audit"},
    "AuditUnsealed": {"taproot_service": "marketing"},
    "AuditUnwritten": {"taproot_service": "servicedesk"},
    "CallsShed": {"taproot_service": "gateway"},
    "MailUncertain": {},
    "MemoryHigh": {"taproot_service": "marketing", "pod": "greedy"},
    "MigrationFailed": {"job_name": "taproot-sales-migrate-upgrade"},
    "CertificateExpiring": {"name": "taproot-sales-tls"},
}


class Cluster:
    """What kube-state-metrics and cert-manager say."""

    def __init__(self) -> None:
        self.failed, self.days = 0, 60

    def text(self) -> str:
        job = 'namespace="crm",job_name="taproot-sales-migrate-upgrade"'
        certificate = 'name="taproot-sales-tls",namespace="crm",issuer_name="taproot"'
        return (
            f"kube_job_status_failed{{{job}}} {self.failed}\n"
            f"kube_job_status_succeeded{{{job}}} {1 - self.failed}\n"
            f"certmanager_certificate_expiration_timestamp_seconds{{{certificate}}} "
            f"{time.time() + self.days * DAY:.0f}\n"
        )


class Targets:
    """Files of targets, as the operator finds them: one that is taken away is no target any more."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, job: str, port: int, **labels: str) -> None:
        path = self._directory / f"{job}.json"
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps([{"targets": [f"{LOOPBACK}:{port}"], "labels": labels}]))
        fresh.rename(path)

    def drop(self, job: str) -> None:
        (self._directory / f"{job}.json").write_text("[]")

    def scrape(self, job: str, relabelings: list[dict[str, str]], **more: Any) -> dict[str, Any]:
        found = [
            {"target_label": one["targetLabel"], "replacement": one["replacement"]} for one in relabelings
        ]
        files = {"files": [str(self._directory / f"{job}.json")], "refresh_interval": "1s"}
        return {"job_name": job, "file_sd_configs": [files], "relabel_configs": found} | more


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    with running_suite(TAPROOT_MAX_IN_FLIGHT="20") as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(suite: Suite) -> AsyncIterator[Client]:
    async with suite.client(connections=150) as client:
        yield client


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Targets:
    return Targets(tmp_path_factory.mktemp("targets"))


@pytest.fixture(scope="module")
def prometheus(
    suite: Suite,
    charts: Charts,
    targets: Targets,
    cluster: Cluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Prometheus]:
    """Labels are those of the operator's targets and of the charts' ServiceMonitors."""
    monitors = of_kind(charts.manifests("high-availability"), "ServiceMonitor")
    scrapes = []
    for name in (*SERVICES, "greedy"):
        endpoint = monitors[f"taproot-{'marketing' if name == 'greedy' else name}"]["spec"]["endpoints"][0]
        scrapes.append(targets.scrape(name, endpoint["relabelings"]))
    for name in SERVICES:
        watch(suite, targets, name)
    targets.drop("greedy")
    with causes.exporter(cluster.text) as port:
        targets.put("kube-state-metrics", port, namespace="monitoring")
        targets.put("cert-manager", port, namespace="cert-manager")
        # As their own charts scrape them: the first with `honorLabels`, the second without.
        keep = {"regex": "kube_.+", "source_labels": ["__name__"], "action": "keep"}
        scrapes.append(
            targets.scrape("kube-state-metrics", [], honor_labels=True, metric_relabel_configs=[keep])
        )
        keep = keep | {"regex": "certmanager_.+"}
        scrapes.append(targets.scrape("cert-manager", [], metric_relabel_configs=[keep]))
        # Slower windows would outlast the test; promtool tests them.
        rules = [rule for rule in all_rules() if rule["labels"].get("window", "1h") == "1h"]
        hastened = [scaled(rule, SLOWER.get(rule["alert"], FACTOR)) for rule in rules]
        with running(tmp_path_factory.mktemp("prometheus"), hastened, scrapes) as server:
            yield server


def watch(suite: Suite, targets: Targets, name: str) -> None:
    port = int(suite.state["services"][name]["metrics"].rpartition(":")[2])
    targets.put(name, port, namespace="crm", pod=f"taproot-{name}-0", endpoint="metrics")


class Watcher:
    """Waits for alerts, and remembers what was seen."""

    def __init__(self, server: Prometheus) -> None:
        self._server = server
        self.fired: dict[str, float] = {}
        self.ended: dict[str, float] = {}

    def _match(self, name: str, labels: dict[str, str]) -> bool:
        wanted = {"alertname": f"Taproot{name}", "namespace": "crm", "product": "taproot"} | SAYS[name]
        return wanted.items() <= labels.items()

    async def firing(self, *names: str) -> None:
        await asyncio.gather(*(self._until(name, self.fired, there=True) for name in names))

    async def over(self, *names: str) -> None:
        await asyncio.gather(*(self._until(name, self.ended, there=False) for name in names))

    async def _until(self, name: str, seen: dict[str, float], *, there: bool) -> None:
        async def look() -> bool:
            found = await asyncio.to_thread(self._server.firing)
            return any(self._match(name, one) for one in found) is there

        what = f"{name} to {'fire' if there else 'end'}"
        await eventually(look, PATIENCE, what, longest=1.0)
        seen[name] = time.time()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def played(
    suite: Suite, admin: Client, prometheus: Prometheus, targets: Targets, cluster: Cluster
) -> Watcher:
    watcher = Watcher(prometheus)
    await eventually(lambda: _quiet(prometheus), 90, "A minute in which nothing is wrong", longest=1.0)
    async with AsyncExitStack() as lasting:
        lasting.callback(setattr, cluster, "days", 60)
        cluster.failed, cluster.days = 1, 13
        await without_nats(suite, admin, watcher, targets)
        cluster.failed = 0
        await with_nats(suite, watcher, targets)
        await watcher.firing("CertificateExpiring")
    await watcher.over(*alerts.names())
    return watcher


async def _quiet(prometheus: Prometheus) -> bool:
    known = {one["metric"]["taproot_service"] for one in prometheus.query('up{taproot_service!=""} == 1')}
    return known == set(SERVICES) and not prometheus.firing()


async def without_nats(suite: Suite, admin: Client, watcher: Watcher, targets: Targets) -> None:
    """Causes that need no events, while none flow."""
    customer = {"display_name": "Qinghe", "kind": "CUSTOMER_KIND_ORGANIZATION"}
    async with AsyncExitStack() as stack:
        targets.put("greedy", stack.enter_context(causes.greedy_process()), namespace="crm", pod="greedy")
        stack.callback(targets.drop, "greedy")
        await stack.enter_async_context(causes.stopped(suite, "nats"))
        await admin.post("/v1/customers", customer)
        await stack.enter_async_context(causes.mail_server_failing(suite))
        await causes.send_mails(admin)
        # Sealing fails; so does the reading of stations; what is refused by the service desk cannot be noted.
        await stack.enter_async_context(causes.forbidden(suite, "marketing", "INSERT", "audit_blocks"))
        await stack.enter_async_context(causes.forbidden(suite, "servicedesk", "SELECT", "stations"))
        await stack.enter_async_context(causes.forbidden(suite, "servicedesk", "INSERT", "audit_events"))
        await stack.enter_async_context(causes.meanwhile(lambda: refused(suite)))
        await stack.enter_async_context(causes.asked(admin, "/v1/stations", 2, 0.2))
        async with causes.locked(suite, "servicedesk", "queues"), causes.asked(admin, "/v1/queues", 60, 0.1):
            await watcher.firing("CallsShed", "HttpSlow")
        await watcher.firing(
            "OutboxStuck", "PublishFailing", "JobFailing", "AuditUnsealed", "AuditUnwritten", "HttpErrors",
            "RpcErrors", "MailUncertain", "MemoryHigh", "MigrationFailed",
        )  # fmt: skip


async def refused(suite: Suite) -> None:
    """A caller without a name, who is refused again and again: each refusal is for the audit."""
    async with grpc.aio.insecure_channel(suite.state["services"]["servicedesk"]["grpc"]) as channel:
        while True:
            with pytest.raises(grpc.aio.AioRpcError):
                await TicketsServiceStub(channel).ListTickets(
                    ticket_service_pb2.ListTicketsRequest(), timeout=5
                )
            await asyncio.sleep(0.2)


async def with_nats(suite: Suite, watcher: Watcher, targets: Targets) -> None:
    await watcher.firing("EventsLate")  # what was committed meanwhile
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(causes.poisoned(suite))
        await stack.enter_async_context(causes.consumer_held(suite, "marketing", "identities:identity"))
        await causes.repeat_an_event(suite)
        async with causes.stopped(suite, "sales"):
            await watcher.firing("ServiceDown")
        await watcher.over("ServiceDown")
        targets.drop("sales")
        await watcher.firing("ServiceDown")
        watch(suite, targets, "sales")
        await watcher.firing(
            "DeadLetters", "ConsumerRetrying", "ConsumerLate", "ConsumerStuck", "ConsumerBehind"
        )


def test_every_alert_is_played():
    assert set(SAYS) == set(alerts.names())


@pytest.mark.parametrize("name", SAYS)
def test_alert(name, played, prometheus):
    """It was pending before it fired, fired with the labels the runbook speaks of, and has ended."""
    found = prometheus.series(f'ALERTS{{alertname="Taproot{name}"}}', played.fired[name] - 200)
    mine = [one for one in found if SAYS[name].items() <= one["metric"].items()]
    states = {one["metric"]["alertstate"]: float(one["values"][0][0]) for one in mine}
    assert states["pending"] < states["firing"]
    assert played.ended[name] > played.fired[name]
