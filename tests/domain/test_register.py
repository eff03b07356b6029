"""Departures, late joiners, newer calendars and corrections, in the school's stream and in its stages."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from stream_samples import (
    CALENDAR,
    CAMPAIGN,
    GRADE,
    HEAD,
    PRINCIPAL,
    A,
    B,
    C,
    finish_identification,
    identification,
    person,
    policy,
    stage,
)
from test_school import leaving, school

from domain.actors import Role
from domain.refusal import Refusal
from domain.stage_clocks import joiner_due

REGISTER = person("register", Role.REGISTER_OFFICER, "bureau")
NEW = "stu_newcomer01"


def rows_of(stream, kind, who, rows):
    """Return the refused rows of a command, as (position, code)."""
    refusal = stream.refusal(kind, who, rows=rows)
    assert refusal.code == "ROWS_REFUSED"
    return [(row["row"], row["code"]) for row in refusal.parameters["rows"]]


# -- departures -------------------------------------------------------------------------------------------------


def test_a_departure_goes_to_every_stage():
    """One event in the school's stream, one message to each stage (B11)."""
    stream = school()
    stream.do("record_exits", HEAD, rows=[{"student": A, "exit": "abroad", "on": "2025-10-20"}])
    assert stream.last("LeftRegister")["data"] == {"student": A, "exit": "abroad", "on": "2025-10-20"}
    sent = leaving(stream)
    assert {to for to, _, _ in sent} == {"identification", "parent-meetings", "school-visits"}
    assert all((kind, data) == ("student_left", {"student": A, "exit": "abroad"}) for _, kind, data in sent)
    assert stream.machine.view()["pupils"] == 5
    stream.consistent()


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"student": "stu_999999", "exit": "transfer", "on": "2025-10-20"}, "STUDENT_UNKNOWN"),
        ({"student": B, "exit": "transfer", "on": "2025-10-21"}, "OCCURRED_IN_FUTURE"),
        ({"student": A, "exit": "death", "on": "2025-10-01"}, "STUDENT_TWICE"),
    ],
)
def test_a_wrong_departure_stops_the_whole_list(row, code):
    """All rows or none; the place and the code are named."""
    stream = school()
    good = {"student": A, "exit": "transfer", "on": "2025-10-20"}
    assert rows_of(stream, "record_exits", HEAD, [good, row]) == [(1, code)]
    assert "LeftRegister" not in stream.names()


def test_who_left_can_come_back_and_not_leave_twice():
    """A second departure is refused as such; an enrolment says that it is a return."""
    stream = school()
    row = {"student": A, "exit": "transfer", "on": "2025-10-20"}
    stream.do("record_exits", REGISTER, rows=[row])
    assert rows_of(stream, "record_exits", REGISTER, [row]) == [(0, "STUDENT_LEFT")]
    stream.do("enrol_students", REGISTER, rows=[{"student": A, "class_id": "2026-02", "on": "2025-10-20"}])
    assert stream.last("StudentJoined")["data"]["again"] is True
    assert rows_of(stream, "enrol_students", REGISTER, [{"student": A, "class_id": "2026-02", "on": "2025-10-20"}]) == [
        (0, "STUDENT_ENROLLED")
    ]
    stream.consistent()


@pytest.mark.parametrize(
    ("class_id", "on", "code"),
    [
        ("1999-99", "2025-10-20", "CLASS_NOT_OF_COHORT"),
        ("2026-03", "2025-10-20", "CLASS_NOT_OF_COHORT"),
        ("2026-01", "2023-12-31", "DATE_TOO_EARLY"),
        ("2026-01", "2025-10-21", "OCCURRED_IN_FUTURE"),
    ],
)
def test_a_late_joiner_comes_to_a_class_of_the_cohort_in_its_time(class_id, on, code):
    """No class and no year of another cohort; all rows or none."""
    stream = school()
    good = {"student": NEW, "class_id": "2026-01", "on": "2024-01-01"}
    bad = {"student": "stu_newcomer02", "class_id": class_id, "on": on}
    assert rows_of(stream, "enrol_students", REGISTER, [good, bad]) == [(1, code)]
    assert "StudentJoined" not in stream.names()
    stream.do("enrol_students", REGISTER, rows=[good])


def test_a_late_joiner_can_bring_a_new_class_of_the_same_year_of_entry():
    """The cohort that graduates in 2026 entered in 2023; the class is the school's from then on."""
    stream = school()
    stream.do("enrol_students", REGISTER, rows=[{"student": NEW, "class_id": "2023-09", "on": "2025-10-20"}])
    assert stream.state.classes == ["2026-01", "2026-02", "2023-09"]
    early = {"student": A, "exit": "death", "on": "1995-01-01"}
    assert rows_of(stream, "record_exits", REGISTER, [early]) == [(0, "DATE_TOO_EARLY")]
    stream.consistent()


def test_a_foreign_school_records_no_departure():
    """Refused and on record."""
    stream = school()
    stranger = person("other", Role.PRINCIPAL, "9900010009")
    row = {"student": A, "exit": "transfer", "on": "2025-10-20"}
    assert stream.recorded("record_exits", stranger, rows=[row]) == "WRONG_SCHOOL"


def test_a_stage_drops_what_was_still_to_be_done():
    """The pupil is in no class, blocks nothing, and later rows say why the pupil is not there."""
    stream = stage("parent-meetings").to("2025-11-03 08:00")
    before = {blocker.code: blocker.count for blocker in stream.decider.blockers(stream.state)}
    stream.hear("student_left", student=A, exit="death")
    after = {blocker.code: blocker.count for blocker in stream.decider.blockers(stream.state)}
    assert after["HOUSEHOLDS_NOT_INVITED"] == before["HOUSEHOLDS_NOT_INVITED"] - 1
    assert stream.last("StudentRemoved")["data"] == {"student": A, "exit": "death"}
    row = {"student": A, "contact": "call", "outcome": "reached", "at": "2025-11-03T07:00:00+08:00"}
    assert rows_of(stream, "record_followups", HEAD, [row]) == [(0, "STUDENT_LEFT")]
    stream.hear("student_left", student=A, exit="death")
    assert stream.names().count("StudentRemoved") == 1
    stream.consistent()


def test_a_frozen_list_keeps_its_decisions_when_a_pupil_leaves():
    """The digest that was frozen still fits what the state holds."""
    stream = identification()
    finish_identification(stream)
    frozen = stream.state.frozen
    stream.hear("student_left", student=A, exit="transfer")
    assert A in stream.state.pupils
    assert stream.state.frozen == frozen
    stream.consistent()


# -- late joiners -----------------------------------------------------------------------------------------------


def test_a_late_joiner_has_an_own_term_and_never_blocks():
    """Ten working days from joining, or the stage's due date where that is later (B12)."""
    stream = stage("parent-meetings", due="2025-11-07").to("2025-11-03 08:00")
    before = stream.decider.blockers(stream.state)
    stream.hear("student_joined", student=NEW, class_id="2026-01", on="2025-11-03")
    assert stream.state.joined[NEW].isoformat() == "2025-11-17"
    assert stream.decider.blockers(stream.state) == before
    assert NEW in [todo.student for todo in stream.decider.work(stream.state)]
    stream.hear("student_joined", student=NEW, class_id="2026-01", on="2025-11-03")
    assert stream.names().count("StudentEnrolled") == 1
    stream.consistent()


def test_an_extension_is_a_late_joiners_too():
    """The joiner's own day never lies before the stage's."""
    stream = stage("parent-meetings").to("2025-11-04 08:00")
    stream.hear("student_joined", student=NEW, class_id="2026-01", on="2025-11-04")
    stream.do("extend", person("officer", Role.BUREAU_OFFICER, "bureau"), due="2025-12-12", reason="SNOW")
    stream.to("2025-12-12 20:00")
    assert "JoinerOverdue" not in stream.names()
    stream.to("2025-12-13 08:00")
    assert stream.last("JoinerOverdue")["data"] == {"student": NEW, "due": "2025-12-12"}


def test_a_joiner_recorded_late_has_a_whole_term_from_then():
    """Nobody is overdue on the day on which the school first hears of the pupil."""
    stream = stage("parent-meetings").to("2025-12-19 08:00")
    stream.hear("student_joined", student=NEW, class_id="2026-01", on="2025-09-01")
    assert stream.state.came[NEW].isoformat() == "2025-09-01"
    due = joiner_due(stream.state, stream.now.date())
    assert stream.state.joined[NEW] == due > stream.now.date()
    stream.to(f"{due} 20:00")
    assert "JoinerOverdue" not in stream.names()
    stream.to(f"{due} 23:59").to("2026-02-01 08:00")
    assert stream.names().count("JoinerOverdue") == 1


def test_a_second_return_has_a_term_of_its_own():
    """What was overdue before the pupil left is not what is due after the return."""
    stream = stage("parent-meetings").to("2025-11-04 08:00")
    for on, later in (("2025-11-04", "2026-01-05 08:00"), ("2026-01-05", "2026-03-02 08:00")):
        stream.hear("student_joined", student=NEW, class_id="2026-01", on=on)
        stream.to(later)
        assert stream.state.late_joiners == [NEW]
        stream.hear("student_left", student=NEW, exit="transfer")
        assert (stream.state.late_joiners, stream.state.came) == ([], {})
    assert stream.names().count("JoinerOverdue") == 2
    stream.consistent()


def test_a_late_joiners_day_is_noted_once_and_not_when_served():
    """End of the own day with service missing: one event; a served joiner leaves no trace."""
    stream = stage("parent-meetings", due="2025-12-31").to("2025-11-03 08:00")
    stream.hear("student_joined", student=NEW, class_id="2026-01", on="2025-11-03")
    other = "stu_newcomer02"
    stream.hear("student_joined", student=other, class_id="2026-01", on="2025-11-03")
    row = {"student": other, "contact": "call", "outcome": "reached", "at": "2025-11-03T07:30:00+08:00"}
    stream.do("record_followups", HEAD, rows=[row])
    due = joiner_due(stream.state, stream.now.date())
    stream.to(f"{due} 23:00")
    assert "JoinerOverdue" not in stream.names()
    stream.to("2026-01-02 08:00")
    overdue = [item["data"]["student"] for item in stream.ledger if item["type"] == "JoinerOverdue"]
    assert overdue == [NEW]


def test_a_joiner_is_served_after_the_sign_off():
    """The stage stays completed; rows of others are refused as ever."""
    stream = stage("parent-meetings", classes={"2026-01": [A]}).to("2025-11-03 08:00")
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at="2025-11-03T19:00:00+08:00")
    stream.do("invite", HEAD, session="s1")
    stream.to("2025-11-04 08:00")
    attended = [{"student": A, "attended": True, "by": "guardian"}]
    stream.do("record_attendance", HEAD, session="s1", rows=attended)
    stream.do("complete", PRINCIPAL)
    stream.hear("student_joined", student=NEW, class_id="2026-01", on="2025-11-04")
    assert [todo.student for todo in stream.decider.work(stream.state)] == [NEW]
    row = {"student": NEW, "contact": "home_visit", "outcome": "reached", "at": "2025-11-04T07:30:00+08:00"}
    stream.do("record_followups", HEAD, rows=[row])
    assert stream.decider.work(stream.state) == []
    assert stream.refusal("record_followups", HEAD, rows=[{**row, "student": A}]).code == "STAGE_NOT_OPEN"
    assert stream.machine.view()["status"] == "completed"


def test_an_unpublished_year_counts_natural_days():
    """A joiner's term is never left open because the state has not published a year."""
    stream = stage("parent-meetings").to("2025-11-03 08:00")
    joined = date(2027, 6, 1)
    days = stream.state.policy.parameters.joiner_working_days
    assert joiner_due(stream.state, joined) == joined + timedelta(days=days)


# -- the calendar -----------------------------------------------------------------------------------------------


def test_a_newer_calendar_goes_through_the_school_to_the_stages():
    """An older one, or the same, changes nothing."""
    stream = school()
    newer = CALENDAR.model_copy(update={"version": CALENDAR.version + 1}).model_dump(mode="json")
    stream.hear("calendar", sender=CAMPAIGN, calendar=newer)
    sent = leaving(stream)
    assert {(to, kind) for to, kind, _ in sent} == {
        ("identification", "calendar"),
        ("parent-meetings", "calendar"),
        ("school-visits", "calendar"),
    }
    stream.hear("calendar", sender=CAMPAIGN, calendar=newer)
    assert stream.names().count("CalendarPassedOn") == 1
    own = stage("parent-meetings").to("2025-11-03 08:00")
    own.hear("calendar", calendar=newer)
    assert own.state.calendar.version == newer["version"]
    own.consistent()


# -- corrections ------------------------------------------------------------------------------------------------


def recorded_meeting():
    """Return an open meeting with one recorded attendance, and the version of its event."""
    stream = stage("parent-meetings", classes={"2026-01": [A, B]}).to("2025-11-03 08:00")
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at="2025-11-03T19:00:00+08:00")
    stream.to("2025-11-04 08:00")
    attended = [{"student": A, "attended": True, "by": "guardian"}, {"student": B, "attended": False}]
    stream.do("record_attendance", HEAD, session="s1", rows=attended)
    return stream, next(item["version"] for item in stream.ledger if item["type"] == "AttendanceRecorded")


def test_a_correction_names_the_event_and_keeps_it():
    """The original stays; the state follows the correction (S5)."""
    stream, version = recorded_meeting()
    stream.do("correct", HEAD, version=version, values={"attended": False}, reason="WRONG_ROW")
    corrected = stream.last("AttendanceCorrected")["data"]
    assert (corrected["student"], corrected["attended"], corrected["corrects"]) == (A, False, version)
    assert stream.names().count("AttendanceRecorded") == 2
    assert stream.state.households[A].outcome is None
    refusal = stream.refusal("correct", HEAD, version=version, values={"attended": True}, reason="WRONG_ROW")
    assert refusal.code == "NOT_CORRECTABLE"
    stream.consistent()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"values": {"attended": False}}, "REASON_REQUIRED"),
        ({"values": {"student": C}, "reason": "WRONG_ROW"}, "COMMAND_INVALID"),
        ({"values": {"mark": "7"}, "reason": "WRONG_ROW"}, "COMMAND_INVALID"),
        ({"values": {"attended": "perhaps"}, "reason": "WRONG_ROW"}, "COMMAND_INVALID"),
        ({"values": {"by": "neighbour"}, "reason": "WRONG_ROW"}, "COMMAND_INVALID"),
        ({"values": {"attended": True}, "reason": "WRONG_ROW"}, "ATTENDED_BY_MISSING"),
    ],
)
def test_a_correction_obeys_the_rows_own_rules(fields, code):
    """Nothing is corrected into what could not have been recorded."""
    stream, version = recorded_meeting()
    assert stream.refusal("correct", HEAD, version=version, **fields).code == code
    assert "AttendanceCorrected" not in stream.names()


def test_a_completed_stage_is_reopened_before_it_is_corrected():
    """The sign-off is withdrawn with a reason first, so that dependants are told."""
    stream, version = recorded_meeting()
    stream.do("skip", person("officer", Role.BUREAU_OFFICER, "bureau"), reason="SNOW")
    refusal = stream.refusal("correct", HEAD, version=version, values={"attended": False}, reason="WRONG_ROW")
    assert refusal.code == "STAGE_NOT_OPEN"


# -- staff ------------------------------------------------------------------------------------------------------


def test_a_replacement_of_staff_stays_in_the_record():
    """References, role, classes, day and reason; never a name."""
    stream = school()
    fields = {"leaving": "stf_0001", "joining": "stf_0002", "role": "class_head", "classes": ["2026-01"]}
    refusal = stream.refusal("replace_staff", PRINCIPAL, on="2025-10-20", **fields)
    assert refusal.code == "REASON_REQUIRED"
    stream.do("replace_staff", PRINCIPAL, on="2025-10-20", reason="SICK_LEAVE", **fields)
    assert stream.last("StaffReplaced")["data"] == {**fields, "on": "2025-10-20", "reason": "SICK_LEAVE"}
    same = {**fields, "joining": "stf_0001", "on": "2025-10-20", "reason": "SICK_LEAVE"}
    with pytest.raises(Refusal, match="STAFF_THE_SAME"):
        stream.machine.submit(stream.command("replace_staff", PRINCIPAL, **same), stream.now)
    assert stream.refusal("replace_staff", GRADE, on="2025-10-20", **fields).code == "ROLE_NOT_ALLOWED"


def test_streams_of_an_older_release_keep_what_they_began_with():
    """A later stage of an older campaign has no content and can only be skipped."""
    stream = stage("school-visits", after=[]).to("2025-12-01 08:00")
    assert stream.machine.view()["status"] == "planned"
    assert [blocker["code"] for blocker in stream.machine.view()["blockers"]] == ["STAGE_HAS_NO_CONTENT"]
    assert policy().parameters.joiner_working_days == 10


def test_a_stage_that_begins_late_reminds_of_nothing_that_had_passed():
    """A campaign launched after its window: it opens and is overdue at once, and no reminder of last year goes out."""
    content = {"release": 2, "year": 2026, "snapshot": "snp_000001", "snapshot_digest": "0" * 64, "rule": {}}
    stream = stage("school-visits", now="2026-01-15 09:00", after=[], due="2025-12-19", content=content)
    stream.to("2026-01-15 09:30")
    assert [name for name in stream.names() if name != "StagePlanned"] == ["StageOpened", "StageOverdue"]
    stream.to("2026-01-19 09:00")
    assert stream.names().count("StageEscalated") == 1
    assert "StageReminded" not in stream.names()
