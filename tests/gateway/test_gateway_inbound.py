"""The endpoint for text messages, over HTTP on a real port."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from gateway_door import OWN, SECRET, STRANGE, House, body, door
from gateway_samples import (
    EXPIRES,
    GUARDIAN,
    IN_TIME,
    OTHER_GUARDIAN,
    OTHER_PUPIL,
    PUPIL,
    VOCATIONAL,
    bound,
    sqlite_url,
)

from domain.family_act import is_signed_by
from domain.refusal import Refusal
from domain.signing import sign
from domain.time import stamp
from gateway import inbound
from gateway.inbound import SmsDesk
from gateway.signed import AwayError


@pytest.fixture
async def endpoint(tmp_path, opened):
    """A gateway that has sent both families' letters, its endpoint on a free port, and a provider's client."""
    async with door(tmp_path, opened) as served:
        yield served


async def test_a_message_with_a_code_is_the_familys_act(endpoint):
    """Signed by the gateway, in the time at which the message reached the provider, with channel and device."""
    told = await endpoint.send(f"{endpoint.guardian} 同意 {VOCATIONAL}", from_digest=OWN)
    assert (told["accepted"], told["code"]) == (True, "DONE")
    ((command_id, signed),) = endpoint.house.acts
    assert command_id == "sms/" + endpoint.gateway.message("m-1")
    assert is_signed_by(signed, endpoint.gateway.public_key)
    assert (signed.act, signed.destination, signed.person) == ("sign", VOCATIONAL, GUARDIAN)
    assert (signed.at, signed.channel, signed.device) == (IN_TIME, "sms", endpoint.gateway.device(OWN))


async def test_the_same_message_again_gets_the_same_answer_and_changes_nothing(endpoint):
    """In a row, at once, and after the answer would be another: one act, whatever the provider repeats."""
    text = f"{endpoint.guardian} 已阅"
    endpoint.house.slow = 0.05
    at_once = await asyncio.gather(*(endpoint.send(text) for _ in range(5)))
    endpoint.house.act_refused = Refusal("CAMPAIGN_CLOSED")
    later = [await endpoint.send(text), await endpoint.send("TD")]
    assert all(told == at_once[0] for told in [*at_once, *later])
    assert len(endpoint.house.acts) == 1
    assert endpoint.house.reports == []


async def test_another_process_answers_a_repeated_message_alike(endpoint, tmp_path, opened):
    """What was answered stands in the gateway's store, not in a process."""
    first = await endpoint.send(f"{endpoint.guardian} 已阅")
    other = SmsDesk(await opened(sqlite_url(tmp_path / "gateway.db")), House(), now=lambda: endpoint.clock.now)
    assert await other.answer(inbound.Inbound.model_validate(body(text="anything"))) == first


async def test_a_request_that_the_provider_did_not_sign_is_refused(endpoint):
    """A wrong, missing or foreign signature, or another body under it: 401, and nothing was read."""
    good = sign(SECRET, str(int(endpoint.clock.now.timestamp())), json.dumps(body()).encode())
    for signature in ("0" * 64, "", good.upper(), good[:-2]):
        status, told = await endpoint.post(body(), signature=signature)
        assert status == 401
        assert told["error"]["code"] in ("SIGNATURE_WRONG", "SIGNATURE_MISSING")
    assert (await endpoint.post(body(text=f"{endpoint.guardian} TD"), signature=good))[0] == 401
    assert (await endpoint.post(body(), signature=good))[0] == 200
    assert endpoint.house.acts == []


@pytest.mark.parametrize(("minutes", "status"), [(-6, 401), (6, 401), (-4, 200), (4, 200)])
async def test_a_request_of_another_time_is_refused(endpoint, minutes, status):
    """Five minutes of difference; what was caught on the way and sent again later is too old."""
    when = endpoint.clock.now + timedelta(minutes=minutes)
    assert (await endpoint.post(body(), timestamp=when))[0] == status


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        (b"", 400, "BODY_INVALID"),
        (b"[]", 400, "BODY_INVALID"),
        (b"\xff\xfe", 400, "BODY_INVALID"),
        (body(text="x" * 501), 400, "BODY_INVALID"),
        (body(message_id="m 1"), 400, "BODY_INVALID"),
        (body(received_at="2025-04-01 19:30"), 400, "BODY_INVALID"),
        (body(received_at=stamp(IN_TIME + timedelta(minutes=30))), 400, "RECEIVED_IN_FUTURE"),
        (body(**{"from": "10012345678"}), 400, "BODY_INVALID"),  # a telephone number never comes in
        (body(from_digest="10012345678"), 400, "BODY_INVALID"),
        (b"x" * 4097, 413, "BODY_TOO_LARGE"),
        (b"x" * 1_000_000, 413, "BODY_TOO_LARGE"),
    ],
)
async def test_what_is_no_message_is_said_to_be_none(endpoint, given, status, code):
    """The provider learns which, and nothing of what it sent comes back."""
    got, told = await endpoint.post(given)
    assert (got, told) == (status, {"error": {"code": code}})


async def test_nothing_else_is_served(endpoint):
    """One path, one method; the loopback interface is the default."""
    assert (await endpoint.post(body(), path="/"))[0] == 404
    assert (await endpoint.post(body(), method="GET"))[0] == 405
    assert (await endpoint.post(body(), method="PUT"))[0] == 405


async def test_an_engine_that_is_away_decides_nothing(endpoint):
    """503, so that the provider tries again; then the same message is answered anew, at the family's first time."""
    endpoint.house.fault = AwayError()
    message = body(text=f"{endpoint.guardian} 已阅")
    assert (await endpoint.post(message))[0] == 503
    endpoint.house.fault = None
    endpoint.clock.now = EXPIRES + timedelta(days=1)  # too late for a new act, not for one that was done in time
    status, told = await endpoint.post(message)
    assert (status, told["code"]) == (200, "DONE")
    assert endpoint.house.acts[0][1].at == IN_TIME


async def test_no_failure_repeats_what_the_family_wrote(endpoint, caplog):
    """A fault of the program is 500, and neither answer nor log holds text, code or number."""
    endpoint.house.fault = RuntimeError(f"canary {endpoint.guardian} {OWN}")
    with caplog.at_level(logging.DEBUG):
        status, told = await endpoint.post(body(text=f"{endpoint.guardian} 已阅 ", from_digest=OWN))
        await endpoint.send("canary 撤回吗", "m-2")
    assert (status, told) == (500, {"error": {"code": "UNEXPECTED"}})
    for secret in ("canary", endpoint.guardian, OWN):
        assert secret not in caplog.text


async def test_what_was_said_is_not_kept(endpoint, tmp_path):
    """The store remembers answers, not messages: no text, no code, no digest of a number as it came."""
    await endpoint.send(f"{endpoint.guardian} 已阅", from_digest=OWN)
    await endpoint.send("canary 0000-0000 撤回吗", "m-2", from_digest=OWN)
    await endpoint.send(f"{endpoint.guardian} 保留", "10012345678-1", from_digest=OWN)
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert endpoint.gateway.message("m-2").encode() in held
    for secret in ("canary", endpoint.guardian, OWN, "10012345678"):
        assert secret.encode() not in held


async def test_a_number_in_the_message_id_reaches_nobody(endpoint, tmp_path):
    """A provider may name its messages by the sender: neither record, trace, report nor store hears of it."""
    number = "10012345678"
    assert (await endpoint.send(f"{endpoint.guardian} 已阅", f"{number}-1", from_digest=OWN))["accepted"]
    assert (await endpoint.send(f"{endpoint.guardian} TD", f"{number}-2", from_digest=STRANGE))["code"] == "REPORTED"
    house = endpoint.house
    assert len(house.acts) == len(house.reports) == len(house.traces) == 1
    told = f"{house.acts} {house.reports} {house.traces}"
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert number not in told
    assert number.encode() not in held


async def test_unclear_messages_are_told_how_to_answer(endpoint):
    """Nothing is done, and the words to use come back."""
    told = await endpoint.send(f"{endpoint.guardian} 同意", from_digest=OWN)
    assert (told["accepted"], told["code"]) == (False, "TEXT_UNCLEAR")
    assert "已阅" in told["reply"]
    assert endpoint.house.acts == endpoint.house.reports == []


# -- whose telephone ------------------------------------------------------------------------------------------------


async def test_a_strangers_telephone_acts_for_nobody(endpoint):
    """Edge case 9: a right code from a number that is not the household's is foreign, and stays on record."""
    told = await endpoint.send(f"{endpoint.guardian} 同意 {VOCATIONAL}", from_digest=STRANGE)
    assert (told["accepted"], told["code"]) == (False, "CODE_FOREIGN")
    assert "发短信的号码对不上" in told["reply"]
    assert endpoint.house.acts == []
    named = endpoint.gateway.message("m-1")
    assert endpoint.house.traces == [(PUPIL, "CODE_FOREIGN", f"sms/{named}/code")]


async def test_a_withdrawal_from_a_new_telephone_suspends_until_the_family_speaks(endpoint):
    """It may be the family's new number, or a stranger: nothing is withdrawn, and nothing goes on either."""
    told = await endpoint.send(f"td{endpoint.guardian}", from_digest=STRANGE)
    assert (told["accepted"], told["code"]) == (True, "REPORTED")
    assert endpoint.house.acts == []
    assert endpoint.house.reports == [(PUPIL, f"sms/{endpoint.gateway.message('m-1')}/report-0")]
    named = endpoint.gateway.message("m-1")
    assert endpoint.house.traces == [(PUPIL, "CODE_FOREIGN", f"sms/{named}/code")]


async def test_where_no_number_is_known_the_code_says_who_it_is(endpoint):
    """A household without a number, a provider that hands none on, and the pupil's own telephone."""
    endpoint.house.telephones = {}
    assert (await endpoint.send(f"{endpoint.guardian} 已阅", "m-1", from_digest=STRANGE))["accepted"]
    endpoint.house.telephones = {PUPIL: [OWN]}
    assert (await endpoint.send(f"{endpoint.guardian} 已阅", "m-2"))["accepted"]
    assert (await endpoint.send(f"{endpoint.pupil} 中职", "m-3", from_digest=STRANGE))["accepted"]
    assert [signed.person for _, signed in endpoint.house.acts] == [GUARDIAN, GUARDIAN, PUPIL]


# -- withdrawing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["{} TD", "TD{}", "td  {}。", "{}撤回", "我要撤回 {}"])
async def test_a_withdrawal_is_done_however_it_is_written(endpoint, text):
    """With the code it is the family's own act, also when the code is too old."""
    endpoint.clock.now = EXPIRES + timedelta(days=3)
    told = await endpoint.send(text.format(endpoint.guardian), at=EXPIRES + timedelta(days=2), from_digest=OWN)
    assert (told["accepted"], told["code"]) == (True, "WITHDRAWN")
    assert [signed.act for _, signed in endpoint.house.acts] == ["withdraw"]


async def test_td_alone_is_a_report_for_the_telephones_own_children(endpoint):
    """The letter says "reply TD": all children of the telephone, up to three; a shop or a stranger needs the code."""
    endpoint.house.telephones = {PUPIL: [OWN], OTHER_PUPIL: [OWN]}
    told = await endpoint.send("TD", from_digest=OWN)
    assert (told["accepted"], told["code"]) == (True, "REPORTED")
    assert [student for student, *_ in endpoint.house.reports] == [PUPIL, OTHER_PUPIL]
    assert (await endpoint.send("TD", "m-2", from_digest=STRANGE))["code"] == "CODE_NEEDED"
    assert (await endpoint.send("TD", "m-3"))["code"] == "CODE_NEEDED"
    endpoint.house.telephones |= {f"stu_shop{number}": [OWN] for number in range(2)}
    assert (await endpoint.send("TD", "m-4", from_digest=OWN))["code"] == "CODE_NEEDED"
    assert len(endpoint.house.reports) == 2


async def test_a_withdrawal_with_a_mistyped_code_is_a_report(endpoint):
    """A slip of the finger costs nobody a right; without a telephone of a family it is a wrong code."""
    assert (await endpoint.send("TD 0000-0000", from_digest=OWN))["code"] == "REPORTED"
    assert (await endpoint.send("TD 0000-0000", "m-2", from_digest=STRANGE))["code"] == "CODE_WRONG"
    endpoint.house.report_refused = Refusal("CONSENT_MISSING")
    assert (await endpoint.send("TD 0000-0000", "m-3", from_digest=OWN))["code"] == "CODE_WRONG"


async def test_a_papers_code_waits_for_the_call_and_still_withdraws(endpoint):
    """Whoever found the paper does nothing with it over the air."""
    paper = await endpoint.gateway.issue_paper(bound(person=OTHER_GUARDIAN), EXPIRES)
    assert (await endpoint.send(f"{paper} 已阅", from_digest=OWN))["code"] == "CODE_IS_PAPER"
    assert (await endpoint.send(f"{paper} TD", "m-2", from_digest=OWN))["code"] == "WITHDRAWN"


async def test_a_no_with_a_right_code_that_counts_for_nothing_else_is_a_report(endpoint):
    """A no to what was signed is a withdrawal: another telephone, or a paper's code, costs a call at most."""
    foreign = await endpoint.send(f"{endpoint.guardian} 不同意", from_digest=STRANGE)
    paper = await endpoint.gateway.issue_paper(bound(person=OTHER_GUARDIAN), EXPIRES)
    sealed = await endpoint.send(f"{paper} 不同意", "m-2", from_digest=OWN)
    assert (foreign["code"], sealed["code"]) == ("REPORTED", "REPORTED")
    assert [student for student, *_ in endpoint.house.reports] == [PUPIL, PUPIL]
    assert (await endpoint.send("0000-0000 不同意", "m-3", from_digest=OWN))["code"] == "CODE_WRONG"
    endpoint.house.report_refused = Refusal("NOTHING_TO_WITHDRAW")
    again = await endpoint.send(f"{endpoint.guardian} 不同意", "m-4", from_digest=STRANGE)
    assert (again["accepted"], again["code"]) == (False, "CODE_FOREIGN")


async def test_an_old_message_is_taken_for_a_no_only(endpoint):
    """Nobody dates a signature back by a message that is said to have been on its way; a "no" is never too late."""
    endpoint.clock.now = IN_TIME + timedelta(minutes=61)
    for number, word in enumerate(("已阅", f"同意 {VOCATIONAL}", "中职", "保留")):
        told = await endpoint.send(f"{endpoint.guardian} {word}", f"o-{number}", from_digest=OWN)
        assert (told["accepted"], told["code"]) == (False, "MESSAGE_TOO_OLD")
    assert endpoint.house.acts == []
    assert (await endpoint.send(f"{endpoint.guardian} TD", "m-1", from_digest=OWN))["code"] == "WITHDRAWN"
    assert (await endpoint.send(f"{endpoint.guardian} 不同意", "m-3", from_digest=OWN))["accepted"]
    just = endpoint.clock.now - timedelta(minutes=59)
    assert (await endpoint.send(f"{endpoint.guardian} 已阅", "m-2", just, from_digest=OWN))["code"] == "DONE"


@pytest.mark.parametrize(
    ("events", "code"),
    [
        (("ConsentWithdrawn",), "WITHDRAWN"),
        (("ConsentObjected", "ConsentSuspended"), "OBJECTED"),
        (("ConsentObjected",), "OBJECTION_NOTED"),
    ],
)
async def test_the_answer_says_what_stands_in_the_record(endpoint, events, code):
    """Edge case 2: another guardian's signature is not withdrawn by this one; nobody is told that it is."""
    endpoint.house.events = {"withdraw": events}
    told = await endpoint.send(f"{endpoint.guardian} TD", from_digest=OWN)
    assert (told["accepted"], told["code"]) == (True, code)
    assert ("已受理您的撤回" in told["reply"]) == (code == "WITHDRAWN")


# -- guessing -------------------------------------------------------------------------------------------------------


async def test_a_telephone_that_guesses_is_heard_no_more(endpoint):
    """Five wrong codes in a day; the right one then does nothing, other telephones do, and so does the next day."""
    for number in range(5):
        told = await endpoint.send(f"0000-000{number} 已阅", f"w-{number}", from_digest=STRANGE)
        assert told["code"] == "CODE_WRONG"
    assert (await endpoint.send(f"{endpoint.pupil} 中职", "m-1", from_digest=STRANGE))["code"] == "CODE_LOCKED"
    assert (await endpoint.send(f"{endpoint.guardian} 已阅", "m-2", from_digest=OWN))["accepted"]
    endpoint.clock.now += timedelta(days=1, minutes=1)
    words = {"at": endpoint.clock.now, "from_digest": STRANGE}
    assert (await endpoint.send(f"{endpoint.pupil} 中职", "m-3", **words))["accepted"]


async def test_guessing_by_withdrawals_is_guessing_too(endpoint):
    """A report is no way around the count: the sixth code is not looked up, a report stays a report."""
    for number in range(5):
        assert (await endpoint.send(f"0000-000{number} TD", f"w-{number}", from_digest=OWN))["code"] == "REPORTED"
    told = await endpoint.send(f"{endpoint.guardian} TD", "m-1", from_digest=OWN)
    assert (told["code"], endpoint.house.acts) == ("REPORTED", [])


async def test_a_campaign_of_another_key_takes_nothing(endpoint):
    """The operator's mistake is nobody's wrong code, and leaves no trace on a family."""
    endpoint.house.key_refused = Refusal("GATEWAY_UNKNOWN")
    assert (await endpoint.send(f"{endpoint.guardian} TD", from_digest=OWN))["code"] == "GATEWAY_UNKNOWN"
    assert endpoint.house.traces == endpoint.house.reports == []


async def test_what_the_rules_refuse_is_said_in_their_words(endpoint):
    """A closed campaign, for instance; the answer is kept like any other."""
    endpoint.house.act_refused = Refusal("CAMPAIGN_CLOSED")
    told = await endpoint.send(f"{endpoint.guardian} 已阅", from_digest=OWN)
    assert (told["accepted"], told["code"]) == (False, "CAMPAIGN_CLOSED")
    assert told["reply"].startswith("未")


async def test_old_answers_are_forgotten(endpoint):
    """No provider repeats a message after a month."""
    endpoint.clock.now = datetime(2025, 4, 1, tzinfo=UTC) + timedelta(days=1)
    await endpoint.send(f"{endpoint.guardian} 已阅")
    endpoint.clock.now += timedelta(days=31)
    await endpoint.send("请问", "m-2")
    async with endpoint.gateway.messages() as work:
        assert await work.answered(endpoint.gateway.message("m-1")) is None
        assert await work.answered(endpoint.gateway.message("m-2")) is not None
