"""`visit` and `record visits`: a trip from its plan to its no-shows, a presentation, and an unregistered recruiter."""

import pytest
from cli_machine_rooms import CLASSES, NAMES, desk
from python_calamine import CalamineWorkbook
from stream_samples import CAMPAIGN, GRADE, HEAD, OFFICER, SCHOOL, A, B, C, D
from visits_samples import LISTED, RECEIVING, UNLISTED, visits

PLAN = ("--to", LISTED, "--back", "2025-11-12T17:00", "--seats", 3, "--leaders", "stf_lead1", "stf_lead2")


@pytest.fixture
async def school(monkeypatch, capsys, tmp_path):
    """A school whose stage of visits is open."""
    return await desk(monkeypatch, capsys, tmp_path, visits(CLASSES), people=(RECEIVING,))


@pytest.fixture
def stage(school):
    """The stream."""
    return school.streams[f"{CAMPAIGN}/{SCHOOL}/school-visits"]


def planned(school):
    """Plan and approve a trip of the first class."""
    plan = school(
        "visit", "plan", "@", "t1", *PLAN, "--at", "2025-11-12T08:00", "--classes", "九年级1班", "--by", GRADE.id
    )
    assert plan.code == 0, plan
    approve = school("visit", "approve", "@", "t1", "--safety-plan", "SP-2025-014", "--by", OFFICER.id)
    assert approve.code == 0, approve


def test_a_trip_from_its_plan_to_its_no_shows(school, stage, tmp_path):
    """Plan, approval, seats, template, slips, attendance: counts and references; names stand in the XLSX only."""
    planned(school)
    offer = school("visit", "offer", "@", "t1", "--by", HEAD.id, "--command-id", "offer-1")
    again = school("visit", "offer", "@", "t1", "--by", HEAD.id, "--command-id", "offer-1")
    assert offer.code == again.code == 0
    assert offer.json["receipt"] == again.json["receipt"]
    assert school("visit", "offer", "@", "t1", "--by", HEAD.id).json["refused"]["code"] == "ALREADY_OFFERED"
    header, rows = school.template("visits")
    assert header == ["student", "class", "name", "trip", "permission", "attended"]
    assert [(row["student"], row["name"], row["trip"]) for row in rows] == [
        (student, name, "t1") for student, name in zip((A, B, C), NAMES, strict=False)
    ]
    slips = school.filled("visits", {A: {"permission": "同意"}, B: {"permission": "不同意"}})
    told = school("record", "visits", slips, "@", "--by", HEAD.id)
    assert (told.code, told.json["rows"], told.json["blank"]) == (0, 2, 1)
    stage.to("2025-11-12 18:00")
    assert [row["student"] for row in school.template("visits")[1]] == [A, C]
    attendance = school.file(
        "来.csv", ["行程", "学生编号", "是否参加", "监护人同意"], ["t1", A, "否", ""], ["t1", C, "是", "是"]
    )
    assert school("record", "visits", attendance, "@", "--by", HEAD.id).code == 0
    assert school.template("visits")[1] == []
    file = tmp_path / "bus.xlsx"
    shown = school("visit", "show", "@", "t1", "--xlsx", file)
    (trip,) = shown.json["trips"]
    assert (trip["offered"], trip["seats_left"], trip["present"], trip["no_shows"]) == (3, 1, 1, [A])
    assert [rider["student"] for rider in trip["riders"]] == [A, C]
    assert not any(name in shown.out for name in NAMES)
    _, *riders = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()
    assert [row[:3] for row in riders] == [[A, "2023-01", NAMES[0]], [C, "2023-01", NAMES[2]]]
    assert shown.json["rows"] == 2


def test_a_trip_that_moves_keeps_its_seats(school, stage):
    """By the bureau, with a plan of its own for the new day; the slips of before are gone."""
    planned(school)
    school("visit", "offer", "@", "t1", "--students", A, B, "--by", HEAD.id)
    school("record", "visits", school.filled("visits", {A: {"permission": "同意"}}), "@", "--by", HEAD.id)
    move = ("visit", "move", "@", "t1", "--at", "2025-11-13T08:00", "--back", "2025-11-13T17:00")
    more = ("--safety-plan", "SP-2025-015", "--reason", "SNOW")
    told = school(*move, *more, "--by", OFFICER.id)
    assert told.code == 0, told
    (trip,) = school("visit", "show", "@", "t1").json["trips"]
    assert (trip["at"][:16], [rider["permission"] for rider in trip["riders"]]) == ("2025-11-13T08:00", [None, None])
    assert school(*move, *more, "--by", OFFICER.id).json["refused"]["code"] == "TIME_UNCHANGED"


def test_bad_rows_are_named_by_the_files_own_numbers(school, stage):
    """Nobody boards without a slip: all or none, then the good rows with --partial."""
    planned(school)
    school("visit", "offer", "@", "t1", "--students", A, B, "--by", HEAD.id)
    stage.to("2025-11-12 18:00")
    rows = school.file(
        "v.csv", ["trip", "student", "permission", "attended"], ["t1", A, "", "是"], ["t1", B, "是", "是"]
    )
    before = len(stage.ledger)
    told = school("record", "visits", rows, "@", "--by", HEAD.id)
    assert told.code == 5
    assert [(row["row"], row["code"]) for row in told.json["refused"]] == [(2, "PERMISSION_MISSING")]
    assert len(stage.ledger) == before
    partial = school("record", "visits", rows, "@", "--by", HEAD.id, "--partial")
    assert (partial.code, partial.json["rows"]) == (0, 1)
    assert stage.state.trips["t1"].riders[B].attended is True


def test_a_school_that_is_not_on_the_list_is_refused_and_kept(school, stage):
    """INV-20: the attempt stands in the record, and the command says so."""
    plan = ("--to", UNLISTED, *PLAN[2:], "--at", "2025-11-12T08:00", "--classes", "2023-01", "--by", GRADE.id)
    told = school("visit", "plan", "@", "t1", *plan)
    assert (told.code, told.json["refused"]["code"]) == (5, "SCHOOL_NOT_LISTED")
    assert told.json["receipt"]["last_version"] == stage.ledger[-1]["version"]


def test_a_presentation_from_its_request_to_its_pupils(school):
    """Asked for by the receiving school itself, approved by the bureau, held before so many pupils of each class."""
    ask = ("--of", LISTED, "--persons", 2, "--materials", "MAT-2025-7", "--classes", "2023-01;2023-02")
    commands = (
        ("request", "@", "p1", *ask, "--at", "2025-11-03T15:00", "--by", RECEIVING.id),
        ("approve", "@", "p1", "--approval", "AP-2025-1", "--by", OFFICER.id),
    )
    for command in commands:
        told = school("visit", "presentation", *command)
        assert told.code == 0, told
    early = school("visit", "presentation", "held", "@", "p1", "--pupils", "2023-01=3", "--by", HEAD.id)
    assert early.json["refused"]["code"] == "PRESENTATION_NOT_YET_HELD"
    school.streams[f"{CAMPAIGN}/{SCHOOL}/school-visits"].to("2025-11-03 17:00")
    held = school("visit", "presentation", "held", "@", "p1", "--pupils", "2023-01=3", "2023-02=2", "--by", HEAD.id)
    assert held.code == 0, held
    (shown,) = school("visit", "show", "@").json["presentations"]
    assert (shown["presentation"], shown["status"]) == ("p1", "held")


def test_a_cancelled_trip_and_a_recruiter_are_on_record(school, stage):
    """A reason ends a trip; a report of recruiting needs nothing but a day."""
    planned(school)
    assert school("visit", "cancel", "@", "t1", "--by", GRADE.id).json["refused"]["code"] == "REASON_REQUIRED"
    assert school("visit", "cancel", "@", "t1", "--by", GRADE.id, "--reason", "WEATHER").code == 0
    assert school("visit", "show", "@").json["cancelled"] == ["t1"]
    assert school("visit", "unregistered", "@", "--on", "2025-11-02", "--by", HEAD.id).code == 0
    assert stage.last("UnregisteredVisitDetected")["data"]["receiving_school"] is None
    assert school("visit", "show", "@", "t1").json["error"]["code"] == "TRIP_UNKNOWN"


@pytest.mark.parametrize(
    ("words", "code", "place"),
    [
        (("plan", "@", "t1", *PLAN, "--at", "2025-11-12", "--classes", "2023-01"), "TIME_INVALID", "--at"),
        (("plan", "@", "t1", *PLAN, "--at", "2025-11-12T08:00", "--classes", "2019-01"), "CLASS_INVALID", "--classes"),
        (("presentation", "held", "@", "p1", "--pupils", "2023-01"), "COUNT_INVALID", "--pupils"),
        (("offer", "@", "t1", "--classes", "2023-01", "--students", A), "CHOICE_NEEDED", "--classes, --students"),
    ],
)
def test_wrong_options_are_usage(school, words, code, place):
    """Exit 2 with the option, before anything is asked of the rules."""
    told = school("visit", *words, "--by", GRADE.id)
    assert (told.code, told.json["error"]["code"], told.json["error"]["place"]) == (2, code, place)


def test_pupils_of_another_class_have_no_seat_there(school):
    """The refusal names the row of the list of pupils."""
    planned(school)
    told = school("visit", "offer", "@", "t1", "--students", f"{A},{D}", "--by", HEAD.id)
    assert (told.code, told.json["refused"]["code"]) == (5, "ROWS_REFUSED")
