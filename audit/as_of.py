"""What was known, and what was true, at an instant: as-at and as-of, the two clocks of every event (FEATURES A9, A12).

*Known* folds what had been recorded by then: the board as the bureau saw it. *True* folds, in each stream's order,
what had happened by then among all that is recorded today, or that was recorded by another moment: what the bureau knew
on 15 May about 1 May. They differ by what was recorded late, or ahead of time.

A stream without some of its events may contradict itself: a meeting whose cancelling was backdated before its
scheduling. The rules then cannot fold it; `true` is None for that stream, with the event at which they stopped,
rather than a state that nobody can stand for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from domain.deciders import decider_of
from domain.events import Envelope, event_id
from domain.stream import STUDENT, Decider, apply, envelope_event
from domain.time import end_of, instant, stamp
from ledger.store import Ledger

View = dict[str, Any]
Parts = dict[str, dict[str, Any]]
"""By pupil's reference: path in the state → what stands there (True where a list names the pupil)."""

_STUDENT: Final = re.compile(STUDENT)
NOT_COMPUTABLE: Final = "NOT_COMPUTABLE"


class NotComputable(BaseModel):
    """A side of a stream that its rules could not fold.

    Attributes:
        stream: the stream.
        side: "known" or "true".
        code: NOT_COMPUTABLE.
        event: the event at which the fold stopped.
        error: the kind of error, never its text.
    """

    model_config = ConfigDict(frozen=True)

    stream: str
    side: str
    code: str = NOT_COMPUTABLE
    event: str
    error: str


class Explaining(BaseModel):
    """An event that only one side has: recorded late, or recorded before it happened."""

    model_config = ConfigDict(frozen=True)

    event: str
    type: str
    occurred_at: str
    recorded_at: str
    missing_in: str


class StreamDifference(BaseModel):
    """A stream of which more, or less, was true than known.

    Attributes:
        stream: the stream.
        students: the pupils whose parts of the state differ, sorted; nobody where a side cannot be folded.
        events: the events that only one side has.
    """

    model_config = ConfigDict(frozen=True)

    stream: str
    students: tuple[str, ...]
    events: tuple[Explaining, ...]


class AsOf(BaseModel):
    """A campaign at an instant.

    Attributes:
        campaign: the campaign's id.
        time: the instant, RFC 3339.
        student: the pupil whose parts are shown instead of the board's lines, if any.
        known_at: what was recorded later than this does not count as true; None counts all that is recorded today.
        known, true: by stream that had begun: its line of the board with the `version` last folded, or the pupil's
            parts of the state by path; None where the rules cannot fold the events.
        not_computable: why a side is None.
        difference: the streams whose two states differ.
    """

    model_config = ConfigDict(frozen=True)

    campaign: str
    time: str
    student: str | None = None
    known_at: str | None = None
    known: dict[str, View | None]
    true: dict[str, View | None]
    not_computable: tuple[NotComputable, ...]
    difference: tuple[StreamDifference, ...]


def moment(text: str) -> datetime:
    """Read an instant (RFC 3339 with offset), or a civil day, which means its end: 24:00 in the county.

    Raises:
        ValueError: the text is neither.
    """
    try:
        return end_of(date.fromisoformat(text))
    except ValueError:
        return instant(text)


async def as_of(
    ledger: Ledger,
    campaign: str,
    time: datetime,
    *,
    school: str | None = None,
    student: str | None = None,
    known_at: datetime | None = None,
) -> AsOf:
    """Rebuild a campaign at an instant, from both clocks.

    Args:
        ledger: the record.
        campaign: the campaign's id.
        time: events of exactly this instant count.
        school: only this school's streams.
        student: only this pupil's parts.
        known_at: what had happened by `time` as it was known at this moment; None: as it is known today.
    """
    known: dict[str, View | None] = {}
    true: dict[str, View | None] = {}
    broken: list[NotComputable] = []
    differences: list[StreamDifference] = []
    for stream in await ledger.streams(campaign):
        if school is not None and stream.split("/")[3:4] != [school]:
            continue
        both = StreamAsOf.of(stream, [envelope async for envelope in ledger.events(stream)], time, known_at)
        for shown, side in ((known, both.known), (true, both.true)):
            if side.version and (student is None or side.broken is not None or student in side.parts):
                shown[stream] = side.shown(student)
        broken += both.not_computable
        difference = both.difference
        if difference is not None and (student is None or student in difference.students or both.not_computable):
            differences.append(difference)
    return AsOf(
        campaign=campaign,
        time=stamp(time),
        student=student,
        known_at=None if known_at is None else stamp(known_at),
        known=known,
        true=true,
        not_computable=tuple(broken),
        difference=tuple(differences),
    )


@dataclass(frozen=True)
class Side:
    """A stream as one clock gives it.

    Attributes:
        version: of the last event folded; 0 where the stream had not begun.
        state, view: as JSON values; None where the stream had not begun or its events cannot be folded.
        broken: (version, kind of error) where the fold stopped.
    """

    version: int = 0
    state: dict[str, Any] | None = None
    view: View | None = None
    broken: tuple[int, str] | None = None

    @classmethod
    def fold(cls, stream: str, envelopes: Iterable[Envelope]) -> Side:
        """Fold what one clock has let through; never raises, whatever is missing."""
        version = 0
        try:
            decider: Decider[Any] = decider_of(stream)
            state: Any = None
            for envelope in envelopes:
                version = int(envelope["version"])
                state = apply(decider, state, envelope_event(decider, envelope), envelope)
            if state is None:
                return cls()
            return cls(version, state.model_dump(mode="json"), json.loads(json.dumps(decider.view(state))))
        except Exception as error:  # noqa: BLE001 - the rules were not written for streams with gaps
            return cls(version, broken=(version, type(error).__name__))

    @property
    def parts(self) -> Parts:
        """The pupils' parts of the state."""
        return {} if self.state is None else parts_of(self.state)

    def shown(self, student: str | None) -> View | None:
        """Return the line of the board with its version, or a pupil's parts; None where there is no fold."""
        if self.view is None:
            return None
        return {**self.view, "version": self.version} if student is None else self.parts[student]


@dataclass(frozen=True)
class StreamAsOf:
    """One stream at an instant, from both clocks."""

    stream: str
    known: Side
    true: Side
    one_sided: tuple[Explaining, ...]

    @classmethod
    def of(
        cls, stream: str, envelopes: Iterable[Envelope], time: datetime, known_at: datetime | None = None
    ) -> StreamAsOf:
        """Divide a stream's events, given in the order of their versions, by the two clocks and fold each side."""
        known: list[Envelope] = []
        true: list[Envelope] = []
        one_sided: list[Explaining] = []
        for envelope in envelopes:
            recorded_at, occurred_at = instant(envelope["recorded_at"]), instant(envelope["occurred_at"])
            was_known = recorded_at <= time
            was_true = occurred_at <= time and (known_at is None or recorded_at <= known_at)
            if was_known:
                known.append(envelope)
            if was_true:
                true.append(envelope)
            if was_known != was_true:
                one_sided.append(
                    Explaining(
                        event=event_id(stream, envelope["version"]),
                        type=envelope["type"],
                        occurred_at=envelope["occurred_at"],
                        recorded_at=envelope["recorded_at"],
                        missing_in="known" if was_true else "true",
                    )
                )
        first = Side.fold(stream, known)
        return cls(stream, first, Side.fold(stream, true) if one_sided else first, tuple(one_sided))

    @property
    def not_computable(self) -> list[NotComputable]:
        """Why a side could not be folded."""
        return [
            NotComputable(
                stream=self.stream, side=name, event=event_id(self.stream, side.broken[0]), error=side.broken[1]
            )
            for name, side in (("known", self.known), ("true", self.true))
            if side.broken is not None
        ]

    @property
    def difference(self) -> StreamDifference | None:
        """What differs, None where both clocks give the same state."""
        if self.known.state == self.true.state and self.known.broken == self.true.broken:
            return None
        students: list[str] = []
        if not self.not_computable:
            known, true = self.known.parts, self.true.parts
            students = sorted(student for student in {**known, **true} if known.get(student) != true.get(student))
        return StreamDifference(stream=self.stream, students=tuple(students), events=self.one_sided)


def parts_of(state: Any) -> Parts:
    """Return what a state holds of each pupil: values under the reference, lists that name it, rows about it."""
    parts: Parts = {}
    _collect(state, (), parts)
    return parts


def _collect(value: Any, path: tuple[str, ...], parts: Parts) -> None:
    place = ".".join(path)
    match value:
        case {"student": str(student)} if _STUDENT.fullmatch(student):
            parts.setdefault(student, {})[place] = value
        case dict():
            for name, part in value.items():
                if _STUDENT.fullmatch(name):
                    parts.setdefault(name, {})[place] = part
                else:
                    _collect(part, (*path, name), parts)
        case list():
            for number, part in enumerate(value):
                if isinstance(part, str):
                    if _STUDENT.fullmatch(part):
                        parts.setdefault(part, {})[place] = True
                else:
                    _collect(part, (*path, str(number)), parts)
        case _:
            return
