"""`attendance` and `dropout`: reports from files and options, names that go no further, a case from start to end."""

import json

import pytest
from cli_machine_rooms import CLASSES, NAMES, STUDENTS, desk
from python_calamine import CalamineWorkbook
from stream_samples import CALENDAR, CAMPAIGN, GRADE, HEAD, OFFICER, PRINCIPAL, SCHOOL, A, B, Stream, policy, when
from watch_courses import report as file_report
from watch_courses import watched_county

FIRST, SECOND = "2023-01", "2023-02"
SHARED = {"campaign": CAMPAIGN, "school": SCHOOL, "policy": policy().model_dump(mode="json"),
          "calendar": CALENDAR.model_dump(mode="json")}  # fmt: skip
MONDAY = "2025-11-03"


@pytest.fixture
async def school(monkeypatch, capsys, tmp_path):
    """A school whose first report is due today, and a pupil's case."""
    span = {"first": MONDAY, "last": "2026-06-30"}
    own = Stream("attendance", {**SHARED, **span, "year": 2026, "classes": CLASSES}, when(f"{MONDAY} 08:00"))
    start = {"student": A, "class_id": FIRST, "since": MONDAY, "by": "PATTERN", "episode": 1, "last": "2026-06-30"}
    name = f"{CAMPAIGN}/{SCHOOL}/dropout/{A}"
    case = Stream("dropout", {**SHARED, **start}, when(f"{MONDAY} 15:00"), name=name)
    return await desk(monkeypatch, capsys, tmp_path, own.to(f"{MONDAY} 15:00"), case)


@pytest.fixture
def stream(school):
    """The attendance."""
    return school.streams[f"{CAMPAIGN}/{SCHOOL}/attendance"]


def report(school, *options, day=MONDAY, by=GRADE.id):
    """File a report."""
    return school("attendance", "report", "@", *options, "--day", day, "--by", by)


def test_a_zero_report_needs_no_file(school, stream):
    """`--zero` says that everybody of the register is there."""
    told = report(school, "--zero", "--command-id", "zero-1")
    assert told.code == 0, told
    assert report(school, "--zero", "--command-id", "zero-1").json["receipt"] == told.json["receipt"]
    assert stream.last("ZeroReportFiled")["data"]["present"] == 6
    again = report(school, "--zero")
    assert (again.code, again.json["refused"]["code"]) == (5, "REPORT_ALREADY_FILED")


def test_names_in_a_file_become_references_and_go_no_further(school, stream):
    """A class head writes names; the record has references."""
    file = school.file(
        "日报.csv",
        ["class", "present", "on_leave", "unexplained", "joined", "left"],
        ["九年级1班", "1", "1", NAMES[0], "0", "0"],
        ["2023-02", "3", "", "", "", ""],
    )
    told = report(school, file)
    assert told.code == 0, told
    assert stream.last("AbsenceNoted")["data"]["student"] == A
    assert not any(name in json.dumps(stream.ledger, ensure_ascii=False) for name in NAMES)


def test_the_template_is_a_zero_report_to_be_changed(school, stream, tmp_path):
    """Written, read back as it is, it says that all are there."""
    path = tmp_path / "day.xlsx"
    assert school("attendance", "template", "@", path, "--day", MONDAY).code == 0
    header, *rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    assert header == ["class", "present", "on_leave", "unexplained", "joined", "left"]
    assert [row[:2] for row in rows] == [[FIRST, "3"], [SECOND, "3"]]
    assert report(school, path).code == 0
    assert stream.names()[-1] == "ZeroReportFiled"


def test_json_and_rows_of_the_command_line(school, stream):
    """The same report in two other ways, and its correction."""
    file = school.folder / "day.json"
    file.write_text(json.dumps([{"class": FIRST, "present": 2, "unexplained": [A]}, {"class": SECOND, "present": 3}]))
    assert report(school, file).code == 0
    rows = ("--class", f"{FIRST}=1,0:{A}+{B}")
    told = school("attendance", "correct", "@", *rows, "--day", MONDAY, "--by", HEAD.id, "--reason", "FOUND_LATER")
    assert told.code == 0, told
    assert stream.state.absent.keys() == {A, B}
    whole = stream.to("2025-11-04 15:00")
    assert report(school, "--class", f"{FIRST}=2,1", f"{SECOND}=3,0,0,0", day="2025-11-04").code == 0
    assert whole.names()[-1] == "DailyReportFiled"


@pytest.mark.parametrize(
    ("rows", "code", "place"),
    [
        ([["2023-01", "many", "", "", "", ""]], "ATTENDANCE_VALUE_INVALID", "row 2 column present"),
        ([["2023-01", "", "", "", "", ""]], "ATTENDANCE_VALUE_INVALID", "row 2 column present"),
        ([["一班级", "3", "", "", "", ""]], "ATTENDANCE_VALUE_INVALID", "row 2 column class"),
        ([["2023-01", "2", "", "例不存在", "", ""]], "STUDENT_NOT_FOUND", "row 2 column unexplained"),
        ([], "ATTENDANCE_FILE_INVALID", "bad.csv"),
    ],
)
def test_a_bad_file_is_named_by_row_and_column(school, stream, rows, code, place):
    """Nothing is recorded, and no value is repeated."""
    file = school.file("bad.csv", ["class", "present", "on_leave", "unexplained", "joined", "left"], *rows)
    told = report(school, file)
    assert (told.code, told.json["error"]["code"]) == (3, code)
    assert told.json["error"]["place"].endswith(place)
    assert stream.names() == ["AttendanceStarted"]


def test_wrong_usage(school):
    """One source; rows that can be read."""
    for options in ((), ("--zero", "--class", f"{FIRST}=3")):
        assert report(school, *options).json["error"]["code"] == "REPORT_SOURCE_INVALID"
    for row in ("2023-01", "2023-01=x", "2023-01=3:Anna", "2023-01=1,2,3"):
        told = report(school, "--class", row)
        assert (told.code, told.json["error"]["code"]) == (2, "CLASS_ROW_INVALID")
    assert report(school, school.folder / "none.csv").json["error"]["code"] == "ATTENDANCE_FILE_MISSING"


def test_a_report_that_does_not_add_up_is_refused_in_words(school):
    """INV-14: the refusal says which row and what to do."""
    told = school.readable("attendance", "report", "@", "--class", f"{FIRST}=2", f"{SECOND}=3", "--day", MONDAY,
                           "--by", GRADE.id)  # fmt: skip
    assert told.code == 5
    assert "ROWS_REFUSED" in told.err


def test_an_absence_is_visited_and_explained(school, stream):
    """Codes only; then the board owes nothing."""
    assert report(school, "--class", f"{FIRST}=2:{A}", f"{SECOND}=3").code == 0
    visit = ("--on", MONDAY, "--visitors", "stf_teacher1", "--by", HEAD.id)
    assert school("attendance", "visit", "@", A, "no_answer", *visit).code == 0
    shown = school("attendance", "show", "@").json
    assert (shown["visits_owed"], shown["figures"]["absences"], shown["rates"]) == (
        0, 1, {"on_time": "1/1", "complete": "1/1"},
    )  # fmt: skip
    why = ("--day", MONDAY, "--evidence", "call", "--by", HEAD.id)
    assert school("attendance", "explain", "@", A, "illness", *why).code == 0
    assert stream.state.absent == {}
    assert "1/1" in school.readable("attendance", "show", "@").out


def test_a_week_is_filed_by_its_name(school, stream):
    """The figures are the system's."""
    stream.to("2025-11-07 15:00")
    told = school("attendance", "period", "@", "2025-w45", "--by", GRADE.id)
    assert told.code == 0, told
    assert stream.last("WeeklyReportFiled")["data"]["figures"]["missed"] == 4


def test_a_case_from_the_command_line(school):
    """Persuade, report, confirm, order, return; the closing says what is missing."""
    case = school.streams[f"{CAMPAIGN}/{SCHOOL}/dropout/{A}"]
    on = ("--on", MONDAY)
    visitors = ("--visitors", "stf_teacher1", "stf_teacher2")
    steps = (
        ("persuade", "not_willing_yet", "--n", "1", *on, *visitors, "--by", HEAD.id),
        ("confirm", "--by", PRINCIPAL.id),
        ("report", "--document", "KC-1", *on, "--by", PRINCIPAL.id),
        ("order", "--document", "FX-1", *on, "--by", OFFICER.id),
        ("return", *on, "--evidence", "seen", "--by", HEAD.id),
    )
    for name, *rest in steps:
        told = school("dropout", name, "@", A, *rest)
        assert told.code == 0, told
    told = school("dropout", "close", "@", A, "--by", PRINCIPAL.id)
    assert (told.code, told.json["refused"]["code"]) == (5, "CASE_NOT_CLOSABLE")
    assert told.json["refused"]["blockers"][0]["code"] == "DAYS_PRESENT_MISSING"
    (shown,) = school("dropout", "show", "@").json["cases"]
    assert (shown["student"], shown["status"], shown["attempts"]) == (A, "returned", 1)
    assert A in school.readable("dropout", "show", "@", A).out
    assert case.state.order is not None


def test_home_teaching_and_elsewhere(school):
    """The other two ends."""
    ground = ("disability", "--document", "ZM-1", "--on", MONDAY, "--by", PRINCIPAL.id)
    assert school("dropout", "home", "@", A, *ground).code == 0
    lesson = ("--lessons", "2", "--on", MONDAY, "--visitors", "stf_teacher1", "--by", HEAD.id)
    assert school("dropout", "lesson", "@", A, *lesson).code == 0
    elsewhere = ("--register-ref", "XJ-1", "--evidence", "register", "--by", OFFICER.id)
    assert school("dropout", "elsewhere", "@", A, *elsewhere).json["refused"]["code"] == "PUPIL_NOT_AWAY"
    assert school("dropout", "close", "@", A, "--by", OFFICER.id).code == 0
    away = ("--on", MONDAY, "--evidence", "seen", "--by", HEAD.id)
    assert school("attendance", "again", "@", A, *away).json["refused"]["code"] == "PUPIL_NOT_AWAY"


@pytest.fixture
async def after_the_year(monkeypatch, capsys, tmp_path):
    """A school whose pupil never came back, on the morning on which the case ended."""
    county = watched_county()
    for day in (MONDAY, "2025-11-04", "2025-11-05"):
        county.to(f"{day} 15:00")
        file_report(county[f"{SCHOOL}/attendance"], day, A)
        county.settle()
    county.to("2026-07-15 08:00")
    return await desk(monkeypatch, capsys, tmp_path, *county.streams.values())


def test_a_return_after_the_years_end_goes_to_the_school(after_the_year):
    """The case has ended with what was not done; `dropout return` records the pupil as seen again all the same."""
    own = after_the_year
    (shown,) = own("dropout", "show", "@", A).json["cases"]
    assert (shown["status"], shown["ending"], shown["proof_until"]) == ("not_returned", "NOT_RETURNED", "2026-07-14")
    assert shown["undone"] == ["VISIT", "WRITTEN_REPORT", "CONFIRMATION", "RETURN_ORDER"]
    assert (shown["done"], shown["missing"], shown["returned_late"]) == ([], [], None)
    told = own("dropout", "close", "@", A, "--by", PRINCIPAL.id)
    assert (told.code, told.json["refused"]["code"]) == (5, "CASE_ENDED_WITH_THE_YEAR")
    told = own("dropout", "return", "@", A, "--on", "2026-07-15", "--evidence", "seen", "--by", HEAD.id)
    assert told.code == 0, told
    assert own.streams[f"{CAMPAIGN}/{SCHOOL}"].last("LateReturnRecorded")["data"]["student"] == A
    (shown,) = own("dropout", "show", "@", A).json["cases"]
    assert (shown["status"], shown["returned_late"]) == ("not_returned", "2026-07-15")
    assert "2026-07-15" in own.readable("dropout", "show", "@", A).out


def test_a_pupil_without_a_case(school):
    """There is nothing to show or to do, and the name of nobody."""
    other = next(student for student in STUDENTS if student != A)
    for arguments in (("show", "@", other), ("confirm", "@", other, "--by", PRINCIPAL.id)):
        told = school("dropout", *arguments)
        assert (told.code, told.json["error"]["code"]) == (4, "DROPOUT_CASE_UNKNOWN")
