"""S01, S03, S04, S05, S14: what is really signed and registered, settled under both profiles (R-01, R-02, R-04).

Two counties live through their year. In the second every row of the tables has a class of its own.
"""

import asyncio
import json

import pytest
from scenario_campaign import broken, from_record
from scenario_county import County, registered
from scenario_people import OFFICER, Group, School

from domain.policy import PROFILES
from domain.settlement import settle

LEGACY = PROFILES["legacy"]
S04 = (
    ((15, 12), "12/15", 2400),
    ((5, 3), "3/5", 300),
    ((7, 6), "6/7", 1200),
    ((7, 5), "5/7", 500),
    ((7, 4), "4/7", -150),
    ((13, 8), "8/13", 800),
    ((13, 7), "7/13", -300),
    ((42, 25), "25/42", -850),
    ((44, 35), "35/44", 3500),
    ((1, 0), "0/1", -50),
    ((1, 1), "1/1", 300),
    ((0, 0), None, 0),
    ((0, 2), None, 0),
    ((12, 14), "14/12", 4200),
    ((10, 5), "5/10", -250),
)
"""(quota, countable), completion as it is printed, yuan."""

S05 = ((22, 10, True), (22, 11, False), (22, 12, False), (51, 25, True), (51, 26, False))
"""Quota and countable pupils of a school, and whether a veto is proposed under the strict reading."""


def school_of(number, tallies):
    """Return a school whose classes have these quotas, and as many pupils as the rows need."""
    return School.of(number, [Group(max(quota, countable, 1), quota) for quota, countable in tallies])


def takers(school, tallies):
    """Return the pupils of a school who go the whole way: of each class as many as its row says."""
    chosen = zip(school.classes, tallies, strict=True)
    return [pupil for class_id, (_, countable) in chosen for pupil in school.pupils(class_id)[:countable]]


# -- S01 --------------------------------------------------------------------------------------------------------

CENTRE = "青职〔2026〕3号"
FULL = ((14, 14), (13, 13), (12, 12), (12, 12))


async def _full(data):
    school = school_of(1, FULL)
    county = await County.begin(school)
    await registered(county, {school.code: takers(school, FULL)})
    await county.to("2026-11-21 08:00")
    await county.write(data)
    found = await from_record(data, county.campaign)
    rows = [count.model_dump(mode="json") for count in found.classes]
    marks = {"as_at": county.now, "basis": found.basis, "classes": rows}
    await county.do("", "compute_settlement", OFFICER, run="year-2026", profile="legacy", **marks)
    money = {"source": "VOCATIONAL_SCHOOL", "document": CENTRE, "pool_yuan": 15_300}
    await county.do("", "declare_funding", OFFICER, **money)
    await county.write(data)
    return county, data


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Return the county of the full quota, its school having declared where the money came from."""
    return asyncio.run(_full(tmp_path_factory.mktemp("s01")))


def test_s01_a_full_quota(full, run):
    """51 pupils signed and registered: 15 300 yuan on trial, five points a class, no veto; nothing is payable."""
    county, data = full
    told = run("settle", county.campaign, "--profile", "legacy", "--by", "stf_auditor", data=data)
    assert [row["reward_yuan"] for row in told["classes"]] == [4200, 3900, 3600, 3600]
    assert [row["points"] for row in told["classes"]] == [5, 5, 5, 5]
    assert told["county"] == {
        "quota": 51,
        "countable": 51,
        "completion": "51/51",
        "reward_yuan": 15_300,
        "payable_yuan": 0,
    }
    assert [school["veto_proposed"] for school in told["schools"]] == [False]
    assert told["stamp"] == "试算·不得发放"
    compliant = run("settle", county.campaign, "--by", "stf_auditor", data=data)
    assert compliant["county"]["reward_yuan"] == 0


def test_s01_a_line_is_explained_by_the_policy_that_it_was_computed_by(full, run):
    """A17: the run is a trial of the historical rules in a campaign under today's."""
    county, data = full
    told = run("audit", "explain", county.campaign, "--settlement", "9900010001", "--by", "stf_auditor", data=data)
    lines = [line for one in told["classes"] for line in one["lines"]]
    assert {(line["run"], line["policy"]["id"]) for line in lines} == {("year-2026", "legacy")}
    assert {line["policy"]["parameter_hash"] for line in lines} == {LEGACY.parameter_hash}
    assert told["policy"]["id"] == "compliant"


def test_s01_each_head_was_really_registered(full):
    """What is counted are 51 families who signed twice each, and 51 entries of the vocational register."""
    county, _ = full
    [code] = county.schools
    signed = county.events(f"{code}/application-filing", "ConsentSigned")
    verified = county.events(f"{code}/application-filing", "RegistrationVerified")
    assert (len(signed), len({event["data"]["student"] for event in signed})) == (102, 51)
    assert len({event["data"]["student"] for event in verified}) == len(verified) == 51
    assert {event["actor"]["role"] for event in signed} == {"pupil", "guardian"}


def test_s01_money_of_a_vocational_school_is_refused(full):
    """The source is on record as rejected, and somebody outside the bureau's office has a case about it (R-08)."""
    county, _ = full
    [rejected] = county.events("", "FundingSourceRejected")
    assert rejected["data"]["source"] == "VOCATIONAL_SCHOOL"
    assert not county.events("", "FundingSourceDeclared")
    [case] = [stream for stream in county.kernel.ledger if "/compliance/" in stream]
    opened = county.kernel.ledger[case][0]["data"]
    assert (opened["about"], opened["matter"], opened["owner"]) == ("bureau", "FUNDING_SOURCE", "auditor")


def test_s01_nothing_of_it_is_payable(full):
    """The run holds 15 300 yuan on trial, and the gate names what forbids paying them (R-08, INV-18)."""
    county, _ = full
    [computed] = county.events("", "SettlementComputed")
    assert (computed["data"]["totals"]["amount_fen"], computed["data"]["shadow"]) == (1_530_000, True)
    order = {"run": "year-2026", "payment": "p1", "funding": CENTRE}
    refusal = asyncio.run(county.refusal("", "order_payment", OFFICER, **order))
    assert refusal.code == "FUNDING_GATE"
    assert {"PROFILE_NOT_PAYABLE", "FUNDING_SOURCE_FORBIDDEN"} <= {blocker.code for blocker in refusal.blockers}
    assert not county.events("", "PaymentOrdered")


def test_s01_breaks_no_invariant(full):
    """An audit of the full quota's year finds nothing broken."""
    county, data = full
    assert asyncio.run(broken(data, county.campaign)) == []


# -- the tables ---------------------------------------------------------------------------------------------------

FOUR_TIERS = ((10, 10), (10, 8), (10, 6), (10, 5))
REFUSED = 18


async def _tables(data):
    four, boundaries = school_of(1, FOUR_TIERS), school_of(2, [tally for tally, _, _ in S04])
    lines = [school_of(3 + place, [(quota, heads)]) for place, (quota, heads, _) in enumerate(S05)]
    unwilling = school_of(9, [(REFUSED, 0)])
    county = await County.begin(four, boundaries, *lines, unwilling)
    taken = {
        four.code: takers(four, FOUR_TIERS),
        boundaries.code: takers(boundaries, [tally for tally, _, _ in S04]),
        **{school.code: takers(school, [row[:2]]) for school, row in zip(lines, S05, strict=True)},
        unwilling.code: [],
    }
    await registered(county, taken, refusing={unwilling.code: unwilling.pupils("2023-01")})
    await county.to("2026-11-21 08:00")
    await county.write(data)
    return county, data


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Return the county with a class for every row of the tables."""
    return asyncio.run(_tables(tmp_path_factory.mktemp("tables")))


@pytest.fixture
def legacy(tables, run):
    """Return what the command line says of the county under the historical rules."""
    county, data = tables
    return run("settle", county.campaign, "--profile", "legacy", "--by", "stf_auditor", data=data)


@pytest.fixture(scope="module")
def counts(tables):
    """Return the classes' counts, school by school, as they are folded from the ledger."""
    county, data = tables
    found = asyncio.run(from_record(data, county.campaign)).classes
    return {code: [count for count in found if count.school == code] for code in county.schools}


def of_school(told, number, part="classes"):
    """Return the rows of the nth school."""
    return [row for row in told[part] if row["school"] == f"990001{number:04}"]


def test_s03_four_tiers(legacy, counts):
    """3000 + 1600 + 600 - 250 = 4950; 29 of 40 is 72.50 %, so no veto."""
    rows = of_school(legacy, 1)
    assert [(row["quota"], row["countable"]) for row in rows] == list(FOUR_TIERS)
    assert [row["reward_yuan"] for row in rows] == [3000, 1600, 600, -250]
    assert sum(row["reward_yuan"] for row in rows) == 4950
    assert [row["points"] for row in rows] == [5, -2, -4, -5]
    assert of_school(legacy, 1, "schools") == [
        {"school": "9900010001", "quota": 40, "countable": 29, "completion": "29/40", "veto_proposed": False}
    ]
    assert settle(counts["9900010001"], LEGACY).county.reward_yuan == 4950


@pytest.mark.parametrize("number", range(len(S04)), ids=[f"{q},{n}" for (q, n), _, _ in S04])
def test_s04_every_boundary(legacy, number):
    """Each row exactly: what is displayed as 60 or 80 per cent is never what is compared."""
    (quota, countable), completion, yuan = S04[number]
    row = of_school(legacy, 2)[number]
    assert (row["quota"], row["countable"]) == (quota, countable)
    assert (row["completion"], row["reward_yuan"]) == (completion, yuan)


def test_s04_a_quota_of_nothing_is_no_task(legacy):
    """Quota 0 has no ratio, no reward, no points, whoever comes (Q5)."""
    rows = [row for row in of_school(legacy, 2) if row["quota"] == 0]
    assert [(row["countable"], row["points"]) for row in rows] == [(0, 0), (2, 0)]
    named = [note["class"] for note in legacy["notes"] if note["code"] == "NO_TASK"]
    assert named == [row["class"] for row in rows]


def test_s04_a_rounded_percentage_would_pay_wrongly(counts):
    """25 of 42 shown as 60 % would pay 2500 instead of -850, and 35 of 44 shown as 80 % twice too much."""
    exact = {(row.quota, row.countable): row.reward_yuan for row in settle(counts["9900010002"], LEGACY).classes}
    shown = {(42, 25): 60, (44, 35): 80}
    for (quota, countable), percent in shown.items():
        assert round(100 * countable / quota) == percent
    assert exact[42, 25] - 25 * 100 == -3350
    assert (exact[44, 35], 2 * exact[44, 35]) == (3500, 35 * 200)


def test_s04_the_other_readings(counts):
    """With a cap 14 of 12 earn 3600 (Q3); counted to the 60 % line each of four classes lacks one head (Q2)."""
    capped = _with(cap_at_quota=True)
    assert _rewards(counts, capped)[12, 14] == 3600
    to_the_line = _rewards(counts, _with(shortfall_base="lowest_tier"))
    assert [to_the_line[tally] for tally in ((10, 5), (13, 7), (7, 4), (42, 25))] == [-50] * 4


@pytest.mark.parametrize(("place", "quota", "countable", "strict"), [(p, *row) for p, row in enumerate(S05)])
def test_s05_the_veto_line(legacy, counts, place, quota, countable, strict):
    """Below half a veto is proposed; at exactly half only under the inclusive reading (Q1)."""
    [row] = of_school(legacy, 3 + place, "schools")
    assert (row["completion"], row["veto_proposed"]) == (f"{countable}/{quota}", strict)
    [inclusive] = settle(counts[row["school"]], _with(veto_boundary="inclusive")).schools
    assert inclusive.veto_proposed is (strict or 2 * countable == quota)


def test_s05_nothing_is_imposed(tables):
    """A veto is proposed by a figure and imposed by nobody's clock (INV-19)."""
    county, _ = tables
    assert not [event for event in county.events("") if event["type"].startswith("Veto")]


def test_s14_families_say_no(tables, legacy, run):
    """Eighteen informed, guided, free refusals: the old rules punish the school, today's find no fault."""
    county, data = tables
    [row] = of_school(legacy, 9)
    assert (row["reward_yuan"], row["points"]) == (-900, -18)
    [school] = of_school(legacy, 9, "schools")
    assert school["veto_proposed"] is True
    told = run("settle", county.campaign, "--profile", "compliant", "--by", "stf_auditor", data=data)
    [row], [school] = of_school(told, 9), of_school(told, 9, "schools")
    assert (row["reward_yuan"], row["points"], school["veto_proposed"]) == (0, 0, False)
    [note] = of_school(told, 9, "notes")
    assert (note["code"], note["service_coverage"], note["free_refusals"]) == ("NO_FAULT", "18/18", 18)


def test_s14_the_school_itself_sees_its_service_only(tables, run):
    """A principal is shown the coverage, and no yuan, no rank, no cliff (DESIGN §10)."""
    county, data = tables
    told = run("settle", county.campaign, "--profile", "legacy", "--by", "stf_principal09", data=data)
    assert told["service"]["coverage"] == "18/18"
    assert "yuan" not in json.dumps(told)


def test_s04_breaks_no_invariant(tables):
    """An audit of the year of the tables finds nothing broken."""
    county, data = tables
    assert asyncio.run(broken(data, county.campaign)) == []


def _with(**parameters):
    """Return the historical rules under another reading."""
    changed = type(LEGACY.parameters).model_validate({**LEGACY.parameters.model_dump(mode="json"), **parameters})
    return LEGACY.model_copy(update={"parameters": changed})


def _rewards(counts, policy):
    return {(row.quota, row.countable): row.reward_yuan for row in settle(counts["9900010002"], policy).classes}
