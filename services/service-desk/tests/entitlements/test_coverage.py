from dataclasses import replace
from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from taproot_servicedesk.entitlements.coverage import Claim, Reason, Right, check_coverage, judge

TODAY = date(2026, 6, 15)
WARRANTY = Right(UUID(int=1), date(2026, 1, 1), date(2026, 12, 31), product_code="PC-1", device_serial="S1")
CLAIM = Claim("repair", product_code="pc-1", device_serial="s1")


def test_each_reason() -> None:
    assert judge(WARRANTY, CLAIM, TODAY) is Reason.COVERED
    assert judge(WARRANTY, CLAIM, date(2027, 1, 1)) is Reason.EXPIRED
    assert judge(WARRANTY, CLAIM, date(2025, 12, 31)) is Reason.NOT_STARTED
    assert judge(replace(WARRANTY, revoked=True), CLAIM, TODAY) is Reason.REVOKED
    assert judge(WARRANTY, replace(CLAIM, product_code="PC-2"), TODAY) is Reason.OTHER_PRODUCT
    assert judge(WARRANTY, replace(CLAIM, device_serial="S2"), TODAY) is Reason.OTHER_DEVICE
    assert (
        judge(replace(WARRANTY, covered_kinds=frozenset({"inquiry"})), CLAIM, TODAY) is Reason.KIND_EXCLUDED
    )


def test_both_ends_are_included() -> None:
    assert judge(WARRANTY, CLAIM, WARRANTY.start_date) is Reason.COVERED
    assert judge(WARRANTY, CLAIM, date(2026, 12, 31)) is Reason.COVERED


def test_without_rights_there_is_none() -> None:
    assert check_coverage([], CLAIM, TODAY).reason is Reason.NO_ENTITLEMENT


def test_the_longest_lasting_covers() -> None:
    endless = replace(WARRANTY, id=UUID(int=2), end_date=None)
    assert check_coverage([WARRANTY, endless], CLAIM, TODAY).entitlement_id == endless.id


@given(
    st.permutations(
        [WARRANTY, replace(WARRANTY, id=UUID(int=2), revoked=True), replace(WARRANTY, id=UUID(int=3))]
    )
)
def test_order_does_not_matter(rights: list[Right]) -> None:
    assert check_coverage(rights, CLAIM, TODAY).entitlement_id == UUID(int=1)
