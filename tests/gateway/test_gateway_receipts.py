"""The endpoint for receipts, over HTTP on a real port."""

import asyncio
import json
import logging
from datetime import timedelta
from types import SimpleNamespace

import pytest
from gateway_door import SECRET, request
from gateway_samples import IN_TIME
from hypothesis import given
from hypothesis import strategies as st

from domain.notices import NoticeState
from domain.signing import SIGNATURE, TIMESTAMP, sign
from domain.time import stamp
from gateway import receipts
from gateway.receipts import FAILURES, News
from gateway.serving import serving
from gateway.signed import AwayError, UnreadableError

KEY = "ntc_" + "0123456789abcdef" * 2
NUMBER = "13800138000"
NOW = IN_TIME + timedelta(minutes=1)


class House:
    """Keeps what it is given."""

    def __init__(self):
        self.taken = []
        self.fault = None

    async def take(self, news):
        """Keep a batch, or fail before anything is kept."""
        if self.fault:
            raise self.fault
        self.taken.append(list(news))


@pytest.fixture
async def endpoint():
    """An endpoint on a free port, and a provider's client."""
    house, clock = House(), SimpleNamespace(now=NOW)
    async with serving([receipts.route(SECRET, house, now=lambda: clock.now)], 0) as port:

        async def post(body, *, timestamp=None, signature=None, method="POST"):
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            when = str(int((timestamp or clock.now).timestamp()))
            headers = {TIMESTAMP: when, SIGNATURE: sign(SECRET, when, raw) if signature is None else signature}
            return await asyncio.to_thread(request, port, method, receipts.PATH, raw, headers)

        yield SimpleNamespace(house=house, clock=clock, post=post)


def receipt(**more):
    """Return a receipt that would be taken; what is None stands in none."""
    given = {"receipt_id": "r-1", "key": KEY, "state": "delivered", "at": stamp(IN_TIME), **more}
    return {name: value for name, value in given.items() if value is not None}


async def test_a_receipt_is_handed_on_in_the_words_of_the_outbox(endpoint):
    """One alone, or several in one request, in their order; by our key, by the provider's id, or by both."""
    assert await endpoint.post(receipt()) == (200, {"accepted": True, "receipts": 1})
    several = [
        receipt(receipt_id="r-2", key=None, provider_id="p-7", state="read"),
        receipt(receipt_id="r-3", provider_id="p-8", state="failed", code="NUMBER_RECYCLED"),
    ]
    assert await endpoint.post(several) == (200, {"accepted": True, "receipts": 2})
    failed = NoticeState.FAILED_PERMANENT
    assert endpoint.house.taken == [
        [News("r-1", KEY, None, NoticeState.DELIVERED, None, IN_TIME)],
        [
            News("r-2", None, "p-7", NoticeState.READ, None, IN_TIME),
            News("r-3", KEY, "p-8", failed, "NUMBER_RECYCLED", IN_TIME),
        ],
    ]


@pytest.mark.parametrize("code", [*FAILURES, "UNKNOWN_CODE"])
async def test_a_failure_has_one_of_our_codes(endpoint, code):
    """Those that are documented stay as they are."""
    assert (await endpoint.post(receipt(state="failed", code=code)))[0] == 200
    assert endpoint.house.taken[0][0].code == code


@pytest.mark.parametrize("code", [None, "", "DELIVRD:000", "absent", "其他原因", "x" * 64])
async def test_a_providers_own_words_go_no_further(endpoint, code):
    """Whatever else it says is one code of ours; on a message that arrived there is none at all."""
    assert (await endpoint.post(receipt(state="failed", code=code)))[0] == 200
    assert (await endpoint.post(receipt(state="delivered", code=code)))[0] == 200
    assert [news.code for (news,) in endpoint.house.taken] == ["UNKNOWN_CODE", None]


async def test_the_same_again_is_answered_alike(endpoint):
    """A request that is repeated, and a receipt that stands twice in one: whoever keeps them sees each id once."""
    again = [receipt(), receipt(state="read"), receipt(receipt_id="r-2")]
    first = await endpoint.post(again)
    assert first == await endpoint.post(again) == (200, {"accepted": True, "receipts": 2})
    assert [[news.receipt_id for news in taken] for taken in endpoint.house.taken] == [["r-1", "r-2"]] * 2
    assert {news.state for taken in endpoint.house.taken for news in taken} == {NoticeState.DELIVERED}


async def test_a_request_that_the_provider_did_not_sign_is_refused(endpoint):
    """A wrong, missing or foreign signature, another body under it, another time: 401, and nothing was read."""
    good = sign(SECRET, str(int(NOW.timestamp())), json.dumps(receipt()).encode())
    for signature in ("0" * 64, "", good.upper(), good[:-2]):
        assert (await endpoint.post(receipt(), signature=signature))[0] == 401
    assert (await endpoint.post(receipt(state="read"), signature=good))[0] == 401
    endpoint.clock.now = NOW + timedelta(minutes=6)
    caught = await endpoint.post(receipt(), timestamp=NOW, signature=good)
    assert caught == (401, {"error": {"code": "TIMESTAMP_OLD"}})
    assert endpoint.house.taken == []
    endpoint.clock.now = NOW
    assert (await endpoint.post(receipt(), signature=good))[0] == 200


@pytest.mark.parametrize(
    ("given", "status", "code", "place"),
    [
        (b"", 400, "BODY_INVALID", None),
        (b"\xff", 400, "BODY_INVALID", None),
        (b"[" * 5000, 400, "BODY_INVALID", None),
        ([], 400, "BODY_INVALID", None),
        ("delivered", 400, "BODY_INVALID", 0),
        ([receipt(), receipt(receipt_id="r-2", key=None)], 400, "BODY_INVALID", 1),
        (receipt(receipt_id=None), 400, "BODY_INVALID", 0),
        (receipt(receipt_id="r 1"), 400, "BODY_INVALID", 0),
        (receipt(receipt_id="r" * 65), 400, "BODY_INVALID", 0),
        (receipt(key="ntc_1"), 400, "BODY_INVALID", 0),
        (receipt(key=f"{KEY}-0"), 400, "BODY_INVALID", 0),
        (receipt(state="accepted"), 400, "BODY_INVALID", 0),
        (receipt(at="2025-04-01 19:30"), 400, "BODY_INVALID", 0),
        (receipt(text="a reply"), 400, "BODY_INVALID", 0),
        ([receipt(receipt_id=f"r-{number}") for number in range(101)], 400, "TOO_MANY_RECEIPTS", None),
        ([receipt(), receipt(at=stamp(NOW + timedelta(minutes=6)))], 400, "RECEIPT_IN_FUTURE", 1),
        (b" " * 65_537, 413, "BODY_TOO_LARGE", None),
    ],
)
async def test_what_is_no_receipt_is_said_to_be_none(endpoint, given, status, code, place):
    """The provider learns which of them, and nothing of what it sent comes back; of the others none is taken."""
    error = {"code": code} if place is None else {"code": code, "place": place}
    assert await endpoint.post(given) == (status, {"error": error})
    assert endpoint.house.taken == []


async def test_a_full_request_is_taken(endpoint):
    """A hundred with the longest ids fit into the longest body."""
    full = [receipt(receipt_id=f"{number:x>64}", provider_id="p" * 64, state="failed") for number in range(100)]
    assert await endpoint.post(full) == (200, {"accepted": True, "receipts": 100})


@pytest.mark.parametrize(
    "more",
    [
        {"receipt_id": NUMBER},
        {"receipt_id": f"r-{NUMBER}-1"},
        {"provider_id": f"86{NUMBER}"},
        {"provider_id": f"20250401-{NUMBER}"},
        {"code": f"absent {NUMBER}"},
        {"code": "138-0013-8000"},
        {"code": "+86 138 0013 8000"},
        {"code": "１３８００１３８０００"},
        {"mobile": NUMBER},
        {"mobile": int(NUMBER)},
        {"to": {"numbers": [NUMBER]}},
        {NUMBER: "delivered"},
    ],
)
async def test_a_telephone_number_never_comes_in(endpoint, caplog, more):
    """In no field, known or not, however it is written: the whole request is refused, and nothing repeats it."""
    with caplog.at_level(logging.DEBUG):
        told = await endpoint.post([receipt(), receipt(**{"receipt_id": "r-2", **more})])
    assert told == (400, {"error": {"code": "NUMBER_IN_RECEIPT", "place": 1}})
    assert endpoint.house.taken == []
    assert NUMBER not in caplog.text


@pytest.mark.parametrize(
    "given",
    [
        {"key": "ntc_abc13800138000abcdef0123456789ab"},
        {"key": "ntc_abc13800138000abcdef0123456789ab-12"},
        {"provider_id": "550e8400-e29b-41d4-a716-13800138000f"},
        {"receipt_id": "1743507060-000012"},
        {"provider_id": "174350706012345"},
        {"at": "2025-04-01T11:30:00.138001380+00:00"},
    ],
)
async def test_ids_that_were_drawn_are_no_telephone_numbers(endpoint, given):
    """Eleven digits in a row come about in digests, stamps and counters by themselves."""
    assert (await endpoint.post(receipt(**given)))[0] == 200


async def test_a_ledger_that_is_away_keeps_nothing(endpoint):
    """503, so that the provider tries again; a fault of the program is 500, and no answer or log repeats a body."""
    endpoint.house.fault = AwayError()
    assert await endpoint.post(receipt()) == (503, {"error": {"code": "TRY_LATER"}})
    endpoint.house.fault = RuntimeError(f"canary {KEY}")
    assert await endpoint.post(receipt()) == (500, {"error": {"code": "UNEXPECTED"}})
    endpoint.house.fault = None
    assert (await endpoint.post(receipt()))[0] == 200


async def test_no_fault_repeats_a_receipt(endpoint, caplog):
    """Neither in a log nor in the answer."""
    endpoint.house.fault = RuntimeError(f"canary {KEY}")
    with caplog.at_level(logging.DEBUG):
        await endpoint.post(receipt())
    assert "canary" not in caplog.text
    assert KEY not in caplog.text


async def test_nothing_else_is_served(endpoint):
    """One method."""
    assert (await endpoint.post(receipt(), method="GET"))[0] == 405


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_no_body_does_harm(body):
    """Whatever stands there, it is refused with a code and nothing else."""
    with pytest.raises(UnreadableError) as refused:
        receipts.read(json.dumps(body).encode(), NOW)
    assert refused.value.code in ("BODY_INVALID", "NUMBER_IN_RECEIPT", "TOO_MANY_RECEIPTS")
