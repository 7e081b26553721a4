from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_base.errors import InvalidArgument
from taproot_marketing.templates.rules import (
    Content,
    TemplateVariableMissing,
    choose,
    faults,
    render,
    render_line,
    variables_of,
)

CUSTOMER = {
    "customer": {"display_name": "王伟 & Co", "items": "book"},
    "amount": {"currency_code": "CNY", "amount": "1234.5"},
}


def content(subject: str = "Hi", text: str = "", html: str = "") -> Content:
    return Content("en", subject, text, html)


class TestRender:
    def test_fills_in_and_escapes_only_html(self) -> None:
        rendered = render(
            content(
                "Dear {{ customer.display_name }}",
                "{{ customer.display_name }}",
                "<b>{{ customer.display_name }}</b>",
            ),
            CUSTOMER,
        )
        assert rendered.subject == "Dear 王伟 & Co"
        assert rendered.text == "王伟 & Co"
        assert rendered.html == "<b>王伟 &amp; Co</b>"

    def test_names_every_missing_variable(self) -> None:
        with pytest.raises(TemplateVariableMissing) as caught:
            render(
                content("{{ customer.given_name }}", "{{ order.number }} {{ customer.family_name }}"),
                CUSTOMER,
            )
        assert caught.value.names == ("customer.family_name", "customer.given_name", "order.number")

    def test_fallback_fills_a_hole(self) -> None:
        assert render(content('{{ customer.given_name | fallback("friend") }}'), CUSTOMER).subject == "friend"
        assert render(content('{{ a.b.c | fallback("x") }}'), CUSTOMER).subject == "x"

    def test_a_key_named_like_a_method_is_data(self) -> None:
        assert render(content("{{ customer.items }}"), CUSTOMER).subject == "book"

    def test_no_header_can_be_smuggled_into_the_subject(self) -> None:
        assert (
            render(content("a{{ x }}"), {"x": "\r\nBcc: all@example.com"}).subject == "a Bcc: all@example.com"
        )

    def test_money_and_date(self) -> None:
        rendered = render(
            content("{{ amount | money }} {{ day | date }}"), CUSTOMER | {"day": "2026-03-01T00:00:00Z"}
        )
        assert rendered.subject == "CNY 1,234.50 2026-03-01"

    @given(st.text(max_size=60))
    def test_values_are_never_evaluated(self, value: str) -> None:
        rendered = render(content("s", "{{ x | fallback('-') }}"), {"x": "{{ 7 * 7 }}" + value})
        assert rendered.text.startswith("{{ 7 * 7 }}")


class TestFaults:
    @pytest.mark.parametrize(
        "source",
        [
            "{{ ''.__class__.__mro__() }}",
            "{% for i in x %}{% endfor %}",
            "{{ 'a' * 1000000000 }}",
            "{{ x ** 100 }}",
            "{% set a = 1 %}",
            "{% include 'a' %}",
            "{{ x | map('upper') }}",
            "{{ x() }}",
            "{{ unclosed",
        ],
    )
    def test_refuses_what_could_loop_call_or_reach_out(self, source: str) -> None:
        assert faults([content(text=source)])
        with pytest.raises(InvalidArgument):
            render(content(text=source), CUSTOMER)

    def test_tells_the_line(self) -> None:
        (fault,) = faults([content(text="one\ntwo\n{{ x() }}")])
        assert (fault.field, fault.description) == (
            "template.contents[0].text",
            "line 3: call is not allowed in a template",
        )

    def test_refuses_a_language_given_twice(self) -> None:
        assert faults([content(), content()])[0].field == "template.contents[1].language_code"


class TestLanguage:
    def test_exact_then_base_then_first(self) -> None:
        contents = [Content("zh-CN", "zh"), Content("en", "en"), Content("de-AT", "de")]
        assert [choose(contents, wanted).subject for wanted in ("EN-us", "de", "zh-CN", "fr", "")] == [
            "en",
            "de",
            "zh",
            "zh",
            "zh",
        ]


def test_variables_are_listed_once() -> None:
    found = variables_of([content("{{ customer.a }}", "{% if event.x %}{{ customer.a | upper }}{% endif %}")])
    assert found == ["customer.a", "event.x"]


def test_a_line_keeps_holes_empty() -> None:
    assert render_line("Call {{ customer.display_name }} {{ gone }}", CUSTOMER) == "Call 王伟 & Co"
    assert render_line("{{ bad() }}", CUSTOMER) == "{{ bad() }}"
