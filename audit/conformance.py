"""Where a year went another way than its plan and the rules have it, each place with its events (FEATURES A19).

The model is the domain's own and is not written a second time: which stage comes after which stands in the campaign's
plan (`StagePlanned.after`), what a stage can be in `StageStatus`, and from which step of a pupil's path a move starts
in `domain.destination.ALLOWED`. A deviation is no fault. A stage is skipped for a reason, a paper comes late: what is
listed is what an auditor asks about. A family's withdrawal, refusal or silence is never one (INV-06, INV-07).

| code | what |
|---|---|
| STAGE_REOPENED, STAGE_SKIPPED | a sign-off was taken back; a stage was left out |
| STAGE_OUT_OF_ORDER | opened or signed off while a stage that comes before it was not done |
| STAGE_LATE | the due date passed with service missing |
| STAGE_UNFINISHED | the campaign closed before the stage was done |
| BACK_DATED | recorded more days after it happened than a limit |
| STEP_OUT_OF_ORDER | a pupil's case was moved from a step from which the rules do not move it |
| TIME_OUT_OF_ORDER | a step is said to have happened before the step that it rests on |
| REGISTERED_LATE | registered after the deadline |
| NOT_COMPUTABLE | the rules cannot read the stream from this event on; `audit replay` and `audit check` say more |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from itertools import groupby
from typing import Final

from pydantic import BaseModel, ConfigDict

from audit.process_facts import STATUS_AFTER, pupil_of, stage_of
from domain.application_filing_state import ApplicationFilingState
from domain.deciders import decider_of
from domain.destination import Move, Step, barred
from domain.events import Envelope, event_id
from domain.stage_events import DONE, StageSlug, StageStatus
from domain.stream import apply, envelope_event
from domain.time import instant

STEPS: Final = tuple(Step)

MOVES: Final[Mapping[str, Move]] = {
    "IntentStated": Move.INTENT,
    "NoticeAcknowledged": Move.ACKNOWLEDGE,
    "DataConsentGiven": Move.CONSENT_DATA,
    "ConsentSigned": Move.SIGN,
    "ConsentRefused": Move.REFUSE,
    "ConsentWithdrawn": Move.WITHDRAW,
    "ApplicationRecorded": Move.APPLY,
    "Admitted": Move.ADMIT,
    "NotAdmitted": Move.ADMIT,
    "Reported": Move.REPORT,
    "RegistrationVerified": Move.REGISTER,
    "OtherDestination": Move.FIND,
}
"""Which event tells of which move; from which step a move starts is the rule's to say (`barred`)."""


class Code(StrEnum):
    """What kind of deviation it is."""

    STAGE_REOPENED = "STAGE_REOPENED"
    STAGE_SKIPPED = "STAGE_SKIPPED"
    STAGE_OUT_OF_ORDER = "STAGE_OUT_OF_ORDER"
    STAGE_LATE = "STAGE_LATE"
    STAGE_UNFINISHED = "STAGE_UNFINISHED"
    BACK_DATED = "BACK_DATED"
    STEP_OUT_OF_ORDER = "STEP_OUT_OF_ORDER"
    TIME_OUT_OF_ORDER = "TIME_OUT_OF_ORDER"
    REGISTERED_LATE = "REGISTERED_LATE"
    NOT_COMPUTABLE = "NOT_COMPUTABLE"


class Deviation(BaseModel):
    """One place where the record and the model part.

    Attributes:
        stream: where it is.
        student: reference of the pupil whom it is about, if it is about one.
        events: ids; first the event that deviates, then what it is measured against.
        detail: what is missing or how much it is: codes, slugs, days.
    """

    model_config = ConfigDict(frozen=True)

    code: Code
    stream: str
    student: str | None = None
    events: tuple[str, ...]
    detail: dict[str, str | int] = {}


def deviations(envelopes: Iterable[Envelope], backdate_days: int) -> list[Deviation]:
    """Return all deviations, in the order of the record.

    Args:
        envelopes: a campaign's events, causes first, or a school's.
        backdate_days: how many whole days may lie between an event and its recording.
    """
    events = list(envelopes)
    order = {_id(envelope): number for number, envelope in enumerate(events)}
    found = [*_stages(events), *_back_dated(events, backdate_days), *_pupils(events)]
    return sorted(found, key=lambda one: (order[one.events[0]], one.code))


# -- stages -------------------------------------------------------------------------------------------------------


def _stages(events: Sequence[Envelope]) -> Iterator[Deviation]:
    """Follow each stage's own status, and look at the others' where its plan names them."""
    status: dict[str, StageStatus] = {}
    after: dict[str, list[str]] = {}
    last: dict[str, str] = {}
    for envelope in events:
        stream, kind = envelope["stream"], envelope["type"]
        if stage_of(stream) is None:
            continue
        before = status.get(stream)
        if kind == "StagePlanned":
            school = stream.rpartition("/")[0]
            after[stream] = [f"{school}/{slug}" for slug in envelope["data"]["after"]]
        if kind in ("StageOpened", "StageCompleted"):
            for needed in after.get(stream, ()):
                if status.get(needed) not in DONE:
                    against = [last[needed]] if needed in last else []
                    detail = {"missing": needed.rpartition("/")[2], "was": kind}
                    yield _deviation(Code.STAGE_OUT_OF_ORDER, envelope, *against, **detail)
        match kind:
            case "StageReopened":
                yield _deviation(
                    Code.STAGE_REOPENED, envelope, *_known(last, stream), reason=envelope["data"]["reason"]
                )
            case "StageSkipped":
                yield _deviation(Code.STAGE_SKIPPED, envelope, reason=envelope["data"]["reason"])
            case "StageOverdue":
                missing = sum(int(blocker["count"]) for blocker in envelope["data"]["missing"])
                yield _deviation(Code.STAGE_LATE, envelope, missing=missing)
            case "StageArchived" if before not in DONE:
                was = "" if before is None else before.value
                yield _deviation(Code.STAGE_UNFINISHED, envelope, *_known(last, stream), was=was)
            case _:
                pass
        if kind in STATUS_AFTER:
            status[stream], last[stream] = STATUS_AFTER[kind], _id(envelope)


def _known(last: Mapping[str, str], stream: str) -> tuple[str, ...]:
    return (last[stream],) if stream in last else ()


# -- both clocks --------------------------------------------------------------------------------------------------


def _back_dated(events: Sequence[Envelope], days: int) -> Iterator[Deviation]:
    """Yield one deviation for what one command recorded at once."""

    def act(envelope: Envelope) -> tuple[str, ...]:
        names = ("stream", "command_id", "causation", "recorded_at", "occurred_at")
        return tuple(str(envelope[name]) for name in names)

    for _, group in groupby(events, key=act):
        together = list(group)
        first = together[0]
        late = instant(first["recorded_at"]) - instant(first["occurred_at"])
        if late > timedelta(days=days):
            others = [_id(envelope) for envelope in together[1:]]
            yield _deviation(Code.BACK_DATED, first, *others, days=late.days)


# -- pupils -------------------------------------------------------------------------------------------------------


def _pupils(events: Sequence[Envelope]) -> Iterator[Deviation]:
    """Fold each application filing with its own rules, and ask before every event whether it could come now."""
    streams: dict[str, list[Envelope]] = {}
    for envelope in events:
        if stage_of(envelope["stream"]) == StageSlug.APPLICATION_FILING:
            streams.setdefault(envelope["stream"], []).append(envelope)
    for stream, own in streams.items():
        decider = decider_of(stream)
        state: ApplicationFilingState | None = None
        since: dict[str, Envelope] = {}
        for envelope in own:
            student = pupil_of(envelope)
            before = _path(state, student)
            if before is not None and envelope["type"] in MOVES:
                code = barred(before, MOVES[envelope["type"]])
                if code is not None:
                    yield _deviation(Code.STEP_OUT_OF_ORDER, envelope, at=before.value, bar=code)
            if envelope["type"] == "RegistrationVerified" and not envelope["data"]["in_time"]:
                yield _deviation(Code.REGISTERED_LATE, envelope, on=envelope["data"]["on"])
            try:
                state = apply(decider, state, envelope_event(decider, envelope), envelope)
            except Exception as error:  # noqa: BLE001 - the rules were not written for forged streams
                yield _deviation(Code.NOT_COMPUTABLE, envelope, error=type(error).__name__)
                break
            now = _path(state, student)
            if student is None or now is None or now is before:
                continue
            earlier = since.get(student)
            onward = before is not None and STEPS.index(now) > STEPS.index(before)
            if onward and earlier is not None and instant(envelope["occurred_at"]) < instant(earlier["occurred_at"]):
                yield _deviation(Code.TIME_OUT_OF_ORDER, envelope, _id(earlier), at=now.value)
            since[student] = envelope


def _path(state: ApplicationFilingState | None, student: str | None) -> Step | None:
    """Return the step at which a pupil's case stands, None where there is none yet."""
    case = state.case_of(student) if state is not None and student is not None else None
    return None if case is None else case.path


def _deviation(code: Code, envelope: Envelope, *against: str, **detail: str | int) -> Deviation:
    own = _id(envelope)
    return Deviation(
        code=code,
        stream=envelope["stream"],
        student=pupil_of(envelope),
        events=(own, *against),
        detail=detail,
    )


def _id(envelope: Envelope) -> str:
    return event_id(envelope["stream"], envelope["version"])
