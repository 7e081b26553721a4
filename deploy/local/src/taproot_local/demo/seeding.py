"""`taproot seed`: the demo enterprise with two years of history."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from datetime import UTC, date, datetime
from typing import Any

from taproot_local.api import Client, admin_password, local_url
from taproot_local.demo.company import PASSWORD, STAFF
from taproot_local.demo.loading import Loader, Volume
from taproot_local.demo.setting_up import set_up
from taproot_local.home import Home
from taproot_local.processes import write_atomically

MARK = "demo.json"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="taproot seed", description="Load the demo data.")
    parser.add_argument("--server", help="address of Taproot (default: the one running here)")
    parser.add_argument("--if-empty", action="store_true", help="only into an installation without customers")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="how much, as a share of the usual (default 1)"
    )
    options = parser.parse_args(arguments)
    asyncio.run(_seed(local_url(options.server), options.scale, if_empty=options.if_empty))
    return 0


async def _seed(url: str, scale: float, *, if_empty: bool) -> None:
    mark = _read_mark()
    if if_empty and mark.get("state") == "loaded":
        print(logins(), flush=True)
        return
    async with Client.open(url, patience=120) as visitor:
        admin = await visitor.signed_in(
            os.environ.get("TAPROOT_USER", "admin"), os.environ.get("TAPROOT_PASSWORD") or admin_password()
        )
        if if_empty and not mark and await admin.first("/v1/customers", ""):
            return
        progress = Progress(if_empty=if_empty)
        # Histories are dated back from one day, however often the loading is cut off and begun again.
        today = date.fromisoformat(mark.get("today") or datetime.now(UTC).date().isoformat())
        _write_mark("loading", today)
        await set_up(admin, lambda share: progress(0.1 * share))
        volume = Volume() if scale == 1.0 else Volume().scaled(scale)
        await Loader(admin, volume, today, lambda share: progress(0.1 + 0.9 * share), gentle=if_empty).run()
        _write_mark("loaded", today)
        progress.finish(volume)


class Progress:
    """A line for each tenth; on a terminal of our own, the same line over and over."""

    def __init__(self, *, if_empty: bool) -> None:
        self._begun = time.monotonic()
        self._last = -1
        self._same_line = sys.stdout.isatty() and not if_empty

    def __call__(self, share: float) -> None:
        percent = int(share * 100) if self._same_line else int(share * 10) * 10
        if percent > self._last:
            self._last = percent
            print(f"\rloading demo data {percent} %", end="" if self._same_line else "\n", flush=True)

    def finish(self, volume: Volume) -> None:
        seconds = time.monotonic() - self._begun
        counts = ", ".join(f"{getattr(volume, name):,} {name}" for name in volume.__dataclass_fields__)
        print(f"\rDemo data loaded in {seconds:.0f} s: {counts}.\n\n{logins()}", flush=True)


def logins() -> str:
    """One demo login per role."""
    lines = [f"Demo logins (password {PASSWORD}):"]
    lines += [f"  {person.user_name:<14} {person.name}, {person.title}" for person in STAFF if person.shown]
    return "\n".join(lines)


def _read_mark() -> dict[str, Any]:
    try:
        found = json.loads((Home.current().root / MARK).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_mark(state: str, today: date) -> None:
    root = Home.current().root
    if root.exists():
        write_atomically(root / MARK, json.dumps({"state": state, "today": today.isoformat()}))
