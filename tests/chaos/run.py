"""`make chaos ARGS="--seed 7 --minutes 3"`: prints the faults as they come and what was found; see docs/operations/chaos.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from chaoskit.drill import Result, drill
from chaoskit.schedule import plan


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make chaos", description="Break things on purpose and check the books."
    )
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after the other")
    parser.add_argument("--minutes", type=float, default=1.0, help="of work under faults, for each seed")
    parser.add_argument("--pause", type=float, default=2.5, help="mean seconds between two faults")
    parser.add_argument("--json", type=Path, help="where the result goes")
    parser.add_argument("--logs", type=Path, help="keep the logs of the services there")
    parser.add_argument("--plan", action="store_true", help="only print the schedule")
    options = parser.parse_args()
    results: list[Result] = []
    for seed in range(options.seed, options.seed + options.seeds):
        faults = plan(seed, options.minutes * 60, pause=options.pause)
        if options.plan:
            print(*faults, sep="\n")
            continue
        print(f"seed {seed}: {len(faults)} faults in {options.minutes * 60:.0f} s", flush=True)
        logs = options.logs / str(seed) if options.logs else None
        result = asyncio.run(
            drill(
                seed, options.minutes * 60, faults=faults, say=lambda line: print(line, flush=True), keep=logs
            )
        )
        results.append(result)
        print(json.dumps(result.facts), *(f"  WRONG  {one}" for one in result.wrong), sep="\n", flush=True)
        if options.json:
            options.json.write_text(
                json.dumps([one.record() for one in results], indent=1, ensure_ascii=False)
            )
    return 1 if any(one.wrong for one in results) else 0


if __name__ == "__main__":
    sys.exit(main())
