"""Statutory returns from the record: figures with rules and event sets, ledgers, small cells, versions (B15, B16)."""

from __future__ import annotations

import json
from datetime import date

import pytest
import pytest_asyncio
from audit_kernel_year import write
from audit_memory import MemoryLedger
from bundle_maker import KEY, NOW
from stream_samples import CAMPAIGN, GRADE, HEAD, OFFICER, PRINCIPAL, SCHOOL, A, B, person, when
from watch_courses import FIRST, SECOND, VISITORS, report, row, watched_county

from audit.bundle.writer import write_bundle
from audit.heads import make_head
from audit.returns import (
    changes,
    dropout_counts,
    month,
    quarter,
    school_returns,
    total_figures,
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


GROUPS = {
    "reports": ("due", "filed", "in_time", "missed", "zero", "absences", "pupils", "leave"),
    "register": ("register", "joined", "left"),
    "cases": ("opened", "closed", "suspected", "dropout", "reports_in_time", "reports_late"),
}


@pytest.mark.parametrize("group", GROUPS)
async def test_a_figure_rests_on_its_events_and_on_no_other(group):
    """Counted from the events of the set alone, every figure of it is the same: nothing that it needs is left out."""
    county = correct_later(november())
    explained = {"student": B, "day": "2025-11-27", "why": "ILLNESS", "evidence": "DOCUMENT"}
    county.do(f"{SCHOOL}/attendance", "explain_absence", HEAD, **explained)
    record = MemoryLedger({name: stream.ledger for name, stream in county.streams.items()})
    (one,) = await school_returns(record, CAMPAIGN, NOVEMBER)
    places = {(stream, version) for stream, version, *_ in one.figures[GROUPS[group][0]].events.leaves}
    kept = {
        stream: [event for event in events if (stream, event["version"]) in places]
        for stream, events in record.by_id.items()
    }
    (alone,) = await school_returns(MemoryLedger(kept), CAMPAIGN, NOVEMBER)
    for name in GROUPS[group]:
        assert alone.figures[name].value == one.figures[name].value, name
        assert alone.figures[name].events == one.figures[name].events


async def test_every_figure_says_by_which_policy_it_was_decided(ledger):
    """The versions of the policy that stand in its events, and the county's figure has those of all schools."""
    (one,) = await school_returns(ledger, CAMPAIGN, NOVEMBER)
    data = one.figures["due"].as_data()
    assert [(policy["id"], policy["version"]) for policy in data["policies"]] == [("compliant", 1)]
    assert len(data["policies"][0]["parameter_hash"]) == 64
    united = total_figures([one, one])
    assert united["due"].value == 40
    assert united["due"].events == one.figures["due"].events
    assert united["due"].rules == one.figures["due"].rules
    assert total_figures([]) == {}


async def test_a_figure_counted_again_from_the_export_is_the_printed_one(tmp_path, capsys):
    """Idea 10: the command that stands with a figure, given the bundle, prints its value and its root."""
    opened = await ledger_of(tmp_path, correct_later(november()))
    try:
        drafted = await anext(opened.events(CAMPAIGN))
        headed = await make_head(opened, CAMPAIGN, KEY, drafted["data"]["clock"], NOW)
    finally:
        await opened.close()
    bundle = tmp_path / "year.zip"
    write_bundle(headed, [], KEY, bundle, templates={}, code_version="1")
    command = ["returns", "monthly", CAMPAIGN, "2025-11", "--data", str(tmp_path)]
    for at in ([], ["--at", "2025-12-02T00:00:00+08:00"]):
        assert await run([*command, *at, "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        (school,) = printed["schools"]
        for told in (school["figures"]["absences"], printed["total_figures"]["absences"]):
            words = told["recompute"].replace("FILE", str(bundle)).split()
            assert words[0] == "diversion"
            assert await run([*words[1:], "--key", str(KEY.public), "--data", str(tmp_path / "no"), "--json"]) == 0
            again = json.loads(capsys.readouterr().out)
            assert again["bundle"]["trusted"] is True
            found = [again["total_figures"], again["schools"][0]["figures"]]
            assert [set(figures) for figures in found] == [{"absences"}] * 2
            assert {(figures["absences"]["value"], figures["absences"]["root"]) for figures in found} == {
                (told["value"], told["root"])
            }
            assert again["schools"][0]["figures"]["absences"]["recompute"] == school["figures"]["absences"]["recompute"]
    assert await run([*command, "--figure", "absences"]) == 0
    shown = capsys.readouterr().out
    assert "--bundle FILE" in shown.replace("\n", " ")
    assert "…" not in shown
    assert "R-15" in shown


async def test_what_cannot_be_counted_from_a_bundle_is_refused(tmp_path, capsys):
    """A figure that is none, a key without a bundle, a name with one, a file that is none."""
    await (await ledger_of(tmp_path, november())).close()
    (tmp_path / "text.zip").write_text("no bundle")
    command = ["returns", "monthly", CAMPAIGN, "2025-11", "--data", str(tmp_path), "--json"]
    for words, code in (
        (["--figure", "everything"], (2, "FIGURE_UNKNOWN")),
        (["--key", str(KEY.public)], (2, "RETURNS_WHAT")),
        (["--bundle", str(tmp_path / "text.zip"), "--by", "stf_x"], (2, "RETURNS_WHAT")),
        (["--bundle", str(tmp_path / "text.zip")], (3, "NOT_A_BUNDLE")),
        (["--bundle", str(tmp_path / "none.zip")], (4, "FILE_MISSING")),
    ):
        found = await run([*command, *words])
        assert (found, json.loads(capsys.readouterr().out)["error"]["code"]) == code


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
    assert (july.write_offs, len(august.figures["returned_late"].events)) == ([], 1)
    assert [one[SCHOOL][FIRST]["lost"] for one in counts] == [1, 1]


async def test_what_the_settlement_asks_for(ledger):
    """R-05: by school and class, lost and the sizes."""
    counts = await dropout_counts(ledger, CAMPAIGN)
    assert (counts[SCHOOL][FIRST]["size"], counts[SCHOOL][FIRST]["lost"], counts[SCHOOL][SECOND]["lost"]) == (3, 1, 0)


def test_small_cells_are_kept_back_with_what_would_give_them_away():
    """R-22: 1 to 4 are kept back, 0 is shown; the school's figure would give a single class back, so another goes."""
    lost = {"a": 0, "b": 2, "c": 7, "d": 5}
    told = without_small_cells({name: {"lost": count} for name, count in lost.items()}, 5)
    assert {name: row["lost"] for name, row in told.items()} == {"a": 0, "b": None, "c": 7, "d": None}
    sizes = {"a": (45, 0, 0), "b": (44, 2, 0), "c": (46, 0, 0)}
    rows = {
        name: {"size": size, "transfers_in": came, "transfers_out": left, "current": size + came - left}
        for name, (size, came, left) in sizes.items()
    }
    told = without_small_cells(rows, 5)
    assert told["c"] == rows["c"]
    assert set(told["a"].values()) == set(told["b"].values()) == {None}  # size and current would tell who came


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
