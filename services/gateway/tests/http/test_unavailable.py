"""When the gateway's own database is away, callers are told to try again, not that something broke."""

from __future__ import annotations

from taproot_base.errors import Unavailable
from taproot_gateway.transcoding.problems import from_app_error


def test_a_failure_of_the_gateway_itself_keeps_its_kind():
    problem = from_app_error(Unavailable("the database cannot be reached"))
    assert (problem.status, problem.reason) == (503, "UNAVAILABLE")
    assert problem.retry_after
