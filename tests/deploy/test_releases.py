"""Helm itself installs, upgrades and rolls back against an API server whose pods wait for their schema."""

from __future__ import annotations

import helm_python
import pytest
from apiserver import serving
from rendering import Charts

SECONDS = 60
NAMES = ("customer", "sales", "servicedesk", "marketing", "gateway")


@pytest.fixture
def cluster():
    with serving() as (url, state):
        state.url = url
        yield state


@pytest.fixture
def helm(cluster):
    content = f"""
apiVersion: v1
kind: Config
current-context: test
clusters: [{{name: test, cluster: {{server: "{cluster.url}"}}}}]
contexts: [{{name: test, context: {{cluster: test, user: test, namespace: crm}}}}]
users: [{{name: test, user: {{}}}}]
"""
    with helm_python.Config(kubeconfig_content=content, namespace="crm", storage_driver="memory") as config:
        yield config


def install(helm, charts, timeout=SECONDS, values=None, **options):
    return helm.install(charts.umbrella, "taproot", values or {}, namespace="crm", timeout=timeout, **options)


def upgrade(helm, charts, tag, **options):
    values = {"global": {"image": {"tag": tag}}}
    return helm.upgrade(charts.umbrella, "taproot", values, namespace="crm", timeout=SECONDS, **options)


def images(cluster):
    deployments = cluster.named("Deployment").values()
    return {one["spec"]["template"]["spec"]["containers"][0]["image"] for one in deployments}


def test_a_first_install_does_not_wait_for_itself(helm, charts, cluster):
    """Atomic too: it would take everything away again if it did."""
    cluster.needs = {"StatefulSet/taproot-postgresql"}
    install(helm, charts, wait="watcher", rollback_on_failure=True, values={"trial": {"enabled": True}})
    assert cluster.migrated == set(NAMES)
    assert len(cluster.named("Deployment")) == 2 * len(NAMES)


def test_a_first_install_that_cannot_migrate_fails_and_leaves_nothing(helm, charts, cluster):
    cluster.failing = {"sales"}
    with pytest.raises(helm_python.HelmError):
        install(helm, charts, 5, wait="watcher", rollback_on_failure=True)
    assert cluster.named("Deployment") == {}


@pytest.mark.parametrize("hook", ["pre-install", "post-install"])
def test_as_a_hook_a_first_install_would_wait_for_ever(helm, cluster, hook, tmp_path):
    """Why the install's Jobs are none: with the database in the same release, or with --wait, they would hang."""
    changed = Charts(tmp_path)
    for template in tmp_path.rglob("_migration.tpl"):
        text = template.read_text().replace(":= .Release.IsUpgrade", ":= true")
        template.write_text(text.replace("helm.sh/hook: pre-upgrade", f"helm.sh/hook: {hook}"))
    cluster.needs = {"StatefulSet/taproot-postgresql"}
    with pytest.raises(helm_python.HelmError):
        install(helm, changed, 5, wait="watcher", values={"trial": {"enabled": True}})
    assert cluster.migrated == set()


def test_an_upgrade_migrates_before_any_pod_changes(helm, charts, cluster):
    install(helm, charts, wait="watcher")
    jobs, begun = set(cluster.named("Job")), len(cluster.history)
    upgrade(helm, charts, "0.2.0", wait="watcher", rollback_on_failure=True)
    since = cluster.history[begun:]
    migrated = [index for index, event in enumerate(since) if event[0] == "migrated"]
    changed = [index for index, event in enumerate(since) if event[:2] == ("change", "Deployment")]
    assert (len(migrated), len(changed)) == (5, 10)
    assert max(migrated) < min(changed)
    assert images(cluster) == {"taproot/taproot:0.2.0"}
    assert cluster.named("Job") == {}, "neither the install's nor the upgrade's"
    assert all(("delete", "Job", name) in since for name in jobs)


def test_an_upgrade_that_cannot_migrate_changes_no_pod(helm, charts, cluster):
    install(helm, charts, wait="watcher")
    begun = len(cluster.history)
    cluster.failing = {"customer"}
    with pytest.raises(helm_python.HelmError):
        upgrade(helm, charts, "0.2.0", wait="watcher")
    assert [event for event in cluster.history[begun:] if event[1] == "Deployment"] == []
    assert images(cluster) == {"taproot/taproot:0.1.0"}
    cluster.failing = set()
    upgrade(helm, charts, "0.2.1", wait="watcher")
    assert images(cluster) == {"taproot/taproot:0.2.1"}


def test_the_way_back_leads_to_the_first_revision(helm, charts, cluster):
    """Its manifest holds the install's Job, which comes back and finds a newer database."""
    install(helm, charts, wait="watcher")
    upgrade(helm, charts, "0.2.0", wait="watcher")
    helm.rollback("taproot", version=1, timeout=SECONDS, wait="watcher")
    assert images(cluster) == {"taproot/taproot:0.1.0"}
    assert len(cluster.named("Job")) == len(NAMES)
    upgrade(helm, charts, "0.2.0", wait="watcher")
    assert images(cluster) == {"taproot/taproot:0.2.0"}


def test_uploads_outlive_the_release(helm, charts, cluster):
    install(helm, charts, wait="watcher")
    helm.uninstall("taproot", timeout=SECONDS)
    assert set(cluster.named("PersistentVolumeClaim")) == {"taproot-customer-blobs"}
    assert cluster.named("Deployment") == {}
