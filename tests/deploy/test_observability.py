"""Every metric, consumer, method and page that rules and dashboards name exists."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY
from rendering import ROOT, of_kind
from taproot_charts import alerts
from taproot_charts.dashboards import SERVICES, all_dashboards

from taproot_base.descriptors import method_rules

# Made by Prometheus, kube-state-metrics and cert-manager.
FOREIGN = {
    "up",
    "kube_job_status_failed",
    "kube_job_status_succeeded",
    "certmanager_certificate_expiration_timestamp_seconds",
}
# Labels that come from scraping: ServiceMonitors set taproot_service; `job` is Prometheus' own, ours becomes exported_job.
SCRAPED = {"namespace", "pod", "taproot_service", "exported_job"}
SUFFIXES = ("_bucket", "_count", "_sum", "_total")


@pytest.fixture(scope="module")
def metrics():
    """Name -> labels of everything the services measure."""
    for service in SERVICES:
        importlib.import_module(f"taproot_{service}.main")
    importlib.import_module("taproot_gateway.doors")
    found = {}
    for collector, names in REGISTRY._collector_to_names.items():
        labels = set(getattr(collector, "_labelnames", ()))
        histogram = type(collector).__name__ == "Histogram"
        for name in names:
            found[name] = labels
        if histogram:
            found[f"{collector._name}_bucket"] = labels | {"le"}
    return found


def rules():
    return [rule for group in alerts.groups()["groups"] for rule in group["rules"]]


def expressions():
    yield from ((rule["alert"], rule["expr"]) for rule in rules())
    for name, dashboard in all_dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", target["expr"]


def selectors(expression):
    """All vector selectors of a parsed expression."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for name in ("expr", "lhs", "rhs", "param", "vector_selector", "args"):
        part = getattr(expression, name, None)
        for one in part if isinstance(part, list) else [part]:
            if one is not None and not isinstance(one, str):
                yield from selectors(one)


@pytest.mark.parametrize(("where", "text"), list(expressions()))
def test_expressions_use_metrics_and_labels_that_exist(metrics, where, text):
    found = list(selectors(promql_parser.parse(text.replace("$namespace", "crm"))))
    assert found, text
    for selector in found:
        assert selector.name in metrics or selector.name in FOREIGN, (where, selector.name)
        if selector.name in FOREIGN or selector.name.startswith("process_"):
            continue
        labels = {matcher.name for matcher in selector.matchers.matchers}
        assert labels <= metrics[selector.name] | SCRAPED, (where, selector.name, labels)


def test_buckets_the_levels_count_by_exist():
    from taproot_chassis import consumers
    from taproot_gateway.http import app

    assert 0.5 in app._seconds._kwargs["buckets"]
    assert (
        1.0 in consumers._delay._upper_bounds
        if hasattr(consumers._delay, "_upper_bounds")
        else 1.0 in consumers._delay._kwargs["buckets"]
    )


def test_codes_that_count_as_broken_are_grpc_codes():
    import grpc

    assert set(alerts.BROKEN.split("|")) <= {code.name for code in grpc.StatusCode}


def test_every_alert_has_its_page():
    pages = {path.name for path in (ROOT / alerts.RUNBOOKS).glob("*.md")}
    assert pages == {alerts.runbook(name) for name in alerts.names()}
    for name in alerts.names():
        text = (ROOT / alerts.RUNBOOKS / alerts.runbook(name)).read_text()
        assert text.startswith(f"# Taproot{name}\n")
        assert {"**Who suffers.**", "**Look.**", "**Do.**"} <= set(re.findall(r"\*\*[A-Z][\w ]+\.\*\*", text))


def test_levels_alert_by_two_windows():
    for rule in rules():
        if "objective" in rule["labels"]:
            assert rule["expr"].count(" and ") == 1
            assert f"[{rule['labels']['window']}]" in rule["expr"]


@pytest.mark.parametrize(
    "step", re.findall(r'method=~\\?"/(.+?)"', json.dumps(all_dashboards()["lifecycle"]).replace('\\"', '"'))
)
def test_steps_of_a_life_are_methods_of_the_contract(step):
    pattern = step.replace("\\\\", "\\").replace("\\\\", "\\")
    package = re.match(r"taproot\\?\.(\w+)", pattern)[1]
    service = re.search(r"v1\\?\.(\w+)/", pattern)[1]
    importlib.import_module(f"taproot_{package}.main")
    known = method_rules(f"taproot.{package}.v1.{service}")
    assert any(re.fullmatch(pattern, path.lstrip("/")) for path in known), (pattern, sorted(known))


def test_the_chart_brings_rules_and_dashboards(charts):
    manifests = charts.manifests("high-availability")
    spec = of_kind(manifests, "PrometheusRule")["taproot"]["spec"]
    assert spec == alerts.groups()
    assert of_kind(manifests, "PrometheusRule")["taproot"]["metadata"]["labels"]["release"] == "prometheus"
    boards = {
        name.removeprefix("taproot-dashboard-"): json.loads(next(iter(config["data"].values())))
        for name, config in of_kind(manifests, "ConfigMap").items()
        if "-dashboard-" in name
    }
    assert boards == all_dashboards()
    assert set(of_kind(manifests, "ServiceMonitor")) == {f"taproot-{name}" for name in SERVICES}


def test_the_collector_keeps_no_personal_data(charts):
    config = of_kind(charts.manifests("high-availability"), "ConfigMap")["taproot-collector"]["data"][
        "config.yaml"
    ]
    found = yaml.safe_load(config)
    assert found["service"]["pipelines"]["traces"]["processors"] == [
        "memory_limiter",
        "attributes/private",
        "batch",
    ]
    used = {name for part in found["service"]["pipelines"]["traces"].values() for name in part}
    defined = {name for part in ("receivers", "processors", "exporters") for name in found[part]}
    assert used == defined
    assert found["exporters"]["otlp"]["endpoint"] == "tempo.monitoring:4317"


def test_no_page_names_a_metric_that_does_not_exist(metrics):
    pages = [*(ROOT / "docs" / "operations").rglob("*.md")]
    named = {
        (page, name)
        for page in pages
        for name in re.findall(r"\b(taproot_[a-z_]+(?:_total|_seconds|_lag|_backlog))\b", page.read_text())
    }
    assert [
        (str(Path(page).name), name)
        for page, name in named
        if name not in metrics and f"{name}_count" not in metrics
    ] == []
