from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
from marketing_mailbox import Mailbox, serve

from taproot_marketing.deliveries.rules import Fate
from taproot_marketing.deliveries.smtp import MailServer, transmit

MAIL = b"Subject: hi\r\n\r\nhello\r\n"


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox()
    server = await serve(box)
    yield box
    server.close()


async def send(box: Mailbox) -> tuple[Fate, int]:
    answer = await transmit(MailServer.from_url(box.url), "crm@shop.example", "wei@example.com", MAIL)
    return answer.fate, answer.code


async def test_a_mail_is_taken(mailbox: Mailbox) -> None:
    assert await send(mailbox) == (Fate.ACCEPTED, 250)
    assert mailbox.mails[0]["Subject"] == "hi"


async def test_a_recipient_refused_for_now(mailbox: Mailbox) -> None:
    mailbox.rcpt.append("450 greylisted")
    assert await send(mailbox) == (Fate.REFUSED, 450)
    assert mailbox.mails == []


async def test_a_recipient_refused_for_good(mailbox: Mailbox) -> None:
    mailbox.rcpt.append("550 no such user")
    assert await send(mailbox) == (Fate.REFUSED, 550)


async def test_the_text_refused_for_now(mailbox: Mailbox) -> None:
    mailbox.data.append("451 later")
    assert await send(mailbox) == (Fate.REFUSED, 451)


async def test_a_connection_lost_after_the_text_is_unknown(mailbox: Mailbox) -> None:
    mailbox.data.append("drop")
    assert await send(mailbox) == (Fate.UNKNOWN, 0)


async def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    answer = await transmit(
        MailServer.from_url(f"smtp://127.0.0.1:{port}"), "a@b.example", "c@d.example", MAIL
    )
    assert answer.fate is Fate.NOT_STARTED


class TestUrl:
    def test_everything_said(self) -> None:
        server = MailServer.from_url("smtps://crm%40x:p%3Aw@mail.example?verify=off&starttls=required")
        assert (server.host, server.port, server.implicit_tls) == ("mail.example", 465, True)
        assert (server.user, server.password, server.verify, server.starttls) == (
            "crm@x",
            "p:w",
            False,
            "required",
        )

    @pytest.mark.parametrize("url", ["http://x", "smtp://", ""])
    def test_anything_else_is_refused(self, url: str) -> None:
        with pytest.raises(ValueError, match="smtp"):
            MailServer.from_url(url)
