"""Which losses are nobody's fault: what the school did in the pupil's last case decides, and no other (R-15)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for the streams under test, also when run alone
from stream_samples import CAMPAIGN, HEAD, PRINCIPAL, SCHOOL, A
from test_audit_settlements import Streams
from watch_courses import FIRST, VISITORS, report, watched_county

from audit.counts import recorded


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
