"""An upheld appeal is answered before money moves: by an adjustment, a new version or a reason (R-08)."""

from __future__ import annotations

import pytest
from settlement_courses import (
    AS_AT,
    CASHIER,
    CLERK,
    FOUR_TIERS,
    LINE,
    PAYING,
    RUN,
    SECOND_APPROVER,
    approved,
    basis,
    campaign,
    compute,
    funded,
    gate_of,
    order,
    published,
    published_anew,
)
from stream_samples import AUDITOR, CAMPAIGN, OFFICER, PRINCIPAL, SCHOOL, person

from domain.actors import Role

DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")
ANSWER = {"appeal": "a-1", "reason": "POINTS_ONLY"}


def appealed(about: str = "LINE", outcome: str = "UPHELD"):
    """Return a published run that can be paid, an appeal against it decided and the time for appeals over."""
    stream = funded(published(campaign(parameters=PAYING)))
    class_id = {"class_id": "2026-01"} if about == "LINE" else {}
    fields = {"appeal": "a-1", "run": RUN, "school": SCHOOL, "about": about, "reason": "COUNT", **class_id}
    stream.do("appeal_settlement", PRINCIPAL, **fields)
    stream.do("decide_settlement_appeal", DISCIPLINE, appeal="a-1", outcome=outcome, reason="LIST_SEEN")
    return stream.to("2026-12-10 08:00")


def adjust(stream, line: str = LINE, cause: str | None = None) -> None:
    """Correct a line, by default because of the decision on the appeal."""
    decided = stream.last("SettlementAppealDecided")
    cause = cause or f"{CAMPAIGN}#{decided['version']}"
    stream.do("adjust_settlement", OFFICER, run=RUN, line=line, delta_fen=5_000, cause=cause, reason="APPEAL")


def blockers(stream) -> list[str]:
    """Return what stands in the way of a close."""
    return [blocker.code for blocker in stream.decider.blockers(stream.state)]


@pytest.mark.parametrize("about", ["LINE", "RESULT"])
def test_an_upheld_appeal_stops_the_payment_and_the_close(about):
    """Being right changes something, or somebody says why not."""
    stream = appealed(about)
    assert gate_of(stream) == {"APPEAL_UNANSWERED": 1}
    assert "APPEAL_UNANSWERED" in blockers(stream)
    stream.restart()
    assert gate_of(stream) == {"APPEAL_UNANSWERED": 1}
    stream.consistent()


def test_one_that_was_not_upheld_needs_no_answer():
    """The money is paid as published."""
    stream = appealed(outcome="NOT_UPHELD")
    assert stream.refusal("answer_settlement_appeal", AUDITOR, **ANSWER).code == "APPEAL_NOT_UPHELD"
    order(stream)


@pytest.mark.parametrize("about", ["LINE", "RESULT"])
def test_an_adjustment_that_names_it_answers_it(about):
    """Its cause is the appeal's own event; what is corrected goes the way of every correction."""
    stream = appealed(about)
    adjust(stream)
    assert "APPEAL_UNANSWERED" not in gate_of(stream)
    published_anew(stream, 1)
    order(stream)
    assert stream.last("PaymentOrdered")["data"]["fen"] == 525_000


@pytest.mark.parametrize(("line", "cause"), [(f"{SCHOOL}/2026-02", None), (LINE, f"{CAMPAIGN}#1")])
def test_an_adjustment_of_something_else_does_not(line, cause):
    """Another class's line, or another cause: the appeal is still to be answered."""
    stream = appealed()
    adjust(stream, line, cause)
    published_anew(stream, 1)
    assert gate_of(stream) == {"APPEAL_UNANSWERED": 1}


def test_a_new_version_answers_it_where_the_amount_is_another():
    """Computed again with the same outcome, nothing has followed; an answer by adjustment ends with its version."""
    stream = appealed()
    compute(stream)
    assert gate_of(stream)["APPEAL_UNANSWERED"] == 1
    adjust(stream)
    assert "APPEAL_UNANSWERED" not in gate_of(stream)
    compute(stream)
    assert gate_of(stream)["APPEAL_UNANSWERED"] == 1
    compute(stream, [(10, 9), *FOUR_TIERS[1:]])
    assert "APPEAL_UNANSWERED" not in gate_of(stream)
    stream.restart()
    stream.consistent()


def test_somebody_else_says_why_no_money_moves():
    """Neither who upheld it nor who computed the run, and never without a reason."""
    stream = appealed()
    assert stream.recorded("answer_settlement_appeal", DISCIPLINE, **ANSWER) == "SELF_APPROVAL"
    two_roles = AUDITOR.model_copy(update={"id": OFFICER.id})
    assert stream.recorded("answer_settlement_appeal", two_roles, **ANSWER) == "SELF_APPROVAL"
    assert stream.refusal("answer_settlement_appeal", CLERK, **ANSWER).code == "ROLE_NOT_ALLOWED"
    assert stream.refusal("answer_settlement_appeal", AUDITOR, appeal="a-1").code == "REASON_REQUIRED"
    assert stream.refusal("answer_settlement_appeal", AUDITOR, appeal="a-9", reason="X1").code == "APPEAL_UNKNOWN"
    stream.do("answer_settlement_appeal", AUDITOR, **ANSWER)
    assert stream.last("SettlementAppealAnswered")["data"] == {"appeal": "a-1", "run": RUN, "reason": "POINTS_ONLY"}
    assert stream.refusal("answer_settlement_appeal", SECOND_APPROVER, **ANSWER).code == "APPEAL_ANSWERED"
    order(stream)
    stream.do("confirm_payment", CASHIER, run=RUN, payment="p1")
    assert "APPEAL_UNANSWERED" not in blockers(stream)
    stream.restart()
    stream.consistent()


def test_a_stopped_campaign_closes_only_without_open_money_and_appeals():
    """`stop` frees the stages, and nothing that somebody is owed (R-08)."""
    stream = appealed()
    stream.do("stop", OFFICER, reason="ORDER")
    close = {"reason": "YEAR_OVER"}
    told = stream.refusal("close_campaign", OFFICER, **close)
    assert (told.code, [one.code for one in told.blockers]) == ("STAGES_NOT_FINISHED", ["APPEAL_UNANSWERED"])
    stream.do("answer_settlement_appeal", AUDITOR, **ANSWER)
    order(stream)
    assert [one.code for one in stream.refusal("close_campaign", OFFICER, **close).blockers] == ["PAYMENTS_UNCONFIRMED"]
    stream.do("confirm_payment", CASHIER, run=RUN, payment="p1")
    stream.do("close_campaign", OFFICER, **close)


def test_a_stopped_campaign_waits_for_the_time_for_appeals():
    """A school can still appeal against what was published."""
    stream = funded(published(campaign(parameters=PAYING)))
    stream.do("stop", OFFICER, reason="ORDER")
    told = stream.refusal("close_campaign", OFFICER, reason="YEAR_OVER")
    assert [one.code for one in told.blockers] == ["APPEAL_TIME_RUNNING"]
    stream.to("2026-12-10 08:00").do("close_campaign", OFFICER, reason="YEAR_OVER")


def test_what_nobody_reported_is_unknown_and_no_loss_of_nobody():
    """INV-15: no award and no veto, and the run says why; people cannot propose one either."""
    tallies = ((10, 10), (10, 8))
    stream = campaign(tallies)
    rows = [
        {"school": SCHOOL, "class_id": f"2026-{number:02d}", "grade": 9, "size": 40, "lost": lost}
        for number, lost in enumerate((None, 0), 1)
    ]
    compute(stream, tallies, dropout=rows, as_at=AS_AT, basis=basis())
    unknown, none = stream.last("DropoutRatesAdded")["data"]["lines"]
    assert [unknown[name] for name in ("lost", "rate", "award", "finding")] == [None, None, False, "LOSSES_UNKNOWN"]
    assert [none[name] for name in ("lost", "rate", "award", "finding")] == [0, "0/40", True, None]
    propose = {"run": RUN, "school": SCHOOL, "class_id": "2026-01"}
    assert stream.refusal("propose_veto", OFFICER, **propose).code == "VETO_NOT_FOUND"
    approved(stream)
    stream.restart()
    stream.consistent()
