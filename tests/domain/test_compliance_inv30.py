"""A hold blocks counting and nothing else: a whole way from the notice to the register, under a hold (INV-30)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from compliance_samples import DISCIPLINE
from filing_families import ADMITTED, NOTICE, RECEIVER, RECEIVING, REGISTER, Families, registration
from stream_samples import (
    APPROVER,
    CAMPAIGN,
    HEAD,
    PRINCIPAL,
    SCHOOL,
    A,
    B,
    C,
    County,
    D,
    campaign_start,
    person,
)

from domain.actors import ANONYMOUS, GATEWAY, Role
from domain.application_filing_state import counted
from domain.family_act import Party

FILING, RETENTION, CASE = f"{SCHOOL}/application-filing", f"{SCHOOL}/retention", "compliance/c-1"
PUPILS = (A, B, D)
FIRST, SECOND = "2026-01", "2026-02"
STAGES = {
    "application-filing": {"opens": "2026-05-11", "due": "2026-11-20", "after": []},
    "retention": {"opens": "2026-09-01", "due": "2027-03-31", "after": []},
}
HOLDS = {
    "a pupil": ({"scope": "student", "school": SCHOOL, "student": A}, {FIRST: 1, SECOND: 1}),
    "a class": ({"scope": "class", "school": SCHOOL, "class_id": FIRST}, {FIRST: 0, SECOND: 1}),
    "the school": ({"scope": "school", "school": SCHOOL}, {FIRST: 0, SECOND: 0}),
    "the campaign": ({"scope": "campaign"}, {FIRST: 0, SECOND: 0}),
}
ALL = {FIRST: 2, SECOND: 1}


class Year:
    """A campaign with a complaint, whose families and schools go on whatever is held."""

    def __init__(self) -> None:
        self.families = Families()
        start = campaign_start(release=3, stages=STAGES, gateway=self.families.gateway, qualified_schools=[RECEIVING])
        self.county = County(start, "2026-05-01 08:00")
        self.county.do("", "approve", APPROVER)
        self.county.do("", "complain", ANONYMOUS, complaint="c-1", about=SCHOOL, matter="PRESSURE")

    def does(self, student: str, party: str, act: str, **changes) -> None:
        """Let a family act; the gateway hands it on."""
        signed = self.families.act(student, Party(party), act, self.county[FILING].now, **changes)
        self.county.do(FILING, "deliver_family_acts", GATEWAY, acts=[signed])

    def rows(self, kind: str, who, *rows: dict) -> None:
        """Record a list of application filing."""
        self.county.do(FILING, kind, who, rows=list(rows))

    def place(self, hold: dict) -> None:
        """Hold something in the case."""
        self.county.do(CASE, "place_hold", DISCIPLINE, reason="SUSPICION", **hold)

    def whole_way(self) -> None:
        """Take the pupils from the notice to the first retention check; one more family withdraws."""
        county = self.county
        county.to("2026-05-11 09:00")
        county.do(FILING, "offer_notice", HEAD, document=NOTICE, students=[*PUPILS, C])
        for student in (*PUPILS, C):
            self.does(student, "pupil", "intent", intent="VOCATIONAL")
            self.does(student, "guardian", "acknowledge")
        county.to("2026-05-12 10:00")
        for student in (*PUPILS, C):
            for party in ("pupil", "guardian"):
                self.does(student, party, "sign", destination=RECEIVING)
        self.does(C, "guardian", "withdraw")
        county.to((county[FILING].now + timedelta(days=9)).isoformat()[:16])
        self.rows(
            "record_applications",
            HEAD,
            *({"student": s, "school": RECEIVING, "reference": f"APP-{s[-6:]}"} for s in PUPILS),
        )
        county.to("2026-07-20 10:00")
        self.rows("record_admissions", RECEIVER, *({"student": s, **ADMITTED} for s in PUPILS))
        county.to("2026-09-01 18:00")
        arrived = ({"student": s, "school": RECEIVING, "on": "2026-09-01"} for s in PUPILS)
        self.rows("record_reporting", RECEIVER, *arrived)
        county.to("2026-10-12 10:00")
        self.rows("record_registrations", REGISTER, *(registration(s) for s in PUPILS))
        county.to("2026-11-12 10:00")
        check = {"checkpoint": "D+30", "state": "present", "evidence": "SEEN"}
        county.do(RETENTION, "record_checkpoints", REGISTER, rows=[{"student": s, **check} for s in PUPILS])

    def countable(self) -> dict[str, int]:
        """Return how many pupils count, by class."""
        return {name: part["countable"] for name, part in counted(self.county[FILING].state).items()}


@pytest.mark.parametrize("kind", HOLDS)
def test_under_a_hold_every_step_goes_through_and_exactly_the_held_are_not_counted(kind):
    """Placed before the first step: acts, admission, reporting, register and checks are those of a year without it."""
    hold, left = HOLDS[kind]
    year = Year()
    year.place(hold)
    year.whole_way()
    names = year.county[FILING].names()
    assert names.count("RegistrationVerified") == 3
    assert "CommandRefused" not in [*names, *year.county[RETENTION].names()]
    assert year.county[RETENTION].names().count("RetentionConfirmed") == 3
    assert year.countable() == left
    year.county.do(CASE, "release_hold", DISCIPLINE, hold="c-1-h1", reason="CLEARED")
    assert year.countable() == ALL


def test_without_a_hold_the_same_year_counts_everybody_and_writes_the_same_steps():
    """The oracle of the test above; a hold placed after everything changes the count alone, not one case (edge 25)."""
    year = Year()
    year.whole_way()
    assert year.countable() == ALL
    cases = {student: case.model_dump_json() for student, case in year.county[FILING].state.cases.items()}
    year.place(HOLDS["the school"][0])
    assert year.countable() == {FIRST: 0, SECOND: 0}
    assert {s: case.model_dump_json() for s, case in year.county[FILING].state.cases.items()} == cases


def test_a_violation_sets_consents_aside_and_a_won_appeal_restores_them():
    """R-09, edge 44: the pupil named is not counted, stays registered, and is counted again after the dismissal."""
    year = Year()
    year.whole_way()
    found = {"violation": "FORGED_CONSENT", "school": SCHOOL, "students": [A]}
    year.county.do(CASE, "confirm_violation", DISCIPLINE, reason="TWO_HANDS", **found)
    assert year.countable() == {FIRST: 1, SECOND: 1}
    assert year.county[FILING].state.cases[A].registration is not None
    year.county.do(CASE, "file_case_appeal", PRINCIPAL, reason="UNTRUE")
    answer = {"outcome": "GRANTED", "reason": "MISREAD"}
    year.county.do(CASE, "decide_case_appeal", person("other", Role.AUDITOR, "bureau"), **answer)
    assert year.countable() == ALL
    assert CAMPAIGN in year.county.streams
