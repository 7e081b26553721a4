"""The parts of privacy, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from taproot_chassis.consumers import Subscription
from taproot_chassis.operations import Handler
from taproot_chassis.service import Runtime
from taproot_customer.privacy import handlers
from taproot_customer.privacy.archive import ArchiveRunner
from taproot_customer.privacy.asking import Everyone
from taproot_customer.privacy.erasing import EraseRunner
from taproot_customer.privacy.holdings import HOLDINGS
from taproot_customer.settings import CustomerSettings
from taproot_records.privacy.servicer import SERVICE, PersonalDataServicer


class Privacy:
    SERVICE: ClassVar[str] = SERVICE

    def __init__(self, runtime: Runtime[CustomerSettings], subscriptions: Sequence[Subscription]) -> None:
        self.own = PersonalDataServicer(runtime, HOLDINGS, subscriptions)
        self.everyone = Everyone(runtime.peers, self.own)
        self.operations: Mapping[str, Handler] = {
            handlers.ERASE: EraseRunner(runtime.database, runtime.bus, self.everyone, runtime.minter.sign),
            handlers.EXPORT: ArchiveRunner(runtime.database, runtime.blobs, self.everyone),
        }
