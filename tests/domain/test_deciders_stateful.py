"""All deciders together under everybody's hands: random commands of every kind, families' acts, and time that passes.

A longer run: `HYPOTHESIS_PROFILE=long pytest tests/domain/test_deciders_stateful.py`.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from random import Random
from typing import Any, ClassVar

import pytest
from filing_families import NOTICE, OTHER_RECEIVER, OTHER_RECEIVING, RECEIVER, RECEIVING, REGISTER, Families
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from kernel_courses import DAY, STAGES, Campaign, of_school
from pydantic import ValidationError
from random_commands import COMMANDS, spoken
from stream_samples import (
    APPROVER,
    AUDITOR,
    CAMPAIGN,
    CLASSES,
    GRADE,
    HEAD,
    OFFICER,
    OTHER_SCHOOL,
    PRINCIPAL,
    SCHOOL,
    STRANGER,
    A,
    B,
    D,
    person,
    when,
)

from domain.actors import ANONYMOUS, GATEWAY, PERMISSIONS, Actor, Role
from domain.deciders import DECIDERS
from domain.destination import Step
from domain.refusal import Refusal
from domain.stream import Answer

FAMILIES = Families()
DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")
SECOND_APPROVER = person("approver2", Role.BUREAU_APPROVER, "bureau")
CLERK = person("clerk", Role.BUREAU_OFFICER, "bureau")
THIRD = person("third", Role.CLASS_HEAD)
GUARDIAN = Actor(id=A.replace("stu", "gdn"), role=Role.GUARDIAN, organisation=SCHOOL)
PUPIL = Actor(id=A, role=Role.PUPIL, organisation=SCHOOL)
PEOPLE = (
    *(HEAD, GRADE, PRINCIPAL, THIRD, STRANGER, OFFICER, CLERK, APPROVER, SECOND_APPROVER, REGISTER, DISCIPLINE),
    *(AUDITOR, RECEIVER, OTHER_RECEIVER, GUARDIAN, PUPIL, ANONYMOUS, GATEWAY),
)
SCHOOLS = st.sampled_from([SCHOOL, SCHOOL, OTHER_SCHOOL])
STUDENTS = st.sampled_from([A, A, B, D])
PARTIES = st.sampled_from(["pupil", "guardian"])
DESTINATIONS = st.sampled_from([RECEIVING, RECEIVING, RECEIVING, OTHER_RECEIVING])
SAID = [(kind, name) for kind, table in COMMANDS.items() for name in table if name != "deliver_family_acts"]
ENDINGS = ("stop", "close_campaign", "skip", "pause")
"""What ends or holds everything has a rule of its own, so that most courses are long."""


def of(who: Actor, school: str) -> Actor:
    """Return the same person of the second school."""
    own = who.organisation == SCHOOL and school == OTHER_SCHOOL
    return who.model_copy(update={"organisation": school, "id": of_school(who.id, school)}) if own else who


def order(random: Random) -> tuple[str, str, Actor, dict[str, Any]]:
    """Return a command of any kind, mostly of somebody who may give it."""
    kind, name = random.choice(SAID)
    while name in ENDINGS:
        kind, name = random.choice(SAID)
    allowed = [who for who in PEOPLE if who.role in PERMISSIONS[name]]
    who = random.choice(allowed if allowed and random.random() < 0.85 else PEOPLE)
    return kind, name, who, COMMANDS[kind][name](random)


class DecidersUnderEverybodysHands(RuleBasedStateMachine):
    """A small campaign on the kernel; `Campaign` looks at every step, and the whole is looked at in the end."""

    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.campaign = Campaign(FAMILIES)
        self.campaign.to(self.campaign.now + 3 * DAY)

    def give(self, tail: str, kind: str, who: Actor, /, **fields: Any) -> Answer | Refusal | None:
        """Give a command to a stream that can be reached."""
        stream = self.campaign.name(tail)
        if self.campaign.machine(stream) is None:
            return None
        answer = self.campaign.submit(stream, kind, who, **spoken(fields, self.campaign.now))
        taken = not isinstance(answer, Refusal) and answer.refused is None
        self.seen[kind if taken else "refused"] += 1
        return answer

    # -- everybody, everything ----------------------------------------------------------------------------------

    @rule(random=st.randoms(use_true_random=True), many=st.integers(4, 24))
    def anything(self, random: Random, many: int) -> None:
        """Say anything to some stream of the right kind."""
        for _ in range(many):
            kind, name, who, fields = order(random)
            streams = self.campaign.streams(kind)
            if not streams:
                continue
            stream = random.choice(streams)
            school = OTHER_SCHOOL if f"/{OTHER_SCHOOL}" in stream else SCHOOL
            self.give(stream.removeprefix(CAMPAIGN).strip("/"), name, of(who, school), **of_said(fields, school))

    # -- families -------------------------------------------------------------------------------------------------

    @rule(
        school=SCHOOLS,
        student=STUDENTS,
        party=PARTIES,
        kind=st.sampled_from(["acknowledge", "refuse", "withdraw", "withdraw", "keep", "consent_data", "intent"]),
        ago=st.sampled_from([0, 0, 1, 40]),
        other=st.integers(0, 5),
    )
    def act(self, school: str, student: str, party: str, kind: str, ago: int, other: int) -> None:
        """Do one thing, perhaps some hours ago, perhaps as the other guardian."""
        person = {"person": "gdn_other00001"} if party == "guardian" and other == 0 else {}
        said = {"intent": "VOCATIONAL"} if kind == "intent" else {}
        self._act(school, student, party, kind, at=self.campaign.now - ago * DAY / 24, **person, **said)

    @rule(school=SCHOOLS, student=STUDENTS, destination=DESTINATIONS)
    def consents(self, school: str, student: str, destination: str) -> None:
        """A family says yes."""
        self.consent(school, student, destination)

    def consent(self, school: str, student: str, destination: str) -> None:
        """Read, sleep on it, and both sign."""
        self.give(
            f"{school}/application-filing", "offer_notice", of(HEAD, school), document=NOTICE, classes=CLASS_NAMES
        )
        for party, act, said in (("pupil", "intent", {"intent": "VOCATIONAL"}), ("guardian", "acknowledge", {})):
            self._act(school, student, party, act, **said)
        self.campaign.to(self.campaign.now + DAY / 12)
        for party in ("pupil", "guardian"):
            self._act(school, student, party, "sign", destination=destination)

    @rule(school=SCHOOLS, student=STUDENTS, number=st.integers(1, 99), steps=st.integers(1, 4), sure=st.booleans())
    def onward(self, school: str, student: str, number: int, steps: int, sure: bool) -> None:
        """Record the next steps, at the school that was signed for, and mostly when their time has come."""
        filing, named = f"{school}/application-filing", of_school(student, school)
        case = self.campaign.kernel.machines[self.campaign.name(filing)].state.cases.get(named)
        if case is None:
            return
        row = {"student": named, "school": OTHER_RECEIVING if number % 9 == 0 else RECEIVING}
        if sure and case.path not in AFTER_SIGNING:
            self.consent(school, student, RECEIVING)
        result = "admitted" if number % 5 else "not_admitted"
        ways = (
            (9, "record_applications", of(HEAD, school), {"reference": f"APP-{number}"}),
            (1, "record_admissions", REGISTER, {"result": result}),
            (0, "record_reporting", REGISTER, {}),
            (9, "record_registrations", REGISTER, {"register_ref": f"REG-{number}"}),
        )
        for days, kind, who, fields in ways[:steps]:
            if sure:
                self.campaign.to(self.campaign.now + days * DAY)
            if kind == "record_reporting" and sure:
                self.campaign.to(max(self.campaign.now, when("2026-09-01 18:00")))
            dated = kind in ("record_reporting", "record_registrations")
            day = {"on": self.campaign.now.date().isoformat()} if dated else {}
            self.give(filing, kind, who, rows=[{**row, **fields, **day}])

    # -- schools and offices --------------------------------------------------------------------------------------

    @rule(school=SCHOOLS, absent=st.lists(STUDENTS, max_size=2, unique=True), days=st.integers(1, 4))
    def report(self, school: str, absent: list[str], days: int) -> None:
        """Report some days, with the same pupils away; the figures are those of the stream itself."""
        for _ in range(days):
            machine = self.campaign.machine(self.campaign.name(f"{school}/attendance"))
            if machine is None:
                return
            rows = [
                {
                    "class_id": class_id,
                    "present": sum(of_school(student, school) not in gone for student in pupils),
                    "unexplained": [one for one in gone if one in of_school(pupils, school)],
                }
                for class_id, pupils in CLASSES.items()
                for gone in [of_school(absent, school)]
            ]
            day = self.campaign.now.date().isoformat()
            self.give(f"{school}/attendance", "file_daily_report", of(GRADE, school), day=day, classes=rows)
            self.campaign.to(self.campaign.now + DAY)

    @rule(case=st.sampled_from(["one", "two"]), about=SCHOOLS, scope=st.sampled_from(["student", "school", "campaign"]))
    def complain(self, case: str, about: str, scope: str) -> None:
        """Complain, and hold what the case is about."""
        self.give("", "complain", ANONYMOUS, complaint=case, about=about, matter="PRESSURE")
        place = {"student": {"school": SCHOOL, "student": A}, "school": {"school": SCHOOL}}.get(scope, {})
        self.give(f"compliance/{case}", "place_hold", self.owner(case), scope=scope, reason="SEEN", **place)

    def owner(self, case: str) -> Actor:
        """Return who may act in a case."""
        machine = self.campaign.machine(self.campaign.name(f"compliance/{case}"))
        return AUDITOR if machine is not None and Role.AUDITOR in machine.state.owners else DISCIPLINE

    @rule(case=st.sampled_from(["one", "two"]), found=st.booleans(), school=SCHOOLS)
    def decide(self, case: str, found: bool, school: str) -> None:
        """Find a violation, or none."""
        if found:
            fields = {"violation": "PRESSURE", "school": school, "students": [of_school(A, school)]}
            self.give(f"compliance/{case}", "confirm_violation", self.owner(case), reason="SEEN", **fields)
        else:
            self.give(f"compliance/{case}", "dismiss_violation", self.owner(case), reason="SEEN")

    @rule(profile=st.sampled_from(["compliant", "compliant", "legacy"]), late=st.integers(0, 4))
    def settle(self, profile: str, late: int) -> None:
        """Compute, audit, approve, publish; once the counts are final where it is late."""
        if late == 1:
            self.campaign.to(max(self.campaign.now, when("2026-11-23 08:00")))
        self.give("", "compute_settlement", OFFICER, run="one", profile=profile, **self.campaign.counts())
        runs = self.campaign.kernel.machines[CAMPAIGN].state.settlement.runs
        version = runs["one"].version if "one" in runs else 1
        self.give("", "review_settlement", AUDITOR, run="one", version=version)
        for who in (APPROVER, SECOND_APPROVER):
            self.give("", "approve_settlement", who, run="one", version=version)
        self.give("", "publish_settlement", CLERK, run="one")
        self.give("", "declare_funding", OFFICER, source="FISCAL", document="doc-2026-1", pool_yuan=10_000)
        self.give("", "order_payment", CLERK, run="one", payment="p1", funding="doc-2026-1")

    @rule(school=SCHOOLS, student=STUDENTS, kind=st.sampled_from(["transfer", "death", "back", "back"]))
    def move(self, school: str, student: str, kind: str) -> None:
        """Let a pupil leave the register, or come back."""
        named = {"student": of_school(student, school), "on": self.campaign.now.date().isoformat()}
        if kind == "back":
            row = {**named, "class_id": "2026-01"}
            self.give(school, "enrol_students", of(PRINCIPAL, school), rows=[row])
        else:
            who = PRINCIPAL if kind == "death" else REGISTER
            self.give(school, "record_exits", of(who, school), rows=[{**named, "exit": kind}])

    @rule(kind=st.sampled_from(["pause", "resume", "resume"]), school=st.sampled_from([None, SCHOOL]))
    def pause(self, kind: str, school: str | None) -> None:
        """Pause and resume, the whole or a school."""
        self.give("", kind, OFFICER, school=school, reason="SNOW")

    @rule(kind=st.sampled_from(ENDINGS[:-1]), school=SCHOOLS, number=st.integers(0, 14))
    def end(self, kind: str, school: str, number: int) -> None:
        """Leave a stage out, stop the campaign, close it: seldom."""
        tail = f"{school}/{list(STAGES)[number % len(STAGES)]}" if kind == "skip" else ""
        if number < len(STAGES):
            self.give(tail, kind, OFFICER, reason="SEEN")

    @rule(hours=st.sampled_from([1, 12, 24, 24 * 9, 24 * 9, 24 * 40]))
    def pass_time(self, hours: int) -> None:
        """Let the clocks do what is due."""
        self.campaign.to(self.campaign.now + hours * DAY / 24)

    # -- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_due_in_the_past(self) -> None:
        """After every step the next thing to do lies ahead, in every stream."""
        for name in self.campaign.kernel.machines:
            machine = self.campaign.machine(name)
            due = None if machine is None else machine.due()
            assert due is None or due > self.campaign.now, (name, due)

    def teardown(self) -> None:
        """The record alone gives every state; the families that are not registered can get out."""
        self.campaign.whole()

    def _act(self, school: str, student: str, party: str, kind: str, **said: Any) -> None:
        stream = self.campaign.name(f"{school}/application-filing")
        if self.campaign.machine(stream) is not None:
            answer = self.campaign.act(stream, student, party, kind, **said)
            taken = not isinstance(answer, Refusal) and answer.refused is None
            self.seen[f"family {kind}" if taken else "refused"] += 1


DRAWN = 12
SOME = 100
CLASS_NAMES = list(CLASSES)
AFTER_SIGNING = tuple(Step)[tuple(Step).index(Step.SIGNED) :]


def of_said(fields: dict[str, Any], school: str) -> dict[str, Any]:
    """Return drawn fields as they are said of a school's own pupils; days that are not dated yet stay."""
    match fields:
        case dict():
            return {name: of_said(part, school) for name, part in fields.items()}
        case list():
            return [of_said(part, school) for part in fields]
        case str():
            return of_school(fields, school)
        case _:
            return fields


QUICK = {"deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("long", settings(max_examples=600, stateful_step_count=80, **QUICK))
FAST = (Phase.explicit, Phase.reuse, Phase.generate)
"""Without shrinking, which takes minutes here: the long run shrinks."""

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"

TestDecidersUnderEverybodysHands = DecidersUnderEverybodysHands.TestCase
TestDecidersUnderEverybodysHands.settings = (
    settings.get_profile("long") if LONG else settings(max_examples=20, stateful_step_count=40, phases=FAST, **QUICK)
)
if LONG:  # takes minutes; a time-out in the middle of a course looks like a fault of the test
    pytest.mark.timeout(0)(TestDecidersUnderEverybodysHands)


@pytest.mark.parametrize(("kind", "name"), SAID)
def test_every_command_is_drawn_in_its_form(kind, name):
    """A random command that nobody can read proves nothing about the rules: many of each kind are well-formed."""
    random, now = Random(1), when("2026-05-11 09:00")
    read = 0
    for _ in range(DRAWN):
        said = spoken(COMMANDS[kind][name](random), now)
        raw = {"command_id": "k-1", "actor": OFFICER.model_dump(mode="json"), "kind": name, **said}
        with contextlib.suppress(ValidationError):
            DECIDERS[kind].commands.validate_python(raw)
            read += 1
    assert read >= DRAWN // 3


def test_a_seeded_course_is_mostly_about_something():
    """Some thousand random commands: many are taken, and some are refused on record and without a trace."""
    course = DecidersUnderEverybodysHands()
    random = Random(2)
    for step in range(60):
        course.anything(random, 20)
        if step % 5 == 0:
            course.consent(SCHOOL, A, RECEIVING)
            course.pass_time(30)
            course.nothing_is_due_in_the_past()
    course.teardown()
    assert course.campaign.told["taken"] > SOME
    assert course.campaign.told["on record"] > 0
    assert course.campaign.told["refused"] > SOME
