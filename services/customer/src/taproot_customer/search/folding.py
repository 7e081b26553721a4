"""Texts in the form they are compared in, with the way back to how they are written."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from taproot_customer.matching.names import fold, has_chinese

Span = tuple[int, int]
BEFORE, EXCERPT = 40, 160


@dataclass(frozen=True)
class Folded:
    """`text` without blanks and marks; `origin`: where each of its characters stands in the writing."""

    text: str
    origin: tuple[int, ...]
    starts: frozenset[int]

    def find(self, sought: str) -> int | None:
        """At the beginning of a word, or anywhere in Chinese."""
        at = self.text.find(sought) if sought else -1
        while at >= 0:
            if at in self.starts or has_chinese(self.text[at]):
                return at
            at = self.text.find(sought, at + 1)
        return None

    def span(self, start: int, end: int) -> Span:
        end = min(end, len(self.origin))
        return (self.origin[start], self.origin[end - 1] + 1) if start < end else (0, 0)


@lru_cache(maxsize=4096)
def _one(char: str) -> str:
    return fold(char).replace(" ", "")


@lru_cache(maxsize=2048)
def folded(text: str) -> Folded:
    chars: list[str] = []
    origin: list[int] = []
    starts: set[int] = set()
    before = ""
    for at, char in enumerate(text):
        plain = _one(char)
        if plain and (not before or has_chinese(before) != has_chinese(plain)):
            starts.add(len(chars))
        combining = not plain and unicodedata.category(char) == "Mn"
        before = before if combining else plain
        chars += plain
        origin += [at] * len(plain)
    return Folded("".join(chars), tuple(origin), frozenset(starts))


def folded_text(text: str) -> tuple[str, bool]:
    """Of a long text; whether its characters stand where they stood."""
    plain = "".join(_one(char) or char for char in text)  # blanks and marks stay in their places
    return plain, len(plain) == len(text)


def excerpt_of(text: str, first: int, spans: list[Span]) -> tuple[str, tuple[Span, ...]]:
    start = max(0, first - BEFORE)
    cut = text[start : start + EXCERPT]
    moved = [(begin - start, min(end - start, len(cut))) for begin, end in spans]
    return cut, tuple(sorted({span for span in moved if 0 <= span[0] < span[1]}))
