"""The images built for real, every service twice on a private network, and a customer's life through them."""

from __future__ import annotations

import json
import secrets
import time

import pytest
from composed import Composed, running
from engine import NoEngine, build_images, docker, engine

from taproot_local.api import Client
from taproot_local.demo.cast import Cast, Mailbox
from taproot_local.demo.life import play_life
from taproot_local.demo.setting_up import set_up

pytestmark = [pytest.mark.docker, pytest.mark.slow]
SERVICES = ("customer", "sales", "servicedesk", "marketing", "gateway")
PREFIX = "taproot-test"
VERSION = "0.1.0"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    directory = tmp_path_factory.mktemp("engine")
    try:
        with engine(directory):
            build_images(directory, PREFIX)
            yield f"{PREFIX}/taproot:{VERSION}"
    except NoEngine as reason:
        pytest.skip(f"needs a Docker engine: {reason}")


@pytest.fixture(scope="module")
def suite(images, tmp_path_factory):
    composed = Composed(
        f"taproot-{secrets.token_hex(4)}",
        dict.fromkeys(SERVICES, 2),
        {"TAPROOT_IMAGE": images, "TAPROOT_TRIAL_IMAGE": f"{PREFIX}/trial:{VERSION}"},
    )
    with running(composed, tmp_path_factory.mktemp("logs")):
        composed.await_healthy(list(SERVICES))
        yield composed


def test_the_image_is_as_hardened_as_the_chart_wants(images):
    config = json.loads(docker("inspect", images))[0]["Config"]
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Entrypoint"] == ["/opt/taproot/bin/python", "-m", "taproot_launch"]
    assert not config.get("Cmd")
    assert config["Labels"]["org.opencontainers.image.version"] == VERSION
    for variable in config["Env"]:
        assert "PASSWORD" not in variable


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "TAPROOT_SERVICE is ''"),
        ({"TAPROOT_SERVICE": "billing"}, "known are customer"),
        ({"TAPROOT_SERVICE": "sales", "TAPROOT_ROLE": "boss"}, "TAPROOT_ROLE is 'boss'"),
    ],
)
def test_a_container_that_is_told_nonsense_says_so(images, settings, said):
    options = [part for name, value in settings.items() for part in ("--env", f"{name}={value}")]
    with pytest.raises(AssertionError, match=said):
        docker("run", "--rm", "--read-only", *options, images)


def test_a_container_that_waits_ends_at_once_when_asked(images):
    """Process 1 ignores signals nobody handles."""
    name = f"taproot-{secrets.token_hex(4)}"
    settings = [
        "TAPROOT_SERVICE=sales",
        "TAPROOT_ROLE=await-schema",
        "TAPROOT_DATABASE_URL=postgresql://a:b@127.0.0.1/c",
    ]
    options = [part for setting in settings for part in ("--env", setting)]
    docker("run", "--detach", "--name", name, "--read-only", "--network", "none", *options, images)
    try:
        deadline = time.monotonic() + 60
        while "waiting" not in _all_of(name) and time.monotonic() < deadline:
            time.sleep(0.2)
        begun = time.monotonic()
        docker("stop", "--time", "20", name)
        assert time.monotonic() - begun < 10
        assert json.loads(docker("inspect", name))[0]["State"]["ExitCode"] == 143
    finally:
        docker("rm", "--force", name)


def _all_of(container):
    import subprocess

    done = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


async def test_a_customer_lives_through_the_containers(suite):
    result = await _life(suite, gateway=1)
    assert len(result.timeline) > 30
    assert len(result.mails) == 3
    assert result.points > 0


def test_both_replicas_take_calls(suite):
    """The gateway's channels spread over all addresses of a name."""
    for service in ("customer", "sales", "servicedesk", "marketing"):
        for container in suite.containers(service):
            served = docker("exec", container, "/opt/taproot/bin/python", "-c", _COUNT)
            assert float(served) > 0, container


_COUNT = """
import urllib.request, re
text = urllib.request.urlopen("http://127.0.0.1:9464/metrics").read().decode()
print(sum(float(v) for v in re.findall(r"^taproot_rpc_seconds_count.* ([0-9.e+]+)$", text, re.M)))
"""


async def test_the_suite_goes_on_with_one_replica_of_each(suite):
    """Each replica stopped drains and ends with success; the other takes its part, leases included."""
    for service in SERVICES:
        first = suite.containers(service)[0]
        docker("stop", "--time", "40", first)
        assert suite.state(first)["ExitCode"] == 0, suite.log(first)
    result = await _life(suite, gateway=2)
    assert len(result.mails) == 3


async def _life(suite, gateway):
    url, mail = f"http://{suite.address('gateway', 8080, gateway)}", f"http://{suite.address('mail', 8025)}"
    secret = "/var/lib/taproot/secrets/gateway/admin-password"
    password = docker("exec", suite.containers("gateway")[-1], "/opt/taproot/bin/python", "-c",
                      f"print(open({secret!r}).read())").strip()  # fmt: skip
    async with Client.open(url, patience=90) as visitor:
        admin = await visitor.signed_in("admin", password)
        await set_up(admin)
        number = int(time.time()) - 1_577_836_800
        return await play_life(Cast(admin, Mailbox(visitor, mail)), number, patience=60)
