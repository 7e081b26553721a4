"""For tests: a service in this process on real PostgreSQL and NATS, called as any principal."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import grpc
from google.protobuf.message import Message
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig

from taproot.identity.events.v1.branch_event_pb2 import BranchEvent
from taproot.identity.events.v1.role_event_pb2 import RoleEvent
from taproot.identity.events.v1.user_event_pb2 import UserEvent
from taproot.identity.v1.branch_pb2 import Branch
from taproot.identity.v1.role_pb2 import DataScope, Grant, Role
from taproot.identity.v1.user_pb2 import USER_KIND_STAFF, USER_STATE_ACTIVE, User
from taproot.options.v1.options_pb2 import Sensitivity
from taproot_base.auth import GATEWAY_KEY, Principal, RoleRef, TokenMinter
from taproot_base.client import as_app_error
from taproot_base.clock import Clock
from taproot_base.context import Call, calling
from taproot_base.ids import derived_id, new_id
from taproot_base.settings import Settings
from taproot_chassis import identities
from taproot_chassis.events import Event, stream_of
from taproot_chassis.service import Definition, ServiceProcess

_NAMESPACE = uuid.UUID("9d1f0c1e-6d67-4d6e-9d2b-6a2a6f1f4a11")
BRANCHES = ("/hq/", "/hq/e/", "/hq/e/sh/", "/hq/e/hz/", "/hq/w/")


def branch_id(path: str) -> str:
    return str(derived_id(_NAMESPACE, path))


class Caller:
    """A stub seen as one principal: `await caller.GetThing(request)`. Failures are AppErrors."""

    def __init__(self, stub: Any, harness: Harness, principal: Principal | None) -> None:
        self._stub = stub
        self._harness = harness
        self._principal = principal

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._stub, name)

        async def call(request: Message, seconds: float = 30.0) -> Any:
            metadata = self._harness.metadata(self._principal)
            try:
                return await method(request, timeout=seconds, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                raise as_app_error(error) from error

        return call


class Harness:
    """`async with Harness(definition, settings, gateway_keys)`: a running service and a world to use it in."""

    def __init__(
        self, definition: Definition, settings: Settings, gateway_keys: Path, clock: Clock | None = None
    ) -> None:
        self.process = ServiceProcess(definition, settings, clock)
        self.name = definition.name
        self._minter = TokenMinter.load(gateway_keys / "identity.pem", GATEWAY_KEY)
        self._channel: Any = None

    async def __aenter__(self) -> Self:
        await self.process.__aenter__()
        self.runtime = self.process.runtime
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.process.server.port}")
        for path in BRANCHES:
            await self.add_branch(path)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()
        await self.process.__aexit__()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.process.server.port}"

    def metadata(self, principal: Principal | None) -> tuple[tuple[str, str], ...]:
        if principal is None:
            return ()
        return (("authorization", f"Bearer {self._minter.mint(principal)}"),)

    def stub(self, kind: Any, principal: Principal | None) -> Caller:
        return Caller(kind(self._channel), self, principal)

    def system_call(self) -> Any:
        """Context in which statements run as the service itself."""
        return calling(self.runtime.system_call())

    def calling(self, principal: Principal, permission: str = "") -> Any:
        return calling(Call(principal, self.runtime.directory, permission=permission))

    # The world: branches, users and roles as the gateway would announce them.

    async def identity(self, event_type: str, key: str, version: int, message: Message) -> None:
        """Apply an identity event to this service's projection."""
        event = self.event(event_type, message, key, version=version, source=identities.SOURCE)
        with self.system_call():
            async with self.runtime.database.unit() as work:
                await identities.apply(event, work)
        await self.runtime.access.refresh()

    async def add_branch(
        self, path: str, regions: tuple[str, ...] = (), time_zone: str = "Asia/Shanghai"
    ) -> str:
        key = branch_id(path)
        code = path.rstrip("/").rpartition("/")[2]
        branch = Branch(id=key, code=code, display_name=code, path=path, time_zone=time_zone, regions=regions)
        await self.identity("branch.created", key, 1, BranchEvent(branch=branch, version=1))
        return key

    async def add_user(
        self,
        grants: Mapping[str, str],
        branch: str = "/hq/e/sh/",
        *,
        masked: tuple[str, ...] = (),
        teams: tuple[str, ...] = (),
        name: str = "Test User",
    ) -> Principal:
        """A user with a role of its own. `grants`: permission -> scope (`own`, `team`, .. `all`).
        `masked`: sensitivity classes or `type.field` paths.
        """
        role_id, user_id = str(new_id()), str(new_id())
        classes = [c for c in masked if "." not in c]
        role = Role(
            id=role_id,
            code=f"r{role_id[-12:]}",
            display_name="test",
            grants=[
                Grant(permission=p, scope=DataScope.Value(f"DATA_SCOPE_{s.upper()}"))
                for p, s in grants.items()
            ],
            masked_classes=[Sensitivity.Value(f"SENSITIVITY_{c.upper()}") for c in classes],
            masked_fields=[c for c in masked if "." in c],
            version=1,
        )
        await self.identity("role.created", role_id, 1, RoleEvent(role=role, version=1))
        user = User(
            id=user_id,
            user_name=f"u{user_id[-12:]}",
            display_name=name,
            kind=USER_KIND_STAFF,
            state=USER_STATE_ACTIVE,
            branch_id=branch_id(branch),
            team_ids=teams,
            role_ids=[role_id],
            email=f"{user_id[-12:]}@example.com",
            language_code="en",
            time_zone="Asia/Shanghai",
        )
        await self.identity("user.created", user_id, 1, UserEvent(user=user, version=1))
        return Principal(
            subject=user_id,
            kind="user",
            roles=(RoleRef(role_id, 1),),
            branch_id=branch_id(branch),
            branch_path=branch,
            teams=teams,
        )

    async def admin(self) -> Principal:
        return await self.add_user({"*": "all"}, branch="/hq/")

    # Events in and out.

    def event(
        self,
        event_type: str,
        message: Message,
        aggregate_id: str | uuid.UUID,
        *,
        version: int = 1,
        source: str,
        party_id: str | uuid.UUID | None = None,
        branch_path: str | None = None,
    ) -> Event:
        """An event of another service, as its relay would publish it."""
        return Event(
            id=new_id(),
            source=source,
            type=event_type,
            aggregate_id=uuid.UUID(str(aggregate_id)),
            version=version,
            occurred_at=self.runtime.clock.now(),
            actor="system",
            party_id=uuid.UUID(str(party_id)) if party_id else None,
            branch_path=branch_path,
            owner_id=None,
            traceparent="",
            payload=message.SerializeToString(),
        )

    async def publish(self, event: Event) -> None:
        """Publish an event of another service on the bus."""
        await self.runtime.bus.ensure_stream(event.source)
        await self.runtime.bus.jetstream.publish(event.subject, event.payload, headers=event.headers())

    async def deliver(self, event: Event, subscription_name: str = "") -> None:
        """Hand an event straight to this service's subscriptions: one transaction each, inbox included."""
        for consumer in self.process.consumers:
            subscription = consumer.subscription
            wanted = subscription.source == event.source and subscription_name in ("", subscription.name)
            if wanted and any(_matches(event.type, pattern) for pattern in subscription.events):
                await consumer.apply([event])

    async def events(self, count: int, *, of: str = "*", seconds: float = 10.0) -> list[Event]:
        """Wait for at least `count` events this service has published; all there are, in order."""
        deadline = time.monotonic() + seconds
        while True:
            found = await self._published(of)
            if len(found) >= count:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(found)} of {count} events: {[e.type for e in found]}")
            await asyncio.sleep(0.05)

    async def _published(self, pattern: str) -> list[Event]:
        jetstream = self.runtime.bus.jetstream
        stream = stream_of(self.name)
        pull = await jetstream.pull_subscribe(
            "", stream=stream, config=ConsumerConfig(ack_policy=AckPolicy.NONE)
        )
        found: list[Event] = []
        try:
            while True:
                messages = await pull.fetch(500, timeout=0.2)
                found += [Event.from_wire(message.headers, message.data) for message in messages]
        except (TimeoutError, NatsError):
            pass
        finally:
            await pull.unsubscribe()
        return [event for event in found if _matches(event.type, pattern)]


def _matches(event_type: str, pattern: str) -> bool:
    return pattern in ("*", event_type) or (pattern.endswith(".*") and event_type.startswith(pattern[:-1]))
