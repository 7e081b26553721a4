"""A real cluster: install, live, upgrade while living, go back, remove. `make cluster-test` runs it.

TAPROOT_TEST_KUBECONTEXT names the context of a cluster that may be used for it (kind, k3d, a namespace of your own)
and that can pull or has loaded the images; TAPROOT_TEST_VALUES a file of values for it. kubectl must be there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import shutil
import subprocess
import time

import helm_python
import pytest
import yaml
from taproot_launch import bundle

from taproot_local.api import Client
from taproot_local.demo.cast import Cast, Mailbox
from taproot_local.demo.life import play_life
from taproot_local.demo.setting_up import set_up
from taproot_local.processes import eventually, free_port, port_is_free

CONTEXT = os.environ.get("TAPROOT_TEST_KUBECONTEXT", "")
NAMESPACE, RELEASE, SECONDS = "taproot-test", "taproot", 900
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CONTEXT, reason="needs a cluster: set TAPROOT_TEST_KUBECONTEXT"),
    pytest.mark.skipif(not shutil.which("kubectl"), reason="needs kubectl"),
]


def kubectl(*arguments, sent=None):
    command = ["kubectl", "--context", CONTEXT, "--namespace", NAMESPACE, *arguments]
    return subprocess.run(command, input=sent, capture_output=True, text=True, check=True).stdout


@contextlib.contextmanager
def forwarded(service, port):
    at = free_port()
    command = [
        "kubectl",
        "--context",
        CONTEXT,
        "--namespace",
        NAMESPACE,
        "port-forward",
        f"service/{RELEASE}-{service}",
    ]
    process = subprocess.Popen([*command, f"{at}:{port}"], stdout=subprocess.DEVNULL)
    try:
        assert eventually(lambda: not port_is_free(at), 30)
        yield f"http://127.0.0.1:{at}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def values(charts):
    found = charts.values("minimal")
    if file := os.environ.get("TAPROOT_TEST_VALUES"):
        with pathlib.Path(file).open(encoding="utf-8") as text:
            found |= yaml.safe_load(text)
    return found


@pytest.fixture(scope="module")
def release(charts, values):
    made = bundle.generate(
        bundle.Places(f"{RELEASE}-postgresql:5432", f"{RELEASE}-nats:4222", f"smtp://{RELEASE}-mail:2525")
    )
    with contextlib.suppress(subprocess.CalledProcessError):
        kubectl("create", "namespace", NAMESPACE)
    kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted", "--overwrite")
    kubectl("apply", "--filename", "-", sent=bundle.as_manifests(made, RELEASE, NAMESPACE))
    with helm_python.Config(kube_context=CONTEXT, namespace=NAMESPACE) as helm:
        try:
            helm.install(
                charts.umbrella, RELEASE, values, namespace=NAMESPACE, timeout=SECONDS, wait="watcher"
            )
            yield helm, made["gateway"]["admin-password"]
        finally:
            helm.uninstall(RELEASE, ignore_not_found=True, timeout=SECONDS)
            kubectl("delete", "namespace", NAMESPACE, "--wait=false")


async def life(password):
    with forwarded("gateway", 80) as url, forwarded("mail", 8025) as mail:
        async with Client.open(url, patience=120) as visitor:
            admin = await visitor.signed_in("admin", password)
            await set_up(admin)
            cast = Cast(admin, Mailbox(visitor, mail))
            return await play_life(cast, int(time.time()) - 1_577_836_800, patience=120)


async def test_a_customer_lives_in_the_cluster(release):
    _, password = release
    assert len((await life(password)).mails) == 3


async def test_an_upgrade_migrates_and_interrupts_nobody(release, charts, values):
    helm, password = release
    changed = values | {"sales": values["sales"] | {"config": {"payment_terms_days": 45}}}
    upgrade = asyncio.to_thread(
        helm.upgrade, charts.umbrella, RELEASE, changed, namespace=NAMESPACE, timeout=SECONDS, wait="watcher",
        rollback_on_failure=True,
    )  # fmt: skip
    lived, upgraded = await asyncio.gather(life(password), upgrade)
    assert len(lived.mails) == 3
    assert upgraded["version"] == 2


async def test_the_way_back(release):
    helm, password = release
    await asyncio.to_thread(helm.rollback, RELEASE, version=1, timeout=SECONDS, wait="watcher")
    assert len((await life(password)).mails) == 3
