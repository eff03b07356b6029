from __future__ import annotations

import pytest
from stream_samples import APPROVER, GRADE, HEAD, OFFICER, PRINCIPAL, A, B, C, D, person, pupils
from visits_samples import (
    LISTED,
    OTHER_COUNTY,
    RECEIVING,
    SECOND_OFFICER,
    TRIP,
    UNLISTED,
    approved,
    missing,
    offered,
    record,
    rows_refused,
    slip,
    students_of,
    visits,
)

from domain.actors import Role
from domain.refusal import Refusal

EVE, AFTERWARDS = "2025-11-11 18:00", "2025-11-12 18:00"


# -- planning ---------------------------------------------------------------------------------------------------


def test_a_trip_is_planned_in_civil_time_with_each_leader_and_class_once():
    """Instants are kept in the county's time; what is named twice counts once."""
    stream = visits()
    twice = {"leaders": ["stf_lead1", "stf_lead2", "stf_lead1"], "classes": ["2026-01", "2026-01"]}
    stream.do("plan_trip", HEAD, **{**TRIP, **twice, "at": "2025-11-12T00:00:00Z"})
    assert stream.last("CampusVisitPlanned")["data"] == {**TRIP, "classes": ["2026-01"]}
    assert missing(stream) == {"CLASSES_WITHOUT_OFFER": 2, "TRIPS_NOT_APPROVED": 1}


def test_the_list_decides_and_never_the_county():
    """A listed school of another county is fine; one that is not listed is refused on record (INV-20)."""
    stream = visits()
    assert stream.recorded("plan_trip", HEAD, **{**TRIP, "receiving_school": UNLISTED}) == "SCHOOL_NOT_LISTED"
    assert "CampusVisitPlanned" not in stream.names()
    stream.do("plan_trip", HEAD, **{**TRIP, "receiving_school": OTHER_COUNTY})
    assert stream.last("CampusVisitPlanned")["data"]["receiving_school"] == OTHER_COUNTY


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"returns_at": TRIP["at"]}, "TRIP_TIMES_INVALID"),
        ({"leaders": []}, "LEADERS_TOO_FEW"),
        ({"leaders": ["stf_lead1"]}, "LEADERS_TOO_FEW"),
        ({"leaders": ["stf_lead1", "stf_lead1"]}, "LEADERS_TOO_FEW"),
        ({"classes": ["2026-01", "2026-07"]}, "CLASS_UNKNOWN"),
        ({"seats": 0}, "COMMAND_INVALID"),
        ({"seats": 501}, "COMMAND_INVALID"),
        ({"vehicles": 0}, "COMMAND_INVALID"),
        ({"leaders": ["Wang", "Li"]}, "COMMAND_INVALID"),
    ],
)
def test_a_plan_must_be_whole(changes, code):
    """Two different leaders, a return after the start, known classes, seats and vehicles."""
    assert visits().refusal("plan_trip", HEAD, **{**TRIP, **changes}).code == code


def test_the_most_seats_are_taken():
    """500 is in the range."""
    visits().do("plan_trip", HEAD, **{**TRIP, "seats": 500})


def test_a_label_is_used_once_even_after_a_cancellation():
    """Notices go out under it."""
    stream = approved(visits())
    assert stream.refusal("plan_trip", HEAD, **TRIP).code == "TRIP_EXISTS"
    stream.do("cancel_trip", HEAD, trip="t1", reason="SNOW")
    assert stream.refusal("plan_trip", HEAD, **TRIP).code == "TRIP_EXISTS"


def test_a_leader_is_on_one_trip_at_a_time():
    """Two trips at one time are the mark of a trip on paper only (DOMAIN §6); one after the other is fine."""
    stream = approved(visits())
    second = {**TRIP, "trip": "t2", "leaders": ["stf_lead2", "stf_lead3"]}
    refusal = stream.refusal("plan_trip", HEAD, **second)
    assert (refusal.code, refusal.parameters) == ("LEADERS_BUSY", {"trip": "t1"})
    stream.do("plan_trip", HEAD, **{**second, "at": TRIP["returns_at"], "returns_at": "2025-11-12T20:00:00+08:00"})


# -- approval ---------------------------------------------------------------------------------------------------


def test_an_officer_who_had_no_hand_in_it_approves_before_the_start():
    """The safety plan's number is kept; a second approval has nothing to do."""
    stream = visits()
    stream.do("plan_trip", HEAD, **TRIP)
    for who in (HEAD, PRINCIPAL, APPROVER, RECEIVING):
        assert stream.refusal("approve_trip", who, trip="t1", safety_plan="SP-1").code == "ROLE_NOT_ALLOWED"
    stream.do("approve_trip", OFFICER, trip="t1", safety_plan="SP-1")
    assert stream.last("CampusVisitApproved")["data"] == {"trip": "t1", "safety_plan": "SP-1"}
    again = stream.refusal("approve_trip", SECOND_OFFICER, trip="t1", safety_plan="SP-1")
    assert again.code == "TRIP_ALREADY_APPROVED"
    assert stream.refusal("approve_trip", OFFICER, trip="t9", safety_plan="SP-1").code == "TRIP_UNKNOWN"


@pytest.mark.parametrize("hand", ["head", "lead2"])
def test_nobody_approves_a_trip_that_they_planned_or_lead(hand):
    """Four eyes hold for the person, whatever role the person has now (INV-21)."""
    stream = visits()
    stream.do("plan_trip", HEAD, **TRIP)
    same = person(hand, Role.BUREAU_OFFICER, "bureau")
    assert stream.recorded("approve_trip", same, trip="t1", safety_plan="SP-1") == "SELF_APPROVAL"
    deputy = person("deputy", Role.BUREAU_OFFICER, "bureau", on_behalf_of=same.id)
    assert stream.recorded("approve_trip", deputy, trip="t1", safety_plan="SP-1") == "SELF_APPROVAL"


def test_nothing_is_approved_afterwards():
    """At the minute of the start it is too late; a plan without approval can still be cancelled."""
    stream = visits()
    stream.do("plan_trip", HEAD, **TRIP)
    stream.to("2025-11-12 08:00")
    assert stream.refusal("approve_trip", OFFICER, trip="t1", safety_plan="SP-1").code == "APPROVAL_TOO_LATE"
    stream.do("cancel_trip", OFFICER, trip="t1", reason="NOT_APPROVED")
    assert missing(stream) == {"CLASSES_WITHOUT_OFFER": 2}


# -- seats ------------------------------------------------------------------------------------------------------


def test_seats_are_offered_after_the_approval_until_the_start():
    """One event for each pupil, for the notice to the household."""
    stream = visits()
    assert stream.refusal("offer_seats", HEAD, trip="t1", students=[A]).code == "TRIP_UNKNOWN"
    stream.do("plan_trip", HEAD, **TRIP)
    for kind, fields in (("offer_seats", {"students": [A]}), ("record_visits", {"rows": [slip(A, True)]})):
        assert stream.refusal(kind, HEAD, trip="t1", **fields).code == "TRIP_NOT_APPROVED"
    stream.do("approve_trip", OFFICER, trip="t1", safety_plan="SP-1")
    stream.do("offer_seats", HEAD, trip="t1", students=[A, D])
    assert students_of(stream, "SeatOffered") == [A, D]
    stream.to("2025-11-12 08:00")
    assert stream.refusal("offer_seats", HEAD, trip="t1", students=[B]).code == "TRIP_STARTED"


def test_every_bad_row_of_an_offer_is_named():
    """All or none: unknown, twice, of another class, offered before."""
    stream = approved(visits(), classes=["2026-01"])
    stream.do("offer_seats", HEAD, trip="t1", students=[A])
    given = [A, "stu_999999", B, B, D, C]
    assert rows_refused(stream, "offer_seats", trip="t1", students=given) == [
        (0, "ALREADY_OFFERED"),
        (1, "STUDENT_UNKNOWN"),
        (3, "STUDENT_TWICE"),
        (4, "STUDENT_NOT_IN_TRIP"),
    ]
    assert students_of(stream, "SeatOffered") == [A]


def test_seats_are_full_exactly_when_they_are():
    """Three seats take three; the refusal says how many are left; a guardian's no frees one."""
    stream = offered(A)
    refusal = stream.refusal("offer_seats", HEAD, trip="t1", students=[B, C, D])
    assert (refusal.code, refusal.parameters) == ("SEATS_FULL", {"left": 2})
    stream.do("offer_seats", HEAD, trip="t1", students=[B, C])
    assert stream.refusal("offer_seats", HEAD, trip="t1", students=[D]).parameters == {"left": 0}
    record(stream, slip(B, False))
    stream.do("offer_seats", HEAD, trip="t1", students=[D])
    assert rows_refused(stream, "offer_seats", trip="t1", students=[B]) == [(0, "ALREADY_OFFERED")]


def test_nobody_sits_in_two_buses_at_a_time():
    """Unless the guardian said no to the other one; a trip that starts when the other is back is no overlap."""
    stream = offered(A, B)
    others = ["stf_lead3", "stf_lead4"]
    approved(stream, trip="t2", at="2025-11-12T16:59:00+08:00", returns_at="2025-11-12T20:00:00+08:00", leaders=others)
    approved(stream, trip="t3", at=TRIP["returns_at"], returns_at="2025-11-12T21:00:00+08:00")
    record(stream, slip(B, False))
    assert rows_refused(stream, "offer_seats", trip="t2", students=[A, B]) == [(0, "TRIP_OVERLAPS")]
    stream.do("offer_seats", HEAD, trip="t3", students=[A])
    stream.do("offer_seats", HEAD, trip="t2", students=[B])
    assert rows_refused(stream, "record_visits", trip="t1", rows=[slip(B, True)]) == [(0, "TRIP_OVERLAPS")]


# -- slips and attendance ---------------------------------------------------------------------------------------


def test_a_trip_from_slips_to_no_shows():
    """Slips before, attendance afterwards; the trip is held when the last pupil with permission is known."""
    stream = offered(A, B, C)
    assert record(stream, slip(A, True), slip(B, True)) == ["GuardianPermissionRecorded"] * 2
    assert missing(stream)["VISIT_ATTENDANCE_MISSING"] == 2
    stream.to(AFTERWARDS)
    assert record(stream, slip(A, attended=True)) == ["VisitAttendanceRecorded"]
    assert missing(stream) == {"CLASSES_WITHOUT_OFFER": 1, "TRIPS_NOT_HELD": 1, "VISIT_ATTENDANCE_MISSING": 1}
    assert record(stream, slip(B, attended=False)) == ["VisitAttendanceRecorded", "CampusVisitHeld"]
    assert stream.last("CampusVisitHeld")["data"] == {"trip": "t1", "present": 1, "no_shows": 1}
    assert missing(stream) == {"CLASSES_WITHOUT_OFFER": 1}
    stream.consistent()


def test_slip_and_attendance_in_one_row():
    """The list as it comes back: a repeated slip beside new attendance is no problem."""
    stream = offered(A, B)
    record(stream, slip(A, True))
    stream.to(AFTERWARDS)
    assert record(stream, slip(A, True, True), slip(B, True, True)) == [
        "VisitAttendanceRecorded",
        "GuardianPermissionRecorded",
        "VisitAttendanceRecorded",
        "CampusVisitHeld",
    ]


def test_every_bad_row_of_a_list_is_named():
    """All or none, each with its own code."""
    stream = offered(A, B, C)
    record(stream, slip(A, True), slip(B, False))
    rows = [slip(A), slip(A, True), slip(B, False), slip(C, True, True), slip(D, True), slip("stu_999999", True)]
    expected = ["ROW_EMPTY", "STUDENT_TWICE", "ALREADY_RECORDED", "TRIP_NOT_YET_HELD", "SEAT_NOT_OFFERED"]
    expected.append("STUDENT_UNKNOWN")
    assert rows_refused(stream, "record_visits", trip="t1", rows=rows) == list(enumerate(expected))
    stream.to(AFTERWARDS)
    rows = [slip(B, attended=True), slip(C, attended=True)]
    assert [code for _, code in rows_refused(stream, "record_visits", trip="t1", rows=rows)] == [
        "PERMISSION_MISSING"
    ] * 2
    record(stream, slip(A, attended=True))
    rows = [slip(A, attended=False)]
    assert rows_refused(stream, "record_visits", trip="t1", rows=rows) == [(0, "ALREADY_RECORDED")]
    assert rows_refused(stream, "record_visits", trip="t1", rows=[slip(A, False)]) == [(0, "ALREADY_RECORDED")]


def test_attendance_begins_with_the_trip():
    """A minute before is too early, the minute itself is not."""
    stream = offered(A).to("2025-11-12 07:59")
    row = slip(A, True, True)
    assert rows_refused(stream, "record_visits", trip="t1", rows=[row]) == [(0, "TRIP_NOT_YET_HELD")]
    assert "CampusVisitHeld" in record(stream.to("2025-11-12 08:00"), row)


def test_a_family_may_change_its_mind_until_attendance_is_known():
    """A newer slip counts, both ways, as long as a seat is free."""
    stream = offered(A, B, C)
    record(stream, slip(A, True))
    record(stream, slip(A, False))
    record(stream, slip(A, True))
    record(stream, slip(A, False))
    stream.do("offer_seats", HEAD, trip="t1", students=[D])
    assert rows_refused(stream, "record_visits", trip="t1", rows=[slip(A, True)]) == [(0, "SEAT_TAKEN")]
    assert stream.state.trips["t1"].seats_left == 0


def test_a_slip_that_comes_late_opens_the_trip_again():
    """Who has permission and no attendance is waited for, and the new figures are said."""
    stream = offered(A, B)
    stream.to(AFTERWARDS)
    assert record(stream, slip(A, True, True))[-1] == "CampusVisitHeld"
    assert record(stream, slip(B, True)) == ["GuardianPermissionRecorded"]
    assert missing(stream)["TRIPS_NOT_HELD"] == 1
    record(stream, slip(B, attended=False))
    assert stream.last("CampusVisitHeld")["data"] == {"trip": "t1", "present": 1, "no_shows": 1}


def test_the_same_figures_are_not_said_twice():
    """A no that changes nothing about who was there is a slip and no more."""
    stream = offered(A, B).to(AFTERWARDS)
    record(stream, slip(A, True, True))
    assert record(stream, slip(B, False)) == ["GuardianPermissionRecorded"]


def test_a_pupil_without_permission_who_stayed_is_no_no_show():
    """Nobody who was not expected was missed."""
    stream = offered(A, B, C).to(AFTERWARDS)
    record(stream, slip(A, False, False), slip(B, attended=False), slip(C, True, True))
    assert stream.last("CampusVisitHeld")["data"] == {"trip": "t1", "present": 1, "no_shows": 0}


def test_the_last_no_completes_a_trip():
    """When the one who was waited for turns out not to have had permission, the trip was held."""
    stream = offered(A, B)
    record(stream, slip(B, True))
    stream.to(AFTERWARDS)
    record(stream, slip(A, True, True))
    assert record(stream, slip(B, False)) == ["GuardianPermissionRecorded", "CampusVisitHeld"]


# -- moving -----------------------------------------------------------------------------------------------------

LATER = {
    "trip": "t1",
    "at": "2025-11-13T08:00:00+08:00",
    "returns_at": "2025-11-13T17:00:00+08:00",
    "safety_plan": "SP-2025-015",
    "reason": "SNOW",
}


def test_a_moved_trip_keeps_its_seats_and_needs_new_slips():
    """Who has a seat is told, not the family that said no; a slip for the old time lets nobody on board."""
    stream = offered(A, B, C)
    record(stream, slip(A, True), slip(B, False))
    stream.to("2025-11-04 08:00").do("move_trip", SECOND_OFFICER, **LATER)
    assert students_of(stream, "SeatMoved") == [A, C]
    assert stream.last("CampusVisitMoved")["data"] == LATER
    before = {"trip": "t1", "rows": [slip(A, True)], "occurred_at": "2025-11-03T09:00:00+08:00"}
    assert rows_refused(stream, "record_visits", **before) == [(0, "SLIP_BEFORE_MOVE")]
    stream.to("2025-11-13 18:00")
    assert rows_refused(stream, "record_visits", trip="t1", rows=[slip(A, attended=True)]) == [
        (0, "PERMISSION_MISSING")
    ]
    record(stream, slip(A, True, attended=True), slip(C, False))
    assert stream.last("CampusVisitHeld")["data"] == {"trip": "t1", "present": 1, "no_shows": 0}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reason": None}, "REASON_REQUIRED"),
        ({"at": TRIP["at"], "returns_at": TRIP["returns_at"]}, "TIME_UNCHANGED"),
        ({"returns_at": LATER["at"]}, "TRIP_TIMES_INVALID"),
        ({"at": "2025-11-03T07:00:00+08:00"}, "NEW_TIME_PASSED"),
        ({"at": "2025-11-14T08:00:00+08:00", "returns_at": "2025-11-14T17:00:00+08:00"}, "LEADERS_BUSY"),
        ({"at": "2025-11-15T08:00:00+08:00", "returns_at": "2025-11-15T17:00:00+08:00"}, "RIDERS_ELSEWHERE"),
    ],
)
def test_what_no_trip_is_moved_to(changes, code):
    """Leaders and pupils are on one trip at a time, and a family cannot come to an hour that has passed."""
    stream = offered(A, B)
    for label, day, leaders in (("t2", 14, ["stf_lead2", "stf_lead3"]), ("t3", 15, ["stf_lead4", "stf_lead5"])):
        times = {"at": f"2025-11-{day}T09:00:00+08:00", "returns_at": f"2025-11-{day}T12:00:00+08:00"}
        approved(stream, trip=label, leaders=leaders, **times)
    stream.do("offer_seats", HEAD, trip="t3", students=[A])
    assert stream.refusal("move_trip", OFFICER, **{**LATER, **changes}).code == code


def test_the_bureau_moves_an_approved_trip_before_attendance():
    """No family is told a time that only the school has chosen."""
    stream = visits()
    stream.do("plan_trip", HEAD, **TRIP)
    assert stream.refusal("move_trip", OFFICER, **LATER).code == "TRIP_NOT_APPROVED"
    stream.do("approve_trip", OFFICER, trip="t1", safety_plan="SP-2025-014")
    assert stream.refusal("move_trip", HEAD, **LATER).code == "ROLE_NOT_ALLOWED"
    stream.do("offer_seats", HEAD, trip="t1", students=[A])
    stream.to(AFTERWARDS)
    record(stream, slip(A, True, attended=True))
    assert stream.refusal("move_trip", OFFICER, **LATER).code == "ALREADY_RECORDED"


# -- cancelling -------------------------------------------------------------------------------------------------


def test_a_cancelled_trip_tells_every_household_that_was_offered_a_seat():
    """Also those who had not answered; the class is owed another offer."""
    stream = offered(A, B)
    record(stream, slip(A, True))
    assert stream.refusal("cancel_trip", HEAD, trip="t1").code == "REASON_REQUIRED"
    stream.do("cancel_trip", GRADE, trip="t1", reason="SNOW")
    assert students_of(stream, "SeatWithdrawn") == [A, B]
    assert stream.last("CampusVisitCancelled")["data"] == {"trip": "t1", "reason": "SNOW"}
    assert missing(stream) == {"CLASSES_WITHOUT_OFFER": 2}
    for kind, fields in (("offer_seats", {"students": [A]}), ("record_visits", {"rows": [slip(A, False)]})):
        assert stream.refusal(kind, HEAD, trip="t1", **fields).code == "TRIP_UNKNOWN"
    assert stream.refusal("cancel_trip", HEAD, trip="t1", reason="SNOW").code == "TRIP_UNKNOWN"
    stream.consistent()


def test_a_trip_with_attendance_took_place():
    """It cannot be cancelled after the first row, while others are still waited for."""
    stream = offered(A, B).to(AFTERWARDS)
    record(stream, slip(A, True, True), slip(B, True))
    assert stream.refusal("cancel_trip", HEAD, trip="t1", reason="SNOW").code == "ALREADY_RECORDED"


# -- corrections ------------------------------------------------------------------------------------------------


def version(stream, event_type):
    """Return the version of the latest event of a type."""
    return stream.last(event_type)["version"]


def correct(stream, number, who=HEAD, **values):
    """Correct a record."""
    return stream.do("correct", who, version=number, values=values, reason="WRITTEN_WRONG")


def test_attendance_is_corrected_and_the_figures_said_again():
    """The original stays; the corrected event can be corrected again, the original no more."""
    stream = offered(A, B).to(AFTERWARDS)
    record(stream, slip(B, True, True), slip(A, True, True))
    first = version(stream, "VisitAttendanceRecorded")
    correct(stream, first, attended=False)
    data = stream.last("VisitAttendanceCorrected")["data"]
    assert data == {"trip": "t1", "student": A, "attended": False, "corrects": first, "reason": "WRITTEN_WRONG"}
    assert stream.last("CampusVisitHeld")["data"] == {"trip": "t1", "present": 1, "no_shows": 1}
    refusal = stream.refusal("correct", HEAD, version=first, values={"attended": True}, reason="WRITTEN_WRONG")
    assert refusal.code == "NOT_CORRECTABLE"
    correct(stream, version(stream, "VisitAttendanceCorrected"), attended=True)
    assert stream.last("CampusVisitHeld")["data"]["present"] == 2
    stream.consistent()


def test_a_slip_is_corrected_within_the_seats():
    """Another pupil's slip becomes no answer; a no that was a yes needs a free seat."""
    stream = offered(A, B, C)
    record(stream, slip(A, False))
    number = version(stream, "GuardianPermissionRecorded")
    correct(stream, number, permission=None)
    assert stream.state.trips["t1"].seats_left == 0
    correct(stream, version(stream, "GuardianPermissionCorrected"), permission=False)
    stream.do("offer_seats", HEAD, trip="t1", students=[D])
    number = version(stream, "GuardianPermissionCorrected")
    for value in (True, None):
        refusal = stream.refusal("correct", HEAD, version=number, values={"permission": value}, reason="WRITTEN_WRONG")
        assert refusal.code == "SEAT_TAKEN"


def test_permission_and_attendance_stay_in_step_when_corrected():
    """Nobody is on the bus without a slip, whichever is corrected."""
    stream = offered(A, B).to(AFTERWARDS)
    record(stream, slip(A, True, True), slip(B, False, False))
    permission = next(e["version"] for e in stream.ledger if e["type"] == "GuardianPermissionRecorded")
    for number, values in (
        (permission, {"permission": False}),
        (permission, {"permission": None}),
        (version(stream, "VisitAttendanceRecorded"), {"attended": True}),
    ):
        refusal = stream.refusal("correct", HEAD, version=number, values=values, reason="WRITTEN_WRONG")
        assert refusal.code == "PERMISSION_MISSING"


@pytest.mark.parametrize("values", [{"attended": True}, {"student": B}, {"permission": "maybe"}])
def test_a_correction_gives_the_records_own_values(values):
    """A slip has a permission; whose slip it was is no value that changes."""
    stream = offered(A)
    record(stream, slip(A, True))
    number = version(stream, "GuardianPermissionRecorded")
    refusal = stream.refusal("correct", HEAD, version=number, values=values, reason="WRITTEN_WRONG")
    assert refusal.code == "COMMAND_INVALID"


def test_a_trip_is_never_approved_afterwards():
    """The workflow's clock decides, whatever time the approver claims."""
    stream = visits()
    stream.do("plan_trip", HEAD, **TRIP)
    stream.to(AFTERWARDS)
    for said in ({}, {"occurred_at": "2025-11-11T08:00:00+08:00"}):
        refusal = stream.refusal("approve_trip", OFFICER, trip="t1", safety_plan="SP-1", **said)
        assert refusal.code == "APPROVAL_TOO_LATE"


def test_a_receiving_school_corrects_nothing_of_a_pupil():
    """It records nothing there: a correction needs the right to record."""
    stream = offered(A)
    record(stream, slip(A, False))
    number = version(stream, "GuardianPermissionRecorded")
    tried = {"version": number, "values": {"permission": True}, "reason": "WRITTEN_WRONG"}
    for who in (RECEIVING, OFFICER):
        refusal = stream.refusal("correct", who, **tried)
        assert (refusal.code, refusal.parameters["command"]) == ("ROLE_NOT_ALLOWED", "record_visits")
    assert stream.state.trips["t1"].riders[A].permission is False


# -- the largest trip -------------------------------------------------------------------------------------------


def test_a_trip_of_five_hundred_in_three_commands():
    """Seats, slips and attendance of the largest trip, and a row more is refused as malformed."""
    many = pupils(*range(1, 501))
    stream = offered(*many, classes={"2026-01": list(many)}, seats=500)
    stream.to(AFTERWARDS)
    record(stream, *(slip(student, True, number % 10 > 0) for number, student in enumerate(many)))
    assert stream.last("CampusVisitHeld")["data"] == {"trip": "t1", "present": 450, "no_shows": 50}
    rows = [slip(student, True) for student in pupils(*range(1, 502))]
    with pytest.raises(Refusal, match="COMMAND_INVALID"):
        stream.machine.check(stream.command("record_visits", HEAD, trip="t1", rows=rows), stream.now)
    assert stream.state.trips["t1"].receiving_school == LISTED
