"""Names of columns made comparable."""

from __future__ import annotations

import re
import unicodedata

from taproot_customer.matching.names import simplified


def plain_header(header: str) -> str:
    """`E-mail 1 - Value` -> `e mail 1 value`; blanks between Chinese characters go (`省    份`), 電話 is 电话."""
    text = unicodedata.normalize("NFKC", header)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).casefold()
    text = re.sub(r"[（(【\[].*?[)）】\]]", " ", text) or text
    text = " ".join(re.findall(r"[^\W_]+", text))
    return simplified(re.sub(r"(?<=[一-鿿]) (?=[一-鿿])", "", text))
