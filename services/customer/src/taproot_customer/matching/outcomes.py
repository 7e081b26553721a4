"""Outcomes of comparing two values of one field; `weights` says what each is worth."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from rapidfuzz.distance import OSA, JaroWinkler

from taproot_customer.matching.diminutives import same_given_name
from taproot_customer.matching.names import word_list

_ALIKE, _NEAR = 0.92, 0.84
_CLOSE_DAYS = 400
_OFFICE = frozenset(
    word_list(
        "info sales contact office admin service support mail hello kontakt enquiries marketing hr kefu"
    )
)
FREE_MAIL = frozenset(
    word_list(
        "gmail.com googlemail.com outlook.com hotmail.com live.com yahoo.com icloud.com qq.com "
        "foxmail.com 163.com 126.com sina.com sina.cn sohu.com aliyun.com 139.com 189.cn yeah.net "
        "gmx.de web.de mail.ru aol.com msn.com"
    )
)
_BLUR = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"), ("l", "n"), ("r", "l"), ("h", "f"))


def alikeness(left: str, right: str) -> float:
    """Jaro-Winkler similarity; its greedy matching depends on the order, so the lesser text comes first."""
    return JaroWinkler.similarity(left, right) if left <= right else JaroWinkler.similarity(right, left)


def part_outcome(left: str, left_sound: str, right: str, right_sound: str, *, given: bool) -> str:
    """For one part of a person's name. Empty when either is absent."""
    if not (left and right):
        return ""
    chinese, chinese_right = left != left_sound, right != right_sound
    if left == right:
        if not chinese:
            return "same" if len(left) > 1 else "near"
        return "same, one Chinese character" if given and len(left) == 1 else "same, Chinese"
    if chinese and chinese_right:
        found = _sounds(left_sound, right_sound)
        return found if given or found != "different" else "different, Chinese"
    if chinese or chinese_right:
        left, right = left_sound.replace(" ", ""), right_sound.replace(" ", "")
        return "alike" if left == right else _latin(left, right, given=given, strict=True)
    return _latin(left, right, given=given, strict=False)


def _sounds(left: str, right: str) -> str:
    if left == right:
        return "alike"
    return "near" if _blurred(left) == _blurred(right) else "different"


@lru_cache(maxsize=8192)
def _blurred(sound: str) -> str:
    """Without the differences that southern speakers do not make."""
    for old, new in _BLUR:
        sound = sound.replace(old, new)
    return sound


def _latin(left: str, right: str, *, given: bool, strict: bool) -> str:
    if len(left) == 1 or len(right) == 1:
        return "initial" if given and left[0] == right[0] else "different"
    similarity = alikeness(left, right)
    if similarity >= _ALIKE or _one_slip(left, right):
        return "alike"
    if given and " " in left + right:
        return _several(left, right)
    if given and same_given_name(left, right):
        return "alike"
    if left.replace(" ", "") == right.replace(" ", ""):
        return "alike"
    return "near" if similarity >= _NEAR and not strict else "different"


def _several(left: str, right: str) -> str:
    """One of the given names is often left out or cut to its initial."""
    first, second = left.split(), right.split()
    if first[0] == second[0] or same_given_name(first[0], second[0]):
        return "alike"
    if set(first) & set(second):
        return "near"
    joined = "".join(first), "".join(second)
    return "alike" if joined[0] == joined[1] else "different"


def _one_slip(left: str, right: str) -> bool:
    """One letter wrong, missing, too many or two neighbours exchanged, in a word long enough to tell."""
    shortest = min(len(left), len(right))
    return shortest >= 4 and OSA.distance(left, right, score_cutoff=1) <= 1


def birth_outcome(left: str, right: str) -> str:
    if not (left and right):
        return ""
    if left == right:
        return "same"
    if left[:4] == right[:4] and left[4:6] == right[6:] and left[6:] == right[4:6]:
        return "day and month swapped"
    slips = OSA.distance(left, right, score_cutoff=2)
    if slips == 1:
        return "one slip"
    if slips == 2 and (left[:4] == right[:4] or left[4:] == right[4:]):
        return "two slips"
    return "close" if abs(_days(left) - _days(right)) <= _CLOSE_DAYS else "different"


@lru_cache(maxsize=16_384)
def _days(birth: str) -> int:
    return dt.date(int(birth[:4]), int(birth[4:6]), int(birth[6:])).toordinal()


def phone_outcome(left: tuple[str, ...], right: tuple[str, ...]) -> str:
    if not (left and right):
        return ""
    if set(left) & set(right):
        return "same"
    found = "different"
    for a in left:
        for b in right:
            if a[-7:] == b[-7:] and (a[0] != "+" or b[0] != "+"):
                return "same local number"
            if a[:4] == b[:4] and OSA.distance(a, b, score_cutoff=1) <= 1:
                found = "one slip"
    return found


def email_outcome(left: tuple[str, ...], right: tuple[str, ...]) -> str:
    if not (left and right):
        return ""
    same = set(left) & set(right)
    if same:
        return "same" if any(_mailbox(one) not in _OFFICE for one in same) else "same, of an office"
    found = "different"
    for a in left:
        for b in right:
            outcome = _one_email(a, b)
            if outcome == "one slip":
                return outcome
            found = outcome or found
    return found


def _mailbox(email: str) -> str:
    return email.partition("@")[0]


def _one_email(left: str, right: str) -> str:
    a, b = _mailbox(left), _mailbox(right)
    if min(len(a), len(b)) < 5 or a in _OFFICE or b in _OFFICE:
        return ""
    if OSA.distance(left, right, score_cutoff=2) <= (2 if min(len(a), len(b)) >= 8 else 1):
        return "one slip"
    return "same mailbox elsewhere" if a == b else ""


def domain_outcome(left: tuple[str, ...], right: tuple[str, ...]) -> str:
    """Only agreement tells: a company writes from its own domain."""
    domains = {one.rpartition("@")[2] for one in left} & {one.rpartition("@")[2] for one in right}
    return "same" if domains - FREE_MAIL else ""


def number_outcome(left: tuple[tuple[str, str], ...], right: tuple[tuple[str, str], ...]) -> str:
    if not (left and right):
        return ""
    if set(left) & set(right):
        return "same"
    found = ""
    for kind, a in left:
        for other, b in right:
            if kind != other:
                continue
            if kind == "external":
                continue  # one customer may well have two keys in another system
            if min(len(a), len(b)) >= 6 and OSA.distance(a, b, score_cutoff=1) <= 1:
                return "one slip"
            found = "different"
    return found


def postal_outcome(left: str, right: str) -> str:
    if not (left and right):
        return ""
    if left == right:
        return "same"
    return "one slip" if OSA.distance(left, right, score_cutoff=1) <= 1 else "different"


def city_outcome(left: str, right: str) -> str:
    if not (left and right):
        return ""
    if left == right:
        return "same"
    a, b = left.replace(" ", ""), right.replace(" ", "")
    near = alikeness(a, b) >= _ALIKE or a in b or b in a
    return "alike" if near else "different"


def street_outcome(
    left: tuple[str, ...], left_houses: tuple[str, ...], right: tuple[str, ...], right_houses: tuple[str, ...]
) -> str:
    if not ((left or left_houses) and (right or right_houses)):
        return ""
    words = _words_outcome(left, right)
    if not (left_houses and right_houses):
        return {"same": "alike", "alike": "alike", "part": "part"}.get(words, "different")
    same_house = left_houses[0] == right_houses[0] or bool(set(left_houses) & set(right_houses))
    if not words or words == "different":
        return "same number elsewhere" if same_house else "different"
    if words == "part":
        return "alike" if same_house else "part"
    return "same" if same_house else "other number"


def _words_outcome(left: tuple[str, ...], right: tuple[str, ...]) -> str:
    if not (left and right):
        return ""
    if left == right:
        return "same"
    shorter, longer = sorted((left, right), key=lambda words: (len(words), words))
    met = sum(len(word) for word in shorter if _meets(word, longer))
    share = met / sum(map(len, shorter))
    if share >= 0.75:
        return "same" if 2 * met >= sum(map(len, longer)) else "alike"
    if OSA.normalized_similarity("".join(left), "".join(right), score_cutoff=0.7) > 0:
        return "alike"  # words torn apart or run together
    return "part" if share >= 0.4 else "different"


def _meets(word: str, others: tuple[str, ...]) -> bool:
    if word in others:
        return True
    return len(word) >= 4 and any(alikeness(word, other) >= 0.9 for other in others)
