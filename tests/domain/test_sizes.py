"""How large a stage's carry gets for the largest school: 1,600 pupils (design, section 4)."""

from datetime import datetime, timedelta

from domain.actors import Actor, Role
from domain.calendar import Calendar
from domain.deciders import DECIDERS
from domain.identification_rule import DEFAULT_RULE, Facts, evaluate
from domain.machine import Machine
from domain.policy import profile
from domain.stream import Carry, Message
from domain.time import instant

LARGEST = 1_600
MOST_BYTES = 1_000_000
SCHOOL = "9900010001"
CLASSES = {f"2022-{number:02d}": [f"stu_{number:02d}{pupil:08d}" for pupil in range(40)] for number in range(1, 41)}
HEAD = Actor(id="stf_head", role=Role.CLASS_HEAD, organisation=SCHOOL)


def machine(kind: str) -> Machine:
    """Return a stage of the largest school on its opening day."""
    start = {
        "campaign": "campaign/qingshan/2025",
        "school": SCHOOL,
        "stage": kind,
        "opens": "2024-11-18",
        "due": "2024-12-20",
        "after": [],
        "classes": CLASSES,
        "policy": profile("compliant").model_dump(mode="json"),
        "calendar": Calendar(version=1).model_dump(mode="json"),
        "content": {
            "year": 2025,
            "snapshot": "snp_0000000000",
            "snapshot_digest": "0" * 64,
            "rule": DEFAULT_RULE.model_dump(mode="json"),
        },
    }
    opened = instant("2024-11-18T08:00:00+08:00")
    carry = Carry(
        stream=f"campaign/qingshan/2025/{SCHOOL}/{kind}", kind=kind, clock="stepped", start=start, time=opened
    )
    stage = Machine(DECIDERS[kind], carry)
    stage.begin(opened)
    stage.tick(opened)
    return stage


def give(stage: Machine, number: int, when: datetime, **command: object) -> None:
    """Submit a class head's command."""
    actor = HEAD.model_dump(mode="json")
    stage.step(when)
    stage.submit({**command, "command_id": f"rehearsal-{SCHOOL}-{number:06d}", "actor": actor}, when)


def carried(stage: Machine) -> int:
    """Return the bytes of what the next run would start from."""
    stage.queue.clear()
    return len(stage.carry_over().model_dump_json().encode())


def test_identification_of_the_largest_school_fits_into_one_carry():
    """Every pupil proposed and decided, a command for each class."""
    stage = machine("identification")
    unknown = Facts(midterm_share=None, unexplained_absence_days=None, informed=None)
    proposal = evaluate(DEFAULT_RULE, unknown).model_dump(mode="json")
    students = [student for pupils in CLASSES.values() for student in pupils]
    assert len(students) == LARGEST
    rows = [{"student": student, **proposal, "commitment": "0" * 64} for student in students]
    data = {"rule": "help-needs", "rule_version": 1, "rule_digest": "0" * 64, "proposals": rows}
    now = stage.carry.time
    stage.receive(Message(id="job:proposals", kind="proposals", data=data, at=now))
    stage.tick(now, ["job:proposals"])
    for number, pupils in enumerate(CLASSES.values()):
        give(stage, number, now, kind="confirm", students=pupils, help=["STUDY", "ATTENDANCE"], reason="SEEN")
    assert all(case.decided is not None for case in stage.state.pupils.values())
    assert carried(stage) < MOST_BYTES


def test_meetings_of_the_largest_school_fit_into_one_carry():
    """Every household absent, called on three days, a command for each class and day."""
    stage = machine("parent-meetings")
    number, now = 0, stage.carry.time
    for class_id, pupils in CLASSES.items():
        session = f"m-{class_id}"
        give(stage, number, now, kind="schedule_session", session=session, classes=[class_id], at=now.isoformat())
        give(stage, number + 1, now, kind="invite", session=session)
        sheet = [{"student": student, "attended": False} for student in pupils]
        give(stage, number + 2, now + timedelta(hours=1), kind="record_attendance", session=session, rows=sheet)
        number += 3
    for day in range(1, 4):
        at = now + timedelta(days=day)
        for pupils in CLASSES.values():
            row = {"contact": "call", "outcome": "no_answer", "at": at.isoformat()}
            give(stage, number, at, kind="record_followups", rows=[{"student": student, **row} for student in pupils])
            number += 1
    assert {household.outcome for household in stage.state.households.values()} == {"NO_ANSWER"}
    assert carried(stage) < MOST_BYTES
