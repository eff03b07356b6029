"""Statutory returns from the record: figures with rules and event sets, ledgers, small cells, versions (B15, B16)."""

from __future__ import annotations

import json
from datetime import date

import pytest
import pytest_asyncio
from audit_kernel_year import write
from stream_samples import CAMPAIGN, GRADE, HEAD, OFFICER, PRINCIPAL, SCHOOL, A, B, person, when
from watch_courses import FIRST, SECOND, VISITORS, report, row, watched_county

from audit.returns import (
    changes,
    dropout_counts,
    events_digest,
    month,
    quarter,
    school_returns,
    totals,
    without_small_cells,
)
from cli.entry import run
from domain.actors import Role
from ledger.store import Ledger
from registry.database import load_pepper
from registry.staff_file import StaffMember
from registry.store import Registry

NOVEMBER = month("2025-11")
RECEIVER = person("receiver", Role.RECEIVING_SCHOOL, "9900020001")
LATE = when("2025-12-02 00:00")


def november():
    """Return a county whose school reports through November 2025: a late day, a silent one, a pupil who drops out."""
    county = watched_county()
    own, case = f"{SCHOOL}/attendance", f"{SCHOOL}/dropout/{A}"
    days = [3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 17, 18, 19, 20, 21, 24, 25, 26, 27, 28]
    for place, number in enumerate(days):
        day = f"2025-11-{number:02}"
        county.to(f"{day} 10:00")
        if place == 4:
            visit = {"n": 1, "on": day, "visitors": VISITORS, "outcome": "NOT_WILLING_YET"}
            county.do(case, "record_persuasion", HEAD, **visit)
            county.do(case, "file_written_report", PRINCIPAL, document="KC-1", on=day)
            county.do(case, "confirm_dropout", PRINCIPAL)
        if place == 9:
            continue
        report(county[own], day, *((A,) if place < 3 else ()), at="17:30" if place == 7 else "15:00",
               cases=int(place >= 3))  # fmt: skip
        county.settle()
        if place == 19:
            county.do(own, "file_periodic_report", GRADE, report="monthly", period="2025-11")
    return county.to("2025-12-01 08:00")


def correct_later(county):
    """In December it is found that a pupil was absent on the 27th, in a report of nobody absent."""
    county.to("2025-12-03 09:00")
    away = [row(FIRST, 1, B), row(SECOND)]
    fields = {"day": "2025-11-27", "classes": away, "reason": "INSPECTION"}
    county.do(f"{SCHOOL}/attendance", "correct_daily_report", OFFICER, **fields)
    return county


def _new(directory, name):
    """Make a folder for a ledger of its own."""
    (directory / name).mkdir()
    return directory / name


async def ledger_of(directory, county) -> Ledger:
    """Write a county into a ledger."""
    streams = {name: stream.ledger for name, stream in county.streams.items()}
    views = {name: stream.decider.view(stream.state) for name, stream in county.streams.items()}
    await write(directory, streams, views)
    return await Ledger.open(f"sqlite+aiosqlite:///{directory / 'ledger.db'}")


@pytest_asyncio.fixture
async def ledger(tmp_path):
    """The record of November, with what December found."""
    opened = await ledger_of(tmp_path, correct_later(november()))
    yield opened
    await opened.close()


async def test_the_month_of_a_school(ledger):
    """Every figure by hand: 20 due, 19 filed, 18 in time, one missed; three absences and one found later."""
    (one,) = await school_returns(ledger, CAMPAIGN, NOVEMBER, LATE)
    values = {name: figure.value for name, figure in one.figures.items()}
    assert {name: values[name] for name in ("due", "filed", "in_time", "missed", "zero", "absences", "register")} == {
        "due": 20, "filed": 19, "in_time": 18, "missed": 1, "zero": 16, "absences": 3, "register": 6,
    }  # fmt: skip
    assert {name: values[name] for name in ("opened", "closed", "suspected", "dropout", "reports_in_time")} == {
        "opened": 1, "closed": 0, "suspected": 0, "dropout": 1, "reports_in_time": 1,
    }  # fmt: skip
    assert one.rates == {"on_time": "18/20", "complete": "19/20"}
    assert one.ledgers["dropout"] == [{"student": A, "class": FIRST, "since": "2025-11-03"}]
    assert (len(one.ledgers["school_age"]), one.ledgers["suspected"], one.write_offs) == (6, [], [])
    counted = [figure for name, figure in one.figures.items() if name != "returned_late"]  # nobody was seen again
    assert all(figure.rules and figure.events and len(figure.digest) == 64 for figure in counted)
    assert totals([one, one])["due"] == 40


async def test_a_later_event_makes_another_version_with_its_difference(ledger):
    """Edge case 40: the return of before stays what it was; the new one says what changed."""
    before = await school_returns(ledger, CAMPAIGN, NOVEMBER, LATE)
    after = await school_returns(ledger, CAMPAIGN, NOVEMBER)
    assert changes(before, before) == []
    assert changes(before, after) == [
        {"school": SCHOOL, "figure": "zero", "before": 16, "after": 15},
        {"school": SCHOOL, "figure": "absences", "before": 3, "after": 4},
        {"school": SCHOOL, "figure": "pupils", "before": 1, "after": 2},
    ]
    assert before[0].figures["absences"].digest != after[0].figures["absences"].digest
    assert before[0].figures["closed"].digest == after[0].figures["closed"].digest


async def test_the_quarter_shows_where_a_monthly_report_no_longer_holds(ledger):
    """P12: the county's re-check compares what was filed with the record."""
    (one,) = await school_returns(ledger, CAMPAIGN, quarter("2025-Q4"))
    assert [(item["figure"], item["filed"], item["now"]) for item in one.recheck] == [
        ("zero", 16, 15), ("absences", 3, 4), ("pupils", 1, 2),
    ]  # fmt: skip
    assert (await school_returns(ledger, CAMPAIGN, quarter("2025-Q4"), LATE))[0].recheck == []


async def test_editing_one_event_changes_the_digest(ledger):
    """Idea 10: the event set's root proves the figure."""
    events = [one async for one in ledger.events(f"{CAMPAIGN}/{SCHOOL}/attendance")]
    edited = [events[0], {**events[1], "hash": "0" * 64}, *events[2:]]
    assert events_digest(events) == events_digest(list(reversed(events)))
    assert events_digest(events) != events_digest(edited)
    assert events_digest(events) != events_digest(events[:-1])


async def test_a_closed_case_stands_on_the_write_off_list(tmp_path):
    """销号: reference, ending, day; and the pupil is in no ledger of danger any more."""
    county = november()
    case = f"{SCHOOL}/dropout/{A}"
    county.to("2025-11-30 10:00")
    county.streams[f"{CAMPAIGN}/{case}"].machine.step(when("2025-12-01 09:00"))
    registrar = OFFICER
    county.do(case, "verify_elsewhere", registrar, evidence="REGISTER", register_ref="XJ-7")
    county.do(case, "close_dropout_case", OFFICER.model_copy(update={"id": "stf_second"}))
    ledger = await ledger_of(tmp_path, county)
    try:
        (one,) = await school_returns(ledger, CAMPAIGN, month("2025-12"))
    finally:
        await ledger.close()
    assert one.write_offs == [{"student": A, "class": FIRST, "ending": "ELSEWHERE", "on": "2025-12-01"}]
    assert one.ledgers["dropout"] == []
    assert one.figures["closed"].value == 1


async def test_a_pupil_who_never_came_back_stays_on_the_ledger(tmp_path):
    """R-05: lost at the year's end, no write-off; a late return is a figure of its own and takes nothing back."""
    county = november().to("2026-07-15 08:00")
    before = [await ledger_of(_new(tmp_path, "before"), county)]
    county.to("2026-08-03 10:00")
    county.do(SCHOOL, "record_late_return", HEAD, student=A, on="2026-08-03", evidence="SEEN")
    ledgers = [*before, await ledger_of(_new(tmp_path, "after"), county)]
    try:
        (june,) = await school_returns(ledgers[1], CAMPAIGN, month("2026-06"))
        (july,) = await school_returns(ledgers[0], CAMPAIGN, month("2026-07"))
        (august,) = await school_returns(ledgers[1], CAMPAIGN, month("2026-08"))
        counts = [await dropout_counts(one, CAMPAIGN) for one in ledgers]
    finally:
        for one in ledgers:
            await one.close()
    names = ("dropout", "not_returned", "unconfirmed", "closed", "returned_late")
    assert [[one.figures[name].value for name in names] for one in (june, july, august)] == [
        [1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 1, 0, 0, 1],
    ]  # fmt: skip
    line = {"student": A, "class": FIRST, "since": "2025-11-03"}
    assert june.ledgers["dropout"] == [line]
    assert july.ledgers["dropout"] == august.ledgers["dropout"] == [{**line, "ended": "2026-07-15"}]
    assert (july.write_offs, august.figures["returned_late"].events) == ([], 1)
    assert [one[SCHOOL][FIRST]["lost"] for one in counts] == [1, 1]


async def test_what_the_settlement_asks_for(ledger):
    """R-05: by school and class, lost and the sizes."""
    counts = await dropout_counts(ledger, CAMPAIGN)
    assert (counts[SCHOOL][FIRST]["size"], counts[SCHOOL][FIRST]["lost"], counts[SCHOOL][SECOND]["lost"]) == (3, 1, 0)


def test_small_cells_are_kept_back_and_nothing_is_not():
    """R-22: 1 to 4 are kept back, 0 and 5 are shown."""
    counts = {"a": 0, "b": 1, "c": 4, "d": 5}
    assert without_small_cells(counts, 5) == {"a": 0, "b": None, "c": None, "d": 5}


@pytest.mark.parametrize("text", ["2025-13", "2025", "2025-Q5", "Q1"])
def test_a_period_has_one_form(text):
    """Neither a thirteenth month nor a fifth quarter."""
    for read in (month, quarter):
        with pytest.raises(ValueError, match="written as"):
            read(text)
    assert (quarter("2025-Q4").first, quarter("2025-Q4").last) == (date(2025, 10, 1), date(2025, 12, 31))


async def test_the_command_shows_outsiders_no_lists_and_no_small_cells(tmp_path, capsys):
    """R-22: without a name no references and no small classes; the figures of the school stand."""
    await (await ledger_of(tmp_path, correct_later(november()))).close()
    command = ["returns", "monthly", CAMPAIGN, "2025-11", "--data", str(tmp_path)]
    compared = ["--compared-to", "2025-12-01", "--json"]
    assert await run([*command, *compared]) == 0
    data = json.loads(capsys.readouterr().out)
    (one,) = data["schools"]
    assert A not in json.dumps(data)
    assert (one["ledgers"]["dropout"], one["write_offs"], one["classes"][FIRST]["lost"]) == (1, 0, None)
    assert one["figures"]["due"]["value"] == 20
    assert data["version"] == 2
    assert [item["figure"] for item in data["compared_to"]["changes"]] == ["zero", "absences", "pupils"]
    assert await run(command) == 0
    assert "20" in capsys.readouterr().out
    assert await run(["returns", "quarterly", CAMPAIGN, "2025-11", "--data", str(tmp_path)]) == 2
    assert await run([*command, "--at", "noon"]) == 2


@pytest.mark.parametrize(
    ("who", "school", "code"),
    [
        (OFFICER, None, 0),
        (PRINCIPAL, SCHOOL, 0),
        (PRINCIPAL, None, 5),
        (RECEIVER, SCHOOL, 5),
        ("stf_nobody", SCHOOL, 4),
    ],
)
async def test_who_sees_classes_and_lists(tmp_path, capsys, who, school, code):
    """R-22: the bureau's people of all schools, a school's of its own; nobody of a receiving school."""
    await (await ledger_of(tmp_path, november())).close()
    registry = await Registry.open(f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}", load_pepper(tmp_path / "pepper"))
    await registry.replace_staff(
        CAMPAIGN,
        [
            StaffMember(staff_ref=one.id, role=one.role.value, school="" if one is OFFICER else one.organisation)
            for one in (OFFICER, PRINCIPAL, RECEIVER)
        ],
    )
    await registry.close()
    named = who if isinstance(who, str) else who.id
    command = ["returns", "monthly", CAMPAIGN, "2025-11", "--by", named, "--data", str(tmp_path), "--json"]
    assert await run([*command, *(["--school", school] if school else [])]) == code
    shown = json.loads(capsys.readouterr().out)
    if code == 0:
        (one,) = shown["schools"]
        assert one["ledgers"]["dropout"] == [{"student": A, "class": FIRST, "since": "2025-11-03"}]
        assert one["classes"][FIRST]["lost"] == 1
    else:
        assert A not in json.dumps(shown)
