"""`answer` in process: the real command line, gateway and rules; only engine and ledger are a machine in memory."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import cli.answer
import cli.commands
import cli.entry
from cli.failures import engine_unreachable
from cli.family import Desk
from cli.rooms import nothing_here
from client import actor_for
from domain.actors import Role
from domain.application_filing import ApplicationFilingDecider
from domain.events import Envelope
from domain.family_act import Intent, Party
from domain.refusal import Refusal
from gateway.codes import Gateway, Said
from gateway.store import Binding

sys.path.append(str(Path(__file__).parents[1] / "domain"))  # for `stream_samples`, also when run alone
from stream_samples import (
    CAMPAIGN,
    DIGEST,
    HEAD,
    OFFICER,
    RULE,
    SCHOOL,
    A,
    B,
    C,
    Stream,
    person,
    stage_start,
    when,
)

STREAM = f"{CAMPAIGN}/{SCHOOL}/application-filing"
VOCATIONAL = "9900020001"
DOCUMENT = "notice-1"
AT = "2025-11-05T19:30:00.000+08:00"
LATER = "2025-11-06 20:30"
"""A day after the notice was acknowledged, as the machine's clock is moved."""

WRONG = "0000-0000"
DISCIPLINE = person("discipline", Role.DISCIPLINE_OFFICER, "bureau")
REGISTRAR = person("register", Role.REGISTER_OFFICER, "bureau")


class House:
    """One school's application filing, its families' codes, and what an engine would do with a command."""

    def __init__(self, data, gateway):
        self.data = data
        self.gateway = gateway
        self.key = {"key_id": gateway.key_id, "public_key": gateway.public_key}
        self.away = self.after_acts = None
        self.people = {who.id: who for who in (HEAD, OFFICER, DISCIPLINE)}
        content = {
            "release": 3,
            "under_14": [C],
            "year": 2026,
            "snapshot": "snp_000001",
            "snapshot_digest": DIGEST,
            "rule": RULE,
        }
        content |= {"qualified_schools": [VOCATIONAL], "gateway": self.key}
        start = stage_start("application-filing", content=content)
        self.stream = Stream("application-filing", start, when("2025-10-20 08:00"), decider=ApplicationFilingDecider())
        self.stream.to("2025-11-05 20:00")
        self.stream.do("offer_notice", HEAD, document=DOCUMENT, students=[A, B, C])

    async def letters(self, student):
        """Send both letters of a pupil's family."""
        guardian = student.replace("stu_", "gdn_")
        return [
            await self.gateway.issue(CAMPAIGN, SCHOOL, student, party, person, DOCUMENT, when("2026-07-01 00:00"))
            for party, person in ((Party.GUARDIAN, guardian), (Party.PUPIL, student))
        ]

    async def paper(self, student):
        """Seal a code for the guardian's paper."""
        fields = {"campaign": CAMPAIGN, "school": SCHOOL, "student": student, "document": DOCUMENT}
        bound = Binding(**fields, party=Party.GUARDIAN, person=student.replace("stu_", "gdn_"))
        return await self.gateway.issue_paper(bound, when("2026-07-01 00:00"))

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

    async def registry(self):
        """Be the registry too."""
        return self

    async def staff_member(self, _campaign, staff_ref):
        """Know the house's people."""
        who = self.house.people.get(staff_ref)
        school = who and who.organisation.replace("bureau", "")
        return who and SimpleNamespace(staff_ref=who.id, role=who.role.value, school=school)

    async def command(self, campaign, change, kind, **fields):
        """Make a command as the rooms do."""
        who = await actor_for(self, campaign, change.by)
        return {"kind": kind, "command_id": change.command_id, "actor": who.model_dump(mode="json"), **fields}

    async def events(self, stream, after=0):
        """Yield the campaign's first event, or the stage's own."""
        if stream == STREAM:
            for envelope in self.house.stream.ledger[after:]:
                yield envelope
            return
        assert stream == CAMPAIGN
        yield Envelope({"type": "CampaignDrafted", "data": {"gateway": self.house.key}})

    async def submit(self, stream, command):
        """Give a command as JSON, as the engine gets it."""
        assert stream == STREAM
        if self.house.away is not None:
            raise self.house.away
        answer = self.house.stream.submit(json.loads(json.dumps(command)))
        if command["kind"] == "deliver_family_acts" and self.house.after_acts is not None:
            self.house.after_acts()
        return answer


@pytest.fixture
async def house(tmp_path, monkeypatch):
    """A school that has offered the notice, and the gateway that sent the letters."""
    gateway = await Gateway.open(f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}", tmp_path / "gateway.key")
    opened = House(tmp_path, gateway)
    monkeypatch.setattr(cli.answer, "Rooms", lambda _: MachineRooms(opened))
    monkeypatch.setattr(cli.answer, "_now", lambda: opened.stream.now)
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
    """Intent, acknowledgement, both signatures a day later, a withdrawal: each the family's event, in its time."""
    guardian, pupil = await house.letters(A)
    for words, at in (
        ((guardian, "intent", "中职"), AT),
        ((guardian.lower().replace("-", " "), "acknowledge"), None),
        ((guardian, "sign", VOCATIONAL), None),
        ((pupil, "sign", VOCATIONAL, "--student", A), None),
        ((pupil, "withdraw"), None),
    ):
        if words[1] == "sign":
            house.stream.to(LATER)
        code, told = await answer(*words, *(("--at", at) if at else ()))
        assert (code, told["accepted"], told["refused"]) == (0, True, None)
        assert told["receipt"]["stream"] == STREAM
        last = house.stream.ledger[-1]
        assert told["receipt"]["hash"] == last["hash"]
        assert last["actor"]["authenticated_by"] in ("family_code", "engine")
    acts = [event for event in house.stream.ledger if event["actor"]["authenticated_by"] == "family_code"]
    own = ["IntentStated", "NoticeAcknowledged", "ConsentSigned", "ConsentSigned", "ConsentWithdrawn"]
    assert [event["type"] for event in acts if event["type"] in own] == own
    assert [event["occurred_at"] for event in acts][:2] == [AT, "2025-11-05T20:00:00.000+08:00"]
    assert acts[-1]["actor"]["role"] == "pupil"


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
        ((WRONG, "refuse", "--wave", "spring"), "ARGUMENT_TOO_MANY"),
        ((WRONG, "refuse", "--channel", "paper"), "ARGUMENT_INVALID"),
        ((WRONG, "refuse", "--device", " "), "DEVICE_INVALID"),
        ((WRONG, "refuse", "--paper"), "CALLBACK_INCOMPLETE"),
        ((WRONG, "refuse", "--callback-by", "stf_officer"), "CALLBACK_INCOMPLETE"),
        ((WRONG, "refuse", "--paper", "--callback-by", "stf_officer", "--channel", "sms"), "CHOICE_NEEDED"),
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
        code, told = await answer(WRONG, "sign", VOCATIONAL, "--student", A)
        assert (code, told["accepted"], told["refused"]["code"]) == (5, False, expected)
        last = house.stream.ledger[-1]
        assert told["receipt"]["hash"] == last["hash"]
        assert (last["type"], last["data"]["code"]) == ("CommandRefused", expected)
    assert (await answer(guardian, "acknowledge"))[1]["refused"]["code"] == "CODE_LOCKED"
    assert house.names() == ["CommandRefused"] * 7


@pytest.mark.parametrize("act", ["withdraw", "refuse"])
async def test_nobodys_guesses_close_a_familys_way_out(house, answer, act):
    """INV-06: wrong guesses are a report each family is asked about; the right code withdraws all the same."""
    guardian, _ = await house.letters(A)
    await informed(answer, guardian)
    house.stream.to(LATER)
    assert (await answer(guardian, "sign", VOCATIONAL))[0] == 0
    for expected in ["CODE_WRONG"] * 5 + ["CODE_LOCKED"]:
        code, told = await answer(WRONG, act, "--student", A)
        assert (code, told["accepted"], told["reported"]) == (0, True, True)
        assert told["code"]["code"] == expected
    assert list(house.stream.state.cases[A].protocol.suspended) == ["WITHDRAWAL_REPORTED"]
    assert house.names().count("WithdrawalReported") == 1
    report = house.stream.last("WithdrawalReported")
    assert report["actor"]["id"] == "anonymous"
    code, told = await answer(guardian, "withdraw", "--student", A)
    assert (code, told["refused"]) == (0, None)
    assert "ConsentWithdrawn" in house.names()


@pytest.mark.parametrize("act", ["withdraw", "refuse"])
async def test_a_wrong_code_holds_nothing_up_where_nothing_was_signed(house, answer, act):
    """There is nothing to suspend: the answer is that of the code."""
    await house.letters(A)
    code, told = await answer(WRONG, act, "--student", A)
    assert (code, told["accepted"], told["refused"]["code"]) == (5, False, "CODE_WRONG")


@pytest.mark.parametrize("words", [("acknowledge",), ("consent-data",), ("sign", VOCATIONAL)])
async def test_what_starts_a_wait_is_not_dated_back(house, answer, words):
    """The waits protect the family; whoever holds its code cannot shorten them by a date."""
    guardian, _ = await house.letters(A)
    code, told = await answer(guardian, *words, "--at", AT)
    assert (code, told["error"]["code"]) == (2, "AT_NOT_FOR_SIGNING")
    assert house.names() == []


async def test_an_act_is_dated_back_so_far_as_the_policy_lets_it(house, answer):
    """Fourteen days; a day more is refused before anything is counted."""
    guardian, _ = await house.letters(A)
    house.stream.to("2025-11-19 19:00")
    assert (await answer(guardian, "refuse", "--at", AT))[0] == 0
    house.stream.to("2025-11-19 20:00")
    for words in (("refuse",), ("withdraw",), ("keep",), ("intent", "other")):
        code, told = await answer(guardian, *words, "--at", AT)
        assert (code, told["error"]["code"]) == (2, "AT_TOO_LONG_AGO")
    own = [event["type"] for event in house.stream.ledger if event["actor"]["authenticated_by"] == "family_code"]
    assert own == ["ConsentRefused"]


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
    code, told = await answer(guardian, "intent", "other", "--at", late)
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
    code, told = await answer(pupil, "acknowledge")
    assert (code, told["refused"]["code"]) == (5, "ACT_NOT_FOR_PARTY")
    assert house.names() == []


async def test_what_the_rules_refuse_is_refused_with_its_receipt(house, answer):
    """A signature before the notice was acknowledged is genuine, refused and kept."""
    guardian, _ = await house.letters(A)
    code, told = await answer(guardian, "sign", VOCATIONAL)
    assert (code, told["refused"]["code"]) == (5, "NOTICE_NOT_ACKNOWLEDGED")
    assert told["receipt"]["hash"] == house.stream.ledger[-1]["hash"]


async def informed(answer, guardian):
    """Let a guardian wish for a vocational school, and acknowledge the notice."""
    assert (await answer(guardian, "intent", "中职", "--at", AT))[0] == 0
    assert (await answer(guardian, "acknowledge"))[0] == 0


async def test_an_answer_given_twice_is_told_to_stand_already(house, answer):
    """The same signature under another command id changes nothing and says so; so does one too soon (R-16)."""
    guardian, _ = await house.letters(A)
    await informed(answer, guardian)
    soon = await answer(guardian, "sign", VOCATIONAL)
    assert (soon[0], soon[1]["refused"]["code"]) == (5, "SIGNED_TOO_EARLY")
    house.stream.to(LATER)
    assert (await answer(guardian, "sign", VOCATIONAL))[0] == 0
    twice = await answer(guardian, "sign", VOCATIONAL)
    assert (twice[0], twice[1]["refused"]["code"]) == (5, "ALREADY_SIGNED")
    assert house.names().count("ConsentSigned") == 1


async def test_a_code_of_an_earlier_letter_is_told_to_be_void(house, answer):
    """Whoever uses it is not guessing: no try is counted, and the newer letter is named."""
    guardian, _ = await house.letters(A)
    fields = {"campaign": CAMPAIGN, "school": SCHOOL, "student": A, "document": DOCUMENT}
    bound = Binding(**fields, party=Party.GUARDIAN, person=A.replace("stu_", "gdn_"))
    newer = await house.gateway.reissue(bound, serial=1, expires_at=when("2026-07-01 00:00"))
    for _ in range(6):
        code, told = await answer(guardian, "intent", "other", "--student", A, "--at", AT)
        assert (code, told["refused"]["code"]) == (5, "CODE_SUPERSEDED")
    assert (await answer(guardian, "refuse", "--at", AT))[0] == 0
    assert (await answer(newer, "refuse", "--at", AT))[0] == 0


async def test_a_consent_for_a_young_childs_data_is_the_guardians(house, answer):
    """R-17: the word on the data, then a signature that needs it; without it the signature is refused."""
    guardian, pupil = await house.letters(C)
    await informed(answer, guardian)
    house.stream.to(LATER)
    missing = await answer(guardian, "sign", VOCATIONAL)
    assert (missing[0], missing[1]["refused"]["code"]) == (5, "DATA_CONSENT_MISSING")
    assert (await answer(pupil, "consent-data"))[1]["refused"]["code"] == "ACT_NOT_FOR_PARTY"
    assert (await answer(guardian, "consent-data"))[0] == 0
    assert (await answer(guardian, "sign", VOCATIONAL))[0] == 0
    assert "DataConsentGiven" in house.names()


async def test_a_consent_that_stands_is_kept_by_the_familys_own_word(house, answer):
    """Somebody reports a withdrawal; the family says that its consent stands."""
    guardian, _ = await house.letters(A)
    await informed(answer, guardian)
    house.stream.to(LATER)
    await answer(guardian, "sign", VOCATIONAL)
    house.stream.do("report_withdrawal", HEAD, student=A, channel="phone")
    assert house.stream.state.cases[A].protocol.suspended
    assert (await answer(guardian, "keep"))[0] == 0
    assert not house.stream.state.cases[A].protocol.suspended


async def test_channel_and_device_stand_in_the_act_and_the_device_is_nobodys_name(house, answer):
    """R-18: a digest that only the gateway can make; the same telephone is known again."""
    guardian, pupil = await house.letters(A)
    options = ("--channel", "phone", "--device", "canary-telephone")
    await informed(answer, guardian)
    await answer(guardian, "acknowledge", *options)
    house.stream.to(LATER)
    assert (await answer(guardian, "sign", VOCATIONAL, *options))[0] == 0
    assert (await answer(pupil, "sign", VOCATIONAL, *options))[0] == 0
    assert "canary" not in json.dumps(house.stream.ledger)
    assert house.gateway.device("Canary-Telephone") in json.dumps(house.stream.ledger)


async def test_a_papers_code_is_read_out_to_the_bureau(house, answer):
    """Alone it does nothing; with the bureau on the telephone it is the guardian's act, and the call stands beside."""
    paper = await house.paper(A)
    alone = await answer(paper, "acknowledge")
    assert (alone[0], alone[1]["refused"]["code"]) == (5, "CODE_IS_PAPER")
    school = await answer(paper, "acknowledge", "--paper", "--callback-by", HEAD.id, "--at", AT)
    assert (school[0], school[1]["refused"]["code"]) == (5, "ROLE_NOT_ALLOWED")
    nobody = await answer(paper, "acknowledge", "--paper", "--callback-by", "stf_nobody", "--at", AT)
    assert nobody[0] == 4
    for _ in range(2):  # the same command id again is the same act and the same call
        words = (paper, "acknowledge", "--paper", "--callback-by", OFFICER.id, "--at", AT, "--command-id", "call-1")
        code, told = await answer(*words)
        assert (code, told["accepted"]) == (0, True)
    assert house.names().count("NoticeAcknowledged") == 1
    assert house.names().count("CallbackMade") == 1
    call = house.stream.last("CallbackMade")
    assert (call["actor"]["id"], call["data"]["purpose"], call["data"]["outcome"]) == (OFFICER.id, "paper", "confirmed")
    act = house.stream.last("NoticeAcknowledged")
    assert (act["actor"]["role"], act["occurred_at"]) == ("guardian", AT)


async def test_a_call_that_cannot_be_recorded_is_refused_before_the_act(house, answer):
    """G17: a restricted record takes no call, so the act in the call is not done by half either."""
    paper = await house.paper(A)
    house.stream.do("restrict_record", REGISTRAR, student=A, reason="PROTECTION_ORDER")
    words = (paper, "acknowledge", "--paper", "--callback-by", OFFICER.id, "--command-id", "call-1")
    code, told = await answer(*words)
    assert (code, told["accepted"], told["refused"]["code"]) == (5, False, "ROWS_REFUSED")
    assert "NoticeAcknowledged" not in house.names()
    house.stream.do("release_record", REGISTRAR, student=A, reason="ORDER_ENDED")
    assert (await answer(*words))[0] == 0
    assert (house.names().count("NoticeAcknowledged"), house.names().count("CallbackMade")) == (1, 1)


async def test_an_act_that_stands_is_accepted_also_where_its_call_is_refused(house, answer):
    """The record is restricted between act and call: both are said, and the same command id adds the call."""
    paper = await house.paper(A)
    words = (paper, "acknowledge", "--paper", "--callback-by", OFFICER.id, "--command-id", "call-1")
    house.after_acts = lambda: house.stream.do("restrict_record", REGISTRAR, student=A, reason="PROTECTION_ORDER")
    for _ in range(2):
        code, told = await answer(*words)
        assert (code, told["accepted"], told["refused"]) == (0, True, None)
        assert told["call"]["refused"]["code"] == "ROWS_REFUSED"
        assert told["receipt"] == told["act"]
        house.after_acts = None
    house.stream.do("release_record", REGISTRAR, student=A, reason="ORDER_ENDED")
    code, told = await answer(*words)
    assert (code, "call" in told) == (0, False)
    assert (house.names().count("NoticeAcknowledged"), house.names().count("CallbackMade")) == (1, 1)


async def test_a_letters_code_is_not_read_out_to_staff(house, answer):
    """Nobody of the bureau enters what the family can send itself."""
    guardian, _ = await house.letters(A)
    code, told = await answer(guardian, "acknowledge", "--paper", "--callback-by", DISCIPLINE.id, "--at", AT)
    assert (code, told["refused"]["code"]) == (5, "CODE_NOT_PAPER")


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


@pytest.mark.parametrize("act", ["withdraw", "refuse"])
async def test_an_engine_that_is_away_does_not_hide_that_a_code_was_wrong(house, answer, capsys, act):
    """The family hears what is wrong, and that its no is not on record; the try counts, and a fault is a fault."""
    await house.letters(A)
    house.away = engine_unreachable()
    for expected in ["CODE_WRONG"] * 5 + ["CODE_LOCKED"]:
        code, told = await answer(WRONG, act, "--student", A, "--at", AT)
        assert (code, told["refused"]["code"], told["receipt"]) == (5, expected, None)
    assert await cli.entry.run(["answer", WRONG, act, "--student", A, "--data", str(house.data)]) == 5
    assert "没有记录" in capsys.readouterr().err
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


async def test_what_an_act_has_led_to_is_read_from_the_record(house):
    """A text message is answered by it: the events of that command, none before and none after."""
    guardian, _ = await house.letters(A)
    desk = Desk(MachineRooms(house), house.gateway)
    signed = await house.gateway.act(guardian, Said("intent", Intent.OTHER), at=when("2025-11-05 19:30"))
    first = await desk.deliver(signed, "sms/one")
    again = await house.gateway.act(guardian, Said("refuse"), at=when("2025-11-05 19:40"))
    second = await desk.deliver(again, "sms/two")
    assert await desk.led_to(first) == ("IntentStated",)
    assert await desk.led_to(second) == ("ConsentRefused",)
