"""A dropout case that nobody closes ends with the year, and says what was not done (R-05, R-15, INV-13, INV-14)."""

from __future__ import annotations

from contextlib import suppress
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_samples import CALENDAR, HEAD, OFFICER, PRINCIPAL, SCHOOL, STRANGER, A, B
from watch_courses import FIRST, REGISTRAR, SCHOOL_STREAM, VISITORS, back, case, persuade, report, tell, watched_county

from domain.attendance_periods import dropout_counts, standings
from domain.dropout_end import services
from domain.refusal import Refusal

WEDNESDAY, THURSDAY, FRIDAY = "2025-11-05", "2025-11-06", "2025-11-07"
LAST = "2026-06-30"
"""The last day at the school; ten working days after it are over with 14 July."""
END = "2026-07-15 08:00"
OWED = ["VISIT", "WRITTEN_REPORT", "CONFIRMATION", "RETURN_ORDER"]


def visit(stream):
    """Two go to bring the pupil back."""
    persuade(stream, len(stream.state.attempts) + 1, FRIDAY)


def confirm(stream):
    """The principal confirms the dropout."""
    stream.do("confirm_dropout", PRINCIPAL)


def written(stream):
    """The principal reports to the bureau and the township."""
    stream.do("file_written_report", PRINCIPAL, document="KC-2025-7", on=FRIDAY)


def order(stream):
    """The township's order is served."""
    stream.do("serve_return_order", OFFICER, document="FX-3", on=FRIDAY)


def ended(stream):
    """Return the data of the year's end, after checking that the case has gone."""
    assert stream.names()[-1] == "CaseEndedWithTheYear"
    assert (stream.machine.due(), stream.decider.finished(stream.state)) == (None, True)
    stream.consistent()
    return stream.ledger[-1]["data"]


# -- the end ----------------------------------------------------------------------------------------------------


def test_a_pupil_who_never_returns_and_for_whom_nothing_was_done():
    """INV-14: the case ends, after the last working day for a proof, as what it is."""
    stream = case(A).to("2026-07-15 07:59")
    assert "CaseEndedWithTheYear" not in stream.names()
    stream.to(END)
    assert ended(stream) == {
        "ending": "NOT_RETURNED", "standing": "suspected", "proof_until": "2026-07-14", "attempts": 0, "done": [],
        "undone": OWED,
    }  # fmt: skip
    assert stream.moments("CaseEndedWithTheYear") == [END]
    (news,) = [item.message.data for item in stream.machine.carry.outgoing]
    assert news == {"student": A, "status": "not_returned", "on": "2026-07-15", "episode": 1}
    view = stream.decider.view(stream.state)
    assert (view["status"], view["ending"]) == ("not_returned", "NOT_RETURNED")


@pytest.mark.parametrize(
    ("acts", "done"),
    [
        ((written,), ["WRITTEN_REPORT"]),
        ((visit,), ["VISIT"]),
        ((visit, confirm), ["VISIT", "CONFIRMATION"]),
        ((visit, confirm, written, order), OWED),
    ],
)
def test_what_was_done_and_what_was_not_is_named(acts, done):
    """Each duty of the school and the bureau by itself; having done them all makes no good end of it."""
    stream = case(A).to(f"{FRIDAY} 10:00")
    for act in acts:
        act(stream)
    data = ended(stream.to(END))
    assert (data["ending"], data["done"]) == ("NOT_RETURNED", done)
    assert data["undone"] == [service for service in OWED if service not in done]


def test_only_what_was_done_about_the_present_absence_counts():
    """The first absence's visit, report and order are no service in the second."""
    stream = case(A).to(f"{FRIDAY} 10:00")
    for act in (visit, confirm, written, order):
        act(stream)
    stream.to("2025-11-10 10:00")
    back(stream, "2025-11-10")
    stream.to("2025-11-14 15:00")
    tell(stream, "suspected", since="2025-11-12", by="CONSECUTIVE")
    data = ended(stream.to(END))
    assert (data["attempts"], data["done"], data["undone"]) == (1, [], OWED)


@pytest.mark.parametrize(("at", "who"), [(THURSDAY, HEAD), ("2026-06-30", REGISTRAR)])
def test_a_return_that_nobody_confirms_is_no_good_end_and_no_loss(at, who):
    """INV-21: the daily reports bear it out, or the bureau recorded it; nobody closed, and the pupil is not lost."""
    stream = case(A).to(f"{at} 10:00")
    back(stream, at, who)
    data = ended(stream.to(END))
    assert (data["ending"], data["standing"], data["undone"][-1]) == ("UNCONFIRMED", "returned", "CLOSING")
    assert stream.machine.carry.outgoing[-1].message.data["status"] == "closed"


@pytest.mark.parametrize(
    ("recorded", "on"),
    [("2026-06-18", "2026-06-18"), ("2026-06-30", THURSDAY), ("2026-07-14", THURSDAY), ("2026-07-14", "2026-06-30")],
)
@pytest.mark.parametrize("who", [HEAD, PRINCIPAL])
def test_a_school_does_not_empty_its_losses_with_one_record(recorded, on, who):
    """R-05: what no ten days of reports bear out, and nobody of the bureau, is no return, however it is dated."""
    stream = case(A).to(f"{recorded} 18:00")
    back(stream, on, who)
    data = ended(stream.to(END))
    assert (data["ending"], data["standing"]) == ("NOT_RETURNED", "returned")
    assert "CLOSING" in data["undone"]
    assert stream.machine.carry.outgoing[-1].message.data["status"] == "not_returned"


def test_the_bureau_may_still_close_what_the_reports_cannot_bear_out():
    """The pupil came back in the last week: the days are not to be had, and the school alone does not close."""
    stream = case(A).to("2026-06-25 10:00")
    back(stream, "2026-06-25")
    stream.to("2026-07-03 10:00")
    (blocker,) = stream.refusal("close_dropout_case", PRINCIPAL).blockers
    assert (blocker.code, blocker.count) == ("BUREAU_HAS_TO_CLOSE", 6)
    stream.do("close_dropout_case", OFFICER)
    assert stream.last("ItemClosed")["data"] == {"ending": "RETURNED", "days_present": 4}


def test_a_report_that_fell_overdue_stays_owed_after_the_return():
    """The pupil came back by other ways; the duty was not done."""
    stream = case(A).to("2025-11-11 10:00")
    back(stream, "2025-11-11")
    assert ended(stream.to(END))["undone"] == ["WRITTEN_REPORT", "CLOSING"]


def test_home_teaching_without_lessons_is_named():
    """A5: begun on its ground, and nobody taught."""
    stream = case(A).to(f"{THURSDAY} 10:00")
    stream.do("start_home_teaching", PRINCIPAL, ground="MEDICAL", document="ZM-1", on=THURSDAY)
    data = ended(stream.to(END))
    assert (data["ending"], data["undone"]) == ("NOT_RETURNED", ["HOME_TEACHING", "CLOSING"])


def test_a_proof_counts_up_to_the_last_of_the_days_for_it():
    """The last day at the school is over: a return up to it can still be proven to the bureau, and none after it."""
    stream = case(A).to("2026-07-14 18:00")
    late = stream.refusal("record_return", HEAD, on="2026-07-01", evidence="SEEN")
    assert (late.code, late.parameters) == ("RETURN_AFTER_THE_LAST_DAY", {"day": LAST})
    back(stream, LAST)
    stream.do("close_dropout_case", OFFICER)
    assert stream.last("ItemClosed")["data"]["ending"] == "RETURNED"
    assert stream.to("2026-08-01 08:00").names()[-1] == "ItemClosed"


def test_a_case_that_opens_after_the_last_day_has_as_many_days_of_its_own():
    """A report corrected in July may still bring a suspicion to light."""
    stream = case(A, "2026-07-20 15:00", since="2026-06-26").to("2026-08-03 20:00")
    assert ended(stream.to("2026-08-04 08:00"))["proof_until"] == "2026-08-03"
    assert stream.names().count("WrittenReportOverdue") == 5


def test_the_policy_says_how_many_days_there_are():
    """`dropout_proof_days`."""
    policy = case(A).state.policy.model_dump(mode="json")
    policy["parameters"]["dropout_proof_days"] = 1
    assert ended(case(A, policy=policy).to("2026-07-02 08:00"))["proof_until"] == "2026-07-01"


def test_the_end_waits_for_its_calendar():
    """No end is reckoned with days that nobody has published."""
    half = CALENDAR.model_copy(update={"years": {2025: CALENDAR.years[2025]}})
    stream = case(A, calendar=half.model_dump(mode="json")).to("2026-09-01 08:00")
    assert stream.machine.due() is None
    tell(stream, "calendar", calendar=CALENDAR.model_copy(update={"version": 2}).model_dump(mode="json"))
    assert ended(stream.to("2026-09-01 08:01"))["proof_until"] == "2026-07-14"


def test_nothing_changes_a_case_that_has_ended():
    """It says where a later return belongs; news of the school come too late."""
    stream = case(A).to(END)
    late = {"on": "2026-07-15", "evidence": "SEEN"}
    assert stream.refusal("record_return", HEAD, **late).code == "CASE_ENDED_WITH_THE_YEAR"
    assert stream.refusal("close_dropout_case", PRINCIPAL).code == "CASE_ENDED_WITH_THE_YEAR"
    for kind, data in (("suspected", {"since": FRIDAY, "by": "PATTERN"}), ("student_left", {"exit": "death"})):
        tell(stream, kind, student=A, **data)
    ended(stream)
    unconfirmed = case(A).to(f"{THURSDAY} 10:00")
    back(unconfirmed, THURSDAY)
    assert unconfirmed.to(END).refusal("close_dropout_case", PRINCIPAL).code == "CASE_CLOSED"


def test_a_closed_case_owes_nothing():
    """What was never needed is not held against anybody afterwards."""
    stream = case(A).to(f"{THURSDAY} 10:00")
    stream.do("verify_elsewhere", REGISTRAR, evidence="REGISTER", register_ref="XJ-88")
    stream.do("close_dropout_case", OFFICER)
    assert services(stream.state) == (("CLOSING",), ())
    left = case(A)
    tell(left, "student_left", student=A, exit="transfer")
    assert services(left.state) == ((), ())


ACTS = ("visit", "report", "confirm", "order", "back", "home", "lesson", "again")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(ACTS), max_size=8))
def test_every_case_ends_and_hides_no_duty(acts):
    """INV-14: whatever was tried, the case ends, once; what is owed is done or undone and never both."""
    stream = case(A).to(f"{FRIDAY} 10:00")
    commands = {
        "visit": ("record_persuasion", HEAD, {"on": FRIDAY, "visitors": VISITORS, "outcome": "ILL"}),
        "report": ("file_written_report", PRINCIPAL, {"document": "KC-1", "on": FRIDAY}),
        "confirm": ("confirm_dropout", PRINCIPAL, {}),
        "order": ("serve_return_order", OFFICER, {"document": "FX-1", "on": FRIDAY}),
        "back": ("record_return", HEAD, {"on": FRIDAY, "evidence": "SEEN"}),
        "home": ("start_home_teaching", PRINCIPAL, {"ground": "MEDICAL", "document": "ZM-1", "on": FRIDAY}),
        "lesson": ("record_home_session", HEAD, {"on": FRIDAY, "lessons": 2, "visitors": VISITORS}),
    }
    for act in acts:
        if act == "again":
            tell(stream, "suspected", since=WEDNESDAY, by="CONSECUTIVE")
            continue
        kind, who, fields = commands[act]
        more = {"n": len(stream.state.attempts) + 1} if act == "visit" else {}
        with suppress(Refusal):
            stream.submit(stream.command(kind, who, **fields, **more))
    data = ended(stream.to(END))
    away = data["standing"] in ("suspected", "dropout")
    assert (data["ending"] == "UNCONFIRMED") == (data["standing"] == "returned")
    assert not {*data["done"]} & {*data["undone"]}
    assert {*OWED} <= {*data["done"], *data["undone"]} or not away
    assert "CLOSING" in data["undone"] or away


# -- school and attendance --------------------------------------------------------------------------------------


def year_end(*, confirmed=True):
    """Return a school's year with a pupil who never came back, up to the end of the case."""
    county = watched_county()
    for day in ("2025-11-03", "2025-11-04", WEDNESDAY):
        county.to(f"{day} 15:00")
        report(county[f"{SCHOOL}/attendance"], day, A)
        county.settle()
    if confirmed:
        stream = f"{SCHOOL}/dropout/{A}"
        told = {"n": 1, "on": WEDNESDAY, "visitors": VISITORS, "outcome": "NOBODY_THERE"}
        county.do(stream, "record_persuasion", HEAD, **told)
        county.do(stream, "confirm_dropout", PRINCIPAL)
    return county.to(END)


@pytest.mark.parametrize("confirmed", [True, False])
def test_the_years_end_keeps_the_pupil_among_the_lost(confirmed):
    """R-05: not returned at the year's end is lost; a school that confirms nothing does not count better."""
    county = year_end(confirmed=confirmed)
    attendance, own = county[f"{SCHOOL}/attendance"], county[SCHOOL]
    assert attendance.state.ended
    counts = dropout_counts(attendance.state)[FIRST]
    assert (counts["lost"], counts["suspected"], counts["current"]) == (1, 0, 3)
    assert standings(attendance.state)["not_returned"] == 1
    assert standings(attendance.state)["dropout"] == 0
    assert (own.state.watch.open, own.state.watch.not_returned, own.state.watch.over) == ({}, [A], True)
    assert own.decider.view(own.state)["not_returned"] == 1
    assert "dropout_cases" not in own.decider.view(own.state)


def test_a_late_return_is_recorded_and_changes_no_figure():
    """The school's own stream takes it; evidence and days are looked at as for every return."""
    county = year_end().to("2026-09-01 10:00")
    own, fields = county[SCHOOL], {"student": A, "on": "2026-09-01", "evidence": "SEEN"}
    assert own.refusal("record_late_return", HEAD, **(fields | {"student": B})).code == "PUPIL_NOT_AWAY"
    assert own.refusal("record_late_return", HEAD, **(fields | {"on": "2026-09-02"})).code == "REPORT_DAY_AHEAD"
    assert own.refusal("record_late_return", HEAD, **(fields | {"on": "2025-11-02"})).code == "RETURN_BEFORE_ABSENCE"
    assert own.refusal("record_late_return", HEAD, **(fields | {"evidence": "CALL"})).code == "EVIDENCE_NOT_ENOUGH"
    assert own.recorded("record_late_return", STRANGER, **fields) == "WRONG_SCHOOL"
    own.do("record_late_return", HEAD, **fields)
    assert (own.state.watch.not_returned, {one: str(on) for one, on in own.state.watch.returned_late.items()}) == (
        [], {A: "2026-09-01"},
    )  # fmt: skip
    assert own.refusal("record_late_return", HEAD, **fields).code == "PUPIL_NOT_AWAY"
    assert dropout_counts(county[f"{SCHOOL}/attendance"].state)[FIRST]["lost"] == 1
    own.consistent()


def test_a_report_corrected_after_the_end_opens_a_case_that_decides_anew():
    """The pupil is away by the old case no more, and nothing of it is left behind when the new one ends."""
    own = year_end()[SCHOOL]
    where = f"{SCHOOL_STREAM}/attendance"
    own.versions = count(1000)
    own.hear("suspected", where, student=A, class_id=FIRST, since="2025-11-24", by="CONSECUTIVE")
    assert (own.state.watch.not_returned, own.state.watch.open) == ([], {A: f"{SCHOOL_STREAM}/dropout/{A}-2"})
    own.hear("dropout", f"{SCHOOL_STREAM}/dropout/{A}-2", student=A, status="closed", on="2026-07-16", episode=2)
    assert (own.state.watch.away, own.state.watch.not_returned) == ({}, [])
    own.do("record_exits", REGISTRAR, rows=[{"student": A, "exit": "transfer", "on": "2025-11-28"}])
    own.consistent()


def test_the_attendance_does_not_take_a_late_return():
    """Another case may hold the attendance open; the figure of the year's end stays all the same."""
    county = watched_county()
    own = county[f"{SCHOOL}/attendance"]
    for day in ("2025-11-03", "2025-11-04", WEDNESDAY):
        county.to(f"{day} 15:00")
        report(own, day, A, B)
        county.settle()
    own.hear("case", SCHOOL_STREAM, student=A, status="not_returned", on="2026-07-15")
    fields = {"student": A, "on": WEDNESDAY, "evidence": "SEEN"}
    assert own.refusal("record_reappearance", HEAD, **fields).code == "CASE_ENDED_WITH_THE_YEAR"


@pytest.mark.parametrize("kind", ["transfer", "abroad", "death"])
def test_a_departure_after_the_years_end_changes_no_figure(kind):
    """R-05: who had not returned by then stays lost, also where another pupil's case keeps the attendance open."""
    county = watched_county()
    own = county[f"{SCHOOL}/attendance"]
    for day in ("2025-11-03", "2025-11-04", WEDNESDAY):
        county.to(f"{day} 15:00")
        report(own, day, A, B)
        county.settle()
    own.hear("case", SCHOOL_STREAM, student=A, status="not_returned", on="2026-07-15")
    before = dropout_counts(own.state), standings(own.state)
    assert (before[0][FIRST]["lost"], before[0][FIRST]["suspected"]) == (1, 1)
    own.hear("student_left", SCHOOL_STREAM, student=A, exit=kind, on="2026-08-20")
    assert (dropout_counts(own.state), standings(own.state)) == before
    own.hear("student_left", SCHOOL_STREAM, student=B, exit=kind, on="2026-08-20")
    assert dropout_counts(own.state)[FIRST]["suspected"] == 0, "who is still in a case leaves it lawfully"
    own.consistent()


def test_a_suspicion_that_meets_a_departure_leaves_no_attendance_open():
    """The pupil has left the register when the news arrives: no case opens, and none is waited for."""
    county = watched_county()
    own = county[f"{SCHOOL}/attendance"]
    for day in ("2025-11-03", "2025-11-04", WEDNESDAY):
        county.to(f"{day} 15:00")
        report(own, day, *(() if day == WEDNESDAY else (A,)))
        county.settle()
    gone = [{"student": A, "exit": "transfer", "on": WEDNESDAY}]
    fixed = {"day": WEDNESDAY, "classes": [{"class_id": FIRST, "present": 2, "unexplained": [A]}], "reason": "FOUND"}
    own.do("correct_daily_report", HEAD, **fixed)
    county[SCHOOL].do("record_exits", REGISTRAR, rows=gone)
    county.to("2025-12-01 08:00")
    assert f"{SCHOOL_STREAM}/dropout/{A}" not in county.streams
    assert own.state.ended
