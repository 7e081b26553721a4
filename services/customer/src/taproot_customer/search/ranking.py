"""How well a record fits what was typed, and where. Pure; only fields that the caller may read are handed in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from taproot_customer.matching.names import fold, has_chinese
from taproot_customer.search import keys as k
from taproot_customer.search.folding import Folded, Span, excerpt_of, folded, folded_text
from taproot_customer.search.question import LONG

IDENTIFIER, NAME, PART, SOUND, TYPO, TEXT = "identifier", "name", "part", "sound", "typo", "text"
_ENDING, _BEGUN = 60.0, 72.0
_SHORT, _LONG = 3, 8
"""From how many letters on one slip is forgiven, and from how many two."""


@dataclass(frozen=True)
class Hit:
    match: str
    field: str
    score: float
    excerpt: str
    spans: tuple[Span, ...]


class Asked:
    """What was typed, prepared once for all candidates."""

    def __init__(self, text: str, region: str) -> None:
        self.folded = folded(text)
        self.core = k.core_of(text)
        self.words = fold(text).split()
        self.runs = k.runs(text)
        self.said = k.loose_runs(text)
        self.letters = self.folded.text if self.folded.text.isascii() else ""
        self.heard = "".join(k.syllables(self.core)) if has_chinese(self.core) else ""
        self.squeezed, self.bare = k.squeezed(text).removeprefix("@"), k.bare(text)
        self.digits = k.digits_of(text)
        self.phone = k.phone_digits(text, region) if self.digits else ("", "")


def best(hits: Iterator[Hit]) -> Hit | None:
    return max(hits, key=lambda hit: hit.score, default=None)


def identifier_hits(asked: Asked, identifiers: Sequence[Mapping[str, Any]]) -> Iterator[Hit]:
    for identifier in identifiers:
        kind, value = str(identifier.get("kind", "")).lower(), str(identifier.get("value", ""))
        found = _phone(asked, value) if kind == "phone" else _key(asked, value)
        if found is not None:
            yield Hit(IDENTIFIER, "identifiers", found, value, ((0, len(value)),))


def _phone(asked: Asked, value: str) -> float | None:
    whole, national = k.phone_digits(value)
    if not asked.phone[1]:
        return None
    if asked.phone[1] == national or asked.phone[0] == whole:
        return 100.0
    if len(asked.digits) in k.ENDINGS and whole.endswith(asked.digits):
        return _ENDING + len(asked.digits)
    begun = len(asked.digits) >= 4 and (national.startswith(asked.phone[1]) or whole.startswith(asked.digits))
    return _BEGUN if begun else None


def _key(asked: Asked, value: str) -> float | None:
    written = k.squeezed(value)
    forms = {written, k.bare(value), written.partition(":")[2], written.rpartition("@")[2]} - {""}
    if asked.squeezed in {written, k.bare(value), written.partition(":")[2]} or asked.bare == k.bare(value):
        return 100.0
    begun = any(form.startswith((asked.squeezed, asked.bare or "\x00")) for form in forms)
    return _BEGUN if begun and len(asked.squeezed) >= 3 else None


def name_hits(asked: Asked, field: str, name: str) -> Iterator[Hit]:
    """By the writing, else by the sound, else with a slip."""
    shown = folded(name)
    if not shown.text or not asked.folded.text:
        return
    for judge in (_written, _sounds, _slips):
        found = judge(asked, name, shown)
        if found is not None:
            yield replace(found, field=field)
            return


def _written(asked: Asked, name: str, shown: Folded) -> Hit | None:
    sought = asked.folded.text
    if shown.text == sought:
        return Hit(NAME, "", 98.0, name, (shown.span(0, len(sought)),))
    if asked.core and k.core_of(name) == asked.core:
        return Hit(NAME, "", 94.0, name, (shown.span(0, len(shown.text)),))
    at = shown.find(sought)
    if at is not None:
        score = (84.0 if at == 0 else 76.0) + 8 * len(sought) / len(shown.text)
        return Hit(PART, "", score, name, (shown.span(at, at + len(sought)),))
    places = [shown.find(run) for run in asked.runs]
    if asked.runs and None not in places:
        spans = [
            shown.span(at or 0, (at or 0) + len(run)) for at, run in zip(places, asked.runs, strict=True)
        ]
        return Hit(PART, "", 66.0 + 8 * len(sought) / len(shown.text), name, tuple(sorted(set(spans))))
    return None


def _sounds(asked: Asked, name: str, shown: Folded) -> Hit | None:
    """Chinese by letters, or by other characters that sound the same."""
    if not has_chinese(shown.text) or not (asked.letters or asked.heard):
        return None
    return _heard_in(asked, name, shown, shown.text) or _heard_in(asked, name, shown, k.core_of(name))


def _heard_in(asked: Asked, name: str, shown: Folded, part: str) -> Hit | None:
    heard = k.syllables(part)
    at = max(shown.text.find(part), 0)
    if len(heard) != min(len(part), k.MAX_SOUNDS):  # letters among the characters are one piece
        heard = [syllable for char in part[: k.MAX_SOUNDS] for syllable in k.syllables(char)]
    ways: tuple[tuple[str, list[str], float], ...] = (
        (asked.letters, heard, 52.0),
        (asked.letters, [syllable[:1] for syllable in heard], 44.0),
        (asked.heard, heard, 48.0),
    )
    for sought, pieces, score in ways:
        found = _along(sought, pieces)
        if found is not None:
            start, end = found
            whole = start == 0 and end == len(pieces)
            bonus = (6.0 if start == 0 else 0.0) + (6.0 if whole else 0.0)
            return Hit(SOUND, "", score + bonus, name, (shown.span(at + start, at + end),))
    return None


def _along(sought: str, pieces: Sequence[str]) -> tuple[int, int] | None:
    """Which pieces, put together, begin with `sought`."""
    if len(sought) < 2:
        return None
    for start in range(len(pieces)):
        said = ""
        for end in range(start, len(pieces)):
            said += pieces[end]
            if len(said) >= len(sought):
                break
        if said.startswith(sought):
            return start, end + 1
    return None


def _slips(asked: Asked, name: str, shown: Folded) -> Hit | None:
    core = k.core_of(name)
    whole = max(likeness(asked.folded.text, shown.text), likeness(asked.core, core))
    if has_chinese(core):
        whole = max(whole, _within(asked.core, core))
    by_word = _word_by_word(asked.words, fold(name).split()) if not has_chinese(core) else 0.0
    found = max(whole, by_word)
    return Hit(TYPO, "", 20 + 20 * found, name, (shown.span(0, len(shown.text)),)) if found else None


def _within(sought: str, name: str) -> float:
    """A long part of a Chinese name, with slips."""
    if len(sought) < LONG or len(sought) >= len(name):
        return 0.0
    slips = distance(sought, name, anywhere=True)
    return (1 - slips / len(sought)) * 0.9 if slips <= 1 + (len(sought) >= _LONG) else 0.0


def _word_by_word(asked: Sequence[str], stored: Sequence[str]) -> float:
    if not asked or not stored:
        return 0.0
    found = [max(_word(word, other) for other in stored) for word in asked]
    return sum(found) / len(found) * 0.95 if min(found) > 0 else 0.0


def _word(word: str, other: str) -> float:
    return 1.0 if other.startswith(word) else likeness(word, other)


def likeness(one: str, other: str) -> float:
    """1 for the same, less with every slip, 0 when there are more than their length forgives."""
    longest = max(len(one), len(other))
    forgiven = 0 if longest < _SHORT else 1 if longest < _LONG else 2
    if not one or not other or abs(len(one) - len(other)) > forgiven:
        return 0.0
    slips = distance(one, other)
    return 1 - slips / longest if slips <= forgiven else 0.0


def distance(one: str, other: str, *, anywhere: bool = False) -> int:
    """Letters more, less or other, and exchanged neighbours (optimal string alignment).

    `anywhere`: what `other` has before and after is not counted.
    """
    before: list[int] = []
    row = [0] * (len(other) + 1) if anywhere else list(range(len(other) + 1))
    for at, char in enumerate(one, 1):
        before, last, row = row, before, [at]
        for to, against in enumerate(other, 1):
            cost = min(before[to] + 1, row[to - 1] + 1, before[to - 1] + (char != against))
            if last and to > 1 and char == other[to - 2] and one[at - 2] == against:
                cost = min(cost, last[to - 2] + 1)
            row.append(cost)
    return min(row) if anywhere else row[-1]


def text_hits(asked: Asked, field: str, text: str, score: float = 30.0) -> Iterator[Hit]:
    """All words of the query in a text, whole."""
    if not text or not asked.said:
        return
    plain, same = folded_text(text)
    places = [_word_in(run, plain) for run in asked.said]
    if None in places:
        return
    first = min((place for place in places if place is not None), default=0)
    spans = [(at, at + len(run)) for at, run in zip(places, asked.said, strict=True) if at is not None]
    together = 4.0 if len(asked.said) > 1 and " ".join(asked.said) in plain else 0.0
    excerpt, moved = excerpt_of(text if same else plain, first, spans)
    yield Hit(TEXT, field, score + together, excerpt, moved)


def _word_in(run: str, plain: str) -> int | None:
    if k.IS_CJK.match(run):
        at = plain.find(run)
        return None if at < 0 else at
    found = re.search(rf"(?<![^\W_]){re.escape(run)}(?![a-z0-9])", plain)
    return found.start() if found else None
