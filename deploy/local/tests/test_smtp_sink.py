from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest

from taproot_local.processes import answers, free_port


@pytest.fixture
async def ports(tmp_path: Path) -> AsyncIterator[tuple[int, int]]:
    smtp, http = free_port(), free_port()
    command = ["-m", "taproot_local.smtp_sink", str(tmp_path), str(smtp), str(http)]
    process = await asyncio.create_subprocess_exec(sys.executable, *command)
    async with asyncio.timeout(20):
        while not (answers(smtp) and answers(http)):
            await asyncio.sleep(0.05)
    yield smtp, http
    process.terminate()
    assert await process.wait() == 0


def letter() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Taproot <crm@example.com>"
    message["To"] = "王芳 <wang@example.com>"
    message["Subject"] = "试用即将到期 <script>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content("Your trial ends soon.\n您的试用即将到期。")
    message.add_alternative("<p>Your trial ends <b>soon</b>.</p><script>alert(1)</script>", subtype="html")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="offer.pdf")
    return message


async def test_a_letter_arrives_and_can_be_read(ports: tuple[int, int], tmp_path: Path) -> None:
    smtp, http = ports
    await aiosmtplib.send(
        letter(), hostname="127.0.0.1", port=smtp, recipients=["wang@example.com", "bcc@example.com"]
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{http}") as web:
        (found,) = (await web.get("/messages.json")).json()
        assert found["subject"] == "试用即将到期 <script>"
        assert found["envelope_to"] == ["wang@example.com", "bcc@example.com"]
        assert found["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "您的试用即将到期。" in found["text"]
        assert "<b>soon</b>" in found["html"]
        assert found["attachments"] == ["offer.pdf"]
        listed = (await web.get("/")).text
        assert "试用即将到期 &lt;script&gt;" in listed
        shown = (await web.get(f"/messages/{found['id']}")).text
        assert "&lt;script&gt;alert(1)" in shown
        assert "<script>" not in listed + shown
        source = await web.get(f"/messages/{found['id']}.eml")
        assert source.content == (tmp_path / f"{found['id']}.eml").read_bytes()


async def test_newest_first_and_nothing_else_to_see(ports: tuple[int, int]) -> None:
    smtp, http = ports
    for subject in ("first", "second"):
        message = letter()
        message.replace_header("Subject", subject)
        await aiosmtplib.send(message, hostname="127.0.0.1", port=smtp)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{http}") as web:
        assert [mail["subject"] for mail in (await web.get("/messages.json")).json()] == ["second", "first"]
        for path in ("/messages/0", "/messages/..%2f..%2fsecret", "/messages/../../etc/passwd", "/nothing"):
            assert (await web.get(path)).status_code == 404
