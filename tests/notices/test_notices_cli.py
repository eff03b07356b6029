"""`notices`: the outbox by reference, each attempt, and how a notice reads; a real one for few, on a terminal only."""

from __future__ import annotations

import json

import pytest
from notices_house import CAMPAIGN, SCHOOL, People, dispatcher, invite, student
from temporalio.testing import ActivityEnvironment

import cli.notices as command
from cli.failures import Failure
from cli.options import Face
from domain.refusal import Refusal
from notices.catalogue import catalogue
from protocol import DispatchRequest
from registry.staff_file import StaffMember


@pytest.fixture
def face(tmp_path):
    """Return a face on the test's data directory, with JSON."""
    return Face(json=True, data=tmp_path)


@pytest.fixture
async def sent(ledger, sink):
    """Send two of three notices; the third family has no address."""
    await invite(ledger, 3)
    drain = dispatcher(ledger, sink, People(without=(3,))).drain
    await ActivityEnvironment().run(drain, DispatchRequest(campaign=CAMPAIGN, channel="email", limit=9))
    return ledger


async def test_the_list_counts_and_shows_references_only(sent, face, capsys):
    """By state and purpose; a filter narrows it; no name and no address."""
    assert await command.list_(CAMPAIGN, face=face) == 0
    printed = capsys.readouterr().out
    data = json.loads(printed)
    assert (data["total"], data["by_state"]) == (3, {"accepted": 2, "failed_permanent": 1})
    assert data["by_purpose"] == {"meeting_invitation": 3}
    assert "@family" not in printed
    assert "学生" not in printed
    await command.list_(CAMPAIGN, state="failed_permanent", face=face)
    (row,) = json.loads(capsys.readouterr().out)["notices"]
    assert (row["recipient"], row["code"]) == (student(3), "NO_ADDRESS")


async def test_a_notice_is_shown_with_its_attempts(sent, face, capsys):
    """What was tried when and what came of it; an unknown reference is not found."""
    (row,) = await sent.outbox.find(CAMPAIGN, recipient=student(1))
    assert await command.show(row["notice_id"], face=face) == 0
    data = json.loads(capsys.readouterr().out)
    assert [attempt["outcome"] for attempt in data["attempts"]] == ["accepted"]
    assert data["notice"]["template"] == "meeting_invitation/1"
    with pytest.raises(Failure) as caught:
        await command.show("ntc_none", face=face)
    assert (caught.value.exit_code, caught.value.code) == (4, "NOTICE_UNKNOWN")


async def test_people_read_a_table(sent, tmp_path, capsys):
    """Without --json: the unfinished first."""
    await command.list_(CAMPAIGN, face=Face(data=tmp_path))
    (row,) = await sent.outbox.find(CAMPAIGN, recipient=student(3))
    await command.show(row["notice_id"], face=Face(data=tmp_path))
    printed = capsys.readouterr().out
    assert student(3) in printed
    assert student(1) not in printed
    assert printed.count("NO_ADDRESS") == 3


@pytest.mark.parametrize("purpose", catalogue().purposes)
async def test_every_notice_can_be_previewed_without_any_campaign(purpose, face, capsys):
    """Made-up values, and no answer code."""
    assert await command.preview(purpose, face=face) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["template"] == catalogue().find(purpose).label
    assert ("XXXX-XXXX" in data["text"]) == purpose.startswith("choice_notice")


async def test_a_real_notice_is_shown_on_a_terminal_only(sent, face, tmp_path):
    """Not as JSON, not into a file or a pipe; and not without saying who looks."""
    real = {"campaign": CAMPAIGN, "student": student(1), "by": "stf_head1"}
    for where in (face, Face(data=tmp_path)):
        with pytest.raises(Failure) as caught:
            await command.preview("meeting_invitation", **real, face=where)
        assert (caught.value.exit_code, caught.value.code) == (2, "TERMINAL_ONLY")
    with pytest.raises(Failure) as caught:
        await command.preview("meeting_invitation", campaign=CAMPAIGN, student=student(1), face=face)
    assert (caught.value.code, caught.value.place) == ("OPTIONS_BELONG_TOGETHER", "--by")
    with pytest.raises(Failure) as caught:
        await command.preview("love_letter", face=face)
    assert caught.value.code == "PURPOSE_UNKNOWN"


class Registry(People):
    """People of whom one can ask for a member of staff."""

    async def staff_member(self, campaign, ref):
        """Return a person by reference: role, school and classes stand in it."""
        del campaign
        who = {
            "stf_head": ("class_head", SCHOOL, ("2025-01",)),
            "stf_next": ("class_head", SCHOOL, ("2025-02",)),
            "stf_principal": ("principal", SCHOOL, ()),
            "stf_stranger": ("principal", "9900010002", ()),
            "stf_officer": ("bureau_officer", "", ()),
            "stf_receiving": ("receiving_school", "9900090001", ()),
        }
        if ref not in who:
            return None
        role, school, classes = who[ref]
        return StaffMember.model_validate({"staff_ref": ref, "role": role, "school": school, "classes": classes})


@pytest.mark.parametrize(
    ("by", "refused"),
    [
        ("stf_head", None),
        ("stf_principal", None),
        ("stf_officer", None),
        ("stf_next", "WRONG_SCHOOL"),
        ("stf_stranger", "WRONG_SCHOOL"),
        ("stf_receiving", "ROLE_NOT_ALLOWED"),
    ],
)
async def test_a_real_notice_is_for_those_in_charge_of_the_pupil(sent, tmp_path, monkeypatch, capsys, by, refused):
    """The pupil's class head, the school's leaders, the bureau; looking sends nothing and makes no code."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)

    async def registry(_rooms):
        return Registry()

    monkeypatch.setattr("cli.rooms.Rooms.registry", registry)
    call = command.preview("meeting_invitation", campaign=CAMPAIGN, student=student(1), by=by, face=Face(data=tmp_path))
    if refused:
        with pytest.raises(Refusal) as caught:
            await call
        assert caught.value.code == refused
        assert "学生000001" not in capsys.readouterr().out
    else:
        assert await call == 0
        assert "学生000001" in capsys.readouterr().out
