"""What families, schools and offices do in application filing, from the notice to the verified registration.

Families' acts go in by the gateway, a list for each school and day; staff record what happened elsewhere. Some try
what is a family's own, or what nobody has signed, and are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from domain.actors import GATEWAY, Actor
from domain.consent import CallbackOutcome, CallbackPurpose, Standing
from domain.cooling import Window, cooling
from domain.destination import DestinationKind
from domain.evidence import EvidenceGrade
from domain.family_act import Intent, Party
from domain.stage_events import StageSlug
from domain.time import at
from rehearsal.driver import Planned
from rehearsal.families import Coming, Families, Found, Household, Withdrawal, acting_days, contact_day
from rehearsal.scene import Diary, SchoolScene, lists

STAGE: Final = StageSlug.APPLICATION_FILING
ACTS_A_LIST: Final = 200
FORGED: Final = "0" * 128
EVENING, DELIVERED = time(18, 0), time(21, 30)

Row = dict[str, Any]


@dataclass(frozen=True)
class Timeline:
    """The days of one school's filing, in order.

    Attributes:
        offered: the notice goes out.
        days: working days on which families act; `families.Household` counts them.
        applied, withdrawn: the school's applications, once the last cooling-off has passed, and the withdrawals that
            come after them.
        admitted, known: the receiving schools' answers, and what the school learns of other destinations.
        came: days on which the receiving schools list who has come; the last is a straggler's.
        settled: a person decides between two destinations.
        gone: what became of those who never came.
        checked: the register officer's two lists.
        done: the principal signs off.
    """

    offered: date
    days: tuple[date, ...]
    applied: date
    withdrawn: date
    admitted: date
    known: date
    came: dict[Coming, date]
    settled: date
    gone: date
    checked: dict[Found, date]
    done: date


def timeline(scene: SchoolScene) -> Timeline:
    """Lay the days of a filing between its opening, the reporting day and the registration deadline."""
    working, window = scene.working, scene.windows[STAGE]
    offered = working(scene.during(STAGE, 0), 1)
    if scene.applications is not None:  # the first families sign on the third day; signing is offered from this one
        signing = scene.applications.opens - timedelta(days=scene.parameters.signing_lead_days)
        offered = max(offered, working(signing, -3))
    days = tuple(working(offered, 1 + n) for n in range(acting_days(scene.parameters.contact_attempts)))
    cooled = scene.parameters.cooling_off_days + 2  # the grace after a cooling-off ends within the second day
    applied = working(days[-1] + timedelta(days=cooled))
    withdrawn = working(applied, 2)
    holiday = max(10, (scene.reporting - withdrawn).days)
    admitted = withdrawn + timedelta(days=holiday * 40 // 100)
    known = withdrawn + timedelta(days=holiday * 75 // 100)
    first = max(scene.reporting, known + timedelta(days=1))
    october = working(first + timedelta(days=35))
    first_list = working(october, 2)
    second_list = max(working(scene.deadline - timedelta(days=10)), working(first_list, 1))
    late = scene.manner == "late_meetings"
    on_time, too_late = working(min(window.due, scene.deadline), -3), working(max(window.due, scene.deadline), 3)
    return Timeline(
        offered=offered,
        days=days,
        applied=applied,
        withdrawn=withdrawn,
        admitted=admitted,
        known=known,
        came={
            Coming.FIRST_WEEK: first + timedelta(days=1),
            Coming.SECOND_WEEK: first + timedelta(days=8),
            Coming.OCTOBER: october,
        },
        settled=working(first + timedelta(days=9), 2),
        gone=working(first + timedelta(days=scene.parameters.no_show_days + 6)),
        checked={Found.OCTOBER: first_list, Found.NOVEMBER: second_list},
        done=max(too_late if late else on_time, working(second_list, 1)),
    )


def registered_on(days: Timeline, found: Found) -> date:
    """Return the day of the registrations that a list of the register officer verifies."""
    return days.checked[found] - timedelta(days=1)


def filing(diary: Diary, families: Sequence[Household], acting: Families) -> Iterator[Planned]:
    """Yield everything that is done in one school's filing."""
    scene, days = diary.scene, timeline(diary.scene)
    opened = at(scene.during(STAGE, 0), time(9, 30))
    yield diary.act(STAGE, opened, scene.principal, "complete")  # refused: no family has the notice
    for some in lists(sorted(scene.classes), 100):
        yield diary.act(
            STAGE,
            at(days.offered, time(9, 0)),
            scene.grade_leader,
            "offer_notice",
            document=acting.document,
            classes=some,
        )
    yield from _deliveries(diary, families, acting, days)
    yield from _what_nobody_may(diary, families, acting, days)
    yield from _contacts(diary, families, days)
    yield from _doubts(diary, families, days)
    yield from _short_cooling(diary, families, days)
    yield from _applications(diary, families, days)
    yield from _elsewhere(diary, families, days)
    yield from _reporting(diary, families, days)
    yield from _registrations(diary, families, days)
    yield diary.act(STAGE, at(days.done, time(17, 0)), scene.principal, "complete")


# -- families -----------------------------------------------------------------------------------------------------


def _deliveries(diary: Diary, families: Sequence[Household], acting: Families, days: Timeline) -> Iterator[Planned]:
    by_day: dict[date, list[tuple[datetime, Row]]] = {}
    for family in families:
        for when, act in _acts(family, acting, days, short=_cools_shortly(diary.scene, family, days)):
            by_day.setdefault(when.date(), []).append((when, act))
    for day, acts in sorted(by_day.items()):
        in_order = [act for _, act in sorted(acts, key=lambda item: item[0])]
        for number, some in enumerate(lists(in_order, ACTS_A_LIST)):
            delivered = at(day, DELIVERED) + timedelta(minutes=number)
            yield diary.act(STAGE, delivered, GATEWAY, "deliver_family_acts", acts=some)


def _acts(family: Household, acting: Families, days: Timeline, *, short: bool) -> Iterator[tuple[datetime, Row]]:
    """Yield what one family does: the guardian first; the pupil where the answer is not the usual one."""

    def act(day: date, minutes: int, party: Party, kind: str, **said: Any) -> tuple[datetime, Row]:
        when = at(day, EVENING) + timedelta(minutes=minutes)
        return when, acting.act(family, party, kind, when, **said)

    if family.answers is None:
        return
    day, minute = days.days[family.answers], acting.moment()
    yield act(day, minute, Party.GUARDIAN, "intent", intent=family.intent)
    if family.intent is not Intent.GENERAL_HIGH:
        yield act(day, minute + 2, Party.PUPIL, "intent", intent=family.intent)
    yield act(day, minute + 5, Party.GUARDIAN, "acknowledge")
    if family.under_14:
        yield act(day, minute + 6, Party.GUARDIAN, "consent_data")
    if family.refuses is not None:
        yield act(days.days[family.refuses], acting.moment(), Party.GUARDIAN, "refuse")
    if family.signs is None:
        return
    day, minute = days.days[family.signs], acting.moment()
    ticked = {"short": True} if short else {}
    yield act(day, minute, Party.GUARDIAN, "sign", destination=family.school, **ticked)
    yield act(day, minute + 3, Party.PUPIL, "sign", destination=family.school, **ticked)
    match family.withdraws:
        case Withdrawal.BEFORE_APPLICATION:
            yield act(days.days[family.signs + 1], acting.moment(), Party.GUARDIAN, "withdraw")
        case Withdrawal.AFTER_APPLICATION:
            yield act(days.withdrawn, acting.moment(), Party.PUPIL, "withdraw")
    if family.objector:
        yield act(days.days[family.signs + 1], acting.moment(), Party.GUARDIAN, "refuse", person=family.objector)
        yield act(days.days[family.signs + 2], acting.moment(), Party.GUARDIAN, "keep", person=family.objector)
    if family.reported:
        yield act(days.days[family.signs + 2], acting.moment(), Party.GUARDIAN, "keep")


def _doubts(diary: Diary, families: Sequence[Household], days: Timeline) -> Iterator[Planned]:
    """A second guardian is on record before saying no; of a reported withdrawal the bureau asks the family itself."""
    for family in families:
        if family.signs is None or not (family.objector or family.reported):
            continue
        student, head = family.student, diary.scene.heads[family.class_id]
        signed, after, then = days.days[family.signs : family.signs + 3]
        if family.objector:
            yield diary.act(
                STAGE,
                at(signed, time(15, 30)),
                head,
                "record_guardianship",
                student=student,
                person=family.objector,
                standing=Standing.GUARDIAN.value,
                evidence=EvidenceGrade.DOCUMENT.value,
            )
        if family.reported:
            yield diary.act(STAGE, at(after, time(11, 0)), head, "report_withdrawal", student=student, channel="phone")
            called = at(then, time(10, 0))
            row = {
                "student": student,
                "purpose": CallbackPurpose.WITHDRAWAL_REPORT.value,
                "outcome": CallbackOutcome.CONFIRMED.value,
                "at": called.isoformat(),
            }
            officer = diary.scene.bureau.officer
            yield diary.act(STAGE, called + timedelta(minutes=30), officer, "record_callbacks", rows=[row])


def _what_nobody_may(
    diary: Diary, families: Sequence[Household], acting: Families, days: Timeline
) -> Iterator[Planned]:
    """A class head speaks for a family, somebody makes up an act, a code does not work: all on record."""
    family, head = families[0], diary.scene.heads[families[0].class_id]
    yield diary.act(STAGE, at(days.days[0], time(15, 0)), head, "state_intent", student=family.student)
    forged_at = at(days.days[1], time(12, 0))
    forged = acting.act(family, Party.GUARDIAN, "withdraw", forged_at) | {"signature": FORGED}
    yield diary.act(STAGE, forged_at + timedelta(hours=1), GATEWAY, "deliver_family_acts", acts=[forged])
    yield diary.act(
        STAGE,
        at(days.days[2], time(12, 0)),
        GATEWAY,
        "report_family_code",
        student=family.student,
        party=Party.GUARDIAN.value,
        code="CODE_WRONG",
    )


def _contacts(diary: Diary, families: Sequence[Household], days: Timeline) -> Iterator[Planned]:
    """Class heads call those who have not answered, on days apart, until somebody is spoken with."""
    for attempt in range(diary.scene.parameters.contact_attempts):
        when = at(days.days[contact_day(attempt)], EVENING)
        called = [family for family in families if len(family.contacts) > attempt]
        for head, some in _by_class(diary, called):
            rows = [
                {"student": one.student, "contact": "call", "outcome": one.contacts[attempt], "at": when.isoformat()}
                for one in some
            ]
            yield from _record(diary, when + timedelta(hours=1), head, "record_contacts", rows)


def _short_cooling(diary: Diary, families: Sequence[Household], days: Timeline) -> Iterator[Planned]:
    """Where the official system locks before a cooling-off is over, the bureau asks each family before it applies."""
    scene = diary.scene
    called = at(scene.working(days.applied, -1), time(10, 0))
    rows = [
        {
            "student": family.student,
            "purpose": CallbackPurpose.SHORT_COOLING.value,
            "outcome": CallbackOutcome.CONFIRMED.value,
            "at": called.isoformat(),
        }
        for family in families
        if family.applies and _cools_shortly(scene, family, days)
    ]
    yield from _record(diary, called + timedelta(hours=1), scene.bureau.officer, "record_callbacks", rows)


def _cools_shortly(scene: SchoolScene, family: Household, days: Timeline) -> bool:
    """Tell whether a family signs so late that the official system locks before its cooling-off is over (R-11)."""
    if scene.applications is None or family.signs is None:
        return False
    window = Window(first=scene.applications.opens, last=scene.applications.due)
    return cooling(at(days.days[family.signs], EVENING), window, scene.parameters).short


# -- schools and offices --------------------------------------------------------------------------------------------


def _applications(diary: Diary, families: Sequence[Household], days: Timeline) -> Iterator[Planned]:
    scene = diary.scene
    numbers = {family.student: number for number, family in enumerate(families, start=1)}
    for head, some in _by_class(diary, [family for family in families if family.applies]):
        rows = [
            {
                "student": family.student,
                "school": family.school,
                "reference": f"APP-{scene.code[-4:]}-{numbers[family.student]}",
            }
            for family in some
        ]
        yield from _record(diary, at(days.applied, time(10, 0)), head, "record_applications", rows)
    waiting = [family for family in families if family.waits]
    for code, some in _by_school(diary, waiting):
        rows = [
            {"student": one.student, "school": code, "result": "admitted" if one.admitted else "not_admitted"}
            for one in some
        ]
        strangers = [actor for other, actor in scene.receivers.items() if other != code]
        for stranger in strangers[:1]:  # refused: a receiving school speaks for itself only
            yield from _record(diary, at(days.admitted, time(9, 0)), stranger, "record_admissions", rows[:1])
        yield from _record(diary, at(days.admitted, time(10, 0)), scene.receivers[code], "record_admissions", rows)


def _elsewhere(diary: Diary, families: Sequence[Household], days: Timeline) -> Iterator[Planned]:
    """The school learns where the others go; of one pupil it hears what is not so, and a third person decides."""
    others = [family for family in families if family.mistaken or (not family.enters and family.known_elsewhere)]
    for head, some in _by_class(diary, others):
        yield from _record(diary, at(days.known, time(10, 0)), head, "record_destinations", _destinations(some))
    absent = [one for one in families if one.enters and one.coming is Coming.NEVER and one.known_elsewhere]
    leader = diary.scene.grade_leader
    yield from _record(diary, at(days.gone, time(10, 0)), leader, "record_destinations", _destinations(absent))
    for family in families:
        if family.enters and family.mistaken:
            yield diary.act(
                STAGE,
                at(days.settled, time(11, 0)),
                diary.scene.bureau.register,
                "resolve_destination",
                student=family.student,
                destination=DestinationKind.VOCATIONAL.value,
                evidence=EvidenceGrade.DOCUMENT.value,
                reason="SEEN_AT_SCHOOL",
            )


def _destinations(families: Iterable[Household]) -> list[Row]:
    return [
        {"student": family.student, "destination": family.elsewhere.value, "evidence": family.evidence.value}
        for family in families
    ]


def _reporting(diary: Diary, families: Sequence[Household], days: Timeline) -> Iterator[Planned]:
    for coming, day in days.came.items():
        for code, some in _by_school(diary, [one for one in families if one.enters and one.coming is coming]):
            on = (day - timedelta(days=1)).isoformat()
            rows = [{"student": family.student, "school": code, "on": on} for family in some]
            receiver = diary.scene.receivers[code]
            yield from _record(diary, at(day, time(16, 0)), receiver, "record_reporting", rows)


def _registrations(diary: Diary, families: Sequence[Household], days: Timeline) -> Iterator[Planned]:
    scene = diary.scene
    numbers = {family.student: number for number, family in enumerate(families, start=1)}
    for found, day in days.checked.items():
        rows = [
            {
                "student": family.student,
                "school": family.school,
                "register_ref": f"REG-{scene.code[-4:]}-{numbers[family.student]}",
                "on": registered_on(days, found).isoformat(),
            }
            for family in families
            if family.registers and family.found is found
        ]
        yield from _record(diary, at(day, time(14, 0)), scene.bureau.register, "record_registrations", rows)


# -- small --------------------------------------------------------------------------------------------------------


def _record(diary: Diary, when: datetime, actor: Actor, kind: str, rows: list[Row]) -> Iterator[Planned]:
    for some in lists(rows):
        yield diary.act(STAGE, when, actor, kind, rows=some)


def _by_class(diary: Diary, families: Iterable[Household]) -> Iterator[tuple[Actor, list[Household]]]:
    grouped: dict[str, list[Household]] = {}
    for family in families:
        grouped.setdefault(family.class_id, []).append(family)
    for class_id, some in grouped.items():
        yield diary.scene.heads[class_id], some


def _by_school(diary: Diary, families: Iterable[Household]) -> Iterator[tuple[str, list[Household]]]:
    grouped: dict[str, list[Household]] = {}
    for family in families:
        grouped.setdefault(family.school, []).append(family)
    for code in diary.scene.receivers:
        if code in grouped:
            yield code, grouped[code]
