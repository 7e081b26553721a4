"""Internal tokens at the door of a running service: only the right key, algorithm, audience and time open it."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from taproot.customer.v1.customer_service_pb2 import ListCustomersRequest
from taproot.customer.v1.customer_service_pb2_grpc import CustomersServiceStub
from taproot_local.suite import Suite

HOUR = 3600
SALES = "service:sales"


class Forge:
    """Makes tokens of any kind for one installation."""

    def __init__(self, suite: Suite) -> None:
        self._keys = suite.home / "keys"
        self.key = self.key_of("gateway", "identity")
        self.of_sales = self.key_of("sales", "sales")

    def key_of(self, process: str, name: str) -> Any:
        return load_pem_private_key((self._keys / process / f"{name}.pem").read_bytes(), password=None)

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        portal = {"sub": str(uuid.uuid4()), "kind": "portal", "party": str(uuid.uuid4())}
        found = {**portal, "iat": now, "exp": now + 60, "aud": "taproot", **changes}
        return {name: value for name, value in found.items() if value is not None}

    def signed(self, key: Any = None, kid: str = "gateway", algorithm: str = "EdDSA", **changes: Any) -> str:
        return jwt.encode(self.claims(**changes), key or self.key, algorithm=algorithm, headers={"kid": kid})

    def unsigned(self, name: str) -> str:
        """`none`, however it is spelled."""
        parts = [{"alg": name, "typ": "JWT", "kid": "gateway"}, self.claims()]
        texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
        return ".".join([*texts, ""])

    def with_public_key_as_secret(self, encoding: Encoding, form: PublicFormat) -> str:
        """HS256 with what everybody may know: a verifier that trusts the header would take it."""
        secret = self.key.public_key().public_bytes(encoding, form)
        head, body, _ = self.signed().split(".")
        head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"gateway"}').rstrip(b"=").decode()
        signature = jwt.get_algorithm_by_name("HS256").sign(f"{head}.{body}".encode(), secret)
        return f"{head}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _as(kind: str, subject: str) -> dict[str, Any]:
    return {"kind": kind, "sub": subject, "party": None}


FORGERIES: dict[str, Callable[[Forge], str]] = {
    "no token": lambda _: "",
    "not a token": lambda _: "a.b.c",
    "none": lambda forge: forge.unsigned("none"),
    "None": lambda forge: forge.unsigned("None"),
    "no algorithm": lambda forge: forge.unsigned(""),
    "HS256 with the raw public key": lambda forge: forge.with_public_key_as_secret(
        Encoding.Raw, PublicFormat.Raw
    ),
    "HS256 with the public key as text": lambda forge: forge.with_public_key_as_secret(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ),
    "another key": lambda forge: forge.signed(Ed25519PrivateKey.generate()),
    "an unknown key id": lambda forge: forge.signed(kid="unknown"),
    "the id of another's key": lambda forge: forge.signed(kid=SALES),
    "a service's key for a user": lambda forge: forge.signed(forge.of_sales, SALES, **_as("user", "u")),
    "a service's key for another service": lambda forge: forge.signed(
        forge.of_sales, SALES, **_as("service", "service:customer")
    ),
    "another audience": lambda forge: forge.signed(aud="other"),
    "no audience": lambda forge: forge.signed(aud=None),
    "ended": lambda forge: forge.signed(exp=int(time.time()) - HOUR),
    "without end": lambda forge: forge.signed(exp=None),
    "not yet valid": lambda forge: forge.signed(nbf=int(time.time()) + HOUR),
    "of the future": lambda forge: forge.signed(iat=int(time.time()) + HOUR),
    "nobody's": lambda forge: forge.signed(sub=None),
    "cut": lambda forge: forge.signed()[:-4],
}


@pytest.fixture(scope="module")
def forge(suite: Suite) -> Forge:
    return Forge(suite)


async def answer(suite: Suite, token: str) -> tuple[str, str]:
    """Status and details of one reading, straight at the customer service."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{suite.state['ports']['customer.grpc']}") as channel:
        stub: Any = CustomersServiceStub(channel)
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        try:
            await stub.ListCustomers(ListCustomersRequest(), metadata=metadata, timeout=20)
        except grpc.aio.AioRpcError as error:
            return error.code().name, error.details() or ""
    return "OK", ""


async def test_what_the_gateway_signs_is_believed(suite: Suite, forge: Forge) -> None:
    """Otherwise the refusals below would prove nothing."""
    assert (await answer(suite, forge.signed()))[0] in {"OK", "PERMISSION_DENIED"}
    service = forge.signed(forge.of_sales, SALES, **_as("service", SALES))
    assert (await answer(suite, service))[0] in {"OK", "PERMISSION_DENIED"}


@pytest.mark.parametrize("name", FORGERIES)
async def test_any_other_token_is_not(name: str, suite: Suite, forge: Forge) -> None:
    status, details = await answer(suite, FORGERIES[name](forge))
    assert status == "UNAUTHENTICATED"
    assert "Traceback" not in details
    assert ".py" not in details
