"""`settle` over a campaign: who sees what, a run from counts to payment, the sample, and the auditor's check."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for `stream_samples`, also when run alone
from cli_machine_rooms import desk
from settlement_courses import AFTER_CUTOFF, DISCIPLINE, DOCUMENT, PAYING, SECOND_APPROVER
from stream_samples import (
    APPROVER,
    AUDITOR,
    CAMPAIGN,
    CLASSES,
    HEAD,
    OFFICER,
    PRINCIPAL,
    SCHOOL,
    Stream,
    campaign_start,
    person,
    policy,
    when,
)

from domain.actors import Role

CLERK, CASHIER = (person(name, Role.BUREAU_OFFICER, "bureau") for name in ("clerk", "cashier"))
RUN = "year-2026"
QUOTAS = {"2026-01": 2, "2026-02": 3}
PEOPLE = (AUDITOR, DISCIPLINE, APPROVER, SECOND_APPROVER, CLERK, CASHIER)


def campaign(**parameters):
    """Return an approved campaign after its cut-off."""
    start = campaign_start(
        release=3, quotas={SCHOOL: QUOTAS}, policy=policy(**(PAYING | parameters)).model_dump(mode="json")
    )
    stream = Stream("campaign", start, when("2025-10-20 08:00"))
    stream.do("approve", APPROVER)
    return stream.to(AFTER_CUTOFF)


@pytest.fixture
async def office(monkeypatch, capsys, tmp_path):
    """Return a bureau's desk over a campaign whose one school has not filed anything; it is after the cut-off."""
    monkeypatch.setattr("cli.settle_people._today", lambda: date(2026, 11, 23))
    return await desk(monkeypatch, capsys, tmp_path, campaign(), people=PEOPLE)


def computed(office, *options):
    """Compute the run through the command line."""
    told = office("settle", "run", CAMPAIGN, RUN, "--by", OFFICER.id, *options)
    assert told.code == 0, told.out + told.err
    return told.json


def test_a_run_tells_the_version_that_review_and_approve_ask_for(office):
    """The first is 1, the same name again 2; no other command has to be asked for it."""
    assert [computed(office)["version"], computed(office)["version"]] == [1, 2]


def on_record(office):
    """Return the types of the campaign's events."""
    return office.streams[CAMPAIGN].names()


def test_a_campaign_asks_who_asks(office):
    """DESIGN §10: not everybody sees classes, so `--by` is needed; an unknown person is 4."""
    told = office("settle", CAMPAIGN)
    assert (told.code, told.json["error"]["code"]) == (2, "SETTLE_BY_MISSING")
    told = office("settle", CAMPAIGN, "--by", "stf_nobody")
    assert (told.code, told.json["error"]["code"]) == (4, "STAFF_UNKNOWN")


@pytest.mark.parametrize("who", [AUDITOR, DISCIPLINE, OFFICER, APPROVER])
def test_those_who_watch_see_classes_cliffs_and_the_basis(office, who):
    """Rewards, cliffs and up to where each stream was read."""
    told = office("settle", CAMPAIGN, "--by", who.id, "--profile", "legacy").json
    assert [row["reward_yuan"] for row in told["classes"]] == [-100, -150]
    assert [cliff["next_line"]["heads"] for cliff in told["cliffs"]] == [2, 2]
    head = office.streams[CAMPAIGN].ledger[-1]
    assert told["basis"] == {CAMPAIGN: {"version": head["version"], "hash": head["hash"]}}
    assert (told["stamp"], told["county"]["payable_yuan"]) == ("试算·不得发放", 0)


@pytest.mark.parametrize("who", [OFFICER, APPROVER])
def test_up_to_the_cutoff_the_bureau_sees_no_class(office, monkeypatch, who):
    """DESIGN §10: neither rewards nor cliffs, by no command, while families decide; those who watch see all."""
    computed(office, "--profile", "legacy")
    monkeypatch.setattr("cli.settle_people._today", lambda: date(2026, 11, 20))
    office.streams[CAMPAIGN].ledger[-1]["recorded_at"] = "2026-11-20T23:00:00.000+08:00"
    for asked in (("settle", CAMPAIGN), ("settle", "verify", CAMPAIGN)):
        told = office(*asked, "--by", who.id)
        assert (told.code, told.json["refused"]["code"]) == (5, "ROLE_NOT_ALLOWED")
        assert office(*asked, "--by", AUDITOR.id).code in (0, 7)  # the mark of the time was moved: 7
    shown = office("settle", "show", CAMPAIGN, "--by", who.id).json
    assert (shown["runs"], "funding" in shown) == ([], False)
    assert len(office("settle", "show", CAMPAIGN, "--by", DISCIPLINE.id).json["runs"]) == 1


@pytest.mark.parametrize("who", [PRINCIPAL, HEAD])
def test_a_school_sees_its_service_only(office, who):
    """Neither rewards, nor cliffs, nor a quota: nobody in the school can press by them."""
    told = office("settle", CAMPAIGN, "--by", who.id, "--profile", "legacy").json
    assert set(told) == {"campaign", "service"}
    assert told["service"]["school"] == SCHOOL
    assert not {"reward_yuan", "points", "quota", "cliffs"} & set(told["service"])


def test_both_profiles_stand_side_by_side(office):
    """The campaign's own policy keeps its parameters; the historical one is a trial."""
    told = office("settle", CAMPAIGN, "--by", AUDITOR.id, "--both").json["profiles"]
    assert list(told) == ["compliant", "legacy"]
    assert told["compliant"]["parameter_hash"] == office.streams[CAMPAIGN].state.policy.parameter_hash
    shown = office.readable("settle", CAMPAIGN, "--by", AUDITOR.id, "--both").out
    assert "-250 元" in shown
    assert "试算·不得发放" in shown


def test_a_run_goes_from_the_counts_to_the_payment_gate(office):
    """Every step is an event; the gate names all that is missing, and then pays nothing that is not due."""
    computed(office)
    told = office("settle", "pay", CAMPAIGN, RUN, "--funding", DOCUMENT, "--by", OFFICER.id)
    assert (told.code, told.json["refused"]["code"]) == (5, "FUNDING_GATE")
    assert {blocker["code"] for blocker in told.json["refused"]["blockers"]} == {
        "FUNDING_SOURCE_MISSING",
        "APPROVALS_MISSING",
        "AUDIT_MISSING",
        "RESULT_NOT_PUBLISHED",
    }
    for command, who in (("review", AUDITOR), ("approve", APPROVER), ("approve", SECOND_APPROVER)):
        assert office("settle", command, CAMPAIGN, RUN, "1", "--by", who.id).code == 0
    assert office("settle", "publish", CAMPAIGN, RUN, "--by", OFFICER.id).code == 0
    assert office("settle", "fund", CAMPAIGN, "fiscal", "500", "--document", DOCUMENT, "--by", OFFICER.id).code == 0
    office.streams[CAMPAIGN].to("2026-12-10 08:00")
    told = office("settle", "pay", CAMPAIGN, RUN, "--funding", DOCUMENT, "--by", CLERK.id)
    assert told.json["refused"]["code"] == "PAYMENT_NOTHING_DUE"
    line = f"{SCHOOL}/2026-01"
    adjust = ("settle", "adjust", CAMPAIGN, RUN, line, "120", "--cause", f"{CAMPAIGN}#3", "--by", OFFICER.id)
    assert office(*adjust, "--reason", "RECOUNT").code == 0
    old = office("settle", "approve", CAMPAIGN, RUN, "1", "--by", APPROVER.id)
    assert old.json["refused"]["code"] == "SETTLEMENT_REVISION_OLD"
    for command, who in (("review", AUDITOR), ("approve", APPROVER), ("approve", SECOND_APPROVER)):
        assert office("settle", command, CAMPAIGN, RUN, "1", "--revision", "1", "--by", who.id).code == 0
    assert office("settle", "publish", CAMPAIGN, RUN, "--by", OFFICER.id).code == 0
    office.streams[CAMPAIGN].to("2026-12-30 08:00")
    told = office("settle", "pay", CAMPAIGN, RUN, "--funding", DOCUMENT, "--by", OFFICER.id)
    assert told.json["refused"]["code"] == "SELF_APPROVAL"
    told = office("settle", "pay", CAMPAIGN, RUN, "--funding", DOCUMENT, "--by", CLERK.id)
    assert told.code == 0, told.out
    paid = told.json["payment"]
    assert office("settle", "confirm", CAMPAIGN, RUN, paid, "--by", CASHIER.id).code == 0
    back = ("settle", "adjust", CAMPAIGN, RUN, line, "-20", "--cause", f"{CAMPAIGN}#3", "--by", OFFICER.id)
    assert office(*back, "--reason", "HOLD_UPHELD").code == 0
    assert on_record(office)[-4:] == ["PaymentOrdered", "PaymentConfirmed", "AdjustmentComputed", "ClawBackOrdered"]
    [run] = office("settle", "show", CAMPAIGN, "--by", AUDITOR.id).json["runs"]
    assert (run["total_fen"], run["revision"]) == (10_000, 2)
    assert [act["type"] for act in run["acts"]][-1] == "ClawBackOrdered"
    [public] = office("settle", "show", CAMPAIGN, "--by", PRINCIPAL.id).json["runs"]
    assert public["lines"][0]["reward_yuan"] == 120  # as it was published last: with one correction, and not the other


def test_a_correction_names_an_event_that_is_on_record(office):
    """INV-17: nobody can look up an event that there is not."""
    computed(office)
    adjust = ("settle", "adjust", CAMPAIGN, RUN, f"{SCHOOL}/2026-01", "120", "--cause", f"{CAMPAIGN}#9999")
    told = office(*adjust, "--by", OFFICER.id, "--reason", "RECOUNT")
    assert (told.code, told.json["refused"]["code"]) == (5, "ADJUSTMENT_CAUSE_FOREIGN")


def test_money_of_a_vocational_school_is_rejected_on_record(office):
    """INV-18: exit 5, and the event that opens a compliance case."""
    told = office("settle", "fund", CAMPAIGN, "vocational_school", "500", "--document", "9号", "--by", OFFICER.id)
    assert (told.code, told.json["refused"]["code"]) == (5, "FUNDING_SOURCE_REJECTED")
    assert "FundingSourceRejected" in on_record(office)
    computed(office)
    told = office("settle", "pay", CAMPAIGN, RUN, "--funding", "9号", "--by", OFFICER.id)
    assert "FUNDING_SOURCE_FORBIDDEN" in {blocker["code"] for blocker in told.json["refused"]["blockers"]}


def test_an_auditor_computes_every_run_again(office):
    """INV-11: from the basis that the event names; later events change nothing of it. A forged line is found (7)."""
    computed(office)
    office("settle", "fund", CAMPAIGN, "fiscal", "500", "--by", OFFICER.id)
    told = office("settle", "verify", CAMPAIGN, "--by", AUDITOR.id)
    assert (told.code, told.json["verified"], told.json["runs"][0]["problems"]) == (0, True, [])
    event = office.streams[CAMPAIGN].last("SettlementComputed")
    event["data"]["lines"][0]["amount_fen"] += 100
    told = office("settle", "verify", CAMPAIGN, "--by", AUDITOR.id)
    assert (told.code, told.json["runs"][0]["problems"]) == (7, ["DIGEST", "LINES"])


def test_an_auditor_chains_the_digests_of_corrections(office):
    """What is published is the lines with every correction so far; another amount in one of them is found (7)."""
    computed(office)
    adjust = ("settle", "adjust", CAMPAIGN, RUN, f"{SCHOOL}/2026-01", "120", "--cause", f"{CAMPAIGN}#3")
    assert office(*adjust, "--by", OFFICER.id, "--reason", "RECOUNT").code == 0
    assert office("settle", "verify", CAMPAIGN, "--by", AUDITOR.id).code == 0
    office.streams[CAMPAIGN].last("AdjustmentComputed")["data"]["delta_fen"] += 100
    told = office("settle", "verify", CAMPAIGN, "--by", AUDITOR.id)
    assert (told.code, told.json["runs"][0]["problems"]) == (7, ["DIGEST"])


def test_what_is_not_published_is_the_bureaus_and_what_is_hides_small_cells(office):
    """R-22: a principal sees nothing before publication; outside, cells below five are left out."""
    computed(office)
    assert office("settle", "show", CAMPAIGN, "--by", PRINCIPAL.id).json["runs"] == []
    office("settle", "review", CAMPAIGN, RUN, "1", "--by", AUDITOR.id)
    for who in (APPROVER, SECOND_APPROVER):
        office("settle", "approve", CAMPAIGN, RUN, "1", "--by", who.id)
    office("settle", "publish", CAMPAIGN, RUN, "--by", OFFICER.id)
    [run] = office("settle", "show", CAMPAIGN, "--by", PRINCIPAL.id).json["runs"]
    assert [line["class"] for line in run["lines"]] == sorted(CLASSES)
    assert "acts" not in run


def test_a_sample_needs_a_seed_and_a_watcher_and_can_be_published(office):
    """The draw of nobody is empty and still has its digest; a second publication of the seed is refused."""
    draw = ("settle", "sample", CAMPAIGN, "--seed", "lottery-7719", "--by")
    assert office(*draw, OFFICER.id, "--publish").code == 5
    told = office(*draw, AUDITOR.id, "--publish").json
    assert (told["size"], told["of"], told["sample"]) == (0, 0, [])
    assert office.streams[CAMPAIGN].last("SamplePublished")["data"]["digest"] == told["digest"]
    assert office(*draw, AUDITOR.id, "--publish").json["refused"]["code"] == "SAMPLE_EXISTS"
    assert office(*draw, PRINCIPAL.id).code == 5
    event = office.streams[CAMPAIGN].last("SamplePublished")
    office.streams[CAMPAIGN].to("2026-11-24 08:00")
    computed(office)
    again = office(*draw, AUDITOR.id, "--at", event["recorded_at"]).json
    assert (again["digest"], again["basis"][CAMPAIGN]["version"]) == (told["digest"], event["version"])
    both = office(*draw, AUDITOR.id, "--publish", "--at", event["recorded_at"])
    assert (both.code, both.json["error"]["code"]) == (2, "SAMPLE_OF_THE_PAST")


def test_an_appeal_goes_to_somebody_without_a_hand_in_it(office):
    """Filed by the principal, decided by the discipline officer; the approver has had a hand in the run."""
    computed(office)
    for who in (APPROVER, SECOND_APPROVER):
        office("settle", "approve", CAMPAIGN, RUN, "1", "--by", who.id)
    office("settle", "publish", CAMPAIGN, RUN, "--by", OFFICER.id)
    file = ("settle", "appeal", "file", CAMPAIGN, RUN, SCHOOL, "line", "--class", "2026-01", "--by", PRINCIPAL.id)
    told = office(*file, "--reason", "PUPIL_MISSING")
    assert told.code == 0, told.out
    decide = ("settle", "appeal", "decide", CAMPAIGN, told.json["appeal"], "upheld", "--reason", "SEEN", "--by")
    assert office(*decide, APPROVER.id).json["refused"]["code"] == "SELF_APPROVAL"
    assert office(*decide, DISCIPLINE.id).code == 0
    show = ("settle", "show", CAMPAIGN, "--by", AUDITOR.id)
    [held] = office(*show).json["appeals"].values()
    assert (held["outcome"], held["unanswered"]) == ("UPHELD", True)
    answer = ("settle", "appeal", "answer", CAMPAIGN, told.json["appeal"], "--reason", "POINTS_ONLY", "--by")
    assert office(*answer, DISCIPLINE.id).json["refused"]["code"] == "SELF_APPROVAL"
    assert office(*answer, AUDITOR.id).code == 0
    [held] = office(*show).json["appeals"].values()
    assert not held["unanswered"]
