"""Tokens of an identity provider, played by a small HTTP server with real keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from taproot_gateway.callers import Callers
from taproot_gateway.http.calls import Calls
from taproot_gateway.lookup import CredentialLookup
from taproot_gateway.oidc import OidcSettings, OidcVerifier


class Provider:
    def __init__(self) -> None:
        self.keys = {"k1": rsa.generate_private_key(public_exponent=65537, key_size=2048)}
        self.fetches = 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.fetches += self.path.endswith("keys")
                body = json.dumps(provider.answer(self.path)).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def answer(self, path: str) -> dict[str, Any]:
        if path.endswith("openid-configuration"):
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        algorithm = jwt.algorithms.RSAAlgorithm
        return {
            "keys": [
                json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig", "alg": "RS256"}
                for kid, key in self.keys.items()
            ]
        }

    def token(self, key_id: str = "k1", key: Any = None, **claims: Any) -> str:
        now = int(time.time())
        base = {
            "iss": self.issuer,
            "aud": "taproot",
            "sub": "1",
            "iat": now,
            "exp": now + 60,
            "preferred_username": "Admin",
        }
        found = {name: value for name, value in (base | claims).items() if value is not None}
        return jwt.encode(found, key or self.keys[key_id], algorithm="RS256", headers={"kid": key_id})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


@pytest.fixture
def verifier(provider: Provider) -> OidcVerifier:
    return OidcVerifier(OidcSettings(provider.issuer, "taproot", "preferred_username"))


async def test_a_good_token_names_the_user(provider: Provider, verifier: OidcVerifier) -> None:
    for _ in range(3):
        assert await verifier.user_name(provider.token()) == "Admin"
    assert provider.fetches == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://other"},
        {"aud": "other"},
        {"exp": 1},
        {"exp": None},
        {"preferred_username": None},
        {"preferred_username": 7},
        {"exp": int(time.time()) - 60},
        {"iat": int(time.time()) + 86_400},
        {"aud": ["other"]},
        {"nonce": "an ID token"},
        {"events": {}},
    ],
    ids=lambda claims: next(iter(claims)),  # the same in every worker, whatever the time
)
async def test_other_tokens_name_nobody(
    provider: Provider, verifier: OidcVerifier, claims: dict[str, Any]
) -> None:
    assert await verifier.user_name(provider.token(**claims)) is None


async def test_clocks_may_differ_a_little(provider: Provider, verifier: OidcVerifier) -> None:
    now = int(time.time())
    assert await verifier.user_name(provider.token(exp=now - 10)) == "Admin"
    assert await verifier.user_name(provider.token(iat=now + 10)) == "Admin"


async def test_the_public_key_is_no_shared_secret(provider: Provider, verifier: OidcVerifier) -> None:
    """Algorithm confusion: an HMAC made with what everybody can read."""
    public = provider.keys["k1"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jwk = json.dumps(jwt.algorithms.RSAAlgorithm.to_jwk(public, as_dict=True)).encode()
    good = provider.token().split(".")
    for secret in (pem, pem.strip(), jwk, b""):
        header = encoded({"alg": "HS256", "typ": "JWT", "kid": "k1"})
        signed = f"{header}.{good[1]}"
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        assert await verifier.user_name(f"{signed}.{base64url(mac)}") is None
    for algorithm in ("none", "None", "NONE", "HS256", "RS256 "):
        header = encoded({"alg": algorithm, "typ": "JWT", "kid": "k1"})
        assert await verifier.user_name(f"{header}.{good[1]}.") is None
        assert await verifier.user_name(f"{header}.{good[1]}.{good[2]}") is None


async def test_a_token_with_its_own_key_or_address_of_keys_is_not_believed(
    provider: Provider, verifier: OidcVerifier
) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
    claims = jwt.decode(provider.token(), options={"verify_signature": False})
    for extra in ({"jwk": jwk}, {"jku": "http://127.0.0.1:9/keys"}, {"x5u": "http://127.0.0.1:9/x"}):
        forged = jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": "k1", **extra})
        assert await verifier.user_name(forged) is None


async def test_parts_of_a_token_name_nobody(provider: Provider, verifier: OidcVerifier) -> None:
    token = provider.token()
    head, body, signature = token.split(".")
    for wrong in (
        token[:-4],
        f"{head}.{body}",
        f"{head}.{body}.",
        f".{body}.{signature}",
        token + ".x",
        "..",
        "",
    ):
        assert await verifier.user_name(wrong) is None
    changed = encoded({"iss": provider.issuer, "preferred_username": "root", "exp": 2**40})
    assert await verifier.user_name(f"{head}.{changed}.{signature}") is None


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encoded(part: dict[str, Any]) -> str:
    return base64url(json.dumps(part).encode())


async def test_signatures_of_others_name_nobody(provider: Provider, verifier: OidcVerifier) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert await verifier.user_name(provider.token(key=stranger)) is None
    unsigned = jwt.encode({"preferred_username": "Admin"}, "", algorithm="none", headers={"kid": "k1"})
    assert await verifier.user_name(unsigned) is None
    assert await verifier.user_name("a.b.c") is None


async def test_a_new_key_is_fetched_and_unknown_ones_do_not_flood_the_provider(
    provider: Provider, verifier: OidcVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await verifier.user_name(provider.token()) == "Admin"
    provider.keys["k2"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for _ in range(5):
        assert await verifier.user_name(provider.token("k2")) is None
    assert provider.fetches == 1
    later = time.monotonic() + 61
    monkeypatch.setattr("taproot_gateway.oidc.provider.time.monotonic", lambda: later)
    assert await verifier.user_name(provider.token("k2")) == "Admin"


async def test_a_provider_that_is_down_lets_nobody_in(verifier: OidcVerifier, provider: Provider) -> None:
    token = provider.token()
    down = OidcVerifier(OidcSettings("http://127.0.0.1:9", "taproot", "preferred_username"))
    assert await down.user_name(token) is None


class TestThroughTheGateway:
    @pytest_asyncio.fixture(loop_scope="session")
    async def client(self, gateway: Any, verifier: OidcVerifier, monkeypatch: pytest.MonkeyPatch) -> Any:
        runtime = gateway.harness.runtime
        callers = Callers(CredentialLookup(runtime.database, 60.0, verifier), runtime.minter)
        calls: Calls = gateway.doors.app._calls
        monkeypatch.setattr(calls, "_callers", callers)
        return gateway.client

    async def test_the_rights_are_those_of_the_user_record(self, client: Any, provider: Provider) -> None:
        async with client(provider.token()) as caller:
            answer: httpx.Response = await caller.get("/v1/sessions/current")
            assert answer.json()["user"]["user_name"] == "admin"
            assert "session" not in answer.json()
            assert (await caller.get("/v1/users")).status_code == 200

    async def test_a_name_without_a_record_is_nobody(self, client: Any, provider: Provider) -> None:
        async with client(provider.token(preferred_username="stranger")) as caller:
            assert (await caller.get("/v1/users")).status_code == 401
