"""Search and order for Chinese and Latin text alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib.resources import files

from taproot_base.pinyin import pronounce

_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af"
_RUNS = re.compile(f"[{_CJK}]+|[^\\W_{_CJK}]+")
_IS_CJK = re.compile(f"[{_CJK}]")
_BETWEEN = re.compile(f"(?<=[{_CJK}])\\s+(?=[{_CJK}])")
MAX_PREFIX = 12
MIN_PREFIX = 2


@cache
def _simplifier() -> object:
    from opencc import OpenCC  # loaded late: its tables cost 20 MB and 100 ms

    return OpenCC("t2s")


@cache
def _traditional() -> frozenset[str]:
    """Characters without which the tables change nothing: such text need not go through them, and most need not."""
    singles = frozenset(old for old, new in _entries("TSCharacters.txt") if old != new)
    phrases = [old for old, new in _entries("TSPhrases.txt") if old != new]
    return singles.union(*(old for old in phrases if singles.isdisjoint(old)))


def _entries(name: str) -> Iterator[tuple[str, str]]:
    """What is written in the old way, and the first of its new ways."""
    for line in files("opencc").joinpath("dictionary", name).read_text(encoding="utf-8").splitlines():
        old, _, new = line.partition("\t")
        yield old, new.split(" ")[0]


@lru_cache(maxsize=4096)
def normalize(text: str) -> str:
    """NFKC, case folded, simplified characters, single blanks."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if not folded.isascii() and _IS_CJK.search(folded) and not _traditional().isdisjoint(folded):
        folded = _simplifier().convert(folded)  # type: ignore[attr-defined]  # opencc is untyped
    return " ".join(folded.split())


def search_tokens(*texts: str) -> list[str]:
    """What to store under GIN: words with their prefixes, CJK bigrams and single characters."""
    found: set[str] = set()
    for run in _runs(texts):
        if _IS_CJK.match(run):
            found.update(run)
            found.update(run[i : i + 2] for i in range(len(run) - 1))
        else:
            found.update(run[:end] for end in range(MIN_PREFIX, min(len(run), MAX_PREFIX) + 1))
            found.add(run)
    return sorted(found)


def query_tokens(text: str) -> list[str]:
    """What all must be among the stored tokens: words as typed so far, CJK bigrams."""
    found: set[str] = set()
    for run in _runs([text]):
        if _IS_CJK.match(run) and len(run) > 1:
            found.update(run[i : i + 2] for i in range(len(run) - 1))
        else:
            found.add(run)
    return sorted(found)


def _runs(texts: Iterable[str]) -> list[str]:
    """Runs of letters and digits; blanks inside Chinese names do not separate (`万  科` is `万科`)."""
    joined = []
    for text in texts:
        tight = _BETWEEN.sub("", normalize(text))
        joined += _RUNS.findall(tight)
    return joined


def sort_key(text: str) -> str:
    """Orders Latin text by letter and Chinese by pinyin, under code-point comparison."""
    plain = normalize(text)
    if not _IS_CJK.search(plain):
        return plain
    return " ".join(pronounce(plain))
