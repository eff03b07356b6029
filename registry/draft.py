"""From a directory of files to a campaign's draft: everything that the first event holds, and nothing personal.

The people go into the registry; the draft knows snapshots by reference and digest (design, sections 6 to 8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from domain.calendar import Calendar, CalendarUnknown, CalendarYear
from domain.campaign_events import GatewayKey, TargetDocument
from domain.cooling import Window, first_cooling
from domain.events import digest
from domain.identification_rule import DEFAULT_RULE
from domain.policy import UNCONFIRMED, PolicyProfile, load_parameters, profile, require_launchable
from domain.refusal import Refusal
from registry.calendar_file import load_school_calendar, state_years
from registry.campaign_file import FILE_NAME, CampaignFile, SchoolEntry, load_campaign
from registry.classes import canonical_class
from registry.importing import MOST_PLACES
from registry.problems import InputRejected
from registry.references import References
from registry.roster import Roster, read_roster
from registry.roster_rows import PupilRow
from registry.staff_file import load_staff
from registry.store import Registry


@dataclass(frozen=True)
class Draft:
    """A campaign that is ready to be drafted.

    Attributes:
        campaign: the campaign's id.
        content: the fields of `CampaignDrafted`, as JSON values, without clock and author.
        warnings: codes with their numbers, for the person who launches.
        pupils: by school code.
    """

    campaign: str
    content: dict[str, Any]
    warnings: tuple[dict[str, Any], ...] = ()
    pupils: dict[str, int] = field(default_factory=dict)


RELEASE: Final = 4
"""What streams of a campaign that is drafted now begin with; older campaigns keep what they began with."""


async def prepare(
    registry: Registry, directory: Path, references: References, gateway: GatewayKey | None = None
) -> Draft:
    """Read a directory, take its people into the registry, and return the draft; again changes nothing.

    Args:
        registry: where people are held.
        directory: holds `campaign.toml`, `staff.csv`, rosters and the school calendar.
        references: makes the random references; seeded in rehearsals only.
        gateway: the public key by which families' acts will be known; None takes no acts of families.

    Raises:
        InputRejected: a file is missing or wrong, the application window is over before a family can sign
            (`APPLICATION_WINDOW_OVER`), a roster has a rejected row, or a person stands in the rosters of two schools
            (`PUPIL_AT_ANOTHER_SCHOOL`); nothing is taken then.
        Refusal: PROFILE_UNKNOWN, PROFILE_SHADOW_ONLY, SPRING_FORBIDDEN, CALENDAR_UNKNOWN.
    """
    file = load_campaign(directory)
    chosen = profile(file.profile)
    require_launchable(chosen)
    if file.sending:
        parameters = load_parameters(file.sending, chosen.parameters)
        chosen = chosen.model_copy(update={"parameters": parameters})
    _require_no_forbidden_spring(file, chosen)
    warnings = _window_warnings(file, chosen)
    calendar = load_calendar(directory, file)
    unknown = _years_not_computable(file, chosen, calendar)
    warnings += [{"code": "CALENDAR_NOT_YET_PUBLISHED", "year": year} for year in unknown]
    if chosen.document == UNCONFIRMED:
        warnings.append({"code": "POLICY_UNCONFIRMED", "profile": chosen.id})
    if file.answer_line is None:
        warnings.append({"code": "ANSWER_LINE_MISSING", "complaint_line": file.complaint_line})
    schools = [school.code for school in file.schools]
    staff = load_staff(
        directory / "staff.csv",
        schools=schools,
        receiving_schools=list(file.qualified_schools),
        class_year=file.year,
    )
    rosters = {
        school.code: read_roster(directory / school.roster, file.year, full_mark=file.full_mark)
        for school in file.schools
    }
    for school in file.schools:
        rejected = rosters[school.code].rejected
        if rejected:
            raise _roster_rejected(school.roster, len(rejected))
    _refuse_two_schools(file, rosters)
    await registry.save_schools(file.campaign, file)
    await registry.replace_staff(file.campaign, staff)
    entries: list[dict[str, Any]] = []
    for school in file.schools:
        roster = rosters[school.code]
        await registry.import_roster(file.campaign, school.code, roster, references)
        snapshot = await registry.take_snapshot(file.campaign, school.code, references)
        entries.append(
            {
                "code": school.code,
                "snapshot": snapshot.ref,
                "snapshot_digest": snapshot.digest,
                "pupils": snapshot.pupils,
                "classes": len(snapshot.classes),
            }
        )
        if roster.warnings:
            warnings.append({"code": "ROSTER_WARNINGS", "school": school.code, "count": len(roster.warnings)})
        if shared := await registry.shared_phones(snapshot.ref):
            warnings.append({"code": "PHONE_SHARED", "school": school.code, "count": len(shared)})
    content: dict[str, Any] = {
        "campaign": file.campaign,
        "county": file.county,
        "year": file.year,
        "policy": chosen.model_dump(mode="json"),
        "calendar": calendar.model_dump(mode="json"),
        "rule": DEFAULT_RULE.model_dump(mode="json"),
        "stages": {
            slug: {"opens": window.opens.isoformat(), "due": window.due.isoformat(), "after": list(window.after)}
            for slug, window in file.stages.items()
        },
        "schools": entries,
        "qualified_schools": list(file.qualified_schools),
        "not_yet_computable": unknown,
        "release": RELEASE,
        "gateway": gateway.model_dump() if gateway else None,
        "quotas": _by_class(file, {school.code: school.quotas for school in file.schools}),
        "complaint_line": file.complaint_line,
        **_where_given(file),
    }
    content["content_digest"] = digest(content)
    pupils = {entry["code"]: entry["pupils"] for entry in entries}
    return Draft(file.campaign, content, tuple(warnings), pupils)


def _where_given(file: CampaignFile) -> dict[str, Any]:
    """Return the parts of the file that many counties leave out."""
    parts = {
        "attendance": file.attendance,
        "application_window": file.application_window,
        "targets": file.targets and TargetDocument.model_validate(file.targets.model_dump()),
    }
    given = {name: part.model_dump(mode="json") for name, part in parts.items() if part is not None}
    spring = _by_class(file, {school.code: school.spring_quotas for school in file.schools})
    answers = {} if file.answer_line is None else {"answer_line": file.answer_line}
    return {**given, **({"spring_quotas": spring} if spring else {}), **answers}


def _by_class(file: CampaignFile, quotas: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Return quotas under the canonical names of classes, without the schools that have none."""
    return {
        school: {str(canonical_class(name, file.year)): number for name, number in classes.items()}
        for school, classes in quotas.items()
        if classes
    }


def _require_no_forbidden_spring(file: CampaignFile, chosen: PolicyProfile) -> None:
    """Refuse heads in spring where nobody may be delivered before graduation (INV-12, R-16).

    Raises:
        Refusal: SPRING_FORBIDDEN.
    """
    forbidden = not chosen.parameters.spring_delivery
    if forbidden and any(heads for school in file.schools for heads in school.spring_quotas.values()):
        raise Refusal("SPRING_FORBIDDEN")


def _window_warnings(file: CampaignFile, chosen: PolicyProfile) -> list[dict[str, Any]]:
    """Return a warning where every cooling-off would be cut short; refuse where nobody could sign at all (R-11).

    Raises:
        InputRejected: APPLICATION_WINDOW_OVER, the official system locks before the first signature works.
    """
    if file.application_window is None:
        return []
    window = Window.model_validate(file.application_window.model_dump())
    opens = file.stages["application-filing"].opens
    earliest = first_cooling(opens, window, chosen.parameters)
    if earliest is None:
        raise InputRejected(
            "APPLICATION_WINDOW_OVER",
            message_zh=f"志愿填报截止（{window.last}）时，家庭还不能签署：志愿填报阶段 {opens} 才开始，"
            f"确认告知书 {chosen.parameters.signature_wait_hours} 小时之后才能签署。",
            message_en=f"Applications close on {window.last}, before any family can sign: the filing opens on {opens}, "
            f"and a signature works {chosen.parameters.signature_wait_hours} hours after the acknowledgement.",
            place=f"{FILE_NAME}: application_window.last",
            remedy_zh="请核对志愿填报时间的年份和日期，或让 stages.application-filing 的 opens 提前。",
            remedy_en="Check the year and the days of the window, or let `opens` of stages.application-filing be "
            "earlier.",
        )
    if not earliest.short:
        return []
    return [{"code": "COOLING_CUT_FOR_ALL", "opens": opens.isoformat(), "last": window.last.isoformat()}]


def load_calendar(directory: Path, file: CampaignFile) -> Calendar:
    """Put the state's published years and the county's own days together."""
    days = load_school_calendar(directory / file.calendar.school) if file.calendar else ()
    windows = file.stages.values()
    first = min(window.opens for window in windows).year
    last = max(window.due for window in windows).year + 1
    return Calendar(
        version=1,
        years={
            year: CalendarYear(holidays=state.holidays, make_up_days=state.make_up_days)
            for year, state in state_years(first - 1, last).items()
        },
        closed=tuple(day.day for day in days if day.kind == "closed"),
        open=tuple(day.day for day in days if day.kind == "open"),
    )


def _years_not_computable(file: CampaignFile, chosen: PolicyProfile, calendar: Calendar) -> list[int]:
    """Return the years in which some stage's working days cannot be counted yet.

    Raises:
        Refusal: CALENDAR_UNKNOWN, the stage that opens first would run on unknown days.
    """
    parameters = chosen.parameters
    steps = (*(-days for days in parameters.reminder_working_days), *parameters.escalation_working_days)
    first = min(file.stages.values(), key=lambda window: (window.opens, window.due))
    unknown: dict[int, None] = {}
    for window in file.stages.values():
        for step in steps:
            try:
                calendar.add_working_days(window.due, step)
            except CalendarUnknown as missing:
                if window is first:
                    raise Refusal("CALENDAR_UNKNOWN", year=missing.year) from None
                unknown[missing.year] = None
        year = (window.due + timedelta(days=1)).year
        if year not in calendar.years:
            unknown[year] = None
    return sorted(unknown)


def _refuse_two_schools(file: CampaignFile, rosters: Mapping[str, Roster]) -> None:
    """Refuse a person whom two schools list: one person has one case in a campaign (INV-01, R-18).

    Which school it is, no program can say; so no roster of the campaign is taken before a person has found it out.

    Raises:
        InputRejected: PUPIL_AT_ANOTHER_SCHOOL, with both schools and the rows, and no value of them.
    """
    first: dict[str, tuple[SchoolEntry, PupilRow]] = {}
    found: list[str] = []
    between: dict[str, None] = {}
    for school in file.schools:
        for row in rosters[school.code].accepted:
            other, its_row = first.setdefault(row.id_number, (school, row))
            if other.code != school.code:
                found.append(f"{other.roster}: {its_row.sheet}!{its_row.row} / {school.roster}: {row.sheet}!{row.row}")
                between[f"{other.code} / {school.code}"] = None
    if not found:
        return
    schools = ", ".join(islice(between, MOST_PLACES))
    raise InputRejected(
        "PUPIL_AT_ANOTHER_SCHOOL",
        message_zh=f"{len(found)} 名学生同时在两所学校的花名册中（{schools}）；一人在一次活动中只能属于一所学校。",
        message_en=f"{len(found)} pupils stand in the rosters of two schools ({schools}); "
        "in one campaign a person belongs to one school.",
        place="; ".join(found[:MOST_PLACES]),
        remedy_zh="请两校与家长核实学生现在在哪所学校；原学校办理转学或离校手续，并从花名册中删除该生，再启动。",
        remedy_en="Ask both schools and the family where the pupil is now; the other school registers the transfer or "
        "the exit and takes the pupil off its roster; then launch again.",
    )


def _roster_rejected(roster: str, count: int) -> InputRejected:
    return InputRejected(
        "ROSTER_REJECTED",
        message_zh=f"花名册有 {count} 行不能接收。",
        message_en=f"{count} rows of the roster cannot be accepted.",
        place=roster,
        remedy_zh="请用 roster check 查看逐行原因，改正后再启动。",
        remedy_en="See each row's reason with `roster check`, mend them, and launch again.",
    )
