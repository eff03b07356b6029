"""The endpoint for providers of text messages: `POST /v1/sms`, signed, safe to repeat, silent about what was said.

The body is JSON: `message_id`, `text`, `received_at` (RFC 3339: when the family's message came to the provider), and
`from_digest` (`gateway.sms.number_digest`; a telephone number itself is refused). `domain.signing` says how the request
is signed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.routing import Route

from domain.family_act import FamilyAct, Party
from domain.instants import Instant
from domain.refusal import Refusal
from domain.sentences import refusal_sentence
from gateway import sms
from gateway.codes import RIGHTS, TRIES, Gateway, Said
from gateway.signed import FRESH, UnreadableError, signed_route
from gateway.store import Answered, Binding

PATH: Final = "/v1/sms"
MOST_BYTES: Final = 4096
"""Of a body: a text message has at most a few hundred characters."""

KEPT: Final = timedelta(days=30)
"""No provider repeats a message after so long."""

LATE: Final = timedelta(hours=1)
"""What reached the provider so long ago is taken for a no only, which withdraws what was signed: nobody dates a
signature back by a message."""

GUESSING: Final = timedelta(days=1)
"""A telephone that sent five wrong codes within so long is heard no more."""

MOST_PUPILS: Final = 3
"""One telephone may speak for so many pupils without a code (DOMAIN §9, case 8)."""


@dataclass(frozen=True)
class _Told:
    """What became of a message, and what is said to the family.

    Attributes:
        outcome: what the message came to, as the store counts it.
        reply: the words.
        code: what the provider is told; the same as the outcome where None.
    """

    outcome: str
    reply: str
    code: str | None = None

    @property
    def answer(self) -> dict[str, Any]:
        code = self.code or self.outcome
        return {"accepted": code in ACCEPTED, "code": code, "reply": self.reply}


@dataclass(frozen=True)
class Family:
    """A pupil whose guardian has a telephone."""

    campaign: str
    school: str
    student: str
    person: str


@dataclass(frozen=True)
class Delivered:
    """What became of a signed act.

    Attributes:
        refused: what the rules refuse, None where they took it.
        events: types of the events that it led to.
    """

    refused: Refusal | None = None
    events: tuple[str, ...] = ()


class House(Protocol):
    """What the endpoint asks of the rest of the house; every call may raise `AwayError`."""

    async def require_own_key(self, campaign: str) -> None:
        """Refuse to act for a campaign of another key."""
        ...

    async def numbers(self, student: str, person: str) -> Collection[str]:
        """Return the digests of the guardians' telephone numbers, none where none is known.

        Args:
            student: reference of the pupil.
            person: whose code came in; a caregiver's own number belongs to the own code alone.
        """
        ...

    async def families(self, number: str) -> list[Family]:
        """Return whose guardians have a telephone, in the campaigns that run."""
        ...

    async def deliver(self, signed: FamilyAct, command_id: str) -> Delivered:
        """Hand a signed act on; return what it led to."""
        ...

    async def put_on_record(self, binding: Binding, refusal: Refusal, command_id: str) -> None:
        """Leave the trace of an attempt."""
        ...

    async def report_withdrawal(self, family: Family, command_id: str) -> Refusal | None:
        """Report that a family withdraws, which suspends its case until it says so itself."""
        ...

    async def set_optional(self, family: Family, command_id: str, *, wanted: bool) -> Refusal | None:
        """Stop the optional notices to one person about one pupil, or let them come again."""
        ...


class Inbound(BaseModel):
    """One text message as the provider hands it on; a field that is not named here is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$")]
    text: Annotated[str, Field(max_length=500, repr=False)]
    received_at: Instant
    from_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


REPLIES: Final[dict[str, str]] = {
    "DONE": "已受理。如非您本人办理，请拨打 12345。",
    "WITHDRAWN": "已受理您的撤回，不影响孩子任何权利。",
    "OBJECTED": "已记录您的异议，尚未撤回另一监护人的签字。该生办理已暂停，县教育局将与您联系。",
    "OBJECTION_NOTED": "已记录您的异议。目前没有可撤回的同意；另一监护人如签字，办理将暂停。",
    "REPORTED": "已记录您的撤回，办理已暂停。县教育局将回访，也可凭答复码确认。",
    "DECLINED": "已停收可选通知，您的升学答复不变。必须告知和安全类通知仍会发送。恢复请回复：恢复接收。",
    "ALLOWED": "已恢复接收可选通知，您的升学答复不变。停收请回复：停收。",
    "NUMBER_UNKNOWN": "未办理：未能按这个号码确定学生。请回复：答复码 停收，或答复码 恢复接收；也可以告诉班主任。",
    "NOT_CHANGED": "未办理。请告诉班主任或县教育局，由工作人员办理停收或恢复接收可选通知。",
    "CODE_NEEDED": "请回复：答复码 TD，如 7K2M-Q4XD TD。没有答复码请拨打县教育局电话。",
    "TEXT_UNCLEAR": "未能识别，未办理。请回复：答复码 空格 已阅/普高/中职/未定/不同意/撤回，"
    "同意请再写学校代码，如 7K2M-Q4XD 已阅。",
}
"""What is said to the family; a refusal of the rules has its own sentence."""


ACCEPTED: Final = ("DONE", "WITHDRAWN", "OBJECTED", "OBJECTION_NOTED", "REPORTED", "DECLINED", "ALLOWED")


class SmsDesk:
    """Answers text messages, each once."""

    def __init__(self, gateway: Gateway, house: House, *, now: Callable[[], datetime]) -> None:
        self._gateway = gateway
        self._house = house
        self._now = now
        self._running: dict[str, asyncio.Task[dict[str, Any]]] = {}

    async def answer(self, message: Inbound) -> dict[str, Any]:
        """Return the answer to a message: `accepted`, `code` and `reply`; the same message again changes nothing.

        Raises:
            AwayError: nothing was decided; the same message later begins anew.
        """
        running = self._running.get(message.message_id)
        if running is None:
            running = asyncio.create_task(self._once(message))
            self._running[message.message_id] = running
            running.add_done_callback(lambda _: self._running.pop(message.message_id, None))
        return await asyncio.shield(running)  # a provider that hangs up leaves nothing half done

    async def _once(self, message: Inbound) -> dict[str, Any]:
        now, named = self._now(), self._gateway.message(message.message_id)
        device = "" if message.from_digest is None else self._gateway.device(message.from_digest)
        async with self._gateway.messages() as work:
            before = await work.answered(named)
            if before is not None:
                return _loaded(before.answer)
            guessed = await work.guesses(device, now - GUESSING) if device else 0
        told = await self._decided(message, f"sms/{named}", device, guessed, now - LATE)
        async with self._gateway.messages() as work:
            await work.place()
            before = await work.answered(named)
            if before is not None:  # another process was quicker
                return _loaded(before.answer)
            text = json.dumps(told.answer, ensure_ascii=False)
            await work.keep_answer(Answered(named, device, told.outcome, now, text))
            await work.forget_answers(now - KEPT)
        return told.answer

    async def _decided(self, message: Inbound, named: str, device: str, guessed: int, since: datetime) -> _Told:
        """Do what a message asks that was not answered yet; `named` is the command's id."""
        meant = sms.read(message.text)
        if meant is None:
            return _plain("TEXT_UNCLEAR")
        if isinstance(meant, sms.Wish):
            return await self._wished(meant, message, named, guessed, since)
        if not meant.codes:
            return await self._reported(None, message, named, _plain("CODE_NEEDED"))
        code, binding = await self._known(meant.codes)
        try:
            await self._require_allowed(binding, message, guessed)
            said = Said(meant.act, meant.intent, meant.destination, channel="sms", device=device or None)
            signed = await self._gateway.act(code, said, at=message.received_at, request=named, since=since)
        except Refusal as refusal:
            told = _refused(refusal)
            if refusal.code == "GATEWAY_UNKNOWN":
                return told
            if binding is not None:
                await self._house.put_on_record(binding, refusal, f"{named}/code")
            a_no = meant.act == "withdraw" or (meant.act in RIGHTS and binding is not None)
            return await self._reported(binding, message, named, told) if a_no else told
        delivered = await self._house.deliver(signed, named)
        if delivered.refused is not None:
            return _refused(delivered.refused)
        return _plain(_done(delivered.events))

    async def _wished(self, wish: sms.Wish, message: Inbound, named: str, guessed: int, since: datetime) -> _Told:
        """Stop optional notices or let them come again (G8), for whom the code stands, or else the telephone.

        That is no answer about the choice, and no code is too old for it. A late message can only stop them: nobody is
        written to again because of one that was on its way while its sender wrote another.
        """
        if wish.wanted and message.received_at < since:
            return _refused(Refusal("MESSAGE_TOO_OLD"))
        if wish.codes:
            _, binding = await self._known(wish.codes)
            try:
                await self._require_allowed(binding, message, guessed)
            except Refusal as refusal:
                if binding is not None and refusal.code != "GATEWAY_UNKNOWN":
                    await self._house.put_on_record(binding, refusal, f"{named}/code")
                return _refused(refusal)
            if binding is None:
                return _refused(Refusal("CODE_WRONG"))
            families = [_family(binding)]
        else:
            families = await self._telephones(message)
            if not 0 < len({family.student for family in families}) <= MOST_PUPILS:
                return _plain("NUMBER_UNKNOWN")
        refused = [
            await self._house.set_optional(one, f"{named}/{one.student}/{one.person}", wanted=wish.wanted)
            for one in families
        ]
        if None not in refused:
            return _plain("NOT_CHANGED")  # as in a campaign of an earlier release; its sentence is not for families
        return _plain("ALLOWED" if wish.wanted else "DECLINED")

    async def _known(self, codes: Sequence[str]) -> tuple[str, Binding | None]:
        """Return the first code that somebody has, with what it is bound to; else the first."""
        for code in codes:
            if (binding := await self._gateway.concerned(code)) is not None:
                return code, binding
        return codes[0], None

    async def _require_allowed(self, binding: Binding | None, message: Inbound, guessed: int) -> None:
        """Refuse a telephone that guesses, a campaign of another key, and a guardian's code from a strange telephone.

        Raises:
            Refusal: CODE_LOCKED, GATEWAY_UNKNOWN, CODE_FOREIGN.
        """
        if guessed >= TRIES:
            raise Refusal("CODE_LOCKED")
        if binding is not None:
            await self._house.require_own_key(binding.campaign)
            await self._require_own_number(binding, message)

    async def _require_own_number(self, binding: Binding, message: Inbound) -> None:
        """Refuse a guardian's code from a telephone that is none of the family's (edge case 9, G9).

        A pupil's own telephone is in no register, so a pupil's code says who acts; the device is kept all the same.

        Raises:
            Refusal: CODE_FOREIGN.
        """
        if message.from_digest is None or binding.party is Party.PUPIL:
            return
        known = await self._house.numbers(binding.student, binding.person)
        if known and message.from_digest not in known:
            raise Refusal("CODE_FOREIGN")

    async def _reported(self, binding: Binding | None, message: Inbound, named: str, otherwise: _Told) -> _Told:
        """Take a withdrawal or a no that no code proves for a report, which suspends the case until the family speaks.

        Whoever has a code is believed to speak of its pupil; without one, the telephone speaks for its families
        (design, section 9). Where the rules take no report, the answer is the other one.
        """
        families = [_family(binding)] if binding is not None else await self._telephones(message)
        if not 0 < len({family.student for family in families}) <= MOST_PUPILS:
            return otherwise
        refused = [
            await self._house.report_withdrawal(family, f"{named}/report-{number}")
            for number, family in enumerate(families)
        ]
        return _Told(otherwise.outcome, REPLIES["REPORTED"], "REPORTED") if None in refused else otherwise

    async def _telephones(self, message: Inbound) -> list[Family]:
        return [] if message.from_digest is None else await self._house.families(message.from_digest)


def route(secret: bytes, desk: SmsDesk, *, now: Callable[[], datetime]) -> Route:
    """Return the endpoint.

    Args:
        secret: what the provider signs with.
        desk: who answers.
        now: the clock.
    """

    def read(body: bytes) -> Inbound:
        try:
            message = Inbound.model_validate_json(body)
        except ValidationError:
            raise UnreadableError("BODY_INVALID") from None
        if message.received_at > now() + FRESH:
            raise UnreadableError("RECEIVED_IN_FUTURE")
        return message

    return signed_route(PATH, secret, MOST_BYTES, read, desk.answer, now=now)


def _plain(code: str) -> _Told:
    return _Told(code, REPLIES[code])


def _refused(refusal: Refusal) -> _Told:
    return _Told(refusal.code, refusal_sentence(refusal, "zh"))


def _done(events: Collection[str]) -> str:
    """Return what to tell a family whose act was taken: by what stands in the record, not by what it asked for."""
    if "ConsentWithdrawn" in events:
        return "WITHDRAWN"
    if "ConsentObjected" in events:  # another guardian's signature is not this guardian's to withdraw (edge case 2)
        return "OBJECTED" if "ConsentSuspended" in events else "OBJECTION_NOTED"
    return "DONE"


def _family(binding: Binding) -> Family:
    return Family(binding.campaign, binding.school, binding.student, binding.person)


def _loaded(answer: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(answer)
    return loaded
