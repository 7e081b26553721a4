"""Real PostgreSQL and NATS for tests: one of each per test run, shared by all workers of it.

Where they come from is decided by the environment:

* TAPROOT_TEST_DATABASE_URL, TAPROOT_TEST_NATS_URL: servers that exist (an administrator's URL);
* TAPROOT_TEST_INFRA=containers: containers;
* otherwise: the embedded servers.

Nothing here is asynchronous, so it serves fixtures of any scope and kind.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from taproot_local.errors import LocalError
from taproot_local.keeper import locked, reap
from taproot_local.postgres import Postgres
from taproot_local.processes import ProcessRef, eventually, write_atomically
from taproot_local.provision import Administrator, Database

START_SECONDS = 180


class TestPostgres:
    """The run's PostgreSQL. Databases have unique names, so workers and runs never meet."""

    __test__ = False  # no test class, whatever its name says

    def __init__(self, admin_url: str, shared: Path, run: str) -> None:
        self.admin_url = admin_url
        self.administrator = Administrator(admin_url)
        self._shared = shared
        self._run = run
        self._made: list[str] = []

    def create_database(self, service: str, template: Database | None = None) -> Database:
        """A fresh database of `service` with its two logins; with `template`, a copy of that one."""
        name = f"{service}_{self._run}_{secrets.token_hex(4)}"
        self._made.append(name)
        if template is None:
            return self.administrator.ensure(service, name)
        return self.administrator.clone(template, name)

    def drop_database(self, database: Database) -> None:
        self.administrator.drop(database.name)
        if database.name in self._made:
            self._made.remove(database.name)

    def template(self, service: str, prepare: Callable[[Database], None], key: str = "") -> Database:
        """A database filled by `prepare` (migrations) once per test run, to be copied by `create_database`.

        `prepare` is an ordinary function; it must close its connections. Different fillings of one service
        are told apart by `key`.
        """
        name = f"{service}_{self._run}_template{key}"
        mark = self._shared / f"{name}.done"
        with locked(mark):
            if not mark.exists():
                self._made.append(name)
                self.administrator.drop(name)  # a half-filled one, if `prepare` failed before
                prepare(self.administrator.ensure(service, name))
                self.administrator.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false;")
                mark.touch()
        return self.administrator.describe(service, name)

    def close(self) -> None:
        """Drop what this process created."""
        for name in self._made:
            self.administrator.drop(name)
        self._made.clear()


@contextmanager
def session_postgres() -> Iterator[TestPostgres]:
    """For a session-scoped fixture; all workers of a run get the same server."""
    run = _run_id()
    given = os.environ.get("TAPROOT_TEST_DATABASE_URL")
    if given:
        server = TestPostgres(given, _base(), f"{run}{secrets.token_hex(2)}")
        try:
            yield server
        finally:
            server.close()
        return
    with _kept("postgres", run) as (url, directory):
        server = TestPostgres(url, directory, run)
        if _infrastructure() == "embedded":
            server.administrator.close_public()
        yield server


@contextmanager
def session_nats() -> Iterator[str]:
    """The URL of the run's NATS. Tests keep apart by names of streams and subjects of their own."""
    given = os.environ.get("TAPROOT_TEST_NATS_URL")
    if given:
        yield given
        return
    with _kept("nats", _run_id()) as (url, _directory):
        yield url


@contextmanager
def own_postgres(*, durable: bool = True) -> Iterator[Postgres]:
    """An embedded server for one test that stops, kills or restarts it."""
    with scratch_directory() as directory:
        server = Postgres(directory / "postgres", durable=durable)
        try:
            server.start()
            yield server
        finally:
            server.destroy()


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A temporary directory that PostgreSQL's account can reach too."""
    with tempfile.TemporaryDirectory(prefix="taproot-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def _infrastructure() -> str:
    chosen = os.environ.get("TAPROOT_TEST_INFRA", "embedded")
    if chosen not in {"embedded", "containers"}:
        raise LocalError(f"TAPROOT_TEST_INFRA is {chosen!r}; it may be `embedded` or `containers`.")
    return chosen


def _run_id() -> str:
    """The same in all workers of one pytest-xdist run."""
    return os.environ.get("PYTEST_XDIST_TESTRUNUID", f"p{os.getpid()}")[:12]


def _base() -> Path:
    base = Path(tempfile.gettempdir()) / f"taproot-tests-{os.getuid()}"
    base.mkdir(mode=0o711, exist_ok=True)
    if base.stat().st_uid != os.getuid():
        raise LocalError(f"{base} belongs to somebody else: set TMPDIR to a directory of your own.")
    return base


@contextmanager
def _kept(kind: str, run: str) -> Iterator[tuple[str, Path]]:
    """Register as a user of the run's server, starting its keeper when we are the first."""
    base = _base()
    reap(base)
    suffix = "-container" if _infrastructure() == "containers" else ""
    directory = base / f"{run}--{kind}{suffix}"
    token = f"{os.getpid()}-{secrets.token_hex(4)}"
    with locked(directory):
        (directory / "users").mkdir(parents=True, exist_ok=True)
        directory.chmod(0o711)
        ProcessRef.of(os.getpid()).save(directory / "users" / token)
        if not (directory / "ready.json").exists():
            _start_keeper(kind + suffix, directory)
        url = str(json.loads((directory / "ready.json").read_text())["url"])
    try:
        yield url, directory
    finally:
        (directory / "users" / token).unlink(missing_ok=True)


def _start_keeper(kind: str, directory: Path) -> None:
    failure = directory / "failed.txt"
    failure.unlink(missing_ok=True)
    with (directory / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "taproot_local.keeper", kind, str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    write_atomically(directory / "keeper.pid", str(keeper.pid))
    done = eventually(
        lambda: (directory / "ready.json").exists() or failure.exists() or keeper.poll() is not None,
        START_SECONDS,
    )
    if not (directory / "ready.json").exists():
        keeper.kill() if not done else None
        reason = failure.read_text() if failure.exists() else (directory / "keeper.log").read_text()[-2000:]
        keeper.wait(10)
        raise LocalError(f"The test server `{kind}` did not start: {reason}")
    _KEEPERS.append(keeper)


# Keepers outlive us on purpose; holding them here keeps Python from warning about that.
_KEEPERS: list[subprocess.Popen[bytes]] = []
