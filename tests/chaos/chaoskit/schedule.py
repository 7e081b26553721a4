"""Which fault comes when: a pure function of the seed, so that a failure can be played again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

SERVICES = ("customer", "sales", "servicedesk", "marketing", "gateway")
PEERS = {"customer": "customer", "sales": "sales", "servicedesk": "servicedesk", "marketing": "marketing", "gateway": "identity"}  # fmt: skip
STREAMS = ("customer", "sales", "servicedesk", "marketing", "identity")
SERVERS = ("nats", "postgres")
LINKS = (
    *(f"{service}>postgres" for service in SERVICES),
    *(f"{service}>nats" for service in SERVICES),
    *(f"gateway>{peer}" for peer in PEERS.values()),
    "sales>customer",
    "servicedesk>customer",
    "marketing>smtp",
)
POISONS = ("headless", "unreadable", "unknown", "violating", "crooked")
MAIL_FAULTS = ("slow", "defer", "refuse", "drop")
FIRST, LAST = 3.0, 4.0
"""Seconds of peace at the beginning and at the end."""


@dataclass(frozen=True)
class Fault:
    """`at`: seconds after the start. `seconds`: how long it lasts; 0 for what happens at once."""

    at: float
    kind: str
    target: str
    seconds: float = 0.0
    detail: str = ""

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:6.1f} s  {self.kind} {self.target}{lasting} {self.detail}".rstrip()

    def record(self) -> dict[str, Any]:
        return asdict(self)


Draw = Callable[[Random, float], Fault]


def _kill(random: Random, at: float) -> Fault:
    return Fault(at, "kill", random.choice((*SERVICES, *SERVICES, *SERVERS)))


def _kill_backend(_random: Random, at: float) -> Fault:
    return Fault(at, "kill-backend", "postgres")


def _freeze(random: Random, at: float) -> Fault:
    return Fault(at, "freeze", random.choice((*SERVICES, *SERVERS)), round(random.uniform(1, 6), 1))


def _restart(random: Random, at: float) -> Fault:
    if random.random() < 0.4:
        return Fault(at, "restart", "nats")
    return Fault(at, "restart", "postgres", detail=random.choice(("fast", "immediate")))


def _slow_link(random: Random, at: float) -> Fault:
    delay = random.choice(("0.05", "0.2", "0.6"))
    return Fault(at, "slow-link", random.choice(LINKS), round(random.uniform(2, 7), 1), delay)


def _cut_link(random: Random, at: float) -> Fault:
    return Fault(at, "cut-link", random.choice(LINKS), round(random.uniform(0.5, 5), 1))


def _stall_link(random: Random, at: float) -> Fault:
    """Nothing arrives and nobody says so: what a broken switch looks like."""
    return Fault(at, "stall-link", random.choice(LINKS), round(random.uniform(1, 8), 1))


def _repeat(random: Random, at: float) -> Fault:
    order = random.choice(("in-order", "reversed"))
    return Fault(at, "repeat", random.choice(STREAMS), round(random.uniform(2, 5), 1), order)


def _overtake(random: Random, at: float) -> Fault:
    """The readers are held, the newest messages are taken out of the stream and come again in another order."""
    return Fault(at, "overtake", random.choice(STREAMS[:4]), round(random.uniform(1, 4), 1))


def _poison(random: Random, at: float) -> Fault:
    return Fault(
        at, "poison", random.choice(STREAMS[:4]), round(random.uniform(2, 5), 1), random.choice(POISONS)
    )


def _mail(random: Random, at: float) -> Fault:
    return Fault(at, "mail", random.choice(MAIL_FAULTS), round(random.uniform(3, 8), 1))


def _exhaust(random: Random, at: float) -> Fault:
    return Fault(
        at, "exhaust", random.choice(("postgres", "postgres", "gateway")), round(random.uniform(2, 5), 1)
    )


def _clock(random: Random, at: float) -> Fault:
    """Off by so many seconds, and right again at once. A journey lets in what happened after its activation, so the
    clock that says when payments happened is not put back.
    """
    target = random.choice(SERVICES)
    jumps = ("+8", "+30") if target == "sales" else ("-30", "-8", "+8", "+30")
    return Fault(at, "clock", target, round(random.uniform(3, 8), 1), random.choice(jumps))


def _full_disk(random: Random, at: float) -> Fault:
    return Fault(at, "full-disk", "everything", round(random.uniform(2, 6), 1))


def _burst(_random: Random, at: float) -> Fault:
    return Fault(at, "burst", "gateway")


DRAWS: Sequence[tuple[Draw, int]] = (
    (_kill, 5),
    (_kill_backend, 2),
    (_freeze, 3),
    (_restart, 2),
    (_slow_link, 3),
    (_cut_link, 3),
    (_stall_link, 2),
    (_repeat, 2),
    (_overtake, 2),
    (_poison, 2),
    (_mail, 3),
    (_exhaust, 2),
    (_burst, 2),
    (_clock, 3),
    (_full_disk, 2),
)
KINDS = ("kill", "kill-backend", "freeze", "restart", "slow-link", "cut-link", "stall-link", "repeat", "overtake", "poison", "mail", "exhaust", "burst", "clock", "full-disk")  # fmt: skip


def plan(seed: int, seconds: float, *, pause: float = 2.5, kinds: Sequence[str] = KINDS) -> list[Fault]:
    """Faults of a run of that length, on average one every `pause` seconds. They may overlap."""
    random = Random(seed)
    at, found = FIRST, list[Fault]()
    deck = _shuffled(random, kinds)
    while at < seconds - LAST:
        if not deck:
            deck = _shuffled(random, kinds)
        found.append(deck.pop()(random, round(at, 2)))
        at += random.uniform(0.4, 1.6) * pause
    return found


def _shuffled(random: Random, kinds: Sequence[str]) -> list[Draw]:
    """A deck rather than dice: even a short run meets most kinds."""
    named = zip(KINDS, DRAWS, strict=True)
    deck = [draw for kind, (draw, weight) in named if kind in kinds for _ in range(weight)]
    random.shuffle(deck)
    return deck
