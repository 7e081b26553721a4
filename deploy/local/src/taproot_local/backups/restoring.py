"""Reading a backup back into empty databases and an empty NATS.

JetStream is not restored: its messages are in the publishers' event logs. Those that a consumer may not have seen at
the backup's point are announced again; consumers know by their inboxes what they have seen.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import asyncpg

from taproot_local.backups.dumping import load
from taproot_local.backups.manifest import Manifest
from taproot_local.errors import LocalError

_ANNOUNCE_AGAIN = (
    "UPDATE event_log SET published_at = NULL WHERE occurred_at >= $1 AND published_at IS NOT NULL"
)
# Mails that were due at the backup's point may have been sent after it: nobody knows, so none is sent blindly.
# The service's own job for lost senders takes them over, and staff decide as for any uncertain mail.
_HOLD_MAILS = """
UPDATE deliveries SET state = 'claimed', claim_time = $1, claim_id = gen_random_uuid()
WHERE state IN ('queued', 'failed_temporary', 'claimed') AND coalesce(next_attempt_time, $1) <= clock_timestamp()
"""


async def restore(urls: Mapping[str, str], directory: Path) -> Manifest:
    """`urls`: service -> the owner's URL of its empty database. Raises LocalError."""
    manifest = await asyncio.to_thread(Manifest.read, directory)
    if missing := sorted(manifest.databases.keys() ^ urls.keys()):
        raise LocalError(
            f"The backup is of {', '.join(sorted(manifest.databases))}; a restore needs all and only these"
            f" ({', '.join(missing)} differ)."
        )
    for service, url in urls.items():
        await _refuse_filled(service, url)
    for service, url in urls.items():
        await load(service, url, directory / "databases" / f"{service}.dump")
        await _prepare(service, url, manifest)
    return manifest


async def _refuse_filled(service: str, url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        if await connection.fetchval("SELECT to_regclass('public.event_log')") is not None:
            raise LocalError(
                f"The database of {service} is not empty: a restore never overwrites. Nothing was changed."
            )
    finally:
        await connection.close()


async def _prepare(service: str, url: str, manifest: Manifest) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(_ANNOUNCE_AGAIN, datetime.fromisoformat(manifest.replay_from))
            if service == "marketing":
                await connection.execute(_HOLD_MAILS, datetime.fromisoformat(manifest.point))
    finally:
        await connection.close()


def bring_back(directory: Path, folders: Mapping[str, Path]) -> None:
    """The files beside the databases, where they were."""
    for name, target in folders.items():
        source = directory / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy2(source, target)
