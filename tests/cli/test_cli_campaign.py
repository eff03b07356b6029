import csv
import json
from types import SimpleNamespace

import pytest
from cli_runner import CAMPAIGN, Up, county, eventually, staff
from python_calamine import CalamineWorkbook

SCHOOL, OTHER = "9900010001", "9900010002"
CLASS = "2022-01"


@pytest.fixture(scope="module")
def house(tmp_path_factory, warm):
    """An engine and a worker, and a sample county that was drafted there."""
    folder = tmp_path_factory.mktemp("campaign")
    home = county(folder / "county")
    up = Up(folder / "var")
    try:
        people = {
            role: staff(home, role, school)
            for role, school in (
                ("bureau_officer", ""),
                ("bureau_approver", ""),
                ("principal", SCHOOL),
                ("grade_leader", SCHOOL),
                ("class_head", SCHOOL),
            )
        }
        place = SimpleNamespace(
            home=home, data=up.data, folder=folder, stranger=staff(home, "principal", OTHER), **people
        )
        place.run = lambda *arguments: warm(*arguments, "--data", up.data, "--json")
        place.screen = lambda *arguments: warm(*arguments, "--data", up.data)
        place.both = lambda *commands: [place.run(*command) for command in commands]
        yield place
    finally:
        assert up.end() == 0


@pytest.fixture(scope="module")
def approved(house):
    """The campaign after its first days: drafted, not approved by its author, approved by another person."""
    launched = house.run("launch", house.home, "--by", house.bureau_officer)
    itself = house.run("approve", CAMPAIGN, "--by", house.bureau_officer)
    done = house.run("approve", CAMPAIGN, "--by", house.bureau_approver)
    return SimpleNamespace(launched=launched, itself=itself, done=done)


@pytest.fixture(scope="module")
def identified(house, approved):
    """The identification of one school, decided, frozen and completed."""
    opened = eventually(lambda: _stage(house, "identification")["blockers"][0]["code"] == "PROPOSALS_UNDECIDED")
    early = house.both(
        ("stage", "complete", CAMPAIGN, SCHOOL, "parent-meetings", "--by", house.principal),
        ("stage", "complete", CAMPAIGN, SCHOOL, "identification", "--by", house.principal),
    )
    sheet = house.folder / "decisions.xlsx"
    house.run("record", "template", "decisions", CAMPAIGN, SCHOOL, sheet)
    rows = CalamineWorkbook.from_path(sheet).get_sheet_by_index(0).to_python()
    filled = _csv(
        house.folder / "decisions.csv",
        ["编号", "班级", "姓名", "决定", "帮扶", "理由"],
        [[reference, class_id, name, "确认", "学习", "LOOKED_AT"] for reference, class_id, name, *_ in rows[2:]],
    )
    waiting = house.run("status", CAMPAIGN, "--mine", "--by", house.class_head)
    screen = house.screen("status", CAMPAIGN, "--mine", "--by", house.class_head)
    head = ["编号", "决定", "帮扶", "理由"]
    one = [rows[1][0], "确认", "学习", "LOOKED_AT"]
    both = _csv(house.folder / "both.csv", head, [one, [rows[1][0], "排除", "", "LOOKED_AT"]])
    contradiction = house.run("record", "decisions", both, CAMPAIGN, SCHOOL, "--by", house.class_head)
    some = _csv(house.folder / "some.csv", head, [["stu_nobodyatall", *one[1:]], one])
    partial = [
        house.run(
            *("record", "decisions", some, CAMPAIGN, SCHOOL, "--by", house.class_head),
            *("--partial", "--command-id", "some"),
        )
        for _ in range(2)
    ]
    decided = house.run("record", "decisions", filled, CAMPAIGN, SCHOOL, "--by", house.class_head)
    frozen = house.run("stage", "freeze", CAMPAIGN, SCHOOL, "--by", house.grade_leader)
    complete = ("stage", "complete", CAMPAIGN, SCHOOL, "identification", "--by", house.principal)
    first = house.run(*complete, "--command-id", "sign-off-1", "--note", "王老师已核对")
    again = house.run(*complete, "--command-id", "sign-off-1", "--note", "王老师已核对")
    return SimpleNamespace(
        opened=opened,
        early=early,
        rows=rows,
        waiting=waiting,
        screen=screen,
        contradiction=contradiction,
        partial=partial,
        decided=decided,
        frozen=frozen,
        first=first,
        again=again,
    )


def _stage(house, stage):
    return house.run("stage", "show", CAMPAIGN, SCHOOL, stage).json


def test_a_proposal_says_why_and_what_would_change_it(house, identified):
    """One pupil's proposal in words, on the screen and in the sheet to decide on; thresholds, never a mark."""
    sheet = CalamineWorkbook.from_path(house.folder / "decisions.xlsx").get_sheet_by_index(0).to_python()
    reference, *_, proposal, why = sheet[1]
    shown = house.run("stage", "show", CAMPAIGN, SCHOOL, "identification", "--student", reference).json
    assert (shown["proposal"], shown["why"]) == (proposal, why)
    assert "changes if it" in why
    missing = house.run("stage", "show", CAMPAIGN, SCHOOL, "identification", "--student", "stu_nobodyatall")
    assert missing.code == 4


def _csv(path, header, rows):
    with path.open("w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def _code(run):
    return run.code, (run.json.get("error") or run.json["refused"])["code"]


def test_one_drafts_and_another_approves(approved):
    """`launch` leaves a draft; its author's approval is refused and on record; another person's starts it."""
    assert approved.launched.code == 0
    assert approved.launched.json["status"] == "draft"
    assert approved.launched.json["already"] is False
    assert _code(approved.itself) == (5, "SELF_APPROVAL")
    assert approved.itself.json["receipt"]["stream"] == CAMPAIGN
    assert approved.done.code == 0
    assert approved.done.json["status"] == "running"
    assert approved.done.json["pending"] == 0


def test_the_same_files_again_change_nothing_and_others_are_refused(house, approved):
    """Same content: 0 and `already`; other content: 5 CAMPAIGN_EXISTS, and its people never reach the registry."""
    same, checked = house.both(
        ("launch", house.home, "--by", house.bureau_officer),
        ("launch", house.home, "--by", house.bureau_officer, "--dry-run"),
    )
    assert (same.code, same.json["already"], same.json["status"]) == (0, True, "running")
    assert (checked.code, checked.json["already"]) == (0, True)
    other = county(house.folder / "other", pupils=14)
    staff_file = other / "staff.csv"
    staff_file.write_text(staff_file.read_text() + "stf_intruder00,bureau_approver,,,示云山,\n")
    refused = house.run("launch", other, "--by", house.bureau_officer)
    assert _code(refused) == (5, "CAMPAIGN_EXISTS")
    assert _code(house.run("stop", CAMPAIGN, "--by", "stf_intruder00", "--reason", "X1")) == (4, "STAFF_UNKNOWN")


def test_a_stage_before_its_time_is_refused_with_what_is_missing(identified):
    """Its prerequisite first; and completing names every blocker with its number and a sentence."""
    meetings, identification = identified.early
    assert identified.opened
    assert _code(meetings) == (5, "STAGE_PREREQUISITE")
    assert _code(identification) == (5, "NOT_COMPLETE")
    blockers = {blocker["code"]: blocker for blocker in identification.json["refused"]["blockers"]}
    assert set(blockers) == {"PROPOSALS_UNDECIDED", "COHORT_NOT_FROZEN"} or "DATA_UNKNOWN" in blockers
    assert all(blocker["message"] and blocker["count"] for blocker in blockers.values())


def test_a_filled_template_is_recorded_and_the_stage_signed_off(identified):
    """A sheet goes out with references and comes back as one command of the whole school."""
    assert identified.rows[0] == ["student", "class", "name", "decision", "help", "reason", "proposal", "why"]
    assert len(identified.rows) == 9
    assert identified.decided.code == 0, identified.decided
    assert identified.decided.json["refused"] == []
    assert identified.decided.json["rows"] == 7
    assert identified.frozen.code == 0
    assert identified.first.code == 0, identified.first
    assert set(identified.first.json) == {"accepted", "refused", "receipt"}
    assert set(identified.first.json["receipt"]) == {"stream", "first_version", "last_version", "hash"}


def test_every_pupil_who_waits_is_a_line_of_the_work_list(house, identified):
    """S1: references, classes and what to do for one's own class; a name is for the screen, never in JSON."""
    work = identified.waiting.json["work"]
    assert sorted(item["student"] for item in work) == sorted(row[0] for row in identified.rows[1:])
    assert all(set(item) == {"school", "stage", "class", "student", "code", "on", "message"} for item in work)
    assert {(item["school"], item["stage"], item["class"]) for item in work} == {(SCHOOL, "identification", CLASS)}
    assert {item["code"] for item in work} <= {"PROPOSALS_UNDECIDED", "DATA_UNKNOWN"}
    assert not any(row[2] in identified.waiting.out for row in identified.rows[1:])
    assert all(row[0] in identified.screen.out and row[2] in identified.screen.out for row in identified.rows[1:])
    assert "to do: 8" in identified.screen.out
    assert house.run("status", CAMPAIGN, "--mine", "--by", house.stranger).json["work"][0]["school"] == OTHER


def test_rows_that_contradict_each_other_are_refused_before_the_first_command(identified):
    """Confirming and excluding one pupil is one file's mistake: nothing is recorded, and the row is named."""
    run = identified.contradiction
    assert run.code == 5, run
    assert [(row["row"], row["code"]) for row in run.json["refused"]] == [(3, "ALREADY_DECIDED")]
    assert run.json["receipts"] == []


def test_a_partial_list_of_decisions_again_has_the_same_receipt(identified):
    """The good rows are taken, the bad one is named; the same again prints the same."""
    first, again = identified.partial
    assert first.code == 0, first
    assert [(row["row"], row["code"]) for row in first.json["refused"]] == [(2, "STUDENT_UNKNOWN")]
    assert first.json["rows"] == 1
    assert again.json == first.json


def test_the_same_command_again_has_the_same_receipt(house, identified):
    """With its note, too; another command under the same id, and completing what is completed, are refused."""
    assert identified.again.json == identified.first.json
    complete = ("stage", "complete", CAMPAIGN, SCHOOL, "identification", "--by", house.principal)
    other_note, already, wrong_school, wrong_role, no_reason = house.both(
        (*complete, "--command-id", "sign-off-1", "--note", "别的话"),
        complete,
        ("stage", "complete", CAMPAIGN, SCHOOL, "identification", "--by", house.stranger),
        ("stage", "skip", CAMPAIGN, SCHOOL, "retention", "--by", house.principal, "--reason", "X1"),
        ("stage", "reopen", CAMPAIGN, SCHOOL, "identification", "--by", house.principal),
    )
    assert _code(other_note) == (5, "COMMAND_ID_REUSED")
    assert _code(already) == (5, "ALREADY_COMPLETED")
    assert _code(wrong_school) == (5, "WRONG_SCHOOL")
    assert wrong_school.json["receipt"] is not None
    assert _code(wrong_role) == (5, "ROLE_NOT_ALLOWED")
    assert _code(no_reason) == (5, "REASON_REQUIRED")


def test_another_command_under_the_same_id_is_refused(house, identified):
    """Whoever uses a command id twice for two commands must not read the first one's receipt as success."""
    complete = ("stage", "complete", CAMPAIGN, SCHOOL, "identification", "--by", house.principal)
    reused = house.run(*complete, "--command-id", "sign-off-1", "--reason", "OTHER")
    assert reused.code == 5


def test_what_nobody_knows_is_not_found(house, identified):
    """Campaign, school, stage and person: exit 4, each with its own code."""
    tail = ("--by", house.principal)
    runs = house.both(
        ("status", "campaign/nowhere/2025"),
        ("stage", "complete", CAMPAIGN, "1234567890", "identification", *tail),
        ("stage", "complete", CAMPAIGN, SCHOOL, "graduation", *tail),
        ("stage", "complete", CAMPAIGN, SCHOOL, "identification", "--by", "stf_nobody0000"),
    )
    assert [_code(run) for run in runs] == [
        (4, "CAMPAIGN_UNKNOWN"),
        (4, "SCHOOL_UNKNOWN"),
        (4, "STAGE_UNKNOWN"),
        (4, "STAFF_UNKNOWN"),
    ]


def test_a_meeting_is_scheduled_and_its_attendance_recorded(house, identified):
    """Sessions invite at once; bad rows refuse the whole sheet; `--partial` takes the others; names stay behind."""
    assert eventually(lambda: _stage(house, "parent-meetings")["status"] == "open")
    pupils = identified.rows[1:]
    at = f"{_stage(house, 'parent-meetings')['opens']}T18:30:00+08:00"
    sessions = house.folder / "sessions.json"
    sessions.write_text(json.dumps([{"meeting": "m1", "classes": [CLASS], "at": at}]))
    scheduled = house.run("record", "sessions", sessions, CAMPAIGN, SCHOOL, "--by", house.class_head)
    assert scheduled.code == 0, scheduled
    assert len(scheduled.json["receipts"]) == 2
    rows = [["m1", class_id, name, "是", "家长"] for _, class_id, name, *_ in pupils]
    rows[2] = ["m1", "", "", "是", "家长", "stu_nobodyatall"]
    rows[4][4] = ""
    header = ["场次", "班级", "姓名", "到会", "到会人", "编号"]
    sheet = _csv(house.folder / "attendance.csv", header, rows)
    record = ("record", "attendance", sheet, CAMPAIGN, SCHOOL, "--by", house.class_head, "--command-id", "evening")
    strict = house.run(*record)
    assert strict.code == 5
    assert [(row["row"], row["code"]) for row in strict.json["refused"]] == [
        (4, "STUDENT_UNKNOWN"),
        (6, "ATTENDED_BY_MISSING"),
    ]
    assert strict.json["receipt"] is None
    partial = house.run(*record, "--partial")
    assert partial.code == 0, partial
    assert partial.json["accepted"] is True
    assert [row["row"] for row in partial.json["refused"]] == [4, 6]
    assert partial.json["rows"] == 6
    assert house.run(*record, "--partial").json == partial.json
    assert _stage(house, "parent-meetings")["classes"][CLASS] == {"done": 6, "of": 8}
    assert not any(pupil[2] in strict.out + partial.out + partial.err for pupil in pupils)


def test_a_file_of_two_meetings_is_all_or_none(house, identified):
    """Two meetings are two commands: the rules look at both before the first is given."""
    present = [row[0] for row in identified.rows[1:]][:2]
    rows = [{"meeting": "m1", "student": present[0], "attended": True, "by": "guardian"}]
    rows.append({"meeting": "m9", "student": present[1], "attended": True, "by": "guardian"})
    file = house.folder / "two.json"
    file.write_text(json.dumps(rows))
    before = _stage(house, "parent-meetings")["version"]
    run = house.run("record", "attendance", file, CAMPAIGN, SCHOOL, "--by", house.class_head)
    assert run.code == 5
    assert _stage(house, "parent-meetings")["version"] == before


def test_two_rows_with_one_meeting_are_refused_before_the_first_command(house, identified):
    """The second row is named, also where it says the same; neither meeting is scheduled, nobody is invited."""
    stage = _stage(house, "parent-meetings")
    for hours in ("18:30", "19:30"):
        rows = [
            {"meeting": "m7", "classes": [CLASS], "at": f"{stage['opens']}T{hour}:00+08:00"}
            for hour in ("18:30", hours)
        ]
        file = house.folder / "twice.json"
        file.write_text(json.dumps(rows))
        run = house.run("record", "sessions", file, CAMPAIGN, SCHOOL, "--by", house.class_head)
        assert run.code == 5, run
        assert [(row["row"], row["code"]) for row in run.json["refused"]] == [(2, "SESSION_EXISTS")]
    assert _stage(house, "parent-meetings")["version"] == stage["version"]


def test_a_bad_file_names_the_place_and_no_value(house, approved):
    """Exit 3 with file, row and column; what stands in the cell is not repeated."""
    header = ["meeting", "class", "name", "attended"]
    value = _csv(house.folder / "value.csv", header, [["m1", CLASS, "示云山", "也许"]])
    nobody = _csv(house.folder / "nobody.csv", header, [["m1", CLASS, "查无此人", "是"]])
    column = _csv(house.folder / "column.csv", header[:3], [["m1", CLASS, "示云山"]])
    tail = (CAMPAIGN, SCHOOL, "--by", house.class_head)
    runs = house.both(
        ("record", "attendance", nobody, *tail),
        ("record", "attendance", column, *tail),
        ("record", "attendance", house.folder / "nowhere.csv", *tail),
        ("record", "followups", value, *tail),
    )
    assert [_code(run) for run in runs] == [
        (3, "STUDENT_NOT_FOUND"),
        (3, "RECORD_COLUMN_MISSING"),
        (3, "RECORD_FILE_MISSING"),
        (3, "RECORD_COLUMN_MISSING"),
    ]
    assert runs[0].json["error"]["place"] == "nobody.csv: row 2 column name"
    assert "查无此人" not in runs[0].out + runs[0].err


def test_status_shows_what_a_person_has_to_do(house, identified):
    """The board has every school; a class head's list has the own class of the own school, and nothing that is done."""
    whole, mine = house.both(("status",), ("status", CAMPAIGN, "--mine", "--by", house.class_head))
    assert whole.json["engine"] == "reachable"
    assert whole.json["clock"] == "engine"
    assert whole.json["halted"] == []
    assert [school["school"] for school in whole.json["schools"]] == [SCHOOL, OTHER]
    stage = whole.json["schools"][0]["stages"][0]
    assert {"stage", "status", "overdue", "paused", "due", "blockers", "classes"} <= set(stage)
    assert [school["school"] for school in mine.json["schools"]] == [SCHOOL]
    assert "identification" not in [stage["stage"] for stage in mine.json["schools"][0]["stages"]]


def test_pause_resume_and_close_tell_how_far_they_are(house, identified):
    """A pause returns when all stages follow; what is paused twice or closed unfinished is refused."""
    by = ("--by", house.bureau_officer, "--reason", "EXAM_WEEK")
    paused = house.run("pause", CAMPAIGN, "--school", OTHER, *by)
    assert (paused.code, paused.json["pending"], paused.json["paused_schools"]) == (0, 0, [OTHER])
    twice, unfinished, unpaused = house.both(
        ("pause", CAMPAIGN, "--school", OTHER, *by), ("close", CAMPAIGN, *by), ("resume", CAMPAIGN, *by)
    )
    assert _code(twice) == (5, "ALREADY_PAUSED")
    assert _code(unfinished) == (5, "STAGES_NOT_FINISHED")
    assert _code(unpaused) == (5, "NOT_PAUSED")
    resumed = house.run("resume", CAMPAIGN, "--school", OTHER, *by)
    assert (resumed.code, resumed.json["pending"], resumed.json["paused_schools"]) == (0, 0, [])


def test_the_record_is_replayed_and_agrees(house, identified):
    """`audit replay` on the living campaign: histories, no difference, exit 0."""
    run = house.run("audit", "replay", CAMPAIGN)
    assert run.code == 0, run
    assert run.json["histories"] == 1 + 2 * 7  # the campaign; two schools with five stages and an attendance
    assert run.json["replay_ok"] is True
    assert run.json["differences"] == []


def test_a_note_stays_in_the_registry(house, identified):
    """What somebody writes is not in the ledger, the logs or the engine's file."""
    for place in house.data.iterdir():
        if place.name.startswith(("ledger", "engine", "worker")):
            assert "王老师已核对".encode() not in place.read_bytes(), place.name
