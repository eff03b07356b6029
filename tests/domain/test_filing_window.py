"""The application window closes, opens again, closes earlier: signatures and cooling-offs go by it (R-11, edge 46)."""

from __future__ import annotations

import pytest
from filing_families import NOTICE, RECEIVING, Filing, filing, prompt
from stream_samples import HEAD, OFFICER, A, B, when

from domain.destination import Step
from domain.notices import notices_for
from domain.sentences import sentence
from domain.time import stamp

CLASS = {"2026-01": [A]}
SHORT = {"application_window": {"first": "2026-07-10", "last": "2026-07-12"}}
SIGN = {"destination": RECEIVING, "short": True}


def window(stage: Filing, last: str, first: str = "2026-07-10") -> None:
    """Let the authority's new days arrive."""
    stage.hear("window", first=first, last=last, document="青招办〔2026〕9号")


def cut(at: str = "2026-07-10 18:00", content: dict | None = None) -> Filing:
    """Return a stage whose family has signed; by the window its cooling-off is short."""
    stage = prompt(classes=CLASS, content=content or SHORT).to(at).informed(A)
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", **SIGN)
    return stage


def ends(stage: Filing) -> tuple[str, bool]:
    """Return where the cooling-off ends, and whether it is short."""
    protocol = stage.case(A).protocol
    return f"{protocol.ends:%Y-%m-%d %H:%M:%S}", protocol.short


def told(stage: Filing) -> list[tuple[str, str]]:
    """Return to whom what is written of the last event."""
    return [(plan.purpose, plan.recipient) for plan in notices_for(stage.ledger[-1])]


# -- a signature after the last day ---------------------------------------------------------------------------------


def test_nobody_signs_after_the_last_day_and_every_other_act_is_taken():
    """The attempt is on record; a new intent, an acknowledgement, a report, a withdrawal and a no are not refused."""
    stage = prompt(classes=CLASS, content=SHORT).to("2026-07-12 20:00").informed(A)
    stage.does(A, "pupil", "sign", **SIGN)
    stage.to("2026-07-13 00:00")
    answer = stage.deliver(stage.act(A, "guardian", "sign", **SIGN))
    assert answer.refused["code"] == "SIGNING_CLOSED"
    assert answer.refused["parameters"] == {"last": "2026-07-12"}
    assert stage.ledger[-1]["data"]["act"] == "sign"
    assert "县教育局" in sentence("SIGNING_CLOSED", answer.refused["parameters"], "zh")
    stage.do("report_withdrawal", HEAD, student=A, channel="call")
    stage.does(A, "guardian", "intent", intent="VOCATIONAL")
    stage.does(A, "guardian", "acknowledge")
    stage.does(A, "pupil", "withdraw")
    stage.does(A, "guardian", "refuse")
    stage.consistent()


@pytest.mark.parametrize(
    ("arrives", "channel", "taken"),
    [
        ("2026-07-13 00:59", "sms", True),
        ("2026-07-13 01:00", "sms", False),
        ("2026-07-20 09:00", "sms", False),
        ("2026-07-20 09:00", "paper", True),
        ("2026-07-27 09:00", "paper", False),
    ],
)
def test_a_signature_is_in_time_by_the_hour_from_which_it_counts(arrives, channel, taken):
    """Signed at 23:50 on the last day: an hour on its way, or a paper of the last 14 days; nobody's date alone."""
    stage = prompt(classes=CLASS, content=SHORT).to("2026-07-12 20:00").informed(A).to(arrives)
    act = stage.act(A, "pupil", "sign", at=when("2026-07-12 23:50"), channel=channel, **SIGN)
    answer = stage.deliver(act)
    assert answer.accepted is taken
    assert taken or answer.refused["code"] == "SIGNING_CLOSED"


def test_who_had_signed_in_time_signs_a_newer_notice_after_the_last_day():
    """Edge 23: a correction of the bureau's costs no family its turn; after a withdrawal the last day counts again."""
    stage = cut().to("2026-07-14 09:00")
    stage.do("offer_notice", OFFICER, document="notice-2", students=[A])
    stage.does(A, "guardian", "acknowledge", document="notice-2")
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", document="notice-2", **SIGN)
    assert ends(stage) == ("2026-07-21 23:59:59", False), "no lock is left to wait for: all seven days"
    stage.does(A, "guardian", "withdraw")
    assert stage.refused(A, "pupil", "sign", document="notice-2", **SIGN) == "SIGNING_CLOSED"
    stage.restart()
    stage.consistent()


def test_without_a_window_nothing_closes():
    """A campaign that names none refuses nobody, and one of release 2 does not know of it."""
    stage = prompt(classes=CLASS).to("2026-10-01 09:00").informed(A)
    stage.does(A, "pupil", "sign", destination=RECEIVING)
    older = filing(classes=CLASS, content={"release": 2, **SHORT}).to("2026-10-01 09:00").informed(A)
    older.does(A, "pupil", "sign", destination=RECEIVING)


# -- the lock is moved later ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "new", "short"),
    [("2026-07-14", "2026-07-14 23:59:59", True), ("2026-07-20", "2026-07-17 23:59:59", False)],
)
def test_a_later_lock_gives_back_what_the_earlier_one_took(last, new, short):
    """Edge 46: as much of the full seven days as the new lock leaves; pupil and household read the real end."""
    stage = cut()
    assert ends(stage) == ("2026-07-12 23:59:59", True)
    stage.to("2026-07-12 09:00")
    window(stage, last)
    assert ends(stage) == (new, short)
    assert told(stage) == [("cooling_moved", A), ("cooling_moved", f"pupil:{A}")]
    assert stage.ledger[-1]["data"]["rows"][0]["short"] is short
    grace = stage.moments("ConsentConfirmed")
    assert grace == []
    day = new[:10].replace("2026-07-14", "2026-07-15").replace("2026-07-17", "2026-07-18")
    assert stage.to("2026-07-30 09:00").moments("ConsentConfirmed") == [f"{day} 11:59"]
    assert stage.case(A).protocol.needs_call is short
    stage.restart()
    stage.consistent()


def test_a_confirmed_consent_stays_so_and_signing_is_open_again():
    """Reopened after the confirmation: nothing is taken back, and who had not signed can."""
    stage = prompt(classes={"2026-01": [A, B]}, content=SHORT).to("2026-07-10 18:00").informed(A, B)
    for party in ("pupil", "guardian"):
        stage.does(A, party, "sign", **SIGN)
    stage.to("2026-07-14 09:00")
    assert stage.case(A).path is Step.CONFIRMED
    assert stage.refused(B, "pupil", "sign", **SIGN) == "SIGNING_CLOSED"
    window(stage, "2026-08-09")
    assert stage.names()[-1] == "ApplicationWindowMoved"
    assert (stage.case(A).path, ends(stage)) == (Step.CONFIRMED, ("2026-07-12 23:59:59", True))
    for party in ("pupil", "guardian"):
        stage.does(B, party, "sign", destination=RECEIVING)
    assert stage.last("CoolingStarted")["data"]["ends"] == "2026-07-21T23:59:59+08:00"
    stage.consistent()


def test_a_pause_before_a_later_lock_is_given_back_too():
    """What the pause would have given and the lock held back comes with the later lock."""
    stage = cut().to("2026-07-11 08:00")
    stage.hear("pause", scope="school", reason="SNOW")
    stage.to("2026-07-12 08:00")
    stage.hear("resume", scope="school")
    assert notices_for(stage.last("CoolingLengthened")) == [], "no family is told of an end that did not move"
    window(stage, "2026-07-30")
    assert ends(stage) == ("2026-07-18 23:59:59", False)
    stage.consistent()


# -- the lock is moved earlier --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "at", "new"),
    [
        ("2026-07-14", "2026-07-11 09:00", "2026-07-14 23:59:59"),
        ("2026-07-11", "2026-07-11 09:00", "2026-07-12 09:00:00"),
        ("2026-07-14", "2026-07-14 20:00", "2026-07-15 20:00:00"),
    ],
)
def test_an_earlier_lock_leaves_a_day_from_the_news_and_the_bureau_calls(last, at, new):
    """R-11: never below `short_cooling_hours`, now from when the family can know; then the call-back."""
    stage = cut(content={"application_window": {"first": "2026-07-10", "last": "2026-07-25"}}).to(at)
    assert ends(stage) == ("2026-07-17 23:59:59", False)
    window(stage, last)
    assert ends(stage) == (new, True)
    stage.to("2026-07-20 09:00")
    assert stage.bad_rows("record_applications", HEAD, {"student": A, "school": RECEIVING, "reference": "APP-1"}) == [
        "CALLBACK_NEEDED"
    ]
    stage.consistent()


def test_an_earlier_end_is_called_about_anew():
    """The family said yes to another term than it gets."""
    stage = cut(content={"application_window": {"first": "2026-07-10", "last": "2026-07-15"}}).to("2026-07-11 09:00")
    call = {"student": A, "purpose": "short_cooling", "outcome": "confirmed", "at": stamp(stage.now)}
    stage.rows("record_callbacks", OFFICER, call)
    assert not stage.case(A).protocol.needs_call
    window(stage, "2026-07-13")
    assert stage.case(A).protocol.needs_call
    window(stage, "2026-07-14")
    assert ends(stage) == ("2026-07-14 23:59:59", True)
    stage.consistent()


def test_the_same_window_again_says_nothing_and_one_that_was_not_named_cuts():
    """News that come twice change nothing; a campaign that named no window hears of its first in the middle."""
    stage = prompt(classes=CLASS).to("2026-07-10 18:00").signed(A)
    assert ends(stage) == ("2026-07-17 23:59:59", False)
    window(stage, "2026-07-13")
    assert ends(stage) == ("2026-07-13 23:59:59", True)
    events = len(stage.ledger)
    window(stage, "2026-07-13")
    assert len(stage.ledger) == events
    stage.consistent()


# -- away and back --------------------------------------------------------------------------------------------------


def test_a_return_is_cooled_by_the_window_of_its_day_and_a_pause_counts_from_it():
    """Moved while the pupil was away, who comes back in a pause that began before: only what both ran together."""
    stage = cut().to("2026-07-11 09:00")
    stage.hear("student_left", student=A, exit="transfer")
    window(stage, "2026-08-09")
    stage.hear("pause", scope="school", reason="SNOW")
    stage.to("2026-07-20 10:00")
    stage.hear("student_joined", student=A, class_id="2026-01", on="2026-07-20")
    assert stage.last("CoolingStarted")["data"]["ends"] == "2026-07-27T23:59:59+08:00"
    stage.to("2026-07-20 22:00")
    stage.hear("resume", scope="school")
    assert ends(stage) == ("2026-07-28 11:59:59", False)
    stage.restart()
    stage.consistent()


def test_a_report_made_while_the_pupil_is_away_is_called_about_from_the_return_on():
    """Nobody could record a call meanwhile; the case waits all the time, and the bureau is late only after its day."""
    stage = filing(classes=CLASS).signed(A)
    stage.hear("student_left", student=A, exit="transfer")
    stage.do("report_withdrawal", HEAD, student=A, channel="call")
    assert stage.last("WithdrawalReported")["data"]["callback_due"] == "2026-05-13"
    stage.to("2026-06-19 10:00")
    stage.hear("student_joined", student=A, class_id="2026-01", on="2026-06-19")
    assert stage.last("CallbackPostponed")["data"] == {"student": A, "due": "2026-06-22"}
    assert [todo.code for todo in stage.decider.work(stage.state)] == ["CALLBACKS_OPEN"]
    stage.to("2026-06-22 23:59")
    assert "CallbackOverdue" not in stage.names()
    stage.to("2026-06-24 09:00")
    assert stage.moments("CallbackOverdue") == ["2026-06-23 00:00"]
    assert "ConsentConfirmed" not in stage.names()
    assert stage.case(A).protocol.suspended
    stage.restart()
    stage.consistent()


def test_a_report_that_was_called_about_keeps_its_day():
    """What the bureau has done is not asked for again, nor is a day moved of a pupil who comes back on the same day."""
    stage = filing(classes=CLASS).signed(A)
    stage.do("report_withdrawal", HEAD, student=A, channel="call")
    stage.hear("student_left", student=A, exit="transfer")
    stage.hear("student_joined", student=A, class_id="2026-01", on="2026-05-12")
    assert "CallbackPostponed" not in stage.names()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    call = {"student": A, "purpose": "withdrawal_report", "outcome": "confirmed", "at": stamp(stage.now)}
    stage.rows("record_callbacks", OFFICER, call)
    stage.hear("student_left", student=A, exit="transfer")
    stage.to("2026-06-19 10:00")
    stage.hear("student_joined", student=A, class_id="2026-01", on="2026-06-19")
    assert "CallbackPostponed" not in stage.names()
