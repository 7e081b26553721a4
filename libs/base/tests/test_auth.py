"""Internal tokens: what is forged, old or beyond its key is refused."""

from __future__ import annotations

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from taproot_base.auth import Principal, RoleRef, TokenMinter, TokenVerifier
from taproot_base.errors import Unauthenticated

GATEWAY, SALES = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
USER = Principal("7b0c", "user", (RoleRef("r1", 3),), "b1", "/hq/", ("/hq/w/",), ("t1",))


@pytest.fixture
def verifier() -> TokenVerifier:
    return TokenVerifier({"gateway": GATEWAY.public_key(), "service:sales": SALES.public_key()})


def test_a_good_token_gives_its_principal_back(verifier):
    assert verifier.verify(TokenMinter(GATEWAY, "gateway").mint(USER)) == USER


@pytest.mark.parametrize("ahead", [-30, 30])
def test_clocks_may_differ(verifier, ahead):
    token = TokenMinter(GATEWAY, "gateway").mint(USER, now=time.time() + ahead)
    assert verifier.verify(token) == USER


def test_keys_are_loaded_from_a_key_set(tmp_path):
    jwk = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(GATEWAY.public_key())) | {"kid": "gateway"}
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [jwk]}))
    token = TokenMinter(GATEWAY, "gateway").mint(USER)
    assert TokenVerifier.load(tmp_path / "keys.json").verify(token) == USER


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x.y.z",
        TokenMinter(GATEWAY, "gateway").mint(USER, now=time.time() - 3600),
        TokenMinter(GATEWAY, "gateway").mint(USER, now=time.time() + 3600),
        TokenMinter(Ed25519PrivateKey.generate(), "gateway").mint(USER),
        TokenMinter(GATEWAY, "unknown").mint(USER),
        TokenMinter(SALES, "service:sales").mint(USER),
        TokenMinter(SALES, "service:sales").mint(Principal.service("marketing")),
        jwt.encode(USER.to_claims() | {"exp": 9e9, "iat": 0, "aud": "taproot"}, "", algorithm="none"),
        jwt.encode(
            USER.to_claims() | {"exp": 9e9, "iat": 0, "aud": "taproot"},
            "x" * 40,
            algorithm="HS256",
            headers={"kid": "gateway"},
        ),
        jwt.encode(
            USER.to_claims() | {"exp": 9e9, "iat": 0, "aud": "elsewhere"},
            GATEWAY,
            algorithm="EdDSA",
            headers={"kid": "gateway"},
        ),
    ],
    ids=[
        "empty",
        "noise",
        "old",
        "future",
        "forged",
        "no-key",
        "beyond",
        "other-service",
        "none",
        "hmac",
        "audience",
    ],
)
def test_anything_else_is_refused(verifier, token):
    with pytest.raises(Unauthenticated):
        verifier.verify(token)


def test_a_service_speaks_for_itself(verifier):
    token = TokenMinter(SALES, "service:sales").mint(Principal.service("sales"))
    assert verifier.verify(token) == Principal.service("sales")


def test_a_remembered_token_is_checked_again_once_it_has_expired(verifier, monkeypatch):
    token = TokenMinter(GATEWAY, "gateway").mint(USER)
    verifier.verify(token)
    later = time.time() + 61
    checked = []
    monkeypatch.setattr("taproot_base.auth.time.time", lambda: later)
    monkeypatch.setattr(verifier, "_decode", lambda text: checked.append(text) or (USER, later))
    verifier.verify(token)
    assert checked == [token]
