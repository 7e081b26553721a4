"""A real Prometheus and its promtool, as Debian's package `prometheus` brings them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from taproot_charts import alerts

from taproot_local.processes import LOOPBACK, free_port

Rule = dict[str, Any]
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="needs promtool (Debian package prometheus)"
)
needs_prometheus = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="needs prometheus (Debian package prometheus)"
)


def seconds(duration: str) -> int:
    return int(duration[:-1]) * UNITS[duration[-1]]


def all_rules() -> list[Rule]:
    return [rule for group in alerts.groups()["groups"] for rule in group["rules"]]


def scaled(rule: Rule, factor: int) -> Rule:
    """The rule in a time that runs `factor` times faster: `for`, windows, and limits that are seconds of a gauge.

    A test cannot wait for hours. What is divided is time alone: shares, counts, rates and the shape of the
    expression stay, so a rule that fires here fires in production after `factor` times as long. Windows stay long
    enough for a rate at a scrape a second. Days before a certificate ends are no duration of ours.
    """

    def shorter(match: re.Match[str]) -> str:
        return f"[{max(seconds(match[1]) // factor, 5)}s]"

    expression = re.sub(r"\[(\d+[smhd])\]", shorter, rule["expr"])
    expression = re.sub(
        r"(_seconds\) > )(\d+)", lambda match: f"{match[1]}{int(match[2]) / factor:g}", expression
    )
    return rule | {"expr": expression, "for": f"{max(seconds(rule['for']) // factor, 1)}s"}


def check_rules(paths: Sequence[Path]) -> None:
    """Promtool's unit tests; raises AssertionError with what it says."""
    done = subprocess.run(
        ["promtool", "test", "rules", *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-6000:]}"


class Prometheus:
    """A running server, asked by its HTTP API."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{LOOPBACK}:{port}"

    def get(self, path: str, **params: Any) -> Any:
        address = f"{self.url}{path}?{urllib.parse.urlencode(params)}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.get("/api/v1/query", query=expression)["result"]
        return found

    def series(self, selector: str, since: float) -> list[Mapping[str, Any]]:
        """All that was seen of it from then on."""
        found: list[Mapping[str, Any]] = self.get(
            "/api/v1/query_range", query=selector, start=since, end=time.time(), step="1s"
        )["result"]
        return found

    def firing(self) -> list[dict[str, str]]:
        found = self.get("/api/v1/alerts")["alerts"]
        return [one["labels"] for one in found if one["state"] == "firing"]

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False


@contextmanager
def running(
    directory: Path, rules: Sequence[Rule], scrapes: Sequence[Mapping[str, Any]]
) -> Iterator[Prometheus]:
    """Prometheus with these rules and scrape jobs, a second between two looks; stopped at the end."""
    (directory / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": list(rules)}]}))
    often = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config = {"global": often, "rule_files": ["rules.yaml"], "scrape_configs": list(scrapes)}
    (directory / "prometheus.yaml").write_text(yaml.safe_dump(config))
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={directory / 'prometheus.yaml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={LOOPBACK}:{port}",
    ]
    with (
        (directory / "prometheus.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            server = Prometheus(port)
            deadline = time.monotonic() + 30
            while not server.ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((directory / "prometheus.log").read_text()[-3000:])
                time.sleep(0.1)
            yield server
        finally:
            process.terminate()
            process.wait(20)
