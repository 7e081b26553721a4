"""Helm lints and renders every chart; the API server's own schemas accept what comes out."""

from __future__ import annotations

import difflib
import json
import os
import re
from pathlib import Path

import helm_python
import kubernetes_validate
import pytest
import yaml
from rendering import VALUE_SETS, of_kind
from taproot_charts import assemble, generate
from taproot_charts.catalogue import OWNED_BY_THE_CHART, SERVICES
from taproot_charts.schema import settings

GOLDEN = Path(__file__).parent / "golden"
REGENERATE = bool(os.environ.get("TAPROOT_REGENERATE_GOLDEN"))
MINORS = ("1.30", "1.34", "1.37")
OPERATORS = {
    "monitoring.coreos.com", "keda.sh", "cert-manager.io", "external-secrets.io", "gateway.networking.k8s.io",
}  # fmt: skip
SERVICE_NAMES = tuple(service.name for service in SERVICES)


@pytest.mark.parametrize("chart", [*SERVICE_NAMES, "taproot"])
def test_lint_is_clean(charts, chart):
    report = helm_python.lint(charts.directory / chart, strict=True, kube_version=f"v{MINORS[-1]}.0")
    told = [message for message in report["messages"] if message["severity"] > 1]
    assert report["errors"] == []
    assert told == []


@pytest.mark.parametrize("minor", MINORS)
def test_the_api_server_would_accept_it(charts, minor):
    """Every manifest of all value sets, installed and upgraded; those that differ by a service's name once."""
    rendered = (charts.manifests(name, upgrade=upgrade) for name in VALUE_SETS for upgrade in (False, True))
    different = {json.dumps(one, sort_keys=True): one for manifests in rendered for one in manifests}
    alike = {re.sub("|".join(SERVICE_NAMES), "service", text): one for text, one in different.items()}
    native = [one for one in alike.values() if one["apiVersion"].split("/")[0] not in OPERATORS]
    assert {one["kind"] for one in native} > {"Deployment", "Job", "StatefulSet", "NetworkPolicy", "Ingress"}
    for manifest in native:
        kubernetes_validate.validate(manifest, minor, strict=True)


@pytest.mark.parametrize("value_set", VALUE_SETS)
def test_manifests_are_the_golden_ones(charts, value_set):
    """`TAPROOT_REGENERATE_GOLDEN=1` writes them anew. Other sets are kept as what they change of the default."""
    default = _text(charts.manifests("default"))
    found = default if value_set == "default" else _changes(default, _text(charts.manifests(value_set)))
    _compare(found, f"{value_set}.yaml" if value_set == "default" else f"{value_set}.diff")


def test_an_upgrade_changes_only_the_migrations(charts):
    found = _changes(_text(charts.manifests("default")), _text(charts.manifests("default", upgrade=True)))
    _compare(found, "upgrade.diff")


def _text(manifests):
    return yaml.safe_dump_all(manifests, sort_keys=True, width=110)


def _changes(before, after):
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "default", "changed", lineterm="", n=3
    )
    return "".join(f"{line}\n" for line in lines)


def _compare(found, name):
    path = GOLDEN / name
    if REGENERATE:
        path.write_text(found)
    assert found == path.read_text(), f"{name}: TAPROOT_REGENERATE_GOLDEN=1 writes what is wanted now"


WRONG = {
    "a misspelt part": ({"custmer": {}}, "additional properties 'custmer' not allowed"),
    "a misspelt key": ({"customer": {"api": {"replica": 3}}}, "additional properties 'replica' not allowed"),
    "a setting nobody reads": ({"sales": {"config": {"default_curency": "EUR"}}}, "'default_curency' not allowed"),
    "a setting of the wrong type": ({"sales": {"config": {"payment_terms_days": "x"}}}, "want integer"),
    "no replicas": ({"gateway": {"api": {"replicas": 0}}}, "minimum: got 0, want 1"),
    "a memory size": ({"customer": {"blobs": {"size": "ten"}}}, "does not match pattern"),
    "an unknown mode": ({"global": {"tls": {"mode": "on"}}}, "must be one of 'disabled', 'certManager', 'existing'"),
    "a digest": ({"global": {"image": {"digest": "latest"}}}, "does not match pattern"),
    "an issuer left out": ({"global": {"tls": {"mode": "certManager"}}}, "global.tls.issuer.name"),
    "a store left out": ({"sales": {"secrets": {"externalSecrets": {"enabled": True}}}}, "store.name"),
    "two pods on one disk": ({"customer": {"blobs": {"accessMode": "ReadWriteOnce"}}}, "allows one pod only"),
    "a route to nowhere": ({"gateway": {"gatewayApi": {"enabled": True}}}, "gateway.gatewayApi.parentRefs"),
    "a collector without a store": ({"collector": {"enabled": True}}, "collector.exportTo"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_values_say_what_is_wrong(charts, case):
    values, said = WRONG[case]
    with pytest.raises(helm_python.HelmError) as caught:
        charts.render(values)
    assert said in str(caught.value)


def test_generated_files_are_up_to_date():
    """But for settings, which services gain on their own: those may wait for the next `make charts`."""
    for path, text in generate.generated().items():
        if path.name == "values.schema.json":
            assert path.exists()
        else:
            assert path.read_text() == text, f"{path}: run `make charts`"


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_setting_the_chart_takes_exists(service):
    schema = yaml.safe_load((generate.HERE / service.name / "values.schema.json").read_text())
    assert set(schema["properties"]["config"]["properties"]) <= set(settings(service))
    assert not set(schema["properties"]["config"]["properties"]) & OWNED_BY_THE_CHART


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_every_value_is_documented_by_a_comment_or_its_parent(service):
    text = (generate.HERE / service / "values.yaml").read_text()
    documented = sum(line.lstrip().startswith("# --") for line in text.splitlines())
    assert documented > 25


def test_archives_hold_everything(tmp_path):
    archives = assemble.package(tmp_path)
    assert [path.name for path in archives] == [f"{name}-0.1.0.tgz" for name in (*SERVICE_NAMES, "taproot")]
    chart = helm_python.Chart.load_archive(archives[-1].read_bytes())
    assert sorted(one["name"] for one in chart.dependencies) == sorted([*SERVICE_NAMES, "taproot-lib"])


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_each_service_installs_alone(charts, service):
    chart = helm_python.Chart.load(charts.directory / service)
    files = chart.render({}, name="alone", namespace="crm")
    text = "\n---\n".join(text for name, text in files.items() if not name.endswith(".txt"))
    deployments = of_kind([one for one in yaml.safe_load_all(text) if one], "Deployment")
    assert set(deployments) == {f"alone-{service}", f"alone-{service}-worker"}


def test_the_notes_tell_the_first_steps(charts):
    told = charts.notes({"trial": {"enabled": True}})
    assert "port-forward service/taproot-gateway 8080:80" in told
    assert "get secret taproot-gateway" in told
