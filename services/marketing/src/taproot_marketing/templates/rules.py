"""The placeholder language of templates: Jinja, cut down to what can neither loop, call nor reach Python.

Only expressions, `if` and the filters listed here are allowed, so rendering time is bounded by the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from jinja2 import TemplateSyntaxError, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from taproot_base.errors import AppError, InvalidArgument, Kind, Violation

Data = Mapping[str, Any]

ALLOWED_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Const,
    nodes.Filter,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.CondExpr,
)
FILTERS = ("fallback", "upper", "lower", "trim", "title", "length", "join", "money", "date")
LINE_BREAKS = re.compile(r"[\r\n]+")


class TemplateVariableMissing(AppError):
    """A placeholder has neither a value nor a fallback."""

    kind = Kind.INVALID
    reason = "TEMPLATE_VARIABLE_MISSING"

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(sorted(set(names)))
        listed = ", ".join(self.names)
        super().__init__(f"no value for {listed}; give one or add a fallback", variables=listed)

    @property
    def violations(self) -> tuple[Violation, ...]:
        return tuple(Violation(f"variables.{name}", "has no value and no fallback") for name in self.names)


@dataclass(frozen=True, slots=True)
class Content:
    """A message in one language, with placeholders."""

    language_code: str
    subject: str
    text: str = ""
    html: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message with its placeholders filled in."""

    language_code: str
    subject: str
    text: str
    html: str


@dataclass
class _Missing:
    names: set[str] = field(default_factory=set)


class _Named(dict[str, Any]):
    """Data that knows where it stands, so that a hole can be reported by its full name."""

    path = ""


def _named(data: Data, path: str = "") -> _Named:
    prefix = f"{path}." if path else ""
    named = _Named(
        {
            key: _named(value, f"{prefix}{key}") if isinstance(value, Mapping) else value
            for key, value in data.items()
        }
    )
    named.path = path
    return named


def _undefined_type(missing: _Missing) -> type[Undefined]:
    class Recording(Undefined):
        """Prints as nothing and notes its name, so that every hole is reported at once."""

        @property
        def path(self) -> str:
            return self._undefined_name or "?"

        def __str__(self) -> str:
            missing.names.add(self.path)
            return ""

        def __html__(self) -> str:
            return str(self)

        def __bool__(self) -> bool:
            return False

    return Recording


class _Environment(ImmutableSandboxedEnvironment):
    """Values are plain data: a dot reads a key and never an attribute of a Python object."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self._item(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self._item(obj, argument)

    def _item(self, obj: Any, key: Any) -> Any:
        try:
            value = obj[key] if isinstance(obj, Mapping | list | tuple) else None
        except (KeyError, IndexError, TypeError):
            value = None
        if value is not None:
            return value
        parent = getattr(obj, "path", "")
        return self.undefined(name=f"{parent}.{key}" if parent else str(key))


def _fallback(value: Any, text: str) -> Any:
    return text if isinstance(value, Undefined) or value is None or value == "" else value


def _money(value: Any) -> str:
    """`{currency_code, amount}` or a number as `CNY 1,234.50`."""
    amount, code = (
        (value.get("amount"), value.get("currency_code")) if isinstance(value, Mapping) else (value, "")
    )
    try:
        return f"{code} {Decimal(str(amount)):,.2f}".strip()
    except InvalidOperation:
        return str(value)


def _date(value: Any) -> str:
    """The calendar day of a date or instant in ISO form."""
    if isinstance(value, Mapping):
        return "-".join(
            str(value.get(part, 0)).zfill(width) for part, width in (("year", 4), ("month", 2), ("day", 2))
        )
    return str(value)[:10]


def _environment(missing: _Missing, *, escape: bool) -> _Environment:
    environment = _Environment(autoescape=escape, undefined=_undefined_type(missing))
    environment.filters = {name: environment.filters[name] for name in FILTERS if name in environment.filters}
    environment.filters |= {"fallback": _fallback, "money": _money, "date": _date}
    environment.globals = {}
    return environment


def faults(contents: Sequence[Content]) -> list[Violation]:
    """Everything wrong with the placeholders, each with its line."""
    environment = _environment(_Missing(), escape=False)
    found = []
    for index, content in enumerate(contents):
        for part in ("subject", "text", "html"):
            path = f"template.contents[{index}].{part}"
            found += [Violation(path, text) for text in _faults_of(environment, getattr(content, part))]
    languages = [content.language_code.casefold() for content in contents]
    found += [
        Violation(f"template.contents[{index}].language_code", "is given twice")
        for index, language in enumerate(languages)
        if language in languages[:index]
    ]
    return found


def _faults_of(environment: _Environment, source: str) -> list[str]:
    try:
        tree = environment.parse(source)
    except TemplateSyntaxError as error:
        return [f"line {error.lineno}: {error.message}"]
    found = []
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, ALLOWED_NODES):
            found.append(f"line {node.lineno}: {type(node).__name__.lower()} is not allowed in a template")
        elif isinstance(node, nodes.Filter) and node.name not in FILTERS:
            found.append(f"line {node.lineno}: there is no filter {node.name}; known: {', '.join(FILTERS)}")
    return found


def variables_of(contents: Sequence[Content]) -> list[str]:
    """Placeholders used, such as `customer.display_name`."""
    environment = _environment(_Missing(), escape=False)
    found: set[str] = set()
    for content in contents:
        for source in (content.subject, content.text, content.html):
            if not _faults_of(environment, source):
                found.update(_paths(environment.parse(source)))
    return sorted(found)


def _paths(tree: nodes.Node) -> set[str]:
    inner = {id(node.node) for node in tree.find_all(nodes.Getattr)}
    chains = [node for node in tree.find_all((nodes.Getattr, nodes.Name)) if id(node) not in inner]
    return {path for node in chains if (path := _path(node))}


def _path(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        parent = _path(node.node)
        return f"{parent}.{node.attr}" if parent else ""
    return ""


def choose(contents: Sequence[Content], language_code: str) -> Content:
    """The content in the language, else in the same base language, else the first."""
    wanted = language_code.casefold()
    by_language = {content.language_code.casefold(): content for content in contents}
    by_base = {name.partition("-")[0]: content for name, content in reversed(by_language.items())}
    return by_language.get(wanted) or by_base.get(wanted.partition("-")[0]) or contents[0]


def render(content: Content, data: Data) -> Rendered:
    """Fill in the placeholders. Raises TemplateVariableMissing naming every hole."""
    found = faults([content])
    if found:
        raise InvalidArgument(found)
    missing, data = _Missing(), _named(data)
    plain = _environment(missing, escape=False)
    rich = _environment(missing, escape=True)
    subject = plain.from_string(content.subject).render(data)
    rendered = Rendered(
        content.language_code,
        LINE_BREAKS.sub(" ", subject).strip(),
        plain.from_string(content.text).render(data),
        str(Markup(rich.from_string(content.html).render(data))),  # noqa: S704  # autoescaped above
    )
    if missing.names:
        raise TemplateVariableMissing(missing.names)
    return rendered


def render_line(source: str, data: Data) -> str:
    """One line of text such as the title of a task; holes stay empty."""
    environment = _environment(_Missing(), escape=False)
    if _faults_of(environment, source):
        return source
    return LINE_BREAKS.sub(" ", environment.from_string(source).render(_named(data))).strip()
