"""Where loopback ports are chosen from."""

from __future__ import annotations

import pytest

from taproot_local.errors import LocalError
from taproot_local.processes import free_port


def test_ports_are_of_the_range_asked_for(monkeypatch):
    monkeypatch.setenv("TAPROOT_LOCAL_PORTS", "21000-21009")
    assert {free_port() for _ in range(40)} <= set(range(21000, 21010))


@pytest.mark.parametrize("text", ["9", "80-90", "30000-20000", "20000-70000", "a-b"])
def test_a_range_that_is_none_is_refused_in_words(monkeypatch, text):
    monkeypatch.setenv("TAPROOT_LOCAL_PORTS", text)
    with pytest.raises(LocalError, match="is not a range of ports"):
        free_port()
