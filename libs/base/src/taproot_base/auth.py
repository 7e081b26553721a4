"""Who calls: the internal token, minted by the gateway or a service, verified offline by every service."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from taproot_base.errors import Unauthenticated

TOKEN_SECONDS = 60
CLOCK_LEEWAY_SECONDS = 5
GATEWAY_KEY = "gateway"


@dataclass(frozen=True)
class RoleRef:
    """A role as the token names it; its grants are in each service's projection."""

    id: str
    version: int


@dataclass(frozen=True)
class Principal:
    """The caller. `kind` is user, service, portal or anonymous."""

    subject: str
    kind: str
    roles: tuple[RoleRef, ...] = ()
    branch_id: str | None = None
    branch_path: str | None = None
    other_paths: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    party_id: str | None = None
    claims: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __hash__(self) -> int:
        return hash((self.subject, self.branch_path, self.roles[:1]))

    @classmethod
    def service(cls, name: str) -> Principal:
        return cls(subject=f"service:{name}", kind="service")

    @classmethod
    def anonymous(cls) -> Principal:
        return cls(subject="anonymous", kind="anonymous")

    def to_claims(self) -> dict[str, Any]:
        """The token's claims; also how stored work remembers who asked for it."""
        return {
            "sub": self.subject,
            "kind": self.kind,
            "roles": [[role.id, role.version] for role in self.roles],
            "bid": self.branch_id,
            "bp": self.branch_path,
            "others": list(self.other_paths),
            "teams": list(self.teams),
            "party": self.party_id,
        }

    @classmethod
    def from_claims(cls, claims: dict[str, Any]) -> Principal:
        return cls(
            subject=claims["sub"],
            kind=claims["kind"],
            roles=tuple(RoleRef(role_id, version) for role_id, version in claims.get("roles") or ()),
            branch_id=claims.get("bid"),
            branch_path=claims.get("bp"),
            other_paths=tuple(claims.get("others") or ()),
            teams=tuple(claims.get("teams") or ()),
            party_id=claims.get("party"),
        )


class TokenMinter:
    """Signs internal tokens. Only the gateway's key may speak for users."""

    def __init__(self, private_key: Ed25519PrivateKey, key_id: str) -> None:
        self._key = private_key
        self._key_id = key_id

    @classmethod
    def load(cls, path: Path, key_id: str) -> TokenMinter:
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"{path} does not hold an Ed25519 private key")
        return cls(key, key_id)

    def mint(self, principal: Principal, now: float | None = None) -> str:
        issued = int(time.time() if now is None else now)
        claims = principal.to_claims() | {"iat": issued, "exp": issued + TOKEN_SECONDS, "aud": "taproot"}
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self._key_id})

    def sign(self, data: bytes) -> tuple[str, bytes]:
        """The key's id and its signature. `data` must begin with what it is, so that it is never a token."""
        return self._key_id, self._key.sign(data)


class TokenVerifier:
    """Verifies internal tokens against the mounted key set; remembers good ones until they expire."""

    def __init__(self, keys: dict[str, Ed25519PublicKey]) -> None:
        self._keys = keys
        self._known: dict[str, tuple[float, Principal]] = {}

    @classmethod
    def load(cls, path: Path) -> TokenVerifier:
        keys = {key["kid"]: key for key in json.loads(path.read_text())["keys"]}
        return cls({kid: jwt.PyJWK(key, algorithm="EdDSA").key for kid, key in keys.items()})

    def signed(self, key_id: str, signature: bytes, data: bytes) -> bool | None:
        """Whether a service has signed this; None when its key is not known here."""
        key = self._keys.get(key_id)
        if key is None:
            return None
        try:
            key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def verify(self, token: str) -> Principal:
        known = self._known.get(token)
        if known is not None and known[0] > time.time():
            return known[1]
        principal, expires = self._decode(token)
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[token] = (expires, principal)
        return principal

    def _decode(self, token: str) -> tuple[Principal, float]:
        try:
            key_id = str(jwt.get_unverified_header(token).get("kid"))
            claims = jwt.decode(
                token,
                self._keys[key_id],
                algorithms=["EdDSA"],
                audience="taproot",
                leeway=CLOCK_LEEWAY_SECONDS,
                # Clocks differ: a token from the near future is good; how near, its end says below.
                options={"require": ["exp", "iat", "sub", "aud"], "verify_iat": False},
            )
            principal = Principal.from_claims(claims)
            _check_life(float(claims["iat"]), float(claims["exp"]))
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise Unauthenticated("the internal token is not valid") from error
        if key_id != GATEWAY_KEY and (principal.kind, principal.subject) != ("service", key_id):
            raise Unauthenticated("this key may only speak for its own service")
        return principal, float(claims["exp"])


def _check_life(begin: float, end: float) -> None:
    """Raises ValueError for a life that no issuer gives."""
    if not begin < end <= time.time() + 2 * TOKEN_SECONDS:
        raise ValueError("begins after its end, or would live longer than any token may")
