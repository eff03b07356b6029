from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from stage_courses import REASONS, STUDENTS, play, some
from stream_samples import EVERYBODY, HEAD, OFFICER, PRINCIPAL, A, B, C, D, E, F, when
from visits_samples import (
    LISTED,
    OTHER_COUNTY,
    RECEIVING,
    SECOND_OFFICER,
    TALK,
    UNLISTED,
    approved,
    missing,
    offered,
    record,
    slip,
)

from domain.actors import PERMISSIONS
from domain.school_visits_state import SchoolVisitsState
from domain.sentences import CATALOGUE
from domain.sentences_register import REFUSALS as REGISTER_REFUSALS
from domain.sentences_visits import BLOCKERS, REFUSALS
from domain.time import stamp

PEOPLE = (*EVERYBODY, RECEIVING, SECOND_OFFICER)
TRIPS = st.sampled_from(["t1", "t1", "t2", "t3"])
TALKS = st.sampled_from(["p1", "p1", "p2"])
SCHOOLS = st.sampled_from([LISTED, LISTED, OTHER_COUNTY, UNLISTED])
CLASSES = some(st.sampled_from(["2026-01", "2026-02", "2026-02", "2026-09"]))
STARTS = st.integers(0, 6).map(lambda day: stamp(when("2025-11-11 08:00") + timedelta(days=day)))
RETURNS = st.integers(0, 7).map(lambda day: stamp(when("2025-11-11 17:00") + timedelta(days=day)))
LEADERS = st.lists(st.sampled_from([f"stf_lead{number}" for number in range(6)]), min_size=1, max_size=3, unique=True)
MAYBE = st.sampled_from([True, True, False, None])
PUPILS = some(STUDENTS) | some(st.sampled_from([A, B, C, D, E, F]), unique=True)
ROW = st.fixed_dictionaries({"student": st.sampled_from([A, B, C, D]), "permission": MAYBE, "attended": MAYBE})
ROWS = some(ROW, most=4) | some(ROW, unique_by=lambda row: row["student"])
CORRECTED = st.sampled_from([{"permission": True}, {"permission": False}, {"permission": None}, {"attended": True}])

FIELDS = {
    "complete": {},
    "reopen": {"reason": REASONS},
    "skip": {"reason": REASONS},
    "correct": {
        "version": st.sampled_from([8, 9]) | st.integers(1, 40),
        "values": CORRECTED | st.just({"attended": False}),
        "reason": REASONS,
    },
    "plan_trip": {
        "trip": TRIPS,
        "receiving_school": SCHOOLS,
        "at": STARTS,
        "returns_at": RETURNS,
        "seats": st.integers(1, 4),
        "leaders": LEADERS,
        "vehicles": st.integers(1, 2),
        "classes": CLASSES,
    },
    "approve_trip": {"trip": TRIPS, "safety_plan": st.just("SP-1")},
    "offer_seats": {"trip": TRIPS, "students": PUPILS},
    "cancel_trip": {"trip": TRIPS, "reason": REASONS},
    "record_visits": {"trip": TRIPS, "rows": ROWS},
    "request_presentation": {
        "presentation": TALKS,
        "receiving_school": SCHOOLS,
        "at": STARTS,
        "persons": st.integers(1, 3),
        "materials": st.just("MAT-1"),
        "classes": CLASSES,
    },
    "approve_presentation": {"presentation": TALKS, "approval_ref": st.just("AP-1")},
    "reject_presentation": {"presentation": TALKS, "reason": REASONS},
    "record_presentation": {
        "presentation": TALKS,
        "pupils": st.dictionaries(st.sampled_from(["2026-01", "2026-02"]), st.integers(1, 9), min_size=1),
    },
    "report_unregistered_visit": {"receiving_school": SCHOOLS, "on": st.sampled_from(["2025-11-03", "2025-12-24"])},
}
OFTEN = [kind for kind in FIELDS if kind not in ("skip", "cancel_trip", "complete")] * 3
OFTEN += ["offer_seats"] * 6 + ["record_visits"] * 18 + ["correct"] * 12 + ["wait"] * 6
NEWS = [
    ("pause", {"scope": "school", "reason": "SNOW"}),
    ("resume", {"scope": "school"}),
    ("resume", {"scope": "school"}),
    ("student_left", {"student": A, "exit": "TRANSFER"}),
    ("student_left", {"student": D, "exit": "TRANSFER"}),
    ("student_joined", {"student": A, "class_id": "2026-02", "on": "2025-11-05"}),
    ("student_joined", {"student": "stu_000077", "class_id": "2026-03", "on": "2025-11-06"}),
]
SAID = {*CATALOGUE, *REGISTER_REFUSALS, *REFUSALS, *BLOCKERS}


@st.composite
def courses(draw: st.DrawFn):
    """Draw a course: mostly what the right people do, and everything else now and then."""
    rarely = st.sampled_from([False] * 15 + [True])
    course = []
    for move in draw(st.lists(st.sampled_from([*FIELDS, *OFTEN, "news", "news"]), min_size=10, max_size=40)):
        match move:
            case "wait":
                course.append(("wait", draw(st.sampled_from([6, 14, 24, 40]))))
            case "news":
                course.append(("news", draw(st.sampled_from(NEWS))))
            case _:
                right = [who for who in PEOPLE if who.role in PERMISSIONS[move] and who.id != "stf_stranger"]
                who = draw(st.sampled_from(PEOPLE if draw(rarely) else right))
                course.append(("command", move, who, draw(st.fixed_dictionaries(FIELDS[move])), None, draw(rarely)))
    return course


def under_way(now):
    """Return the stage on the eve or the evening of its trip, with a second trip and a presentation approved."""
    stream = offered(A, B, D)
    record(stream, slip(A, True), slip(D, True))
    later = {"at": "2025-11-14T08:00:00+08:00", "returns_at": "2025-11-14T17:00:00+08:00"}
    approved(stream, trip="t2", receiving_school=OTHER_COUNTY, **later)
    stream.do("request_presentation", RECEIVING, **{**TALK, "at": "2025-11-12T15:00:00+08:00"})
    stream.do("approve_presentation", OFFICER, presentation="p1", approval_ref="AP-1")
    return stream.to(now)


@given(
    courses(), st.frozensets(st.integers(0, 40), max_size=3), st.sampled_from(["2025-11-11 20:00", "2025-11-12 18:00"])
)
@settings(deadline=None, max_examples=60)
def test_any_course_folds_and_is_refused_in_words_only(course, cuts, now):
    """Whatever anybody does: a refusal with a sentence or events that fold, seats never overbooked, a state in JSON."""
    stream = under_way(now)
    codes = play(stream, course, cuts)
    assert set(codes) <= SAID
    stream.consistent()
    state = stream.state
    assert SchoolVisitsState.model_validate(state.model_dump(mode="json")) == state
    for trip in state.trips.values():
        assert trip.seats_left >= 0
        assert trip.approved or not trip.riders
        assert all(rider.permission for rider in trip.riders.values() if rider.attended)
        for student, rider in trip.riders.items():
            others = [other for other in state.trips.values() if other is not trip and student in other.riders]
            assert not rider.seated or not any(o.riders[student].seated and trip.overlaps(o) for o in others)
    stream.decider.work(state)
    stream.machine.view()


@given(st.lists(st.tuples(MAYBE, st.booleans()), min_size=6, max_size=6), st.data())
@settings(deadline=None, max_examples=25)
def test_every_school_can_finish(said, data):
    """Whatever families say, whoever comes, whoever leaves in between: one list and a cancellation at most."""
    everybody = [A, B, C, D, E, F]
    stream = offered(*everybody, seats=6)
    answers = dict(zip(everybody, said, strict=True))
    slips = [slip(student, permission) for student, (permission, _) in answers.items() if permission is not None]
    if slips:
        record(stream, *slips)
    gone = data.draw(st.lists(st.sampled_from(everybody[1:]), unique=True, max_size=4))
    for student in gone:
        stream.hear("student_left", student=student, exit="TRANSFER")
    stream.to("2025-11-12 18:00")
    came = [slip(student, attended=here) for student, (yes, here) in answers.items() if yes and student not in gone]
    if came:
        record(stream, *came)
    else:
        stream.do("cancel_trip", HEAD, trip="t1", reason="NOBODY_CAME")
        talk = {"receiving_school": LISTED, "at": "2025-11-14T15:00:00+08:00", "persons": 1, "materials": "MAT-1"}
        classes = list(stream.state.classes)
        stream.do("request_presentation", HEAD, presentation="p1", classes=classes, **talk)
        stream.do("approve_presentation", OFFICER, presentation="p1", approval_ref="AP-1")
        stream.to("2025-11-14 17:00")
        stream.do("record_presentation", HEAD, presentation="p1", pupils=dict.fromkeys(classes, 1))
    assert missing(stream) == {}
    stream.do("complete", PRINCIPAL)
    stream.consistent()
