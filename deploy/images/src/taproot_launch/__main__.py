"""First process of a container: becomes what TAPROOT_SERVICE and TAPROOT_ROLE say.

- `api`, `worker`, `all`: serve
- `migrate`: bring the database to this release's schema, then end
- `await-schema`: end when the database has at least this release's schema
- `health`: end with 0 when the service in this container is serving
- `secrets`: print keys and passwords of a new installation; needs no service

Arguments are an operator's command, such as `dead-letters list`.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from pathlib import Path
from types import FrameType

SERVICES = ("customer", "sales", "servicedesk", "marketing", "gateway")
SERVING = ("api", "worker", "all")
TERMINATED = 128 + signal.SIGTERM


def main(arguments: list[str]) -> None:
    # As process 1 of a container nothing ends this program unless it says so.
    signal.signal(signal.SIGTERM, _end)
    role = os.environ.get("TAPROOT_ROLE", "all")
    if arguments[:1] == ["secrets"] or role == "secrets":
        from taproot_launch import bundle

        sys.exit(bundle.main(arguments[1:] if arguments[:1] == ["secrets"] else arguments))
    for directory in filter(None, os.environ.get("TAPROOT_SECRETS_DIR", "").split(":")):
        _take_secrets(Path(directory))
    if role == "health" or arguments == ["health"]:
        from taproot_launch import health

        sys.exit(health.main())
    _become(_service(), role, arguments)


def _become(service: str, role: str, arguments: list[str]) -> None:
    if role in {"migrate", "await-schema"}:
        from taproot_launch import schema

        sys.exit(schema.main(service, role))
    if role not in SERVING:
        sys.exit(
            f"TAPROOT_ROLE is {role!r}; known are {', '.join(SERVING)}, migrate, await-schema, health, secrets"
        )
    module = f"taproot_{service}"
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _service() -> str:
    service = os.environ.get("TAPROOT_SERVICE", "")
    if service not in SERVICES:
        sys.exit(f"TAPROOT_SERVICE is {service!r}; known are {', '.join(SERVICES)}")
    return service


def _take_secrets(directory: Path) -> None:
    """A file `database-url` sets TAPROOT_DATABASE_URL, unless that is set: secrets need not be in a pod's spec."""
    for file in directory.iterdir() if directory.is_dir() else ():
        if file.is_file() and not file.suffix and not file.name.startswith("."):
            name = f"TAPROOT_{file.name.replace('-', '_').upper()}"
            os.environ.setdefault(name, file.read_text(encoding="utf-8").strip())


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(TERMINATED)


if __name__ == "__main__":
    main(sys.argv[1:])
