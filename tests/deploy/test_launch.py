"""What the image does besides serving: secrets that fit together, migrations that wait, retry and never go back."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import subprocess
import sys
import time
from urllib.parse import urlsplit

import asyncpg
import pytest
import yaml
from rendering import ROOT, of_kind
from taproot_charts.catalogue import SERVICES
from taproot_launch import bundle, schema

from taproot_base.auth import GATEWAY_KEY, Principal, TokenMinter, TokenVerifier
from taproot_base.errors import Unauthenticated
from taproot_local.account import binaries
from taproot_local.testing import own_postgres
from taproot_storage import migrations

PLACES = bundle.Places("127.0.0.1:1", "127.0.0.1:2", "smtp://mail:25")
PATH = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "deploy" / "images" / "src")}


def launch(*arguments, seconds=90, **settings):
    command = [sys.executable, "-m", "taproot_launch", *arguments]
    return subprocess.run(
        command, env=PATH | settings, capture_output=True, text=True, timeout=seconds, check=False
    )


@pytest.fixture(scope="module")
def made():
    return bundle.generate(PLACES)


class TestSecrets:
    def test_every_service_can_speak_for_itself_alone(self, made, tmp_path):
        bundle.write(made, tmp_path, 0o600)
        verifier = TokenVerifier.load(tmp_path / "customer" / "keys.json")
        for name in ("customer", "sales", "servicedesk", "marketing"):
            minter = TokenMinter.load(tmp_path / name / f"{name}.pem", f"service:{name}")
            assert verifier.verify(minter.mint(Principal.service(name))).subject == f"service:{name}"
            with pytest.raises(Unauthenticated):
                verifier.verify(minter.mint(Principal.service("gateway")))
        gateway = TokenMinter.load(tmp_path / "gateway" / "identity.pem", GATEWAY_KEY)
        assert verifier.verify(gateway.mint(Principal.service("sales"))).subject == "service:sales"

    def test_manifests_are_the_secrets_the_chart_mounts(self, made, charts):
        secrets = of_kind(list(yaml.safe_load_all(bundle.as_manifests(made, "taproot", "crm"))), "Secret")
        wanted = {
            source["secretName"] if "secretName" in source else source["name"]
            for one in charts.manifests("minimal")
            if one["kind"] in {"Deployment", "StatefulSet", "Job"}
            for volume in one["spec"]["template"]["spec"]["volumes"]
            for source in _sources(volume)
        }
        assert wanted == set(secrets)

    def test_every_file_is_a_setting_of_its_service(self, made):
        """A file `link-key` sets TAPROOT_LINK_KEY: a name nobody reads would be a secret that has no effect."""
        for service in SERVICES:
            known = set(
                importlib.import_module(f"taproot_{service.name}.main").DEFINITION.settings.model_fields
            )
            plain = {name.replace("-", "_") for name in made[service.name] if "." not in name}
            assert plain <= known, service.name

    def test_nothing_is_the_same_twice(self, made):
        again = bundle.generate(PLACES)
        for name in ("customer", "gateway-migration", "postgresql"):
            assert all(again[name][file] != content for file, content in made[name].items())

    def test_only_the_migration_knows_the_owner(self, made):
        for service in SERVICES:
            assert urlsplit(made[service.name]["database-url"]).username == f"{service.name}_app"
            assert "_owner:" not in str(made[service.name])

    def test_directories_are_written_once(self, tmp_path):
        first = launch("secrets", "--directory", str(tmp_path), "--keep")
        kept = (tmp_path / "gateway" / "admin-password").read_text()
        second = launch("secrets", "--directory", str(tmp_path), "--keep")
        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        assert (tmp_path / "gateway" / "admin-password").read_text() == kept
        assert (tmp_path / "gateway" / "identity.pem").stat().st_mode & 0o777 == 0o600


def _sources(volume):
    if "secret" in volume:
        yield volume["secret"]
    for source in volume.get("projected", {}).get("sources", []):
        yield source["secret"]


@pytest.fixture(scope="module")
def provisioned(tmp_path_factory):
    """A PostgreSQL of our own on which provision.sql ran, twice, and the secrets that fit."""
    with own_postgres(durable=False) as server:
        at = urlsplit(server.admin_url)
        made = bundle.generate(bundle.Places(f"{at.hostname}:{at.port}", "127.0.0.1:2"))
        script = tmp_path_factory.mktemp("sql") / "provision.sql"
        script.write_text(made["postgresql"]["provision.sql"])
        for _ in range(2):
            psql = [binaries() / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", script, server.admin_url]
            subprocess.run(psql, check=True, capture_output=True)
        yield made


@pytest.fixture(scope="module")
def settings(provisioned):
    return {
        "TAPROOT_SERVICE": "sales",
        "TAPROOT_DATABASE_URL": provisioned["sales"]["database-url"],
        "TAPROOT_MIGRATION_DATABASE_URL": provisioned["sales-migration"]["migration-database-url"],
    }


@pytest.fixture(scope="module")
def migrated(settings):
    """The sales database at this release's schema, whichever test came first."""
    done = launch(TAPROOT_ROLE="migrate", **settings)
    assert done.returncode == 0, done.stderr
    return settings


class TestMigrating:
    def test_pods_wait_until_the_schema_is_there(self, settings):
        waiting = subprocess.Popen(
            [sys.executable, "-m", "taproot_launch"],
            env=PATH | settings | {"TAPROOT_ROLE": "await-schema"}, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert waiting.stderr.readline() == "waiting: the database is not migrated\n"
            done = launch(TAPROOT_ROLE="migrate", **settings)
            assert done.returncode == 0, done.stderr
            assert "the database is at " in done.stderr
            assert waiting.wait(30) == 0
        finally:
            waiting.kill()
            waiting.communicate()

    def test_a_second_migration_finds_nothing_to_do(self, migrated):
        done = launch(TAPROOT_ROLE="migrate", **migrated)
        assert (done.returncode, "nothing to do" in done.stderr) == (0, True), done.stderr

    async def test_the_setting_of_row_security_takes_effect_without_a_new_schema(self, migrated):
        owner = await asyncpg.connect(migrated["TAPROOT_MIGRATION_DATABASE_URL"])
        try:
            for setting, policies in (("on", True), ("off", False)):
                chosen = migrated | {"TAPROOT_DATABASE_ROW_SECURITY": setting}
                done = await asyncio.to_thread(launch, TAPROOT_ROLE="migrate", **chosen)
                assert (done.returncode, "nothing to do" in done.stderr) == (0, True), done.stderr
                assert bool(await owner.fetchval("SELECT count(*) FROM pg_policies")) is policies
        finally:
            await owner.close()

    async def test_two_at_once_do_it_once(self, provisioned):
        settings = {
            "TAPROOT_SERVICE": "marketing",
            "TAPROOT_ROLE": "migrate",
            "TAPROOT_DATABASE_URL": provisioned["marketing"]["database-url"],
            "TAPROOT_MIGRATION_DATABASE_URL": provisioned["marketing-migration"]["migration-database-url"],
        }
        both = await asyncio.gather(*(asyncio.to_thread(launch, **settings) for _ in range(2)))
        assert [done.returncode for done in both] == [0, 0], both
        assert sorted("nothing to do" in done.stderr for done in both) == [False, True]

    async def test_a_release_before_is_content_with_a_newer_database(self, migrated):
        """After a rollback: versions N and N+1 share the schema, so there is nothing to do and nothing to wait for."""
        settings = migrated
        owner = await asyncpg.connect(settings["TAPROOT_MIGRATION_DATABASE_URL"])
        try:
            now = await owner.fetchval("SELECT version_num FROM alembic_version")
            await owner.execute("UPDATE alembic_version SET version_num = '9999_of_a_later_release'")
            for role in ("migrate", "await-schema"):
                done = await asyncio.to_thread(launch, TAPROOT_ROLE=role, **settings)
                assert done.returncode == 0, done.stderr
            await owner.execute("UPDATE alembic_version SET version_num = $1", now)
        finally:
            await owner.close()

    async def test_a_lock_is_waited_for_by_trying_again(self, monkeypatch, settings):
        """A long transaction makes one attempt fail, not the upgrade."""
        monkeypatch.setattr(schema, "PAUSE_SECONDS", 0.05)
        monkeypatch.setattr(schema, "_enough", lambda *_: False)
        attempts = []

        def upgrade(_folder, _scoped):
            attempts.append(1)
            if len(attempts) < 3:
                raise asyncpg.LockNotAvailableError("canceling statement due to lock timeout")

        monkeypatch.setattr(migrations, "upgrade", upgrade)
        monkeypatch.setenv("TAPROOT_MIGRATION_DATABASE_URL", settings["TAPROOT_MIGRATION_DATABASE_URL"])
        assert await schema._migrate(ROOT) == 0
        assert len(attempts) == 3

    async def test_a_defect_is_not_tried_again(self, monkeypatch, settings):
        monkeypatch.setattr(schema, "_enough", lambda *_: False)
        attempts = []

        def upgrade(_folder, _scoped):
            attempts.append(1)
            raise asyncpg.UndefinedTableError("relation does not exist")

        monkeypatch.setattr(migrations, "upgrade", upgrade)
        monkeypatch.setenv("TAPROOT_MIGRATION_DATABASE_URL", settings["TAPROOT_MIGRATION_DATABASE_URL"])
        with pytest.raises(asyncpg.UndefinedTableError):
            await schema._migrate(ROOT)
        assert len(attempts) == 1

    async def test_no_login_enters_another_services_database(self, provisioned):
        url = provisioned["sales"]["database-url"].replace("/taproot_sales", "/taproot_customer")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(url)


class TestStarting:
    def test_secrets_are_files(self, tmp_path):
        (tmp_path / "database-url").write_text("postgresql://from-a-file\n")
        (tmp_path / "keys.json").write_text("{}")
        code = (
            "import os, pathlib; from taproot_launch.__main__ import _take_secrets as take;"
            f"take(pathlib.Path({str(tmp_path)!r}));"
            "print(os.environ['TAPROOT_DATABASE_URL'], [n for n in os.environ if 'KEYS' in n])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], env=PATH, capture_output=True, text=True, check=True
        )
        assert done.stdout == "postgresql://from-a-file []\n"

    def test_the_environment_wins_over_files(self, tmp_path):
        (tmp_path / "log-level").write_text("DEBUG")
        code = (
            "import os, pathlib; from taproot_launch.__main__ import _take_secrets as take;"
            f"take(pathlib.Path({str(tmp_path)!r})); print(os.environ['TAPROOT_LOG_LEVEL'])"
        )
        environment = PATH | {"TAPROOT_LOG_LEVEL": "INFO"}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout == "INFO\n"

    def test_it_ends_when_asked_before_it_serves(self):
        settings = {"TAPROOT_SERVICE": "sales", "TAPROOT_ROLE": "await-schema",
                    "TAPROOT_DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/none"}  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "taproot_launch"], env=PATH | settings, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr.readline().startswith("waiting: ConnectionRefusedError")
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 143
        assert time.monotonic() - begun < 5
        process.stderr.close()


class TestBillOfMaterials:
    def test_it_names_every_locked_package(self, tmp_path):
        import json
        import re

        file = tmp_path / "sbom.json"
        command = [sys.executable, str(ROOT / "deploy" / "images" / "sbom.py"), str(file)]
        subprocess.run(command, check=True, capture_output=True)
        found = json.loads(file.read_text())
        locked = set(
            re.findall(
                r"^([a-z0-9][\w.-]*)==", (ROOT / "requirements" / "runtime.txt").read_text(), re.MULTILINE
            )
        )
        assert {one["name"] for one in found["components"]} == locked
        assert found["bomFormat"] == "CycloneDX"
        assert all(one["hashes"] for one in found["components"])
        assert "://" not in json.dumps(found["components"])
