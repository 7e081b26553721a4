"""Regular expressions that users write: a part of the language whose matching takes bounded time.

The matcher of Python backtracks: groups that repeat take exponential time, each quantifier of variable length
another power of the length. So there are no groups, and at most three such quantifiers.
"""

from __future__ import annotations

import re
from functools import lru_cache

MOST_VARIABLE = 3
_SET = r"\[\^?\]?(?:\\.|[^\]\\])*\]"
_ATOM = re.compile(rf"(?:{_SET}|\\[dDwWsS.^$*+?{{}}\[\]\\|()\-/]|[^\\()\[\]{{}}*+?|])")
_FIXED = re.compile(r"\{[0-9]{1,3}\}")
_VARIABLE = re.compile(r"(?:[*+?]|\{[0-9]{1,3},[0-9]{0,3}\})")


def problem(text: str) -> str:
    """Why a pattern is not taken; empty when it is."""
    position = variable = 0
    while position < len(text):
        if text[position] == "|":
            position += 1
            continue
        atom = _ATOM.match(text, position)
        if atom is None:
            return f"has something that is not allowed at character {position + 1}, such as a group"
        position = atom.end()
        if fixed := _FIXED.match(text, position):
            position = fixed.end()
        elif wide := _VARIABLE.match(text, position):
            position, variable = wide.end(), variable + 1
    if variable > MOST_VARIABLE:
        return f"has more than {MOST_VARIABLE} quantifiers of variable length"
    return _uncompilable(text)


def _uncompilable(text: str) -> str:
    try:
        compiled(text)
    except (re.error, OverflowError) as error:
        return f"is no regular expression: {error}"
    return ""


@lru_cache(maxsize=1000)
def compiled(text: str) -> re.Pattern[str]:
    return re.compile(text)
