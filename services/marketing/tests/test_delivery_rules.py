from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_marketing.deliveries.mail import Letter, build, message_id_of
from taproot_marketing.deliveries.rules import (
    MAX_ATTEMPTS,
    Answer,
    Fate,
    MessageClass,
    Standing,
    State,
    masked_address,
    objection,
    outcome_of,
)
from taproot_marketing.templates.rules import Rendered

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
ADDRESS = "wei@example.com"


class TestOutcome:
    def test_a_lost_answer_is_never_tried_again(self) -> None:
        assert outcome_of(Answer(Fate.UNKNOWN), 1, NOW).state is State.UNCERTAIN

    def test_a_refusal_for_good_is_a_bounce(self) -> None:
        assert outcome_of(Answer(Fate.REFUSED, 550, "no such user"), 1, NOW).state is State.BOUNCED

    @pytest.mark.parametrize("answer", [Answer(Fate.REFUSED, 451), Answer(Fate.NOT_STARTED)])
    def test_what_the_server_does_not_hold_is_tried_again(self, answer: Answer) -> None:
        outcome = outcome_of(answer, 1, NOW)
        assert outcome.state is State.FAILED_TEMPORARY
        assert outcome.next_attempt_time is not None
        assert outcome.next_attempt_time > NOW

    @given(st.sampled_from(list(Fate)), st.integers(400, 599), st.integers(1, MAX_ATTEMPTS))
    def test_only_certain_refusals_lead_to_another_attempt(self, fate: Fate, code: int, attempt: int) -> None:
        outcome = outcome_of(Answer(fate, code), attempt, NOW)
        again = outcome.next_attempt_time is not None
        assert again == (outcome.state is State.FAILED_TEMPORARY)
        assert not (again and fate in {Fate.UNKNOWN, Fate.ACCEPTED})
        assert not (again and attempt == MAX_ATTEMPTS)


class TestObjection:
    @pytest.mark.parametrize(
        ("kind", "standing", "expected"),
        [
            (MessageClass.MARKETING, Standing(ADDRESS), "no_consent"),
            (MessageClass.MARKETING, Standing(ADDRESS, marketing_consent=True), ""),
            (MessageClass.MARKETING, Standing(ADDRESS, service_consent=True), "no_consent"),
            (
                MessageClass.MARKETING,
                Standing(ADDRESS, True, suppression="unsubscribed"),
                "suppressed_unsubscribed",
            ),
            (MessageClass.SERVICE, Standing(ADDRESS), "no_consent"),
            (MessageClass.SERVICE, Standing(ADDRESS, marketing_consent=True), ""),
            (
                MessageClass.SERVICE,
                Standing(ADDRESS, marketing_consent=True, service_consent=False),
                "no_consent",
            ),
            (MessageClass.TRANSACTIONAL, Standing(ADDRESS, False, False), ""),
            (MessageClass.TRANSACTIONAL, Standing(ADDRESS, suppression="unsubscribed"), ""),
            (MessageClass.TRANSACTIONAL, Standing(ADDRESS, suppression="bounced"), "suppressed_bounced"),
            (MessageClass.TRANSACTIONAL, Standing(None), "no_address"),
        ],
    )
    def test_who_may_be_written_to(self, kind: MessageClass, standing: Standing, expected: str) -> None:
        assert objection(kind, standing) == expected


def letter(**changes: object) -> Letter:
    delivery = UUID(int=7)
    values: dict[str, object] = {
        "delivery_id": delivery,
        "message_id": message_id_of(delivery, "crm@shop.example"),
        "sender": "crm@shop.example",
        "sender_name": "商店",
        "recipient": ADDRESS,
        "rendered": Rendered("zh-CN", "您好", "文本", "<p>文本</p>"),
        "written_at": NOW,
        "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
        "unsubscribe_url": "https://crm.example/v1/unsubscribe/" + "t" * 120,
    }
    return Letter(**{**values, **changes})  # type: ignore[arg-type]  # test data


class TestMail:
    def test_one_click_unsubscribe_and_stable_identity(self) -> None:
        wire = build(letter())
        mail = message_from_bytes(wire, policy=default)
        assert mail["List-Unsubscribe"] == "<https://crm.example/v1/unsubscribe/" + "t" * 120 + ">"
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail["Message-ID"] == f"<{UUID(int=7)}@shop.example>"
        assert mail["X-Taproot-Traceparent"].startswith("00-aaaa")
        assert mail["Subject"] == "您好"
        assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
        assert b"\r\n" in wire
        assert all(len(line) <= 998 for line in wire.splitlines())

    def test_transactional_mail_has_nothing_to_unsubscribe_from(self) -> None:
        mail = message_from_bytes(build(letter(unsubscribe_url="")), policy=default)
        assert mail["List-Unsubscribe"] is None


def test_addresses_are_shown_in_part() -> None:
    assert masked_address("wei@example.com") == "w***@example.com"
