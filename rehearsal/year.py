"""A rehearsed year: files to draft, draft to approval, and every date that follows, with simulated people.

Uses the client, the registry and the engine like any other face of the system; the campaign does not know that it is
rehearsed, but for its first event, which names the stepped clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from client import CampaignClient, SteppedSending
from domain.actors import Actor, Role
from domain.calendar import Calendar
from domain.identification_rule import Facts, evaluate, load_rule
from domain.policy import PolicyProfile
from domain.stage_events import StageSlug
from domain.time import at
from registry.draft import Draft, prepare
from registry.references import References
from registry.staff_file import StaffMember
from registry.store import Registry
from rehearsal.bureau import BureauPlan, Office
from rehearsal.driver import Counting, Driver, DriverReport, Planned
from rehearsal.families import FamilyGateway
from rehearsal.people import SchoolPlan
from rehearsal.scene import Bureau, Joiner, SchoolScene, Window, one_at_a_time, simulated

LEAD = timedelta(days=14)
"""The draft is written this long before the first stage opens."""

LEAST_TO_LEAVE = 5
"""A school of fewer pupils keeps them all, so that nothing is left without pupils."""


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
    gateway: FamilyGateway | None = None,
    until: datetime | None = None,
    counting: Counting | None = None,
    channels: Sequence[str] = (),
    progress: Callable[[YearProgress], None] | None = None,
) -> YearRun:
    """Rehearse the campaign of a directory on the stepped clock; again after a crash goes on to the same end.

    Args:
        client: of an engine and ledger that hold nothing else.
        registry: takes the people of the directory's rosters.
        directory: the campaign's files.
        seed: of the references and of what simulated people do.
        gateway: signs what families do; by default one whose key comes from the seed.
        until: leaves out what people would do from then on; the clocks still run to their end.
        counting: counts the record for the settlement; without it the year has none.
        channels: the ways out, each with a dispatcher on the stepped clock; without any notices stay in the outbox.
        progress: called after each day that had something to do.

    Raises:
        InputRejected: a file is wrong.
        Refusal: the campaign cannot be drafted.
    """
    plan = await plan_year(registry, directory, seed, gateway, until=until, settles=counting is not None)
    campaign = plan.draft.campaign
    await client.launch(plan.draft, plan.author, "rehearsal-draft", clock="stepped", started_at=plan.started_at)
    sending = None
    if channels:
        await client.sending.start(campaign, channels, clock="stepped")
        sending = SteppedSending(client, campaign, channels)

    def each_day(day: date, done: int) -> None:
        if progress is not None:
            progress(YearProgress(campaign, day, done, len(plan.commands)))

    async def counted(moment: datetime) -> dict[str, Any]:
        await _all_recorded(client, driver.report)
        return {} if counting is None else await counting(moment)

    slots = slots_of(PolicyProfile.model_validate(plan.draft.content["policy"]))
    driver = Driver(client, campaign, plan.commands, plan.started_at, counted, sending, slots)
    report = await driver.run(each_day)
    await _all_recorded(client, report)
    return YearRun(campaign, report.ticks, report.commands, dict(report.refusals))


def slots_of(policy: PolicyProfile) -> tuple[time, ...]:
    """Return the times of a rehearsed day at which notices go out: midnight, which settles the day before, and three.

    The last is early enough that quiet hours have not begun by the usual policy.
    """
    opening = time.fromisoformat(policy.parameters.quiet_until)
    return tuple(sorted({time(), opening, time(12), time(21)}))


async def plan_year(
    registry: Registry,
    directory: Path,
    seed: int,
    gateway: FamilyGateway | None = None,
    *,
    until: datetime | None = None,
    settles: bool = False,
) -> YearPlan:
    """Read a campaign's files and plan what everybody will do.

    Args:
        registry: takes the people of the directory's rosters.
        directory: the campaign's files.
        seed: of the references and of what simulated people do.
        gateway: signs what families do; by default one whose key comes from the seed.
        until: leaves out what people would do from then on.
        settles: with the settlement, whose figures a driver must be able to count (`Driver`, `counting`).

    Raises:
        InputRejected: a file is wrong.
        Refusal: the campaign cannot be drafted.
    """
    gateway = gateway or FamilyGateway.seeded(seed)
    draft = await prepare(registry, directory, References.seeded(seed), gateway=gateway.key)
    staff = await registry.staff(draft.campaign)
    windows = {
        slug: Window(date.fromisoformat(window["opens"]), date.fromisoformat(window["due"]))
        for slug, window in draft.content["stages"].items()
    }
    officer = _bureau(staff, Role.BUREAU_OFFICER, 1)
    bureau = Bureau(
        officer=officer,
        register=_bureau(staff, Role.REGISTER_OFFICER, 7),
        discipline=_bureau(staff, Role.DISCIPLINE_OFFICER, 8),
    )
    started_at = at(min(window.opens for window in windows.values()), time(9, 0)) - LEAD
    schools = draft.content["schools"]
    scenes = [
        await _scene(registry, draft, staff, windows, bureau, index, entry, seed) for index, entry in enumerate(schools)
    ]
    office = Office(
        content=draft.content,
        windows=windows,
        people=bureau,
        approver=_bureau(staff, Role.BUREAU_APPROVER, 2),
        auditor=_bureau(staff, Role.AUDITOR, 11),
        scenes=scenes,
    )
    offices = BureauPlan(office, started_at)
    commands = [
        *offices.commands(settles=settles),
        *(offices.pause.moved(planned) for scene in scenes for planned in SchoolPlan(scene, seed, gateway).commands()),
    ]
    in_time = [planned for planned in commands if until is None or planned.at < until]
    return YearPlan(draft, officer, started_at, tuple(one_at_a_time(in_time)))


# -- inside -------------------------------------------------------------------------------------------------------


async def _all_recorded(client: CampaignClient, report: DriverReport) -> None:
    for answer in report.last.values():
        await client.wait_recorded(answer.receipt, timedelta(seconds=60))


def _bureau(staff: tuple[StaffMember, ...], role: Role, number: int) -> Actor:
    found = next((member for member in staff if member.role == role), None)
    return Actor(id=found.staff_ref, role=role, organisation="bureau") if found else simulated(role, "bureau", number)


async def _scene(
    registry: Registry,
    draft: Draft,
    staff: tuple[StaffMember, ...],
    windows: dict[str, Window],
    bureau: Bureau,
    index: int,
    entry: dict[str, Any],
    seed: int,
) -> SchoolScene:
    code, content = entry["code"], draft.content
    classes = await registry.cohort(entry["snapshot"])
    students = [student for class_id in sorted(classes) for student in classes[class_id]]
    guardians = await registry.guardians(draft.campaign, code)
    policy = PolicyProfile.model_validate(content["policy"])
    newcomer = References.seeded(f"{seed}/{code}/joiner")
    joiner = Joiner(newcomer.student(), newcomer.guardian(), max(classes))

    def person(role: Role, number: int, class_id: str | None = None) -> Actor:
        return _school_member(staff, code, role, number, class_id)

    other_codes = [school["code"] for school in content["schools"] if school["code"] != code]
    return SchoolScene(
        campaign=draft.campaign,
        code=code,
        index=index,
        year=content["year"],
        classes=classes,
        guardians={
            student: guardians[student].guardian_ref if student in guardians else student.replace("stu_", "gdn_")
            for student in students
        },
        under_14=frozenset(await registry.under_14(entry["snapshot"], windows[StageSlug.APPLICATION_FILING].opens)),
        unknown=await _unknown(registry, entry["snapshot"], content["rule"]),
        heads={class_id: person(Role.CLASS_HEAD, 10 + n, class_id) for n, class_id in enumerate(sorted(classes))},
        grade_leader=person(Role.GRADE_LEADER, 3),
        principal=person(Role.PRINCIPAL, 4),
        receivers={
            listed: _school_member(staff, listed, Role.RECEIVING_SCHOOL, 6) for listed in content["qualified_schools"]
        },
        bureau=bureau,
        stranger=_school_member(staff, next(iter(other_codes), "0000000000"), Role.PRINCIPAL, 5),
        leaver=students[-1] if len(classes[max(classes)]) >= LEAST_TO_LEAVE else None,
        joiner=joiner,
        calendar=Calendar.model_validate(content["calendar"]),
        windows=windows,
        reports=_reports(content, windows, policy),
        applications=_days(content.get("application_window")),
        parameters=policy.parameters,
    )


def _reports(content: dict[str, Any], windows: dict[str, Window], policy: PolicyProfile) -> Window:
    """Return the days on which schools report who is there: the file's, or all from the first stage to graduation."""
    days = _days(content.get("attendance"))
    if days is not None:
        return days
    first = min(window.opens for window in windows.values())
    last = date.fromisoformat(f"{content['year']}-{policy.parameters.result_expires_month_day}")
    return Window(first, max(first, last))


def _days(named: dict[str, str] | None) -> Window | None:
    return None if named is None else Window(date.fromisoformat(named["first"]), date.fromisoformat(named["last"]))


async def _unknown(registry: Registry, snapshot: str, rule_content: dict[str, Any]) -> frozenset[str]:
    """Return the pupils of whom the identification rule cannot say anything."""
    rule = load_rule(rule_content)
    unknown = []
    for pupil in await registry.facts(snapshot):
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
    return frozenset(unknown)


def _school_member(
    staff: tuple[StaffMember, ...], school: str, role: Role, number: int, class_id: str | None = None
) -> Actor:
    found = next(
        (
            member
            for member in staff
            if member.school == school and member.role == role and (class_id is None or class_id in member.classes)
        ),
        None,
    )
    return Actor(id=found.staff_ref, role=role, organisation=school) if found else simulated(role, school, number)
