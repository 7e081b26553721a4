from datetime import timedelta
from uuid import UUID

from taproot_servicedesk.sla.matching import PolicyRule, Step, Target, TicketFacts, fits, promises_for

HOUR = timedelta(hours=1)
FIRST, LAST = Target("first_response", HOUR), Target("resolution", 8 * HOUR)


def rule(number: int, rank: int, *targets: Target, **conditions: frozenset[str]) -> PolicyRule:
    return PolicyRule(UUID(int=number), rank, targets, **conditions)


def test_each_metric_comes_from_the_first_rule_that_states_it() -> None:
    vip = rule(1, 10, FIRST, value_classes=frozenset("A"))
    base = rule(2, 100, Target("first_response", 4 * HOUR), LAST)
    found = promises_for(TicketFacts("incident", "normal", "A"), [base, vip])
    assert found == {"first_response": (vip, FIRST), "resolution": (base, LAST)}
    plain = promises_for(TicketFacts("incident", "normal"), [base, vip])
    assert plain["first_response"][0] is base


def test_equal_ranks_are_decided_by_id() -> None:
    one, two = rule(1, 5, FIRST), rule(2, 5, FIRST)
    assert promises_for(TicketFacts("inquiry", "low"), [two, one])["first_response"][0] is one


def test_conditions_must_all_fit() -> None:
    strict = rule(
        1,
        1,
        FIRST,
        kinds=frozenset({"repair"}),
        priorities=frozenset({"high"}),
        categories=frozenset({"x", "y"}),
    )
    assert fits(strict, TicketFacts("repair", "high", categories=frozenset({"y", "z"})))
    assert not fits(strict, TicketFacts("repair", "high", categories=frozenset({"z"})))
    assert not fits(strict, TicketFacts("repair", "low", categories=frozenset({"y"})))
    assert not fits(strict, TicketFacts("inquiry", "high", categories=frozenset({"y"})))


def test_promise_carries_the_steps() -> None:
    assert Target("resolution", HOUR, 50, (Step(HOUR), Step(2 * HOUR))).promise.escalate_after == (
        HOUR,
        2 * HOUR,
    )
