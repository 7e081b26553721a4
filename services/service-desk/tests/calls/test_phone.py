import pytest

from taproot_servicedesk.calls.phone import normal_phone


@pytest.mark.parametrize("raw", ["138 0013 8000", "+86 138-0013-8000", "0086 13800138000", "8613800138000"])
def test_one_number_in_many_forms(raw: str) -> None:
    assert normal_phone(raw, "CN") == "+8613800138000"


def test_what_cannot_be_read_keeps_its_digits() -> None:
    assert normal_phone("ext. 17", "CN") == "17"
