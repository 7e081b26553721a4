"""Opening a session, however somebody proved who they are."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from taproot_base.ids import new_id
from taproot_gateway.callers import credential_hash
from taproot_gateway.sessions import store
from taproot_gateway.settings import GatewaySettings
from taproot_storage.database import UnitOfWork

TOKEN_PREFIX = "ts_"  # noqa: S105 - tells sessions from keys, is no secret
PASSWORD, OIDC = "password", "oidc"


@dataclass(frozen=True)
class Origin:
    """Where a sign-in comes from. `session_id`: the session the same browser had until now."""

    address: str = ""
    agent: str = ""
    session_id: uuid.UUID | None = None


async def open_session(
    work: UnitOfWork,
    user_id: uuid.UUID,
    origin: Origin,
    settings: GatewaySettings,
    *,
    method: str,
    second_factor: bool = False,
) -> tuple[dict[str, Any], str]:
    """The row and a new token, which is kept nowhere. The session before it ends: a token never changes hands."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    now = work.clock.now()
    row = {
        "id": new_id(),
        "token_hash": credential_hash(token),
        "user_id": user_id,
        "create_time": now,
        "last_used_time": now,
        "expire_time": now + timedelta(hours=settings.session_hours),
        "ip_address": origin.address[:64],
        "user_agent": origin.agent[:200],
        "method": method,
        "second_factor": second_factor,
    }
    if origin.session_id is not None:
        await store.replace_session(work, origin.session_id)
    await store.add_session(work, row)
    return row, token
