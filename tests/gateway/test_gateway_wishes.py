"""A family's word on optional notices by text message: never an answer about the choice, and the other way round."""

from datetime import timedelta

import pytest
from gateway_door import OWN, STRANGE, body, door
from gateway_samples import EXPIRES, GUARDIAN, IN_TIME, OTHER_GUARDIAN, OTHER_PUPIL, PUPIL, VOCATIONAL

from domain.refusal import Refusal
from gateway import sms
from gateway.signed import AwayError


@pytest.fixture
async def endpoint(tmp_path, opened):
    """A gateway that has sent both families' letters, its endpoint on a free port, and a provider's client."""
    async with door(tmp_path, opened) as served:
        yield served


def _wished(endpoint):
    """Return whose optional notices were stopped or let go on; nothing else may have happened."""
    assert endpoint.house.acts == endpoint.house.reports == []
    return [wish[:3] for wish in endpoint.house.wishes]


async def test_a_known_telephone_stops_the_optional_notices_about_its_own_children(endpoint):
    """G8: no code, no reason; each pupil of the telephone, and the answer says what still comes and how to go back."""
    endpoint.house.telephones = {PUPIL: [OWN], OTHER_PUPIL: [OWN], "stu_cccccc": [STRANGE]}
    told = await endpoint.send("停收", from_digest=OWN)
    assert (told["accepted"], told["code"]) == (True, "DECLINED")
    assert "恢复接收" in told["reply"]
    assert "必须告知和安全类通知仍会发送" in told["reply"]
    assert _wished(endpoint) == [(PUPIL, GUARDIAN, False), (OTHER_PUPIL, OTHER_GUARDIAN, False)]
    named = endpoint.gateway.message("m-1")
    ids = [wish[3] for wish in endpoint.house.wishes]
    assert ids == [f"sms/{named}/{PUPIL}/{GUARDIAN}", f"sms/{named}/{OTHER_PUPIL}/{OTHER_GUARDIAN}"]
    assert len(max(ids, key=len)) <= 128


@pytest.mark.parametrize(
    ("text", "wanted"), [("START", True), ("恢复接收", True), ("stop", False), ("不再接收", False)]
)
async def test_they_come_again_when_the_family_says_so(endpoint, text, wanted):
    """In either language; the same message again changes nothing."""
    for _ in range(2):
        told = await endpoint.send(text, from_digest=OWN)
        assert (told["accepted"], told["code"]) == (True, "ALLOWED" if wanted else "DECLINED")
    assert _wished(endpoint) == [(PUPIL, GUARDIAN, wanted)]


@pytest.mark.parametrize("text", ["{} 停收", "停收 {}", "STOP{}", "{}，恢复接收。"])
async def test_a_code_says_for_whom_where_the_telephone_does_not(endpoint, text):
    """Also one that is too old: it is no answer about the choice."""
    endpoint.house.telephones = {}
    endpoint.clock.now = EXPIRES + timedelta(days=3)
    for number, code in enumerate((endpoint.guardian, endpoint.pupil)):
        told = await endpoint.send(text.format(code), f"m-{number}", at=endpoint.clock.now, from_digest=STRANGE)
        assert told["accepted"]
    assert _wished(endpoint) == [(PUPIL, person, "恢复" in text) for person in (GUARDIAN, PUPIL)]


async def test_a_strange_telephone_stops_nobodys_notices(endpoint):
    """Without a code, with a wrong one, with a guardian's from elsewhere; a shop's telephone speaks for nobody."""
    assert (await endpoint.send("停收", "m-1", from_digest=STRANGE))["code"] == "NUMBER_UNKNOWN"
    assert (await endpoint.send("停收", "m-2"))["code"] == "NUMBER_UNKNOWN"
    assert (await endpoint.send("0000-0000 停收", "m-3", from_digest=STRANGE))["code"] == "CODE_WRONG"
    assert (await endpoint.send(f"{endpoint.guardian} 停收", "m-4", from_digest=STRANGE))["code"] == "CODE_FOREIGN"
    endpoint.house.telephones = {f"stu_shop{number}": [OWN] for number in range(4)}
    assert (await endpoint.send("停收", "m-5", from_digest=OWN))["code"] == "NUMBER_UNKNOWN"
    assert _wished(endpoint) == []
    assert [trace[:2] for trace in endpoint.house.traces] == [(PUPIL, "CODE_FOREIGN")]


async def test_guessing_codes_with_a_wish_is_guessing_too(endpoint):
    """Five wrong codes in a day, whatever they are for; the telephone's own children need none."""
    for number in range(5):
        assert (await endpoint.send(f"0000-000{number} 停收", f"w-{number}", from_digest=OWN))["code"] == "CODE_WRONG"
    assert (await endpoint.send(f"{endpoint.guardian} STOP", "m-1", from_digest=OWN))["code"] == "CODE_LOCKED"
    assert (await endpoint.send(f"{endpoint.guardian} 已阅", "m-2", from_digest=OWN))["code"] == "CODE_LOCKED"
    assert (await endpoint.send("STOP", "m-3", from_digest=OWN))["code"] == "DECLINED"


async def test_a_late_message_stops_notices_and_brings_none_back(endpoint):
    """Two messages overtake each other on the way: in doubt nobody is written to."""
    endpoint.clock.now = IN_TIME + timedelta(minutes=61)
    assert (await endpoint.send("恢复接收", "m-1", from_digest=OWN))["code"] == "MESSAGE_TOO_OLD"
    assert (await endpoint.send("停收", "m-2", from_digest=OWN))["code"] == "DECLINED"
    assert _wished(endpoint) == [(PUPIL, GUARDIAN, False)]


async def test_a_campaign_that_takes_no_wishes_says_whom_to_tell(endpoint):
    """The rules' own sentence is for staff; what one of two pupils got is not denied."""
    endpoint.house.wish_refused = Refusal("COMMAND_UNKNOWN")
    told = await endpoint.send("停收", from_digest=OWN)
    assert (told["accepted"], told["code"]) == (False, "NOT_CHANGED")
    assert "班主任" in told["reply"]


async def test_a_wish_waits_while_the_engine_is_away(endpoint):
    """503, and the same message later is taken, once."""
    endpoint.house.fault = AwayError()
    assert (await endpoint.post(body(text="停收", from_digest=OWN)))[0] == 503
    endpoint.house.fault = None
    assert (await endpoint.send("停收", from_digest=OWN))["code"] == "DECLINED"
    assert _wished(endpoint) == [(PUPIL, GUARDIAN, False)]


async def test_no_wish_is_an_answer_and_no_answer_is_a_wish(endpoint):
    """All words of both kinds, alone and with the code: each leads to its own, and 退订 stays a withdrawal."""
    answers = [*sms.WORDS, *sms.INTENTS, "撤回", "撤销", "退订", "td", "withdraw"]
    for number, word in enumerate(answers):
        for turn, text in enumerate((word, f"{endpoint.guardian} {word}", f"{endpoint.guardian} {word} {VOCATIONAL}")):
            await endpoint.send(text, f"a-{number}-{turn}", from_digest=OWN)
    assert endpoint.house.wishes == []
    done = {signed.act for _, signed in endpoint.house.acts}
    assert done == {"intent", "acknowledge", "sign", "refuse", "keep", "consent_data", "withdraw"}
    assert endpoint.house.reports != []
    endpoint.house.acts, endpoint.house.reports = [], []
    for number, word in enumerate(sms.WISHES):
        for turn, text in enumerate((word, f"{endpoint.guardian} {word}", f"{word}{endpoint.guardian}")):
            assert (await endpoint.send(text, f"w-{number}-{turn}", from_digest=OWN))["accepted"]
    assert len(_wished(endpoint)) == 3 * len(sms.WISHES)
