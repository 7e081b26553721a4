"""`taproot doctor`: of this machine's installation, or inside a cluster of the one its secrets name."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from taproot_local.certificates import ADMINISTRATOR
from taproot_local.doctor import buses, contradictions, databases, doors, files
from taproot_local.doctor.findings import Finding, Level, wrong
from taproot_local.errors import LocalError
from taproot_local.home import Home
from taproot_local.processes import ProcessRef
from taproot_local.services import SERVICES, Service


@dataclass(frozen=True)
class Patient:
    """One service: `settings` are its TAPROOT_ variables without the prefix; `keys` is its directory of keys."""

    service: Service
    settings: Mapping[str, str]
    keys: Path | None = None
    address: str = ""


@dataclass(frozen=True)
class Installation:
    patients: tuple[Patient, ...]
    nats_url: str
    smtp_url: str
    folders: Mapping[str, Path] = field(default_factory=dict)
    """What needs room on a disk, by name."""
    tls: Path | None = None
    """Folder of our certificate, when NATS asks for one."""
    findings: tuple[Finding, ...] = ()
    """What was found on the way here."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="taproot doctor", description="Say what is wrong with the installation, and what to do."
    )
    parser.add_argument("--secrets", type=Path, help="in a cluster: the directory with the services' secrets")
    parser.add_argument("--quiet", action="store_true", help="only what is wrong or may become so")
    asked = parser.parse_args(arguments)
    found = asyncio.run(examine(in_cluster(asked.secrets) if asked.secrets else on_this_machine()))
    for one in sorted(found, key=lambda finding: list(Level).index(finding.level)):
        if one.level is not Level.OK or not asked.quiet:
            print(one)
    wrongs = sum(one.level is Level.WRONG for one in found)
    print(f"{len(found)} things looked at, {wrongs} wrong.")
    return 1 if wrongs else 0


async def examine(installation: Installation) -> list[Finding]:
    peers = frozenset(one.peer for one in SERVICES)
    owners = {one.name: one.peer for one in SERVICES}
    found = [*installation.findings]
    for patient in installation.patients:
        service = patient.service
        url = patient.settings.get("database_url", "")
        found += await databases.examine(service.name, url, databases.folder_of(service.directory))
        if patient.keys is not None:
            found += files.keys(service.name, service.peer, patient.keys, owners)
        if certificates := patient.settings.get("tls_dir"):
            found += files.certificates(service.name, Path(certificates))
        if patient.address:
            remedy = f"look into the log of {service.name}; `taproot status` says whether it runs"
            found += await doors.listening(f"service {service.name}", patient.address, remedy)
        if "backends" in patient.settings:
            found += contradictions.examine(service.name, patient.settings, peers)
    found += await buses.examine(installation.nats_url, {one.upper() for one in peers}, installation.tls)
    found += await doors.mail_server(installation.smtp_url)
    for name, directory in installation.folders.items():
        found += files.disk(name, directory)
    return found


def on_this_machine() -> Installation:
    """What the running processes were told; of one that does not run, what is known otherwise."""
    home = Home.current()
    state = home.state()
    if not home.root.exists() or not home.taken() or not state.get("services"):
        raise LocalError("Taproot is not running; `make up` starts it.")
    missing, patients = [], []
    for service in SERVICES:
        known, settings = state["services"][service.name], _environment(state, service)
        if not settings:
            remedy = f"its log says why: {home.logs / service.name}.log"
            missing.append(wrong(f"service {service.name}", "it does not run", remedy))
        settings = {"database_url": known["app_url"]} | settings
        patients.append(Patient(service, settings, home.keys / service.name, known["grpc"]))
    return Installation(
        tuple(patients),
        state["nats_url"],
        state["smtp_url"],
        {"disk": home.root},
        home.tls / ADMINISTRATOR,
        tuple(missing),
    )


def _environment(state: Mapping[str, Any], service: Service) -> dict[str, str]:
    found = state["processes"].get(service.name, {"pid": 0, "started": 0.0})
    ref = ProcessRef(int(found["pid"]), float(found["started"]))
    return _settings(psutil.Process(ref.pid).environ()) if ref.alive() else {}


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix("TAPROOT_").lower(): value
        for name, value in environment.items()
        if name.startswith("TAPROOT_")
    }


def in_cluster(secrets: Path) -> Installation:
    """`secrets/<service>/` holds the files of the service's Secret."""
    patients = []
    for service in SERVICES:
        folder = secrets / service.name
        settings = {
            "database_url": _secret(folder / "database-url"),
            "nats_url": _secret(folder / "nats-url"),
        }
        patients.append(Patient(service, settings, folder))
    smtp = secrets / "marketing" / "smtp-url"
    blobs = os.environ.get("TAPROOT_BLOB_DIR", "")
    return Installation(
        tuple(patients),
        patients[0].settings["nats_url"],
        smtp.read_text().strip() if smtp.exists() else "",
        {"volume of uploads": Path(blobs)} if blobs and Path(blobs).is_dir() else {},
        Path(tls) if (tls := os.environ.get("TAPROOT_TLS_DIR")) else None,
    )


def _secret(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError as error:
        raise LocalError(f"{file} cannot be read ({error.strerror}).") from None
