"""One conversation with a mail server, ended by an answer that says how far it came."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from taproot_marketing.deliveries.rules import Answer, Fate

DEFAULT_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """From `smtp[s]://[user:password@]host[:port][?starttls=required|auto|off&verify=off]`."""

    host: str
    port: int
    implicit_tls: bool = False
    starttls: str = "auto"
    verify: bool = True
    user: str = ""
    password: str = ""
    timeout: float = 30.0

    @classmethod
    def from_url(cls, url: str) -> MailServer:
        parts = urlsplit(url)
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
            raise ValueError("a mail server is smtp://host[:port] or smtps://host[:port]")
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        return cls(
            host=parts.hostname,
            port=parts.port or DEFAULT_PORTS[parts.scheme],
            implicit_tls=parts.scheme == "smtps",
            starttls=options.get("starttls", "auto"),
            verify=options.get("verify", "on") != "off",
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    def client(self) -> aiosmtplib.SMTP:
        context = ssl.create_default_context()
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.implicit_tls,
            start_tls={"required": True, "off": False}.get(self.starttls),
            tls_context=context,
            username=self.user or None,
            password=self.password or None,
            timeout=self.timeout,
        )


async def transmit(server: MailServer, sender: str, recipient: str, mail: bytes) -> Answer:
    """Hand over one mail. Never raises for what a mail server or a network may do."""
    client = server.client()
    try:
        opened = await _open(client, sender, recipient)
        return opened or await _hand_over(client, mail)
    finally:
        await _part(client)


async def _open(client: aiosmtplib.SMTP, sender: str, recipient: str) -> Answer | None:
    """Everything before the text. None when the server is ready for it."""
    try:
        await client.connect()
        await client.mail(sender)
        await client.rcpt(recipient)
    except aiosmtplib.SMTPResponseException as error:
        return Answer(Fate.REFUSED, error.code, _words(error))
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return Answer(Fate.NOT_STARTED, 0, f"{type(error).__name__}: {error}")
    return None


async def _hand_over(client: aiosmtplib.SMTP, mail: bytes) -> Answer:
    """The text. Without an answer nobody knows whether the server took it."""
    try:
        response = await client.data(mail)
    except aiosmtplib.SMTPResponseException as error:
        return Answer(Fate.REFUSED, error.code, _words(error))
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return Answer(Fate.UNKNOWN, 0, f"{type(error).__name__}: {error}")
    return Answer(Fate.ACCEPTED, response.code, response.message)


def _words(error: aiosmtplib.SMTPResponseException) -> str:
    return f"{error.code} {error.message}"[:1000]


async def _part(client: aiosmtplib.SMTP) -> None:
    """Good manners; what the answer was is settled already."""
    try:
        async with asyncio.timeout(2):
            await client.quit()
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        client.close()
