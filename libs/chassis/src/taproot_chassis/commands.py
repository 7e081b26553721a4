"""What an operator does with a service beside its running processes: `python -m <package> <command>`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from taproot_audit import commands as auditcommands
from taproot_audit.chain import Fault
from taproot_base.context import calling
from taproot_chassis import deadletters
from taproot_chassis.consumers import Consumer, SubscriberKind
from taproot_chassis.rebuild import rebuild
from taproot_chassis.service import Definition, Runtime, ServiceProcess, consumers_of
from taproot_storage.visibility import scope_rules

if TYPE_CHECKING:
    from pathlib import Path

    from taproot_base.settings import Settings
    from taproot_chassis.events import Event


class Refused(Exception):
    """What was asked for cannot be done; the text says why."""


def main(definition: Definition, arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status."""
    asked = _parser(definition).parse_args(arguments)
    if asked.command == "migrate":
        from taproot_storage import migrations  # loaded late: it brings Alembic

        migrations.upgrade(definition.migrations, scope_rules())
        return 0
    try:
        if auditcommands.is_offline(asked):
            keys = asked.keys or _keys(definition.settings())  # type: ignore[call-arg]  # environment
            print(auditcommands.verify_file(asked, definition.name, keys))
        else:
            asyncio.run(_run(definition, asked))
    except Fault as error:
        print(f"{definition.name}: {error}", file=sys.stderr)
        return 1
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser(definition: Definition) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(f"python -m {definition.package_dir.name}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the database to this release's schema")
    letters = commands.add_parser("dead-letters", help="events that could not take effect")
    verbs = letters.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="one line for each")
    for verb, text in (
        ("show", "one with its headers, its error and its payload"),
        ("replay", "apply it and those parked behind it, in order"),
        ("discard", "give it up for good; those parked behind it are applied"),
    ):
        verbs.add_parser(verb, help=text).add_argument("number", type=int)
    auditcommands.add_parser(commands)
    anew = commands.add_parser(
        "rebuild", help="empty a projection and feed it from the publishers' histories"
    )
    anew.add_argument("projections", nargs="+", help="their names; `list` prints all")
    erased = commands.add_parser("privacy", help="whom this service must not know any more")
    erased.add_argument(
        "verb", choices=("list", "apply"), help="print the hashes; erase again, after a backup was restored"
    )
    erased.add_argument(
        "--file", type=argparse.FileType(), help="a list printed before, besides the stream's"
    )
    return parser


async def _run(definition: Definition, asked: argparse.Namespace) -> None:
    async with ServiceProcess.opened(definition, definition.settings()) as (runtime, parts):  # type: ignore[call-arg]  # environment
        consumers = consumers_of(definition, runtime, parts)
        with calling(runtime.system_call()):
            if asked.command == "audit":
                keys = _keys(runtime.settings)
                if said := await auditcommands.run(asked, runtime.name, keys, runtime.database):
                    print(said)
            elif asked.command == "privacy":
                holder = parts.servicers["taproot.operations.v1.PersonalDataService"]
                print(await holder.operate(asked.verb, asked.file.read() if asked.file else ""))
            elif asked.command == "rebuild":
                await _rebuild(asked.projections, consumers, runtime)
            elif asked.verb == "list":
                await _list(consumers)
            else:
                await _tend(asked.verb, asked.number, consumers, runtime)


def _keys(settings: Settings) -> Path:
    return settings.keys_dir / "keys.json"


async def _rebuild(wanted: Sequence[str], consumers: Sequence[Consumer], runtime: Runtime[Any]) -> None:
    projections = [c for c in consumers if c.subscription.kind is SubscriberKind.PROJECTION]
    names = sorted({consumer.subscription.name for consumer in projections})
    if wanted == ["list"]:
        print("\n".join(names))
        return
    if unknown := sorted({*wanted} - {*names}):
        raise Refused(
            f"{', '.join(unknown)} is not a projection of this service; there are {', '.join(names)}"
        )
    for name in wanted:
        tables = {t.name for c in projections if c.subscription.name == name for t in c.subscription.tables}
        sharing = [c for c in projections if tables & {t.name for t in c.subscription.tables}]
        print(f"{name}: {await rebuild(sharing, runtime.database, runtime.peers)} events applied")


async def _list(consumers: Sequence[Consumer]) -> None:
    for consumer in consumers:
        for row in await consumer.letters.list():
            what = f"{row['headers'].get('ce-type', row['subject'])} of {row['aggregate_id']}"
            print(
                f"{row['number']}  {row['state']:6}  {consumer.subscription.consumer}  {what}  {row['error']}"
            )


async def _tend(verb: str, number: int, consumers: Sequence[Consumer], runtime: Runtime[Any]) -> None:
    row = await deadletters.find(runtime.database, number)
    if row is None:
        raise Refused(f"there is no dead letter {number}")
    if verb == "show":
        print(json.dumps(_shown(row), indent=2, ensure_ascii=False))
        return
    consumer = next((c for c in consumers if c.subscription.consumer == row["consumer"]), None)
    if consumer is None:
        raise Refused(f"this service has no consumer {row['consumer']} any more")
    async with consumer.held():
        if verb == "discard":
            await consumer.letters.discard(number)
        await _replay(consumer, row["aggregate_id"])


async def _replay(consumer: Consumer, aggregate: uuid.UUID) -> None:
    async def apply(event: Event) -> None:
        await consumer.apply([event], tended=True)

    done = await consumer.letters.replay(aggregate, apply)
    left = [row for row in await consumer.letters.list() if row["aggregate_id"] == aggregate]
    print(f"{done} applied")
    if left:
        raise Refused(f"{left[0]['number']} failed again: {left[0]['error']}")


def _shown(row: Any) -> dict[str, Any]:
    shown = {name: row[name] for name in ("number", "consumer", "state", "error", "headers")}
    return shown | {"created_at": row["created_at"].isoformat(), "payload": row["payload"].hex()}
