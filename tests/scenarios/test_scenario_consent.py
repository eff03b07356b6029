"""S17 and S18: the three instants of a cooling-off, and five pupils' numbers and ages (R-11, R-17)."""

import asyncio
from datetime import date, timedelta

import pytest
from scenario_campaign import broken
from scenario_county import County
from scenario_people import NOTICE, VOCATIONAL, Group, School, windows

from activities.people import PeopleActivities
from domain.sentences import sentence
from protocol import CohortRequest
from registry.campaign_file import load_campaign
from registry.references import References
from registry.roster import read_roster
from registry.store import Registry
from rehearsal.county import make_county

# -- S17 --------------------------------------------------------------------------------------------------------

SCHOOL = School.of(1, [Group(4, 2)])
STAGE = f"{SCHOOL.code}/application-filing"
IN_TIME, AFTER_IT, REGISTERED, STAYS = SCHOOL.pupils("2023-01")


async def _cooled():
    """Let four families sign on 5 July at ten in the morning, and three of them think again."""
    county = await County.begin(SCHOOL)
    await county.to("2026-07-01 09:00")
    await county.offer(SCHOOL)
    await county.answer(SCHOOL, SCHOOL.pupils("2023-01"), "VOCATIONAL")
    await county.to("2026-07-05 10:00")
    for student in SCHOOL.pupils("2023-01"):
        for party in ("pupil", "guardian"):
            await county.family(SCHOOL, student, party, "sign", destination=VOCATIONAL)
    await county.to("2026-07-12 20:00")
    steps = {"free": await _withdraw(county, IN_TIME)}
    await county.to("2026-07-13 09:00")
    steps["late"] = await _withdraw(county, AFTER_IT)
    await county.to("2026-07-14 10:00")
    for step in (County.apply, County.admit):
        await step(county, SCHOOL, [REGISTERED, STAYS])
    for day, step in (("2026-09-01", County.report), ("2026-10-12", County.register)):
        await county.to(f"{day} 18:00")
        await step(county, SCHOOL, [REGISTERED, STAYS])
    await county.to("2026-10-13 09:00")
    steps["after"] = await county.family_refused(SCHOOL, REGISTERED, "guardian", "withdraw")
    return county, steps


async def _withdraw(county, student):
    await county.family(SCHOOL, student, "guardian", "withdraw")
    return county.state(STAGE).cases[student].step.value


@pytest.fixture(scope="module")
def cooled():
    """Return the school whose families think again, and where each withdrawal has led."""
    return asyncio.run(_cooled())


def _withdrawal(county, student):
    return next(one for one in county.events(STAGE, "ConsentWithdrawn") if one["data"]["student"] == student)


def test_s17_when_it_ends(cooled):
    """Signed on 5 July at ten, the cooling-off ends with the last second of 12 July (R-11)."""
    county, _ = cooled
    ends = {one["data"]["ends"] for one in county.events(STAGE, "CoolingStarted")}
    assert ends == {"2026-07-12T23:59:59+08:00"}
    confirmed = [one["recorded_at"] for one in county.events(STAGE, "ConsentConfirmed")]
    assert len(confirmed) == 2
    assert min(confirmed) > "2026-07-12T23:59:59"


def test_s17_within_it(cooled):
    """On the evening of the last day a family is free to go; its case is where it was before it signed."""
    county, steps = cooled
    assert _withdrawal(county, IN_TIME)["data"]["late"] is False
    assert steps["free"] == "INTENT"


def test_s17_the_morning_after(cooled):
    """Before the registration it is taken just the same, and marked as late."""
    county, steps = cooled
    assert _withdrawal(county, AFTER_IT)["data"]["late"] is True
    assert steps["late"] == "INTENT"


def test_s17_after_the_registration(cooled):
    """From then on the way is that of a transfer; the family's try is on record, and the place is untouched."""
    county, steps = cooled
    assert steps["after"] == "WITHDRAWAL_AFTER_REGISTRATION"
    assert county.events(STAGE, "CommandRefused")[-1]["data"]["code"] == "WITHDRAWAL_AFTER_REGISTRATION"
    assert county.state(STAGE).cases[REGISTERED].registration is not None
    assert "ask for a transfer" in sentence("WITHDRAWAL_AFTER_REGISTRATION", {}, "en")


def test_s17_breaks_no_invariant(cooled, tmp_path):
    """An audit of the families who think again finds nothing broken."""
    county, _ = cooled
    asyncio.run(county.write(tmp_path))
    assert asyncio.run(broken(tmp_path, county.campaign)) == []


# -- S18 --------------------------------------------------------------------------------------------------------

IDS = ("990001201109010015", "990001201112200020", "990001201010150034", "990001201003010041")
NO_SUCH_DAY = "990001201102290018"
CODE = "9900010001"
CAMPAIGN = "campaign/qingshan/2026"
YOUNG = IDS[1]


def _roster(place, numbers):
    """Write a roster as schools send it; the pupils are invented."""
    titles = "姓名,班级,身份证号,性别,出生日期,监护人姓名,监护人电话,期中成绩,缺勤天数,已告知"
    rows = [
        f"例云{mark},九年级1班,{number},{'女男'[int(number[16]) % 2]},{number[6:14]},例大川,1000000000{place},,0,是"
        for place, (number, mark) in enumerate(zip(numbers, "山溪禾竹松", strict=False))
    ]
    place.write_text("\n".join([titles, *rows]) + "\n", encoding="utf-8")
    return place


def test_s18_the_numbers(run, tmp_path):
    """Four numbers are taken; the fifth has a right check digit and a day that never was, and is rejected."""
    told = run("roster", "check", _roster(tmp_path / "roster.csv", [*IDS, NO_SUCH_DAY]), "--year", 2026, code=3)
    assert told["accepted"] == 4
    [rejected] = told["rejected"]
    assert (rejected["row"], rejected["code"]) == (6, "ID_DATE")
    assert NO_SUCH_DAY not in str(told)


def test_s18_the_pupils_reference_says_nothing(pupils):
    """What leaves the registry are references: no number, and no part of one."""
    told = str(pupils)
    assert not [number for number in IDS if number in told or number[6:14] in told]


async def _pupils(place):
    """Take the roster into a registry; return by day what it answers about the cohort, and the young pupil."""
    registry = await Registry.open(f"sqlite+aiosqlite:///{place / 'registry.db'}", b"p" * 32)
    make_county(place / "county", 1, 10, 1)
    try:
        await registry.save_schools(CAMPAIGN, load_campaign(place / "county"))
        roster = read_roster(_roster(place / "roster.csv", IDS), 2026)
        assert not roster.rejected
        await registry.import_roster(CAMPAIGN, CODE, roster, References.seeded(18))
        young = await registry.resolve(CAMPAIGN, CODE, "2023-01", "例云溪")
        snapshot = await registry.take_snapshot(CAMPAIGN, CODE, References.seeded("snapshot"))
        people = PeopleActivities(registry)
        answers = {}
        for day in ("2025-11-25", "2025-12-20", "2025-12-21", "2026-07-05"):
            asked = CohortRequest(snapshot=snapshot.ref, digest=snapshot.digest, under_14_on=date.fromisoformat(day))
            answers[day] = await people.cohort(asked)
        return young, answers
    finally:
        await registry.close()


@pytest.fixture(scope="module")
def pupils(tmp_path_factory):
    """Return the young pupil's reference, and the cohort as the registry answers on several days."""
    return asyncio.run(_pupils(tmp_path_factory.mktemp("s18")))


@pytest.mark.parametrize(
    ("day", "special"),
    [("2025-11-25", True), ("2025-12-20", True), ("2025-12-21", False), ("2026-07-05", False)],
)
def test_s18_the_age(pupils, day, special):
    """Born on 20 December 2011: under fourteen until the day after the birthday, to be careful (R-17)."""
    young, answers = pupils
    assert answers[day]["under_14"] == ([young] if special else [])


async def _signs(cohort, young, opens):
    """Let the young pupil's family sign in a campaign whose filing opens on a day; return the codes of refusals."""
    school = School.of(1, [Group(4)])
    county = await County.begin(school, cohort={school.code: cohort}, stages=windows(2026, opens))
    await county.to(f"{opens} 09:00")
    await county.do(f"{CODE}/application-filing", "offer_notice", school.head, document=NOTICE, classes=["2023-01"])
    await county.answer(school, [young], "VOCATIONAL")
    await county.to(county.now + timedelta(days=1, hours=9))
    parties = ("pupil", "guardian") if cohort["under_14"] else ()
    sign = {"act": "sign", "destination": VOCATIONAL}
    refused = [await county.family_refused(school, young, party, **sign) for party in parties]
    if refused:
        await county.family(school, young, "guardian", "consent_data")
    for party in ("pupil", "guardian"):
        await county.family(school, young, party, "sign", destination=VOCATIONAL)
    return refused, county.state(f"{CODE}/application-filing").cases[young].signed_by_both


@pytest.mark.parametrize(
    ("day", "refused"),
    [("2025-11-25", ["DATA_CONSENT_MISSING"] * 2), ("2025-12-20", ["DATA_CONSENT_MISSING"] * 2), ("2026-07-05", [])],
)
def test_s18_what_the_age_means(pupils, day, refused):
    """Under fourteen a guardian first agrees to the use of the data; until then nobody's signature is taken."""
    young, answers = pupils
    assert asyncio.run(_signs(answers[day], young, day)) == (refused, True)
