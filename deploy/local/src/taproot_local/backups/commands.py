"""`taproot backup` and `taproot restore`: of this machine's installation, or inside a cluster of the one its secrets name."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from taproot_local.backups.manifest import NAME, Manifest
from taproot_local.backups.positions import refuse_filled
from taproot_local.backups.restoring import bring_back, restore
from taproot_local.backups.saving import Installation, save
from taproot_local.certificates import ADMINISTRATOR
from taproot_local.errors import LocalError
from taproot_local.home import Home
from taproot_local.infrastructure import Infrastructure
from taproot_local.services import PORT_NAMES, SERVICES

FOLDERS = ("blobs", "keys", "state", "secret", "admin-password")


def backup(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="taproot backup",
        description="Write a backup of all services at one point. Taproot goes on running; writers wait for a moment.",
    )
    parser.add_argument("directory", type=Path, help="where to; it is created, readable by you alone")
    parser.add_argument(
        "--secrets",
        type=Path,
        help="in a cluster: the directory with the services' secrets instead of this machine's",
    )
    parser.add_argument(
        "--keep",
        type=int,
        default=0,
        help="write into DIRECTORY/<time> and keep so many of them; 0: write DIRECTORY",
    )
    asked = parser.parse_args(arguments)
    installation = _in_cluster(asked.secrets) if asked.secrets else _local()
    target = asked.directory / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}" if asked.keep else asked.directory
    manifest = asyncio.run(save(installation, target.absolute()))
    print(f"{target}: all services at {manifest.point}; writers waited {manifest.paused_seconds:.2f} s.")
    if asked.keep:
        _forget(asked.directory, asked.keep)
    return 0


def restored(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="taproot restore",
        description="Read a backup into an installation that is stopped and empty.",
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument(
        "--secrets",
        type=Path,
        help="in a cluster: the directory with the services' secrets; databases must be empty",
    )
    asked = parser.parse_args(arguments)
    source = asked.directory.absolute()
    if asked.secrets:
        manifest = asyncio.run(
            _restore(_urls(asked.secrets), _nats_url(asked.secrets), source, _certificate())
        )
    else:
        manifest = _restore_locally(source)
    print(
        f"Restored as of {manifest.point}. Events since {manifest.replay_from} are announced again at the start."
    )
    print(
        "Mails that were due then are held as uncertain; decide them under `deliveries` in the application."
    )
    return 0


def _local() -> Installation:
    home = Home.current()
    if not home.root.exists() or not home.taken() or home.state().get("status") != "ready":
        raise LocalError("Taproot is not running; `make up` starts it.")
    state = home.state()
    urls = {name: str(found["owner_url"]) for name, found in state["services"].items()}
    return Installation(
        urls, str(state["nats_url"]), {name: home.root / name for name in FOLDERS}, home.tls / ADMINISTRATOR
    )


def _restore_locally(source: Path) -> Manifest:
    home = Home.current()
    Manifest.read(source)
    for used in (home.postgres, home.nats / "data"):
        if used.exists():
            raise LocalError(
                f"{home.root} holds an installation already: a restore never overwrites. `make clean` deletes it; "
                "TAPROOT_HOME names another place."
            )
    home.prepare()
    home.take()
    try:
        bring_back(source, {name: home.root / name for name in FOLDERS})
        infrastructure = Infrastructure(home, home.ports(PORT_NAMES, frozenset()), os.environ)
        infrastructure.start()
        try:
            databases = infrastructure.provision()
            urls = {name: one.owner_url for name, one in databases.items()}
            return asyncio.run(_restore(urls, infrastructure.nats_url, source, home.tls / ADMINISTRATOR))
        finally:
            infrastructure.stop()
    except BaseException:
        if not os.environ.get("TAPROOT_EXTERNAL_DATABASE_URL"):
            shutil.rmtree(home.postgres.resolve(), ignore_errors=True)
        raise
    finally:
        home.release()


async def _restore(urls: Mapping[str, str], nats_url: str, source: Path, tls: Path | None) -> Manifest:
    await refuse_filled(nats_url, tls)
    return await restore(urls, source)


def _in_cluster(secrets: Path) -> Installation:
    blobs = Path(os.environ.get("TAPROOT_BLOB_DIR", ""))
    folders = {"blobs": blobs} if blobs.is_dir() and blobs != Path() else {}
    return Installation(_urls(secrets), _nats_url(secrets), folders, _certificate())


def _certificate() -> Path | None:
    """Where the pod's own is mounted."""
    found = os.environ.get("TAPROOT_TLS_DIR")
    return Path(found) if found else None


def _urls(secrets: Path) -> dict[str, str]:
    return {
        one.name: _secret(secrets / f"{one.name}-migration" / "migration-database-url") for one in SERVICES
    }


def _nats_url(secrets: Path) -> str:
    return _secret(secrets / "customer" / "nats-url")


def _secret(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError as error:
        raise LocalError(
            f"{file} cannot be read ({error.strerror}): it names a server of the installation."
        ) from None


def _forget(directory: Path, keep: int) -> None:
    """Only finished backups count; what was cut off is removed by whoever cut it off."""
    finished = sorted(path.parent for path in directory.glob(f"*/{NAME}"))
    for old in finished[:-keep]:
        shutil.rmtree(old)
