"""`taproot pack list|preview|apply`."""

from __future__ import annotations

import argparse
import asyncio
import os

from taproot_local.api import Client, admin_password, local_url
from taproot_local.packs.applying import SAME, apply, plan
from taproot_local.packs.reading import Pack, names, read


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="taproot pack", description="Fields and types of a line of business."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="the packs that come with Taproot")
    for verb, text in (
        ("preview", "what would change"),
        ("apply", "make the changes; repeating changes nothing"),
    ):
        one = verbs.add_parser(verb, help=text)
        one.add_argument("name", help="name of a pack")
        one.add_argument("--server", help="address of Taproot (default: the one running here)")
    options = parser.parse_args(arguments)
    if options.verb == "list":
        for name in names():
            print(f"{name:<12} {read(name).about}")
        return 0
    asyncio.run(_run(options.verb, read(options.name), local_url(options.server)))
    return 0


async def _run(verb: str, pack: Pack, url: str) -> None:
    async with Client.open(url) as visitor:
        client = await visitor.signed_in(
            os.environ.get("TAPROOT_USER", "admin"), os.environ.get("TAPROOT_PASSWORD") or admin_password()
        )
        if verb == "preview":
            steps = await plan(client, pack)
            for step in steps:
                print(step.line())
        else:
            steps = []
            async for step in apply(client, pack):
                print(step.line())
                steps.append(step)
        changed = sum(step.action != SAME for step in steps)
        print(f"{changed} of {len(steps)} {'would change' if verb == 'preview' else 'changed'}")
