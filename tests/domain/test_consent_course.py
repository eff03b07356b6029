"""The course of one consent: waits, cooling-off, confirmation, withdrawal (DOMAIN §7.3 D, R-11, S17)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from filing_families import ADMITTED, NOTICE, RECEIVER, RECEIVING, REGISTER, Filing, filing, prompt, registration
from stream_samples import HEAD, OFFICER, PRINCIPAL, A, B, C, policy, when

from domain.destination import Outcome, Step
from domain.time import stamp

CLASS = {"2026-01": [A]}


def application(student: str, reference: str = "APP-1") -> dict[str, str]:
    """Return a row of the official system."""
    return {"student": student, "school": RECEIVING, "reference": reference}


def signed_at(text: str, stage: Filing | None = None, **ticked: bool) -> Filing:
    """Return a stage in which both sign at this instant."""
    stage = stage or prompt(classes=CLASS)
    return stage.to(text).signed(A, **ticked)


# -- before the signature -------------------------------------------------------------------------------------------


def test_a_family_sleeps_on_it_and_is_told_from_when_it_can_sign():
    """24 hours after the guardian's acknowledgement of this version; the attempt is on record."""
    stage = filing().informed(A)
    stage.to("2026-05-12 08:59")
    answer = stage.deliver(stage.act(A, "pupil", "sign", destination=RECEIVING))
    assert answer.refused["code"] == "SIGNED_TOO_EARLY"
    assert answer.refused["parameters"] == {"works_from": "2026-05-12 09:00:00"}
    assert stage.names()[-1] == "CommandRefused"
    stage.to("2026-05-12 09:00")
    stage.does(A, "pupil", "sign", destination=RECEIVING)


def test_signing_is_offered_from_ten_days_before_the_window():
    """R-11: a consent for a window in July is not collected in May."""
    window = {"application_window": {"first": "2026-07-10", "last": "2026-07-12"}}
    stage = filing(content=window).informed(A).to("2026-06-29 23:59")
    answer = stage.deliver(stage.act(A, "pupil", "sign", destination=RECEIVING))
    assert answer.refused["parameters"] == {"on": "2026-06-30"}
    assert answer.refused["code"] == "SIGNING_NOT_OFFERED"
    stage.to("2026-06-30 00:00")
    stage.does(A, "pupil", "sign", destination=RECEIVING)


# -- the cooling-off ------------------------------------------------------------------------------------------------


def test_the_cooling_off_runs_from_the_later_signature_and_is_confirmed_after_its_grace():
    """Edge case 22: 12 hours after the last second, so that a withdrawal that travels late still counts."""
    stage = prompt(classes=CLASS).to("2026-07-03 10:00").informed(A)
    stage.does(A, "guardian", "sign", destination=RECEIVING)
    assert (stage.case(A).path, "CoolingStarted" in stage.names()) == (Step.INFORMED, False)
    stage.to("2026-07-05 10:00")
    stage.does(A, "pupil", "sign", destination=RECEIVING)
    assert stage.last("CoolingStarted")["data"] == {
        "student": A,
        "ends": "2026-07-12T23:59:59+08:00",
        "short": False,
    }
    assert stage.last("CoolingStarted")["actor"]["id"] == "system"
    assert (stage.case(A).step, stage.owed()) == (Step.COOLING, {})
    stage.to("2026-07-13 11:59")
    assert stage.bad_rows("record_applications", HEAD, application(A)) == ["CONSENT_NOT_CONFIRMED"]
    stage.to("2026-07-13 12:00")
    assert stage.last("ConsentConfirmed")["occurred_at"] == "2026-07-13T11:59:59.000+08:00"
    assert (stage.case(A).step, stage.owed()) == (Step.CONFIRMED, {"APPLICATIONS_OPEN": 1})
    stage.rows("record_applications", HEAD, application(A))
    stage.restart()
    stage.consistent()


@pytest.mark.parametrize(("at", "late"), [("2026-07-12 20:00", False), ("2026-07-13 09:00", True)])
def test_a_withdrawal_within_the_period_is_free_and_after_it_is_taken_as_late(at, late):
    """S17: signed on 5 July at 10:00; both go back to the intent, with no other consequence."""
    stage = signed_at("2026-07-05 10:00").to(at)
    stage.does(A, "guardian", "withdraw")
    assert stage.last("ConsentWithdrawn")["data"]["late"] is late
    assert (stage.case(A).path, stage.case(A).consents, stage.owed()) == (Step.INTENT, {}, {})
    stage.to("2026-08-01 08:00")
    assert "ConsentConfirmed" not in stage.names()


def test_a_withdrawal_of_the_last_evening_that_arrives_within_the_grace_is_free():
    """Edge cases 21 and 22: made at 23:59:30, here at 00:00:20, before anything was confirmed."""
    stage = signed_at("2026-07-05 10:00")
    made = when("2026-07-12 23:59") + timedelta(seconds=30)
    stage.to(when("2026-07-13 00:00") + timedelta(seconds=20))
    stage.does(A, "pupil", "withdraw", at=made)
    assert stage.last("ConsentWithdrawn")["data"]["late"] is False
    assert "ConsentConfirmed" not in stage.to("2026-07-20 08:00").names()


@pytest.mark.parametrize("way", ["signed", "confirmed", "applied", "admitted", "reported"])
@pytest.mark.parametrize("hold", ["pause", "stop", "skip", "complete", "hold", "report", "court", "dispute"])
def test_nothing_holds_a_withdrawal_back(way, hold):
    """INV-06: in every step before the registration, whatever state the stage or the case is in; no reason is asked."""
    stage = getattr(filing(classes=CLASS), way)(A)
    match hold:
        case "pause":
            stage.hear("pause", scope="school", reason="SNOW")
        case "stop":
            stage.hear("stop", reason="STOPPED")
        case "skip":
            stage.do("skip", OFFICER, reason="SNOW")
        case "complete" if not stage.owed():
            stage.do("complete", PRINCIPAL)
        case "hold":
            stage.hear("hold", hold="h-1", scope="school", class_id=None, student=None, placed=True)
        case "report":
            stage.do("report_withdrawal", HEAD, student=A, channel="call")
        case "court":
            stage.do("suspend_consent", REGISTER, student=A, reason="COURT_ORDER")
        case "dispute":
            stage.do("suspend_consent", REGISTER, student=A, reason="CUSTODY_DISPUTE")
    stage.does(A, "guardian", "withdraw")
    assert (stage.case(A).path, stage.case(A).consents) == (Step.INTENT, {})
    stage.consistent()


def test_after_the_registration_there_is_a_transfer_and_no_withdrawal():
    """S17, last line."""
    stage = filing().registered(A)
    assert stage.refused(A, "guardian", "withdraw") == "WITHDRAWAL_AFTER_REGISTRATION"
    assert stage.refusal("report_withdrawal", HEAD, student=A, channel="call").code == "WITHDRAWAL_AFTER_REGISTRATION"


# -- a short window -------------------------------------------------------------------------------------------------


def test_a_short_cooling_off_needs_the_bureaus_call_before_an_application():
    """R-11, edge case 46: signed two days before the official system locks."""
    window = {"application_window": {"first": "2026-07-10", "last": "2026-07-12"}}
    stage = signed_at("2026-07-10 18:00", prompt(classes=CLASS, content=window), short=True)
    assert stage.last("CoolingStarted")["data"]["ends"] == "2026-07-12T23:59:59+08:00"
    assert stage.case(A).protocol.short
    stage.to("2026-07-13 12:00")
    assert (stage.case(A).path, stage.owed()) == (Step.CONFIRMED, {"CALLBACKS_OPEN": 1})
    assert stage.bad_rows("record_applications", HEAD, application(A)) == ["CALLBACK_NEEDED"]
    call = {"student": A, "purpose": "short_cooling", "outcome": "confirmed", "at": stamp(stage.now)}
    stage.rows("record_callbacks", OFFICER, call)
    stage.rows("record_applications", HEAD, application(A))
    stage.consistent()


def test_enough_calls_that_nobody_answers_end_the_asking_and_not_the_need():
    """No service is owed for ever, and nothing is recorded that the family was not asked about."""
    window = {"application_window": {"first": "2026-07-10", "last": "2026-07-12"}}
    stage = signed_at("2026-07-10 18:00", prompt(classes=CLASS, content=window), short=True).to("2026-07-13 12:00")
    for _ in range(3):
        stage.to(stage.now + timedelta(days=1))
        call = {"student": A, "purpose": "short_cooling", "outcome": "unreachable", "at": stamp(stage.now)}
        stage.rows("record_callbacks", OFFICER, call)
    assert [e["data"]["again"] for e in stage.ledger if e["type"] == "CallbackUnreachable"] == [
        "2026-07-15",
        "2026-07-16",
        None,
    ]
    assert "CALLBACKS_OPEN" not in stage.owed()
    assert stage.bad_rows("record_applications", HEAD, application(A)) == ["CALLBACK_NEEDED"]


# -- pauses ---------------------------------------------------------------------------------------------------------


def test_a_pause_lengthens_a_running_cooling_off_by_as_long_as_it_lasted():
    """Design, section 5: 30 hours of a pause, in two scopes that overlap; nothing is confirmed meanwhile."""
    stage = signed_at("2026-07-05 10:00").to("2026-07-12 12:00")
    stage.hear("pause", scope="school", reason="SNOW")
    stage.to("2026-07-13 00:00")
    stage.hear("pause", scope="campaign", reason="SNOW")
    stage.hear("resume", scope="school")
    assert "CoolingLengthened" not in stage.names()
    stage.to("2026-07-13 18:00")
    assert "ConsentConfirmed" not in stage.names()
    stage.hear("resume", scope="campaign")
    assert stage.last("CoolingLengthened")["data"]["rows"] == [{"student": A, "ends": "2026-07-14T05:59:59+08:00"}]
    stage.does(A, "guardian", "intent", intent="VOCATIONAL")
    assert stage.to("2026-07-20 08:00").moments("ConsentConfirmed") == ["2026-07-14 17:59"]
    stage.consistent()


def test_a_pause_that_begins_after_the_end_only_waits():
    """Within the grace nothing is left to lengthen; the confirmation comes when the pause is over."""
    stage = signed_at("2026-07-05 10:00").to("2026-07-13 08:00")
    stage.hear("pause", scope="school", reason="SNOW")
    stage.to("2026-07-15 08:00")
    stage.hear("resume", scope="school")
    assert "CoolingLengthened" not in stage.names()
    stage.to("2026-07-15 08:01")
    assert stage.case(A).path is Step.CONFIRMED


def test_the_other_reading_lets_the_cooling_off_run_on():
    """`cooling_off_pause`: both readings are a parameter."""
    runs_on = policy(signature_wait_hours=0, cooling_off_pause="runs_on").model_dump(mode="json")
    stage = signed_at("2026-07-05 10:00", filing(classes=CLASS, policy=runs_on)).to("2026-07-12 12:00")
    stage.hear("pause", scope="school", reason="SNOW")
    assert stage.to("2026-07-14 08:00").moments("ConsentConfirmed") == ["2026-07-13 11:59"]
    stage.hear("resume", scope="school")
    assert "CoolingLengthened" not in stage.names()


def test_a_stopped_campaign_confirms_nothing_and_lets_a_family_go():
    """A stop ends progress; a withdrawal is no progress."""
    stage = signed_at("2026-07-05 10:00")
    stage.hear("stop", reason="STOPPED")
    assert stage.to("2026-08-01 08:00").moments("ConsentConfirmed") == []
    stage.does(A, "pupil", "withdraw")


# -- after the sign-off, other releases -----------------------------------------------------------------------------


def test_a_consent_that_is_confirmed_after_the_sign_off_keeps_its_way():
    """The school does not wait for a cooling-off, and signing off cuts nobody's way off."""
    stage = prompt(classes={"2026-01": [A, B]}).signed(A)
    stage.informed(B).do("complete", PRINCIPAL)
    stage.to("2026-05-19 13:00")
    assert [(todo.student, todo.code) for todo in stage.decider.work(stage.state)] == [(A, "APPLICATIONS_OPEN")]
    stage.rows("record_applications", HEAD, application(A))
    stage.rows("record_admissions", RECEIVER, {"student": A, **ADMITTED})
    assert stage.case(A).path is Step.ADMITTED


def test_a_stream_of_release_2_goes_on_by_its_shorter_path():
    """Signed and applied on one day; neither a cooling-off nor any command of the protocol."""
    stage = filing(content={"release": 2}).applied(A)
    assert stage.moments("ApplicationRecorded") == ["2026-05-11 09:00"]
    assert {"CoolingStarted", "ConsentConfirmed"}.isdisjoint(stage.names())
    assert stage.refused(A, "guardian", "keep") == "NOT_IN_THIS_RELEASE"
    assert stage.refusal("report_withdrawal", HEAD, student=A, channel="call").code == "NOT_IN_THIS_RELEASE"
    stage.hear("hold", hold="h-1", scope="school", class_id=None, student=None, placed=True)
    assert stage.names()[-1] == "CommandRefused"
    stage.does(A, "guardian", "withdraw")
    assert stage.last("ConsentWithdrawn")["data"] == {
        "student": A,
        "party": "guardian",
        "act": stage.last("ConsentWithdrawn")["data"]["act"],
        "late": True,
    }
    stage.consistent()


def test_the_whole_way_of_a_pupil():
    """From the notice to the register, with every step once."""
    stage = filing().registered(A)
    order = [
        *("NoticeOffered", "IntentStated", "NoticeAcknowledged", "ConsentSigned", "ConsentSigned", "CoolingStarted"),
        *("ConsentConfirmed", "ApplicationRecorded", "Admitted", "Reported", "RegistrationVerified"),
    ]
    assert [name for name in stage.names() if name in order] == order
    assert (stage.case(A).step, stage.case(A).outcome) == (Step.REGISTERED, Outcome.REGISTERED)
    stage.do("offer_notice", HEAD, document=NOTICE, students=[C])
    assert registration(A)["register_ref"] == stage.case(A).registration.reference
