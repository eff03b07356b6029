"""`targets pressure`: does a target ask for more than there can be? Flags, as far as a person may see them (R-10)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli import target_figures as figures
from cli.failures import usage
from cli.given import time_given, year_of
from cli.options import LANG, CampaignName, Change, Face, say
from cli.rooms import Rooms
from cli.stage_view import word
from domain.application_filing_state import ApplicationFilingState
from domain.deciders import decider_of
from domain.disclosure import is_small, sees_small_cells
from domain.events import Envelope
from domain.policy_parameters import PolicyParameters
from domain.pressure import PressureFigures, PressureFlag, pressure_flags
from domain.stream import fold
from domain.targets_events import Targets
from domain.targets_held import flag_name, quotas_in_force, targets_from, targets_in_force
from domain.time import civil
from ledger.store import Ledger
from protocol import school_id, stage_id
from registry.bands import band_counts
from registry.problems import InputRejected
from registry.store import Registry
from registry.targets_file import read_figures

_FACE = Face()


async def pressure(
    campaign: CampaignName,
    *,
    figures_: Annotated[
        Path | None,
        Parameter(name="--figures", help=say("教育局提供的人数表（CSV、XLSX）", "counts that the bureau gives")),
    ] = None,
    at: Annotated[str | None, Parameter(help=say("只看此时已记录的", "only what was on record by then"))] = None,
    propose: Annotated[bool, Parameter(negative="", help=say("记入台账", "put them on record"))] = False,
    change: Change,
    face: Face = _FACE,
) -> int:
    """Compare targets with pupils, applications, plans, intents and the answers of score bands; never with a mark."""
    given = {} if figures_ is None else read_figures(figures_, year_of(campaign))
    moment = None if at is None else datetime.fromisoformat(time_given("--at", at))
    if propose and moment is not None:
        raise usage(
            "PRESSURE_OF_THE_PAST",
            say("记入台账的是现在的提示。", "What goes on record is a flag of today."),
            place="--at",
            remedy=say("请去掉 --at 或 --propose。", "Leave out --at, or --propose."),
        )
    async with Rooms(face.settings()) as rooms:
        await rooms.board(campaign)
        ledger = await rooms.ledger()
        envelopes = await figures.own_events(ledger, campaign)
        actor = await figures.require_reader(rooms, campaign, change.by, envelopes)
        known = figures.known_by(envelopes, moment)
        source = Source(ledger, await rooms.registry(), campaign, moment)
        found = await flags(source, known, given)
        least = None if sees_small_cells(actor.role) else figures.policy_of(envelopes).parameters.minimum_cell
        proposed = 0
        for one in _unproposed(targets_from(envelopes), found) if propose else ():
            own = replace(change, command_id=change.command_id and f"{change.command_id}/{proposed}")
            flag = one.model_dump(mode="json", exclude={"by"})
            await rooms.submit(campaign, await rooms.command(campaign, own, "flag_pressure", **flag))
            proposed += 1
    told = [_told(one, least) for one in found]
    data = {"campaign": campaign, "at": moment and moment.isoformat(), "flags": told, "proposed": proposed}
    face.show(data, lambda: _table(told))
    return 0


# -- computing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """Where the figures come from, and what was on record by when; None is everything."""

    ledger: Ledger
    registry: Registry
    campaign: str
    moment: datetime | None

    async def events(self, stream: str) -> AsyncIterator[Envelope]:
        """Yield a stream's events that were recorded by then."""
        async for envelope in self.ledger.events(stream):
            if self.moment is not None and datetime.fromisoformat(envelope["recorded_at"]) > self.moment:
                return
            yield envelope


async def flags(
    source: Source, own: Sequence[Envelope], given: Mapping[tuple[str, str | None], Mapping[str, Any]]
) -> list[PressureFlag]:
    """Return the flags of every school and class, from the record and from the figures that the bureau gives.

    The record knows quotas, pupils, applications and stated intents, and with the registry how the score bands
    answered. What the bureau gives replaces what the record says of the same school or class; a pool and a plan are
    known from there alone.

    Args:
        source: the record, up to the moment.
        own: the campaign's own events up to that moment.
        given: the bureau's figures, by school and class.
    """
    if not own:
        return []
    state = targets_from(own)
    day = figures.today_of(own) if source.moment is None else civil(source.moment)
    parameters = figures.policy_of(own).parameters
    quotas = quotas_in_force(state, day)
    found: list[PressureFlag] = []
    for school, quota in targets_in_force(state, day).items():
        recorded = await _recorded(source, school, parameters)
        classes = quotas[school]
        for class_id in (None, *dict.fromkeys((*classes, *(name for name in recorded if name is not None)))):
            heads = quota if class_id is None else classes.get(class_id, 0)
            known = {**recorded.get(class_id, {}), **given.get((school, class_id), {})}
            found += pressure_flags(PressureFigures(school=school, class_id=class_id, quota=heads, **known), parameters)
    return found


@dataclass
class _Lists:
    """Who of a school did what, as references; counted and forgotten."""

    informed: dict[str, None] = field(default_factory=dict)
    consents: dict[str, None] = field(default_factory=dict)
    intents: dict[str, None] = field(default_factory=dict)
    vocational: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, state: ApplicationFilingState, intents: Mapping[str, str]) -> _Lists:
        """Return the lists of a filing; who consented was informed."""
        signed = {student: None for student, case in state.cases.items() if case.signed_by_both}
        told = {student: None for student, case in state.cases.items() if case.acknowledged is not None}
        vocational = {student: None for student, intent in intents.items() if intent == "VOCATIONAL"}
        return cls({**told, **signed}, signed, dict.fromkeys(intents), vocational)


async def _recorded(source: Source, school: str, parameters: PolicyParameters) -> dict[str | None, dict[str, Any]]:
    """Return what the record knows of a school and of its classes, as fields of `PressureFigures`."""
    class_of: dict[str, str] = {}
    snapshot: str | None = None
    async for envelope in source.events(school_id(source.campaign, school)):
        if envelope["type"] == "CohortLoaded":
            snapshot = envelope["data"]["snapshot"]
            for class_id, pupils in envelope["data"]["classes"].items():
                class_of |= dict.fromkeys(pupils, class_id)
    filing = stage_id(source.campaign, school, figures.FILING)
    filed = [envelope async for envelope in source.events(filing)]
    applied: dict[str, None] = {}
    intents: dict[str, str] = {}
    for envelope in filed:
        match envelope["type"]:
            case "ApplicationRecorded":
                applied[envelope["data"]["student"]] = None
            case "IntentStated":
                intents[envelope["data"]["student"]] = envelope["data"]["intent"]
    counted: dict[str | None, dict[str, Any]] = {}
    for student, class_id in class_of.items():
        for place in (None, class_id):
            counts = counted.setdefault(
                place, {"graduates": 0, "applications": 0, "intents": 0, "vocational_intents": 0}
            )
            counts["graduates"] += 1
            counts["applications"] += student in applied
            counts["intents"] += student in intents
            counts["vocational_intents"] += intents.get(student) == "VOCATIONAL"
    state = fold(decider_of(filing), filed)
    if snapshot is not None and isinstance(state, ApplicationFilingState):
        for place, bands in (await _bands(source, snapshot, _Lists.of(state, intents), parameters)).items():
            counted.setdefault(place, {}).update(bands)
    return counted


async def _bands(
    source: Source, snapshot: str, lists: _Lists, parameters: PolicyParameters
) -> dict[str | None, dict[str, dict[str, int]]]:
    """Return how the score bands answered; nothing where the registry does not hold the school's marks any more."""
    try:
        return await band_counts(
            source.registry, snapshot, parameters.pressure_low_band, vars(lists), parameters.minimum_cell
        )
    except InputRejected:
        return {}


def _unproposed(state: Targets, found: Sequence[PressureFlag]) -> list[PressureFlag]:
    """Return the flags that nobody proposed yet."""
    return [one for one in found if flag_name(one.school, one.class_id, one.flag) not in state.flagged]


# -- as a person may see it -------------------------------------------------------------------------------------------


def _told(flag: PressureFlag, least: int | None) -> dict[str, Any]:
    """Return a flag as JSON; outside the school a small figure of a class is left out (R-22)."""
    told = {**flag.model_dump(mode="json", by_alias=True), "message": word(flag.flag, LANG)}
    hidden = least is not None and flag.class_id is not None
    hidden = hidden and any(is_small(part, least or 0) for part in (flag.figure, flag.limit))
    return {**told, **(dict.fromkeys(("figure", "limit", "by")) if hidden else {}), "suppressed": hidden}


def _table(told: Sequence[dict[str, Any]]) -> RenderableType:
    if not told:
        return Text(say("没有压力提示。", "There is nothing to flag."))
    table = Table(
        say("学校", "school"), say("班级", "class"), say("提示", "flag"), say("数", "figure"), say("界限", "limit")
    )
    for row in told:
        table.add_row(row["school"], row["class"] or "", row["message"], row["figure"] or "—", row["limit"] or "—")
    return table
