"""What the anomaly rules look at, gathered once from a campaign's events: acts with place, person and time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from audit.process_facts import pupil_of, school_of
from domain.actors import FAMILY_ONLY
from domain.canonical import encode
from domain.events import Envelope, event_id
from domain.family_act import Party
from domain.policy import PolicyProfile
from domain.time import end_of, instant


class Parameters(BaseModel):
    """Where each rule begins to ask; the defaults are [DESIGN] but for those that the policy has.

    Attributes:
        burst_signatures, burst_minutes: CONSENT_BURST asks above so many pupils of a school who sign within the
            minutes (policy; the rules themselves flag it within a class, R-18).
        cutoff_days: how long before the counting cut-off a consent is late (policy `late_consent_days`).
        least: no rate is compared with others where fewer were counted than that.
        times: how many times the expectation is much.
        visits, visit_minutes: VISITS_OVERLAP asks from so many home visits of one person within the minutes.
        calls, call_minutes: CALLS_OVERLAP the same of calls.
        entries, entry_seconds: ENTERED_FAST asks from so many commands of one person within the seconds.
        late_days, late_acts: BACK_DATED_TOGETHER asks from so many acts that one person records on one day more days
            than these after they happened.
        missing: a rate that is nought is strange from this expectation on (NO_WITHDRAWAL, NOTHING_BUT_ZERO).
        device_pupils: DEVICE_SHARED asks above so many pupils of one device (policy `device_signatures`).
        destination_pupils: ONE_DESTINATION asks from so many consents of a class (policy `destination_cluster`).
        vanish_days: VANISHED asks who was registered by the cut-off and lost or cancelled within the days after it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    burst_signatures: int = Field(default=10, ge=1)
    burst_minutes: int = Field(default=10, ge=1)
    cutoff_days: int = Field(default=5, ge=1)
    least: int = Field(default=5, ge=1)
    times: int = Field(default=3, ge=1)
    visits: int = Field(default=3, ge=2)
    visit_minutes: int = Field(default=10, ge=1)
    calls: int = Field(default=10, ge=2)
    call_minutes: int = Field(default=5, ge=1)
    entries: int = Field(default=20, ge=2)
    entry_seconds: int = Field(default=60, ge=1)
    late_days: int = Field(default=3, ge=0)
    late_acts: int = Field(default=5, ge=1)
    missing: int = Field(default=3, ge=1)
    device_pupils: int = Field(default=3, ge=1)
    destination_pupils: int = Field(default=5, ge=2)
    vanish_days: int = Field(default=30, ge=1)

    @classmethod
    def of(cls, profile: PolicyProfile) -> Self:
        """Return the defaults, with what the campaign's policy says."""
        policy = profile.parameters
        return cls(
            burst_signatures=policy.burst_signatures,
            burst_minutes=policy.burst_minutes,
            cutoff_days=policy.late_consent_days,
            device_pupils=policy.device_signatures,
            destination_pupils=policy.destination_cluster,
        )


@dataclass(frozen=True)
class Act:
    """Something that somebody did, with where and when.

    Attributes:
        event: its id.
        school: the school's code.
        class_id: the pupil's class, None where it is none's or not known.
        student: the pupil, None where it is about none.
        by: who did it.
        at, recorded: when it happened, when it was recorded.
        what: what a rule tells acts apart by: a destination, a device, an outcome.
    """

    event: str
    school: str
    class_id: str | None
    student: str | None
    by: str
    at: datetime
    recorded: datetime
    what: str = ""


@dataclass
class Facts:
    """A campaign's acts, in the order of the record.

    Attributes:
        cutoff: the instant at which counting ends by the policy in force.
        signatures: every signature, `what` the device's digest; consents: the later signature of both parties for
            one school, `what` that school; withdrawals.
        visits, calls: contacts with a household at their stated time.
        entries: the first event of every command of staff.
        recorded: every event of staff that is about a pupil.
        callbacks: `what` the outcome; reports: `what` "zero" or "rows"; contradicted: zero reports that were none.
        registered: verified in time; gone: lost, or cancelled.
        tried: family's acts that staff tried to do (INV-04), `what` the command.
        alike: summaries that were flagged, `what` "shared/shingles/least" (R-19).
    """

    cutoff: datetime
    signatures: list[Act] = field(default_factory=list)
    consents: list[Act] = field(default_factory=list)
    withdrawals: list[Act] = field(default_factory=list)
    visits: list[Act] = field(default_factory=list)
    calls: list[Act] = field(default_factory=list)
    entries: list[Act] = field(default_factory=list)
    recorded: list[Act] = field(default_factory=list)
    callbacks: list[Act] = field(default_factory=list)
    reports: list[Act] = field(default_factory=list)
    contradicted: list[Act] = field(default_factory=list)
    registered: list[Act] = field(default_factory=list)
    gone: list[Act] = field(default_factory=list)
    tried: list[Act] = field(default_factory=list)
    alike: list[Act] = field(default_factory=list)


def policy_of(envelopes: Iterable[Envelope]) -> tuple[PolicyProfile, int]:
    """Return the policy that the campaign adopted last, and its year.

    Raises:
        ValueError: no event begins a campaign.
    """
    held: dict[str, Any] | None = None
    year = 0
    for envelope in envelopes:
        if envelope["type"] == "CampaignDrafted":
            held, year = envelope["data"]["policy"], envelope["data"]["year"]
        elif envelope["type"] == "PolicyAdopted" and len(envelope["stream"].split("/")) == 3:  # noqa: PLR2004 - its own
            held = envelope["data"]["profile"]
    if held is None:
        raise ValueError("no event drafts a campaign")
    return PolicyProfile.model_validate(held), year


def gather(envelopes: Iterable[Envelope]) -> Facts:
    """Gather a campaign's acts.

    Args:
        envelopes: all of its events, causes first.

    Raises:
        ValueError: no event begins a campaign.
    """
    events = list(envelopes)
    profile, year = policy_of(events)
    facts = Facts(end_of(date.fromisoformat(f"{year:04d}-{profile.parameters.counting_cutoff}")))
    reader = _Reader(facts)
    for envelope in events:
        reader.read(envelope)
    return facts


class _Reader:
    """Sorts events into the lists, and remembers who is in which class and who has signed what."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._classes: dict[str, str] = {}
        self._signed: dict[str, dict[str, dict[str, None]]] = {}
        self._commands: dict[tuple[str, str], None] = {}

    def read(self, envelope: Envelope) -> None:
        self._enrol(envelope)
        if envelope["actor"]["id"].startswith("stf_"):
            self._of_staff(envelope)
        self._of_kind(envelope)

    def _enrol(self, envelope: Envelope) -> None:
        data = envelope["data"]
        if envelope["type"] == "CohortLoaded":
            for class_id, students in data["classes"].items():
                self._classes |= dict.fromkeys(students, class_id)
        elif envelope["type"] in ("StudentJoined", "StudentEnrolled"):
            self._classes[data["student"]] = data["class_id"]

    def _of_staff(self, envelope: Envelope) -> None:
        """Note what a member of staff recorded; of a command the first event alone is an entry."""
        by, command = envelope["actor"]["id"], envelope["command_id"]
        if pupil_of(envelope) is not None:
            self._facts.recorded.append(self._act(envelope))
        if command is not None and (by, command) not in self._commands:
            self._commands[by, command] = None
            self._facts.entries.append(self._act(envelope))
        if envelope["type"] == "CommandRefused" and envelope["data"]["command"] in FAMILY_ONLY:
            self._facts.tried.append(self._act(envelope, what=envelope["data"]["command"]))

    def _of_kind(self, envelope: Envelope) -> None:
        facts, data = self._facts, envelope["data"]
        match envelope["type"]:
            case "ConsentSigned":
                facts.signatures.append(self._act(envelope, what=data.get("device") or ""))
                self._sign(envelope)
            case "ConsentWithdrawn":
                self._signed.pop(data["student"], None)
                facts.withdrawals.append(self._act(envelope))
            case "FamilyContacted" | "HouseholdFollowedUp":
                contacts = facts.visits if data["contact"] == "home_visit" else facts.calls
                contacts.append(self._act(envelope, at=data["at"], what=data["outcome"]))
            case "CallbackMade":
                facts.callbacks.append(self._act(envelope, what=data["outcome"]))
            case "CallbackUnreachable":
                facts.callbacks.append(self._act(envelope, what="unreachable"))
            case "ZeroReportFiled":
                facts.reports.append(self._act(envelope, what="zero"))
            case "DailyReportFiled":
                facts.reports.append(self._act(envelope, what="rows"))
            case "ZeroReportContradicted" if not data["same_day"]:
                facts.contradicted.append(self._act(envelope))
            case "RegistrationVerified" if data["in_time"]:
                facts.registered.append(self._act(envelope))
            case "Lost" | "RegistrationCancelled":
                facts.gone.append(self._act(envelope))
            case "SummarySimilarityFlagged":
                shares = f"{data['shared']}/{data['shingles']} {Fraction(str(data['least']))}"
                facts.alike.append(self._act(envelope, what=shares))
            case _:
                pass

    def _sign(self, envelope: Envelope) -> None:
        """Note a consent where both parties have signed the same document for the same school."""
        data = envelope["data"]
        signed = self._signed.setdefault(data["student"], {})
        held = signed.setdefault(encode([data["document"], data["destination"]]), {})
        held[data["party"]] = None
        if len(held) == len(Party):
            self._facts.consents.append(self._act(envelope, what=data["destination"]))
            del self._signed[data["student"]]

    def _act(self, envelope: Envelope, *, at: str | None = None, what: str = "") -> Act:
        school = school_of(envelope["stream"])
        student = pupil_of(envelope)
        return Act(
            event=event_id(envelope["stream"], envelope["version"]),
            school="" if school is None else school.rpartition("/")[2],
            class_id=None if student is None else self._classes.get(student),
            student=student,
            by=envelope["actor"]["id"],
            at=instant(envelope["occurred_at"] if at is None else at),
            recorded=instant(envelope["recorded_at"]),
            what=what,
        )
