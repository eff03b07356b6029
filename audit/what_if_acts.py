"""What other rules would have said of what people did: in time or late, allowed or too soon, suspected or not (idea 7).

What was done stays done. Each act is judged twice at the moment at which it came, on the state that its stream had
then: by the policy that the stream held, and by that policy as the other rules change it. The functions are those that
decided, so the same rules never differ, and what the first of both says is what the record says (the tests compare).

What would have followed from another verdict is not played on: who would have been suspected later than was recorded
was in a case by then, and the absences of somebody in a case are not noted. Such a pupil's other day is None: "not by
what is recorded".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from domain.application_filing_events import ConsentSigned, RegistrationCorrected, RegistrationVerified
from domain.application_filing_state import ApplicationFilingState
from domain.attendance_events import AbsenceNoted, DailyReportFiled, SuspectedDropout, ZeroReportFiled
from domain.attendance_reports import absences, in_time
from domain.attendance_state import AttendanceState, at_clock
from domain.cooling import cooling
from domain.deciders import decider_of
from domain.dropout_events import WrittenReportFiled
from domain.dropout_state import DropoutState, report_due
from domain.events import Envelope, Event, event_id
from domain.filing_consent_events import CoolingStarted
from domain.filing_windows import window_of
from domain.policy import PolicyProfile
from domain.stage_events import StageSlug
from domain.stream import Decider, apply, envelope_event
from domain.time import instant, stamp

Row = dict[str, Any]
OtherRules = Callable[[PolicyProfile], PolicyProfile]
Streams = Mapping[str, Sequence[Envelope]]

IN_TIME: Final = "IN_TIME"
LATE: Final = "LATE"
ALLOWED: Final = "ALLOWED"
TOO_EARLY: Final = "SIGNED_TOO_EARLY"
NOT_OFFERED: Final = "SIGNING_NOT_OFFERED"


@dataclass(frozen=True)
class Question:
    """What is judged again.

    Attributes:
        name: of the question.
        rule: the rule that answers it.
        parameters: those that the rule reads.
    """

    name: str
    rule: str
    parameters: tuple[str, ...]


REGISTRATION: Final = Question("registration", "P24, INV-11", ("registration_deadline",))
DAILY_REPORT: Final = Question("daily_report", "R-13, P17", ("daily_report_due",))
WRITTEN_REPORT: Final = Question("written_report", "R-15", ("written_report_school_days", "daily_report_due"))
SIGNATURE: Final = Question("signature", "R-11", ("signature_wait_hours", "signing_lead_days"))
COOLING: Final = Question("cooling", "R-11", ("cooling_off_days", "short_cooling_hours"))
SUSPICION: Final = Question("suspicion", "R-15", ("dropout_clock", "absence_pattern_days", "absence_pattern_window"))

QUESTIONS: Final = (REGISTRATION, DAILY_REPORT, WRITTEN_REPORT, SIGNATURE, COOLING, SUSPICION)
"""What is judged, in the order in which it is told."""


class Verdict(NamedTuple):
    """What a rule says of an act: of which question, about what, and the answer as a code or a time.

    Attributes:
        about: an event, or what else is asked about; of a suspicion the pupil's first one counts.
    """

    question: Question
    about: str
    school: str | None
    student: str | None
    answer: str | None


def judged(
    streams: Streams, rules: OtherRules | None = None, broken: dict[str, None] | None = None
) -> Iterator[Verdict]:
    """Judge every act of a record.

    Args:
        streams: all events that are known, by stream.
        rules: makes the other policy of the one that a stream holds; None judges by what it holds.
        broken: takes the streams that the rules cannot fold; they are left out.
    """
    for stream in sorted(streams):
        parts = stream.split("/")
        if len(parts) > OWN and parts[OWN] in _JUDGES:
            yield from as_far_as_folded(stream, _in_stream(stream, streams[stream], _JUDGES[parts[OWN]], rules), broken)


def as_far_as_folded(stream: str, verdicts: Iterator[Verdict], broken: dict[str, None] | None) -> list[Verdict]:
    """Return a stream's verdicts, none where its events cannot be folded: half of them would be no answer."""
    try:
        return list(verdicts)
    except Exception:  # the rules were not written for streams that somebody made by hand
        if broken is None:
            raise
        broken[stream] = None
        return []


def answers_that_differ(
    questions: Sequence[Question], was: Iterable[Verdict], is_: Iterable[Verdict]
) -> tuple[list[Row], dict[str, int]]:
    """Tell two sets of answers to the same questions apart.

    Returns:
        By question of which an answer differs `{question, rule, parameters, schools: [{school, changes: [{about,
        student, was, is}]}]}`, the school None where it is the county's; and how many answers there are by question.
    """
    held, others = _by_place(questions, was), _by_place(questions, is_)
    told = []
    for question in questions:
        schools: dict[str, list[Row]] = {}
        for place in sorted({**held[question], **others[question]}):
            one, other = held[question].get(place), others[question].get(place)
            known = one or other
            answers = (None if one is None else one.answer, None if other is None else other.answer)
            if known is None or answers[0] == answers[1]:
                continue
            row = {"about": known.about, "student": known.student, "was": answers[0], "is": answers[1]}
            schools.setdefault(known.school or "", []).append(row)
        if schools:
            told.append(
                {
                    "question": question.name,
                    "rule": question.rule,
                    "parameters": list(question.parameters),
                    "schools": [{"school": code or None, "changes": rows} for code, rows in sorted(schools.items())],
                }
            )
    return told, {question.name: len({**held[question], **others[question]}) for question in questions}


# -- inside -------------------------------------------------------------------------------------------------------

OWN: Final = 4
"""Where a stream's id names what it is: campaign/{county}/{year}/{school}/{what}."""


class _Act(NamedTuple):
    """An event with the state before it, under the policy that judges."""

    state: Any
    event: Event
    envelope: Envelope

    @property
    def occurred(self) -> datetime:
        """When it happened."""
        return instant(self.envelope["occurred_at"])

    @property
    def recorded(self) -> datetime:
        """When it was recorded."""
        return instant(self.envelope["recorded_at"])


Judge = Callable[[_Act], Iterator[tuple[Question, str | None, str | None]]]
"""Yields question, pupil and answer."""


def _in_stream(stream: str, envelopes: Iterable[Envelope], judge: Judge, rules: OtherRules | None) -> Iterator[Verdict]:
    decider: Decider[Any] = decider_of(stream)
    school = stream.split("/")[OWN - 1]
    others: dict[str, PolicyProfile] = {}
    state: Any = None
    for envelope in envelopes:
        event = envelope_event(decider, envelope)
        if state is not None:
            seen = state
            if rules is not None:
                held: PolicyProfile = state.policy
                key = f"{held.id}#{held.version}"
                if key not in others:
                    others[key] = rules(held)
                seen = state.model_copy(update={"policy": others[key]})
            name = event_id(stream, envelope["version"])
            for question, student, answer in judge(_Act(seen, event, envelope)):
                yield Verdict(question, name, school, student, answer)
        state = apply(decider, state, event, envelope)


def _by_place(questions: Sequence[Question], verdicts: Iterable[Verdict]) -> dict[Question, dict[str, Verdict]]:
    """Return the verdicts by what they are about and whom."""
    found: dict[Question, dict[str, Verdict]] = {question: {} for question in questions}
    for verdict in verdicts:
        first_only = verdict.question is SUSPICION
        place = "" if first_only else verdict.about
        found[verdict.question].setdefault(f"{place} {verdict.student or ''}", verdict)
    return found


def _of_filing(act: _Act) -> Iterator[tuple[Question, str | None, str | None]]:
    state, event = act.state, act.event
    if not isinstance(state, ApplicationFilingState):
        return
    match event:
        case RegistrationVerified() | RegistrationCorrected():
            yield REGISTRATION, event.student, IN_TIME if event.on <= state.deadline else LATE
        case ConsentSigned():
            yield SIGNATURE, event.student, _signature(state, event.student, act.occurred)
        case CoolingStarted(student=student):
            case_ = state.cases[student]
            if case_.protocol.signed_at is not None:
                ends = cooling(case_.protocol.signed_at, window_of(state, case_), state.policy.parameters).ends
                yield COOLING, student, stamp(ends)
        case _:
            pass


def _signature(state: ApplicationFilingState, student: str, said: datetime) -> str:
    """Tell whether a signature came too soon for a policy; what stands in its way besides is no question of policy."""
    parameters, read_at = state.policy.parameters, state.cases[student].acknowledged_at
    if read_at is not None and (said - read_at).total_seconds() < parameters.signature_wait_hours * 3600:
        return TOO_EARLY
    window = state.application_window
    return NOT_OFFERED if window is not None and said < window.signing_from(parameters) else ALLOWED


def _of_attendance(act: _Act) -> Iterator[tuple[Question, str | None, str | None]]:
    state, event = act.state, act.event
    if not isinstance(state, AttendanceState):
        return
    match event:
        case DailyReportFiled(day=day) | ZeroReportFiled(day=day):
            paper = event.paper is not None and event.witness is not None
            there = in_time(state, day, act.occurred, act.recorded, paper=paper)
            yield DAILY_REPORT, None, IN_TIME if there else LATE
        case AbsenceNoted(student=student, day=day):
            suspected = [one for one in absences(state, day, [student]) if isinstance(one, SuspectedDropout)]
            if suspected:
                yield SUSPICION, student, day.isoformat()
        case _:
            pass


def _of_dropout(act: _Act) -> Iterator[tuple[Question, str | None, str | None]]:
    state, event = act.state, act.event
    if not isinstance(state, DropoutState) or not isinstance(event, WrittenReportFiled):
        return
    due = report_due(state)
    in_hand = due is None or act.recorded < at_clock(due, state.policy.parameters.daily_report_due)
    yield WRITTEN_REPORT, state.student, IN_TIME if due is None or (event.on <= due and in_hand) else LATE


_JUDGES: Final[dict[str, Judge]] = {
    StageSlug.APPLICATION_FILING.value: _of_filing,
    "attendance": _of_attendance,
    "dropout": _of_dropout,
}
