"""What `close` says while something of the campaign goes on by days of its own."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from audit.archive_gaps import MissingHistory
from cli import holds
from cli.failures import Failure
from cli.options import Face
from client import left_open
from client.heads import Heads
from client.sending import Sending
from domain.refusal import Refusal
from domain.stream import Answer, Receipt

CAMPAIGN = "campaign/qingshan/2025"
SCHOOL, OTHER = f"{CAMPAIGN}/9900010001", f"{CAMPAIGN}/9900010002"
PUPIL = f"{SCHOOL}/dropout/stu_000001"
CASE = f"{CAMPAIGN}/compliance/c-1"
CLOSING = {"status": "closing", "paused": False, "paused_schools": []}


def board(**changes):
    """A closing campaign: the first school waits for its attendance and a case, the other has ended."""
    lines = {
        CAMPAIGN: CLOSING,
        SCHOOL: {"status": "closing"},
        f"{SCHOOL}/retention": {"status": "archived"},
        f"{SCHOOL}/attendance": {"status": "watching"},
        PUPIL: {"status": "suspected"},
        OTHER: {"status": "closed"},
        f"{OTHER}/retention": {"status": "archived"},
        f"{OTHER}/attendance": {"status": "closed"},
        CASE: {"status": "appealed"},
    }
    return lines | {name: {**lines[name], "status": status} for name, status in changes.items()}


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({}, []),
        ({f"{SCHOOL}/retention": "open"}, [f"{SCHOOL}/retention"]),
        ({OTHER: "closing"}, [OTHER]),
        ({PUPIL: "closed", f"{SCHOOL}/attendance": "closed"}, [SCHOOL]),
    ],
)
def test_what_goes_on_by_itself_is_told_from_what_is_about_to_end(changes, ending):
    """A school without attendance and cases ends soon, a stage too; who waits for another is named by the other."""
    lines = board(**changes)
    lasting = [name for name in (f"{SCHOOL}/attendance", PUPIL, CASE) if lines[name]["status"] != "closed"]
    assert left_open(lines) == (lasting, ending)


def test_nothing_is_left_of_a_campaign_that_has_ended():
    """Then the campaign itself is all that can still be about to end."""
    over = dict.fromkeys((SCHOOL, f"{SCHOOL}/attendance", PUPIL, CASE), "closed")
    assert left_open(board(**over)) == ([], [CAMPAIGN])
    assert left_open(board(**over, **{CAMPAIGN: "archived"})) == ([], [])


def closed(face, lines):
    """Show the end of an accepted close."""
    receipt = Receipt(stream=CAMPAIGN, first_version=9, last_version=9, hash="h")
    goes_on = left_open(lines)[0]
    return holds._end(face, CAMPAIGN, lines, Answer(receipt=receipt), len(goes_on), goes_on)


def test_close_names_what_goes_on(capsys):
    """As ids in JSON, as counts with the reason for a person, in both languages."""
    assert closed(Face(json=True), board()) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["accepted"], said["goes_on"]) == (True, [f"{SCHOOL}/attendance", PUPIL, CASE])
    assert closed(Face(), board()) == 0
    text = capsys.readouterr().out.replace("\n", "")
    assert "1 所学校的到校日报、1 个控辍个案、1 个案件" in text
    assert "再次执行 close" in text


def test_a_second_close_says_what_it_still_waits_for(capsys):
    """It is refused, for the campaign is closed; and it does not leave one wondering why it is not over."""
    refusal = Refusal("CAMPAIGN_CLOSED")
    assert holds._still_closing(Face(json=True), CAMPAIGN, board(), refusal) == 5
    said = json.loads(capsys.readouterr().out)
    assert (said["refused"]["code"], said["pending"]) == ("CAMPAIGN_CLOSED", 5)
    assert said["goes_on"] == [f"{SCHOOL}/attendance", PUPIL, CASE]
    assert holds._still_closing(Face(), CAMPAIGN, board(), refusal) == 5
    assert "1 个案件" in capsys.readouterr().err


class Closing:
    """Rooms, client, ledger and sending of a campaign that is closed; keeps what is asked of them in its order."""

    def __init__(self, status="running", *, signed=True):
        self.settings = self.sending = self.ledger = self
        self.heads = SimpleNamespace(finish=self.last_head)
        self.status = status
        self.signed = signed
        self.asked = []

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_failed):
        return None

    def __call__(self, _settings):
        """Be what a command opens."""
        return self

    async def client(self):
        """Be the client."""
        return self

    async def board(self, _campaign):
        """Show a campaign of which nothing goes on."""
        return {CAMPAIGN: {**CLOSING, "status": self.status}}

    async def command(self, *_said):
        """Make a command."""
        return {}

    async def settle(self, _campaign, _within):
        """Settle the running day."""
        self.asked.append("settle")
        return True

    async def close_campaign(self, _campaign, _command, *, within):
        """Close."""
        assert within
        self.asked.append("close")
        self.status = "archived"
        return Answer(receipt=Receipt(stream=CAMPAIGN, first_version=9, last_version=9, hash="h")), True

    async def finish(self, _campaign, _within):
        """End the dispatchers."""
        self.asked.append("finish")
        return True

    async def last_head(self, _campaign, _within):
        """Have the last head signed."""
        self.asked.append("head")
        return self.signed


async def close_of(monkeypatch, rooms, *answers):
    """Close; `answers` are the histories that the engine calls missing, each time; None where it does not answer."""
    left = [*answers] or [(), ()]

    async def completed(_rooms, _campaign):
        missing = left.pop(0)
        return SimpleNamespace(missing=missing or ()), missing is not None

    monkeypatch.setattr(holds, "Rooms", rooms)
    monkeypatch.setattr(holds, "completed", completed)
    face = SimpleNamespace(settings=lambda: None, json=True, show=lambda *_shown: None)
    code = await holds.close(CAMPAIGN, change=None, face=face)
    assert left == []
    return code


@pytest.mark.parametrize(
    ("status", "asked"), [("running", ["settle", "close", "finish", "head"]), ("closing", ["close", "finish", "head"])]
)
async def test_the_last_day_of_sending_is_settled_while_the_campaign_can_hear_of_it(monkeypatch, status, asked):
    """Its stream takes no news once it has ended; and one that closes already has settled its day."""
    rooms = Closing(status)
    assert await close_of(monkeypatch, rooms) == 0
    assert rooms.asked == asked


@pytest.mark.parametrize("status", ["running", "closing"])
async def test_a_close_begins_nothing_while_nobody_can_say_what_the_archive_lacks(monkeypatch, status):
    """The client is there and the engine stops answering: not knowing of a gap is not knowing that there is none."""
    rooms = Closing(status)
    with pytest.raises(Failure) as failure:
        await close_of(monkeypatch, rooms, None)
    assert (failure.value.exit_code, failure.value.code) == (6, "ENGINE_UNREACHABLE")
    assert failure.value.place == CAMPAIGN
    assert rooms.asked == []


async def test_a_gap_that_is_known_is_the_answer_before_and_after(monkeypatch, capsys):
    """Before: nothing is begun. After: the campaign is closed, and it is not accepted."""
    gap = MissingHistory(workflow=CAMPAIGN, run_id=None)
    for answers, closed_ in (([[gap]], False), ([[], [gap]], True)):
        rooms = Closing()
        assert await close_of(monkeypatch, rooms, *answers) == 5
        said = json.loads(capsys.readouterr().out)
        assert (said["accepted"], said["closed"], bool(rooms.asked)) == (False, closed_, closed_)


@pytest.mark.parametrize(
    ("signed", "after", "told"),
    [(True, [], ""), (True, None, "audit archive"), (False, [], "status"), (False, None, "audit archive")],
)
async def test_a_close_that_could_not_see_its_end_says_so(monkeypatch, capsys, signed, after, told):
    """It is closed all the same: 0, and a line for whoever is to look again."""
    assert await close_of(monkeypatch, Closing(signed=signed), [], after) == 0
    err = capsys.readouterr().err
    assert told in err
    assert bool(err) == bool(told)
    assert ("检查点" in err) == (not signed)


async def test_a_second_close_of_a_campaign_that_has_ended_tells_of_the_last_head_too(monkeypatch, capsys):
    """It is refused; whoever tries it is told that the head of the end is missing."""
    for signed in (True, False):
        rooms = Closing("archived", signed=signed)

        async def refused(*_given, **_more):
            raise Refusal("CAMPAIGN_CLOSED")

        rooms.close_campaign = refused
        with pytest.raises(Refusal, match="CAMPAIGN_CLOSED"):
            await close_of(monkeypatch, rooms, [])
        assert rooms.asked == ["finish", "head"]
        assert ("检查点" in capsys.readouterr().err) == (not signed)


@pytest.mark.parametrize("ended", ["TERMINATED", "CANCELED"])
async def test_a_last_head_whose_workflow_somebody_ended_is_not_signed(ended):
    """The workflow's end is an answer: no head, and no failure of the close."""

    class Handle:
        async def signal(self, _name):
            """Be woken."""

        async def result(self):
            """Tell how it ended."""
            raise WorkflowFailureError(cause=RuntimeError(ended))

    heads = Heads(SimpleNamespace(engine=SimpleNamespace(get_workflow_handle=lambda *_given, **_more: Handle())))
    assert await heads.finish(CAMPAIGN, timedelta(seconds=1)) is False


@pytest.mark.parametrize("when", ["signal", "result", "describe"])
async def test_an_engine_that_goes_away_after_the_close_is_no_bug(monkeypatch, capsys, when):
    """The close was accepted: its receipt is shown with 0, and that the last head is not seen."""

    class Handle:
        async def signal(self, _name):
            """Be woken."""
            self._gone("signal", RPCStatusCode.UNAVAILABLE)
            self._gone("describe", RPCStatusCode.NOT_FOUND)  # it has ended; how, nobody answers

        async def result(self):
            """Tell how it ended."""
            self._gone("result", RPCStatusCode.UNAVAILABLE)

        async def describe(self):
            """Tell how it is."""
            self._gone("describe", RPCStatusCode.UNAVAILABLE)

        def _gone(self, now, status):
            if now == when:
                raise RPCError("tcp connect error", status, b"")

    engine = SimpleNamespace(get_workflow_handle=lambda *_given, **_more: Handle())
    heads = Heads(SimpleNamespace(engine=engine))
    rooms = Closing()
    rooms.heads = heads
    assert await close_of(monkeypatch, rooms, [], []) == 0
    assert "status" in capsys.readouterr().err
    ended = await Sending(SimpleNamespace(engine=engine)).finish(CAMPAIGN, timedelta(seconds=1))
    assert ended == (when == "describe")


def test_nobody_is_pressed_by_what_is_said():
    """What goes on is counted; no pupil and no family is named to a person, and nobody is asked to end it."""
    zh, en = holds._why_open(left_open(board())[0])
    assert "stu_" not in zh + en
    assert "protects pupils" in en
