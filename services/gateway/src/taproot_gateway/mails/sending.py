"""The job that makes and sends queued mails. A token is made anew for each try, so none is ever stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from taproot_base import telemetry
from taproot_gateway.mails import queue
from taproot_gateway.mails.queue import INVITATION, PASSWORD_RESET, WEBHOOK_FAILING, WEBHOOK_GONE
from taproot_gateway.mails.smtp import MailNotSent, MailServer
from taproot_gateway.mails.texts import Letter, compose
from taproot_gateway.sessions import store
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.users import queries as users
from taproot_gateway.users.model import ACTIVE
from taproot_storage.database import Database, Reader

# One mailbox may serve several users, such as a counter; but not any number of them.
_MOST_USERS = 5
_NOT_OF_PASSWORDS = frozenset({INVITATION, WEBHOOK_GONE, WEBHOOK_FAILING})


class Sender:
    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._server = MailServer(settings.smtp_url) if settings.smtp_url else None
        self._lives = {
            PASSWORD_RESET: timedelta(minutes=settings.reset_minutes),
            INVITATION: timedelta(hours=settings.invitation_hours),
        }

    async def run(self, database: Database) -> int:
        """One batch. Without a mail server mails wait, for a day at most."""
        if self._server is None:
            return 0
        async with database.unit() as work:
            claimed = await queue.claim_mails(work)
        for mail in claimed:
            try:
                await self._send(database, mail, self._server)
            except MailNotSent as error:
                telemetry.logger.warning("account_mail_not_sent", id=str(mail["id"]), error=str(error))
        return len(claimed)

    async def _send(self, database: Database, mail: Any, server: MailServer) -> None:
        async with database.reading() as reader:
            found = await _recipients(reader, mail)
        for user in found:
            letter = await self._letter(database, mail, user)
            settings = self._settings
            now = database.clock.now()
            await server.send(compose(letter, settings.mail_sender, settings.mail_sender_name, now))
        async with database.unit() as work:
            await queue.drop_mail(work, mail["id"])

    async def _letter(self, database: Database, mail: Any, user: Any) -> Letter:
        kind = mail["kind"]
        life = self._lives.get(kind)
        link = ""
        if life is not None:
            async with database.unit() as work:
                token, _ = await queue.make_token(work, kind, user["id"], life)
            # Behind the `#`: a browser sends it to no server and in no Referer.
            link = f"{self._settings.public_url.rstrip('/')}/account#{token}"
        minutes = int(life.total_seconds() / 60) if life is not None else 0
        named = (user["display_name"], user["user_name"], user["email"])
        return Letter(kind, user["language_code"], *named, link=link, minutes=minutes, about=mail["about"])


async def _recipients(reader: Reader, mail: Any) -> list[Any]:
    if mail["user_id"] is not None:
        user = await users.find_user(reader, mail["user_id"])
        found = [user] if user is not None else []
    else:
        found = await users.find_by_login(reader, mail["login"], _MOST_USERS)
    usable = [user for user in found if user["state"] == ACTIVE and user["email"]]
    if mail["kind"] in _NOT_OF_PASSWORDS:
        return usable
    # Whoever signs in elsewhere has no password here, and gets none by mail.
    return [user for user in usable if await store.find_credential(reader, user["id"]) is not None]
