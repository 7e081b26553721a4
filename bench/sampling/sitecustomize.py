"""A sampling profiler for the processes of the benchmark: put this directory on PYTHONPATH and set BENCH_SAMPLE.

Every 2 ms of CPU time the stack is noted; at the end `<BENCH_SAMPLE>.<pid>` holds lines `function;..;function count`.
"""

from __future__ import annotations

import atexit
import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY_SECONDS = 0.002
_stacks: Counter[str] = Counter()


def _note(_signal: int, frame: FrameType | None) -> None:
    names: list[str] = []
    while frame is not None:
        code = frame.f_code
        folder, _, file = code.co_filename.rpartition("/")
        names.append(f"{folder.rpartition('/')[2]}/{file}:{code.co_qualname}")
        frame = frame.f_back
    _stacks[";".join(reversed(names))] += 1


def _write(path: str) -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)
    lines = (f"{stack} {count}" for stack, count in _stacks.most_common())
    Path(f"{path}.{os.getpid()}").write_text("\n".join(lines))


target = os.environ.get("BENCH_SAMPLE")
if target:
    signal.signal(signal.SIGPROF, _note)
    signal.siginterrupt(signal.SIGPROF, False)
    signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)
    atexit.register(_write, target)
