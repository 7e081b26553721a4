"""In every process of a suite under test: talk through the relays of `CHAOS_LINKS`, go by the
clocks of `CHAOS_CLOCKS`, and plant the bug of `CHAOS_PLANT`.

Found because the drill puts this directory on PYTHONPATH. Product code knows nothing of it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

_PEERS = {"gateway": "identity"}


def _service() -> str:
    """`sales` in `python -m taproot_sales`; operators' commands and everything else are left as they are."""
    given = sys.orig_argv[1:]
    if len(given) == 2 and given[0] == "-m" and given[1].startswith("taproot_"):
        return given[1].removeprefix("taproot_")
    return ""


def _through(url: str, port: int) -> str:
    return re.sub(r":\d+(?=/|\?|$)", f":{port}", url)


def _link(service: str, ports: dict[str, int]) -> None:
    for setting, target in (
        ("DATABASE_URL", "postgres"),
        ("DATABASE_DIRECT_URL", "postgres"),
        ("NATS_URL", "nats"),
        ("SMTP_URL", "smtp"),
    ):
        name = f"TAPROOT_{setting}"
        os.environ[name] = _through(os.environ[name], ports[f"{service}>{target}"])
    pairs = (pair.split("=", 1) for pair in os.environ["TAPROOT_BACKENDS"].split(","))
    os.environ["TAPROOT_BACKENDS"] = ",".join(
        f"{peer}={_through(address, ports[f'{service}>{peer}'])}" for peer, address in pairs
    )


if (_name := _service()) and "CHAOS_LINKS" in os.environ and "TAPROOT_BACKENDS" in os.environ:
    _link(_name, json.loads(Path(os.environ["CHAOS_LINKS"]).read_text()))
    import planted
    import shifting

    shifting.follow(Path(os.environ["CHAOS_CLOCKS"]) / _name)
    planted.hurry(_name)
    if "CHAOS_PLANT" in os.environ:
        planted.plant(os.environ["CHAOS_PLANT"], _name)
