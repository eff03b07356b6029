"""Receipts of text messages on their whole way: out of a provider's callback, into the ledger, to the next channel."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notices_house import CAMPAIGN, SCHOOL, TRIES, student
from stopping_house import Office

from cli.receipts_house import ReceiptsHouse
from domain.notices import NoticeState
from domain.school_events import LeftRegister
from domain.signing import SIGNATURE, TIMESTAMP, sign
from domain.time import stamp
from gateway import receipts
from gateway.receipts import FAILURES, read
from gateway.serving import serving
from gateway.signed import AwayError
from ledger.handover import Outcome
from ledger.store import Ledger
from notices.channels import Message
from notices.simulators.lies import Lie
from notices.simulators.sms import SmsSimulator
from notices.sms_gateway import SmsChannel, SmsGateway
from settings import Settings

LETTER = "choice_notice"
_ids = count(1)


@pytest.fixture
async def office(ledger: Ledger) -> AsyncIterator[Office]:
    """Return where notices are planned and sent."""
    return Office(ledger)


def house_of(folder: Path, office: Office) -> ReceiptsHouse:
    """Return what keeps the receipts of the ledger in a folder."""
    url = f"sqlite+aiosqlite:///{folder}/ledger.db"
    known = Settings(
        data=folder,
        engine_address=None,
        namespace="default",
        ledger_url=url,
        registry_url=f"sqlite+aiosqlite:///{folder}/registry.db",
        lang="en",
        log_level="INFO",
    )
    return ReceiptsHouse(known, now=lambda: office.now)


@pytest.fixture
async def house(tmp_path: Path, office: Office) -> AsyncIterator[ReceiptsHouse]:
    """Return what keeps the receipts of the office's ledger, as `gateway serve` does."""
    opened = house_of(tmp_path, office)
    yield opened
    await opened.close()


def said(office: Office, state: str, **more: str | None) -> dict[str, Any]:
    """Return a receipt as a provider posts it."""
    receipt = {"receipt_id": f"r-{next(_ids)}", "state": state, "at": stamp(office.now), **more}
    return {name: value for name, value in receipt.items() if value is not None}


async def post(office: Office, house: ReceiptsHouse, *posted: dict[str, Any]) -> None:
    """Hand a request's body on, as the endpoint does once its signature is checked."""
    await house.take(read(json.dumps(posted).encode(), office.now))


async def test_a_recycled_number_sends_the_notice_to_the_next_channel(office: Office, house: ReceiptsHouse) -> None:
    """Edge case 9: the number is somebody else's by now; the same notice goes by mail, and says what to repair."""
    notice, other = await office.plan(LETTER, 1), await office.plan(LETTER, 2)
    assert await office.send() == sorted([notice, other])
    await post(office, house, said(office, "failed", key=notice, code="NUMBER_RECYCLED"))

    row = await office.row(notice)
    assert (row["state"], row["code"], row["channel"]) == ("planned", "NUMBER_RECYCLED", "email")
    assert await office.stands(other) == ("accepted", None)
    assert await office.send("sms") == []
    assert await office.send("email") == [notice]
    entries = await office.ledger.outbox.journal(notice)
    told = [(one["channel"], one["state"], one["code"]) for one in entries if one["state"] != "submitted"]
    failed = ("sms", "failed_permanent", "NUMBER_RECYCLED")
    assert told == [("sms", "accepted", None), failed, ("email", "accepted", None)]


@pytest.mark.parametrize("code", [*FAILURES, None])
async def test_a_message_that_did_not_arrive_goes_on(office: Office, house: ReceiptsHouse, code: str | None) -> None:
    """Whatever the reason; only where the number is not the reader's any more a contact has to be repaired."""
    notice = await office.plan(LETTER)
    await office.send()
    await post(office, house, said(office, "failed", key=notice, code=code))
    row = await office.row(notice)
    why = "CONTACT_TO_REPAIR" if code == "UNDELIVERABLE" else code or "UNKNOWN_CODE"
    assert (row["state"], row["code"], row["channel"]) == ("planned", why, "email")


async def test_at_the_end_of_the_chain_a_person_looks_at_it(office: Office, house: ReceiptsHouse) -> None:
    """A dead letter, with the reason."""
    office.chain = ("sms",)
    notice = await office.plan(LETTER)
    await office.send()
    await post(office, house, said(office, "failed", key=notice, code="NUMBER_RECYCLED"))
    assert (await office.stands(notice))[0] == "failed_permanent"
    assert await office.send() == []


async def test_a_receipt_may_come_before_the_submits_answer(office: Office, house: ReceiptsHouse) -> None:
    """By our key it is applied at once, by the provider's own id once that is known; the answer lowers neither."""
    by_key, by_id, failed = [await office.plan(LETTER, number) for number in (1, 2, 3)]
    begun = await office.begin(await office.claim())
    await post(
        office,
        house,
        said(office, "read", key=by_key),
        said(office, "delivered", provider_id=f"p-{by_id}"),
        said(office, "failed", provider_id=f"p-{failed}", code="ABSENT"),
    )
    assert await office.stands(by_id) == ("submitted", None)
    await office.settle(begun, NoticeState.ACCEPTED)
    assert await office.stands(by_key) == ("read", None)
    assert await office.stands(by_id) == ("delivered", None)
    row = await office.row(failed)
    assert (row["state"], row["code"], row["channel"]) == ("planned", "ABSENT", "email")


async def test_a_receipt_of_nobody_is_kept_and_does_nothing(office: Office, house: ReceiptsHouse) -> None:
    """An unknown key, an unknown id of the provider's, and a key of another channel's notice."""
    office.chain = ("email",)
    mail = await office.plan(LETTER)
    await office.send("email")
    unknown = f"ntc_{'0' * 32}"
    await post(office, house, said(office, "failed", key=unknown), said(office, "failed", provider_id="p-nobody"))
    await post(office, house, said(office, "failed", key=mail, code="BLOCKED"))
    assert await office.stands(mail) == ("accepted", None)


async def test_a_late_failure_leaves_the_next_channel_alone(office: Office, house: ReceiptsHouse) -> None:
    """What went on by mail was not sent by text message: a second bounce of that one is no bounce of the mail."""
    notice = await office.plan(LETTER)
    await office.send("sms")
    await post(office, house, said(office, "failed", key=notice, code="ABSENT"))
    await office.send("email")
    await post(office, house, said(office, "failed", key=notice, code="EXPIRED_AT_PROVIDER"))
    row = await office.row(notice)
    assert (row["state"], row["channel"]) == ("accepted", "email")


async def test_a_message_that_bounces_is_not_sent_again_once_its_pupil_has_left(
    office: Office, house: ReceiptsHouse
) -> None:
    """The text message went out before the event; no mail follows it."""
    notice = await office.plan(LETTER)
    await office.send()
    await office.happen(LeftRegister(student=student(1), exit="death", on=date(2025, 3, 3)), f"{CAMPAIGN}/{SCHOOL}")
    assert await office.stands(notice) == ("accepted", None)
    await post(office, house, said(office, "failed", key=notice, code="NUMBER_RECYCLED"))
    assert await office.stands(notice) == ("denied", "LEFT_REGISTER")
    assert await office.send("email") == []


async def test_receipts_are_told_to_the_campaign_once(office: Office, house: ReceiptsHouse) -> None:
    """Each fresh one; the same again, in another request, is none."""
    notice = await office.plan(LETTER)
    await office.send()
    receipt = said(office, "delivered", key=notice)
    await post(office, house, receipt)
    await post(office, house, receipt, said(office, "read", key=notice))
    outbox = office.ledger.outbox
    news = await outbox.unreported(CAMPAIGN, "sms", 10)
    assert [(one.notice_id, one.state) for one in news] == [(notice, "delivered"), (notice, "read")]
    await outbox.mark_reported([one.receipt_id for one in news])
    await post(office, house, receipt)
    assert await outbox.unreported(CAMPAIGN, "sms", 10) == []
    entries = [one["state"] for one in await outbox.journal(notice)]
    assert entries == ["submitted", "accepted", "delivered", "read"]


async def test_a_ledger_that_is_not_there_keeps_nothing(office: Office, tmp_path: Path) -> None:
    """The provider is asked to come again."""
    absent = house_of(tmp_path / "absent", office)
    with pytest.raises(AwayError):
        await post(office, absent, said(office, "read", key=f"ntc_{'0' * 32}"))
    await absent.close()


# -- over HTTP ------------------------------------------------------------------------------------------------------

SECRET = b"shared with the provider, in tests only"
LIES = {
    1: (Lie.NONE, ("delivered", None), ("delivered", None)),
    2: (Lie.RECYCLED_NUMBER, ("planned", "NUMBER_RECYCLED"), ("planned", "NUMBER_RECYCLED")),
    3: (Lie.LATE_CALLBACK, ("accepted", None), ("delivered", None)),
    4: (Lie.LOST_RESPONSE, ("delivered", None), ("delivered", None)),
    5: (Lie.SUCCESS_TWICE, ("delivered", None), ("delivered", None)),
}
"""Pupil → what the provider does with the message, where the notice stands after its receipts, and after the late."""


async def over_http(port: int, at: datetime, posted: list[dict[str, Any]]) -> None:
    """Post receipts as the provider does, each alone and then all in one request."""
    async with httpx.AsyncClient() as client:
        for content in (*posted, posted):
            body = json.dumps(content).encode()
            timestamp = str(int(at.timestamp()))
            headers = {TIMESTAMP: timestamp, SIGNATURE: sign(SECRET, timestamp, body)}
            answer = await client.post(f"http://127.0.0.1:{port}{receipts.PATH}", content=body, headers=headers)
            assert answer.status_code == 200, answer.text


async def test_what_a_provider_posts_reaches_the_ledger(office: Office, house: ReceiptsHouse) -> None:
    """Sent by the channel, reported by the provider, signed, twice: also where its answer to the submit was lost."""
    ids = {number: await office.plan(LETTER, number) for number in LIES}
    numbers = {ids[number]: f"1390000000{number}" for number in LIES}
    lies = {numbers[ids[number]]: lie for number, (lie, *_) in LIES.items()}
    endpoint = receipts.route(SECRET, house, now=lambda: office.now)
    provider = SmsSimulator(SECRET, lambda to, _before: lies[to], now=lambda: office.now)
    async with provider, serving([endpoint], 0) as port:
        channel = SmsChannel(SmsGateway(provider.url, SECRET, "青山县教体局"))
        outcomes = []
        async with channel.session() as session:
            for one in await office.begin(await office.claim()):
                to = (numbers[one.notice_id],)
                message = Message(one.notice_id, to, "zh", "告知", "告知书", office.now, short="告知书已送达。")
                told = await session.send(message)
                outcomes.append(
                    Outcome(one.notice_id, one.number, told.outcome, office.now, told.code, told.provider_id)
                )
        await office.ledger.outbox.settle(outcomes, TRIES, channel.traits.unknown)
        assert {one.state for one in outcomes} == {NoticeState.ACCEPTED, NoticeState.UNKNOWN}
        for turn, late in enumerate((False, True), 1):
            provider.deliver(late=late)
            await over_http(port, office.now, provider.receipts)
            assert {number: await office.stands(ids[number]) for number in LIES} == {
                number: expected[turn] for number, expected in LIES.items()
            }
    assert len(provider.taken) == len(LIES)


# -- any order ------------------------------------------------------------------------------------------------------

news = st.tuples(st.sampled_from(("delivered", "read", "failed")), st.booleans(), st.integers(0, 9))


async def ended(
    office: Office,
    house: ReceiptsHouse,
    told: Sequence[tuple[str, bool, int]],
    code: str,
    arrange: Callable[[list[Any]], list[list[Any]]],
) -> tuple[Any, ...]:
    """Send a notice, let its receipts come as they are arranged, None being the submit's answer; return its end."""
    notice = await office.plan(LETTER, next(_ids))
    begun = await office.begin(await office.claim())
    coming: list[Any] = [None]
    for state, by_key, minutes in told:
        name = {"key": notice} if by_key else {"provider_id": f"p-{notice}"}
        one = said(office, state, code=code if state == "failed" else None, **name)
        coming.append({**one, "at": stamp(office.now - timedelta(minutes=minutes))})
    for together in arrange(coming):
        if None in together:
            await office.settle(begun, NoticeState.ACCEPTED)
        if batch := [one for one in together if one is not None]:
            await post(office, house, *batch)
    row = await office.row(notice)
    return tuple(row[name] for name in ("state", "code", "channel", "chain", "attempts"))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(told=st.lists(news, min_size=1, max_size=4), code=st.sampled_from((*FAILURES, "odd")), data=st.data())
async def test_receipts_in_any_order_and_number_come_to_the_same_end(
    office: Office, house: ReceiptsHouse, told: list[tuple[str, bool, int]], code: str, data: st.DataObject
) -> None:
    """Early, late, twice, together or one by one, by our key or the provider's: the row ends alike."""

    def shuffled(coming: list[Any]) -> list[list[Any]]:
        again = data.draw(st.lists(st.sampled_from(coming[1:]), max_size=3))
        order = data.draw(st.permutations([*coming, *again]))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=3)))
        return [order[first:last] for first, last in zip([0, *cuts], [*cuts, len(order)], strict=True)]

    plain = await ended(office, house, told, code, lambda coming: [[one] for one in coming])
    assert await ended(office, house, told, code, shuffled) == plain
    expected = max((state for state, *_ in told), key=("failed", "delivered", "read").index)
    assert plain[0] == ("planned" if expected == "failed" else expected)
