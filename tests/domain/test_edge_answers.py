"""A family's answer that comes too early, too late, twice, or to the wrong place: one sentence each, and a trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from filing_families import NOTICE, RECEIVING, Filing, filing
from stream_samples import HEAD, OFFICER, OTHER_SCHOOL, A, B

from domain.actors import GATEWAY
from domain.sentences import sentence
from domain.sentences_gateway import REFUSALS as OF_THE_GATEWAY


def offered() -> Filing:
    """Return an open stage in which a family has the notice."""
    stage = filing()
    stage.do("offer_notice", HEAD, document=NOTICE, students=[A])
    return stage


def too_early() -> tuple[Filing, dict[str, Any]]:
    """Answer before the stage has opened."""
    stage = Filing()
    return stage, stage.act(A, "guardian", "refuse")


def after_the_stage() -> tuple[Filing, dict[str, Any]]:
    """Answer to a stage that was left out for this school."""
    stage = offered()
    stage.do("skip", OFFICER, reason="SEEN")
    return stage, stage.act(A, "guardian", "acknowledge")


def after_the_registration() -> tuple[Filing, dict[str, Any]]:
    """Withdraw once the register has taken the pupil in: from there it is a transfer."""
    stage = filing().registered(A)
    return stage, stage.act(A, "guardian", "withdraw")


def twice() -> tuple[Filing, dict[str, Any]]:
    """Hand the same signed act on again."""
    stage = offered()
    act = stage.act(A, "guardian", "acknowledge")
    assert stage.deliver(act).accepted
    return stage, act


def signed_again() -> tuple[Filing, dict[str, Any]]:
    """Sign what is signed already, by an act of its own."""
    stage = filing().signed(A)
    return stage, stage.act(A, "guardian", "sign", destination=RECEIVING)


def of_an_older_notice() -> tuple[Filing, dict[str, Any]]:
    """Answer to a letter that a newer one has followed."""
    stage = offered()
    stage.do("offer_notice", OFFICER, document="notice-2", students=[A])
    return stage, stage.act(A, "guardian", "acknowledge")


def to_no_notice() -> tuple[Filing, dict[str, Any]]:
    """Answer to a letter that was never sent."""
    stage = offered()
    return stage, stage.act(B, "guardian", "acknowledge")


def at_another_school() -> tuple[Filing, dict[str, Any]]:
    """Bring another school's answer."""
    stage = offered()
    return stage, stage.act(A, "guardian", "acknowledge", school=OTHER_SCHOOL)


def of_somebody_unknown() -> tuple[Filing, dict[str, Any]]:
    """Answer for a pupil whom the school has not."""
    stage = offered()
    return stage, stage.act("stu_999999", "guardian", "acknowledge")


ANSWERS = {
    too_early: "STAGE_TOO_EARLY",
    after_the_stage: "STAGE_NOT_OPEN",
    after_the_registration: "WITHDRAWAL_AFTER_REGISTRATION",
    twice: "ACT_ALREADY_TAKEN",
    signed_again: "ALREADY_SIGNED",
    of_an_older_notice: "DOCUMENT_SUPERSEDED",
    to_no_notice: "NOTICE_NOT_OFFERED",
    at_another_school: "ACT_FOREIGN",
    of_somebody_unknown: "STUDENT_UNKNOWN",
}


@pytest.mark.parametrize(("answer", "code"), ANSWERS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_bad_answer_is_kept_changes_nothing_and_has_its_sentence(
    answer: Callable[[], tuple[Filing, dict[str, Any]]], code: str
) -> None:
    """The stream keeps the refusal and nothing of the family's words; both languages say what to do."""
    stage, act = answer()
    before, events = stage.state.model_dump_json(), len(stage.ledger)
    refused = stage.deliver(act).refused
    assert refused is not None
    assert refused["code"] == code
    assert [event["type"] for event in stage.ledger[events:]] == ["CommandRefused"]
    kept = stage.ledger[-1]["data"]
    assert (set(kept), kept["act"]) == ({"command", "code", "digest", "act"}, act["act"])
    assert stage.state.model_dump_json() == before
    for language, stop in (("zh", "。"), ("en", ". ")):
        said = sentence(code, refused["parameters"], language)
        assert stop in said
        assert code not in said
    stage.consistent()


@pytest.mark.parametrize("code", ["CODE_WRONG", "CODE_EXPIRED", "CODE_FOREIGN", "CODE_LOCKED"])
def test_a_code_that_did_not_work_is_kept_with_its_sentence(code: str) -> None:
    """A wrong, old, foreign or locked code leaves a trace in the pupil's stream; the code itself stands nowhere."""
    stage = offered()
    assert stage.recorded("report_family_code", GATEWAY, student=A, party="guardian", code=code) == code
    assert {language: bool(text) for language, text in OF_THE_GATEWAY[code].items()} == {"zh": True, "en": True}


def test_a_withdrawal_is_never_too_early_or_too_late_before_the_registration() -> None:
    """INV-06: what refuses every other answer does not refuse this one."""
    for answer in (after_the_stage, of_an_older_notice):
        stage, _ = answer()
        assert stage.deliver(stage.act(A, "guardian", "withdraw")).accepted, answer.__name__


def test_after_the_campaign_was_closed_nothing_is_kept_any_more() -> None:
    """The stream has ended: the answer is told so in words, and the record stays as it was archived."""
    stage = offered()
    stage.hear("close")
    refusal = stage.refusal("deliver_family_acts", GATEWAY, acts=[stage.act(A, "guardian", "withdraw")])
    assert refusal.code == "CAMPAIGN_CLOSED"
    assert len({sentence(refusal.code, refusal.parameters, language) for language in ("zh", "en")}) == 2
