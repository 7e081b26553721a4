"""What a caller typed, as the keys to look for. Pure: no database, no caller."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from taproot_base.text import MAX_PREFIX
from taproot_customer.matching.names import company_core, has_chinese
from taproot_customer.search import keys as k

NOTHING = ["!"]
"""A key that no record has: an alternative that was not asked for."""
_SYLLABLES = frozenset(
    initial + final
    for initials, finals in (
        ("b p m f d t n l g k h zh ch sh r z c s", "a o e ai ei ao ou an en ang eng u"),
        ("b p m d t n l j q x", "i ie iao ian in ing"),
        ("d t n l g k h zh ch sh r z c s", "uo uan un ui ong"),
        ("j q x", "ia iang iong iu u ue uan un"),
        ("n l", "iu iang v ve ue"),
        ("l", "ia"),
        ("d m", "iu"),
        ("d", "ia"),
        ("g k h zh ch sh", "ua uai uang"),
        ("zh ch sh r z c s", "i"),
        ("y", "a an ang ao e i in ing o ong ou u uan ue un"),
        ("w", "a ai an ang ei en eng o u"),
        ("", "a o e ai ei ao ou an en ang eng er"),
    )
    for initial in (initials.split() or [""])
    for final in finals.split()
)
_STARTED = re.compile(r"(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])[a-z]*|[aoe]")
_VOWELS = frozenset("aoe")
MAX_INITIALS, MAX_LETTERS, WORDS, ALIKE = 8, 36, 3, 4
MOST_WORDS = 8
"""As many words of a note find it; the ranking looks at all of them."""
LONG = 6
"""From so many characters on, half a Chinese name says enough to look by it alone."""


@dataclass(frozen=True)
class Question:
    """`exact`: any of these. The lists of `names`, `notes`: all of one list. `slips`: one of each; or `alike`."""

    exact: Sequence[str]
    names: Sequence[Sequence[str]]
    notes: Sequence[str]
    words: Sequence[str]
    slips: Sequence[Sequence[str]]
    alike: Sequence[Sequence[str]]


def ask(text: str, region: str, *, names: bool, identifiers: bool, notes: bool) -> Question:
    """`names`, `identifiers`, `notes`: whether the caller may read these."""
    words = k.text_terms(text)[:MOST_WORDS] or NOTHING
    exact = [
        *(_whole_names(text) if names else ()),
        *(_whole_identifiers(text, region) if identifiers else ()),
    ]
    parts = [
        _begun(text) if names else NOTHING,
        *(_heard(text) if names else [NOTHING, NOTHING]),
        _initials(text) if names else NOTHING,
        *(_parts_of_identifiers(text, region) if identifiers else [NOTHING, NOTHING]),
    ]
    noted = [k.NOTE + word for word in words] if notes and words is not NOTHING else NOTHING
    slips = _slips(text) if names else [NOTHING] * WORDS
    return Question(
        exact or NOTHING, parts, noted, words, slips, _alike(text) if names else [NOTHING] * ALIKE
    )


def _whole_names(text: str) -> list[str]:
    return [k.WHOLE + each for each in {k.compact(text), k.core_of(text)} if each]


def _begun(text: str) -> list[str]:
    """Every word as far as it is typed."""
    found = {pair[:MAX_PREFIX] for run in k.runs(text) for pair in k.pairs(run)}
    core = {pair[:MAX_PREFIX] for run in k.runs(company_core(text)) for pair in k.pairs(run)}
    return sorted(core & found) or sorted(found) or NOTHING


def _letters(text: str) -> str:
    plain = k.compact(text)
    return plain if plain.isascii() and plain.isalpha() and len(plain) <= MAX_LETTERS else ""


def _heard(text: str) -> list[Sequence[str]]:
    """Pairs of syllables, by both ways to divide `pingan`; the syllable still being typed is left to the ranking."""
    ways: list[Sequence[str]] = []
    for penalty in (1.5, 0.5):
        found = spelled(_letters(text), penalty)
        pairs = [k.SOUND + first + second for first, second in pairwise(found)]
        ways.append(pairs or [k.SOUND + each for each in found] or NOTHING)
    return ways


@lru_cache(maxsize=4096)
def _divided(letters: str, vowel: float, *, first: bool = True) -> tuple[float, tuple[str, ...]] | None:
    """The fewest syllables that spell `letters`; None: none do. `vowel`: how many one counts that begins with it."""
    if not letters:
        return 0.0, ()
    found = []
    for size in range(min(6, len(letters)), 0, -1):
        syllable = letters[:size]
        rest = _divided(letters[size:], vowel, first=False) if syllable in _SYLLABLES else None
        if rest is not None:
            cost = vowel if syllable[0] in _VOWELS and not first else 1.0
            found.append((cost + rest[0], (syllable, *rest[1])))
    return min(found, key=lambda each: each[0], default=None)


def spelled(letters: str, vowel: float = 1.5) -> tuple[str, ...]:
    """Pinyin divided into syllables, without one that is still being typed."""
    for left in range(min(5, len(letters))):
        whole = letters[: len(letters) - left]
        found = _divided(whole, vowel)
        if found is not None and (left == 0 or _STARTED.fullmatch(letters[len(whole) :])):
            return found[1]
    return ()


def _initials(text: str) -> list[str]:
    letters = _letters(text)
    if not 2 <= len(letters) <= MAX_INITIALS:
        return NOTHING
    return [k.INITIALS + first + second for first, second in pairwise(letters)]


def _whole_identifiers(text: str, region: str) -> list[str]:
    found = {k.IDENTIFIER + each for each in (k.squeezed(text), k.bare(text)) if each}
    digits = k.digits_of(text)
    if digits:
        whole, national = k.phone_digits(text, region)
        found |= {k.IDENTIFIER + each for each in (whole, national) if each}
        found |= {k.ENDING + digits} if len(digits) in k.ENDINGS else set()
    return sorted(found)


def _parts_of_identifiers(text: str, region: str) -> list[Sequence[str]]:
    """As typed so far: an address, its domain or a key; a number without its country's code."""
    plain = k.squeezed(text).removeprefix("@")
    begun: Sequence[str] = [k.BEGINNING + plain[: k.MAX_BEGINNING]] if len(plain) >= 3 else NOTHING
    if k.digits_of(text):
        national = k.phone_digits(text, region)[1] or plain
        return [begun, [k.BEGINNING + national[: k.MAX_BEGINNING]]]
    if "." in plain and "@" not in plain:
        return [begun, [k.BEGINNING + plain]]
    bare = k.bare(text)
    return [begun, [k.BEGINNING + bare[: k.MAX_BEGINNING]] if bare != plain else NOTHING]


def _slips(text: str) -> list[Sequence[str]]:
    """The longest words, each right or with a slip; a place that is left over asks for the first once more."""
    words = sorted(k.slip_words(company_core(text)), key=len, reverse=True)[:WORDS]
    groups: list[Sequence[str]] = [sorted(k.left_out(word)) for word in words if len(word) > 2]
    return (groups + [groups[0]] * WORDS)[:WORDS] if groups else [NOTHING] * WORDS


def _alike(text: str) -> list[Sequence[str]]:
    """Chinese that sounds the same, and parts of a long name: one slip leaves the other half as it was.

    One in the legal form leaves the first half of all that was typed.
    """
    core = k.core_of(text)
    if not has_chinese(core) or len(core) < 2:
        return [NOTHING] * ALIKE
    heard = [k.SOUND + first + second for first, second in pairwise(k.syllables(core))]
    if len(core) < LONG:
        return [heard or NOTHING, *[NOTHING] * (ALIKE - 1)]
    half, whole = len(core) // 2, k.compact(text)
    parts = (core[:half], core[half:], whole[: len(whole) // 2])
    return [heard or NOTHING, *(list(_pairs(part)) or NOTHING for part in parts)]


def _pairs(part: str) -> Iterator[str]:
    for run in k.runs(part):
        yield from k.pairs(run)
