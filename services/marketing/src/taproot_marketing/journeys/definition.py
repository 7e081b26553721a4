"""A journey's definition: read from its stored form, checked as a whole, followed step by step. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from taproot_base.errors import InvalidArgument, Violation

END = "end"
DEFAULT_HOUR = 9
DEFAULT_GRACE_DAYS = 7
OWN_EVENTS = frozenset({"journey", "journey_run", "delivery", "loyalty_account"})
MAX_WAIT = timedelta(days=3650)
FilterCheck = Callable[[str], str]
"""What is wrong with a filter; empty when nothing is."""


@dataclass(frozen=True, slots=True)
class Send:
    template_id: UUID


@dataclass(frozen=True, slots=True)
class Wait:
    """Exactly one is set."""

    seconds: int | None = None
    date: date | None = None
    days_before_end: int | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    filter: str
    then_step: str = ""
    else_step: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    title: str
    note: str = ""
    due_days: int = 0
    assignee_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Points:
    program_id: UUID
    points: int
    reason: str = ""


Action = Send | Wait | Branch | Task | Points


@dataclass(frozen=True, slots=True)
class Step:
    key: str
    action: Action | None
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class EventTrigger:
    event_type: str
    filter: str = ""
    once_per_customer: bool = False


@dataclass(frozen=True, slots=True)
class DateTrigger:
    days_before: int
    filter: str = ""
    hour: int = DEFAULT_HOUR
    grace_days: int = DEFAULT_GRACE_DAYS


@dataclass(frozen=True, slots=True)
class SegmentTrigger:
    segment_id: UUID
    include_members: bool = False


Trigger = EventTrigger | DateTrigger | SegmentTrigger


@dataclass(frozen=True, slots=True)
class Definition:
    trigger: Trigger | None
    steps: tuple[Step, ...]

    def step(self, key: str) -> Step | None:
        return next((step for step in self.steps if step.key == key), None)

    @property
    def first(self) -> str:
        return self.steps[0].key if self.steps else ""

    def following(self, key: str) -> str:
        """Key of the step behind in the list; empty behind the last."""
        keys = [step.key for step in self.steps]
        position = keys.index(key) + 1
        return keys[position] if position < len(keys) else ""

    def after(self, step: Step, *, holds: bool = True) -> str:
        """Key of the step that follows; empty: the run ends. `holds` is the answer of a branch."""
        if isinstance(step.action, Branch):
            if not holds:
                return _named(step.action.else_step)
            target = step.action.then_step or step.next_step
        else:
            target = step.next_step
        return _named(target) if target else self.following(step.key)

    def successors(self, step: Step) -> set[str]:
        ways = {self.after(step), self.after(step, holds=False)}
        return {way for way in ways if way}


def _named(target: str) -> str:
    return "" if target == END else target


# ---------------------------------------------------------------- reading


def parse(trigger: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> Definition:
    """From the stored form: proto field names, as JSON."""
    return Definition(_trigger(trigger), tuple(_step(step) for step in steps))


def _trigger(stored: Mapping[str, Any]) -> Trigger | None:
    if event := stored.get("event"):
        return EventTrigger(
            event["event_type"], event.get("filter", ""), event.get("once_per_customer", False)
        )
    if dated := stored.get("date"):
        return DateTrigger(
            dated.get("days_before", 0),
            dated.get("filter", ""),
            dated.get("hour", DEFAULT_HOUR),
            dated.get("grace_days") or DEFAULT_GRACE_DAYS,
        )
    if segment := stored.get("segment"):
        return SegmentTrigger(UUID(segment["segment_id"]), segment.get("include_members", False))
    return None


def _step(stored: Mapping[str, Any]) -> Step:
    return Step(stored.get("key", ""), _action(stored), stored.get("next_step", ""))


def _action(stored: Mapping[str, Any]) -> Action | None:
    readers: dict[str, Callable[[Mapping[str, Any]], Action]] = {
        "send": lambda value: Send(UUID(value["template_id"])),
        "wait": _wait,
        "branch": lambda value: Branch(**value),
        "task": _task,
        "points": lambda value: Points(
            UUID(value["program_id"]), int(value["points"]), value.get("reason", "")
        ),
    }
    return next((read(stored[name]) for name, read in readers.items() if name in stored), None)


def _wait(stored: Mapping[str, Any]) -> Wait:
    if "duration" in stored:
        return Wait(seconds=int(float(stored["duration"].rstrip("s"))))
    if "date" in stored:
        return Wait(date=date.fromisoformat(stored["date"]))
    return Wait(days_before_end=stored.get("days_before_end"))


def _task(stored: Mapping[str, Any]) -> Task:
    assignee = stored.get("assignee_id")
    return Task(
        stored["title"],
        stored.get("note", ""),
        stored.get("due_days", 0),
        UUID(assignee) if assignee else None,
    )


# ---------------------------------------------------------------- checking


def check(trigger: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], fault_of: FilterCheck) -> None:
    """Raises InvalidArgument with every fault of the definition at once."""
    try:
        definition = parse(trigger, steps)
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidArgument([("journey.steps", f"cannot be read: {error}")]) from error
    found = list(faults(definition, fault_of))
    if found:
        raise InvalidArgument(found)


def faults(definition: Definition, fault_of: FilterCheck) -> Iterator[Violation]:
    if isinstance(definition.trigger, EventTrigger | DateTrigger) and definition.trigger.filter:
        fault = fault_of(definition.trigger.filter)
        if fault:
            kind = "event" if isinstance(definition.trigger, EventTrigger) else "date"
            yield Violation(f"journey.trigger.{kind}.filter", fault)
    yield from _loop_faults(definition)
    keys = [step.key for step in definition.steps]
    for index, step in enumerate(definition.steps):
        path = f"journey.steps[{index}]"
        if step.key in keys[:index] or step.key == END:
            yield Violation(f"{path}.key", "is taken")
        yield from _step_faults(path, step, set(keys), fault_of)
    if len(set(keys)) == len(keys) and not _dangling(definition):
        yield from _path_faults(definition)


def _loop_faults(definition: Definition) -> Iterator[Violation]:
    """A journey that listens to what journeys raise would feed itself without end."""
    trigger = definition.trigger
    if not isinstance(trigger, EventTrigger) or trigger.once_per_customer:
        return
    if trigger.event_type.partition(".")[0] in OWN_EVENTS:
        yield Violation("journey.trigger.event.event_type", "is raised by journeys; set once_per_customer")


def _step_faults(path: str, step: Step, keys: set[str], fault_of: FilterCheck) -> Iterator[Violation]:
    action = step.action
    if action is None:
        yield Violation(path, "says nothing to do")
    if step.next_step and step.next_step not in keys | {END}:
        yield Violation(f"{path}.next_step", "is not a step of this journey")
    if isinstance(action, Branch):
        for name, target in (("then_step", action.then_step), ("else_step", action.else_step)):
            if target and target not in keys | {END}:
                yield Violation(f"{path}.branch.{name}", "is not a step of this journey")
        if fault := fault_of(action.filter):
            yield Violation(f"{path}.branch.filter", fault)
    if isinstance(action, Wait):
        yield from _wait_faults(path, action)


def _wait_faults(path: str, wait: Wait) -> Iterator[Violation]:
    if wait == Wait():
        yield Violation(f"{path}.wait", "says not how long")
    if wait.seconds is not None and not 1 <= wait.seconds <= MAX_WAIT.total_seconds():
        yield Violation(f"{path}.wait.duration", "must be between 1 s and 3650 days")


def _dangling(definition: Definition) -> bool:
    keys = {step.key for step in definition.steps}
    return any(definition.successors(step) - keys for step in definition.steps)


def _path_faults(definition: Definition) -> Iterator[Violation]:
    circle = _circle(definition)
    if circle:
        yield Violation("journey.steps", f"go in a circle: {' -> '.join(circle)}")
    reached = _reached(definition)
    for index, step in enumerate(definition.steps):
        if step.key not in reached:
            yield Violation(f"journey.steps[{index}]", "is never reached")


def _reached(definition: Definition) -> set[str]:
    reached: set[str] = set()
    waiting = [definition.first] if definition.steps else []
    while waiting:
        key = waiting.pop()
        step = definition.step(key)
        if key in reached or step is None:
            continue
        reached.add(key)
        waiting += definition.successors(step)
    return reached


def _circle(definition: Definition) -> list[str]:
    """Steps of a circle, or nothing: walks depth first with the way so far."""
    done: set[str] = set()
    stack = [(step.key, [step.key]) for step in reversed(definition.steps)]
    while stack:
        key, way = stack.pop()
        if key in done:
            continue
        step = definition.step(key)
        successors = definition.successors(step) if step else set()
        for successor in successors:
            if successor in way:
                return [*way[way.index(successor) :], successor]
        fresh = [successor for successor in successors if successor not in done]
        if not fresh:
            done.add(key)
            continue
        stack.append((key, way))
        stack += [(successor, [*way, successor]) for successor in fresh]
    return []


# ---------------------------------------------------------------- time


def zone_of(name: str) -> ZoneInfo:
    """The customer's time zone; one we do not know counts as Shanghai's, the default of the product."""
    try:
        return ZoneInfo(name or "Asia/Shanghai")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("Asia/Shanghai")


def wait_until(wait: Wait, now: datetime, end_date: date | None, zone_name: str) -> datetime:
    """When a wait is over; an end that is not known or past does not hold the run."""
    zone = zone_of(zone_name)
    if wait.seconds is not None:
        return now + timedelta(seconds=wait.seconds)
    if wait.date is not None:
        return max(now, datetime.combine(wait.date, time(), zone))
    if end_date is None:
        return now
    return max(now, datetime.combine(end_date - timedelta(days=wait.days_before_end or 0), time(), zone))


def due_days(trigger: DateTrigger, now: datetime) -> tuple[date, date]:
    """First and last end date that may be due somewhere on Earth at `now`, grace included."""
    today = now.date()
    return (
        today + timedelta(days=trigger.days_before - trigger.grace_days - 1),
        today + timedelta(days=trigger.days_before + 1),
    )


def is_due(trigger: DateTrigger, end_date: date, now: datetime, zone_name: str) -> bool:
    """True from the hour of the due day, in the customer's time zone, until the grace has passed."""
    start = datetime.combine(
        end_date - timedelta(days=trigger.days_before), time(trigger.hour), zone_of(zone_name)
    )
    return start <= now < start + timedelta(days=trigger.grace_days + 1)
