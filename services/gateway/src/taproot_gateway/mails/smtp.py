"""Handing one mail to the mail server."""

from __future__ import annotations

import ssl
from email.message import EmailMessage
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import aiosmtplib

_PORTS = {"smtp": 25, "smtps": 465}
_SECONDS = 20.0


class MailNotSent(Exception):
    """The server refused the mail or did not answer; the message names no address."""


class MailServer:
    """From `smtp[s]://[user:password@]host[:port][?starttls=required|auto|off&verify=off]`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("a mail server is smtp://host[:port] or smtps://host[:port]")
        self._parts: SplitResult = parts

    async def send(self, message: EmailMessage) -> None:
        """Raises MailNotSent."""
        try:
            async with self._client() as client:
                await client.send_message(message)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailNotSent(type(error).__name__) from error

    def _client(self) -> aiosmtplib.SMTP:
        parts = self._parts
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        context = ssl.create_default_context()
        if options.get("verify") == "off":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return aiosmtplib.SMTP(
            hostname=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            use_tls=parts.scheme == "smtps",
            start_tls={"required": True, "off": False}.get(options.get("starttls", "auto")),
            tls_context=context,
            username=unquote(parts.username or "") or None,
            password=unquote(parts.password or "") or None,
            timeout=_SECONDS,
        )
