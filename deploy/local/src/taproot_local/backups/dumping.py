"""PostgreSQL's own tools, told where and as whom; passwords go by the environment."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from taproot_local.account import binaries
from taproot_local.errors import LocalError


async def dump(service: str, url: str, snapshot: str, file: Path) -> None:
    """The database as of `snapshot`. Raises LocalError."""
    await _run(
        service, "pg_dump", url, "--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--file={file}"
    )


async def load(service: str, url: str, file: Path) -> None:
    """Into an empty database, wholly or not at all. Raises LocalError."""
    await _run(service, "pg_restore", url, "--no-owner", "--single-transaction", "--exit-on-error", str(file))


async def _run(service: str, program: str, url: str, *options: str) -> None:
    plain, environment = _split(url)
    process = await asyncio.create_subprocess_exec(
        _program(program, url),
        f"--dbname={plain}",
        *options,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        last = said.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise LocalError(f"{program} of {service} failed: {last[0]}")


def _split(url: str) -> tuple[str, Mapping[str, str]]:
    parts = urlsplit(url)
    place = f"{parts.username}@{parts.hostname}:{parts.port or 5432}"
    return urlunsplit(parts._replace(netloc=place)), {"PGPASSWORD": unquote(parts.password or "")}


def _program(name: str, url: str) -> Path:
    """The wheel's is built without TLS; for a server that asks for it, PostgreSQL's own must be installed."""
    options = dict(parse_qsl(urlsplit(url).query))
    if options.get("sslmode", "prefer") in {"disable", "allow", "prefer"}:
        return binaries() / name
    found = shutil.which(name)
    if found is None:
        raise LocalError(
            f"The database asks for TLS ({options['sslmode']}), which needs {name} of PostgreSQL's client programs on the path."
        )
    return Path(found)
