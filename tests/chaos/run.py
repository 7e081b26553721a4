"""`make chaos ARGS="--seed 7 --minutes 3"`: prints the faults as they come and what was found; see docs/operations/chaos.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from chaoskit.book import Book
from chaoskit.drill import Result, drill
from chaoskit.schedule import KINDS, Fault, plan


def main() -> int:
    options = _options()
    if options.plan:
        for seed in options.seeds:
            print(*_faults(seed, options), sep="\n")
        return 0
    book = Book.opened(options.json, resume=options.resume)
    try:
        for seed in options.seeds:
            if seed not in book.seeds:
                book.add(_play(seed, options))
    except KeyboardInterrupt:
        print("interrupted; what was played is kept", flush=True)
        return 130
    finally:
        print(book.table(), flush=True)
        if options.table and book.runs:
            options.table.write_text(book.table() + "\n")
    return 1 if book.failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make chaos", description="Break things on purpose and check the books."
    )
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument(
        "--seeds", default="1", help="how many from there, or which: 1-50; one after the other"
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="of work under faults, for each seed")
    parser.add_argument("--pause", type=float, default=2.5, help="mean seconds between two faults")
    parser.add_argument("--kinds", default=",".join(KINDS), help="of faults, with commas between")
    parser.add_argument("--json", type=Path, help="where the results go, after each seed")
    parser.add_argument("--resume", action="store_true", help="leave out seeds that the JSON file has")
    parser.add_argument("--table", type=Path, help="where the table in Markdown goes")
    parser.add_argument("--logs", type=Path, help="keep the logs and the evidence there")
    parser.add_argument("--plan", action="store_true", help="only print the schedule")
    options = parser.parse_args()
    first, dash, last = options.seeds.partition("-")
    start = int(first) if dash else options.seed
    options.seeds = range(start, int(last) + 1 if dash else start + int(first))
    return options


def _faults(seed: int, options: argparse.Namespace) -> list[Fault]:
    return plan(seed, options.minutes * 60, pause=options.pause, kinds=options.kinds.split(","))


def _play(seed: int, options: argparse.Namespace) -> Result:
    """A run that could not be judged is a failure like any other, and the next seed's turn comes."""
    seconds, faults = options.minutes * 60, _faults(seed, options)
    print(f"seed {seed}: {len(faults)} faults in {seconds:.0f} s", flush=True)
    logs = options.logs / str(seed) if options.logs else None
    try:
        result = asyncio.run(_until_stopped(drill(seed, seconds, faults=faults, say=_say, keep=logs)))
    except Exception as error:  # noqa: BLE001  # whatever it was, it is reported
        result = Result(seed, seconds, findings={"the_drill_itself": [f"{type(error).__name__}: {error}"]})
    print(json.dumps(result.facts), *(f"  WRONG  {one}" for one in result.wrong), sep="\n", flush=True)
    return result


def _say(line: str) -> None:
    print(line, flush=True)


async def _until_stopped(run: Coroutine[Any, Any, Result]) -> Result:
    """SIGTERM is taken like Ctrl-C: the suite is stopped before this process ends."""
    task = asyncio.ensure_future(run)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


if __name__ == "__main__":
    sys.exit(main())
