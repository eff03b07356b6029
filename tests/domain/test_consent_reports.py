"""A family that cannot act by its code gets out all the same: reports, the bureau's calls, the family's answer (§9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from filing_families import RECEIVING, REGISTER, Filing, filing, prompt
from stream_samples import EVERYBODY, GRADE, HEAD, OFFICER, PRINCIPAL, SCHOOL, A, B, person, when

from domain.actors import ANONYMOUS, Actor, Role
from domain.destination import Outcome, Step
from domain.notices import notices_for
from domain.time import stamp

CLASS = {"2026-01": [A]}
DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")


def call(stage: Filing, outcome: str, purpose: str = "withdrawal_report", student: str = A) -> dict[str, str]:
    """Return a row of a call that the bureau makes now."""
    return {"student": student, "purpose": purpose, "outcome": outcome, "at": stamp(stage.now)}


def reported(way: str = "signed", who: Actor = HEAD) -> Filing:
    """Return a stage in which somebody has reported that the family wants out."""
    stage = getattr(prompt(classes=CLASS), way)(A)
    stage.do("report_withdrawal", who, student=A, channel="call")
    return stage


@pytest.mark.parametrize("who", [*EVERYBODY, ANONYMOUS], ids=lambda who: who.role.value)
def test_anybody_may_report_a_withdrawal_and_it_suspends_at_once(who):
    """Nobody has to be asked; nothing is withdrawn by it (INV-04)."""
    stage = prompt(classes=CLASS).signed(A)
    raw = stage.command("report_withdrawal", who, student=A, channel="call")
    if who.role in (Role.GATEWAY, Role.SYSTEM):
        return
    assert stage.submit(raw).accepted
    assert stage.last("WithdrawalReported")["data"] == {"student": A, "channel": "call", "callback_due": "2026-05-12"}
    assert "ConsentWithdrawn" not in stage.names()
    assert (stage.case(A).path, stage.owed()) == (Step.COOLING, {"CALLBACKS_OPEN": 1})
    assert "ConsentConfirmed" not in stage.to("2026-06-10 08:00").names()


def test_a_report_is_made_once_and_needs_something_to_withdraw():
    """A second one would only ask the family twice."""
    stage = reported()
    assert stage.refusal("report_withdrawal", GRADE, student=A, channel="call").code == "WITHDRAWAL_ALREADY_REPORTED"
    fresh = filing().informed(A)
    assert fresh.refusal("report_withdrawal", HEAD, student=A, channel="call").code == "NOTHING_TO_WITHDRAW"
    assert fresh.refusal("report_withdrawal", HEAD, student="stu_999999", channel="call").code == "STUDENT_UNKNOWN"


@pytest.mark.parametrize("state", ["pause", "stop", "completed"])
def test_a_report_and_its_answer_go_through_whatever_holds_the_stage(state):
    """A family's way out is held by nothing, nor is the bureau's call."""
    stage = prompt(classes=CLASS).signed(A)
    if state == "completed":
        stage.do("complete", PRINCIPAL)
    else:
        stage.hear(state, scope="school", reason="SNOW")
    stage.do("report_withdrawal", HEAD, student=A, channel="in_person")
    stage.rows("record_callbacks", OFFICER, call(stage, "wants_to_withdraw"))
    stage.does(A, "guardian", "withdraw")
    assert (stage.case(A).path, stage.case(A).protocol.report) == (Step.INTENT, None)


def test_the_family_confirms_by_withdrawing_or_says_that_its_consent_stands():
    """A call of the bureau neither signs nor withdraws; the case waits for the family's own act."""
    stage = reported()
    stage.rows("record_callbacks", OFFICER, call(stage, "confirmed"))
    assert (stage.case(A).path, bool(stage.case(A).protocol.suspended)) == (Step.COOLING, True)
    aunt = {"student": A, "person": "gdn_aunt000001", "standing": "CAREGIVER", "evidence": "DOCUMENT"}
    stage.do("record_guardianship", HEAD, **aunt)
    assert stage.refused(A, "guardian", "keep", person="gdn_aunt000001") == "ACT_NOT_BY_GUARDIAN"
    assert stage.owed() == {}
    lift = {"student": A, "reason": "SEEN", "evidence": "DOCUMENT"}
    assert stage.refusal("lift_suspension", REGISTER, **lift).code == "FAMILY_ANSWERS_ITSELF"
    stage.does(A, "guardian", "keep")
    assert stage.case(A).protocol.suspended == {}
    assert stage.to("2026-05-20 08:00").moments("ConsentConfirmed") == ["2026-05-19 11:59"]
    stage.consistent()


def test_a_report_of_the_pupil_is_taken_back_by_the_pupil_alone():
    """A guardian's "it stands" does not silence the child."""
    pupil = Actor(id=A, role=Role.PUPIL, organisation=SCHOOL, authenticated_by="asserted")
    stage = reported(who=pupil)
    assert stage.refused(A, "guardian", "keep") == "ACT_NOT_BY_REPORTER"
    stage.does(A, "pupil", "keep")
    assert stage.case(A).protocol.suspended == {}


@pytest.mark.parametrize("standing", [None, "CAREGIVER"])
def test_a_report_of_somebody_who_may_not_consent_is_an_outsiders(standing):
    """Whoever holds some guardian's code, and is not of this pupil's family, does not lock the family's answer."""
    stranger = Actor(id="gdn_stranger0001", role=Role.GUARDIAN, organisation=SCHOOL, authenticated_by="asserted")
    stage = prompt(classes=CLASS).signed(A)
    if standing is not None:
        record = {"student": A, "person": stranger.id, "standing": standing, "evidence": "DOCUMENT"}
        stage.do("record_guardianship", HEAD, **record)
    stage.do("report_withdrawal", stranger, student=A, channel="call")
    stage.does(A, "guardian", "keep")
    assert stage.case(A).protocol.suspended == {}


@pytest.mark.parametrize("known", ["signer", "acknowledger", "recorded"])
def test_a_report_of_a_guardian_of_the_pupil_is_that_guardians_own(known):
    """By the own signature, the own acknowledgement or the record."""
    stage = prompt(classes=CLASS).signed(A)
    other = "gdn_father000001"
    if known == "acknowledger":
        stage.does(A, "guardian", "acknowledge", person=other)
    if known == "recorded":
        record = {"student": A, "person": other, "standing": "GUARDIAN", "evidence": "DOCUMENT"}
        stage.do("record_guardianship", HEAD, **record)
    own = A.replace("stu_", "gdn_") if known == "signer" else other
    who = Actor(id=own, role=Role.GUARDIAN, organisation=SCHOOL, authenticated_by="asserted")
    stage.do("report_withdrawal", who, student=A, channel="call")
    assert stage.refused(A, "pupil", "keep") == "ACT_NOT_BY_REPORTER"
    stage.does(A, "guardian", "keep", person=own)
    assert stage.case(A).protocol.suspended == {}


def denied_after_registration() -> Filing:
    """Return a stage with a registered pupil whose family tells the bureau that it never signed."""
    stage = filing(classes=CLASS).registered(A)
    assert stage.state.countable(A, "2026-01")
    stage.rows("record_callbacks", OFFICER, call(stage, "denies", "sample"))
    assert stage.last("ConsentSuspended")["data"] == {"student": A, "reason": "SIGNATURE_DENIED"}
    assert (stage.case(A).path, stage.case(A).outcome) == (Step.REGISTERED, Outcome.REGISTERED)
    assert not stage.state.countable(A, "2026-01")
    lift = {"student": A, "reason": "SEEN", "evidence": "DOCUMENT"}
    assert stage.refusal("lift_suspension", REGISTER, **lift).code == "FAMILY_ANSWERS_ITSELF"
    return stage


def test_a_signature_denied_after_the_registration_is_not_counted_until_the_family_keeps_it():
    """R-21: the count waits, the pupil's schooling does not."""
    stage = denied_after_registration()
    stage.does(A, "guardian", "keep")
    assert stage.state.countable(A, "2026-01")
    stage.consistent()


def test_a_denied_signature_is_settled_by_a_compliance_case_too():
    """INV-30: found false it stays uncounted, found true it counts again."""
    stage = denied_after_registration()
    stage.hear("invalidate", students=[A], case="case-1", reason="FORGED")
    assert not stage.state.countable(A, "2026-01")
    stage.hear("reinstate", students=[A], case="case-1")
    assert stage.state.countable(A, "2026-01")
    stage.consistent()


def test_a_cooling_off_that_the_lock_takes_a_pause_back_from_is_short():
    """R-11, design section 5: the bureau calls before an application, as of every short cooling-off."""
    window = {"application_window": {"first": "2026-05-20", "last": "2026-05-24"}}
    stage = prompt(classes=CLASS, content=window).to("2026-05-15 10:00").signed(A)
    assert not stage.case(A).protocol.short
    stage.hear("pause", scope="school", reason="SNOW")
    stage.to("2026-05-20 10:00")
    stage.hear("resume", scope="school", reason="SNOW")
    assert stage.last("CoolingLengthened")["data"]["rows"] == [
        {
            "student": A,
            "ends": "2026-05-24T23:59:59+08:00",
            "short": True,
            "full": "2026-05-27T23:59:59+08:00",
        }
    ]
    stage.to("2026-05-26 10:00")
    assert (stage.case(A).protocol.needs_call, stage.owed()) == (True, {"CALLBACKS_OPEN": 1})
    stage.rows("record_callbacks", OFFICER, call(stage, "confirmed", "short_cooling"))
    assert stage.owed() == {"APPLICATIONS_OPEN": 1}
    stage.consistent()


def test_the_bureau_calls_within_a_workday_or_is_reminded_of_it():
    """Signed and reported on a Friday: due on Monday, overdue on Tuesday; the notice goes to the bureau, never home."""
    stage = prompt(classes=CLASS).to("2026-05-15 09:00").signed(A)
    stage.do("report_withdrawal", HEAD, student=A, channel="call")
    assert stage.last("WithdrawalReported")["data"]["callback_due"] == "2026-05-18"
    stage.to("2026-05-18 23:59")
    assert "CallbackOverdue" not in stage.names()
    stage.to("2026-05-20 08:00")
    assert stage.moments("CallbackOverdue") == ["2026-05-19 00:00"]
    (plan,) = notices_for(stage.last("CallbackOverdue"))
    assert (plan.purpose, plan.recipient, plan.optional) == ("callback_overdue", "bureau_officer@bureau", False)


def test_calls_that_nobody_answers_are_made_again_and_end():
    """`contact_attempts` of them; each moves the day; the case stays suspended, and nobody is pressed."""
    stage = reported()
    for day, again in (("2026-05-12", "2026-05-13"), ("2026-05-13", "2026-05-14"), ("2026-05-14", None)):
        stage.to(f"{day} 10:00")
        assert stage.owed() == {"CALLBACKS_OPEN": 1}
        stage.rows("record_callbacks", DISCIPLINE, call(stage, "unreachable"))
        assert stage.last("CallbackUnreachable")["data"]["again"] == again
    assert (stage.owed(), bool(stage.case(A).protocol.suspended)) == ({}, True)
    assert "CallbackOverdue" not in stage.to("2026-06-10 08:00").names()
    stage.consistent()


def test_who_calls_is_the_bureau_and_nobody_who_reported():
    """Four eyes (INV-21); the school never calls about its own report."""
    stage = reported(who=OFFICER)
    for who in (HEAD, GRADE, PRINCIPAL, REGISTER):
        assert stage.refusal("record_callbacks", who, rows=[call(stage, "confirmed")]).code == "ROLE_NOT_ALLOWED"
    assert stage.recorded("record_callbacks", OFFICER, rows=[call(stage, "confirmed")]) == "SELF_APPROVAL"
    stage.rows("record_callbacks", DISCIPLINE, call(stage, "confirmed"))


@pytest.mark.parametrize(
    ("outcome", "reason"), [("wants_to_withdraw", "WITHDRAWAL_REPORTED"), ("denies", "SIGNATURE_DENIED")]
)
def test_a_sample_that_hears_no_suspends_and_the_family_acts(outcome, reason):
    """R-21: a call-back of a confirmed consent; what it hears holds up, and never withdraws (INV-04)."""
    stage = prompt(classes=CLASS).confirmed(A)
    stage.rows("record_callbacks", OFFICER, call(stage, outcome, "sample"))
    assert stage.last("ConsentSuspended")["data"]["reason"] == reason
    assert "ConsentWithdrawn" not in stage.names()
    stage.does(A, "guardian", "keep")
    assert stage.case(A).may_apply
    stage.consistent()


def test_rows_that_do_not_fit_are_named():
    """A call for nothing, one to come, one before the report, a pupil twice, an unknown one; nothing is kept."""
    stage = prompt().signed(A).informed(B)
    stage.do("report_withdrawal", HEAD, student=A, channel="call")
    early = {**call(stage, "confirmed"), "at": stamp(stage.now - timedelta(minutes=1))}
    tomorrow = {**call(stage, "confirmed"), "at": stamp(stage.now + timedelta(days=1))}
    rows = [early, call(stage, "confirmed", student=B), call(stage, "confirmed", "sample", B), tomorrow]
    rows.append({**call(stage, "confirmed"), "student": "stu_999999"})
    assert stage.bad_rows("record_callbacks", OFFICER, *rows) == [
        "CALLBACK_TOO_EARLY",
        "NO_CALLBACK_DUE",
        "STUDENT_TWICE",
        "STUDENT_TWICE",
        "STUDENT_UNKNOWN",
    ]
    assert stage.bad_rows("record_callbacks", OFFICER, call(stage, "confirmed", "short_cooling")) == ["NO_CALLBACK_DUE"]
    assert stage.bad_rows("record_callbacks", OFFICER, call(stage, "confirmed", "sample", B)) == ["NO_CALLBACK_DUE"]


def test_a_report_after_the_application_stops_the_admission():
    """Whatever step the case is at, the next one waits."""
    stage = filing(classes=CLASS).applied(A)
    stage.do("report_withdrawal", HEAD, student=A, channel="call")
    row = {"student": A, "school": RECEIVING, "result": "admitted"}
    assert stage.bad_rows("record_admissions", REGISTER, row) == ["CONSENT_SUSPENDED"]
    stage.does(A, "guardian", "keep")
    stage.rows("record_admissions", REGISTER, row)
    assert stage.case(A).path is Step.ADMITTED
    assert stage.now < when("2026-09-01 00:00")
