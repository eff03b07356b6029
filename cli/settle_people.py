"""Who asks about a settlement, and how much of it that person sees on which day (DESIGN §10)."""

from __future__ import annotations

from datetime import date, datetime

from cli.failures import not_found
from cli.rooms import Rooms
from client import NotFoundError, actor_for
from domain.actors import Actor
from domain.campaign_state import CampaignState
from domain.deciders import decider_of
from domain.disclosure import WATCHERS, Sight, seers, sight
from domain.policy_change import counting_cutoff
from domain.refusal import Refusal
from domain.stream import fold
from domain.time import SHANGHAI, civil


async def seen_by(rooms: Rooms, campaign: str, staff_ref: str) -> tuple[Actor, Sight]:
    """Return the person of a staff reference, and what that person's role sees today.

    A rehearsed year may be ahead of the calendar on the wall: the later of both is today.

    Raises:
        Failure: STAFF_UNKNOWN (4).
    """
    actor, days = await _asking(rooms, campaign, staff_ref)
    return actor, Sight.NOTHING if days is None else sight(actor.role, *days)


async def require_seer(rooms: Rooms, campaign: str, staff_ref: str, command: str) -> Actor:
    """Return the person of a staff reference, who sees the figures of classes today; the refusal names who does.

    Raises:
        Failure: STAFF_UNKNOWN (4).
        Refusal: ROLE_NOT_ALLOWED.
    """
    actor, days = await _asking(rooms, campaign, staff_ref)
    allowed = WATCHERS if days is None else seers(*days)
    if days is None or actor.role not in allowed:
        roles = [role.value for role in allowed]
        raise Refusal("ROLE_NOT_ALLOWED", role=actor.role.value, command=command, allowed=roles)
    return actor


async def _asking(rooms: Rooms, campaign: str, staff_ref: str) -> tuple[Actor, tuple[date, date] | None]:
    """Return who asks, and today and the counting cut-off; None where nothing is drafted yet, so nothing to see."""
    try:
        actor = await actor_for(await rooms.registry(), campaign, staff_ref)
    except NotFoundError:
        raise not_found("stf_") from None
    ledger = await rooms.ledger()
    events = [envelope async for envelope in ledger.events(campaign)]
    state = fold(decider_of(campaign), events)
    if not isinstance(state, CampaignState):
        return actor, None
    recorded_on = civil(datetime.fromisoformat(events[-1]["recorded_at"]))
    return actor, (max(_today(), recorded_on), counting_cutoff(state))


def _today() -> date:
    return civil(datetime.now(SHANGHAI))
