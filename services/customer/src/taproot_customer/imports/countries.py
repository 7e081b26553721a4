"""Countries as people write them, for telephone numbers without a country code."""

from __future__ import annotations

from functools import cache

from phonenumbers import SUPPORTED_REGIONS

_LANGUAGES = ("en", "zh", "de", "fr", "es", "it", "pt", "nl", "ja")
_ALSO = {
    "us": "usa|u.s.|u.s.a.|united states of america|america|美国",
    "gb": "uk|u.k.|great britain|britain|england|scotland|wales|northern ireland|英国",
    "cn": "prc|people's republic of china|p.r. china|pr china|mainland china|chn|中国|中国大陆|中华人民共和国",
    "kr": "korea|south korea|republic of korea|korea, republic of|韩国",
    "ru": "russia|russian federation|俄罗斯",
    "vn": "vietnam|viet nam|越南",
    "hk": "hong kong|hong kong sar|香港",
    "tw": "taiwan|taiwan, province of china|台湾",
    "mo": "macau|macao|澳门",
    "cz": "czech republic|czechia|捷克",
    "ae": "uae|united arab emirates|阿联酋",
    "nl": "holland|the netherlands|netherlands|荷兰",
    "ie": "eire|republic of ireland|ireland|爱尔兰",
    "ir": "iran|islamic republic of iran",
    "ve": "venezuela|bolivarian republic of venezuela",
    "bo": "bolivia",
    "tz": "tanzania|united republic of tanzania",
    "sy": "syria|syrian arab republic",
    "la": "laos|lao people's democratic republic",
    "md": "moldova|republic of moldova",
    "tr": "turkey|türkiye|土耳其",
    "ci": "ivory coast|cote d'ivoire",
}
_THREE = (
    "usa:us gbr:gb deu:de fra:fr esp:es ita:it nld:nl bel:be che:ch aut:at pol:pl cze:cz swe:se nor:no dnk:dk fin:fi "
    "irl:ie prt:pt grc:gr hun:hu rou:ro bgr:bg hrv:hr rus:ru ukr:ua tur:tr can:ca mex:mx bra:br arg:ar chl:cl col:co "
    "per:pe aus:au nzl:nz jpn:jp kor:kr chn:cn hkg:hk twn:tw sgp:sg mys:my tha:th vnm:vn idn:id phl:ph ind:in pak:pk "
    "are:ae sau:sa isr:il egy:eg zaf:za nga:ng ken:ke"
)


@cache
def region_of(country: str) -> str:
    """ISO 3166 code of a country named in words or as a code; empty when it is none we know."""
    return _table().get(" ".join(country.split()).casefold(), "")


@cache
def _table() -> dict[str, str]:
    # Here, in the process that reads files: it brings 110 MB of places along that nobody else has a use for.
    from phonenumbers.geodata.locale import LOCALE_DATA

    found = {code.casefold(): code for code in SUPPORTED_REGIONS}
    found |= {three: two.upper() for three, two in (pair.split(":") for pair in _THREE.split())}
    for code in SUPPORTED_REGIONS:
        names = LOCALE_DATA.get(code, {})
        for language in _LANGUAGES:
            name = names.get(language, "")
            name = names.get(name[1:], "") if name.startswith("*") else name
            if name:
                found.setdefault(name.casefold(), code)
    for code, also in _ALSO.items():
        found |= dict.fromkeys(also.split("|"), code.upper())
    return found
