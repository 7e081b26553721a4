"""An agenda as iCalendar (RFC 5545). Pure.

Each occurrence is an event of its own: what was moved or cancelled out of a series is right without exceptions to rules,
which calendars read differently. Tasks are events without a length, since most calendars do not show to-dos of feeds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp
from icalendar import Calendar, Event, vCalAddress

from taproot.customer.v1 import agenda_service_pb2 as pb
from taproot.customer.v1 import participant_pb2
from taproot_base import wire

REFRESH = dt.timedelta(minutes=30)
_TASK, _CARE_DATE = pb.AGENDA_RESOURCE_TASK, pb.AGENDA_RESOURCE_CARE_DATE
_STATES = {
    participant_pb2.PARTICIPANT_RESPONSE_ACCEPTED: "ACCEPTED",
    participant_pb2.PARTICIPANT_RESPONSE_DECLINED: "DECLINED",
    participant_pb2.PARTICIPANT_RESPONSE_TENTATIVE: "TENTATIVE",
}
_DONE = "done"
_DAY = dt.timedelta(days=1)


def calendar(owner: str, entries: Iterable[pb.AgendaEntry]) -> bytes:
    """The same entries give the same bytes. `owner`: whose calendar it is, its identity for programs."""
    made = Calendar.new(
        uid=owner, prodid="-//Taproot//Calendar//EN", name="Taproot", refresh_interval=REFRESH
    )
    # What came before RFC 7986 and is still read by most.
    made.add("X-WR-CALNAME", "Taproot")
    made.add("X-PUBLISHED-TTL", REFRESH)
    found = {_uid(entry): entry for entry in entries}
    for uid, entry in sorted(found.items()):
        made.add_component(_event(uid, entry))
    text: bytes = made.to_ical()
    return text


def _uid(entry: pb.AgendaEntry) -> str:
    """The same for one occurrence whenever it is asked for, moved or not."""
    slot = f"-{entry.occurrence_time.seconds}" if entry.HasField("occurrence_time") else ""
    day = f"-{wire.from_date(entry.date).year}" if entry.HasField("date") else ""
    return f"{entry.id}{slot}{day}@taproot"


def _event(uid: str, entry: pb.AgendaEntry) -> Event:
    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", _instant(entry.update_time))
    event.add("last-modified", _instant(entry.update_time))
    event.add("summary", _summary(entry))
    if entry.kind:
        event.add("categories", [entry.kind])
    if entry.resource == _CARE_DATE:
        day = wire.from_date(entry.date)
        event.add("dtstart", day)
        event.add("dtend", day + _DAY)
    else:
        event.add("dtstart", _instant(entry.start_time))
        if entry.HasField("end_time"):
            event.add("dtend", _instant(entry.end_time))
    _add_people(event, entry)
    # Only what takes the user's time makes the user busy.
    busy = entry.HasField("end_time") and entry.resource == pb.AGENDA_RESOURCE_ACTIVITY
    event.add("transp", "OPAQUE" if busy else "TRANSPARENT")
    return event


def _add_people(event: Event, entry: pb.AgendaEntry) -> None:
    """By their ids: an address would be shown to whoever has the calendar's."""
    if entry.participants and entry.owner_id:
        event.add("organizer", vCalAddress(f"urn:uuid:{entry.owner_id}"))
    for one in entry.participants:
        person = vCalAddress(f"urn:uuid:{one.user_id or one.contact_id}")
        if one.display_name:
            person.params["CN"] = one.display_name
        person.params["ROLE"] = "REQ-PARTICIPANT"
        person.params["PARTSTAT"] = _STATES.get(one.response, "NEEDS-ACTION")
        event.add("attendee", person)


def _summary(entry: pb.AgendaEntry) -> str:
    done = "✓ " if entry.state == _DONE else ""
    box = "☐ " if entry.resource == _TASK and not done else ""
    names = [name for name in (entry.display_name or entry.kind, entry.customer_display_name) if name]
    return f"{done or box}{' · '.join(names)}"


def _instant(moment: Timestamp) -> dt.datetime:
    return wire.from_timestamp(moment).replace(microsecond=0)
