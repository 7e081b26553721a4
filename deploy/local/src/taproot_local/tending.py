"""`taproot service`: an operator's command of one service, beside its running process."""

from __future__ import annotations

import argparse
import subprocess

import psutil

from taproot_local.errors import LocalError
from taproot_local.home import Home
from taproot_local.processes import ProcessRef
from taproot_local.services import SERVICES


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
    command = services[asked.service].command(*(asked.command or ["--help"]))
    return subprocess.run(command, env=_environment(asked.service), check=False).returncode


def _environment(service: str) -> dict[str, str]:
    """The running service's own: the same database, bus, keys and neighbours."""
    home = Home.current()
    found = home.state().get("processes", {}).get(service) if home.root.exists() else None
    if found is None or not ProcessRef(int(found["pid"]), float(found["started"])).alive():
        raise LocalError(f"{service} is not running; `make up` starts it.")
    return psutil.Process(int(found["pid"])).environ()
