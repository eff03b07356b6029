"""Daily reports: conservation, zero and missing, late, corrected (R-13, INV-14, INV-15, edge case 28; S10)."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_samples import CALENDAR, CLASSES, GRADE, HEAD, OFFICER, PRINCIPAL, STRANGER, A, B, D, when
from watch_courses import (
    FIRST,
    REGISTRAR,
    SCHOOL_STREAM,
    SECOND,
    attendance,
    codes,
    days,
    report,
    row,
    rows,
)

from domain.attendance_periods import figures, report_rates
from domain.calendar import Calendar
from domain.rates import report_complete_rate, report_on_time_rate
from domain.refusal import Refusal
from domain.time import stamp

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (f"2025-11-0{number}" for number in range(3, 8))


def test_a_day_without_absences_is_a_zero_report_and_counts_as_filed():
    """R-13: a zero report is a signed statement that all were there."""
    stream = attendance()
    assert report(stream, MONDAY) == ["ZeroReportFiled"]
    assert stream.last("ZeroReportFiled")["data"]["present"] == 6
    assert stream.decider.view(stream.state)["reports"] == {
        "due": 1, "filed": 1, "in_time": 1, "missed": 0, "zero": 1,
    }  # fmt: skip
    stream.consistent()


def test_leave_or_movement_or_an_absence_make_it_a_daily_report():
    """Anything to tell makes a report that says it."""
    stream = attendance().to(f"{MONDAY} 15:00")
    stream.do("file_daily_report", GRADE, day=MONDAY, classes=[row(FIRST, 2, on_leave=1), row(SECOND)])
    assert stream.names()[-1] == "DailyReportFiled"
    assert report(stream, TUESDAY, A) == ["DailyReportFiled", "AbsenceNoted"]


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([row(FIRST, 2), row(SECOND)], [(0, "REPORT_DOES_NOT_ADD_UP")]),
        ([row(FIRST, 3, A), row(SECOND)], [(0, "REPORT_DOES_NOT_ADD_UP")]),
        ([row(FIRST, 2, D), row(SECOND)], [(0, "STUDENT_NOT_IN_CLASS")]),
        ([row(FIRST, 1, A, A), row(SECOND)], [(0, "STUDENT_TWICE")]),
        ([row(FIRST), row(SECOND), row(FIRST)], [(2, "CLASS_TWICE")]),
        ([row(FIRST), row(SECOND), row("2026-09", 0)], [(2, "CLASS_UNKNOWN")]),
        ([row(FIRST, joined=1), row(SECOND, left=2)], [(0, "MOVEMENT_NOT_ON_RECORD"), (1, "MOVEMENT_NOT_ON_RECORD")]),
    ],
)
def test_rows_that_cannot_be_true_are_refused_whole(classes, expected):
    """INV-14: every pupil on the register is in exactly one place; all rows or none."""
    stream = attendance().to(f"{MONDAY} 15:00")
    assert codes(stream.refusal("file_daily_report", GRADE, day=MONDAY, classes=classes)) == expected


def test_a_class_that_is_left_out_is_named():
    """A class with nothing to tell is reported too."""
    stream = attendance().to(f"{MONDAY} 15:00")
    refusal = stream.refusal("file_daily_report", GRADE, day=MONDAY, classes=[row(FIRST)])
    assert (refusal.code, refusal.parameters["classes"]) == ("CLASSES_MISSING", [SECOND])


@pytest.mark.parametrize(
    ("day", "now", "code"),
    [
        (TUESDAY, f"{MONDAY} 15:00", "REPORT_DAY_AHEAD"),
        ("2025-10-31", f"{MONDAY} 15:00", "REPORT_DAY_OUTSIDE"),
        ("2025-11-08", "2025-11-10 15:00", "NOT_A_SCHOOL_DAY"),
    ],
)
def test_a_day_that_has_no_report(day, now, code):
    """Neither tomorrow nor a Sunday nor a day before the attendance began."""
    assert attendance().to(now).refusal("file_daily_report", GRADE, day=day, classes=rows()).code == code


def test_a_second_report_of_a_day_is_refused():
    """Edge case 28: a correction, not a new report."""
    stream = attendance()
    report(stream, MONDAY)
    assert stream.refusal("file_daily_report", GRADE, day=MONDAY, classes=rows(A)).code == "REPORT_ALREADY_FILED"


def test_who_may_report():
    """The school's own people; another school's attempt is kept."""
    stream = attendance().to(f"{MONDAY} 15:00")
    assert stream.refusal("file_daily_report", OFFICER, day=MONDAY, classes=rows()).code == "ROLE_NOT_ALLOWED"
    assert stream.recorded("file_daily_report", STRANGER, day=MONDAY, classes=rows()) == "WRONG_SCHOOL"
    for who in (HEAD, GRADE, PRINCIPAL):
        stream.machine.check(stream.command("file_daily_report", who, day=MONDAY, classes=rows()), stream.now)


# -- time -------------------------------------------------------------------------------------------------------


def test_silence_is_reminded_missed_and_chased_and_never_a_zero():
    """INV-15: 16:00 reminder, 20:00 missed, chased the next school day at 9."""
    stream = attendance().to(f"{TUESDAY} 09:30")
    told = [(name, stream.moments(name)) for name in ("ReportReminded", "ReportMissed", "ReportChased")]
    assert told == [
        ("ReportReminded", [f"{MONDAY} 16:00"]),
        ("ReportMissed", [f"{MONDAY} 20:00"]),
        ("ReportChased", [f"{TUESDAY} 09:00"]),
    ]
    found = figures(stream.state, stream.state.first, stream.state.last)
    assert (found["due"], found["filed"], found["missed"], found["zero"]) == (1, 0, 1, 0)


def test_a_filed_report_is_neither_reminded_of_nor_missed():
    """Reminders stop the moment the work is done."""
    stream = attendance()
    report(stream, MONDAY)
    stream.to(f"{TUESDAY} 10:00")
    assert not {"ReportReminded", "ReportMissed"} & set(stream.names())


@pytest.mark.parametrize(
    ("at", "said", "fields", "on_time"),
    [
        ("17:00", None, {}, True),
        ("17:01", None, {}, False),
        ("18:00", "16:30", {}, False),
        ("18:00", "16:30", {"paper": "paper-7"}, False),
        ("18:00", "16:30", {"paper": "paper-7", "witness": "stf_witness"}, True),
        ("18:00", "17:30", {"paper": "paper-7", "witness": "stf_witness"}, False),
    ],
)
def test_in_time_is_judged_by_when_it_was_made_with_a_paper_for_what_is_recorded_later(at, said, fields, on_time):
    """DOMAIN §7.6: late-recorded but in time only with the paper and a witness, and marked so."""
    stream = attendance().to(f"{MONDAY} {at}")
    occurred = {"occurred_at": stamp(when(f"{MONDAY} {said}"))} if said else {}
    stream.do("file_daily_report", GRADE, day=MONDAY, classes=rows(), **occurred, **fields)
    assert stream.last("ZeroReportFiled")["data"]["on_time"] is on_time
    assert ("ReportFiledLate" in stream.names()) is not on_time


def test_a_report_that_comes_after_the_evening_is_late_and_no_longer_missed():
    """The missing one stays on record as an event; the rates count it as filed late."""
    stream = attendance().to(f"{WEDNESDAY} 08:00")
    stream.do("file_daily_report", GRADE, day=MONDAY, classes=rows())
    found = figures(stream.state, stream.state.first, stream.state.last)
    assert [found[name] for name in ("due", "filed", "in_time", "missed")] == [2, 1, 0, 1]
    assert stream.names().count("ReportMissed") == 2


def test_make_up_days_count_and_holidays_do_not():
    """调休: Sunday 28 September 2025 is a school day, 1 to 8 October is none."""
    stream = attendance("2025-09-25 08:00", first="2025-09-25", last="2025-10-31").to("2025-10-12 08:00")
    assert stream.moments("ReportMissed") == [
        "2025-09-25 20:00", "2025-09-26 20:00", "2025-09-28 20:00", "2025-09-29 20:00", "2025-09-30 20:00",
        "2025-10-09 20:00", "2025-10-10 20:00", "2025-10-11 20:00",
    ]  # fmt: skip


def test_a_snow_day_has_no_report():
    """A county's own closed day needs none, once the calendar says so."""
    stream = attendance().to(f"{MONDAY} 08:00")
    snow = CALENDAR.model_copy(update={"version": 2, "closed": (date(2025, 11, 4),)})
    stream.hear("calendar", SCHOOL_STREAM, calendar=snow.model_dump(mode="json"))
    days(stream, MONDAY, WEDNESDAY)
    assert stream.moments("ReportMissed") == []


def test_an_unpublished_year_never_loses_a_report():
    """A day that nobody can judge is neither due nor refused; the calendar, once there, finds what was missed."""
    only_2025 = Calendar(version=1, years={2025: CALENDAR.years[2025]})
    stream = attendance("2025-12-30 08:00", first="2025-12-30", calendar=only_2025.model_dump(mode="json"))
    stream.to("2026-01-06 15:00")
    assert stream.moments("ReportMissed") == ["2025-12-30 20:00", "2025-12-31 20:00"]
    stream.do("file_daily_report", GRADE, day="2026-01-06", classes=rows())
    whole = CALENDAR.model_copy(update={"version": 2})
    stream.hear("calendar", SCHOOL_STREAM, calendar=whole.model_dump(mode="json"))
    stream.to("2026-01-06 21:00")
    assert stream.moments("ReportMissed")[2:] == ["2026-01-04 20:00", "2026-01-05 20:00"]  # Sunday 4th is worked
    assert stream.moments("ReportReminded") == ["2025-12-30 16:00", "2025-12-31 16:00"]


# -- corrections ------------------------------------------------------------------------------------------------


def test_a_zero_report_that_is_corrected_is_flagged():
    """Edge case 28, INV-15: zero at 16:50, the absence found at 17:30; the report stays, the contradiction shows."""
    stream = attendance()
    report(stream, MONDAY, at="16:50")
    stream.to(f"{MONDAY} 17:30")
    stream.do("correct_daily_report", HEAD, day=MONDAY, classes=[row(FIRST, 2, A)], reason="FOUND_LATER")
    assert stream.names()[-3:] == ["ReportCorrected", "ZeroReportContradicted", "AbsenceNoted"]
    assert stream.last("ReportCorrected")["data"]["corrects"] == stream.last("ZeroReportFiled")["version"]
    assert stream.last("ZeroReportContradicted")["data"] == {
        "day": MONDAY, "classes": [FIRST], "same_day": True,
    }  # fmt: skip
    found = figures(stream.state, stream.state.first, stream.state.last)
    assert (found["zero"], found["in_time"], found["absences"]) == (0, 1, 1)


def test_a_correction_takes_an_absence_back():
    """A pupil who was there after all is not absent, and no visit is owed."""
    stream = attendance()
    report(stream, MONDAY, A, B)
    stream.do("correct_daily_report", OFFICER, day=MONDAY, classes=[row(FIRST, 2, B)], reason="SEEN_IN_CLASS")
    assert stream.state.absent == {B: [date(2025, 11, 3)]}
    assert list(stream.state.owed) == [B]


def test_a_correction_needs_its_report_and_a_reason():
    """Nothing is corrected that was not reported."""
    stream = attendance().to(f"{MONDAY} 15:00")
    fields = {"day": MONDAY, "classes": [row(FIRST, 2, A)]}
    assert stream.refusal("correct_daily_report", HEAD, reason="X1", **fields).code == "REPORT_NOT_FILED"
    report(stream, MONDAY)
    assert stream.refusal("correct_daily_report", HEAD, **fields).code == "REASON_REQUIRED"


# -- the register -----------------------------------------------------------------------------------------------


def test_departures_and_newcomers_change_what_has_to_add_up():
    """The register of the day counts, and movement since the last report is declared."""
    stream = attendance()
    report(stream, MONDAY)
    stream.hear("student_left", SCHOOL_STREAM, student=A, exit="transfer", on=TUESDAY)
    stream.hear("student_joined", SCHOOL_STREAM, student="stu_000009", class_id=SECOND, on=TUESDAY)
    stream.to(f"{TUESDAY} 15:00")
    moved = [row(FIRST, 2, left=1), row(SECOND, 4, joined=1)]
    assert codes(stream.refusal("file_daily_report", GRADE, day=TUESDAY, classes=[row(FIRST, 2), row(SECOND, 4)]))
    stream.do("file_daily_report", GRADE, day=TUESDAY, classes=moved)
    assert stream.names()[-1] == "DailyReportFiled"
    stream.to(f"{WEDNESDAY} 15:00")
    stream.do("file_daily_report", GRADE, day=WEDNESDAY, classes=[row(FIRST, 2), row(SECOND, 4)])
    found = figures(stream.state, stream.state.first, stream.state.last)
    assert (found["joined"], found["left"], found["register"]) == (1, 1, 6)


def test_a_late_report_is_checked_against_the_register_of_its_day():
    """Monday's report comes on Wednesday, after a pupil left on Tuesday: Monday had three."""
    stream = attendance().to(f"{WEDNESDAY} 10:00")
    stream.hear("student_left", SCHOOL_STREAM, student=A, exit="abroad", on=TUESDAY)
    stream.do("file_daily_report", GRADE, day=MONDAY, classes=rows())
    assert stream.names()[-2] == "ZeroReportFiled"


def test_news_that_change_nothing_are_dropped():
    """A departure told twice, a pupil who is here, an older calendar."""
    stream = attendance().to(f"{MONDAY} 10:00")
    stream.hear("student_left", SCHOOL_STREAM, student="stu_999999", exit="transfer", on=MONDAY)
    stream.hear("student_joined", SCHOOL_STREAM, student=A, class_id=FIRST, on=MONDAY)
    stream.hear("calendar", SCHOOL_STREAM, calendar=CALENDAR.model_dump(mode="json"))
    stream.hear("case", SCHOOL_STREAM, student=A, status="dropout", on=MONDAY)
    assert stream.names() == ["AttendanceStarted"]


# -- weeks and months -------------------------------------------------------------------------------------------


def test_the_week_is_due_on_friday_and_its_figures_are_counted():
    """INV-34: nobody types the figures in."""
    stream = attendance()
    days(stream, MONDAY, TUESDAY, WEDNESDAY)
    report(stream, THURSDAY, A)
    assert stream.refusal("file_periodic_report", GRADE, report="weekly", period="2025-W45").code == "PERIOD_NOT_OVER"
    report(stream, FRIDAY, at="16:00")
    stream.do("file_periodic_report", GRADE, report="weekly", period="2025-W45")
    filed = stream.last("WeeklyReportFiled")["data"]
    assert filed["on_time"] is True
    counted = {name: filed["figures"][name] for name in ("due", "filed", "zero", "absences", "pupils", "register")}
    assert counted == {"due": 5, "filed": 5, "zero": 4, "absences": 1, "pupils": 1, "register": 6}
    again = stream.refusal("file_periodic_report", GRADE, report="weekly", period="2025-W45")
    assert again.code == "PERIOD_ALREADY_FILED"


def test_a_week_and_a_month_that_nobody_reports_on_are_noted():
    """Silence is visible, also about weeks (B15); a later report is late."""
    stream = attendance().to("2025-11-28 21:00")
    missed = [event["data"]["period"] for event in stream.ledger if event["type"] == "PeriodicReportMissed"]
    assert missed == ["2025-W45", "2025-W46", "2025-W47", "2025-W48", "2025-11"]
    stream.do("file_periodic_report", PRINCIPAL, report="monthly", period="2025-11")
    assert stream.last("MonthlyReportFiled")["data"]["on_time"] is False


@pytest.mark.parametrize(
    ("first", "last", "due"),
    [
        ("2025-09-01", "2025-09-30", "2025-09-28"),  # a Sunday that is worked: it stays
        ("2026-02-01", "2026-02-28", "2026-02-28"),  # a Saturday that is worked
        ("2026-03-01", "2026-03-31", "2026-03-27"),  # a Saturday: the Friday before
    ],
)
def test_the_month_is_due_on_the_28th_or_the_workday_before(first, last, due):
    """DOMAIN §7.6."""
    stream = attendance(f"{first} 08:00", first=first, last=last).to(f"{last} 21:00")
    monthly = [
        event["occurred_at"][:10]
        for event in stream.ledger
        if event["type"] == "PeriodicReportMissed" and event["data"]["report"] == "monthly"
    ]
    assert monthly == [due]


def test_a_period_without_a_school_day_has_no_report():
    """National Day's week."""
    stream = attendance("2025-09-25 08:00", first="2025-09-25", last="2025-10-31").to("2025-10-10 12:00")
    refusal = stream.refusal("file_periodic_report", GRADE, report="weekly", period="2025-W60")
    assert refusal.code == "PERIOD_NOT_DUE"


# -- S10 --------------------------------------------------------------------------------------------------------


def _september(calendar: Calendar, number: int) -> tuple[list[date], Any]:
    """Let one of five schools report through September 2025; return its due days and its stream."""
    stream = attendance(
        "2025-09-01 07:00", first="2025-09-01", last="2025-09-30", calendar=calendar.model_dump(mode="json")
    )
    due = [day for day in _days("2025-09-01", "2025-09-30") if calendar.is_working_day(day)]
    for place, day in enumerate(due):
        if (number, place) in ((0, 3), (1, 8), (2, 13)):
            continue  # three are never filed
        late = (number, place) in ((3, 6), (4, 11))
        absent = (A,) if place in (2, 17) and number < 4 else ()
        report(stream, day.isoformat(), *absent, at="17:30" if late else "15:00")
        _file_what_is_due(stream, day)
    return due, stream.to("2025-09-30 23:00")


def _days(first: str, last: str) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]


def _file_what_is_due(stream: Any, day: date) -> None:
    year, week, _ = day.isocalendar()
    for kind, period in (("weekly", f"{year}-W{week:02}"), ("monthly", "2025-09")):
        with suppress(Refusal):  # not due yet, or filed
            stream.submit(stream.command("file_periodic_report", GRADE, report=kind, period=period))


def test_s10_reports_of_september_2025_in_five_schools():
    """S10: 115 due, 110 in time, 112 filed; 104 zero reports, 8 with changes; 25 weekly and 5 monthly reports."""
    schools = [_september(CALENDAR, number) for number in range(5)]
    totals = [figures(stream.state, stream.state.first, stream.state.last) for _, stream in schools]
    assert date(2025, 9, 28) in schools[0][0]
    due, filed, in_time, zero = (sum(found[name] for found in totals) for name in ("due", "filed", "in_time", "zero"))
    assert (due, in_time, filed, zero, filed - zero) == (115, 110, 112, 104, 8)
    on_time, complete = report_on_time_rate(in_time, due), report_complete_rate(filed, due)
    assert (on_time.percent, complete.percent) == ("95.65 %", "97.39 %")
    kinds = [name for _, stream in schools for name in stream.names()]
    assert (kinds.count("WeeklyReportFiled"), kinds.count("MonthlyReportFiled")) == (25, 5)
    assert kinds.count("PeriodicReportMissed") == 0
    assert all(stream.last("MonthlyReportFiled")["data"]["on_time"] for _, stream in schools)
    monthly = schools[0][1].last("MonthlyReportFiled")
    assert monthly["occurred_at"][:10] == "2025-09-28"


def test_s10_without_make_up_days_the_count_itself_would_be_wrong():
    """The contrast of S10: 22 days × 5 = 110 due."""
    table = CALENDAR.years[2025].model_copy(update={"make_up_days": ()})
    naive = Calendar(version=1, years={2025: table})
    due, stream = _september(naive, 0)
    assert len(due) == 22
    assert figures(stream.state, stream.state.first, stream.state.last)["due"] * 5 == 110


def test_rates_of_nothing_are_none():
    """Before the first report is due there is no rate."""
    assert report_rates(attendance().state) == {"on_time": None, "complete": None}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=2),
)
def test_a_report_is_taken_exactly_when_it_adds_up(counts):
    """INV-14 as a property: present + leave + absent = register, for each class, or nothing is recorded."""
    stream = attendance().to(f"{MONDAY} 15:00")
    classes = [
        row(class_id, present, *CLASSES[class_id][:absent], on_leave=leave)
        for (class_id, (present, leave, absent)) in zip(CLASSES, counts, strict=True)
    ]
    raw = stream.command("file_daily_report", GRADE, day=MONDAY, classes=classes)
    adds_up = all(sum(count) == 3 for count in counts)
    try:
        accepted = stream.submit(raw).accepted
    except Refusal as refusal:
        assert refusal.code == "ROWS_REFUSED"  # noqa: PT017 - both ways are looked at
        accepted = False
    assert accepted is adds_up
    assert bool(stream.state.reports) is adds_up


def test_registrar_does_not_report():
    """The register officer keeps the register, not the classes' attendance."""
    stream = attendance().to(f"{MONDAY} 15:00")
    assert stream.refusal("file_daily_report", REGISTRAR, day=MONDAY, classes=rows()).code == "ROLE_NOT_ALLOWED"
