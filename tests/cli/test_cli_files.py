from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from cli import outcome_values as values
from cli.outcome_commands import batches
from cli.outcome_files import Row
from cli.status import in_order, own_stages, schools_of
from cli.year import by_week, collisions
from domain.calendar import Calendar, CalendarYear
from registry.staff_file import StaffMember

WHEN = "2024-12-05T18:30:00.000+08:00"
MORNING = "2024-12-05T08:00:00.000+08:00"


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("2024-12-05 18:30", WHEN),
        ("2024/12/5 18:30", WHEN),
        ("2024.12.5 18:30", WHEN),
        ("2024年12月5日 18:30", WHEN),
        ("2024-12-05T18:30:00+08:00", WHEN),
        ("2024-12-05T10:30:00Z", WHEN),
        (datetime(2024, 12, 5, 18, 30), WHEN),  # noqa: DTZ001 - a spreadsheet's cell has no offset
        (datetime(2024, 12, 5, 10, 30, tzinfo=UTC), WHEN),
        ("2024-12-05", MORNING),
        ("２０２４－１２－０５", MORNING),
        (date(2024, 12, 5), MORNING),
        ("2024-02-30", None),
        ("5 December", None),
        ("", None),
        (None, None),
        (datetime(2024, 12, 5, 18, 30, tzinfo=timezone(timedelta(hours=8))), WHEN),
    ],
)
def test_a_time_is_read_as_schools_write_it(cell, meant):
    """Without an offset it is the county's time; what cannot be read is not guessed."""
    assert values.moment(cell) == meant


@pytest.mark.parametrize(
    ("cell", "meant"), [("是", True), (" 到会 ", True), (True, True), ("否", False), (0.0, False), ("也许", None)]
)
def test_yes_and_no_are_read_as_schools_write_them(cell, meant):
    """A cell that says neither is nothing."""
    assert values.yes_no(cell) is meant


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("学习、出勤", ["STUDY", "ATTENDANCE"]),
        ("study; information", ["STUDY", "INFORMATION"]),
        ("无", []),
        ("职校", None),
    ],
)
def test_kinds_of_help_are_a_list_of_known_words(cell, meant):
    """无 says that no help is offered; an unknown word is refused and never dropped."""
    assert values.helps(cell) == meant


def _attendance(number, student, meeting="m1"):
    return Row(number, {"student": student, "meeting": meeting, "attended": True, "by": "guardian"})


def test_one_meeting_is_one_command_under_the_id_itself():
    """The simplest file keeps the simplest id."""
    (batch,) = batches("attendance", [_attendance(2, "stu_aaaaaa"), _attendance(3, "stu_bbbbbb")], invite=True)
    assert (batch.kind, batch.suffix, batch.fields["session"]) == ("record_attendance", "", "m1")
    assert [row["student"] for row in batch.fields["rows"]] == ["stu_aaaaaa", "stu_bbbbbb"]


def test_several_meetings_have_ids_of_their_own():
    """The same file again gives the same ids, so that it can be sent again."""
    rows = [_attendance(2, "stu_aaaaaa"), _attendance(3, "stu_bbbbbb", "m2"), _attendance(4, "stu_cccccc")]
    assert [batch.suffix for batch in batches("attendance", rows, invite=True)] == ["m1", "m2"]


def test_a_long_list_is_cut_where_the_command_ends():
    """A command takes 500 rows."""
    rows = [_attendance(number, f"stu_{number:06d}") for number in range(2, 1003)]
    found = batches("attendance", rows, invite=True)
    assert [len(batch.rows) for batch in found] == [500, 500, 1]
    assert [batch.suffix for batch in found] == ["m1", "m1/2", "m1/3"]


def test_rows_that_were_refused_are_left_out_by_position():
    """What remains keeps its own row numbers."""
    (batch,) = batches("attendance", [_attendance(number, f"stu_{number:06d}") for number in range(2, 6)], invite=True)
    rest = batch.without([1, 2])
    assert [row.number for row in rest.rows] == [2, 5]
    assert [row["student"] for row in rest.fields["rows"]] == ["stu_000002", "stu_000005"]
    assert rest.without([0, 1]) is None


def test_decisions_that_are_alike_go_together_and_objections_alone():
    """Confirmations of the same kind are one command; each objection is its own."""

    def row(number, decision, help_=None, reason=None):
        fields = {"student": f"stu_{number:06d}", "decision": decision, "help": help_, "reason": reason}
        return Row(number, {**fields, "raised_by": "STAFF"})

    rows = [row(2, "confirm"), row(3, "contest", reason="WRONG"), row(4, "confirm"), row(5, "resolve", [], "LOOKED_AT")]
    found = batches("decisions", [*rows, row(6, "contest", reason="WRONG")], invite=True)
    assert [(batch.kind, len(batch.rows)) for batch in found] == [
        ("confirm", 2),
        ("contest", 1),
        ("resolve_contest", 1),
        ("contest", 1),
    ]
    assert "help" not in found[0].fields
    assert found[2].fields["help"] == []


def _stage(school, stage, status, due, *, overdue=False, done=0):
    classes = {"2022-01": {"done": done, "of": 2}, "2022-02": {"done": 2, "of": 2}}
    return {
        "school": school,
        "stage": stage,
        "status": status,
        "due": due,
        "overdue": overdue,
        "blockers": [],
        "classes": classes,
    }


BOARD = {
    "campaign/x/2025": {"schools": {"A": "running", "B": "running"}},
    "a1": _stage("A", "identification", "completed", "2024-11-29", done=2),
    "a2": _stage("A", "parent-meetings", "open", "2024-12-20"),
    "b1": _stage("B", "identification", "open", "2025-11-29"),
    "b2": _stage("B", "parent-meetings", "open", "2024-12-20", overdue=True),
}


def test_what_is_overdue_comes_first():
    """The school with something overdue, and in it the stage."""
    schools = schools_of(BOARD, "campaign/x/2025")
    assert [school["school"] for school in schools] == ["B", "A"]
    assert [stage["stage"] for stage in schools[0]["stages"]] == ["parent-meetings", "identification"]


@pytest.mark.parametrize(
    ("role", "school", "classes", "listed"),
    [
        ("principal", "A", (), [("A", "parent-meetings")]),
        ("class_head", "A", ("2022-01",), [("A", "parent-meetings")]),
        ("class_head", "A", ("2022-02",), []),
        ("principal", "B", (), [("B", "parent-meetings"), ("B", "identification")]),
        ("bureau_officer", "", (), [("B", "parent-meetings"), ("B", "identification"), ("A", "parent-meetings")]),
        ("receiving_school", "V", (), []),
    ],
)
def test_a_work_list_is_ones_own(role, school, classes, listed):
    """Own school, own classes, nothing that is done, overdue first, then by due date."""
    member = StaffMember(staff_ref="stf_0000", role=role, school=school, classes=classes)
    work = [
        {"school": school, "stage": "parent-meetings", "class": "2022-01", "student": f"stu_{school}"}
        for school in ("A", "B")
        if not classes or "2022-01" in classes
    ]
    mine = own_stages(schools_of(BOARD, "campaign/x/2025"), member, work)
    assert [(own["school"], stage["stage"]) for own in mine for stage in own["stages"]] == listed


QUORUM = {"code": "QUORUM_NOT_REACHED", "count": 3}


@pytest.mark.parametrize(
    ("status", "blockers", "work", "kept"),
    [
        ("open", [QUORUM], [], True),
        ("completed", [], [{"school": "A", "stage": "identification", "code": "CONTESTS_OPEN"}], True),
        ("open", [], [], False),
        ("completed", [], [], False),
    ],
)
def test_a_stage_stays_on_the_list_while_anything_is_open(status, blockers, work, kept):
    """All pupils settled, and still below the quorum or contested: there is something to do."""
    stage = _stage("A", "identification", status, "2024-11-29", done=2) | {"blockers": blockers}
    board = {"campaign/x/2025": {"schools": {"A": "running"}}, "a1": stage}
    member = StaffMember(staff_ref="stf_0000", role="class_head", school="A", classes=("2022-01",))
    assert bool(own_stages(schools_of(board, "campaign/x/2025"), member, work)) is kept


def test_lines_of_work_come_with_the_overdue_stage_first():
    """Also before another school's earlier date."""
    schools = schools_of(BOARD, "campaign/x/2025")
    work = [
        {"school": school, "stage": stage, "student": f"{school}{stage}"}
        for school, stage in (("A", "parent-meetings"), ("B", "identification"), ("B", "parent-meetings"))
    ]
    assert [item["school"] + item["stage"][0] for item in in_order(schools, work)] == ["Bp", "Ap", "Bi"]


def test_a_meeting_named_twice_is_two_commands_with_two_ids():
    """So that the rules see the contradiction instead of taking the second for the first again."""
    rows = [Row(number, {"meeting": "m1", "classes": ["2022-01"], "at": WHEN}) for number in (2, 3)]
    found = batches("sessions", rows, invite=False)
    assert [batch.suffix for batch in found] == ["m1", "m1/row-3"]


def test_refused_decisions_are_left_out_by_position():
    """`--partial` works for lists of pupils as it does for rows."""
    fields = {"decision": "confirm", "help": None, "reason": None, "raised_by": "STAFF"}
    rows = [Row(number, {"student": f"stu_{number:06d}", **fields}) for number in (2, 3, 4)]
    (batch,) = batches("decisions", rows, invite=True)
    rest = batch.without([1])
    assert rest.fields["students"] == ["stu_000002", "stu_000004"]
    assert [row.number for row in rest.rows] == [2, 4]


def test_notices_are_counted_by_week():
    """ISO weeks, in order, also over the turn of the year."""
    instants = iter(["2024-12-30T08:00:00.000+08:00", "2024-11-25T08:00:00.000+08:00", "2025-01-01T08:00:00.000+08:00"])
    assert by_week(instants) == {"2024-W48": 1, "2025-W01": 2}


def test_due_dates_on_days_off_and_in_unknown_years_collide():
    """A rehearsal names both, before a real campaign meets them."""
    calendar = Calendar(version=1, years={2024: CalendarYear(holidays=(), make_up_days=())}, closed=(), open=())
    stages = {"a": {"due": "2024-12-20"}, "b": {"due": "2024-12-21"}, "c": {"due": "2025-03-03"}}
    assert [(found["stage"], found["code"]) for found in collisions(stages, calendar)] == [
        ("b", "DUE_NOT_WORKING_DAY"),
        ("c", "CALENDAR_UNKNOWN"),
    ]
