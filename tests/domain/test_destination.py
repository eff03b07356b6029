from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from domain.destination import (
    ACTS_REMEMBERED,
    ALLOWED,
    Application,
    Case,
    DestinationKind,
    Finding,
    Move,
    Outcome,
    Registration,
    Reporting,
    Step,
    barred,
)
from domain.evidence import EvidenceGrade
from domain.family_act import Intent, Party, Wave
from domain.time import SHANGHAI

SCHOOL = "9900020001"
NOON = datetime(2026, 5, 12, 12, tzinfo=SHANGHAI)
FAMILY_MOVES = (Move.INTENT, Move.ACKNOWLEDGE, Move.SIGN, Move.REFUSE, Move.WITHDRAW)


def sign(case: Case, party: Party, document: str, school: str) -> None:
    """Let one party sign, at noon."""
    person = "stu_000001" if party is Party.PUPIL else "gdn_000001"
    case.sign(party, document, school, NOON, person, Wave.AUTUMN)


def case_at(step: Step) -> Case:
    """Return a case that came to a step as a family and the offices bring it there."""
    case = Case(offered="n1", offered_on=date(2026, 5, 11))
    steps = list(Step)
    if steps.index(step) >= steps.index(Step.INTENT):
        case.remember("act_0000000001")
        case.state_intent(Intent.VOCATIONAL, NOON, Party.GUARDIAN)
    if steps.index(step) >= steps.index(Step.INFORMED):
        case.acknowledge("n1", NOON)
    if steps.index(step) >= steps.index(Step.SIGNED):
        sign(case, Party.PUPIL, "n1", SCHOOL)
        sign(case, Party.GUARDIAN, "n1", SCHOOL)
    if steps.index(step) >= steps.index(Step.COOLING):
        case.protocol.ends = NOON + timedelta(days=7)
    case.protocol.confirmed = steps.index(step) >= steps.index(Step.CONFIRMED)
    if steps.index(step) >= steps.index(Step.APPLIED):
        case.application = Application(reference="APP-1", version=7)
    if steps.index(step) >= steps.index(Step.ADMITTED):
        case.admitted_on = date(2026, 7, 20)
    case.no_show = step is Step.NO_SHOW
    if steps.index(step) >= steps.index(Step.REPORTED):
        case.reporting = Reporting(on=date(2026, 9, 1), version=9, by=["stf_receiver"])
    if step is Step.REGISTERED:
        case.register(Registration(reference="REG-1", on=date(2026, 10, 1), in_time=True, version=11, verified_at=NOON))
    return case


PATH = [step for step in Step if step is not Step.OTHER]


@pytest.mark.parametrize("step", PATH)
def test_a_case_stands_at_the_last_step_that_its_facts_carry(step):
    """The step is read from the facts, so the two can never disagree; it survives JSON, without empty fields."""
    case = case_at(step)
    assert case.path is case.step is step
    assert Case.model_validate(case.model_dump(mode="json")) == case
    assert Case().model_dump(mode="json") == {}


@pytest.mark.parametrize("step", PATH)
@pytest.mark.parametrize("move", Move)
def test_every_move_starts_from_the_steps_of_the_table_only(step, move):
    """Elsewhere a code says whether it is too early or done already."""
    assert (barred(step, move) is None) == (step in ALLOWED[move])


@pytest.mark.parametrize("step", [step for step in PATH if step is not Step.REGISTERED])
def test_a_withdrawal_starts_from_every_step_before_registration_and_cancels_what_rested_on_the_consent(step):
    """INV-06: the case is at INTENT again; the notice stays acknowledged."""
    case = case_at(step)
    acknowledged = case.acknowledged
    assert barred(case.path, Move.WITHDRAW) is None
    case.withdraw(NOON)
    assert case.path is Step.INTENT
    assert (case.consents, case.school, case.application, case.admitted_on) == ({}, None, None, None)
    assert (case.no_show, case.reporting, case.acknowledged) == (False, None, acknowledged)


def test_after_the_registration_the_way_is_a_transfer():
    """Nothing a family or an office does moves a registered case."""
    codes = {move: barred(Step.REGISTERED, move) for move in Move}
    assert codes.pop(Move.WITHDRAW) == "WITHDRAWAL_AFTER_REGISTRATION"
    assert set(codes.values()) == {"ALREADY_REGISTERED"}


def test_what_comes_too_early_names_what_is_missing_and_what_is_done_says_so():
    """Each office reads what has to be recorded before."""
    assert [barred(Step.INFORMED, move) for move in (Move.APPLY, Move.ADMIT, Move.REPORT, Move.REGISTER)] == [
        "CONSENT_MISSING",
        "NOT_APPLIED_THERE",
        "NOT_ADMITTED_THERE",
        "NOT_REPORTED_THERE",
    ]
    assert [barred(Step.REPORTED, move) for move in (Move.APPLY, Move.ADMIT, Move.REPORT)] == ["ALREADY_RECORDED"] * 3
    assert barred(Step.APPLIED, Move.SIGN) == "ALREADY_SIGNED"


def test_signatures_of_two_versions_of_the_notice_are_no_consent():
    """INV-02: both sign the same document; the later version is signed by both anew."""
    case = case_at(Step.INFORMED)
    sign(case, Party.PUPIL, "n1", SCHOOL)
    sign(case, Party.GUARDIAN, "n2", "9900020002")
    assert not case.signed_by_both
    assert (case.consents, case.school) == ({Party.GUARDIAN: "n2"}, "9900020002")
    sign(case, Party.PUPIL, "n2", "9900020002")
    assert case.signed_by_both


@pytest.mark.parametrize(
    ("intent", "outcome", "owed"),
    [
        (Intent.VOCATIONAL, Outcome.INFORMED, None),
        (Intent.GENERAL_HIGH, Outcome.INFORMED, None),
        (Intent.UNDECIDED, Outcome.INFORMED, None),
        (Intent.OTHER, Outcome.INFORMED, None),
    ],
)
def test_every_answer_of_a_family_is_an_outcome_and_owes_nothing(intent, outcome, owed):
    """Whatever a family says, it has been served; nobody waits for its yes."""
    case = Case(offered="n1")
    assert (case.outcome, case.owed(deadline_passed=False)) == (None, "FAMILIES_NOT_REACHED")
    case.remember("act_0000000001")
    case.state_intent(intent, NOON, Party.GUARDIAN)
    assert (case.outcome, case.owed(deadline_passed=False)) == (outcome, owed)
    case.refuse(NOON)
    assert (case.outcome, case.owed(deadline_passed=False)) == (Outcome.DECLINED, None)


@pytest.mark.parametrize(
    ("step", "owed"),
    [
        (Step.SIGNED, "APPLICATIONS_OPEN"),
        (Step.APPLIED, "ADMISSIONS_OPEN"),
        (Step.ADMITTED, "REPORTING_OPEN"),
        (Step.NO_SHOW, None),
        (Step.REPORTED, "REGISTRATIONS_OPEN"),
        (Step.REGISTERED, None),
    ],
)
def test_each_step_onward_is_owed_by_somebody_who_is_not_the_family(step, owed):
    """And after the registration deadline nobody waits for a registration, nor for an application."""
    case = case_at(step)
    assert case.owed(deadline_passed=False) == owed
    assert case.owed(deadline_passed=True) == (None if step in (Step.SIGNED, Step.REPORTED) else owed)


def test_a_family_that_changes_its_mind_after_signing_is_no_open_application():
    """The consent stands until it is withdrawn, but nobody applies against the family's last word."""
    case = case_at(Step.SIGNED)
    case.state_intent(Intent.UNDECIDED, NOON, Party.PUPIL)
    assert (case.may_apply, case.owed(deadline_passed=False), case.outcome) == (False, None, Outcome.INFORMED)


def finding(kind: DestinationKind, who: str) -> Finding:
    """Return a record of another destination."""
    return Finding(destination=kind, evidence=EvidenceGrade.CALL, version=3, by=[who])


def test_another_destination_is_a_good_end_and_an_unknown_one_ends_no_service():
    """B21, edge case 16."""
    case = case_at(Step.APPLIED)
    case.other = finding(DestinationKind.OTHER_PROVINCE, "stf_a")
    assert (case.step, case.outcome, case.owed(deadline_passed=False)) == (
        Step.OTHER,
        Outcome.OTHER_DESTINATION,
        None,
    )
    case.other = finding(DestinationKind.UNKNOWN, "stf_a")
    assert (case.step, case.outcome, case.owed(deadline_passed=False)) == (Step.APPLIED, None, "ADMISSIONS_OPEN")
    assert case.destination is None


def test_two_destinations_wait_for_a_person_and_the_decision_leaves_one():
    """INV-01: never two active destinations after it."""
    case = case_at(Step.REPORTED)
    case.found = finding(DestinationKind.GENERAL_HIGH, "stf_a")
    assert case.recorders == ["stf_a", "stf_receiver"]
    assert (case.outcome, case.owed(deadline_passed=True)) == (None, "DESTINATIONS_CONFLICTING")
    stays, goes = case.model_copy(deep=True), case
    stays.resolve(finding(DestinationKind.VOCATIONAL, "stf_b"))
    assert (stays.path, stays.other, stays.conflicting) == (Step.REPORTED, None, False)
    goes.resolve(finding(DestinationKind.GENERAL_HIGH, "stf_b"))
    assert (goes.step, goes.reporting, goes.destination) == (Step.OTHER, None, DestinationKind.GENERAL_HIGH)


def test_the_memory_of_acts_is_bounded():
    """A case must not grow for ever."""
    case = Case()
    for number in range(ACTS_REMEMBERED + 5):
        case.remember(f"act_{number:010d}")
    assert len(case.acts) == ACTS_REMEMBERED
    assert case.knows(f"act_{ACTS_REMEMBERED + 4:010d}")
    assert not case.knows("act_0000000000")
