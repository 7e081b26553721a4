"""Dates as files write them. Which of day and month comes first is the column's to say, not the cell's."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

DAY_FIRST, MONTH_FIRST = "DMY", "MDY"
ORDERS = (DAY_FIRST, MONTH_FIRST)
_DATE = re.compile(r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T ].*)?$")
_SHORT_DATE = re.compile(r"^(\d{1,2})\s*([-/.])\s*(\d{1,2})\s*\2\s*(\d{4}|\d{2})(?:[ T,].*)?$")
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})(?:\.0)?$")
_NAMED = (
    re.compile(r"^(?P<day>\d{1,2})(?:st|nd|rd|th)?[ -]*(?P<month>[a-z]{3,9})\.?[ ,-]*(?P<year>\d{4}|\d{2})(?: .*)?$", re.IGNORECASE),
    re.compile(r"^(?P<month>[a-z]{3,9})\.? *(?P<day>\d{1,2})(?:st|nd|rd|th)?[ ,]+(?P<year>\d{4})(?: .*)?$", re.IGNORECASE),
)  # fmt: skip
# Birthdays whose year is not told; some programs write the leap year 1604 for it.
_YEARLESS = re.compile(r"^(?:--\d{2}-?\d{2}|\d{1,2}[-/]\d{1,2}|\d{1,2}月\d{1,2}日|1604[-/]?\d{2}[-/]?\d{2})$")
_MONTH_NAMES = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_TIME = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?:\.\d+)?\s*(?P<half>[ap]m)?", re.IGNORECASE
)
_NOON = 12
_MONTHS = 12
_CENTURY = 100


class NoYear(ValueError):
    """The text is a day of every year."""


def read_date(text: str, *, day_first: bool) -> dt.date:
    """Raises ValueError with a reason a person understands; NoYear for the day of a year that is not told."""
    if _YEARLESS.match(text):
        raise NoYear("has no year")
    found = _DATE.match(text) or _COMPACT.match(text)
    if found:
        return _date(*map(int, found.groups()))
    short = _SHORT_DATE.match(text)
    if short is None:
        return _named(text)
    first, mark, second, year = int(short[1]), short[2], int(short[3]), _full_year(short[4])
    days_lead = day_first or mark == "." or first > _MONTHS
    if second > _MONTHS >= first:
        days_lead = False
    return _date(year, second, first) if days_lead else _date(year, first, second)


def read_moment(text: str, *, day_first: bool) -> dt.datetime:
    """With a time of day where one is written; without a zone it is UTC. Raises ValueError."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        day = read_date(text, day_first=day_first)
        time = _TIME.search(text)
        moment = dt.datetime.combine(day, _time(time) if time else dt.time())
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)


def _time(found: re.Match[str]) -> dt.time:
    hour, half = int(found["hour"]), (found["half"] or "").casefold()
    if half == "pm" and hour < _NOON:
        hour += _NOON
    elif half == "am" and hour == _NOON:
        hour = 0
    try:
        return dt.time(hour, int(found["minute"]), int(found["second"] or 0))
    except ValueError as error:
        raise ValueError("no such time of day") from error


def _named(text: str) -> dt.date:
    for form in _NAMED:
        found = form.match(text)
        month = _MONTH_NAMES.get(found["month"][:3].casefold()) if found else None
        if found and month:
            return _date(_full_year(found["year"]), month, int(found["day"]))
    raise ValueError("not a date")


def _full_year(text: str) -> int:
    """Two figures are of the hundred years that end with this one."""
    if len(text) > 2:  # figures of a short year
        return int(text)
    now = dt.datetime.now(dt.UTC).year
    year = now - now % _CENTURY + int(text)
    return year if year <= now else year - _CENTURY


def order_of(cells: Iterable[str]) -> str:
    """What a column's unambiguous dates say about the others; empty when there are none, or they disagree."""
    orders = {order for cell in cells if (order := _order(cell.strip()))}
    return orders.pop() if len(orders) == 1 else ""


def holds_short_dates(cells: Iterable[str]) -> bool:
    return any(_SHORT_DATE.match(cell.strip()) for cell in cells)


def _order(cell: str) -> str:
    found = _SHORT_DATE.match(cell)
    if found is None:
        return ""
    if found[2] == "." or int(found[1]) > _MONTHS:
        return DAY_FIRST
    return MONTH_FIRST if int(found[3]) > _MONTHS else ""


def _date(year: int, month: int, day: int) -> dt.date:
    try:
        return dt.date(year, month, day)
    except ValueError as error:
        raise ValueError("no such day") from error
