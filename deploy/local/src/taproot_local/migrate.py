"""Bring a service's database to its newest schema."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from taproot_local.errors import LocalError
from taproot_local.provision import Database
from taproot_local.services import Service


async def migrate(service: Service, database: Database, log: Path) -> None:
    """Run the service's own `migrate` command. Raises LocalError with the last line it wrote."""
    process = await asyncio.create_subprocess_exec(
        *service.command("migrate"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # The owner's login changes the schema; the app's is named because rights are granted to it.
        env={
            **os.environ,
            "TAPROOT_MIGRATION_DATABASE_URL": database.owner_url,
            "TAPROOT_DATABASE_URL": database.app_url,
        },
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    await asyncio.to_thread(log.write_bytes, output)
    if process.returncode != 0:
        last = output.decode(errors="replace").strip().splitlines() or ["it wrote nothing"]
        raise LocalError(f"The database migration of {service.name} failed: {last[-1]} (log: {log})")
