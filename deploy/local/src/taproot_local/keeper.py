"""Keeps one test server alive as long as somebody uses it: `python -m taproot_local.keeper KIND DIRECTORY`.

It is a process of its own, so that the server ends and its files go whatever happens to the test run,
and so that no test worker owns what the others still need.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from taproot_local.errors import LocalError
from taproot_local.processes import ProcessRef, write_atomically

LOOK_SECONDS = 0.3
LOCK_KEPT_SECONDS = 86_400


class Server(Protocol):
    """What a keeper keeps. `url` is an administrator's."""

    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...


class _Postgres:
    def __init__(self, directory: Path) -> None:
        from taproot_local.postgres import Postgres

        self._server = Postgres(directory / "server", durable=False)

    @property
    def url(self) -> str:
        return self._server.admin_url

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.destroy()


class _Nats:
    def __init__(self, directory: Path) -> None:
        from taproot_local.nats import Nats

        self._server = Nats(directory / "server", durable=False)

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.destroy()


def make(kind: str, directory: Path) -> Server:
    """`postgres`, `nats`, or the same in a container: `postgres-container`, `nats-container`."""
    if kind == "postgres":
        return _Postgres(directory)
    if kind == "nats":
        return _Nats(directory)
    from taproot_local.containers import container

    return container(kind)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One process at a time; the lock file lies beside the directory and outlives it."""
    with directory.with_name(f"{directory.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def users(directory: Path) -> bool:
    """Whether a process that registered itself is still there."""
    found = [ProcessRef.load(path) for path in (directory / "users").glob("[!.]*")]
    return any(ref is not None and ref.alive() for ref in found)


def keep(kind: str, directory: Path) -> None:
    """Start the server, say so in `ready.json`, and wait for the last user to leave."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, _frame: stopping.append(caught))
    try:
        server = make(kind, directory)
        server.start()
    except Exception as error:  # whatever it is, the waiting test run has to hear of it
        write_atomically(directory / "failed.txt", str(error) or repr(error))
        raise
    write_atomically(directory / "ready.json", json.dumps({"url": server.url}))
    while True:
        time.sleep(LOOK_SECONDS)
        with locked(directory):
            if stopping or not users(directory):
                (directory / "ready.json").unlink(missing_ok=True)
                server.stop()
                shutil.rmtree(directory, ignore_errors=True)
                return


def reap(base: Path) -> None:
    """Clear up after test runs and keepers that were killed."""
    for mark in base.glob("*/keeper.json"):
        directory = mark.parent
        with locked(directory):
            keeper = ProcessRef.load(mark)
            if users(directory) or keeper is None or keeper.alive():
                continue
            kind = directory.name.rpartition("--")[2]
            if not kind.endswith("-container"):
                make(kind, directory).stop()
            shutil.rmtree(directory, ignore_errors=True)
    for lock in base.glob("*.lock"):  # removed late: somebody may just be waiting for a fresh one
        with suppress(OSError):
            if time.time() - lock.stat().st_mtime > LOCK_KEPT_SECONDS:
                lock.unlink()


def main() -> None:
    kind, directory = sys.argv[1], Path(sys.argv[2])
    ProcessRef.of(os.getpid()).save(directory / "keeper.json")
    try:
        keep(kind, directory)
    except LocalError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
