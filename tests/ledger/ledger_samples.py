"""Sealed chains of events as a stream's machine makes them, with their notices and the board's line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from domain.actors import SYSTEM
from domain.campaign import CampaignPaused, CampaignResumed, CampaignStopped
from domain.events import GENESIS, Envelope, Event, seal
from domain.notices import EMAIL, NoticePlan, notices_for
from domain.parent_meetings_events import HouseholdInvited
from domain.policy import PolicyRef
from domain.sending import SendingRules
from domain.time import instant
from ledger.handover import Claimed, Routing, Tries
from ledger.store import Ledger

CAMPAIGN = "campaign/yunling/2025"
SCHOOL = "5301020001"
OTHER_SCHOOL = "5301020002"
STREAM = f"{CAMPAIGN}/{SCHOOL}/parent-meetings"

BEGIN = instant("2025-03-03T08:00:00.125+08:00")
POLICY = PolicyRef(id="compliant", version=1, parameter_hash="ab" * 32)


class Recorded(Event):
    """Any fact that asks for no notice."""

    student: str
    text: str = ""


def seal_all(stream: str, events: Iterable[Event], start: int = 1, prev_hash: str = GENESIS) -> list[Envelope]:
    """Seal events into a chain that begins at a version."""
    sealed: list[Envelope] = []
    for version, event in enumerate(events, start):
        moment = BEGIN + timedelta(minutes=version)
        sealed.append(
            seal(
                event,
                stream=stream,
                version=version,
                prev_hash=sealed[-1]["hash"] if sealed else prev_hash,
                occurred_at=moment - timedelta(hours=1),
                recorded_at=moment,
                actor=SYSTEM,
                command_id=f"cmd-{version}",
                causation=None,
                policy=POLICY,
            )
        )
    return sealed


def chain(count: int, stream: str = STREAM, *, mark: str = "") -> list[Envelope]:
    """Return a stream's first events; every third asks for a notice. Another mark, another history."""
    return seal_all(
        stream,
        (
            HouseholdInvited(session=f"session-1{mark}", student=f"stu_{number:06d}")
            if number % 3 == 0
            else Recorded(student=f"stu_{number:06d}", text=mark)
            for number in range(1, count + 1)
        ),
    )


def paused(school: str | None = None) -> CampaignPaused:
    """Return the pause of the campaign or of a school."""
    return CampaignPaused(school=school, reason="FLOOD")


def resumed(school: str | None = None) -> CampaignResumed:
    """Return the end of a pause."""
    return CampaignResumed(school=school, reason="FLOOD_OVER")


def stopped() -> CampaignStopped:
    """Return the campaign's stop."""
    return CampaignStopped(reason="ORDERED")


def notices(envelopes: Sequence[Envelope]) -> list[NoticePlan]:
    """Return what the append activity would plan."""
    return [notice for envelope in envelopes for notice in notices_for(envelope)]


def view(envelopes: Sequence[Envelope]) -> dict[str, Any]:
    """Return a line of the board that names the event it was made after."""
    return {"kind": "parent-meetings", "after": envelopes[-1]["version"] if envelopes else 0}


def sqlite_url(path: Path) -> str:
    """Return the URL of a database file."""
    return f"sqlite+aiosqlite:///{path}"


async def put(ledger: Ledger, envelopes: Sequence[Envelope]) -> int:
    """Append events as the activity does."""
    return await ledger.append(envelopes, notices(envelopes), view(envelopes))


RULES = SendingRules(
    quiet_from=time(0),
    quiet_until=time(0),
    on_school_days=False,
    embargo=(),
    household_daily=1_000,
    digest_at=time(0),
    digest_purposes=(),
    channel_order=(EMAIL,),
    staff_channel_order=(EMAIL,),
    phone_task_days=3,
)
"""Rules that hold nothing: for what is not about the rules."""


async def route(
    ledger: Ledger,
    *chain: str,
    campaign: str = CAMPAIGN,
    contacts: tuple[str, ...] = (),
    not_after: datetime | None = None,
    person: str | None = None,
) -> None:
    """Route all that is not routed yet by one chain, mail where none is given."""
    rows = await ledger.outbox.unrouted(campaign, 10_000)
    await ledger.outbox.route(
        [Routing(row.notice_id, row.person or person, chain or (EMAIL,), contacts, not_after) for row in rows]
    )


async def send_next(
    ledger: Ledger,
    now: datetime,
    limit: int = 100,
    tries: Tries | None = None,
    *,
    campaign: str = CAMPAIGN,
    rules: SendingRules = RULES,
) -> list[Claimed]:
    """Route what is not routed, claim what mail is due, and begin it, as a dispatcher does before it sends."""
    await route(ledger, campaign=campaign)
    claimed = await ledger.outbox.claim(campaign, EMAIL, limit, now, rules, None, tries)
    return await ledger.outbox.begin(claimed, now, tries)


async def read(ledger: Ledger, stream: str = STREAM, after: int = 0) -> list[Envelope]:
    """Return a stream's events as the ledger has them."""
    return [envelope async for envelope in ledger.events(stream, after)]


async def outbox_causes(ledger: Ledger, campaign: str = CAMPAIGN) -> list[str]:
    """Return the causes of the planned notices, sorted."""
    return sorted(row["cause"] for row in await ledger.notices(campaign))


def planned_causes(envelopes: Sequence[Envelope]) -> list[str]:
    """Return the causes of the notices that the events ask for, sorted."""
    return sorted(notice.cause for notice in notices(envelopes))
