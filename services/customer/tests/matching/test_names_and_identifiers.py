import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_customer.matching.identifiers import (
    InvalidIdentifier,
    base_phone,
    credit_code_holds,
    normal_email,
    normal_external,
    normal_form,
    normal_phone,
    normal_tax_number,
)
from taproot_customer.matching.names import (
    company_core,
    fold,
    pinyin,
)


class TestPhone:
    @pytest.mark.parametrize(
        ("text", "region", "normal"),
        [
            ("138 0013 8000", "CN", "+8613800138000"),
            ("１３８００１３８０００", "CN", "+8613800138000"),
            ("+86-138-0013-8000", "US", "+8613800138000"),
            ("0086 21 6888 8888", "CN", "+862168888888"),
            ("(021) 6888-8888", "CN", "+862168888888"),
            ("021-68888888转8012", "CN", "+862168888888;ext=8012"),
            ("416-810-9897x752", "US", "+14168109897;ext=752"),
            ("tel:+1-415-555-2671", "CN", "+14155552671"),
            ("030-0074321", "DE", "+49300074321"),
        ],
    )
    def test_written_forms(self, text: str, region: str, normal: str) -> None:
        assert normal_phone(text, region) == normal

    @pytest.mark.parametrize("text", ["", "n/a", "12", "------", "13800138000138001380001380"])
    def test_refuses_what_is_no_number(self, text: str) -> None:
        with pytest.raises(InvalidIdentifier):
            normal_phone(text)

    def test_normal_form_is_a_fixed_point(self) -> None:
        once = normal_phone("021-68888888转8012")
        assert normal_phone(once) == once
        assert base_phone(once) == "+862168888888"


class TestEmail:
    def test_folds(self) -> None:
        assert normal_email(" <Zhang.San@Example.COM> ") == "zhang.san@example.com"
        assert normal_email("info@Bücher.example") == "info@xn--bcher-kva.example"

    @pytest.mark.parametrize("text", ["", "a@b", "a b@c.de", "a@@b.cn", "@b.cn", "a@.cn", "a@b..cn"])
    def test_refuses(self, text: str) -> None:
        with pytest.raises(InvalidIdentifier):
            normal_email(text)

    @given(st.emails())
    def test_is_a_fixed_point(self, text: str) -> None:
        try:
            once = normal_email(text)
        except InvalidIdentifier:
            return
        assert normal_email(once) == once


class TestTaxNumber:
    def test_credit_code(self) -> None:
        assert normal_tax_number("9135-0100 m000100y43") == "91350100M000100Y43"
        assert credit_code_holds("91350100M000100Y43")
        with pytest.raises(InvalidIdentifier, match="check digit"):
            normal_tax_number("91350100M000100Y44")

    def test_foreign_numbers_are_kept(self) -> None:
        assert normal_tax_number("DE 129 273 398") == "DE129273398"


class TestExternal:
    def test_system_has_no_case(self) -> None:
        assert normal_external(" SAP : 00012 ") == "sap:00012"
        with pytest.raises(InvalidIdentifier):
            normal_external("00012")

    def test_kind_is_required(self) -> None:
        with pytest.raises(InvalidIdentifier):
            normal_form("", "x")


class TestNames:
    def test_fold(self) -> None:
        assert fold("  José   O’Brien ") == "jose o brien"
        assert fold("萬  科Ａ") == "万 科a"
        assert fold("臺灣積體電路") == "台湾积体电路"

    @given(st.text(max_size=40))
    def test_fold_is_a_fixed_point(self, text: str) -> None:
        assert fold(fold(text)) == fold(text)

    def test_core_is_never_empty(self) -> None:
        assert company_core("有限公司") == "有限公司"
        assert company_core("Company Ltd") == "company ltd"

    def test_pinyin_sorts(self) -> None:
        assert pinyin("张三") == "zhang san"
        assert pinyin("Zhang 三") == "zhang san"
