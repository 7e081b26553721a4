"""Writing a backup."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from taproot_local.backups.dumping import dump
from taproot_local.backups.freezing import frozen
from taproot_local.backups.manifest import FORMAT, Manifest, checksums
from taproot_local.backups.positions import replay_from
from taproot_local.errors import LocalError

AT_ONCE = 2


@dataclass(frozen=True)
class Installation:
    """`urls`: service -> the owner's URL of its database. `folders`: name in the backup -> directory or file."""

    urls: Mapping[str, str]
    nats_url: str
    folders: Mapping[str, Path] = field(default_factory=dict)
    tls: Path | None = None
    """Folder of our certificate, when NATS asks for one."""


async def save(installation: Installation, directory: Path) -> Manifest:
    """Into a directory that does not exist yet. Raises LocalError; what was written until then is removed."""
    try:
        await asyncio.to_thread(directory.mkdir, 0o700, parents=True)
    except FileExistsError:
        raise LocalError(
            f"{directory} exists already: a backup is written into a directory of its own."
        ) from None
    try:
        return await _save(installation, directory)
    except BaseException:
        shutil.rmtree(directory)
        raise


async def _save(installation: Installation, directory: Path) -> Manifest:
    since = await replay_from(installation.nats_url, datetime.now(UTC), installation.tls)
    (directory / "databases").mkdir(mode=0o700)
    room = asyncio.Semaphore(AT_ONCE)
    async with frozen(installation.urls) as point:

        async def one(service: str) -> None:
            async with room:
                file = directory / "databases" / f"{service}.dump"
                await dump(service, installation.urls[service], point.snapshots[service], file)

        await asyncio.gather(*map(one, installation.urls))
        versions = {name: await _version(url) for name, url in installation.urls.items()}
    # Files are written once and never changed: what the snapshots name is here, and perhaps a little more.
    for name, source in installation.folders.items():
        await asyncio.to_thread(_copy, source, directory / name)
    files = await asyncio.to_thread(checksums, directory)
    times = (point.time.isoformat(), since.isoformat())
    manifest = Manifest(FORMAT, *times, round(point.paused_seconds, 3), versions, files)
    manifest.write(directory)
    return manifest


async def _version(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SELECT version_num FROM alembic_version"))
    finally:
        await connection.close()


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*"))
    elif source.exists():
        shutil.copy2(source, target)
