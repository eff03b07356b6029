"""Retention on the command line: checks by template, evidence that contradicts itself, and a correction."""

import pytest
from cli_machine_rooms import CLASSES, desk
from retention_courses import OTHER_RECEIVING, RECEIVER, RECEIVING, REGISTRAR, SECOND_REGISTRAR, registered
from stream_samples import CAMPAIGN, HEAD, SCHOOL, A, B, D

PEOPLE = (REGISTRAR, SECOND_REGISTRAR, RECEIVER)


@pytest.fixture
def stage():
    """The stream on the day of the first checkpoint."""
    return registered(classes=CLASSES).to("2026-10-12 09:00")


@pytest.fixture
async def school(monkeypatch, capsys, tmp_path, stage):
    """A school's desk."""
    return await desk(monkeypatch, capsys, tmp_path, stage, people=PEOPLE)


def due(school, *options):
    """Return whose check is due."""
    return [(row["student"], row["checkpoint"]) for row in school.template("checkpoints", *options)[1]]


def test_checks_go_from_the_template_to_the_record(school, stage):
    """Exactly the checks whose date has come; a receiving school records its own pupils'."""
    assert due(school) == [(A, "D+30"), (B, "D+30"), (D, "D+30")]
    assert due(school, "--receiving", OTHER_RECEIVING) == [(D, "D+30")]
    answers = {A: {"state": "在校", "evidence": "见到本人"}, B: {"state": "转学", "evidence": "学籍"}}
    told = school("record", "checkpoints", school.filled("checkpoints", answers), "@", "--by", RECEIVER.id)
    assert (told.code, told.json["rows"], told.json["blank"]) == (0, 2, 1)
    assert due(school) == [(D, "D+30")]
    assert stage.last("LawfulTransfer")["data"] == {"student": B, "checkpoint": "D+30", "evidence": "REGISTER"}
    stage.to("2027-03-16 08:00")
    assert (B, "term_end") not in due(school)
    assert {(A, "term_end"), (A, "next_March"), (D, "D+30")} <= set(due(school))


def test_a_bad_row_keeps_the_good_ones_out(school, stage):
    """A loss by hearsay, and a checkpoint to come: refused by row, nothing recorded."""
    header = ["编号", "节点", "核查结果", "证据等级"]
    rows = [[A, "D+30", "流失", "听说"], [B, "D+30", "在校", "学籍"], [D, "学期末", "在校", "学籍"]]
    before = len(stage.ledger)
    told = school("record", "checkpoints", school.file("c.csv", header, *rows), "@", "--by", REGISTRAR.id)
    assert told.code == 5
    assert [(row["row"], row["code"]) for row in told.json["refused"]] == [
        (2, "EVIDENCE_TOO_WEAK"),
        (4, "CHECKPOINT_TOO_EARLY"),
    ]
    assert len(stage.ledger) == before


def contradict(school):
    """Record two findings of one pupil, by two people."""
    header = ["student", "checkpoint", "state", "evidence"]
    first = school.file("1.csv", header, [A, "D+30", "present", "SEEN"])
    second = school.file("2.csv", header, [A, "D+30", "lost", "document"])
    assert school("record", "checkpoints", first, "@", "--by", RECEIVER.id).code == 0
    assert school("record", "checkpoints", second, "@", "--by", HEAD.id).code == 0


def test_a_third_person_says_what_holds(school):
    """`evidence show` lists the conflict; who recorded nothing of it ends it."""
    contradict(school)
    (conflict,) = school("evidence", "show", "@").json["conflicts"]
    assert conflict == {
        "student": A,
        "checkpoint": "D+30",
        "held": {"state": "present", "evidence": "SEEN"},
        "found": {"state": "lost", "evidence": "DOCUMENT"},
    }
    words = ("evidence", "resolve", "@", A, "第30天", "在校", "--evidence", "学籍", "--reason", "LOOKED_AT")
    told = school(*words, "--by", SECOND_REGISTRAR.id)
    assert told.code == 0, told
    assert school("evidence", "show", "@").json["conflicts"] == []
    wrong = school("evidence", "resolve", "@", A, "D30", "在校", "--evidence", "学籍", "--by", REGISTRAR.id)
    assert (wrong.code, wrong.json["error"]["place"]) == (2, "CHECKPOINT")


def test_a_recorded_check_is_corrected_by_its_event(school, stage):
    """Chinese words as in a file; the original stays, and the event is named by stream and version."""
    header = ["student", "checkpoint", "state", "evidence"]
    row = school.file("1.csv", header, [A, "D+30", "suspended", "CALL"])
    recorded = school("record", "checkpoints", row, "@", "--by", RECEIVER.id).json["receipt"]
    event = f"{recorded['stream']}#{recorded['first_version']}"
    told = school("correct", event, "state=在校", "evidence=学籍", "--by", RECEIVER.id, "--reason", "WRONG_ROW")
    assert told.code == 0, told
    assert stage.state.pupils[A].checks["D+30"].state == "present"
    assert [name for name in stage.names() if name in ("SuspendedStudy", "CheckpointCorrected")] == [
        "SuspendedStudy",
        "CheckpointCorrected",
    ]
    missing = school("correct", f"{recorded['stream']}#999", "state=在校", "--by", RECEIVER.id, "--reason", "X_Y")
    assert (missing.code, missing.json["error"]["code"]) == (4, "EVENT_UNKNOWN")


@pytest.mark.parametrize(
    ("event", "value", "code", "place"),
    [
        (f"{CAMPAIGN}/{SCHOOL}/retention#x", "state=在校", "EVENT_INVALID", "EVENT"),
        (f"{CAMPAIGN}/{SCHOOL}#3", "state=在校", "EVENT_INVALID", "EVENT"),
        (f"{CAMPAIGN}/{SCHOOL}/retention#0", "state=在校", "EVENT_INVALID", "EVENT"),
        (f"{CAMPAIGN}/{SCHOOL}/retention#3", "在校", "VALUE_INVALID", "VALUE"),
        (f"{CAMPAIGN}/{SCHOOL}/retention#3", "state=例云山", "VALUE_INVALID", "state"),
    ],
)
def test_a_malformed_correction_is_usage(school, event, value, code, place):
    """Exit 2; the place names the value, never what was written."""
    told = school("correct", event, value, "--by", REGISTRAR.id, "--reason", "WRONG_ROW")
    assert (told.code, told.json["error"]["code"], told.json["error"]["place"]) == (2, code, place)
    assert "例云山" not in told.out


def test_the_other_schools_member_cannot_check(school):
    """WRONG_SCHOOL is kept on record."""
    row = school.file("1.csv", ["student", "checkpoint", "state", "evidence"], [D, "D+30", "present", "SEEN"])
    told = school("record", "checkpoints", row, "@", "--by", RECEIVER.id)
    assert (told.code, told.json["refused"]["code"]) == (5, "WRONG_SCHOOL")
    assert RECEIVING not in told.out
