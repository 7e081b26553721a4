"""Names of columns made comparable."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from taproot_customer.matching.names import simplified

_PREFIX = re.compile(r"^\w+ - ")
_SYSTEM = re.compile(r"^\(do not modify\)", re.IGNORECASE)
"""Keys that Dynamics writes for itself."""
_NOTHING = "?"


def plain_header(header: str) -> str:
    """`E-mail 1 - Value` -> `e mail 1 value`; blanks between Chinese characters go (`省    份`), 電話 is 电话."""
    text = unicodedata.normalize("NFKC", header)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).casefold()
    text = re.sub(r"[（(【\[].*?[)）】\]]", " ", text) or text
    text = " ".join(re.findall(r"[^\W_]+", text))
    return simplified(re.sub(r"(?<=[一-鿿]) (?=[一-鿿])", "", text))


def own_names(headers: Sequence[str]) -> list[str]:
    """Plain names without what most columns have in front (`Person - Name`); none for what is not to be touched."""
    found = Counter(match[0] for header in headers if (match := _PREFIX.match(header)))
    common = {prefix for prefix, count in found.items() if count > max(2, len(headers) / 2)}
    return [_own_name(header, common) for header in headers]


def _own_name(header: str, common: set[str]) -> str:
    prefix = _PREFIX.match(header)
    if _SYSTEM.match(header):
        return _NOTHING
    return plain_header(header[prefix.end() :] if prefix and prefix[0] in common else header)
