"""What a submission must hold, and what looks like a robot."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from taproot_base.errors import Violation

BUILT_IN = ("name", "company", "phone", "email", "region", "product_interest", "message")
EMAIL = re.compile(r"^[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+$")
PHONE = re.compile(r"^\+?[0-9][0-9 ()./-]{4,40}$")
MIN_PHONE_DIGITS = 5


def violations(
    required: Sequence[str], questions: Sequence[Mapping[str, Any]], given: Mapping[str, Any]
) -> list[Violation]:
    """Everything wrong with a submission at once. `given` holds built-in answers and `answers`."""
    found = [Violation(f"submission.{name}", "must be answered") for name in required if not given.get(name)]
    if not given.get("phone") and not given.get("email"):
        found.append(Violation("submission.email", "give a telephone number or an e-mail address"))
    found += _contact_faults(given)
    answers = given.get("answers") or {}
    known = {question["name"] for question in questions}
    found += [
        Violation(f"submission.answers.{name}", "is not asked for") for name in answers if name not in known
    ]
    for question in questions:
        fault = answer_fault(question, answers.get(question["name"]))
        if fault:
            found.append(Violation(f"submission.answers.{question['name']}", fault))
    return found


def _contact_faults(given: Mapping[str, Any]) -> list[Violation]:
    found = []
    if given.get("email") and not EMAIL.match(given["email"]):
        found.append(Violation("submission.email", "is not an e-mail address"))
    phone = given.get("phone")
    if phone and (not PHONE.match(phone) or sum(sign.isdigit() for sign in phone) < MIN_PHONE_DIGITS):
        found.append(Violation("submission.phone", "is not a telephone number"))
    return found


def answer_fault(question: Mapping[str, Any], answer: Any) -> str:
    """What is wrong with one answer; empty when nothing is."""
    if answer is None or answer == "":
        return "must be answered" if question.get("required") else ""
    check = _CHECKS.get(question["kind"], _text)
    return check(question, answer)


def _text(_question: Mapping[str, Any], answer: Any) -> str:
    return (
        ""
        if isinstance(answer, str) and len(answer) <= 10_000
        else "must be a text of at most 10,000 letters"
    )


def _number(_question: Mapping[str, Any], answer: Any) -> str:
    try:
        return "" if not isinstance(answer, bool) and Decimal(str(answer)).is_finite() else "must be a number"
    except InvalidOperation:
        return "must be a number"


def _date(_question: Mapping[str, Any], answer: Any) -> str:
    try:
        date.fromisoformat(answer)
    except (TypeError, ValueError):
        return "must be a date as YYYY-MM-DD"
    return ""


def _choice(question: Mapping[str, Any], answer: Any) -> str:
    return "" if answer in question.get("options", ()) else "must be one of the choices"


def _checkbox(question: Mapping[str, Any], answer: Any) -> str:
    if not isinstance(answer, bool):
        return "must be true or false"
    return "must be ticked" if question.get("required") and not answer else ""


_CHECKS = {"number": _number, "date": _date, "choice": _choice, "checkbox": _checkbox}


def definition_faults(questions: Sequence[Mapping[str, Any]]) -> list[Violation]:
    """What is wrong with a form's own questions."""
    found = []
    names = [question["name"] for question in questions]
    for index, question in enumerate(questions):
        path = f"form.fields[{index}]"
        if question["name"] in BUILT_IN or question["name"] in names[:index]:
            found.append(Violation(f"{path}.name", "is taken"))
        if (question["kind"] == "choice") != bool(question.get("options")):
            found.append(Violation(f"{path}.options", "are for a CHOICE, which needs them"))
    return found
