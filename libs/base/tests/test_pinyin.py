from __future__ import annotations

import json
from importlib.resources import files

import pytest
from pypinyin.constants import PHRASES_DICT

from taproot_base.pinyin import pronounce
from taproot_base.text import normalize


@pytest.mark.parametrize(
    ("text", "with_tones", "without"),
    [
        ("重庆", ["chong2", "qing4"], ["chong", "qing"]),
        ("重量", ["zhong4", "liang4"], ["zhong", "liang"]),
        ("王abc", ["wang2", "abc"], ["wang", "abc"]),
    ],
)
def test_phrases_decide_between_readings(text: str, with_tones: list[str], without: list[str]) -> None:
    assert pronounce(text) == with_tones
    assert pronounce(text, tones=False) == without


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("臺灣重慶頭髮", "台湾重庆头发"),
        ("乾隆", "乾隆"),
        ("万  科Ａ", "万 科a"),
        ("江苏贸易", "江苏贸易"),
        ("皇后", "皇后"),
    ],
)
def test_only_what_is_traditional_is_simplified(text: str, plain: str) -> None:
    assert normalize(text) == plain


def test_all_phrases_are_loaded() -> None:
    pronounce("重庆")
    known = json.loads(files("pypinyin").joinpath("phrases_dict.json").read_text(encoding="utf-8"))
    assert known.items() <= PHRASES_DICT.items()
