"""PostgreSQL and NATS in containers, for TAPROOT_TEST_INFRA=containers."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from typing import Any

from taproot_local.errors import LocalError
from taproot_local.nats import greets
from taproot_local.processes import eventually
from taproot_local.provision import Administrator

POSTGRES_IMAGE = "postgres:18"
NATS_IMAGE = "nats:2.12"
READY_SECONDS = 120


class Container:
    """A container behind the same face as an embedded server; `ready` asks the server at its URL."""

    def __init__(self, container: Any, port: int, url: str, ready: Callable[[str], bool]) -> None:
        self._container = container
        self._port = port
        self._url = url
        self._ready = ready

    @property
    def url(self) -> str:
        host = self._container.get_container_host_ip()
        port = self._container.get_exposed_port(self._port)
        return self._url.format(host="127.0.0.1" if host == "localhost" else host, port=port)

    def start(self) -> None:
        self._container.start()
        url = self.url
        if not eventually(lambda: self._ready(url), READY_SECONDS, pause=0.2):
            self.stop()
            raise LocalError(f"The container at {url} was not ready after {READY_SECONDS} s.")

    def stop(self) -> None:
        self._container.stop()


def container(kind: str) -> Container:
    """Images: TAPROOT_TEST_POSTGRES_IMAGE, TAPROOT_TEST_NATS_IMAGE."""
    from testcontainers.core.container import DockerContainer

    if kind == "postgres-container":
        password = secrets.token_hex(16)
        made = DockerContainer(os.environ.get("TAPROOT_TEST_POSTGRES_IMAGE", POSTGRES_IMAGE))
        made = made.with_exposed_ports(5432).with_env("POSTGRES_PASSWORD", password)
        made = made.with_env("POSTGRES_INITDB_ARGS", "--locale=C --encoding=UTF8")
        made = made.with_command("postgres -c fsync=off -c max_connections=300")
        return Container(made, 5432, f"postgresql://postgres:{password}@{{host}}:{{port}}/postgres", _answers)
    made = DockerContainer(os.environ.get("TAPROOT_TEST_NATS_IMAGE", NATS_IMAGE))
    made = made.with_exposed_ports(4222).with_command("-js")
    return Container(made, 4222, "nats://{host}:{port}", greets)


def _answers(url: str) -> bool:
    """The image sets the server up behind a socket first, so an answer over TCP is from the final one."""
    try:
        return Administrator(url).run("SELECT 1;").strip() == "1"
    except LocalError:
        return False
