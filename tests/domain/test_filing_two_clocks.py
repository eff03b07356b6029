"""What came late, what was left out, who is away: a family's word under two clocks (R-11, INV-02, INV-05, INV-06)."""

from __future__ import annotations

import pytest
from filing_families import NOTICE, RECEIVING, Filing, filing, prompt
from stream_samples import HEAD, OFFICER, A, B, when

from domain.destination import Step

CLASS = {"2026-01": [A]}
SHORT = {"application_window": {"first": "2026-07-10", "last": "2026-07-12"}}


def offered(stage: Filing | None = None) -> Filing:
    """Return a stage whose family was offered the notice weeks ago and wants a vocational school."""
    stage = stage or filing(classes=CLASS)
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    stage.does(A, "pupil", "intent", intent="VOCATIONAL")
    return stage.to("2026-06-20 09:00")


def test_a_back_dated_acknowledgement_leaves_the_day_to_think():
    """INV-02: it says 12 May and arrives on 20 June; nobody signs before the 21st, whatever a signature says."""
    stage = offered()
    stage.does(A, "guardian", "acknowledge", at=when("2026-05-12 10:00"))
    back = {"destination": RECEIVING, "at": when("2026-05-13 11:00")}
    assert stage.refused(A, "guardian", "sign", **back) == "SIGNED_BEFORE_ACKNOWLEDGED"
    assert stage.refused(A, "guardian", "sign", destination=RECEIVING) == "SIGNED_TOO_EARLY"
    stage.to("2026-06-21 08:00").does(A, "guardian", "sign", destination=RECEIVING)
    stage.consistent()


def test_a_back_dated_signature_leaves_the_cooling_off():
    """INV-05: the seven days begin where the signature arrives; its own time stays in the record."""
    stage = offered()
    stage.does(A, "guardian", "acknowledge")
    stage.to("2026-06-30 09:00")
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=RECEIVING, at=when("2026-06-21 10:00"))
    assert stage.last("ConsentSigned")["occurred_at"].startswith("2026-06-21T10:00")
    assert stage.last("CoolingStarted")["data"]["ends"] == "2026-07-07T23:59:59+08:00"
    assert "ConsentConfirmed" not in stage.to("2026-07-08 11:00").names()
    assert "ConsentConfirmed" in stage.to("2026-07-08 12:00").names()
    stage.restart()
    stage.consistent()


@pytest.mark.parametrize(("arrives", "ends"), [("2026-06-30 00:30", "2026-07-06"), ("2026-06-30 01:00", "2026-07-07")])
def test_a_text_message_may_take_an_hour(arrives, ends):
    """Signed at 23:30 on 29 June: here within the hour it counts as of that day, later it does not."""
    stage = prompt(classes=CLASS).informed(A).to(arrives)
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=RECEIVING, at=when("2026-06-29 23:30"))
    assert stage.last("CoolingStarted")["data"]["ends"] == f"{ends}T23:59:59+08:00"


def test_a_paper_of_the_call_back_may_be_fourteen_days_old():
    """The bureau has heard the family; older than `backdate_days` it counts no more than those."""
    stage = offered()
    stage.does(A, "guardian", "acknowledge", at=when("2026-06-10 09:00"), channel="paper")
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", destination=RECEIVING, at=when("2026-06-11 10:00"), channel="paper")
    assert stage.last("CoolingStarted")["data"]["ends"] == "2026-06-18T23:59:59+08:00"


@pytest.mark.parametrize("act", ["withdraw", "refuse"])
def test_who_has_left_takes_a_consent_back_and_finds_it_so_on_return(act):
    """INV-06: the case rests; the no is taken, and nothing is confirmed after the return."""
    stage = filing(classes=CLASS).signed(A)
    stage.hear("student_left", student=A, exit="transfer")
    stage.does(A, "guardian", act)
    stage.hear("student_joined", student=A, class_id="2026-01", on="2026-05-20")
    assert stage.case(A).consents == {}
    assert "ConsentConfirmed" not in stage.to("2026-07-20 08:00").names()
    stage.restart()
    stage.consistent()


def test_a_return_begins_an_interrupted_cooling_off_anew():
    """Nobody could tell the family anything while it was away; a report made meanwhile holds the case."""
    stage = filing(classes=CLASS).signed(A)
    stage.hear("student_left", student=A, exit="transfer")
    stage.to("2026-06-20 10:00")
    stage.hear("student_joined", student=A, class_id="2026-01", on="2026-06-20")
    assert stage.last("CoolingStarted")["data"]["ends"] == "2026-06-27T23:59:59+08:00"
    assert "ConsentConfirmed" not in stage.to("2026-06-28 11:00").names()
    assert "ConsentConfirmed" in stage.to("2026-06-28 12:00").names()
    stage.consistent()


def test_a_withdrawal_is_reported_for_a_pupil_who_has_left():
    """The case waits when the pupil is back."""
    stage = filing(classes=CLASS).signed(A)
    stage.hear("student_left", student=A, exit="transfer")
    stage.do("report_withdrawal", HEAD, student=A, channel="call")
    stage.hear("student_joined", student=A, class_id="2026-01", on="2026-05-20")
    assert "ConsentConfirmed" not in stage.to("2026-07-20 08:00").names()
    stage.consistent()


def test_a_refusal_of_what_was_signed_is_a_withdrawal_and_a_skipped_stage_confirms_nothing():
    """Neither a newer notice nor the end of the stage stands in its way."""
    stage = filing(classes=CLASS).signed(A)
    stage.do("skip", OFFICER, reason="SNOW")
    assert "ConsentConfirmed" not in stage.to("2026-07-20 08:00").names()
    stage.does(A, "guardian", "refuse")
    assert stage.names()[-2:] == ["ConsentWithdrawn", "ConsentRefused"]
    newer = filing(classes=CLASS).applied(A)
    newer.do("offer_notice", OFFICER, document="notice-2", students=[A])
    newer.does(A, "pupil", "refuse")
    assert (newer.case(A).consents, newer.case(A).declined) == ({}, True)


def test_a_newer_notice_ends_only_the_consents_of_those_who_get_it():
    """And no class head brings one in."""
    stage = filing(classes={"2026-01": [A, B]}).signed(A, B)
    assert stage.refusal("offer_notice", HEAD, document="whatever-9", students=[B]).code == "NEWER_NOTICE_NEEDS_BUREAU"
    stage.do("offer_notice", OFFICER, document="notice-2", students=[B])
    assert (stage.case(A).path, stage.case(B).path) == (Step.COOLING, Step.INTENT)


def test_a_short_cooling_off_is_signed_knowingly():
    """R-11: whoever signs last is told the real end, and ticks that it is understood; older acts keep their bytes."""
    stage = prompt(classes=CLASS, content=SHORT).to("2026-07-10 18:00").informed(A)
    stage.does(A, "guardian", "sign", destination=RECEIVING)
    answer = stage.deliver(stage.act(A, "pupil", "sign", destination=RECEIVING, channel="sms"))
    assert answer.refused["code"] == "SHORT_STATEMENT_NEEDED"
    assert answer.refused["parameters"] == {"ends": "2026-07-12 23:59:59"}
    stage.does(A, "pupil", "sign", destination=RECEIVING, short=True)
    assert stage.last("ConsentSigned")["data"]["short"] is True
    assert "short" not in stage.act(A, "guardian", "withdraw")
