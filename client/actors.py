"""Who acts: a member of staff, or a stand-in under a delegation; and which stream a command is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from client.errors import NotFoundError
from domain.actors import Actor, Role
from domain.deciders import decider_of, kind_of
from domain.delegation import classes_of, require_delegation
from domain.events import Envelope
from domain.refusal import Refusal
from domain.school_state import SchoolState
from domain.stream import UnknownEventError, fold
from domain.time import SHANGHAI, civil, instant
from ledger.store import Ledger
from protocol import school_id
from registry.store import Registry


async def actor_for(registry: Registry, campaign: str, staff_ref: str) -> Actor:
    """Return who acts under a staff reference, as the campaign's staff list has it.

    Raises:
        NotFoundError: nobody has this reference.
    """
    member = await registry.staff_member(campaign, staff_ref)
    if member is None:
        raise NotFoundError(staff_ref)
    return Actor(id=member.staff_ref, role=Role(member.role), organisation=member.school or "bureau")


async def stand_in_for(
    registry: Registry,
    ledger: Ledger,
    campaign: str,
    actor: Actor,
    giver_ref: str,
    kind: str,
    fields: Mapping[str, Any],
) -> Actor:
    """Return who acts for somebody else: in the other's role, under the other's own school (S13).

    The delegation is read from the school's record, accepted and not over on the campaign's present civil day in the
    county; what the command is about counts.

    Args:
        registry: with the staff list.
        ledger: with the school's record.
        campaign: the campaign's id.
        actor: who stands in.
        giver_ref: reference of who is stood in for.
        kind: the command's kind.
        fields: what the command says.

    Raises:
        NotFoundError: nobody has this reference.
        Refusal: NOT_DELEGATED, DELEGATION_ENDED.
    """
    giver = await actor_for(registry, campaign, giver_ref)
    stream = school_id(campaign, giver.organisation)
    own: list[Envelope] = []
    if giver.organisation != "bureau":
        own = [envelope async for envelope in ledger.events(stream)]
    state: SchoolState | None = fold(decider_of(stream), own)
    if state is None:
        raise Refusal("NOT_DELEGATED", command=kind)
    today = _present_day([envelope async for envelope in ledger.events(campaign)], own)
    require_delegation(state, giver.id, actor.id, kind, today, classes_of(state, fields))
    return giver.model_copy(update={"id": actor.id, "on_behalf_of": giver.id})


def _present_day(campaign: Sequence[Envelope], school: Sequence[Envelope]) -> date:
    """Return a campaign's civil day in the county: today, or where its clock is stepped the day of its last event."""
    stepped = any(event["data"].get("clock") == "stepped" for event in campaign[:1])
    if not stepped:
        return civil(datetime.now(SHANGHAI))
    return civil(max(instant(events[-1]["recorded_at"]) for events in (campaign, school)))


def stream_of(campaign: str, school: str | None = None, stage: str | None = None) -> str:
    """Return the id of a campaign, of a school, or of a stage.

    Raises:
        NotFoundError: it names no stream of ours.
    """
    stream = "/".join(part for part in (campaign, school, stage) if part)
    try:
        kind_of(stream)
    except UnknownEventError:
        raise NotFoundError(stream) from None
    return stream
