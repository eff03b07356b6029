"""Where each check stands: eight states, fair to late records, and nothing left to do after a terminal one (S11)."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from retention_courses import (
    CONTENT,
    DISCIPLINE,
    OTHER_RECEIVING,
    REGISTRAR,
    SECOND_REGISTRAR,
    record,
    refused,
    registered,
    registration,
    resolve,
    row,
    work,
)
from stream_samples import HEAD, OFFICER, PRINCIPAL, A, B, C, D, when

from domain.refusal import Refusal
from domain.retention_lattice import CheckState, lattice, lattice_counts
from domain.stage_events import StageStatus
from domain.stage_state import DatedTodo

NOW = {"release": 3}
CONTENT_3 = {**CONTENT, **NOW}
AFTER = "2027-04-20 09:00"
"""After the last checkpoint's term."""

LATE = {"late_reason": "PAPER_FIRST"}


def followed(*rows, now="2026-09-12 08:00", **changes):
    """Return an open stage of this release with its registered pupils."""
    return registered(*rows, now=now, content=CONTENT_3, **changes)


def states(stream, student=A, now=None):
    """Return where a pupil's three checks stand."""
    places = lattice(stream.state, when(now) if now else stream.now)[student]
    assert list(places) == ["D+30", "term_end", "next_March"]
    return [place.state.value for place in places.values()]


def place(stream, checkpoint="D+30", student=A):
    """Return where one check stands now."""
    return lattice(stream.state, stream.now)[student][checkpoint]


def plan(stream, student, on, actor=HEAD):
    """Plan who looks for a lost pupil: the class head."""
    return stream.submit({**stream.command("plan_refind", actor, student=student, on=on), "who": HEAD.id})


def plan_refused(stream, student, on):
    """Try a plan that is refused; return the code."""
    with pytest.raises(Refusal) as raised:
        plan(stream, student, on)
    return raised.value.code


# -- time -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-10-09 23:59", ["due", "due", "due"]),
        ("2026-10-20 23:59", ["due", "due", "due"]),
        ("2026-10-21 00:00", ["overdue", "due", "due"]),
        ("2027-01-19 23:59", ["overdue", "due", "due"]),
        ("2027-01-20 00:00", ["missed", "due", "due"]),
        ("2027-01-31 00:00", ["missed", "overdue", "due"]),
        ("2027-03-16 00:00", ["missed", "missed", "due"]),
        ("2027-03-27 00:00", ["missed", "missed", "overdue"]),
    ],
)
def test_a_check_that_nobody_makes(now, expected):
    """Ten days are its term; it can be made until the next checkpoint comes; then it was missed."""
    assert states(followed(), now=now) == expected


def test_the_record_says_when_a_term_is_over():
    """One event a date, with how many are still to be checked; the board counts as of then."""
    stream = followed().to("2026-10-12 09:00")
    record(stream, row(A))
    stream.to("2026-10-21 00:00")
    assert stream.last("CheckpointOverdue")["data"] == {"checkpoint": "D+30", "on": "2026-10-10", "students": 2}
    assert stream.moments("CheckpointOverdue") == ["2026-10-21 00:00"]
    counts = stream.machine.view()["checks"]
    assert (counts["done"], counts["overdue"], counts["due"], counts["ahead"]) == (1, 2, 6, 6)
    assert sum(counts.values()) - counts["ahead"] == 9
    stream.restart()
    stream.consistent()


def test_an_older_stream_stays_as_it_was():
    """Release 2: no new event, no new figure, no second record of one finding, no plan."""
    stream = registered().to("2026-10-12 09:00")
    record(stream, row(A, evidence="CALL"))
    assert refused(stream, row(A, evidence="REGISTER")) == [(0, "ALREADY_RECORDED")]
    assert refused(stream, {**row(B, "not_reached"), "again_on": "2026-10-14"}) == [(0, "NEXT_ATTEMPT_NOT_POSSIBLE")]
    stream.to(AFTER)
    assert "CheckpointOverdue" not in stream.names()
    assert set(stream.machine.view()) & {"checks"} == set()
    assert plan_refused(stream, A, "2027-04-21") == "CAMPAIGN_TOO_OLD"


# -- findings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        ("present", ["done", "due", "due"]),
        ("suspended", ["done", "due", "due"]),
        ("transfer", ["done", "not_needed", "not_needed"]),
        ("lost", ["lost", "not_needed", "not_needed"]),
        ("not_reached", ["due", "due", "due"]),
    ],
)
def test_what_a_finding_makes_of_the_checks(finding, expected):
    """Done is done whatever was found; a loss and a lawful transfer end the asking; one vain try ends nothing."""
    stream = followed().to("2026-10-12 09:00")
    record(stream, row(A, finding, evidence="DOCUMENT"))
    assert states(stream) == expected
    assert place(stream).evidence == (None if finding == "not_reached" else "DOCUMENT")


def test_trying_in_vain_on_enough_days_is_done():
    """Three days of trying are a service; nobody's absence is held against anybody."""
    stream = followed()
    for day in (12, 13, 14):
        record(stream.to(f"2026-10-{day} 09:00"), row(A, "not_reached", evidence="CALL"))
    assert (place(stream).state, place(stream).evidence) == (CheckState.DONE, None)


def test_a_lost_pupil_who_is_found_again():
    """The loss stays what it was; from the return on everything is as usual (edge 20)."""
    stream = followed().to("2026-10-12 09:00")
    record(stream, row(A, "lost"))
    record(stream.to("2027-01-22 09:00"), row(A, checkpoint="term_end"))
    assert states(stream) == ["lost", "done", "due"]


def test_a_disputed_check_is_never_missed():
    """Two people looked and said different things: it is open until a third has decided, then done."""
    stream = followed().to("2026-10-12 09:00")
    record(stream, row(A))
    record(stream, row(A, "lost"), who=SECOND_REGISTRAR)
    assert (place(stream).state, place(stream).disputed, place(stream).evidence) == (CheckState.DUE, True, None)
    assert states(stream, now=AFTER)[0] == "overdue"
    stream.to(AFTER)
    stream.do("resolve_evidence", DISCIPLINE, **resolve(A, "present"))
    assert (place(stream).state, place(stream).evidence) == (CheckState.DONE, "REGISTER"), "they had looked in time"


# -- late records -----------------------------------------------------------------------------------------------


def test_a_visit_made_in_time_and_written_down_late_is_done():
    """Missed until the paper comes; then done, and marked as recorded late. A late look stays missed."""
    stream = followed().to("2027-01-25 09:00")
    assert [states(stream, student)[0] for student in (A, B)] == ["missed", "missed"]
    record(stream, row(A), occurred_at="2026-10-15T16:00:00+08:00", **LATE)
    record(stream, row(B))
    assert (place(stream).state, place(stream).recorded_late) == (CheckState.DONE, True)
    assert (place(stream, student=B).state, place(stream, student=B).evidence) == (CheckState.MISSED, "SEEN")


def test_an_earlier_look_that_arrives_second_counts():
    """A call after the time was recorded first; the visit in time comes on paper, and is not lost behind it."""
    stream = followed().to("2027-01-25 09:00")
    record(stream, row(A, evidence="CALL"))
    assert place(stream).state is CheckState.MISSED
    record(stream, row(A), occurred_at="2026-10-15T16:00:00+08:00", **LATE)
    assert (place(stream).state, place(stream).evidence) == (CheckState.DONE, "SEEN")
    assert refused(stream, row(A, evidence="CALL")) == [(0, "ALREADY_RECORDED")]
    stream.consistent()


LOOKS = st.tuples(
    st.sampled_from([A, B, D]),
    st.sampled_from(["D+30", "term_end", "next_March"]),
    st.sampled_from(["REGISTER", "SEEN", "CALL", "HEARSAY"]),
    st.integers(0, 120),
)
KIND = st.sampled_from(["present"] * 4 + ["lost", "transfer", "suspended", "not_reached"])
DAYS = {"D+30": "2026-10-10", "term_end": "2027-01-20", "next_March": "2027-03-16"}


@st.composite
def records(draw):
    """Return records that do not contradict each other: of one check everybody found the same thing, or nobody."""
    looks = draw(st.lists(LOOKS, min_size=2, max_size=7))
    found = {(student, name): draw(KIND) for student, name, _, _ in looks}
    return [
        (row(student, found[student, name], name, evidence), name, days)
        for student, name, evidence, days in looks
        if not (found[student, name] == "lost" and evidence == "HEARSAY")
    ]


def played(arrival):
    """Record everything at the end, in the order of arrival; what the rules refuse is not recorded."""
    stream, told = followed().to("2027-08-01 09:00"), []
    for item, name, days in arrival:
        day = when(f"{DAYS[name]} 10:00").toordinal() + days
        looked = when("2026-01-01 10:00").fromordinal(day).date().isoformat()
        try:
            record(stream, item, occurred_at=f"{looked}T10:00:00+08:00", **LATE)
        except Refusal as refusal:
            told.append(refusal.code)
            stream.flush()
    assert set(told) <= {"ROWS_REFUSED"}
    return stream


def shape(stream):
    """Return the lattice without the mark of late recording."""
    return {
        (student, name): one.model_copy(update={"recorded_late": False})
        for student, places in lattice(stream.state, stream.now).items()
        for name, one in places.items()
    }


@given(records(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_the_order_in_which_records_arrive_changes_no_state(arrival, random):
    """Fairness: the same looks, whoever writes first, give the same states and the same evidence."""
    other = list(arrival)
    random.shuffle(other)
    assert shape(played(other)) == shape(played(arrival))


def test_all_orders_of_one_pupils_paper():
    """Lost in autumn, found at the end of term, seen in March, with a second witness: every order of the four."""
    arrival = [
        (row(A, "lost", evidence="CALL"), "D+30", 2),
        (row(A, "lost", evidence="REGISTER"), "D+30", 5),
        (row(A, "present", "term_end"), "term_end", 1),
        (row(A, "present", "next_March"), "next_March", 3),
    ]
    shapes = [shape(played(list(order))) for order in permutations(arrival)]
    assert all(one == shapes[0] for one in shapes)
    assert [shapes[0][A, name].state.value for name in DAYS] == ["lost", "done", "done"]
    assert shapes[0][A, "D+30"].evidence == "REGISTER"


# -- terminal states --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exit_", ["death", "transfer", "abroad"])
def test_who_has_left_is_asked_about_no_more(exit_):
    """Everything queued ends: no clock counts the pupil, no list names the pupil, what was done stays (idea 13)."""
    stream = followed().to("2026-10-12 09:00")
    record(stream, row(A), {**row(B, "not_reached"), "again_on": "2026-10-15"})
    stream.hear("student_left", student=A, exit=exit_)
    stream.hear("student_left", student=B, exit=exit_)
    assert states(stream) == ["done", "cancelled", "cancelled"]
    assert states(stream, B) == ["cancelled"] * 3
    stream.to(AFTER)
    assert states(stream) == ["done", "cancelled", "cancelled"], "time does not make it missed"
    assert work(stream) == [(D, "CHECKPOINTS_OPEN")]
    told = [event["data"] for event in stream.ledger if event["type"].startswith("Checkpoint")]
    assert [one["students"] for one in told if one["on"] > "2026-10-12"] == [1] * 4
    assert refused(stream, row(A, checkpoint="term_end")) == [(0, "STUDENT_LEFT")]
    stream.consistent()


def test_a_withdrawn_registration_ends_the_follow_up():
    """The family's withdrawal: what was open is withdrawn; a new registration begins anew."""
    stream = followed().to("2026-10-12 09:00")
    stream.hear("registration_cancelled", student=A)
    assert states(stream) == ["withdrawn"] * 3
    assert A not in [student for student, _ in work(stream)]
    stream.hear("registered", rows=[registration(A, "2026-10-11", OTHER_RECEIVING)])
    assert states(stream) == ["due"] * 3
    assert stream.state.ended == {}


def test_what_was_missed_before_the_departure_stays_missed():
    """Leaving does not hide that nobody had looked."""
    stream = followed().to("2027-01-25 09:00")
    stream.hear("student_left", student=A, exit="transfer")
    assert states(stream) == ["missed", "cancelled", "cancelled"]


@pytest.mark.parametrize(
    ("end", "expected"),
    [("close", ["missed", "cancelled", "cancelled"]), ("skip", ["not_needed"] * 3)],
)
def test_the_end_of_the_stage_ends_what_is_open(end, expected):
    """At the close a check whose day had come was missed, one ahead is cancelled; a stage left out needs none."""
    stream = followed().to("2026-10-12 09:00")
    if end == "close":
        stream.hear("close")
    else:
        stream.do("skip", OFFICER, reason="DONE_ON_PAPER")
        assert stream.state.status == StageStatus.SKIPPED
    assert states(stream) == expected
    assert stream.machine.due() is None


@given(st.lists(st.tuples(st.sampled_from(["check", "leave", "cancel", "wait", "plan"]),
                          st.sampled_from([A, B, D]), KIND), max_size=10))  # fmt: skip
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_every_check_has_exactly_one_state_and_who_has_left_has_no_work(course):
    """After any course: three states a pupil who was ever registered, and no line of work for one who is gone."""
    stream = followed().to("2026-10-12 09:00")
    left = set()
    for kind, student, finding in course:
        try:
            match kind:
                case "check":
                    name = next(name for name in reversed(DAYS) if stream.now >= when(f"{DAYS[name]} 08:00"))
                    record(stream, row(student, finding, name))
                case "leave":
                    stream.hear("student_left", student=student, exit="transfer")
                    left.add(student)
                case "cancel":
                    stream.hear("registration_cancelled", student=student)
                    left.add(student)
                case "wait":
                    stream.to(stream.now + (when("2026-12-01 09:00") - when("2026-10-12 09:00")))
                case "plan":
                    plan(stream, student, stream.now.date().isoformat())
        except Refusal:
            stream.flush()
    places = lattice(stream.state, stream.now)
    assert {student: len(checks) for student, checks in places.items()} == {A: 3, B: 3, D: 3}
    counts = lattice_counts(stream.state, stream.now)
    assert Counter(one.state.value for checks in places.values() for one in checks.values()) == Counter(
        {name: count for name, count in counts.items() if count and name != "ahead"}
    )
    assert not {student for student, _ in work(stream)} & left
    stream.consistent()


# -- the next attempt, and who looks for a lost pupil -----------------------------------------------------------


def test_a_next_attempt_stands_on_the_work_list_with_its_day():
    """Agreed by whoever called (S10); the next try or the finding ends it."""
    stream = followed().to("2026-10-12 09:00")
    record(stream, {**row(A, "not_reached", evidence="CALL"), "again_on": "2026-10-15"})
    assert stream.last("NotReached")["data"]["again_on"] == "2026-10-15"
    todo = stream.decider.work(stream.state)[0]
    assert isinstance(todo, DatedTodo)
    assert (todo.student, todo.code, todo.on.isoformat()) == (A, "CHECKPOINTS_OPEN", "2026-10-15")
    assert place(stream).again_on.isoformat() == "2026-10-15"
    stream.restart()
    record(stream.to("2026-10-15 09:00"), row(A))
    assert place(stream).again_on is None
    assert A not in [student for student, _ in work(stream)]


@pytest.mark.parametrize(("state", "again_on"), [("present", "2026-10-15"), ("not_reached", "2026-10-12")])
def test_a_next_attempt_that_cannot_be(state, again_on):
    """Only where nobody was reached, and only for a later day."""
    stream = followed().to("2026-10-12 09:00")
    assert refused(stream, {**row(A, state), "again_on": again_on}) == [(0, "NEXT_ATTEMPT_NOT_POSSIBLE")]


def test_somebody_looks_for_a_lost_pupil():
    """Who and when stand on the work list; being found ends the plan, also after the sign-off (idea 13)."""
    stream = followed().to("2026-10-12 09:00")
    assert plan_refused(stream, A, "2026-10-20") == "STUDENT_NOT_LOST"
    record(stream, row(A, "lost"))
    assert plan_refused(stream, A, "2026-10-11") == "REFIND_IN_PAST"
    assert plan_refused(stream, C, "2026-10-20") == "STUDENT_NOT_REGISTERED"
    plan(stream, A, "2026-10-20")
    assert (A, "REFIND_PLANNED") in work(stream)
    record(stream.to("2027-01-22 09:00"), row(A, checkpoint="term_end"))
    assert (A, "REFIND_PLANNED") not in work(stream)
    assert stream.state.pupils[A].refind is None


def test_a_plan_is_made_after_the_sign_off_too():
    """A loss found at the last check leaves somebody to look for."""
    stream = followed(registration(A)).to("2027-03-20 09:00")
    late = {"occurred_at": "2026-10-12T09:00:00+08:00", **LATE}
    record(stream, row(A), **late)
    record(stream, row(A, checkpoint="term_end"))
    record(stream, row(A, "lost", "next_March"), who=REGISTRAR)
    stream.do("complete", PRINCIPAL)
    plan(stream, A, "2027-04-01", REGISTRAR)
    assert work(stream) == [(A, "REFIND_PLANNED")]
