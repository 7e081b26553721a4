"""Composition root of the gateway's own service: identities."""

from __future__ import annotations

import functools
from pathlib import Path

from taproot_chassis.jobs import Job
from taproot_chassis.service import Definition, Parts, Runtime
from taproot_gateway.api_keys.servicer import ApiKeysServicer
from taproot_gateway.branches import messages as branches
from taproot_gateway.branches.model import Branch
from taproot_gateway.branches.servicer import BranchesServicer
from taproot_gateway.http import buckets
from taproot_gateway.mails import queue
from taproot_gateway.mails.sending import Sender
from taproot_gateway.oidc import queries as oidc
from taproot_gateway.passwords.servicer import PasswordsServicer
from taproot_gateway.portal_users.servicer import PortalUsersServicer
from taproot_gateway.privacy.holdings import HOLDINGS
from taproot_gateway.roles import messages as roles
from taproot_gateway.roles.model import Role
from taproot_gateway.roles.servicer import RolesServicer
from taproot_gateway.saved_views.servicer import SavedViewsServicer
from taproot_gateway.second_factors import queries as challenges
from taproot_gateway.second_factors.handlers import SecondFactors
from taproot_gateway.second_factors.servicer import SecondFactorsServicer
from taproot_gateway.seed import Seed
from taproot_gateway.sessions import attempts, store
from taproot_gateway.sessions.handlers import SignIns
from taproot_gateway.sessions.passwords import Hasher
from taproot_gateway.sessions.servicer import SessionsServicer
from taproot_gateway.settings import GatewaySettings
from taproot_gateway.teams import messages as teams
from taproot_gateway.teams.model import Team
from taproot_gateway.teams.servicer import TeamsServicer
from taproot_gateway.transcoding import contracts
from taproot_gateway.users import messages as users
from taproot_gateway.users.model import User
from taproot_gateway.users.servicer import UsersServicer
from taproot_gateway.webhooks import messages as webhook_messages
from taproot_gateway.webhooks.model import Webhook
from taproot_gateway.webhooks.parts import webhooks
from taproot_records.privacy import servicer as privacy
from taproot_storage.database import Database
from taproot_storage.eventlog import Encoder

ENCODERS: dict[type, Encoder] = {
    Role: roles.to_event,
    Branch: branches.to_event,
    Team: teams.to_event,
    User: users.to_event,
    Webhook: webhook_messages.to_event,
}
EXPIRE_SECONDS = 300
MAIL_SECONDS = 1


def build(runtime: Runtime[GatewaySettings]) -> Parts:
    hasher = Hasher()
    factors = SecondFactors(runtime.database, runtime.settings)
    sign_ins = SignIns(runtime.database, hasher, factors, runtime.settings)
    seed = Seed(runtime, hasher, contracts.permissions(contracts.load()))
    hooks = webhooks(runtime)
    expire = functools.partial(_expire, runtime.settings.session_idle_minutes)
    return Parts(
        servicers={
            "taproot.identity.v1.UsersService": UsersServicer(runtime, hasher),
            "taproot.identity.v1.PortalUsersService": PortalUsersServicer(runtime),
            "taproot.identity.v1.RolesService": RolesServicer(runtime),
            "taproot.identity.v1.BranchesService": BranchesServicer(runtime),
            "taproot.identity.v1.TeamsService": TeamsServicer(runtime),
            "taproot.identity.v1.SessionsService": SessionsServicer(runtime, sign_ins),
            "taproot.identity.v1.SecondFactorsService": SecondFactorsServicer(runtime, factors, sign_ins),
            "taproot.identity.v1.PasswordsService": PasswordsServicer(runtime, hasher),
            "taproot.identity.v1.ApiKeysService": ApiKeysServicer(runtime),
            "taproot.identity.v1.SavedViewsService": SavedViewsServicer(runtime),
            "taproot.identity.v1.WebhooksService": hooks.servicer,
            privacy.SERVICE: privacy.PersonalDataServicer(runtime, HOLDINGS, hooks.subscriptions),
        },
        jobs=[
            Job("expire-sessions", EXPIRE_SECONDS, expire),
            Job("expire-rate-buckets", 3600, buckets.expire),
            hooks.job,
            Job("account-mails", MAIL_SECONDS, Sender(runtime.settings).run),
        ],
        subscriptions=hooks.subscriptions,
        background=[hooks.runner.run],
        startup=[seed.run],
    )


async def _expire(idle_minutes: float, database: Database) -> int:
    async with database.unit() as work:
        await store.expire(work, idle_minutes)
        await attempts.expire(work)
        await queue.expire(work)
        await challenges.expire(work)
        await oidc.expire(work)
    return 0


DEFINITION = Definition("identity", GatewaySettings, ENCODERS, build, Path(__file__).parent)
