"""Charts with their dependencies inside, made from this checkout without any repository."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from taproot_charts.catalogue import SERVICES

HERE = Path(__file__).resolve().parents[1]
LIBRARY, UMBRELLA = "taproot-lib", "taproot"


def assemble(directory: Path) -> Path:
    """The umbrella chart below `directory`; the services' charts stand beside it, each complete too."""
    names = [service.name for service in SERVICES]
    for name in (LIBRARY, *names, UMBRELLA):
        shutil.copytree(HERE / name, directory / name, ignore=shutil.ignore_patterns("charts", "*.lock"))
    for name in names:
        shutil.copytree(directory / LIBRARY, directory / name / "charts" / LIBRARY)
    for name in (LIBRARY, *names):
        shutil.copytree(directory / name, directory / UMBRELLA / "charts" / name)
    return directory / UMBRELLA


def package(directory: Path) -> list[Path]:
    """Archives as `helm install` and chart repositories take them."""
    import helm_python

    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        assemble(Path(work))
        names = [*(service.name for service in SERVICES), UMBRELLA]
        return [Path(helm_python.Chart.load(Path(work) / name).save(directory)) for name in names]
