"""Alert rules: service levels by burn rate over two windows, and what breaks a promise before a level shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RUNBOOKS = "docs/operations/runbooks"
SERVICES = "customer|sales|servicedesk|marketing|gateway"
PROBES = 'route!~"/healthz|/readyz|/metrics"'
"""Asked every few seconds by machines: they would hide what people meet, and a readiness of 503 is no error."""
BROKEN = "INTERNAL|UNKNOWN|DATA_LOSS|UNAVAILABLE|DEADLINE_EXCEEDED"
WINDOWS = (
    # burn rate, long window, short window, for, severity (a month's budget gone in 2, 5, 10 and 30 days)
    (14.4, "1h", "5m", "2m", "page"),
    (6.0, "6h", "30m", "15m", "page"),
    (3.0, "1d", "2h", "1h", "ticket"),
    (1.0, "3d", "6h", "3h", "ticket"),
)


@dataclass(frozen=True)
class Level:
    """`bad` and `all` are rates with `[$window]` for the window; `objective` is the share that must be good."""

    name: str
    objective: float
    by: str
    bad: str
    all: str
    summary: str

    def ratio(self, window: str) -> str:
        return f"({self.bad}) / ({self.all})".replace("$window", window)


LEVELS = (
    Level(
        "HttpErrors", 0.999, "namespace",
        f'sum by (namespace) (rate(taproot_http_answers_total{{status=~"5..", {PROBES}}}[$window]))',
        f"sum by (namespace) (rate(taproot_http_answers_total{{{PROBES}}}[$window]))",
        "Callers of the REST API get server errors",
    ),
    Level(
        "HttpSlow", 0.99, "namespace",
        f"sum by (namespace) (rate(taproot_http_seconds_count{{{PROBES}}}[$window])) - "
        f'sum by (namespace) (rate(taproot_http_seconds_bucket{{le="0.5", {PROBES}}}[$window]))',
        f"sum by (namespace) (rate(taproot_http_seconds_count{{{PROBES}}}[$window]))",
        "Callers of the REST API wait longer than half a second",
    ),
    Level(
        "RpcErrors", 0.999, "namespace, taproot_service",
        f'sum by (namespace, taproot_service) (rate(taproot_rpc_seconds_count{{code=~"{BROKEN}"}}[$window]))',
        "sum by (namespace, taproot_service) (rate(taproot_rpc_seconds_count[$window]))",
        "A service fails calls it should have answered",
    ),
    Level(
        "EventsLate", 0.99, "namespace, taproot_service",
        'sum by (namespace, taproot_service) (rate(taproot_consumer_delay_seconds_count[$window])) - '
        'sum by (namespace, taproot_service) (rate(taproot_consumer_delay_seconds_bucket{le="1.0"}[$window]))',
        "sum by (namespace, taproot_service) (rate(taproot_consumer_delay_seconds_count[$window]))",
        "What one service did is seen by another only after more than a second",
    ),
)  # fmt: skip

# A service whose pods are all gone has no `up` any more; one that is uninstalled with all others is not missed.
DOWN = (
    'sum by (namespace, taproot_service) (up{taproot_service!=""}) == 0 or '
    '(count by (namespace, taproot_service) (last_over_time(up{taproot_service!=""}[1d])) unless '
    'count by (namespace, taproot_service) (up{taproot_service!=""})) and on (namespace) '
    'count by (namespace) (up{taproot_service!=""})'
)
STUCK = (
    "(max by (namespace, taproot_service, consumer) (taproot_consumer_lag) > 0) unless "
    "(sum by (namespace, taproot_service, consumer) (rate(taproot_consumer_events_total[10m])) > 0)"
)
JOBS = (
    'sum by (namespace, taproot_service, exported_job) (increase(taproot_job_runs_total{result="failed"}[30m])) > 2 or '
    "max by (namespace, taproot_service, exported_job) (taproot_job_running_seconds) > 1800"
)
# Bounces are a matter of addresses, unless a good part of all mails bounces: then the server takes none of ours.
MAILS = (
    'sum by (namespace) (increase(taproot_mail_settled_total{state=~"uncertain|failed_temporary"}[30m])) > 20 or '
    '(sum by (namespace) (increase(taproot_mail_settled_total{state="bounced"}[30m])) > 20 and '
    'sum by (namespace) (increase(taproot_mail_settled_total{state="bounced"}[30m])) > 0.2 * '
    'sum by (namespace) (increase(taproot_mail_settled_total{state=~"sent|bounced"}[30m])))'
)
# A Job that got through at its second attempt keeps the count of its failed pods.
MIGRATION = (
    f'max by (namespace, job_name) (kube_job_status_failed{{job_name=~".+-({SERVICES})-migrate-.+"}}) > 0 '
    "unless max by (namespace, job_name) (kube_job_status_succeeded) > 0"
)
# cert-manager is scraped in its own namespace: that of the certificate is then in `exported_namespace`.
EXPIRY = (
    "min by (namespace, name) (label_replace(certmanager_certificate_expiration_timestamp_seconds"
    f'{{name=~".+-({SERVICES})-tls"}}, "namespace", "$1", "exported_namespace", "(.+)"))'
)

# name, expression, for, severity, summary
CONDITIONS = (
    ("ServiceDown", DOWN, "2m", "page",
     "No pod of a service answers"),
    ("OutboxStuck", "max by (namespace, taproot_service) (taproot_outbox_oldest_seconds) > 60", "5m", "page",
     "Changes are committed and not announced: other services do not see them"),
    ("PublishFailing",
     "sum by (namespace, taproot_service) (rate(taproot_outbox_publish_failures_total[5m])) > 0.01", "10m", "ticket",
     "NATS does not acknowledge events"),
    ("ConsumerStuck",
     STUCK, "10m", "page",
     "A consumer has messages waiting and takes none"),
    ("ConsumerBehind", "max by (namespace, taproot_service, consumer) (taproot_consumer_lag) > 10000", "15m", "ticket",
     "A consumer does not keep up"),
    ("ConsumerRetrying",
     "sum by (namespace, taproot_service, consumer) (increase(taproot_consumer_retries_total[15m])) > 4", "5m",
     "ticket", "An event cannot take effect and goes, or will go, to the dead letters"),
    ("DeadLetters",
     'max by (namespace, taproot_service, consumer) (taproot_dead_letters{state="dead"}) > 0', "5m", "ticket",
     "An event was set aside, and what follows it of the same record waits"),
    ("ConsumerLate", "max by (namespace, taproot_service, consumer) (taproot_consumer_oldest_seconds) > 300", "5m",
     "page", "A consumer holds an event it cannot get done for minutes"),
    ("JobFailing", JOBS, "5m", "ticket",
     "A scheduled job fails or does not end: reminders, clocks or partitions may stand still"),
    ("AuditUnsealed", "max by (namespace, taproot_service) (taproot_audit_oldest_unsealed_seconds) > 120", "5m", "page",
     "Events of the audit are in no block: until they are, altering them would not show"),
    ("AuditUnwritten",
     "sum by (namespace, taproot_service) (increase(taproot_audit_flush_failures_total[10m])) > 5", "5m", "page",
     "Readings and refusals cannot be written to the audit: when its spool is full, such readings fail"),
    ("CallsShed", "sum by (namespace, taproot_service) (rate(taproot_rpc_shed_total[5m])) > 0", "5m", "page",
     "A service refuses calls because it serves as many as it can"),
    ("MailUncertain", MAILS, "10m", "ticket",
     "Mails fail, or nobody knows whether they were sent"),
    ("MemoryHigh",
     'max by (namespace, taproot_service, pod) (process_resident_memory_bytes{taproot_service!=""}) > 450e6', "15m",
     "ticket", "A pod needs far more memory than at rest"),
    ("MigrationFailed", MIGRATION, "1m", "page",
     "A database could not be migrated: an upgrade stands still"),
    ("CertificateExpiring",
     f"{EXPIRY} - time() < 14 * 86400", "1h", "ticket", "A certificate between services runs out within two weeks"),
)  # fmt: skip


def names() -> list[str]:
    return [level.name for level in LEVELS] + [condition[0] for condition in CONDITIONS]


def runbook(name: str) -> str:
    """File name of an alert's page: OutboxStuck -> outbox-stuck.md."""
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
    return f"{words.strip('-')}.md"


def groups() -> dict[str, Any]:
    """The spec of a PrometheusRule."""
    return {
        "groups": [
            {"name": "taproot-levels", "rules": [rule for level in LEVELS for rule in _level_rules(level)]},
            {"name": "taproot-conditions", "rules": [_condition(*condition) for condition in CONDITIONS]},
        ]
    }


def _level_rules(level: Level) -> list[dict[str, Any]]:
    budget = round(1 - level.objective, 6)
    rules = []
    for burn, long, short, lasting, severity in WINDOWS:
        limit = f"{burn:g} * {budget:g}"
        expression = f"{level.ratio(long)} > {limit} and {level.ratio(short)} > {limit}"
        rules.append(
            _rule(level.name, expression, lasting, severity, f"{level.summary} (burns {burn:g} budgets)")
        )
        rules[-1]["labels"] |= {"window": long, "objective": f"{level.objective * 100:g} %"}
    return rules


def _condition(name: str, expression: str, lasting: str, severity: str, summary: str) -> dict[str, Any]:
    return _rule(name, expression, lasting, severity, summary)


def _rule(name: str, expression: str, lasting: str, severity: str, summary: str) -> dict[str, Any]:
    where = "{{ $labels.namespace }} {{ $labels.taproot_service }}"
    return {
        "alert": f"Taproot{name}",
        "expr": expression,
        "for": lasting,
        "labels": {"severity": severity, "product": "taproot"},
        "annotations": {"summary": f"{summary}: {where}", "runbook": f"{RUNBOOKS}/{runbook(name)}"},
    }
