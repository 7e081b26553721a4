"""gRPC of sessions: parse, hand over, answer."""

from __future__ import annotations

import uuid
from typing import Any

from google.protobuf.empty_pb2 import Empty

from taproot.identity.v1 import session_pb2 as pb
from taproot.identity.v1 import session_service_pb2 as rpc
from taproot_base.context import current_call
from taproot_base.errors import PermissionDenied
from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_gateway.branches.queries import find_branches
from taproot_gateway.roles.queries import find_roles
from taproot_gateway.sessions import messages, store
from taproot_gateway.sessions.handlers import Challenged, SignedIn, SignIn, SignIns
from taproot_gateway.sessions.model import NoSuchSession, sessions
from taproot_gateway.sessions.opening import Origin
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.users import queries as users
from taproot_storage.database import Reader
from taproot_storage.reads import Lists

CURRENT = "current"


class SessionsServicer(Servicer):
    def __init__(self, runtime: Runtime[GatewaySettings], sign_ins: SignIns) -> None:
        super().__init__(runtime.database)
        self._sign_ins = sign_ins
        self._lists = Lists(runtime.page_key)
        self._idle = runtime.settings.session_idle_minutes

    async def Login(self, request: rpc.LoginRequest, context: Any) -> rpc.LoginResponse:
        command = SignIn(request.user_name, request.password, origin_of(context))
        return await self._signed_in(await self._sign_ins.sign_in(command))

    async def VerifyLogin(self, request: rpc.VerifyLoginRequest, context: Any) -> rpc.LoginResponse:
        made = await self._sign_ins.verify(request.challenge, request.code, origin_of(context))
        return await self._signed_in(made)

    async def _signed_in(self, made: SignedIn | Challenged) -> rpc.LoginResponse:
        if isinstance(made, Challenged):
            return rpc.LoginResponse(challenge=made.challenge)
        session = messages.to_message(made.session, self._idle, made.session["id"])

        async def query(reader: Reader) -> rpc.LoginResponse:
            user_id = made.session["user_id"]
            current = await self._current(reader, user_id, session, must_change=made.must_change)
            return rpc.LoginResponse(current=current, token=made.token)

        return await self.read(query)

    async def GetCurrentSession(
        self, _request: rpc.GetCurrentSessionRequest, context: Any
    ) -> pb.CurrentSession:
        user_id, key = caller_of(), session_of(context)

        async def query(reader: Reader) -> pb.CurrentSession:
            row = await store.find_session(reader, user_id, key, self._idle) if key else None
            session = messages.to_message(row, self._idle, key) if row is not None else None
            credential = await store.find_credential(reader, user_id)
            must_change = credential is not None and credential["must_change"]
            return await self._current(reader, user_id, session, must_change=must_change)

        return await self.read(query)

    async def ListSessions(self, request: rpc.ListSessionsRequest, context: Any) -> rpc.ListSessionsResponse:
        user_id, key = caller_of(), session_of(context)

        async def query(reader: Reader) -> rpc.ListSessionsResponse:
            rows = store.open_sessions(reader, user_id, self._idle)
            page = await self._lists.page(reader, store.RESOURCE, rows, sessions, request)
            found = [messages.to_message(row, self._idle, key) for row in page.rows]
            return rpc.ListSessionsResponse(sessions=found, next_page_token=page.next_page_token)

        return await self.read(query)

    async def RevokeSession(self, request: rpc.RevokeSessionRequest, context: Any) -> Empty:
        caller_of()
        key = session_of(context) if request.id == CURRENT else _key(request.id)
        if key is None:
            raise NoSuchSession(request.id)
        await self._sign_ins.revoke(key)
        return Empty()

    async def RevokeAllSessions(self, request: rpc.RevokeAllSessionsRequest, context: Any) -> Empty:
        caller_of()
        await self._sign_ins.revoke_all(session_of(context) if request.keep_current else None)
        return Empty()

    async def ChangePassword(self, request: rpc.ChangePasswordRequest, context: Any) -> Empty:
        caller_of()
        key = session_of(context)
        await self._sign_ins.change_password(request.current_password, request.new_password, key)
        return Empty()

    async def _current(
        self, reader: Reader, user_id: uuid.UUID, session: pb.Session | None, *, must_change: bool
    ) -> pb.CurrentSession:
        user = await users.own_record(reader, user_id)
        held = await find_roles(reader, user["role_ids"])
        branches = await find_branches(reader, [user["branch_id"]])
        branch = branches[0] if branches else None
        return messages.to_current(session, user, branch, held, must_change=must_change)


def origin_of(context: Any) -> Origin:
    """Where the call comes from, as the gateway's doors say."""
    headers = dict(context.invocation_metadata())
    address, agent = headers.get("x-client-address", ""), headers.get("x-client-agent", "")
    return Origin(str(address), str(agent), session_of(context))


def session_of(context: Any) -> uuid.UUID | None:
    """The session the gateway names. What is done with it is bound to the caller's own sessions."""
    return _key(dict(context.invocation_metadata()).get("x-session-id", ""))


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def caller_of() -> uuid.UUID:
    principal = current_call().principal
    if principal.kind not in ("user", "portal"):
        raise PermissionDenied("only users have sessions")
    return uuid.UUID(principal.subject)
