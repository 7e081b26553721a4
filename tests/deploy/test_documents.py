"""The commands of docs/operations: run where they can be, else checked against what the charts and images have."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import helm_python
import pytest
import yaml
from rendering import ROOT, of_kind
from taproot_launch import bundle

PAGES = [*sorted((ROOT / "docs" / "operations").rglob("*.md")), ROOT / "deploy" / "compose" / "README.md"]
OPTIONS_WITHOUT_VALUE = {"--install", "--atomic", "--wait", "--reuse-values"}
BUNDLED_ELSEWHERE = {"taproot-postgresql", "taproot-nats"}


def commands(page):
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
        yield from (line for line in block.splitlines() if line.strip())


def all_commands(part):
    return [(page, line) for page in PAGES for line in commands(page) if part in line]


def words(line):
    return shlex.split(line, comments=True)


def case(found):
    page, line = found
    return f"{page.stem}: {line[:60]}"


@pytest.mark.parametrize("found", all_commands("helm upgrade ") + all_commands("helm rollback "), ids=case)
def test_helm_commands_name_values_that_exist(charts, found):
    """Each renders: with its files and its settings, as an install or an upgrade."""
    line = words(found[1])
    if line[1] == "rollback":
        assert line[2:4] == ["taproot", "--namespace"]
        return
    values, places, index = {}, [], 2
    while index < len(line):
        if line[index] in OPTIONS_WITHOUT_VALUE:
            index += 1
        elif line[index].startswith("--"):
            values = _taken(values, line[index], line[index + 1])
            index += 2
        else:
            places.append(line[index])
            index += 1
    assert places == ["taproot", "dist/charts/taproot-0.1.0.tgz"]
    assert charts.render(values, upgrade="--install" not in line)


def _taken(values, option, value):
    if option == "--values":
        return _merged(values, yaml.safe_load((ROOT / value).read_text()))
    if option == "--set":
        return _merged(values, helm_python.parse_set_string(value))
    assert option in {"--namespace", "--timeout"}, option
    return values


def _merged(under, over):
    both = under | over
    for name in under.keys() & over.keys():
        if isinstance(under[name], dict) and isinstance(over[name], dict):
            both[name] = _merged(under[name], over[name])
    return both


@pytest.mark.parametrize("found", all_commands("kubectl "), ids=case)
def test_kubectl_commands_name_objects_that_exist(charts, found):
    line = found[1].split("|")[0]
    manifests = charts.manifests("default")
    known = {
        "deployment": of_kind(manifests, "Deployment"),
        "service": of_kind(manifests, "Service"),
        "secret": {f"taproot-{name}" for name in bundle.generate(bundle.Places("a:1", "b:1"))},
    }
    for kind, name in re.findall(r"\b(deployment|service)/([\w-]+)", line) + re.findall(
        r"\b(secret) ([\w-]+)", line
    ):
        assert name in known[kind], line
    for file in re.findall(r"jsonpath='\{\.data\.([^}]+)\}'", line):
        secret = re.search(r"secret taproot-([\w-]+)", line)[1]
        assert file.replace("\\.", ".") in bundle.generate(bundle.Places("a:1", "b:1"))[secret]


def test_charts_are_packaged_as_the_page_says(tmp_path):
    line = next(line for _, line in all_commands("taproot_charts package"))
    line = line.replace(".venv/bin/python", sys.executable).replace("dist/charts", str(tmp_path))
    subprocess.run(["bash", "-c", line], cwd=ROOT, check=True, capture_output=True)
    assert (tmp_path / "taproot-0.1.0.tgz").exists()


def test_secrets_are_made_as_the_page_says():
    text = (ROOT / "docs" / "operations" / "install.md").read_text()
    printed = words(
        next(line for line in commands(ROOT / "docs/operations/install.md") if "secrets --namespace" in line)
    )
    with_servers = words(re.search(r"`(secrets --postgres [^`]+)`", text)[1])
    for arguments in (printed[printed.index("secrets") : printed.index(">")], with_servers):
        command = [sys.executable, "-m", "taproot_launch", *arguments]
        done = subprocess.run(
            command,
            cwd=ROOT / "deploy" / "images" / "src",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        made = of_kind(list(yaml.safe_load_all(done.stdout)), "Secret")
        assert set(made) >= {"taproot-gateway", "taproot-sales-migration", *BUNDLED_ELSEWHERE}
    url = made["taproot-sales"]["stringData"]["database-url"]
    assert re.fullmatch(
        r"postgresql://sales_app:\w+@db\.example\.com:5432/taproot_sales\?sslmode=verify-full", url
    )
    assert made["taproot-sales"]["stringData"]["nats-url"].count("nats://") == 2


def test_files_the_pages_name_exist():
    for page in PAGES:
        for name in re.findall(r"`((?:deploy|docs|tests|requirements)/[\w./-]+?)/?`", page.read_text()):
            assert (ROOT / name).exists(), (page.name, name)


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)


def test_compose_starts_what_its_page_says():
    file = yaml.safe_load((ROOT / "deploy" / "compose" / "compose.yaml").read_text())
    text = (ROOT / "deploy" / "compose" / "README.md").read_text()
    assert set(re.findall(r"\bTAPROOT_[A-Z_]+", text)) == set(
        re.findall(r"\$\{(TAPROOT_\w+)", (ROOT / "deploy" / "compose" / "compose.yaml").read_text())
    )
    for service in ("gateway", "sales"):
        assert service in file["services"]
    assert Path("/var/lib/taproot/secrets/gateway/admin-password").as_posix() in text
