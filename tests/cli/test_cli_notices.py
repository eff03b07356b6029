"""Commands over notices: real rules and a real registry, over an outbox of a few rows (FEATURES G8, O7, O8)."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from cli_machine_rooms import Machines, desk
from stream_samples import APPROVER, CAMPAIGN, HEAD, OFFICER, OTHER_SCHOOL, PRINCIPAL, SCHOOL, A, running_county

from activities.batch import LEASE_TOO_SHORT
from cli.failures import engine_unreachable
from domain.notice_glossary import CODES
from gateway.receipts import FAILURES, OTHER_FAILURE
from ledger import attempts, handover
from ledger import receipts as ledger_receipts
from notices.claims import Fault
from notices.compose import UnsendableError
from notices.printing import COLUMNS, MORE_COLUMNS
from registry.records import Guardian, Household
from registry.store import Registry

AT = "2025-11-04T09:00:00.000+08:00"
GUARDIAN = "gdn_000001"
BY = ("--by", OFFICER.id, "--reason", "TEST")


def notice(number, **changes):
    """Return a row of the outbox, as the ledger gives it."""
    row = {
        "notice_id": f"ntc_{number:032x}",
        "campaign": CAMPAIGN,
        "stream": f"{CAMPAIGN}/{SCHOOL}/parent-meetings",
        "cause": f"{CAMPAIGN}/{SCHOOL}/parent-meetings#4",
        "purpose": "meeting_invitation",
        "recipient": A,
        "person": GUARDIAN,
        "copy_of": None,
        "optional": True,
        "planned_at": AT,
        "state": "failed_permanent",
        "state_at": AT,
        "code": "NO_ADDRESS",
        "channel": "sms",
        "attempts": 1,
        "next_at": None,
        "contacts": "0123456789abcdef",
        "digest": "f" * 64,
    }
    return {**row, **changes}


def ref(number):
    """Return a notice's reference."""
    return f"ntc_{number:032x}"


class Outbox:
    """Rows of an outbox, to be read; and who wants no optional notices."""

    wishes: tuple[dict[str, str], ...] = ()

    def __init__(self, *rows):
        self.rows = {row["notice_id"]: row for row in rows}

    async def notice(self, notice_id):
        """Return one row."""
        return self.rows.get(notice_id)

    async def find(self, campaign, **conditions):
        """Return the rows that fit."""
        wanted = {name: value for name, value in {"campaign": campaign, **conditions}.items() if value is not None}
        return [row for row in self.rows.values() if all(row[name] == value for name, value in wanted.items())]

    async def suppressions(self, campaign):
        """Return nothing: nobody has left."""
        del self, campaign
        return []

    async def opt_outs(self, campaign):
        """Return who wants no optional notices."""
        del campaign
        return list(self.wishes)

    async def backlog(self, campaign, now):
        """Return nothing."""
        del self, campaign, now
        return []


@pytest.fixture
def county():
    """Return a running county of this release."""
    return running_county(release=4).to("2025-11-04 09:00")


@pytest.fixture
def outbox(monkeypatch):
    """Return the outbox that the command line finds; a test puts its rows in."""
    shelf = Outbox()
    monkeypatch.setattr(Machines, "outbox", shelf, raising=False)
    return shelf


@pytest.fixture
async def house(monkeypatch, capsys, tmp_path, county, outbox):
    """Return its desk: people of the school and of the bureau."""
    del outbox
    return await desk(monkeypatch, capsys, tmp_path, *county.streams.values(), people=(APPROVER,))


def put(outbox, *rows):
    """Put rows into the outbox."""
    outbox.rows |= {row["notice_id"]: row for row in rows}


# -- kill switches ------------------------------------------------------------------------------------------------


def test_a_channel_is_stopped_and_released(house, county):
    """O8: one line each; who may not, and what is stopped already, is said with code and sentence."""
    told = house("notices", "kill", CAMPAIGN, "--channel", "sms", *BY)
    assert (told.code, told.json["accepted"]) == (0, True)
    assert county.campaign.last("NoticesKilled")["data"]["scope"] == "sms"
    again = house("notices", "kill", CAMPAIGN, "--channel", "sms", *BY)
    assert (again.code, again.json["refused"]["code"]) == (5, "ALREADY_KILLED")
    assert "短信" in again.json["refused"]["message"]
    assert house("notices", "release", CAMPAIGN, "--channel", "sms", *BY).code == 0
    assert house("notices", "release", CAMPAIGN, "--channel", "sms", *BY).json["refused"]["code"] == "NOT_KILLED"


def test_a_school_or_a_right_is_the_approvers_to_stop(house):
    """An officer is told who may, and what an officer can do instead."""
    for scope in (("--school", SCHOOL), ("--purpose", "choice_notice")):
        told = house("notices", "kill", CAMPAIGN, *scope, *BY)
        assert (told.code, told.json["refused"]["code"]) == (5, "KILL_NEEDS_APPROVER")
        assert "--channel" in told.json["refused"]["message"]
        assert house("notices", "kill", CAMPAIGN, *scope, "--by", APPROVER.id, "--reason", "TEST").code == 0
    assert house("notices", "kill", CAMPAIGN, "--purpose", "meeting_invitation", *BY).code == 0


def test_what_is_stopped_stands_above_the_list(house, outbox):
    """For programs and for people; a school's list has its own rows only."""
    elsewhere = f"{CAMPAIGN}/{OTHER_SCHOOL}/parent-meetings"
    put(outbox, notice(1), notice(2, stream=elsewhere), notice(3, recipient=f"class_head@{SCHOOL}", person=None))
    assert house("notices", "kill", CAMPAIGN, "--channel", "sms", *BY).code == 0
    told = house("notices", "list", CAMPAIGN, "--school", SCHOOL).json
    assert [row["notice_id"] for row in told["notices"]] == [ref(1), ref(3)]
    assert [(kill["scope_kind"], kill["scope"], kill["reason"]) for kill in told["killed"]] == [
        ("channel", "sms", "TEST")
    ]
    assert "已停发：短信（sms），自 2025-11-04 09:00，理由 TEST" in house.readable("notices", "list", CAMPAIGN).out
    unknown = house("notices", "list", CAMPAIGN, "--school", OTHER_SCHOOL)
    assert (unknown.code, unknown.json["error"]["code"]) == (4, "SCHOOL_UNKNOWN")


@pytest.mark.parametrize(
    ("given", "code", "error"),
    [
        ((), 2, "CHOICE_NEEDED"),
        (("--channel", "sms", "--school", SCHOOL), 2, "CHOICE_NEEDED"),
        (("--purpose", "love_letter"), 2, "PURPOSE_UNKNOWN"),
        (("--school", OTHER_SCHOOL), 4, "SCHOOL_UNKNOWN"),
    ],
)
def test_what_cannot_be_stopped(house, given, code, error):
    """Nothing, two things at once, a purpose and a school that there are not."""
    told = house("notices", "kill", CAMPAIGN, *given, *BY)
    assert (told.code, told.json["error"]["code"]) == (code, error)


# -- single notices -----------------------------------------------------------------------------------------------


def test_dead_letters_are_sent_once_more_one_by_one(house, county, outbox):
    """O7: each has its receipt; one that is gone already is refused, and the others stand."""
    put(outbox, notice(1), notice(2, state="accepted"), notice(3, state="unknown", channel="wecom"))
    told = house("notices", "retry", ref(1), ref(2), ref(3), "--channel", "paper", *BY)
    assert (told.code, told.json["done"], told.json["refused"]["code"]) == (5, 2, "NOTICE_NOT_ENDED")
    assert [(one["notice"], one["accepted"]) for one in told.json["results"]] == [
        (ref(1), True),
        (ref(2), False),
        (ref(3), True),
    ]
    assert told.json["results"][1]["receipt"] is None
    retried = [envelope["data"] for envelope in county.campaign.ledger if envelope["type"] == "NoticeRetried"]
    assert [(one["notice"], one["channel"]) for one in retried] == [(ref(1), "paper"), (ref(3), "paper")]


def test_all_dead_letters_of_a_purpose_go_by_one_line_and_again_changes_nothing(house, county, outbox):
    """The command's id and the notice's make each command's own: a second run repeats nothing."""
    put(outbox, notice(1), notice(2), notice(3, purpose="stage_reminder"), notice(4, state="muted"))
    line = ("notices", "retry", "--all-dead", CAMPAIGN, "--purpose", "meeting_invitation", "--command-id", "again-1")
    first = house(*line, *BY)
    assert (first.code, first.json["done"]) == (0, 2)
    named = ("notices", "retry", ref(1), ref(2), "--command-id", "again-1")
    put(outbox, notice(1, state="accepted"), notice(2, state="planned"))
    second = house(*named, *BY)
    assert second.code == 0, second
    assert [one["receipt"] for one in first.json["results"]] == [one["receipt"] for one in second.json["results"]]
    other = house(*named, "--channel", "paper", *BY)
    assert (other.code, other.json["refused"]["code"]) == (5, "COMMAND_ID_REUSED")
    assert county.campaign.names().count("NoticeRetried") == 2
    assert county.campaign.last("NoticeRetried")["command_id"] == f"again-1/{ref(2)}"
    too_long = house("notices", "retry", ref(1), "--command-id", "x" * 100, *BY)
    assert (too_long.code, too_long.json["error"]["code"]) == (2, "COMMAND_ID_INVALID")


def test_what_breaks_off_says_how_many_were_done(house, outbox, monkeypatch):
    """An engine that goes away in the middle: nothing half done without saying so."""
    put(outbox, notice(1), notice(2))
    submit, calls = Machines.submit, []

    async def once(self, stream, command):
        calls.append(command)
        if len(calls) > 1:
            raise engine_unreachable()
        return await submit(self, stream, command)

    monkeypatch.setattr(Machines, "submit", once)
    told = house("notices", "retry", ref(1), ref(2), *BY)
    assert told.code == 6
    assert "2 条中已办理 1 条；以 --command-id " in told.err


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ((), "CHOICE_NEEDED"),
        ((ref(1), "--all-dead", CAMPAIGN), "CHOICE_NEEDED"),
        ((ref(1), "--purpose", "stage_reminder"), "CHOICE_NEEDED"),
    ],
)
def test_a_retry_names_notices_or_a_campaign(house, outbox, given, error):
    """One of the two; in a campaign without dead letters all of them are done."""
    put(outbox, notice(1))
    told = house("notices", "retry", *given, *BY)
    assert (told.code, told.json["error"]["code"]) == (2, error)
    outbox.rows.clear()
    none = house("notices", "retry", "--all-dead", CAMPAIGN, *BY)
    assert (none.code, none.json["done"]) == (0, 0)


def test_nothing_is_done_where_one_of_them_is_unknown(house, county, outbox):
    """All are looked up before the first is given; another campaign's notice is as unknown as none."""
    put(outbox, notice(1), notice(2, campaign="campaign/elsewhere/2026"))
    for other in (ref(2), ref(9)):
        told = house("notices", "mute", ref(1), other, *BY)
        assert (told.code, told.json["error"]["code"], told.json["error"]["place"]) == (4, "NOTICE_UNKNOWN", other)
    assert "NoticeMuted" not in county.campaign.names()


@pytest.mark.parametrize(
    ("who", "row", "refused"),
    [
        (OFFICER, {"state": "held"}, None),
        (OFFICER, {"state": "planned", "optional": False}, None),
        (OFFICER, {"state": "submitted"}, None),
        (OFFICER, {"state": "failed_permanent"}, None),
        (OFFICER, {"state": "accepted"}, "NOTICE_OUT_OF_REACH"),
        (OFFICER, {"state": "muted"}, "NOTICE_OUT_OF_REACH"),
        (PRINCIPAL, {"state": "planned"}, None),
        (PRINCIPAL, {"state": "planned", "optional": False}, "NOTICE_IS_STATUTORY"),
        (PRINCIPAL, {"state": "planned", "stream": f"{CAMPAIGN}/{OTHER_SCHOOL}/parent-meetings"}, "WRONG_SCHOOL"),
        (HEAD, {"state": "planned"}, "ROLE_NOT_ALLOWED"),
    ],
)
def test_who_mutes_what(house, county, outbox, who, row, refused):
    """The bureau any that is not gone; a school's leaders the optional ones of their own school."""
    put(outbox, notice(1, **row))
    told = house("notices", "mute", ref(1), "--by", who.id, "--reason", "SAID_IN_PERSON")
    assert (told.code, (told.json["refused"] or {}).get("code")) == (5 if refused else 0, refused)
    if not refused:
        school = None if who is OFFICER else SCHOOL
        assert county.campaign.last("NoticeMuted")["data"]["school"] == school


def test_a_person_says_whether_an_unknown_one_went_out(house, county, outbox):
    """One of the two words; only of a notice of unknown outcome."""
    put(outbox, notice(1, state="unknown"), notice(2, state="accepted"))
    assert house("notices", "settle", ref(1), "--not-sent", *BY).code == 0
    assert county.campaign.last("NoticeOutcomeStated")["data"]["sent"] is False
    assert house("notices", "settle", ref(1), "--sent", *BY).code == 0
    assert county.campaign.last("NoticeOutcomeStated")["data"]["sent"] is True
    assert house("notices", "settle", ref(2), "--sent", *BY).json["refused"]["code"] == "NOTICE_NOT_UNKNOWN"
    assert house("notices", "settle", ref(1), *BY).code == 2


# -- lists of people ----------------------------------------------------------------------------------------------


def test_what_became_of_calls_is_recorded_by_the_school(house, county, outbox):
    """The school comes from the notice; an outcome of a letter is none of a call."""
    put(outbox, notice(1, state="cleared", channel="phone"), notice(2, state="cleared", channel="sms"))
    told = house("notices", "done", CAMPAIGN, ref(1), "--outcome", "reached", "--by", HEAD.id)
    assert told.code == 0, told
    recorded = county.campaign.last("NoticeTaskRecorded")["data"]
    assert recorded == {"school": SCHOOL, "notice": ref(1), "channel": "phone", "outcome": "REACHED"}
    for given, code in ((ref(1), "OUTCOME_NOT_OF_LIST"), (ref(2), "NOTICE_NOT_ON_LIST")):
        told = house("notices", "done", CAMPAIGN, given, "--outcome", "signed", "--by", HEAD.id)
        assert (told.code, told.json["refused"]["code"]) == (5, code)
    unnamed = house("notices", "done", CAMPAIGN, "--outcome", "signed", "--by", HEAD.id)
    assert (unnamed.code, unnamed.json["error"]["code"]) == (2, "CHOICE_NEEDED")


def test_a_printed_list_is_read_back(house, county, outbox):
    """Rows that nobody filled in are passed over; words of both languages; a letter signed after it was handed over."""
    paper = {"channel": "paper", "state": "submitted"}
    rows = [notice(number, **paper) for number in (1, 2, 3)]
    put(outbox, *rows, notice(4, channel="paper", state="delivered"))
    filled = [
        (*COLUMNS, *MORE_COLUMNS),
        (ref(1), "HANDED_OVER", *["例云山"] * len(MORE_COLUMNS)),
        (ref(2), "退回"),
        (ref(3), ""),
        (ref(4), "已签回执"),
    ]
    told = house("notices", "done", CAMPAIGN, "--file", house.file("list.csv", *filled), "--by", HEAD.id)
    assert told.code == 0, told
    assert told.json["done"] == 3
    outcomes = [one["data"]["outcome"] for one in county.campaign.ledger if one["type"] == "NoticeTaskRecorded"]
    assert outcomes == ["HANDED_OVER", "RETURNED", "SIGNED"]
    assert "例云山" not in str(county.campaign.ledger)


@pytest.mark.parametrize(
    ("rows", "code", "place"),
    [
        ([("notice", "result"), (ref(1), "SIGNED")], "TASKS_FILE_INVALID", "list.csv: row 1"),
        ([("notice", "outcome"), (ref(1), "")], "TASKS_FILE_BLANK", "list.csv"),
        ([("notice", "outcome"), (ref(1), "gone")], "TASK_OUTCOME_INVALID", "list.csv: row 2 column outcome"),
        (
            [("notice", "outcome"), (ref(1), "SIGNED"), (ref(1), "SIGNED")],
            "NOTICE_TWICE",
            "list.csv: row 3 column notice",
        ),
    ],
)
def test_a_list_that_cannot_be_read_is_rejected_whole(house, county, outbox, rows, code, place):
    """With file, row and column; nothing of it is recorded."""
    put(outbox, notice(1, channel="paper", state="submitted"))
    told = house("notices", "done", CAMPAIGN, "--file", house.file("list.csv", *rows), "--by", HEAD.id)
    assert (told.code, told.json["error"]["code"], told.json["error"]["place"]) == (3, code, place)
    assert "NoticeTaskRecorded" not in county.campaign.names()
    assert house("notices", "done", CAMPAIGN, "--file", house.folder / "none.csv", "--by", HEAD.id).code == 3


# -- opting out ---------------------------------------------------------------------------------------------------


def test_a_family_declines_and_comes_back(house, county, outbox, monkeypatch):
    """G8: the school takes the slip in, the bureau lets a family back in; only people of the family are named."""

    async def household(self, student):
        del self
        guardian = Guardian(guardian_ref=GUARDIAN, student_ref=A, name="", phone="")
        pupil = {"student_ref": A, "class_id": "2023-01", "school": SCHOOL, "name": "", "email": "", "language": ""}
        known = Household(**pupil, guardians=(guardian,))
        return known if student == A else None

    monkeypatch.setattr(Registry, "household", household)
    who = ("--student", A, "--person", GUARDIAN)
    assert house("notices", "opt-out", CAMPAIGN, *who, "--by", HEAD.id).code == 0
    outbox.wishes = ({"student": A, "person": GUARDIAN},)
    assert county.campaign.last("OptionalNoticesDeclined")["data"] == {
        "student": A,
        "person": GUARDIAN,
        "school": SCHOOL,
    }
    assert house("notices", "opt-in", CAMPAIGN, *who, "--by", HEAD.id).json["refused"]["code"] == "ROLE_NOT_ALLOWED"
    assert house("notices", "opt-in", CAMPAIGN, *who, "--by", OFFICER.id).code == 0
    assert county.campaign.names()[-1] == "OptionalNoticesAllowed"
    other = house("notices", "opt-out", CAMPAIGN, "--student", A, "--person", "gdn_000009", "--by", HEAD.id)
    assert (other.code, other.json["refused"]["code"]) == (5, "PERSON_NOT_OF_HOUSEHOLD")
    nobody = house("notices", "opt-out", CAMPAIGN, "--student", "stu_999999", "--person", GUARDIAN, "--by", HEAD.id)
    assert (nobody.code, nobody.json["error"]["code"]) == (4, "NOTICE_UNKNOWN")


def test_people_read_sentences(house, outbox):
    """Without --json: how many, and why not the others, on the error stream."""
    put(outbox, notice(1), notice(2, state="planned"))
    told = house.readable("notices", "retry", ref(1), ref(2), *BY)
    assert told.code == 5
    assert "已办理 1 条，未受理 1 条" in told.out
    assert "待发" in told.err
    assert "[NOTICE_NOT_ENDED]" in told.err


def test_every_code_that_the_outbox_writes_is_explained():
    """Of claims, attempts, texts and receipts; a provider's own codes stand in docs/notices.md."""
    written = {*get_args(Fault), *FAILURES, OTHER_FAILURE, LEASE_TOO_SHORT}
    for module in (handover, attempts, ledger_receipts):
        written |= {value for name, value in vars(module).items() if name.isupper() and name == value}
    written |= set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", UnsendableError.__doc__))
    assert len(written) > 25
    assert written - {*CODES} == set()
