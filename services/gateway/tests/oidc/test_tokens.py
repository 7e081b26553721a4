"""Each check of ID and logout tokens fails alone: the provider is a key here, and answers nothing else."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from taproot_gateway.oidc.provider import Provider
from taproot_gateway.oidc.tokens import LOGOUT_EVENT, id_token, logout_token

ISSUER, CLIENT, NONCE, ACCESS = "https://id.example.com", "crm", "n-once", "an access token"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Known(Provider):
    async def key(self, key_id: str, *, vouched: bool = False) -> Any:
        return KEY.public_key() if key_id == "k" and isinstance(vouched, bool) else None


def signed(claims: dict[str, Any], key: Any = KEY, key_id: str = "k") -> str:
    found = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(found, key, algorithm="RS256", headers={"kid": key_id})


def half(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


def dated(changes: dict[str, Any], now: int) -> dict[str, Any]:
    """The changes with their times, which are seconds from now, as instants: names of tests must not change."""
    return {
        name: now + value if name in {"exp", "iat", "nbf"} and value is not None else value
        for name, value in changes.items()
    }


def identity(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": ISSUER, "aud": CLIENT, "sub": "7", "iat": now, "exp": now + 60, "nonce": NONCE, "at_hash": half(ACCESS),
    }  # fmt: skip
    return good | dated(changes, now)


async def read(claims: dict[str, Any], **how: Any) -> Any:
    answer = {"id_token": signed(claims, **how), "access_token": ACCESS}
    return await id_token(Known(ISSUER), answer, CLIENT, NONCE)


async def test_a_good_id_token_is_believed() -> None:
    for extra in ({}, {"aud": [CLIENT]}, {"aud": [CLIENT, "other"], "azp": CLIENT}, {"at_hash": None}):
        found = await read(identity(**extra))
        assert found is not None
        assert found["sub"] == "7"


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": "another"}, {"nonce": None}, {"nonce": NONCE[:-1]}, {"iss": ISSUER + "/"}, {"aud": "other"}, {"aud": []},
        {"aud": [CLIENT, "other"]}, {"aud": [CLIENT, "other"], "azp": "other"}, {"azp": "other"}, {"sub": None},
        {"exp": -60}, {"exp": None}, {"iat": -3600}, {"iat": 3600},
        {"at_hash": half("another token")}, {"nbf": 3600},
    ],
    ids=str,
)  # fmt: skip
async def test_any_other_is_not(changes: dict[str, Any]) -> None:
    assert await read(identity(**changes)) is None


async def test_neither_is_one_of_another_key() -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert await read(identity(), key=stranger) is None
    assert await read(identity(), key_id="unknown") is None
    assert await id_token(Known(ISSUER), {}, CLIENT, NONCE) is None


def ending(**changes: Any) -> str:
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": CLIENT,
        "sid": "s",
        "iat": now,
        "exp": now + 60,
        "events": {LOGOUT_EVENT: {}},
    }
    return signed(good | dated(changes, now))


async def test_a_good_logout_token_names_a_session_or_an_account() -> None:
    for extra in ({}, {"sub": "7"}, {"sub": "7", "sid": None}):
        assert await logout_token(Known(ISSUER), ending(**extra), CLIENT) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"sid": None}, {"nonce": NONCE}, {"events": None}, {"events": {"other": {}}}, {"events": LOGOUT_EVENT},
        {"aud": "other"}, {"iss": "https://other.example"}, {"iat": -3600}, {"exp": None},
    ],
    ids=str,
)  # fmt: skip
async def test_any_other_ends_nothing(changes: dict[str, Any]) -> None:
    assert await logout_token(Known(ISSUER), ending(**changes), CLIENT) is None
