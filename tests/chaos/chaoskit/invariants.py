"""What must hold after any run, each as a function of its own: it returns what is wrong, in words; nothing: it holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal

from chaoskit.evidence import Evidence, Logged, Mailing, Promise
from chaoskit.mail import DEFERRED, DROPPED, REFUSED, TAKEN
from chaoskit.traffic import AMOUNT_PER_POINT

SHOWN = 5
SAMPLE = 400
RECEIPT = "chaos_receipt"
SETTLED = {"sent", "uncertain", "bounced"}


def _some(what: str, found: Iterable[object]) -> list[str]:
    """One line for many of a kind."""
    listed = sorted(map(str, found))
    if not listed:
        return []
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return [f"{len(listed)} {what}: {', '.join(listed[:SHOWN])}{more}"]


def every_acknowledged_write_is_there(seen: Evidence) -> list[str]:
    journal = seen.journal
    wrong = []
    for customer, name in journal.customers.items():
        found = seen.customers.get(customer)
        if found is None:
            wrong.append(f"{customer} is gone")
        elif found not in journal.attempted[customer]:
            wrong.append(f"{customer} is called {found!r}, which nobody said")
        elif found != name:
            wrong.append(f"{customer} is called {found!r}, but {name!r} was acknowledged last")
    return [
        *_some("customers are not as acknowledged", wrong),
        *_some("acknowledged orders are missing", journal.orders.keys() - seen.orders),
        *_some("acknowledged payments are missing", journal.payments.keys() - seen.payments),
        *_some("acknowledged tickets are missing", journal.tickets.keys() - seen.tickets),
    ]


def imports_end_and_load_each_row_once(seen: Evidence) -> list[str]:
    states = {key: state for key, state in seen.imports.items() if not state.endswith("SUCCEEDED")}
    wanted = {row for key, rows in seen.journal.imports.items() if key not in states for row in rows}
    return [
        *_some("imports did not succeed", (f"{key} {state}" for key, state in states.items())),
        *_some("imports are missing", seen.journal.imports.keys() - seen.imports.keys()),
        *_some("rows were not loaded", wanted - seen.loaded.keys()),
        *_some("rows were loaded twice", (row for row, number in seen.loaded.items() if number > 1)),
    ]


def every_event_is_published(seen: Evidence) -> list[str]:
    """Nothing is left in the outbox, everything is in its stream, and no record's history has a hole."""
    missing = [one for one in seen.log if not seen.streams.get(one.source, Counter())[one.id]]
    versions: dict[tuple[str, str, str], list[int]] = {}
    for one in seen.log:
        versions.setdefault((one.source, one.type.partition(".")[0], one.aggregate), []).append(one.version)
    holes = [
        f"{kind} {key}" for (_, kind, key), found in versions.items()
        if sorted(found) != list(range(min(found), min(found) + len(found)))
    ]  # fmt: skip
    return [
        *_some("events were never published", (_named(one) for one in seen.log if not one.published)),
        *_some("events are in no stream", map(_named, missing)),
        *_some("records have holes or doubles in their versions", holes),
    ]


def every_event_takes_effect_once(seen: Evidence) -> list[str]:
    """Each reader has each of its events in its inbox; the timeline, which shows every effect, has each once."""
    lost = []
    set_aside = {(one.service, one.consumer, one.event) for one in seen.letters}
    for reader in seen.readers:
        inbox = seen.inboxes.get(reader.service, set())
        for event in seen.log:
            known = (reader.consumer, event.id) in inbox
            if not known and reader.reads(event) and (reader.service, reader.consumer, event.id) not in set_aside:  # fmt: skip
                lost.append(f"{reader.service}/{reader.consumer} never had {_named(event)}")
    named = {one.id for one in seen.log if one.party and one.source != "identity"}
    return [
        *_some("events were lost on the way", lost),
        *_some("events stand in the timeline twice", (key for key, n in seen.timeline.items() if n > 1)),
        *_some("events are missing in the timeline", named - seen.timeline.keys() - _letters_of(seen)),
    ]


def _letters_of(seen: Evidence) -> set[str]:
    return {one.event for one in seen.letters}


def _named(event: Logged) -> str:
    return f"{event.type} v{event.version} of {event.aggregate[:13]}"


def nobody_had_to_help(seen: Evidence) -> list[str]:
    """No dead letters but poison, nothing stuck, no answer a caller can do nothing about."""
    own = [one for one in seen.letters if not {one.event, one.aggregate} & (seen.poison_events | seen.poison_aggregates)]  # fmt: skip
    strays = [one for one in own if not one.error.startswith("Unaddressed")]
    return [
        *_some(
            "letters need an operator",
            (f"{one.service}/{one.consumer} {one.state} {one.error[:160]}" for one in strays),
        ),
        *seen.unrest,
        *_some("requests were refused for good", seen.journal.refusals),
    ]


def ledgers_balance(seen: Evidence) -> list[str]:
    wrong = []
    for one in seen.books:
        if len({Decimal(one.ledger), Decimal(one.open_items), Decimal(one.statement)}) > 1:
            wrong.append(f"{one.customer}: ledger {one.ledger}, open items {one.open_items}, statement {one.statement}")  # fmt: skip
        if one.invoices > one.orders:
            wrong.append(f"{one.customer}: {one.invoices} invoices for {one.orders} orders")
    paid = Counter(seen.journal.payments.values())
    counted = {one.customer: one.payments for one in seen.books}
    twice = [
        f"{key} {counted.get(key, 0)} instead of {n}" for key, n in paid.items() if counted.get(key, 0) > n
    ]
    return [
        *_some("accounts do not add up", wrong),
        *_some("payments were booked more often than made", twice),
        *_some("movements of points do not add up to zero", seen.unbalanced),
        *_points(seen),
    ]


def _points(seen: Evidence) -> list[str]:
    wrong = []
    accounts = {one.customer: one for one in seen.accounts}
    for one in seen.books:
        due = int(Decimal(one.paid)) // AMOUNT_PER_POINT
        account = accounts.get(one.customer)
        if account is None:
            if due:
                wrong.append(f"{one.customer} has no account, {due} due")
        elif {account.balance, account.moved} != {due} or account.movements != one.payments:
            wrong.append(f"{one.customer}: balance {account.balance}, movements {account.moved} in {account.movements}, due {due} for {one.payments}")  # fmt: skip
    return _some("accounts of points are wrong", wrong)


def no_mail_goes_out_twice(seen: Evidence) -> list[str]:
    """The server's own record decides. Of an uncertain message it may hold one or none, never two."""
    held = Counter(one.message_id for one in seen.mail if one.end in (TAKEN, DROPPED))
    return _some("mails went out twice", (f"{key} x{n}" for key, n in held.items() if n > 1))


def every_mail_is_accounted_for(seen: Evidence) -> list[str]:
    """One message for each payment and for each member of each campaign, and its state is what the server said."""
    ends: dict[str, list[str]] = {}
    for one in seen.mail:
        ends.setdefault(one.message_id, []).append(one.end)
    wrong = []
    for mailing in seen.mailings:
        told = ends.get(mailing.message_id, []) if mailing.message_id else []
        withheld = mailing.state == "suppressed" and not told and not _drilled(seen, mailing)
        if withheld:  # by journeys that Taproot comes with, for want of a consent
            continue
        if mailing.state not in SETTLED or not _agrees(mailing.state, told):
            wrong.append(f"{mailing.id} is {mailing.state} ({mailing.reason}), the server says {told}")
    written = Counter(one.customer for one in seen.mailings if one.cause == RECEIPT)
    due = Counter(one.party for one in seen.events("sales", "payment.received"))
    counts = [f"{key}: {written[key]} for {due[key]} payments" for key in written.keys() | due.keys() if written[key] != due[key]]  # fmt: skip
    strange = ends.keys() - {one.message_id for one in seen.mailings}
    return [
        *_some("mails are not what the server says", wrong),
        *_some("customers got another number of mails than payments were made", counts),
        *_some("members did not get one mail of a campaign", _campaigns(seen)),
        *_some("mails came that no ledger knows", strange),
    ]


def _drilled(seen: Evidence, mailing: Mailing) -> bool:
    return mailing.cause == RECEIPT or mailing.cause in seen.journal.campaigns


def _campaigns(seen: Evidence) -> list[str]:
    written = Counter((one.cause, one.customer) for one in seen.mailings)
    return [
        f"{member}: {written[campaign, member]} of {campaign}"
        for campaign in seen.journal.campaigns
        for member in seen.journal.club
        if written[campaign, member] != 1
    ]


def _agrees(state: str, told: list[str]) -> bool:
    final = [end for end in told if end != DEFERRED]
    if state == "sent":
        return final == [TAKEN]
    if state == "bounced":
        return final == [REFUSED]
    return len(final) <= 1  # uncertain


def promises_fall_due_once_and_in_time(seen: Evidence) -> list[str]:
    """Each SLA clock announced what was due on it, once, within `on_time` seconds of being served at all."""
    announced: dict[tuple[str, str], list[float]] = {}
    for kind in ("warning", "breached"):
        for event in seen.events("servicedesk", f"sla.{kind}"):
            announced.setdefault((kind, event.aggregate), []).append(event.time)
    wrong = []
    for one in seen.promises:
        for kind, at in (("warning", one.warning), ("breached", one.due)):
            wrong += _late(seen, one, kind, at, announced.get((kind, one.id), []))
    answered = {ticket for ticket, state in seen.journal.tickets.items() if state == "answered"}
    running = [
        one.ticket
        for one in seen.promises
        if one.ticket in answered and (one.metric, one.state) == ("first_response", "running")
    ]
    return [
        *_some("SLA transitions are wrong", wrong),
        *_some("answered tickets whose clock still runs", running),
    ]


def _late(seen: Evidence, one: Promise, kind: str, at: float | None, times: list[float]) -> list[str]:
    due = at is not None and (one.stopped or seen.end) > at
    if len(times) > 1:
        return [f"{kind} of {one.ticket} came {len(times)} times"]
    if not due or at is None:
        return (
            [f"{kind} of {one.ticket} came without reason"] if times and not _jumped(seen, times[0]) else []
        )
    allowed = at + seen.on_time
    if not times:
        # Stopped in the moment it fell due: whoever comes first decides.
        missed = one.stopped is None and seen.end > allowed + _unserved(seen, at, seen.end)
        return [f"{kind} of {one.ticket} never came"] if missed else []
    late = times[0] - allowed - _unserved(seen, at, times[0])
    return [f"{kind} of {one.ticket} came {times[0] - at:.1f} s late"] if late > 0 else []


def _unserved(seen: Evidence, start: float, end: float) -> float:
    overlaps = (
        min(gap.end, end) - max(gap.start, start)
        for gap in (*seen.gaps, *seen.jumps)
        if gap.service == "servicedesk"
    )
    return sum(max(0.0, one) for one in overlaps)


def _jumped(seen: Evidence, at: float) -> bool:
    """Whether the service desk's clock was off then."""
    return any(jump.service == "servicedesk" and jump.start <= at <= jump.end for jump in seen.jumps)


def webhooks_hear_everything(seen: Evidence) -> list[str]:
    """At least once, as promised to receivers; which were heard again is in the report."""
    born = {one.id for one in seen.events("customer", "customer.created")}
    waiting = [f"{key} {seen.hooked[key]}" for key in born & seen.hooked.keys() if seen.hooked[key] != "delivered"]  # fmt: skip
    return [
        *_some("events were never handed to the webhook", born - seen.hooked.keys()),
        *_some("webhook deliveries are open", waiting),
        *_some(
            "events were noted as delivered and never heard",
            born & seen.hooked.keys() - seen.heard.keys() - {one.split()[0] for one in waiting},
        ),
    ]


def read_models_equal_their_rebuild(seen: Evidence) -> list[str]:
    wrong = []
    for table in sorted(seen.before.keys() | seen.after.keys()):
        was, now = seen.before.get(table, Counter()), seen.after.get(table, Counter())
        if was != now:
            only, extra = was - now, now - was
            wrong.append(
                f"{table}: {only.total()} rows only before, {extra.total()} only after: {_unlike(only, extra)}"
            )
    return _some("read models differ from their rebuild", wrong)


def _unlike(only: Counter[str], extra: Counter[str]) -> str:
    """What is different in one of the rows: the columns, where the same row is on both sides."""
    before, after = (sorted(rows)[:1] for rows in (only, extra))
    if not (before and after):
        return (before or after)[0][:SAMPLE]
    try:
        was, now = json.loads(before[0]), json.loads(after[0])
    except ValueError:
        return f"{before[0][:SAMPLE]} / {after[0][:SAMPLE]}"
    return "; ".join(f"{key} {was[key]!r} / {now.get(key)!r}" for key in was if was[key] != now.get(key))[
        :SAMPLE
    ]


INVARIANTS: tuple[Callable[[Evidence], list[str]], ...] = (
    every_acknowledged_write_is_there,
    imports_end_and_load_each_row_once,
    every_event_is_published,
    every_event_takes_effect_once,
    nobody_had_to_help,
    ledgers_balance,
    no_mail_goes_out_twice,
    every_mail_is_accounted_for,
    promises_fall_due_once_and_in_time,
    webhooks_hear_everything,
    read_models_equal_their_rebuild,
)


def judge(seen: Evidence) -> dict[str, list[str]]:
    """Name of each invariant -> what is wrong."""
    return {check.__name__: check(seen) for check in INVARIANTS}
