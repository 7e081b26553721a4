"""`taproot up`, `down` and `status`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time

from taproot_local.errors import LocalError
from taproot_local.home import Home
from taproot_local.nats import Nats
from taproot_local.postgres import Postgres
from taproot_local.processes import ProcessRef, eventually, last_text
from taproot_local.supervisor import Supervisor, reap

DOWN_SECONDS = 120
DETACHED_SECONDS = 300


def up(arguments: list[str]) -> int:
    """Start everything; in the foreground unless `--detach`."""
    parser = argparse.ArgumentParser(prog="taproot up", description="Start Taproot on this machine.")
    parser.add_argument("--detach", action="store_true", help="return when it is ready and leave it running")
    parser.add_argument("--verbose", action="store_true", help="show what the services log")
    options = parser.parse_args(arguments)
    home = Home.current()
    home.prepare()
    if options.detach:
        return _detach(home)
    home.take()
    try:
        asyncio.run(Supervisor(home, say=_say, verbose=options.verbose).run())
    finally:
        home.release()
    return 0


def down(arguments: list[str]) -> int:
    """Stop the running instance, or what a killed one has left."""
    argparse.ArgumentParser(prog="taproot down", description="Stop Taproot.").parse_args(arguments)
    home = Home.current()
    if not home.root.exists():
        print("Taproot is not running.")
        return 0
    if home.taken():
        os.kill(int(home.state()["pid"]), signal.SIGTERM)
        if not eventually(lambda: not home.taken(), DOWN_SECONDS, pause=0.1):
            raise LocalError(f"Taproot (pid {home.state()['pid']}) did not stop within {DOWN_SECONDS} s.")
        print("Taproot has stopped.")
        return 0
    home.take()
    reap(home)
    for server in (Nats(home.nats), Postgres(home.postgres)):
        if server.running:
            server.stop()
    home.release()
    print("Taproot is not running.")
    return 0


def status(arguments: list[str]) -> int:
    """Exit code 0 when ready, 3 otherwise, as init scripts have it."""
    argparse.ArgumentParser(prog="taproot status", description="What is running, and where.").parse_args(
        arguments
    )
    home = Home.current()
    state = home.state()
    if not home.root.exists() or not home.taken() or not state:
        print("Taproot is not running; `make up` starts it.")
        return 3
    print(
        f"Taproot is {state['status']} (pid {state['pid']}): {state['http_url']}, gRPC {state['grpc_address']}"
    )
    print(f"{'':2}{'process':<12} {'pid':>8}  {'state':<8} {'restarts':>8}  log")
    for name, found in state["processes"].items():
        alive = ProcessRef(int(found["pid"]), float(found["started"])).alive()
        print(
            f"  {name:<12} {found['pid']:>8}  {'running' if alive else 'stopped':<8} {found['restarts']:>8}  {home.logs / name}.log"
        )
    return 0 if state["status"] == "ready" else 3


def _detach(home: Home) -> int:
    log = home.logs / "supervisor.log"
    if home.taken():
        home.take()  # says who has it
    with log.open("ab") as out:
        begun = out.tell()
        child = subprocess.Popen(
            [sys.executable, "-m", "taproot_local", "up"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    deadline = time.monotonic() + DETACHED_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        state = home.state()
        if state.get("pid") == child.pid and state.get("status") == "ready":
            print(f"Taproot is ready: {state['http_url']}; stop it with `taproot down`.")
            child.returncode = 0  # it goes on without us
            return 0
        time.sleep(0.1)
    if child.poll() is None:
        child.terminate()
    said = last_text(log)[-(log.stat().st_size - begun) or None :].strip()
    print(said, file=sys.stderr)
    return 1


def _say(line: str) -> None:
    print(line, flush=True)
