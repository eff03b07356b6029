"""`answer` in process: the real command line, gateway and rules; only engine and ledger are a machine in memory."""

import json
import re
import sys
from pathlib import Path

import pytest

import cli.answer
import cli.commands
import cli.entry
from cli.failures import engine_unreachable
from cli.rooms import nothing_here
from domain.application_filing import ApplicationFilingDecider
from domain.events import Envelope
from domain.family_act import Party
from domain.refusal import Refusal
from gateway.codes import Gateway

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for `stream_samples`, also when run alone
from stream_samples import CAMPAIGN, DIGEST, HEAD, RULE, SCHOOL, A, B, Stream, stage_start, when

STREAM = f"{CAMPAIGN}/{SCHOOL}/application-filing"
VOCATIONAL = "9900020001"
DOCUMENT = "notice-1"
AT = "2025-11-05T19:30:00.000+08:00"
WRONG = "0000-0000"


class House:
    """One school's application filing, its families' codes, and what an engine would do with a command."""

    def __init__(self, data, gateway):
        self.data = data
        self.gateway = gateway
        self.key = {"key_id": gateway.key_id, "public_key": gateway.public_key}
        self.away = None
        content = {"release": 2, "year": 2026, "snapshot": "snp_000001", "snapshot_digest": DIGEST, "rule": RULE}
        content |= {"qualified_schools": [VOCATIONAL], "gateway": self.key}
        start = stage_start("application-filing", content=content)
        self.stream = Stream("application-filing", start, when("2025-10-20 08:00"), decider=ApplicationFilingDecider())
        self.stream.to("2025-11-05 20:00")
        self.stream.do("offer_notice", HEAD, document=DOCUMENT, students=[A, B])

    async def letters(self, student):
        """Send both letters of a pupil's family."""
        guardian = student.replace("stu_", "gdn_")
        return [
            await self.gateway.issue(CAMPAIGN, SCHOOL, student, party, person, DOCUMENT, when("2026-07-01 00:00"))
            for party, person in ((Party.GUARDIAN, guardian), (Party.PUPIL, student))
        ]

    def names(self):
        """Return the types of what came after the notices."""
        return [name for name in self.stream.names() if name not in ("StagePlanned", "StageOpened", "NoticeOffered")]


class MachineRooms:
    """What the command asks of its rooms, answered by one machine."""

    def __init__(self, house):
        self.house = house

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    async def board(self, campaign):
        """Know one campaign."""
        if campaign != CAMPAIGN:
            raise nothing_here(self.house.data)
        return {campaign: {}}

    async def ledger(self):
        """Be the ledger too."""
        return self

    async def events(self, stream):
        """Yield the campaign's first event."""
        assert stream == CAMPAIGN
        yield Envelope({"type": "CampaignDrafted", "data": {"gateway": self.house.key}})

    async def submit(self, stream, command):
        """Give a command as JSON, as the engine gets it."""
        assert stream == STREAM
        if self.house.away is not None:
            raise self.house.away
        return self.house.stream.submit(json.loads(json.dumps(command)))


@pytest.fixture
async def house(tmp_path, monkeypatch):
    """A school that has offered the notice, and the gateway that sent the letters."""
    gateway = await Gateway.open(f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}", tmp_path / "gateway.key")
    opened = House(tmp_path, gateway)
    monkeypatch.setattr(cli.answer, "Rooms", lambda _: MachineRooms(opened))
    entry = cli.commands.Entry("answer", "cli.answer:answer", "家庭答复", "a family's own act")
    others = [known for known in cli.commands.COMMANDS if known.name != "answer"]
    for module in (cli.commands, cli.entry):
        monkeypatch.setattr(module, "COMMANDS", (*others, entry))
    yield opened
    await gateway.close()


@pytest.fixture
def answer(house, capsys):
    """Run `answer … --json` and return its exit code and its object."""

    async def run(*words):
        result = cli.entry.run(["answer", *words, "--data", str(house.data), "--json"])
        code = result if isinstance(result, int) else await result
        return code, json.loads(capsys.readouterr().out)

    return run


async def test_a_family_goes_the_whole_way_with_two_letters(house, answer):
    """Intent, acknowledgement, both signatures and a withdrawal: each is the family's event, in its time."""
    guardian, pupil = await house.letters(A)
    for words in (
        (guardian, "intent", "中职"),
        (guardian.lower().replace("-", " "), "acknowledge"),
        (guardian, "sign", VOCATIONAL),
        (pupil, "sign", VOCATIONAL, "--student", A),
        (pupil, "withdraw"),
    ):
        code, told = await answer(*words, "--at", AT)
        assert (code, told["accepted"], told["refused"]) == (0, True, None)
        assert told["receipt"]["stream"] == STREAM
        last = house.stream.ledger[-1]
        assert told["receipt"]["hash"] == last["hash"]
        assert last["occurred_at"] == AT
        assert last["actor"]["authenticated_by"] == "family_code"
    assert house.names() == [
        "IntentStated",
        "NoticeAcknowledged",
        "ConsentSigned",
        "ConsentSigned",
        "ConsentWithdrawn",
    ]
    assert [event["actor"]["role"] for event in house.stream.ledger[-2:]] == ["pupil", "pupil"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("general_high", "GENERAL_HIGH"),
        ("Vocational", "VOCATIONAL"),
        ("undecided", "UNDECIDED"),
        ("other", "OTHER"),
        ("普高", "GENERAL_HIGH"),
        ("中职", "VOCATIONAL"),
        ("未定", "UNDECIDED"),
        ("其他", "OTHER"),
    ],
)
async def test_all_intents_are_equally_good_answers(house, answer, word, meant):
    """A family says it in its own words, in either language."""
    guardian, _ = await house.letters(A)
    assert (await answer(guardian, "intent", word, "--at", AT))[0] == 0
    assert house.stream.last("IntentStated")["data"]["intent"] == meant


async def test_a_refusal_is_an_ordinary_answer(house, answer):
    """No is accepted as yes is."""
    _, pupil = await house.letters(A)
    assert (await answer(pupil, "refuse", "--at", AT))[0] == 0
    assert house.names() == ["ConsentRefused"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("7K2M-Q4X", "refuse"), "CODE_MALFORMED"),
        (("7K2M-Q4XU", "refuse"), "CODE_MALFORMED"),
        ((WRONG, "intent", "university"), "INTENT_UNKNOWN"),
        ((WRONG, "intent"), "INTENT_UNKNOWN"),
        ((WRONG, "sign"), "SCHOOL_INVALID"),
        ((WRONG, "sign", "99"), "SCHOOL_INVALID"),
        ((WRONG, "refuse", "now"), "ARGUMENT_TOO_MANY"),
        ((WRONG, "refuse", "--student", "nobody"), "STUDENT_INVALID"),
        ((WRONG, "refuse", "--at", "2025-11-05 19:30"), "TIME_INVALID"),
        ((WRONG, "refuse", "--command-id", "§"), "COMMAND_ID_INVALID"),
        ((WRONG, "agree"), "ARGUMENT_INVALID"),
        ((WRONG, "refuse", "--by", "stf_head"), "OPTION_UNKNOWN"),
    ],
)
async def test_wrong_usage_costs_no_try(house, answer, words, code):
    """What cannot be meant is said before anything is counted; a member of staff cannot put in their reference."""
    guardian, _ = await house.letters(A)
    for _ in range(6):
        exit_code, told = await answer(*words, *(() if "--student" in words else ("--student", A)))
        assert (exit_code, told["error"]["code"]) == (2, code)
    assert (await answer(guardian, "refuse", "--at", AT))[0] == 0
    assert "CommandRefused" not in house.names()


async def test_wrong_codes_for_a_pupil_stay_in_the_record(house, answer):
    """Each attempt leaves its trace, the sixth finds the codes shut, and the family's right code no longer helps."""
    guardian, _ = await house.letters(A)
    for expected in ["CODE_WRONG"] * 5 + ["CODE_LOCKED"]:
        code, told = await answer(WRONG, "sign", VOCATIONAL, "--student", A, "--at", AT)
        assert (code, told["accepted"], told["refused"]["code"]) == (5, False, expected)
        last = house.stream.ledger[-1]
        assert told["receipt"]["hash"] == last["hash"]
        assert (last["type"], last["data"]["code"]) == ("CommandRefused", expected)
    assert (await answer(guardian, "refuse", "--at", AT))[1]["refused"]["code"] == "CODE_LOCKED"
    assert house.names() == ["CommandRefused"] * 7


async def test_a_foreign_code_stays_in_the_record_of_the_pupil_who_was_named(house, answer):
    """One family's code does nothing for another pupil, and nothing to its own."""
    await house.letters(A)
    theirs, _ = await house.letters(B)
    code, told = await answer(theirs, "refuse", "--student", A, "--at", AT)
    assert (code, told["refused"]["code"]) == (5, "CODE_FOREIGN")
    assert house.names() == ["CommandRefused"]
    assert house.stream.state.cases[B].consents == {}


async def test_an_expired_code_is_refused_on_record_and_still_withdraws(house, answer):
    """A right does not die with a code."""
    guardian, _ = await house.letters(A)
    house.stream.to("2026-07-01 09:00")
    late = "2026-07-01T00:00:00+08:00"
    code, told = await answer(guardian, "refuse", "--at", late)
    assert (code, told["refused"]["code"]) == (5, "CODE_EXPIRED")
    assert house.stream.ledger[-1]["data"]["code"] == "CODE_EXPIRED"
    assert (await answer(guardian, "withdraw", "--at", late))[0] == 0
    assert house.stream.ledger[-1]["type"] == "ConsentWithdrawn"


async def test_a_wrong_code_without_a_pupil_leaves_no_trace(house, answer):
    """Nobody knows whose record it would belong to."""
    await house.letters(A)
    code, told = await answer(WRONG, "refuse", "--at", AT)
    assert (code, told["refused"]["code"], told["receipt"]) == (5, "CODE_WRONG", None)
    assert house.names() == []


async def test_a_pupil_who_acknowledges_is_told_that_the_guardian_does(house, answer):
    """It is no attempt on a code, so it leaves no trace."""
    _, pupil = await house.letters(A)
    code, told = await answer(pupil, "acknowledge", "--at", AT)
    assert (code, told["refused"]["code"]) == (5, "ACT_NOT_FOR_PARTY")
    assert house.names() == []


async def test_what_the_rules_refuse_is_refused_with_its_receipt(house, answer):
    """A signature before the notice was acknowledged is genuine, refused and kept."""
    guardian, _ = await house.letters(A)
    code, told = await answer(guardian, "sign", VOCATIONAL, "--at", AT)
    assert (code, told["refused"]["code"]) == (5, "NOTICE_NOT_ACKNOWLEDGED")
    assert told["receipt"]["hash"] == house.stream.ledger[-1]["hash"]


@pytest.mark.parametrize("held", [None, {"key_id": "0" * 16, "public_key": "0" * 64}])
async def test_a_campaign_of_another_key_takes_nothing(house, answer, held):
    """Neither act nor try: the operator's mistake is not counted against a family."""
    guardian, _ = await house.letters(A)
    own, house.key = house.key, held
    for _ in range(6):
        code, told = await answer(WRONG, "refuse", "--student", A, "--at", AT)
        assert (code, told["refused"]["code"]) == (5, "GATEWAY_UNKNOWN")
    assert (await answer(guardian, "refuse", "--at", AT))[1]["refused"]["code"] == "GATEWAY_UNKNOWN"
    house.key = own
    assert (await answer(guardian, "refuse", "--at", AT))[0] == 0
    assert house.names() == ["ConsentRefused"]


async def test_an_engine_that_is_away_costs_the_family_no_time(house, answer):
    """The same command id later is the same act, at the time at which the family first did it."""
    guardian, _ = await house.letters(A)
    house.away = engine_unreachable()
    words = (guardian, "refuse", "--command-id", "letter-1")
    code, told = await answer(*words, "--at", AT)
    assert (code, told["error"]["code"]) == (6, "ENGINE_UNREACHABLE")
    house.away = None
    first, again = await answer(*words), await answer(*words)
    assert first == again
    assert first[0] == 0
    assert house.stream.last("ConsentRefused")["occurred_at"] == AT
    assert house.names() == ["ConsentRefused"]


async def test_whoever_gave_no_command_id_learns_it_when_it_is_needed(house, answer, capsys):
    """Stdout stays the one object; the id to try again with stands on stderr."""
    guardian, _ = await house.letters(A)
    house.away = engine_unreachable()
    assert await cli.entry.run(["answer", guardian, "refuse", "--at", AT, "--data", str(house.data)]) == 6
    said = re.search(r"操作编号：([0-9a-f-]{36})", capsys.readouterr().err)
    house.away = None
    assert (await answer(guardian, "refuse", "--command-id", said[1]))[0] == 0
    assert house.stream.last("ConsentRefused")["occurred_at"] == AT


async def test_an_engine_that_is_away_does_not_hide_that_a_code_was_wrong(house, answer):
    """The family hears what is wrong, the try counts, and a program fault is not taken for an engine that is away."""
    await house.letters(A)
    house.away = engine_unreachable()
    for expected in ["CODE_WRONG"] * 5 + ["CODE_LOCKED"]:
        code, told = await answer(WRONG, "refuse", "--student", A, "--at", AT)
        assert (code, told["refused"]["code"], told["receipt"]) == (5, expected, None)
    house.away = Refusal("CAMPAIGN_CLOSED")
    assert (await answer(WRONG, "refuse", "--student", A, "--at", AT))[0] == 5
    house.away = RuntimeError("a fault")
    with pytest.raises(RuntimeError, match="a fault"):
        await answer(WRONG, "refuse", "--student", A, "--at", AT)


async def test_without_the_gateways_files_nothing_is_made_anew(house, answer):
    """A new secret would know no code: a directory without letters, or without the key, is said to be that."""
    guardian, _ = await house.letters(A)
    (house.data / "gateway.key").rename(house.data / "kept")
    assert (await answer(guardian, "refuse", "--at", AT))[1]["refused"]["code"] == "GATEWAY_UNKNOWN"
    assert not (house.data / "gateway.key").exists()
    house.data /= "empty"
    code, told = await answer(guardian, "refuse", "--at", AT)
    assert (code, told["error"]["code"]) == (4, "NO_CODES_HERE")
    assert not house.data.exists()
