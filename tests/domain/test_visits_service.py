from __future__ import annotations

import inspect
import re
import string
from datetime import timedelta

import pytest
from stream_samples import (
    GRADE,
    HEAD,
    OFFICER,
    PRINCIPAL,
    A,
    B,
    C,
    D,
    E,
    F,
    Stream,
    pupils,
    stage_start,
    when,
)
from visits_samples import (
    LISTED,
    RECEIVING,
    TALK,
    TRIP,
    approved,
    missing,
    offered,
    record,
    rows_refused,
    slip,
    todo,
    visits,
)

from domain import school_visits, school_visits_state, school_visits_trips
from domain.blockers import BLOCKERS as OTHER_BLOCKERS
from domain.school_visits import SchoolVisitsDecider
from domain.school_visits_events import VISIT_EVENTS
from domain.school_visits_state import SchoolVisitsState
from domain.sentences import REFUSALS as OTHER_REFUSALS
from domain.sentences_register import REFUSALS as REGISTER_REFUSALS
from domain.sentences_visits import BLOCKERS, REFUSALS, WORDS

AFTERWARDS = "2025-11-12 18:00"
(LATE,) = pupils(77)


def joined(stream: Stream, student: str = LATE, class_id: str = "2026-01") -> Stream:
    """Let a late joiner come."""
    stream.hear("student_joined", student=student, class_id=class_id, on=stream.now.date().isoformat())
    return stream


def left(stream: Stream, student: str) -> Stream:
    """Let a pupil leave the register."""
    stream.hear("student_left", student=student, exit="TRANSFER")
    return stream


def done(stream: Stream) -> dict[str, int]:
    """Return how many pupils of each class were reached."""
    return {class_id: line["done"] for class_id, line in stream.machine.view()["classes"].items()}


# -- what is owed -----------------------------------------------------------------------------------------------


def test_completing_needs_no_familys_yes():
    """Seats were offered to both classes, everybody said no or nothing, the bus stayed: the service was given."""
    stream = offered(A, D, E)
    record(stream, slip(A, False), slip(D, False))
    assert missing(stream) == {"TRIPS_NOT_HELD": 1}
    stream.to(AFTERWARDS)
    record(stream, slip(E, attended=False))
    assert missing(stream) == {}
    assert done(stream) == {"2026-01": 1, "2026-02": 2}
    stream.do("complete", PRINCIPAL)
    stream.consistent()


def test_what_nobody_answered_blocks_nobody():
    """One answered and came; the others' slips never came back."""
    stream = offered(A, B, D).to(AFTERWARDS)
    record(stream, slip(A, True, True))
    assert missing(stream) == {}
    stream.do("complete", PRINCIPAL)


def test_figures_say_nothing_about_how_many_said_yes():
    """Progress, blockers and the board are the same whether families say no or yes: an offer is the service."""
    yes, no = offered(A, B, D).to(AFTERWARDS), offered(A, B, D).to(AFTERWARDS)
    record(yes, slip(A, True, True), slip(B, True, True), slip(D, True, True))
    record(no, slip(A, True, True), slip(B, False), slip(D, False))
    assert yes.machine.view() == no.machine.view()


def test_the_work_list_names_whose_attendance_is_missing():
    """Those with permission, in the order of classes; nobody else."""
    stream = offered(D, A, B)
    record(stream, slip(D, True), slip(A, True), slip(B, False))
    assert todo(stream) == [(A, "VISIT_ATTENDANCE_MISSING"), (D, "VISIT_ATTENDANCE_MISSING")]
    record(stream.to(AFTERWARDS), slip(A, attended=True), slip(D, attended=False))
    assert todo(stream) == []


def test_an_empty_stage_says_what_to_begin_with():
    """A refusal of the sign-off names the service that is missing."""
    refusal = visits().refusal("complete", PRINCIPAL)
    assert [(blocker.code, blocker.count) for blocker in refusal.blockers] == [("CLASSES_WITHOUT_OFFER", 2)]


# -- pause, release ---------------------------------------------------------------------------------------------

ALL_KINDS = {
    "plan_trip": (HEAD, {**TRIP, "trip": "t2"}),
    "approve_trip": (OFFICER, {"trip": "t1", "safety_plan": "SP-1"}),
    "offer_seats": (HEAD, {"trip": "t1", "students": [B]}),
    "cancel_trip": (GRADE, {"trip": "t1", "reason": "SNOW"}),
    "record_visits": (HEAD, {"trip": "t1", "rows": [slip(A, True)]}),
    "request_presentation": (RECEIVING, TALK),
    "approve_presentation": (OFFICER, {"presentation": "p1", "approval_ref": "AP-1"}),
    "reject_presentation": (OFFICER, {"presentation": "p1", "reason": "SEEN"}),
    "record_presentation": (HEAD, {"presentation": "p1", "pupils": {"2026-01": 1}}),
}


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_pause_and_a_sign_off_hold_the_work(kind):
    """All of it is staff's progress."""
    who, fields = ALL_KINDS[kind]
    stream = offered(A)
    stream.hear("pause", scope="school", reason="SNOW")
    assert stream.refusal(kind, who, **fields).code == "STAGE_PAUSED"
    finished = visits({"2026-01": []})
    finished.do("complete", PRINCIPAL)
    assert finished.refusal(kind, who, **fields).code == "STAGE_NOT_OPEN"


def test_a_stream_of_an_older_release_stays_planned_and_can_be_skipped():
    """It began without content, so it pretends none."""
    decider = SchoolVisitsDecider()
    stream = Stream("school-visits", stage_start("school-visits"), when("2025-10-20 08:00"), decider=decider)
    stream.to("2025-12-20 08:00")
    assert stream.refusal("plan_trip", HEAD, **TRIP).code == "STAGE_HAS_NO_CONTENT"
    joined(left(stream, A))
    stream.do("skip", OFFICER, reason="NO_CONTENT")
    stream.consistent()


# -- late joiners -----------------------------------------------------------------------------------------------


def test_a_late_joiner_blocks_no_sign_off_and_stays_on_the_list():
    """Neither a slip without attendance nor an offer that never came."""
    stream = joined(offered(A, D))
    assert todo(stream) == [(LATE, "VISIT_NOT_OFFERED")]
    stream.do("offer_seats", HEAD, trip="t1", students=[LATE])
    record(stream, slip(LATE, True), slip(A, True))
    record(stream.to(AFTERWARDS), slip(A, attended=True))
    assert missing(stream) == {}
    stream.do("complete", PRINCIPAL)
    assert todo(stream) == [(LATE, "VISIT_ATTENDANCE_MISSING")]
    assert stream.refusal("record_visits", HEAD, trip="t1", rows=[slip(D, True, True)]).code == "STAGE_NOT_OPEN"
    assert record(stream, slip(LATE, attended=True)) == ["VisitAttendanceRecorded", "CampusVisitHeld"]
    assert todo(stream) == []
    stream.consistent()


def test_who_comes_after_the_sign_off_gets_a_trip_of_their_own():
    """Planned, approved, offered and recorded while the stage is completed; nobody else gets on."""
    stream = offered(A, D).to(AFTERWARDS)
    record(stream, slip(A, True, True))
    stream.do("complete", PRINCIPAL)
    later = {"at": "2025-11-20T08:00:00+08:00", "returns_at": "2025-11-20T17:00:00+08:00"}
    assert stream.refusal("plan_trip", HEAD, **{**TRIP, **later, "trip": "t2"}).code == "STAGE_NOT_OPEN"
    approved(joined(stream), trip="t2", **later)
    assert stream.refusal("offer_seats", HEAD, trip="t2", students=[B, LATE]).code == "STAGE_NOT_OPEN"
    stream.do("offer_seats", HEAD, trip="t2", students=[LATE])
    assert todo(stream) == []
    stream.do("reopen", PRINCIPAL, reason="SEEN")
    assert missing(stream) == {}


def test_a_late_joiner_has_not_had_the_presentations_of_before():
    """The class has, so nothing is owed to it; the next one reaches the joiner too."""
    stream = visits()
    for number, at in enumerate((TALK["at"], "2025-11-18T15:00:00+08:00")):
        stream.do("request_presentation", HEAD, **{**TALK, "presentation": f"p{number}", "at": at})
        stream.do("approve_presentation", OFFICER, presentation=f"p{number}", approval_ref="AP-1")
    stream.to("2025-11-14 17:00").do(
        "record_presentation", HEAD, presentation="p0", pupils={"2026-01": 3, "2026-02": 3}
    )
    joined(stream)
    assert (done(stream), todo(stream)) == ({"2026-01": 3, "2026-02": 3}, [(LATE, "VISIT_NOT_OFFERED")])
    stream.to("2025-11-18 17:00").do("record_presentation", HEAD, presentation="p1", pupils={"2026-01": 4})
    assert (done(stream), todo(stream)) == ({"2026-01": 4, "2026-02": 3}, [])


@pytest.mark.parametrize(("came", "there"), [("2025-11-13", True), ("2025-11-14", False), ("2025-11-17", False)])
def test_who_came_after_a_presentation_was_not_there_whenever_it_is_registered(came, there):
    """Registered late, with its own time: what counts is the day on which the pupil came, not the order of papers."""
    stream = visits()
    stream.do("request_presentation", HEAD, **TALK)
    stream.do("approve_presentation", OFFICER, presentation="p1", approval_ref="AP-1")
    stream.to("2025-11-18 08:00").hear("student_joined", student=LATE, class_id="2026-01", on=came)
    counted = {"2026-01": 3, "2026-02": 3}
    held_at = "2025-11-14T16:00:00+08:00"
    stream.do("record_presentation", HEAD, presentation="p1", pupils=counted, occurred_at=held_at)
    assert done(stream) == {"2026-01": 3 + there, "2026-02": 3}
    assert todo(stream) == ([] if there else [(LATE, "VISIT_NOT_OFFERED")])
    stream.consistent()


def test_the_end_of_a_late_joiners_own_term_is_noted():
    """The joiner's day passes with service missing; with an offer nothing is noted."""
    stream = joined(visits())
    due = stream.state.joined[LATE]
    stream.to(when(f"{due} 08:00") + timedelta(days=1))
    assert stream.last("JoinerOverdue")["data"]["student"] == LATE


def test_a_class_of_late_joiners_only_is_owed_nothing_by_its_due_date():
    """Their term is their own."""
    stream = joined(visits({"2026-01": []}), class_id="2026-05")
    assert missing(stream) == {}


# -- leavers ----------------------------------------------------------------------------------------------------


def test_a_leaver_gives_the_seat_back():
    """The bus leaves without waiting for the pupil; rows about one who left say so."""
    stream = offered(A, B, C)
    record(stream, slip(A, True), slip(B, True))
    left(stream, A)
    assert stream.state.trips["t1"].seats_left == 1
    for kind, fields in (("offer_seats", {"students": [A]}), ("record_visits", {"rows": [slip(A, True)]})):
        assert rows_refused(stream, kind, trip="t1", **fields) == [(0, "STUDENT_LEFT")]
    record(stream.to(AFTERWARDS), slip(B, attended=True))
    assert stream.last("CampusVisitHeld")["data"] == {"trip": "t1", "present": 1, "no_shows": 0}
    stream.consistent()


def test_the_one_who_is_waited_for_leaves():
    """No command is left to give, and nothing blocks: the trip took place."""
    stream = offered(A, D)
    record(stream, slip(A, True), slip(D, True))
    record(stream.to(AFTERWARDS), slip(A, attended=True))
    assert missing(stream) == {"TRIPS_NOT_HELD": 1, "VISIT_ATTENDANCE_MISSING": 1}
    left(stream, D)
    assert stream.last("CampusVisitHeld")["data"] == {"trip": "t1", "present": 1, "no_shows": 0}
    assert missing(stream) == {"CLASSES_WITHOUT_OFFER": 1}
    left(left(stream, E), F)
    assert missing(stream) == {}
    stream.do("complete", PRINCIPAL)


def test_who_was_there_and_left_was_there():
    """Recorded attendance stays in the figures, and can be corrected."""
    stream = offered(A, B).to(AFTERWARDS)
    record(stream, slip(A, True, True))
    version = stream.last("VisitAttendanceRecorded")["version"]
    left(stream, A)
    record(stream, slip(B, True, True))
    assert stream.last("CampusVisitHeld")["data"]["present"] == 2
    stream.do("correct", HEAD, version=version, values={"attended": False}, reason="WRITTEN_WRONG")
    assert stream.last("CampusVisitHeld")["data"] == {"trip": "t1", "present": 1, "no_shows": 1}
    stream.hear("student_joined", student=A, class_id="2026-02", on="2025-11-12")
    stream.consistent()


def test_a_run_ends_anywhere_and_the_next_begins_there():
    """Continue-as-new through JSON in the middle of a trip and a presentation."""
    stream = joined(offered(A, B))
    record(stream, slip(A, True))
    stream.do("request_presentation", HEAD, **TALK)
    assert SchoolVisitsState.model_validate(stream.state.model_dump(mode="json")) == stream.state
    stream.restart()
    record(stream.to(AFTERWARDS), slip(A, attended=True))
    stream.restart()
    stream.consistent()


def test_the_largest_school_fits_into_one_carry():
    """1,600 pupils, each on a trip with slip and attendance, a command for each class."""
    classes = {f"2026-{number:02d}": [f"stu_{number:02d}{pupil:08d}" for pupil in range(40)] for number in range(1, 41)}
    stream = visits(classes)
    for number, (class_id, students) in enumerate(classes.items()):
        trip = f"t-{class_id}"
        leaders = [f"stf_{number:03d}a", f"stf_{number:03d}b"]
        approved(stream, trip=trip, classes=[class_id], seats=40, leaders=leaders)
        stream.do("offer_seats", HEAD, trip=trip, students=students)
    stream.to(AFTERWARDS)
    for class_id, students in classes.items():
        record(stream, *(slip(student, True, True) for student in students), trip=f"t-{class_id}")
    assert missing(stream) == {}
    assert len(stream.machine.carry_over().model_dump_json().encode()) < 1_000_000


# -- words ------------------------------------------------------------------------------------------------------


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("code", [*REFUSALS, *BLOCKERS, *WORDS])
def test_every_sentence_is_said_in_both_languages_with_the_same_fields(code):
    """The Chinese with full-width punctuation, the English without a Chinese character."""
    entry = {**REFUSALS, **BLOCKERS, **WORDS}[code]
    assert _fields(entry["zh"]) == _fields(entry["en"])
    assert not any("\u3000" <= letter <= "\uffef" for letter in entry["en"])
    assert any("\u4e00" <= letter <= "\u9fff" for letter in entry["zh"])
    assert not any(mark in entry["zh"] for mark in ",;:()")
    assert entry["zh"].endswith("。") == entry["en"].endswith(".") == (code in REFUSALS)


def test_every_command_event_and_todo_has_its_words():
    """Nobody reads a bare code."""
    assert {event.__name__ for event in VISIT_EVENTS} <= WORDS.keys()
    assert {*ALL_KINDS, "report_unregistered_visit"} <= WORDS.keys()
    assert {"VISIT_NOT_OFFERED", "VISIT_ATTENDANCE_MISSING"} <= BLOCKERS.keys()
    assert not REFUSALS.keys() & BLOCKERS.keys()
    assert LISTED not in str(REFUSALS)


@pytest.mark.parametrize("module", [school_visits, school_visits_state, school_visits_trips])
def test_every_code_in_the_rules_has_a_sentence(module):
    """Their own, or one that all stages share; a code that the rules only name in a docstring counts too."""
    codes = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', inspect.getsource(module)))
    assert codes
    assert codes <= {*REFUSALS, *BLOCKERS, *OTHER_REFUSALS, *OTHER_BLOCKERS, *REGISTER_REFUSALS}


@pytest.mark.parametrize("code", REFUSALS)
def test_every_sentence_belongs_to_a_code_in_the_rules(code):
    """A sentence that nothing raises would be read by nobody."""
    assert any(
        f'"{code}"' in inspect.getsource(module) for module in (school_visits, school_visits_state, school_visits_trips)
    )
