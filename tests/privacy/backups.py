"""A service's database as an operator backs it up and restores it: pg_dump, and pg_restore beside the running one."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil

from taproot_local.account import binaries
from taproot_local.home import Home
from taproot_local.postgres import Postgres
from taproot_local.provision import Administrator
from taproot_local.suite import Suite


@dataclass(frozen=True)
class Backup:
    service: str
    path: Path
    environment: dict[str, str]
    """The running service's own."""

    @classmethod
    def of(cls, suite: Suite, service: str, folder: Path) -> Backup:
        made = cls(service, folder / "dump", psutil.Process(suite.process(service).pid).environ())
        made._run(suite, "pg_dump", "-Fc", "-f", str(made.path), f"taproot_{service}")
        return made

    def restored(self, suite: Suite) -> dict[str, str]:
        """The environment of the service with the restored database in the place of its own."""
        name = f"taproot_{self.service}_restored"
        Administrator(_admin_url(suite)).run(f"CREATE DATABASE {name}")
        self._run(suite, "pg_restore", "-d", name, str(self.path))
        old = urlsplit(self.environment["TAPROOT_DATABASE_URL"])
        url = old._replace(path=f"/{name}").geturl()
        return self.environment | {"TAPROOT_DATABASE_URL": url, "TAPROOT_DATABASE_DIRECT_URL": url}

    def _run(self, suite: Suite, program: str, *arguments: str) -> None:
        admin = urlsplit(_admin_url(suite))
        place = ["-h", admin.hostname or "", "-p", str(admin.port), "-U", admin.username or ""]
        command = [str(binaries() / program), *place, *arguments]
        password = {"PGPASSWORD": unquote(admin.password or "")}
        subprocess.run(command, check=True, capture_output=True, env=os.environ | password, timeout=120)


def _admin_url(suite: Suite) -> str:
    return Postgres(Home(suite.home).postgres).admin_url
