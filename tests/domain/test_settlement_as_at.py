"""A run looks at a moment: by the policy of that day and the targets that were known then (B18, INV-11, INV-29)."""

from __future__ import annotations

import pytest
from settlement_courses import AFTER_CUTOFF, FOUR_TIERS, PAYING, RUN, approved, basis, campaign, compute, counts
from stream_samples import APPROVER, OFFICER, SCHOOL, Stream, policy

from domain.policy_change import counting_cutoff, policy_on
from domain.time import instant

BEFORE, AFTER = "2026-11-21T23:59:59+08:00", "2026-11-22T00:00:00+08:00"
"""The last moment under the first version, and the first under the second."""

NEWER = {"penalty": 70, "penalty_from": "class_reward", "counting_cutoff": "11-21"}
PAPER = {"document": "青教发〔2026〕88号", "effective": "2026-11-01", "reason": "RECOUNT", "preview": "c" * 64}


def changed(*versions: tuple[int, str, dict]) -> Stream:
    """Return a campaign that has adopted versions of its policy, after its cut-off."""
    stream = campaign(parameters=PAYING, at="2026-11-01 08:00")
    for version, day, parameters in versions:
        change = {"document": f"青教发〔2026〕{version}号", "effective_from": day, "reason": "NOTICE"}
        stream.do("announce_policy", OFFICER, version=version, parameters=parameters, **change)
        stream.do("approve_policy", APPROVER, version=version)
    return stream.to(AFTER_CUTOFF)


@pytest.mark.parametrize(
    ("as_at", "version", "fen"),
    [(BEFORE, 1, 0), (AFTER, 2, -35_000)],
)
def test_the_day_of_the_run_decides_not_the_day_of_the_command(as_at, version, fen):
    """Both are computed on 23 November: who follows a change is told by its effective day, to the instant."""
    stream = changed((2, "2026-11-22", NEWER))
    assert stream.state.policy.version == 2
    compute(stream, as_at=as_at)
    event = stream.last("SettlementComputed")["data"]
    assert event["profile_version"] == version
    assert event["parameter_hash"] == policy(**(PAYING | (NEWER if version == 2 else {}))).parameter_hash
    assert event["lines"][3]["amount_fen"] == fen
    stream.restart()
    stream.consistent()


def test_a_change_alters_no_published_result_and_a_new_version_of_the_old_day_says_the_same():
    """INV-29: computed again after the change, as at the same moment, nothing differs."""
    stream = campaign(parameters=PAYING, at="2026-11-21 09:00")
    compute(stream, as_at="2026-11-21T08:00:00+08:00")
    first = stream.last("SettlementComputed")["data"]
    change = {"document": "青教发〔2026〕2号", "effective_from": "2026-11-22", "reason": "NOTICE"}
    stream.do("announce_policy", OFFICER, version=2, parameters=NEWER, **change)
    stream.do("approve_policy", APPROVER, version=2)
    stream.to(AFTER_CUTOFF)
    compute(stream, as_at="2026-11-21T08:00:00+08:00")
    second = stream.last("SettlementComputed")["data"]
    assert second == first | {"version": 2}


def test_a_run_is_after_the_cutoff_of_its_own_policy():
    """Version 2 counts to the 21st; a run of the 21st is one of version 1, and can be published."""
    stream = changed((2, "2026-11-22", NEWER))
    assert (counting_cutoff(stream.state).isoformat(), counting_cutoff(stream.state, instant(BEFORE)).isoformat()) == (
        "2026-11-21",
        "2026-11-20",
    )
    compute(stream, as_at="2026-11-21T12:00:00+08:00")
    approved(stream)
    stream.do("publish_settlement", OFFICER, run=RUN)


def test_every_version_is_found_by_its_day_also_after_several():
    """Announced together or one after the other, withdrawn or not approved: the approved one of the day holds."""
    stream = changed((2, "2026-11-05", {"appeal_days": 8}), (3, "2026-11-10", {"appeal_days": 9}))
    for version, day in ((4, "2026-12-01"), (5, "2026-12-20")):
        change = {"document": f"青教发〔2026〕{version}号", "effective_from": day, "reason": "NOTICE"}
        stream.do("announce_policy", OFFICER, version=version, parameters={"appeal_days": 6 + version}, **change)
    stream.do("approve_policy", APPROVER, version=4)
    stream.do("withdraw_policy", OFFICER, version=5, reason="RECALLED")
    days = ("2026-11-04", "2026-11-05", "2026-11-09", "2026-11-10", "2026-11-30", "2026-12-01", "2026-12-31")
    held = [policy_on(stream.state, instant(f"{day}T12:00:00+08:00").date()).version for day in days]
    assert held == [1, 2, 2, 3, 3, 4, 4]
    stream.to("2026-12-02 08:00")
    stream.restart()
    assert [policy_on(stream.state, instant(f"{day}T12:00:00+08:00").date()).version for day in days] == held


def test_a_campaign_that_never_changed_its_policy_has_the_one():
    """Also on a day before it was drafted."""
    stream = campaign(parameters=PAYING)
    assert policy_on(stream.state, instant(BEFORE).date()) == stream.state.policy


def test_quotas_are_those_that_were_on_record_at_the_moment():
    """Edge 12, edge 47: a paper of 22 November that takes the target back from the 1st changes no run of the 21st."""
    stream = campaign(parameters=PAYING, at="2026-11-22 08:00")
    stream.do("revise_targets", OFFICER, schools={SCHOOL: 0}, total=0, **PAPER)
    stream.do("approve_targets", APPROVER, document=PAPER["document"])
    stream.to(AFTER_CUTOFF)
    compute(stream, as_at=BEFORE)
    assert stream.last("SettlementComputed")["data"]["totals"]["quota"] == 40
    without = tuple((0, countable) for _, countable in FOUR_TIERS)
    fields = {"run": RUN, "profile": "compliant", "basis": basis()}
    refusal = stream.refusal("compute_settlement", OFFICER, as_at=BEFORE, classes=counts(without), **fields)
    assert refusal.parameters["rows"] == [{"row": number, "code": "QUOTA_NOT_IN_FORCE"} for number in range(4)]
    compute(stream, without, as_at="2026-11-22T12:00:00+08:00")
    event = stream.last("SettlementComputed")["data"]
    assert (event["totals"]["quota"], event["findings"]) == (0, {SCHOOL: "NO_TASK"})
    stream.restart()
    stream.consistent()


def test_a_shipped_profile_is_no_way_around_the_campaigns_own():
    """INV-29: what can be published goes by the policy in force, whatever its name; a trial goes by any."""
    stream = campaign(parameters=PAYING, at="2026-11-20 08:00")
    own = {**stream.state.policy.model_dump(mode="json"), "id": "qingshan"}
    change = {"document": "青教发〔2026〕2号", "effective_from": "2026-11-21", "reason": "NOTICE"}
    stream.do("announce_policy", OFFICER, version=2, profile=own, **change)
    stream.do("approve_policy", APPROVER, version=2)
    stream.to(AFTER_CUTOFF)
    fields = {"run": RUN, "as_at": "2026-11-22T08:00:00+08:00", "basis": basis(), "classes": counts()}
    refusal = stream.refusal("compute_settlement", OFFICER, **fields, profile="compliant")
    assert (refusal.code, refusal.parameters) == ("PROFILE_NOT_IN_FORCE", {"profile": "compliant", "held": "qingshan"})
    for name in ("qingshan", "legacy"):
        stream.do("compute_settlement", OFFICER, **fields, profile=name)
