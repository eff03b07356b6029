"""Complaints and newer calendars in the campaign's own stream."""

from __future__ import annotations

from datetime import date

import pytest
from stream_samples import CALENDAR, HEAD, OFFICER, PRINCIPAL, person
from test_campaign import FIRST, draft

from domain.actors import ANONYMOUS, Role
from domain.calendar import Calendar, CalendarYear
from domain.campaign import published
from domain.refusal import Refusal

DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")
AUDITOR = person("auditor", Role.AUDITOR, "bureau")


def complained(about=FIRST, who=ANONYMOUS):
    """Return a campaign with one complaint."""
    stream = draft()
    stream.do("complain", who, complaint="c-1", about=about, matter="PRESSURE")
    return stream


def test_anybody_complains_without_a_name_and_gets_an_owner_and_two_days():
    """One working day to answer, fifteen to decide; the owner is outside the unit (INV-32)."""
    stream = complained()
    received = stream.last("ComplaintReceived")
    assert received["actor"]["id"] == "anonymous"
    assert received["data"] == {
        "complaint": "c-1",
        "about": FIRST,
        "matter": "PRESSURE",
        "owner": "discipline_officer",
        "acknowledge_by": "2025-10-21",
        "decide_by": "2025-11-10",
    }
    assert stream.machine.view()["open_complaints"] == 1
    stream.consistent()


@pytest.mark.parametrize(
    ("about", "who", "owner"),
    [(FIRST, HEAD, "discipline_officer"), ("bureau", ANONYMOUS, "auditor"), (FIRST, DISCIPLINE, "auditor")],
)
def test_nobody_owns_a_complaint_about_themselves(about, who, owner):
    """A complaint about the bureau, or by its officer, goes to the auditor."""
    assert complained(about, who).last("ComplaintReceived")["data"]["owner"] == owner


def test_only_the_owner_touches_a_complaint():
    """Another officer's attempt is refused and on record; the school's roles have no such command."""
    stream = complained()
    assert stream.recorded("decide_complaint", AUDITOR, complaint="c-1", outcome="UPHELD", reason="X_Y") == (
        "COMPLAINT_OF_ANOTHER"
    )
    assert stream.refusal("acknowledge_complaint", PRINCIPAL, complaint="c-1").code == "ROLE_NOT_ALLOWED"
    assert stream.refusal("acknowledge_complaint", OFFICER, complaint="c-1").code == "ROLE_NOT_ALLOWED"


@pytest.mark.parametrize("who", [AUDITOR, person("clerk", Role.CLASS_HEAD, on_behalf_of=AUDITOR.id)])
def test_nobody_decides_a_complaint_of_their_own(who):
    """Nor one that somebody made in their name; another person of the role does. No state holds who complained."""
    stream = complained("bureau", who)
    deputy = person("deputy", Role.AUDITOR, "bureau", on_behalf_of=AUDITOR.id)
    for own in (AUDITOR, deputy):
        assert stream.recorded("acknowledge_complaint", own, complaint="c-1") == "SELF_APPROVAL"
        answer = {"complaint": "c-1", "outcome": "NOT_UPHELD", "reason": "SEEN"}
        assert stream.recorded("decide_complaint", own, **answer) == "SELF_APPROVAL"
    assert not any(person_.id in stream.state.complaints["c-1"].model_dump_json() for person_ in (who, AUDITOR))
    stream.restart()
    stream.do("decide_complaint", person("other", Role.AUDITOR, "bureau"), **answer)
    stream.consistent()


def test_what_nobody_signed_keeps_no_owner_away():
    """An unnamed complaint is nobody's own."""
    stream = complained("bureau")
    assert stream.state.complaints["c-1"].made_by == []
    stream.do("acknowledge_complaint", AUDITOR, complaint="c-1")


def test_a_complaint_is_answered_and_decided_once():
    """Acknowledged, decided with a reason, then nothing is left."""
    stream = complained()
    stream.do("acknowledge_complaint", DISCIPLINE, complaint="c-1")
    assert stream.refusal("acknowledge_complaint", DISCIPLINE, complaint="c-1").code == "COMPLAINT_ACKNOWLEDGED"
    assert stream.refusal("decide_complaint", DISCIPLINE, complaint="c-1", outcome="UPHELD").code == "REASON_REQUIRED"
    stream.do("decide_complaint", DISCIPLINE, complaint="c-1", outcome="UPHELD", reason="CONFIRMED_BY_PARENTS")
    again = stream.refusal("decide_complaint", DISCIPLINE, complaint="c-1", outcome="UPHELD", reason="X_Y")
    assert again.code == "COMPLAINT_DECIDED"
    assert "open_complaints" not in stream.machine.view()
    assert stream.refusal("complain", ANONYMOUS, complaint="c-1", about=FIRST, matter="FEE").code == "COMPLAINT_EXISTS"
    unknown = stream.refusal("acknowledge_complaint", DISCIPLINE, complaint="c-2")
    assert unknown.code == "COMPLAINT_UNKNOWN"
    stream.consistent()


def test_a_published_year_reaches_every_school():
    """The version grows by one, the added year is named."""
    stream = draft()
    known = Calendar.model_validate(stream.state.calendar)
    year = max(known.years) + 1
    more = known.model_copy(update={"years": {**known.years, year: CalendarYear()}})
    stream.do("publish_calendar", OFFICER, calendar=more.model_dump(mode="json"))
    assert stream.last("CalendarPublished")["data"]["added_years"] == [year]
    assert stream.state.calendar["version"] == known.version + 1
    same = stream.refusal("publish_calendar", OFFICER, calendar=stream.state.calendar)
    assert same.code == "CALENDAR_NOT_NEWER"
    stream.consistent()


def test_a_calendar_never_changes_the_past():
    """Due dates were counted by those days; days to come may change."""
    today = date(2025, 10, 20)
    closed = CALENDAR.model_copy(update={"closed": (*CALENDAR.closed, date(2025, 10, 17))})
    with pytest.raises(Refusal, match="CALENDAR_PAST_CHANGED"):
        published(CALENDAR, closed, today)
    ahead = CALENDAR.model_copy(update={"closed": (*CALENDAR.closed, date(2025, 10, 22))})
    assert published(CALENDAR, ahead, today).changed_days == (date(2025, 10, 22),)
    fewer = CALENDAR.model_copy(update={"years": dict(list(CALENDAR.years.items())[:-1])})
    with pytest.raises(Refusal, match="CALENDAR_PAST_CHANGED"):
        published(CALENDAR, fewer, today)


def test_a_calendar_is_judged_by_the_day_on_which_it_is_published():
    """No backdating opens a day that has been counted by."""
    stream = draft()
    stream.to("2025-11-20 08:00")
    closed = CALENDAR.model_copy(update={"closed": (*CALENDAR.closed, date(2025, 11, 18))}).model_dump(mode="json")
    for said in ({}, {"occurred_at": "2025-11-16T08:00:00+08:00"}):
        assert stream.refusal("publish_calendar", OFFICER, calendar=closed, **said).code == "CALENDAR_PAST_CHANGED"


def test_a_list_of_staff_is_on_record_by_its_digest():
    """Counts and a digest; a list that changes nothing is refused."""
    stream = draft()
    fields = {"digest": "a" * 64, "added": 2, "changed": 0, "removed": 1}
    stream.do("import_staff", OFFICER, **fields)
    assert stream.last("StaffListImported")["data"] == fields
    nothing = stream.refusal("import_staff", OFFICER, digest="a" * 64, added=0, changed=0, removed=0)
    assert nothing.code == "STAFF_THE_SAME"
