from __future__ import annotations

import json
from pathlib import Path

import pytest

from taproot_base.auth import Principal, TokenMinter, TokenVerifier
from taproot_base.errors import Unauthenticated
from taproot_local.keys import ensure_keys

OWNERS = {"gateway": "identity", "sales": "sales"}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    ensure_keys(tmp_path, OWNERS)
    return tmp_path


def test_the_chassis_signs_and_verifies_with_them(keys: Path) -> None:
    minter = TokenMinter.load(keys / "gateway" / "identity.pem", "gateway")
    user = Principal(subject="user:1", kind="user")
    assert TokenVerifier.load(keys / "sales" / "keys.json").verify(minter.mint(user)) == user


def test_a_service_cannot_speak_for_a_user(keys: Path) -> None:
    minter = TokenMinter.load(keys / "sales" / "sales.pem", "service:sales")
    verifier = TokenVerifier.load(keys / "gateway" / "keys.json")
    assert verifier.verify(minter.mint(Principal.service("sales"))) == Principal.service("sales")
    with pytest.raises(Unauthenticated):
        verifier.verify(minter.mint(Principal(subject="user:1", kind="user")))


def test_only_the_owner_reads_private_keys_and_nobody_holds_anothers(keys: Path) -> None:
    for process, name in OWNERS.items():
        assert [path.name for path in (keys / process).glob("*.pem")] == [f"{name}.pem"]
        assert (keys / process / f"{name}.pem").stat().st_mode & 0o777 == 0o600
        assert (keys / process).stat().st_mode & 0o777 == 0o700


def test_keys_stay_the_same(keys: Path) -> None:
    before = json.loads((keys / "sales" / "keys.json").read_text())
    ensure_keys(keys, OWNERS)
    assert json.loads((keys / "sales" / "keys.json").read_text()) == before
    assert [key["kid"] for key in before["keys"]] == ["gateway", "service:sales"]
    assert all("d" not in key for key in before["keys"])
