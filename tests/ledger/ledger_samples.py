"""Sealed chains of events as a stream's machine makes them, with their notices and the board's line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from domain.actors import SYSTEM
from domain.campaign import CampaignPaused, CampaignResumed, CampaignStopped
from domain.events import GENESIS, Envelope, Event, seal
from domain.notices import NoticePlan, notices_for
from domain.parent_meetings_events import HouseholdInvited
from domain.policy import PolicyRef
from domain.time import instant
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


async def read(ledger: Ledger, stream: str = STREAM, after: int = 0) -> list[Envelope]:
    """Return a stream's events as the ledger has them."""
    return [envelope async for envelope in ledger.events(stream, after)]


async def outbox_causes(ledger: Ledger, campaign: str = CAMPAIGN) -> list[str]:
    """Return the causes of the planned notices, sorted."""
    return sorted(row["cause"] for row in await ledger.notices(campaign))


def planned_causes(envelopes: Sequence[Envelope]) -> list[str]:
    """Return the causes of the notices that the events ask for, sorted."""
    return sorted(notice.cause for notice in notices(envelopes))
