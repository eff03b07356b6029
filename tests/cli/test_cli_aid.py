"""Student aid on the command line: from a list in a sheet to what was paid, and why (R-14, INV-33)."""

from __future__ import annotations

import pytest
from cli_machine_rooms import NAMES, STUDENTS, desk
from python_calamine import CalamineWorkbook
from retention_courses import registered
from stream_samples import APPROVER, AUDITOR, CAMPAIGN, OFFICER, A, B, C
from student_aid_courses import CLERK, RECEIVER, RECEIVING, STRANGER, campaign

from cli.aid_rows import account_reference, attended_rows, entitled_rows, month
from registry.problems import InputRejected

LISTED = ("student", "name", "year", "kind", "school", "payer", "account", "first")
ATTENDED = ("student", "name", "month", "evidence")
UNFILLED = f"{','.join(ATTENDED)}\n{A},,2026-09,"
CARD, SECOND_CARD = "6222 0202 0011 2233 445", "6222 0202 0011 2233 999"


@pytest.fixture
def county():
    """A campaign of this release in its pupils' first autumn; it alone keeps aid."""
    return campaign()


@pytest.fixture
async def house(monkeypatch, capsys, tmp_path, county):
    """The bureau's desk, with the people of two receiving schools, where the first two pupils are registered."""
    people = (APPROVER, AUDITOR, CLERK, RECEIVER, STRANGER)
    return await desk(monkeypatch, capsys, tmp_path, county, registered(), people=people)


def listed(house, *more):
    """Write a list of two pupils, as the aid centre's spreadsheet has it."""
    rows = (
        [A, "", "一年级", "涉农专业", RECEIVING, "", CARD, ""],
        [B, "", "1", "家庭经济困难", RECEIVING, "县教育局", SECOND_CARD, "2026年10月"],
    )
    return house.file("list.csv", LISTED, *rows, *more)


def entitled(house, county):
    """Draw a list up, show it, approve it."""
    told = house("aid", "entitle", listed(house), CAMPAIGN, "aid-2026", "--by", OFFICER.id)
    assert (told.code, told.json["rows"]) == (0, 2), told
    assert house("aid", "publish", CAMPAIGN, "aid-2026", "--by", OFFICER.id).code == 0
    county.to("2026-12-01 09:00")
    assert house("aid", "approve", CAMPAIGN, "aid-2026", "--by", APPROVER.id).code == 0


def paid(house, county):
    """Record months, compute the first term, approve it, pay the school's part."""
    entitled(house, county)
    months = house.file(
        "months.csv", ATTENDED, *([A, "", f"2026-{n:02}", "学籍"] for n in (9, 10)), [B, "", "2026/11", ""]
    )
    told = house("aid", "attendance", months, CAMPAIGN, "--by", RECEIVER.id)
    assert (told.code, told.json["rows"]) == (0, 2), told
    assert house("aid", "run", CAMPAIGN, "y1-t1", "--term", "1", "--by", OFFICER.id).code == 0
    assert house("aid", "approve-run", CAMPAIGN, "y1-t1", "1", "--by", APPROVER.id).code == 0
    money = ("aid", "paid", CAMPAIGN, "y1-t1", RECEIVING, "--document", "付字2026-3号", "--by", CLERK.id)
    assert house(*money).code == 0


def test_aid_goes_from_a_list_to_the_payment(house, county):
    """Listed, shown, approved, attended, computed, approved, paid; `show` and `explain` tell who may see it."""
    paid(house, county)
    told = house("aid", "show", CAMPAIGN, "--run", "y1-t1", "--by", AUDITOR.id).json
    [run] = told["runs"]
    assert told["lists"]["aid-2026"] == {
        "status": "approved",
        "pupils": 2,
        "shown_until": "2026-11-30",
        "objections": 0,
    }
    assert [(line["student"], line["months"], line["fen"]) for line in run["lines"]] == [
        (A, {"2026-09": 20_000, "2026-10": 20_000}, 40_000)
    ]
    assert run["payers"] == [{"payer": RECEIVING, "fen": 40_000, "document": "付字2026-3号"}]
    assert "account" not in run["lines"][0]
    readable = house.readable("aid", "show", CAMPAIGN, "--by", OFFICER.id)
    assert "400.00" in readable.out
    other = house("aid", "show", CAMPAIGN, "--run", "y1-t1", "--by", STRANGER.id).json["runs"]
    assert (other[0]["lines"], other[0]["fen"]) == ([], 0)
    assert house("aid", "show", CAMPAIGN, "--by", "stf_head").code == 5
    why = house("aid", "explain", CAMPAIGN, A, "--by", AUDITOR.id).json
    assert (why["months"], why["fen"]) == ({"2026-09": 20_000, "2026-10": 20_000}, 40_000)
    assert [fact["type"] for fact in why["facts"]] == ["AidListDrafted", "AidAttendanceRecorded", "AidComputed"]
    assert all(fact["event"].startswith(f"{CAMPAIGN}#") for fact in why["facts"])
    assert house("aid", "explain", CAMPAIGN, A, "--by", STRANGER.id).code == 5


def test_who_is_registered_nowhere_is_paid_nothing(house, county):
    """P23, INV-33: a pupil of a list with months of attendance, whom no register has; the run says who is kept back."""
    ghost = [C, "", "1", "困难", RECEIVING, "", "6222 0202 0011 2233 111", ""]
    assert house("aid", "entitle", listed(house, ghost), CAMPAIGN, "aid-2026", "--by", OFFICER.id).code == 0
    assert house("aid", "publish", CAMPAIGN, "aid-2026", "--by", OFFICER.id).code == 0
    county.to("2026-12-01 09:00")
    assert house("aid", "approve", CAMPAIGN, "aid-2026", "--by", APPROVER.id).code == 0
    months = house.file("months.csv", ATTENDED, [A, "", "2026-09", "学籍"], [C, "", "2026-09", "学籍"])
    assert house("aid", "attendance", months, CAMPAIGN, "--by", RECEIVER.id).code == 0
    assert house("aid", "run", CAMPAIGN, "y1-t1", "--term", "1", "--by", OFFICER.id).code == 0
    [run] = house("aid", "show", CAMPAIGN, "--run", "y1-t1", "--by", AUDITOR.id).json["runs"]
    assert ([line["student"] for line in run["lines"]], run["withheld"]) == ([A], {C: ["2026-09"]})


def test_no_number_of_an_account_leaves_the_sheet(house, county):
    """Neither the events nor the answer hold the card; the same card has the same reference, another has not."""
    told = house("aid", "entitle", listed(house), CAMPAIGN, "aid-2026", "--by", OFFICER.id)
    digits = CARD.replace(" ", "")
    written = str(county.ledger)
    assert digits not in written + told.out
    assert CARD not in written + told.out
    assert account_reference(CARD, b"p" * 32) == account_reference(digits, b"p" * 32)
    assert account_reference(CARD, b"p" * 32) != account_reference(CARD, b"q" * 32)
    assert account_reference(SECOND_CARD, b"p" * 32) != account_reference(CARD, b"p" * 32)


def test_a_refused_row_is_named_by_its_number_in_the_file(house, county):
    """A shared account, a third year and a kind that is not eligible: nothing is recorded, each row says why."""
    bad = (
        [C, "", "1", "涉农专业", RECEIVING, "", CARD, ""],
        [C, "", "三年级", "涉农专业", RECEIVING, "", "111", ""],
        [C, "", "2", "SPORTS", RECEIVING, "", "111", ""],
    )
    told = house("aid", "entitle", listed(house, *bad), CAMPAIGN, "aid-2026", "--by", OFFICER.id)
    assert told.code == 5
    assert [(row["row"], row["code"]) for row in told.json["refused"]] == [
        (4, "AID_ACCOUNT_SHARED"),
        (5, "AID_YEAR_NOT_ELIGIBLE"),
        (6, "AID_KIND_NOT_ELIGIBLE"),
    ]
    assert all(row["message"] != row["code"] for row in told.json["refused"])
    readable = house.readable("aid", "entitle", listed(house, *bad), CAMPAIGN, "aid-2026", "--by", OFFICER.id)
    assert (readable.code, readable.out) == (5, "")
    assert "AID_ACCOUNT_SHARED" in readable.err
    assert "AidListDrafted" not in county.names()


@pytest.mark.parametrize("column", ["student", "year", "kind", "school", "payer", "account", "first"])
def test_a_cell_that_cannot_be_read_is_named_without_its_value(tmp_path, column):
    """File, row and column stand there, never what somebody had typed."""
    value = "" if column == "account" else "某某"
    row = dict(zip(LISTED, [A, "", "1", "涉农专业", RECEIVING, "", CARD, ""], strict=True)) | {column: value}
    path = tmp_path / "list.csv"
    path.write_text(f"{','.join(LISTED)}\n{','.join(row.values())}\n")
    with pytest.raises(InputRejected) as told:
        entitled_rows(path, b"p" * 32)
    assert (told.value.code, told.value.place) == ("AID_VALUE_INVALID", f"list.csv: row 2 column {column}")
    assert not value or value not in str(vars(told.value))


def test_files_that_are_not_there_or_hold_nothing_are_rejected(tmp_path):
    """A missing file, another header, and a sheet that nobody filled in."""
    path = tmp_path / "months.csv"
    for text, code in ((None, "AID_FILE_MISSING"), ("a,b\n1,2", "AID_FILE_INVALID"), (UNFILLED, "AID_FILE_INVALID")):
        if text is not None:
            path.write_text(text)
        with pytest.raises(InputRejected) as told:
            attended_rows(path)
        assert told.value.code == code


def test_the_sheets_hold_who_is_due_and_the_public_one_only_names(house, county):
    """Months of a sheet come filled in but for the evidence; what is shown has name, school and grade (P29)."""
    told = house("aid", "entitle", listed(house), CAMPAIGN, "aid-2026", "--by", OFFICER.id)
    assert told.code == 0
    wall = house.folder / "wall.xlsx"
    early = house("aid", "notice", CAMPAIGN, "aid-2026", wall, "--by", OFFICER.id)
    assert (early.code, early.json["refused"]["code"]) == (5, "AID_LIST_STANDS_OTHERWISE")
    assert house("aid", "publish", CAMPAIGN, "aid-2026", "--by", OFFICER.id).code == 0
    assert house("aid", "notice", CAMPAIGN, "aid-2026", wall, "--by", OFFICER.id).json["until"] == "2026-11-30"
    header, *shown = CalamineWorkbook.from_path(wall).get_sheet_by_index(0).to_python()
    assert len(header) == 3
    names = dict(zip(STUDENTS, NAMES, strict=True))
    assert shown == [[names[A], RECEIVING, "1"], [names[B], RECEIVING, "1"]]
    sheet = house.folder / "months.xlsx"
    month_sheet = ("aid", "template", "attendance", CAMPAIGN, sheet, "--month", "2026-10")
    assert house(*month_sheet, "--by", RECEIVER.id).json["rows"] == 2
    titles, *rows = CalamineWorkbook.from_path(sheet).get_sheet_by_index(0).to_python()
    assert (tuple(titles), [row[0] for row in rows]) == (ATTENDED, [A, B])
    assert house(*month_sheet, "--by", STRANGER.id).json["rows"] == 0
    wrong = house("aid", "template", "attendance", CAMPAIGN, sheet, "--month", "秋", "--by", OFFICER.id)
    assert (wrong.code, wrong.json["error"]["code"]) == (2, "MONTH_INVALID")


def test_objections_stops_and_wrong_months_go_over_the_command_line(house, county):
    """Each of the smaller steps has its command, and is refused where the rules say so."""
    entitled(house, county)
    for step in (
        ("object", CAMPAIGN, "aid-2026", A, "--reason", "NOT_THERE"),
        ("decide", CAMPAIGN, "aid-2026", A, "upheld", "--reason", "SEEN"),
        ("withdraw", CAMPAIGN, A, "2026-09", "--reason", "OTHER_PUPIL"),
        ("reject", CAMPAIGN, "aid-2026", "--reason", "WRONG"),
    ):
        who = APPROVER if step[0] in ("decide", "reject") else OFFICER
        assert house("aid", *step, "--by", who.id).json["refused"]["code"].startswith("AID_"), step
    stopped = house("aid", "stop", CAMPAIGN, A, "2026-10", "--reason", "LEFT_SCHOOL", "--by", RECEIVER.id)
    assert stopped.code == 0
    wrong = house("aid", "stop", CAMPAIGN, A, "spring", "--reason", "LEFT_SCHOOL", "--by", RECEIVER.id)
    assert (wrong.code, wrong.json["error"]["code"], wrong.json["error"]["place"]) == (2, "MONTH_INVALID", "MONTH")
    told = house("aid", "run", CAMPAIGN, "y1-t1", "--term", "1", "--by", OFFICER.id)
    assert told.json["refused"]["code"] == "AID_NOTHING_DUE"


@pytest.mark.parametrize(
    ("cell", "read"), [("2026-09", "2026-09"), ("2026年9月", "2026-09"), ("2026/9/1", "2026-09"), ("2026-13", None)]
)
def test_a_month_is_read_as_people_write_it(cell, read):
    """A month, or any of its days; what is no month is none."""
    assert month(cell) == read
