"""The five services: how each is started and what it is told."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from taproot_local.home import Home, repository
from taproot_local.provision import Database


@dataclass(frozen=True)
class Service:
    """`name` is used in logins and logs, `directory` under services/, `peer` by the other services and in events."""

    name: str
    directory: str
    peer: str

    @property
    def module(self) -> str:
        return f"taproot_{self.name}"

    @property
    def database(self) -> str:
        return f"taproot_{self.name}"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", self.module, *arguments]


GATEWAY = Service("gateway", "gateway", "identity")
SERVICES = (
    Service("customer", "customer", "customer"),
    Service("sales", "sales", "sales"),
    Service("servicedesk", "service-desk", "servicedesk"),
    Service("marketing", "marketing", "marketing"),
    GATEWAY,
)
PORT_NAMES = (
    *(f"{service.name}.{kind}" for service in SERVICES for kind in ("grpc", "metrics")),
    *("postgres", "nats", "mail.smtp", "mail.http"),
)


@dataclass(frozen=True)
class Addresses:
    """Where everything listens: two public ports, the rest on the loopback interface."""

    http: int
    door: int
    ports: Mapping[str, int]
    nats_url: str
    encrypted: bool = False

    @property
    def backends(self) -> str:
        return ",".join(f"{service.peer}=127.0.0.1:{self.grpc(service)}" for service in SERVICES)

    def grpc(self, service: Service) -> int:
        return self.ports[f"{service.name}.grpc"]

    def metrics(self, service: Service) -> int:
        return self.ports[f"{service.name}.metrics"]

    def with_nats(self, url: str, *, encrypted: bool = False) -> Addresses:
        return replace(self, nats_url=url, encrypted=encrypted)

    @property
    def web(self) -> str:
        return f"http://localhost:{self.http}"

    @property
    def mail(self) -> str:
        return f"http://localhost:{self.ports['mail.http']}"


def environment(service: Service, home: Home, database: Database, addresses: Addresses) -> dict[str, str]:
    """The settings of one service, on top of the environment `taproot up` was called with."""
    settings = {
        "TAPROOT_ROLE": "all",
        "TAPROOT_DATABASE_URL": database.app_url,
        "TAPROOT_DATABASE_DIRECT_URL": database.app_url,
        "TAPROOT_NATS_URL": addresses.nats_url,
        "TAPROOT_GRPC_PORT": str(addresses.grpc(service)),
        "TAPROOT_METRICS_PORT": str(addresses.metrics(service)),
        "TAPROOT_BACKENDS": addresses.backends,
        "TAPROOT_KEYS_DIR": str(home.keys / service.name),
        "TAPROOT_STATE_DIR": str(home.state_directory(service.name)),
        "TAPROOT_TRACE_DIR": str(home.traces),
        "TAPROOT_BLOB_DIR": str(home.blobs),
        "TAPROOT_SMTP_URL": f"smtp://127.0.0.1:{addresses.ports['mail.smtp']}",
        "TAPROOT_PUBLIC_URL": addresses.web,
        "PYTHONUNBUFFERED": "1",
    }
    if addresses.encrypted:
        settings["TAPROOT_TLS_DIR"] = str(home.tls / service.name)
    if service is GATEWAY:
        settings |= {
            "TAPROOT_HTTP_PORT": str(addresses.http),
            "TAPROOT_GRPC_DOOR_PORT": str(addresses.door),
            "TAPROOT_ADMIN_PASSWORD_FILE": str(home.admin_password),
        }
    return settings


def code_fingerprint(service: Service) -> str:
    """Changes whenever code that migrations may depend on changes."""
    root, digest = repository(), hashlib.sha256()
    for folder in (root / "services" / service.directory, root / "libs" / "storage"):
        for path in sorted(folder.rglob("*.py")):
            if "tests" not in path.parts:
                digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
