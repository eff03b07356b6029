"""Whose notices must not go out: what the events say, kept beside the outbox and asked at plan, claim and outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, exists, literal, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import Envelope, event_id
from domain.notices import PUPIL, WAITING, NoticeState, student_of
from domain.silences import ABOUT_THE_CHOICE, Change, Silence, cancels, silence_of
from ledger.tables import outbox, suppressions

Silences = dict[tuple[str, str | None], list[Silence]]
"""Campaign and pupil → what is silent there."""

_ABOUT_THE_CHOICE: Final = outbox.c.purpose.in_(ABOUT_THE_CHOICE)
_CANCELLED_BY: Final[dict[Silence, ColumnElement[bool]]] = {
    Silence.LEFT_REGISTER: true(),
    Silence.RECORD_RESTRICTED: outbox.c.optional,
    Silence.GOES_ELSEWHERE: _ABOUT_THE_CHOICE,
}
"""What `domain.silences.cancels` says, for rows."""


async def note_silences(connection: AsyncConnection, insert_: Callable[[Any], Any], fresh: Sequence[Envelope]) -> None:
    """Write down what fresh events begin and end, in their order and their transaction; neighbouring ends together.

    Args:
        connection: the transaction.
        insert_: the dialect's insert, which knows conflicts.
        fresh: events that have just been appended.
    """
    ended: dict[tuple[str, Silence], list[str]] = {}
    for envelope in fresh:
        change = silence_of(envelope)
        if change is None:
            continue
        campaign = "/".join(envelope["stream"].split("/")[:3])
        if change.begins:
            await _end(connection, ended)
            ended = {}
            await _begin(connection, insert_, campaign, change, envelope)
        else:
            ended.setdefault((campaign, change.silence), []).append(change.student)
    await _end(connection, ended)


async def silences_of(connection: AsyncConnection, notices: Sequence[Any]) -> Silences:
    """Return what is silent of the pupils of some notices, plans or rows."""
    students = {student: None for notice in notices if (student := student_of(notice.recipient)) is not None}
    if not students:
        return {}
    query = select(suppressions.c.campaign, suppressions.c.student, suppressions.c.code)
    query = query.where(suppressions.c.student.in_(list(students))).order_by(suppressions.c.code)
    found: Silences = {}
    for row in await connection.execute(query):
        found.setdefault((row.campaign, row.student), []).append(Silence(row.code))
    return found


def ending(notice: Any, silences: Silences) -> Silence | None:
    """Return the silence that ends a notice for good, None where none does."""
    own = silences.get((notice.campaign, student_of(notice.recipient)), ())
    return next((one for one in own if cancels(one, notice.purpose, optional=notice.optional)), None)


def cancelled(at: str, silence: Silence) -> dict[str, Any]:
    """Return what a row becomes that a silence ends."""
    return {"state": NoticeState.CANCELLED, "state_at": at, "next_at": None, "code": silence}


def silenced() -> ColumnElement[bool]:
    """Tell whether a notice must not go out now: asked again at the claim, for a plan and an event may cross."""
    student = suppressions.c.student
    to_pupil = or_(outbox.c.recipient == student, outbox.c.recipient == literal(PUPIL).concat(student))
    stopped = or_(suppressions.c.code != Silence.GOES_ELSEWHERE, _ABOUT_THE_CHOICE)
    return exists().where(suppressions.c.campaign == outbox.c.campaign, to_pupil, stopped)


async def _end(connection: AsyncConnection, ended: Mapping[tuple[str, Silence], Sequence[str]]) -> None:
    for (campaign, silence), students in ended.items():
        of_silence = (suppressions.c.campaign == campaign, suppressions.c.code == silence)
        await connection.execute(delete(suppressions).where(*of_silence, suppressions.c.student.in_(students)))


async def _begin(
    connection: AsyncConnection, insert_: Callable[[Any], Any], campaign: str, change: Change, envelope: Envelope
) -> None:
    """Write a silence down, and cancel what it ends of all that is in nobody's hands."""
    row = {
        "campaign": campaign,
        "student": change.student,
        "code": change.silence,
        "cause": event_id(envelope["stream"], envelope["version"]),
        "reason": change.reason,
        "at": envelope["recorded_at"],
    }
    await connection.execute(insert_(suppressions).on_conflict_do_nothing(), row)
    waiting = (
        outbox.c.recipient.in_((change.student, f"{PUPIL}{change.student}")),
        outbox.c.campaign == campaign,
        outbox.c.state.in_(WAITING),
        _CANCELLED_BY[change.silence],
    )
    values = cancelled(envelope["recorded_at"], change.silence)
    await connection.execute(update(outbox).where(*waiting).values(values))
