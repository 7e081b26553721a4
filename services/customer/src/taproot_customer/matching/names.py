"""Names made comparable: Latin and Chinese, persons and companies."""

from __future__ import annotations

import importlib.resources
import re
import unicodedata
from functools import lru_cache

from taproot_base.pinyin import pronounce

_CJK = re.compile(r"[㐀-䶿一-鿿豈-﫿]")
_WORD = re.compile(r"[^\W_]+")
_LATIN_FORMS = frozenset(
    [
        "ltd",
        "limited",
        "co",
        "company",
        "inc",
        "incorporated",
        "corp",
        "corporation",
        "llc",
        "llp",
        "lp",
        "plc",
        "gmbh",
        "ag",
        "kg",
        "sa",
        "sas",
        "sarl",
        "srl",
        "spa",
        "bv",
        "nv",
        "oy",
        "ab",
        "as",
        "pte",
        "pty",
        "sdn",
        "bhd",
        "kk",
        "holding",
        "holdings",
        "group",
        "the",
        "and",
        "of",
    ]
)
_CHINESE_FORMS = re.compile(
    r"(股份有限责任公司|有限责任公司|股份有限公司|集团股份有限公司|集团有限公司|控股有限公司|有限合伙|普通合伙|"
    r"股份公司|有限公司|总公司|分公司|子公司|公司|集团|工作室|经营部|个体工商户)"
)
_PLACE_MARK = re.compile(r"^(中国)?([一-鿿]{2,3}?)(省|市|自治区|特别行政区)(?=[一-鿿]{2,})")
_JARO_LIMIT = 0.7
_WINKLER_SCALE = 0.1
_WINKLER_PREFIX = 4


@lru_cache(maxsize=1)
def _simplified() -> dict[int, str]:
    """Character table traditional -> simplified, from the OpenCC dictionaries."""
    source = importlib.resources.files("opencc") / "dictionary" / "TSCharacters.txt"
    pairs = (line.split("\t") for line in source.read_text("utf-8").splitlines() if "\t" in line)
    return {ord(old): new.split(" ")[0] for old, new in pairs if len(old) == 1}


def fold(text: str) -> str:
    """NFKC, no accents, no case, simplified characters, single blanks, nothing but words."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_simplified())
    if not plain.isascii():
        bare = unicodedata.normalize("NFD", plain)
        plain = unicodedata.normalize("NFC", "".join(c for c in bare if unicodedata.category(c) != "Mn"))
    return " ".join(_WORD.findall(plain))


def has_chinese(text: str) -> bool:
    return _CJK.search(text) is not None


def company_core(text: str) -> str:
    """The distinguishing part of a company's name, without legal form, brackets and place marks."""
    folded = fold(text)
    if has_chinese(folded):
        joined = folded.replace(" ", "")
        core = _PLACE_MARK.sub(r"\2", _CHINESE_FORMS.sub("", joined))
        return core or joined
    words = [word for word in folded.replace(" s ", "s ").split() if word not in _LATIN_FORMS]
    return " ".join(words) or folded


@lru_cache(maxsize=16_384)
def pinyin(text: str) -> str:
    """Chinese read in pinyin without tones, other words as they are; for matching and sorting."""
    if not has_chinese(text):
        return fold(text)
    return " ".join(" ".join(pronounce(fold(text), tones=False)).split())


def jaro(left: str, right: str) -> float:
    """Jaro similarity, 0 to 1 (Jaro 1989); the greedy matching starts from the lesser text, so it is symmetric."""
    left, right = sorted((left, right), key=lambda text: (len(text), text))
    if left == right:
        return 1.0
    if not left or not right:
        return 0.0
    reach = max(len(left), len(right)) // 2 - 1
    taken = [False] * len(right)
    matched: list[str] = []
    for i, char in enumerate(left):
        for j in range(max(0, i - reach), min(len(right), i + reach + 1)):
            if not taken[j] and right[j] == char:
                taken[j] = True
                matched.append(char)
                break
    if not matched:
        return 0.0
    others = [char for char, used in zip(right, taken, strict=True) if used]
    swaps = sum(a != b for a, b in zip(matched, others, strict=True)) / 2
    count = len(matched)
    return (count / len(left) + count / len(right) + (count - swaps) / count) / 3


def jaro_winkler(left: str, right: str) -> float:
    """Jaro similarity raised for a common prefix (Winkler 1990)."""
    score = jaro(left, right)
    if score < _JARO_LIMIT:
        return score
    prefix = 0
    for a, b in zip(left[:_WINKLER_PREFIX], right[:_WINKLER_PREFIX], strict=False):
        if a != b:
            break
        prefix += 1
    return score + prefix * _WINKLER_SCALE * (1 - score)


def words_similarity(left: str, right: str) -> float:
    """Order-free similarity of two texts of words: each word meets its best partner once."""
    shorter, longer = sorted((left.split(), right.split()), key=len)
    if not shorter:
        return 0.0
    rest = list(longer)
    total = 0.0
    for word in shorter:
        best = max(rest, key=lambda other: jaro_winkler(word, other))
        total += jaro_winkler(word, best)
        rest.remove(best)
    coverage = sum(map(len, shorter)) / max(1, sum(map(len, longer)))
    return total / len(shorter) * (0.7 + 0.3 * min(1.0, coverage))


def person_similarity(left: str, right: str) -> float:
    """0 to 1. Family and given name may be swapped; same-sounding characters count almost as the same."""
    a, b = fold(left), fold(right)
    if a == b and a:
        return 1.0
    if has_chinese(a) and has_chinese(b):
        direct = jaro(a.replace(" ", ""), b.replace(" ", ""))
        return max(direct, 0.9 * float(pinyin(a).replace(" ", "") == pinyin(b).replace(" ", "")))
    if has_chinese(a) or has_chinese(b):
        return 0.92 * words_similarity(_romanised(a), _romanised(b))
    return words_similarity(a, b)


def _romanised(folded: str) -> str:
    """Family name, then the given name in one word, as people write Chinese names in Latin letters."""
    if not has_chinese(folded):
        return folded
    syllables = pinyin(folded.replace(" ", "")).split()
    return " ".join((syllables[0], "".join(syllables[1:]))) if len(syllables) > 1 else folded


def company_similarity(left: str, right: str) -> float:
    """0 to 1, legal forms and places aside."""
    a, b = company_core(left), company_core(right)
    if a == b and a:
        return 1.0
    if has_chinese(a) and has_chinese(b):
        return _chinese_company_similarity(a, b)
    if has_chinese(a) or has_chinese(b):
        return 0.9 * words_similarity(pinyin(a), pinyin(b))
    return words_similarity(a, b)


def _chinese_company_similarity(a: str, b: str) -> float:
    """Dice coefficient of bigrams, raised when the one is a short form kept inside the other."""
    left, right = _bigrams(a), _bigrams(b)
    dice = 2 * len(left & right) / max(1, len(left) + len(right))
    shorter, longer = sorted((a, b), key=len)
    contained = len(shorter) >= 3 and shorter in longer
    return max(dice, 0.85) if contained else dice


def _bigrams(text: str) -> frozenset[str]:
    return frozenset(text[i : i + 2] for i in range(len(text) - 1)) or frozenset((text,))
