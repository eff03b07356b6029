"""Random courses of the first two stages in which pupils leave, come late and come back at any moment."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stage_courses import courses, opened, play
from stream_samples import HEAD, OFFICER, PRINCIPAL, A, B, C, D, E, F, Stream, when

from domain.time import stamp

NEW = "stu_newcomer01"
KINDS = ("identification", "parent-meetings")
ANY_PUPIL = st.sampled_from([A, B, C, D, E, F, NEW, NEW])
LEFT = ANY_PUPIL.map(lambda student: ("news", ("student_left", {"student": student, "exit": "transfer"})))
JOINED = st.builds(
    lambda student, class_id, on: ("news", ("student_joined", {"student": student, "class_id": class_id, "on": on})),
    ANY_PUPIL,
    st.sampled_from(["2026-01", "2026-02", "2026-03"]),
    st.sampled_from(["2025-09-01", "2025-11-04", "2025-11-20"]),
)


@st.composite
def moved(draw: st.DrawFn, kind: str) -> list[tuple[Any, ...]]:
    """Draw a course of a stage with departures and late joiners in between."""
    course = draw(courses(kind))
    for news in draw(st.lists(LEFT | JOINED, min_size=1, max_size=8)):
        course.insert(draw(st.integers(0, len(course))), news)
    return course


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_the_record_is_the_state_whoever_comes_and_goes(kind, data):
    """Nothing but refusals, the fold is the state, JSON keeps it, and what is owed is never less than nothing."""
    stream = opened(kind)
    play(stream, data.draw(moved(kind)))
    stream.consistent()
    stream.restart()
    here = [student for students in stream.state.classes.values() for student in students]
    assert len(here) == len(set(here))
    assert set(stream.state.came) == set(stream.state.joined) <= set(here)
    assert set(stream.state.late_joiners) <= set(stream.state.joined)
    assert all(todo.student in here for todo in stream.decider.work(stream.state))
    stream.machine.view()


@given(moved("parent-meetings"))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_staff_can_always_bring_the_meetings_to_their_end(course):
    """Whoever came and went: a meeting, its sheet and follow-ups of those who are here clear every blocker."""
    stream = opened("parent-meetings")
    play(stream, course)
    finish_meetings(stream)
    assert stream.decider.blockers(stream.state) == ()
    stream.do("complete", PRINCIPAL)
    stream.consistent()


def finish_meetings(stream: Stream) -> None:
    """Do what the blockers name, as staff would."""
    while stream.state.paused:
        stream.hear("resume", scope=stream.state.paused[0])
    stream.hear("prerequisite", stage="application-filing", status="completed")
    if stream.state.status != "open":
        stream.do("reopen", OFFICER, reason="SEEN")
    stream.to(max(stream.now, when("2025-11-20 08:00")))
    owed = {blocker.code for blocker in stream.decider.blockers(stream.state)}
    if owed & {"CLASSES_WITHOUT_SESSION", "HOUSEHOLDS_NOT_INVITED", "ATTENDANCE_MISSING"}:
        begins = stamp(when("2025-11-19 19:00"))
        stream.do("schedule_session", HEAD, session="s9", classes=list(stream.state.classes), at=begins)
        if any(stream.state.classes.values()):
            stream.do("invite", HEAD, session="s9")
    for label, session in list(stream.state.sessions.items()):
        rows = [
            {"student": student, "attended": True, "by": "caregiver"}
            for class_id in session.classes
            for student in stream.state.classes[class_id]
            if student not in stream.state.joined and label not in stream.state.households[student].sessions
        ]
        if rows:
            stream.do("record_attendance", HEAD, session=label, rows=rows)
    rows = [
        {"student": student, "contact": "home_visit", "outcome": "reached", "at": stamp(stream.now)}
        for student, household in stream.state.households.items()
        if student not in stream.state.joined and household.takes_follow_up("home_visit")
    ]
    if rows:
        stream.do("record_followups", HEAD, rows=rows)
