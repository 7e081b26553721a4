"""Outcome of comparing two company names whose legal forms and places are already aside."""

from __future__ import annotations

from rapidfuzz.distance import OSA, JaroWinkler

from taproot_customer.matching.names import has_chinese

_ALIKE, _NEAR = 0.9, 0.72
_SHORT = 3


def company_outcome(left: str, left_sound: str, right: str, right_sound: str) -> str:
    if not (left and right):
        return ""
    chinese = has_chinese(left), has_chinese(right)
    if left == right:
        length = len(left.replace(" ", ""))
        return "same, short" if length <= (_SHORT if chinese[0] else _SHORT + 2) else "same"
    if all(chinese):
        return _chinese(left, left_sound, right, right_sound)
    if any(chinese):
        return _across(left_sound, right_sound)
    return _latin(left, right)


def _chinese(left: str, left_sound: str, right: str, right_sound: str) -> str:
    if left_sound == right_sound:
        return "alike"
    shorter, longer = sorted((left, right), key=len)
    if len(shorter) >= 3 and shorter in longer:
        return "part of the other" if len(shorter) * 2 < len(longer) else "alike"
    if len(shorter) >= 5 and OSA.distance(left, right, score_cutoff=1) <= 1:
        return "alike"
    a, b = _bigrams(left), _bigrams(right)
    dice = 2 * len(a & b) / max(1, len(a) + len(b))
    if dice >= 0.7:
        return "near"
    return "abbreviation" if _picked(shorter, longer) else "different"


def _picked(short: str, long: str) -> bool:
    """A short name made of characters of the long one, in order: 中石化 of 中国石油化工."""
    if not 2 <= len(short) <= 4 or short[0] != long[0] or len(long) < 2 * len(short) - 1:
        return False
    rest = iter(long)
    return all(char in rest for char in short)


def _bigrams(text: str) -> frozenset[str]:
    return frozenset(text[i : i + 2] for i in range(len(text) - 1)) or frozenset((text,))


def _across(left_sound: str, right_sound: str) -> str:
    a, b = left_sound.replace(" ", ""), right_sound.replace(" ", "")
    if a == b or (min(len(a), len(b)) >= 8 and OSA.distance(a, b, score_cutoff=1) <= 1):
        return "alike"
    return "part of the other" if min(len(a), len(b)) >= 6 and (a in b or b in a) else "different"


def _latin(left: str, right: str) -> str:
    joined = left.replace(" ", ""), right.replace(" ", "")
    if joined[0] == joined[1]:
        return "same"
    a, b = left.split(), right.split()
    if sorted(a) == sorted(b):
        return "same"
    if _initials(a) == joined[1] or _initials(b) == joined[0]:
        return "abbreviation"
    shorter, longer = (a, b) if len(joined[0]) <= len(joined[1]) else (b, a)
    met = sum(len(word) for word in shorter if _meets(word, longer))
    share = met / sum(map(len, shorter))
    covered = met / sum(map(len, longer))
    if share >= _ALIKE:
        return "alike" if covered >= 0.6 else "part of the other"
    if min(map(len, joined)) >= 6 and OSA.normalized_similarity(*joined) >= 0.88:
        return "alike"
    return "near" if share >= _NEAR or covered >= 0.5 else "different"


def _meets(word: str, others: list[str]) -> bool:
    if word in others:
        return True
    if len(word) < 4:
        return False
    return any(len(other) >= 4 and JaroWinkler.similarity(word, other) >= _ALIKE for other in others)


def _initials(words: list[str]) -> str:
    return "".join(word[0] for word in words) if len(words) > 2 else ""
