"""`postgres`, `nats`, `mail`: one server in the foreground; anything else goes to the `taproot` command."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from taproot_local import smtp_sink
from taproot_local.account import binaries
from taproot_local.cli import main as command
from taproot_local.nats import binary as nats_binary

DATA = Path("/var/lib/taproot")
SECRETS = Path(os.environ.get("TAPROOT_SECRETS_DIR", "/etc/taproot/secrets"))
READY_SECONDS = 120
POSTGRES = {
    "listen_addresses": "*",
    "unix_socket_directories": "/tmp",  # noqa: S108  # the container's own
    "max_connections": "300",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "password_encryption": "scram-sha-256",
}


def postgres() -> int:
    """Made at the first start; the logins and databases of `provision.sql` are there before it is ready."""
    data, programs = DATA / "postgres", binaries()
    if not (data / "PG_VERSION").exists():
        _initialise(programs, data)
    settings = [part for name, value in POSTGRES.items() for part in ("-c", f"{name}={value}")]
    server = subprocess.Popen([programs / "postgres", "-D", data, *settings])
    _hand_on(server, {signal.SIGTERM: signal.SIGINT})  # fast shutdown
    _provision(programs, server)
    return server.wait()


def _initialise(programs: Path, data: Path) -> None:
    unfinished = data.with_name(".postgres")
    shutil.rmtree(unfinished, ignore_errors=True)
    options = ["--username=postgres", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]
    subprocess.run(
        [programs / "initdb", "-D", unfinished, *options, f"--pwfile={SECRETS / 'password'}"], check=True
    )
    with (unfinished / "pg_hba.conf").open("a") as rules:
        rules.write("host all all all scram-sha-256\n")
    unfinished.rename(data)


def _provision(programs: Path, server: subprocess.Popen[bytes]) -> None:
    environment = {"PGPASSWORD": (SECRETS / "password").read_text().strip(), "PGHOST": "127.0.0.1"}
    psql = [str(programs / "psql"), "-XqU", "postgres", "-d", "postgres", "-v", "ON_ERROR_STOP=1"]
    deadline = time.monotonic() + READY_SECONDS
    while subprocess.run(
        [*psql, "-c", "SELECT"], env=environment, capture_output=True, check=False
    ).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit("PostgreSQL does not come up")
        time.sleep(0.2)
    subprocess.run(
        [*psql, "-f", str(SECRETS / "provision.sql")], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    print("PostgreSQL is ready", flush=True)


def nats() -> int:
    password = (SECRETS / "password").read_text().strip()
    configuration = Path("/tmp/nats.conf")  # noqa: S108  # the container's own
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"""listen: "0.0.0.0:4222"
        http: "0.0.0.0:8222"
        max_payload: 8MB
        authorization {{ user: taproot, password: "{password}" }}
        jetstream {{ store_dir: "{DATA / "nats"}", sync_interval: always }}
        """
    )
    server = subprocess.Popen([nats_binary(), "-c", configuration])
    _hand_on(server, {signal.SIGTERM: signal.SIGTERM})
    return server.wait()


def mail() -> int:
    vars(smtp_sink)["LOOPBACK"] = "0.0.0.0"  # noqa: S104  # reached by the other containers
    sys.argv = ["smtp_sink", str(DATA / "mail"), "2525", "8025"]
    smtp_sink.main()
    return 0


def _hand_on(server: subprocess.Popen[bytes], signals: dict[signal.Signals, signal.Signals]) -> None:
    for number, to in signals.items():
        signal.signal(number, lambda *_, to=to: server.send_signal(to))


def main() -> int:
    os.umask(0o077)
    servers = {"postgres": postgres, "nats": nats, "mail": mail}
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    return servers[name]() if name in servers else command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
