"""What `targets` shows, and to whom: papers in force, what a revision moves; all read, nothing written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from cli.failures import not_found
from cli.rooms import Rooms
from client import NotFoundError, actor_for
from domain.actors import Actor, Role
from domain.disclosure import Sight, seers, sight
from domain.events import Envelope
from domain.policy import PROFILES, PolicyProfile
from domain.refusal import Refusal
from domain.settlement import ClassCount
from domain.target_preview import TargetPreview, preview
from domain.targets_events import TARGET_EVENTS, Wave
from domain.targets_held import quotas_in_force, targets_from, targets_in_force, to_assign
from domain.time import SHANGHAI, civil
from ledger.store import Ledger
from registry.targets_file import TargetTable

BUREAU: Final = (Role.BUREAU_OFFICER, Role.BUREAU_APPROVER)
FILING: Final = "application-filing"


async def own_events(ledger: Ledger, campaign: str) -> list[Envelope]:
    """Return the campaign's own events."""
    return [envelope async for envelope in ledger.events(campaign)]


def today_of(envelopes: Sequence[Envelope]) -> date:
    """Return a campaign's present day: the clock's, or that of its last event where it is rehearsed."""
    if envelopes[0]["data"]["clock"] == "stepped":
        return civil(datetime.fromisoformat(envelopes[-1]["recorded_at"]))
    return civil(datetime.now(SHANGHAI))


def policy_of(envelopes: Sequence[Envelope]) -> PolicyProfile:
    """Return the policy in force: that of the draft, or the one adopted last."""
    adopted = [one["data"]["profile"] for one in envelopes if one["type"] == "PolicyAdopted"]
    return PolicyProfile.model_validate(adopted[-1] if adopted else envelopes[0]["data"]["policy"])


async def require_reader(
    rooms: Rooms, campaign: str, by: str, envelopes: Sequence[Envelope], also: Sequence[Role] = ()
) -> Actor:
    """Return who asks; refuse whoever may not see figures of this kind (DESIGN §10).

    Args:
        rooms: where the staff list is.
        campaign: the campaign.
        by: reference of who asks.
        envelopes: the campaign's own events.
        also: roles that may look at some of it before the counting cut-off, beside those who may look at all of it.

    Raises:
        Failure: STAFF_UNKNOWN (4).
        Refusal: FIGURES_RESERVED.
    """
    try:
        actor = await actor_for(await rooms.registry(), campaign, by)
    except NotFoundError:
        raise not_found("stf_") from None
    cutoff = _cutoff(envelopes)
    if actor.role not in also and sight(actor.role, today_of(envelopes), cutoff) is not Sight.ALL:
        allowed = dict.fromkeys((*seers(today_of(envelopes), cutoff), *also))
        raise Refusal("FIGURES_RESERVED", allowed=[role.value for role in allowed], cutoff=cutoff.isoformat())
    return actor


def sees_classes(role: Role, envelopes: Sequence[Envelope]) -> bool:
    """Tell whether a role sees trial figures of classes today (DESIGN §10)."""
    return sight(role, today_of(envelopes), _cutoff(envelopes)) is Sight.ALL


def known_by(envelopes: Sequence[Envelope], moment: datetime | None) -> list[Envelope]:
    """Return what was on record by a moment; None is everything."""
    return [one for one in envelopes if moment is None or datetime.fromisoformat(one["recorded_at"]) <= moment]


def _cutoff(envelopes: Sequence[Envelope]) -> date:
    return date.fromisoformat(f"{envelopes[0]['data']['year']}-{policy_of(envelopes).parameters.counting_cutoff}")


# -- what holds ---------------------------------------------------------------------------------------------------


def shown(campaign: str, envelopes: Sequence[Envelope], on: date | None, known_at: datetime | None) -> dict[str, Any]:
    """Return the papers, and the schools' numbers and classes on a day, as far as they were known at an instant."""
    known = known_by(envelopes, known_at)
    state, day = targets_from(known), on or today_of(envelopes)
    waves = {wave.value: targets_in_force(state, day, wave=wave) for wave in Wave}
    quotas = quotas_in_force(state, day)
    return {
        "campaign": campaign,
        "on": day.isoformat(),
        "known_at": known_at and known_at.isoformat(),
        "total": sum(targets_in_force(state, day).values()),
        "papers": [
            paper.model_dump(mode="json", exclude={"issued_by", "approved_at"})
            | {"recorded_at": _recorded(known, paper.document)}
            for paper in state.papers
        ],
        "schools": [
            {
                "school": school,
                "target": heads,
                **{wave: numbers.get(school, 0) for wave, numbers in waves.items()},
                "classes": quotas[school],
                "acknowledged": _answers(state.acknowledged, school),
                "objected": _answers(state.objected, school),
            }
            for school, heads in targets_in_force(state, day).items()
        ],
        "to_assign": to_assign(state),
    }


def _recorded(envelopes: Sequence[Envelope], document: str) -> str:
    """Return when a paper came onto the record; a draft's came with the draft."""
    names = tuple(kind.__name__ for kind in TARGET_EVENTS[:2])
    own = (one for one in envelopes if one["type"] in names and one["data"]["document"] == document)
    return str(next(own, envelopes[0])["recorded_at"])


def _answers(answers: Mapping[str, Sequence[str]], school: str) -> list[str]:
    return [document for document, schools in answers.items() if school in schools]


# -- what a revision moves ------------------------------------------------------------------------------------------


async def moves(
    ledger: Ledger, campaign: str, envelopes: Sequence[Envelope], table: TargetTable, wave: Wave
) -> TargetPreview:
    """Return what a table would move, over the targets that hold now, in yuan of the historical rules."""
    from audit.counts import class_counts  # noqa: PLC0415 - folds whole stages: not every command needs it

    state, day = targets_from(envelopes), date.max
    quotas = quotas_in_force(state, day, wave=wave)
    counts = {(count.school, count.class_id): count for count in await class_counts(ledger, campaign)}
    for school, classes in {**quotas, **table.classes}.items():
        for class_id in classes:
            counts.setdefault((school, class_id), ClassCount(school=school, class_id=class_id, quota=0, countable=0))
    held = [
        count.model_copy(update={"quota": quotas.get(school, {}).get(class_id, 0)})
        for (school, class_id), count in counts.items()
    ]
    return preview(held, targets_in_force(state, day, wave=wave), table.schools, table.classes, PROFILES["legacy"])


def preview_given_before(envelopes: Sequence[Envelope], command_id: str | None) -> str | None:
    """Return the digest that a command carried when it was given before: the same command is the same again."""
    given = (one for one in envelopes if command_id is not None and one["command_id"] == command_id)
    return next((str(one["data"]["preview"]) for one in given if one["type"] == "TargetRevised"), None)
