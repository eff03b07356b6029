"""The filing under everybody's hands for as long as you like: no invariant breaks, and a family can always get out.

A longer run: `HYPOTHESIS_PROFILE=long pytest tests/domain/test_consent_stateful.py`.
"""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from filing_families import NOTICE, OTHER_RECEIVING, RECEIVER, RECEIVING, REGISTER, SECOND_REGISTER, Families, Filing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from stream_samples import HEAD, OFFICER, PRINCIPAL, A, B, C, policy

from domain.actors import GATEWAY, Actor, Role
from domain.application_filing_commands import DeliverFamilyActs
from domain.destination import Step
from domain.refusal import Refusal
from domain.stage_events import StageStatus
from domain.time import instant, stamp

STUDENTS = st.sampled_from([A, A, B])
PARTIES = st.sampled_from(["pupil", "guardian"])
DOCUMENTS = st.sampled_from([NOTICE, NOTICE, NOTICE, "notice-2"])
SCHOOLS = st.sampled_from([RECEIVING, RECEIVING, RECEIVING, OTHER_RECEIVING])
FAMILIES = Families()
OTHER_GUARDIAN = "gdn_other00001"


class FilingUnderEverybodysHands(RuleBasedStateMachine):
    """Random commands, acts, news and time; every step passes the validator and the handler, as in the engine."""

    def __init__(self) -> None:
        super().__init__()
        quick = policy(signature_wait_hours=1).model_dump(mode="json")
        window = {"first": "2026-05-20", "last": "2026-06-30"}
        self.stage = Filing(
            families=FAMILIES, classes={"2026-01": [A, B, C]}, policy=quick, content={"application_window": window}
        )
        self.stage.to("2026-05-15 09:00")
        self.submit("offer_notice", HEAD, document=NOTICE, students=[A, B])

    def submit(self, kind: str, who: object, **fields: object) -> None:
        """Try something; a refusal is an answer, anything else breaks the test."""
        try:
            self.stage.submit(self.stage.command(kind, who, **fields))
        except Refusal:
            return

    # -- what families do -------------------------------------------------------------------------------------

    @rule(student=STUDENTS, party=PARTIES, document=DOCUMENTS, school=SCHOOLS, other=st.integers(0, 6))
    def sign(self, student: str, party: str, document: str, school: str, other: int) -> None:
        """Sign, mostly as the one guardian."""
        person = {"person": OTHER_GUARDIAN} if party == "guardian" and other == 0 else {}
        act = self.stage.act(student, party, "sign", document=document, destination=school, **person)
        self.submit("deliver_family_acts", GATEWAY, acts=[act])

    @rule(
        student=STUDENTS,
        document=DOCUMENTS,
        school=SCHOOLS,
        hours=st.integers(1, 30),
        doubted=st.sampled_from([None, None, HEAD, REGISTER]),
    )
    def consent(self, student: str, document: str, school: str, hours: int, doubted: Actor | None) -> None:
        """A family wishes, reads, sleeps on it, and both sign; staff may say afterwards that the signer is nobody."""
        said = [
            self.stage.act(student, "guardian", "intent", document=document, intent="VOCATIONAL"),
            self.stage.act(student, "guardian", "acknowledge", document=document),
        ]
        self.submit("deliver_family_acts", GATEWAY, acts=said)
        self.pass_time(hours)
        signed = [
            self.stage.act(student, party, "sign", document=document, destination=school)
            for party in ("pupil", "guardian")
        ]
        self.submit("deliver_family_acts", GATEWAY, acts=signed)
        if doubted is not None:
            signer = student.replace("stu_", "gdn_")
            evidence = "HEARSAY" if doubted is HEAD else "DOCUMENT"
            record = {"student": student, "person": signer, "standing": "CAREGIVER", "evidence": evidence}
            self.submit("record_guardianship", doubted, **record)

    @rule(
        student=STUDENTS,
        party=PARTIES,
        kind=st.sampled_from(["acknowledge", "refuse", "withdraw", "keep", "consent_data"]),
        document=DOCUMENTS,
        other=st.integers(0, 4),
        ago=st.integers(0, 40),
    )
    def act(self, student: str, party: str, kind: str, document: str, other: int, ago: int) -> None:
        """Do anything else, also late."""
        person = {"person": OTHER_GUARDIAN} if party == "guardian" and other == 0 else {}
        done = self.stage.now - timedelta(hours=ago)
        act = self.stage.act(student, party, kind, document=document, at=done, **person)
        self.submit("deliver_family_acts", GATEWAY, acts=[act])

    # -- what others do ---------------------------------------------------------------------------------------

    @rule(student=STUDENTS, school=SCHOOLS, number=st.integers(1, 99))
    def onward(self, student: str, school: str, number: int) -> None:
        """Record whatever may come next."""
        today = self.stage.now.date().isoformat()
        row = {"student": student, "school": school}
        self.submit("record_applications", HEAD, rows=[{**row, "reference": f"APP-{number}"}])
        self.submit(
            "record_admissions", RECEIVER, rows=[{**row, "result": "admitted" if number % 5 else "not_admitted"}]
        )
        self.submit("record_reporting", RECEIVER, rows=[{**row, "on": today}])
        if number % 2:
            self.submit("record_registrations", REGISTER, rows=[{**row, "register_ref": f"REG-{number}", "on": today}])

    @rule(
        student=STUDENTS,
        kind=st.sampled_from(
            ["report", "call", "suspend", "lift", "restrict", "release", "guardian", "caregiver", "hearsay"]
        ),
        outcome=st.sampled_from(["confirmed", "wants_to_withdraw", "denies", "unreachable"]),
    )
    def protect(self, student: str, kind: str, outcome: str) -> None:
        """What holds up, asks and notes."""
        named = {"student": student}
        person = {**named, "person": student.replace("stu_", "gdn_"), "evidence": "DOCUMENT"}
        hearsay = {**person, "evidence": "HEARSAY"}
        match kind:
            case "report":
                self.submit("report_withdrawal", HEAD, **named, channel="call")
            case "call":
                for purpose in ("withdrawal_report", "sample", "short_cooling"):
                    row = {**named, "purpose": purpose, "outcome": outcome, "at": stamp(self.stage.now)}
                    self.submit("record_callbacks", OFFICER, rows=[row])
            case "suspend":
                self.submit("suspend_consent", SECOND_REGISTER, **named, reason="COURT_ORDER")
            case "lift":
                for officer in (REGISTER, SECOND_REGISTER):
                    self.submit("lift_suspension", officer, **named, reason="SETTLED", evidence="DOCUMENT")
            case "hearsay":
                self.submit("record_guardianship", HEAD, **hearsay, standing="CAREGIVER")
            case "guardian" | "caregiver":
                self.submit("record_guardianship", REGISTER, **person, standing=kind.upper())
            case _:
                self.submit(f"{kind}_record", REGISTER, **named, reason="COURT_ORDER")

    @rule(document=DOCUMENTS)
    def offer(self, document: str) -> None:
        """Offer a notice, perhaps a newer one."""
        self.submit("offer_notice", OFFICER, document=document, classes=["2026-01"])

    @rule(kind=st.sampled_from(["complete", "reopen", "skip"]))
    def manage(self, kind: str) -> None:
        """Sign off, reopen, leave out."""
        self.submit(kind, OFFICER if kind == "skip" else PRINCIPAL, reason="SEEN")

    @rule(kind=st.sampled_from(["pause", "resume"]), scope=st.sampled_from(["school", "campaign"]))
    def pause(self, kind: str, scope: str) -> None:
        """Pause and resume, in either scope."""
        self.stage.hear(kind, scope=scope, reason="SNOW")

    @rule(student=STUDENTS, placed=st.booleans())
    def hold(self, student: str, placed: bool) -> None:
        """Place and release a hold, invalidate and reinstate."""
        self.stage.hear("hold", hold="h-1", scope="student", class_id=None, student=student, placed=placed)
        self.stage.hear("invalidate" if placed else "reinstate", students=[student], case="case-1", reason="PRESSURE")

    @precondition(lambda self: len(self.stage.ledger) > 12)
    @rule()
    def lose_a_school(self) -> None:
        """Take a school off the list."""
        self.stage.hear("school_removed", school=OTHER_RECEIVING, on="2026-06-01", reason="LICENCE_LOST")

    @rule(gone=st.booleans())
    def move(self, gone: bool) -> None:
        """Let a pupil leave, or come back."""
        if gone:
            self.stage.hear("student_left", student=B, exit="TRANSFER")
        else:
            self.stage.hear("student_joined", student=B, class_id="2026-01", on="2026-05-20")

    @rule(days=st.integers(0, 40))
    def move_the_window(self, days: int) -> None:
        """The examination authority locks on another day."""
        last = (self.stage.now + timedelta(days=days)).date().isoformat()
        self.stage.hear("window", first="2026-05-20", last=last, document="D-1")

    @rule(hours=st.sampled_from([1, 12, 24, 24 * 8, 24 * 8, 24 * 60]))
    def pass_time(self, hours: int) -> None:
        """Let the clocks do what is due."""
        self.stage.to(self.stage.now + timedelta(hours=hours))

    # -- what holds always ------------------------------------------------------------------------------------

    @invariant()
    def a_family_can_always_get_out(self) -> None:
        """INV-06: whatever has happened, pupil and guardian withdraw until the registration is verified."""
        if self.stage.state.status is StageStatus.ARCHIVED:
            return
        for student, case in self.stage.state.cases.items():
            if case.path is Step.REGISTERED:
                continue
            guardians = [student.replace("stu_", "gdn_"), OTHER_GUARDIAN, *filter(None, [case.protocol.signer])]
            for person in (student, *dict.fromkeys(guardians)):
                party = "pupil" if person == student else "guardian"
                act = self.stage.act(
                    student, party, "withdraw", person=person, at=self.stage.now + timedelta(minutes=1)
                )
                command = DeliverFamilyActs(command_id="c-out", actor=GATEWAY, acts=(act,))
                before = self.stage.state.model_dump_json()
                events = self.stage.decider.decide(self.stage.state, command, self.stage.now)
                names = [type(acted.event).__name__ for acted in events]
                protocol = case.protocol
                nobodys = not protocol.signer_stands and protocol.may_consent(person)
                if person in (student, protocol.signer) or nobodys:
                    assert names[0] == "ConsentWithdrawn", (person, names)
                elif protocol.signer is not None:
                    held = "ConsentSuspended" in names or "GUARDIANS_DISAGREE" in case.protocol.suspended
                    assert (names[0], held) == ("ConsentObjected", True), (person, names)
                assert events, (student, party)
                assert self.stage.state.model_dump_json() == before, "deciding has changed something"

    def teardown(self) -> None:
        """INV-02, INV-04, INV-05 and INV-07 over the whole record, which alone gives the state."""
        self.stage.consistent()
        acknowledged: set[tuple[str, str]] = set()
        ends: dict[str, object] = {}
        for envelope in self.stage.ledger:
            data, role = envelope["data"], envelope["actor"]["role"]
            if envelope["type"].startswith(("Consent", "Intent")) and "act" in data:
                assert role in (Role.GUARDIAN, Role.PUPIL)
            match envelope["type"]:
                case "NoticeAcknowledged":
                    acknowledged.add((data["student"], data["document"]))
                case "ConsentSigned":
                    assert (data["student"], data["document"]) in acknowledged
                case "CoolingStarted":
                    ends[data["student"]] = instant(data["ends"])
                case "CoolingLengthened" | "CoolingMoved":
                    for row in data["rows"]:
                        held = ends[row["student"]]
                        told = instant(envelope["occurred_at"]) + timedelta(hours=24)
                        assert instant(row["ends"]) >= min(held, told), "a day is left, whatever the lock does"
                        assert instant(row["ends"]) >= held or envelope["type"] == "CoolingMoved"
                        ends[row["student"]] = instant(row["ends"])
                case "ConsentWithdrawn" | "ConsentRefused" | "CaseInvalidated" | "NotAdmitted":
                    ends.pop(data["student"], None)
                case "ConsentConfirmed":
                    assert instant(envelope["occurred_at"]) >= ends[data["student"]]
        pressing = {"StageReminded", "StageEscalated", "StageOverdue"}
        named = [one for e in self.stage.ledger if e["type"] in pressing for one in e["data"]["missing"]]
        assert {one["code"] for one in named} <= set(SERVICE_ONLY)


SERVICE_ONLY = (
    "NOTICES_NOT_OFFERED",
    "FAMILIES_NOT_REACHED",
    "CALLBACKS_OPEN",
    "APPLICATIONS_OPEN",
    "ADMISSIONS_OPEN",
    "REPORTING_OPEN",
    "REGISTRATIONS_OPEN",
    "DESTINATIONS_CONFLICTING",
)
"""What may be asked of a school: each is work of staff, none is a family's yes."""

TestFilingUnderEverybodysHands = FilingUnderEverybodysHands.TestCase
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
TestFilingUnderEverybodysHands.settings = settings(
    max_examples=300 if LONG else 15, stateful_step_count=60 if LONG else 20, deadline=None
)
if LONG:  # takes minutes; a time-out in the middle of a course looks like a fault of the test
    pytest.mark.timeout(0)(TestFilingUnderEverybodysHands)
