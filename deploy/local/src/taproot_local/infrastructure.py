"""PostgreSQL and NATS of a local instance: embedded, or servers that exist already."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from taproot_local import certificates
from taproot_local.errors import LocalError
from taproot_local.home import Home
from taproot_local.nats import Nats
from taproot_local.postgres import Postgres
from taproot_local.processes import write_atomically
from taproot_local.provision import Administrator, Database
from taproot_local.services import SERVICES, Service

RETRY_SECONDS = 5


class Infrastructure:
    """TAPROOT_EXTERNAL_DATABASE_URL (an administrator's) and TAPROOT_EXTERNAL_NATS_URL replace the embedded ones.

    TAPROOT_TLS=on: services and NATS talk encrypted, with certificates on both sides that are made here. (The embedded
    PostgreSQL is built without TLS and stays on the loopback interface; one of your own may ask for it in its URL.)
    """

    def __init__(self, home: Home, ports: Mapping[str, int], environment: Mapping[str, str]) -> None:
        self._home = home
        self._database_url = environment.get("TAPROOT_EXTERNAL_DATABASE_URL")
        self._nats_url = environment.get("TAPROOT_EXTERNAL_NATS_URL")
        self.encrypted = _switch(environment, "TAPROOT_TLS")
        if self.encrypted:
            names = [service.name for service in SERVICES]
            certificates.ensure(home.tls, ["nats", certificates.ADMINISTRATOR, *names])
        tls = home.tls if self.encrypted else None
        self.postgres: Postgres | None = None
        self.nats: Nats | None = None
        if not self._database_url:
            self.postgres = Postgres(home.postgres, port=ports["postgres"], log=home.logs / "postgres.log")
        if not self._nats_url:
            self.nats = Nats(home.nats, port=ports["nats"], log=home.logs / "nats.log", tls=tls)
        self.restarts = {"postgres": 0, "nats": 0}
        self._not_before = 0.0

    @property
    def servers(self) -> dict[str, Postgres | Nats]:
        """The embedded ones."""
        both: dict[str, Postgres | Nats | None] = {"postgres": self.postgres, "nats": self.nats}
        return {name: server for name, server in both.items() if server is not None}

    @property
    def nats_url(self) -> str:
        return self._nats_url or (self.nats.url if self.nats is not None else "")

    def start(self) -> None:
        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(server.start) for server in self.servers.values()]:
                done.result()

    def stop(self) -> None:
        """NATS first: nobody should hear of what the database can no longer confirm."""
        for server in reversed(self.servers.values()):
            server.stop()

    def revive(self) -> list[str]:
        """Restart what crashed; returns what there is to tell."""
        if time.monotonic() < self._not_before:
            return []
        told = []
        for name, server in self.servers.items():
            if server.running and not server.stuck:
                continue
            why = "had stopped"
            if server.running:
                why, self._not_before = (
                    "was stuck",
                    time.monotonic() + RETRY_SECONDS,
                )  # it may be so again at once
            self.restarts[name] += 1
            try:
                server.start()
                told.append(f"{name} {why} and was started again")
            except (LocalError, OSError) as error:  # a full disk takes no configuration either
                self._not_before = time.monotonic() + RETRY_SECONDS
                told.append(str(error))
        return told

    def provision(self) -> dict[str, Database]:
        """The databases of all services, by name."""
        if self.postgres is None:
            administrator = Administrator(self._database_url or "", self._home.secret())
        else:
            administrator = Administrator(self.postgres.admin_url)
            administrator.close_public()
        return {service.name: administrator.ensure(service.name, service.database) for service in SERVICES}

    def migrated(self, service: Service, fingerprint: str) -> bool:
        """Whether this code has migrated the embedded database before: nothing to do, and seconds saved."""
        return self.postgres is not None and self._marks().get(service.name) == fingerprint

    def mark_migrated(self, service: Service, fingerprint: str) -> None:
        if self.postgres is not None:  # the mark lies beside the data and is deleted with it
            write_atomically(
                self._home.postgres / "migrated.json", json.dumps(self._marks() | {service.name: fingerprint})
            )

    def _marks(self) -> dict[str, Any]:
        try:
            marks: dict[str, Any] = json.loads((self._home.postgres / "migrated.json").read_text())
        except (OSError, ValueError):
            return {}
        return marks


def _switch(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "off")
    if value not in {"on", "off"}:
        raise LocalError(f"{name} is {value!r}; it may be `on` or `off`.")
    return value == "on"
