"""When a notice goes out, and whether: quiet hours, school days, embargoes, the household's budget (DOMAIN §5.4).

Pure and exact: the outbox asks inside its claim, so what is decided here is decided again for every attempt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from domain.calendar import Calendar
from domain.notices import BY_PEOPLE, PAPER, NoticeClass
from domain.policy_parameters import PolicyParameters
from domain.time import at, civil, end_of

EXPIRED: Final = "EXPIRED"
OPTED_OUT: Final = "OPTED_OUT"
QUIET_HOURS: Final = "QUIET_HOURS"
NOT_A_SCHOOL_DAY: Final = "NOT_A_SCHOOL_DAY"
EMBARGO: Final = "EMBARGO"
DIGEST: Final = "DIGEST"
HOUSEHOLD_BUDGET: Final = "HOUSEHOLD_BUDGET"

PLANNABLE: Final = (NoticeClass.CAMPAIGN, NoticeClass.STAFF)
"""Classes that school days and embargoes hold: everything else cannot wait for them."""

_SATURDAY: Final = 5
_LONGEST: Final = timedelta(days=366)
"""So far a day is looked for on which something may go out; an embargo of the whole year ends nowhere."""


class Kind(StrEnum):
    """What becomes of a notice that is due."""

    CLEAR = "clear"
    HOLD = "hold"
    DENY = "deny"
    EXPIRE = "expire"


@dataclass(frozen=True)
class Candidate:
    """A notice that is due, as far as the rules look at it.

    Attributes:
        notice_id: the row's.
        root: the household's row: a notice and its copies for other persons are one message to the household.
        purpose, recipient: as in the outbox.
        notice_class: what it is for.
        channel: which way it would go.
        planned_at: when its event asked for it.
        keys: keyed digests of the addresses of everybody in the household; siblings share at least one.
        not_after: from then on it would come too late, None where it never does.
        opted_out: its reader wants no optional notices.
    """

    notice_id: str
    root: str
    purpose: str
    recipient: str
    notice_class: NoticeClass
    channel: str
    planned_at: datetime
    keys: tuple[str, ...] = ()
    not_after: datetime | None = None
    opted_out: bool = False


@dataclass(frozen=True)
class Verdict:
    """What becomes of a candidate.

    Attributes:
        kind: cleared, held, denied, expired.
        code: why, None where it is cleared.
        until: until when it is held.
    """

    notice_id: str
    kind: Kind
    code: str | None = None
    until: datetime | None = None


Spent = Mapping[str, Sequence[str]]
"""Key of a household → roots of the messages that count on this civil day."""


@dataclass(frozen=True)
class SendingRules:
    """The parameters of a policy that say when and whether, read once; their meaning stands with `PolicyParameters`."""

    quiet_from: time
    quiet_until: time
    on_school_days: bool
    embargo: tuple[tuple[str, str], ...]
    household_daily: int
    digest_at: time
    digest_purposes: tuple[str, ...]
    channel_order: tuple[str, ...]
    staff_channel_order: tuple[str, ...]
    phone_task_days: int

    @property
    def opens(self) -> time:
        """Return the time of day at which a day's sending begins."""
        return self.quiet_until if self.quiet_until < self.quiet_from else time(0)


PARAMETERS: Final = (
    "quiet_from",
    "quiet_until",
    "notices_on_school_days",
    "notice_embargo",
    "household_daily",
    "digest_at",
    "digest_purposes",
    "channel_order",
    "staff_channel_order",
    "phone_task_days",
    "sms_segments_limit",
    "sms_price_milliyuan",
)
"""Parameters of a policy about sending, which a county may set for itself in `campaign.toml`."""


def rules_of(parameters: PolicyParameters) -> SendingRules:
    """Return the rules that a policy's parameters make."""
    return SendingRules(
        quiet_from=time.fromisoformat(parameters.quiet_from),
        quiet_until=time.fromisoformat(parameters.quiet_until),
        on_school_days=parameters.notices_on_school_days,
        embargo=parameters.notice_embargo,
        household_daily=parameters.household_daily,
        digest_at=time.fromisoformat(parameters.digest_at),
        digest_purposes=parameters.digest_purposes,
        channel_order=parameters.channel_order,
        staff_channel_order=parameters.staff_channel_order,
        phone_task_days=parameters.phone_task_days,
    )


def counts(candidate: Candidate) -> bool:
    """Tell whether a message counts in its household's budget: a letter that the school hands over does not."""
    return candidate.notice_class is not NoticeClass.STAFF and candidate.channel != PAPER and bool(candidate.keys)


def judge(
    rules: SendingRules,
    calendar: Calendar | None,
    candidates: Sequence[Candidate],
    spent: Spent,
    now: datetime,
    most: int | None = None,
) -> list[Verdict]:
    """Say of each candidate in its order what becomes of it; what is cleared counts at once for those behind it.

    Args:
        rules: of the campaign's policy.
        calendar: of the campaign; without one, and for days that it does not know, the weekday decides.
        candidates: those that are due.
        spent: what the households have been sent on the civil day of `now`, over all campaigns.
        now: the present.
        most: after so many are cleared the rest is not judged, and has no verdict.
    """
    told = {key: dict.fromkeys(roots) for key, roots in spent.items()}
    verdicts: list[Verdict] = []
    cleared = 0
    for candidate in candidates:
        if cleared == most:
            break
        verdict = _verdict(rules, calendar, candidate, told, now)
        verdicts.append(verdict)
        if verdict.kind is Kind.CLEAR:
            cleared += 1
            if counts(candidate):
                for key in candidate.keys:
                    told.setdefault(key, {})[candidate.root] = None
    return verdicts


def cleared_until(rules: SendingRules, notice_class: NoticeClass, now: datetime) -> datetime | None:
    """Return until when what is cleared now may be begun, None where the hour does not matter.

    Not into the quiet hours; nor into another civil day, which has a budget, an embargo and a calendar of its own.
    """
    if notice_class is NoticeClass.SAFETY:
        return None
    midnight, quiet = end_of(civil(now)), at(civil(now), rules.quiet_from)
    return quiet if now < quiet and rules.quiet_from != rules.quiet_until else midnight


def overdue_tasks(rules: SendingRules, calendar: Calendar | None, now: datetime) -> datetime:
    """Return the instant before which a call must have been put on the list to be late now.

    A call that was put there on some day may be made on that day and on `phone_task_days` school days after it.
    """
    day, left = civil(now), rules.phone_task_days
    while left:
        day -= timedelta(days=1)
        left -= _school_day(calendar, day)
    return at(day, time(0))


def _verdict(
    rules: SendingRules,
    calendar: Calendar | None,
    candidate: Candidate,
    told: Mapping[str, Mapping[str, None]],
    now: datetime,
) -> Verdict:
    if candidate.not_after is not None and candidate.not_after <= now:
        return Verdict(candidate.notice_id, Kind.EXPIRE, EXPIRED)
    if candidate.opted_out and candidate.notice_class is NoticeClass.CAMPAIGN:
        return Verdict(candidate.notice_id, Kind.DENY, OPTED_OUT)
    if (held := _held(rules, calendar, candidate, told, now)) is not None:
        code, until = held
        return Verdict(candidate.notice_id, Kind.HOLD, code, until)
    return Verdict(candidate.notice_id, Kind.CLEAR)


def _held(
    rules: SendingRules,
    calendar: Calendar | None,
    candidate: Candidate,
    told: Mapping[str, Mapping[str, None]],
    now: datetime,
) -> tuple[str, datetime] | None:
    """Return why a notice waits and until when, None where it may go; people keep decent hours by themselves."""
    if candidate.notice_class is NoticeClass.SAFETY:
        return None
    if candidate.channel not in BY_PEOPLE:
        if (opening := _end_of_quiet(rules, now)) is not None:
            return QUIET_HOURS, opening
        if candidate.notice_class in PLANNABLE and (wrong_day := _wrong_day(rules, calendar, candidate, now)):
            return wrong_day
        if candidate.notice_class is NoticeClass.STAFF and candidate.purpose in rules.digest_purposes:
            due = _digest_due(rules, candidate.planned_at, now)
            if now < due:
                return DIGEST, due
    if candidate.notice_class is NoticeClass.CAMPAIGN and counts(candidate):
        for key in candidate.keys:
            roots = told.get(key, {})
            if candidate.root not in roots and len(roots) >= rules.household_daily:
                return HOUSEHOLD_BUDGET, _opening(rules, civil(now) + timedelta(days=1))
    return None


def _end_of_quiet(rules: SendingRules, now: datetime) -> datetime | None:
    """Return when the quiet hours end in which an instant lies, None outside of them."""
    begin, end = rules.quiet_from, rules.quiet_until
    today = civil(now)
    start, stop = at(today, begin), at(today, end)
    if begin == end:
        return None
    if begin < end:
        return stop if start <= now < stop else None
    if now < stop:
        return stop
    return stop + timedelta(days=1) if now >= start else None


def _wrong_day(
    rules: SendingRules, calendar: Calendar | None, candidate: Candidate, now: datetime
) -> tuple[str, datetime] | None:
    """Return why nothing plannable goes out on this civil day, and the opening of the next one on which it does."""
    today = civil(now)
    if rules.on_school_days and not _school_day(calendar, today):
        until = _opening(rules, _next_day(rules, calendar, today, school_days=True))
        if candidate.not_after is None or until < candidate.not_after:
            return NOT_A_SCHOOL_DAY, until
    if _embargoed(rules, today):
        school_days = rules.on_school_days and _school_day(calendar, today)
        return EMBARGO, _opening(rules, _next_day(rules, calendar, today, school_days=school_days))
    return None


def _next_day(rules: SendingRules, calendar: Calendar | None, today: date, *, school_days: bool) -> date:
    """Return the next day without an embargo, and a school day where it has to be one."""
    last = today + _LONGEST
    day = today + timedelta(days=1)
    while day < last and (_embargoed(rules, day) or (school_days and not _school_day(calendar, day))):
        day += timedelta(days=1)
    return day


def _school_day(calendar: Calendar | None, day: date) -> bool:
    if calendar is not None and calendar.knows(day):
        return calendar.is_working_day(day)
    return day.weekday() < _SATURDAY


def _embargoed(rules: SendingRules, day: date) -> bool:
    if not rules.embargo:
        return False
    month_day = f"{day:%m-%d}"
    return any(
        first <= month_day <= last if first <= last else month_day >= first or month_day <= last
        for first, last in rules.embargo
    )


def _digest_due(rules: SendingRules, planned_at: datetime, now: datetime) -> datetime:
    """Return when a digest goes out that takes a notice in: at its time of day, the first one after the plan."""
    first = at(civil(planned_at), rules.digest_at)
    if first < planned_at:
        first += timedelta(days=1)
    return max(first, at(civil(now), rules.digest_at))


def _opening(rules: SendingRules, day: date) -> datetime:
    return at(day, rules.opens)
