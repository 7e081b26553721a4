"""Sessions between protobuf and columns."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from taproot.identity.v1 import session_pb2 as pb
from taproot.options.v1.options_pb2 import Sensitivity
from taproot_base import wire
from taproot_gateway.branches import messages as branches
from taproot_gateway.rights import united
from taproot_gateway.roles import messages as roles
from taproot_gateway.sessions.devices import described
from taproot_gateway.users import messages as users

METHOD = "SIGN_IN_METHOD_"


def to_message(row: Any, idle_minutes: float, current: uuid.UUID | None = None) -> pb.Session:
    idle = min(row["last_used_time"] + timedelta(minutes=idle_minutes), row["expire_time"])
    return pb.Session(
        id=str(row["id"]),
        user_id=str(row["user_id"]),
        create_time=wire.to_timestamp(row["create_time"]),
        last_used_time=wire.to_timestamp(row["last_used_time"]),
        expire_time=wire.to_timestamp(row["expire_time"]),
        idle_expire_time=wire.to_timestamp(idle),
        ip_address=row["ip_address"],
        user_agent=row["user_agent"],
        current=row["id"] == current,
        device=described(row["user_agent"]),
        method=wire.enum_number(pb.SignInMethod, row["method"], METHOD),
        second_factor=row["second_factor"],
    )


def to_current(
    session: pb.Session | None, user: Any, branch: Any, held: Iterable[Any], *, must_change: bool
) -> pb.CurrentSession:
    """`held`: rows of the user's roles."""
    found = list(held)
    pairs = united(pair for role in found for pair in role["grants"])
    masked = set.intersection(*(set(role["masked_classes"]) for role in found)) if found else set()
    return pb.CurrentSession(
        session=session,
        user=users.to_message(user),
        branch=branches.to_message(branch) if branch is not None else None,
        grants=[roles.to_grant(permission, scope) for permission, scope in pairs],
        role_codes=sorted(role["code"] for role in found),
        masked_classes=[wire.enum_number(Sensitivity, name, roles.CLASS) for name in sorted(masked)],
        must_change_password=must_change,
        must_enrol_second_factor=(
            session is not None
            and session.method == pb.SIGN_IN_METHOD_PASSWORD
            and not session.second_factor
            and any(role["second_factor_required"] for role in found)
        ),
    )
