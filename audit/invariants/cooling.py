"""The cooling-off, computed again from signatures, pauses, returns, the window and the policy in force (INV-05, R-11).

Written for itself: what a decider calls a cooling-off's end is read from no event here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from audit.invariants.families import BOTH, FILING, MAY_NOT_CONSENT, PROTOCOL_SINCE, counted_from
from audit.invariants.log import Log, at
from audit.invariants.rule import Found, invariant
from domain.events import Envelope
from domain.time import end_of

_OF_THE_STAGE: Final = ("StagePlanned", "StagePaused", "StageResumed", "ApplicationWindowMoved")
_OF_A_PUPIL: Final = (
    "GuardianshipRecorded",
    "ConsentSigned",
    "ConsentConfirmed",
    "ApplicationRecorded",
    "Admitted",
    "StudentRemoved",
    "StudentEnrolled",
)
_ENDING: Final = (
    "ConsentWithdrawn",
    "NotAdmitted",
    "SpringCaseReturned",
    "DestinationRemoved",
    "ConsentVersionSuperseded",
    "CaseInvalidated",
)
"""What ends signatures; some only up to the application, or the admission (`_ends`)."""

_SIGNED_ANEW: Final = ("DestinationRemoved", "CaseInvalidated")
"""What ends signatures by no doing of the family's: it signs anew also after the lock."""


@dataclass
class _Consent:
    """What a pupil's signatures come to.

    Attributes:
        signed: party → document, school, when it counts from, and the person.
        since: when the cooling-off began: with the later signature, or with a return.
        ends: its last second; None before both have signed.
        full: its last second if the official system never locked.
        away: the pupil has left the register, nothing runs.
        applied, admitted: how far the consent has led.
        doubted: persons on record as some who may not consent.
        asked_anew: both had signed when a newer notice, the list of schools or a violation ended that; they sign anew
            also after the lock.
    """

    signed: dict[str, tuple[str, str, datetime, str]] = field(default_factory=dict)
    since: datetime | None = None
    ends: datetime | None = None
    full: datetime | None = None
    confirmed: bool = False
    away: bool = False
    applied: bool = False
    admitted: bool = False
    doubted: dict[str, None] = field(default_factory=dict)
    asked_anew: bool = False

    def end(self) -> None:
        """Let nothing stand that was signed; who may consent, and who is away, stays."""
        self.signed, self.since, self.ends, self.full = {}, None, None, None
        self.confirmed = self.applied = self.admitted = self.asked_anew = False

    @property
    def runs(self) -> bool:
        """Tell whether a cooling-off runs or waits for its confirmation."""
        return self.ends is not None and not self.confirmed and not self.away


@dataclass
class _Stage:
    """What of a stage the end of a cooling-off depends on; `locks`: the last second of the application window."""

    locks: datetime | None = None
    paused: dict[str, None] = field(default_factory=dict)
    paused_since: datetime | None = None
    consents: dict[str, _Consent] = field(default_factory=dict)


@invariant(
    "INV-05",
    ("冷静期满才生效", "confirmed only after the cooling-off"),
    (
        (
            "冷静期从较晚的签署之日起算，到规定日数之后当日 23:59:59 为止；志愿系统先锁定的，到锁定为止，但不少于规定的"
            "小时数；锁定之后才起算的，日数不减；暂停期间顺延，学生返回后重新起算，锁定时间改变的随之改变。期满、两人签署"
            "有效且无撤回，才能确认；未确认不得填报，锁定之后只有及时签署过、须重新签署的才能签署。"
        ),
        (
            "A cooling-off ends at 23:59:59 so many days after the day of the later signature, or when the "
            "official system locks, but never so few hours after the signature; what begins after the lock has all "
            "its days. A pause makes it longer, a pupil's return begins it anew, and it goes with the lock where "
            "that moves. A consent is confirmed only after that, with both signatures standing and no withdrawal; no "
            "application is recorded before, and after the lock only those sign who had signed in time and are "
            "asked to do so anew."
        ),
    ),
    source="DOMAIN §8.2 INV-05; §8.1 R-11 (cooling_off_days, short_cooling_hours); §9 46; §9b S17; DESIGN §5 [DESIGN]",
    remedy=(
        "该确认无效：请暂停后续手续，回访家庭，期满后重新确认。",
        "The confirmation is void: hold the case, call the family back, and let the cooling-off run to its end.",
    ),
)
def cooled_off(log: Log) -> Iterator[Found]:
    """Yield confirmations before the end, or without two standing signatures, and applications without one."""
    if log.release < PROTOCOL_SINCE:
        return
    for _, events in log.by_stream(*_OF_THE_STAGE, *_OF_A_PUPIL, *_ENDING, kind=FILING):
        stage = _Stage()
        for event in events:
            if event["type"] in _OF_THE_STAGE:
                _follow(log, stage, event)
            else:
                consent = stage.consents.setdefault(event["data"]["student"], _Consent())
                yield from _case(log, stage, consent, event)


def _case(log: Log, stage: _Stage, consent: _Consent, event: Envelope) -> Iterator[Found]:
    data = event["data"]
    match event["type"]:
        case "ConsentSigned":
            yield from _in_time(log, stage, consent, event)
            _sign(log, stage, consent, event)
        case "ConsentConfirmed":
            yield from _confirmed(consent, event)
            consent.confirmed = True
        case "ApplicationRecorded":
            if not consent.confirmed:
                yield Found(event, "填报时同意尚未确认。", "An application, and the consent was not confirmed.")
            consent.applied = True
        case "Admitted":
            consent.admitted = True
        case "GuardianshipRecorded" if data["standing"] in MAY_NOT_CONSENT:
            consent.doubted[data["person"]] = None
        case "GuardianshipRecorded":
            consent.doubted.pop(data["person"], None)
        case "StudentRemoved":
            consent.away = True
        case "StudentEnrolled":
            consent.away = False
            if consent.runs:
                _begin(log, stage, consent, at(event), event)
        case "ConsentVersionSuperseded" if not consent.applied:
            was_in_time = consent.asked_anew or consent.ends is not None
            consent.end()
            consent.asked_anew = was_in_time
        case kind if _ends(consent, event):
            was_in_time = kind in _SIGNED_ANEW and (consent.asked_anew or consent.ends is not None)
            consent.end()
            consent.asked_anew = was_in_time


def _ends(consent: _Consent, event: Envelope) -> bool:
    """Tell whether an event ends the signatures: from some step on the pupil keeps the place (edge cases 23, 24)."""
    match event["type"]:
        case "DestinationRemoved":
            return not event["data"]["kept"]
        case "ConsentVersionSuperseded":
            return False
        case "CaseInvalidated":
            return not consent.admitted
        case _:
            return True


def _in_time(log: Log, stage: _Stage, consent: _Consent, event: Envelope) -> Iterator[Found]:
    """Yield a signature after the lock; one in the place of somebody who may not consent takes nothing from it."""
    held = consent.signed.get(event["data"]["party"])
    replaces = held is not None and held[3] in consent.doubted
    late = stage.locks is not None and counted_from(log, event).replace(microsecond=0) > stage.locks
    if late and not (replaces or consent.applied or consent.asked_anew):
        yield Found(event, "志愿系统锁定之后签署。", "Signed after the official system had locked.")


def _confirmed(consent: _Consent, event: Envelope) -> Iterator[Found]:
    if consent.ends is None:
        yield Found(event, "确认时没有两人有效的签署。", "Confirmed without two standing signatures.")
    elif at(event) < consent.ends:
        yield Found(
            event,
            f"冷静期到 {consent.ends:%Y-%m-%d %H:%M:%S} 才结束。",
            f"The cooling-off ended only at {consent.ends:%Y-%m-%d %H:%M:%S}.",
        )


def _follow(log: Log, stage: _Stage, event: Envelope) -> None:
    data: dict[str, Any] = event["data"]
    match event["type"]:
        case "StagePlanned":
            window = data["content"].get("application_window")
            stage.locks = None if window is None else _last_second(date.fromisoformat(window["last"]))
            stage.paused = dict.fromkeys(data.get("paused", ()))
            stage.paused_since = at(event) if stage.paused else None
        case "StagePaused":
            stage.paused[data["scope"]] = None
            stage.paused_since = stage.paused_since or at(event)
        case "ApplicationWindowMoved":
            _move(log, stage, event)
        case _:
            stage.paused.pop(data["scope"], None)
            if not stage.paused:
                if log.parameter(event, "cooling_off_pause") == "lengthens":
                    _lengthen(stage, at(event))
                stage.paused_since = None


def _sign(log: Log, stage: _Stage, consent: _Consent, event: Envelope) -> None:
    data = event["data"]
    person = event["actor"]["id"]
    consent.signed[data["party"]] = (data["document"], data["destination"], counted_from(log, event), person)
    consent.confirmed = False
    one, other = (consent.signed.get(party) for party in BOTH)
    if one is None or other is None or one[:2] != other[:2]:
        consent.ends = consent.since = consent.full = None
        return
    _begin(log, stage, consent, max(one[2], other[2]), event)


def _begin(log: Log, stage: _Stage, consent: _Consent, since: datetime, event: Envelope) -> None:
    """Begin a cooling-off: its days, or until the lock that it waits for, so many hours at least."""
    full = _last_second(since.date() + timedelta(days=log.parameter(event, "cooling_off_days")))
    shortest = since + timedelta(hours=log.parameter(event, "short_cooling_hours"))
    locks = _still_to_come(stage, consent, since)
    cut = full if locks is None else min(full, max(locks, shortest))
    consent.since, consent.full, consent.ends = since, full, cut


def _still_to_come(stage: _Stage, consent: _Consent, since: datetime) -> datetime | None:
    """Return the lock that a cooling-off waits for; None for who has applied, and for what began after the lock."""
    passed = stage.locks is not None and since.replace(microsecond=0) > stage.locks
    return None if consent.applied or passed else stage.locks


def _lengthen(stage: _Stage, resumed: datetime) -> None:
    """Give every running cooling-off as much more time as the pause and it ran together, to the lock at most."""
    paused = stage.paused_since or resumed
    for consent in stage.consents.values():
        if not consent.runs or consent.ends is None or consent.since is None or consent.full is None:
            continue
        if paused >= consent.ends:
            continue
        consent.full += max(resumed - max(paused, consent.since), timedelta())
        locks = _still_to_come(stage, consent, consent.since)
        consent.ends = consent.full if locks is None else max(consent.ends, min(consent.full, locks))


def _move(log: Log, stage: _Stage, event: Envelope) -> None:
    """Let the lock move: a later one takes nothing, an earlier one leaves so many hours from now on (edge case 46)."""
    before, stage.locks = stage.locks, _last_second(date.fromisoformat(event["data"]["last"]))
    least = timedelta(hours=log.parameter(event, "short_cooling_hours"))
    for consent in stage.consents.values():
        if not consent.runs or consent.applied or consent.ends is None or consent.since is None or consent.full is None:
            continue
        after_the_lock = before is not None and consent.since.replace(microsecond=0) > before
        if after_the_lock or (before is not None and before <= stage.locks):
            consent.ends = max(consent.ends, min(consent.full, stage.locks))
        else:
            told = max(at(event), consent.since) + least
            consent.ends = min(consent.ends, max(told, stage.locks))


def _last_second(day: date) -> datetime:
    return end_of(day) - timedelta(seconds=1)
