r"""The filter language, AIP-160 (google.aip.dev/160): text to a tree of comparisons.

Juxtaposition is AND; OR binds tighter than AND; NOT and `-` bind tightest. A `*` may end a literal
(`"abc*"`); `\*` is the character itself. `now()` takes an offset: `now() - 30d` (s, m, h, d, w).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Generic, TypeAlias, TypeVar

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken

from taproot_listing.errors import InvalidFilter

MAX_LENGTH = 4000
MAX_DEPTH = 30
MAX_TERMS = 100
MAX_OFFSET = timedelta(days=36_525)

L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class All(Generic[L]):
    children: tuple[Tree[L], ...]


@dataclass(frozen=True, slots=True)
class AnyOf(Generic[L]):
    children: tuple[Tree[L], ...]


@dataclass(frozen=True, slots=True)
class Not(Generic[L]):
    child: Tree[L]


Tree: TypeAlias = L | All[L] | AnyOf[L] | Not[L]


@dataclass(frozen=True, slots=True)
class Literal:
    """`prefix`: it ended in an unescaped `*`, which `text` no longer has."""

    text: str
    quoted: bool = False
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Now:
    """The instant of evaluation, moved by an offset."""

    offset: timedelta


@dataclass(frozen=True, slots=True)
class Comparison:
    field: str
    operator: str
    argument: Literal | Now


_GRAMMAR = r"""
start: [conjunction]
?conjunction: sequence (_AND sequence)*
?sequence: disjunction+
?disjunction: term (_OR term)*
?term: simple | _NOT simple -> negation | _MINUS simple -> negation
?simple: comparison | "(" conjunction ")" -> group
comparison: FIELD OPERATOR argument
?argument: STRING -> string | NOW -> now | WORD -> word

_AND.3: /AND(?![^\s()])/
_OR.3: /OR(?![^\s()])/
_NOT.3: /NOT(?![^\s()])/
_MINUS: "-"
FIELD: /[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*/
OPERATOR: /!=|<=|>=|=|<|>|:/
STRING: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/s
NOW.2: /now\(\)(\s*[+-]\s*[0-9]{1,6}[smhdw](?![A-Za-z0-9]))?/
WORD: /(?!(AND|OR|NOT)(?![^\s()]))[^\s()"'=<>!,\\]+/
%ignore /\s+/
"""

_EXPECTED = {
    "FIELD": "a field",
    "OPERATOR": "one of = != < <= > >= :",
    "WORD": "a value",
    "RPAR": "')'",
    "_AND": "AND",
    "$END": "the end",
}
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\", "*": "*"}
_PIECE = re.compile(r"\\(.)|(\*)|[^\\*]+", re.DOTALL)


def _fail(position: int, problem: str) -> InvalidFilter:
    return InvalidFilter([f"position {position + 1}: {problem}"])


def _literal(token: Token, body: str, *, quoted: bool) -> Literal:
    start = (token.start_pos or 0) + int(quoted)
    text, prefix = "", False
    for piece in _PIECE.finditer(body):
        if prefix:
            raise _fail(
                start + piece.start() - 1, "'*' may only end a value (write \"\\*\" for the character)"
            )
        escaped, star = piece.groups()
        if escaped is not None and escaped not in _ESCAPES:
            raise _fail(start + piece.start(), f"unknown escape '\\{escaped}'")
        prefix = star is not None
        text += "" if prefix else _ESCAPES[escaped] if escaped else piece.group()
    return Literal(text, quoted, prefix)


class _Builder(Transformer[Token, Any]):
    """Runs while parsing, so that no depth of nesting costs recursion."""

    def start(self, children: list[Any]) -> Any:
        return children[0]

    def conjunction(self, children: list[Any]) -> All[Comparison]:
        return All(tuple(children))

    sequence = conjunction

    def disjunction(self, children: list[Any]) -> AnyOf[Comparison]:
        return AnyOf(tuple(children))

    def group(self, children: list[Any]) -> All[Comparison]:
        return All((children[0],))

    def negation(self, children: list[Any]) -> Not[Comparison]:
        return Not(children[0])

    def comparison(self, children: list[Any]) -> Comparison:
        return Comparison(str(children[0]), str(children[1]), children[2])

    def string(self, children: list[Token]) -> Literal:
        return _literal(children[0], children[0][1:-1], quoted=True)

    def word(self, children: list[Token]) -> Literal:
        return _literal(children[0], str(children[0]), quoted=False)

    def now(self, children: list[Token]) -> Now:
        token = children[0]
        compact = "".join(token.split()).removeprefix("now()")
        if not compact:
            return Now(timedelta())
        offset = timedelta(**{_UNITS[compact[-1]]: int(compact[:-1])})
        if abs(offset) > MAX_OFFSET:
            raise _fail(token.start_pos or 0, "an offset of more than 100 years")
        return Now(offset)


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Builder())


def parse_filter(text: str) -> Tree[Comparison] | None:
    """The tree of a filter; None when it is empty.

    Raises:
        InvalidFilter: syntax, with the position (from 1), or a limit.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidFilter([f"longer than {MAX_LENGTH} characters"])
    bad = re.search("[\x00\ud800-\udfff]", text)
    if bad:
        raise _fail(bad.start(), "a character that no text can hold")
    try:
        tree: Tree[Comparison] | None = _parser().parse(text)  # type: ignore[assignment] # the builder's result
    except UnexpectedInput as error:
        raise _fail(*_explain(error, text)) from None
    if tree is not None:
        _check_size(tree)
    return tree


def _explain(error: UnexpectedInput, text: str) -> tuple[int, str]:
    position: int = getattr(error, "pos_in_stream", None) or 0
    expected = error.accepts if isinstance(error, UnexpectedToken) else getattr(error, "allowed", None)
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        position = len(text)
    wanted = [words for name, words in _EXPECTED.items() if name in (expected or ())]
    found = text[position : position + 20].split()
    what = f"'{found[0]}'" if found else "the end" if position >= len(text) else "a blank"
    hint = "; AND, OR and NOT are upper case" if re.search(r"\b(and|or|not)\b", text) else ""
    return position, f"found {what}, expected {' or '.join(wanted) or 'a field'}{hint}"


def _check_size(root: Tree[Comparison]) -> None:
    stack: list[tuple[Tree[Comparison], int]] = [(root, 0)]
    terms = 0
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise InvalidFilter([f"parentheses nested more than {MAX_DEPTH} deep"])
        if isinstance(node, Comparison):
            terms += 1
            continue
        children = (node.child,) if isinstance(node, Not) else node.children
        stack.extend((child, depth + int(_is_group(node))) for child in children)
    if terms > MAX_TERMS:
        raise InvalidFilter([f"more than {MAX_TERMS} comparisons"])


def _is_group(node: Tree[Comparison]) -> bool:
    """Parentheses, the only way to nest, stay in the tree as an `All` of one child."""
    return isinstance(node, All) and len(node.children) == 1
