"""Who asks about a settlement, and how much of it that person sees on which day (DESIGN §10)."""

from __future__ import annotations

from datetime import date, datetime

from cli.failures import not_found
from cli.rooms import Rooms
from client import NotFoundError, actor_for
from domain.actors import Actor
from domain.campaign_state import CampaignState
from domain.deciders import decider_of
from domain.disclosure import Sight, sight
from domain.policy_change import counting_cutoff
from domain.stream import fold
from domain.time import SHANGHAI, civil


async def seen_by(rooms: Rooms, campaign: str, staff_ref: str) -> tuple[Actor, Sight]:
    """Return the person of a staff reference, and what that person's role sees today.

    A rehearsed year may be ahead of the calendar on the wall: the later of both is today.

    Raises:
        Failure: STAFF_UNKNOWN (4).
    """
    try:
        actor = await actor_for(await rooms.registry(), campaign, staff_ref)
    except NotFoundError:
        raise not_found("stf_") from None
    ledger = await rooms.ledger()
    events = [envelope async for envelope in ledger.events(campaign)]
    state = fold(decider_of(campaign), events)
    if not isinstance(state, CampaignState):  # nothing is drafted yet, so there is nothing to see
        return actor, Sight.NOTHING
    recorded_on = civil(datetime.fromisoformat(events[-1]["recorded_at"]))
    return actor, sight(actor.role, max(_today(), recorded_on), counting_cutoff(state))


def _today() -> date:
    return civil(datetime.now(SHANGHAI))
