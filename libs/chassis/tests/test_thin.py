"""The chassis stays a chassis: no word of the business in it, no file too long."""

from __future__ import annotations

import re
from pathlib import Path

import taproot_chassis

SOURCE = Path(taproot_chassis.__file__).parent
WORDS = re.compile(
    r"\b(customers?|contacts?|leads?|opportunity|opportunities|quotes?|invoices?|tickets?|campaigns?|journeys?|segments?|loyalty|entitlements?)\b",
    re.IGNORECASE,
)
ALLOWED = "PARTY_ATTRIBUTE ="  # the name other tools know the span attribute by


def test_no_word_of_the_business():
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for path in SOURCE.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if WORDS.search(line) and not line.startswith(ALLOWED)
    ]
    assert found == []


def test_no_file_over_400_lines():
    long = [path.name for path in SOURCE.rglob("*.py") if len(path.read_text().splitlines()) > 400]
    assert long == []
