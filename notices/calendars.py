"""Calendar entries (RFC 5545, RFC 5546): invitation and cancellation are one entry, by UID and SEQUENCE (G14)."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from icalendar import Calendar, Event, vCalAddress, vText
from icalendar.parser import Contentline, Parameters

from notices.catalogue import Method

PRODUCT: Final = "-//diversion-campaign//notices//EN"

FOLDED_FROM: Final = 75
"""Octets of a line, without its end, from which the library folds it: it counts one below what RFC 5545 allows."""


@dataclass(frozen=True)
class Entry:
    """Whose entry, and which.

    Attributes:
        uid: the same for every message about one occasion and recipient.
        sequence: 0 for the invitation; greater for each change and for the cancellation.
        written_at: when the notice was planned, so that a repeated message is the same message.
        organizer: the sender's address.
        attendee: the recipient's address.
    """

    uid: str
    sequence: int
    written_at: datetime
    organizer: str
    attendee: str = field(repr=False)


def entry_uid(stream: str, occasion: str, recipient: str) -> str:
    """Return the UID of one recipient's entry: a digest, which says nothing about the recipient.

    Args:
        stream: the stage, which has the campaign and the school in its id.
        occasion: the session's or the trip's reference.
        recipient: as in the outbox.
    """
    key = f"{stream}\n{occasion}\n{recipient}"
    return f"{hashlib.sha256(key.encode()).hexdigest()[:40]}@diversion-campaign"


def calendar_file(entry: Entry, method: Method, summary: str, begins: datetime, minutes: int) -> bytes:
    """Return the iCalendar file: times in UTC, which every calendar shows in the reader's own zone.

    Args:
        entry: whose entry.
        method: REQUEST invites and changes, CANCEL takes it back.
        summary: the entry's title.
        begins: when the occasion begins.
        minutes: how long it is shown.
    """
    about = (entry.sequence, entry.written_at, entry.organizer, method, summary, begins, minutes)
    before, after = _of_everybody(*about)
    attendee, uid = _own()
    own = (f"{attendee}{entry.attendee}", f"{uid}{entry.uid}")
    return before + b"".join(_folded(line) + b"\r\n" for line in own) + after


@functools.cache
def _own() -> tuple[str, str]:
    """Return how the lines of one reader begin: an address and a digest follow, in which nothing is escaped."""
    whose = vCalAddress("mailto:")
    whose.params["RSVP"] = vText("FALSE")  # nobody has to answer; no answer is no consent
    attendee = Contentline.from_parts("ATTENDEE", whose.params, whose)
    return str(attendee), str(Contentline.from_parts("UID", Parameters(), vText("")))


def _folded(line: str) -> bytes:
    """Return a line as it stands in the file; the library folds the long ones, character by character."""
    written = line.encode()
    if len(written) < FOLDED_FROM:
        return written
    return bytes(Contentline(line).to_ical())  # type: ignore[no-untyped-call]


@functools.lru_cache(maxsize=256)
def _of_everybody(
    sequence: int, written_at: datetime, organizer: str, method: Method, summary: str, begins: datetime, minutes: int
) -> tuple[bytes, bytes]:
    """Return the file before and after the lines that are one reader's own: an occasion has hundreds of readers."""
    event = Event()
    event.add("sequence", sequence)
    event.add("dtstamp", written_at.astimezone(UTC))
    event.add("dtstart", begins.astimezone(UTC))
    event.add("dtend", (begins + timedelta(minutes=minutes)).astimezone(UTC))
    event.add("summary", summary)
    event.add("status", "CONFIRMED" if method == "REQUEST" else "CANCELLED")
    event.add("organizer", vCalAddress(f"mailto:{organizer}"))
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    before, end, after = bytes(calendar.to_ical()).rpartition(b"END:VEVENT")
    return before, end + after
