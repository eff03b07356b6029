"""S08, S09, S10: dropout, the care of each pupil, and the reports of a month, each by the stream that owns it."""

import asyncio
import json
from datetime import date, timedelta

import pytest
from scenario_campaign import broken, from_record
from scenario_county import County
from scenario_people import OFFICER, Group, School, calendar

from domain.calendar import Calendar, CalendarYear
from domain.dropout_rates import dropout_results
from domain.policy import PROFILES
from domain.policy_readings import Boundary
from domain.rates import Rate, report_complete_rate, report_on_time_rate

LEGACY = PROFILES["legacy"].parameters

# -- S08 --------------------------------------------------------------------------------------------------------

S08 = (
    (46, 0, "0.00 %", True, False),
    (46, 1, "2.17 %", False, False),
    (46, 2, "4.35 %", False, False),
    (46, 3, "6.52 %", False, True),
    (50, 1, "2.00 %", False, False),
    (51, 1, "1.96 %", True, False),
    (60, 3, "5.00 %", False, False),
    (60, 4, "6.67 %", False, True),
    (40, 2, "5.00 %", False, False),
    (40, 3, "7.50 %", False, True),
)
"""Class size, lost, rate as shown, award, veto proposed."""

SIXTH = ((100, 10, "10.00 %", False), (100, 11, "11.00 %", True), (37, 4, "10.81 %", True))
"""The grade 6 of a school: size, lost, rate as shown, veto proposed."""

DAYS = ("2025-11-03", "2025-11-04", "2025-11-05", "2025-11-06")


async def _lost(data):
    """Let pupils stay away for three school days, be looked for, and not come back; one more is found again."""
    school = School.of(1, [Group(size) for size, *_ in S08])
    stream = f"{school.code}/attendance"
    county = await County.begin(school, reports=(DAYS[0], DAYS[-1]))
    away = {
        class_id: school.pupils(class_id)[:lost] for class_id, (_, lost, *_) in zip(school.classes, S08, strict=True)
    }
    found_again = school.pupils("2023-01")[-1]
    away["2023-01"] = [found_again]
    for number, day in enumerate(DAYS):
        await county.to(f"{day} 16:30")
        case = number == len(DAYS) - 1
        rows = [
            {
                "class_id": class_id,
                "present": len(pupils) - len(away[class_id]),
                "unexplained": [] if case else away[class_id],
            }
            for class_id, pupils in school.cohort.items()
        ]
        await county.do(stream, "file_daily_report", school.leader, day=day, classes=rows)
    visit = {"n": 1, "on": DAYS[-1], "visitors": [school.head.id, school.leader.id]}
    for student in [student for students in away.values() for student in students]:
        case = f"{school.code}/dropout/{student}"
        comes = student == found_again
        outcome = "COMES_BACK" if comes else "NOT_WILLING_YET"
        await county.do(case, "record_persuasion", school.head, **visit, outcome=outcome)
        if comes:
            await county.do(case, "record_return", school.head, on=DAYS[-1], evidence="SEEN")
            continue
        if student in away["2023-04"]:
            await county.do(case, "file_written_report", school.principal, on=DAYS[-1], document="DROPOUT-2025-4")
        await county.do(case, "confirm_dropout", school.principal)
    await county.to("2025-11-07 08:00")
    await county.write(data)
    found = await from_record(data, county.campaign)
    await county.do(
        "", "compute_settlement", OFFICER, run="november", profile="compliant", as_at=county.now, **found.fields
    )
    await county.write(data)
    return county, data


@pytest.fixture(scope="module")
def lost(tmp_path_factory):
    """Return the school in which pupils were lost, and its ledger."""
    return asyncio.run(_lost(tmp_path_factory.mktemp("s08")))


@pytest.fixture
def dropout(lost, run):
    """Return what the command line says of each class."""
    county, data = lost
    told = run("settle", county.campaign, "--profile", "legacy", "--by", "stf_auditor", data=data)
    return told["dropout"]


@pytest.mark.parametrize("number", range(len(S08)), ids=[f"{size},{lost}" for size, lost, *_ in S08])
def test_s08_every_class(dropout, number):
    """Exactly 2 % earns no award and exactly 5 % is no veto: fractions are compared (R-05, Q8)."""
    size, lost, shown, award, veto = S08[number]
    row = dropout[number]
    assert (row["pupils"], row["lost"], row["rate"]) == (size, lost, f"{lost}/{size}")
    assert (row["award"], row["veto_proposed"]) == (award, veto)
    assert Rate(counted=lost, of=size).percent == shown


def test_s08_each_loss_is_a_case(lost):
    """Twenty have a case, confirmed after somebody went to see them; one more came back and does not count."""
    county, _ = lost
    cases = {stream: events for stream, events in county.kernel.ledger.items() if "/dropout/" in stream}
    confirmed = [stream for stream, events in cases.items() if events[-1]["type"] == "DropoutConfirmed"]
    returned = [stream for stream, events in cases.items() if events[-1]["type"] == "ReturnedToSchool"]
    assert (len(cases), len(confirmed), len(returned)) == (21, sum(row[1] for row in S08), 1)


def test_s08_at_the_line_under_the_other_reading(lost):
    """Inclusive lines turn 2 % of 50 and 5 % of 60 and of 40 over, and nothing else (Q8)."""
    county, data = lost
    found = asyncio.run(from_record(data, county.campaign)).dropout
    strict = dropout_results(found, LEGACY)
    inclusive = dropout_results(found, LEGACY.model_copy(update={"dropout_boundary": Boundary.INCLUSIVE}))
    moved = [
        (one.pupils, one.lost)
        for one, other in zip(strict, inclusive, strict=True)
        if (one.award, one.veto_proposed) != (other.award, other.veto_proposed)
    ]
    assert moved == [(50, 1), (60, 3), (40, 2)]


def test_s08_on_record_a_school_that_did_all_it_owes_has_no_fault(lost, run):
    """The fourth class lost three of 46 and reported each: no veto is proposed of it; an auditor computes the same."""
    county, data = lost
    [event] = county.events("", "DropoutRatesAdded")
    found = {(line["size"], line["lost"]): line["finding"] for line in event["data"]["lines"]}
    proposed = {(size, lost): "VETO_PROPOSED" for size, lost, _, _, veto in S08 if veto}
    assert {place: finding for place, finding in found.items() if finding} == proposed | {(46, 3): "NO_FAULT"}
    told = run("settle", "verify", county.campaign, "--by", "stf_auditor", data=data)
    assert (told["verified"], told["runs"][0]["problems"]) == (True, [])


@pytest.mark.parametrize(("size", "lost", "shown", "veto"), SIXTH)
def test_s08_grade_six(run, tmp_path, size, lost, shown, veto):
    """The sixth grade of a school, which a campaign of the ninth has not, comes from a file."""
    rows = [{"school": "P", "class": "6-1", "grade": 6, "size": size, "lost": lost}]
    place = tmp_path / "six.json"
    place.write_text(
        json.dumps({"classes": [{"school": "P", "class": "6-1", "quota": 0, "countable": 0}], "dropout": rows})
    )
    [told] = run("settle", "--from", place, "--profile", "legacy")["dropout"]
    assert (told["class"], told["rate"], told["award"], told["veto_proposed"]) == (None, f"{lost}/{size}", False, veto)
    assert Rate(counted=lost, of=size).percent == shown


def test_s08_breaks_no_invariant(lost):
    """An audit of the school and its cases finds nothing broken."""
    county, data = lost
    assert asyncio.run(broken(data, county.campaign)) == []


# -- S09 --------------------------------------------------------------------------------------------------------

S09 = {
    1: [1, 0, 0],
    2: [1, 1, 0],
    3: [2, 1, 0],
    5: [3, 1, 1],
    45: [27, 9, 9],
    46: [28, 9, 9],
    47: [28, 10, 9],
    48: [29, 10, 9],
    50: [30, 10, 10],
    51: [31, 10, 10],
    52: [31, 11, 10],
}
"""Pupils of a class → the pupils of the class head and of the two teachers."""


async def _cared_for(data):
    """Give every class of a school its three carers."""
    school = School.of(1, [Group(size) for size in S09])
    county = await County.begin(school)
    await county.to("2025-09-08 09:00")
    for number, class_id in enumerate(school.classes, start=1):
        carers = [f"stf_carer{number:02}{place}" for place in "abc"]
        await county.do(school.code, "partition_class", school.leader, class_id=class_id, carers=carers)
    await county.write(data)
    return county, school, data


@pytest.fixture(scope="module")
def cared_for(tmp_path_factory):
    """Return the school whose classes have their carers."""
    return asyncio.run(_cared_for(tmp_path_factory.mktemp("s09")))


def test_s09_sixty_twenty_twenty(cared_for):
    """Each size of the table, by largest remainder, a tie to the earlier teacher (R-06)."""
    county, school, _ = cared_for
    events = county.events(school.code, "StudentsPartitioned")
    shares = {school.classes[one["data"]["class_id"]].pupils: list(one["data"]["shares"]) for one in events}
    assert shares == S09


def test_s09_every_pupil_has_one_carer(cared_for):
    """No pupil is forgotten, and none has two (INV-16)."""
    county, school, _ = cared_for
    for one in county.events(school.code, "StudentsPartitioned"):
        groups = [student for group in one["data"]["groups"] for student in group]
        assert sorted(groups) == sorted(school.pupils(one["data"]["class_id"]))


def test_s09_on_the_command_line(cared_for, run):
    """`care show` says the same."""
    county, school, data = cared_for
    told = run("care", "show", county.campaign, school.code, data=data)
    assert [[carer["pupils"] for carer in row["carers"]] for row in told["classes"]] == list(S09.values())


def test_s09_breaks_no_invariant(cared_for):
    """An audit of the school and its carers finds nothing broken."""
    county, _, data = cared_for
    assert asyncio.run(broken(data, county.campaign)) == []


# -- S10 --------------------------------------------------------------------------------------------------------

FIRST, LAST = date(2025, 9, 1), date(2025, 9, 30)
MONTH = [FIRST + timedelta(days=number) for number in range(30)]
LATE = {(1, date(2025, 9, 10)), (2, date(2025, 9, 28))}
MISSING = {(3, date(2025, 9, 5)), (4, date(2025, 9, 18)), (5, date(2025, 9, 30))}
ILL = {
    (number, date(2025, 9, day))
    for number, day in ((1, 2), (1, 16), (2, 9), (3, 12), (3, 24), (4, 25), (5, 3), (5, 28))
}
"""School and day: of late reports, of none, and of those with something to tell."""


async def _september(data):
    """Let five schools report on September 2025: days, weeks and the month."""
    schools = [School.of(number, [Group(20)]) for number in range(1, 6)]
    county = await County.begin(*schools, reports=(FIRST.isoformat(), LAST.isoformat()))
    working = [day for day in MONTH if calendar(2025).is_working_day(day)]
    for day in working:
        for late in (False, True):
            await county.to(f"{day} {'17:40' if late else '16:30'}")
            for number, school in enumerate(schools, start=1):
                if (number, day) not in MISSING and ((number, day) in LATE) is late:
                    await _report(county, school, day, ill=(number, day) in ILL)
            if not late:
                await county.to(f"{day} 16:50")
                for school in schools:
                    await _periods(county, school, day, working)
    await county.to("2025-10-08 12:00")
    await county.write(data)
    return county, data


async def _report(county, school, day, *, ill):
    rows = [{"class_id": "2023-01", "present": 19 if ill else 20, "on_leave": int(ill)}]
    await county.do(f"{school.code}/attendance", "file_daily_report", school.leader, day=day.isoformat(), classes=rows)


async def _periods(county, school, day, working):
    """File the report on a week on its Friday, or on its last day of the month, and the month's on the 28th."""
    stream, (year, week, _) = f"{school.code}/attendance", day.isocalendar()
    rest = [one for one in working if one.isocalendar()[:2] == (year, week) and one.weekday() <= 4]
    if day == max(rest, default=None):
        await county.do(stream, "file_periodic_report", school.leader, report="weekly", period=f"{year}-W{week:02}")
    if day == date(2025, 9, 28):
        await county.do(stream, "file_periodic_report", school.leader, report="monthly", period="2025-09")


@pytest.fixture(scope="module")
def september(tmp_path_factory):
    """Return the county after a September of reports."""
    return asyncio.run(_september(tmp_path_factory.mktemp("s10")))


@pytest.fixture
def figures(september, run):
    """Return the month's return as the command line counts it."""
    county, data = september
    return run("returns", "monthly", county.campaign, "2025-09", "--by", "stf_auditor", data=data)


def test_s10_due_in_time_and_complete(figures):
    """115 due, 110 in time (95.65 %), 112 there (97.39 %): a zero report counts, a missing one is none (R-13)."""
    schools = [one["figures"] for one in figures["schools"]]
    due, in_time, filed, missed = (
        sum(one[name]["value"] for one in schools) for name in ("due", "in_time", "filed", "missed")
    )
    assert (due, in_time, filed, missed) == (115, 110, 112, 3)
    assert report_on_time_rate(in_time, due).percent == "95.65 %"
    assert report_complete_rate(filed, due).percent == "97.39 %"
    assert [one["due"]["value"] for one in schools] == [23] * 5


def test_s10_zero_reports_and_changes(september, figures):
    """104 zero reports, eight with something to tell; the missing three are neither (INV-15)."""
    county, _ = september
    assert sum(one["figures"]["zero"]["value"] for one in figures["schools"]) == 104
    assert _number(county, "DailyReportFiled") == 8
    assert _number(county, "ReportFiledLate") == 2


def test_s10_weeks_and_the_month(september):
    """25 weekly reports, and five monthly ones on Sunday 28 September, a working day: not moved."""
    county, _ = september
    assert (_number(county, "WeeklyReportFiled"), _number(county, "MonthlyReportFiled")) == (25, 5)
    assert _number(county, "PeriodicReportMissed") == 0
    monthly = [one for school in county.schools for one in county.events(f"{school}/attendance", "MonthlyReportFiled")]
    assert {one["recorded_at"][:10] for one in monthly} == {"2025-09-28"}
    assert all(one["data"]["on_time"] for one in monthly)


def test_s10_the_make_up_sunday_counts(september, figures):
    """Without the make-up days September has 22 working days: 110 due, five reports fewer than there are."""
    held = calendar(2025)
    ignored = Calendar(version=1, years={2025: CalendarYear(holidays=held.years[2025].holidays)})
    assert [sum(known.is_working_day(day) for day in MONTH) for known in (held, ignored)] == [23, 22]
    due = sum(one["figures"]["due"]["value"] for one in figures["schools"])
    assert due - 5 * sum(ignored.is_working_day(day) for day in MONTH) == 5
    county, _ = september
    on_sunday = [
        one
        for school in county.schools
        for kind in ("ZeroReportFiled", "DailyReportFiled")
        for one in county.events(f"{school}/attendance", kind)
        if one["data"]["day"] == "2025-09-28"
    ]
    assert len(on_sunday) == 5


def test_s10_breaks_no_invariant(september):
    """An audit of a month of reports finds nothing broken."""
    county, data = september
    assert asyncio.run(broken(data, county.campaign)) == []


def _number(county, event_type):
    return sum(len(county.events(f"{school}/attendance", event_type)) for school in county.schools)
