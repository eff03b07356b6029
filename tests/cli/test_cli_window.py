"""The application window on the command line: a document of the authority, two people, and what holds (edge 46)."""

from __future__ import annotations

import hashlib

import pytest
from cli_machine_rooms import desk
from stream_samples import APPROVER, CAMPAIGN, OFFICER, running_county

NUMBER = "青招办〔2026〕9号"
WINDOW = {"first": "2026-06-25", "last": "2026-06-27"}
FILING = {"application-filing": {"opens": "2026-06-26", "due": "2026-08-31", "after": []}}


@pytest.fixture
def county():
    """A running county whose campaign names a window, some days before it."""
    return running_county(release=3, application_window=WINDOW, stages=FILING).to("2026-06-20 09:00")


@pytest.fixture
async def house(monkeypatch, capsys, tmp_path, county):
    """Its desk: two people of the bureau."""
    return await desk(monkeypatch, capsys, tmp_path, *county.streams.values(), people=(APPROVER,))


def test_a_document_is_recorded_approved_and_shown(house):
    """The record keeps the file's digest and never the file; a wrong change is taken back."""
    paper = house.folder / "paper.pdf"
    paper.write_bytes(b"9")
    given = ("--document", NUMBER, "--paper", paper, "--by", OFFICER.id)
    assert house("window", "change", CAMPAIGN, "2026-07-03", *given).code == 0
    assert house("window", "approve", CAMPAIGN, "1", "--by", OFFICER.id).json["refused"]["code"] == "ROLE_NOT_ALLOWED"
    assert house("window", "withdraw", CAMPAIGN, "1", "--reason", "MISREAD", "--by", OFFICER.id).code == 0
    assert house("window", "change", CAMPAIGN, "2026-07-02", *given).code == 0
    assert house("window", "approve", CAMPAIGN, "2", "--by", APPROVER.id).code == 0
    shown = house("window", "show", CAMPAIGN).json
    assert shown["window"] == {"first": "2026-06-25", "last": "2026-07-02"}
    assert [(row["change"], row["status"]) for row in shown["changes"]] == [(1, "withdrawn"), (2, "approved")]
    assert shown["changes"][1]["digest"] == hashlib.sha256(b"9").hexdigest()
    assert "2026-07-02" in house.readable("window", "show", CAMPAIGN).out


def test_a_document_that_is_not_there_is_named(house):
    """Input rejected, without a trace in the record."""
    given = ("--document", NUMBER, "--paper", house.folder / "gone.pdf", "--by", OFFICER.id)
    told = house("window", "change", CAMPAIGN, "2026-07-03", *given)
    assert (told.code, told.json["error"]["code"], told.json["error"]["place"]) == (
        3,
        "WINDOW_PAPER_MISSING",
        "gone.pdf",
    )
    assert house("window", "show", CAMPAIGN).json["changes"] == []


@pytest.mark.parametrize(
    ("last", "warned"),
    [("2026-06-26", "NOBODY_CAN_SIGN"), ("2026-06-30", "COOLING_CUT_FOR_ALL"), ("2026-07-04", None)],
)
def test_days_that_leave_families_no_time_are_taken_with_a_warning(house, last, warned):
    """R-11: the authority decides the days; who records and who approves them hear what they leave to the families."""
    paper = house.folder / "paper.pdf"
    paper.write_bytes(b"9")
    given = ("--document", NUMBER, "--paper", paper, "--by", OFFICER.id)
    for told in (
        house("window", "change", CAMPAIGN, last, *given),
        house("window", "approve", CAMPAIGN, "1", "--by", APPROVER.id),
    ):
        assert told.code == 0
        assert [one["code"] for one in told.json["warnings"]] == ([] if warned is None else [warned])
        assert all("2026-06-26" in one["message"] and last in one["message"] for one in told.json["warnings"])
