"""How much each agreement or contradiction weighs: the one default configuration.

Fellegi and Sunter (1969): an outcome of a comparison weighs log2(m / u), where m is how often it is seen among
records of one customer and u how often among records of different customers that share a blocking key.
The figures are round on purpose; they are not fitted to any one data set (docs/adr/0011).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

Table = Mapping[str, tuple[float, float]]
_SMALL = 10_000

_PERSON: dict[str, Table] = {
    "given name": {
        "same": (0.75, 0.009),
        "same, Chinese": (0.9, 0.003),
        "same, one Chinese character": (0.9, 0.015),
        "alike": (0.15, 0.0055),
        "initial": (0.02, 0.008),
        "near": (0.04, 0.02),
        "different": (0.016, 0.95),
    },
    "family name": {
        "same": (0.8, 0.005),
        "same, Chinese": (0.93, 0.045),
        "alike": (0.12, 0.004),
        "near": (0.03, 0.012),
        "different": (0.04, 0.95),
        "different, Chinese": (0.008, 0.95),
    },
    "whole name": {"swapped": (0.35, 1.0)},
    "birth date": {
        "same": (0.85, 0.0004),
        "day and month swapped": (0.03, 0.0003),
        "one slip": (0.07, 0.0015),
        "two slips": (0.03, 0.012),
        "close": (0.03, 0.04),
        "different": (0.02, 0.94),
    },
}
_COMPANY: dict[str, Table] = {
    "company name": {
        "same": (0.6, 0.00005),
        "same, short": (0.6, 0.0001),
        "same but for the place": (0.3, 0.0002),
        "same, another place": (0.02, 0.004),
        "alike": (0.2, 0.0006),
        "part of the other": (0.1, 0.0012),
        "abbreviation": (0.1, 0.0015),
        "near": (0.1, 0.015),
        "different": (0.03, 0.9),
    },
    "e-mail domain": {"same": (0.5, 0.015)},
}
_COMMON: dict[str, Table] = {
    "phone": {
        "same": (0.7, 0.0012),
        "same local number": (0.7, 0.003),
        "one slip": (0.06, 0.001),
        "different": (0.3, 0.99),
    },
    "e-mail": {
        "same": (0.75, 0.0004),
        "same, of an office": (0.7, 0.004),
        "one slip": (0.1, 0.0005),
        "same mailbox elsewhere": (0.1, 0.0015),
        "different": (0.3, 0.99),
    },
    "number": {"same": (0.95, 2.0**-25), "one slip": (0.04, 2.0**-16), "different": (0.01, 0.99)},
    "postal code": {"same": (0.85, 0.02), "one slip": (0.08, 0.012), "different": (0.15, 0.93)},
    "city": {"same": (0.85, 0.06), "alike": (0.1, 0.01), "different": (0.2, 0.8)},
    "region": {"same": (0.9, 0.3), "different": (0.3, 0.7)},
    "street": {
        "same": (0.6, 0.0008),
        "alike": (0.2, 0.0008),
        "same number elsewhere": (0.1, 0.04),
        "other number": (0.15, 0.03),
        "part": (0.08, 0.02),
        "different": (0.12, 0.93),
    },
}


@dataclass(frozen=True)
class Model:
    """Weights in bits by field and outcome, and what stands for the prior odds."""

    weights: Mapping[str, Mapping[str, float]]
    prior: float = -10.0
    household_limit: float = 6.0
    """What family name, phone and address may prove together about persons with different given names:
    who lives under one roof agrees in all of them."""
    twin_limit: float = 9.0
    """The same when they were born on one day: twins, or a given name gone wrong."""
    place_limit: float = 14.0
    """What all parts of one address may prove together; they depend on each other."""
    vetoes: frozenset[tuple[str, str]] = field(
        default=frozenset(
            {
                ("number", "different"),
                ("given name", "different"),
                ("family name", "different"),
                ("family name", "different, Chinese"),
                ("birth date", "different"),
            }
        )
    )
    """Contradictions that always leave the decision to a person."""

    def among(self, population: int) -> Model:
        """For an enterprise with so many customers: the more there are, the more agree by chance."""
        crowd = math.log2(max(1.0, population / _SMALL))
        return replace(self, prior=self.prior - crowd)

    def seeing(self, chances: Mapping[tuple[str, str], float]) -> Model:
        """Where agreement is seen more often among strangers than supposed, it weighs less: in an enterprise of
        one city the city says nothing. `chances`: share of strangers by field and outcome.
        """
        weights = {name: dict(outcomes) for name, outcomes in self.weights.items()}
        for (name, outcome), chance in chances.items():
            likely = _TABLES[name][outcome][0]
            weights[name][outcome] = min(weights[name][outcome], math.log2(likely / chance))
        return replace(self, weights=weights)


def weigh(*tables: Mapping[str, Table]) -> dict[str, dict[str, float]]:
    """Bits from (m, u)."""
    return {
        name: {outcome: math.log2(m / u) for outcome, (m, u) in table.items()}
        for part in tables
        for name, table in part.items()
    }


_TABLES = {**_PERSON, **_COMPANY, **_COMMON}
DEFAULT = Model(weigh(_TABLES))
