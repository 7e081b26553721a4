"""Independent checks answer together."""

from __future__ import annotations

import pytest

from taproot_base.errors import InvalidArgument, NotFound
from taproot_records.checks import Checks


def bad(field: str) -> None:
    raise InvalidArgument([(field, "is bad")])


def test_every_violation_is_told_once_and_in_order() -> None:
    checks = Checks()
    for field in ("a", "b", "a"):
        with checks:
            bad(field)
    checks.refuse("c", "is worse")
    with pytest.raises(InvalidArgument) as caught:
        checks.done()
    assert [violation.field for violation in caught.value.violations] == ["a", "b", "c"]


def test_a_single_error_stays_what_it_is() -> None:
    class Special(InvalidArgument):
        reason = "SPECIAL"

    checks = Checks()
    with checks:
        raise Special([("a", "is special")])
    with pytest.raises(Special):
        checks.done()


def test_other_errors_pass_at_once_and_no_error_passes_silently() -> None:
    checks = Checks()
    checks.done()
    with pytest.raises(NotFound), checks:
        raise NotFound("job", "x")
    checks.done()
