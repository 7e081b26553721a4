"""A Docker engine for tests: the machine's, or one started for the test where that is possible."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
OFFICIAL_BASE = "python:3.13-slim"
LOCAL_BASE = "taproot-test/python"
START_SECONDS = 60


class NoEngine(Exception):
    """Why containers cannot be run here."""


def docker(*arguments: str, check: bool = True, seconds: float = 600, sent: bytes | None = None) -> str:
    done = subprocess.run(
        ["docker", *arguments], input=sent, capture_output=True, timeout=seconds, check=False
    )
    if check and done.returncode != 0:
        raise AssertionError(f"docker {' '.join(arguments)}: {done.stderr.decode()[-3000:]}")
    return done.stdout.decode()


@contextmanager
def engine(directory: Path) -> Iterator[None]:
    """Raises NoEngine when there is none and none can be started."""
    if shutil.which("docker") is None:
        raise NoEngine("there is no docker command")
    if _answers():
        yield
        return
    if os.environ.get("TAPROOT_TEST_DOCKER") != "start":
        raise NoEngine("none answers; TAPROOT_TEST_DOCKER=start starts one, as root")
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        raise NoEngine("dockerd is not installed, or this is not root")
    with _started(directory):
        yield


@contextmanager
def _started(directory: Path) -> Iterator[None]:
    options = [f"--data-root={directory}/data", f"--exec-root={directory}/exec", f"--pidfile={directory}/pid"]
    with (directory / "dockerd.log").open("wb") as log:
        daemon = subprocess.Popen(["dockerd", *options], stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers():
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise NoEngine(f"dockerd did not start: {(directory / 'dockerd.log').read_text()[-500:]}")
            time.sleep(0.5)
        yield
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(60)


def _answers() -> bool:
    done = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=30)
    return done.returncode == 0


def base_image(directory: Path) -> str:
    """TAPROOT_TEST_BASE_IMAGE, the official one where it is there or can be pulled, or one made of Debian's packages."""
    for name in filter(None, (os.environ.get("TAPROOT_TEST_BASE_IMAGE"), OFFICIAL_BASE, LOCAL_BASE)):
        if docker("images", "--quiet", name).strip():
            return name
    try:
        docker("pull", "--quiet", OFFICIAL_BASE, seconds=120)
    except (AssertionError, subprocess.TimeoutExpired):
        return _made_of_packages(directory)
    return OFFICIAL_BASE


def _made_of_packages(directory: Path) -> str:
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise NoEngine(f"{OFFICIAL_BASE} cannot be pulled, and without debootstrap no base image can be made")
    root = directory / "base"
    packages = "--include=python3,python3-venv,ca-certificates"
    command = ["debootstrap", "--variant=minbase", packages, "bookworm", str(root)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=600)
    if done.returncode != 0:
        raise NoEngine(f"debootstrap: {done.stdout.decode()[-500:]}")
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        subprocess.run(
            ["docker", "import", "-", LOCAL_BASE], stdin=tar.stdout, check=True, capture_output=True
        )
    shutil.rmtree(root)
    return LOCAL_BASE


def build_images(directory: Path, prefix: str) -> None:
    """From this checkout; the wheels are fetched here, as a build may have no network."""
    base = base_image(directory)
    python = docker(
        "run", "--rm", "--entrypoint", "python3", base, "-c", "import sys; print(*sys.version_info[:2])"
    )
    version = ".".join(python.split())
    wheels = Path(os.environ.get("TAPROOT_TEST_WHEELS") or directory / "wheels")
    if not wheels.exists():
        options = ["--quiet", "--require-hashes", "--only-binary", ":all:", "--python-version", version]
        for lock in ("runtime", "local"):
            _pip("download", *options, "-d", str(wheels), "-r", str(ROOT / "requirements" / f"{lock}.txt"))
    script = ROOT / "deploy" / "images" / "build.py"
    command = [sys.executable, str(script), "--base", base, "--wheels", str(wheels), "--prefix", prefix]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
