from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from taproot_gateway.sealing import SealBroken, Sealer
from taproot_gateway.second_factors.codes import (
    STEP_SECONDS,
    is_timed,
    new_recovery_codes,
    recovery_hash,
    step_of,
)

# RFC 6238, appendix B: the secret and the last six of its eight digits.
SECRET = base64.b32encode(b"12345678901234567890").decode()
VECTORS = [
    (59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"),
    (2000000000, "279037"), (20000000000, "353130"),
]  # fmt: skip


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_the_codes_of_the_standard_are_known_within_one_step(seconds: int, code: str) -> None:
    step = seconds // STEP_SECONDS
    for drift in (-STEP_SECONDS, 0, STEP_SECONDS):
        assert step_of(SECRET, code, datetime.fromtimestamp(seconds + drift, UTC)) == step
    for drift in (-2 * STEP_SECONDS, 2 * STEP_SECONDS):
        if seconds + drift >= 0:
            assert step_of(SECRET, code, datetime.fromtimestamp(seconds + drift, UTC)) is None


def test_recovery_codes_are_long_and_forgiving() -> None:
    codes = new_recovery_codes()
    assert len({recovery_hash(code) for code in codes}) == 10
    assert recovery_hash(codes[0]) == recovery_hash(" " + codes[0].lower().replace("-", ""))
    assert not any(is_timed(code) for code in codes)


class TestSealer:
    def test_opens_only_what_was_sealed_for_the_same(self) -> None:
        sealer = Sealer([b"one"])
        sealed = sealer.seal(b"secret", "alice")
        assert b"secret" not in sealed
        assert sealer.open(sealed, "alice") == b"secret"
        assert sealer.seal(b"secret", "alice") != sealed
        for broken, about in (
            (sealed, "bob"),
            (sealed[:-1] + b"x", "alice"),
            (b"\x02" + sealed[1:], "alice"),
        ):
            with pytest.raises(SealBroken):
                sealer.open(broken, about)

    def test_keys_can_be_changed(self) -> None:
        sealed = Sealer([b"old"]).seal(b"secret", "alice")
        assert Sealer([b"new", b"old"]).open(sealed, "alice") == b"secret"
        with pytest.raises(SealBroken):
            Sealer([b"new"]).open(sealed, "alice")
