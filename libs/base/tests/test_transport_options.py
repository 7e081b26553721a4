"""What the two ends of a connection must agree upon."""

from __future__ import annotations

from taproot_base.transport import CHANNEL_OPTIONS, SERVER_OPTIONS


def test_a_server_bears_the_signs_of_life_that_its_callers_ask_for():
    """It cuts off whoever asks too often, and the calls that are under way with it."""
    asked = dict(CHANNEL_OPTIONS)["grpc.keepalive_time_ms"]
    borne = dict(SERVER_OPTIONS)["grpc.http2.min_recv_ping_interval_without_data_ms"]
    assert borne * 2 < asked
