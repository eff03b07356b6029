"""Templates of the parents' meetings: a row for whoever is invited and not recorded, and for whoever was absent."""

import pytest
from cli_machine_rooms import CLASSES, desk
from stream_samples import HEAD, A, B, C, stage


@pytest.fixture
async def school(monkeypatch, capsys, tmp_path):
    """A school's desk, with its parents' meetings open."""
    meetings = stage("parent-meetings", classes=CLASSES, after=[]).to("2025-12-02 09:00")
    return await desk(monkeypatch, capsys, tmp_path, meetings)


def test_meetings_go_from_their_sheet_to_the_follow_ups(school):
    """Sessions by class, attendance of whoever is invited, follow-ups of whoever was absent."""
    header, rows = school.template("sessions")
    assert header == ["meeting", "classes", "at"]
    assert [row["classes"] for row in rows] == list(CLASSES)
    assert school.template("attendance")[1] == school.template("followups")[1] == []
    sessions = school.file("s.csv", header, ["m-1", "2023-01", "2025-12-02 18:00"])
    assert school("record", "sessions", sessions, "@", "--by", HEAD.id).code == 0
    (stream,) = school.streams.values()
    stream.to("2025-12-02 21:00")
    due = school.template("attendance")[1]
    assert [(row["student"], row["meeting"]) for row in due] == [(A, "m-1"), (B, "m-1"), (C, "m-1")]
    answers = {A: {"attended": "是", "by": "监护人"}, B: {"attended": "否"}}
    told = school("record", "attendance", school.filled("attendance", answers), "@", "--by", HEAD.id)
    assert (told.code, told.json["rows"], told.json["blank"]) == (0, 2, 1), told
    assert [row["student"] for row in school.template("attendance")[1]] == [C]
    assert [row["student"] for row in school.template("followups")[1]] == [B]
    stream.to("2025-12-03 20:00")
    called = {B: {"kind": "电话", "at": "2025-12-03 19:00", "outcome": "已告知"}}
    assert school("record", "followups", school.filled("followups", called), "@", "--by", HEAD.id).code == 0
    assert school.template("followups")[1] == []


def test_a_meeting_gets_another_time_or_none(school):
    """Who was invited is told; a label is used once, also after the meeting was called off."""
    sessions = school.file("s.csv", ["meeting", "classes", "at"], ["m-1", "2023-01", "2025-12-03 18:00"])
    assert school("record", "sessions", sessions, "@", "--by", HEAD.id).code == 0
    (stream,) = school.streams.values()
    change = ("--reason", "SNOW", "--by", HEAD.id)
    moved = school("meeting", "move", "@", "m-1", "--at", "2025-12-04T18:00", *change)
    assert moved.code == 0, moved
    assert [event["type"] for event in stream.ledger[-4:]] == ["SessionMoved", *["InvitationMoved"] * 3]
    assert school("meeting", "cancel", "@", "m-1", *change).code == 0
    gone = school("meeting", "move", "@", "m-1", "--at", "2025-12-05T18:00", *change)
    assert (gone.code, gone.json["refused"]["code"]) == (5, "SESSION_UNKNOWN")
