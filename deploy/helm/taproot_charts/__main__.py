"""`PYTHONPATH=deploy/helm python -m taproot_charts generate [--check] | package DIRECTORY`."""

from __future__ import annotations

import sys
from pathlib import Path

from taproot_charts import assemble, generate


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["generate"]:
        return generate.main(check="--check" in arguments)
    if arguments[:1] == ["package"] and len(arguments) == 2:
        for archive in assemble.package(Path(arguments[1])):
            print(archive)
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
