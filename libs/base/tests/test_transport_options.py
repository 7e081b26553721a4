"""What the two ends of a connection must agree upon."""

from __future__ import annotations

from pathlib import Path

import pytest
from grpc._cython import cygrpc

from taproot_base.transport import CHANNEL_OPTIONS, SERVER_OPTIONS


def test_a_server_bears_the_signs_of_life_that_its_callers_ask_for():
    """It cuts off whoever asks too often, and the calls that are under way with it."""
    asked = dict(CHANNEL_OPTIONS)["grpc.keepalive_time_ms"]
    borne = dict(SERVER_OPTIONS)["grpc.http2.min_ping_interval_without_data_ms"]
    assert borne * 2 < asked


@pytest.fixture(scope="module")
def library() -> bytes:
    return Path(cygrpc.__file__).read_bytes()


@pytest.mark.parametrize("name", sorted({name for name, _ in [*CHANNEL_OPTIONS, *SERVER_OPTIONS]}))
def test_the_library_knows_the_option(library: bytes, name: str):
    """It says nothing of names it does not know and goes on without."""
    assert name.encode() + b"\0" in library
