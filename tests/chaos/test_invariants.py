"""Each invariant is shown a sound run, and one run for each way it can be broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from chaoskit.evidence import Account, Books, Evidence, Letter, Logged, Mailing, Promise, Reader
from chaoskit.gathering import promise_of
from chaoskit.invariants import INVARIANTS, judge
from chaoskit.mail import DEFERRED, DROPPED, REFUSED, TAKEN, Seen
from chaoskit.traffic import Gap, Journal

ANNA = "anna"
BORN = Logged("e1", "customer", "customer.created", ANNA, 1, 100.0, published=True, party=ANNA)
NAMED = replace(BORN, id="e2", type="customer.updated", version=2)
PAID = Logged("e3", "sales", "payment.received", "p1", 1, 110.0, published=True, party=ANNA)
WARNED = Logged("e4", "servicedesk", "sla.warning", "s1", 1, 123.5, published=True, party=ANNA)
BREACHED = replace(WARNED, id="e5", type="sla.breached", version=2, time=127.0)
EVENTS = [BORN, NAMED, PAID, WARNED, BREACHED]


def sound() -> Evidence:
    return Evidence(
        end=300.0,
        journal=Journal(
            customers={ANNA: "Anna B"},
            attempted={ANNA: {"Anna A", "Anna B"}},
            orders={"o1": ANNA},
            payments={"p1": ANNA},
            tickets={"t1": "open", "t2": "answered"},
            imports={"i1": ["K1", "K2"]},
            club=[ANNA],
            campaigns={"c1"},
        ),
        log=[*EVENTS],
        streams={
            "customer": Counter(e1=1, e2=2),
            "sales": Counter(e3=1),
            "servicedesk": Counter(e4=1, e5=1),
        },
        readers=[Reader("marketing", "customers", "customer", ("taproot.customer.customer.*.v1.*",))],
        inboxes={"marketing": {("customers:customer", "e1"), ("customers:customer", "e2")}},
        letters=[Letter("sales", "customers:customer", "poison", "x", "dead", "DecodeError")],
        poison_events={"poison"},
        customers={ANNA: "Anna B"},
        orders={"o1"},
        payments={"p1"},
        tickets={"t1", "t2"},
        imports={"i1": "IMPORT_STATE_SUCCEEDED"},
        loaded=Counter(K1=1, K2=1),
        timeline=Counter(e1=1, e2=1, e3=1, e4=1, e5=1),
        books=[Books(ANNA, "0.00", "0", "0", 1, 1, 1, "100")],
        accounts=[Account(ANNA, 10, 10, 1)],
        promises=[
            Promise("s1", "t1", "running", None, 123.0, 126.0),
            Promise("s2", "t2", "stopped", 121.0, 123.0, 126.0),
        ],
        mailings=[
            Mailing("d1", ANNA, "sent", "<d1>"),
            Mailing("d2", ANNA, "sent", "<d2>", cause="c1"),
            Mailing("d3", ANNA, "suppressed", "<d3@unsent>", "no_consent", cause="welcome"),
        ],
        mail=[
            Seen("<d1>", "a@lives.example", DEFERRED, 111.0),
            Seen("<d1>", "a@lives.example", TAKEN, 113.0),
            Seen("<d2>", "a@club.example", TAKEN, 112.0),
        ],
        hooked={"e1": "delivered"},
        heard=Counter(e1=2),
        before={"marketing.customer_refs": Counter(["a"])},
        after={"marketing.customer_refs": Counter(["a"])},
    )


def test_a_sound_run_has_no_findings() -> None:
    assert judge(sound()) == {check.__name__: [] for check in INVARIANTS}


def _lost_write(seen: Evidence) -> None:
    seen.customers[ANNA] = "Anna A"


def _customer_gone(seen: Evidence) -> None:
    seen.customers.clear()


def _payment_gone(seen: Evidence) -> None:
    seen.payments.clear()


def _import_failed(seen: Evidence) -> None:
    seen.imports["i1"] = "IMPORT_STATE_FAILED"


def _row_twice(seen: Evidence) -> None:
    seen.loaded["K1"] = 2


def _row_lost(seen: Evidence) -> None:
    del seen.loaded["K2"]


def _unpublished(seen: Evidence) -> None:
    seen.log[0] = replace(BORN, published=False)


def _not_in_stream(seen: Evidence) -> None:
    seen.streams["sales"].clear()


def _hole(seen: Evidence) -> None:
    seen.log[1] = replace(NAMED, version=3)


def _not_in_inbox(seen: Evidence) -> None:
    seen.inboxes["marketing"].discard(("customers:customer", "e2"))


def _twice_in_timeline(seen: Evidence) -> None:
    seen.timeline["e3"] = 2


def _not_in_timeline(seen: Evidence) -> None:
    del seen.timeline["e3"]


def _own_dead_letter(seen: Evidence) -> None:
    seen.letters.append(Letter("sales", "customers:customer", "e2", ANNA, "dead", "ValueError"))


def _stuck(seen: Evidence) -> None:
    seen.unrest.append("3 events of sales wait to be published after 150 s of peace")


def _refused(seen: Evidence) -> None:
    seen.journal.refusals.append("POST /v1/orders: 500 INTERNAL")


def _ledger(seen: Evidence) -> None:
    seen.books[0] = replace(seen.books[0], open_items="100")


def _paid_twice(seen: Evidence) -> None:
    seen.books[0] = replace(seen.books[0], payments=2, paid="200")
    seen.accounts[0] = Account(ANNA, 20, 20, 2)


def _points_lost(seen: Evidence) -> None:
    seen.accounts[0] = Account(ANNA, 0, 0, 0)


def _points_twice(seen: Evidence) -> None:
    seen.accounts[0] = Account(ANNA, 20, 20, 2)


def _one_sided(seen: Evidence) -> None:
    seen.unbalanced.append("movement")


def _mailed_twice(seen: Evidence) -> None:
    seen.mailings[0] = replace(seen.mailings[0], state="uncertain")
    seen.mail[0] = replace(seen.mail[0], end=DROPPED)


def _not_mailed(seen: Evidence) -> None:
    seen.mailings.clear()
    seen.mail.clear()


def _claims_to_have_mailed(seen: Evidence) -> None:
    seen.mail[1] = replace(seen.mail[1], end=REFUSED)


def _withheld(seen: Evidence) -> None:
    seen.mailings[0] = replace(seen.mailings[0], state="suppressed", reason="no_address")


def _campaign_left_out(seen: Evidence) -> None:
    seen.mailings[1] = replace(seen.mailings[1], cause="c2")


def _campaign_withheld(seen: Evidence) -> None:
    seen.mailings[1] = replace(seen.mailings[1], state="suppressed")
    del seen.mail[-1]


def _never_breached(seen: Evidence) -> None:
    seen.log.remove(BREACHED)


def _breached_twice(seen: Evidence) -> None:
    seen.log.append(replace(BREACHED, id="e6", version=3))


def _breached_late(seen: Evidence) -> None:
    seen.log[4] = replace(BREACHED, time=140.0)


def _breached_though_answered(seen: Evidence) -> None:
    seen.log.append(replace(BREACHED, aggregate="s2"))


def _clock_still_runs(seen: Evidence) -> None:
    seen.promises[1] = replace(seen.promises[1], state="running")


def _not_heard(seen: Evidence) -> None:
    seen.heard.clear()


def _not_hooked(seen: Evidence) -> None:
    seen.hooked.clear()


def _not_rebuilt(seen: Evidence) -> None:
    seen.after = {"marketing.customer_refs": Counter(["b"])}


BROKEN: tuple[tuple[Callable[[Evidence], None], str], ...] = (
    (_lost_write, "every_acknowledged_write_is_there"),
    (_customer_gone, "every_acknowledged_write_is_there"),
    (_payment_gone, "every_acknowledged_write_is_there"),
    (_import_failed, "imports_end_and_load_each_row_once"),
    (_row_twice, "imports_end_and_load_each_row_once"),
    (_row_lost, "imports_end_and_load_each_row_once"),
    (_unpublished, "every_event_is_published"),
    (_not_in_stream, "every_event_is_published"),
    (_hole, "every_event_is_published"),
    (_not_in_inbox, "every_event_takes_effect_once"),
    (_twice_in_timeline, "every_event_takes_effect_once"),
    (_not_in_timeline, "every_event_takes_effect_once"),
    (_own_dead_letter, "nobody_had_to_help"),
    (_stuck, "nobody_had_to_help"),
    (_refused, "nobody_had_to_help"),
    (_ledger, "ledgers_balance"),
    (_paid_twice, "ledgers_balance"),
    (_points_lost, "ledgers_balance"),
    (_points_twice, "ledgers_balance"),
    (_one_sided, "ledgers_balance"),
    (_mailed_twice, "no_mail_goes_out_twice"),
    (_not_mailed, "every_mail_is_accounted_for"),
    (_claims_to_have_mailed, "every_mail_is_accounted_for"),
    (_withheld, "every_mail_is_accounted_for"),
    (_campaign_left_out, "every_mail_is_accounted_for"),
    (_campaign_withheld, "every_mail_is_accounted_for"),
    (_never_breached, "promises_fall_due_once_and_in_time"),
    (_breached_twice, "promises_fall_due_once_and_in_time"),
    (_breached_late, "promises_fall_due_once_and_in_time"),
    (_breached_though_answered, "promises_fall_due_once_and_in_time"),
    (_clock_still_runs, "promises_fall_due_once_and_in_time"),
    (_not_heard, "webhooks_hear_everything"),
    (_not_hooked, "webhooks_hear_everything"),
    (_not_rebuilt, "read_models_equal_their_rebuild"),
)


@pytest.mark.parametrize(
    ("harm", "guard"), BROKEN, ids=[f"{guard}-{harm.__name__}" for harm, guard in BROKEN]
)
def test_what_is_broken_is_reported(harm: Callable[[Evidence], None], guard: str) -> None:
    seen = sound()
    harm(seen)
    assert judge(seen)[guard]


def test_every_invariant_is_broken_once() -> None:
    assert {guard for _, guard in BROKEN} == {check.__name__ for check in INVARIANTS}


def test_lateness_is_forgiven_for_as_long_as_nobody_was_served() -> None:
    seen = sound()
    _breached_late(seen)
    seen.gaps.append(Gap("servicedesk", 125.0, 131.0))
    assert judge(seen)["promises_fall_due_once_and_in_time"] == []


def test_instants_of_a_clock_that_was_off_are_not_held_against_it() -> None:
    for harm in (_breached_late, _breached_though_answered):
        seen = sound()
        harm(seen)
        seen.jumps.append(Gap("servicedesk", 120.0, 150.0))
        assert judge(seen)["promises_fall_due_once_and_in_time"] == []


def test_an_uncertain_mail_may_have_arrived_or_not() -> None:
    for ends in ([DROPPED], [TAKEN], []):
        seen = sound()
        seen.mailings[0] = replace(seen.mailings[0], state="uncertain")
        seen.mail[:-1] = [Seen("<d1>", "a@lives.example", end, 111.0) for end in ends]
        assert judge(seen)["no_mail_goes_out_twice"] == judge(seen)["every_mail_is_accounted_for"] == []


@pytest.mark.parametrize(("stopped", "wrong"), [(105.0, False), (102.0, True)])
def test_a_stopped_clock_is_judged_by_the_instants_it_had(stopped: float, wrong: bool) -> None:
    row = {"id": "c9", "ticket_id": "t9", "state": "stopped", "metric": "first_response", "stopped": stopped}
    row |= {"warning": None, "due": None, "started": 100.0, "target": 6.0, "warning_percent": 50}
    seen = sound()
    seen.promises = [promise_of(row)]
    seen.log = [Logged("e9", "servicedesk", "sla.warning", "c9", 1, 103.2, published=True)]
    assert bool(judge(seen)["promises_fall_due_once_and_in_time"]) is wrong
