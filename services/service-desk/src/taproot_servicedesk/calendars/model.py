"""A calendar: opening hours that promises of time count in."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

import holidays
from sqlalchemy.orm import Mapped, mapped_column

from taproot_base.errors import AppError, InvalidArgument
from taproot_records.keeping import Kept
from taproot_servicedesk.base import Base
from taproot_servicedesk.calendars.worktime import BusinessCalendar, Hours, PublicHolidays, check_disjoint
from taproot_storage.model import Customizable

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class CalendarInUse(AppError):
    reason = "CALENDAR_IN_USE"

    def __init__(self) -> None:
        super().__init__("a policy uses the calendar; give the policy another one first")


class Calendar(Customizable, Kept, Base):
    """`opening_hours`: {day `monday`.., start, end}; `special_days`: {date, display_name, hours: [{start, end}]}."""

    __tablename__ = "calendars"
    aggregate_type: ClassVar[str] = "calendar"

    display_name: Mapped[str] = mapped_column(default="")
    time_zone: Mapped[str] = mapped_column(default="")
    opening_hours: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    holiday_country: Mapped[str] = mapped_column(default="")
    holiday_subdivision: Mapped[str] = mapped_column(default="")
    special_days: Mapped[list[dict[str, Any]]] = mapped_column(default=list)

    def _check(self) -> None:
        check_calendar(self)

    @property
    def worktime(self) -> BusinessCalendar:
        return worktime_of(
            self.time_zone,
            self.opening_hours,
            self.special_days,
            self.holiday_country,
            self.holiday_subdivision,
        )


def minutes(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def _hours(span: dict[str, Any]) -> Hours:
    return Hours(minutes(span["start"]), minutes(span["end"]))


def worktime_of(
    time_zone: str,
    opening_hours: list[dict[str, Any]],
    special_days: list[dict[str, Any]],
    holiday_country: str,
    holiday_subdivision: str,
) -> BusinessCalendar:
    week = tuple(tuple(sorted(_hours(span) for span in opening_hours if span["day"] == day)) for day in DAYS)
    special = {
        date.fromisoformat(day["date"]): tuple(_hours(span) for span in day["hours"]) for day in special_days
    }
    public = PublicHolidays(holiday_country, holiday_subdivision) if holiday_country else None
    return BusinessCalendar(ZoneInfo(time_zone), week, special, public)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def check_calendar(calendar: Calendar) -> None:
    """Raises InvalidArgument with every violation at once."""
    faults: list[tuple[str, str]] = []
    if not calendar.display_name:
        faults.append(("calendar.display_name", "a name is required"))
    if calendar.time_zone not in _zones():
        faults.append(("calendar.time_zone", "an IANA time zone is required, such as `Asia/Shanghai`"))
    if not calendar.opening_hours:
        faults.append(("calendar.opening_hours", "at least one span of opening hours is required"))
    faults += _hours_faults(calendar)
    faults += _holiday_faults(calendar)
    if faults:
        raise InvalidArgument(faults)


def _hours_faults(calendar: Calendar) -> list[tuple[str, str]]:
    by_day: dict[str, list[dict[str, Any]]] = {}
    for span in calendar.opening_hours:
        by_day.setdefault("calendar.opening_hours", [])
        by_day.setdefault(f"calendar.opening_hours day {span['day']}", []).append(span)
    for day in calendar.special_days:
        by_day[f"calendar.special_days {day['date']}"] = day["hours"]
    faults = []
    for field, spans in by_day.items():
        try:
            check_disjoint([_hours(span) for span in spans])
        except ValueError as error:
            faults.append((field, str(error)))
    return faults


def _holiday_faults(calendar: Calendar) -> list[tuple[str, str]]:
    country, part = calendar.holiday_country, calendar.holiday_subdivision
    known = holidays.list_supported_countries()
    if country and country not in known:
        return [("calendar.holiday_country", "the public holidays of this country are not known")]
    if part and part not in known.get(country, ()):
        return [("calendar.holiday_subdivision", f"there is no such part of {country or 'no country'}")]
    return []
