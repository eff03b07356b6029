"""What the commands over notices tell: why one waits, who may, what was stopped and by whom, and nothing by guess."""

from __future__ import annotations

import pytest
from cli_machine_rooms import Machines, desk
from stream_samples import APPROVER, CAMPAIGN, HEAD, OFFICER, SCHOOL, A, D, running_county
from test_cli_notices import AT, BY, GUARDIAN, Outbox, notice, put, ref

from cli.cautions import channel_cautions
from cli.doctor import Check, _table
from cli.failures import failure_of
from cli.notices_view import waiting
from cli.status_channels import NOT_ROUTED, channels_shown
from domain.notice_glossary import CODES
from ledger.handover import Backlog
from registry.records import Guardian, Household
from registry.store import Registry
from settings import SettingsError

CHANNEL = {"scope_kind": "channel", "scope": "sms", "reason": "TEST", "since": AT}


class Shelf(Outbox):
    """An outbox with a backlog."""

    async def backlog(self, campaign, now):
        """Return two channels' figures."""
        del campaign, now
        return [Backlog(name, 1, 2, 3, 0, 4, 5, None, 0) for name in ("", "sms")]

    async def attempts(self, notice_id):
        """Return nothing."""
        del notice_id
        return []

    async def journal(self, notice_id):
        """Return nothing."""
        del notice_id
        return []


@pytest.fixture
def county():
    """Return a running county of this release."""
    return running_county(release=4).to("2025-11-04 09:00")


@pytest.fixture
def shelf(monkeypatch):
    """Return the outbox that the command line finds."""
    found = Shelf()
    monkeypatch.setattr(Machines, "outbox", found, raising=False)
    return found


@pytest.fixture
async def house(monkeypatch, capsys, tmp_path, county, shelf):
    """Return its desk: people of the school and of the bureau."""
    del shelf
    return await desk(monkeypatch, capsys, tmp_path, *county.streams.values(), people=(APPROVER,))


# -- why one waits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "planned", "code": None}, "KILLED"),
        ({"state": "planned", "code": "NO_ANSWER"}, "KILLED"),
        ({"state": "held", "code": "QUIET_HOURS"}, "KILLED"),
        ({"state": "planned", "code": None, "channel": "email"}, None),
        ({"state": "held", "code": "QUIET_HOURS", "channel": "email"}, "QUIET_HOURS"),
        ({"state": "failed_permanent", "code": "NO_ADDRESS"}, "NO_ADDRESS"),
        ({"state": "accepted", "code": None}, None),
    ],
)
def test_what_waits_in_a_stopped_channel_says_so(changes, code):
    """Also before anybody has held it, and whatever else is said of it; what is over is not waiting for a release."""
    waits = waiting(notice(1, **changes), [CHANNEL], ("sms", "email"))
    assert (waits and waits["code"]) == code
    if code == "KILLED":
        assert (waits["killed"], waits["message"]) == ([CHANNEL], CODES["KILLED"]["zh"])


def test_nothing_goes_where_no_provider_has_settings(house, shelf, monkeypatch):
    """Said by `notices show`, of what nobody has routed yet; not of what is on its way."""
    for name in ("DIVERSION_SMTP_URL", "DIVERSION_SMTP_FROM"):
        monkeypatch.delenv(name, raising=False)
    put(shelf, notice(1, state="planned", channel="", code=None), notice(2, state="planned", code=None))
    told = house("notices", "show", ref(1)).json["waits"]
    assert (told["code"], told["message"]) == ("NO_CHANNEL", CODES["NO_CHANNEL"]["zh"])
    assert house("notices", "show", ref(2)).json["waits"] is None
    monkeypatch.setenv("DIVERSION_SMTP_URL", "smtp://localhost:8025")
    monkeypatch.setenv("DIVERSION_SMTP_FROM", "notices@education.example")
    assert house("notices", "show", ref(1)).json["waits"] is None


def test_a_doctor_does_not_call_an_advice_ok():
    """What is no fault and wants something done is marked otherwise."""
    checks = [Check("data", ok=True, detail=""), Check("ledger", True, "", "do it"), Check("ports", False, "")]
    marks = list(_table(checks).columns)
    assert [*marks[1].cells] == ["OK", "注意", "有问题"]


def test_who_stopped_a_single_notice_and_why_is_shown(house, shelf):
    """`notices show` of a muted one: who, when and the reason."""
    put(shelf, notice(1, state="held"))
    assert house("notices", "mute", ref(1), *BY).code == 0
    shelf.rows[ref(1)]["state"] = "muted"
    muted = house("notices", "show", ref(1)).json["muted"]
    assert (muted["by"], muted["reason"], muted["at"][:16]) == (OFFICER.id, "TEST", "2025-11-04T09:00")
    assert f"由 {OFFICER.id} 停发" in house.readable("notices", "show", ref(1)).out
    shelf.rows[ref(1)]["state"] = "held"
    assert house("notices", "show", ref(1)).json["muted"] is None


# -- the list -----------------------------------------------------------------------------------------------------


def test_a_purpose_that_there_is_not_is_no_empty_list(house, shelf):
    """A slip of the pen is told, with what there is."""
    put(shelf, notice(1))
    told = house("notices", "list", CAMPAIGN, "--purpose", "meeting_invitatoin")
    assert (told.code, told.json["error"]["code"]) == (2, "PURPOSE_UNKNOWN")
    assert "meeting_invitation" in told.json["error"]["remedy"]


def test_a_narrowed_list_has_no_table_of_everything_above_it(house, shelf):
    """The channels' figures are the campaign's: whoever asks for one channel sees that one, else only the rows."""
    put(shelf, notice(1, state="held"))
    assert "未分派" in house.readable("notices", "list", CAMPAIGN).out
    assert "未分派" not in house.readable("notices", "list", CAMPAIGN, "--state", "held").out
    told = house("notices", "list", CAMPAIGN, "--channel", "sms").json["backlog"]
    assert [one["channel"] for one in told] == ["sms"]
    assert len(house("notices", "list", CAMPAIGN, "--state", "held").json["backlog"]) == 2


@pytest.mark.parametrize("width", ["80", "120"])
def test_a_notice_can_be_copied_from_the_table(house, shelf, monkeypatch, width):
    """Its reference stands whole on one line of a narrow terminal too."""
    monkeypatch.setenv("COLUMNS", width)
    put(shelf, notice(1, state="held", code="HOUSEHOLD_BUDGET", next_at=AT))
    assert ref(1) in house.readable("notices", "list", CAMPAIGN).out


def test_the_board_and_the_list_call_a_thing_by_one_name(house):
    """Not routed, on lists, dead: the same word in both."""
    listed = house.readable("notices", "list", CAMPAIGN).out
    row = dict.fromkeys(("waiting", "held", "listed", "in_flight", "dead", "unknown"), 1)
    (table,) = channels_shown({NOT_ROUTED: {**row, "lag_seconds": None}}, [])
    titles = [str(column.header) for column in table.columns[:7]]
    assert [title in listed for title in (*titles, "未分派")] == [True] * 8


def test_the_instant_of_a_stop_has_the_form_of_the_record(house):
    """Milliseconds, as every other instant."""
    assert house("notices", "kill", CAMPAIGN, "--channel", "sms", *BY).code == 0
    assert house("notices", "list", CAMPAIGN).json["killed"][0]["since"] == AT


# -- who may ------------------------------------------------------------------------------------------------------


def test_who_may_not_is_told_so_first(house, shelf):
    """A class head who sends a delivered notice again learns whose business it is, not what its state is."""
    put(shelf, notice(1, state="delivered"))
    told = house("notices", "retry", ref(1), "--by", HEAD.id, "--reason", "TEST")
    assert (told.code, told.json["refused"]["code"]) == (5, "ROLE_NOT_ALLOWED")
    assert house("notices", "retry", ref(1), *BY).json["refused"]["code"] == "NOTICE_NOT_ENDED"


def test_a_class_head_does_the_lists_of_own_classes(house, county, shelf):
    """As `notices tasks` shows them; another class's calls are not this person's to record."""
    put(shelf, *(notice(n, state="cleared", channel="phone", recipient=who) for n, who in ((1, A), (2, D))))
    given = ("--outcome", "reached", "--by", HEAD.id)
    told = house("notices", "done", CAMPAIGN, ref(2), *given)
    assert (told.code, told.json["refused"]["code"]) == (5, "NOT_OWN_CLASS")
    assert "NoticeTaskRecorded" not in county.campaign.names()
    assert house("notices", "done", CAMPAIGN, ref(1), *given).code == 0
    assert house("notices", "done", CAMPAIGN, ref(2), "--outcome", "reached", "--by", OFFICER.id).code == 0


def test_a_settlement_is_one_of_two_words(house, shelf):
    """Neither and both are told with the names of both."""
    put(shelf, notice(1, state="unknown"))
    for given in ((), ("--sent", "--not-sent")):
        error = house("notices", "settle", ref(1), *given, *BY).json["error"]
        assert (error["code"], error["place"]) == ("CHOICE_NEEDED", "--sent, --not-sent")


def test_a_wish_that_stands_already_is_not_written_twice(house, county, shelf, monkeypatch):
    """`already`, and no second event; whoever may not still may not, and a repeated command gets its first answer."""

    async def household(self, student):
        del self
        guardian = Guardian(guardian_ref=GUARDIAN, student_ref=A, name="", phone="")
        pupil = {"student_ref": A, "class_id": "2023-01", "school": SCHOOL, "name": "", "email": "", "language": ""}
        return Household(**pupil, guardians=(guardian,)) if student == A else None

    monkeypatch.setattr(Registry, "household", household)
    who = (CAMPAIGN, "--student", A, "--person", GUARDIAN, "--by")
    told = house("notices", "opt-in", *who, OFFICER.id)
    assert (told.code, told.json["accepted"], told.json["already"], told.json["receipt"]) == (0, True, True, None)
    assert house("notices", "opt-in", *who, HEAD.id).json["refused"]["code"] == "ROLE_NOT_ALLOWED"
    first = house("notices", "opt-out", *who, HEAD.id, "--command-id", "slip-1")
    assert (first.code, first.json["already"]) == (0, False)
    shelf.wishes = ({"student": A, "person": GUARDIAN},)
    again = house("notices", "opt-out", *who, HEAD.id)
    assert (again.json["already"], again.json["receipt"]) == (True, None)
    assert "没有更改" in house.readable("notices", "opt-out", *who, HEAD.id).out
    assert house("notices", "opt-out", *who, HEAD.id, "--command-id", "slip-1").json["receipt"] == first.json["receipt"]
    assert county.campaign.names().count("OptionalNoticesDeclined") == 1


# -- settings -----------------------------------------------------------------------------------------------------


def test_a_setting_is_explained_once():
    """The remedy stands in its own place and not in the message too."""
    told = failure_of(SettingsError("DIVERSION_ENGINE", "is 'x', which is not host:port", "Write localhost:7233."))
    assert told is not None
    assert (told.place, told.remedy) == ("DIVERSION_ENGINE", "Write localhost:7233.")
    assert told.message == "设置不可用：DIVERSION_ENGINE is 'x', which is not host:port."


def test_whoever_starts_a_campaign_without_a_provider_is_warned():
    """A warning with its code, in words; none where anything is set up."""
    (told,) = channel_cautions(())
    assert (told["code"], "docs/notices.md" in told["message"]) == ("NO_CHANNEL", True)
    assert channel_cautions(("email", "phone", "paper")) == []
