"""Who may consent for a pupil, what happens when two of them disagree, and how both voices are kept (G9, G12, R-17)."""

from __future__ import annotations

import pytest
from filing_families import (
    COOLED,
    NOTICE,
    OTHER_RECEIVING,
    RECEIVING,
    REGISTER,
    SECOND_REGISTER,
    Filing,
    filing,
    prompt,
    registration,
)
from stream_samples import HEAD, OFFICER, A, when

from domain.consent import Standing, SuspensionReason
from domain.destination import Outcome, Step
from domain.family_act import Intent, Party

GRANDMOTHER = "gdn_grandmother1"
ROSTERED = "cgv_grandmother1"
FATHER = "gdn_father000001"
MOTHER = A.replace("stu_", "gdn_")
PAPER = {"student": A, "reason": "MEDIATION_RECORD", "evidence": "DOCUMENT"}
CLASS = {"2026-01": [A]}
DISAGREE = SuspensionReason.GUARDIANS_DISAGREE


def guardianship(stage: Filing, person: str, standing: str, evidence: str = "DOCUMENT") -> None:
    """Record what a person is to the pupil."""
    stage.do("record_guardianship", REGISTER, student=A, person=person, standing=standing, evidence=evidence)


def suspended(stage: Filing) -> list[str]:
    """Return why the pupil's consent is suspended."""
    return [reason.value for reason in stage.case(A).protocol.suspended]


# -- edge case 1: a caregiver ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("standing", ["CAREGIVER", "NO_CUSTODY"])
def test_who_is_no_guardian_may_be_told_and_consents_to_nothing(standing):
    """Edge case 1: neither wishes for the family, acknowledges, signs nor agrees to data; each attempt is on record."""
    stage = prompt().informed(A)
    guardianship(stage, GRANDMOTHER, standing)
    wish = ("intent", {"intent": "VOCATIONAL"})
    for act, said in (wish, ("acknowledge", {}), ("sign", {"destination": RECEIVING}), ("consent_data", {})):
        assert stage.refused(A, "guardian", act, person=GRANDMOTHER, **said) == "ACT_NOT_BY_GUARDIAN"
    stage.does(A, "guardian", "sign", destination=RECEIVING)


def test_a_caregiver_whom_the_roster_names_needs_no_record_to_be_refused():
    """Edge case 1: the reference says what she is, until a paper entrusts her; the record can take that back."""
    stage = prompt().informed(A)
    for act, said in (("acknowledge", {}), ("sign", {"destination": RECEIVING}), ("consent_data", {})):
        assert stage.refused(A, "guardian", act, person=ROSTERED, **said) == "ACT_NOT_BY_GUARDIAN"
    assert stage.case(A).protocol.acknowledged_by == {MOTHER: NOTICE}
    guardianship(stage, ROSTERED, "GUARDIAN")
    stage.does(A, "guardian", "sign", destination=RECEIVING, person=ROSTERED)
    assert stage.last("ConsentSigned")["actor"]["id"] == ROSTERED
    guardianship(stage, ROSTERED, "CAREGIVER")
    assert suspended(stage) == ["CUSTODY_DISPUTE"]
    stage.consistent()


@pytest.mark.parametrize("act", ["refuse", "withdraw"])
def test_a_caregivers_no_is_heard_and_never_ends_what_a_guardian_signed(act):
    """Edge cases 1 and 2: it suspends the case for mediation; the guardian's own signature stays."""
    stage = prompt().signed(A)
    stage.does(A, "guardian", act, person=ROSTERED)
    assert suspended(stage) == [DISAGREE]
    assert stage.case(A).protocol.signer == MOTHER


def test_a_written_entrustment_makes_a_caregiver_a_guardian_for_this_decision():
    """Edge case 1: recorded from a document by the register officer or the class head; word of mouth is not enough."""
    stage = prompt().informed(A)
    guardianship(stage, GRANDMOTHER, "CAREGIVER", "CALL")
    said = {"student": A, "person": GRANDMOTHER, "standing": "GUARDIAN"}
    assert stage.refusal("record_guardianship", HEAD, **said, evidence="CALL").code == "PROOF_NEEDED"
    assert stage.refusal("record_guardianship", OFFICER, **said, evidence="DOCUMENT").code == "ROLE_NOT_ALLOWED"
    stage.do("record_guardianship", HEAD, **said, evidence="DOCUMENT")
    assert stage.refusal("record_guardianship", HEAD, **said, evidence="DOCUMENT").code == "ALREADY_RECORDED"
    stage.does(A, "guardian", "sign", destination=RECEIVING, person=GRANDMOTHER)
    assert stage.last("ConsentSigned")["actor"]["id"] == GRANDMOTHER


def test_an_institution_signs_as_a_guardian():
    """Edge case 3: a village committee or the civil affairs office."""
    stage = prompt().informed(A)
    guardianship(stage, "gdn_committee01", "INSTITUTION")
    stage.does(A, "guardian", "sign", destination=RECEIVING, person="gdn_committee01")
    stage.does(A, "pupil", "sign", destination=RECEIVING)
    assert stage.case(A).path is Step.COOLING


def test_a_signature_of_somebody_who_turns_out_to_be_no_guardian_suspends_the_case():
    """The signature stands in the record; nothing rests on it until the dispute is settled."""
    stage = prompt().signed(A)
    guardianship(stage, MOTHER, "NO_CUSTODY")
    assert suspended(stage) == ["CUSTODY_DISPUTE"]
    assert "ConsentConfirmed" not in stage.to("2026-06-10 08:00").names()


@pytest.mark.parametrize("way", ["signed", "confirmed"])
def test_the_signature_of_no_guardian_is_ended_by_a_guardians_who_signs_in_that_place(way):
    """G9: no document lifts what nobody may have signed; the new signature has its own cooling-off, and is called."""
    stage = getattr(prompt(classes=CLASS), way)(A)
    guardianship(stage, MOTHER, "NO_CUSTODY")
    for officer in (REGISTER, SECOND_REGISTER):
        assert stage.refusal("lift_suspension", officer, **PAPER).code == "SIGNER_NO_GUARDIAN"
    assert stage.refused(A, "guardian", "sign", destination=RECEIVING) == "ALREADY_SIGNED"
    assert stage.refused(A, "guardian", "sign", destination=RECEIVING, person=FATHER) == "NOTICE_NOT_ACKNOWLEDGED"
    stage.does(A, "guardian", "acknowledge", person=FATHER)
    signed = stage.now
    stage.does(A, "guardian", "sign", destination=RECEIVING, person=FATHER)
    assert (stage.case(A).protocol.signer, suspended(stage)) == (FATHER, ["CUSTODY_DISPUTE"])
    assert stage.case(A).path is Step.COOLING
    assert stage.recorded("lift_suspension", REGISTER, **PAPER) == "SELF_APPROVAL"
    stage.do("lift_suspension", SECOND_REGISTER, **PAPER)
    stage.to(signed + COOLED)
    assert stage.case(A).path is Step.CONFIRMED
    assert stage.names().count("CoolingStarted") == 2
    stage.consistent()


def test_a_pupils_withdrawal_ends_the_signature_of_no_guardian_too():
    """Nothing is signed then, so a document may end the dispute, and a guardian signs from the start."""
    stage = prompt(classes=CLASS).signed(A)
    guardianship(stage, MOTHER, "NO_CUSTODY")
    stage.does(A, "pupil", "withdraw")
    stage.do("lift_suspension", SECOND_REGISTER, **PAPER)
    assert suspended(stage) == []


def test_a_signer_without_standing_is_not_counted_and_the_place_is_kept():
    """The pupil who is admitted goes on to school; what nobody may have signed earns nobody anything."""
    stage = filing(classes=CLASS).admitted(A)
    guardianship(stage, MOTHER, "NO_CUSTODY")
    stage.do("lift_suspension", SECOND_REGISTER, **PAPER)
    stage.to("2026-09-01 18:00")
    stage.rows("record_reporting", REGISTER, {"student": A, "school": RECEIVING, "on": "2026-09-01"})
    stage.to("2026-10-12 10:00")
    stage.rows("record_registrations", REGISTER, registration(A))
    assert (stage.case(A).path, stage.state.countable(A, "2026-01")) == (Step.REGISTERED, False)
    guardianship(stage, MOTHER, "GUARDIAN")
    assert stage.state.countable(A, "2026-01")
    stage.consistent()


@pytest.mark.parametrize("way", ["informed", "signed"])
def test_who_has_acknowledged_or_signed_loses_the_standing_by_the_register_officer_and_a_paper_alone(way):
    """Staff near the family cannot turn the own no of whoever signed into somebody else's objection (INV-06)."""
    stage = getattr(prompt(classes=CLASS), way)(A)
    said = {"student": A, "person": MOTHER, "standing": "CAREGIVER"}
    for who, evidence in ((HEAD, "HEARSAY"), (REGISTER, "CALL")):
        assert stage.refusal("record_guardianship", who, **said, evidence=evidence).code == "PROOF_NEEDED"
    assert stage.refusal("record_guardianship", HEAD, **said, evidence="DOCUMENT").code == "STANDING_BY_REGISTER"
    guardianship(stage, MOTHER, "CAREGIVER")
    upgrade = {**said, "standing": "GUARDIAN", "evidence": "DOCUMENT"}
    assert stage.refusal("record_guardianship", HEAD, **upgrade).code == "STANDING_BY_REGISTER"


@pytest.mark.parametrize("standing", ["CAREGIVER", "NO_CUSTODY"])
@pytest.mark.parametrize("act", ["withdraw", "refuse"])
def test_the_signers_own_no_withdraws_whatever_is_on_record_of_the_signer(standing, act):
    """INV-06: the signature is the signer's, so the no to it is too; nobody can lift it."""
    stage = prompt(classes=CLASS).signed(A)
    guardianship(stage, MOTHER, standing)
    stage.does(A, "guardian", act)
    assert "ConsentWithdrawn" in stage.names()
    assert "ConsentObjected" not in stage.names()
    assert stage.case(A).consents == {}
    stage.consistent()


# -- edge case 2: two guardians -------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["refuse", "withdraw"])
def test_one_guardian_signs_and_the_other_objects(act):
    """Edge case 2: a hold for mediation, no confirmation; nobody's signature is cancelled by another guardian."""
    stage = prompt(classes=CLASS).signed(A)
    stage.does(A, "guardian", act, person=FATHER)
    assert stage.names()[-2:] == ["ConsentObjected", "ConsentSuspended"]
    assert stage.ledger[-2]["actor"]["id"] == FATHER
    assert (suspended(stage), stage.case(A).signed_by_both, stage.owed()) == ([DISAGREE], True, {})
    stage.to("2026-06-10 08:00")
    assert (stage.case(A).path, "ConsentConfirmed" in stage.names()) == (Step.COOLING, False)
    assert stage.refusal("lift_suspension", REGISTER, student=A, evidence="DOCUMENT").code == "REASON_REQUIRED"
    lift = {"student": A, "reason": "MEDIATION_RECORD"}
    assert stage.refusal("lift_suspension", REGISTER, **lift, evidence="CALL").code == "PROOF_NEEDED"
    assert stage.refusal("lift_suspension", REGISTER, **lift, evidence="REGISTER").code == "PROOF_NEEDED"
    assert stage.refusal("lift_suspension", HEAD, **lift, evidence="DOCUMENT").code == "ROLE_NOT_ALLOWED"
    stage.do("lift_suspension", REGISTER, **lift, evidence="DOCUMENT")
    stage.to("2026-06-10 08:01")
    assert stage.moments("ConsentConfirmed") == ["2026-06-10 08:00"]
    assert stage.refusal("lift_suspension", REGISTER, **lift, evidence="DOCUMENT").code == "NOT_SUSPENDED"
    stage.consistent()


def test_the_objector_alone_takes_the_objection_back():
    """By the own act; the other guardian's word does not answer it."""
    stage = prompt(classes=CLASS).signed(A)
    stage.does(A, "guardian", "withdraw", person=FATHER)
    assert stage.refused(A, "guardian", "keep") == "NOTHING_TO_KEEP"
    stage.does(A, "guardian", "keep", person=FATHER)
    assert [e["type"] for e in stage.ledger[-2:]] == ["ConsentKept", "SuspensionLifted"]
    assert suspended(stage) == []
    assert stage.to("2026-05-20 08:00").moments("ConsentConfirmed") == ["2026-05-19 11:59"]


def test_a_new_intent_leaves_the_objection_that_holds_a_case():
    """To say where one wants to go is not to say that the consent stands; the objector keeps it, and it is over."""
    stage = prompt(classes=CLASS).signed(A)
    stage.does(A, "guardian", "withdraw", person=FATHER)
    stage.does(A, "guardian", "intent", intent="VOCATIONAL", person=FATHER)
    assert (suspended(stage), stage.case(A).protocol.objections) == ([DISAGREE], [FATHER])
    stage.does(A, "guardian", "keep", person=FATHER)
    assert suspended(stage) == []
    stage.consistent()


def test_who_recorded_a_guardian_does_not_lift_the_disagreement():
    """Four eyes, also for whoever was stood in for (INV-21)."""
    stage = prompt(classes=CLASS).signed(A)
    guardianship(stage, FATHER, "GUARDIAN")
    stage.does(A, "guardian", "withdraw", person=FATHER)
    assert stage.recorded("lift_suspension", REGISTER, **PAPER) == "SELF_APPROVAL"
    stand_in = SECOND_REGISTER.model_copy(update={"on_behalf_of": REGISTER.id})
    assert stage.recorded("lift_suspension", stand_in, **PAPER) == "SELF_APPROVAL"
    stage.do("lift_suspension", SECOND_REGISTER, **PAPER)
    assert suspended(stage) == []


def test_an_objection_before_the_first_signature_holds_the_other_guardians():
    """One has said no; as long as that stands the other's yes goes nowhere."""
    stage = prompt(classes=CLASS).informed(A)
    stage.does(A, "guardian", "refuse", person=FATHER)
    assert stage.case(A).outcome is Outcome.DECLINED
    stage.does(A, "guardian", "intent", intent="VOCATIONAL")
    stage.does(A, "guardian", "sign", destination=RECEIVING)
    assert suspended(stage) == [DISAGREE]
    assert stage.refused(A, "pupil", "sign", destination=RECEIVING) == "CONSENT_SUSPENDED"
    stage.does(A, "guardian", "keep", person=FATHER)
    stage.does(A, "pupil", "sign", destination=RECEIVING)
    assert stage.case(A).path is Step.COOLING
    stage.consistent()


def test_whoever_signed_and_the_pupil_withdraw_and_objectors_are_not_needed_for_it():
    """The signer's own no and the pupil's end the consent, and with it the disagreement."""
    for party in ("pupil", "guardian"):
        stage = prompt(classes=CLASS).signed(A)
        stage.does(A, "guardian", "withdraw", person=FATHER)
        stage.does(A, party, "withdraw")
        assert (suspended(stage), stage.case(A).path) == ([], Step.INTENT)


def test_a_parent_without_custody_is_heard_too():
    """Edge case 2: the objection suspends; a document ends it."""
    stage = prompt(classes=CLASS)
    guardianship(stage, FATHER, "NO_CUSTODY")
    stage.signed(A).does(A, "guardian", "withdraw", person=FATHER)
    assert suspended(stage) == [DISAGREE]
    assert stage.case(A).protocol.guardians == {FATHER: Standing.NO_CUSTODY}


# -- edge case 4: pupil and guardian --------------------------------------------------------------------------------


@pytest.mark.parametrize(("yes", "no"), [("pupil", "guardian"), ("guardian", "pupil")])
def test_where_one_of_the_two_says_no_nothing_is_signed(yes, no):
    """Edge case 4, both ways."""
    stage = prompt(classes=CLASS).informed(A)
    stage.does(A, yes, "sign", destination=RECEIVING)
    stage.does(A, no, "refuse")
    assert (stage.case(A).consents, stage.case(A).outcome, stage.owed()) == ({}, Outcome.DECLINED, {})
    assert "CoolingStarted" not in stage.to("2026-07-01 08:00").names()


def test_both_voices_are_kept_apart():
    """G12: what the pupil said is not overwritten by what the guardian says."""
    stage = filing().informed(A)
    stage.does(A, "guardian", "intent", intent="GENERAL_HIGH")
    case = stage.case(A)
    assert [case.protocol.intents.get(party) for party in Party] == [Intent.VOCATIONAL, Intent.GENERAL_HIGH]
    registered = filing().registered(A).case(A)
    assert registered.protocol.intents[Party.PUPIL] is Intent.VOCATIONAL


# -- under 14 -------------------------------------------------------------------------------------------------------


def test_under_fourteen_a_guardian_agrees_to_the_data_before_anybody_signs():
    """R-17, INV-24: both signatures wait for it; a pupil cannot give it."""
    stage = prompt(content={"under_14": [A]}).informed(A)
    for party in ("pupil", "guardian"):
        assert stage.refused(A, party, "sign", destination=RECEIVING) == "DATA_CONSENT_MISSING"
    assert stage.refused(A, "pupil", "consent_data") == "ACT_NOT_FOR_PARTY"
    before = stage.now
    stage.to("2026-05-12 09:00")
    stage.does(A, "guardian", "consent_data")
    assert stage.last("DataConsentGiven")["actor"]["role"] == "guardian"
    assert stage.refused(A, "guardian", "sign", destination=RECEIVING, at=before) == "DATA_CONSENT_MISSING"
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=RECEIVING)
    assert stage.case(A).path is Step.COOLING
    stage.consistent()


# -- an office suspends ---------------------------------------------------------------------------------------------


def test_an_office_suspends_for_a_known_reason_and_signs_nothing():
    """A court's order, a dispute over custody, a stranger with the code; the school suspends nothing."""
    stage = prompt(classes=CLASS).signed(A)
    assert stage.refusal("suspend_consent", REGISTER, student=A, reason="TOO_SLOW").code == "SUSPENSION_REASON_UNKNOWN"
    assert stage.refusal("suspend_consent", HEAD, student=A, reason="COURT_ORDER").code == "ROLE_NOT_ALLOWED"
    stage.do("suspend_consent", REGISTER, student=A, reason="COURT_ORDER")
    assert stage.refusal("suspend_consent", REGISTER, student=A, reason="COURT_ORDER").code == "CONSENT_SUSPENDED"
    stage.do("suspend_consent", SECOND_REGISTER, student=A, reason="IMPOSTOR_SUSPECTED")
    assert stage.refused(A, "guardian", "keep") == "NOTHING_TO_KEEP"
    lift = {"student": A, "reason": "COURT_DECIDED", "evidence": "DOCUMENT"}
    stage.do("lift_suspension", SECOND_REGISTER, **lift)
    assert suspended(stage) == ["IMPOSTOR_SUSPECTED"], "each ends what the other began"
    assert stage.recorded("lift_suspension", SECOND_REGISTER, **lift) == "SELF_APPROVAL"
    stage.do("lift_suspension", REGISTER, **lift)
    assert suspended(stage) == []


@pytest.mark.parametrize("way", ["confirmed", "applied", "admitted", "reported"])
def test_while_a_consent_is_suspended_nothing_is_recorded_onward(way):
    """No application, admission, reporting or registration; all of them after it."""
    stage = getattr(filing(classes=CLASS), way)(A)
    stage.do("suspend_consent", REGISTER, student=A, reason="CUSTODY_DISPUTE")
    row = {"student": A, "school": RECEIVING}
    kind, more = {
        "confirmed": ("record_applications", {"reference": "APP-9"}),
        "applied": ("record_admissions", {"result": "admitted"}),
        "admitted": ("record_reporting", {"on": "2026-09-01"}),
        "reported": ("record_registrations", {"register_ref": "REG-9", "on": "2026-09-01"}),
    }[way]
    stage.to(max(stage.now, when("2026-09-10 08:00")))
    assert stage.bad_rows(kind, REGISTER, {**row, **more}) == ["CONSENT_SUSPENDED"]
    assert stage.owed() == {}
    stage.to("2026-10-01 08:00")
    assert "NoShow" not in stage.names()
    stage.do("lift_suspension", SECOND_REGISTER, student=A, reason="SETTLED", evidence="DOCUMENT")
    stage.rows(kind, REGISTER, {**row, **more})
    stage.consistent()


def test_another_school_is_no_way_around_a_suspension():
    """Who is suspended signs nowhere; the signature of before still names the one school."""
    stage = prompt(classes=CLASS).informed(A)
    stage.do("suspend_consent", REGISTER, student=A, reason="CUSTODY_DISPUTE")
    assert stage.refused(A, "guardian", "sign", destination=OTHER_RECEIVING) == "CONSENT_SUSPENDED"
