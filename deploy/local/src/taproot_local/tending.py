"""`taproot service` and `taproot audit`: an operator's commands of services, beside their running processes."""

from __future__ import annotations

import argparse
import subprocess

import psutil

from taproot_local.errors import LocalError
from taproot_local.home import Home
from taproot_local.processes import ProcessRef
from taproot_local.services import SERVICES, Service


def main(arguments: list[str]) -> int:
    """Returns the exit status of the service's command."""
    parser = argparse.ArgumentParser(
        prog="taproot service",
        description="Run a command of a service, such as `taproot service sales dead-letters list`.",
    )
    services = {service.name: service for service in SERVICES}
    parser.add_argument("service", choices=services)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="`--help` prints those of the service")
    asked = parser.parse_args(arguments)
    return _run(services[asked.service], *(asked.command or ["--help"]))


def audit(arguments: list[str]) -> int:
    """Returns the worst exit status of the services."""
    parser = argparse.ArgumentParser(prog="taproot audit", description="Verify the audit of every service.")
    parser.add_argument("verb", choices=["verify"])
    parser.add_argument(
        "options", nargs=argparse.REMAINDER, help="such as `--from 2026-11-01 --to 2026-12-01`"
    )
    asked = parser.parse_args(arguments)
    return max(_run(service, "audit", asked.verb, *asked.options) for service in SERVICES)


def _run(service: Service, *command: str) -> int:
    environment = _environment(service.name)
    return subprocess.run(service.command(*command), env=environment, check=False).returncode


def _environment(service: str) -> dict[str, str]:
    """The running service's own: the same database, bus, keys and neighbours."""
    home = Home.current()
    found = home.state().get("processes", {}).get(service) if home.root.exists() else None
    if found is None or not ProcessRef(int(found["pid"]), float(found["started"])).alive():
        raise LocalError(f"{service} is not running; `make up` starts it.")
    return psutil.Process(int(found["pid"])).environ()
