"""A delivery as a mail: headers that stay the same in every attempt, and RFC 8058 one-click unsubscribe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from uuid import UUID

from taproot_marketing.templates.rules import Rendered

TRACE_HEADER = "X-Taproot-Traceparent"


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one address."""

    delivery_id: UUID
    message_id: str
    sender: str
    sender_name: str
    recipient: str
    rendered: Rendered
    written_at: datetime
    traceparent: str = ""
    unsubscribe_url: str = ""
    """Empty for transactional mail and tests, which have nothing to unsubscribe from."""
    bulk: bool = False


def message_id_of(delivery_id: UUID, sender: str) -> str:
    """Stable for a delivery, so that a mail system can drop a repeat."""
    return f"<{delivery_id}@{sender.rpartition('@')[2]}>"


def build(letter: Letter) -> bytes:
    """The mail as it goes over the wire. DKIM signing is the relay's job: no header is left to add."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(letter.sender_name, addr_spec=parseaddr(letter.sender)[1])
    mail["To"] = Address(addr_spec=letter.recipient)
    mail["Subject"] = letter.rendered.subject
    mail["Date"] = format_datetime(letter.written_at)
    mail["Message-ID"] = letter.message_id
    if letter.traceparent:
        mail[TRACE_HEADER] = letter.traceparent
    if letter.unsubscribe_url:
        mail["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if letter.bulk:
        mail["Precedence"] = "bulk"
    mail["Auto-Submitted"] = "auto-generated"
    _fill(mail, letter.rendered)
    return mail.as_bytes()


def _fill(mail: EmailMessage, rendered: Rendered) -> None:
    if rendered.html and rendered.text:
        mail.set_content(rendered.text)
        mail.add_alternative(rendered.html, subtype="html")
    elif rendered.html:
        mail.set_content(rendered.html, subtype="html")
    else:
        mail.set_content(rendered.text)
