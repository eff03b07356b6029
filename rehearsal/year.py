"""A rehearsed year: files to draft, draft to approval, and every date that follows, with simulated people.

Uses the client, the registry and the engine like any other face of the system; the campaign does not know that it is
rehearsed, but for its first event, which names the stepped clock.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from client import CampaignClient
from domain.actors import Actor, Role
from domain.calendar import Calendar
from domain.identification_rule import Facts, evaluate, load_rule
from domain.stage_events import StageSlug
from domain.time import at
from registry.draft import Draft, prepare
from registry.references import References
from registry.staff_file import StaffMember
from registry.store import Registry
from rehearsal.driver import Driver, DriverReport, Planned
from rehearsal.people import SchoolPlan, SchoolScene, Window, simulated

LEAD = timedelta(days=14)
"""The draft is written this long before the first stage opens."""

PAUSE_HOURS = 24


@dataclass(frozen=True)
class YearProgress:
    """Where a rehearsal stands.

    Attributes:
        campaign: the campaign's id.
        day: the civil day that was just worked off.
        done, of: planned commands given, and planned in all.
    """

    campaign: str
    day: date
    done: int
    of: int


@dataclass(frozen=True)
class YearRun:
    """What a rehearsal did: numbers only."""

    campaign: str
    ticks: int
    commands: int
    refusals: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class YearPlan:
    """A draft, its author, when it begins, and what everybody will do."""

    draft: Draft
    author: Actor
    started_at: datetime
    commands: tuple[Planned, ...]


async def run_year(
    client: CampaignClient,
    registry: Registry,
    directory: Path,
    *,
    seed: int = 1,
    progress: Callable[[YearProgress], None] | None = None,
) -> YearRun:
    """Rehearse the campaign of a directory on the stepped clock; again after a crash goes on to the same end.

    Args:
        client: of an engine and ledger that hold nothing else.
        registry: takes the people of the directory's rosters.
        directory: the campaign's files.
        seed: of the references and of what simulated people do.
        progress: called after each day that had something to do.

    Raises:
        InputRejected: a file is wrong.
        Refusal: the campaign cannot be drafted.
    """
    plan = await plan_year(registry, directory, seed)
    await client.launch(plan.draft, plan.author, "rehearsal-draft", clock="stepped", started_at=plan.started_at)

    def each_day(day: date, done: int) -> None:
        if progress is not None:
            progress(YearProgress(plan.draft.campaign, day, done, len(plan.commands)))

    driver = Driver(client, plan.draft.campaign, plan.commands, plan.started_at)
    report = await driver.run(each_day)
    await _all_recorded(client, report)
    return YearRun(plan.draft.campaign, report.ticks, report.commands, dict(report.refusals))


async def plan_year(registry: Registry, directory: Path, seed: int) -> YearPlan:
    """Read a campaign's files and plan what everybody will do."""
    draft = await prepare(registry, directory, References.seeded(seed))
    staff = await registry.staff(draft.campaign)
    calendar = Calendar.model_validate(draft.content["calendar"])
    windows = {
        slug: Window(date.fromisoformat(window["opens"]), date.fromisoformat(window["due"]))
        for slug, window in draft.content["stages"].items()
    }
    officer = _bureau(staff, Role.BUREAU_OFFICER, 1)
    approver = _bureau(staff, Role.BUREAU_APPROVER, 2)
    officer_as_approver = officer.model_copy(update={"role": Role.BUREAU_APPROVER})
    started_at = at(min(window.opens for window in windows.values()), time(9, 0)) - LEAD
    schools: list[Planned] = []
    for index, entry in enumerate(draft.content["schools"]):
        scene = await _scene(registry, draft, staff, calendar, windows, index, entry)
        schools.extend(SchoolPlan(scene, seed).commands())
    paused_at = at(windows[StageSlug.PARENT_MEETINGS].opens + timedelta(days=12), time(18, 0))
    resumed_at = paused_at + timedelta(hours=PAUSE_HOURS)
    bureau = functools.partial(_bureau_act, draft.campaign)
    commands = [
        bureau("0001", started_at + timedelta(hours=1), officer_as_approver, "approve"),  # refused: the same person
        bureau("0002", started_at + timedelta(days=1), approver, "approve"),
        bureau("0003", paused_at, officer, "pause", reason="EXAM_WEEK"),
        bureau("0004", resumed_at, officer, "resume", reason="EXAM_WEEK_OVER"),
        *(_outside_pause(planned, paused_at, resumed_at) for planned in schools),
    ]
    return YearPlan(draft, officer, started_at, tuple(commands))


# -- inside -------------------------------------------------------------------------------------------------------


async def _all_recorded(client: CampaignClient, report: DriverReport) -> None:
    for answer in report.last.values():
        await client.wait_recorded(answer.receipt, timedelta(seconds=60))


def _bureau_act(campaign: str, number: str, when: datetime, actor: Actor, kind: str, **fields: Any) -> Planned:
    command = {"kind": kind, "command_id": f"rehearsal-bureau-{number}", "actor": actor.model_dump(mode="json")}
    return Planned(when, campaign, {**command, **fields})


def _outside_pause(planned: Planned, paused_at: datetime, resumed_at: datetime) -> Planned:
    """Move what would fall into the pause to the hours after it, in the same order."""
    if not paused_at <= planned.at < resumed_at:
        return planned
    return Planned(resumed_at + (planned.at - paused_at) / 24, planned.stream, planned.command)


def _bureau(staff: tuple[StaffMember, ...], role: Role, number: int) -> Actor:
    found = next((member for member in staff if member.role == role), None)
    return Actor(id=found.staff_ref, role=role, organisation="bureau") if found else simulated(role, "bureau", number)


async def _scene(
    registry: Registry,
    draft: Draft,
    staff: tuple[StaffMember, ...],
    calendar: Calendar,
    windows: dict[str, Window],
    index: int,
    entry: dict[str, Any],
) -> SchoolScene:
    code = entry["code"]
    classes = await registry.cohort(entry["snapshot"])
    own = [member for member in staff if member.school == code]
    others = [
        member for member in staff if member.school and member.school != code and member.role == Role.PRINCIPAL.value
    ]

    def person(role: Role, number: int, class_id: str | None = None) -> Actor:
        found = next(
            (member for member in own if member.role == role and (class_id is None or class_id in member.classes)),
            None,
        )
        return Actor(id=found.staff_ref, role=role, organisation=code) if found else simulated(role, code, number)

    rule = load_rule(draft.content["rule"])
    unknown = []
    for pupil in await registry.facts(entry["snapshot"]):
        share = None
        if pupil.mark_tenths is not None and pupil.full_mark:
            share = Fraction(pupil.mark_tenths, 10 * pupil.full_mark)
        facts = Facts(
            midterm_share=share,
            unexplained_absence_days=pupil.unexplained_absence_days,
            informed=pupil.informed,
        )
        if evaluate(rule, facts).code == "DATA_UNKNOWN":
            unknown.append(pupil.student_ref)
    stranger = others[0] if others else None
    return SchoolScene(
        campaign=draft.campaign,
        code=code,
        index=index,
        classes=classes,
        unknown=frozenset(unknown),
        heads={class_id: person(Role.CLASS_HEAD, 10 + n, class_id) for n, class_id in enumerate(sorted(classes))},
        grade_leader=person(Role.GRADE_LEADER, 3),
        principal=person(Role.PRINCIPAL, 4),
        stranger=Actor(id=stranger.staff_ref, role=Role.PRINCIPAL, organisation=stranger.school)
        if stranger
        else simulated(Role.PRINCIPAL, "0000000000", 5),
        calendar=calendar,
        windows=windows,
    )
