"""Which of a file's addresses a column is part of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from taproot_customer.imports.aliases import BY_NAME, GLUED

PLACES = re.compile(
    r"\b(home|work|business|company|office|billing|shipping|mailing|other|registered|permanent|default|\d+)\b"
)
GLUED_PLACE = re.compile(
    r"^(home|work|business|billing|shipping|mailing|other|(?:po|sa)(?=address|city|region|postal|country))(?=[a-z])"
)
_MOST = 5
_SAME = {"business": "work", "office": "work", "company": "work"}


class Places:
    """Numbers the addresses of a file in the order in which they appear."""

    def __init__(self, names: Sequence[str]) -> None:
        self._known: dict[str, int] = {}
        self._numbers = {number for name in names for number in re.findall(r"\d+", name) if _is_part(name)}

    def address_of(self, header: str, plain: str, field: str) -> str:
        """`address.city` of the first kind of address in the file, `address.2.city` of the second."""
        if not field.startswith("address.") or header.strip() == field:
            return field
        number = self._known.setdefault(self._kind(plain), len(self._known) + 1)
        if number > _MOST:
            return ""
        return field if number == 1 else f"address.{number}.{field.partition('.')[2]}"

    def _kind(self, plain: str) -> str:
        """`address_2` is a second line, unless there is a `city 2` too."""
        glued = GLUED_PLACE.match(plain)
        words = [*PLACES.findall(plain), *(glued.groups() if glued else ())]
        return "".join(
            _SAME.get(word, word)
            for word in dict.fromkeys(words)
            if not word.isdigit() or word in self._numbers
        )


def _is_part(name: str) -> bool:
    """Whether the column holds a city, postal code or the like, so that its number is that of an address."""
    if re.match(r"address \d+ ", name):
        return True
    bare = " ".join(PLACES.sub(" ", name).split())
    field = BY_NAME.get(bare) or GLUED.get(bare, "")
    return field.startswith("address.") and field != "address.lines"
