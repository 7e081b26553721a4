"""Writes what the charts of the services have in common: values with their documentation, and the schema.

Run it after a change of `service.values.yaml`, of `schema.py` or of a settings class.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from taproot_charts.alerts import groups
from taproot_charts.catalogue import SERVICES, VERSION, Service
from taproot_charts.dashboards import all_dashboards
from taproot_charts.schema import global_schema, service_schema, umbrella_schema

HERE = Path(__file__).resolve().parents[1]


def chart(service: Service) -> str:
    return f"""apiVersion: v2
name: {service.name}
description: "Taproot: {service.description}"
type: application
version: {VERSION}
appVersion: "{VERSION}"
kubeVersion: ">=1.30.0-0"
dependencies:
  - name: taproot-lib
    version: {VERSION}
    repository: file://../taproot-lib
"""


def values(service: Service) -> str:
    text = (HERE / "service.values.yaml").read_text()
    for name, value in service.texts().items():
        text = text.replace(f"{{{name}}}", value)
    more = (HERE / "gateway.values.yaml").read_text() if service.name == "gateway" else ""
    return text.replace("{more}\n", more.lstrip("\n") and "\n" + more.lstrip("\n"))


def generated() -> dict[Path, str]:
    found = {}
    for service in SERVICES:
        folder = HERE / service.name
        found[folder / "Chart.yaml"] = chart(service)
        found[folder / "values.yaml"] = values(service)
        found[folder / "values.schema.json"] = _json(service_schema(service))
        found[folder / "templates" / "service.yaml"] = '{{ include "taproot-lib.service" . }}\n'
        found[folder / "templates" / "NOTES.txt"] = '{{ include "taproot-lib.notes" . }}\n'
    files = HERE / "taproot" / "files"
    found[files / "alerts.yaml"] = yaml.safe_dump(groups(), sort_keys=False, width=1000)
    for name, one in all_dashboards().items():
        found[files / "dashboards" / f"{name}.json"] = _json(one)
    found[HERE / "taproot" / "values.schema.json"] = _json(umbrella_schema(global_schema()))
    return found


def _json(schema: object) -> str:
    return json.dumps(schema, indent=2) + "\n"


def main(*, check: bool = False) -> int:
    """Names what changes; with `check` nothing is written and the result is 1 when something would be."""
    stale = {
        path: text for path, text in generated().items() if not path.exists() or path.read_text() != text
    }
    for path, text in stale.items():
        print(path.relative_to(HERE))
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return 1 if check and stale else 0
