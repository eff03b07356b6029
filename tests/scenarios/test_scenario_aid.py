"""S11: student aid of a first year of study, from the register to the money, and what an independent reader finds."""

import asyncio

import pytest
from scenario_campaign import broken
from scenario_county import County, registered
from scenario_people import APPROVER, AUDITOR, OFFICER, VOCATIONAL, Group, School, receiver

from audit.aid import follow_ups
from domain.actors import Actor, Role
from ledger.store import Ledger

SCHOOL = School.of(1, [Group(51, quota=21)])
CLERK = Actor(id="stf_clerk", role=Role.BUREAU_OFFICER, organisation="bureau")
ENTITLED = SCHOOL.pupils("2023-01")[:21]
LEAVING = ENTITLED[-2:]
AUTUMN = ("2026-09", "2026-10", "2026-11", "2026-12", "2027-01")
SPRING = ("2027-02", "2027-03", "2027-04", "2027-05", "2027-06")
RATES = {2000: (21_000, 19_400, 40_400, 1_600), 2300: (24_150, 22_310, 46_460, 1_840)}
"""Yearly rate → first term, second term, the year, and what of the plan is not paid, in yuan."""


def _entries():
    kinds = ["AGRICULTURE"] * 12 + ["HARDSHIP"] * 9
    place = {"study_year": 1, "school": VOCATIONAL, "payer": VOCATIONAL}
    return [
        {**place, "student": pupil, "kind": kind, "account": f"acc_{'abcdefghijklmnopqrstu'[number] * 16}"}
        for number, (pupil, kind) in enumerate(zip(ENTITLED, kinds, strict=True))
    ]


def _months(students, names):
    return [{"student": pupil, "month": name, "evidence": "REGISTER"} for pupil in students for name in names]


async def _paid(county, run, term, left=()):
    fields = {"run": run, "study_year": 1, "term": term, "left": [*left]}
    await county.do("", "compute_aid", OFFICER, **fields)
    await county.do("", "approve_aid_run", APPROVER, run=run, version=1)
    await county.do("", "confirm_aid_paid", CLERK, run=run, payer=VOCATIONAL, document=f"付字2027-{term}号")


async def _lived(yuan, tmp_path, *, asked=True):
    """Take 21 pupils into a vocational school, list them, and pay two terms; two are lost after February.

    `asked`: whether the follow-ups are asked who had left, as `aid run` does.
    """
    county = await County.begin(SCHOOL, parameters={"aid_rate_yuan": yuan})
    await registered(county, {SCHOOL.code: ENTITLED})
    await county.do("", "draft_aid_list", OFFICER, listed="aid-2026", rows=_entries())
    await county.do("", "publish_aid_list", OFFICER, listed="aid-2026")
    await county.to("2026-10-26 10:00")
    await county.do("", "approve_aid_list", APPROVER, listed="aid-2026")
    await county.to("2027-01-31 10:00")
    await county.do("", "record_aid_attendance", receiver(VOCATIONAL), rows=_months(ENTITLED, AUTUMN))
    await _paid(county, "y1-t1", 1)
    await county.to("2027-02-27 10:00")
    await county.do("", "record_aid_attendance", receiver(VOCATIONAL), rows=_months(ENTITLED, SPRING[:1]))
    lost = [{"student": one, "checkpoint": "term_end", "state": "lost", "evidence": "SEEN"} for one in LEAVING]
    await county.do(f"{SCHOOL.code}/retention", "record_checkpoints", receiver(VOCATIONAL), rows=lost)
    await county.to("2027-06-30 10:00")
    # the school goes on writing all 21 down: what the follow-ups found keeps the two from being paid
    await county.do("", "record_aid_attendance", receiver(VOCATIONAL), rows=_months(ENTITLED, SPRING[1:]))
    data = await county.write(tmp_path)
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{data / 'ledger.db'}")
    try:
        found = await follow_ups(ledger, county.campaign, county.schools)
    finally:
        await ledger.close()
    assert found.left == [{"student": one, "school": VOCATIONAL, "last": "2027-02"} for one in LEAVING]
    assert sorted(found.pupils) == sorted(ENTITLED)
    await _paid(county, "y1-t2", 2, found.left if asked else ())
    place = tmp_path / "paid"
    place.mkdir()
    return county, await county.write(place)


@pytest.mark.parametrize("yuan", RATES)
def test_s11_aid_is_paid_for_months_with_attendance(run, tmp_path, yuan):
    """42 000 planned: 21 000 and 19 400 are paid, 1600 are not; with 2300 a year 24 150 and 22 310 (R-14, INV-33)."""
    county, data = asyncio.run(_lived(yuan, tmp_path))
    first, second, year, unpaid = RATES[yuan]
    moved = [event["data"]["fen"] for event in county.events("", "AidPaid")]
    assert moved == [first * 100, second * 100]
    assert (sum(moved), 21 * yuan * 100 - sum(moved)) == (year * 100, unpaid * 100)
    [_, computed] = county.events("", "AidComputed")
    assert computed["data"]["withheld"] == {one: list(SPRING[1:]) for one in LEAVING}
    told = run("aid", "show", county.campaign, "--by", AUDITOR.id, data=data)
    assert [one["fen"] for one in told["runs"]] == moved
    assert asyncio.run(broken(data, county.campaign)) == []


def test_s11_paying_who_had_left_is_found_in_the_record(tmp_path):
    """Where the follow-ups are not asked, the two are paid to June, and INV-33 names the run and nothing else."""
    county, data = asyncio.run(_lived(2000, tmp_path, asked=False))
    [_, computed] = county.events("", "AidComputed")
    assert computed["data"]["fen"] == 2_100_000
    [breach] = asyncio.run(broken(data, county.campaign))
    assert (breach["invariant"], breach["version"]) == ("INV-33", computed["version"])
