"""`python -m chaoskit.anew SERVICE`: rebuild every projection of a running service, as an operator would one by one.

Runs with the environment of the service's process.
"""

from __future__ import annotations

import asyncio
import importlib
import sys

from taproot_base.context import calling
from taproot_chassis.commands import _rebuild
from taproot_chassis.consumers import SubscriberKind
from taproot_chassis.service import Definition, ServiceProcess, consumers_of


async def _run(definition: Definition) -> None:
    async with ServiceProcess.opened(definition, definition.settings()) as (runtime, parts):  # type: ignore[call-arg]  # environment
        consumers = consumers_of(definition, runtime, parts)
        names = {c.subscription.name for c in consumers if c.subscription.kind is SubscriberKind.PROJECTION}
        with calling(runtime.system_call()):
            await _rebuild(sorted(names), consumers, runtime)


if __name__ == "__main__":
    asyncio.run(_run(importlib.import_module(f"taproot_{sys.argv[1]}.main").DEFINITION))
