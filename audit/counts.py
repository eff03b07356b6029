"""What a settlement looks at, by class, folded from the record alone (DOMAIN §7.3 `countable`; INV-09 to INV-11, R-12).

Every figure names its basis: of each stream the last event that was read. Whoever folds the same events again gets
the same figures.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from domain.application_filing_state import ApplicationFilingState, counted
from domain.attendance_periods import dropout_counts
from domain.attendance_state import AttendanceState, Standing
from domain.campaign_state import CampaignState
from domain.consent import MAY_CONSENT
from domain.deciders import decider_of
from domain.dropout_end import services
from domain.dropout_events import Service
from domain.dropout_rates import DropoutCount
from domain.dropout_state import DropoutState
from domain.events import Envelope
from domain.measures import WAVES, DeliveryCount, Wave, WaveCount
from domain.parent_meetings_state import ParentMeetingsState
from domain.policy_change import counting_cutoff
from domain.retention import RetentionState, gone
from domain.retention_events import FINDING_EVENTS
from domain.sampling import Consent, Why
from domain.settlement import ClassCount
from domain.stage_events import StageSlug
from domain.stream import UnknownEventError, fold
from domain.targets_held import not_shared, quotas_in_force, targets_from
from domain.time import end_of
from ledger.store import Ledger
from protocol import school_id, stage_id

FINDINGS = tuple(event_type.__name__ for event_type in FINDING_EVENTS)
GRADUATING = 9
"""The grade of every class of a campaign."""


@dataclass
class Recorded:
    """What the record holds of a campaign at a moment.

    Attributes:
        state: the campaign's own state; the policy in force and confirmed violations stand there.
        cutoff: the last day of counting by the policy of that moment.
        classes, waves, deliveries, dropout: the counts; those of the last only where attendance is kept.
        not_shared: school, wave, target and the sum of its classes, where a school has not shared its target out by
            the cut-off; the classes count as they were last shared.
        consents: those that an audit can look at.
        basis: stream → version and hash of the last event that was read.
    """

    state: CampaignState
    cutoff: date
    classes: list[ClassCount] = field(default_factory=list)
    waves: list[WaveCount] = field(default_factory=list)
    deliveries: list[DeliveryCount] = field(default_factory=list)
    dropout: list[DropoutCount] = field(default_factory=list)
    not_shared: list[tuple[str, str, int, int]] = field(default_factory=list)
    consents: list[Consent] = field(default_factory=list)
    basis: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def settled(self) -> list[ClassCount]:
        """The classes that a run is about: those with a quota, and those with countable pupils."""
        return [count for count in self.classes if count.quota or count.countable]

    @property
    def fields(self) -> dict[str, Any]:
        """What `compute_settlement` takes of the record: counts and losses by class, and what they were folded from."""
        return {
            "classes": [count.model_dump(mode="json") for count in self.settled],
            "dropout": [count.model_dump(mode="json") for count in self.dropout],
            "basis": self.basis,
        }


async def class_counts(ledger: Ledger, campaign: str) -> list[ClassCount]:
    """Return every class of a campaign with its quota and its countable pupils, schools and classes in order.

    A class counts with the pupils of the snapshot that its school began with; a late joiner counts in no class. A class
    without a quota has the quota 0, which is no task.
    """
    return (await recorded(ledger, campaign)).classes


async def recorded(
    ledger: Ledger, campaign: str, as_at: datetime | None = None, versions: Mapping[str, int] | None = None
) -> Recorded:
    """Fold what a settlement looks at (INV-11).

    Args:
        ledger: the record.
        campaign: the campaign's id.
        as_at: only events recorded by then, and the policy of that day; None takes all, and the policy in force.
        versions: the basis of an earlier run, stream → version: each stream up to there, others not at all.

    Raises:
        UnknownEventError: the campaign has no event by then.
    """
    reader = _Reader(ledger, as_at, versions)
    own = await reader.events(campaign)
    state = fold(decider_of(campaign), own)
    if not isinstance(state, CampaignState):
        raise UnknownEventError(f"{campaign} has no event by {as_at}")
    found = Recorded(state=state, cutoff=counting_cutoff(state, as_at))
    targets = targets_from(own)
    quotas = quotas_in_force(targets, found.cutoff)
    found.not_shared = not_shared(targets, found.cutoff)
    by_wave = {wave: quotas_in_force(targets, found.cutoff, wave=wave) for wave in WAVES}
    for code in state.schools:
        school = await _School.read(reader, campaign, code, end_of(found.cutoff))
        own_quotas = quotas.get(code, {})
        tallies: dict[str, int] = dict.fromkeys(WAVES, 0)
        for class_id in sorted({*school.classes, *own_quotas}):
            count, heads = school.count(class_id, own_quotas.get(class_id, 0))
            found.classes.append(count)
            for wave in WAVES:
                tallies[wave] += heads[wave]
        found.waves += [
            WaveCount(school=code, wave=wave, quota=sum(by_wave[wave].get(code, {}).values()), delivered=tallies[wave])
            for wave in WAVES
        ]
        found.deliveries.append(school.delivered())
        found.consents += school.consents()
        found.dropout += await _dropout(reader, f"{school_id(campaign, code)}/attendance", code)
    found.basis = reader.basis
    return found


class _Reader:
    """Reads streams up to a moment and notes how far it came."""

    def __init__(self, ledger: Ledger, as_at: datetime | None, versions: Mapping[str, int] | None) -> None:
        self._ledger = ledger
        self._as_at = as_at
        self._versions = versions
        self.basis: dict[str, dict[str, Any]] = {}

    async def events(self, stream: str) -> list[Envelope]:
        """Return a stream's events that were recorded by then, and remember the last of them."""
        found: list[Envelope] = []
        async for envelope in self._ledger.events(stream):
            if self._beyond(stream, envelope):
                break
            found.append(envelope)
        if found:
            self.basis[stream] = {"version": found[-1]["version"], "hash": found[-1]["hash"]}
        return found

    def _beyond(self, stream: str, envelope: Envelope) -> bool:
        if self._versions is not None:
            return int(envelope["version"]) > self._versions.get(stream, 0)
        return self._as_at is not None and datetime.fromisoformat(envelope["recorded_at"]) > self._as_at


@dataclass
class _School:
    """One school's streams, folded."""

    code: str
    classes: dict[str, list[str]]
    filing: ApplicationFilingState | None
    meetings: ParentMeetingsState | None
    gone: Mapping[str, None]
    signed: dict[str, datetime]
    registered: dict[str, datetime]

    @classmethod
    async def read(cls, reader: _Reader, campaign: str, code: str, cutoff: datetime) -> _School:
        filed = await reader.events(stage_id(campaign, code, StageSlug.APPLICATION_FILING))
        met = await reader.events(stage_id(campaign, code, StageSlug.PARENT_MEETINGS))
        kept = stage_id(campaign, code, StageSlug.RETENTION)
        filing = fold(decider_of(stage_id(campaign, code, StageSlug.APPLICATION_FILING)), filed)
        meetings = fold(decider_of(stage_id(campaign, code, StageSlug.PARENT_MEETINGS)), met)
        return cls(
            code=code,
            classes=_cohort(await reader.events(school_id(campaign, code))),
            filing=filing if isinstance(filing, ApplicationFilingState) else None,
            meetings=meetings if isinstance(meetings, ParentMeetingsState) else None,
            gone=_gone_of(kept, await reader.events(kept), cutoff),
            signed=_last_acts(filed, "ConsentSigned"),
            registered=_last_acts(filed, "RegistrationVerified"),
        )

    def count(self, class_id: str, quota: int) -> tuple[ClassCount, dict[Wave, int]]:
        """Return a class's counts, and its countable heads by wave."""
        none = dict.fromkeys(WAVES, 0)
        if self.filing is None or self.meetings is None:
            return ClassCount(school=self.code, class_id=class_id, quota=quota, countable=0), none
        own = self._own(class_id)
        of_class = counted(self.filing.model_copy(update={"classes": {class_id: own}}))[class_id]
        waves = {wave: of_class.pop(f"countable_{wave}", 0) for wave in WAVES}
        households = [self.meetings.households[pupil] for pupil in own if pupil in self.meetings.households]
        guided = sum(household.outcome == "INFORMED" for household in households)
        return ClassCount(school=self.code, class_id=class_id, quota=quota, guided=guided, **of_class), waves

    def delivered(self) -> DeliveryCount:
        """Return the school's admitted pupils, and those who reported (R-12)."""
        cases = [] if self.filing is None else list(self.filing.cases.values())
        admitted = [case for case in cases if case.admitted_on is not None or case.reporting is not None]
        reported = sum(case.reporting is not None for case in admitted)
        return DeliveryCount(school=self.code, admitted=len(admitted), reported=reported)

    def consents(self) -> list[Consent]:
        """Return the consents on which both have signed, as the audit sample takes them (R-21)."""
        if self.filing is None:
            return []
        filing, flagged = self.filing, self.filing.flagged()
        found = []
        for class_id in self.classes:
            for student in self._own(class_id):
                case = filing.cases[student]
                if not (case.signed_by_both and case.school is not None and student in self.signed):
                    continue
                marks = (
                    (Why.UNDER_14, student in filing.under_14),
                    (Why.CAREGIVER, any(held not in MAY_CONSENT for held in case.protocol.guardians.values())),
                    (Why.SHORT_COOLING, case.protocol.short),
                    (Why.ANOMALY, student in flagged),
                )
                found.append(
                    Consent(
                        student=student,
                        school=self.code,
                        class_id=class_id,
                        at=self.signed[student],
                        destination=case.school,
                        countable=filing.countable(student, class_id),
                        marks=tuple(why for why, holds in marks if holds),
                        registered_at=self.registered.get(student),
                        wave=case.protocol.wave or filing.wave_of(student),
                    )
                )
        return found

    def _own(self, class_id: str) -> list[str]:
        cases = {} if self.filing is None else self.filing.cases
        return [pupil for pupil in self.classes.get(class_id, ()) if pupil not in self.gone and pupil in cases]


def _cohort(envelopes: Iterable[Envelope]) -> dict[str, list[str]]:
    for envelope in envelopes:
        if envelope["type"] == "CohortLoaded":
            return {class_id: list(pupils) for class_id, pupils in envelope["data"]["classes"].items()}
    return {}


def _last_acts(envelopes: Iterable[Envelope], kind: str) -> dict[str, datetime]:
    """Return by pupil when the last event of a kind happened: of its signatures the later gives the consent."""
    found: dict[str, datetime] = {}
    for envelope in envelopes:
        if envelope["type"] == kind:
            at = datetime.fromisoformat(envelope["occurred_at"])
            student = envelope["data"]["student"]
            found[student] = max(at, found.get(student, at))
    return found


async def _dropout(reader: _Reader, stream: str, school: str) -> list[DropoutCount]:
    state = fold(decider_of(stream), envelopes) if (envelopes := await reader.events(stream)) else None
    if not isinstance(state, AttendanceState):
        return []
    names = DropoutCount.model_fields
    served = await _served(reader, state)
    known = bool(state.reports or state.spells)  # without any report a loss of nobody is no zero (INV-15)
    return [
        DropoutCount(
            school=school,
            class_id=class_id,
            grade=GRADUATING,
            served=served.get(class_id, 0) if known else None,
            **{name: number for name, number in counts.items() if name in names} | ({} if known else {"lost": None}),
        )
        for class_id, counts in dropout_counts(state).items()
    ]


async def _served(reader: _Reader, state: AttendanceState) -> dict[str, int]:
    """Return, by class, the lost pupils to whom the school went, and whom it reported in writing in time (R-15)."""
    found: dict[str, int] = {}
    for student, spells in state.spells.items():
        last = spells[-1]
        lost = last.status is Standing.NOT_RETURNED or (last.open and last.status is Standing.DROPOUT)
        if student in state.left or not lost:
            continue
        case = await _latest_case(reader, f"{school_id(state.campaign, state.school)}/dropout/{student}")
        if case is None or case.report is None or case.escalated:
            continue
        done, _ = services(case)
        if Service.VISIT in done:
            class_id = state.students[student]
            found[class_id] = found.get(class_id, 0) + 1
    return found


async def _latest_case(reader: _Reader, stream: str) -> DropoutState | None:
    """Return the case of a pupil's last episode: what was done in a closed one is no service in the next."""
    latest: DropoutState | None = None
    for episode in itertools.count(1):
        name = stream if episode == 1 else f"{stream}-{episode}"
        envelopes = await reader.events(name)
        if not envelopes:
            return latest
        state = fold(decider_of(name), envelopes)
        latest = state if isinstance(state, DropoutState) else latest
    return latest


async def _gone(ledger: Ledger, stream: str, cutoff: datetime) -> dict[str, None]:
    """Return who was lost or had moved on lawfully by what was held at the cut-off, as keys."""
    return _gone_of(stream, [envelope async for envelope in ledger.events(stream)], cutoff)


def _gone_of(stream: str, envelopes: list[Envelope], cutoff: datetime) -> dict[str, None]:
    """Return who was lost or had moved on lawfully, from a retention stream.

    They are not counted; a lawful move is no loss (case 19). Corrections, decisions between two findings and returns
    of before the cut-off count as they do for the stage itself.
    """
    state = fold(decider_of(stream), _held_at(envelopes, cutoff))
    return gone(state) if isinstance(state, RetentionState) else {}


def _held_at(envelopes: list[Envelope], cutoff: datetime) -> list[Envelope]:
    """Return a stream without what was found at the cut-off or later, and without the corrections of that."""
    later: dict[int, None] = {}
    for envelope in envelopes:
        if envelope["type"] in FINDINGS and (
            datetime.fromisoformat(envelope["occurred_at"]) >= cutoff or envelope["data"].get("corrects") in later
        ):
            later[envelope["version"]] = None
    return [envelope for envelope in envelopes if envelope["version"] not in later]
