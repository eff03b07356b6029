"""`notices`: the outbox by reference, each attempt, and how a notice reads; a real one for few, on a terminal only."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from notices_house import BEGIN, CAMPAIGN, SCHOOL, Clock, People, dispatcher, invite, student
from temporalio.testing import ActivityEnvironment

import cli.notices as command
from cli.failures import Failure
from cli.options import Face
from domain.notice_glossary import CODES
from domain.notices import NoticeState
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
    """Mail both guardians of two families; the third family is not known."""
    await invite(ledger, 3)
    drain = dispatcher(ledger, sink, People(both=(1, 2), forgotten=(3,))).drain
    await ActivityEnvironment().run(drain, DispatchRequest(campaign=CAMPAIGN, channel="email", limit=9))
    return ledger


async def test_the_list_counts_and_shows_references_only(sent, face, capsys):
    """By state, purpose and channel, with each channel's backlog; a filter narrows it; no name and no address."""
    assert await command.list_(CAMPAIGN, face=face) == 0
    printed = capsys.readouterr().out
    data = json.loads(printed)
    assert (data["total"], data["by_state"]) == (5, {"accepted": 4, "failed_permanent": 1})
    assert data["by_purpose"] == {"meeting_invitation": 5}
    backlog = {one["channel"]: (one["waiting"], one["dead"]) for one in data["backlog"]}
    assert backlog == {"": (0, 1), "email": (0, 0)}
    assert data["by_channel"] == {"": 1, "email": 4}
    assert data["killed"] == []
    assert "@family" not in printed
    assert "学生" not in printed
    assert "contacts" not in data["notices"][0]
    narrowed = [
        ({"state": "failed_permanent"}, [student(3)]),
        ({"dead": True}, [student(3)]),
        ({"channel": "email"}, [student(1), student(1), student(2), student(2)]),
        ({"dead": True, "channel": "email"}, []),
        ({"purpose": "stage_reminder"}, []),
    ]
    for given, found in narrowed:
        await command.list_(CAMPAIGN, **given, face=face)
        assert sorted(row["recipient"] for row in json.loads(capsys.readouterr().out)["notices"]) == found
    with pytest.raises(Failure) as caught:
        await command.list_(CAMPAIGN, dead=True, state="held", face=face)
    assert caught.value.code == "CHOICE_NEEDED"


async def test_a_notice_is_shown_with_its_attempts(sent, face, capsys):
    """What was tried when and what came of it, and every step of it; an unknown reference is not found."""
    row, _ = await sent.outbox.find(CAMPAIGN, recipient=student(1))
    assert await command.show(row["notice_id"], face=face) == 0
    data = json.loads(capsys.readouterr().out)
    assert [attempt["outcome"] for attempt in data["attempts"]] == ["accepted"]
    assert [(entry["state"], entry["channel"]) for entry in data["journal"]][-1] == ("accepted", "email")
    assert data["notice"]["template"] == catalogue().find("meeting_invitation").label
    assert data["waits"] is None
    assert "digest" not in data["notice"]
    with pytest.raises(Failure) as caught:
        await command.show("ntc_none", face=face)
    assert (caught.value.exit_code, caught.value.code) == (4, "NOTICE_UNKNOWN")


async def test_people_read_a_table(sent, tmp_path, capsys):
    """Without --json: the unfinished first, with what the code beside them means."""
    await command.list_(CAMPAIGN, face=Face(data=tmp_path))
    (row,) = await sent.outbox.find(CAMPAIGN, recipient=student(3))
    await command.show(row["notice_id"], face=Face(data=tmp_path))
    printed = capsys.readouterr().out
    assert printed.count("HOUSEHOLD_UNKNOWN") == 2
    assert CODES["HOUSEHOLD_UNKNOWN"]["zh"] in printed
    assert "gdn_000001" not in printed


async def test_why_one_waits_is_said_in_words(ledger, face, tmp_path, sink, capsys):
    """Held by quiet hours: the code, until when, and what that means."""
    await invite(ledger, 1)
    night = Clock(BEGIN.replace(hour=22))
    drain = dispatcher(ledger, sink, clock=night).drain
    await ActivityEnvironment().run(drain, DispatchRequest(campaign=CAMPAIGN, channel="email", limit=9))
    (row,) = await ledger.outbox.find(CAMPAIGN, state="held")
    await command.show(row["notice_id"], face=face)
    waits = json.loads(capsys.readouterr().out)["waits"]
    assert (waits["code"], waits["until"][:16]) == ("QUIET_HOURS", "2025-03-04T07:30")
    await command.show(row["notice_id"], face=Face(data=tmp_path))
    assert f"{CODES['QUIET_HOURS']['zh']}，至 2025-03-04 07:30" in capsys.readouterr().out


def test_the_list_knows_every_state():
    """An option's words are the outbox's."""
    assert get_args(command.State) == tuple(NoticeState)


def test_the_glossary_needs_no_ledger(face, tmp_path, capsys):
    """States, codes and classes, for programs and for people."""
    assert command.glossary_(face=face) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["states"]["held"]["word"] == "暂缓"
    assert {"states", "codes", "classes"} == {*data}
    command.glossary_(face=Face(data=tmp_path))
    assert "QUIET_HOURS" in capsys.readouterr().out


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
        ("stf_next", "NOT_OWN_CLASS"),
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
