"""In which order a family's words count, however they arrive; and what outlasts a departure from the register."""

from __future__ import annotations

from datetime import timedelta

import pytest
from filing_families import (
    COOLED,
    NOTICE,
    RECEIVER,
    RECEIVING,
    REGISTER,
    Families,
    contact,
    filing,
    prompt,
    registration,
)
from stream_samples import HEAD, OTHER_SCHOOL, PRINCIPAL, A, B, when

from domain.destination import ACTS_REMEMBERED, DestinationKind, Outcome, Step
from domain.family_act import Intent

# -- each act of a batch is asked alike -----------------------------------------------------------------------------


def forged_consent(stage, student):
    """Return a whole consent that nobody of the family gave, with a key of the forger's own."""
    forger = Families(b"\x09" * 32)
    said = [("pupil", "intent", {"intent": "VOCATIONAL"}), ("guardian", "acknowledge", {})]
    said += [(party, "sign", {"destination": RECEIVING}) for party in ("pupil", "guardian")]
    return [
        forger.act(student, party, act, stage.now, act_id=f"act_forged{number:06d}", **more)
        for number, (party, act, more) in enumerate(said)
    ]


@pytest.mark.parametrize("student", [A, B])
@pytest.mark.parametrize("first", [True, False])
def test_forged_acts_gain_nothing_from_a_genuine_one_in_the_same_batch(student, first):
    """INV-04: key, signature, campaign and school of every act, whoever else's stand beside it."""
    stage = filing()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A, B])
    genuine, forged = stage.act(A, "pupil", "intent", intent="UNDECIDED"), forged_consent(stage, student)
    foreign = stage.act(student, "guardian", "withdraw", school=OTHER_SCHOOL)
    altered = {**stage.act(student, "guardian", "intent", intent="OTHER"), "intent": "VOCATIONAL"}
    others = [*forged, foreign, altered]
    stage.deliver(*([genuine, *others] if first else [*others, genuine]))
    told = [envelope["data"]["code"] for envelope in stage.ledger if envelope["type"] == "FamilyActRefused"]
    assert told == ["ACT_KEY_UNKNOWN"] * 4 + ["ACT_FOREIGN", "ACT_NOT_SIGNED"]
    assert stage.names().count("IntentStated") == 1
    assert not {"NoticeAcknowledged", "ConsentSigned", "ConsentWithdrawn"} & set(stage.names())
    assert stage.case(A).intent is Intent.UNDECIDED
    stage.consistent()


# -- the later word counts --------------------------------------------------------------------------------------------


def test_an_earlier_intent_that_arrives_late_does_not_override_a_later_one():
    """By the time at which the family said it; both stand in the record."""
    stage = filing().signed(A).to("2026-05-13 10:00")
    early = stage.act(A, "pupil", "intent", intent="VOCATIONAL")
    stage.to("2026-05-14 10:00")
    stage.does(A, "guardian", "intent", intent="GENERAL_HIGH")
    assert stage.deliver(early).accepted
    assert (stage.case(A).intent, stage.case(A).may_apply) == (Intent.GENERAL_HIGH, False)
    stage.consistent()


@pytest.mark.parametrize("intent", ["GENERAL_HIGH", "UNDECIDED", "OTHER"])
def test_after_a_refusal_only_a_wish_for_a_vocational_school_takes_it_back(intent):
    """Who says no and then where else the pupil goes has still said no."""
    stage = filing().informed(A)
    stage.does(A, "guardian", "refuse")
    stage.does(A, "pupil", "intent", intent=intent)
    assert (stage.case(A).outcome, stage.case(A).declined) == (Outcome.DECLINED, True)
    stage.does(A, "pupil", "intent", intent="VOCATIONAL")
    assert stage.case(A).declined is False


@pytest.mark.parametrize(("later", "declined"), [("VOCATIONAL", False), ("GENERAL_HIGH", True)])
def test_a_refusal_that_arrives_late_leaves_a_later_intent_standing(later, declined):
    """The same as if both had come in their order."""
    stage = filing().informed(A).to("2026-05-13 10:00")
    no = stage.act(A, "guardian", "refuse")
    stage.to("2026-05-13 11:00")
    stage.does(A, "pupil", "intent", intent=later)
    assert stage.deliver(no).accepted
    assert (stage.case(A).intent, stage.case(A).declined) == (Intent(later), declined)
    stage.consistent()


@pytest.mark.parametrize(("kind", "code"), [("refuse", "ACT_BEFORE_WITHDRAWAL"), ("withdraw", "ACT_ALREADY_TAKEN")])
def test_an_old_no_does_not_undo_a_consent_that_is_newer_than_a_withdrawal(kind, code):
    """It was overtaken by the withdrawal, and the family has signed since."""
    stage = prompt().signed(A)
    old = stage.act(A, "pupil", kind)
    stage.to("2026-05-12 10:00")
    stage.does(A, "guardian", "withdraw")
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=RECEIVING)
    assert stage.deliver(old).refused["code"] == code
    assert stage.case(A).signed_by_both


def test_a_withdrawal_that_the_case_has_forgotten_is_not_taken_again():
    """A case remembers so many acts; time tells the rest."""
    stage = prompt().informed(A)
    old = stage.act(A, "guardian", "withdraw")
    assert stage.deliver(old).accepted
    stage.to("2026-05-12 10:00")
    for _ in range(ACTS_REMEMBERED + 1):
        stage.does(A, "pupil", "intent", intent="VOCATIONAL")
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=RECEIVING)
    assert stage.deliver(old).refused["code"] == "ACT_ALREADY_TAKEN"
    assert stage.case(A).signed_by_both


def test_a_refusal_made_before_the_verification_cancels_the_registration():
    """Edge case 21: it goes the way of a withdrawal made in time; one made after is too late."""
    stage = filing().reported(A).to("2026-10-12 09:00")
    no = stage.act(A, "guardian", "refuse")
    stage.to("2026-10-12 10:00")
    stage.rows("record_registrations", REGISTER, registration(A))
    assert stage.refused(A, "guardian", "refuse") == "ALREADY_REGISTERED"
    assert stage.deliver(no).accepted
    assert stage.names()[-3:] == ["ConsentWithdrawn", "RegistrationCancelled", "ConsentRefused"]
    assert (stage.case(A).outcome, stage.case(A).registration) == (Outcome.DECLINED, None)
    stage.consistent()


@pytest.mark.parametrize(("act", "said"), [("intent", {"intent": "OTHER"}), ("acknowledge", {}), ("refuse", {})])
def test_no_act_but_a_withdrawal_is_older_than_the_notice(act, said):
    """What a code was bound to had not been offered then."""
    stage = filing()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    yesterday = stage.now - timedelta(days=1)
    assert stage.refused(A, "guardian", act, at=yesterday, **said) == "ACT_BEFORE_NOTICE"
    stage.does(A, "guardian", "withdraw", at=yesterday)


def test_no_signature_is_older_than_the_acknowledgement():
    """INV-02: first the guardian reads, then anybody signs; of two acknowledgements the earlier counts."""
    stage = prompt()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    stage.does(A, "pupil", "intent", intent="VOCATIONAL")
    read = when("2026-05-12 10:00")
    stage.to("2026-05-12 10:50")
    stage.does(A, "guardian", "acknowledge")
    signed = {"destination": RECEIVING, "at": read + timedelta(minutes=1)}
    assert stage.refused(A, "pupil", "sign", **signed) == "SIGNED_BEFORE_ACKNOWLEDGED"
    stage.does(A, "guardian", "acknowledge", at=read)
    stage.does(A, "pupil", "sign", **signed)
    stage.consistent()


# -- signed, and not applied ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["no_answer", "reached", "refused"])
def test_a_family_that_signs_and_does_not_apply_is_asked_and_then_left_in_peace(outcome):
    """Never a missing yes: what is owed is the asking. An application is taken still."""
    stage = prompt(classes={"2026-01": [A]}).signed(A)
    assert stage.owed() == {}  # the cooling-off is the family's own time
    stage.to("2026-05-19 13:00")
    assert stage.owed() == {"APPLICATIONS_OPEN": 1}
    stage.to("2026-05-22 20:00")
    days = ["2026-05-20 09:00", "2026-05-21 09:00", "2026-05-22 09:00"]
    rows = [contact(A, day, outcome) for day in (days if outcome == "no_answer" else days[:1])]
    stage.rows("record_contacts", HEAD, *rows)
    final = Outcome.NO_ANSWER if outcome == "no_answer" else Outcome.INFORMED
    assert (stage.owed(), stage.case(A).outcome, stage.case(A).path) == ({}, final, Step.CONFIRMED)
    assert stage.bad_rows("record_contacts", HEAD, contact(A, days[2])) == ["FAMILY_ALREADY_REACHED"]
    stage.rows("record_applications", HEAD, {"student": A, "school": RECEIVING, "reference": "APP-1"})
    assert (stage.owed(), stage.case(A).outcome) == ({"ADMISSIONS_OPEN": 1}, None)
    stage.consistent()


def test_a_contact_about_the_application_comes_after_the_signatures():
    """What was tried before the family signed was about the notice."""
    stage = prompt(classes={"2026-01": [A]})
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    stage.to("2026-05-13 09:00")
    tried = [contact(A, "2026-05-11 10:00"), contact(A, "2026-05-12 10:00")]
    stage.rows("record_contacts", HEAD, *tried)
    _signs(stage)
    assert stage.case(A).attempts == []
    stage.to(stage.now + COOLED)
    assert stage.bad_rows("record_contacts", HEAD, tried[1]) == ["CONTACT_BEFORE_SIGNATURE"]
    stage.rows("record_contacts", HEAD, contact(A, "2026-05-13 09:00", "reached"))
    assert stage.owed() == {}


def _signs(stage):
    stage.does(A, "pupil", "intent", intent="VOCATIONAL")
    stage.does(A, "guardian", "acknowledge")
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=RECEIVING)


def test_after_the_registration_deadline_nobody_is_asked_for_an_application():
    """Neither a blocker nor an escalation names it, and the stage can be signed off."""
    stage = filing(classes={"2026-01": [A]}).signed(A).to("2027-03-01 08:00")
    assert stage.owed() == {}
    late = [envelope for envelope in stage.ledger if envelope["type"] == "StageEscalated"]
    assert late
    assert all(envelope["data"]["missing"] == [] for envelope in late)
    assert stage.decider.progress(stage.state)["2026-01"] == {"done": 1, "of": 1}
    stage.do("complete", PRINCIPAL)


# -- leaving and coming back ------------------------------------------------------------------------------------------


def leave_and_return(stage, student=A, on="2026-05-12"):
    """Let a pupil leave the register and come back."""
    stage.hear("student_left", student=student, exit="transfer")
    stage.hear("student_joined", student=student, class_id="2026-01", on=on)
    return stage


def test_a_return_brings_back_what_the_family_has_said():
    """A refusal, a withdrawal and their acts outlast a departure; nothing old is taken a second time."""
    stage = filing()
    acts = [
        stage.act(A, "pupil", "intent", intent="VOCATIONAL"),
        stage.act(A, "guardian", "acknowledge"),
        *(stage.act(A, party, "sign", destination=RECEIVING) for party in ("pupil", "guardian")),
    ]
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    assert stage.deliver(*acts).accepted
    stage.to("2026-05-12 10:00")
    stage.does(A, "guardian", "withdraw")
    stage.does(A, "guardian", "refuse")
    leave_and_return(stage)
    assert (stage.case(A).declined, stage.case(A).void_before) == (True, when("2026-05-12 10:00"))
    assert stage.state.owed(A) == "NOTICES_NOT_OFFERED"
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    before = len(stage.ledger)
    stage.deliver(*acts)
    assert {envelope["type"] for envelope in stage.ledger[before:]} == {"FamilyActRefused"}
    assert (stage.case(A).declined, stage.case(A).may_apply) == (True, False)
    stage.restart()
    stage.consistent()


def test_a_consent_outlasts_a_departure_and_the_notice_is_offered_anew():
    """An exit recorded by mistake costs the family nothing."""
    stage = leave_and_return(prompt().confirmed(A), on="2026-05-20")
    assert (stage.case(A).path, stage.state.owed(A)) == (Step.CONFIRMED, "NOTICES_NOT_OFFERED")
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    assert stage.state.owed(A) == "APPLICATIONS_OPEN"
    stage.rows("record_applications", HEAD, {"student": A, "school": RECEIVING, "reference": "APP-1"})
    stage.consistent()


def test_a_registration_outlasts_a_departure_and_retention_hears_of_it_again():
    """It stays as it was; its reference is nobody else's meanwhile, and no withdrawal is possible after it."""
    stage = filing().reported(A, B).to("2026-10-12 10:00")
    stage.rows("record_registrations", REGISTER, registration(A))
    stage.hear("student_left", student=A, exit="transfer")
    taken = registration(B, register_ref=registration(A)["register_ref"])
    assert stage.bad_rows("record_registrations", REGISTER, taken) == ["REFERENCE_TWICE"]
    stage.machine.carry.outgoing.clear()
    stage.hear("student_joined", student=A, class_id="2026-01", on="2026-10-12")
    assert (stage.case(A).path, stage.state.owed(A)) == (Step.REGISTERED, None)
    sent = [(item.message.kind, item.message.data) for item in stage.machine.carry.outgoing]
    assert sent == [("registered", {"rows": [{"student": A, "school": RECEIVING, "on": "2026-10-10"}]})]
    assert stage.refused(A, "guardian", "withdraw") == "WITHDRAWAL_AFTER_REGISTRATION"
    stage.consistent()


def test_an_admitted_pupil_who_comes_back_in_autumn_has_the_days_of_a_no_show_anew():
    """Nobody is a no-show for days at which nobody expected the pupil."""
    stage = filing().admitted(A)
    stage.hear("student_left", student=A, exit="transfer")
    stage.to("2026-10-01 09:00")
    stage.hear("student_joined", student=A, class_id="2026-01", on="2026-10-01")
    assert stage.to("2026-10-15 23:59").moments("NoShow") == []
    assert stage.to("2026-10-16 00:00").moments("NoShow") == ["2026-10-16 00:00"]
    stage.consistent()


def test_who_did_not_answer_before_leaving_is_tried_again_after_the_return():
    """The notice is new to the family at the school that it is now at."""
    stage = filing(classes={"2026-01": [A, B]})
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    stage.to("2026-05-14 20:00")
    stage.rows("record_contacts", HEAD, *(contact(A, f"2026-05-{day} 09:00") for day in (12, 13, 14)))
    assert stage.case(A).outcome is Outcome.NO_ANSWER
    leave_and_return(stage, on="2026-05-14")
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    assert stage.state.owed(A) == "FAMILIES_NOT_REACHED"


# -- conflicts and consent --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["withdraw", "refuse"])
@pytest.mark.parametrize("first", ["reporting", "finding"])
def test_a_withdrawal_leaves_no_conflict_with_a_reporting_that_it_cancels(first, act):
    """Whichever came first, the other destination stands alone, and nobody is asked to decide."""
    stage = filing().admitted(A).to("2026-09-02 10:00")
    records = {
        "reporting": ("record_reporting", RECEIVER, {"student": A, "school": RECEIVING, "on": "2026-09-01"}),
        "finding": ("record_destinations", HEAD, {"student": A, "destination": "GENERAL_HIGH", "evidence": "CALL"}),
    }
    for name in (first, *(other for other in records if other != first)):
        kind, who, row = records[name]
        stage.rows(kind, who, row)
    assert stage.case(A).conflicting
    stage.does(A, "guardian", act)
    assert (stage.case(A).conflicting, stage.case(A).reporting) == (False, None)
    assert (stage.case(A).destination, stage.case(A).outcome) == (
        DestinationKind.GENERAL_HIGH,
        Outcome.OTHER_DESTINATION,
    )
    assert "DESTINATIONS_CONFLICTING" not in stage.owed()
    stage.consistent()
