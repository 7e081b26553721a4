"""What every pod, policy and job of the charts keeps to, in all value sets."""

from __future__ import annotations

import copy

import pytest
from rendering import VALUE_SETS, containers, of_kind, pods
from taproot_charts.catalogue import SERVICES

NAMES = [service.name for service in SERVICES]
ALL = pytest.mark.parametrize("value_set", VALUE_SETS)


@ALL
def test_pods_keep_to_the_restricted_profile(charts, value_set):
    """Pod Security Standards, profile `restricted`, and a read-only root filesystem besides."""
    for name, pod in pods(charts.manifests(value_set)):
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] > 10000, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod["spec"]), name
        assert all(not {"hostPath"} & set(volume) for volume in pod["spec"]["volumes"]), name
        for container in containers(pod):
            own = container["securityContext"]
            assert own["readOnlyRootFilesystem"] is True, name
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["privileged"] is False, name
            assert own["runAsNonRoot"] is True, name
            assert own["capabilities"] == {"drop": ["ALL"]}, name


@ALL
def test_containers_say_what_they_need(charts, value_set):
    for name, pod in pods(charts.manifests(value_set)):
        for container in containers(pod):
            resources = container["resources"]
            assert set(resources["requests"]) == {"cpu", "memory"}, name
            assert set(resources["limits"]) >= {"memory"}, name


@ALL
def test_no_pod_gets_a_token_of_the_cluster(charts, value_set):
    manifests = charts.manifests(value_set)
    assert all(
        one["automountServiceAccountToken"] is False for one in of_kind(manifests, "ServiceAccount").values()
    )
    for name, pod in pods(manifests):
        assert pod["spec"]["automountServiceAccountToken"] is False, name
        assert pod["spec"]["enableServiceLinks"] is False, name
    assert not of_kind(manifests, "Role")
    assert not of_kind(manifests, "ClusterRole")


@ALL
def test_no_manifest_holds_a_secret(charts, value_set):
    """Secrets are files from Secrets that others make; none is in a manifest or a pod's environment."""
    manifests = charts.manifests(value_set)
    assert not of_kind(manifests, "Secret")
    for name, pod in pods(manifests):
        for container in containers(pod):
            assert all("value" in variable for variable in container.get("env", [])), name
    for config in of_kind(manifests, "ConfigMap").values():
        assert not [key for key in config["data"] if "PASSWORD" in key or (key.endswith(("_URL", "_KEY"))
                    and key not in {"TAPROOT_PUBLIC_URL", "TAPROOT_MAIL_URL"})]  # fmt: skip


@ALL
def test_pods_start_anew_with_a_new_configuration(charts, value_set):
    values = copy.deepcopy(charts.values(value_set))
    values["sales"] = copy.deepcopy(
        values.get("sales", {})
    )  # a value file may use one part for several services
    values.setdefault("sales", {}).setdefault("config", {})["payment_terms_days"] = 45
    before, after = (
        of_kind(charts.manifests(value_set), "Deployment"),
        of_kind(charts.render(values), "Deployment"),
    )
    changed = {
        name
        for name in before
        if before[name]["spec"]["template"]["metadata"] != after[name]["spec"]["template"]["metadata"]
    }
    assert changed == {name for name in before if name.startswith("taproot-sales")}


@ALL
def test_pods_drain_before_they_end(charts, value_set):
    for name, deployment in of_kind(charts.manifests(value_set), "Deployment").items():
        spec = deployment["spec"]["template"]["spec"]
        if name.endswith("-collector"):
            continue
        service = spec["containers"][0]
        slept = service["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert spec["terminationGracePeriodSeconds"] > slept + 20, name
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(service), name


def test_probes_of_services_are_grpc(charts):
    for manifests, port in ((charts.manifests("default"), 9000), (charts.manifests("mtls"), 9001)):
        for name, deployment in of_kind(manifests, "Deployment").items():
            service = deployment["spec"]["template"]["spec"]["containers"][0]
            if name != "taproot-gateway":
                assert service["readinessProbe"]["grpc"] == {"port": port}, name


@ALL
def test_a_disruption_leaves_replicas(charts, value_set):
    manifests = charts.manifests(value_set)
    budgets = of_kind(manifests, "PodDisruptionBudget")
    for name, deployment in of_kind(manifests, "Deployment").items():
        if deployment["spec"].get("replicas", 2) > 1 and not name.endswith("-collector"):
            assert budgets[name]["spec"]["maxUnavailable"] == 1
            assert budgets[name]["spec"]["selector"] == deployment["spec"]["selector"]
            assert deployment["spec"]["template"]["spec"]["topologySpreadConstraints"], name


def test_selectors_find_their_pods(charts):
    for value_set in VALUE_SETS:
        manifests = charts.manifests(value_set)
        labels = [pod["metadata"]["labels"] for _, pod in pods(manifests)]
        for name, service in of_kind(manifests, "Service").items():
            wanted = service["spec"]["selector"].items()
            assert any(wanted <= found.items() for found in labels), (value_set, name)


def test_callers_and_calls_agree(charts):
    """Who may be called by whom is said twice, by both sides' policies."""
    policies = of_kind(charts.manifests("default"), "NetworkPolicy")
    incoming = {
        (caller, name)
        for name in NAMES
        for caller in _named(policies[f"taproot-{name}"]["spec"]["ingress"], "from")
    }
    outgoing = {
        (name, called)
        for name in NAMES
        for called in _named(policies[f"taproot-{name}"]["spec"]["egress"], "to")
    }
    assert incoming == outgoing
    assert ("sales", "customer") in incoming
    assert ("sales", "servicedesk") not in incoming


def _named(rules, side):
    return {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for rule in rules
        if {"protocol": "TCP", "port": 9000} in rule.get("ports", [])
        for peer in rule[side]
        if "podSelector" in peer
    }


def test_everything_else_is_denied(charts):
    policies = of_kind(charts.manifests("default"), "NetworkPolicy")
    deny = policies["taproot-default-deny"]["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in deny
    assert "egress" not in deny
    for _, pod in pods(charts.manifests("air-gapped")):
        assert deny["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    migrate = policies["taproot-sales-migrate"]["spec"]
    assert migrate["ingress"] == []
    assert [port["port"] for rule in migrate["egress"] for port in rule["ports"]] == [53, 53, 5432]


def test_clients_balance_over_all_pods(charts):
    manifests = charts.manifests("default")
    services = of_kind(manifests, "Service")
    for config in (of_kind(manifests, "ConfigMap")[f"taproot-{name}"]["data"] for name in NAMES):
        for backend in config["TAPROOT_BACKENDS"].split(","):
            host, _, port = backend.partition("=")[2].partition(":")
            assert services[host]["spec"]["clusterIP"] == "None"
            assert services[host]["spec"]["ports"][0]["port"] == int(port)


def test_the_first_install_migrates_beside_the_pods(charts):
    """As a hook it would wait for a database that is not there yet, or the release for pods that wait for it."""
    manifests = charts.manifests("default")
    jobs = of_kind(manifests, "Job")
    assert len(jobs) == len(NAMES)
    assert not [name for name, job in jobs.items() if job["metadata"].get("annotations")]
    for name, deployment in of_kind(manifests, "Deployment").items():
        first = deployment["spec"]["template"]["spec"]["initContainers"][0]
        assert first["env"][0] == {"name": "TAPROOT_ROLE", "value": "await-schema"}, name


def test_an_upgrade_migrates_before_any_pod_changes(charts):
    manifests = charts.manifests("default", upgrade=True)
    for name, job in of_kind(manifests, "Job").items():
        notes = job["metadata"]["annotations"]
        assert notes["helm.sh/hook"] == "pre-upgrade"
        assert "before-hook-creation" in notes["helm.sh/hook-delete-policy"]
        account = of_kind(manifests, "ServiceAccount")[name]
        assert int(account["metadata"]["annotations"]["helm.sh/hook-weight"]) < int(
            notes["helm.sh/hook-weight"]
        )
        # The hook runs before the release's new ConfigMap is there: it may lean on nothing of this release.
        container = job["spec"]["template"]["spec"]["containers"][0]
        assert "envFrom" not in container
        assert {"name": "TAPROOT_ROLE", "value": "migrate"} in container["env"]


def test_a_new_image_is_a_new_job(charts):
    """A Job cannot be changed: tools that render without a cluster apply the install's form each time."""
    before = set(of_kind(charts.manifests("default"), "Job"))
    after = set(of_kind(charts.render({"global": {"image": {"tag": "0.1.1"}}}), "Job"))
    assert before.isdisjoint(after)


def test_only_the_migration_knows_the_owners_login(charts):
    for name, pod in pods(charts.manifests("default")):
        knows = "-migration" in str(pod["spec"]["volumes"])
        assert knows == name.startswith("Job/"), name


def test_keda_scales_workers_by_lag_and_cpu(charts):
    manifests = charts.manifests("high-availability")
    scaled = of_kind(manifests, "ScaledObject")
    assert set(scaled) == {f"taproot-{name}-worker" for name in NAMES if name != "gateway"}
    lag, cpu = scaled["taproot-sales-worker"]["spec"]["triggers"]
    assert 'taproot_service="sales"' in lag["metadata"]["query"]
    assert cpu["type"] == "cpu"
    assert set(of_kind(manifests, "HorizontalPodAutoscaler")) == {f"taproot-{name}" for name in NAMES}


def test_all_images_come_from_the_mirror(charts):
    for name, pod in pods(charts.manifests("air-gapped")):
        assert pod["spec"]["imagePullSecrets"] == [{"name": "mirror-login"}], name
        for container in containers(pod):
            assert container["image"].startswith("registry.corp.example/crm/"), name
            assert "@sha256:" in container["image"], name


def test_mutual_tls_reaches_every_service(charts):
    manifests = charts.manifests("mtls")
    certificates = of_kind(manifests, "Certificate")
    for name in NAMES:
        assert {"server auth", "client auth"} == set(certificates[f"taproot-{name}-tls"]["spec"]["usages"])
        assert f"taproot-{name}-grpc" in certificates[f"taproot-{name}-tls"]["spec"]["dnsNames"]
        assert (
            of_kind(manifests, "ConfigMap")[f"taproot-{name}"]["data"]["TAPROOT_TLS_DIR"]
            == "/etc/taproot/tls"
        )
