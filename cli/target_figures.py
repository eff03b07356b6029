"""What `targets` shows: papers in force, what a revision moves, flags of pressure; all read, nothing written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from cli.failures import not_found
from cli.rooms import Rooms
from client import NotFoundError, actor_for
from domain.actors import Role
from domain.events import Envelope
from domain.policy import PROFILES, PolicyProfile
from domain.pressure import PressureFigures, PressureFlag, pressure_flags
from domain.refusal import Refusal
from domain.settlement import ClassCount
from domain.target_preview import TargetPreview, preview
from domain.targets import quotas_in_force, targets_from, targets_in_force, to_assign
from domain.targets_events import TARGET_EVENTS, Targets, Wave
from domain.time import SHANGHAI, civil
from ledger.store import Ledger
from protocol import school_id, stage_id
from registry.targets_file import TargetTable

FAIRNESS: Final = (Role.AUDITOR, Role.DISCIPLINE_OFFICER)
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
    rooms: Rooms, campaign: str, by: str, envelopes: Sequence[Envelope], before: Sequence[Role]
) -> None:
    """Refuse whoever may not see figures by class (DESIGN §10).

    Args:
        rooms: where the staff list is.
        campaign: the campaign.
        by: reference of who asks.
        envelopes: the campaign's own events.
        before: roles that may look before the counting cut-off; from then on the bureau may too, a school never.

    Raises:
        Failure: STAFF_UNKNOWN (4).
        Refusal: FIGURES_RESERVED.
    """
    try:
        actor = await actor_for(await rooms.registry(), campaign, by)
    except NotFoundError:
        raise not_found("stf_") from None
    year = envelopes[0]["data"]["year"]
    cutoff = date.fromisoformat(f"{year}-{policy_of(envelopes).parameters.counting_cutoff}")
    allowed = (*FAIRNESS, *BUREAU) if today_of(envelopes) > cutoff else tuple(before)
    if actor.role not in allowed:
        raise Refusal("FIGURES_RESERVED", allowed=[role.value for role in allowed], cutoff=cutoff.isoformat())


# -- what holds ---------------------------------------------------------------------------------------------------


def shown(campaign: str, envelopes: Sequence[Envelope], on: date | None, known_at: datetime | None) -> dict[str, Any]:
    """Return the papers, and the schools' numbers and classes on a day, as far as they were known at an instant."""
    known = [one for one in envelopes if known_at is None or datetime.fromisoformat(one["recorded_at"]) <= known_at]
    state, day = targets_from(known), on or today_of(envelopes)
    waves = {wave.value: targets_in_force(state, day, wave=wave) for wave in Wave}
    quotas = quotas_in_force(state, day)
    return {
        "campaign": campaign,
        "on": day.isoformat(),
        "known_at": known_at and known_at.isoformat(),
        "total": sum(targets_in_force(state, day).values()),
        "papers": [
            {**paper.model_dump(mode="json", exclude={"issued_by"}), "recorded_at": _recorded(known, paper.document)}
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


# -- pressure -------------------------------------------------------------------------------------------------------


async def flags(
    ledger: Ledger,
    campaign: str,
    envelopes: Sequence[Envelope],
    given: Mapping[tuple[str, str | None], Mapping[str, Any]],
) -> list[PressureFlag]:
    """Return the flags of every school and class, from the record and from the figures that the bureau gives.

    The record knows quotas, pupils, applications and stated intents. What the bureau gives replaces what the record
    says of the same school or class; a pool, a plan and the bands are known from there alone.
    """
    state = targets_from(envelopes)
    day = today_of(envelopes)
    parameters = policy_of(envelopes).parameters
    found: list[PressureFlag] = []
    for school, quota in targets_in_force(state, day).items():
        recorded = await _recorded_figures(ledger, campaign, school)
        classes = quotas_in_force(state, day)[school]
        for class_id in (None, *dict.fromkeys((*classes, *(name for name in recorded if name is not None)))):
            heads = quota if class_id is None else classes.get(class_id, 0)
            known = {**recorded.get(class_id, {}), **given.get((school, class_id), {})}
            figures = PressureFigures(school=school, class_id=class_id, quota=heads, **known)
            found += pressure_flags(figures, parameters)
    return found


async def _recorded_figures(ledger: Ledger, campaign: str, school: str) -> dict[str | None, dict[str, int]]:
    """Return pupils, applications and intents of a school and of its classes, counted from its events."""
    class_of: dict[str, str] = {}
    async for envelope in ledger.events(school_id(campaign, school)):
        if envelope["type"] == "CohortLoaded":
            for class_id, pupils in envelope["data"]["classes"].items():
                class_of |= dict.fromkeys(pupils, class_id)
    applied: dict[str, None] = {}
    intents: dict[str, str] = {}
    async for envelope in ledger.events(stage_id(campaign, school, FILING)):
        match envelope["type"]:
            case "ApplicationRecorded":
                applied[envelope["data"]["student"]] = None
            case "IntentStated":
                intents[envelope["data"]["student"]] = envelope["data"]["intent"]
    counted: dict[str | None, dict[str, int]] = {}
    for student, class_id in class_of.items():
        for place in (None, class_id):
            counts = counted.setdefault(
                place, {"graduates": 0, "applications": 0, "intents": 0, "vocational_intents": 0}
            )
            counts["graduates"] += 1
            counts["applications"] += student in applied
            counts["intents"] += student in intents
            counts["vocational_intents"] += intents.get(student) == "VOCATIONAL"
    return counted


def unproposed(state: Targets, found: Sequence[PressureFlag]) -> list[PressureFlag]:
    """Return the flags that nobody proposed yet."""
    return [one for one in found if f"{one.school}/{one.class_id or '-'}/{one.flag}" not in state.flagged]
