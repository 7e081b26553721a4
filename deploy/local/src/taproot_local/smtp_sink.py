"""A mail server that keeps what it is given: `python -m taproot_local.smtp_sink DIRECTORY SMTP_PORT HTTP_PORT`.

Every message becomes an .eml file; a small page shows them, `/messages.json` lists them for programs.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import html
import json
import signal
import sys
import threading
import time
from email.message import EmailMessage
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

from taproot_local.processes import LOOPBACK

MAX_BYTES = 35_000_000
STYLE = (
    "body{font:15px system-ui;margin:2rem}td,th{padding:.3rem 1rem;text-align:left}pre{white-space:pre-wrap}"
)


class Mailbox:
    """The messages of a directory, newest first."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def add(self, content: bytes, sender: str, recipients: list[str]) -> str:
        """Names sort by time of arrival. The envelope is kept in headers, as it may differ from From and To."""
        key = f"{time.time_ns():020d}"
        envelope = f"X-Envelope-From: {sender}\r\nX-Envelope-To: {', '.join(recipients)}\r\n".encode()
        fresh = self._directory / f".{key}"
        fresh.write_bytes(envelope + content)
        fresh.rename(self._directory / f"{key}.eml")
        return key

    def ids(self) -> list[str]:
        return sorted((path.stem for path in self._directory.glob("*.eml")), reverse=True)

    def raw(self, key: str) -> bytes | None:
        path = self._directory / f"{key}.eml"
        return path.read_bytes() if key.isdigit() and path.exists() else None

    def message(self, key: str) -> dict[str, Any] | None:
        raw = self.raw(key)
        return (
            None
            if raw is None
            else _described(key, email.message_from_bytes(raw, policy=email.policy.default))
        )


def _described(key: str, message: EmailMessage) -> dict[str, Any]:
    return {
        "id": key,
        "envelope_from": str(message["X-Envelope-From"]),
        "envelope_to": [part.strip() for part in str(message["X-Envelope-To"]).split(",")],
        "from": str(message.get("From", "")),
        "to": str(message.get("To", "")),
        "subject": str(message.get("Subject", "")),
        "date": str(message.get("Date", "")),
        "headers": {name: str(value) for name, value in message.items()},
        "text": _body(message, "plain"),
        "html": _body(message, "html"),
        "attachments": [part.get_filename() or "" for part in message.iter_attachments()],
    }


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content())


class Receiver:
    """aiosmtpd's handler: accepts everything."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        content: bytes = envelope.original_content
        self._mailbox.add(content, envelope.mail_from or "", list(envelope.rcpt_tos))
        return "250 OK"


class Page(BaseHTTPRequestHandler):
    """Read only. Bodies are shown as text: nothing in a message can run."""

    mailbox: Mailbox

    def do_GET(self) -> None:  # http.server's name
        first, _, rest = self.path.partition("?")[0].lstrip("/").partition("/")
        if first == "":
            self._send(self._list(), "text/html")
        elif first == "messages.json":
            found = [self.mailbox.message(key) for key in self.mailbox.ids()]
            self._send(json.dumps(found, ensure_ascii=False), "application/json")
        elif first == "messages" and (raw := self.mailbox.raw(rest.removesuffix(".eml"))) is not None:
            if rest.endswith(".eml"):
                self._send(raw, "message/rfc822")
            else:
                self._send(self._one(rest), "text/html")
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _list(self) -> str:
        rows = []
        for key in self.mailbox.ids():
            mail = self.mailbox.message(key) or {}
            cells = "".join(
                f"<td>{html.escape(str(mail.get(name, '')))}</td>" for name in ("date", "from", "to")
            )
            title = html.escape(mail.get("subject") or "(no subject)")
            rows.append(f"<tr>{cells}<td><a href='/messages/{key}'>{title}</a></td></tr>")
        head = "<tr><th>Date</th><th>From</th><th>To</th><th>Subject</th></tr>"
        return _page(f"Mail ({len(rows)})", f"<table>{head}{''.join(rows)}</table>")

    def _one(self, key: str) -> str:
        mail = self.mailbox.message(key) or {}
        headers = "\n".join(f"{name}: {value}" for name, value in mail.get("headers", {}).items())
        bodies = [text for text in (mail.get("text"), mail.get("html")) if text]
        parts = "".join(f"<hr><pre>{html.escape(part)}</pre>" for part in bodies)
        back = f"<p><a href='/'>All mail</a> · <a href='/messages/{key}.eml'>Source</a></p>"
        return _page(mail.get("subject") or "(no subject)", f"{back}<pre>{html.escape(headers)}</pre>{parts}")

    def _send(self, body: str | bytes, kind: str) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if isinstance(body, str) else kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Reading mail is not worth a log line."""


def _page(title: str, body: str) -> str:
    name = html.escape(title)
    return (
        f"<!doctype html><meta charset=utf-8><title>{name}</title><style>{STYLE}</style><h1>{name}</h1>{body}"
    )


async def serve(directory: Path, smtp_port: int, http_port: int) -> None:
    """Until SIGTERM or SIGINT."""
    mailbox, stop = Mailbox(directory), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    smtp = await loop.create_server(
        lambda: SMTP(Receiver(mailbox), data_size_limit=MAX_BYTES, enable_SMTPUTF8=True, loop=loop),
        LOOPBACK,
        smtp_port,
    )
    page = ThreadingHTTPServer((LOOPBACK, http_port), type("Page", (Page,), {"mailbox": mailbox}))
    threading.Thread(target=page.serve_forever, daemon=True).start()
    await stop.wait()
    smtp.close()
    await asyncio.to_thread(page.shutdown)
    page.server_close()


def main() -> None:
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))


if __name__ == "__main__":
    main()
