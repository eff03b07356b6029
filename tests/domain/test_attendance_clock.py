"""The dropout clock on school days: visits, suspicion, patterns, explanations (R-15, INV-13 to 15; cases 28 to 30)."""

from __future__ import annotations

from datetime import date

import pytest
from stream_samples import GRADE, HEAD, A, B, policy
from watch_courses import FIRST, SCHOOL_STREAM, VISITORS, attendance, days, report, row, rows

from domain.attendance_periods import dropout_counts, standings

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (f"2025-11-0{number}" for number in range(3, 8))


def noted(stream, student=A):
    """Return (day, days in a row, service owed) of a pupil's absences."""
    return [
        (event["data"]["day"], event["data"]["days"], event["data"]["owed"])
        for event in stream.ledger
        if event["type"] == "AbsenceNoted" and event["data"]["student"] == student
    ]


def test_day_one_visit_day_two_group_day_three_suspicion():
    """R-15, with the news that opens a case."""
    stream = attendance()
    days(stream, MONDAY, TUESDAY, WEDNESDAY, absent=(A,))
    assert noted(stream) == [
        (MONDAY, 1, "SAME_DAY_VISIT"), (TUESDAY, 2, "GROUP_VISIT"), (WEDNESDAY, 3, "GROUP_VISIT"),
    ]  # fmt: skip
    assert stream.last("SuspectedDropout")["data"] == {
        "student": A, "class_id": FIRST, "since": MONDAY, "days": 3, "by": "CONSECUTIVE",
    }  # fmt: skip
    (sent,) = [item for item in stream.machine.carry.outgoing if item.message]
    assert (sent.to, sent.message.kind) == (SCHOOL_STREAM, "suspected")
    assert sent.message.data == {"student": A, "class_id": FIRST, "since": MONDAY, "by": "CONSECUTIVE"}


def test_a_weekend_neither_counts_nor_interrupts():
    """Thursday, Friday, Monday are three school days in a row."""
    stream = attendance()
    days(stream, MONDAY, TUESDAY, WEDNESDAY)
    days(stream, THURSDAY, FRIDAY, "2025-11-10", absent=(A,))
    assert [count for _, count, _ in noted(stream)] == [1, 2, 3]
    assert "SuspectedDropout" in stream.names()


def test_being_there_in_between_starts_the_clock_again():
    """Two days, a day at school, two days: no suspicion."""
    stream = attendance()
    days(stream, MONDAY, TUESDAY, absent=(A,))
    report(stream, WEDNESDAY)
    days(stream, THURSDAY, FRIDAY, absent=(A,))
    assert [count for _, count, _ in noted(stream)] == [1, 2, 1, 2]
    assert "SuspectedDropout" not in stream.names()


def test_shorter_absences_that_repeat_make_a_suspicion_too():
    """Five single days within twenty school days (parameters)."""
    stream = attendance()
    dates = [f"2025-11-{number:02}" for number in (3, 4, 5, 6, 7, 10, 11, 12, 13)]
    for place, day in enumerate(dates):
        report(stream, day, *((A,) if place % 2 == 0 else ()))
    assert stream.last("SuspectedDropout")["data"]["by"] == "PATTERN"
    assert stream.last("SuspectedDropout")["data"]["days"] == 5


def test_days_that_lie_too_far_apart_are_no_pattern():
    """A window of four school days never holds five of every second day."""
    narrow = policy(absence_pattern_window=4).model_dump(mode="json")
    stream = attendance(policy=narrow)
    for place, number in enumerate((3, 4, 5, 6, 7, 10, 11, 12, 13)):
        report(stream, f"2025-11-{number:02}", *((A,) if place % 2 == 0 else ()))
    assert "SuspectedDropout" not in stream.names()


def test_a_missing_report_does_not_stop_the_clock():
    """INV-14, INV-15: nobody has said that the pupil is back, so silence counts as absence, and is marked so."""
    stream = attendance()
    report(stream, MONDAY, A)
    stream.to(f"{WEDNESDAY} 21:00")
    assert [count for _, count, _ in noted(stream)] == [1, 2, 3]
    assert stream.last("AbsenceNoted")["data"]["reported"] is False
    assert "SuspectedDropout" in stream.names()


def test_a_late_report_that_saw_the_pupil_takes_the_silence_back():
    """The assumed day goes when the report of the day is there after all."""
    stream = attendance()
    report(stream, MONDAY, A)
    stream.to(f"{TUESDAY} 21:00").do("file_daily_report", GRADE, day=TUESDAY, classes=rows())
    assert stream.state.absent == {A: [date(2025, 11, 3)]}
    assert stream.state.assumed == {}
    assert stream.state.owed == {}


def test_a_late_report_can_complete_three_days():
    """Monday and Wednesday are known; Tuesday's paper comes on Wednesday evening."""
    stream = attendance(policy=policy(dropout_clock=[1, 2, 3]).model_dump(mode="json"))
    report(stream, MONDAY, A)
    stream.do("explain_absence", HEAD, student=A, day=MONDAY, why="ILLNESS", evidence="CALL")
    report(stream, TUESDAY)
    report(stream, WEDNESDAY, A)
    stream.do("correct_daily_report", HEAD, day=TUESDAY, classes=[row(FIRST, 2, A)], reason="FOUND_LATER")
    assert "SuspectedDropout" not in stream.names()
    stream.do("correct_daily_report", HEAD, day=MONDAY, classes=[row(FIRST, 2, A)], reason="FOUND_LATER")
    assert stream.last("SuspectedDropout")["data"]["since"] == MONDAY


# -- visits and explanations ------------------------------------------------------------------------------------


def test_a_visit_is_owed_until_somebody_went():
    """The board counts missing service; a group is two at least."""
    stream = attendance()
    report(stream, MONDAY, A, B)
    assert stream.decider.view(stream.state)["visits_owed"] == 2
    alone = {"student": A, "visitors": VISITORS[:1], "outcome": "no_answer"}
    stream.do("record_absence_visit", HEAD, on=MONDAY, **alone)
    assert list(stream.state.owed) == [B]
    report(stream, TUESDAY, A, B)
    refusal = stream.refusal("record_absence_visit", HEAD, on=TUESDAY, **alone)
    assert refusal.code == "GROUP_VISIT_NEEDS_TWO"
    stream.do("record_absence_visit", HEAD, on=TUESDAY, **(alone | {"visitors": VISITORS}))
    assert list(stream.state.owed) == [B]
    refusal = stream.refusal("record_absence_visit", HEAD, on=TUESDAY, student="stu_000005", visitors=VISITORS,
                             outcome="reached")  # fmt: skip
    assert refusal.code == "ABSENCE_UNKNOWN"


@pytest.mark.parametrize("why", ["ILLNESS", "HOSPITAL", "CUSTODY", "PREGNANCY", "DISASTER"])
def test_an_explained_day_stops_the_clock(why):
    """Edge case 30: circumstances are codes only; an explained absence is none without reason."""
    stream = attendance()
    days(stream, MONDAY, TUESDAY, absent=(A,))
    stream.do("explain_absence", HEAD, student=A, day=TUESDAY, why=why, evidence="DOCUMENT")
    report(stream, WEDNESDAY, A)
    assert [count for _, count, _ in noted(stream)] == [1, 2, 1]


def test_a_neighbours_word_explains_nothing():
    """Edge case 30: oral leave by hearsay is refused, and the day stays."""
    stream = attendance()
    report(stream, MONDAY, A)
    said = {"student": A, "day": MONDAY, "why": "FAMILY", "evidence": "HEARSAY"}
    assert stream.refusal("explain_absence", HEAD, **said).code == "EXPLANATION_HEARSAY"
    other = {"student": A, "day": TUESDAY, "why": "FAMILY", "evidence": "CALL"}
    assert stream.refusal("explain_absence", HEAD, **other).code == "ABSENCE_UNKNOWN"


@pytest.mark.parametrize(
    ("why", "flag"), [("AT_WORK", "CHILD_LABOUR_SUSPECTED"), ("AT_RECRUITER", "UNREGISTERED_RECRUITING")]
)
def test_work_and_recruiters_are_no_explanation_but_a_matter_for_the_bureau(why, flag):
    """Edge cases 29 and 30, INV-13: the duty stays until graduation; a case begins at once, the day stays."""
    stream = attendance()
    report(stream, MONDAY, A)
    stream.do("explain_absence", HEAD, student=A, day=MONDAY, why=why, evidence="HEARSAY")
    assert stream.names()[-2:] == ["SuspectedDropout", "AbsenceFlagged"]
    assert stream.last("AbsenceFlagged")["data"]["flag"] == flag
    assert stream.last("SuspectedDropout")["data"]["by"] == "STATEMENT"
    assert stream.state.absent[A] == [date(2025, 11, 3)]


# -- cases ------------------------------------------------------------------------------------------------------


def suspected():
    """Return the attendance on Wednesday, with the first pupil suspected."""
    stream = attendance()
    days(stream, MONDAY, TUESDAY, WEDNESDAY, absent=(A,))
    stream.machine.carry.outgoing.clear()
    return stream


def standing(stream, status, on):
    """Give the school's news of the first pupil's case."""
    stream.hear("case", SCHOOL_STREAM, student=A, status=status, on=on)


def test_a_pupil_in_a_case_is_counted_there_and_not_in_the_class():
    """INV-14: 3 on the register = 2 present + 1 suspected; naming the pupil as absent again is refused."""
    stream = suspected()
    report(stream, THURSDAY, cases=1)
    stream.to(f"{FRIDAY} 10:00")
    twice = [row(FIRST, 2, A), row("2026-02")]
    refusal = stream.refusal("file_daily_report", GRADE, day=FRIDAY, classes=twice)
    assert refusal.parameters["rows"] == [{"row": 0, "code": "STUDENT_IN_DROPOUT_CASE"}]
    assert standings(stream.state) == {
        "suspected": 1, "dropout": 0, "returned": 0, "home_taught": 0, "elsewhere": 0, "not_returned": 0,
    }  # fmt: skip


def test_on_the_day_that_made_the_case_the_pupil_was_still_absent_from_the_class():
    """A correction of that day names the pupil as its report did."""
    stream = suspected()
    fields = {"day": WEDNESDAY, "classes": [row(FIRST, 1, A, on_leave=1)], "reason": "LEAVE_FORGOTTEN"}
    stream.do("correct_daily_report", HEAD, **fields)
    assert stream.state.absent[A][-1] == date(2025, 11, 5)
    assert stream.names().count("SuspectedDropout") == 1


def test_a_pupil_who_is_back_is_counted_with_the_class_again():
    """From the day of the return on."""
    stream = suspected()
    standing(stream, "returned", FRIDAY)
    report(stream, THURSDAY, cases=1)
    report(stream, FRIDAY)
    assert stream.names()[-1] == "ZeroReportFiled"


def test_a_return_dated_before_a_report_takes_none_of_its_absences_back():
    """What a report named stays until the report is corrected; only what was assumed goes."""
    stream = suspected()
    standing(stream, "returned", MONDAY)
    assert [one.isoformat() for one in stream.state.absent[A]] == [MONDAY, TUESDAY, WEDNESDAY]


def test_after_a_return_the_case_hears_of_absences_and_of_days_without_a_report():
    """Ten school days present are proven by reports, not assumed (INV-15)."""
    stream = suspected()
    standing(stream, "returned", THURSDAY)
    report(stream, THURSDAY)
    report(stream, FRIDAY, A)
    stream.to("2025-11-10 21:00")
    told = [(item.message.kind, item.message.data["day"]) for item in stream.machine.carry.outgoing]
    assert told == [("absent_again", FRIDAY), ("day_unreported", "2025-11-10"), ("absent_again", "2025-11-10")]


def test_days_before_a_return_do_not_make_the_next_suspicion():
    """Three new days are needed, and then the open case is told again."""
    stream = suspected()
    standing(stream, "returned", THURSDAY)
    report(stream, THURSDAY)
    days(stream, FRIDAY, "2025-11-10", absent=(A,))
    assert stream.names().count("SuspectedDropout") == 1
    report(stream, "2025-11-11", A)
    assert stream.names().count("SuspectedDropout") == 2
    assert stream.last("SuspectedDropout")["data"]["since"] == FRIDAY


def test_what_the_dropout_rate_is_made_of():
    """R-05, Q9: confirmed and not returned is lost; suspected counts nowhere; who left lawfully is in no loss."""
    stream = suspected()
    assert dropout_counts(stream.state)[FIRST] == {
        "size": 3, "transfers_in": 0, "transfers_out": 0, "current": 3, "lost": 0, "suspected": 1,
    }  # fmt: skip
    standing(stream, "dropout", THURSDAY)
    stream.hear("student_left", SCHOOL_STREAM, student=B, exit="transfer", on=THURSDAY)
    stream.hear("student_joined", SCHOOL_STREAM, student="stu_000009", class_id=FIRST, on=THURSDAY)
    assert dropout_counts(stream.state)[FIRST] == {
        "size": 3, "transfers_in": 1, "transfers_out": 1, "current": 3, "lost": 1, "suspected": 0,
    }  # fmt: skip
    standing(stream, "returned", FRIDAY)
    assert dropout_counts(stream.state)[FIRST]["lost"] == 0


def test_a_pupil_who_died_is_lost_to_nobodys_charge():
    """Edge case 35: everything about the pupil stops, and no rate gets worse."""
    stream = suspected()
    standing(stream, "dropout", THURSDAY)
    stream.hear("student_left", SCHOOL_STREAM, student=A, exit="death", on=THURSDAY)
    standing(stream, "closed", THURSDAY)
    counts = dropout_counts(stream.state)[FIRST]
    assert (counts["lost"], counts["suspected"], counts["transfers_out"]) == (0, 0, 1)
    assert stream.state.owed == {}
    stream.to(f"{THURSDAY} 15:00")
    stream.do("file_daily_report", GRADE, day=THURSDAY, classes=[row(FIRST, 2, left=1), row("2026-02")])


# -- the end ----------------------------------------------------------------------------------------------------


def test_it_ends_by_itself_the_day_after_the_last_one():
    """And tells the school, which keeps its history."""
    stream = attendance(last=FRIDAY)
    days(stream, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)
    stream.machine.carry.outgoing.clear()
    stream.to("2025-11-08 09:00")
    assert stream.moments("AttendanceEnded") == ["2025-11-08 08:00"]
    assert stream.decider.finished(stream.state)
    assert stream.machine.due() is None
    assert [item.message.kind for item in stream.machine.carry.outgoing] == ["watch_ended"]
    assert stream.refusal("file_daily_report", GRADE, day=FRIDAY, classes=rows()).code == "ATTENDANCE_ENDED"
    stream.hear("student_left", SCHOOL_STREAM, student=A, exit="transfer", on=FRIDAY)
    assert stream.names()[-1] == "AttendanceEnded"


def test_it_waits_for_the_last_open_case():
    """A case keeps it open; then it ends at that moment."""
    stream = attendance(last=FRIDAY)
    days(stream, MONDAY, TUESDAY, WEDNESDAY, absent=(A,))
    days(stream, THURSDAY, FRIDAY, cases=1)
    stream.to("2025-12-01 09:00")
    assert (stream.machine.due(), stream.decider.finished(stream.state)) == (None, False)
    standing(stream, "returned", "2025-11-10")
    standing(stream, "closed", "2025-12-01")
    stream.to("2025-12-01 09:30")
    assert stream.moments("AttendanceEnded") == ["2025-12-01 09:00"]


def test_it_goes_through_continue_as_new():
    """The state survives as JSON in the middle of everything."""
    stream = suspected()
    report(stream, THURSDAY, cases=1)
    stream.restart()
    report(stream, FRIDAY, cases=1)
    stream.consistent()


def test_a_school_that_starts_late_owes_nothing_for_the_days_before():
    """The first day is the one on which there was still time to report."""
    early, late = attendance(f"{TUESDAY} 16:59"), attendance(f"{TUESDAY} 17:00")
    assert (early.state.first, late.state.first) == (date(2025, 11, 4), date(2025, 11, 5))
    assert early.to(f"{TUESDAY} 21:00").moments("ReportMissed") == [f"{TUESDAY} 20:00"]


def test_a_whole_school_stays_small():
    """1,600 pupils, every tenth absent now and then, stay below a megabyte."""
    pupils = [f"stu_{number:06d}" for number in range(1_600)]
    classes = {f"2026-{number + 1:02}": pupils[number * 40 : number * 40 + 40] for number in range(40)}
    stream = attendance(classes=classes)
    stream.to(f"{MONDAY} 15:00")
    absent = {class_id: students[:4] for class_id, students in classes.items()}
    some = [row(class_id, 36, *absent[class_id]) for class_id in classes]
    stream.do("file_daily_report", GRADE, day=MONDAY, classes=some)
    assert len(stream.state.model_dump_json()) < 200_000
