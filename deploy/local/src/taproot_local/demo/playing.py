"""`taproot demo`: plays the life of a new customer and shows what became of it."""

from __future__ import annotations

import argparse
import asyncio
import os
import time

from taproot_local.api import Client, admin_password, local_url, mail_url
from taproot_local.demo.cast import Cast, Mailbox, name_of
from taproot_local.demo.life import WITHIN_SECONDS, LifeResult, Step, play_life
from taproot_local.demo.setting_up import set_up
from taproot_local.errors import LocalError


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="taproot demo", description="Play the life of a new customer.")
    parser.add_argument("--server", help="address of Taproot (default: the one running here)")
    parser.add_argument("--mail", help="address of its mail sink (default: the one running here)")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(_play(local_url(options.server), options.mail or mail_url()))
    except AssertionError as error:
        raise LocalError(f"The demo does not hold: {error}") from error
    return 0


async def _play(url: str, mail: str) -> None:
    async with Client.open(url) as visitor:
        admin = await visitor.signed_in(
            os.environ.get("TAPROOT_USER", "admin"), os.environ.get("TAPROOT_PASSWORD") or admin_password()
        )
        await set_up(admin)
        begun = time.monotonic()
        # The number makes the customer new: seconds since 2020 fit the digits of a telephone number for years.
        number = int(time.time()) - 1_577_836_800
        print(f"\n一位客户的一生 / The life of a customer  ({url})\n")
        result = await play_life(Cast(admin, Mailbox(visitor, mail)), number, show=_show)
        _conclude(result, time.monotonic() - begun)


def _show(step: Step) -> None:
    lag = "" if step.lag is None else f"  [timeline {step.lag * 1000:.0f} ms]"
    mark = "✗" if step.lag is not None and step.lag > WITHIN_SECONDS else "✓"
    print(f"  {mark} {step.zh} / {step.en}: {step.result}{lag}", flush=True)


def _conclude(result: LifeResult, seconds: float) -> None:
    print(f"\n时间线 / Timeline of {result.name} ({result.ids['customer']})\n")
    for entry in reversed(result.timeline):
        who = entry.get("actor", "")
        who = name_of(who.removeprefix("user:")) if who.startswith("user:") else who.removeprefix("service:")
        said = f"{entry.get('summary_zh', '')} / {entry.get('summary_en', '')}"
        print(
            f"  {entry['occurred_time'][11:23]}  {entry['event_type']:<26} {who:<14} {entry.get('trace_id', '')[:8]}  {said}"
        )
    print("\n邮件 / Mail\n")
    for mail in result.mails:
        print(f"  {mail['to']}  {mail['subject']}")
    print(
        f"\n{len(result.steps)} steps, {len(result.timeline)} entries, {len(result.mails)} mails in {seconds:.1f} s; "
        f"slowest into the timeline {result.slowest * 1000:.0f} ms (limit {WITHIN_SECONDS * 1000:.0f} ms).\n"
        f"The whole trace: taproot trace {result.trace_id}"
    )
    if result.late:
        late = ", ".join(f"{step.en} ({step.lag:.2f} s)" for step in result.late)
        raise LocalError(f"The timeline was late with: {late}.")
