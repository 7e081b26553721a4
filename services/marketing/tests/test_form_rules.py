from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taproot_marketing.forms.rules import answer_fault, definition_faults, violations
from taproot_marketing.tokens import InvalidTokenError, Signer

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def fields(found: list[Any]) -> set[str]:
    return {violation.field for violation in found}


class TestViolations:
    def test_reports_everything_at_once(self) -> None:
        questions = [{"name": "size", "kind": "choice", "options": ["S", "L"], "required": True}]
        given = {"email": "no", "phone": "abc", "answers": {"size": "M", "age": 4}}
        assert fields(violations(["name"], questions, given)) == {
            "submission.name",
            "submission.email",
            "submission.phone",
            "submission.answers.size",
            "submission.answers.age",
        }

    def test_needs_a_way_to_answer(self) -> None:
        assert fields(violations([], [], {"name": "Li"})) == {"submission.email"}
        assert violations([], [], {"phone": "+86 138 0013 8000"}) == []
        assert violations([], [], {"email": "li@example.com"}) == []


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("number", "1.5", "x"),
        ("number", 3, True),
        ("date", "2026-02-28", "2026-02-30"),
        ("checkbox", True, "yes"),
        ("text", "a", 5),
    ],
)
def test_answers_are_typed(kind: str, good: Any, bad: Any) -> None:
    question = {"name": "q", "kind": kind}
    assert not answer_fault(question, good)
    assert answer_fault(question, bad)


def test_questions_do_not_hide_built_in_ones() -> None:
    found = definition_faults(
        [{"name": "email", "kind": "text"}, {"name": "a", "kind": "choice"}, {"name": "a", "kind": "text"}]
    )
    assert fields(found) == {"form.fields[0].name", "form.fields[1].options", "form.fields[2].name"}


class TestTokens:
    def test_round_trip_with_an_older_key(self) -> None:
        token = Signer((b"old",)).sign("form", "42", NOW)
        assert Signer((b"new", b"old")).read("form", token) == ("42", NOW)

    @pytest.mark.parametrize(
        "spoil", [lambda t: t[:-1], lambda t: "2" + t[1:], lambda t: "", lambda t: "a.b", lambda t: t + "."]
    )
    def test_refuses_what_is_not_its_own(self, spoil: Any) -> None:
        signer = Signer((b"key",))
        with pytest.raises(InvalidTokenError):
            signer.read("form", spoil(signer.sign("form", "42", NOW)))

    def test_refuses_another_purpose_and_old_age(self) -> None:
        signer = Signer((b"key",))
        token = signer.sign("form", "42", NOW)
        with pytest.raises(InvalidTokenError):
            signer.read("unsubscribe", token)
        with pytest.raises(InvalidTokenError):
            signer.read_fresh("form", token, NOW + timedelta(days=2), timedelta(days=1))
