"""Notices on several channels in a real ledger, sent by hand: plan, route, claim, begin, settle, and what happens."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from notices_house import CAMPAIGN, NOW, SCHOOL, TRIES, sealed, student

from domain.events import GENESIS, Envelope, Event
from domain.notices import NoticePlan, NoticeState
from domain.policy_parameters import PolicyParameters
from domain.sending import SendingRules, rules_of
from ledger.handover import Claimed, Outcome, Receipt, Routing
from ledger.store import Ledger

CHAIN = ("sms", "email", "paper")
STATUTORY = ("choice_notice", "document_superseded", "consent_confirmed", "persuasion_overdue")


class Asked(Event):
    """Any fact that asks for a notice."""

    about: str


def guardian(number: int) -> str:
    """Return the reference of a pupil's first guardian."""
    return f"gdn_{number:06d}"


@dataclass
class Office:
    """Where notices are planned and sent; every household has a telephone, a mailbox and a school that prints.

    Attributes:
        now: the clock; it stands still unless it is moved.
        rules: as the policy has them, without the household's budget of one.
    """

    ledger: Ledger
    now: datetime = NOW + timedelta(hours=2)
    rules: SendingRules = field(default_factory=lambda: rules_of(PolicyParameters(household_daily=100)))
    chain: tuple[str, ...] = CHAIN
    _heads: dict[str, Envelope] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: count(1))

    async def happen(self, event: Event, stream: str = CAMPAIGN, notices: Sequence[NoticePlan] = ()) -> Envelope:
        """Append an event to a stream."""
        head = self._heads.get(stream)
        start, before = (1, GENESIS) if head is None else (head["version"] + 1, head["hash"])
        (envelope,) = sealed(stream, [event], start, before)
        await self.ledger.append([envelope], notices, {"kind": "x"})
        self._heads[stream] = envelope
        return envelope

    async def plan(self, purpose: str, number: int = 1, school: str = SCHOOL, *, route: bool = True) -> str:
        """Plan a notice to a household, and look its ways up."""
        stream = f"{CAMPAIGN}/{school}/parent-meetings"
        head = self._heads.get(stream)
        version = 1 if head is None else head["version"] + 1
        notice_id = f"ntc_{hashlib.sha256(f'{stream}#{version}'.encode()).hexdigest()[:32]}"
        plan = NoticePlan(
            notice_id=notice_id,
            campaign=CAMPAIGN,
            stream=stream,
            cause=f"{stream}#{version}",
            purpose=purpose,
            recipient=student(number),
            optional=purpose not in STATUTORY,
            planned_at="2025-03-03T08:00:00.000000+08:00",
        )
        await self.happen(Asked(about=student(number)), stream, [plan])
        if route:
            await self.route()
        return notice_id

    async def route(self) -> None:
        """Look up the ways of all that is new."""
        routings = [
            Routing(
                notice_id=one.notice_id,
                person=guardian(int(one.recipient.removeprefix("stu_"))),
                chain=self.chain,
                contacts=(hashlib.sha256(one.recipient.encode()).hexdigest()[:16],),
                not_after=None,
            )
            for one in await self.ledger.outbox.unrouted(CAMPAIGN, 500)
        ]
        await self.ledger.outbox.route(routings)

    async def claim(self, channel: str = "sms") -> list[Claimed]:
        """Claim what is due on a channel."""
        return await self.ledger.outbox.claim(CAMPAIGN, channel, 100, self.now, self.rules, None, TRIES)

    async def begin(self, claimed: Sequence[Claimed]) -> list[Claimed]:
        """Begin what may go."""
        return await self.ledger.outbox.begin(claimed, self.now)

    async def settle(self, begun: Sequence[Claimed], state: NoticeState, code: str | None = None) -> None:
        """Say what became of some attempts."""
        outcomes = [Outcome(one.notice_id, one.number, state, self.now, code, f"p-{one.notice_id}") for one in begun]
        await self.ledger.outbox.settle(outcomes, TRIES)

    async def send(self, channel: str = "sms") -> list[str]:
        """Send what goes on a channel; return the notices that the provider took, in the order of their ids."""
        claimed = await self.claim(channel)
        begun = await self.begin(claimed)
        names = [one.notice_id for one in begun]
        assert names == [one.notice_id for one in claimed], "a claim gives what may go"
        await self.settle(begun, NoticeState.ACCEPTED)
        return sorted(names)

    async def receipt(
        self, receipt_id: str, state: NoticeState, notice_id: str | None, code: str | None = None, **more: Any
    ) -> int:
        """Take one receipt of the text messages' provider."""
        given = Receipt(f"sms/{receipt_id}", "sms", notice_id, more.get("provider_id"), state, code, self.now)
        return await self.ledger.outbox.take_receipts([given], self.now)

    async def row(self, notice_id: str) -> dict[str, Any]:
        """Return a notice's row."""
        row = await self.ledger.outbox.notice(notice_id)
        assert row is not None
        return row

    async def stands(self, notice_id: str) -> tuple[str, str | None]:
        """Return where a notice stands, and why."""
        row = await self.row(notice_id)
        return row["state"], row["code"]
