"""Names made comparable: Latin and Chinese, persons and companies."""

from __future__ import annotations

import importlib.resources
import re
import unicodedata
from functools import lru_cache

from taproot_base.pinyin import pronounce


def word_list(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_CJK = re.compile(r"[㐀-䶿一-鿿豈-﫿]")
_WORD = re.compile(r"[^\W_]+")
LATIN_FORMS = frozenset(
    word_list(
        "ltd limited co company inc incorporated corp corporation llc llp lp plc gmbh ag kg sa sas sarl "
        "srl spa bv nv oy ab as pte pty sdn bhd kk holding holdings group the and of"
    )
)
_CHINESE_FORMS = re.compile(
    r"(股份有限责任公司|有限责任公司|股份有限公司|集团股份有限公司|集团有限公司|控股有限公司|有限合伙|普通合伙|"
    r"股份公司|有限公司|总公司|分公司|子公司|公司|集团|工作室|经营部|个体工商户|股份$)"
)
_PLACE_MARK = re.compile(r"^(中国)?([一-鿿]{2,3}?)(省|市|自治区|特别行政区)(?=[一-鿿]{2,})")


@lru_cache(maxsize=1)
def _simplified() -> dict[int, str]:
    """Character table traditional -> simplified, from the OpenCC dictionaries."""
    source = importlib.resources.files("opencc") / "dictionary" / "TSCharacters.txt"
    pairs = (line.split("\t") for line in source.read_text("utf-8").splitlines() if "\t" in line)
    return {ord(old): new.split(" ")[0] for old, new in pairs if len(old) == 1}


def simplified(text: str) -> str:
    """Traditional characters as their simplified ones."""
    return text.translate(_simplified())


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
    words = [word for word in folded.replace(" s ", "s ").split() if word not in LATIN_FORMS]
    return " ".join(words) or folded


@lru_cache(maxsize=16_384)
def pinyin(text: str) -> str:
    """Chinese read in pinyin without tones, other words as they are; for matching and sorting."""
    if not has_chinese(text):
        return fold(text)
    return " ".join(" ".join(pronounce(fold(text), tones=False)).split())
