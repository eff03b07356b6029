"""S02, S15, S16, S20: targets of two waves, what was known on a day, another way to set a target, and averages."""

import asyncio
import json
from datetime import date, datetime

import pytest
from scenario_campaign import broken, from_record
from scenario_county import County
from scenario_people import APPROVER, OFFICER, REGISTER, Group, School, windows

from domain.measures import ApplicationCount, applications, wave_result
from domain.policy import PROFILES
from domain.rates import Rate
from domain.settlement import settle
from domain.time import end_of

LEGACY = PROFILES["legacy"]
SPRING_ALLOWED = {"spring_mode": "COOP_ORIGIN_XUEJI", "spring_document": "省教〔2009〕8号"}


# -- S02 --------------------------------------------------------------------------------------------------------

THAT_DAY = end_of(date(2010, 6, 4))
ONE_UNIT = School.of(1, [Group(130, quota=7, spring=15)], year=2010)
STAGE = f"{ONE_UNIT.code}/application-filing"


async def _snapshot(then, later):
    """Live through 2009/10: until 4 June as it was, and on from there as the school planned it."""
    school = ONE_UNIT
    county = await County.begin(
        school,
        year=2010,
        parameters={**SPRING_ALLOWED, "wave_by": "quota"},
        stages=windows(2010, "2009-12-07"),
    )
    pupils = school.pupils("2007-01")
    spring, autumn, only_applied, late = pupils[:15], pupils[15:18], pupils[18:24], pupils[24:28]
    await county.to("2009-12-08 19:00")
    await county.inform(school)
    await county.offer(school)
    await county.answer(school, pupils[:28], "VOCATIONAL")
    await county.answer(school, pupils[28:], "GENERAL_HIGH")
    await county.to("2009-12-10 18:00")
    await county.sign(school, spring, wave="spring")
    for day, step in (
        ("2009-12-21", County.apply),
        ("2010-01-11", County.admit),
        ("2010-03-01", County.report),
        ("2010-04-15", County.register),
    ):
        await county.to(f"{day} 10:00")
        await step(county, school, spring)
    await county.to("2010-05-10 18:00")
    await county.sign(school, [*autumn, *only_applied])
    for day, step, who in (
        ("2010-05-20", County.apply, [*autumn, *only_applied]),
        ("2010-05-25", County.admit, autumn),
        ("2010-05-31", County.report, autumn),
        ("2010-06-03", County.register, autumn),
    ):
        await county.to(f"{day} 10:00")
        await step(county, school, who)
    await county.to(THAT_DAY)
    await county.write(then)
    await county.to("2010-06-10 18:00")
    await county.sign(school, late)
    await county.to("2010-06-24 10:00")
    await county.apply(school, late)
    for day, step in (("2010-07-20", County.admit), ("2010-09-01", County.report), ("2010-10-12", County.register)):
        await county.to(f"{day} 18:00")
        await step(county, school, [*only_applied, *late])
    await county.to("2010-11-22 08:00")
    await county.write(later)
    return county


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """Return the county, its ledger of 4 June, and the ledger of the year's end."""
    then, later = tmp_path_factory.mktemp("s02-then"), tmp_path_factory.mktemp("s02-later")
    return asyncio.run(_snapshot(then, later)), then, later


@pytest.fixture(scope="module")
def known(snapshot):
    """Return what was known on 4 June, asked at the year's end."""
    county, _, later = snapshot
    return asyncio.run(from_record(later, county.campaign, THAT_DAY))


def test_s02_what_was_known_that_day(snapshot, known):
    """Asked half a year later, the record says of 4 June what it said on 4 June (edge case 47)."""
    county, then, _ = snapshot
    that_day = asyncio.run(from_record(then, county.campaign))
    assert known.classes == that_day.classes
    assert known.basis == that_day.basis


def test_s02_one_unit(known):
    """18 of 22 is 81.82 %: 3600 yuan on trial, four points less, no veto."""
    told = settle(known.classes, LEGACY)
    [row], [school] = told.classes, told.schools
    assert (row.quota, row.countable, row.completion) == (22, 18, "18/22")
    assert (row.reward_yuan, row.points, school.veto_proposed) == (3600, -4, False)
    assert Rate(counted=18, of=22).percent == "81.82 %"


def test_s02_both_waves(known):
    """Spring is full, autumn stands at 42.86 %: the wave is that of the consent, as the seed counts (Q12)."""
    waves = {count.wave: wave_result(count, LEGACY.parameters) for count in known.waves}
    assert (waves["spring"].completion, waves["autumn"].completion) == ("15/15", "3/7")
    assert Rate(counted=3, of=7).percent == "42.86 %"


def test_s02_applications_are_no_results(snapshot, known):
    """24 forms and 18 pupils delivered are two measures, which nobody adds (Q11)."""
    county, _, _ = snapshot
    recorded = county.events(STAGE, "ApplicationRecorded")
    forms = [one for one in recorded if datetime.fromisoformat(one["recorded_at"]) <= THAT_DAY]
    count = ApplicationCount(school=ONE_UNIT.code, applications=len(forms), diverted=known.classes[0].countable)
    told = applications(count, LEGACY.parameters)
    assert (told.applications, told.diverted, told.together) == (24, 18, None)


def test_s02_the_command_line_of_that_day(snapshot, run):
    """`settle` on 4 June, and `audit as-of` at the year's end, tell the same cases."""
    county, then, later = snapshot
    told = run("settle", county.campaign, "--profile", "legacy", "--by", "stf_auditor", data=then)
    assert (told["county"]["completion"], told["county"]["reward_yuan"]) == ("18/22", 3600)
    stream = f"{county.campaign}/{STAGE}"
    known = run("audit", "as-of", county.campaign, "2010-06-04", data=later)["known"][stream]
    assert known["steps"] == {"REGISTERED": 18, "APPLIED": 6, "INFORMED": 106}


def test_s02_flags(snapshot, run, tmp_path):
    """More is asked than there are, more forms than quota, a plan above both: four questions to people (R-10)."""
    county, then, _ = snapshot
    counts = tmp_path / "counts.csv"
    counts.write_text(f"school,pool,plan\n{ONE_UNIT.code},20,28\n", encoding="utf-8")
    told = run("targets", "pressure", county.campaign, "--figures", counts, "--by", "stf_auditor", data=then)
    of_school = [flag for flag in told["flags"] if flag["class"] is None]
    assert [(flag["flag"], flag["figure"], flag["limit"], flag["by"]) for flag in of_school] == [
        ("QUOTA_ABOVE_POOL", "22", "20", 2),
        ("APPLICATIONS_ABOVE_QUOTA", "24", "22", 2),
        ("PLAN_ABOVE_QUOTA", "28", "22", 6),
        ("PLAN_ABOVE_POOL", "28", "20", 8),
    ]
    # the school is one class: of the class the record itself knows the forms and the quota
    of_class = [flag["flag"] for flag in told["flags"] if flag["class"] is not None]
    assert of_class == ["APPLICATIONS_ABOVE_QUOTA"]


def test_s02_what_is_just_enough_is_no_flag(snapshot, run, tmp_path):
    """A pool and a plan of exactly the quota ask for nothing that is not there; the forms still do."""
    county, then, _ = snapshot
    counts = tmp_path / "counts.csv"
    counts.write_text(f"school,pool,plan\n{ONE_UNIT.code},22,22\n", encoding="utf-8")
    told = run("targets", "pressure", county.campaign, "--figures", counts, "--by", "stf_auditor", data=then)
    assert {flag["flag"] for flag in told["flags"]} == {"APPLICATIONS_ABOVE_QUOTA"}


def test_s02_if_the_plan_comes_true(snapshot, run):
    """28 heads earn 8400 on trial, 6600 with a cap, and five points."""
    county, _, later = snapshot
    told = run("settle", county.campaign, "--profile", "legacy", "--by", "stf_auditor", data=later)
    [row] = told["classes"]
    assert (row["countable"], row["reward_yuan"], row["points"]) == (28, 8400, 5)
    capped = LEGACY.model_copy(update={"parameters": LEGACY.parameters.model_copy(update={"cap_at_quota": True})})
    found = asyncio.run(from_record(later, county.campaign))
    assert settle(found.classes, capped).county.reward_yuan == 6600


def test_s02_breaks_no_invariant(snapshot):
    """An audit of the year of the snapshot finds nothing broken."""
    county, _, data = snapshot
    assert asyncio.run(broken(data, county.campaign)) == []


# -- S15 --------------------------------------------------------------------------------------------------------

PAPER = "青教发〔2026〕2号"
TWO_WAVES = School.of(1, [Group(130, quota=7, spring=15)])
FILING = f"{TWO_WAVES.code}/application-filing"


async def _forbidden(data):
    """Let a province close its spring while families look at it, and the county put its paper anew."""
    school = TWO_WAVES
    stages = windows(2026, "2026-01-05")
    county = await County.begin(school, parameters=SPRING_ALLOWED, stages=stages, reports=("2025-11-03", "2025-11-05"))
    for day in ("2025-11-03", "2025-11-04", "2025-11-05"):
        await county.to(f"{day} 16:30")
        rows = [{"class_id": "2023-01", "present": 130}]
        await county.do(f"{school.code}/attendance", "file_daily_report", school.leader, day=day, classes=rows)
    await county.to("2025-12-02 19:00")
    await county.inform(school)
    pupils = school.pupils("2023-01")
    await county.to("2026-01-05 09:00")
    await county.offer(school)
    await county.answer(school, pupils[:17], "VOCATIONAL")
    await county.answer(school, pupils[17:], "GENERAL_HIGH")
    rules = {"version": 2, "document": "省教〔2026〕1号", "effective_from": "2026-02-01", "reason": "PROVINCE_ORDERS"}
    await county.do("", "announce_policy", OFFICER, parameters={"spring_mode": "FORBIDDEN"}, **rules)
    await county.do("", "approve_policy", APPROVER, version=2)
    await county.to("2026-02-02 10:00")
    tries = {}
    for party in ("pupil", "guardian"):
        said = {"destination": "9900020001", "wave": "spring"}
        tries[party] = await county.family_refused(school, pupils[0], party, "sign", **said)
    paper = {"document": PAPER, "effective": "2026-02-01", "reason": "PROVINCE_ORDERS", "preview": "e" * 64}
    for wave, heads in (("spring", 0), ("autumn", 22)):
        await county.do("", "revise_targets", OFFICER, wave=wave, schools={school.code: heads}, total=heads, **paper)
    await county.do("", "approve_targets", APPROVER, document=PAPER)
    shared = {"school": school.code, "document": PAPER, "classes": {"2023-01": 22}}
    await county.do("", "assign_class_quotas", school.principal, **shared)
    tries["paper"] = await county.refused(
        "",
        "revise_targets",
        OFFICER,
        wave="spring",
        schools={school.code: 15},
        total=15,
        **paper | {"document": "青教发〔2026〕3号"},
    )
    await county.to("2026-05-13 18:00")
    await county.sign(school, pupils[:17])
    await county.to("2026-06-25 10:00")
    await county.apply(school, pupils[:17])
    await county.admit(school, pupils[:17])
    early = [{"student": pupils[0], "school": "9900020001", "on": "2026-06-20"}]
    tries["delivery"] = await county.refused(FILING, "record_reporting", REGISTER, rows=early)
    for day, step in (("2026-09-01", County.report), ("2026-10-12", County.register)):
        await county.to(f"{day} 18:00")
        await step(county, school, pupils[:17])
    await county.to("2026-11-21 08:00")
    await county.write(data)
    return county, data, tries


@pytest.fixture(scope="module")
def forbidden(tmp_path_factory):
    """Return the county without a spring, its ledger, and what was refused on the way."""
    return asyncio.run(_forbidden(tmp_path_factory.mktemp("s15")))


def test_s15_no_spring_consent(forbidden):
    """Pupil and guardian cannot sign for spring any more; both attempts are on record (R-16)."""
    county, _, tries = forbidden
    assert (tries["pupil"], tries["guardian"]) == ("SPRING_FORBIDDEN", "SPRING_FORBIDDEN")
    kept = [event["data"]["code"] for event in county.events(FILING, "CommandRefused")]
    assert kept == ["SPRING_FORBIDDEN", "SPRING_FORBIDDEN"]
    assert not [event for event in county.events(FILING, "ConsentSigned") if event["data"].get("wave") == "spring"]


def test_s15_no_spring_target_and_no_spring_delivery(forbidden):
    """Nor is there a paper that asks for spring heads, or a delivery before graduation (INV-12)."""
    _, _, tries = forbidden
    assert (tries["paper"], tries["delivery"]) == ("SPRING_FORBIDDEN", "REPORTED_TOO_EARLY")


def test_s15_the_paper_is_issued_anew(forbidden, run):
    """15 + 7 became 0 + 22 by one paper of both waves; before its day, the old one still answers."""
    county, data, _ = forbidden
    before = run("targets", "show", county.campaign, "--on", "2026-01-31", data=data)
    after = run("targets", "show", county.campaign, "--on", "2026-02-01", data=data)
    heads = [(told["schools"][0]["spring"], told["schools"][0]["autumn"], told["total"]) for told in (before, after)]
    assert heads == [(15, 7, 22), (0, 22, 22)]


def test_s15_seventeen_in_autumn(forbidden, run):
    """17 of 22 is 77.27 %: 1700 yuan on trial, five points less; nobody in spring, nobody dropped out."""
    county, data, _ = forbidden
    told = run("settle", county.campaign, "--profile", "legacy", "--by", "stf_auditor", data=data)
    [row] = told["classes"]
    assert (row["completion"], row["reward_yuan"], row["points"]) == ("17/22", 1700, -5)
    assert Rate(counted=17, of=22).percent == "77.27 %"
    waves = {wave["wave"]: (wave["quota"], wave["countable"]) for wave in told["waves"]}
    assert waves == {"spring": (0, 0), "autumn": (22, 17)}
    [dropout] = told["dropout"]
    assert (dropout["lost"], dropout["pupils"]) == (0, 130)


def test_s15_all_130_are_on_the_register_for_the_examination(forbidden):
    """Nobody left the ninth grade: all 130 are pupils of the school until graduation (INV-13)."""
    county, _, _ = forbidden
    assert len(county.state(TWO_WAVES.code).students) == 130
    assert not county.events(TWO_WAVES.code, "LeftRegister")


def test_s15_breaks_no_invariant(forbidden):
    """An audit of the year without a spring finds nothing broken."""
    county, data, _ = forbidden
    assert asyncio.run(broken(data, county.campaign)) == []


# -- S16 and S20: figures from counts that are given ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("rounding", "target", "percent"),
    [("floor", 49, "95.92 %"), ("half_up", 49, "95.92 %"), ("ceiling", 50, "94.00 %")],
)
def test_s16_the_target_formula(run, tmp_path, rounding, target, percent):
    """52 of 130 were not admitted, 19/20 of them are 49.4; 47 are then 95.92 or 94.00 % of the target (R-20)."""
    assert run("targets", "formula", 130, 78, "--rounding", rounding)["target"] == target
    place = tmp_path / "counts.json"
    place.write_text(json.dumps({"classes": [{"school": "A", "class": "1", "quota": target, "countable": 47}]}))
    assert run("settle", "--from", place)["county"]["completion"] == f"47/{target}"
    assert Rate(counted=47, of=target).percent == percent


def test_s20_an_average_without_the_diverted(run, tmp_path):
    """44 pupils average 443.18 where all 50 average 420.00, and both are shown (R-03, Q10)."""
    sums = {"school": "A", "class": "1", "pupils": 50, "total": 50 * 420, "diverted": 6, "diverted_total": 6 * 250}
    counts = {"classes": [{"school": "A", "class": "1", "quota": 6, "countable": 6}], "averages": [sums]}
    place = tmp_path / "averages.json"
    place.write_text(json.dumps(counts))
    [told] = run("settle", "--from", place)["averages"]
    assert (told["with_all"], told["without_diverted"]) == ("420/1", "4875/11")
    assert 11 * 19_500 == 44 * 4875
    assert told["shown"] == {"with_all": "420.00", "without_diverted": "443.18", "difference": "23.18"}
    assert told["official"] == "with_all"
