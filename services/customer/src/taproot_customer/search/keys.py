"""What is stored beside a record so that it is found: words as they are, everything else behind a mark.

No word has a mark in it, so one index serves them all, and a search that may not look at identifiers or notes asks
for none of their keys. See ADR 0037.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import phonenumbers

from taproot_base.pinyin import pronounce
from taproot_base.text import MAX_PREFIX, MIN_PREFIX, normalize
from taproot_customer.matching import identifiers as forms
from taproot_customer.matching.names import company_core, fold, has_chinese

WHOLE, SOUND, INITIALS, SLIP, IDENTIFIER, BEGINNING, ENDING, NOTE = "=", "~", "^", "-", "#", "@", "*", ":"
ENDINGS = (4, 7, 8)
MAX_BEGINNING, MAX_NOTE_WORDS, MAX_SOUNDS = 12, 800, 16
MIN_SLIP, MAX_SLIP, MAX_SLIP_CHINESE, MAX_SLIP_WORDS = 3, 14, 8, 6
_BLANKS = re.compile(r"\s+")
_EXTENSION = re.compile(r"\s*(?:转|分机|ext\.?|extension|x)\s*[.:]?\s*\d{1,6}$")
_PHONE_LIKE = re.compile(r"[+(]*\d[\d()/.\-+]*")
_NOT_DIGIT = re.compile(r"\D")
_NOT_WORD = re.compile(r"[\W_]+")


def record_keys(
    names: Sequence[str], identifiers: Iterable[Mapping[str, Any]] = (), notes: Sequence[str] = ()
) -> list[str]:
    """Of a record with names, such as a customer."""
    return [*name_keys(*names), *identifier_keys(identifiers), *note_keys(*notes)]


def name_keys(*names: str) -> list[str]:
    found: set[str] = set()
    for name in {each for each in names if each}:
        core = company_core(name)
        found.update(_word_keys(name))
        found.update(pair for run in runs(core) for pair in pairs(run))
        found.update(WHOLE + each for each in (compact(name), core.replace(" ", "")) if each)
        found.update(slip_keys(core))
        if has_chinese(core):
            found.update(_sound_keys(_heard(name, core.replace(" ", ""))))
    return sorted(found)


def _word_keys(name: str) -> Iterator[str]:
    """Words with their beginnings; characters of Chinese and their pairs."""
    for run in runs(name):
        if IS_CJK.match(run):
            yield from run
            yield from pairs(run)
        else:
            yield run
            yield from (run[:end] for end in range(MIN_PREFIX, min(len(run), MAX_PREFIX) + 1))


def _heard(name: str, core: str) -> list[str]:
    """The syllables of `core`, cut out of those of the name, which are known from ordering by it."""
    at, plain = compact(name).find(core), normalize(name)
    if at < 0 or not all(map(IS_CJK.match, plain)):
        return syllables(core)
    spoken = [syllable.rstrip("012345") for syllable in pronounce(plain)]
    return spoken[at : at + min(len(core), MAX_SOUNDS)] if len(spoken) == len(plain) else syllables(core)


def _sound_keys(heard: Sequence[str]) -> list[str]:
    keys = [SOUND + first + second for first, second in pairwise(heard)]
    keys += [INITIALS + first[0] + second[0] for first, second in pairwise(heard)]
    return [*keys, *(SOUND + each for each in heard[:1])]


def syllables(text: str) -> list[str]:
    return [each.casefold() for each in pronounce(text[:MAX_SOUNDS], tones=False) if each.strip()]


def compact(text: str) -> str:
    """Nothing but folded letters and digits: what two writings of one name share."""
    return fold(text).replace(" ", "")


def core_of(name: str) -> str:
    return company_core(name).replace(" ", "")


def slip_keys(core: str) -> set[str]:
    """Each word, and a short Chinese name, as it is and with any one character left out.

    Two words one slip apart, be it a letter more, less, other or exchanged with the next, share one of these.
    """
    found: set[str] = set()
    for word in slip_words(core)[:MAX_SLIP_WORDS]:
        found.update(left_out(word))
    return found


def slip_words(core: str) -> list[str]:
    if has_chinese(core):
        tight = core.replace(" ", "")
        return [tight] if 2 <= len(tight) <= MAX_SLIP_CHINESE else []
    return [word[:MAX_SLIP] for word in core.split() if len(word) >= MIN_SLIP]


def left_out(word: str) -> set[str]:
    enough = 2 if IS_CJK.match(word) else 3
    shorter = (word[:at] + word[at + 1 :] for at in range(len(word))) if len(word) > enough else ()
    return {SLIP + word, *(SLIP + each for each in shorter)}


def identifier_keys(identifiers: Iterable[Mapping[str, Any]]) -> list[str]:
    found: set[str] = set()
    for identifier in identifiers:
        kind, value = str(identifier.get("kind", "")).lower(), str(identifier.get("value", ""))
        found.update(_phone_keys(value) if kind == "phone" else _other_keys(kind, value))
    return sorted(found)


def _phone_keys(value: str) -> set[str]:
    whole, national = phone_digits(value)
    found = {IDENTIFIER + whole, IDENTIFIER + national} | {ENDING + whole[-size:] for size in ENDINGS}
    return found | beginnings(national, 4)


def phone_digits(value: str, region: str = forms.DEFAULT_REGION) -> tuple[str, str]:
    """With the country's code and without; both as written when it cannot be a number."""
    line = without_extension(value)
    try:
        normal = forms.base_phone(forms.normal_phone(line, region))
    except forms.InvalidIdentifier:
        digits = _NOT_DIGIT.sub("", line).lstrip("0")
        return digits, digits
    return normal.lstrip("+"), str(phonenumbers.parse(normal).national_number)


def without_extension(text: str) -> str:
    return _EXTENSION.sub("", unicodedata.normalize("NFKC", text).casefold().strip())


def digits_of(text: str) -> str:
    """Of what may be a telephone number; empty for other texts."""
    plain = _BLANKS.sub("", without_extension(text))
    return _NOT_DIGIT.sub("", plain) if _PHONE_LIKE.fullmatch(plain) else ""


def _other_keys(kind: str, value: str) -> set[str]:
    wholes = {squeezed(value)}
    if kind == "tax_number":
        wholes = {bare(value)}
    elif kind == "external":
        wholes |= {squeezed(value.partition(":")[2])}
    elif kind == "email":
        domain = squeezed(value).rpartition("@")[2]
        return {IDENTIFIER + squeezed(value), BEGINNING + domain} | beginnings(squeezed(value), 3)
    found = {IDENTIFIER + whole for whole in wholes}
    return found.union(*(beginnings(whole, 3) for whole in wholes))


def squeezed(text: str) -> str:
    return _BLANKS.sub("", unicodedata.normalize("NFKC", text).casefold().replace("\0", ""))


def bare(text: str) -> str:
    return _NOT_WORD.sub("", squeezed(text))


def beginnings(text: str, least: int) -> set[str]:
    return {BEGINNING + text[:end] for end in range(least, min(len(text), MAX_BEGINNING) + 1)}


def note_keys(*texts: str) -> list[str]:
    return [NOTE + word for word in text_words(*texts)]


def text_words(*texts: str) -> list[str]:
    """Whole words and pairs of Chinese characters, of long texts the first ones."""
    found: dict[str, None] = {}
    for text in texts:
        for run in runs(text):
            found.update(dict.fromkeys(pairs(run)))
            if len(found) >= MAX_NOTE_WORDS:
                return sorted(found)[:MAX_NOTE_WORDS]
    return sorted(found)


_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af"
_TIGHT = re.compile(f"(?<=[{_CJK}])\\s+(?=[{_CJK}])")
_RUNS = re.compile(f"[{_CJK}]+|[^\\W_{_CJK}]+")
IS_CJK = re.compile(f"[{_CJK}]")


def runs(text: str) -> list[str]:
    """Words and stretches of Chinese; blanks within Chinese do not separate."""
    return _RUNS.findall(_TIGHT.sub("", fold(text)))


def loose_runs(text: str) -> list[str]:
    """Of a question for words of a text, where a blank means that they need not stand together."""
    return [run for part in text.split() for run in runs(part)]


def text_terms(text: str) -> list[str]:
    return list(dict.fromkeys(pair for run in loose_runs(text) for pair in pairs(run)))


def pairs(run: str) -> list[str]:
    if not IS_CJK.match(run):
        return [run[:64]]
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]
