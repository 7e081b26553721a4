"""The shared libraries stay thin and know no word of the business."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

LIBRARIES = Path(__file__).parents[2]
SHARED = ("audit", "base", "chassis", "custom", "listing", "records", "storage", "testkit")
LINES = 3500
WORDS = re.compile(
    r"\b(customers?|contacts?|leads?|opportunity|opportunities|quotes?|invoices?|tickets?|campaigns?|journeys?|segments?|loyalty|entitlements?)\b",
    re.IGNORECASE,
)
ALLOWED = (
    "PARTY_ATTRIBUTE =",  # the name other tools know the span attribute by
    "from taproot.customer.",  # the service that defines the fields of the enterprise's own
    "CUSTOM_FIELDS_FROM =",
)


@pytest.mark.parametrize("library", SHARED)
def test_no_word_of_the_business(library):
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for path in sources(library)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if WORDS.search(line) and not line.startswith(ALLOWED)
    ]
    assert found == []


@pytest.mark.parametrize("library", SHARED)
def test_it_can_be_read_in_an_afternoon(library):
    assert sum(len(path.read_text().splitlines()) for path in sources(library)) <= LINES


def sources(library: str) -> list[Path]:
    return sorted((LIBRARIES / library / "src").rglob("*.py"))
