"""Runs of the settlement: lines from counts, four eyes, publication, versions that never change (INV-21, INV-29)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from settlement_courses import (
    AS_AT,
    CASHIER,
    CLERK,
    DISCIPLINE,
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
    order,
    published,
    ready_to_pay,
)
from stream_samples import APPROVER, AUDITOR, CAMPAIGN, OFFICER, PRINCIPAL, SCHOOL, person

from domain.actors import Role
from domain.policy import PROFILES
from domain.refusal import Refusal
from domain.settlement import settle
from domain.settlement_events import SettlementLine, lines_digest


def lines_of(stream, version=1):
    """Return all lines of a version, as the record has them."""
    return tuple(
        SettlementLine.model_validate(line)
        for envelope in stream.ledger
        if envelope["type"] in ("SettlementComputed", "SettlementLinesAdded") and envelope["data"]["version"] == version
        for line in envelope["data"]["lines"]
    )


def test_the_rules_compute_the_lines_and_an_auditor_computes_them_again():
    """S03 through the stream: from the event alone the same lines, sum and digest come out (INV-11, INV-17)."""
    stream = campaign()
    compute(stream, profile="legacy")
    event = stream.last("SettlementComputed")["data"]
    lines = lines_of(stream)
    assert [line.amount_fen for line in lines] == [300_000, 160_000, 60_000, -25_000]
    assert event["totals"] == {"classes": 4, "quota": 40, "countable": 29, "amount_fen": 495_000, "points": -6}
    assert (event["stamp"], event["shadow"], event["payable"]) == ("试算·不得发放", True, False)
    again = settle([line.count() for line in lines], PROFILES["legacy"])
    assert [row.reward_yuan * 100 for row in again.classes] == [line.amount_fen for line in lines]
    assert event["parameter_hash"] == again.parameter_hash
    assert event["lines_digest"] == lines_digest(lines)
    assert event["basis"] == basis()
    stream.restart()
    stream.consistent()


def test_a_large_county_writes_its_lines_in_parts():
    """Five hundred classes: every line is on record, and one digest is over all of them."""
    tallies = [(10, number % 13) for number in range(500)]
    quotas = {SCHOOL: {f"{2000 + number // 100:04d}-{number % 100:02d}": 10 for number in range(500)}}
    rows = [
        {"school": SCHOOL, "class_id": class_id, "quota": 10, "countable": tally[1]}
        for class_id, tally in zip(quotas[SCHOOL], tallies, strict=True)
    ]
    stream = campaign(quotas=quotas)
    compute(stream, classes=rows, profile="legacy")
    lines = lines_of(stream)
    assert len(lines) == 500
    assert stream.names()[-3:] == ["SettlementComputed", "SettlementLinesAdded", "SettlementLinesAdded"]
    assert stream.last("SettlementComputed")["data"]["lines_digest"] == lines_digest(lines)
    assert stream.state.settlement.runs[RUN].total_fen == sum(line.amount_fen for line in lines)
    assert len(stream.state.settlement.model_dump_json()) < 40_000
    stream.consistent()


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"school": "9900019999"}, "SCHOOL_UNKNOWN"),
        ({"class_id": "2026-01"}, "CLASS_TWICE"),
        ({"quota": 11}, "QUOTA_NOT_IN_FORCE"),
        ({"pupils": 4, "informed": 5}, "MORE_SERVED_THAN_PUPILS"),
        ({"class_id": "2026-09", "quota": 0, "countable": 0, "pupils": 40, "guided": 40}, "CLASS_UNKNOWN"),
    ],
)
def test_counts_that_are_not_the_campaigns_are_refused_with_their_row(row, code):
    """Nobody moves a tier by a quota of their own; all rows or none."""
    rows = counts()
    rows[1] |= row
    refusal = campaign().refusal(
        "compute_settlement", OFFICER, run=RUN, profile="legacy", as_at=AS_AT, basis=basis(), classes=rows
    )
    assert refusal.code == "ROWS_REFUSED"
    assert refusal.parameters["rows"] == [{"row": 1, "code": code}]


def test_a_run_has_every_class_with_a_quota_and_beside_them_those_that_count():
    """A class left out would lift its school over the veto line; one without a quota may still have brought pupils."""
    stream = campaign()
    fields = {"run": RUN, "profile": "legacy", "as_at": AS_AT, "basis": basis()}
    refusal = stream.refusal("compute_settlement", OFFICER, classes=counts()[:2], **fields)
    assert refusal.code == "SETTLEMENT_CLASSES_MISSING"
    assert refusal.parameters == {"classes": [f"{SCHOOL}/2026-03", f"{SCHOOL}/2026-04"], "count": 2}
    stream.do("compute_settlement", OFFICER, classes=counts((*FOUR_TIERS, (0, 2))), **fields)
    assert stream.last("SettlementComputed")["data"]["totals"]["classes"] == 5


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"as_at": "2026-11-30T08:00:00+08:00"}, "SETTLEMENT_AS_AT_FUTURE"),
        ({"basis": {"campaign/other/2026": {"version": 1, "hash": "b" * 64}}}, "SETTLEMENT_BASIS_FOREIGN"),
        ({"profile": "generous"}, "PROFILE_UNKNOWN"),
        ({"classes": []}, "COMMAND_INVALID"),
    ],
)
def test_a_run_that_cannot_be_computed_says_why(changes, code):
    """The future, another campaign's streams, an unknown policy, no class at all."""
    fields = {"run": RUN, "profile": "compliant", "as_at": AS_AT, "basis": basis(), "classes": counts()}
    assert campaign().refusal("compute_settlement", OFFICER, **(fields | changes)).code == code


def test_a_campaign_of_an_older_release_has_no_runs():
    """Its record goes on as it was; `settle` still computes a trial from it."""
    stream = campaign()
    stream.state.release = 2
    fields = {"run": RUN, "profile": "compliant", "as_at": AS_AT, "basis": basis(), "classes": counts()}
    assert stream.refusal("compute_settlement", OFFICER, **fields).code == "CAMPAIGN_TOO_OLD"


# -- people ------------------------------------------------------------------------------------------------------


def test_two_people_approve_and_neither_is_the_author_nor_the_same():
    """INV-21: on any path; each attempt is on record."""
    stream = campaign()
    compute(stream)
    author = person("officer", Role.BUREAU_APPROVER, "bureau")
    deputy = person("deputy", Role.BUREAU_APPROVER, "bureau", on_behalf_of=OFFICER.id)
    for who in (author, deputy):
        assert stream.recorded("approve_settlement", who, run=RUN, version=1) == "SELF_APPROVAL"
    stream.do("approve_settlement", APPROVER, run=RUN, version=1)
    for_the_first = person("x", Role.BUREAU_APPROVER, "bureau", on_behalf_of=APPROVER.id)
    for who in (APPROVER, for_the_first):
        assert stream.recorded("approve_settlement", who, run=RUN, version=1) == "SELF_APPROVAL"
    assert stream.refusal("publish_settlement", OFFICER, run=RUN).code == "SETTLEMENT_NOT_APPROVED"
    stream.do("approve_settlement", SECOND_APPROVER, run=RUN, version=1)
    stream.do("publish_settlement", OFFICER, run=RUN)
    assert stream.last("SettlementPublished")["data"]["appeal_until"] == "2026-11-30"
    stream.consistent()


def test_only_an_auditor_reviews():
    """The bureau does not audit itself, and the author in no role."""
    stream = campaign()
    compute(stream)
    assert stream.refusal("review_settlement", OFFICER, run=RUN, version=1).code == "ROLE_NOT_ALLOWED"
    author = person("officer", Role.AUDITOR, "bureau")
    assert stream.recorded("review_settlement", author, run=RUN, version=1) == "SELF_APPROVAL"
    stream.do("review_settlement", AUDITOR, run=RUN, version=1)
    assert stream.refusal("review_settlement", AUDITOR, run=RUN, version=1).code == "SETTLEMENT_REVIEWED"


def test_who_audits_does_not_approve_and_who_approves_does_not_audit():
    """R-08, INV-21: two looks of two people, whichever comes first."""
    stream = campaign()
    compute(stream)
    stream.do("review_settlement", AUDITOR, run=RUN, version=1)
    reviewer = person("auditor", Role.BUREAU_APPROVER, "bureau")
    assert stream.recorded("approve_settlement", reviewer, run=RUN, version=1) == "SELF_APPROVAL"
    compute(stream)
    stream.do("approve_settlement", APPROVER, run=RUN, version=2)
    approver = person("approver", Role.AUDITOR, "bureau")
    assert stream.recorded("review_settlement", approver, run=RUN, version=2) == "SELF_APPROVAL"


def test_a_version_is_approved_by_its_number():
    """Who looked at version 1 does not approve version 2 by accident; a new version starts without approvals."""
    stream = campaign()
    compute(stream)
    stream.do("review_settlement", AUDITOR, run=RUN, version=1)
    approved(stream)
    compute(stream, ((10, 10), (10, 8), (10, 7), (10, 5)))
    assert stream.refusal("approve_settlement", APPROVER, run=RUN, version=1).code == "SETTLEMENT_VERSION_OLD"
    assert stream.refusal("publish_settlement", OFFICER, run=RUN).code == "SETTLEMENT_NOT_APPROVED"
    assert not stream.state.settlement.runs[RUN].reviewed


def test_what_is_published_never_changes_and_a_new_version_tells_the_difference():
    """INV-29: the events of version 1 stay as they are; version 2 names what differs."""
    stream = published(campaign(parameters=PAYING))
    before = [envelope["hash"] for envelope in stream.ledger]
    compute(stream, ((10, 10), (10, 8), (10, 7), (10, 5)))
    assert [envelope["hash"] for envelope in stream.ledger][: len(before)] == before
    event = stream.last("SettlementComputed")["data"]
    assert event["version"] == 2
    assert event["changes"] == [{"line": f"{SCHOOL}/2026-03", "was_fen": 60_000, "now_fen": 70_000}]
    assert stream.state.settlement.runs[RUN].published_version == 1
    stream.consistent()


@pytest.mark.parametrize("as_at", ["2026-11-19T23:59:00+08:00", "2026-11-20T23:59:00+08:00"])
def test_nothing_is_published_before_the_counting_cutoff(as_at):
    """INV-11: a count of before the cut-off is a trial; on its day pupils are registered until 24:00 (DOMAIN §7.6)."""
    stream = campaign()
    compute(stream, as_at=as_at)
    approved(stream)
    assert stream.refusal("publish_settlement", OFFICER, run=RUN).code == "SETTLEMENT_BEFORE_CUTOFF"


def test_a_trial_profile_is_computed_and_audited_and_goes_no_further():
    """X1: legacy figures are neither approved, published nor a ground for a veto, and reference no payment."""
    stream = funded(campaign())
    compute(stream, ((10, 1), (10, 1), (10, 1), (10, 1)), profile="legacy")
    stream.do("review_settlement", AUDITOR, run=RUN, version=1)
    assert stream.refusal("approve_settlement", APPROVER, run=RUN, version=1).code == "SETTLEMENT_TRIAL_ONLY"
    assert stream.refusal("publish_settlement", OFFICER, run=RUN).code == "SETTLEMENT_TRIAL_ONLY"
    assert stream.refusal("propose_veto", OFFICER, run=RUN, school=SCHOOL).code == "SETTLEMENT_TRIAL_ONLY"
    refusal = stream.refusal("order_payment", OFFICER, run=RUN, payment="p1", funding=DOCUMENT)
    assert "PROFILE_NOT_PAYABLE" in [blocker.code for blocker in refusal.blockers]


def test_the_board_shows_no_amount():
    """DESIGN §10: figures stand in the record, where roles are looked at."""
    stream = published(campaign(parameters=PAYING))
    line = stream.machine.view()["settlement"][RUN]
    assert line == {
        "version": 1,
        "profile": "compliant",
        "reviewed": True,
        "approvals": 2,
        "published": True,
        "paid": False,
    }
    assert "stage" not in stream.machine.view()


def test_a_sample_is_published_once_by_those_who_watch():
    """R-21: seed and digest in the campaign's stream, no reference of a pupil."""
    stream = campaign()
    fields = {"seed": "lottery-2026-11-21", "digest": "c" * 64, "size": 12, "of": 40}
    assert stream.refusal("publish_sample", OFFICER, **fields).code == "ROLE_NOT_ALLOWED"
    stream.do("publish_sample", AUDITOR, **fields)
    assert stream.last("SamplePublished")["data"] == fields
    assert stream.refusal("publish_sample", DISCIPLINE, **fields).code == "SAMPLE_EXISTS"


# -- any sequence of commands --------------------------------------------------------------------------------------

PEOPLE = (OFFICER, CLERK, CASHIER, APPROVER, SECOND_APPROVER, AUDITOR, DISCIPLINE, PRINCIPAL)
TALLIES = st.tuples(*[st.integers(0, 12).map(lambda n: (10, n))] * 4)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["compute", "review", "approve", "approve2", "publish", "order", "confirm", "adjust", "wait"]),
        st.sampled_from(PEOPLE),
        TALLIES,
        st.integers(-200_000, 200_000),
    ),
    max_size=25,
)


def _try(stream, step, number):
    what, who, tallies, delta = step
    run = stream.state.settlement.runs.get(RUN)
    version, revision = (run.version, run.revision) if run else (1, 0)
    by_role = {"compute": OFFICER, "review": AUDITOR, "approve": APPROVER, "approve2": SECOND_APPROVER}
    actor = by_role.get(what, who)
    fields = {
        "compute": {"profile": "compliant", "as_at": AS_AT, "basis": basis(), "classes": counts(tallies)},
        "order": {"payment": f"p{number}", "funding": DOCUMENT},
        "confirm": {"payment": f"p{number - 1}"},
        "adjust": {"line": LINE, "delta_fen": delta, "cause": f"{CAMPAIGN}#2", "reason": "RECOUNT"},
    }.get(what, {} if what == "publish" else {"version": version, "revision": revision})
    kinds = {"order": "order_payment", "confirm": "confirm_payment", "approve2": "approve_settlement"}
    if what == "wait":
        stream.to(stream.now.replace(year=stream.now.year + (number % 2 == 0), hour=9))
        return
    with contextlib.suppress(Refusal):
        stream.submit(stream.command(kinds.get(what, f"{what}_settlement"), actor, run=RUN, **fields))


@settings(max_examples=30, deadline=None)
@given(STEPS, st.booleans())
def test_money_adds_up_whatever_people_try(steps, payable):
    """INV-17: Σ lines = total; no more is out than is due; each payment has its gate; nothing but lines changes it."""
    stream = funded(campaign(parameters=PAYING | {"payable": payable}))
    for number, step in enumerate(steps):
        _try(stream, step, number)
    stream.consistent()
    book = stream.state.settlement
    for run in book.runs.values():
        started = [e["data"] for e in stream.ledger if e["type"] == "SettlementComputed"][-1]
        adjusted = [
            e["data"]["delta_fen"]
            for e in stream.ledger
            if e["type"] == "AdjustmentComputed" and e["data"]["version"] == run.version
        ]
        assert run.total_fen == started["totals"]["amount_fen"] + sum(adjusted)
        assert 0 <= run.ordered_fen - run.clawed_fen <= max(0, run.total_fen)
        if payable:
            assert min(run.amounts.values()) >= 0
        paid_out = [e["data"] for e in stream.ledger if e["type"] == "PaymentOrdered"]
        shown = [(e["data"]["lines_digest"]) for e in stream.ledger if e["type"] == "SettlementPublished"]
        assert all(order["lines_digest"] in shown for order in paid_out)
    paid = [e["data"]["fen"] for e in stream.ledger if e["type"] == "PaymentOrdered"]
    assert (not paid) or payable
    assert sum(paid) == sum(funding.ordered_fen for funding in book.funding.values())
    assert all(funding.ordered_fen <= funding.pool_fen for funding in book.funding.values())


def test_a_way_without_hindrance_pays_and_is_confirmed_by_another():
    """The same way in order, so that the property above is not about refusals only."""
    stream = ready_to_pay()
    order(stream)
    assert stream.last("PaymentOrdered")["data"]["fen"] == 520_000  # 3000 + 1600 + 600 + 0: no fine on wages (Q13)
    assert stream.recorded("confirm_payment", CLERK, run=RUN, payment="p1") == "SELF_APPROVAL"
    stream.do("confirm_payment", CASHIER, run=RUN, payment="p1")
    assert stream.machine.view()["settlement"][RUN]["paid"]
    assert FOUR_TIERS[3] == (10, 5)
    stream.restart()
    stream.consistent()
