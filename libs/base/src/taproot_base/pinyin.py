"""Pinyin with tones, from pypinyin, in a third of the memory its own way of loading takes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from importlib.resources import files

# A phrase and its syllables, in text without blanks: `"重庆":[["chóng"],["qìng"]]`.
_PHRASE = re.compile(r'"([^"]+)":\[((?:\[[^\]]*\],?)+)\]')
_READINGS = re.compile(r"\[([^\]]*)\]")


@cache
def _converter(*, tones: bool) -> Callable[[str], list[str]]:
    # Read when the module is imported; both are its documented ways to save memory.
    os.environ.setdefault("PYPINYIN_NO_DICT_COPY", "true")
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    from pypinyin import Style, lazy_pinyin  # loaded late: its dictionaries cost memory

    _load_phrases()
    style = Style.TONE3 if tones else Style.NORMAL
    return lambda text: lazy_pinyin(text, style=style, neutral_tone_with_five=tones)


@cache
def _load_phrases() -> None:
    from pypinyin import load_phrases_dict

    load_phrases_dict(dict(_phrases()))


def _phrases() -> Iterator[tuple[str, list[list[str]]]]:
    """The phrases of pypinyin. A syllable is one object for all of them, which is where the memory is saved."""
    text = "".join(files("pypinyin").joinpath("phrases_dict.json").read_text(encoding="utf-8").split())
    syllables: dict[str, list[str]] = {}
    for found in _PHRASE.finditer(text):
        readings = _READINGS.findall(found[2])
        yield found[1], [syllables.setdefault(each, each.strip('"').split('","')) for each in readings]


def pronounce(text: str, *, tones: bool = True) -> list[str]:
    """A syllable such as `zhong1` or `zhong` per Chinese character; other text as it is."""
    return list(_spoken(text, tones=tones))


@lru_cache(maxsize=512)
def _spoken(text: str, *, tones: bool) -> tuple[str, ...]:
    """Kept for a while: a name is ordered by its sound and found by it, one after the other."""
    return tuple(_converter(tones=tones)(text))
