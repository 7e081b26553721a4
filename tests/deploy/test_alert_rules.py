"""Every rule of the chart by promtool: fires when it should, not at its limit, and ends after.

The series are written here as the services and exporters publish them; that they do publish them so is the matter of
test_live_alerts.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus import all_rules, check_rules, needs_promtool, seconds
from taproot_charts import alerts

pytestmark = needs_promtool
SCRAPED = {"namespace": "crm", "taproot_service": "sales", "pod": "taproot-sales-0"}
WHERE = {"namespace": "crm", "taproot_service": "sales"}
PER_MINUTE = 100_000
LEVELS = [rule for rule in all_rules() if "objective" in rule["labels"]]
CONDITIONS = {rule["alert"]: rule for rule in all_rules() if "objective" not in rule["labels"]}
Part = tuple[float, int]
LAST = 66
"""The first minute after what is bad, which begins at the sixth and lasts an hour."""


@dataclass(frozen=True)
class Case:
    """`bad` fires and `fair` does not; each is series by name and labels. `where`: the labels the alert then has.

    It fires `slack` minutes after its `for` at the latest, never before that, and is over in the minute `ended`.
    """

    where: dict[str, str]
    bad: dict[str, str]
    fair: dict[str, str]
    slack: int = 1
    ended: int = LAST + 1


def named(metric: str, **labels: str) -> str:
    listed = ", ".join(f'{name}="{value}"' for name, value in (SCRAPED | labels).items())
    return f"{metric}{{{listed}}}"


def lasting(value: float, minutes: int = 60, after: float = 0) -> str:
    """A gauge: quiet, then `value`, then `after`."""
    return f"{after:g}x5 {value:g}x{minutes} {after:g}x240"


def counting(rate: float, minutes: int = 60) -> str:
    """A counter: still for five minutes, growing by `rate` a minute, still again."""
    top = rate * minutes
    return f"0x5 0+{rate:g}x{minutes} {top:g}x240"


def absent(minutes: int = 60) -> str:
    """A series that ends for a while."""
    return f"1x5 _x{minutes} 1x240"


CONSUMER = {"consumer": "timeline:sales"}
JOB = {"exported_job": "remind", "result": "failed"}
CERTIFICATE = "certmanager_certificate_expiration_timestamp_seconds"
CERTIFIED = {"namespace": "crm", "name": "taproot-sales-tls"}
MAILED = "taproot_mail_settled_total"
MAILED_WINDOW = (30, LAST + 30)
EXPIRED_MINUTES = 120
OTHERS_UP = {named("up", taproot_service="customer", pod="c"): "1x400"}


def gauge(metric: str, bad: float, fair: float, **labels: str) -> Case:
    where = {name: value for name, value in labels.items() if name in ("consumer", "exported_job")}
    key = named(metric, **labels)
    return Case(WHERE | where, {key: lasting(bad)}, {key: lasting(fair)})


def counter(metric: str, bad: float, fair: float, minutes: int, **labels: str) -> Case:
    """`minutes`: its window."""
    where = {name: value for name, value in labels.items() if name in ("consumer", "exported_job")}
    key = named(metric, **labels)
    return Case(WHERE | where, {key: counting(bad)}, {key: counting(fair)}, minutes, LAST + minutes)


def stuck(handled: str) -> dict[str, str]:
    return {
        named("taproot_consumer_lag", **CONSUMER): lasting(3),
        named("taproot_consumer_events_total", **CONSUMER): handled,
    }


def migration(failed: str, succeeded: str, job: str = "taproot-sales-migrate-0") -> dict[str, str]:
    found = f'{{namespace="crm", job_name="{job}"}}'
    return {f"kube_job_status_failed{found}": failed, f"kube_job_status_succeeded{found}": succeeded}


def mails(**states: float) -> dict[str, str]:
    return {named(MAILED, state=state): counting(rate) for state, rate in states.items()}


def expires(days: float, later: float, exported: bool = False) -> dict[str, str]:
    """Promtool's time begins at 0."""
    labels = (
        'namespace="cert-manager", exported_namespace="crm", name="taproot-sales-tls"'
        if exported
        else 'namespace="crm", name="taproot-sales-tls"'
    )
    return {
        f"{CERTIFICATE}{{{labels}}}": f"{later * 86400:g}x5 {days * 86400:g}x{EXPIRED_MINUTES} {later * 86400:g}x240"
    }


CASES = {
    "ServiceDown, no pod answers": Case(
        WHERE,
        {named("up", pod="a"): lasting(0, after=1), named("up", pod="b"): lasting(0, after=1)} | OTHERS_UP,
        {named("up", pod="a"): lasting(0, after=1), named("up", pod="b"): lasting(1, after=1)} | OTHERS_UP,
    ),
    "ServiceDown, no pod is left": Case(
        WHERE, {named("up"): absent()} | OTHERS_UP, {named("up"): absent()}, 6
    ),  # the last sample is believed for five minutes; when all are uninstalled, nobody misses one
    "OutboxStuck": gauge("taproot_outbox_oldest_seconds", 61, 60),
    # One event, tried again every ten seconds, against what NATS loses while a server is replaced.
    "PublishFailing": counter("taproot_outbox_publish_failures_total", 5, 0.5, 6),
    "ConsumerStuck": Case(WHERE | CONSUMER, stuck("9x400"), stuck("0+1x400"), 2),
    "ConsumerBehind": gauge("taproot_consumer_lag", 10_001, 10_000, **CONSUMER),
    "ConsumerRetrying": Case(
        WHERE | CONSUMER,
        {named("taproot_consumer_retries_total", **CONSUMER): "0x5 5x300"},
        {named("taproot_consumer_retries_total", **CONSUMER): "0x5 4x300"},
        2,
        22,  # one event, five attempts within seconds: told for a quarter of an hour
    ),
    "DeadLetters": gauge("taproot_dead_letters", 1, 0, state="dead", **CONSUMER),
    "DeadLetters, not what is parked": Case(
        WHERE | CONSUMER,
        {named("taproot_dead_letters", state="dead", **CONSUMER): lasting(1)},
        {named("taproot_dead_letters", state="parked", **CONSUMER): lasting(7)},
    ),
    "ConsumerLate": gauge("taproot_consumer_oldest_seconds", 301, 300, **CONSUMER),
    "JobFailing": counter("taproot_job_runs_total", 0.2, 0.05, 31, **JOB),
    "JobFailing, it does not end": gauge("taproot_job_running_seconds", 1801, 1800, exported_job="remind"),
    "AuditUnsealed": gauge("taproot_audit_oldest_unsealed_seconds", 121, 120),
    "AuditUnwritten": counter("taproot_audit_flush_failures_total", 1, 0.3, 11),
    "CallsShed": counter("taproot_rpc_shed_total", 1, 0, 6),
    "MailUncertain, the server is away": Case(
        {"namespace": "crm"},
        mails(failed_temporary=1, sent=10),
        mails(failed_temporary=0.5, sent=10),
        *MAILED_WINDOW,
    ),
    "MailUncertain, no answer came": Case(
        {"namespace": "crm"}, mails(uncertain=1), mails(uncertain=0.5), *MAILED_WINDOW
    ),
    "MailUncertain, the server refuses all": Case(
        {"namespace": "crm"}, mails(bounced=5, sent=10), mails(bounced=2, sent=10), *MAILED_WINDOW
    ),
    "MemoryHigh": Case(
        WHERE | {"pod": SCRAPED["pod"]},
        {named("process_resident_memory_bytes"): lasting(451e6, after=120e6)},
        {named("process_resident_memory_bytes"): lasting(450e6, after=120e6)},
    ),
    "MigrationFailed": Case(
        {"namespace": "crm", "job_name": "taproot-sales-migrate-0"},
        migration(lasting(1), "0x400"),
        migration(lasting(1), "1x400"),  # the second attempt got through
    ),
    "MigrationFailed, another product's": Case(
        {"namespace": "crm", "job_name": "taproot-sales-migrate-0"},
        migration(lasting(1), "0x400"),
        migration(lasting(1), "0x400", "shop-migrate-0"),
    ),
    "CertificateExpiring": Case(CERTIFIED, expires(13, 60), expires(15, 60), 1, EXPIRED_MINUTES + 7),
    "CertificateExpiring, scraped elsewhere": Case(
        CERTIFIED, expires(13, 60, True), expires(15, 60, True), 1, EXPIRED_MINUTES + 7
    ),
}


def test_every_condition_has_a_case():
    assert {f"Taproot{name.partition(',')[0]}" for name in CASES} == set(CONDITIONS)


@pytest.mark.parametrize("name", CASES)
def test_conditions(name, tmp_path):
    case, rule = CASES[name], CONDITIONS[f"Taproot{name.partition(',')[0]}"]
    due = 6 + seconds(rule["for"]) // 60
    fires = _firing(rule, case.where, f"{due + case.slack}m")
    seen = [_silent(rule, f"{due - 1}m"), fires, _silent(rule, f"{case.ended}m")]
    unseen = [_silent(rule, f"{minute}m") for minute in (due, due + case.slack, LAST - 1)]
    run(tmp_path, rule, [_test(case.bad, seen), _test(case.fair, unseen)])


def _level_series(name: str, parts: list[Part]) -> dict[str, str]:
    """Counters as scraped; each part is a share of bad ones and for how many minutes."""
    at = {"good": 0.0, "bad": 0.0, "all": 0.0}
    text: dict[str, list[str]] = {"good": [], "bad": [], "all": []}
    for share, minutes in parts:
        steps = {"good": PER_MINUTE * (1 - share), "bad": PER_MINUTE * share, "all": PER_MINUTE}
        for kind, step in steps.items():
            text[kind].append(f"{at[kind]:.0f}+{step:.0f}x{minutes - 1}")
            at[kind] += round(step) * minutes
    good, bad, all_ = (" ".join(text[kind]) for kind in ("good", "bad", "all"))
    route = {"route": "/v1/leads", "method": "GET"}
    probes = {"route": "/readyz", "method": "GET"}
    return {
        "HttpErrors": {
            named("taproot_http_answers_total", status="200", **route): good,
            named("taproot_http_answers_total", status="503", **route): bad,
            named("taproot_http_answers_total", status="503", **probes): good,
        },
        "HttpSlow": {
            named("taproot_http_seconds_count", **route): all_,
            named("taproot_http_seconds_bucket", le="0.5", **route): good,
            named("taproot_http_seconds_bucket", le="1", **route): all_,
        },
        "RpcErrors": {
            named("taproot_rpc_seconds_count", code="OK", method="/a"): good,
            named("taproot_rpc_seconds_count", code="DEADLINE_EXCEEDED", method="/a"): bad,
        },
        "EventsLate": {
            named("taproot_consumer_delay_seconds_count", **CONSUMER): all_,
            named("taproot_consumer_delay_seconds_bucket", le="1.0", **CONSUMER): good,
        },
    }[name]


@pytest.mark.parametrize("rule", LEVELS, ids=lambda rule: f"{rule['alert']} {rule['labels']['window']}")
def test_levels_by_window(rule, tmp_path):
    """A share just above what the window allows fires after `for` and ends with the short window."""
    burn, budget = re.findall(r"> ([\d.]+) \* ([\d.]+)", rule["expr"])[0]
    limit = float(burn) * float(budget)
    short = seconds(re.findall(r"\[(\w+)\]", rule["expr"])[-1]) // 60
    lasts = seconds(rule["for"]) // 60
    level = next(one for one in alerts.LEVELS if rule["alert"] == f"Taproot{one.name}")
    where = {label: SCRAPED[label] for label in level.by.split(", ")}
    bad = lasts + 10
    above = _level_series(level.name, [(limit * 1.1, bad), (0, short + 10)])
    below = _level_series(level.name, [(limit * 0.9, bad + 10)])
    run(
        tmp_path,
        rule,
        [
            _test(
                above,
                [
                    _silent(rule, f"{lasts - 1}m"),
                    _firing(rule, where, f"{lasts + 3}m"),
                    _silent(rule, f"{bad + short + 2}m"),
                ],
            ),
            _test(below, [_silent(rule, f"{minute}m") for minute in (lasts + 3, bad + 9)]),
        ],
    )


def _firing(rule: dict[str, Any], where: dict[str, str], when: str) -> dict[str, Any]:
    words = {f"{{{{ $labels.{label} }}}}": where.get(label, "") for label in ("namespace", "taproot_service")}
    summary = rule["annotations"]["summary"]
    for word, value in words.items():
        summary = summary.replace(word, value)
    found = {
        "exp_labels": rule["labels"] | where,
        "exp_annotations": rule["annotations"] | {"summary": summary},
    }
    return {"eval_time": when, "alertname": rule["alert"], "exp_alerts": [found]}


def _silent(rule: dict[str, Any], when: str) -> dict[str, Any]:
    return {"eval_time": when, "alertname": rule["alert"], "exp_alerts": []}


def _test(series: dict[str, str], expected: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": expected,
    }


def run(directory: Path, rule: dict[str, Any], tests: list[dict[str, Any]]) -> None:
    """The rule alone, as it is in the chart."""
    (directory / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [rule]}]}))
    path = directory / "test.yaml"
    path.write_text(
        yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests})
    )
    check_rules([path])
