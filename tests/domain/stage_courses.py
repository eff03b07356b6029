"""Random courses of a stage: commands of everybody, right and wrong, hours that pass, news, the registry's result."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from stream_samples import EVERYBODY, OFFICER, A, B, C, D, E, F, Stream, stage, usual_proposals, when

from domain.actors import PERMISSIONS
from domain.refusal import Refusal
from domain.time import stamp

STUDENTS = st.sampled_from([A, B, C, D] * 5 + ["stu_999999"])
REASONS = st.sampled_from(["SEEN", "SEEN", "SEEN", None])
HELP = st.lists(st.sampled_from(["STUDY", "ATTENDANCE", "INFORMATION"]), max_size=2)
SESSIONS = st.sampled_from(["s1", "s1", "s1", "s2", "s3"])
GROUPS = st.lists(st.sampled_from(["2026-01", "2026-02", "2026-02", "2026-09"]), min_size=1, max_size=3)
INSTANTS = st.integers(0, 8 * 24).map(lambda hours: stamp(when("2025-11-01 08:00") + timedelta(hours=hours)))
ATTENDANCE = st.fixed_dictionaries(
    {"student": STUDENTS, "attended": st.booleans(), "by": st.sampled_from(["guardian", "caregiver", "guardian", None])}
)
FOLLOW_UP = st.fixed_dictionaries(
    {
        "student": STUDENTS,
        "contact": st.sampled_from(["call", "home_visit"]),
        "outcome": st.sampled_from(["reached", "no_answer", "no_answer", "refused", "call_back"]),
        "at": INSTANTS,
    }
)


def some(strategy: st.SearchStrategy[Any], most: int = 3, **how: Any) -> st.SearchStrategy[list[Any]]:
    """Return short lists that are not empty."""
    return st.lists(strategy, min_size=1, max_size=most, **how)


FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "complete": {},
    "reopen": {"reason": REASONS},
    "extend": {"reason": REASONS, "due": st.sampled_from(["2025-11-28", "2025-12-06", "2025-12-12", "2027-01-04"])},
    "skip": {"reason": REASONS},
    "sing": {},
    "confirm": {"students": some(STUDENTS, unique=True), "reason": REASONS, "help": st.none() | HELP},
    "exclude": {"students": some(STUDENTS), "reason": REASONS},
    "contest": {"student": STUDENTS, "reason": REASONS, "raised_by": st.sampled_from(["GUARDIAN", "PUPIL", "NOBODY"])},
    "resolve_contest": {"student": STUDENTS, "reason": REASONS, "help": HELP},
    "freeze": {},
    "schedule_session": {"session": SESSIONS, "classes": GROUPS, "at": INSTANTS},
    "cancel_session": {"session": SESSIONS, "reason": REASONS},
    "invite": {"session": SESSIONS},
    "record_attendance": {
        "session": SESSIONS,
        "rows": some(ATTENDANCE) | some(ATTENDANCE, unique_by=lambda row: row["student"]),
    },
    "record_followups": {"rows": some(FOLLOW_UP)},
}
SHARED = ["complete", "complete", "reopen", "extend", "skip", "sing"]
OWN = {
    "identification": ["confirm"] * 6 + ["exclude"] * 2 + ["contest", "resolve_contest"] * 2 + ["freeze"] * 2,
    "parent-meetings": ["schedule_session", "cancel_session", "invite"]
    + ["record_attendance"] * 5
    + ["record_followups"] * 5,
    "retention": [],
}
NEWS = [
    ("pause", {"scope": "school", "reason": "SNOW"}),
    ("resume", {"scope": "school"}),
    ("resume", {"scope": "school"}),
    ("prerequisite", {"stage": "application-filing", "status": "completed"}),
    ("prerequisite", {"stage": "application-filing", "status": "open"}),
]


@st.composite
def courses(draw: st.DrawFn, kind: str) -> list[tuple[Any, ...]]:
    """Draw a course: mostly what the right people do at the right time, and everything else now and then."""
    kinds = st.sampled_from([*SHARED, *OWN[kind] * 2, *["wait"] * 4, "news"])
    rarely = st.integers(0, 9).map(lambda number: number == 0)
    course: list[tuple[Any, ...]] = []
    for move in draw(st.lists(kinds, min_size=10, max_size=30)):
        match move:
            case "wait":
                course.append(("wait", draw(st.integers(1, 36) | st.integers(1, 200))))
            case "news":
                course.append(("news", draw(st.sampled_from(NEWS))))
            case _:
                right = [who for who in EVERYBODY if who.role in PERMISSIONS.get(move, ()) and who.id != "stf_stranger"]
                who = draw(st.sampled_from(EVERYBODY if draw(rarely) or not right else right))
                said = draw(st.integers(-20 * 24, 2)) if draw(rarely) else None
                fields = draw(st.fixed_dictionaries(FIELDS[move]))
                course.append(("command", move, who, fields, said, draw(rarely)))
    return course


def opened(kind: str) -> Stream:
    """Return a stage whose prerequisite is done, open on 4 November; the meetings with one held the night before."""
    stream = stage(kind, after=["application-filing"], now="2025-11-04 08:00")
    stream.hear("prerequisite", stage="application-filing", status="completed")
    stream.to("2025-11-04 08:00")
    if kind == "parent-meetings":
        head = EVERYBODY[0]
        stream.do("schedule_session", head, session="s1", classes=["2026-01"], at="2025-11-03T19:00:00+08:00")
        stream.do("invite", head, session="s1")
        rows = [{"student": A, "attended": True, "by": "guardian"}, {"student": B, "attended": False}]
        stream.do("record_attendance", head, session="s1", rows=rows)
    if kind == "identification":
        stream.give("proposals", usual_proposals())
        stream.do("confirm", EVERYBODY[0], students=[D, E, F])
    if kind == "retention":
        stream.do("extend", OFFICER, due="2025-12-05", reason="SNOW")
    return stream


def play(stream: Stream, course: list[tuple[Any, ...]], cuts: frozenset[int] = frozenset()) -> list[str]:
    """Play a course, with new runs at the cuts; return the codes of all refusals.

    On the way: what the validator refuses, the handler refuses alike, and nothing that the validator lets through is
    refused without trace unless something was due.
    """
    codes: list[str] = []
    for number, move in enumerate(course):
        if number in cuts:
            stream.restart()
        match move:
            case ("wait", hours):
                stream.to(stream.now + timedelta(hours=hours))
            case ("news", (kind, data)):
                stream.hear(kind, **data)
            case ("command", kind, who, fields, said, used_id):
                occurred = {} if said is None else {"occurred_at": stamp(stream.now + timedelta(hours=said))}
                given = {name: value for name, value in fields.items() if value is not None}
                raw = stream.command(kind, who, **given, **occurred)
                if used_id:
                    raw["command_id"] = "c-1"
                codes += _tried(stream, raw)
        if stream.machine.job() is not None:
            stream.give("proposals", usual_proposals())
    return codes


def _tried(stream: Stream, raw: dict[str, Any]) -> list[str]:
    checked: Refusal | None = None
    due = stream.machine.due()
    before = stream.snapshot()
    try:
        stream.machine.check(raw, stream.now)
    except Refusal as refusal:
        checked = refusal
    assert stream.snapshot() == before, "the validator changed something"
    try:
        answer = stream.machine.submit(raw, stream.now)
    except Refusal as refusal:
        return _codes(stream, due, checked, refusal)
    finally:
        stream.flush()
    assert checked is None, "the validator refused what the handler takes"
    return [answer.refused["code"]] if answer.refused else []


def _codes(stream: Stream, due: datetime | None, checked: Refusal | None, submitted: Refusal) -> list[str]:
    assert not submitted.recorded
    if due is None or due > stream.now:
        assert checked is not None, "the validator let through what the handler refuses"
        assert checked.as_data() == submitted.as_data()
    rows = [row["code"] for row in submitted.parameters.get("rows", [])]
    return [submitted.code, *(blocker.code for blocker in submitted.blockers), *rows]
