"""The funding gate and what comes after it: each missing condition by its name, corrections as new lines (R-08)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from settlement_courses import (
    AS_AT,
    CASHIER,
    CLERK,
    DOCUMENT,
    FOUR_TIERS,
    LINE,
    PAYING,
    RUN,
    SECOND_APPROVER,
    approved,
    basis,
    campaign,
    compute,
    counts,
    funded,
    gate_of,
    order,
    published,
    published_anew,
    ready_to_pay,
)
from stream_samples import APPROVER, AUDITOR, CAMPAIGN, OFFICER, PRINCIPAL, SCHOOL, person

from domain.actors import Role
from domain.compliance_events import Hold, Violation
from domain.funding import GateFacts, Source, gate
from domain.settlement_events import revised_digest
from domain.settlement_money import violated_classes

MORE = {"run": RUN, "line": LINE, "delta_fen": 30_000, "cause": f"{CAMPAIGN}#2", "reason": "RECOUNT"}

SOUND = GateFacts(
    payable=True,
    source=Source.FISCAL,
    document=DOCUMENT,
    amount_fen=520_000,
    pool_left_fen=520_000,
    approvals=2,
    negative_lines=0,
    open_holds=0,
    audited=True,
)


def test_a_run_that_lacks_nothing_passes():
    """R-08, to the last fen of the pool."""
    assert gate(SOUND) == ()
    assert gate(SOUND._replace(source=Source.PERFORMANCE_POOL)) == ()


@pytest.mark.parametrize(
    ("change", "code", "number"),
    [
        ({"payable": False}, "PROFILE_NOT_PAYABLE", 1),
        ({"source": None}, "FUNDING_SOURCE_MISSING", 1),
        ({"source": Source.VOCATIONAL_SCHOOL}, "FUNDING_SOURCE_FORBIDDEN", 1),
        ({"source": Source.ENTERPRISE}, "FUNDING_SOURCE_FORBIDDEN", 1),
        ({"source": Source.PARENTS}, "FUNDING_SOURCE_FORBIDDEN", 1),
        ({"document": None}, "FUNDING_DOCUMENT_MISSING", 1),
        ({"pool_left_fen": 519_999}, "FUNDING_POOL_TOO_SMALL", 1),
        ({"approvals": 1}, "APPROVALS_MISSING", 1),
        ({"approvals": 0}, "APPROVALS_MISSING", 2),
        ({"negative_lines": 3}, "RESULT_NEGATIVE", 3),
        ({"open_holds": 2}, "HOLDS_OPEN", 2),
        ({"audited": False}, "AUDIT_MISSING", 1),
        ({"published": False}, "RESULT_NOT_PUBLISHED", 1),
        ({"open_appeals": 1}, "SETTLEMENT_APPEALS_OPEN", 1),
        ({"unanswered_appeals": 2}, "APPEAL_UNANSWERED", 2),
        ({"appeals_possible": True}, "APPEAL_TIME_RUNNING", 1),
        ({"violations": 1}, "VIOLATIONS_NOT_SETTLED", 1),
        ({"paid_elsewhere": 4}, "PAID_BY_ANOTHER_RUN", 4),
    ],
)
def test_each_missing_condition_alone_stops_the_payment_and_is_named(change, code, number):
    """Each of them is enough."""
    [blocker] = gate(SOUND._replace(**change))
    assert (blocker.code, blocker.count) == (code, number)


# -- through the stream ----------------------------------------------------------------------------------------------


def test_the_gate_names_everything_at_once():
    """A run that was only computed lacks five things."""
    stream = campaign(parameters=PAYING)
    compute(stream)
    assert gate_of(stream) == {
        "FUNDING_SOURCE_MISSING": 1,
        "APPROVALS_MISSING": 2,
        "AUDIT_MISSING": 1,
        "RESULT_NOT_PUBLISHED": 1,
    }


@pytest.mark.parametrize("source", ["VOCATIONAL_SCHOOL", "ENTERPRISE", "PARENTS"])
def test_s01_the_vocational_centres_money_is_rejected_and_pays_nothing(source):
    """S01: 15 300 yuan on paper, `FundingSourceRejected`, payable 0; a case is opened by the event."""
    tallies = ((14, 14), (13, 13), (12, 12), (12, 12))
    stream = published(campaign(tallies, PAYING), tallies)
    assert stream.last("SettlementPublished")["data"]["total_fen"] == 1_530_000
    funded(stream, 20_000, source)
    assert stream.last("FundingSourceRejected")["data"] == {"source": source, "document": DOCUMENT}
    stream.to("2026-12-10 08:00")
    assert gate_of(stream) == {"FUNDING_SOURCE_FORBIDDEN": 1, "FUNDING_POOL_TOO_SMALL": 15_300}
    assert "PaymentOrdered" not in stream.names()


def test_money_without_a_document_and_a_pool_too_small_pay_nothing():
    """The number of the document and the pool are conditions of their own."""
    stream = ready_to_pay()
    funded(stream, 10_000, "PERFORMANCE_POOL", None)
    assert gate_of(stream, "PERFORMANCE_POOL") == {"FUNDING_DOCUMENT_MISSING": 1}
    funded(stream, 5_000, document="青教发〔2026〕13号")
    assert gate_of(stream, "青教发〔2026〕13号") == {"FUNDING_POOL_TOO_SMALL": 200}
    again = stream.refusal("declare_funding", OFFICER, source="FISCAL", pool_yuan=1, document=DOCUMENT)
    assert again.code == "FUNDING_EXISTS"


def test_a_pool_pays_once():
    """Two runs on one pool: what the first has taken is gone for the second."""
    stream = funded(published(campaign(parameters=PAYING)), 6_000).to("2026-12-10 08:00")
    order(stream)
    stream.do("adjust_settlement", OFFICER, run=RUN, line=LINE, delta_fen=90_000, cause=f"{CAMPAIGN}#2", reason="LATE")
    published_anew(stream, 1)
    assert gate_of(stream) == {"FUNDING_POOL_TOO_SMALL": 100}


def test_nothing_is_paid_while_appeals_are_possible_or_open():
    """What an appeal may change is not paid yet."""
    stream = funded(published(campaign(parameters=PAYING)))
    assert gate_of(stream) == {"APPEAL_TIME_RUNNING": 1}
    fields = {"appeal": "a-1", "run": RUN, "school": SCHOOL, "about": "RESULT", "reason": "COUNT"}
    stream.do("appeal_settlement", PRINCIPAL, **fields)
    stream.to("2026-12-10 08:00")
    assert gate_of(stream) == {"SETTLEMENT_APPEALS_OPEN": 1}
    assert "SETTLEMENT_APPEALS_OPEN" in [blocker.code for blocker in stream.decider.blockers(stream.state)]


def test_an_open_hold_stops_the_payment_until_it_is_released():
    """INV-30: it blocks payment, nothing else."""
    stream = ready_to_pay()
    stream.state.holds.open["h-1"] = Hold(scope="school", school=SCHOOL, case="c-1", reason="CHECK")
    assert gate_of(stream) == {"HOLDS_OPEN": 1}
    del stream.state.holds.open["h-1"]
    order(stream)


def test_a_penalty_is_no_fine_in_a_run_that_can_be_paid_and_the_other_reading_pays_nothing():
    """Q13: floored at 0, or a negative line that the gate stops; both readings differ."""
    assert ready_to_pay().state.settlement.runs[RUN].amounts[f"{SCHOOL}/2026-04"] == 0
    other = ready_to_pay(penalty_from="class_reward")
    assert other.state.settlement.runs[RUN].amounts[f"{SCHOOL}/2026-04"] == -25_000
    assert gate_of(other) == {"RESULT_NEGATIVE": 1}


def test_the_compliant_profile_as_it_ships_pays_nothing():
    """No tiers, and no permission to pay."""
    stream = funded(published(campaign())).to("2026-12-10 08:00")
    assert gate_of(stream) == {"PROFILE_NOT_PAYABLE": 1}


# -- R-09 ----------------------------------------------------------------------------------------------------------


def confirmed(stream, class_id="2026-01", kind="PAID_RECRUITING"):
    """Note a confirmed violation as the compliance part does."""
    stream.state.holds.violations["c-1"] = Violation(violation=kind, school=SCHOOL, class_id=class_id)


def test_paid_recruiting_takes_the_classs_payout_and_a_dismissal_restores_it():
    """R-09, edge case 44: the class's line is 0 and the others stand; after the dismissal all is as before."""
    stream = campaign(parameters=PAYING)
    confirmed(stream)
    compute(stream)
    assert list(stream.state.settlement.runs[RUN].amounts.values()) == [0, 160_000, 60_000, 0]
    assert stream.last("SettlementComputed")["data"]["voided"] == [LINE]
    assert stream.last("SettlementComputed")["data"]["lines"][0]["points"] == 0
    del stream.state.holds.violations["c-1"]
    compute(stream)
    assert list(stream.state.settlement.runs[RUN].amounts.values()) == [300_000, 160_000, 60_000, 0]


def test_another_violation_leaves_the_money_alone_and_a_late_one_stops_it():
    """Only paid recruiting voids; confirmed after the run, it must be settled before anything is paid."""
    stream = ready_to_pay()
    confirmed(stream, kind="FALSE_REPORT")
    assert violated_classes(stream.state) == []
    confirmed(stream)
    assert gate_of(stream) == {"VIOLATIONS_NOT_SETTLED": 1}
    stream.do("adjust_settlement", OFFICER, run=RUN, line=LINE, delta_fen=-300_000, cause=f"{CAMPAIGN}#2", reason="R09")
    published_anew(stream, 1)
    order(stream)
    assert stream.last("PaymentOrdered")["data"]["fen"] == 220_000


# -- corrections -----------------------------------------------------------------------------------------------------


def test_case_25_a_correction_after_the_payment_is_a_new_line_and_a_claw_back():
    """Nothing is edited: the order stands, the difference goes back, and the sum of the lines is the total."""
    stream = ready_to_pay()
    order(stream)
    stream.do("confirm_payment", CASHIER, run=RUN, payment="p1")
    before = [envelope["hash"] for envelope in stream.ledger]
    cause = f"{CAMPAIGN}#{len(stream.ledger)}"
    stream.do("adjust_settlement", OFFICER, run=RUN, line=LINE, delta_fen=-100_000, cause=cause, reason="HOLD_UPHELD")
    assert [envelope["hash"] for envelope in stream.ledger][: len(before)] == before
    assert stream.last("AdjustmentComputed")["data"]["total_fen"] == 420_000
    assert stream.last("ClawBackOrdered")["data"]["fen"] == 100_000
    run = stream.state.settlement.runs[RUN]
    assert run.ordered_fen - run.clawed_fen == run.total_fen == sum(run.amounts.values())
    stream.consistent()


def test_more_is_paid_only_after_audit_approvals_publication_and_appeals_anew():
    """A correction is another result: all that was said of the one before does not hold for it (R-08)."""
    stream = ready_to_pay()
    order(stream)
    stream.do("adjust_settlement", CASHIER, **MORE)
    assert gate_of(stream) == {"APPROVALS_MISSING": 2, "AUDIT_MISSING": 1, "RESULT_NOT_PUBLISHED": 1}
    approved(stream, revision=1)
    assert gate_of(stream) == {"AUDIT_MISSING": 1, "RESULT_NOT_PUBLISHED": 1}
    stream.do("review_settlement", AUDITOR, run=RUN, version=1, revision=1)
    assert gate_of(stream) == {"RESULT_NOT_PUBLISHED": 1}
    stream.do("publish_settlement", OFFICER, run=RUN)
    assert gate_of(stream) == {"APPEAL_TIME_RUNNING": 1}
    stream.to("2026-12-30 08:00")
    order(stream, "p2")
    paid = stream.last("PaymentOrdered")["data"]
    assert (paid["fen"], paid["revision"]) == (30_000, 1)
    nothing = stream.refusal("order_payment", CLERK, run=RUN, payment="p3", funding=DOCUMENT)
    assert nothing.code == "PAYMENT_NOTHING_DUE"


def test_the_published_amount_is_the_one_that_is_paid():
    """5,200 yuan are published; 1,000 more, and with two approvals alone 6,200 are not paid: the school can appeal."""
    stream = ready_to_pay()
    first = stream.last("SettlementPublished")["data"]
    stream.do("adjust_settlement", OFFICER, **MORE | {"delta_fen": 100_000})
    approved(stream, revision=1)
    assert "RESULT_NOT_PUBLISHED" in gate_of(stream)
    stream.do("review_settlement", AUDITOR, run=RUN, version=1, revision=1)
    stream.do("publish_settlement", OFFICER, run=RUN)
    again = stream.last("SettlementPublished")["data"]
    assert (first["total_fen"], again["total_fen"], again["revision"]) == (520_000, 620_000, 1)
    assert again["lines_digest"] == revised_digest(first["lines_digest"], LINE, 100_000)
    assert again["appeal_until"] > first["appeal_until"]
    assert stream.refusal("publish_settlement", OFFICER, run=RUN).code == "SETTLEMENT_PUBLISHED"
    stream.to("2026-12-30 08:00")
    order(stream)
    paid = stream.last("PaymentOrdered")["data"]
    assert (paid["fen"], paid["lines_digest"]) == (620_000, again["lines_digest"])
    stream.restart()
    stream.consistent()


@pytest.mark.parametrize("kind", ["review_settlement", "approve_settlement"])
def test_nobody_approves_a_correction_by_accident(kind):
    """Who looked at the version before its correction names revision 0, and is told."""
    stream = ready_to_pay()
    stream.do("adjust_settlement", OFFICER, **MORE)
    who = AUDITOR if kind == "review_settlement" else APPROVER
    old = stream.refusal(kind, who, run=RUN, version=1)
    assert (old.code, old.parameters) == ("SETTLEMENT_REVISION_OLD", {"version": 1, "revision": 1})


@pytest.mark.parametrize("maker", ["officer", "auditor", "approver", "approver2"])
def test_who_made_the_result_neither_orders_nor_confirms_its_payment(maker):
    """INV-21: computing, auditing and approving are one side, paying is the other; a stand-in is the same person."""
    stream = ready_to_pay()
    same = person(maker, Role.BUREAU_OFFICER, "bureau")
    deputy = person("deputy", Role.BUREAU_OFFICER, "bureau", on_behalf_of=same.id)
    for who in (same, deputy):
        assert stream.recorded("order_payment", who, run=RUN, payment="p1", funding=DOCUMENT) == "SELF_APPROVAL"
    order(stream)
    for who in (same, deputy, CLERK):
        assert stream.recorded("confirm_payment", who, run=RUN, payment="p1") == "SELF_APPROVAL"
    stream.do("confirm_payment", CASHIER, run=RUN, payment="p1")
    stream.consistent()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reason": None}, "REASON_REQUIRED"),
        ({"line": f"{SCHOOL}/2026-09"}, "SETTLEMENT_LINE_UNKNOWN"),
        ({"delta_fen": 0}, "ADJUSTMENT_EMPTY"),
        ({"delta_fen": -300_001}, "ADJUSTMENT_BELOW_ZERO"),
        ({"cause": "campaign/other/2026#3"}, "ADJUSTMENT_CAUSE_FOREIGN"),
        ({"cause": "because"}, "COMMAND_INVALID"),
        ({"delta_fen": 1.5}, "COMMAND_INVALID"),
    ],
)
def test_a_correction_needs_a_line_an_amount_a_reason_and_a_cause(changes, code):
    """Whole fen, on a line that is there, because of an event of this campaign."""
    stream = ready_to_pay()
    fields = {"run": RUN, "line": LINE, "delta_fen": -100, "cause": f"{CAMPAIGN}#2", "reason": "RECOUNT"} | changes
    assert (
        stream.refusal("adjust_settlement", OFFICER, **{k: v for k, v in fields.items() if v is not None}).code == code
    )


def test_a_paid_run_is_not_computed_again():
    """It is corrected by lines (INV-17)."""
    stream = ready_to_pay()
    order(stream)
    fields = {"run": RUN, "profile": "compliant", "as_at": "2026-11-21T08:00:00+08:00", "basis": basis()}
    assert stream.refusal("compute_settlement", OFFICER, classes=counts(FOUR_TIERS), **fields).code == "SETTLEMENT_PAID"
    again = stream.refusal("order_payment", CLERK, run=RUN, payment="p1", funding=DOCUMENT)
    assert again.code == "PAYMENT_EXISTS"
    for who in (AUDITOR, APPROVER):
        assert stream.refusal("order_payment", who, run=RUN, payment="p2", funding=DOCUMENT).code == "ROLE_NOT_ALLOWED"


def test_a_second_run_pays_no_class_that_the_first_has_paid():
    """INV-17: another name is no way around the correction of a run that was paid; what went back can be paid anew."""
    stream = ready_to_pay()
    order(stream)
    funded(stream, 10_000, document="青教发〔2026〕13号")
    again = {"run": "year-2026-again", "profile": "compliant", "as_at": AS_AT, "basis": basis()}
    stream.do("compute_settlement", OFFICER, **again, classes=counts())
    stream.do("review_settlement", AUDITOR, run=again["run"], version=1)
    for who in (APPROVER, SECOND_APPROVER):
        stream.do("approve_settlement", who, run=again["run"], version=1)
    stream.do("publish_settlement", OFFICER, run=again["run"])
    stream.to(stream.now + timedelta(days=10))
    pay = {"run": again["run"], "payment": "p2", "funding": "青教发〔2026〕13号"}
    refusal = stream.refusal("order_payment", CLERK, **pay)
    assert {one.code: one.count for one in refusal.blockers} == {"PAID_BY_ANOTHER_RUN": 3}
    for line in stream.state.settlement.runs[RUN].amounts.copy():
        back = {"run": RUN, "line": line, "reason": "PAID_BY_MISTAKE", "cause": f"{CAMPAIGN}#1"}
        amount = stream.state.settlement.runs[RUN].amounts[line]
        if amount:
            stream.do("adjust_settlement", OFFICER, **back, delta_fen=-amount)
    stream.do("order_payment", CLERK, **pay)
    stream.consistent()
