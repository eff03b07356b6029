"""Whose notices must not go out: what the events say, kept beside the outbox and asked at plan, claim and outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, exists, func, or_, select, true, update

from domain.events import Envelope, event_id
from domain.notices import PUPIL, WAITING, NoticeState, student_of
from domain.silences import ABOUT_THE_CHOICE, Change, Silence, cancels, silence_of
from ledger.tables import outbox, suppressions

Silences = dict[tuple[str, str | None], list[Silence]]
"""Campaign and pupil → what is silent there."""


def denied(at: Any, silence: Silence) -> dict[str, Any]:
    """Return what a row becomes that a silence ends."""
    return {"state": NoticeState.DENIED, "state_at": at, "next_at": None, "lease_until": None, "code": silence}


def one_of(column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Return `column IN values` in a form that a statement with many rows of parameters may have."""
    return or_(*(column == value for value in values))


_ABOUT_THE_CHOICE: Final = one_of(outbox.c.purpose, ABOUT_THE_CHOICE)
_DENIED_BY: Final[dict[Silence, ColumnElement[bool]]] = {
    Silence.LEFT_REGISTER: true(),
    Silence.RECORD_RESTRICTED: outbox.c.optional,
    Silence.GOES_ELSEWHERE: _ABOUT_THE_CHOICE,
}
"""What `domain.silences.cancels` says, for rows."""

_CANCEL: Final = {
    silence: update(outbox)
    .where(
        one_of(outbox.c.recipient, (bindparam("of_student"), bindparam("of_pupil"))),
        outbox.c.campaign == bindparam("of_campaign"),
        one_of(outbox.c.state, (*WAITING, NoticeState.CLEARED)),
        ends,
    )
    .values(denied(bindparam("since"), silence))
    for silence, ends in _DENIED_BY.items()
}
"""What a silence ends of all that no provider has been called for; lists of people's work included."""

_END: Final = delete(suppressions).where(
    suppressions.c.campaign == bindparam("of_campaign"),
    suppressions.c.student == bindparam("of_student"),
    suppressions.c.code == bindparam("of_silence"),
)
_SILENT: Final = (
    select(suppressions.c.campaign, suppressions.c.student, suppressions.c.code)
    .where(suppressions.c.student.in_(bindparam("students", expanding=True)))
    .order_by(suppressions.c.code)
)


def note_silences(connection: Connection, insert_: Callable[[Any], Any], fresh: Sequence[Envelope]) -> None:
    """Write down what fresh events begin and end, in their order and their transaction; neighbours of a kind together.

    Args:
        connection: the transaction.
        insert_: the dialect's insert, which knows conflicts.
        fresh: events that have just been appended.
    """
    changes = [(change, envelope) for envelope in fresh if (change := silence_of(envelope)) is not None]
    for (begins, silence), some in groupby(changes, key=lambda one: (one[0].begins, one[0].silence)):
        rows = [_row(change, envelope) for change, envelope in some]
        if begins:
            connection.execute(insert_(suppressions).on_conflict_do_nothing(), rows)
            connection.execute(_CANCEL[silence], [_of(row) for row in rows])
        else:
            connection.execute(_END, [_of(row) for row in rows])


def silences_among(connection: Connection, notices: Sequence[Any]) -> Silences:
    """Return what is silent of the pupils of some notices, inside an append's transaction."""
    students = {student: None for notice in notices if (student := student_of(notice.recipient)) is not None}
    if not students:
        return {}
    found: Silences = {}
    for row in connection.execute(_SILENT, {"students": list(students)}):
        found.setdefault((row.campaign, row.student), []).append(Silence(row.code))
    return found


def ending(notice: Any, silences: Silences) -> Silence | None:
    """Return the silence that ends a notice for good, None where none does."""
    own = silences.get((notice.campaign, student_of(notice.recipient)), ())
    return next((one for one in own if cancels(one, notice.purpose, optional=notice.optional)), None)


def silenced() -> ColumnElement[bool]:
    """Tell whether a notice must not go out now: asked again at the claim, for a plan and an event may cross."""
    begins = func.substr(outbox.c.recipient, 1, len(PUPIL)) == PUPIL
    pupil = case((begins, func.substr(outbox.c.recipient, len(PUPIL) + 1)), else_=outbox.c.recipient)
    stopped = or_(suppressions.c.code != Silence.GOES_ELSEWHERE, _ABOUT_THE_CHOICE)
    return exists().where(suppressions.c.campaign == outbox.c.campaign, suppressions.c.student == pupil, stopped)


def _row(change: Change, envelope: Envelope) -> dict[str, Any]:
    return {
        "campaign": "/".join(envelope["stream"].split("/")[:3]),
        "student": change.student,
        "code": change.silence,
        "cause": event_id(envelope["stream"], envelope["version"]),
        "reason": change.reason,
        "at": envelope["recorded_at"],
    }


def _of(row: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of `_CANCEL` and `_END` for one pupil's silence."""
    student = row["student"]
    return {
        "of_campaign": row["campaign"],
        "of_student": student,
        "of_pupil": f"{PUPIL}{student}",
        "of_silence": row["code"],
        "since": row["at"],
    }
