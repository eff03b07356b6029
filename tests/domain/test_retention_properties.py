from __future__ import annotations

import string
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from retention_courses import (
    CONTENT,
    DISCIPLINE,
    LAST,
    OTHER_RECEIVER,
    OTHER_RECEIVING,
    RECEIVER,
    RECEIVING,
    REGISTRAR,
    SECOND_REGISTRAR,
    missing,
    planned,
    record,
    registered,
    registration,
    row,
)
from stream_samples import EVERYBODY, HEAD, OFFICER, PRINCIPAL, A, B, C, D, E, Stream, when

from domain import sentences_retention
from domain.evidence import EvidenceGrade
from domain.refusal import Refusal
from domain.retention import RetentionState, counts, rates
from domain.retention_events import RETENTION_EVENTS, Finding
from domain.time import stamp

STUDENTS = st.sampled_from([A] * 8 + [B] * 6 + [D] * 4 + [C, E, "stu_000077", "stu_999999"])
CHECKPOINTS = st.sampled_from(["D+30"] * 6 + ["term_end"] * 4 + ["next_March", "D+31"])
FINDINGS = st.sampled_from([finding.value for finding in Finding] + ["present"] * 2)
GRADES = st.sampled_from([grade.value for grade in EvidenceGrade])
REASONS = st.sampled_from(["LOOKED"] * 5 + [None])
ROW = st.builds(row, STUDENTS, FINDINGS, CHECKPOINTS, GRADES)
ROWS = st.lists(ROW, min_size=1, max_size=4)
REGISTRATION = st.builds(
    registration,
    STUDENTS,
    st.sampled_from(["2026-09-10", "2026-10-05", "2027-02-01"]),
    st.sampled_from([RECEIVING, OTHER_RECEIVING]),
)
DEPUTY = SECOND_REGISTRAR.model_copy(update={"on_behalf_of": REGISTRAR.id})
RIGHT = st.sampled_from([REGISTRAR, REGISTRAR, SECOND_REGISTRAR, DEPUTY, HEAD])
ANYBODY = st.sampled_from([DISCIPLINE, RECEIVER, OTHER_RECEIVER, *EVERYBODY])
HOURS = st.sampled_from([0] * 8 + [24, 400])


def commands(who: st.SearchStrategy, kind: str, **fields: st.SearchStrategy) -> st.SearchStrategy:
    """Return moves that command something."""
    return st.tuples(st.just("command"), who, st.tuples(st.just(kind), st.fixed_dictionaries(fields)), HOURS)


def heard(kind: str, **fields: st.SearchStrategy) -> st.SearchStrategy:
    """Return moves that are news."""
    return st.tuples(st.just("news"), st.tuples(st.just(kind), st.fixed_dictionaries(fields)))


CHECKS = commands(RIGHT, "record_checkpoints", rows=st.lists(ROW, min_size=1, max_size=2))
DECISIONS = {"student": STUDENTS, "checkpoint": CHECKPOINTS, "state": FINDINGS, "evidence": GRADES, "reason": REASONS}
VALUES = st.builds(lambda state, grade: {"state": state, "evidence": grade}, FINDINGS, GRADES)
CORRECTIONS = {"version": st.integers(5, 14), "reason": REASONS, "values": VALUES}
OFTEN = [
    st.tuples(st.just("wait"), st.sampled_from([1, 1, 3, 30, 60])),
    commands(st.just(DISCIPLINE) | RIGHT, "resolve_evidence", **DECISIONS),
    commands(st.just(DISCIPLINE), "resolve_evidence", **{**DECISIONS, "student": st.just(A)}),
    commands(RIGHT, "correct", **CORRECTIONS),
    commands(RIGHT, "correct", **CORRECTIONS),
]
SELDOM = st.one_of(
    commands(ANYBODY, "record_checkpoints", rows=ROWS),
    commands(ANYBODY, "resolve_evidence", **DECISIONS),
    commands(ANYBODY, "correct", **CORRECTIONS),
    commands(st.just(PRINCIPAL), "complete"),
    commands(st.just(OFFICER), "reopen", reason=REASONS),
    commands(st.just(OFFICER), "skip", reason=REASONS),
    heard("registered", rows=st.lists(REGISTRATION, max_size=3)),
    heard("student_left", student=STUDENTS, exit=st.just("TRANSFER")),
    heard("student_joined", student=STUDENTS, class_id=st.just("2026-02"), on=st.just("2026-10-12")),
    heard("pause", scope=st.just("school"), reason=st.just("SNOW")),
    heard("resume", scope=st.just("school")),
    heard("resume", scope=st.just("school")),
    st.just(("restart",)),
)


def move(number: int) -> st.SearchStrategy:
    """Return what comes for a number of 0 to 19: mostly checks by the right people (`one_of` alone has no weights)."""
    if number < 12:
        return CHECKS
    return st.one_of(OFTEN) if number < 18 else SELDOM


COURSES = st.lists(st.integers(0, 19).flatmap(move), min_size=8, max_size=25)


def play(stream: Stream, course: list[tuple]) -> None:
    """Play a course; anything but a refusal stops it."""
    for move in course:
        match move:
            case ("wait", days):
                stream.to(stream.now + timedelta(days=days))
            case ("news", (kind, data)):
                stream.hear(kind, **data)
            case ("restart",):
                stream.restart()
            case ("command", who, (kind, fields), hours):
                said = {} if not hours else {"occurred_at": stamp(stream.now - timedelta(hours=hours))}
                try:
                    stream.submit(stream.command(kind, who, **fields, **said))
                except Refusal:
                    stream.flush()


@given(COURSES, st.booleans())
@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
def test_any_course_is_refused_or_recorded_and_the_record_is_the_state(course, late):
    """Commands of everybody in any state: refusals only, the fold is the state, JSON keeps it, the counts sum up."""
    stream = registered(now="2026-10-10 08:00")
    play(stream, course if late else [("wait", 110), *course])
    stream.consistent()
    assert RetentionState.model_validate(stream.state.model_dump(mode="json")) == stream.state
    found = counts(stream.state)
    assert sum(found.values()) == 2 * found["registered"]
    assert all(rate is None or rate.value <= 1 for rate in rates(stream.state).values())
    told = [(e["data"]["checkpoint"], e["data"]["on"]) for e in stream.ledger if e["type"] == "CheckpointDue"]
    assert len(told) == len(set(told)), "a date was announced twice"
    stream.machine.view()


@given(COURSES)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_staff_can_always_bring_the_stage_to_its_end(course):
    """Whatever happened, somebody who looks and somebody who decides clear every blocker: no yes is needed."""
    stream = registered(now="2026-10-10 08:00")
    play(stream, course)
    stream.to(max(stream.now, when(LAST)) + timedelta(days=40))
    if stream.state.paused:
        stream.hear("resume", scope="school")
    if stream.state.status != "open":
        stream.do("reopen", OFFICER, reason="LOOKED")
    for student, pupil, dates in list(stream.state.followed()):
        for name in list(pupil.conflicts):
            fields = {"student": student, "checkpoint": name, "state": "present", "evidence": "SEEN"}
            third = DISCIPLINE.model_copy(update={"id": "stf_third"})
            stream.do("resolve_evidence", third, **fields, reason="LOOKED")
        while open_ := stream.state.pupils[student].open(dates):
            record(stream, row(student, checkpoint=open_[0]))
    assert missing(stream) == {}
    stream.do("complete", PRINCIPAL)


@given(ROWS)
@settings(deadline=None, max_examples=60)
def test_a_list_of_checks_is_the_checks_one_by_one(rows):
    """One command or many: the same pupils, or a refusal where the first bad row stands."""
    whole, single = (registered(now=LAST) for _ in range(2))
    pairs = [(item["student"], item["checkpoint"]) for item in rows]
    bad = None
    for number, item in enumerate(rows):
        try:
            record(single, item)
        except Refusal as refusal:
            bad = (number, refusal.parameters["rows"][0]["code"])
            break
    twice = len(pairs) != len(set(pairs))
    if bad is None and not twice:
        record(whole, *rows)
        assert whole.state == single.state
        assert [e["data"] for e in whole.ledger] == [e["data"] for e in single.ledger]
        return
    with pytest.raises(Refusal) as raised:
        record(whole, *rows)
    refused = [(item["row"], item["code"]) for item in raised.value.parameters["rows"]]
    assert twice or refused[0] == bad


@pytest.mark.parametrize("release", [2, 3])
def test_the_largest_school_fits_into_one_carry(release):
    """1,600 registered pupils, all checks recorded by people with long references: below a megabyte."""
    classes = {f"2026-{number:02d}": [f"stu_{number:02d}{pupil:08d}" for pupil in range(40)] for number in range(1, 41)}
    students = [student for pupils in classes.values() for student in pupils]
    stream = planned(classes=classes, content={**CONTENT, "release": release}).to("2026-09-12 08:00")
    stream.hear("registered", rows=[registration(student) for student in students])
    stream.to(LAST)
    who = REGISTRAR.model_copy(update={"id": "stf_0123456789abcdef"})
    for name in ("D+30", "term_end", "next_March"):
        for pupils in classes.values():
            rows = [row(student, checkpoint=name, evidence="REGISTER") for student in pupils]
            stream.machine.submit(stream.command("record_checkpoints", who, rows=rows), stream.now)
    stream.flush()
    assert missing(stream) == {}
    assert len(stream.machine.carry_over().model_dump_json().encode()) < 1_000_000


def test_events_hold_no_more_than_codes_references_dates_and_counts():
    """Every event about a pupil names the pupil in `student`, and nothing else stands there."""
    fields = {name for event in RETENTION_EVENTS for name in event.model_fields}
    assert fields == {
        "student", "school", "registered_on", "checkpoint", "on", "due", "students", "evidence", "final", "held",
        "held_evidence", "found", "found_evidence", "state", "reason", "corrects", "again_on", "who",
    }  # fmt: skip
    of_nobody = [event.__name__ for event in RETENTION_EVENTS if "student" not in event.model_fields]
    assert of_nobody == ["CheckpointDue", "CheckpointOverdue"]


# -- sentences --------------------------------------------------------------------------------------------------


def braces(template: str) -> set[str]:
    """Return the names between braces."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_code_of_the_stage_has_its_words():
    """Both languages with the same fields; Chinese in full-width punctuation; a blocker is a phrase about a count."""
    tables = (sentences_retention.REFUSALS, sentences_retention.BLOCKERS, sentences_retention.WORDS)
    for table in tables:
        for code, entry in table.items():
            assert set(entry) == {"zh", "en"}, code
            assert braces(entry["zh"]) == braces(entry["en"])
            assert not set(entry["zh"]) & set(",;:?!()"), code
    for entry in sentences_retention.BLOCKERS.values():
        assert braces(entry["zh"]) == {"count"}
        assert not entry["en"].endswith(".")
        assert not entry["zh"].endswith("。")
    commands = {"record_checkpoints", "resolve_evidence", "plan_refind"}
    words = {*Finding, *EvidenceGrade, "D+30", "term_end", "next_March", *commands}
    standings = {"registered", "transferred"}
    assert sentences_retention.WORDS.keys() == words | standings
