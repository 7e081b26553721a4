"""What should answer at an address: the services, the mail server."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from taproot_local.doctor.findings import Finding, ok, wrong

SECONDS = 5.0


async def listening(about: str, address: str, remedy: str) -> list[Finding]:
    """`address`: host:port."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(host, int(port))
        writer.close()
    except (OSError, TimeoutError) as error:
        return [wrong(about, f"nobody answers at {address} ({type(error).__name__})", remedy)]
    return [ok(about, f"answers at {address}")]


async def mail_server(url: str) -> list[Finding]:
    """The first line of an SMTP server says whether it takes mail; for `smtps` reachability has to do."""
    about = "mail server"
    if not url:
        return [wrong(about, "none is set", "set TAPROOT_SMTP_URL: mails wait until then")]
    parts = urlsplit(url)
    port = parts.port or (465 if parts.scheme == "smtps" else 25)
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(parts.hostname, port)
            said = (
                "220"
                if parts.scheme == "smtps"
                else (await reader.readline()).decode(errors="replace").strip()
            )
        writer.close()
    except (OSError, TimeoutError) as error:
        remedy = "start it, or correct TAPROOT_SMTP_URL; mails wait meanwhile"
        return [wrong(about, f"nobody answers at {parts.hostname}:{port} ({type(error).__name__})", remedy)]
    if not said.startswith("220"):
        return [
            wrong(
                about, f"it answers {said[:80]!r}", "is that a mail server, and does it let this machine in?"
            )
        ]
    return [ok(about, f"answers at {parts.hostname}:{port}")]
