"""The cooling-off, computed again from the signatures, the pauses and the policy in force (INV-05, R-11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from audit.invariants.families import BOTH, FILING, PROTOCOL_SINCE, counted_from
from audit.invariants.log import Log, at
from audit.invariants.rule import Found, invariant
from domain.events import Envelope
from domain.time import end_of

_TYPES: Final = (
    "StagePlanned",
    "StagePaused",
    "StageResumed",
    "ConsentSigned",
    "ConsentWithdrawn",
    "ConsentConfirmed",
    "ApplicationRecorded",
)


@dataclass
class _Consent:
    """What a pupil's signatures come to.

    Attributes:
        signed: party → document, school and when.
        since, ends: the later signature, and the last second of the cooling-off; None before both have signed.
    """

    signed: dict[str, tuple[str, str, datetime]] = field(default_factory=dict)
    since: datetime | None = None
    ends: datetime | None = None
    confirmed: bool = False


@dataclass
class _Stage:
    """What of a stage the end of a cooling-off depends on."""

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
            "小时数；暂停期间顺延。期满、两人签署有效且无撤回，才能确认；未确认不得填报。"
        ),
        (
            "A cooling-off ends at 23:59:59 so many days after the day of the later signature, or when the "
            "official system locks, but never so few hours after the signature; a pause makes it longer. A "
            "consent is confirmed only after that, with both signatures standing and no withdrawal; no application "
            "is recorded before."
        ),
    ),
    source="DOMAIN §8.2 INV-05; §8.1 R-11 (cooling_off_days, short_cooling_hours); §9b S17; DESIGN §5 [DESIGN]",
    remedy=(
        "该确认无效：请暂停后续手续，回访家庭，期满后重新确认。",
        "The confirmation is void: hold the case, call the family back, and let the cooling-off run to its end.",
    ),
)
def cooled_off(log: Log) -> Iterator[Found]:
    """Yield confirmations before the end, or without two standing signatures, and applications without one."""
    if log.release < PROTOCOL_SINCE:
        return
    for _, events in log.by_stream(*_TYPES, kind=FILING):
        stage = _Stage()
        for event in events:
            student = event["data"].get("student")
            if student is None:
                _follow(log, stage, event)
                continue
            consent = stage.consents.setdefault(student, _Consent())
            match event["type"]:
                case "ConsentSigned":
                    _sign(log, stage, consent, event)
                case "ConsentWithdrawn":
                    stage.consents[student] = _Consent()
                case "ConsentConfirmed":
                    yield from _confirmed(consent, event)
                    consent.confirmed = True
                case _ if not consent.confirmed:
                    yield Found(event, "填报时同意尚未确认。", "An application, and the consent was not confirmed.")


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
        case _:
            stage.paused.pop(data["scope"], None)
            if not stage.paused:
                if log.parameter(event, "cooling_off_pause") == "lengthens":
                    _lengthen(stage, at(event))
                stage.paused_since = None


def _sign(log: Log, stage: _Stage, consent: _Consent, event: Envelope) -> None:
    data = event["data"]
    consent.signed[data["party"]] = (data["document"], data["destination"], counted_from(log, event))
    consent.confirmed = False
    pair = [consent.signed.get(party) for party in BOTH]
    one, other = pair
    if one is None or other is None or one[:2] != other[:2]:
        consent.ends = consent.since = None
        return
    since = consent.since = max(one[2], other[2])
    full = _last_second(since.date() + timedelta(days=log.parameter(event, "cooling_off_days")))
    shortest = since + timedelta(hours=log.parameter(event, "short_cooling_hours"))
    consent.ends = full if stage.locks is None else min(full, max(stage.locks, shortest))


def _lengthen(stage: _Stage, resumed: datetime) -> None:
    """Give every running cooling-off as much more time as the pause and it ran together, to the lock at most."""
    paused = stage.paused_since or resumed
    for consent in stage.consents.values():
        if consent.ends is None or consent.since is None or consent.confirmed or paused >= consent.ends:
            continue
        later = consent.ends + max(resumed - max(paused, consent.since), timedelta())
        consent.ends = max(consent.ends, later if stage.locks is None else min(later, stage.locks))


def _last_second(day: date) -> datetime:
    return end_of(day) - timedelta(seconds=1)
