from __future__ import annotations

from pathlib import Path

from taproot_base.auth import Principal, TokenMinter, TokenVerifier
from taproot_gateway.callers import Callers, Identity

ALICE = Principal(subject="0190b6a0-0000-7000-8000-000000000001", kind="user")


class World:
    def __init__(self, keys: Path) -> None:
        self.now = 0.0
        self.known = {"ts_alice": Identity(ALICE, "s1")}
        self.lookups = 0
        minter = TokenMinter.load(keys / "gateway" / "identity.pem", "gateway")
        self.callers = Callers(self.find, minter, lambda: self.now)

    async def find(self, credential: str) -> Identity | None:
        self.lookups += 1
        return self.known.get(credential)


async def test_a_credential_is_looked_up_once_in_a_while(keys: Path) -> None:
    world = World(keys)
    for now in (0.0, 10.0, 29.0):
        world.now = now
        assert await world.callers.find("ts_alice") is not None
    assert world.lookups == 1
    world.now = 31.0
    await world.callers.find("ts_alice")
    assert world.lookups == 2


async def test_a_revoked_one_ends_with_the_memory_or_at_once_when_forgotten(keys: Path) -> None:
    world = World(keys)
    assert await world.callers.find("ts_alice") is not None
    world.known.clear()
    assert await world.callers.find("ts_alice") is not None
    world.callers.forget_user(ALICE.subject)
    assert await world.callers.find("ts_alice") is None


async def test_unknown_credentials_are_not_remembered(keys: Path) -> None:
    world = World(keys)
    for _ in range(3):
        assert await world.callers.find("ts_guess") is None
    assert world.lookups == 3


async def test_the_internal_token_is_renewed_before_it_ends(keys: Path) -> None:
    world = World(keys)
    verifier = TokenVerifier.load(keys / "gateway" / "keys.json")
    first = world.callers.anonymous().token
    assert verifier.verify(first).kind == "anonymous"
    caller = await world.callers.find("ts_alice")
    assert caller is not None
    assert verifier.verify(caller.token) == ALICE
    minted = caller.minted_at
    world.now = 31.0
    world.callers.anonymous()
    again = await world.callers.find("ts_alice")
    assert again is not None
    assert again.minted_at > minted
