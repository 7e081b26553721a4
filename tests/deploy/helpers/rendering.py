"""Rendering the umbrella chart with Helm itself, without a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml
from taproot_charts.assemble import assemble

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "deploy" / "helm" / "examples"
VALUE_SETS = ("default", "minimal", "high-availability", "external", "mtls", "air-gapped")
Manifest = dict[str, Any]


class Charts:
    def __init__(self, directory: Path) -> None:
        self.umbrella = assemble(directory)
        self.directory = directory
        self.manifests = cache(self._manifests)

    def values(self, value_set: str) -> dict[str, Any]:
        if value_set == "default":
            return {}
        found: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{value_set}.yaml").read_text())
        return found

    def render(self, values: dict[str, Any], *, upgrade: bool = False) -> list[Manifest]:
        """Raises HelmError when the values do not fit the schema."""
        chart = helm_python.Chart.load(self.umbrella)
        options = {"is_upgrade": True, "revision": 2} if upgrade else {}
        files = chart.render(values, name="taproot", namespace="crm", **options)
        found = [
            manifest
            for name, text in sorted(files.items())
            if not name.endswith("NOTES.txt")
            for manifest in yaml.safe_load_all(text)
            if manifest
        ]
        return sorted(found, key=lambda one: (one["kind"], one["metadata"]["name"]))

    def notes(self, values: dict[str, Any]) -> str:
        files = helm_python.Chart.load(self.umbrella).render(values, name="taproot", namespace="crm")
        return next(text for name, text in files.items() if name == "taproot/templates/NOTES.txt")

    def _manifests(self, value_set: str, *, upgrade: bool = False) -> list[Manifest]:
        return self.render(self.values(value_set), upgrade=upgrade)


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every pod template with the name of what makes it."""
    for one in manifests:
        if one["kind"] in {"Deployment", "StatefulSet", "Job", "DaemonSet"}:
            yield f"{one['kind']}/{one['metadata']['name']}", one["spec"]["template"]
        elif one["kind"] == "CronJob":
            yield f"CronJob/{one['metadata']['name']}", one["spec"]["jobTemplate"]["spec"]["template"]


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] == kind}
