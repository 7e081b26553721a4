"""Which encoding a text file is in. Looks at the bytes only: names and headers are not to be trusted."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

SUPPORTED = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "cp1252")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COMMON_SHARE = 0.7
_NUL_SHARE = 0.2


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
    if _decodes(sample, "utf-8"):
        return "utf-8"
    if _decodes(sample, "gb18030") and _reads_chinese(sample):
        return "gb18030"
    return "cp1252"


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
    return "utf-16-be" if sample[::2].count(0) / pairs > _NUL_SHARE else ""


def _decodes(sample: bytes, name: str) -> bool:
    try:
        codecs.getincrementaldecoder(name)("strict").decode(sample, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _reads_chinese(sample: bytes) -> bool:
    """Accented Latin text also decodes as GB18030, but into rare characters outside GB 2312."""
    text = codecs.getincrementaldecoder("gb18030")("strict").decode(sample, final=False)
    foreign = [char for char in text if not char.isascii()]
    common = sum(_in_gb2312(char) for char in foreign)
    return bool(foreign) and common / len(foreign) >= _COMMON_SHARE


def _in_gb2312(char: str) -> bool:
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
