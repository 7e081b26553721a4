"""Which encoding a text file is in. Looks at the bytes only: names and headers are not to be trusted."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from itertools import pairwise

SUPPORTED = (
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "cp950", "cp932", "cp949", "cp1251", "cp1252", "cp1250", "iso-8859-2",
)  # fmt: skip
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Lead bytes of punctuation and of the characters in daily use: all but a few of any real text.
_EAST_ASIAN = {
    "gb18030": ("gb2312", frozenset((0xA1, 0xA3, *range(0xB0, 0xD8)))),
    "cp950": ("cp950", frozenset((0xA1, 0xA2, *range(0xA4, 0xC7)))),
    "cp932": ("shift_jis", frozenset((*range(0x81, 0x84), *range(0x88, 0x98)))),
}
_WIDE = ("utf-16-le", "utf-16-be")
_LATIN = ("cp1252", "cp1250", "iso-8859-2")
_RUSSIAN = re.compile(r"[А-ЯЁ]?[а-яё]+|[А-ЯЁ]+")
_NATURAL_SHARE = 0.9
_WORD_LENGTH = 3
"""On average: accents of Latin text that are read as Cyrillic stand alone."""
_HANGUL = (0xB0, 0xC8)
_ENOUGH, _KOREAN_SHARE = 12, 0.97
_COMMON_SHARE = 0.7
_RARE_SHARE = 0.3
_NUL_SHARE = 0.2
# What appears when Central European text is read as Western: signs in words, letters where nobody writes them.
_ODD = re.compile(
    r"[^\W\d_][^\w\s\x00-\x7f‘’“”–—·…][^\W\d_]|ñ(?=[^aeiouáéíóúñ\W\d])|[\x80-\x9f]|[£¥¯¦¬¶±¼¾¹³¿](?=[a-z])|"
    r"(?<=[a-z])[¹³¿¶±¼¾]|(?<=[b-df-hj-np-tv-z])[êæ]\b|[ìù](?=[a-z])"
)


@dataclass(frozen=True)
class Encoding:
    name: str
    """Codec without byte-order mark."""
    skip: int
    """Bytes of the mark at the start of the file."""


def detect_encoding(sample: bytes) -> str:
    """One of SUPPORTED. `sample` is the head of the file, cut anywhere."""
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    wide = _unmarked_utf16(sample)
    if wide:
        return wide
    if _decoded(sample, "utf-8") is not None:
        return "utf-8"
    if _is_russian(sample):
        return "cp1251"
    if _is_korean(sample):
        return "cp949"
    chinese = max(_EAST_ASIAN, key=lambda name: _chinese_share(sample, name))
    share = _chinese_share(sample, chinese)
    if share >= _COMMON_SHARE or (share >= _RARE_SHARE and _in_runs(sample, chinese)):
        return chinese
    return min(_LATIN, key=lambda name: _oddities(sample, name))


def resolve_encoding(name: str, head: bytes) -> Encoding:
    """The codec to read with and the mark to skip. Raises LookupError for an unsupported name."""
    if name not in SUPPORTED:
        raise LookupError(name)
    marked = next((n for mark, n in _MARKS if head.startswith(mark)), "")
    if name == "utf-16":
        name = marked if marked.startswith("utf-16") else "utf-16-le"
    if name == "utf-8-sig":
        name = "utf-8"
    skip = next((len(mark) for mark, n in _MARKS if head.startswith(mark) and n.startswith(name)), 0)
    return Encoding(name, skip)


def _unmarked_utf16(sample: bytes) -> str:
    """Latin text in UTF-16 has a zero in every other byte; no text file in another encoding has any."""
    pairs = max(1, len(sample) // 2)
    if sample[1::2].count(0) / pairs > _NUL_SHARE:
        return "utf-16-le"
    if sample[::2].count(0) / pairs > _NUL_SHARE:
        return "utf-16-be"
    # Chinese has zeros only in separators, digits and ends of lines.
    shares = {name: _everyday_share(sample, name) for name in _WIDE} if b"\0" in sample else {}
    best = max(shares, key=lambda name: shares[name], default="")
    return best if best and shares[best] >= _COMMON_SHARE else ""


def _everyday_share(sample: bytes, name: str) -> float:
    text = sample[: len(sample) // 2 * 2].decode(name, "replace")
    narrow, leads = _EAST_ASIAN["gb18030"]
    return sum(char.isascii() or _is_common(char, narrow, leads) for char in text) / max(1, len(text))


def _decoded(sample: bytes, name: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(name)("strict").decode(sample, final=False)
    except UnicodeDecodeError:
        return None


def _chinese_share(sample: bytes, name: str) -> float:
    """Share of everyday characters among the foreign ones; what is wrongly decoded is mostly rare ones."""
    text = _decoded(sample, name)
    foreign = [char for char in text or "" if not char.isascii()]
    narrow, leads = _EAST_ASIAN[name]
    return sum(_is_common(char, narrow, leads) for char in foreign) / len(foreign) if foreign else 0.0


def _is_common(char: str, codec: str, leads: frozenset[int]) -> bool:
    try:
        return char.encode(codec)[0] in leads
    except UnicodeEncodeError:
        return False


def _is_russian(sample: bytes) -> bool:
    """Whole words of Cyrillic letters with capitals at their beginnings only; nothing else reads like that by chance."""
    text = sample.decode("cp1251", "replace")
    words = re.findall(r"[^\W\d_]*[А-яЁё][^\W\d_]*", text)
    foreign = sum(not char.isascii() for char in text)
    natural = [word for word in words if _RUSSIAN.fullmatch(word)]
    return (
        bool(words)
        and len(natural) >= _NATURAL_SHARE * len(words)
        and sum(map(len, natural)) >= max(_NATURAL_SHARE * foreign, _WORD_LENGTH * len(natural))
    )


def _is_korean(sample: bytes) -> bool:
    """Its syllables fill just the first rows of where everyday Chinese lies; nearly half of that lies behind them."""
    text = _decoded(sample, "cp949")
    leads = [char.encode("cp949")[0] for char in text or "" if not char.isascii()]
    letters = [lead for lead in leads if lead >= _HANGUL[0]]
    inside = sum(lead <= _HANGUL[1] for lead in letters)
    return len(letters) >= _ENOUGH and inside >= _KOREAN_SHARE * len(letters) and _in_runs(sample, "cp949")


def _in_runs(sample: bytes, name: str) -> bool:
    """Chinese characters follow each other; accents of Latin text, wrongly decoded, stand alone."""
    runs = re.findall(r"[^\x00-\x7f]+", _decoded(sample, name) or "")
    return sum(map(len, runs)) >= 2 * len(runs) > 0


def _oddities(sample: bytes, name: str) -> int:
    text = sample.decode(name, "replace")
    capitals = sum(
        1 for one, after in pairwise(text) if one.islower() and after.isupper() and not after.isascii()
    )
    return len(_ODD.findall(text)) + capitals
