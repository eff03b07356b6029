"""Which losses are nobody's fault: what the school did in the pupil's last case decides, and no other (R-15)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for the streams under test, also when run alone
from stream_samples import APPROVER, CAMPAIGN, HEAD, OFFICER, PRINCIPAL, SCHOOL, A
from test_audit_settlements import Streams
from watch_courses import FIRST, VISITORS, report, watched_county

from audit.counts import recorded
from cli.settle import of_record
from cli.settle_view import readable
from domain.dropout_rates import dropout_results


def do_all(county, case, day):
    """Visit, and report in writing in time."""
    visit = {"n": 1, "on": day, "visitors": VISITORS, "outcome": "NOT_WILLING_YET"}
    county.do(case, "record_persuasion", HEAD, **visit)
    county.do(case, "file_written_report", PRINCIPAL, document=f"KC-{day}", on=day)


@pytest.mark.parametrize(("first", "second", "served"), [(True, False, 0), (False, True, 1)])
async def test_only_the_last_case_says_what_was_done_for_a_lost_pupil(first, second, served):
    """What was done, or left undone, in a case that was closed says nothing of the next one."""
    county = watched_county(quotas={SCHOOL: {FIRST: 1, "2026-02": 1}})
    own, case = county[f"{SCHOOL}/attendance"], f"{SCHOOL}/dropout/{A}"
    for day in (3, 4, 5):
        report(own, f"2025-11-{day:02}", A)
        county.to(f"2025-11-{day:02} 15:01")
    if first:
        do_all(county, case, "2025-11-05")
    county.to("2025-11-06 09:00").do(case, "record_return", HEAD, on="2025-11-06", evidence="SEEN")
    for day in (6, 7, 10, 11, 12, 13, 14, 17, 18, 19):
        county.to(f"2025-11-{day:02} 15:00")
        report(own, f"2025-11-{day:02}")
    county.to("2025-11-19 18:00").do(case, "close_dropout_case", PRINCIPAL)
    for day in (20, 21, 24):
        county.to(f"2025-11-{day} 15:00")
        report(own, f"2025-11-{day}", A)
        county.settle()
    if second:
        do_all(county, f"{case}-2", "2025-11-24")
    county.to("2026-07-16 08:00")
    (count,) = [one for one in (await recorded(Streams(county.streams), CAMPAIGN)).dropout if one.class_id == FIRST]
    assert (count.lost, count.served) == (1, served)


async def test_without_a_report_losses_are_unknown_and_with_one_they_are_none():
    """INV-15: no report says nothing, neither before the first is due nor after many were missed; a zero is filed."""
    county = watched_county(quotas={SCHOOL: {FIRST: 1, "2026-02": 1}})
    for day in ("2025-11-03 08:00", "2025-11-10 08:00"):
        found = await recorded(Streams(county.to(day).streams), CAMPAIGN)
        assert [(one.lost, one.served) for one in found.dropout] == [(None, None), (None, None)]
        told = dropout_results(found.dropout, found.state.policy.parameters)
        assert [(one.rate, one.award, one.finding) for one in told] == [(None, False, "LOSSES_UNKNOWN")] * 2
    shown = of_record(found, "compliant")
    assert [(row["lost"], row["rate"], row["award"]) for row in shown["dropout"]] == [(None, None, False)] * 2
    text = "\n".join(str(part) for part in readable(shown).renderables)
    assert "没有考勤报告，流失人数未知" in text
    assert "可奖励" not in text
    report(county[f"{SCHOOL}/attendance"], "2025-11-10")
    found = await recorded(Streams(county.streams), CAMPAIGN)
    assert [(one.lost, one.served) for one in found.dropout] == [(0, 0), (0, 0)]
    shown = of_record(found, "compliant")
    assert [row["award"] for row in shown["dropout"]] == [True, True]


async def test_a_target_that_was_not_shared_out_by_the_cut_off_is_shown():
    """The classes count as they were last shared, and the difference to the paper is told."""
    county = watched_county(quotas={SCHOOL: {FIRST: 1, "2026-02": 1}})
    paper = {"document": "T-2", "effective": "2026-03-01", "schools": {SCHOOL: 5}, "total": 5, "preview": "a" * 64}
    county.campaign.do("revise_targets", OFFICER, **paper, reason="MORE_PUPILS")
    county.campaign.do("approve_targets", APPROVER, document="T-2")
    shown = of_record(await recorded(Streams(county.streams), CAMPAIGN), "compliant")
    assert shown["not_shared"] == [{"school": SCHOOL, "wave": "autumn", "target": 5, "classes": 2}]
    assert [row["quota"] for row in shown["classes"]] == [1, 1]
    assert "学校指标 5，各班合计 2" in "\n".join(str(part) for part in readable(shown).renderables)
