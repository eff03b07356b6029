"""Calendar files: what all readers of an occasion share is written once, and each reader's own lines stand in it."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st
from icalendar import Calendar

from notices.calendars import Entry, calendar_file

TITLES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1)
AT = datetime(2025, 3, 10, 11, 0, tzinfo=UTC)


@given(TITLES, st.integers(1, 200))
@example("家长会邀请：2025年3月10日（星期一）19:00，地点：校内；请带 a;b,c\\d", 60)
@example("\U00020000" * 40, 1)
def test_any_title_and_any_address_read_back_and_no_line_is_too_long(title, length):
    """RFC 5545: escaped text, lines of at most 75 octets, folded between characters."""
    entry = Entry("u@diversion-campaign", 2, AT, "notices@county.invalid", f"{'a' * length}@family.invalid")
    file = calendar_file(entry, "REQUEST", title, AT, 90)
    lines = file.split(b"\r\n")
    assert lines[-1] == b""
    assert max(map(len, lines)) <= 75
    assert [line.decode() for line in lines]
    (event,) = Calendar.from_ical(file).walk("VEVENT")
    assert str(event["summary"]) == title
    assert str(event["attendee"]) == f"mailto:{'a' * length}@family.invalid"
    assert (event["attendee"].params["RSVP"], str(event["organizer"])) == ("FALSE", "mailto:notices@county.invalid")
