from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
    person,
    policy,
    pupils,
    stage,
    when,
)

from domain.actors import Role
from domain.refusal import Refusal
from domain.time import stamp

S1 = "2025-11-10T19:00:00+08:00"


def meetings(classes=None, **changes):
    """Return open parents' meetings."""
    given_classes = {} if classes is None else {"classes": classes}
    return stage("parent-meetings", **given_classes, **changes).to("2025-11-03 08:00")


def invited(classes=None, **changes):
    """Return parents' meetings with one session for all classes, everybody invited, on the evening after it."""
    stream = meetings(classes, **changes)
    stream.do("schedule_session", HEAD, session="s1", classes=list(stream.state.classes), at=S1)
    stream.do("invite", HEAD, session="s1")
    return stream.to("2025-11-10 21:00")


def sheet(*present, absent=()):
    """Return the rows of a sign-in sheet."""
    return [
        *({"student": student, "attended": True, "by": "guardian"} for student in present),
        *({"student": student, "attended": False} for student in absent),
    ]


def held(present, absent, **changes):
    """Return a one-class meeting whose sheet is recorded, the next morning."""
    stream = invited({"2026-01": [*present, *absent]}, **changes)
    stream.do("record_attendance", HEAD, session="s1", rows=sheet(*present, absent=absent))
    return stream.to("2025-11-11 08:00")


def contact(student, outcome="no_answer", at="2025-11-11 07:00", how="call"):
    """Return a row about a contact."""
    return {"student": student, "contact": how, "outcome": outcome, "at": stamp(when(at))}


def follow_up(stream, *rows):
    """Record contacts."""
    return stream.do("record_followups", HEAD, rows=list(rows))


def outcome(stream, student):
    """Return a household's final outcome."""
    return stream.state.households[student].outcome


def missing(stream):
    """Return what blocks completing, with counts."""
    return {blocker.code: blocker.count for blocker in stream.decider.blockers(stream.state)}


def rows_refused(stream, kind, **fields):
    """Return the rows that are refused, as (position, code)."""
    refusal = stream.refusal(kind, HEAD, **fields)
    assert refusal.code == "ROWS_REFUSED"
    assert refusal.parameters["count"] == len(refusal.parameters["rows"])
    return [(row["row"], row["code"]) for row in refusal.parameters["rows"]]


# -- sessions and invitations -----------------------------------------------------------------------------------


def test_a_session_is_scheduled_once_for_known_classes():
    """Its instant is kept in civil time; a class named twice is one class."""
    stream = meetings()
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01", "2026-01"], at="2025-11-10T11:00:00Z")
    data = stream.last("SessionScheduled")["data"]
    assert data == {"session": "s1", "classes": ["2026-01"], "at": "2025-11-10T19:00:00+08:00"}
    again = {"session": "s1", "classes": ["2026-02"], "at": S1}
    assert stream.refusal("schedule_session", HEAD, **again).code == "SESSION_EXISTS"
    refusal = stream.refusal("schedule_session", HEAD, session="s2", classes=["2026-02", "2026-07"], at=S1)
    assert (refusal.code, refusal.parameters) == ("CLASS_UNKNOWN", {"classes": ["2026-07"]})


def test_everybody_is_invited_once():
    """Those of the session's classes; a second time says so."""
    stream = meetings()
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-02", "2026-02"], at=S1)
    stream.do("invite", HEAD, session="s1")
    assert [e["data"]["student"] for e in stream.ledger if e["type"] == "HouseholdInvited"] == [D, E, F]
    assert stream.refusal("invite", HEAD, session="s1").code == "ALREADY_INVITED"
    assert stream.refusal("invite", HEAD, session="s9").code == "SESSION_UNKNOWN"


def test_a_cancelled_session_owes_its_classes_another_and_another_invitation():
    """Snow: it is no session any more, its households count as not invited, and its reference is used up."""
    stream = meetings({"2026-01": [A, B]})
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at=S1)
    stream.do("invite", HEAD, session="s1")
    assert stream.refusal("cancel_session", HEAD, session="s1").code == "REASON_REQUIRED"
    stream.do("cancel_session", HEAD, session="s1", reason="SNOW")
    told = [event["data"]["student"] for event in stream.ledger if event["type"] == "InvitationWithdrawn"]
    assert told == [A, B]
    assert missing(stream) == {"CLASSES_WITHOUT_SESSION": 1, "HOUSEHOLDS_NOT_INVITED": 2, "ATTENDANCE_MISSING": 2}
    again = {"classes": ["2026-01"], "at": "2025-11-12T19:00:00+08:00"}
    assert stream.refusal("schedule_session", HEAD, session="s1", **again).code == "SESSION_EXISTS"
    for kind in ("invite", "cancel_session"):
        assert stream.refusal(kind, HEAD, session="s1", reason="SNOW").code == "SESSION_UNKNOWN"
    stream.do("schedule_session", HEAD, session="s2", **again)
    stream.do("invite", HEAD, session="s2")
    assert missing(stream) == {"SESSIONS_NOT_HELD": 1, "ATTENDANCE_MISSING": 2}
    stream.consistent()


def test_a_moved_session_keeps_its_name_and_tells_who_was_invited():
    """Its invitations stand, the attendance is recorded as before; the old hour and one that has passed are refused."""
    stream = meetings({"2026-01": [A, B]})
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at=S1)
    stream.do("invite", HEAD, session="s1")
    later = {"session": "s1", "at": "2025-11-12T11:00:00Z", "reason": "SNOW"}
    assert stream.refusal("move_session", HEAD, **{**later, "reason": None}).code == "REASON_REQUIRED"
    assert stream.refusal("move_session", HEAD, **{**later, "at": S1}).code == "TIME_UNCHANGED"
    assert (
        stream.refusal("move_session", HEAD, **{**later, "at": "2025-10-01T19:00:00+08:00"}).code == "NEW_TIME_PASSED"
    )
    stream.do("move_session", HEAD, **later)
    assert stream.last("SessionMoved")["data"]["at"].startswith("2025-11-12T19:00:00")
    assert [event["data"]["student"] for event in stream.ledger if event["type"] == "InvitationMoved"] == [A, B]
    assert stream.refusal("move_session", HEAD, **later).code == "TIME_UNCHANGED"
    assert missing(stream) == {"SESSIONS_NOT_HELD": 1, "ATTENDANCE_MISSING": 2}
    stream.to("2025-11-12 21:00").do("record_attendance", HEAD, session="s1", rows=sheet(A))
    assert stream.refusal("move_session", HEAD, **{**later, "at": S1}).code == "ALREADY_RECORDED"
    stream.consistent()


def test_a_session_whose_attendance_is_known_was_held():
    """It cannot be cancelled, not even after one row."""
    stream = invited()
    stream.do("record_attendance", HEAD, session="s1", rows=sheet(A))
    assert stream.refusal("cancel_session", HEAD, session="s1", reason="SNOW").code == "ALREADY_RECORDED"


# -- attendance -------------------------------------------------------------------------------------------------


def test_a_whole_class_in_one_command():
    """A row an event, then the meeting was held, all under one command and one receipt."""
    stream = invited({"2026-01": [A, B, C]})
    answer = stream.do("record_attendance", HEAD, session="s1", rows=sheet(A, C, absent=[B]))
    mine = stream.ledger[answer.receipt.first_version - 1 :]
    assert [e["type"] for e in mine] == ["AttendanceRecorded"] * 3 + ["ParentsMeetingHeld"]
    assert mine[-1]["data"] == {"session": "s1", "present": 2, "absent": 1}
    assert [outcome(stream, student) for student in (A, B, C)] == ["INFORMED", None, "INFORMED"]
    stream.consistent()


def test_a_meeting_is_held_when_the_last_household_is_known():
    """Two sheets, one for each class; counts are of the whole session."""
    stream = invited()
    stream.do("record_attendance", HEAD, session="s1", rows=sheet(A, B, absent=[C]))
    assert missing(stream)["SESSIONS_NOT_HELD"] == 1
    stream.do("record_attendance", GRADE, session="s1", rows=sheet(D, absent=[E, F]))
    assert stream.last("ParentsMeetingHeld")["data"] == {"session": "s1", "present": 3, "absent": 3}
    assert "SESSIONS_NOT_HELD" not in missing(stream)


def test_all_rows_or_none_and_every_bad_row_is_named():
    """Positions in the command and codes; nothing of the sheet is kept."""
    stream = meetings()
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at=S1)
    stream.to("2025-11-10 21:00").do("record_attendance", HEAD, session="s1", rows=sheet(C))
    rows = [*sheet(A), *sheet("stu_999999"), *sheet(D), *sheet(A), *sheet(C), {"student": B, "attended": True}]
    assert rows_refused(stream, "record_attendance", session="s1", rows=rows) == [
        (1, "STUDENT_UNKNOWN"),
        (2, "STUDENT_NOT_IN_SESSION"),
        (3, "STUDENT_TWICE"),
        (4, "ALREADY_RECORDED"),
        (5, "ATTENDED_BY_MISSING"),
    ]
    assert outcome(stream, A) is None


def test_attendance_comes_after_the_meeting():
    """Not a minute before its time, neither now nor as said; afterwards it may be said for when it was."""
    stream = meetings({"2026-01": [A]})
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at=S1)
    stream.to("2025-11-10 18:59")
    assert stream.refusal("record_attendance", HEAD, session="s1", rows=sheet(A)).code == "SESSION_NOT_YET_HELD"
    stream.to("2025-11-12 08:00")
    early = {"occurred_at": "2025-11-10T18:59:00+08:00"}
    assert (
        stream.refusal("record_attendance", HEAD, session="s1", rows=sheet(A), **early).code == "SESSION_NOT_YET_HELD"
    )
    stream.do("record_attendance", HEAD, session="s1", rows=sheet(A), occurred_at=S1)


def test_a_caregiver_is_informed_in_a_guardians_place():
    """A grandmother came: the household is informed; who came stands in the event (it is no consent)."""
    stream = invited({"2026-01": [A]})
    rows = [{"student": A, "attended": True, "by": "caregiver"}]
    stream.do("record_attendance", HEAD, session="s1", rows=rows)
    assert outcome(stream, A) == "INFORMED"
    assert stream.last("AttendanceRecorded")["data"]["by"] == "caregiver"
    assert missing(stream) == {}


def test_who_came_to_a_second_meeting_was_there():
    """Absent first, present later: informed, and no follow-up is owed."""
    stream = held([B], [A])
    stream.do("schedule_session", HEAD, session="s2", classes=["2026-01"], at="2025-11-11T19:00:00+08:00")
    stream.to("2025-11-11 21:00").do("record_attendance", HEAD, session="s2", rows=sheet(A, absent=[B]))
    assert (outcome(stream, A), outcome(stream, B)) == ("INFORMED", "INFORMED")
    assert missing(stream) == {}


# -- follow-up --------------------------------------------------------------------------------------------------

MANY = pupils(*range(10, 17))  # seven who came, so that one absent of eight is above the quorum


@pytest.mark.parametrize(
    ("days", "final"),
    [
        (["11 07:00", "12 07:00"], None),
        (["11 07:00", "12 07:00", "13 07:00"], "NO_ANSWER"),
        (["11 07:00", "11 12:00", "11 20:00", "12 07:00"], None),
        (["11 07:00", "11 12:00", "12 07:00", "13 23:59"], "NO_ANSWER"),
        (["11 23:59", "12 00:00", "12 23:59"], None),
    ],
)
def test_three_attempts_on_different_days_are_enough(days, final):
    """`NO_ANSWER` is a final outcome; attempts of one civil day count once (design, section 5)."""
    stream = held(MANY, [A]).to("2025-11-14 08:00")
    for day in days:
        follow_up(stream, contact(A, at=f"2025-11-{day}"))
    assert outcome(stream, A) == final
    assert missing(stream) == ({} if final else {"HOUSEHOLDS_NOT_FOLLOWED_UP": 1})
    if final:
        stream.do("complete", PRINCIPAL)


def test_a_contact_lies_between_the_missed_meeting_and_now():
    """Nobody follows up before there is an absence, and weeks back only with a reason (design, section 3)."""
    stream = held(MANY, [A])
    before = (stream.state.sessions["s1"].at - timedelta(hours=1)).isoformat()
    early = rows_refused(stream, "record_followups", rows=[{**contact(A), "at": before}])
    assert early == [(0, "FOLLOW_UP_BEFORE_MEETING")]
    stream.to("2025-12-05 08:00")
    old = [contact(A, at="2025-11-12 18:00")]
    assert rows_refused(stream, "record_followups", rows=old) == [(0, "OCCURRED_TOO_LONG_AGO")]
    stream.do("record_followups", HEAD, rows=old, late_reason="NO_NETWORK")
    assert len(stream.state.households[A].attempts) == 1


def test_the_day_of_an_attempt_is_the_countys():
    """23:30 and 00:30 UTC of one UTC day are two days in the county, and the other way round."""
    stream = held(MANY, [A]).to("2025-11-14 08:00")
    for at in ("2025-11-11T15:30:00Z", "2025-11-11T16:30:00Z", "2025-11-12T15:59:00Z"):
        follow_up(stream, {**contact(A), "at": at})
    assert stream.state.households[A].attempts == ["2025-11-11", "2025-11-12"]


@pytest.mark.parametrize(
    ("said", "final"), [("reached", "INFORMED"), ("refused", "DECLINED"), ("no_answer", None), ("call_back", None)]
)
def test_what_a_contact_leads_to(said, final):
    """Reached is informed, a refusal is an ordinary outcome, the others go on."""
    stream = held(MANY, [A])
    follow_up(stream, contact(A, said))
    assert outcome(stream, A) == final
    settled = [e["data"] for e in stream.ledger if e["type"] == "HouseholdSettled"]
    assert settled == ([{"student": A, "outcome": final}] if final else [])
    assert stream.last("HouseholdFollowedUp")["data"]["outcome"] == said
    stream.consistent()


@pytest.mark.parametrize("final", ["reached", "refused"])
def test_nobody_asks_again_after_a_final_answer(final):
    """A household that was informed or declined is left alone, by call and at the door."""
    stream = held(MANY, [A])
    follow_up(stream, contact(A, final))
    for how in ("call", "home_visit"):
        rows = [contact(A, how=how)]
        assert rows_refused(stream, "record_followups", rows=rows) == [(0, "HOUSEHOLD_ALREADY_SETTLED")]


def test_every_bad_contact_is_named_and_none_is_kept():
    """Unknown pupil, a household that came, a time to come."""
    stream = held([B, *MANY], [A])
    rows = [contact(A), contact("stu_999999"), contact(B), contact(A, at="2025-11-11 08:01")]
    assert rows_refused(stream, "record_followups", rows=rows) == [
        (1, "STUDENT_UNKNOWN"),
        (2, "HOUSEHOLD_ALREADY_SETTLED"),
        (3, "OCCURRED_IN_FUTURE"),
    ]
    assert stream.state.households[A].attempts == []


def test_follow_up_comes_after_the_meeting():
    """A household whose attendance is unknown is not absent."""
    stream = invited()
    assert rows_refused(stream, "record_followups", rows=[contact(A, at="2025-11-10 20:00")]) == [
        (0, "SESSION_NOT_YET_HELD")
    ]


CONTACTS = st.lists(
    st.builds(
        contact,
        st.sampled_from([A, B]),
        st.sampled_from(["no_answer", "no_answer", "call_back", "reached", "refused"]),
        st.sampled_from([f"2025-11-{day} 07:00" for day in (11, 12, 13, 14)]),
        st.sampled_from(["call", "home_visit"]),
    ),
    min_size=1,
    max_size=8,
)


@given(CONTACTS)
@settings(deadline=None, max_examples=15)
def test_a_list_of_contacts_is_the_contacts_one_by_one(rows):
    """One command or many: the same households, or a refusal where the first bad row stands."""
    whole, single = (held(MANY, [A, B]).to("2025-11-15 08:00") for _ in range(2))
    bad = None
    for number, row in enumerate(rows):
        try:
            follow_up(single, row)
        except Refusal as refusal:
            bad = (number, refusal.parameters["rows"][0]["code"])
            break
    if bad is None:
        follow_up(whole, *rows)
        assert whole.state == single.state
        assert [e["data"] for e in whole.ledger] == [e["data"] for e in single.ledger]
    else:
        assert rows_refused(whole, "record_followups", rows=rows)[0] == bad


# -- quorum -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("present", "of", "reached"),
    [(7, 10, True), (6, 10, False), (2, 3, False), (3, 4, True), (14, 20, True), (13, 20, False), (69, 99, False),
     (70, 99, True), (699, 1000, False), (700, 1000, True)],
)  # fmt: skip
def test_the_quorum_is_exactly_seventy_in_a_hundred(present, of, reached):
    """Integers: 7 of 10 is enough, 69 of 99 is not (DOMAIN 7.4, G5). Below it a call is not enough."""
    everybody = pupils(*range(1, of + 1))
    here, absent = everybody[:present], everybody[present:]
    stream = invited({"2026-01": everybody})
    for start in range(0, of, 500):
        rows = sheet(*here, absent=absent)[start : start + 500]
        stream.do("record_attendance", HEAD, session="s1", rows=rows)
    stream.to("2025-11-11 08:00")
    blockers = missing(stream)
    assert blockers["HOUSEHOLDS_NOT_FOLLOWED_UP"] == of - present
    assert blockers.get("QUORUM_NOT_REACHED", 0) == (0 if reached else of - present)


def test_the_quorum_is_the_policys():
    """With one half, 5 of 10 is enough and 4 is not."""
    half = policy(quorum="1/2").model_dump(mode="json")
    everybody = pupils(*range(1, 11))
    for present, codes in (
        (5, {"HOUSEHOLDS_NOT_FOLLOWED_UP"}),
        (4, {"HOUSEHOLDS_NOT_FOLLOWED_UP", "QUORUM_NOT_REACHED"}),
    ):
        assert set(missing(held(everybody[:present], everybody[present:], policy=half))) == codes


@pytest.mark.parametrize(
    ("release", "asked", "owed"),
    [(3, "HOME_VISIT", {"QUORUM_NOT_REACHED": 1}), (3, "PHONE_CALL", {}), (2, "PHONE_CALL", {"QUORUM_NOT_REACHED": 1})],
)
def test_what_is_owed_below_the_quorum_is_the_policys(release, asked, owed):
    """A policy that asks for calls lets three of them be enough; a stage of an older release owes the visit."""
    calls = policy(quorum_follow_up=asked).model_dump(mode="json")
    stream = held([B], [A], policy=calls).to("2025-11-14 08:00")
    stream.state.content_release = release
    for day in (11, 12, 13):
        follow_up(stream, contact(A, at=f"2025-11-{day} 07:00"))
    assert outcome(stream, A) == "NO_ANSWER"
    assert missing(stream) == owed


def test_below_the_quorum_whom_nobody_reached_is_visited():
    """One of two came. Three calls found nobody: a visit is owed; after it, whatever it found, nothing is missing."""
    stream = held([B], [A]).to("2025-11-14 08:00")
    for day in (11, 12, 13):
        follow_up(stream, contact(A, at=f"2025-11-{day} 07:00"))
    assert outcome(stream, A) == "NO_ANSWER"
    assert missing(stream) == {"QUORUM_NOT_REACHED": 1}
    assert rows_refused(stream, "record_followups", rows=[contact(A, at="2025-11-14 07:00")]) == [
        (0, "HOUSEHOLD_ALREADY_SETTLED")
    ]
    follow_up(stream, contact(A, how="home_visit", at="2025-11-14 07:00"))
    assert outcome(stream, A) == "NO_ANSWER"
    assert missing(stream) == {}
    assert rows_refused(stream, "record_followups", rows=[contact(A, how="home_visit", at="2025-11-14 07:30")]) == [
        (0, "HOUSEHOLD_ALREADY_SETTLED")
    ]
    stream.do("complete", PRINCIPAL)


@pytest.mark.parametrize(("said", "final"), [("reached", "INFORMED"), ("refused", "DECLINED")])
def test_a_visit_after_calls_can_still_find_somebody(said, final):
    """The outcome is the better known one."""
    stream = held([B], [A]).to("2025-11-14 08:00")
    for day in (11, 12, 13):
        follow_up(stream, contact(A, at=f"2025-11-{day} 07:00"))
    follow_up(stream, contact(A, said, at="2025-11-14 07:00", how="home_visit"))
    assert outcome(stream, A) == final
    assert missing(stream) == {}


@pytest.mark.parametrize("said", ["reached", "refused"])
def test_below_the_quorum_who_was_reached_by_phone_is_not_visited(said):
    """The visit is owed where nobody was reached; a family that said no is left in peace."""
    stream = held([B], [A])
    follow_up(stream, contact(A, said))
    assert missing(stream) == {}
    stream.do("complete", PRINCIPAL)


def test_a_visit_counts_as_an_attempt_of_its_day():
    """Two calls and a visit on three days are three attempts."""
    stream = held(MANY, [A]).to("2025-11-14 08:00")
    for day, how in ((11, "call"), (12, "home_visit"), (13, "call")):
        follow_up(stream, contact(A, at=f"2025-11-{day} 07:00", how=how))
    assert outcome(stream, A) == "NO_ANSWER"


def test_completing_needs_no_familys_yes():
    """Nobody came, everybody declined at the door: the service was given, the stage is done (design, section 5)."""
    stream = held([], [A, B, C])
    follow_up(stream, *(contact(student, "refused", how="home_visit") for student in (A, B, C)))
    assert {outcome(stream, student) for student in (A, B, C)} == {"DECLINED"}
    stream.do("complete", PRINCIPAL)


# -- what is missing --------------------------------------------------------------------------------------------


def test_what_is_missing_step_by_step():
    """The whole course of a small school, with what completing would say at each step."""
    stream = meetings()
    everything = {"CLASSES_WITHOUT_SESSION": 2, "HOUSEHOLDS_NOT_INVITED": 6, "ATTENDANCE_MISSING": 6}
    assert missing(stream) == everything
    refusal = stream.refusal("complete", PRINCIPAL)
    assert {blocker.code: blocker.count for blocker in refusal.blockers} == everything
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at=S1)
    assert missing(stream) == {**everything, "CLASSES_WITHOUT_SESSION": 1, "SESSIONS_NOT_HELD": 1}
    stream.do("invite", HEAD, session="s1")
    assert missing(stream)["HOUSEHOLDS_NOT_INVITED"] == 3
    stream.do("schedule_session", HEAD, session="s2", classes=["2026-02"], at="2025-11-11T19:00:00+08:00")
    stream.do("invite", HEAD, session="s2")
    assert missing(stream) == {"SESSIONS_NOT_HELD": 2, "ATTENDANCE_MISSING": 6}
    stream.to("2025-11-10 21:00").do("record_attendance", HEAD, session="s1", rows=sheet(A, B, absent=[C]))
    assert missing(stream) == {
        "SESSIONS_NOT_HELD": 1,
        "ATTENDANCE_MISSING": 3,
        "HOUSEHOLDS_NOT_FOLLOWED_UP": 1,
        "QUORUM_NOT_REACHED": 1,
    }
    stream.to("2025-11-11 21:00").do("record_attendance", HEAD, session="s2", rows=sheet(D, E, F))
    assert missing(stream) == {"HOUSEHOLDS_NOT_FOLLOWED_UP": 1}
    follow_up(stream, contact(C, "reached"))
    assert missing(stream) == {}
    stream.do("complete", PRINCIPAL)
    assert stream.machine.view()["classes"] == {"2026-01": {"done": 3, "of": 3}, "2026-02": {"done": 3, "of": 3}}
    stream.consistent()


def test_who_came_uninvited_needs_no_invitation():
    """The service is what counts."""
    stream = meetings({"2026-01": [A]})
    stream.do("schedule_session", HEAD, session="s1", classes=["2026-01"], at=S1)
    stream.to("2025-11-10 21:00").do("record_attendance", HEAD, session="s1", rows=sheet(A))
    assert missing(stream) == {}


ALL_KINDS = {
    "schedule_session": {"session": "s2", "classes": ["2026-01"], "at": S1},
    "move_session": {"session": "s1", "at": "2025-11-12T19:00:00+08:00", "reason": "SNOW"},
    "cancel_session": {"session": "s1", "reason": "SNOW"},
    "invite": {"session": "s1"},
    "record_attendance": {"session": "s1", "rows": sheet(A)},
    "record_followups": {"rows": [contact(A)]},
}


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_pause_holds_the_work(kind):
    """All of it is progress, none of it a family's right."""
    stream = invited()
    stream.hear("pause", scope="school", reason="SNOW")
    assert stream.refusal(kind, HEAD, **ALL_KINDS[kind]).code == "STAGE_PAUSED"


@pytest.mark.parametrize("kind", ["record_attendance", "record_followups"])
def test_a_principal_signs_off_and_does_not_keep_the_sheets(kind):
    """Who records and who signs off are two people."""
    assert invited().refusal(kind, PRINCIPAL, **ALL_KINDS[kind]).code == "ROLE_NOT_ALLOWED"


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.data())
@settings(deadline=None, max_examples=15)
def test_every_school_can_finish(came, data):
    """Whoever comes and whatever they say: contacts on three days and a visit always lead to completion."""
    everybody = pupils(*range(1, len(came) + 1))
    absent = [student for student, here in zip(everybody, came, strict=True) if not here]
    stream = held([student for student in everybody if student not in absent], absent)
    says = st.sampled_from(["reached", "refused", "no_answer", "call_back"])
    for day, how in ((11, "call"), (12, "call"), (13, "call"), (14, "home_visit")):
        stream.to(f"2025-11-{day} 20:00")
        for student in absent:
            if stream.state.households[student].takes_follow_up(how):
                follow_up(stream, contact(student, data.draw(says), f"2025-11-{day} 19:00", how))
    assert missing(stream) == {}
    stream.to(stream.now + timedelta(hours=1)).do("complete", PRINCIPAL)
    stream.consistent()


# -- who left, who came later -----------------------------------------------------------------------------------

NEW = "stu_newcomer01"


def test_a_meeting_waits_for_nobody_who_left():
    """The last household without attendance leaves: the meeting was held, and the stage can be completed."""
    stream = invited({"2026-01": [A, B]})
    stream.do("record_attendance", HEAD, session="s1", rows=sheet(A))
    assert missing(stream)["SESSIONS_NOT_HELD"] == 1
    stream.hear("student_left", student=B, exit="transfer")
    assert stream.last("ParentsMeetingHeld")["data"] == {"session": "s1", "present": 1, "absent": 0}
    assert missing(stream) == {}
    stream.do("complete", PRINCIPAL)
    stream.consistent()


def test_a_departure_makes_no_meeting_of_one_that_nobody_wrote_down():
    """Attendance of the others is still missing; an empty class holds no meeting, and blocks nothing either."""
    stream = invited({"2026-01": [A, B]})
    stream.hear("student_left", student=B, exit="transfer")
    assert missing(stream) == {"SESSIONS_NOT_HELD": 1, "ATTENDANCE_MISSING": 1}
    stream.hear("student_left", student=A, exit="transfer")
    assert missing(stream) == {}
    assert "ParentsMeetingHeld" not in stream.names()


def test_a_meeting_is_held_once_whoever_leaves_afterwards():
    """It is on record already."""
    stream = held([A, C], [B])
    stream.hear("student_left", student=B, exit="transfer")
    stream.hear("student_left", student=A, exit="transfer")
    assert stream.names().count("ParentsMeetingHeld") == 1


def test_no_meeting_waits_for_a_late_joiner():
    """Neither to be held nor to be written down; a joiner who was there all the same is counted."""
    stream = invited({"2026-01": [A, B]})
    stream.hear("student_joined", student=NEW, class_id="2026-01", on="2025-11-10")
    stream.do("record_attendance", HEAD, session="s1", rows=sheet(A, B))
    assert stream.last("ParentsMeetingHeld")["data"] == {"session": "s1", "present": 2, "absent": 0}
    assert missing(stream) == {}
    stream.do("record_attendance", HEAD, session="s1", rows=sheet(NEW))
    assert stream.names().count("ParentsMeetingHeld") == 1
    assert outcome(stream, NEW) == "INFORMED"
    stream.do("complete", PRINCIPAL)
    stream.consistent()


def test_the_quorum_counts_nobody_who_came_later():
    """Seven of ten came; an eleventh pupil, who had no meeting, sends nobody on visits to the other three."""
    everybody = list(pupils(*range(11, 21)))
    stream = held(everybody[:7], everybody[7:]).to("2025-11-14 08:00")
    for day in (11, 12, 13):
        follow_up(stream, *(contact(student, at=f"2025-11-{day} 07:00") for student in everybody[7:]))
    before = missing(stream)
    stream.hear("student_joined", student=NEW, class_id="2026-01", on="2025-11-14")
    assert missing(stream) == before == {}


def test_an_attendance_is_corrected_by_those_who_may_record_it():
    """A receiving school, the bureau and the register make no household informed."""
    stream = held([B], [A])
    version = stream.state.households[A].recorded["s1"]
    fields = {"version": version, "values": {"attended": True, "by": "guardian"}, "reason": "WRONG_ROW"}
    receiver = person("receiver", Role.RECEIVING_SCHOOL, "9900020001")
    for who in (receiver, OFFICER, person("register", Role.REGISTER_OFFICER, "bureau"), PRINCIPAL):
        refusal = stream.refusal("correct", who, **fields)
        assert (refusal.code, refusal.parameters["command"]) == ("ROLE_NOT_ALLOWED", "record_attendance")
    assert outcome(stream, A) is None
    stream.do("correct", GRADE, **fields)
    assert outcome(stream, A) == "INFORMED"
